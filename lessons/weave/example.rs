//! The examples on the layers' pages: one net for each type, small enough that all its numbers can be shown.

use cortado::blob::Values;
use cortado::random::Random;
use cortado::{Blob, Error, Kind, Log, Net, Phase, Result, net};
use std::fmt::Write;

/// A layer between its inputs.
pub struct Example {
    pub kind: &'static str,
    pub bottoms: &'static [(&'static str, &'static [usize], Fill)],
    pub tops: &'static [&'static str],
    /// Its message, and the fields in it, set apart by semicolons.
    pub message: &'static str,
    pub fields: &'static str,
    pub run: Run,
}

/// What an input holds.
pub enum Fill {
    /// From -2 to 2, with one decimal, and never 0.
    Any,
    /// From 0.1 to 2, with one decimal.
    Positive,
    /// These.
    Given(&'static [f32]),
}

/// What the tops' diffs hold before backward.
#[derive(Clone, Copy, PartialEq)]
pub enum Run {
    Ones,
    /// 1 for the first value and 0 for the others: where ones would give nothing to see.
    First,
    /// It needs something that is not in the project's folder.
    Not,
}

use Fill::{Any, Given, Positive};
use Run::{First, Not, Ones};

/// With it the first inputs are all different, and half of them are negative.
const SEED: u64 = 174;
const PAIR: &[usize] = &[2, 3];
const ROWS: &[usize] = &[2, 4];
const CONT: (&str, &[usize], Fill) = ("cont", &[3, 1], Given(&[0., 1., 1.]));
const LABEL: (&str, &[usize], Fill) = ("label", &[2], Given(&[2., 0.]));

/// A row for each of Caffe's layers, in the order of `cortado::layers::LAYERS`.
#[rustfmt::skip]
const EXAMPLES: &[Example] = &[
    row("Input", &[], &["x"], "input_param", "shape { dim: 2 dim: 3 }", Ones),
    row("DummyData", &[], &["x"], "dummy_data_param", "shape { dim: 2 dim: 3 }; data_filler { type: \"uniform\" min: -1 max: 1 }", Ones),
    row("Parameter", &[], &["w"], "parameter_param", "shape { dim: 2 dim: 3 }", Ones),
    row("Data", &[], &["data", "label"], "data_param", "source: \"data/mnist_train_lmdb\"; backend: LMDB; batch_size: 64", Not),
    row("MemoryData", &[], &["data", "label"], "memory_data_param", "batch_size: 2; channels: 1; height: 2; width: 2", Not),
    row("HDF5Data", &[], &["data", "label"], "hdf5_data_param", "source: \"data/train_h5.txt\"; batch_size: 64; shuffle: true", Not),
    row("HDF5Output", &[("data", PAIR, Any), LABEL], &[], "hdf5_output_param", "file_name: \"features.h5\"", Not),
    row("ImageData", &[], &["data", "label"], "image_data_param", "source: \"data/train.txt\"; root_folder: \"data/images/\"; batch_size: 64; shuffle: true; new_height: 256; new_width: 256", Not),
    row("WindowData", &[], &["data", "label"], "window_data_param", WINDOWS, Not),
    row("Convolution", &[("x", &[1, 1, 7], Any)], &["y"], "convolution_param", CONVOLUTION, Ones),
    row("Deconvolution", &[("x", &[1, 1, 3], Any)], &["y"], "convolution_param", DECONVOLUTION, Ones),
    row("Im2col", &[("x", &[1, 1, 6], Any)], &["y"], "convolution_param", "kernel_size: 2; dilation: 2", Ones),
    row("Pooling", &[("x", &[1, 1, 5, 5], Any)], &["y"], "pooling_param", "pool: MAX; kernel_size: 3; stride: 2; pad: 1", Ones),
    row("SPP", &[("x", &[1, 1, 5, 5], Any)], &["y"], "spp_param", "pyramid_height: 2", Ones),
    row("Crop", &[("x", &[1, 1, 4, 5], Any), ("size", &[1, 1, 2, 3], Any)], &["y"], "crop_param", "offset: 1", Ones),
    row("InnerProduct", &[("x", PAIR, Any)], &["y"], "inner_product_param", NUM_OUTPUT_2, Ones),
    row("Embed", &[("x", &[4], Given(&[2., 0., 2., 1.]))], &["y"], "embed_param", "num_output: 2; input_dim: 3; weight_filler { type: \"uniform\" min: -1 max: 1 }", Ones),
    row("LRN", &[("x", &[1, 5, 1, 1], Any)], &["y"], "lrn_param", "local_size: 3", Ones),
    row("BatchNorm", &[("x", &[4, 2], Any)], &["y"], "", "", First),
    row("MVN", &[("x", &[1, 2, 4], Any)], &["y"], "", "", First),
    row("Scale", &[("x", PAIR, Any)], &["y"], "scale_param", "filler { type: \"uniform\" min: 0 max: 2 }; bias_term: true", Ones),
    row("Bias", &[("x", PAIR, Any)], &["y"], "bias_param", "filler { type: \"uniform\" min: -1 max: 1 }", Ones),
    row("ReLU", &[("x", ROWS, Any)], &["y"], "relu_param", "negative_slope: 0.1", Ones),
    row("PReLU", &[("x", ROWS, Any)], &["y"], "", "", Ones),
    row("ELU", &[("x", ROWS, Any)], &["y"], "", "", Ones),
    row("Sigmoid", &[("x", ROWS, Any)], &["y"], "", "", Ones),
    row("TanH", &[("x", ROWS, Any)], &["y"], "", "", Ones),
    row("Swish", &[("x", ROWS, Any)], &["y"], "swish_param", "beta: 2", Ones),
    row("BNLL", &[("x", ROWS, Any)], &["y"], "", "", Ones),
    row("AbsVal", &[("x", ROWS, Any)], &["y"], "", "", Ones),
    row("Power", &[("x", ROWS, Any)], &["y"], "power_param", "power: 2; scale: 0.5; shift: 1", Ones),
    row("Exp", &[("x", ROWS, Any)], &["y"], "exp_param", "base: 2", Ones),
    row("Log", &[("x", ROWS, Positive)], &["y"], "log_param", "base: 2", Ones),
    row("Threshold", &[("x", ROWS, Any)], &["y"], "threshold_param", "threshold: 0.5", Ones),
    row("Clip", &[("x", ROWS, Any)], &["y"], "clip_param", "min: -1; max: 1", Ones),
    row("Dropout", &[("x", ROWS, Any)], &["y"], "dropout_param", "dropout_ratio: 0.5", Ones),
    row("Softmax", &[("x", PAIR, Any)], &["y"], "", "", First),
    row("RNN", &[("x", &[3, 1, 2], Any), CONT], &["o"], "recurrent_param", NUM_OUTPUT_2, Ones),
    row("LSTM", &[("x", &[3, 1, 2], Any), CONT], &["h"], "recurrent_param", NUM_OUTPUT_1, Ones),
    row("LSTMUnit", &[("c_before", &[1, 1, 2], Any), ("z", &[1, 1, 8], Any), ("cont", &[1, 1], Given(&[1.]))], &["c", "h"], "", "", Ones),
    row("Split", &[("x", PAIR, Any)], &["a", "b"], "", "", Ones),
    row("Concat", &[("a", &[2, 1], Any), ("b", &[2, 2], Any)], &["y"], "concat_param", "axis: 1", Ones),
    row("Slice", &[("x", PAIR, Any)], &["a", "b"], "slice_param", "axis: 1; slice_point: 1", Ones),
    row("Eltwise", &[("a", PAIR, Any), ("b", PAIR, Any)], &["y"], "eltwise_param", "operation: SUM; coeff: 1; coeff: -1", Ones),
    row("Flatten", &[("x", &[2, 2, 1, 2], Any)], &["y"], "", "", Ones),
    row("Reshape", &[("x", &[2, 6], Any)], &["y"], "reshape_param", "shape { dim: 0 dim: 2 dim: -1 }", Ones),
    row("Reduction", &[("x", PAIR, Any)], &["y"], "reduction_param", "operation: MEAN; axis: 1", Ones),
    row("Tile", &[("x", &[2, 2], Any)], &["y"], "tile_param", "axis: 1; tiles: 3", Ones),
    row("ArgMax", &[("x", ROWS, Any)], &["y"], "argmax_param", "top_k: 2", Ones),
    row("BatchReindex", &[("x", &[3, 2], Any), ("p", &[4], Given(&[2., 0., 0., 1.]))], &["y"], "", "", Ones),
    row("Filter", &[("x", &[4, 2], Any), ("s", &[4], Given(&[1., 0., 1., 1.]))], &["y"], "", "", Ones),
    row("Silence", &[("x", PAIR, Any)], &[], "", "", Ones),
    row("SoftmaxWithLoss", &[("x", PAIR, Any), LABEL], &["loss"], "", "", Ones),
    row("EuclideanLoss", &[("a", PAIR, Any), ("b", PAIR, Any)], &["loss"], "", "", Ones),
    row("HingeLoss", &[("x", PAIR, Any), LABEL], &["loss"], "hinge_loss_param", "norm: L2", Ones),
    row("SigmoidCrossEntropyLoss", &[("x", PAIR, Any), ("t", PAIR, Given(&[1., 0., 1., 0., 0., 1.]))], &["loss"], "", "", Ones),
    row("InfogainLoss", &[("x", PAIR, Any), LABEL, ("H", &[3, 3], Given(&[1., 0., 0., 0., 2., 0., 0., 0.5, 1.]))], &["loss"], "", "", Ones),
    row("MultinomialLogisticLoss", &[("y", PAIR, Given(&[0.1, 0.2, 0.7, 0.4, 0.5, 0.1])), LABEL], &["loss"], "", "", Ones),
    row("ContrastiveLoss", &[("a", &[2, 2], Any), ("b", &[2, 2], Any), ("alike", &[2], Given(&[1., 0.]))], &["loss"], "contrastive_loss_param", "margin: 3", Ones),
    row("Accuracy", &[("x", &[4, 3], Any), ("label", &[4], Given(&[2., 0., 1., 1.]))], &["accuracy"], "", "", Ones),
];

/// The size of the windows is in another message.
const WINDOWS: &str = "source: \"data/windows.txt\"; batch_size: 128; fg_fraction: 0.25; context_pad: 16\n  }\n  transform_param {\n    crop_size: 227";
const CONVOLUTION: &str =
    "num_output: 1; kernel_size: 3; stride: 2; pad: 1; weight_filler { type: \"uniform\" min: -1 max: 1 }";
const DECONVOLUTION: &str =
    "num_output: 1; kernel_size: 4; stride: 2; pad: 1; weight_filler { type: \"uniform\" min: -1 max: 1 }";
const NUM_OUTPUT_1: &str = "num_output: 1; weight_filler { type: \"uniform\" min: -1 max: 1 }";
const NUM_OUTPUT_2: &str = "num_output: 2; weight_filler { type: \"uniform\" min: -1 max: 1 }";

const fn row(
    kind: &'static str,
    bottoms: &'static [(&'static str, &'static [usize], Fill)],
    tops: &'static [&'static str],
    message: &'static str,
    fields: &'static str,
    run: Run,
) -> Example {
    Example { kind, bottoms, tops, message, fields, run }
}

