//! # Lesson 03: your own solver
//!
//! Backward leaves a gradient in every diff and changes nothing. Somebody has to take the step. That is the solver's job,
//! and in this lesson it is yours.
//!
//! You begin with `w -= lr * dw` and add one thing at a time: multipliers, weight decay, momentum, `iter_size`, clipping and
//! a rate that falls. After each addition your net is compared with one that the library's `Solver` trained from the same
//! seed and the same data. They must be equal **bit for bit**. Nearly equal is not enough: a solver that is nearly right
//! trains nearly as well, and you would never find the mistake.
//!
//! Then you train LeNet for two passes over the 60,000 digits, with a solver that is yours from the first line to the last.
//!
//! ```text
//! cargo run --release --bin 03_custom_solver
//! ```

use cortado::data::mnist;
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::show::{Chart, Images, show};
use cortado::solver::rules::{At, Rule, Rules};
use cortado::solver::{Builder, Solver};
use cortado::{Log, Net, Phase, Result, Values, files};

fn main() -> Result<()> {
    // %% [markdown]
    // ## Four helpers
    //
    // The net is LeNet, from its prototxt. We read it as a message, a `NetParameter`, so that we can change a field here and
    // there before we build a net from it.

    // %%
    let root = files::root()?;
    mnist::ensure_lmdb(&root)?;
    let lenet = text::read::<NetParameter>(root.join("proto/lenet_train_test.prototxt"))?.message;
    println!("{}: {} layers in the file, for both phases", lenet.name(), lenet.layer.len());

    // %% [markdown]
    // The first helper makes our train net. The second makes the library's `Solver`, with its own net. Its settings are
    // prototxt, as in a solver file. Both have seed 1, so both begin with the same weights.

    // %%
    fn train_net(lenet: &NetParameter) -> Result<Net> {
        Net::build(lenet).phase(Phase::Train).seed(1).make()
    }

    fn library_solver(lenet: &NetParameter, settings: &str) -> Result<Solver> {
        let mut param = text::parse::<SolverParameter>(settings, "settings")?.message;
        param.net_param = Some(lenet.clone());
        Solver::build(&param).seed(1).make()
    }

    // %% [markdown]
    // The third computes gradients. It first clears the diffs of the parameters, because backward *adds to* them, and
    // returns the loss of the batch.
    //
    // The fourth counts the parameters in which two nets differ. It compares bits, so not even -0 and 0 pass as equal. All
    // parameters of a net are in one place, its store: `net.store()` gives each blob with its `Spec`, which says which layer
    // made it and what multipliers it has.

    // %%
    fn gradients(net: &mut Net) -> Result<f32> {
        net.clear_param_diffs();
        let loss = net.forward_loss()?;
        net.backward()?;
        Ok(loss)
    }

    fn differing(a: &Net, b: &Net) -> usize {
        let mut count = 0;
        for ((a, _), (b, _)) in a.store().iter().zip(b.store().iter()) {
            let pairs = a.data.slice().iter().zip(b.data.slice());
            count += pairs.filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        }
        count
    }

    // %% [markdown]
    // Here is what the third helper leaves behind. Forward filled the data from left to right; backward came the other way and
    // left a gradient at every parameter. All the numbers a solver needs are there, and nobody has used them yet.

    // %% tol=0.05
    let mut ready = train_net(&lenet)?;
    println!("loss {:.4}", gradients(&mut ready)?);
    show(&ready.trace()?)?;

    // %% [markdown]
    // And here are the two nets we will compare, before they have learnt anything.

    // %%
    let mut net = train_net(&lenet)?;
    let mut solver = library_solver(&lenet, "base_lr: 0.01 lr_policy: 'fixed'")?;
    println!("before training: {} of {} values differ", differing(&net, solver.net()), net.store().count());
    assert_eq!(differing(&net, solver.net()), 0);

    // %% [markdown]
    // ## Gradient descent
    //
    // The gradient `dw` says where the loss grows. So we go the other way, by a small part of it:
    //
    // $$ w \leftarrow w - lr \cdot dw $$
    //
    // Every tutorial writes this loop, and many say that a solver does just this when momentum and weight decay are off. Let
    // us see. The net is LeNet as the file has it; both solvers learn five batches, and we compare after each.
    //
    // **What will this print?** 431,080 parameters, 430,500 of them weights and 580 biases. How many differ after the first
    // iteration: none, all, or some? And after the second? (You may look at the prototxt.)

    // %% tol=0.05
    for _ in 0..5 {
        gradients(&mut net)?;
        for (blob, _) in net.store_mut().iter_mut() {
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for (w, dw) in w.iter_mut().zip(dw) {
                *w -= 0.01 * dw;
            }
        }
        solver.step(1)?;
        println!("iteration {}: {} values differ", solver.iter(), differing(&net, solver.net()));
    }

    // %% [markdown]
    // Some, then nearly all. So the tutorials are wrong, and the numbers say why. Let us take the first iteration apart,
    // parameter by parameter.

    // %% tol=0.05
    let mut net = train_net(&lenet)?;
    let mut solver = library_solver(&lenet, "base_lr: 0.01 lr_policy: 'fixed'")?;
    gradients(&mut net)?;
    for (blob, _) in net.store_mut().iter_mut() {
        let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
        for (w, dw) in w.iter_mut().zip(dw) {
            *w -= 0.01 * dw;
        }
    }
    solver.step(1)?;
    println!("param      lr_mult    values  gradient not 0    differ");
    for ((ours, spec), (theirs, _)) in net.store().iter().zip(solver.net().store().iter()) {
        let differ = ours.data.slice().iter().zip(theirs.data.slice()).filter(|(a, b)| a != b).count();
        let moved = ours.diff.slice().iter().filter(|dw| **dw != 0.0).count();
        let name = format!("{}[{}]", spec.layer, spec.index);
        println!("{name:<9} {:>8} {:>9} {moved:>15} {differ:>9}", spec.lr_mult, ours.count());
        assert_eq!(differ, if spec.index == 1 { moved } else { 0 });
    }

    // %% [markdown]
    // All weights agree. Every bias that got a gradient differs: the file gives biases `lr_mult: 2`, so the solver moved
    // them twice as far. (The other 44 of `ip1` belong to units that the ReLU switched off for all 64 images. Their gradient
    // is 0, and twice nothing is nothing.) One iteration later the biases had changed every loss and every gradient, and the
    // difference was everywhere.
    //
    // Nothing failed. The loop trained, but not as the file says. This is why we compare bits.
    //
    // There are two ways to make the loop and the solver agree. One is to take the multipliers out of the net.

    // %%
    let mut even = lenet.clone();
    for layer in &mut even.layer {
        for param in &mut layer.param {
            param.lr_mult = Some(1.0);
        }
    }
    let mut net = train_net(&even)?;
    let mut solver = library_solver(&even, "base_lr: 0.01 lr_policy: 'fixed'")?;
    for _ in 0..5 {
        gradients(&mut net)?;
        for (blob, _) in net.store_mut().iter_mut() {
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for (w, dw) in w.iter_mut().zip(dw) {
                *w -= 0.01 * dw;
            }
        }
    }
    solver.step(5)?;
    println!("all lr_mult 1, five iterations: {} values differ", differing(&net, solver.net()));
    assert_eq!(differing(&net, solver.net()), 0);

    // %% [markdown]
    // ## One: lr_mult
    //
    // The other way is to do what the file says. A `Spec` knows the multiplier of its parameter.
    //
    // *Why the order matters:* the solver first computes the parameter's own rate, `rate * lr_mult`, and multiplies the
    // gradient by that. A float is rounded after every operation, so `rate * (lr_mult * dw)` may differ in the last bit.
    // (Not with 2, which only raises the exponent. With 3 it would.)

    // %%
    let mut net = train_net(&lenet)?;
    let mut solver = library_solver(&lenet, "base_lr: 0.01 lr_policy: 'fixed'")?;
    for _ in 0..5 {
        gradients(&mut net)?;
        for (blob, spec) in net.store_mut().iter_mut() {
            let lr = 0.01 * spec.lr_mult; // new
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for (w, dw) in w.iter_mut().zip(dw) {
                *w -= lr * dw;
            }
        }
    }
    solver.step(5)?;
    println!("with lr_mult, five iterations: {} values differ", differing(&net, solver.net()));
    assert_eq!(differing(&net, solver.net()), 0);

    // %% [markdown]
    // ## Two: weight decay
    //
    // A net with large weights has often learnt its images by heart. So the objective gets a second term, $\frac{1}{2}
    // \lambda w^2$ for each weight, and the gradient of that is $\lambda w$:
    //
    // $$ w \leftarrow w - lr \cdot (dw + \lambda w) $$
    //
    // λ is `weight_decay`, and each parameter multiplies it by its `decay_mult`. LeNet's file sets none, so every
    // `decay_mult` is 1. Here we do what many nets do and spare the biases.
    //
    // *Why the order matters:* λw joins the gradient before the rate, and before everything that will come between gradient
    // and step. In exact arithmetic, $(1 - lr \cdot \lambda) w - lr \cdot dw$ is the same. In floats it is not, as the last
    // line shows; and with momentum it is not the same even on paper.

    // %% tol=0.05
    let mut spared = lenet.clone();
    for layer in &mut spared.layer {
        if let [_, bias] = &mut layer.param[..] {
            bias.decay_mult = Some(0.0);
        }
    }
    let mut net = train_net(&spared)?;
    let mut other = train_net(&spared)?;
    let mut solver = library_solver(&spared, "base_lr: 0.01 lr_policy: 'fixed' weight_decay: 0.0005")?;
    for _ in 0..5 {
        gradients(&mut net)?;
        for (blob, spec) in net.store_mut().iter_mut() {
            let (lr, decay) = (0.01 * spec.lr_mult, 0.0005 * spec.decay_mult); // new
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for (w, dw) in w.iter_mut().zip(dw) {
                *w -= lr * (dw + decay * *w); // new
            }
        }
        gradients(&mut other)?;
        for (blob, spec) in other.store_mut().iter_mut() {
            let (lr, decay) = (0.01 * spec.lr_mult, 0.0005 * spec.decay_mult);
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for (w, dw) in w.iter_mut().zip(dw) {
                *w = (1.0 - lr * decay) * *w - lr * dw;
            }
        }
    }
    solver.step(5)?;
    println!("with weight decay, five iterations: {} values differ", differing(&net, solver.net()));
    println!("the same formula in another order:  {} values differ", differing(&other, solver.net()));
    assert_eq!(differing(&net, solver.net()), 0);

    // %% [markdown]
    // ## Three: momentum
    //
    // A batch of 64 is a small sample, so its gradient points only roughly the right way. Momentum averages: each parameter
    // gets a velocity `v`, which keeps nine tenths of itself and adds the new step. The velocity moves the weight.
    //
    // $$ v \leftarrow \mu v + lr \cdot dw, \qquad w \leftarrow w - v $$
    //
    // The velocity is a memory from one iteration to the next, as large as the parameters: Caffe calls it the history.
    //
    // *Why the order matters:* the rate is *inside* the velocity. Many libraries write $v \leftarrow \mu v + dw$ and
    // $w \leftarrow w - lr \cdot v$ instead. We will see below what that changes.

    // %%
    let mut net = train_net(&lenet)?;
    let mut solver = library_solver(&lenet, "base_lr: 0.01 lr_policy: 'fixed' weight_decay: 0.0005 momentum: 0.9")?;
    let mut velocity: Vec<Vec<f32>> = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect(); // new
    for _ in 0..5 {
        gradients(&mut net)?;
        for ((blob, spec), v) in net.store_mut().iter_mut().zip(&mut velocity) {
            let (lr, decay) = (0.01 * spec.lr_mult, 0.0005 * spec.decay_mult);
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for ((w, dw), v) in w.iter_mut().zip(dw).zip(v) {
                *v = 0.9 * *v + lr * (dw + decay * *w); // new
                *w -= *v; // new
            }
        }
    }
    solver.step(5)?;
    println!("with momentum, five iterations: {} values differ", differing(&net, solver.net()));
    assert_eq!(differing(&net, solver.net()), 0);

    // %% [markdown]
    // The velocities are equal as well. Compare yours with the solver's `history`.

    // %%
    let history: Vec<f32> = solver.history().iter().flat_map(|v| v.slice().to_vec()).collect();
    println!(
        "velocities that differ: {}",
        history.iter().zip(velocity.iter().flatten()).filter(|(a, b)| a != b).count()
    );
    assert_eq!(history, velocity.concat());

    // %% [markdown]
    // What is it worth? We run two solvers for 150 iterations, with and without momentum. We have shown that both equal our
    // loops, so we let the library do the work.

    // %% tol=0.2
    fn points(losses: &[f32], every: usize) -> Vec<(f64, f64)> {
        let pieces = losses.chunks_exact(every).enumerate();
        pieces.map(|(i, piece)| ((every * (i + 1)) as f64, mean(piece) as f64)).collect()
    }

    fn mean(x: &[f32]) -> f32 {
        x.iter().sum::<f32>() / x.len() as f32
    }

    let mut plain = library_solver(&lenet, "base_lr: 0.01 lr_policy: 'fixed'")?;
    let mut heavy = library_solver(&lenet, "base_lr: 0.01 lr_policy: 'fixed' momentum: 0.9")?;
    plain.step(150)?;
    heavy.step(150)?;
    let (slow, fast) = (mean(&plain.losses()[100..]), mean(&heavy.losses()[100..]));
    println!("mean loss of the last 50: plain {slow:.2}, momentum {fast:.2}");
    show(
        &Chart::new("Momentum")
            .axes("iteration", "loss")
            .line("plain", &points(plain.losses(), 5))
            .line("momentum 0.9", &points(heavy.losses(), 5)),
    )?;

    // %% [markdown]
    // With $\mu = 0.9$ a gradient that stays the same adds up to $1 + 0.9 + 0.81 + \dots = 10$ times its size, and one that
    // changes sign from batch to batch cancels out. The net moves up to ten times as fast, but only where the way is clear.
    //
    // ## Four: iter_size
    //
    // A batch of 192 does not fit into memory? Run three batches of 64, and only then take a step. This is why backward adds
    // to the diffs of the parameters and does not set them. Each pass gives the mean over its 64 images, so the sum of three
    // passes must be divided by 3 to be the mean over all. The reported loss is also the mean of the three.
    //
    // *Why the order matters:* the sum is divided before λw is added; otherwise the decay would also be divided. And the
    // solver does not divide each value: it multiplies by `1 / iter_size`, which is itself rounded.
    //
    // The inner loop gets its last new name, `scale`. It will not change any more, so it becomes a function.

    // %%
    fn update(net: &mut Net, velocity: &mut [Vec<f32>], rate: f32, scale: f32) {
        let (momentum, weight_decay) = (0.9, 0.0005);
        for ((blob, spec), v) in net.store_mut().iter_mut().zip(velocity) {
            let (lr, decay) = (rate * spec.lr_mult, weight_decay * spec.decay_mult);
            let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
            for ((w, dw), v) in w.iter_mut().zip(dw).zip(v) {
                *v = momentum * *v + lr * (scale * dw + decay * *w); // new: scale
                *w -= *v;
            }
        }
    }

    // %%
    let mut net = train_net(&lenet)?;
    const HEAVY: &str = "base_lr: 0.01 lr_policy: 'fixed' weight_decay: 0.0005 momentum: 0.9";
    let mut solver = library_solver(&lenet, &format!("{HEAVY} iter_size: 3"))?;
    let mut velocity: Vec<Vec<f32>> = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect();
    let mut losses = Vec::new();
    for _ in 0..5 {
        net.clear_param_diffs(); // once for all three
        let mut loss = 0.0;
        for _ in 0..3 {
            loss += net.forward_loss()?;
            net.backward()?;
        }
        losses.push(loss / 3.0);
        update(&mut net, &mut velocity, 0.01, 1.0 / 3.0);
    }
    solver.step(5)?;
    println!("with iter_size 3, five iterations: {} values differ", differing(&net, solver.net()));
    println!("losses  ours   {losses:.4?}\n        theirs {:.4?}", solver.losses());
    assert_eq!(differing(&net, solver.net()), 0);
    assert_eq!(losses, solver.losses());

    // %% [markdown]
    // ## Five: clipping
    //
    // Once in a while a batch has a gradient so large that its step ruins weeks of work. `clip_gradients` limits its length.
    // All 431,080 values count as one vector, and its length is the *global norm*:
    //
    // $$ norm = \sqrt{\sum dw^2}, \qquad scale = \frac{limit}{norm} \text{ if } norm > limit \text{, else } 1 $$
    //
    // All values are scaled alike. The step becomes shorter, but keeps its direction.
    //
    // *Why the order matters:* clipping comes before everything else. It looks at the sum of the `iter_size` passes, before
    // the division, so with `iter_size: 3` a gradient a third as large already reaches the limit. And it does not see λw:
    // the limit applies to what the data say.

    // %%
    fn clip_scale(net: &Net, limit: f32) -> (f64, f32) {
        let mut sumsq = 0.0;
        for (blob, _) in net.store().iter() {
            sumsq += blob.diff.slice().iter().map(|&dw| dw as f64 * dw as f64).sum::<f64>();
        }
        let (norm, limit) = (sumsq.sqrt(), limit as f64); // not rounded before the division
        (norm, if norm > limit { (limit / norm) as f32 } else { 1.0 })
    }

    // %% tol=0.02
    let mut net = train_net(&lenet)?;
    let mut solver = library_solver(&lenet, &format!("{HEAVY} clip_gradients: 2"))?;
    let mut velocity: Vec<Vec<f32>> = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect();
    for i in 0..8 {
        gradients(&mut net)?;
        let (norm, scale) = clip_scale(&net, 2.0); // new
        println!("iteration {i}: norm {norm:.2}, all gradients times {scale:.2}");
        update(&mut net, &mut velocity, 0.01, scale);
    }
    solver.step(8)?;
    println!("with clipping, eight iterations: {} values differ", differing(&net, solver.net()));
    assert_eq!(differing(&net, solver.net()), 0);

    // %% [markdown]
    // ## Six: a rate that falls
    //
    // Far from the goal, large steps are good. Near it they overshoot. LeNet's file says `lr_policy: "inv"`:
    //
    // $$ rate(t) = base\_lr \cdot (1 + gamma \cdot t)^{-power} $$
    //
    // *Why the order matters:* t counts the updates done so far. The first uses t = 0, the full rate, and t rises after the
    // update. One iteration early or late, and the bits no longer agree.

    // %%
    fn inv(base_lr: f32, gamma: f32, power: f32, t: u64) -> f32 {
        base_lr * (1.0 + gamma * t as f32).powf(-power)
    }

    // %%
    let mut net = train_net(&lenet)?;
    const FALLING: &str = "base_lr: 0.01 lr_policy: 'inv' gamma: 0.0001 power: 0.75 weight_decay: 0.0005 momentum: 0.9";
    let mut solver = library_solver(&lenet, FALLING)?;
    let mut velocity: Vec<Vec<f32>> = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect();
    for t in 0..5 {
        gradients(&mut net)?;
        update(&mut net, &mut velocity, inv(0.01, 0.0001, 0.75, t), 1.0); // new
    }
    solver.step(5)?;
    println!("with the policy inv, five iterations: {} values differ", differing(&net, solver.net()));
    println!("the next rate: ours {}, the solver's {}", inv(0.01, 0.0001, 0.75, 5), solver.rate()?);
    assert_eq!(differing(&net, solver.net()), 0);

    // %%
    fn rates(base_lr: f32, gamma: f32) -> Vec<(f64, f64)> {
        (0..=100).map(|i| (100.0 * i as f64, inv(base_lr, gamma, 0.75, 100 * i) as f64)).collect()
    }

    show(
        &Chart::new("The policy inv, power 0.75")
            .axes("iteration", "rate")
            .line("base_lr 0.01, gamma 0.0001", &rates(0.01, 0.0001))
            .line("base_lr 0.02, gamma 0.002", &rates(0.02, 0.002)),
    )?;

    // %% [markdown]
    // The first line is LeNet's file, which plans for 10,000 iterations. The second begins with larger steps and reaches the
    // small ones sooner. It is for people in a hurry, and we will use it below.
    //
    // Open the files: what you wrote is [src/solver/update.rs](../src/solver/update.rs) (clip, normalise, regularise, update,
    // in that order), `Sgd` in [src/solver/rules.rs](../src/solver/rules.rs), and one line of the table in
    // [src/solver/policy.rs](../src/solver/policy.rs).
    //
    // ## Your own rule
    //
    // Most new solvers differ only in the two lines between gradient and step. So the library lets you replace them: a
    // `Rule` gets `dw` and its history, and leaves in `dw` what is to be subtracted. The solver does the rest.
    //
    // Here is the momentum of other libraries, with the rate outside the velocity. Is it the same? We try a fixed rate, and
    // one that drops to a tenth after ten iterations:

    // %%
    struct RateOutside {
        momentum: f32,
    }

    impl Rule for RateOutside {
        fn new(param: &SolverParameter) -> Result<Self> {
            Ok(RateOutside { momentum: param.momentum() })
        }
        fn update(&self, at: &At, _w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
            for (dw, v) in dw.iter_mut().zip(history[0].iter_mut()) {
                *v = self.momentum * *v + *dw;
                *dw = at.lr * *v;
            }
        }
    }

    // %% tol=any
    let mut rules = Rules::caffe();
    rules.add::<RateOutside>("RateOutside");
    for policy in ["lr_policy: 'fixed'", "lr_policy: 'step' gamma: 0.1 stepsize: 10"] {
        let text = format!("base_lr: 0.01 momentum: 0.9 {policy}");
        let mut inside = library_solver(&lenet, &text)?;
        let mut param = inside.param().clone();
        param.r#type = Some("RateOutside".into());
        let mut outside = Solver::build(&param).rules(&rules).seed(1).make()?;
        inside.step(20)?;
        outside.step(20)?;
        let (mut most, mut moved) = (0.0f32, 0.0f32);
        let start = train_net(&lenet)?;
        for i in 0..start.store().len() {
            let values = |net: &Net| net.store().get(i).map(|(blob, _)| blob.data.slice().to_vec()).unwrap_or_default();
            for ((a, b), w) in values(inside.net()).iter().zip(values(outside.net())).zip(values(&start)) {
                most = most.max((a - b).abs());
                moved = moved.max((a - w).abs());
            }
        }
        println!("{policy}: weights moved up to {moved:.2}, the two rules are up to {most:.0e} apart");
    }

    // %% [markdown]
    // As long as the rate is fixed, they differ only by rounding. When it drops, they part: with the rate outside, the drop
    // brakes the whole velocity at once; inside, the old steps roll on at the old rate and fade by a tenth per iteration.
    // Neither is wrong. But a training recipe from one library is not quite the same recipe in another.

    // %% [markdown]
    // ## The whole solver
    //
    // Now we put the six together. The struct holds what a solver has to remember: the net with its weights, the velocity,
    // and how many iterations are done. The settings are Caffe's message.

    // %%
    struct MySolver {
        net: Net,
        param: SolverParameter,
        velocity: Vec<Vec<f32>>,
        iter: u64,
        losses: Vec<f32>,
    }

    impl MySolver {
        fn new(net: Net, param: &SolverParameter) -> MySolver {
            let velocity = net.store().iter().map(|(blob, _)| vec![0.0; blob.count()]).collect();
            MySolver { net, param: param.clone(), velocity, iter: 0, losses: Vec::new() }
        }

        fn step(&mut self) -> Result {
            let p = &self.param;
            let n = p.iter_size() as f32;

            // the gradient, and the loss
            self.net.clear_param_diffs();
            let mut loss = 0.0;
            for _ in 0..p.iter_size() {
                loss += self.net.forward_loss()?;
                self.net.backward()?;
            }
            self.losses.push(loss / n);

            // clip and normalise
            let limit = p.clip_gradients(); // negative if there is none
            let clip = if limit < 0.0 { 1.0 } else { clip_scale(&self.net, limit).1 };
            let scale = clip / n;

            // regularise and update
            let rate = inv(p.base_lr(), p.gamma(), p.power(), self.iter);
            for ((blob, spec), v) in self.net.store_mut().iter_mut().zip(&mut self.velocity) {
                let (lr, decay) = (rate * spec.lr_mult, p.weight_decay() * spec.decay_mult);
                let (w, dw) = (blob.data.slice_mut(), blob.diff.slice());
                for ((w, dw), v) in w.iter_mut().zip(dw).zip(v) {
                    *v = p.momentum() * *v + lr * (scale * dw + decay * *w);
                    *w -= *v;
                }
            }
            self.iter += 1;
            Ok(())
        }
    }

    // %% [markdown]
    // The settings come from Caffe's file for LeNet, `proto/lenet_solver.prototxt`: momentum 0.9, weight decay 0.0005, the
    // policy inv. The file plans for 10,000 iterations and we have time for two epochs, so we take the second line of the
    // chart. The library's solver gets the same settings; its own tests, snapshots and log lines are switched off.

    // %%
    let mut builder = Builder::read(root.join("proto/lenet_solver.prototxt"))?;
    {
        let param = builder.param_mut();
        (param.base_lr, param.gamma) = (Some(0.02), Some(0.002));
        (param.test_initialization, param.test_interval) = (Some(false), Some(1_000_000));
        (param.display, param.snapshot) = (Some(0), Some(0));
    }
    let mut solver = builder.seed(1).log(&Log::silent()).make()?;
    let mut mine = MySolver::new(train_net(&lenet)?, solver.param());
    println!("{solver}");

    // %% [markdown]
    // ## The test net has no weights of its own
    //
    // The solver made two nets from the file: a train net, and a test net that reads the other 10,000 digits. They are two
    // nets with the same weights. The weights are not copied: the store is *lent*. `solver.test_net(0)` puts the parameters
    // into the test net, and `solver.net()` takes them back. Only pointers move; the numbers stay where they are. So the
    // test net's weights are never out of date.

    // %%
    {
        let train = solver.net().param("conv1", 0)?.data.slice().as_ptr();
        let test = solver.test_net(0)?.param("conv1", 0)?.data.slice().as_ptr();
        println!("the same address: {}", train == test);

        let before = solver.test_net(0)?.param("ip2", 1)?.data.slice().to_vec();
        solver.step(1)?;
        mine.step()?; // ours keeps pace
        let after = solver.test_net(0)?.param("ip2", 1)?.data.slice().to_vec();
        println!(
            "biases of ip2 in the test net that one step changed: {}",
            (0..10).filter(|&i| before[i] != after[i]).count()
        );
        assert_eq!(train, solver.test_net(0)?.param("conv1", 0)?.data.slice().as_ptr());
    }

    // %% [markdown]
    // Our solver tests in the same way. `lend_params` lends the parameters of one net to another for as long as a closure
    // runs. A test is then a loop: 100 batches of 100 images, and the mean of `accuracy`.

    // %%
    fn accuracy(train: &mut Net, test: &mut Net) -> Result<f32> {
        train.lend_params(test, |test| {
            let mut sum = 0.0;
            for _ in 0..100 {
                test.forward_loss()?;
                sum += test.data("accuracy")?.scalar();
            }
            Ok(sum / 100.0)
        })
    }

    // %% tol=0.5
    let mut test = Net::build(&lenet).phase(Phase::Test).make()?;
    println!("accuracy after one step: {:.2}", accuracy(&mut mine.net, &mut test)?);

    // %% [markdown]
    // ## Step or forward?
    //
    // Both run the net, and both compute a loss. Let us call each three times and look at two things: how often the weights
    // changed, and how many images the data layer has handed out.
    //
    // **What will this print?** We call `solver.step(1)` and `solver.net().forward()` three times each. How many times do
    // the weights change? And how many images are used up?

    // %%
    fn weights(net: &Net) -> Vec<f32> {
        net.store().iter().flat_map(|(blob, _)| blob.data.slice().to_vec()).collect()
    }

    fn pictures(net: &Net) -> u64 {
        net.positions()[0].1
    }

    // %%
    let mut trial = library_solver(&lenet, FALLING)?;
    for what in ["step", "forward"] {
        let (mut changes, used) = (0, pictures(trial.net()));
        for _ in 0..3 {
            let before = weights(trial.net());
            match what {
                "step" => trial.step(1)?,
                _ => drop(trial.net().forward()?),
            }
            changes += usize::from(before != weights(trial.net()));
        }
        println!("{what:<8} 3 calls, {changes} changes of the weights, {} pictures", pictures(trial.net()) - used);
        assert_eq!(changes, if what == "step" { 3 } else { 0 });
    }

    // %% [markdown]
    // A step is forward, backward *and* update: one call, one change. A forward changes no weight, however often you call
    // it. Nor does a backward: it fills diffs. Only the update touches weights, and you can call it alone:
    // `solver.apply_update()`.
    //
    // But forward does leave a trace. It took three batches from the database, and training will not see them in this epoch.
    // To look without using anything up, use a test net.
    //
    // ## Two epochs
    //
    // One pass over the data is an epoch. 60,000 images make 937.5 batches of 64. We call 937 iterations an epoch; the data
    // layer does not mind that the second begins 32 images before the end. After the last image it continues with the first.
    //
    // Both solvers have done one iteration. We run them side by side to the 300th:

    // %% tol=0.05
    let filters: Values = mine.net.param("conv1", 0)?.data.clone();
    while mine.iter < 300 {
        mine.step()?;
    }
    solver.step(299)?;
    println!("after {} iterations: {} values differ", solver.iter(), differing(&mine.net, solver.net()));
    println!("accuracy, mine:          {:.4}", accuracy(&mut mine.net, &mut test)?);
    println!("accuracy, the library's: {:.4}", solver.test(0)?.get("accuracy").unwrap_or(f32::NAN));
    assert_eq!(differing(&mine.net, solver.net()), 0);
    assert_eq!(mine.losses, solver.losses());

    // %% [markdown]
    // 19,200 images, billions of roundings, and not one bit differs. From here yours continues alone.

    // %% tol=0.05
    while mine.iter < 2 * 937 {
        mine.step()?;
    }
    println!("{} pictures seen; accuracy {:.4}", pictures(&mine.net), accuracy(&mut mine.net, &mut test)?);

    // %% tol=any
    show(
        &Chart::new("One curve, two solvers")
            .axes("iteration", "loss")
            .log()
            .line("my solver", &points(&mine.losses, 25))
            .line("the library's", &points(solver.losses(), 25)),
    )?;

    // %% [markdown]
    // Well above 98 % after two epochs. What are momentum and decay worth? Without them, at the rate of LeNet's file, the same
    // two epochs end near 96 %.
    //
    // The orange curve covers the blue one: until it ends, you see only one. Each point is the mean of 25 iterations. Look
    // also at the two dips, at the end of each epoch. The data layer reads the images in database order, and the dip comes
    // at the same place both times. So the net has not suddenly become better: the last few thousand images are easier.
    //
    // What changed inside? These are the 20 filters of `conv1`, 5 x 5 weights each: blue is negative, red positive. First
    // you see them as the filler made them, then as they are now, then the difference, which is all that training did.

    // %% tol=any
    let trained: Values = mine.net.param("conv1", 0)?.data.clone();
    let mut change: Values = trained.clone();
    change.scaled_add(-1.0, &filters)?;
    show(&Images::signed(&filters)?.title("conv1 before training"))?;

    // %% tol=any
    show(&Images::signed(&trained)?.title("conv1 after two epochs"))?;

    // %% tol=any
    show(&Images::signed(&change)?.title("conv1, after minus before"))?;

    // %% [markdown]
    // The initial noise is still in the second picture: training does not wash it out, it adds to it. What it adds, in the
    // third picture, is not noise. Neighbours have similar colours: bars, corners and edges, which is what digits are made
    // of.

    // %% [markdown]
    // And what does it still get wrong? The test net tells us: `ip2` holds ten scores for each image, and the largest is its
    // answer.

    // %% tol=any
    let mut pixels: Vec<f32> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    mine.net.lend_params(&mut test, |test| {
        for _ in 0..100 {
            test.forward_loss()?;
            let (images, labels, scores) = (test.data("data")?, test.data("label")?, test.data("ip2")?);
            for (i, scores) in scores.slice().chunks(10).enumerate() {
                let (label, mut answer) = (labels.slice()[i] as usize, 0);
                for class in 1..10 {
                    if scores[class] > scores[answer] {
                        answer = class;
                    }
                }
                if answer != label {
                    pixels.extend(&images.slice()[28 * 28 * i..28 * 28 * (i + 1)]);
                    words.push(format!("{label}, not {answer}"));
                }
            }
        }
        Ok(())
    })?;
    let mut wrong = Values::new(&[words.len(), 1, 28, 28])?;
    wrong.slice_mut().copy_from_slice(&pixels);
    println!("{} of 10000 are wrong; the first of them:", words.len());
    show(&Images::of(&wrong)?.take(20).captions(words).title("What the net takes for something else"))?;

    // %% [markdown]
    // You would have missed some of these yourself.
    //
    // ## Saving and resuming
    //
    // `net.save` writes the weights as a `.caffemodel`, by layer name. Any net with layers of these names can load them,
    // whatever its seed was.

    // %% tol=0.5
    let saved = std::env::temp_dir().join("cortado/lesson_03.caffemodel");
    mine.net.save(&saved)?;

    let mut other = Net::build(&lenet).phase(Phase::Train).seed(2).make()?;
    println!("another seed: accuracy {:.2}", accuracy(&mut other, &mut test)?);
    other.copy_trained_layers_from(&saved)?;
    println!(
        "with the saved weights: accuracy {:.4}, {} values differ",
        accuracy(&mut other, &mut test)?,
        differing(&mine.net, &other)
    );
    assert_eq!(differing(&mine.net, &other), 0);

    // %% [markdown]
    // To use a net, this is enough. To *train* it, it is not: your solver remembers more than the weights. We start two
    // twins from the file. The first gets only the weights; the second also gets what else is in the struct, and its data
    // layer is told where to continue. Then all three do five iterations.

    // %% tol=0.05
    let mut first = MySolver::new(other, solver.param());

    let mut net = train_net(&lenet)?;
    net.copy_trained_layers_from(&saved)?;
    for (layer, samples) in mine.net.positions() {
        net.seek(&layer, samples)?;
    }
    let mut second = MySolver::new(net, solver.param());
    second.velocity = mine.velocity.clone();
    second.iter = mine.iter;

    for _ in 0..5 {
        mine.step()?;
        first.step()?;
        second.step()?;
    }
    println!("weights only: {} values differ", differing(&mine.net, &first.net));
    println!("weights, velocity, iteration, position: {} values differ", differing(&mine.net, &second.net));
    assert_eq!(differing(&mine.net, &second.net), 0);

    // %% [markdown]
    // The second continues as if nothing had happened. A snapshot of the library holds just this: the weights in one file,
    // and history, iteration and positions in a second, the `.solverstate`. Open the file:
    // [src/solver/snapshot.rs](../src/solver/snapshot.rs).
    //
    // ## What to remember
    //
    // - A solver is one line, $w \leftarrow w - step$. Everything else decides what the step is.
    // - The order is: clear, forward and backward `iter_size` times, clip, divide, add λw, velocity, subtract.
    // - `lr_mult` and `decay_mult` belong to the parameters, not to the solver. If you write a loop, you must apply them.
    // - The rate is inside Caffe's velocity.
    // - `step` changes the weights, `forward` and `backward` do not; but a forward uses up a batch.
    // - Test nets borrow the weights. Resuming takes more than the weights.
    // - "It trains" proves little. Compare with something known to be right, and compare bits.
    //
    // ## Exercises
    //
    // - **03.1** Fit a line with all you have learnt: `cargo run --release -p exercises --bin exercise_03_1`
    // - **03.2** `iter_size` and clipping, in the right order: `cargo run --release -p exercises --bin exercise_03_2`
    // - **03.3** Resume an interrupted training run: `cargo run --release -p exercises --bin exercise_03_3`
    //
    // `cargo run --release --bin check 03` checks your answers.
    //
    // Next: [lesson 04](04_custom_layers.rs), where we write our own layers.

    Ok(())
}
