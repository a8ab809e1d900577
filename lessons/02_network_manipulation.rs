//! # Lesson 02: network manipulation
//!
//! In lesson 00 a solver trained a net, and we watched. Now we take the net into our own hands. At the end of this lesson
//! you can
//!
//! - look at everything in a net by its name: layers, blobs, parameters, and who feeds whom;
//! - put your own numbers into it, and know that they really arrive;
//! - run it forward and backward, whole or in part;
//! - ask it for the gradient of anything, not only of the loss;
//! - change its weights by hand to make the loss smaller.
//!
//! ```sh
//! cargo run --release --bin 02_network_manipulation
//! ```

use cortado::data::mnist;
use cortado::log::Level;
use cortado::proto::{NetParameter, text};
use cortado::random::Random;
use cortado::show::{Chart, Histogram, Images, show};
use cortado::{Device, Log, Net, Phase, Values, files};

fn main() -> cortado::Result<()> {
    // %% [markdown]
    // ## A net from a file
    //
    // A net needs a file that describes it, and a phase: `Phase::Train` or `Phase::Test`. The shortest way is one call,
    // `Net::from_file(path, Phase::Train)?`. We take the longer way once, because it shows what else a net is made from.
    // Each thing is a plain value that you pass in; nothing is set behind the scenes.
    //
    // - **The device**: the processor that does the arithmetic. `Device::cpu()` is the CPU, `Device::best()?` the best
    //   device available. To switch, change this one line.
    // - **The seed**: one number for everything random in the net. The same seed gives the same net.
    // - **The log**: where the library's messages go. `Log::silent()` discards them; without a log, warnings go to the
    //   terminal, and the environment variable `GLOG_minloglevel` can ask for more (0) or less (2). Ours prints warnings
    //   only.
    //
    // Relative paths in the file are resolved from the current folder and from the project's root, so a notebook and a
    // program find the same data.

    // %%
    let root = files::root()?;
    mnist::ensure_lmdb(&root)?; // the databases that the net reads; made once
    let device = Device::cpu();
    let log = Log::to(|level, line| {
        if level == Level::Warning {
            println!("warning: {line}");
        }
    });
    let file = root.join("proto/lenet_train_test.prototxt");
    let mut net = cortado::net::Builder::read(&file)?.phase(Phase::Train).device(&device).seed(0).log(&log).make()?;
    show(&net)?;

    // %% [markdown]
    // ## Layers
    //
    // The table is for people. A program asks for the same things by name: `layer_names()` gives the layers in the order in
    // which they run, `layer_type(name)` the type of each, and `params(name)` its learnable blobs. Most layers have none, or
    // two: number 0 is the weights, number 1 the biases.

    // %%
    println!("Network layers:");
    for name in net.layer_names() {
        println!("{name:<7}: {:17}({} blobs)", net.layer_type(name)?, net.params(name)?.len());
    }
    println!("\nconvolutions: {:?}", net.layers_of_type("Convolution"));

    // %% [markdown]
    // A parameter is a **blob**: an array twice. `data` holds the values, `diff` the gradient of the loss with respect to them.
    // Both have the same shape. For images the four axes have traditional names: `num` images of `channels` planes, each
    // `height` by `width`. `count` is their product. For a missing axis, the method returns 1.

    // %%
    for i in 0..2 {
        let w = net.param("conv1", i)?;
        println!("conv1, blob {i}: shape {:?}", w.shape());
        println!("  num {}, channels {}, height {}, width {}", w.num(), w.channels(), w.height(), w.width());
        println!("  count {}; shape of data {:?}, of diff {:?}", w.count(), w.data.shape(), w.diff.shape());
        assert_eq!(w.count(), w.num() * w.channels() * w.height() * w.width());
    }

    // %% [markdown]
    // The same seed makes the same weights, down to the last bit. Another seed makes others.

    // %%
    for seed in [0, 0, 1] {
        let other = cortado::net::Builder::read(&file)?.phase(Phase::Train).device(&device).seed(seed).make()?;
        println!("seed {seed}: conv1's weights are {}", other.param("conv1", 0)?.data);
    }

    // %% [markdown]
    // ## Blobs
    //
    // Other blobs flow between the layers, with the values of one batch. `blob_names()` lists them in the order in which the
    // layers make them. The first axis is the batch: 64 images at a time. The loss is a single number, so it has no axes at
    // all: its shape is `[]`.

    // %%
    println!("Blobs:");
    for name in net.blob_names() {
        println!("{name:<5}:  {:?}", net.shape(name)?);
    }

    // %% [markdown]
    // Nine layers, nine blobs, and most names are in both lists. It is tempting to think that a layer and its blob are the
    // same thing. They are not: `mnist` makes two blobs with names of their own, and `relu1` makes none. If you mix them up,
    // the net tells you.

    // %%
    for name in net.layer_names() {
        if !net.has_blob(name) {
            println!("layer {name}: no blob is called so; its tops are {:?}", net.top_names(name)?);
        }
    }
    println!();
    if let Err(e) = net.data("relu1") {
        println!("net.data(\"relu1\"): {e}\n");
    }
    if let Err(e) = net.params("cnov1") {
        println!("net.params(\"cnov1\"): {e}");
    }

    // %% [markdown]
    // ## Who feeds whom
    //
    // A layer reads its *bottoms* and writes its *tops*. Data enters at the bottom and rises. These two lists, one pair for
    // every layer, are the whole structure of a net.

    // %%
    for name in net.layer_names() {
        println!("{name:<6} {:?} -> {:?}", net.bottom_names(name)?, net.top_names(name)?);
    }

    // %% [markdown]
    // What comes into the net, and what comes out of it? An *output* is a blob that no layer reads. An *input* is a top of a
    // layer of type `Input`, because those are the blobs that *you* have to fill. People often call `data` and `label` the
    // inputs of this net. But its first layer is of type `Data`: it fills them itself, from a database. So this net has no
    // inputs at all. Keep that in mind for a minute.
    //
    // In the other phase the same file makes another net: other images, 100 at a time, and a second output.

    // %%
    println!("TRAIN: inputs {:?}, outputs {:?}", net.inputs(), net.outputs());
    let test = cortado::net::Builder::read(&file)?.phase(Phase::Test).device(&device).make()?;
    println!("TEST:  inputs {:?}, outputs {:?}, data {:?}", test.inputs(), test.outputs(), test.shape("data")?);
    for name in test.layer_names() {
        if !net.layer_names().contains(&name) {
            println!("a layer that only TEST has: {name} ({})", test.layer_type(name)?);
        }
    }

    // %% [markdown]
    // Two of these are not in the file. In TEST both `accuracy` and `loss` read `ip2` and `label`. A blob with two readers
    // gets a *Split* layer, which hands a copy to each of them and adds up the gradients that come back. The net inserts it.
    //
    // ## Forward, and the first question
    //
    // Let us run an example through the net. We take numbers that no digit has, normally distributed with a standard
    // deviation of 50, in the shape of the batch, and random labels. We copy them into `data` and `label`. If the shapes do
    // not match, you get an error that names both.

    // %%
    let mut batch = Values::new(net.shape("data")?)?;
    Random::new(0, "batch", 0).gaussian(0.0, 50.0, batch.slice_mut());
    let mut labels = Values::new(net.shape("label")?)?;
    for (i, label) in labels.slice_mut().iter_mut().enumerate() {
        *label = Random::new(0, "labels", 0).below(i, 10) as f32;
    }
    net.data_mut("data")?.copy_from(&batch)?;
    net.data_mut("label")?.copy_from(&labels)?;
    println!("data: {}", net.data("data")?);
    if let Err(e) = net.data_mut("data")?.copy_from(&labels) {
        println!("\nlabels into data: {e}");
    }

    // %% [markdown]
    // **What will this print?** We run all layers with `net.forward()?` and look at `data` once more. Its smallest value was
    // about -250 and its largest nearly 200. What will they be after the forward pass? Write your guess down, then run.

    // %%
    let outputs = net.forward()?;
    println!("data: {}", net.data("data")?);
    println!("loss = {:.4}", outputs.loss);
    show(
        &Images::of(net.data("data")?)?
            .take(20)
            .title("What is in data now")
            .captions(net.data("label")?.slice().iter().map(|label| label.to_string())),
    )?;

    // %% [markdown]
    // From 0 to 1: our numbers are gone. Forward runs *all* layers, and the first one, `mnist`, filled `data` and `label` with
    // the first 64 digits of the database and overwrote what we had put there. Nothing failed, and the loss looks quite
    // normal. You could play with such a net for hours and never notice. So the library warns: see the line above that
    // begins with `warning`.
    //
    // There are two right ways. The first: **start after the layer that reads the data**. A range of layers is written like
    // any range in Rust; both ends are layer names, and `..=` includes the last one.

    // %%
    net.data_mut("data")?.copy_from(&batch)?;
    net.data_mut("label")?.copy_from(&labels)?;
    let loss = net.forward_range("conv1"..)?;
    println!("data: {}", net.data("data")?);
    println!("loss = {loss:.2}");
    assert_eq!(net.data("data")?.slice(), batch.slice());

    // %% [markdown]
    // This time our noise went through the net, and the loss shows it. A net that knows nothing about ten classes, and
    // admits it, has the loss $\ln 10 \approx 2.303$, close to what the digits gave. Noise more than a hundred times
    // stronger than an image drives the scores far apart, and now the net is wrong *and* sure of it.
    //
    // The second way: **a net with inputs**. A net read from a file is a message before it is a net, and a message can be
    // changed. We take the Data layers out and put an Input layer in their place.

    // %%
    let mut param = text::read::<NetParameter>(&file)?.message;
    param.layer.retain(|layer| layer.r#type() != "Data");
    let input = r#"
        layer {
          name: "input" type: "Input" top: "data" top: "label"
          input_param { shape { dim: 64 dim: 1 dim: 28 dim: 28 } shape { dim: 64 } }
        }
    "#;
    let input = text::parse::<NetParameter>(input, "the input layer")?.message;
    param.layer.splice(0..0, input.layer);

    let mut lenet = Net::build(&param).phase(Phase::Train).device(&device).seed(0).log(&log).make()?;
    println!("inputs {:?}, outputs {:?}", lenet.inputs(), lenet.outputs());
    println!("the same weights: {}", lenet.param("ip2", 0)?.data.slice() == net.param("ip2", 0)?.data.slice());

    // %% [markdown]
    // The weights are the same as in the other net, because random numbers depend only on the seed and on the names of the
    // layers. Now `forward_with` takes all inputs by name and runs the net. It gets the same loss, bit for bit. A wrong name
    // is an error, and so is a missing one.

    // %%
    {
        let (x, l) = (batch.view().to_owned(), labels.view().to_owned());
        let outputs = lenet.forward_with([("data", &x), ("label", &l)])?;
        println!("loss = {:.2}, difference {}", outputs.loss, outputs.loss - loss);
        assert_eq!(outputs.loss, loss);
        if let Err(e) = lenet.forward_with([("dta", &x), ("label", &l)]) {
            println!("\n{e}");
        }
        if let Err(e) = lenet.forward_with([("data", &x)]) {
            println!("\n{e}");
        }
    }

    // %% [markdown]
    // Such a net also takes batches of any size. Give its inputs another shape, and the next forward passes it on, blob by
    // blob. The weights stay: no weight's shape depends on the number of images.

    // %%
    lenet.reshape_blob("data", &[1, 1, 28, 28])?;
    lenet.reshape_blob("label", &[1])?;
    lenet.forward()?;
    println!("conv1 {:?}, ip2 {:?}", lenet.shape("conv1")?, lenet.shape("ip2")?);

    // %% [markdown]
    // ## Reading the answer
    //
    // Noise has no right answer, so back to digits. We run the whole of the first net: its Data layer reads the next 64.
    // Then every blob holds what its layer computed, and we can look at any of them.
    //
    // The answer is in `ip2`: ten scores for each of the 64 digits, one for each class. The largest score wins. Two loops
    // find it.

    // %% tol=0.01
    net.forward()?;
    let scores: Vec<f32> = net.data("ip2")?.slice().to_vec();
    println!("scores of digit 0: {:.3?}", &scores[0..10]);
    let mut answers = Vec::new();
    for n in 0..64 {
        let mut best = 0;
        for c in 1..10 {
            if scores[10 * n + c] > scores[10 * n + best] {
                best = c;
            }
        }
        answers.push(best);
    }
    assert_eq!(answers, net.data("ip2")?.argmax()); // the library's
    println!("answers: {:?}", &answers[0..16]);
    let right = answers.iter().zip(net.data("label")?.slice()).filter(|(a, l)| **a as f32 == **l).count();
    println!("{right} of 64 are right");

    // %%
    {
        let words = answers.iter().zip(net.data("label")?.slice()).map(|(a, l)| format!("{l}: \"{a}\""));
        show(&Images::of(net.data("data")?)?.take(20).title("What it is: and what the net says").captions(words))?;
    }

    // %% [markdown]
    // It guesses: it has not learnt anything yet. *How badly* it guesses is the loss, the one number that training makes
    // smaller. Let us compute it from the scores with plain loops. The scores $x$ become probabilities by the softmax, $y_c
    // = e^{x_c} / \sum_j e^{x_j}$, and the loss is the mean of $-\ln y_l$, where $l$ is the label. It measures how surprised
    // the net is by the right answer.

    // %%
    let mut sum = 0.0;
    for n in 0..64 {
        let x = &scores[10 * n..10 * n + 10];
        let label = net.data("label")?.slice()[n] as usize;
        let mut total = 0.0;
        for &x in x {
            total += (x as f64).exp();
        }
        sum -= ((x[label] as f64).exp() / total).ln();
    }
    let by_hand = sum / 64.0;
    let by_layer = net.data("loss")?.scalar() as f64;
    println!("by hand {by_hand:.6}, by the layer {by_layer:.6}");
    assert!((by_hand - by_layer).abs() < 1e-6);

    // %% [markdown]
    // Open the file: [src/layers/loss/softmax_loss.rs](../src/layers/loss/softmax_loss.rs). It begins with this formula, in the same
    // letters.
    //
    // ## A view is a loan
    //
    // `net.data("ip2")?` is not a copy. It is a view of the net's own memory, and it costs nothing. In other languages such
    // a view is a trap: you keep it in a variable, the net runs, and the numbers you hold have changed. In Rust the same
    // program does not compile:
    //
    // ```text
    // let scores = net.data("ip2")?;      // borrows the net, to look
    // net.forward()?;                     // error: cannot borrow `net` as mutable
    // println!("{scores}");               //        because it is also borrowed as immutable
    // ```
    //
    // As long as you look, nobody may change what you look at. If you want to keep the numbers, take a copy, and say so:
    // `net.data("ip2")?.clone()`, `.slice().to_vec()` or `.view().to_owned()`. Our `scores` are such a copy. They stay the
    // same while the net moves on to other digits. (In a notebook no look survives its cell: the kernel says that the variable
    // "contains a reference with a non-static lifetime so can't be persisted".)

    // %%
    let before = scores[0];
    net.forward()?; // the next 64 digits
    println!("the copy has not changed: {}", scores[0] == before);
    println!("the blob has: {}", net.data("ip2")?.slice()[0] != before);

    // %% [markdown]
    // ## Writing, and running a part
    //
    // `data_mut` and `param_mut` lend a blob for writing. We add 1 to the bias of class 3 and rerun only the last layer with
    // weights, from the `ip1` that is still there. Each of the 64 scores of class 3 must grow by 1, and no other score may
    // move.

    // %%
    let old: Vec<f32> = net.data("ip2")?.slice().to_vec();
    net.param_mut("ip2", 1)?.data.slice_mut()[3] += 1.0;
    net.forward_range("ip2"..="ip2")?;
    let mut growth = vec![0.0; 10];
    for (i, (new, old)) in net.data("ip2")?.slice().iter().zip(&old).enumerate() {
        growth[i % 10] += (new - old) / 64.0;
    }
    println!("growth of each class, mean of 64: {growth:.3?}");
    net.param_mut("ip2", 1)?.data.slice_mut()[3] -= 1.0; // as it was

    // %% [markdown]
    // ## A layer in place
    //
    // `relu1` reads `ip1` and writes `ip1`: it works *in place*. So two blobs have one name, one from before the ReLU and
    // one from after it. The net keeps both, as *versions* of the blob. The name gives you the one that was written last. If
    // you run only as far as `ip1`, that is the one before the ReLU.

    // %%
    fn least(x: &Values) -> f32 {
        x.slice().iter().copied().fold(f32::INFINITY, f32::min)
    }
    net.forward_range(..="ip1")?;
    println!("after forward_range(..=\"ip1\"): the least value is {:.3}", least(net.data("ip1")?));
    net.forward_range("relu1"..)?;
    println!("after the ReLU:                 the least value is {:.3}", least(net.data("ip1")?));
    for k in 0..net.blob_versions("ip1")? {
        println!("version {k}: {}", net.blob_version("ip1", k)?.data);
    }

    // %% [markdown]
    // ## Backward
    //
    // Forward answers: what is the loss? Backward answers, for every number in the net: if this one grew a little, how much
    // would the loss grow? The answers are the gradients, and they go into the `diff`s.
    //
    // The question must start somewhere. For the loss itself the answer is 1: when the loss grows by a little, it grows by
    // just that much. So the diff of `loss` is 1 and all others follow from it, layer by layer, from the top down. That
    // starting number is called the *loss weight*. Here are the loss weights of all blobs.

    // %%
    println!("{:?}", net.blob_loss_weights());
    println!("diff of the loss: {}", net.diff("loss")?.scalar());

    // %% [markdown]
    // Now the net before and after `backward()`. Each strip shows the blobs in the order of the layers: their data, and their
    // gradients as soon as there are any.

    // %%
    show(&net.trace()?)?;

    // %%
    let weights: Vec<f32> = net.param("conv1", 0)?.data.slice().to_vec();
    net.backward()?;
    show(&net.trace()?)?;

    // %% tol=0.05
    assert_eq!(weights, net.param("conv1", 0)?.data.slice());
    println!("no weight has changed\n");
    println!("mean size of the values of a diff");
    for name in net.layer_names() {
        for (i, w) in net.params(name)?.iter().enumerate() {
            println!("  layer {name:<5} parameter {i}: {:.2e}", w.diff.asum() / w.count() as f32);
        }
    }
    for name in net.blob_names() {
        let dx = net.diff(name)?;
        println!("  blob  {name:<5}            : {:.2e}", dx.asum() / dx.count() as f32);
    }

    // %% [markdown]
    // Every parameter has a gradient now, and no weight has moved: backward only asks. The last lines contain a small proof
    // that a gradient goes where the data came from. The maximum of four values is one of them, so a pooling layer passes
    // each gradient on to one value in four: the mean of `conv1` is a quarter of the mean of `pool1`.
    //
    // Two blobs stayed at zero, `data` and
    // `label`. Nobody asked for their gradients, since an image has nothing to learn, so the net saves itself the work. (A
    // label could not have a gradient: "a bit more 7" means nothing. An image could, and a later lesson uses it.)
    //
    // Here are the 20 filters of `conv1` with their gradients. Orange is positive, blue is negative. The filters are still the
    // noise they were filled with. Their gradients are not noise: neighbours have similar colours, because they are made of
    // the strokes of 64 digits. A gradient points in the direction in which the loss gets *larger*, so learning will go the
    // other way.

    // %% tol=0.05
    show(&Images::signed(&net.param("conv1", 0)?.data)?.title("The filters of conv1"))?;

    // %% tol=0.05
    show(&Images::signed(&net.param("conv1", 0)?.diff)?.title("Their gradients"))?;

    // %% [markdown]
    // And for all 400,000 weights of `ip1` at once: how are the values of their gradient distributed?

    // %% tol=0.1
    show(&Histogram::of(net.param("ip1", 0)?.diff.slice()).title("The gradient of ip1's weights"))?;

    // %% [markdown]
    // ## Diffs add up
    //
    // You must know one thing about backward, or it will bite you. It *sets* the diffs of the blobs, but it *adds to* the
    // diffs of the parameters. There is a good reason: several batches can pass before one update, and a parameter that two
    // layers share gets the sum of both. The price is that you must clear the old gradient before you compute a new one. Run
    // backward twice, and the diffs double; clear them in between, and they do not.

    // %%
    let once: f32 = net.param("ip2", 0)?.diff.sumsq().sqrt();
    net.backward()?;
    let twice: f32 = net.param("ip2", 0)?.diff.sumsq().sqrt();
    net.clear_param_diffs();
    net.backward()?;
    let cleared: f32 = net.param("ip2", 0)?.diff.sumsq().sqrt();
    println!("length of the gradient: {once:.5} once, {twice:.5} twice, {cleared:.5} cleared and once");
    assert!(twice == 2.0 * once && cleared == once);

    // %% [markdown]
    // ## Our own question
    //
    // The question usually starts at the diff of the loss, but we may start anywhere, with any question. For example: how
    // does the score of *one class* depend on the weights? The loss plays no part in this. We start at `ip2`: we set its
    // diff to 1 in column 0 of every row, and to 0 elsewhere. Then we run backward from the layer `ip2` down.
    //
    // **What will this print?** Some would say that this asks "for class 1". And the batch holds 64 digits. Each score is
    // $y_c = \sum_k w_{ck} x_k + b_c$, so the slope of a score with respect to its bias is 1. What will the ten numbers of
    // the gradient of `ip2`'s bias be? Which rows of the gradient of its weights will not be zero? Write it down, then run.

    // %%
    net.clear_param_diffs();
    net.diff_mut("ip2")?.fill(0.0);
    for n in 0..64 {
        net.diff_mut("ip2")?.slice_mut()[10 * n] = 1.0;
    }
    net.backward_range("ip2"..)?;
    println!("gradient of the bias: {:?}", net.param("ip2", 1)?.diff.slice());
    for c in 0..10 {
        let row = &net.param("ip2", 0)?.diff.slice()[500 * c..500 * (c + 1)];
        let largest = row.iter().fold(0.0f32, |m, dw| m.max(dw.abs()));
        println!("row {c} of the weights' gradient: largest value {largest:.3}");
    }

    // %% [markdown]
    // Only row 0 has a gradient. Classes are counted from zero, and class 0 is the digit 0. And the bias says **64**, not 1:
    // every sample of the batch sends the parameter a gradient, and these are *added up*. We asked for the sum of 64 scores
    // and got its slope. If you want the mean, start with $1/64$ instead of 1. The loss layer does exactly this itself: it
    // divides by the batch size.
    //
    // We can also check the row of the weights. The slope of $y_0$ with respect to $w_{0k}$ is $x_k$; summed over the batch,
    // it is the sum of column $k$ of `ip1`, after the ReLU. Three loops against the library:

    // %%
    let mut dw = vec![0.0f64; 10 * 500];
    for n in 0..64 {
        for c in 0..10 {
            for k in 0..500 {
                let (x, dy) = (net.data("ip1")?.slice()[500 * n + k], net.diff("ip2")?.slice()[10 * n + c]);
                dw[500 * c + k] += dy as f64 * x as f64;
            }
        }
    }
    let mut furthest = 0.0f64;
    for (by_hand, by_layer) in dw.iter().zip(net.param("ip2", 0)?.diff.slice()) {
        furthest = furthest.max((by_hand - *by_layer as f64).abs());
    }
    println!("the largest difference is less than 0.0001: {}", furthest < 1e-4);
    assert!(furthest < 1e-4);

    // %% [markdown]
    // Open the file: [src/layers/common/inner_product.rs](../src/layers/common/inner_product.rs). There the three loops are one call to
    // `gemm`, the matrix product; look for `dw` in `backward`.
    //
    // ## Two losses
    //
    // A net may have several losses. Training minimises their weighted sum, and the weight of each loss is the number in its
    // diff. We give LeNet a second task on the same features: is the digit odd? It counts half as much: `loss_weight: 0.5`.

    // %%
    let mut param = param.clone();
    let second = r#"
        layer {
          name: "odd" type: "Input" top: "odd"
          input_param { shape { dim: 64 } }
        }
        layer {
          name: "ip_odd" type: "InnerProduct" bottom: "ip1" top: "ip_odd"
          inner_product_param { num_output: 2 weight_filler { type: "xavier" } }
        }
        layer {
          name: "loss_odd" type: "SoftmaxWithLoss" bottom: "ip_odd" bottom: "odd" top: "loss_odd"
          loss_weight: 0.5
        }
    "#;
    param.layer.extend(text::parse::<NetParameter>(second, "the second task")?.message.layer);
    let mut both = Net::build(&param).phase(Phase::Train).device(&device).seed(0).log(&log).make()?;
    {
        let (x, l) = (net.data("data")?.view().to_owned(), net.data("label")?.view().to_owned());
        let odd = l.mapv(|label| label % 2.0);
        let outputs = both.forward_with([("data", &x), ("label", &l), ("odd", &odd)])?;
        println!("{outputs}");
        println!("loss + 0.5 loss_odd = {:.4}", outputs["loss"].sum() + 0.5 * outputs["loss_odd"].sum());
        println!("the objective       = {:.4}", outputs.loss);
    }
    for (name, weight) in both.blob_loss_weights() {
        if weight != 0.0 {
            println!("loss weight of {name}: {weight}");
        }
    }

    // %% [markdown]
    // The weight is in the diff, so we can also set it there by hand. Let us compute the gradient of `conv1`'s weights three
    // times: for the first loss alone, for the second alone, and for the first plus half of the second. The third must be
    // the first gradient plus half of the second, because the gradient of a sum is the sum of the gradients.

    // %%
    fn gradient(net: &mut Net, loss: f32, loss_odd: f32) -> cortado::Result<Vec<f32>> {
        net.diff_mut("loss")?.fill(loss);
        net.diff_mut("loss_odd")?.fill(loss_odd);
        net.clear_param_diffs();
        net.backward()?;
        Ok(net.param("conv1", 0)?.diff.slice().to_vec())
    }
    let first = gradient(&mut both, 1.0, 0.0)?;
    let second = gradient(&mut both, 0.0, 1.0)?;
    let sum = gradient(&mut both, 1.0, 0.5)?;
    let mut furthest = 0.0f32;
    for i in 0..sum.len() {
        furthest = furthest.max((sum[i] - (first[i] + 0.5 * second[i])).abs());
    }
    println!("the largest difference is less than 0.000001: {}", furthest < 1e-6);
    assert!(furthest < 1e-6);

    // %% [markdown]
    // ## Updating the weights by hand
    //
    // Backward has told us, for each weight $w$, in which direction the loss grows. So we take a small step the other way:
    // $w \leftarrow w - lr \cdot dw$. The number $lr$ is the *learning rate*. `store_mut()` lends all parameters of the net,
    // and `data` and `diff` are two fields of a blob, so you can read one while you write the other.

    // %% tol=0.01
    net.forward()?; // the next batch
    net.clear_param_diffs();
    net.backward()?;
    let saved: Vec<Values> = net.store().iter().map(|(w, _)| w.data.clone()).collect(); // for later

    let before = net.data("loss")?.scalar();
    let lr = 0.01;
    for (w, _) in net.store_mut().iter_mut() {
        w.data.scaled_add(-lr, &w.diff)?;
    }
    let after = net.forward_range("conv1"..)?; // the same batch
    println!("loss before {before:.4}, after {after:.4}");
    assert!(after < before);

    // %% [markdown]
    // The loss of this batch has become smaller. That is all of learning: forward, clear, backward, update.
    //
    // How far should we go? We return to the saved weights and try many rates, always along the same gradient. The gradient
    // promises a slope: to first order, the loss falls by $lr$ times the sum of all $dw^2$. The promise is the straight
    // line; the curve is what happens.

    // %% tol=0.02
    let slope: f32 = net.store().iter().map(|(w, _)| w.diff.sumsq()).sum();
    let (mut happens, mut promise) = (Vec::new(), Vec::new());
    for i in 0..=40 {
        let lr = 0.025 * i as f32;
        for ((w, _), old) in net.store_mut().iter_mut().zip(&saved) {
            w.data.copy_from(old)?;
            w.data.scaled_add(-lr, &w.diff)?;
        }
        let loss = net.forward_range("conv1"..)?;
        happens.push((lr as f64, loss as f64));
        if before - lr * slope > 1.0 {
            promise.push((lr as f64, (before - lr * slope) as f64));
        }
        if i % 8 == 0 {
            println!("lr {lr:.2}: loss {loss:.3}");
        }
    }
    show(
        &Chart::new("The loss after one step, by its size")
            .axes("lr", "loss")
            .line("what happens", &happens)
            .line("what the gradient promises", &promise),
    )?;

    // %% [markdown]
    // Close to zero the two agree: the gradient tells the truth, but only about the point where you stand. Go too far, and
    // the loss rises again.
    //
    // One warning. Our loop treats all parameters alike. The net's file does not: it says `lr_mult: 2` for the biases, so
    // their steps are twice as large, and a solver may also let weights decay. So our step is not yet what `solver.step(1)`
    // does. The next lesson closes that gap, and then lets you write your own update rule.
    //
    // ## What to remember
    //
    // - Everything in a net has a name. Layers and blobs have separate names, and an in-place layer makes a new version of
    //   its blob.
    // - Inputs are the tops of `Input` layers. A `Data` layer overwrites what you put into its tops: start after it, or use a net
    //   with inputs.
    // - A view borrows the net; a copy is yours.
    // - `forward_range("conv1"..)` and `backward_range("ip2"..)` run a part. Both ends are names of layers.
    // - Backward starts from what is in the top diffs: the loss weight, or whatever you put there. Gradients add up over the
    //   batch.
    // - Parameter diffs add up over passes as well: clear them first.
    //
    // ## Exercises
    //
    // Each is a program in `lessons/exercises/src/bin` with a hole for you to fill.
    //
    // - **02.1** What the ReLU threw away: `cargo run --release -p exercises --bin exercise_02_1`
    // - **02.2** Why this class and not that one, a gradient of your own: `cargo run --release -p exercises --bin exercise_02_2`
    // - **02.3** Only the last layer learns, a few steps by hand: `cargo run --release -p exercises --bin exercise_02_3`
    //
    // `cargo run --release --bin check 02` checks your answers.
    //
    // Next: [lesson 03](03_custom_solver.rs), where we write our own solver.

    Ok(())
}
