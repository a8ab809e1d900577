//! What the nets of the zoo have in common.

use cortado::net_spec::*;

/// A net at work, with weights from a file: images in, an answer out, and no labels.
pub fn deploy() -> Rule {
    Rule::new().stage("deploy")
}

/// Images and labels, put in by hand: one image, until the blobs are reshaped.
pub fn images<const N: usize>(n: &mut NetSpec, shape: [i64; N]) -> (Top, Top) {
    (n.layer("data", [], Input::new(shape)), n.layer("label", [], Input::new([1]).exclude(deploy())))
}

/// Scores become a loss, in TEST an accuracy, and at work probabilities.
pub fn classify(n: &mut NetSpec, scores: &Top, label: &Top) {
    n.layer("loss", [scores, label], SoftmaxWithLoss::new().exclude(deploy()));
    accuracy(n, "accuracy", scores, label, 1);
    n.layer("prob", scores, Softmax::new().include(deploy()));
}

pub fn accuracy(n: &mut NetSpec, name: &str, scores: &Top, label: &Top, top_k: u32) {
    let only_test = Rule::new().phase(Phase::Test).not_stage("deploy");
    n.layer(name, [scores, label], Accuracy::new().top_k(top_k).include(only_test));
}

/// A convolution and its ReLU, in place.
pub fn conv_relu(n: &mut NetSpec, name: &str, relu: &str, x: &Top, conv: Convolution) -> Top {
    let y = n.layer(name, x, conv);
    n.in_place(relu, &y, Relu::new())
}

/// A fully connected layer with its ReLU and its dropout, in place: fc6 with relu6 and drop6.
pub fn fc_relu_drop(n: &mut NetSpec, number: u32, x: &Top, fc: InnerProduct) -> Top {
    let y = n.layer(format!("fc{number}"), x, fc);
    n.in_place(format!("relu{number}"), &y, Relu::new());
    n.in_place(format!("drop{number}"), &y, Dropout::new(0.5))
}
