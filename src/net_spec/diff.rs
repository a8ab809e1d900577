//! How two nets differ, in lines that a person can read.
//!
//! Layers are matched by name; of several with one name, those that are in the same phases. A field that is not set counts
//! as its default, an exclude rule as the include rules that mean the same, a loss without `loss_weight` as one with 1.
//!
//! ```
//! use cortado::net_spec::*;
//! let net = |edit: fn(&mut NetSpec, &Top)| {
//!     let mut n = NetSpec::new("SRCNN");
//!     let data = n.layer("data", [], Input::new([1, 1, 33, 33]));
//!     let conv3 = n.layer("conv3", &data, Convolution::new(1, 5).pad(0));
//!     edit(&mut n, &conv3);
//!     n.to_param()
//! };
//! let by_hand = net(|_, _| {})?;
//! let generated = net(|n, conv3| {
//!     n.in_place("relu3", conv3, Relu::new());
//!     n.edit(|n| n.layer[1].convolution_param.get_or_insert_default().pad = vec![2]);
//! })?;
//! let lines: Vec<String> = diff(&by_hand, &generated).iter().map(|d| d.to_string()).collect();
//! assert_eq!(lines, ["conv3.convolution_param.pad: 0 | 2", "conv3: relu3 follows it only in the second net"]);
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::proto::state::states;
use crate::proto::{LayerParameter, NetParameter, NetStateRule, Phase, compare};
use std::fmt;

/// The first or the second net of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// The one that was given first.
    First,
    /// The other one.
    Second,
}

/// Something that is not the same in two nets. `Display` makes a line of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// A field has another value.
    Value {
        /// The layer, or none for a field of the net itself.
        layer: Option<String>,
        /// The field's path in its layer or net, such as `convolution_param.pad`.
        path: String,
        /// Its value in the first net, `unset` if it has none and there is no default.
        first: String,
        /// Its value in the second net.
        second: String,
    },
    /// A layer is in other phases, levels or stages.
    When {
        /// The layer.
        layer: String,
        /// When it is in the first net.
        first: String,
        /// When it is in the second net.
        second: String,
    },
    /// A layer is in one of the nets only.
    Only {
        /// The layer, its type, and when it is in its net.
        layer: String,
        /// Its type.
        kind: String,
        /// When it is in its net; empty for always.
        when: String,
        /// The layer whose blob it changes, if it works in place.
        follows: Option<String>,
        /// The net that has it.
        net: Which,
    },
    /// A layer has moved: in-place layers make the order matter.
    Order {
        /// The layer.
        layer: String,
        /// The layer before it in the first net; none if it is the first.
        first: Option<String>,
        /// The layer before it in the second net.
        second: Option<String>,
    },
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Which::First => "the first net",
            Which::Second => "the second net",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Value { layer: Some(layer), path, first, second } => {
                write!(f, "{layer}.{path}: {first} | {second}")
            }
            Difference::Value { layer: None, path, first, second } => write!(f, "{path}: {first} | {second}"),
            Difference::When { layer, first, second } => write!(f, "{layer}: {first} | {second}"),
            Difference::Only { layer, when, follows: Some(maker), net, .. } if when.is_empty() => {
                write!(f, "{maker}: {layer} follows it only in {net}")
            }
            Difference::Only { layer, kind, when, net, .. } if when.is_empty() => {
                write!(f, "{layer} ({kind}): only in {net}")
            }
            Difference::Only { layer, kind, when, net, .. } => write!(f, "{layer} ({kind}): {when} of {net}"),
            Difference::Order { layer, first, second } => {
                let place = |before: &Option<String>| match before {
                    Some(before) => format!("after {before}"),
                    None => "at the beginning".into(),
                };
                write!(f, "{layer}: {} in the first net, {} in the second", place(first), place(second))
            }
        }
    }
}

/// How the second net differs from the first: nothing if they compute the same from the same names. Learned values are not
/// compared. Nets of old files are brought up to date [before](crate::proto::upgrade).
pub fn diff(first: &NetParameter, second: &NetParameter) -> Vec<Difference> {
    let value = |layer: Option<&str>, unequal: compare::Unequal| {
        let compare::Unequal { path, first, second } = unequal;
        Difference::Value { layer: layer.map(String::from), path, first, second }
    };
    let mut found: Vec<Difference> =
        compare::messages(&frame(first), &frame(second)).into_iter().map(|u| value(None, u)).collect();
    let (a, b) = (&first.layer[..], &second.layer[..]);
    let pairs = matched(a, b);
    for (i, layer) in a.iter().enumerate() {
        let Some(&(_, j)) = pairs.iter().find(|pair| pair.0 == i) else {
            found.push(only(a, i, Which::First));
            continue;
        };
        if !same_rules(layer, &b[j]) {
            let (layer, first, second) = (layer.name().to_string(), when(layer), when(&b[j]));
            found.push(Difference::When { layer, first, second });
        }
        // The parameters of two types have little to do with each other.
        let of_one_type = layer.r#type() == b[j].r#type();
        let unequal = compare::messages(&essence(layer), &essence(&b[j])).into_iter();
        let told = unequal.filter(|u| of_one_type || ["type", "bottom", "top"].contains(&&*u.path));
        found.extend(told.map(|u| value(Some(layer.name()), u)));
    }
    let missing = (0..b.len()).filter(|j| !pairs.iter().any(|pair| pair.1 == *j));
    found.extend(missing.map(|j| only(b, j, Which::Second)));
    found.extend(moved(&pairs, a, b));
    found
}

