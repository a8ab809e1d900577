//! # Lesson 01: defining a net
//!
//! In lesson 00 a file described the net, and we did not read it. Now we write such files, first by hand and then by program.
//! At the end of this lesson you can
//!
//! - write a prototxt, and mend one with the help of its error message;
//! - write the same net in Rust, with blocks that are plain functions;
//! - keep the nets for training, for testing and for use in one description;
//! - tell where two nets differ, and why a blob has its size;
//! - load weights into a net, and read the report of what was copied;
//! - write a ResNet of 110 layers in a page.
//!
//! ```text
//! cargo run --release --bin 01_defining_a_net
//! ```

use cortado::data::mnist::{self, Mnist};
use cortado::net_spec::*;
use cortado::proto::{NetParameter, text};
use cortado::random::Random;
use cortado::show::{Chart, Histogram, Images, show, thousands};
use cortado::{Net, Phase, Result, Values, files};

fn main() -> Result<()> {
    // %% [markdown]
    // ## A net is a message
    //
    // Caffe's nets are *messages*: records with named fields. A net is a `NetParameter`. It has a name and a list of
    // `layer`s; each of those is a `LayerParameter` with a name, a type, the blobs that it reads (`bottom`) and the blobs
    // that it makes (`top`). Settings that only one type of layer needs are in a message of their own, such as
    // `inner_product_param`. **Prototxt** is the text form of a message: `field: value`, and `field { .. }` where the value
    // is itself a message.
    //
    // Here is a classifier for points with four coordinates, a *logistic regression*. A layer `fc1` turns each point into
    // two scores, and the loss compares them with the labels. This text was printed in a lecture. It does not work, and the
    // library says why:

    // %%
    const PRINTED: &str = r#"
name: "logistic"
layer {
  name: "data"  type: "Input"  top: "data"  top: "label"
  input_param { shape { dim: 10 dim: 4 } shape { dim: 10 } }
}
layer {
  name: "fc1"  type: "InnerProduct"  bottom: "data"  top: "fc1"
}
inner_product_param {
  num_output: 2
  weight_filler { type: "gaussian" std: 0.01 }
}
layer {
  name: "loss"  type: "SoftmaxWithLoss"  bottom: "fc1"  bottom: "label"  top: "loss"
}
"#;
    if let Err(e) = text::parse::<NetParameter>(PRINTED, "logistic.prototxt") {
        println!("{e}");
    }

    // %% [markdown]
    // The first line gives the file, the line, the column and what is wrong there. `inner_product_param` was written as a
    // field of the net, and nets have no such field: layers do. The last line guesses the cause. Look at the line above the
    // mark: a brace closes `fc1` one line too early. We move it to after the parameters.

    // %%
    let logistic: String =
        PRINTED.replacen("}\ninner_product_param", "  inner_product_param", 1).replacen("0.01 }\n", "0.01 }\n  }\n", 1);
    let net = cortado::net::Builder::parse(&logistic, "logistic.prototxt")?.phase(Phase::Train).make()?;
    show(&net)?;

    // %% [markdown]
    // Two scores from four coordinates: 2 x 4 weights and 2 biases.
    //
    // Here are three more mistakes that everybody makes: a field, a type and a blob whose names are not quite right. The
    // first is found when the text is read, the others when the net is built. (We print the beginning of each message. The
    // rest lists the names that exist.)

    // %%
    for (right, wrong) in [
        ("num_output", "num_outputs"),
        ("\"SoftmaxWithLoss\"", "\"SoftMaxWithLoss\""),
        ("bottom: \"label\"", "bottom: \"labels\""),
    ] {
        let text = logistic.replacen(right, wrong, 1);
        let made = cortado::net::Builder::parse(&text, "logistic.prototxt").and_then(|net| net.make());
        if let Err(e) = made {
            println!("{}\n", e.to_string().lines().take(5).collect::<Vec<_>>().join("\n"));
        }
    }

    // %% [markdown]
    // One wrong letter, `SoftMax` for `Softmax`, is enough: the names of types are case-sensitive.
    //
    // ## What a message does not say
    //
    // A field that is not set has a default. The message gives you both: the field is an `Option`, and the method of the
    // same name returns the value in force.

    // %%
    let message: NetParameter = text::parse::<NetParameter>(&logistic, "logistic.prototxt")?.message;
    let ip = message.layer[1].inner_product_param.clone().unwrap_or_default();
    println!("num_output: {:?}, which counts as {}", ip.num_output, ip.num_output());
    println!("bias_term:  {:?}, which counts as {}", ip.bias_term, ip.bias_term());

    // %% [markdown]
    // The bias has no filler here, so it gets the default: `constant`, with the value 0.
    //
    // ## Files from long ago
    //
    // You will meet files that look different: `layers` for `layer`, types in capitals, `blobs_lr`, and `input` with four
    // `input_dim`s. This is the format of Caffe's first year, and you need not learn it. `upgrade` brings such a message up
    // to date and says what it changed; building a net calls it for you.

    // %%
    let old = r#"
        name: "old"
        input: "data"  input_dim: 10 input_dim: 4 input_dim: 1 input_dim: 1
        layers { name: "fc1" type: INNER_PRODUCT bottom: "data" top: "fc1"
                 blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
                 inner_product_param { num_output: 2 } }
        layers { name: "prob" type: SOFTMAX bottom: "fc1" top: "prob" }
    "#;
    let mut parsed = text::parse::<NetParameter>(old, "old.prototxt")?;
    for note in parsed.upgrade()? {
        println!("{note}");
    }
    println!("\n{}", text::print(&parsed.message));

    // %% [markdown]
    // So `blobs_lr` is today's `lr_mult`, and the old `weight_decay` is `decay_mult`: how fast each parameter learns and
    // decays, first the weights, then the bias.
    //
    // ## The same in Rust
    //
    // A prototxt has no loops and no functions. LeNet has 9 layers, and you can write them out. A net of 100 layers should
    // be written by a program. A `NetSpec` is a net under construction: `layer(name, bottom, what)` adds a layer and returns
    // its top, and the next layer takes that top as its bottom.
    //
    // - `Convolution::new(20, 5)` takes what the layer cannot do without: 20 kernels of 5 x 5. Every other field is a method
    //   of the same name: `.stride(2)`. A misspelt field is not a run-time error: it does not compile.
    // - `tops` adds a layer whose tops have names of their own, and any number of them.
    // - `in_place` adds a layer that overwrites its bottom.
    // - What repeats becomes a function or a closure: `scores` is the part that all our LeNets will share.

    // %%
    fn scores(n: &mut NetSpec, data: &Top, last: &str, outputs: u32) -> Top {
        let conv = |outputs| Convolution::new(outputs, 5).weight_filler(xavier()).lr_mult([1.0, 2.0]);
        let ip = |outputs| InnerProduct::new(outputs).weight_filler(xavier()).lr_mult([1.0, 2.0]);
        let conv1 = n.layer("conv1", data, conv(20));
        let pool1 = n.layer("pool1", &conv1, Pooling::max(2, 2));
        let conv2 = n.layer("conv2", &pool1, conv(50));
        let pool2 = n.layer("pool2", &conv2, Pooling::max(2, 2));
        let ip1 = n.layer("ip1", &pool2, ip(500));
        n.in_place("relu1", &ip1, Relu::new());
        n.layer(last, &ip1, ip(outputs))
    }

    fn lenet(outputs: u32, last: &str) -> NetSpec {
        let mut n = NetSpec::new("LeNet");
        let [data, label] = n.tops("mnist", [], Input::new([64, 1, 28, 28]).and([64]), ["data", "label"]);
        let scores = scores(&mut n, &data, last, outputs);
        n.layer("loss", [&scores, &label], SoftmaxWithLoss::new());
        n
    }
    let spec: NetSpec = lenet(10, "ip2");
    let net = Net::new(&spec.to_param()?, Phase::Train)?;
    show(&net)?;

    // %% [markdown]
    // `to_param()` returns the message, and from there on nobody can tell whether a net came from Rust or from a file.
    // `to_prototxt()` writes the file; read it back, and you get an equal message. Here is one layer of it:

    // %%
    let prototxt: String = spec.to_prototxt()?;
    let again: NetParameter = text::parse::<NetParameter>(&prototxt, "lenet.prototxt")?.message;
    assert_eq!(again, spec.to_param()?);
    println!("{} lines of prototxt; read back, they are the same message", prototxt.lines().count());
    let from = prototxt.find("  name: \"conv2\"").unwrap_or(0);
    println!("\nlayer {{\n{}", prototxt[from..].lines().take(18).collect::<Vec<_>>().join("\n"));

    // %% [markdown]
    // `to_param` finds some mistakes that the compiler cannot see: a top that belongs to another spec, or two layers with
    // one name.

    // %%
    {
        let mut n = NetSpec::new("mistakes");
        let x = n.layer("x", [], Input::new([10, 4]));
        n.layer("ip", &x, InnerProduct::new(2));
        n.layer("ip", &x, InnerProduct::new(5));
        if let Err(e) = n.to_param() {
            println!("{e}");
        }
    }

    // %% [markdown]
    // ## Fillers
    //
    // A filler says what a parameter holds before anything has been learnt. `xavier()` and `msra()` need no width: they work
    // it out from the number $n$ of inputs of each output. Xavier is uniform with variance $1/n$. Msra is Gaussian with
    // variance $2/n$, for layers before a ReLU, which throws half of the signal away. `gaussian(std)` has the width you give
    // it. The run compares the formulas with 400,000 actual weights.

    // %% tol=0.05
    let mut n = NetSpec::new("fillers");
    let x = n.layer("x", [], Input::new([1, 800]));
    for (name, filler) in [("xavier", xavier()), ("msra", msra()), ("gaussian", gaussian(0.01))] {
        n.layer(name, &x, InnerProduct::new(500).weight_filler(filler));
    }
    let filled = Net::new(&n.to_param()?, Phase::Train)?;
    for (name, variance) in [("xavier", 1.0f32 / 800.0), ("msra", 2.0 / 800.0), ("gaussian", 0.01 * 0.01)] {
        let w = &filled.param(name, 0)?.data;
        let measured = w.sumsq() / w.count() as f32;
        println!("{name:<9} variance {measured:.6}, by the formula {variance:.6}");
        assert!((measured / variance - 1.0).abs() < 0.02);
    }
    show(
        &Histogram::of(filled.param("xavier", 0)?.data.slice())
            .name("xavier")
            .and("msra", filled.param("msra", 0)?.data.slice())
            .and("gaussian, std 0.01", filled.param("gaussian", 0)?.data.slice())
            .title("What three fillers fill"),
    )?;

    // %% [markdown]
    // And without a filler? Weights also default to `constant` 0. The net is built, and it runs. We put in noise and labels
    // and count the parameters of LeNet that get any gradient.

    // %%
    for filler in ["xavier", "constant"] {
        let text = prototxt.replace("\"xavier\"", &format!("\"{filler}\""));
        let mut net = Net::from_prototxt(&text, Phase::Train)?;
        Random::new(0, "noise", 0).uniform(0.0, 1.0, net.data_mut("data")?.slice_mut());
        net.forward()?;
        net.backward()?;
        let moved = net.store().iter().flat_map(|(w, _)| w.diff.slice()).filter(|dw| **dw != 0.0).count();
        println!("{filler:<8}  {:>7} parameters get a gradient", thousands(moved));
    }

    // %% [markdown]
    // With zeros for weights, only the 10 biases of the last layer can learn. The other layers pass nothing on in either
    // direction, and that never changes. Always give weights a filler.
    //
    // ## Two nets, or one?
    //
    // How do you find out whether two descriptions are the same net? Not by looking: the same net can be written in many
    // ways. `diff` compares what they *mean*. A default equals the same value written out, and layers are matched by name.
    //
    // **What will this print?** Somebody copied LeNet by hand and made one slip: `conv2` reads `conv1` in place of `pool1`.
    // Is that an error? If not, how many parameters does this net have? The right one has 431,080. Write your guess down,
    // then run.

    // %%
    let slip: NetParameter =
        NetSpec::from_prototxt(&prototxt.replace("bottom: \"pool1\"", "bottom: \"conv1\""))?.to_param()?;
    match Net::new(&slip, Phase::Train) {
        Ok(net) => println!("a net with {} parameters; outputs {:?}", thousands(net.store().count()), net.outputs()),
        Err(e) => println!("{e}"),
    }

    // %% [markdown]
    // It is a valid net, it would train, and it has nearly six times as many parameters. `conv2` now gets 24 x 24 values for
    // each map, not 12 x 12. So `pool2` ends with 10 x 10, not 4 x 4, and each unit of `ip1` has 5,000 weights instead of
    // 800. The net cannot know that you did not mean it. It leaves one trace: `pool1` is now an output, because nobody reads
    // it any more. And `diff` says it in one line:

    // %%
    for difference in diff(&spec.to_param()?, &slip) {
        println!("{difference}");
    }

    // %% [markdown]
    // Compare a copy with its original. It costs one line.
    //
    // ## Phases
    //
    // Training and testing need different nets: other data, and in TEST an accuracy. You may read elsewhere that a `NetSpec`
    // cannot describe both, and that you have to paste files together. That is true of tools in which a name can be given
    // only once. The format allows it: a layer has `include` and `exclude` rules, and when a net is built, the layers whose
    // rules do not match are left out. The names only have to be different *within a phase*.
    //
    // Rules can do more. A *stage* is any word you choose. Here is LeNet for three purposes in one description: for
    // training, for testing and, with the stage `deploy`, for use: no labels, no loss, but probabilities.

    // %%
    fn lenet_for_all() -> NetSpec {
        let mnist = |set: &str, batch| Data::lmdb(&format!("data/mnist_{set}_lmdb"), batch).scale(1.0 / 256.0);
        let deploy = || Rule::new().stage("deploy");
        let learning = |phase| Rule::new().phase(phase).not_stage("deploy");

        let mut n = NetSpec::new("LeNet");
        let train = mnist("train", 64).include(learning(Phase::Train));
        let test = mnist("test", 100).include(learning(Phase::Test));
        let [data, label] = n.tops("mnist", [], train, ["data", "label"]);
        n.tops("mnist", [], test, ["data", "label"]);
        n.layer("data", [], Input::new([1, 1, 28, 28]).include(deploy()));
        let ip2 = scores(&mut n, &data, "ip2", 10);
        n.layer("accuracy", [&ip2, &label], Accuracy::new().include(learning(Phase::Test)));
        n.layer("loss", [&ip2, &label], SoftmaxWithLoss::new().exclude(deploy()));
        n.layer("prob", &ip2, Softmax::new().include(deploy()));
        n
    }
    let root = files::root()?;
    mnist::ensure_lmdb(&root)?; // the databases that the nets read; made once
    let all: NetParameter = lenet_for_all().to_param()?;
    println!("{} layers in the description", all.layer.len());
    for (phase, stage) in [(Phase::Train, None), (Phase::Test, None), (Phase::Test, Some("deploy"))] {
        let net = Net::build(&all).phase(phase).stages(stage).make()?;
        println!("\n{phase:?} {}", stage.unwrap_or(""));
        println!("  data {:?}, outputs {:?}", net.shape("data")?, net.outputs());
        println!("  layers {}", net.layer_names().join(" "));
    }

    // %% [markdown]
    // (The two `split` layers hand a blob to two readers. The net inserts them itself.) The builder's `phase` and `stage`
    // decide which of the three you get. Ask for `Phase::Test` when you want to test. Some examples have TRAIN in that
    // place: nothing fails, but you test on the images that the net has learnt from.
    //
    // On the command line both nets also come from one file, which the *solver* file names: `net: "lenet.prototxt"`. Some
    // people write `train -solver .. -model lenet.prototxt`. Caffe's trainer ignores that `-model`; ours ignores it with a
    // warning.
    //
    // How far is this from the file that lesson 00 used? That file has no stage `deploy`, so there should be differences,
    // but only of that kind:

    // %%
    let file: NetParameter = text::read::<NetParameter>(root.join("proto/lenet_train_test.prototxt"))?.message;
    for difference in diff(&file, &all) {
        println!("{difference}");
    }

    // %% [markdown]
    // ## Weights from a file
    //
    // A description holds no weights. They are in a second file, a `.caffemodel`, and are found **by the layer's name**.
    // Suppose you have a LeNet for digits and want one for the 26 letters. The last layer has to be new, while the others
    // may keep what they know. So you give the last layer a new name, load the file, and read the report.

    // %%
    let weights = std::env::temp_dir().join("cortado/lesson_01.caffemodel");
    net.save(&weights)?;
    let mut letters = Net::build(&lenet(26, "ip2_letters").to_param()?).phase(Phase::Train).seed(1).make()?;
    let report = letters.copy_trained_layers_from(&weights)?;
    println!("copied:   {:?}", report.copied);
    println!("left new: {:?}", report.left_new);
    println!("unused:   {:?}", report.unused);
    assert_eq!(letters.param("conv2", 0)?.data.slice(), net.param("conv2", 0)?.data.slice());

    // %% [markdown]
    // `left new` lists what the net has and the file lacks; `unused` is the reverse. Read these two lists every time. A
    // misspelt layer name is not an error: the layer keeps its random weights, and only the report says so.
    //
    // With the old name the shapes do not fit. That is an error, and nothing is copied:

    // %%
    let mut letters = Net::new(&lenet(26, "ip2").to_param()?, Phase::Train)?;
    if let Err(e) = letters.copy_trained_layers_from(&weights) {
        println!("{}", e.to_string().replace(&weights.display().to_string(), "lesson_01.caffemodel"));
    }

    // %% [markdown]
    // ## A net from a paper
    //
    // SRCNN (Dong et al. 2014) sharpens an enlarged, blurred image. It is three convolutions: 64 kernels of 9 x 9, 32 of 1 x
    // 1, and one of 5 x 5, hence *9-1-5*. Its file was published. Here it is, set a little more tightly:

    // %%
    const PUBLISHED: &str = r#"
    name: "SRCNN"
    layer { name: "data" type: "HDF5Data" top: "data" top: "label" include: { phase: TRAIN }
            hdf5_data_param { source: "examples/SRCNN/train.txt" batch_size: 128 } }
    layer { name: "data" type: "HDF5Data" top: "data" top: "label" include: { phase: TEST }
            hdf5_data_param { source: "examples/SRCNN/test.txt" batch_size: 2 } }
    layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
            param { lr_mult: 1 } param { lr_mult: 0.1 }
            convolution_param { num_output: 64 kernel_size: 9 stride: 1 pad: 0
                                weight_filler { type: "gaussian" std: 0.001 } bias_filler { type: "constant" value: 0 } } }
    layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
    layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
            param { lr_mult: 1 } param { lr_mult: 0.1 }
            convolution_param { num_output: 32 kernel_size: 1 stride: 1 pad: 0
                                weight_filler { type: "gaussian" std: 0.001 } bias_filler { type: "constant" value: 0 } } }
    layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
    layer { name: "conv3" type: "Convolution" bottom: "conv2" top: "conv3"
            param { lr_mult: 0.1 } param { lr_mult: 0.1 }
            convolution_param { num_output: 1 kernel_size: 5 stride: 1 pad: 0
                                weight_filler { type: "gaussian" std: 0.001 } bias_filler { type: "constant" value: 0 } } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "conv3" bottom: "label" top: "loss" }
    "#;
    let published: NetParameter = text::parse::<NetParameter>(PUBLISHED, "SRCNN_net.prototxt")?.message;
    println!("{} layers", published.layer.len());

    // %% [markdown]
    // And here is the same net in code, as in a tutorial: three convolutions, each with its ReLU. The data source is an
    // argument, so that we can also build the net with inputs. Fields at their defaults are left out.

    // %%
    fn srcnn(source: impl LayerSpec, relu3: bool) -> NetSpec {
        let conv = |outputs, kernel: u32, lr| {
            Convolution::new(outputs, kernel).weight_filler(gaussian(0.001)).lr_mult([lr, 0.1])
        };
        let mut n = NetSpec::new("SRCNN");
        let [data, label] = n.tops("data", [], source, ["data", "label"]);
        let conv1 = n.layer("conv1", &data, conv(64, 9, 1.0));
        n.in_place("relu1", &conv1, Relu::new());
        let conv2 = n.layer("conv2", &conv1, conv(32, 1, 1.0));
        n.in_place("relu2", &conv2, Relu::new());
        let conv3 = n.layer("conv3", &conv2, conv(1, 5, 0.1));
        if relu3 {
            n.in_place("relu3", &conv3, Relu::new());
        }
        n.layer("loss", [&conv3, &label], EuclideanLoss::new());
        n
    }
    let source = Hdf5Data::new("examples/SRCNN/train.txt", 128).include(Phase::Train);
    let code: NetParameter = srcnn(source, true).to_param()?;

    // %% [markdown]
    // **What will this print?** How many differences does `diff` find between the published file and the code? Compare them
    // yourself first: the strides and pads that the code does not mention, the bias fillers, the layers one by one.

    // %%
    for difference in diff(&published, &code) {
        println!("{difference}");
    }

    // %% [markdown]
    // Two, and neither is where you would look. Strides, pads and bias fillers have their default values, so they do not
    // differ. But the code has no data for TEST, and it has a ReLU after the *last* convolution. "Every convolution gets its
    // ReLU" is such a habit that the hand types it unasked.
    //
    // One more `tops`, with `include(Phase::Test)`, mends the first. Is the second one bad? The values of an image are never
    // negative, so you might think that it helps. Let us see what backward says. The weights are small and random, so the
    // outputs of a new net are small and of either sign. We try twenty seeds: how many of the 882 pixels send a gradient
    // back, and does any of it reach `conv1`?

    // %% tol=0.1
    fn first_pass(relu3: bool, seed: u64) -> Result<Net> {
        let inputs = Input::new([2, 1, 33, 33]).and([2, 1, 21, 21]);
        let mut net = Net::build(&srcnn(inputs, relu3).to_param()?).phase(Phase::Train).seed(seed).make()?;
        Random::new(seed, "pixels", 0).uniform(0.0, 1.0, net.data_mut("data")?.slice_mut());
        Random::new(seed, "sharp pixels", 0).uniform(0.0, 1.0, net.data_mut("label")?.slice_mut());
        net.forward()?;
        net.backward()?;
        Ok(net)
    }
    for relu3 in [false, true] {
        let (mut speak, mut dead) = (Vec::new(), Vec::new());
        for seed in 0..20 {
            let net = first_pass(relu3, seed)?;
            let dy = net.blob_version("conv3", 0)?.diff.slice();
            speak.push(dy.iter().filter(|dy| **dy != 0.0).count());
            if net.param("conv1", 0)?.diff.asum() == 0.0 {
                dead.push(seed);
            }
        }
        println!("relu3: {relu3}\n  pixels with a gradient {speak:?}\n  seeds without any: {dead:?}");
    }

    // %% [markdown]
    // Without `relu3` every pixel sends a gradient. With it, that is a matter of luck. Where the output is negative, the
    // ReLU passes no gradient. All pixels come from the same few kernels, so they tend to be negative together. Some nets
    // begin with a handful of pixels, and one of the twenty is dead before its first step. Here it is. Read the picture from
    // the bottom: `relu3` gets a gradient, and the layers before it get none.

    // %%
    let dead: Net = first_pass(true, 2)?;
    println!("{}", dead.why_zero_param("conv1", 0)?);
    show(&dead.trace()?)?;

    // %% [markdown]
    // ## Why the image gets smaller
    //
    // You may have wondered about the label: 21 x 21 for an image of 33 x 33. The file does not mention it. It follows from
    // the kernels. A kernel of 9 must fit *inside* the image, so there are fewer places for it than pixels. Along an axis:
    //
    // $$ out = \left\lfloor \frac{in + 2 \cdot pad - kernel}{stride} \right\rfloor + 1 $$
    //
    // First we count the places in a loop, then we ask the net. `explain` tells you where a blob's shape comes from.

    // %%
    let sharp: Net = first_pass(false, 0)?;
    let mut side = 33;
    for (blob, kernel) in [("conv1", 9), ("conv2", 1), ("conv3", 5)] {
        let mut places = 0;
        for left in 0..side {
            if left + kernel <= side {
                places += 1;
            }
        }
        println!("{blob}: a kernel of {kernel} has {places} places in {side} pixels");
        println!("  {}", sharp.explain(blob)?.arithmetic.unwrap_or_default());
        side = places;
        assert_eq!(sharp.shape(blob)?[3], side);
    }

    // %% [markdown]
    // The net loses 8, 0 and 4 pixels: 12 in all, 6 on each side. Which ones? We set the weights by hand so that the net
    // changes nothing: each kernel has a 1 in its middle and 0 elsewhere, and only the first map is used. Then we send a
    // digit through.

    // %%
    let mut same: Net = first_pass(false, 0)?;
    let digit: Vec<u8> = Mnist::load(root.join("data/mnist"))?.test.image(0).to_vec();
    for (layer, middle) in [("conv1", 4 * 9 + 4), ("conv2", 0), ("conv3", 2 * 5 + 2)] {
        let w = &mut same.param_mut(layer, 0)?.data;
        w.fill(0.0);
        w.slice_mut()[middle] = 1.0;
    }
    same.data_mut("data")?.fill(0.2); // a grey frame
    for (i, pixel) in digit.iter().enumerate() {
        let (row, column) = (i / 28 + 2, i % 28 + 2);
        same.data_mut("data")?.slice_mut()[33 * row + column] = *pixel as f32 / 255.0;
    }
    same.forward()?;
    let mut pair = Values::new(&[2, 1, 33, 33])?;
    pair.fill(0.5);
    pair.slice_mut()[..33 * 33].copy_from_slice(&same.data("data")?.slice()[..33 * 33]);
    for row in 0..21 {
        for column in 0..21 {
            let (i, y) = (33 * (row + 6) + column + 6, same.data("conv3")?.slice()[21 * row + column]);
            assert_eq!(y, pair.slice()[i]);
            pair.slice_mut()[33 * 33 + i] = y;
        }
    }
    show(&Images::of(&pair)?.captions(["in: 33 x 33", "out: 21 x 21"]).title("What is left of a picture").tile(150.0))?;

    // %% [markdown]
    // The output is the middle of the input, without a frame of 6 pixels. So when you make the data, you must cut the same
    // frame off the sharp images. If you forget, the loss tells you:

    // %%
    let forgotten = srcnn(Input::new([2, 1, 33, 33]).and([2, 1, 33, 33]), false).to_param()?;
    if let Err(e) = Net::new(&forgotten, Phase::Train) {
        println!("{e}");
    }

    // %% [markdown]
    // (`pad: 4`, `0` and `2` would keep the size, at the price of zeros around each image.)
    //
    // Pooling has the same formula with one difference. Where the stride does not divide evenly, convolution rounds *down*
    // and leaves out the last pixels, while pooling rounds *up* and lets the last window hang over the edge:

    // %%
    let mut n = NetSpec::new("rounding");
    let x = n.layer("x", [], Input::new([1, 1, 33, 33]));
    n.layer("conv", &x, Convolution::new(1, 2).stride(2));
    n.layer("pool", &x, Pooling::max(2, 2));
    let rounding = Net::new(&n.to_param()?, Phase::Test)?;
    for blob in ["conv", "pool"] {
        println!("{blob}: {}", rounding.explain(blob)?.arithmetic.unwrap_or_default());
    }

    // %% [markdown]
    // ## A ResNet in a page
    //
    // In a residual net (He et al. 2015) a block does not compute its output. It computes what is *added to its input*:
    // $y = relu(x + f(x))$. In a prototxt each block is more than 80 lines, copied and renamed by hand. Here it is a function.
    //
    // These are the paper's nets for images of 32 x 32: three stages of $k$ blocks, with 16, 32 and 64 maps. A block is two
    // convolutions, so with the first and the last layer there are $6k + 2$. The second and the third stage begin by halving
    // the image, and the input passes through a 1 x 1 convolution so that it can be added. The name `AUTO` becomes conv1,
    // bn1, and so on.

    // %%
    fn conv_bn(n: &mut NetSpec, x: &Top, conv: Convolution) -> Top {
        let y = n.layer(AUTO, x, conv.bias_term(false).weight_filler(msra()));
        n.in_place(AUTO, &y, BatchNorm::new());
        n.in_place(AUTO, &y, Scale::new().bias_term(true))
    }

    fn block(n: &mut NetSpec, x: &Top, maps: u32, stride: u32) -> Top {
        let y = conv_bn(n, x, Convolution::new(maps, 3).pad(1).stride(stride));
        n.in_place(AUTO, &y, Relu::new());
        let y = conv_bn(n, &y, Convolution::new(maps, 3).pad(1));
        let x = if stride > 1 { conv_bn(n, x, Convolution::new(maps, 1).stride(stride)) } else { x.clone() };
        let sum = n.layer(AUTO, [&x, &y], Eltwise::sum());
        n.in_place(AUTO, &sum, Relu::new())
    }

    fn resnet(k: u32) -> NetSpec {
        let mut n = NetSpec::new(&format!("ResNet-{}", 6 * k + 2));
        let [data, label] = n.tops(AUTO, [], Input::new([1, 3, 32, 32]).and([1]), ["data", "label"]);
        let x = conv_bn(&mut n, &data, Convolution::new(16, 3).pad(1));
        let mut x = n.in_place(AUTO, &x, Relu::new());
        for maps in [16, 32, 64] {
            for i in 0..k {
                x = block(&mut n, &x, maps, if maps > 16 && i == 0 { 2 } else { 1 });
            }
        }
        let mean = n.layer(AUTO, &x, Pooling::global_ave());
        let scores = n.layer(AUTO, &mean, InnerProduct::new(10).weight_filler(msra()));
        n.layer(AUTO, [&scores, &label], SoftmaxWithLoss::new());
        n
    }
    let small = Net::new(&resnet(1).to_param()?, Phase::Train)?;
    show(&small)?;

    // %% [markdown]
    // The smallest one has 8 layers with weights. Is it right? We can count. A convolution has $9 \cdot in \cdot out$
    // weights, and the normalisation after it has two numbers for each map, a scale and a shift. (BatchNorm also keeps
    // statistics. They are in the weights file, but they are not learnt.) We count with a loop, ask the nets, and compare
    // with the paper's table.

    // %%
    fn by_hand(k: usize) -> usize {
        let conv_bn = |x, y, kernel: usize| kernel * kernel * x * y + 2 * y;
        let mut count = conv_bn(3, 16, 3);
        let mut x = 16;
        for y in [16, 32, 64] {
            for _ in 0..k {
                count += conv_bn(x, y, 3) + conv_bn(y, y, 3);
                if x != y {
                    count += conv_bn(x, y, 1);
                }
                x = y;
            }
        }
        count + 64 * 10 + 10
    }
    let mut lines: Vec<(f64, f64)> = Vec::new();
    for (k, paper) in [(3, "0.27"), (5, "0.46"), (7, "0.66"), (9, "0.85"), (18, "1.7")] {
        let spec = resnet(k);
        let net = Net::new(&spec.to_param()?, Phase::Train)?;
        let mut learned = 0;
        for (blob, of) in net.store().iter() {
            if net.layer_type(&of.layer)? != "BatchNorm" {
                learned += blob.count();
            }
        }
        println!("{:<10}  {:>9} parameters; the paper: {paper} million", net.name(), thousands(learned));
        assert_eq!(learned, by_hand(k as usize));
        lines.push(((6 * k + 2) as f64, spec.to_prototxt()?.lines().count() as f64));
    }
    show(&Chart::new("Lines of prototxt that 30 lines of Rust write").axes("depth", "lines").line("prototxt", &lines))?;

    // %% [markdown]
    // The numbers are the paper's. (Ours are larger by 2,752, the two 1 x 1 convolutions: the paper's small nets pad with
    // zeros instead.) The nets of the zoo, `proto/zoo`, are written like this, GoogLeNet and ResNet-152 among them. Open the
    // file: [src/net_spec.rs](../src/net_spec.rs).
    //
    // ## What to remember
    //
    // - A net is a message. Prototxt is one way to write it down, Rust another; `diff` says whether two are the same net.
    // - An error names the file, the line and the field, and usually says what to do. A wrong bottom that exists is *not* an
    //   error.
    // - Two layers may share a name if no phase has both. One spec describes all the nets you need.
    // - Weights are matched by layer name. Read the report.
    // - No ReLU on the last layer unless you mean it.
    // - Convolution rounds down and pooling up; `explain` shows the arithmetic.
    // - A block is a function.
    //
    // ## Exercises
    //
    // Each is a program in `lessons/exercises/src/bin` with a hole for you to fill.
    //
    // - **01.1** How large is the last blob? The arithmetic of shapes: `cargo run --release -p exercises --bin exercise_01_1`
    // - **01.2** One spec, two nets of any depth, with rules: `cargo run --release -p exercises --bin exercise_01_2`
    // - **01.3** A bottleneck, the block of the deep ResNets: `cargo run --release -p exercises --bin exercise_01_3`
    //
    // `cargo run --release --bin check 01` checks your answers.
    //
    // Next: [lesson 02](02_network_manipulation.rs), where we look inside a net and put in our own numbers.

    Ok(())
}
