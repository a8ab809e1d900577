//! Text for two answers: why a gradient is zero, and where a blob comes from.

use super::{Look, Show, shape};
use crate::Result;
use crate::explain::{Cause, WhyZero};
use crate::explain::{Explanation, LayerOf};
use crate::log::number;
use std::fmt;

impl WhyZero {
    /// The cause in words.
    pub fn reason(&self) -> String {
        let WhyZero { blob, layer, kind, .. } = self;
        let percent = |share: &f32| match 100.0 * share {
            few if few < 0.5 => "less than 1 %".into(),
            many if (99.5..100.0).contains(&many) => "nearly all".into(),
            percent => format!("{percent:.0} %"),
        };
        match &self.cause {
            Cause::NotZero { size } => format!("the mean of |diff| is {}", number(*size)),
            Cause::Vanishes { size, got } => {
                let (size, got) = (number(*size), number(*got));
                format!("{kind} layer \"{layer}\" got a gradient of mean size {got} and passed {size} on")
            }
            Cause::NotAsked { frozen, .. } => {
                let below = if *frozen { "all parameters below it have lr_mult 0" } else { "no layer below it learns" };
                format!("nothing asks for a gradient at \"{blob}\": {below}")
            }
            Cause::Frozen => format!("its lr_mult in layer \"{layer}\" is 0, so it is not computed"),
            Cause::NoLoss => format!("no loss depends on it: the way up ends in \"{blob}\" of layer \"{layer}\""),
            Cause::LossWeightZero => format!("layer \"{layer}\" has loss_weight 0, so \"{blob}\" counts nothing"),
            Cause::NotSeeded => format!("the way up ends in \"{blob}\", which counts nothing, and its diff is 0"),
            Cause::PropagateDown => format!("layer \"{layer}\" has propagate_down: false for its bottom \"{blob}\""),
            Cause::NoGradient => format!("{kind} layer \"{layer}\" passes no gradient to its bottom \"{blob}\""),
            Cause::NotRun { forward: true } => "backward has not run since the last forward".into(),
            Cause::NotRun { forward: false } => "neither forward nor backward has run yet".into(),
            Cause::BeganBelow { began } => format!("backward began at \"{began}\", below layer \"{layer}\""),
            Cause::EndedAbove { ended } => format!("backward ended at \"{ended}\", above layer \"{layer}\""),
            Cause::Cleared => format!("the diff of \"{blob}\" was cleared or written by hand"),
            Cause::Dead { share } => {
                format!("{} of the units of {kind} layer \"{layer}\" are 0 and pass no gradient on", percent(share))
            }
            Cause::Saturated { share } => {
                format!("{} of the units of {kind} layer \"{layer}\" are saturated: their slope is 0", percent(share))
            }
            Cause::ZeroWeights => format!("the weights of layer \"{layer}\" are all 0"),
            Cause::Constant { value, overwritten: false } => format!("\"{blob}\" is {} everywhere", number(*value)),
            Cause::Constant { value, overwritten: true } => {
                let value = number(*value);
                format!("layer \"{layer}\" overwrote what was put into \"{blob}\": it is {value} everywhere")
            }
            Cause::LossIsZero => {
                format!("the loss of layer \"{layer}\" is 0 already, so it asks nothing of \"{blob}\"")
            }
            Cause::Swallowed { size } => {
                let size = number(*size);
                format!("{kind} layer \"{layer}\" got a gradient of mean size {size} and passed none on")
            }
        }
    }