/// Which layer of the first net is which of the second, in the first's order.
fn matched(a: &[LayerParameter], b: &[LayerParameter]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for alike in [same_rules, |_: &LayerParameter, _: &LayerParameter| true] {
        for (i, layer) in a.iter().enumerate() {
            let free = |j: usize| !pairs.iter().any(|pair| pair.1 == j);
            let fits = |j: &usize| b[*j].name == layer.name && free(*j) && alike(layer, &b[*j]);
            if !pairs.iter().any(|pair| pair.0 == i)
                && let Some(j) = (0..b.len()).find(fits)
            {
                pairs.push((i, j));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

/// Whether two layers are in the same nets.
fn same_rules(a: &LayerParameter, b: &LayerParameter) -> bool {
    states(&[a, b]).iter().all(|state| a.is_in(state) == b.is_in(state))
}

/// The net without its layers.
fn frame(net: &NetParameter) -> NetParameter {
    NetParameter {
        name: net.name.clone(),
        input: net.input.clone(),
        input_shape: net.input_shape.clone(),
        input_dim: net.input_dim.clone(),
        force_backward: net.force_backward,
        state: net.state.clone(),
        debug_info: net.debug_info,
        ..Default::default()
    }
}

/// The fields of a layer that are compared: not its rules, which are compared by meaning, and not its weights.
fn essence(layer: &LayerParameter) -> LayerParameter {
    let mut layer = LayerParameter {
        include: Vec::new(),
        exclude: Vec::new(),
        blobs: Vec::new(),
        phase: None,
        name: None,
        ..layer.clone()
    };
    if layer.loss_weight.is_empty() {
        layer.loss_weight = vec![0.0; layer.top.len().max(1)];
        layer.loss_weight[0] = f32::from(layer.r#type().ends_with("Loss"));
    }
    if layer.r#type() == "BatchNorm" {
        // Its statistics are never learned, whatever an old file says.
        layer.param.resize(3, Default::default());
        layer.param.iter_mut().for_each(|spec| (spec.lr_mult, spec.decay_mult) = (None, None));
    }
    layer
}

fn only(layers: &[LayerParameter], i: usize, net: Which) -> Difference {
    let layer = &layers[i];
    let in_place = layer.top.first().filter(|top| layer.bottom.contains(top));
    let maker = in_place.and_then(|top| layers[..i].iter().find(|l| l.top.contains(top)));
    let always = layer.include.is_empty() && layer.exclude.is_empty();
    Difference::Only {
        layer: layer.name().into(),
        kind: layer.r#type().into(),
        when: if always { String::new() } else { when(layer) },
        follows: maker.map(|l| l.name().into()),
        net,
    }
}

/// The layer's rules in words.
fn when(layer: &LayerParameter) -> String {
    let list = |rules: &[NetStateRule]| rules.iter().map(rule).collect::<Vec<_>>().join(" or ");
    match (layer.include.is_empty(), layer.exclude.is_empty()) {
        (true, true) => "in both phases".into(),
        (false, _) => format!("only in {}", list(&layer.include)),
        (true, false) => format!("not in {}", list(&layer.exclude)),
    }
}

fn rule(rule: &NetStateRule) -> String {
    let mut text = match rule.phase {
        Some(phase) if phase == Phase::Train as i32 => "TRAIN".to_string(),
        Some(_) => "TEST".into(),
        None => "any phase".into(),
    };
    let mut add = |word: &str, what: String| text += &format!(" {word} {what}");
    rule.min_level.iter().for_each(|level| add("from level", level.to_string()));
    rule.max_level.iter().for_each(|level| add("up to level", level.to_string()));
    rule.stage.iter().for_each(|stage| add("with stage", stage.clone()));
    rule.not_stage.iter().for_each(|stage| add("without stage", stage.clone()));
    text
}

/// The layers of both nets that were moved: all outside the longest common subsequence. A layer with its own top counts twice
/// there, so that an in-place layer is rather reported as moved.
fn moved(pairs: &[(usize, usize)], a: &[LayerParameter], b: &[LayerParameter]) -> Vec<Difference> {
    let counts = |i: usize| if a[i].top.iter().any(|top| a[i].bottom.contains(top)) { 1 } else { 2 };
    // length[i]: of the longest subsequence that ends with pair i; from[i]: the pair before it.
    let n = pairs.len();
    let mut length: Vec<usize> = pairs.iter().map(|pair| counts(pair.0)).collect();
    let mut from = vec![None; n];
    for i in 0..n {
        for k in (0..i).filter(|&k| pairs[k].1 < pairs[i].1) {
            let longer = length[k] + counts(pairs[i].0);
            if longer > length[i] {
                (length[i], from[i]) = (longer, Some(k));
            }
        }
    }
    let mut stays = vec![false; n];
    let mut last = (0..n).rev().max_by_key(|&i| length[i]);
    while let Some(i) = last {
        stays[i] = true;
        last = from[i];
    }
    let before = |layers: &[LayerParameter], i: usize| i.checked_sub(1).map(|i| layers[i].name().to_string());
    let moved = pairs.iter().zip(&stays).filter(|(_, stays)| !**stays);
    moved
        .map(|(&(i, j), _)| Difference::Order { layer: a[i].name().into(), first: before(a, i), second: before(b, j) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net_spec::NetSpec;

    /// The differences of two lists of layers in lines.
    fn lines(first: &str, second: &str) -> Vec<String> {
        let net = |text: &str| NetSpec::from_prototxt(text).unwrap().param;
        diff(&net(first), &net(second)).iter().map(|d| d.to_string()).collect()
    }

    const DATA: &str = "layer { name: 'data' type: 'Input' top: 'data' }";

    #[test]
    fn rules_are_compared_by_what_they_mean() {
        let loss = |rules: &str| format!("{DATA} layer {{ name: 'loss' type: 'SoftmaxWithLoss' top: 'loss' {rules} }}");
        let (train, not_test) = (loss("include { phase: TRAIN }"), loss("exclude { phase: TEST }"));
        assert_eq!(lines(&train, &not_test), Vec::<String>::new());
        assert_eq!(lines(&train, &loss("")), ["loss: only in TRAIN | in both phases"]);
        assert_eq!(
            lines(&loss("include { stage: 'a' min_level: 2 }"), &not_test),
            ["loss: only in any phase from level 2 with stage a | not in TEST"]
        );
        assert_eq!(lines(&train, DATA), ["loss (SoftmaxWithLoss): only in TRAIN of the first net"]);
        assert_eq!(lines(DATA, &loss("")), ["loss (SoftmaxWithLoss): only in the second net"]);
    }

    #[test]
    fn layers_of_one_name_are_matched_by_phase() {
        let data = |phase: &str, batch: u32| {
            format!(
                "layer {{ name: 'd' type: 'Data' top: 'd' include {{ phase: {phase} }} data_param {{ batch_size: {batch} }} }}"
            )
        };
        let (train, test) = (data("TRAIN", 64), data("TEST", 100));
        assert_eq!(
            lines(&(train.clone() + &test), &(train.clone() + &data("TEST", 50))),
            ["d.data_param.batch_size: 100 | 50"]
        );
        assert_eq!(lines(&train, &(train.clone() + &test)), ["d (Data): only in TEST of the second net"]);
        // In another order they are the same net, but that is said too: with layers in place the order counts.
        assert_eq!(lines(&(train.clone() + &test), &(test + &train)).len(), 1);
    }

    #[test]
    fn the_order_counts_for_layers_in_place() {
        let pool = "layer { name: 'pool' type: 'Pooling' bottom: 'data' top: 'pool' }";
        let relu = "layer { name: 'relu' type: 'ReLU' bottom: 'data' top: 'data' }";
        let says = lines(&format!("{DATA}{relu}{pool}"), &format!("{DATA}{pool}{relu}"));
        assert_eq!(says.len(), 1);
        assert!(says[0] == "relu: after data in the first net, after pool in the second", "{says:?}");
    }

    #[test]
    fn another_type_is_one_difference() {
        let layer = |rest: &str| format!("{DATA} layer {{ name: 'x' bottom: 'data' top: 'x' {rest} }}");
        let conv = layer("type: 'Convolution' convolution_param { num_output: 3 kernel_size: 3 }");
        assert_eq!(lines(&conv, &layer("type: 'ReLU'")), ["x.type: \"Convolution\" | \"ReLU\""]);
        assert_eq!(lines(&format!("name: 'a' {conv}"), &conv), ["name: \"a\" | unset"]);
        let old = layer("type: 'BatchNorm' param { lr_mult: 0 } param { lr_mult: 0 } param { lr_mult: 0 }");
        assert_eq!(lines(&old, &layer("type: 'BatchNorm'")), Vec::<String>::new());
        let loss = |weight: &str| layer(&format!("type: 'EuclideanLoss' {weight}"));
        assert_eq!(lines(&loss("loss_weight: 1"), &loss("")), Vec::<String>::new());
        assert_eq!(lines(&loss("loss_weight: 0.3"), &loss("")), ["x.loss_weight: 0.3 | 1"]);
    }
}
