//! # Lesson 04: your own layers
//!
//! A net is a list of layers, and a layer is a formula with its slope. In this lesson you write ten of them. At the end
//! you can
//!
//! - say who calls `setup`, `reshape`, `forward` and `backward`, how often, and why;
//! - write a loss, a layer with three bottoms, one with two tops, one that learns, and one that brings the data;
//! - prove that a layer is right, and watch a wrong one being caught;
//! - bend a convolution: other weights at every place, a convolution that knows where it is;
//! - turn a trained LeNet into one large convolution and slide it over a picture with several digits.
//!
//! ```text
//! cargo run --release --bin 04_custom_layers
//! ```

use cortado::check::{Fill, Gradient, Harness};
use cortado::data::idx::Labelled;
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
    // A layer is a type with five functions. The net calls them, never you. To see *when*, we write the simplest layer there
    // is, $y = x$, and let it write down every call.
    //
    // - `new` reads the layer's part of the prototxt.
    // - `arity` says how many bottoms and tops it takes.
    // - `setup`, which may be left out, makes its learnable blobs.
    // - `reshape` gives the tops their shapes.
    // - `forward` reads the bottoms' data and writes the tops' data. `backward` reads the tops' diffs and writes the bottoms'
    //   diffs. By custom the formula's letters stand for the data, with a `d` in front for the diff: `x` and `dx`.

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
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], down: &[bool], bottom: &mut [Blob]) -> Result {
            self.calls.push("backward");
            let (dx, dy) = (&mut bottom[0].diff, &top[0].diff);
            if down[0] { dx.copy_from(dy) } else { Ok(()) }
        }
    }

    // %% [markdown]
    // A net finds its layers in a table, by the prototxt's `type`. The table is a value. We take Caffe's, add ours, and hand
    // it to whoever builds a net. The witness stands between a layer that learns and a loss.

    // %%
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
    let mut net = cortado::net::Builder::parse(watched, "watched")?.phase(Phase::Train).layers(&layers).make()?;
    Random::new(0, "x", 0).gaussian(0.0, 1.0, net.data_mut("x")?.slice_mut());
    println!("after building: {}", net.layer::<Witness>("witness")?.calls.join(", "));

    // %% [markdown]
    // The net is built, and nothing has run. All the same `reshape` was called once: the layers above must know what they
    // will stand on, before their weights can be made.
    //
    // **What will this print?** Three forwards, with the same shapes every time, then one backward. It is often said that
    // `reshape` is called when the net is set up, and again only if you ask for another input size. How often will each of
    // the five stand in the diary in the end? Write it down, then run.

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
    // Four: once at building, and once before **every** forward. Caffe does the same. Why, if no shape changes? Because the
    // shapes might change, and nobody else is asked. A batch may be smaller, a picture larger, a data layer may bring
    // something new; so each layer looks at its bottoms again, every time. If they are as before it costs nothing: a blob that
    // gets the shape it has keeps its memory. We can see that, too. And when they are not as before, no one needs to be told:

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
    // `new` and `setup` stay at 1. What they make, the weights, does not depend on the number of samples. Open the file:
    // [src/net/run.rs](../src/net/run.rs), `forward_step`. There is one line with `reshape` and `forward`, one after the other.
    //
    // ## Bottom and top are lists
    //
    // Now a loss. The Euclidean loss compares a, the predictions, with b, the targets:
    //
    // $$ L = \frac{1}{2N} \sum (a - b)^2, \qquad da = \frac{a - b}{N} \, dL, \qquad db = - \frac{a - b}{N} \, dL $$
    //
    // First without any layer. Two samples of three values, so N = 2, and a slope is found by walking: move one value a little,
    // and see what the loss does.

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
    // Now the layer. A layer gets **lists** of blobs, because some layers have several bottoms or several tops. A loss has two
    // bottoms: `bottom[0]` is the predictions and `bottom[1]` the targets. So wherever a 2 appears below, it is the length of
    // this list. It has nothing to do with the size of the batch, which is the first axis of *each* of the blobs.
    //
    // - The list's length is declared once, in `arity`, and the net checks it.
    // - `reshape` checks the rest: both blobs must hold as many values. Then it makes room for the result. A loss is a single
    //   number, and a single number needs memory as well: shape `[]`.
    // - `self.diff` keeps $a - b$ from forward to backward, which can use it again. It is a private note of the layer. Do not
    //   take it for the diff of a blob: nobody else ever sees it.

    // %%
    /// L = 1/(2N) sum (a - b)^2
    struct MyEuclidean {
        diff: Vec<f32>,
    }

    impl Layer for MyEuclidean {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(MyEuclidean { diff: Vec::new() })
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
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], down: &[bool], bottom: &mut [Blob]) -> Result {
            let (dl, n) = (top[0].diff.scalar(), bottom[0].num() as f32);
            for (i, sign) in [(0, 1.0), (1, -1.0)] {
                if down[i] {
                    let d = bottom[i].diff.slice_mut();
                    for k in 0..d.len() {
                        d[k] = sign * dl * self.diff[k] / n;
                    }
                }
            }
            Ok(())
        }
        fn needs(&self) -> Needs {
            Needs::NOTHING // backward reads its own note and no blob's data
        }
        fn loss_weight(&self, _: usize) -> f32 {
            1.0
        }
    }

    // %% [markdown]
    // The last two functions have defaults, which a loss wants otherwise. `loss_weight` says that its top counts in the
    // objective. `needs` says that backward reads no data of the bottoms; a net that is short of memory may free them early.
    // This is the true worth of the note.
    //
    // One bottom too many, or two that do not fit, and the net is not built:

    // %%
    layers.add::<MyEuclidean>("MyEuclidean");
    for (shape, bottoms) in [("dim: 4 dim: 2", "bottom: 'a'"), ("dim: 4 dim: 3", "bottom: 'a' bottom: 'b'")] {
        let text = format!(
            "layer {{ name: 'in' type: 'Input' top: 'a' top: 'b'
                      input_param {{ shape {{ dim: 4 dim: 2 }} shape {{ {shape} }} }} }}
             layer {{ name: 'loss' type: 'MyEuclidean' {bottoms} top: 'loss' }}"
        );
        match cortado::net::Builder::parse(&text, "the net")?.layers(&layers).make() {
            Ok(_) => println!("built"),
            Err(e) => println!("{e}\n"),
        }
    }

    // %% [markdown]
    // Where does what stand, and when? We run forward and look at both diffs, the layer's note and the blob's. Then backward,
    // and we look again.

    // %%
    let text = r#"
        layer { name: "in" type: "Input" top: "x" top: "t"
                input_param { shape { dim: 2 dim: 2 } shape { dim: 2 dim: 2 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "a"
                inner_product_param { num_output: 2 weight_filler { type: "constant" value: 1 } } }
        layer { name: "loss" type: "MyEuclidean" bottom: "a" bottom: "t" top: "loss" loss_weight: 10 }
    "#;
    let mut net = cortado::net::Builder::parse(text, "the net")?.phase(Phase::Train).layers(&layers).make()?;
    net.data_mut("x")?.slice_mut().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
    net.forward()?;
    println!("forward:  self.diff {:?}, a's diff {:?}", net.layer::<MyEuclidean>("loss")?.diff, net.diff("a")?.slice());
    net.backward()?;
    println!("backward: self.diff {:?}, a's diff {:?}", net.layer::<MyEuclidean>("loss")?.diff, net.diff("a")?.slice());
    println!("          t's diff {:?}", net.diff("t")?.slice());

    // %% [markdown]
    // After forward the note is full and the blob's diff is empty. After backward the blob's diff holds $(a - b) / N$ times the
    // loss weight of 10, and the note is as it was. They are two things. (The targets got nothing: we come to that.)
    //
    // Could `diff` be a local variable of forward, and backward subtract once more? Yes. The library's file does so:
    // [src/layers/euclidean_loss.rs](../src/layers/euclidean_loss.rs), the same formula and nearly the same letters.
    //
    // ## Is it right?
    //
    // A layer is right when its forward is its formula and its backward is the slope of its forward. `Harness` runs one layer
    // alone and tries both: the formula once more in f64, and the slope of every input by walking, as in our loop.

    // %%
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
    // A check is worth what it catches. Here are five mistakes that have all been made before. Most of them you would never see
    // in a training: with N forgotten, the net simply learns as if the rate were N times as large.

    // %%
    /// MyEuclidean, with a mistake in backward.
    struct Spoilt {
        right: MyEuclidean,
        mistake: usize,
    }

    impl Layer for Spoilt {
        fn new(param: &LayerParameter) -> Result<Self> {
            Ok(Spoilt { right: MyEuclidean::new(param)?, mistake: 0 })
        }
        fn arity(&self) -> Arity {
            self.right.arity()
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            self.right.reshape(bottom, top)
        }
        fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            self.right.forward(cx, params, bottom, top)
        }
        fn backward(&mut self, cx: &Cx, w: &mut [Blob], top: &[Blob], down: &[bool], bottom: &mut [Blob]) -> Result {
            let (before, dl, n) = (bottom[0].diff.clone(), top[0].diff.scalar(), bottom[0].num() as f32);
            self.right.backward(cx, w, top, down, bottom)?;
            let [a, b] = bottom else { return Err(Error::shape("two bottoms")) };
            match self.mistake {
                0 => b.diff.slice_mut().iter_mut().for_each(|db| *db = -*db),
                1 => a.diff.slice_mut().iter_mut().for_each(|da| *da *= n),
                2 => a.diff.slice_mut().iter_mut().for_each(|da| *da /= dl),
                3 => a.diff.scaled_add(1.0, &before),
                _ if !down[0] => b.diff.fill(0.0),
                _ => {}
            }
            Ok(())
        }
        fn loss_weight(&self, _: usize) -> f32 {
            1.0
        }
    }

    // %% tol=0.05
    for (mistake, what) in [
        "the minus of bottom[1] forgotten",
        "N forgotten",
        "the top's diff forgotten, so that loss_weight has no effect",
        "+= in place of = for a bottom",
        "one `if` for both bottoms",
    ]
    .into_iter()
    .enumerate()
    {
        let mut layer = Spoilt::new(&LayerParameter::default())?;
        layer.mistake = mistake;
        let mut bench = Harness::of(Box::new(layer), &LayerParameter::default(), &[&[4, 3], &[4, 3]])?;
        bench.fill(0, Fill::Uniform(-1.0, 1.0));
        bench.fill(1, Fill::Uniform(-1.0, 1.0));
        match bench.check_gradient(&Gradient::default()) {
            Ok(_) => println!("{what}: not caught"),
            Err(e) => println!("{what}:\n  {e}"),
        }
    }

    // %% [markdown]
    // ## The Dice loss
    //
    // Some tasks have many more zeros than ones: which pixels are the tumour? A net that answers "none" is right at 98 % of
    // the pixels. The Dice loss compares what both agree on with what there is in all (Milletari et al. 2016):
    //
    // $$ I = \sum a b, \qquad S = \sum a^2 + \sum b^2, \qquad L = 1 - \frac{2 I}{S} $$
    //
    // By the quotient rule the slope is $da = -2 \, dL \, (b S - 2 a I) / S^2$. Backward needs b for that. Do we have to keep a
    // copy of it in `self`, as we kept the difference? No: backward gets the bottoms again, with the data that forward read.
    // We keep the two sums, which would be work to compute.
    //
    // A mask has no gradient. A layer says so in `propagates`.

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
            self.s = self.s.max(f32::MIN_POSITIVE); // an empty guess of an empty mask
            top[0].data.fill(1.0 - 2.0 * self.i / self.s);
            Ok(())
        }
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], down: &[bool], bottom: &mut [Blob]) -> Result {
            let [Blob { data: a, diff: da }, b] = bottom else { return Err(Error::shape("Dice has two bottoms")) };
            let (a, b, dl, i, s) = (a.slice(), b.data.slice(), top[0].diff.scalar(), self.i, self.s);
            if down[0] {
                for ((da, a), b) in da.slice_mut().iter_mut().zip(a).zip(b) {
                    *da = -2.0 * dl * (b - 2.0 * a * i / s) / s;
                }
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
    println!("{} slopes compared, {} of them of the mask", report.compared, report.compared - 32);

    // %% [markdown]
    // What is it good for? A mask of 40 x 40 pixels with a disc of 32. Three guesses: nothing at all, a little everywhere, and
    // the disc one pixel too far to the right. The last is by far the best.

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
    // Backward is told for each bottom whether its diff is wanted: `down` in our layers, `propagate_down` in Caffe. Why is a
    // function called at all, if it is told to do nothing? Because it is asked for each bottom by itself. A loss may have to
    // answer for its predictions and not for its labels; a layer with weights has work to do for the weights even if
    // nobody wants its bottom's diff. If *nothing* is wanted, backward is not called.
    //
    // Who decides? The net, when it is built. A diff is wanted if something below it learns and something above it is a loss.
    // The prototxt may say `propagate_down: false` to cut a branch off.

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
        let net = cortado::net::Builder::parse(&text, what)?.phase(Phase::Train).layers(&layers).make()?;
        println!("{what}");
        for layer in ["ip", "loss"] {
            let (runs, down) = net.propagates_down(layer)?;
            println!("  {layer:<5} runs backward: {runs:<5}  propagate_down: {down:?}");
        }
    }

    // %% [markdown]
    // Row by row. As it comes: `ip` runs backward for its weights, though nobody wants the diff of `x`. `loss` answers for `a`
    // only. Cut: now no gradient reaches `ip`, so it does not run. Nothing learns: nothing runs.
    //
    // And if you ask for a gradient that does not exist, of Dice's mask, you are told:

    // %%
    let text = "layer { name: 'in' type: 'Input' top: 'a' top: 'mask' input_param { shape { dim: 4 } } }
                layer { name: 'dice' type: 'Dice' bottom: 'a' bottom: 'mask' top: 'loss'
                        propagate_down: true propagate_down: true }";
    if let Err(e) = cortado::net::Builder::parse(text, "the net")?.layers(&layers).make() {
        println!("{e}");
    }

    // %% [markdown]
    // ## A data layer with a memory
    //
    // A layer without bottoms brings the data. We write one, for three reasons: it has state that lasts from batch to batch,
    // you want to set that state from outside, and several layers shall share what they read.
    //
    // - What is **shared** comes from outside: `layers.add_with` takes a closure that makes the layer, and the closure holds
    //   what it hands over. Here: ten thousand digits, and a journal in which all of them write. No globals.
    // - What is a layer's **own** are plain fields: the order of the samples and the position in it.
    //   `net.layer_mut::<Digits>("data")?` gives you the layer itself, as its own type.
    //
    // `is_source` says that forward overwrites the tops. `position` and `seek` let a snapshot remember where it was.

    // %%
    /// Digits in an order of your own.
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
        fn backward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], _: &[bool], _: &mut [Blob]) -> Result {
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
    let mnist = root.join("data/mnist");
    let digits =
        Arc::new(Labelled::read(mnist.join("t10k-images-idx3-ubyte.gz"), mnist.join("t10k-labels-idx1-ubyte.gz"))?);
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
    let mut net = cortado::net::Builder::parse(READER, "reader")?.phase(Phase::Train).layers(&layers).make()?;
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
    // There are 980 zeros among the ten thousand, so after five more the ones begin.
    //
    // Somebody once set a variable in such a layer, and reported that `forward` saw it and `step` did not. Can that be? We
    // look into the journal. A solver trains one net and tests another, both with a layer `data`. We set the order in the train
    // net: nothing but sevens.

    // %%
    if let Ok(mut journal) = journal.lock() {
        journal.clear();
    }
    let mut param = text::parse::<cortado::proto::SolverParameter>(
        "base_lr: 0.01 lr_policy: 'fixed' test_iter: 1 test_interval: 1000 test_initialization: false",
        "settings",
    )?
    .message;
    param.net_param = Some(text::parse::<NetParameter>(READER, "reader")?.message);
    let mut solver = Solver::build(&param).layers(&layers).log(&Log::silent()).make()?;
    let sevens: Vec<usize> = (0..digits.len()).filter(|&i| digits.labels[i] == 7).collect();
    solver.net().layer_mut::<Digits>("data")?.order = sevens;
    solver.net().forward()?;
    solver.step(1)?;
    solver.test(0)?;
    for line in journal.lock().map(|journal| journal.clone()).unwrap_or_default() {
        println!("{line}");
    }

    // %% [markdown]
    // `forward` and `step` run the very same layer. The *test* net has another one, with fields of its own: who sets a variable
    // there, or who lets a thread read ahead before the variable was set, sees what was reported. If both nets shall see a
    // value, put it where the journal is.
    //
    // ## Three bottoms
    //
    // A *triplet loss* has three bottoms, and all of them want a gradient (Schroff et al. 2015). An anchor a, a positive p of the
    // same class, a negative n of another. Nearness is learnt: p shall be nearer to a than n is, by a margin m.
    //
    // $$ L = \frac{1}{2N} \sum_n \max(0, \; |a - p|^2 - |a - n|^2 + m) $$
    //
    // Where the maximum is 0, all is well and the slope is 0. Elsewhere $da = (n - p)/N$, $dp = (p - a)/N$ and $dn = (a - n)/N$,
    // times $dL$.

    // %%
    /// L = 1/(2N) sum max(0, |a - p|^2 - |a - n|^2 + m)
    struct Triplet {
        margin: f32,
        /// Which samples are not well yet.
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
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], down: &[bool], bottom: &mut [Blob]) -> Result {
            let k = bottom[0].count_in(1..bottom[0].num_axes());
            let scale = top[0].diff.scalar() / bottom[0].num() as f32;
            for i in 0..bottom[0].count() {
                let (a, p, n) = (bottom[0].data.slice()[i], bottom[1].data.slice()[i], bottom[2].data.slice()[i]);
                let scale = if self.open[i / k] { scale } else { 0.0 };
                for (b, d) in [n - p, p - a, a - n].into_iter().enumerate() {
                    if down[b] {
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
    let report = triplet.check_gradient(&Gradient::default())?;
    println!("{} slopes compared, {} skipped", report.compared, report.skipped);

    Ok(())
}