    /// What to do about it; none if the gradient is not zero.
    pub fn advice(&self) -> Option<String> {
        let WhyZero { blob, layer, kind, .. } = self;
        let seed = |blob: &str| format!("put a gradient into net.diff_mut(\"{blob}\")? before backward");
        Some(match &self.cause {
            Cause::NotZero { .. } => return None,
            Cause::Vanishes { .. } | Cause::Swallowed { .. } if kind == "Softmax" => {
                "seed one of its outputs: all of them together are always 1, whatever goes in".into()
            }
            Cause::NotAsked { loss: true, .. } => "write force_backward: true at the head of the prototxt".into(),
            Cause::NotAsked { loss: false, .. } => {
                "write force_backward: true at the head of the prototxt and, as there is no loss, \
                 put a gradient into an output's diff before backward"
                    .into()
            }
            Cause::Frozen => "give it another lr_mult, or write force_backward: true".into(),
            Cause::NoLoss => format!("add a loss, or write force_backward: true and {}", seed(blob)),
            Cause::LossWeightZero => "give the layer loss_weight: 1".into(),
            Cause::NotSeeded => format!("{}, or give layer \"{layer}\" a loss_weight", seed(blob)),
            Cause::PropagateDown => "leave the propagate_down out, or set it to true".into(),
            Cause::NoGradient => {
                "nothing: a label has no gradient, nor has what only an Accuracy or a Silence reads".into()
            }
            Cause::NotRun { forward: true } => "call net.backward()".into(),
            Cause::NotRun { forward: false } => "call net.forward(), then net.backward()".into(),
            Cause::BeganBelow { .. } => format!("call net.backward(), or begin the range at \"{layer}\" or above"),
            Cause::EndedAbove { .. } => format!("call net.backward(), or let the range go on to \"{layer}\""),
            Cause::Cleared => "run forward and backward once more".into(),
            Cause::Dead { .. } => "try a smaller base_lr, another filler, or a negative_slope".into(),
            Cause::Saturated { .. } => "try smaller weights (a xavier filler), smaller inputs, or ReLU".into(),
            Cause::ZeroWeights => {
                "give the layer weight_filler { type: \"xavier\" }: a filler left out fills with 0".into()
            }
            Cause::Constant { overwritten: true, .. } => {
                format!("start forward after layer \"{layer}\", or use an Input layer in its place")
            }
            Cause::Constant { .. } => format!("look at what fills it: net.data(\"{blob}\")? before forward"),
            Cause::LossIsZero => "nothing: this batch has nothing left to teach, or all its labels are ignored".into(),
            Cause::Vanishes { .. } | Cause::Swallowed { .. } => {
                format!("look at what layer \"{layer}\" makes: show(&net.trace()?)?")
            }
        })
    }
}

impl fmt::Display for WhyZero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.cause {
            Cause::NotZero { .. } => "not zero",
            Cause::Vanishes { .. } => "next to zero",
            _ => "zero",
        };
        write!(f, "{} is {verdict}: {}", capital(&self.of), self.reason())?;
        if let Some(advice) = self.advice() {
            if let Some(place) = &self.place {
                write!(f, " ({}:{})", place.file, place.line)?;
            }
            write!(f, ". {}.", capital(&advice))?;
        }
        Ok(())
    }
}

impl fmt::Display for LayerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.name, self.kind)?;
        match &self.place {
            Some(place) => write!(f, ", {}:{})", place.file, place.line),
            None => write!(f, ")"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\"{}\": {}", self.blob, shape(&self.shape))?;
        let of: Vec<String> = self.made_of.iter().map(|(name, dims)| format!("{name}: {}", shape(dims))).collect();
        for (k, layer) in self.writers.iter().enumerate() {
            match k {
                0 if of.is_empty() => writeln!(f, "made by {layer}")?,
                0 => writeln!(f, "made by {layer} of {}", of.join(", "))?,
                _ => writeln!(f, "changed in place by {layer}, which makes version {k}")?,
            }
        }
        if let Some(sum) = &self.arithmetic {
            writeln!(f, "shape: {sum}")?;
        }
        for place in &self.fields {
            let field: String = place.text.chars().skip(place.column - 1).take(place.width).collect();
            writeln!(f, "    {field} at {}:{}", place.file, place.line)?;
        }
        match (&self.readers[..], &self.split) {
            ([], _) => writeln!(f, "read by no layer: it is an output")?,
            (readers, split) => {
                let readers: Vec<String> = readers.iter().map(LayerOf::to_string).collect();
                let through = split.as_ref().map_or(String::new(), |split| format!(", through {split}"));
                writeln!(f, "read by {}{through}", readers.join(", "))?;
            }
        }
        writeln!(f, "loss weight: {}", number(self.loss_weight))?;
        match &self.unreached {
            None => write!(f, "backward comes to it"),
            Some(why) => {
                write!(f, "backward does not come to it: {}", why.reason())?;
                why.advice().map_or(Ok(()), |advice| write!(f, "\n    what to do: {advice}"))
            }
        }
    }
}

/// The sentence with a capital letter.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

impl Show for WhyZero {
    fn look(&self) -> Result<Look> {
        Ok(Look::text(self.to_string()))
    }
}

impl Show for Explanation {
    fn look(&self) -> Result<Look> {
        Ok(Look::text(self.to_string()))
    }
}