/// The example of a type.
///
/// # Errors
/// There is none yet.
pub fn of(kind: &str) -> Result<&'static Example> {
    EXAMPLES.iter().find(|e| e.kind == kind).ok_or_else(|| {
        Error::new(Kind::Unknown, format!("no example for the layer {kind}"))
            .hint("add a row for it to EXAMPLES in lessons/weave/example.rs")
    })
}

impl Example {
    /// The layer's name: its type in small letters.
    pub fn name(&self) -> String {
        self.kind.to_lowercase()
    }

    /// The net as a prototxt.
    pub fn prototxt(&self) -> String {
        let mut text = String::new();
        for (name, shape, _) in self.bottoms {
            let dims: Vec<String> = shape.iter().map(|dim| format!("dim: {dim}")).collect();
            let dims = dims.join(" ");
            text += &format!(
                "layer {{ name: \"{name}\" type: \"Input\" top: \"{name}\" input_param {{ shape {{ {dims} }} }} }}\n"
            );
        }
        text += &format!("layer {{\n  name: \"{}\"\n  type: \"{}\"\n", self.name(), self.kind);
        self.bottoms.iter().for_each(|(name, ..)| text += &format!("  bottom: \"{name}\"\n"));
        self.tops.iter().for_each(|name| text += &format!("  top: \"{name}\"\n"));
        if !self.message.is_empty() {
            let fields: Vec<String> = self.fields.split("; ").map(|field| format!("    {field}\n")).collect();
            text += &format!("  {} {{\n{}  }}\n", self.message, fields.concat());
        }
        text + "}\n"
    }

