//! # Lesson 06: seeing inside
//!
//! A net that knows its digits keeps that knowledge somewhere: in 431,080 numbers that nobody wrote. In this lesson we make
//! it show us. The tool is one we already have, backward, with a new question: not "how must the weights change?" but "what
//! in the *image* mattered?". At the end you can
//!
//! - look at filters and feature maps, and ask the net how a blob is computed;
//! - run backward one layer at a time, and say what it writes where;
//! - get the gradient of a score with respect to the image, and find out why when it is zero;
//! - change gradients on their way down: guided backpropagation, in any net;
//! - let the net dream: change an image until the net sees in it what you asked for.
//!
//! ```text
//! cargo run --release --bin 06_seeing_inside
//! ```

use cortado::data::idx::Labelled;
use cortado::data::mnist;
use cortado::layer::*;
use cortado::layers::relu::Relu;
use cortado::proto::{LayerParameter, NetParameter, text};
use cortado::random::Random;
use cortado::show::{Images, show};
use cortado::solver::Builder;
use cortado::{Blob, Layers, Log, Net, Result, Values, files};

fn main() -> Result {
    // %% [markdown]
    // ## A net that knows something
    //
    // LeNet learns for 300 iterations. Then its weights go into the deploy net, `proto/lenet.prototxt`: the same layers
    // without a database and without a loss, ending in probabilities.

    // %% tol=0.05
    let root = files::root()?;
    mnist::ensure_lmdb(&root)?;
    let mut builder = Builder::read(root.join("proto/lenet_solver.prototxt"))?;
    (builder.param_mut().display, builder.param_mut().snapshot) = (Some(0), Some(0));
    builder.param_mut().test_initialization = Some(false);
    let mut solver = builder.seed(1).log(&Log::silent()).make()?;
    solver.step(300)?;
    println!("accuracy {:.2}", solver.test(0)?.get("accuracy").unwrap_or(0.0));
    let trained = solver.net().to_proto(false)?;
    let lenet = text::read::<NetParameter>(root.join("proto/lenet.prototxt"))?.message;
    let mut net = Net::build(&lenet).phase(Phase::Test).log(&Log::silent()).make()?;
    println!("copied {:?}", net.copy_trained_layers(&trained, false)?.copied);

    // %% [markdown]
    // We give it a digit of each class that it has never seen: the first of its class in the test set.

    // %%
    let mut digits = Values::new(&[10, 1, 28, 28])?;
    {
        let folder = root.join("data/mnist");
        let test = Labelled::read(folder.join("t10k-images-idx3-ubyte.gz"), folder.join("t10k-labels-idx1-ubyte.gz"))?;
        for class in 0..10 {
            let first = (0..test.len()).find(|&i| test.labels[i] as usize == class).unwrap_or(0);
            let x = &mut digits.slice_mut()[784 * class..784 * (class + 1)];
            for (x, byte) in x.iter_mut().zip(test.image(first)) {
                *x = *byte as f32 / 256.0;
            }
        }
    }
    net.reshape_blob("data", &[10, 1, 28, 28])?;
    net.data_mut("data")?.copy_from(&digits)?;
    net.forward()?;
    println!("its answers: {:?}", net.data("prob")?.argmax());

    // %% [markdown]
    // One is wrong: it takes the 5 for a 6.
    //
    // ## Forward: filters and feature maps
    //
    // The first look costs nothing. A filter of `conv1` has the shape of a small image, so show it as one. Orange is positive,
    // blue negative. In lesson 02 the filters were noise. Now some have an orange and a blue side: they look for edges.

    // %% tol=any
    show(&Images::signed(&net.param("conv1", 0)?.data)?.title("The filters of conv1, trained"))?;

    // %% [markdown]
    // And here is what they find in the 4. A *feature map* is one channel of a blob: how strongly the filter responds at
    // each place.

    // %% tol=any
    let mut maps = Values::new(&[20, 24, 24])?;
    maps.slice_mut().copy_from_slice(&net.data("conv1")?.slice()[4 * 11520..5 * 11520]);
    show(&Images::signed(&maps)?.title("The 20 feature maps of conv1, for the 4"))?;

    // %% [markdown]
    // That soon stops working. The filters of `conv2` have 20 channels each, a row of `ip1` has 800 numbers with no place in
    // the image, and `ip1` itself is 500 numbers per digit. What *is* such a blob? The net can at least tell us how it is
    // computed.

    // %%
    println!("{}", net.explain("ip1")?);

    // %% [markdown]
    // Read the last lines again: backward does not reach `ip1`. We want gradients, so that will have to change.
    //
    // ## All zero
    //
    // How much does each *pixel* matter for the score of a class? That is a gradient: $\partial y_c / \partial x$, one number
    // for each pixel, the slope of the score when that pixel becomes a little lighter. It should be in the diff of `data`
    // after a backward. So: forward, backward, look.

    // %%
    fn size(x: &Values) -> f32 {
        x.asum() / x.count() as f32 // the mean of |x|
    }
    net.forward()?;
    net.backward()?;
    println!("the mean of |diff| at data: {}", size(net.diff("data")?));

    // %% [markdown]
    // All 7840 numbers are zero, and nothing failed. The log would have warned us, but we built the net with a silent one to find
    // the reason ourselves. Why zero? This may be the question most often asked about gradients of images, and it has many
    // answers. `why_zero` walks from the blob up to the loss and names the first one that applies.

    // %%
    println!("{}", net.why_zero("data")?);

    // %% [markdown]
    // *Nobody asked for it.* A net computes the gradients that learning needs and no others, so nothing below the lowest
    // layer that learns. Besides, this net has no loss, so it runs no layer backward at all. `force_backward` asks for
    // everything.

    // %%
    fn net_of(param: &NetParameter, trained: &NetParameter, digits: &Values) -> Result<Net> {
        let mut net = Net::build(param).phase(Phase::Test).log(&Log::silent()).make()?;
        net.copy_trained_layers(trained, false)?;
        net.reshape_blob("data", digits.shape())?;
        net.data_mut("data")?.copy_from(digits)?;
        net.forward()?;
        Ok(net)
    }

    let mut forced = lenet.clone();
    forced.force_backward = Some(true);
    let mut net = net_of(&forced, &trained, &digits)?;
    net.backward()?;
    println!("the mean of |diff| at data: {}", size(net.diff("data")?));
    println!("{}", net.why_zero("data")?);

    // %% [markdown]
    // Still zero, for another reason. Backward starts from what it finds in the top diff. A loss has its loss weight there;
    // a net without a loss has 0, and passes it down faithfully. We have to *seed* it. The usual advice is: set the diff of
    // the last blob to 1.
    //
    // **What will this print?** We seed `prob` twice. First with 1 everywhere; then with 1 only for the true class of each
    // digit, and 0 elsewhere. Which of the two gives the larger gradient at `data`: all ten classes together, or one alone?
    // By roughly how much?

    // %% tol=any
    /// 1 for unit n of sample n, 0 for all others.
    fn seed_own(net: &mut Net, blob: &str) -> Result {
        let samples = net.shape(blob)?[0];
        let units = net.diff(blob)?.count() / samples;
        net.diff_mut(blob)?.fill(0.0);
        for n in 0..samples {
            net.diff_mut(blob)?.slice_mut()[units * n + n] = 1.0;
        }
        Ok(())
    }

    net.diff_mut("prob")?.fill(1.0);
    net.backward()?;
    let all = size(net.diff("data")?);
    let why = net.why_zero("data")?;

    seed_own(&mut net, "prob")?;
    net.backward()?;
    let one = size(net.diff("data")?);
    println!("all ten: {all:.1e}, one alone: {one:.1e}\n\n{why}");
    assert!(all < 1e-4 * one);

    // %% [markdown]
    // All ten together give *nothing* but rounding errors. The ten probabilities always add up to 1, whatever the image; the
    // slope of a sum that never changes is 0. It is nearly but not exactly zero, because the terms cancel in floats, and
    // that makes it worse: scaled up and drawn, it looks like something.
    //
    // One alone is better, but still not what we want. When a net is sure, its probability is 0.999, and no pixel can raise
    // it much: its slope is nearly zero. The *score* below, `ip2`, does not flatten. So seed `ip2`, and let backward begin
    // there.

    // %% tol=0.05
    seed_own(&mut net, "ip2")?;
    net.backward_range("ip2"..)?;
    println!("the mean of |diff| at data: {:.3}", size(net.diff("data")?));
    println!("{}", net.why_zero("data")?);

    // %% [markdown]
    // ## A collection of zeros
    //
    // There it is. Before we look at it, here are the other ways to get nothing, each in its own net, so that you will
    // recognise them when you meet them.

    // %%
    fn tell(what: &str, net: &Net, blob: &str) -> Result {
        println!("{what}\n  {}\n", net.why_zero(blob)?);
        Ok(())
    }

    let mut n = net_of(&forced, &trained, &digits)?;
    seed_own(&mut n, "ip2")?;
    n.backward()?;
    tell("ip2 is seeded, but backward begins at the top:", &n, "data")?;

    let mut n = net_of(&forced, &trained, &digits)?;
    seed_own(&mut n, "ip2")?;
    n.backward_range("ip2"..="conv2")?;
    tell("backward ends too early:", &n, "data")?;

    let mut n = net_of(&forced, &trained, &digits)?;
    seed_own(&mut n, "ip2")?;
    n.backward_range("pool2"..)?;
    tell("it begins below what was seeded:", &n, "data")?;

    let mut n = net_of(&forced, &trained, &digits)?;
    n.param_mut("ip1", 1)?.data.fill(-100.0);
    n.forward()?;
    seed_own(&mut n, "ip2")?;
    n.backward_range("ip2"..)?;
    tell("all units of ip1 are off:", &n, "data")?;

    let mut n = Net::build(&forced).phase(Phase::Test).make()?;
    n.forward()?;
    n.diff_mut("ip2")?.fill(1.0);
    n.backward_range("ip2"..)?;
    tell("the weights were never copied:", &n, "data")?;

    // %% [markdown]
    // The first of them is nasty: the seed was right, but backward overwrote it. `prob` had the diff 0, the Softmax turned
    // it into a 0 for `ip2`, and our ones were gone. Begin where you seeded.
    //
    // A net that trains has two more. It has a loss, so you need not seed anything. Its `data` gets no gradient, because
    // nobody asks; `propagate_down` on the first convolution asks for just this one, which is cheaper than forcing
    // everything. The same field, set to false further up, cuts the path.

    // %% tol=0.05
    let text = r#"
        layer { name: "input" type: "Input" top: "data" top: "label"
                input_param { shape { dim: 10 dim: 1 dim: 28 dim: 28 } shape { dim: 10 } } }
    "#;
    let mut training = text::parse::<NetParameter>(text, "the inputs")?.message;
    training.layer.extend(lenet.layer[1..8].iter().cloned());
    let text = r#"layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }"#;
    training.layer.extend(text::parse::<NetParameter>(text, "the loss")?.message.layer);
    let (mut asked, mut cut) = (training.clone(), training.clone());
    asked.layer[1].propagate_down = vec![true]; // conv1
    cut.layer[7].propagate_down = vec![false]; // ip2
    for (what, param, blob) in
        [("as it trains:", &training, "data"), ("asked for:", &asked, "data"), ("cut off further up:", &cut, "pool1")]
    {
        let mut n = net_of(param, &trained, &digits)?;
        for class in 0..10 {
            n.data_mut("label")?.slice_mut()[class] = class as f32;
        }
        n.forward()?;
        n.backward()?;
        tell(what, &n, blob)?;
    }

    // %% [markdown]
    // So which file should you use for gradients of an image, the one for training or the deploy file? Either. With a loss
    // you ask what makes the *loss* larger, and get the answer divided by the batch size; with a seed you ask whatever you
    // like.
    //
    // ## Layer by layer
    //
    // `backward_range` can stop anywhere and continue later. What does a partial backward return? Here nothing; in other
    // libraries a table of diffs, but that is only a convenience. The result is in the blobs: a layer that runs backward
    // reads the diff of its top and writes the diff of its bottom. The last layer of the range is the last that *runs*, so
    // after `"ip2"..="conv2"` the diff of `pool1` is new, and everything below it is as it was before: **old, not zero**. To
    // see it, we ask first for the 8, in the row of the 4, then for the 4, and stop half way.

    // %% tol=0.05
    fn seed(net: &mut Net, blob: &str, n: usize, unit: usize) -> Result {
        let units = net.diff(blob)?.count() / net.shape(blob)?[0];
        net.diff_mut(blob)?.fill(0.0);
        net.diff_mut(blob)?.slice_mut()[units * n + unit] = 1.0;
        Ok(())
    }
    seed(&mut net, "ip2", 4, 8)?;
    net.backward_range("ip2"..)?;
    let eight = net.diff("data")?.clone();
    let at_pool1 = net.diff("pool1")?.clone();

    seed(&mut net, "ip2", 4, 4)?;
    net.backward_range("ip2"..="conv2")?;
    println!("pool1 has a new diff: {}", net.diff("pool1")?.slice() != at_pool1.slice());
    println!("data has the old one: {}", net.diff("data")?.slice() == eight.slice());
    net.backward_range("pool1"..)?;
    let four = net.diff("data")?.clone();
    println!("and now a new one:    {}", four.slice() != eight.slice());

    // %% [markdown]
    // In one part, in two, or in as many as there are layers: it is the same work in the same order, so the bits are the
    // same. `backward_range_each` does the last of these. It calls you after every layer, and you may look around.

    // %% tol=0.05
    seed(&mut net, "ip2", 4, 4)?;
    net.backward_range_each("ip2".., |net, layer| {
        if let Some(x) = net.bottom_names(layer)?.first().map(|x| x.to_string()) {
            println!(
                "{:<13}{layer:<6} has written the diff of {x:<6} {:.1e}",
                net.layer_type(layer)?,
                size(net.diff(&x)?)
            );
        }
        Ok(())
    })?;
    println!("the same bits: {}", net.diff("data")?.slice() == four.slice());
    assert_eq!(net.diff("data")?.slice(), four.slice());

    // %% [markdown]
    // Two lines name `ip1`. `ip2` has written the diff of what it read, `ip1` *after* the ReLU; then `relu1`, which works in
    // place, the diff of `ip1` *before* it. The name gives you the one that was written last.
    //
    // ## What the image has to do with it
    //
    // What is this gradient? First we find it by finite differences, without any backward: make one pixel a little lighter,
    // then a little darker, and see what the score of the 4 does. That takes two images for each pixel, so we run 784 images
    // at a time.

    // %% tol=any
    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let (mut dot, mut aa, mut bb) = (0.0, 0.0, 0.0);
        for (a, b) in a.iter().zip(b) {
            dot += a * b;
            aa += a * a;
            bb += b * b;
        }
        dot / (aa * bb).sqrt()
    }

    let mut walked = Values::new(&[1, 1, 28, 28])?;
    {
        let h = 0.02;
        net.reshape_blob("data", &[784, 1, 28, 28])?;
        for sign in [1.0, -1.0] {
            for p in 0..784 {
                let x = &mut net.data_mut("data")?.slice_mut()[784 * p..784 * (p + 1)];
                x.copy_from_slice(&digits.slice()[784 * 4..784 * 5]);
                x[p] += sign * h;
            }
            net.forward()?;
            for p in 0..784 {
                walked.slice_mut()[p] += sign * net.data("ip2")?.slice()[10 * p + 4] / (2.0 * h);
            }
        }
    }
    let alike = cosine(walked.slice(), &four.slice()[784 * 4..784 * 5]);
    println!("cosine of the two maps: {alike:.3}"); // 1 if one is a multiple of the other, 0 if they have nothing in common
    assert!(alike > 0.95);

    // %% [markdown]
    // You get the same map from 1568 images forward or from one run backward. (Not to the last digit: a step of 0.02 may
    // change which pixel wins in a pooling, and backward knows only the slope at this point.)
    //
    // Such a map is called a *saliency map* (Simonyan et al. 2013). Here are the ten digits and their maps, each for its own
    // class. The ten do not mix: the diff of a blob has a row for each sample, and only parameters sum over the batch. So one
    // backward does them all. `Images::signed` takes the four axes of a diff as they are. Each map is drawn to its own scale
    // here, so that you can see even the faint ones.

    // %% tol=any
    /// Several rows of images, one below the other. Each image is scaled to 1.
    fn rows(rows: &[&Values]) -> Result<Values> {
        let mut all = Values::new(&[rows.len() * rows[0].shape()[0], rows[0].shape()[2], rows[0].shape()[3]])?;
        let size = rows[0].count() / rows[0].shape()[0];
        let pictures = rows.iter().flat_map(|row| row.slice().chunks(size));
        for (to, from) in all.slice_mut().chunks_mut(size).zip(pictures) {
            let most = from.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
            for (to, from) in to.iter_mut().zip(from) {
                *to = from / most;
            }
        }
        Ok(all)
    }
    net.reshape_blob("data", &[10, 1, 28, 28])?;
    net.data_mut("data")?.copy_from(&digits)?;
    net.forward()?;
    seed_own(&mut net, "ip2")?;
    net.backward_range("ip2"..)?;
    show(
        &Images::signed(&rows(&[&digits, net.diff("data")?])?)?.title("Ten digits, and what would make each more so"),
    )?;

    // %% [markdown]
    // Red: more ink here would raise the score. Blue: more ink would lower it. You can find the open top of the 4, which must
    // stay open, and the middle of the 0. Yet the maps are grainy, and much in them seems to mean nothing.
    //
    // ## Guided backpropagation
    //
    // Where does the grain come from? A unit that votes *against* the class sends a negative gradient down, and what
    // suppresses that unit gets mixed with what supports the class. *Guided backpropagation* (Springenberg et al. 2014)
    // leaves the first kind out. At a ReLU, $y = \max(0, x)$, backward is
    //
    // $$ dx = \begin{cases} dy & \text{if } x > 0 \\ 0 & \text{else} \end{cases}
    //    \qquad \text{guided:} \quad dx = \begin{cases} dy & \text{if } x > 0 \text{ and } dy > 0 \\ 0 & \text{else} \end{cases} $$
    //
    // It is no longer the gradient of anything, but it is easier to look at. We must change diffs *between* layers, at every
    // ReLU. LeNet has only one. So we train a different net: three ReLUs, all in place, with BatchNorm and Scale in place
    // before two of them, and a shortcut around the second convolution, as in residual nets.

    // %% tol=0.05
    const BODY: &str = r#"
        layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
                convolution_param { num_output: 16 kernel_size: 5 stride: 2 bias_term: false weight_filler { type: "msra" } } }
        layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
        layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
        layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
        layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
                convolution_param { num_output: 16 kernel_size: 3 pad: 1 bias_term: false weight_filler { type: "msra" } } }
        layer { name: "bn2" type: "BatchNorm" bottom: "conv2" top: "conv2" }
        layer { name: "scale2" type: "Scale" bottom: "conv2" top: "conv2" scale_param { bias_term: true } }
        layer { name: "sum" type: "Eltwise" bottom: "conv1" bottom: "conv2" top: "sum" }
        layer { name: "rectify" type: "ReLU" bottom: "sum" top: "sum" }
        layer { name: "pool" type: "Pooling" bottom: "sum" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
        layer { name: "ip1" type: "InnerProduct" bottom: "pool" top: "ip1"
                inner_product_param { num_output: 64 weight_filler { type: "msra" } } }
        layer { name: "relu3" type: "ReLU" bottom: "ip1" top: "ip1" }
        layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
                inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
    "#;
    let learning = format!(
        r#"base_lr: 0.02 momentum: 0.9 lr_policy: "fixed" net_param {{
               layer {{ name: "mnist" type: "Data" top: "data" top: "label" transform_param {{ scale: 0.00390625 }}
                        data_param {{ source: "data/mnist_train_lmdb" backend: LMDB batch_size: 64 }} }}
               {BODY}
               layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }} }}"#
    );
    let mut solver = Builder::parse(&learning, "learning")?.seed(1).log(&Log::silent()).make()?;
    solver.step(200)?;
    let residual = solver.net().to_proto(false)?;

    let looking = format!(
        r#"force_backward: true
           layer {{ name: "input" type: "Input" top: "data"
                    input_param {{ shape {{ dim: 10 dim: 1 dim: 28 dim: 28 }} }} }}
           {BODY}"#
    );
    let looking = text::parse::<NetParameter>(&looking, "looking")?.message;
    let mut net = net_of(&looking, &residual, &digits)?;
    println!("its answers: {:?}", net.data("ip2")?.argmax());

    // %% [markdown]
    // The rule is for every ReLU, so we have to find the ReLUs. A common loop goes down the list of *blobs*, runs backward
    // from each to the next, and zeroes the negative values where the name contains "relu".
    //
    // **What will this print?** The net has three ReLUs. At how many of them will that loop do something? And does it reach
    // `data` at all?

    // %%
    let names: Vec<String> = net.blob_names().iter().map(|name| name.to_string()).collect();
    println!("blobs: {}", names.join(", "));
    seed_own(&mut net, "ip2")?;
    for pair in names.windows(2).rev() {
        let (below, above) = (pair[0].as_str(), pair[1].as_str());
        if let Err(e) = net.backward_range(above..below) {
            println!("from {above} down to {below}:\n{e}");
            break;
        }
    }

    // %% [markdown]
    // At none, and it does not get there. A blob is not a layer. An in-place layer has no blob of its own, so no ReLU is in
    // the list, and no BatchNorm or Scale. Two names do contain "relu", and they are the worst: two layers read `conv1`, so
    // the net has inserted a Split there and named it after the blob and its last layer. Its tops are blobs that share their
    // names with no layer, and there the loop breaks. The loop does work on a plain chain, where nothing is in place and
    // every blob has the name of its layer. That is why people use it.
    //
    // Is it better to go by the names of *layers*? A layer's *type* says what it does. Compare:

    // %%
    let by_name = net.layer_names().into_iter().filter(|name| name.contains("relu")).collect::<Vec<_>>().join(", ");
    println!("\"relu\" in the layer's name: {by_name}");
    println!("ReLU by type:              {}", net.layers_of_type("ReLU").join(", "));

    // %% [markdown]
    // Three and three, but not the same three. One of our ReLUs is called `rectify`, and the Split is not a ReLU. The number
    // is right and the content wrong: such a loop would never have complained.
    //
    // So we go by type. One function does both, the gradient and the guided one. Digit n asks for class n + `next`.

    // %%
    fn back(net: &mut Net, next: usize, guided: bool) -> Result<Values> {
        net.diff_mut("ip2")?.fill(0.0);
        for n in 0..10 {
            net.diff_mut("ip2")?.slice_mut()[10 * n + (n + next) % 10] = 1.0;
        }
        net.backward_range_each("ip2".., |net, layer| {
            if guided && net.layer_type(layer)? == "ReLU" {
                let x = net.bottom_names(layer)?[0].to_string();
                for dx in net.diff_mut(&x)?.slice_mut() {
                    *dx = dx.max(0.0);
                }
            }
            Ok(())
        })?;
        Ok(net.diff("data")?.clone())
    }

    let plain = back(&mut net, 0, false)?;
    let guided = back(&mut net, 0, true)?;
    println!("the guided one differs: {}", guided.slice() != plain.slice());

    // %% [markdown]
    // After the ReLU's backward, dx is dy where $x > 0$. We remove its negative values, and what remains is the formula. In
    // place, with BatchNorm and Scale, on both branches of the Split, it makes no difference: the layers below continue with
    // what we leave.

    // %% tol=any
    show(&Images::signed(&rows(&[&digits, &plain, &guided])?)?.title("Digits, gradients, guided gradients"))?;

    // %% [markdown]
    // The third row is cleaner than the second: the strokes emerge from the grain. (The fine pattern in both is the stride
    // of `conv1`.) Enjoy it with care. A map that explains a class should look different for another class. So we also ask
    // each digit for the class after its own, and see how similar the two maps are.

    // %% tol=any
    let (plain_next, guided_next) = (back(&mut net, 1, false)?, back(&mut net, 1, true)?);
    println!("plain:  cosine of the maps of two classes {:.2}", cosine(plain.slice(), plain_next.slice()));
    println!("guided: cosine of the maps of two classes {:.2}", cosine(guided.slice(), guided_next.slice()));

    // %% [markdown]
    // The guided maps of two classes are very similar; the plain ones are not. So much of what looks convincing is just the
    // strokes of the image, whatever we asked. Guided maps are for looking, gradients for reasoning.
    //
    // ## The clean route: a ReLU with another backward
    //
    // The rule belongs to ReLU, so let a layer have it. You do not have to rewrite all of ReLU. A layer can *have* a ReLU
    // and pass everything on to it except the one thing that differs. And it may take the old one's place in the table: then
    // every `type: "ReLU"` in any prototxt is ours, and we touch no file.

    // %%
    /// ReLU forward. Backward: dx = dy where x > 0 and dy > 0.
    struct GuidedRelu {
        relu: Relu,
    }

    impl Layer for GuidedRelu {
        fn new(param: &LayerParameter) -> Result<Self> {
            Ok(GuidedRelu { relu: Relu::new(param)? })
        }
        fn arity(&self) -> Arity {
            self.relu.arity()
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            self.relu.reshape(bottom, top)
        }
        fn forward(&mut self, cx: &Cx, w: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            self.relu.forward(cx, w, bottom, top)
        }
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let Blob { data: x, diff: dx } = &mut bottom[0];
            let dy = &top[0].diff;
            for i in 0..x.count() {
                let (x, dy) = (x.slice()[i], dy.slice()[i]);
                dx.slice_mut()[i] = if x > 0.0 && dy > 0.0 { dy } else { 0.0 };
            }
            Ok(())
        }
    }

    let mut layers = Layers::caffe();
    layers.add::<GuidedRelu>("ReLU");
    let mut own = Net::build(&looking).phase(Phase::Test).layers(&layers).log(&Log::silent()).make()?;
    own.copy_trained_layers(&residual, false)?;
    own.data_mut("data")?.copy_from(&digits)?;
    own.forward()?;
    seed_own(&mut own, "ip2")?;
    own.backward_range("ip2"..)?;
    println!("the same bits as the edited diffs: {}", own.diff("data")?.slice() == guided.slice());
    assert_eq!(own.diff("data")?.slice(), guided.slice());

    // %% [markdown]
    // Open the file: [src/layers/activation/relu.rs](../src/layers/activation/relu.rs), the same letters and one condition fewer. Do not train
    // with our layer: `check_gradient` of lesson 04 would refuse it, and rightly, because its backward is not the slope of
    // its forward.
    //
    // ## Dreams
    //
    // A gradient with respect to the image says how to change the image. So do it: a small step, a new gradient, a small
    // step. That is training, with the weights held fixed and the image learning. We climb, so it is called *gradient
    // ascent*. The step is the gradient divided by its own mean size; otherwise it would be tiny here and huge there.
    //
    // We begin without any tricks: ten images of grey noise, each of which wants to be a different class.

    // %% tol=any
    /// One step uphill from `x`, of mean size `rate`, for the seed at the top of `layer`.
    fn climb(net: &mut Net, x: &mut Values, layer: &str, rate: f32) -> Result {
        net.data_mut("data")?.copy_from(x)?;
        net.forward_range(..=layer)?;
        net.backward_range(layer..)?;
        let count = x.count() / x.shape()[0];
        for (x, dx) in x.slice_mut().chunks_mut(count).zip(net.diff("data")?.slice().chunks(count)) {
            let size = dx.iter().map(|dx| dx.abs()).sum::<f32>() / count as f32;
            for (x, dx) in x.iter_mut().zip(dx) {
                *x = (*x + rate * dx / (size + 1e-12)).clamp(0.0, 1.0);
            }
        }
        Ok(())
    }

    let mut net = net_of(&forced, &trained, &digits)?;
    let mut noise = Values::new(&[10, 1, 28, 28])?;
    Random::new(6, "noise", 0).uniform(0.3, 0.7, noise.slice_mut());
    let mut raw = noise.clone();
    seed_own(&mut net, "ip2")?;
    for _ in 0..40 {
        climb(&mut net, &mut raw, "ip2", 0.02)?;
    }
    net.data_mut("data")?.copy_from(&raw)?;
    net.forward()?;
    println!("its answers: {:?}", net.data("prob")?.argmax());
    let sure = (0..10).all(|n| net.data("prob").is_ok_and(|p| p.slice()[11 * n] > 0.99));
    println!("each with a probability above 0.99: {sure}");

    // %% [markdown]
    // The net is sure of all ten. They are the first row of the picture below: a trace of a digit in the middle, and around
    // it grain, stronger than the noise we began with. The net does not mind. It has only ever seen images with a dark
    // background.
    //
    // To see what the net means by a class, we rule out what no pen would draw. Two little tricks do much.
    // *Jitter*: shift the image by a pixel or two before each step and back after it, so that nothing can depend on single
    // pixels. *Blur*: after each step move every pixel a little towards the mean of its neighbours, so that fine grain dies
    // out.

    // %% tol=any
    /// The images shifted by `down` rows and `right` columns; what leaves on one side comes in on the other.
    fn moved(x: &Values, down: usize, right: usize) -> Result<Values> {
        let (h, w) = (x.shape()[2], x.shape()[3]);
        let mut y = x.clone();
        for (y, x) in y.slice_mut().chunks_mut(h * w).zip(x.slice().chunks(h * w)) {
            for i in 0..h {
                for j in 0..w {
                    y[(i + down) % h * w + (j + right) % w] = x[i * w + j];
                }
            }
        }
        Ok(y)
    }

    /// Moves each pixel the fraction `b` of the way to the mean of its four neighbours.
    fn blurred(x: &Values, b: f32) -> Result<Values> {
        let (h, w) = (x.shape()[2], x.shape()[3]);
        let (up, left) = (moved(x, h - 1, 0)?, moved(x, 0, w - 1)?);
        let (down, right) = (moved(x, 1, 0)?, moved(x, 0, 1)?);
        let mut y = x.clone();
        for (i, y) in y.slice_mut().iter_mut().enumerate() {
            let around = up.slice()[i] + left.slice()[i] + down.slice()[i] + right.slice()[i];
            *y += b * (around / 4.0 - *y);
        }
        Ok(y)
    }

    /// `steps` steps uphill, with jitter and blur.
    fn dream(net: &mut Net, x: &mut Values, layer: &str, steps: usize) -> Result {
        let (h, w) = (x.shape()[2], x.shape()[3]);
        for step in 0..steps {
            let random = Random::new(6, "jitter", step as u64);
            let (down, right) = (random.below(0, 3), random.below(1, 3));
            let mut there = moved(x, down, right)?;
            climb(net, &mut there, layer, 0.04)?;
            *x = blurred(&moved(&there, h - down, w - right)?, 0.2)?;
        }
        Ok(())
    }

    let mut classes = noise.clone();
    dream(&mut net, &mut classes, "ip2", 60)?;
    show(
        &Images::of(&rows(&[&raw, &classes])?)?
            .range(0.0, 1.0)
            .captions((0..20).map(|n| (n % 10).to_string()))
            .title("Ten classes, as the gradient draws them, and with jitter and blur"),
    )?;

    // %% [markdown]
    // The second row is the same net and the same gradient. Now there are strokes, and to our eyes most of them are digits.
    // In the others the net goes by something that we would not: it has never been asked to draw.
    //
    // A dream may start from something. Here are ten copies of the 4, each climbing towards a different class, with the
    // requested class under each. We also ask the net what it sees.

    // %% tol=any
    let mut fours = Values::new(&[10, 1, 28, 28])?;
    for x in fours.slice_mut().chunks_mut(784) {
        x.copy_from_slice(&digits.slice()[784 * 4..784 * 5]);
    }
    dream(&mut net, &mut fours, "ip2", 12)?;
    net.data_mut("data")?.copy_from(&fours)?;
    net.forward()?;
    println!("its answers: {:?}", net.data("prob")?.argmax());
    show(
        &Images::of(&fours)?
            .range(0.0, 1.0)
            .captions((0..10).map(|class| class.to_string()))
            .title("A 4 that dreams of being something else"),
    )?;

    // %% [markdown]
    // Look at the 9: the 4 closes its top. The strokes that are already there do half of the work.
    //
    // You can seed anything, not only a class. The filters of `conv2` had 20 channels, too many to look at. But we can ask
    // what they would *like* to see. One unit of `conv2` sees 14 x 14 pixels: 5 for its own kernel, doubled by the pooling,
    // and 4 for `conv1`. On images of that size `conv2` is 1 x 1, a single unit for each of its 50 channels. So we take 50
    // images, and image n climbs for channel n.

    // %% tol=any
    let mut small = Values::new(&[50, 1, 14, 14])?;
    Random::new(6, "small", 0).uniform(0.3, 0.7, small.slice_mut());
    net.reshape_blob("data", &[50, 1, 14, 14])?;
    net.forward_range(..="conv2")?;
    println!("conv2 has shape {:?}", net.shape("conv2")?);
    seed_own(&mut net, "conv2")?;
    dream(&mut net, &mut small, "conv2", 40)?;
    show(
        &Images::of(&small)?
            .range(0.0, 1.0)
            .tile(56.0)
            .title("What each of the 50 channels of conv2 would like to see"),
    )?;

    // %% [markdown]
    // Strokes that bend, end, cross or run side by side: pieces of digits. `conv1` looks for edges, `conv2` for pieces, and
    // `ip1` puts pieces together. Nobody told them to.
    //
    // Last comes the dream that gave the others their name. We choose nothing at all: whatever the layer sees, let it see
    // more of it. To make $\frac{1}{2} \sum y^2$ larger, the seed is $dy = y$: in every step the layer's data become its
    // diff. The image can have any size, because nothing below `ip1` knows the number 28.

    // %% tol=any
    let mut canvas = Values::new(&[1, 1, 84, 196])?;
    Random::new(6, "canvas", 0).uniform(0.0, 0.3, canvas.slice_mut());
    for class in 0..7 {
        for p in 0..784 {
            canvas.slice_mut()[196 * (28 + p / 28) + 28 * class + p % 28] += 0.7 * digits.slice()[784 * class + p];
        }
    }
    let before = canvas.clone();
    net.reshape_blob("data", &[1, 1, 84, 196])?;
    for _ in 0..40 {
        net.data_mut("data")?.copy_from(&canvas)?;
        net.forward_range(..="conv2")?;
        let y = net.data("conv2")?.clone();
        net.diff_mut("conv2")?.copy_from(&y)?;
        dream(&mut net, &mut canvas, "conv2", 1)?;
    }
    show(
        &Images::of(&rows(&[&before, &canvas])?)?
            .range(0.0, 1.0)
            .columns(1)
            .tile(560.0)
            .title("Noise with digits, and what conv2 makes of it"),
    )?;

    // %% [markdown]
    // It has filled the empty background with its own strokes. A net sees what it has learnt to see.
    //
    // ## What to remember
    //
    // - The gradient of an image takes a backward like any other. You must ask for it (`force_backward`, or `propagate_down`
    //   on the first layer), seed it, and begin backward where the seed is.
    // - Seed one class's score, not the probabilities: all of them together have no slope.
    // - If the gradient is still zero, `net.why_zero("data")` says why.
    // - A partial backward leaves its results in the diffs. Below its end the diffs are old.
    // - The diffs of a blob have a row for each sample. Only parameters sum over the batch.
    // - `backward_range_each` lets you change diffs on their way down. Find layers by type; blobs are not layers.
    // - Your own layer can hold an existing one, and take its name in the table.
    // - A net can be sure of noise. What it dreams depends on what you forbid it.
    //
    // ## Exercises
    //
    // - **06.1** The gradient of a log-probability with respect to the input: `cargo run --release -p exercises --bin exercise_06_1`
    // - **06.2** A third rule for ReLU, that of the deconvolution net: `cargo run --release -p exercises --bin exercise_06_2`
    // - **06.3** Gradient ascent, step by step: `cargo run --release -p exercises --bin exercise_06_3`
    //
    // `cargo run --release --bin check 06` checks your answers.
    //
    // Next: [lesson 07](07_on_the_gpu.rs), on the card or without one.

    Ok(())
}
