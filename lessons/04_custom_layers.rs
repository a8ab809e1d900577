//! # Lesson 04: your own layers
//!
//! A net is a list of layers, and a layer is a formula with its slope. In this lesson you write eight layers. At the end
//! you can
//!
//! - say who calls `setup`, `reshape`, `forward` and `backward`, how often, and why;
//! - write a loss, a layer with three bottoms, one with two tops, one that learns, and one that reads the data;
//! - prove that a layer is right, and see a wrong one caught;
//! - bend a convolution: different weights at every place, or a convolution that knows where it is;
//! - turn a trained LeNet into one large convolution and slide it over an image with several digits.
//!
//! ```text
//! cargo run --release --bin 04_custom_layers
//! ```

use cortado::check::{Fill, Gradient, Harness};
use cortado::data::idx::Labelled;
use cortado::data::mnist;
use cortado::layer::*;
use cortado::proto::{ConvolutionParameter, LayerParameter, NetParameter, text};
use cortado::random::Random;
use cortado::show::{Chart, Images, show};
use cortado::solver::Builder;
use cortado::{Blob, Error, Layers, Log, Net, Result, Solver, Values, files};
use std::sync::{Arc, Mutex};

fn main() -> Result {
    // %% [markdown]
    // ## A layer that keeps a diary
    //
    // A layer is a type with six functions. The net calls them, never you. To see *when*, we write the simplest layer
    // there is, $y = x$, and let it record every call.
    //
    // - `new` reads the layer's part of the prototxt.
    // - `arity` says how many bottoms and tops it takes. Left out, it is one of each.
    // - `setup`, which may be left out, makes its learnable blobs.
    // - `reshape` gives the tops their shapes. Left out, each top is shaped like its bottom.
    // - `forward` reads the bottoms' data and writes the tops' data. `backward` reads the tops' diffs and writes the
    //   bottoms' diffs. By convention the formula's letters stand for the data, with a `d` in front for the diff: `x` and
    //   `dx`.

    // %%
    /// y = x, and a diary of all calls.
    struct Witness {
        calls: Vec<&'static str>,
    }

    impl Layer for Witness {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(Witness { calls: vec!["new"] })
        }
        fn arity(&self) -> Arity {
            Arity::exact(1, 1)
        }
        fn setup(&mut self, _: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
            self.calls.push("setup");
            Ok(Vec::new())
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            self.calls.push("reshape");
            top[0].reshape_like(&bottom[0])
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            self.calls.push("forward");
            let (x, y) = (&bottom[0].data, &mut top[0].data);
            y.copy_from(x)
        }
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            self.calls.push("backward");
            let (dx, dy) = (&mut bottom[0].diff, &top[0].diff);
            dx.copy_from(dy)
        }
    }

    // %% [markdown]
    // A net finds its layers in a table, by the prototxt's `type`. The table is a value. We take Caffe's, add ours, and
    // pass it to the net's builder. We put the witness between a layer that learns and a loss.

    // %%
    fn net_of(layers: &Layers, text: &str) -> Result<Net> {
        cortado::net::Builder::parse(text, "the net")?.phase(Phase::Train).layers(layers).make()
    }

    let mut layers = Layers::caffe();
    layers.add::<Witness>("Witness");
    let watched = r#"
        layer { name: "in" type: "Input" top: "x" top: "t"
                input_param { shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip"
                inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
        layer { name: "witness" type: "Witness" bottom: "ip" top: "y" }
        layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "loss" }
    "#;
    let mut net = net_of(&layers, watched)?;
    Random::new(0, "x", 0).gaussian(0.0, 1.0, net.data_mut("x")?.slice_mut());
    println!("after building: {}", net.layer::<Witness>("witness")?.calls.join(", "));

    // %% [markdown]
    // The net is built, and nothing has run. Still, `reshape` was called once: the layers above need to know the shapes
    // of their bottoms before they can make their weights.
    //
    // **What will this print?** We run three forwards, with the same shapes every time, then one backward. Many people
    // think that `reshape` is called when the net is set up, and again only if you ask for another input size. How often
    // will each of the five calls be in the diary at the end? Write it down, then run.

    // %%
    fn count(net: &Net) -> Result<String> {
        let calls = &net.layer::<Witness>("witness")?.calls;
        let times = |what: &str| format!("{what} {}", calls.iter().filter(|call| **call == what).count());
        Ok(["new", "setup", "reshape", "forward", "backward"].map(times).join(", "))
    }

    for _ in 0..3 {
        net.forward()?;
    }
    net.backward()?;
    println!("{}", net.layer::<Witness>("witness")?.calls.join(", "));
    println!("{}", count(&net)?);
    assert_eq!(count(&net)?, "new 1, setup 1, reshape 4, forward 3, backward 1");

    // %% [markdown]
    // Four: once when the net is built, and once before **every** forward. Caffe does the same. Why, if no shape changes?
    // Because a shape might change, and nothing else checks. A batch may be smaller, an image larger, a data layer may
    // bring something new; so each layer looks at its bottoms again, every time. If they are as before, this costs
    // nothing: a blob that gets the shape it already has keeps its memory. We can see that here. And if they are not,
    // nobody needs to tell the layer:

    // %%
    let address = net.data("y")?.slice().as_ptr() as usize;
    for _ in 0..100 {
        net.forward()?;
    }
    println!("after 100 more: {}", count(&net)?);
    println!("y is still at the same address: {}", address == net.data("y")?.slice().as_ptr() as usize);

    net.reshape_blob("x", &[7, 3])?;
    net.reshape_blob("t", &[7, 2])?;
    net.forward()?;
    println!("seven samples in x, and y has shape {:?}", net.shape("y")?);
    println!("in the end:     {}", count(&net)?);

    // %% [markdown]
    // `new` and `setup` stay at 1. The weights that they make do not depend on the number of samples. Open the file:
    // [src/net/run.rs](../src/net/run.rs), `forward_step`. One line there calls `reshape` and then `forward`.
    //
    // ## Bottom and top are lists
    //
    // Now a loss. The Euclidean loss compares a, the predictions, with b, the targets:
    //
    // $$ L = \frac{1}{2N} \sum (a - b)^2, \qquad da = \frac{a - b}{N} \, dL, \qquad db = - \frac{a - b}{N} \, dL $$
    //
    // First we compute it without a layer. There are two samples of three values, so N = 2. We find each slope by finite
    // differences: move one value a little, and see what the loss does.

    // %%
    fn euclidean(a: &[f64], b: &[f64], n: usize) -> f64 {
        let mut sum = 0.0;
        for i in 0..a.len() {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }
        sum / (2 * n) as f64
    }

    {
        let (mut a, b) = ([1.0, 2.0, 3.0, 5.0, 0.0, 1.0], [1.0, 1.0, 5.0, 1.0, 0.0, 2.0]);
        println!("L = {}", euclidean(&a, &b, 2));
        for i in 0..6 {
            let (old, h) = (a[i], 0.001);
            a[i] = old + h;
            let above = euclidean(&a, &b, 2);
            a[i] = old - h;
            let below = euclidean(&a, &b, 2);
            a[i] = old;
            println!("da[{i}]: formula {:5.2}, by walking {:5.2}", (a[i] - b[i]) / 2.0, (above - below) / (2.0 * h));
        }
    }

    // %% [markdown]
    // Now the layer. A layer gets **lists** of blobs, because some layers have several bottoms or several tops. A loss
    // has two bottoms: `bottom[0]` is the predictions and `bottom[1]` the targets. So wherever a 2 appears below, it is
    // the length of this list. It has nothing to do with the batch size, which is the first axis of *each* blob.
    //
    // - The list's length is declared once, in `arity`, and the net checks it.
    // - `reshape` checks the rest: both blobs must hold the same number of values. (`count` is the product of a shape.)
    //   Then it makes room for the result. A loss is a single number, and even a single number needs memory: shape `[]`.
    // - `self.diff` keeps $a - b$ from forward for backward, which uses it again. Some say that other layers find the
    //   gradient there. They do not: it is this layer's private note, and has nothing to do with the diff of a blob.

    // %%
    /// L = 1/(2N) sum (a - b)^2
    struct MyEuclidean {
        diff: Vec<f32>,
        /// The signs of da and db.
        sign: [f32; 2],
    }

    impl Layer for MyEuclidean {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(MyEuclidean { diff: Vec::new(), sign: [1.0, -1.0] })
        }
        fn arity(&self) -> Arity {
            Arity::loss(2..=2, 1..=1)
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (a, b) = (&bottom[0], &bottom[1]);
            if a.count() != b.count() {
                return Err(Error::shape(format!(
                    "the predictions have shape {:?}, the targets {:?}",
                    a.shape(),
                    b.shape()
                ))
                .hint("each prediction needs its target"));
            }
            self.diff.resize(a.count(), 0.0);
            top[0].reshape(&[])
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (a, b, n) = (bottom[0].data.slice(), bottom[1].data.slice(), bottom[0].num());
            let mut sum = 0.0;
            for i in 0..a.len() {
                self.diff[i] = a[i] - b[i];
                sum += (self.diff[i] as f64).powi(2);
            }
            top[0].data.fill((sum / (2 * n) as f64) as f32);
            Ok(())
        }
        fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let (dl, n) = (top[0].diff.scalar(), bottom[0].num() as f32);
            for (i, bottom) in bottom.iter_mut().enumerate() {
                if cx.propagate_down[i] {
                    for (d, diff) in bottom.diff.slice_mut().iter_mut().zip(&self.diff) {
                        *d = self.sign[i] * dl * diff / n;
                    }
                }
            }
            Ok(())
        }
        fn needs(&self) -> Needs {
            Needs::NOTHING // backward reads its own note, and no data of a blob
        }
        fn loss_weight(&self, _: usize) -> f32 {
            1.0
        }
    }

    // %% [markdown]
    // The last two functions have defaults that do not suit a loss. `loss_weight` says that its top counts in the
    // objective. `needs` says that backward does not read the bottoms' data; a net that is short of memory may free them
    // early. This is what the note is really worth.
    //
    // With one bottom too few, or two that do not match, the net is not built:

    // %%
    layers.add::<MyEuclidean>("MyEuclidean");
    for (shape, bottoms) in [("dim: 4 dim: 2", "bottom: 'a'"), ("dim: 4 dim: 3", "bottom: 'a' bottom: 'b'")] {
        let text = format!(
            "layer {{ name: 'in' type: 'Input' top: 'a' top: 'b'\n\
             input_param {{ shape {{ dim: 4 dim: 2 }} shape {{ {shape} }} }} }}\n\
             layer {{ name: 'loss' type: 'MyEuclidean' {bottoms} top: 'loss' }}"
        );
        match net_of(&layers, &text) {
            Ok(_) => println!("built"),
            Err(e) => println!("{e}\n"),
        }
    }

    // %% [markdown]
    // Which number is where, and when? We run forward and look at both diffs, the layer's note and the blob's. Then we
    // run backward and look again.

    // %%
    let text = r#"
        layer { name: "in" type: "Input" top: "x" top: "t"
                input_param { shape { dim: 2 dim: 2 } shape { dim: 2 dim: 2 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "a"
                inner_product_param { num_output: 2 weight_filler { type: "constant" value: 1 } } }
        layer { name: "loss" type: "MyEuclidean" bottom: "a" bottom: "t" top: "loss" loss_weight: 10 }
    "#;
    let mut net = net_of(&layers, text)?;
    net.data_mut("x")?.slice_mut().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
    net.forward()?;
    println!("forward:  self.diff {:?}, a's diff {:?}", net.layer::<MyEuclidean>("loss")?.diff, net.diff("a")?.slice());
    net.backward()?;
    println!("backward: self.diff {:?}, a's diff {:?}", net.layer::<MyEuclidean>("loss")?.diff, net.diff("a")?.slice());
    println!("          t's diff {:?}", net.diff("t")?.slice());

    // %% [markdown]
    // After forward the note is full and the blob's diff is empty. After backward the blob's diff holds $(a - b) / N$
    // times the loss weight of 10, and the note is unchanged. They are two different things. (The targets got nothing; we
    // will come to that.)
    //
    // Could `diff` be a local variable of forward, and backward subtract again? Yes. The library does it that way:
    // [src/layers/loss/euclidean_loss.rs](../src/layers/loss/euclidean_loss.rs), with the same formula and nearly the same letters.
    //
    // ## Is it right?
    //
    // A layer is right when its forward is its formula and its backward is the slope of its forward. `Harness` runs one
    // layer alone, and `check_gradient` compares its backward with the slope of every input, found by finite differences
    // as in our loop. The forward we compare with the library's.

    // %%
    fn furthest(a: &Values, b: &Values) -> f32 {
        a.slice().iter().zip(b.slice()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    fn bench(layers: &Layers, text: &str, shapes: &[&[usize]]) -> Result<Harness> {
        let param = text::parse::<LayerParameter>(text, "a layer")?.message;
        let mut bench = Harness::create(layers, &param, shapes)?;
        for i in 0..shapes.len() {
            bench.fill(i, Fill::Uniform(-1.0, 1.0));
        }
        Ok(bench)
    }

    // %%
    let mut ours = bench(&layers, "type: 'MyEuclidean'", &[&[4, 3], &[4, 3]])?;
    let mut theirs = bench(&layers, "type: 'EuclideanLoss'", &[&[4, 3], &[4, 3]])?;
    ours.forward()?;
    theirs.forward()?;
    println!("ours {:.6}, the library's {:.6}", ours.top[0].data.scalar(), theirs.top[0].data.scalar());
    assert_eq!(ours.top[0].data.scalar(), theirs.top[0].data.scalar());
    let report = ours.check_gradient(&Gradient::default())?;
    println!("{} slopes compared, and right", report.compared);

    // %% [markdown]
    // A check is worth what it catches. The classic mistake is to forget the minus for the second bottom. Another is to
    // forget the $1/N$: the net still trains, as if the rate were N times as large, and you never learn why. We break our
    // layer through its field `sign`, first one way, then the other.

    // %% tol=0.05
    for (what, sign) in [("the minus forgotten", [1.0, 1.0]), ("1/N forgotten", [4.0, -4.0])] {
        let layer = Box::new(MyEuclidean { diff: Vec::new(), sign });
        let mut spoilt = Harness::of(layer, &LayerParameter::default(), &[&[4, 3], &[4, 3]])?;
        spoilt.fill(0, Fill::Uniform(-1.0, 1.0));
        spoilt.fill(1, Fill::Uniform(-1.0, 1.0));
        match spoilt.check_gradient(&Gradient::default()) {
            Ok(_) => println!("{what}: nobody noticed"),
            Err(e) => println!("{what}: {e}"),
        }
    }

    // %% [markdown]
    // ## The Dice loss
    //
    // Some tasks have many more zeros than ones: which pixels are the tumour? A net that answers "none" is right about 98
    // % of the pixels. The Dice loss compares the overlap of prediction and mask with their total (Milletari et al.
    // 2016):
    //
    // $$ I = \sum a b, \qquad S = \sum a^2 + \sum b^2, \qquad L = 1 - \frac{2 I}{S} $$
    //
    // By the quotient rule the slope is $da = -2 \, dL \, (b S - 2 a I) / S^2$. Backward needs b for that. Do we have to
    // keep a copy of it in `self`, as we kept the difference? No: backward gets the bottoms again, with the data that
    // forward read. We keep the two sums, because computing them again would be work.
    //
    // A mask has no gradient. The layer says so in `propagates`.

    // %%
    /// L = 1 - 2I / S
    struct Dice {
        i: f32,
        s: f32,
    }

    impl Layer for Dice {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(Dice { i: 0.0, s: 0.0 })
        }
        fn arity(&self) -> Arity {
            Arity::loss(2..=2, 1..=1)
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (a, b) = (bottom[0].shape(), bottom[1].shape());
            if a != b {
                return Err(Error::shape(format!("the predictions have shape {a:?}, the mask {b:?}")));
            }
            top[0].reshape(&[])
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (a, b) = (bottom[0].data.slice(), bottom[1].data.slice());
            (self.i, self.s) = (0.0, 0.0);
            for (a, b) in a.iter().zip(b) {
                self.i += a * b;
                self.s += a * a + b * b;
            }
            self.s = self.s.max(f32::MIN_POSITIVE); // an empty guess for an empty mask
            top[0].data.fill(1.0 - 2.0 * self.i / self.s);
            Ok(())
        }
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let [Blob { data: a, diff: da }, b] = bottom else { return Err(Error::shape("Dice has two bottoms")) };
            let (a, b, dl, i, s) = (a.slice(), b.data.slice(), top[0].diff.scalar(), self.i, self.s);
            for ((da, a), b) in da.slice_mut().iter_mut().zip(a).zip(b) {
                *da = -2.0 * dl * (b - 2.0 * a * i / s) / s;
            }
            Ok(())
        }
        fn loss_weight(&self, _: usize) -> f32 {
            1.0
        }
        fn propagates(&self, bottom: usize) -> bool {
            bottom == 0
        }
    }

    // %%
    layers.add::<Dice>("Dice");
    let mut dice = bench(&layers, "type: 'Dice'", &[&[2, 1, 4, 4], &[2, 1, 4, 4]])?;
    dice.fill(0, Fill::Uniform(0.1, 0.9));
    dice.fill(1, Fill::Values(&[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]));
    let report = dice.check_gradient(&Gradient { tolerance: 2e-4, ..Gradient::default() })?;
    println!("{} slopes compared: the predictions', not the mask's", report.compared);

    // %% [markdown]
    // What is it good for? Take a mask of 40 x 40 pixels with a disc of 32 pixels, and three guesses: nothing at all, a
    // little everywhere, and the disc one pixel too far to the right. The last is by far the best.

    // %%
    {
        let disc = |n: usize, right: f32| {
            let (y, x) = ((n / 40) as f32 - 19.5, (n % 40) as f32 - 19.5 - right);
            if x * x + y * y < 10.0 { 1.0 } else { 0.0 }
        };
        let mask: Vec<f32> = (0..1600).map(|n| disc(n, 0.0)).collect();
        println!("{} of 1600 pixels are in the mask", mask.iter().sum::<f32>());
        for (what, guess) in [
            ("nothing", vec![0.0; 1600]),
            ("0.02 everywhere", vec![0.02; 1600]),
            ("one pixel too far", (0..1600).map(|n| disc(n, 1.0)).collect()),
        ] {
            let mut losses = Vec::new();
            for kind in ["MyEuclidean", "Dice"] {
                let mut bench = bench(&layers, &format!("type: '{kind}'"), &[&[1600], &[1600]])?;
                bench.bottom[0].data.slice_mut().copy_from_slice(&guess);
                bench.bottom[1].data.slice_mut().copy_from_slice(&mask);
                bench.forward()?;
                losses.push(bench.top[0].data.scalar());
            }
            println!("{what:<18} Euclidean {:.4}, Dice {:.4}", losses[0], losses[1]);
        }
    }

    // %% [markdown]
    // For the Euclidean loss all three are nearly perfect. For the Dice loss the first two have failed.
    //
    // ## propagate_down
    //
    // Backward is told for each bottom whether its diff is wanted, in `cx.propagate_down`. Why call a function at all,
    // only to tell it to do nothing? Because the flag is set for each bottom separately. A loss may owe a gradient to its
    // predictions and not to its labels; a layer with weights must compute their gradient even if nobody wants its
    // bottom's diff. If *nothing* is wanted, backward is not called: a layer with one bottom and no weights need not ask.
    //
    // Who decides? The net, when it is built. A diff is wanted if something below it learns and something above it is a
    // loss. In the prototxt, `propagate_down: false` cuts a branch off.

    // %%
    for (what, lr, extra) in [
        ("as it comes", 1, ""),
        ("cut in the prototxt", 1, "propagate_down: false propagate_down: true"),
        ("nothing below learns", 0, ""),
    ] {
        let text = format!(
            "layer {{ name: 'in' type: 'Input' top: 'x' top: 'label' input_param {{ shape {{ dim: 4 dim: 3 }} }} }}
             layer {{ name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'a'
                      param {{ lr_mult: {lr} }} param {{ lr_mult: {lr} }} inner_product_param {{ num_output: 3 }} }}
             layer {{ name: 'loss' type: 'MyEuclidean' bottom: 'a' bottom: 'label' top: 'loss' {extra} }}"
        );
        let net = net_of(&layers, &text)?;
        println!("{what}");
        for layer in ["ip", "loss"] {
            let (runs, down) = net.propagates_down(layer)?;
            println!("  {layer:<5} runs backward: {runs:<5}  propagate_down: {down:?}");
        }
    }

    // %% [markdown]
    // Row by row. As it comes: `ip` runs backward for its weights, though nobody wants the diff of `x`, and `loss` gives
    // a gradient to `a` only. Cut: now no gradient reaches `ip`, so it does not run. Nothing learns: nothing runs.
    //
    // And if you ask for a gradient that does not exist, here that of Dice's mask, you are told:

    // %%
    let text = "layer { name: 'in' type: 'Input' top: 'a' top: 'mask' input_param { shape { dim: 4 } } }\n\
                layer { name: 'dice' type: 'Dice' bottom: 'a' bottom: 'mask' top: 'loss'\n\
                propagate_down: true propagate_down: true }";
    if let Err(e) = net_of(&layers, text) {
        println!("{e}");
    }

    // %% [markdown]
    // ## A data layer with a memory
    //
    // A layer without bottoms reads the data. Ours will show three things: state that lasts from batch to batch, state
    // that you set from outside, and data that several layers share.
    //
    // - What is **shared** comes from outside: `layers.add_with` takes a closure that makes the layer, and the closure
    //   owns what the layers share: here ten thousand digits, and a journal in which all of them write. No globals.
    // - What belongs to **one** layer is a plain field: the order of the samples and the position in it.
    //   `net.layer_mut::<Digits>("data")?` gives you the layer itself, as its own type.
    //
    // `is_source` says that forward overwrites the tops. `position` and `seek` let a snapshot remember where it was.

    // %%
    /// Digits in an order that you choose.
    struct Digits {
        name: String,
        batch: usize,
        digits: Arc<Labelled>,
        journal: Arc<Mutex<Vec<String>>>,
        order: Vec<usize>,
        position: usize,
    }

    impl Layer for Digits {
        fn new(_: &LayerParameter) -> Result<Self> {
            Err(Error::value("Digits needs digits").hint("put it into the table with add_with"))
        }
        fn arity(&self) -> Arity {
            Arity::range(0..=0, 1..=2)
        }
        fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
            top[0].reshape(&[self.batch, 1, 28, 28])?;
            top.get_mut(1).map_or(Ok(()), |label| label.reshape(&[self.batch]))
        }
        fn forward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
            let mut line = format!("{} {:?}:", self.name, cx.phase);
            for n in 0..self.batch {
                let i = self.order[(self.position + n) % self.order.len()];
                let x = &mut top[0].data.slice_mut()[784 * n..784 * (n + 1)];
                for (x, byte) in x.iter_mut().zip(self.digits.image(i)) {
                    *x = *byte as f32 / 256.0;
                }
                if let Some(label) = top.get_mut(1) {
                    label.data.slice_mut()[n] = self.digits.labels[i] as f32;
                }
                line += &format!(" {}", self.digits.labels[i]);
            }
            self.position += self.batch;
            if let Ok(mut journal) = self.journal.lock() {
                journal.push(line);
            }
            Ok(())
        }
        fn is_source(&self) -> bool {
            true
        }
        fn position(&self) -> Option<u64> {
            Some(self.position as u64)
        }
        fn seek(&mut self, samples: u64) -> Result {
            self.position = samples as usize;
            Ok(())
        }
    }

    // %%
    let root = files::root()?;
    let folder = root.join("data/mnist");
    let digits =
        Arc::new(Labelled::read(folder.join("t10k-images-idx3-ubyte.gz"), folder.join("t10k-labels-idx1-ubyte.gz"))?);
    let journal = Arc::new(Mutex::new(Vec::new()));
    {
        let (digits, journal) = (digits.clone(), journal.clone());
        layers.add_with("Digits", move |param| {
            Ok(Box::new(Digits {
                name: param.name().to_string(),
                batch: param.data_param.as_ref().map_or(1, |p| p.batch_size() as usize),
                digits: digits.clone(),
                journal: journal.clone(),
                order: (0..digits.len()).collect(),
                position: 0,
            }))
        });
    }
    const READER: &str = r#"
        layer { name: "data" type: "Digits" top: "data" top: "label" data_param { batch_size: 8 } }
        layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
                inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
    "#;
    let mut net = net_of(&layers, READER)?;
    net.forward()?;
    println!("positions: {:?}", net.positions());
    net.layer_mut::<Digits>("data")?.order.sort_by_key(|&i| digits.labels[i]); // all zeros first
    net.seek("data", 975)?;
    net.forward()?;
    println!("positions: {:?}", net.positions());
    for line in journal.lock().map(|journal| journal.clone()).unwrap_or_default() {
        println!("{line}");
    }
    show(&Images::of(net.data("data")?)?.title("In an order of our own, from sample 975 on"))?;

    // %% [markdown]
    // There are 980 zeros among the ten thousand, so after five more of them the ones begin.
    //
    // Somebody once set a variable in such a layer and reported that `forward` saw it and `step` did not. Can that be?
    // The journal will tell us. A solver trains one net, and a test net also has a layer `data`. In the train net we set
    // the order to nothing but sevens.

    // %%
    fn solver_of(layers: &Layers, net: &str, base_lr: f32) -> Result<Solver> {
        let settings = format!("base_lr: {base_lr} lr_policy: 'fixed' net_param {{ {net} }}");
        Builder::parse(&settings, "solver")?.layers(layers).log(&Log::silent()).make()
    }

    let mut solver = solver_of(&layers, READER, 0.01)?;
    let mut test = cortado::net::Builder::parse(READER, "reader")?.phase(Phase::Test).layers(&layers).make()?;
    if let Ok(mut journal) = journal.lock() {
        journal.clear();
    }
    let sevens: Vec<usize> = (0..digits.len()).filter(|&i| digits.labels[i] == 7).collect();
    solver.net().layer_mut::<Digits>("data")?.order = sevens;
    solver.net().forward()?;
    solver.step(1)?;
    solver.net().lend_params(&mut test, |test| test.forward())?;
    for line in journal.lock().map(|journal| journal.clone()).unwrap_or_default() {
        println!("{line}");
    }

    // %% [markdown]
    // `forward` and `step` run the very same layer (what else a step does is in lesson 03). The *test* net has another
    // one, with its own fields. If you set a variable in one and look at the other, you see what was reported; you also
    // see it if a thread reads ahead before you set the variable. If both nets should see a value, put it where the
    // journal is.
    //
    // ## Three bottoms
    //
    // A *triplet loss* has three bottoms, and all of them want a gradient (Schroff et al. 2015): an anchor a, a positive
    // p of the same class, and a negative n of another. The net learns distances: p should be nearer to a than n is, by a
    // margin m.
    //
    // $$ L = \frac{1}{2N} \sum_n \max(0, \; |a - p|^2 - |a - n|^2 + m) $$
    //
    // Where the maximum is 0, all is well and the slope is 0. Elsewhere $da = (n - p)/N$, $dp = (p - a)/N$ and
    // $dn = (a - n)/N$, times $dL$. Another loss of Caffe's has a message with a `margin`. We read m from it.

    // %%
    /// L = 1/(2N) sum max(0, |a - p|^2 - |a - n|^2 + m)
    struct Triplet {
        margin: f32,
        /// Which samples still violate the margin.
        open: Vec<bool>,
    }

    impl Layer for Triplet {
        fn new(param: &LayerParameter) -> Result<Self> {
            Ok(Triplet { margin: param.contrastive_loss_param.unwrap_or_default().margin(), open: Vec::new() })
        }
        fn arity(&self) -> Arity {
            Arity::loss(3..=3, 1..=1)
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            for i in 1..3 {
                if bottom[i].shape() != bottom[0].shape() {
                    let message =
                        format!("bottom[0] has shape {:?}, bottom[{i}] {:?}", bottom[0].shape(), bottom[i].shape());
                    return Err(Error::shape(message).hint("a, p and n have one shape"));
                }
            }
            top[0].reshape(&[])
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (a, p, n) = (bottom[0].data.slice(), bottom[1].data.slice(), bottom[2].data.slice());
            let (samples, k) = (bottom[0].num(), bottom[0].count_in(1..bottom[0].num_axes()));
            let mut sum = 0.0;
            self.open.clear();
            for s in 0..samples {
                let mut d = self.margin;
                for i in s * k..(s + 1) * k {
                    d += (a[i] - p[i]).powi(2) - (a[i] - n[i]).powi(2);
                }
                self.open.push(d > 0.0);
                sum += d.max(0.0);
            }
            top[0].data.fill(sum / (2 * samples) as f32);
            Ok(())
        }
        fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let k = bottom[0].count_in(1..bottom[0].num_axes());
            let scale = top[0].diff.scalar() / bottom[0].num() as f32;
            for i in 0..bottom[0].count() {
                let (a, p, n) = (bottom[0].data.slice()[i], bottom[1].data.slice()[i], bottom[2].data.slice()[i]);
                let scale = if self.open[i / k] { scale } else { 0.0 };
                for (b, d) in [n - p, p - a, a - n].into_iter().enumerate() {
                    if cx.propagate_down[b] {
                        bottom[b].diff.slice_mut()[i] = scale * d;
                    }
                }
            }
            Ok(())
        }
        fn loss_weight(&self, _: usize) -> f32 {
            1.0
        }
    }

    // %%
    layers.add::<Triplet>("Triplet");
    let mut triplet = bench(&layers, "type: 'Triplet'", &[&[6, 4], &[6, 4], &[6, 4]])?;
    triplet.fill(0, Fill::Uniform(-3.0, 3.0));
    let report = triplet.check_gradient(&Gradient::default())?;
    println!("{} slopes compared, and right", report.compared);

    // %% [markdown]
    // Now a net with it. Three `Digits` layers read a digit each, in orders that we choose: the second has the same label
    // as the first, the third has another. Three layers with the *same weights* (`param { name: "w" }`) turn each digit
    // into ten numbers. Nothing tells the net what a seven is, only which digits are alike.

    // %% tol=any
    let mut siamese = String::new();
    for what in ["anchor", "positive", "negative"] {
        siamese += &format!(
            "layer {{ name: '{what}' type: 'Digits' top: '{what}' data_param {{ batch_size: 32 }} }}
             layer {{ name: 'ip_{what}' type: 'InnerProduct' bottom: '{what}' top: 'y_{what}'
                      param {{ name: 'w' }}
                      inner_product_param {{ num_output: 10 bias_term: false weight_filler {{ type: 'xavier' }} }} }}"
        );
    }
    siamese += "layer { name: 'loss' type: 'Triplet' top: 'loss' contrastive_loss_param { margin: 5 }
                        bottom: 'y_anchor' bottom: 'y_positive' bottom: 'y_negative' }";
    let mut solver = solver_of(&layers, &siamese, 0.02)?;
    {
        let random = Random::new(0, "triplets", 0);
        let (mut anchor, mut positive, mut negative, mut draw) = (Vec::new(), Vec::new(), Vec::new(), 0);
        while anchor.len() < 4000 {
            let three = [0, 1, 2].map(|i| random.below(draw + i, digits.len()));
            draw += 3;
            let [a, p, n] = three.map(|i| digits.labels[i]);
            if a == p && a != n {
                anchor.push(three[0]);
                positive.push(three[1]);
                negative.push(three[2]);
            }
        }
        for (layer, order) in [("anchor", anchor), ("positive", positive), ("negative", negative)] {
            solver.net().layer_mut::<Digits>(layer)?.order = order;
        }
    }
    solver.step(1)?;
    println!("propagate_down of the loss: {:?}", solver.net().propagates_down("loss")?.1);
    show(&solver.net().trace()?)?;

    // %% [markdown]
    // Three paths lead into the loss, and three gradients go back. They meet in one place, the weights that all three
    // share. Do digits of one class move closer together?

    // %% tol=any
    solver.step(199)?;
    for (what, losses) in [("first", &solver.losses()[..20]), ("last", &solver.losses()[180..])] {
        println!("mean loss of the {what} 20 iterations: {:.2}", losses.iter().sum::<f32>() / 20.0);
    }

    // %% [markdown]
    // ## Two tops, and something to learn
    //
    // The next layer splits its bottom by sign: the positive part goes to the first top, the negative part to the second,
    // multiplied by a *learnt* number, one for each channel c. (Their sum is the PReLU of He et al. 2015.)
    //
    // $$ y = \max(0, x), \qquad z = a_c \min(0, x) $$
    //
    // $$ dx = dy \text{ where } x > 0 \text{, else } a_c \, dz, \qquad da_c = \sum dz \min(0, x) $$
    //
    // `setup` makes the blob that holds a and hands it over to the net. From then on it belongs to the net: kept in the
    // store, moved by the solver, saved in a file. The layer gets it back for the duration of a call, as `params`.
    //
    // Look at the two assignments in backward. The bottom's diff is **set**, `=`: it has one reader, this layer, so what
    // it held before is left over from another batch. (If a blob has two readers, the net inserts a Split, which adds.)
    // The parameter's diff is **added to**, `+=`: others may have written there before, such as a second layer with the
    // same parameter or an earlier pass of `iter_size`. The field `forgets` shows what happens if you mix them up.

    // %%
    /// y = max(0, x) and z = a min(0, x), with an a for each channel
    struct TwoSided {
        forgets: bool,
    }

    impl Layer for TwoSided {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(TwoSided { forgets: false })
        }
        fn arity(&self) -> Arity {
            Arity::exact(1, 2)
        }
        fn setup(&mut self, _: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
            let mut a = Blob::new(&[bottom[0].channels()])?;
            a.data.fill(0.25);
            Ok(vec![Param::new(a)])
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            top[0].reshape_like(&bottom[0])?;
            top[1].reshape_like(&bottom[0])
        }
        fn forward(&mut self, _: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (a, x) = (params[0].data.slice(), bottom[0].data.slice());
            let inner = bottom[0].count_in(2..bottom[0].num_axes());
            for (i, x) in x.iter().enumerate() {
                top[0].data.slice_mut()[i] = x.max(0.0);
                top[1].data.slice_mut()[i] = a[i / inner % a.len()] * x.min(0.0);
            }
            Ok(())
        }
        fn backward(&mut self, cx: &Cx, w: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let inner = bottom[0].count_in(2..bottom[0].num_axes());
            let (Blob { data: a, diff: da }, Blob { data: x, diff: dx }) = (&mut w[0], &mut bottom[0]);
            let (a, x, dy, dz) = (a.slice(), x.slice(), top[0].diff.slice(), top[1].diff.slice());
            if self.forgets {
                da.fill(0.0);
            }
            for (i, x) in x.iter().enumerate() {
                let c = i / inner % a.len();
                da.slice_mut()[c] += dz[i] * x.min(0.0);
                if cx.propagate_down[0] {
                    dx.slice_mut()[i] = if *x > 0.0 { dy[i] } else { a[c] * dz[i] };
                }
            }
            Ok(())
        }
    }

    // %%
    layers.add::<TwoSided>("TwoSided");
    for forgets in [false, true] {
        let layer = Box::new(TwoSided { forgets });
        let mut two = Harness::of(layer, &LayerParameter::default(), &[&[4, 3, 2, 2]])?;
        two.fill(0, Fill::Distinct(-1.0, 1.0));
        match two.check_gradient(&Gradient { kink: Some((0.0, 0.03)), ..Gradient::default() }) {
            Ok(report) => println!("{} slopes compared, and right", report.compared),
            Err(e) => println!("forgets: {e}"),
        }
    }

    // %% [markdown]
    // Does it learn? The targets come from slopes that we choose: -0.5, 0 and 0.5 for the three channels. The solver
    // knows nothing about our layer except its parameter, and needs nothing else.

    // %% tol=0.01
    let text = "
        layer { name: 'in' type: 'Input' top: 'x' top: 't' input_param { shape { dim: 64 dim: 3 } } }
        layer { name: 'two' type: 'TwoSided' bottom: 'x' top: 'y' top: 'z' }
        layer { name: 'sum' type: 'Eltwise' bottom: 'y' bottom: 'z' top: 'sum' }
        layer { name: 'loss' type: 'MyEuclidean' bottom: 'sum' bottom: 't' top: 'loss' }
    ";
    let mut solver = solver_of(&layers, text, 1.0)?;
    {
        let mut x = vec![0.0; 64 * 3];
        Random::new(0, "x", 0).gaussian(0.0, 1.0, &mut x);
        for (i, t) in solver.net().data_mut("t")?.slice_mut().iter_mut().enumerate() {
            *t = if x[i] > 0.0 { x[i] } else { [-0.5, 0.0, 0.5][i % 3] * x[i] };
        }
        solver.net().data_mut("x")?.slice_mut().copy_from_slice(&x);
    }
    for steps in [0, 5, 45] {
        solver.step(steps)?;
        println!("after {:>2} steps: a = {:.3?}", solver.iter(), solver.net().param("two", 0)?.data.slice());
    }

    // %% [markdown]
    // ## A convolution, taken apart
    //
    // A convolution is a loop over triples. Each triple says: weight number w takes input number x to output number y.
    // Forward is $y \leftarrow y + w x$ over all triples, and backward is $dx \leftarrow dx + w \, dy$ and $dw \leftarrow
    // dw + x \, dy$ over the same ones. In the code, k counts outputs, (i, j) places, c channels, and (p, q) positions in
    // the kernel.
    //
    // Only one thing makes it a *convolution*: the number of the weight does not depend on the place. If it does, every
    // place has its own kernel, and the layer is *locally connected*. So one layer can be both, with one field, `tied`.

    // %%
    /// y[k][i][j] = sum of w x[c][i + p][j + q] over c, p, q; one kernel w for all places, or one for each
    struct Local {
        outputs: usize,
        kernel: usize,
        tied: bool,
        /// Channels, height and width of the bottom and of the top.
        x: [usize; 3],
        y: [usize; 3],
    }

    impl Local {
        /// The shapes of x and y for this bottom.
        fn shapes(&self, x: &Blob) -> Result<([usize; 3], [usize; 3])> {
            let k = self.kernel;
            match *x.shape() {
                [_, c, h, w] if h >= k && w >= k => Ok(([c, h, w], [self.outputs, h - k + 1, w - k + 1])),
                ref other => Err(Error::shape(format!("a bottom of shape {other:?} for kernels of {k} x {k}"))),
            }
        }

        /// Calls `visit` with the numbers (y, w, x) of every triple of one sample.
        fn triples(&self, mut visit: impl FnMut(usize, usize, usize)) {
            let ([channels, height, width], [outputs, rows, columns], size) = (self.x, self.y, self.kernel);
            for k in 0..outputs {
                for i in 0..rows {
                    for j in 0..columns {
                        let y = (k * rows + i) * columns + j;
                        let kernel = if self.tied { k } else { y };
                        for c in 0..channels {
                            for p in 0..size {
                                for q in 0..size {
                                    let w = ((kernel * channels + c) * size + p) * size + q;
                                    visit(y, w, (c * height + i + p) * width + j + q);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    impl Layer for Local {
        fn new(param: &LayerParameter) -> Result<Self> {
            let p = param.convolution_param.clone().unwrap_or_default();
            let (outputs, kernel) = (p.num_output() as usize, p.kernel_size.first().copied().unwrap_or(1) as usize);
            Ok(Local { outputs, kernel, tied: false, x: [0; 3], y: [0; 3] })
        }
        fn arity(&self) -> Arity {
            Arity::exact(1, 1)
        }
        fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
            (self.x, self.y) = self.shapes(&bottom[0])?;
            let ([c, ..], [outputs, rows, columns], k) = (self.x, self.y, self.kernel);
            let shape = if self.tied { vec![outputs, c, k, k] } else { vec![outputs, rows, columns, c, k, k] };
            let mut w = Blob::new(&shape)?;
            cx.random("local").gaussian(0.0, 0.1, w.data.slice_mut());
            Ok(vec![Param::new(w)])
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (x, y) = self.shapes(&bottom[0])?;
            if x[0] != self.x[0] || !self.tied && y != self.y {
                return Err(Error::shape(format!(
                    "there are no kernels for a bottom of shape {:?}",
                    bottom[0].shape()
                )));
            }
            (self.x, self.y) = (x, y);
            top[0].reshape(&[bottom[0].num(), y[0], y[1], y[2]])
        }
        fn forward(&mut self, _: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (w, x, y) = (params[0].data.slice(), bottom[0].data.slice(), top[0].data.slice_mut());
            let (size_x, size_y) = (self.x.iter().product(), self.y.iter().product());
            y.fill(0.0);
            for (x, y) in x.chunks_exact(size_x).zip(y.chunks_exact_mut(size_y)) {
                self.triples(|iy, iw, ix| y[iy] += w[iw] * x[ix]);
            }
            Ok(())
        }
        fn backward(&mut self, cx: &Cx, w: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let (Blob { data: w, diff: dw }, Blob { data: x, diff: dx }) = (&mut w[0], &mut bottom[0]);
            let (w, dw, x, dx, dy) = (w.slice(), dw.slice_mut(), x.slice(), dx.slice_mut(), top[0].diff.slice());
            let (size_x, size_y) = (self.x.iter().product(), self.y.iter().product());
            for ((x, dx), dy) in x.chunks(size_x).zip(dx.chunks_mut(size_x)).zip(dy.chunks(size_y)) {
                self.triples(|iy, iw, ix| dw[iw] += dy[iy] * x[ix]);
                if cx.propagate_down[0] {
                    dx.fill(0.0); // set, in two steps
                    self.triples(|iy, iw, ix| dx[ix] += dy[iy] * w[iw]);
                }
            }
            Ok(())
        }
    }

    // %%
    layers.add::<Local>("Local");
    layers.add_with("Tied", |param| Ok(Box::new(Local { tied: true, ..Local::new(param)? })));
    {
        let shape: &[&[usize]] = &[&[2, 3, 6, 5]];
        let conv = "convolution_param { num_output: 4 kernel_size: 3 bias_term: false }";
        let mut library = bench(&layers, &format!("type: 'Convolution' {conv}"), shape)?;
        for kind in ["Tied", "Local"] {
            let mut ours = bench(&layers, &format!("type: '{kind}' {conv}"), shape)?;
            let report = ours.check_gradient(&Gradient::default())?;
            println!("{kind:<6} weights {:?}, {} slopes compared, and right", ours.params[0].shape(), report.compared);
            if kind == "Tied" {
                library.params[0].data.copy_from(&ours.params[0].data)?;
                library.forward()?;
                ours.forward()?;
                let difference = furthest(&ours.top[0].data, &library.top[0].data);
                println!("  from the library's Convolution it differs by less than 0.000001: {}", difference < 1e-6);
                assert!(difference < 1e-6);
            }
        }
    }

    // %% [markdown]
    // Open the file: [src/layers/vision/convolution.rs](../src/layers/vision/convolution.rs). It goes through the same triples,
    // ordered so that they become matrix products.
    //
    // People ask whether a layer with different weights at every place is "a fully connected layer with very sparse
    // weights". The triples say yes, and how: a weight from x to y is in row y and column x of a matrix, and all other
    // entries are 0. One line makes the matrix, for one channel of 8 x 8 pixels and a kernel of 3 x 3:

    // %%
    let mut matrices = Values::new(&[2, 1, 36, 64])?;
    for (kind, matrix) in ["Tied", "Local"].into_iter().zip(matrices.slice_mut().chunks_exact_mut(2304)) {
        let conv = format!("type: '{kind}' convolution_param {{ num_output: 1 kernel_size: 3 }}");
        let full = "type: 'InnerProduct' inner_product_param { num_output: 36 bias_term: false }";
        let mut ours = bench(&layers, &conv, &[&[2, 1, 8, 8]])?;
        let mut full = bench(&layers, full, &[&[2, 1, 8, 8]])?;
        let w = ours.params[0].data.slice();
        let geometry = Local { outputs: 1, kernel: 3, tied: kind == "Tied", x: [1, 8, 8], y: [1, 6, 6] };
        geometry.triples(|iy, iw, ix| matrix[64 * iy + ix] = w[iw]);

        full.params[0].data.slice_mut().copy_from_slice(matrix);
        ours.forward()?;
        full.forward()?;
        let connections = matrix.iter().filter(|w| **w != 0.0).count();
        println!("{kind:<6} {:>3} weights, {connections} of 2304 connections", ours.params[0].count());
        let difference = furthest(&ours.top[0].data, &full.top[0].data);
        println!("  from the full layer it differs by less than 0.000001: {}", difference < 1e-6);
        assert!(difference < 1e-6);
    }
    show(
        &Images::signed(&matrices)?
            .tile(360.0)
            .captions(["tied: a convolution", "a kernel for each place"])
            .title("The matrices: rows y, columns x"),
    )?;

    // %% [markdown]
    // Both are fully connected layers in which most connections are cut. On the left the same nine numbers recur in every
    // row; on the right each row has its own nine. A real full layer would have 2304 weights.
    //
    // ## The same kernel, scaled
    //
    // A kernel for every place takes many weights. For a map of 16 x 16 with 128 channels and kernels of 3 x 3 x 128, a
    // convolution has 147,456 weights, the untied layer 37,748,736. A middle way is one kernel, and for each place one
    // number s that scales it. Does this need a new layer? Everything is linear, so a scaled kernel gives a scaled
    // output:
    //
    // $$ y = \sum (s w) \, x = s \sum w \, x $$
    //
    // So no: it is a Convolution followed by a *Scale*, whose s runs over axes 2 and 3. We compare it with our untied
    // layer, whose kernels we scale by hand.

    // %%
    {
        let x: &[&[usize]] = &[&[2, 3, 6, 5]];
        let mut conv = bench(&layers, "type: 'Tied' convolution_param { num_output: 4 kernel_size: 3 }", x)?;
        let mut local = bench(&layers, "type: 'Local' convolution_param { num_output: 4 kernel_size: 3 }", x)?;
        let mut scale = bench(&layers, "type: 'Scale' scale_param { axis: 2 num_axes: 2 }", &[&[2, 4, 4, 3]])?;
        scale.fill_param(0, Fill::Uniform(0.0, 2.0));
        let (s, w) = (scale.params[0].data.slice(), conv.params[0].data.slice());
        for (i, kernel) in local.params[0].data.slice_mut().chunks_exact_mut(27).enumerate() {
            let (k, place) = (i / 12, i % 12);
            for c in 0..27 {
                kernel[c] = s[place] * w[27 * k + c];
            }
        }
        conv.forward()?;
        scale.bottom[0].data.copy_from(&conv.top[0].data)?;
        scale.forward()?;
        local.forward()?;
        let difference = furthest(&local.top[0].data, &scale.top[0].data);
        println!("12 numbers on a convolution, and 48 kernels: the same within 0.000001: {}", difference < 1e-6);
        assert!(difference < 1e-6);
    }

    // %% [markdown]
    // And where does s come from? Learnt constants are one way. The other is a small net that computes s from the image,
    // so that every image has its own scales (Dynamic Filter Networks, De Brabandere et al. 2016). That is a product of
    // two blobs, *Eltwise*. Here both learn digits; look at what s has become.

    // %% tol=any
    let constants = "
        layer { name: 's' type: 'Scale' bottom: 'conv' top: 'y' param { lr_mult: 10 }
                scale_param { axis: 2 num_axes: 2 } }";
    let side_net = "
        layer { name: 's' type: 'Convolution' bottom: 'data' top: 's'
                convolution_param { num_output: 8 kernel_size: 5 bias_filler { value: 1 } } }
        layer { name: 'y' type: 'Eltwise' bottom: 'conv' bottom: 's' top: 'y' eltwise_param { operation: PROD } }";
    let mut maps = Values::new(&[2, 1, 24, 24])?;
    for (i, scaled) in [constants, side_net].into_iter().enumerate() {
        let text = format!(
            "layer {{ name: 'data' type: 'Digits' top: 'data' top: 'label' data_param {{ batch_size: 32 }} }}
             layer {{ name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'
                      convolution_param {{ num_output: 8 kernel_size: 5 weight_filler {{ type: 'xavier' }} }} }}
             {scaled}
             layer {{ name: 'ip' type: 'InnerProduct' bottom: 'y' top: 'ip'
                      inner_product_param {{ num_output: 10 weight_filler {{ type: 'xavier' }} }} }}
             layer {{ name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }}"
        );
        let mut solver = solver_of(&layers, &text, 0.05)?;
        solver.step(200)?;
        let loss = solver.losses()[150..].iter().sum::<f32>() / 50.0;
        println!("{}: mean loss of the last 50 iterations {loss:.2}", ["constants", "side net"][i]);
        let net = solver.net();
        let s = if i == 0 { &net.param("s", 0)?.data } else { net.data("s")? };
        let most = s.slice()[..576].iter().fold(0.0, |m: f32, s| m.max((s - 1.0).abs()));
        for (map, s) in maps.slice_mut()[576 * i..].iter_mut().zip(&s.slice()[..576]) {
            *map = (s - 1.0) / most; // each picture has its own scale
        }
    }
    show(&Images::signed(&maps)?.tile(160.0).captions(["constants", "side net, one digit"]).title("s, less 1"))?;

    // %% [markdown]
    // The constants have found out where digits have their strokes. The side net makes a different s for each digit.
    //
    // ## A convolution that knows where it is
    //
    // A convolution does the same everywhere. That is its strength, and sometimes its weakness. Here is a task for
    // children: where is the dot in the image? A convolution with the maximum over all places gives the same answer
    // wherever the dot is. The remedy is as simple as the task: two more channels, which hold the coordinates (CoordConv,
    // Liu et al. 2018). The convolution may use them like any other channel.

    // %%
    /// x with two more channels: row and column of each place, from -1 to 1
    struct AddCoords;

    impl Layer for AddCoords {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(AddCoords)
        }
        fn arity(&self) -> Arity {
            Arity::exact(1, 1)
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            match *bottom[0].shape() {
                [n, c, h, w] if h > 1 && w > 1 => top[0].reshape(&[n, c + 2, h, w]),
                ref other => Err(Error::shape(format!("AddCoords takes N x C x H x W, not {other:?}"))),
            }
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (h, w, size) = (bottom[0].height(), bottom[0].width(), bottom[0].count_in(1..4));
            let samples = top[0].data.slice_mut().chunks_exact_mut(size + 2 * h * w);
            for (y, x) in samples.zip(bottom[0].data.slice().chunks_exact(size)) {
                y[..size].copy_from_slice(x);
                for i in 0..h * w {
                    y[size + i] = 2.0 * (i / w) as f32 / (h - 1) as f32 - 1.0;
                    y[size + h * w + i] = 2.0 * (i % w) as f32 / (w - 1) as f32 - 1.0;
                }
            }
            Ok(())
        }
        fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let (size, more) = (bottom[0].count_in(1..4), top[0].count_in(1..4));
            if cx.propagate_down[0] {
                let dx = bottom[0].diff.slice_mut().chunks_exact_mut(size);
                for (dx, dy) in dx.zip(top[0].diff.slice().chunks_exact(more)) {
                    dx.copy_from_slice(&dy[..size]); // the coordinates have no bottom
                }
            }
            Ok(())
        }
    }

    // %% tol=0.05
    layers.add::<AddCoords>("AddCoords");
    let report = bench(&layers, "type: 'AddCoords'", &[&[2, 3, 4, 5]])?.check_gradient(&Gradient::default())?;
    println!("{} slopes compared, and right", report.compared);
    let mut chart = Chart::new("Where is the dot?").axes("iteration", "loss").log();
    let coords = "layer { name: 'coords' type: 'AddCoords' bottom: 'x' top: 'xyz' }";
    for (what, first, bottom) in [("convolution", "", "x"), ("with coordinates", coords, "xyz")] {
        let text = format!(
            "layer {{ name: 'in' type: 'Input' top: 'x' top: 't' input_param {{
                      shape {{ dim: 256 dim: 1 dim: 16 dim: 16 }} shape {{ dim: 256 dim: 2 dim: 1 dim: 1 }} }} }}
             {first}
             layer {{ name: 'conv' type: 'Convolution' bottom: '{bottom}' top: 'conv' convolution_param {{
                      num_output: 2 kernel_size: 1 weight_filler {{ value: 1 }} bias_filler {{ value: -4 }} }} }}
             layer {{ name: 'max' type: 'Pooling' bottom: 'conv' top: 'y'
                      pooling_param {{ pool: MAX global_pooling: true }} }}
             layer {{ name: 'loss' type: 'EuclideanLoss' bottom: 'y' bottom: 't' top: 'loss' }}"
        );
        let mut solver = solver_of(&layers, &text, 0.05)?;
        for i in 0..256 {
            let (x, row, column) = (256 * i + i, (i / 16) as f32, (i % 16) as f32);
            solver.net().data_mut("x")?.slice_mut()[x] = 4.0; // the dot is somewhere else in each image
            let t = &mut solver.net().data_mut("t")?.slice_mut()[2 * i..2 * i + 2];
            (t[0], t[1]) = (row / 7.5 - 1.0, column / 7.5 - 1.0);
        }
        solver.step(200)?;
        let points: Vec<(f64, f64)> =
            solver.losses().iter().enumerate().step_by(4).map(|(i, loss)| (i as f64, *loss as f64)).collect();
        chart = chart.line(what, &points);
        let w = solver.net().param("conv", 0)?.data.slice();
        println!("{what}: last loss {:.3}, weights {w:.1?}", points[49].1);
    }
    show(&chart)?;

    // %% [markdown]
    // Without coordinates the net says the same about all 256 images, and cannot do better. With them, the weights show
    // how it is done. There are three for each of the two outputs: dot, row, column. All began at 1, and the dot is so
    // bright that its place wins the maximum. Then the first output forgot the column and the second the row.
    //
    // ## A fully connected layer is a convolution
    //
    // Finally, the reverse. A fully connected layer over a map is a convolution whose kernel is as large as the map: the
    // kernel fits in one place, and there it sees everything. And a fully connected layer over single numbers is a 1 x 1
    // convolution: it does at every place what the layer does once. So a convolution can classify, even at every place:
    // one class for each pixel (U-Net and its kin end in such a layer).
    //
    // First the loops, for a small map. The weights are the same numbers in the same order; only their shape is written
    // differently.

    // %%
    {
        let ip = "type: 'InnerProduct' inner_product_param { num_output: 5 weight_filler { type: 'xavier' } }";
        let conv = "type: 'Convolution' convolution_param { num_output: 5 kernel_size: 4 }";
        let mut ip = bench(&layers, ip, &[&[1, 3, 4, 4]])?;
        let mut conv = bench(&layers, conv, &[&[1, 3, 4, 4]])?;
        println!("weights {:?} and {:?}", ip.params[0].shape(), conv.params[0].shape());
        conv.params[0].data.slice_mut().copy_from_slice(ip.params[0].data.slice());
        ip.forward()?;
        conv.forward()?;
        for k in 0..5 {
            let (w, x) = (&ip.params[0].data.slice()[48 * k..48 * (k + 1)], ip.bottom[0].data.slice());
            let mut y = 0.0;
            for i in 0..48 {
                y += w[i] * x[i];
            }
            let (a, b) = (ip.top[0].data.slice()[k], conv.top[0].data.slice()[k]);
            println!("output {k}: by hand {y:.4}, InnerProduct {a:.4}, Convolution {b:.4}");
        }
    }

    // %% [markdown]
    // Now with a net that can do something. LeNet learns digits for 400 iterations. In Caffe's words, what follows is
    // *net surgery*.

    // %% tol=0.1
    mnist::ensure_lmdb(&root)?;
    let mut builder = Builder::read(root.join("proto/lenet_solver.prototxt"))?;
    (builder.param_mut().display, builder.param_mut().snapshot) = (Some(0), Some(0));
    builder.param_mut().test_initialization = Some(false);
    let mut solver = builder.seed(1).log(&Log::silent()).make()?;
    solver.step(400)?;
    println!("accuracy {:.3}", solver.test(0)?.get("accuracy").unwrap_or(0.0));

    // %% [markdown]
    // The deploy net, `proto/lenet.prototxt`, ends in `ip1` and `ip2`. We turn them into convolutions: `ip1` sees maps of
    // 4 x 4, `ip2` single numbers. They get new names, so that nobody mistakes their weights for the old ones.

    // %%
    let lenet = text::read::<NetParameter>(root.join("proto/lenet.prototxt"))?.message;
    let mut sliding = lenet.clone();
    for layer in &mut sliding.layer {
        let (kernel, outputs) = match layer.name() {
            "ip1" => (4, 500),
            "ip2" => (1, 10),
            _ => continue,
        };
        let name = format!("{}-conv", layer.name());
        (layer.name, layer.r#type, layer.inner_product_param) = (Some(name), Some("Convolution".into()), None);
        layer.convolution_param =
            Some(ConvolutionParameter { num_output: Some(outputs), kernel_size: vec![kernel], ..Default::default() });
    }
    let mut lenet = Net::build(&lenet).phase(Phase::Test).make()?;
    let mut sliding = Net::build(&sliding).phase(Phase::Test).make()?;
    {
        let trained = solver.net().to_proto(false)?;
        lenet.copy_trained_layers(&trained, false)?;
        let report = sliding.copy_trained_layers(&trained, false)?;
        println!("copied {:?}, left new {:?}", report.copied, report.left_new);
        for layer in ["ip1", "ip2"] {
            let conv = format!("{layer}-conv");
            for i in 0..2 {
                let (from, to) = (lenet.param(layer, i)?, sliding.param_mut(&conv, i)?);
                println!("{layer}[{i}] {:?} -> {conv}[{i}] {:?}", from.shape(), to.shape());
                to.data.slice_mut().copy_from_slice(from.data.slice());
            }
        }
    }

    // %% [markdown]
    // On digits of 28 x 28 both nets must give the same scores.

    // %%
    {
        let mut x = Values::new(&[64, 1, 28, 28])?;
        for (x, byte) in x.slice_mut().iter_mut().zip(&digits.images) {
            *x = *byte as f32 / 256.0;
        }
        for net in [&mut lenet, &mut sliding] {
            net.data_mut("data")?.copy_from(&x)?;
            net.forward()?;
        }
        let difference = furthest(lenet.data("ip2")?, sliding.data("ip2")?);
        println!("scores: {:?} and {:?}", lenet.shape("ip2")?, sliding.shape("ip2")?);
        println!("they differ by less than 0.0001: {}", difference < 1e-4);
        assert!(difference < 1e-4);
    }

    // %% [markdown]
    // Nothing in `sliding` knows the number 28 any more. So we may give it a larger image.
    //
    // **What will this print?** An image of 28 x 84 pixels has room for three digits side by side. For LeNet we would cut
    // it in three and get 3 times 10 scores. `sliding` gives `1 x 10 x h x w` scores: what are h and w? (Each of the two
    // poolings halves the image.) Write it down, then run.

    // %%
    sliding.reshape_blob("data", &[1, 1, 28, 84])?;
    sliding.forward()?;
    println!("ip2 has shape {:?}", sliding.shape("ip2")?);

    // %% [markdown]
    // 1 x 15, not 1 x 3. The window of 28 pixels does not jump from digit to digit; it slides in steps of 4 pixels, the
    // product of the two strides. From 0 to 84 - 28 = 56 there are 56 / 4 + 1 = 15 places.
    //
    // Now a real scene: seven digits of the test set, scattered about.

    // %%
    let mut scene = Values::new(&[1, 1, 76, 140])?;
    for (i, top, left) in [(0, 3, 5), (1, 5, 40), (2, 1, 73), (3, 4, 109), (4, 45, 19), (5, 41, 60), (7, 47, 101)] {
        for p in 0..784 {
            let x = &mut scene.slice_mut()[140 * (top + p / 28) + left + p % 28];
            *x = x.max(digits.image(i)[p] as f32 / 256.0);
        }
    }
    sliding.reshape_blob("data", &[1, 1, 76, 140])?;
    sliding.data_mut("data")?.copy_from(&scene)?;
    sliding.forward()?;
    println!("{} windows, scores {:?}", 13 * 29, sliding.shape("ip2")?);
    show(&Images::of(&scene)?.tile(420.0).title("The scene"))?;

    // %% [markdown]
    // Is every value of the map really what LeNet would say about its window? We cut out a few windows and ask it.

    // %%
    lenet.reshape_blob("data", &[1, 1, 28, 28])?;
    let mut difference = 0.0f32;
    for (i, j) in [(0, 0), (1, 2), (5, 11), (10, 5), (12, 28)] {
        for p in 0..784 {
            let x = scene.slice()[140 * (4 * i + p / 28) + 4 * j + p % 28];
            lenet.data_mut("data")?.slice_mut()[p] = x;
        }
        lenet.forward()?;
        for c in 0..10 {
            let (one, map) = (lenet.data("ip2")?.slice()[c], sliding.data("ip2")?.slice()[(13 * c + i) * 29 + j]);
            difference = difference.max((one - map).abs());
        }
    }
    println!("five windows, ten scores each: they differ by less than 0.0001: {}", difference < 1e-4);
    assert!(difference < 1e-4);

    fn multiplications(net: &Net) -> Result<usize> {
        let mut sum = 0;
        for layer in net.layer_names() {
            if let Some(w) = net.params(layer)?.first() {
                let places: usize = net.shape(net.top_names(layer)?[0])?.iter().skip(2).product();
                sum += w.count() * places;
            }
        }
        Ok(sum)
    }
    println!("377 runs of LeNet:       {:>4} million multiplications", 377 * multiplications(&lenet)? / 1_000_000);
    println!("one of the sliding net:  {:>4} million", multiplications(&sliding)? / 1_000_000);

    // %% [markdown]
    // 377 runs of LeNet for a quarter of the price: overlapping windows share the work of `conv1` and `conv2`. Here are
    // the answers, a map for each class. The brighter a place, the surer the net is that the window there shows *this*
    // digit.

    // %% tol=any
    let maps = sliding.data("prob")?.clone();
    show(
        &Images::of(&maps)?
            .columns(5)
            .tile(130.0)
            .captions((0..10).map(|class| class.to_string()))
            .title("What each window says"),
    )?;

    // %% [markdown]
    // Many places are bright where there is no digit. LeNet has never seen half a digit, and it has no class for
    // "nothing": a softmax has to choose. A net that should find things must learn what nothing looks like, or be told
    // where to look. We tell it: a window counts if its rim is dark and the centre of its ink is near the middle, because
    // MNIST's digits are centred that way in their frames.

    // %% tol=any
    for i in 0..13 {
        for j in 0..29 {
            let (mut rim, mut ink, mut row, mut column) = (0.0, 0.0, 0.0, 0.0);
            for p in 0..784 {
                let x = scene.slice()[140 * (4 * i + p / 28) + 4 * j + p % 28];
                ink += x;
                row += x * (p / 28) as f32;
                column += x * (p % 28) as f32;
                if [0, 27].contains(&(p / 28)) || [0, 27].contains(&(p % 28)) {
                    rim += x;
                }
            }
            if rim == 0.0 && (row / ink - 14.0).abs() < 2.0 && (column / ink - 14.0).abs() < 2.0 {
                let p: Vec<f32> = (0..10).map(|c| maps.slice()[(13 * c + i) * 29 + j]).collect();
                let best = (0..10).fold(0, |best, c| if p[c] > p[best] { c } else { best });
                println!("rows from {:>2}, columns from {:>3}: {best}, probability {:.2}", 4 * i, 4 * j, p[best]);
            }
        }
    }

    // %% [markdown]
    // Seven windows of 377, seven digits, and all of them right.
    //
    // ## Features
    //
    // People also want the values of a late layer of a trained net, for some other use, together with the scores. You
    // need not ask for them: after a forward every blob holds what its layer made. Here are the digits of the test set
    // whose 500 numbers in `ip1` are nearest to those of the first, a seven:

    // %% tol=any
    {
        lenet.reshape_blob("data", &[500, 1, 28, 28])?;
        for (x, byte) in lenet.data_mut("data")?.slice_mut().iter_mut().zip(&digits.images) {
            *x = *byte as f32 / 256.0;
        }
        lenet.forward()?;
        let (features, scores) = (lenet.data("ip1")?, lenet.data("ip2")?);
        println!("features {:?} and scores {:?} of one forward", features.shape(), scores.shape());
        let row = |n: usize| &features.slice()[500 * n..500 * (n + 1)];
        let distance = |n: &usize| row(0).iter().zip(row(*n)).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        let mut nearest: Vec<usize> = (0..500).collect();
        nearest.sort_by(|m, n| distance(m).total_cmp(&distance(n)));
        let labels: Vec<u8> = nearest[..10].iter().map(|&n| digits.labels[n]).collect();
        println!("the ten nearest are {labels:?}");
    }

    // %% [markdown]
    // ## What to remember
    //
    // - `new` and `setup` run once, `reshape` before **every** forward. It costs nothing if nothing changed.
    // - Bottoms and tops are lists, with a length that the layer declares. The batch is the first axis of each blob.
    // - What a layer keeps from forward for backward is its own note. Blobs' diffs are something else, and backward gets
    //   the bottoms' data again.
    // - A bottom's diff is set, and only if `propagate_down` wants it. A parameter's diff is added to.
    // - No layer without `check_gradient`. A wrong slope still trains, only worse.
    // - State lives in the layer, or in values that a closure hands over. `net.layer_mut::<T>(name)` reaches it, and a
    //   solver's `step` runs the very layer you reached. The test net has its own.
    // - A convolution is a fully connected layer with shared weights and cut connections; a fully connected layer is a
    //   convolution whose kernel covers everything. So a classifier can slide.
    // - Before you write a layer, see whether existing ones can do it.
    //
    // ## Exercises
    //
    // - **04.1** Two bottoms, two tops, one weight, and `propagate_down`: `cargo run --release -p exercises --bin exercise_04_1`
    // - **04.2** Batches in a new order every epoch: `cargo run --release -p exercises --bin exercise_04_2`
    // - **04.3** Net surgery with a trap: `cargo run --release -p exercises --bin exercise_04_3`
    //
    // `cargo run --release --bin check 04` checks your answers.
    //
    // Next: [lesson 05](05_update_rules.rs), where you change the step itself.

    Ok(())
}