    /// Fills the inputs, runs forward and backward, and gives the net.
    pub fn run(&self) -> Result<Net> {
        let text = format!("force_backward: true\n{}", self.prototxt());
        let builder = net::Builder::parse(&text, "the example")?.phase(Phase::Train);
        let mut net = builder.log(&Log::silent()).make()?; // examples in which nothing flows back would warn
        for (name, _, fill) in self.bottoms {
            let random = Random::new(SEED, name, 0);
            let tenths = |i: usize| (random.below(i, 20) as f32 + 1.0) / 10.0;
            for (i, x) in net.data_mut(name)?.slice_mut().iter_mut().enumerate() {
                *x = match fill {
                    Any => tenths(i) * if random.bits(i).is_multiple_of(2) { 1.0 } else { -1.0 },
                    Positive => tenths(i),
                    Given(values) => values[i % values.len()],
                };
            }
        }
        net.forward()?;
        for top in self.tops {
            let dy = net.diff_mut(top)?.slice_mut();
            dy.iter_mut().enumerate().for_each(|(i, dy)| *dy = if i == 0 || self.run == Ones { 1.0 } else { 0.0 });
        }
        net.backward()?;
        Ok(net)
    }

    /// All numbers of the net after its run: bottoms, parameters and tops, each with data and diff.
    pub fn said(&self) -> Result<String> {
        let net = self.run()?;
        let name = self.name();
        let (_, down) = net.propagates_down(&name)?;
        let mut text = String::new();
        for (i, (bottom, ..)) in self.bottoms.iter().enumerate() {
            blob(
                &mut text,
                &format!("bottom[{i}] {bottom}"),
                net.data(bottom)?,
                Some(net.diff(bottom)?).filter(|_| down[i]),
            );
        }
        for (i, Blob { data, diff, .. }) in net.params(&name)?.into_iter().enumerate() {
            blob(&mut text, &format!("params[{i}]"), data, Some(diff));
        }
        for (i, top) in self.tops.iter().enumerate() {
            blob(&mut text, &format!("top[{i}] {top}"), net.data(top)?, Some(net.diff(top)?));
        }
        Ok(text)
    }
}

/// A blob's name, shape and numbers.
fn blob(text: &mut String, name: &str, data: &Values, diff: Option<&Values>) {
    if !text.is_empty() {
        text.push('\n');
    }
    let shape = data.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    let _ = writeln!(text, "{name}, {}", if shape.is_empty() { "[]" } else { &shape });
    rows(text, "data", data);
    match diff {
        Some(diff) => rows(text, "diff", diff),
        None => *text += "  diff  none\n",
    }
}

/// Numbers row by row, all with as many decimals as show four digits of each; what is next to nothing is 0.
fn rows(text: &mut String, name: &str, values: &Values) {
    let x: Vec<f32> = values.slice().iter().map(|&x| if x.abs() < 1e-6 { 0.0 } else { x }).collect();
    let decimals = x.iter().map(|&x| decimals(x)).max().unwrap_or(0);
    let words: Vec<String> = x.iter().map(|x| format!("{x:.decimals$}")).collect();
    let width = words.iter().map(String::len).max().unwrap_or(0);
    let shape = values.shape();
    let row = shape.last().copied().unwrap_or(1).max(1);
    let plane = if shape.len() > 2 { shape[shape.len() - 2] } else { usize::MAX };
    for (i, words) in words.chunks(row).enumerate() {
        if i > 0 && i % plane == 0 && plane > 1 {
            text.push('\n');
        }
        let numbers: Vec<String> = words.iter().map(|word| format!("{word:>width$}")).collect();
        let _ = writeln!(text, "  {:4}  {}", if i == 0 { name } else { "" }, numbers.join("  "));
    }
}

/// How many decimals show four digits of a number, without zeros at the end.
fn decimals(x: f32) -> usize {
    if x == 0.0 || !x.is_finite() {
        return 0;
    }
    let most = (3 - x.abs().log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{x:.most$}");
    text.trim_end_matches('0').split_once('.').map_or(0, |(_, fraction)| fraction.len())
}
