//! # Lesson 05: update rules
//!
//! Lesson 03 ended with one line: $w \leftarrow w - step$. Backward gives the gradient. The *update rule* turns it into a
//! step, and there are many rules. At the end of this lesson you can
//!
//! - write each of Caffe's six rules from memory: each is two or three lines;
//! - say what the learning rate means to each rule, and why a rate that suits one ruins another;
//! - read a path on a map, and see what is wrong with it;
//! - change rate and momentum while a net learns;
//! - add your own rule to the library.
//!
//! Every rule comes first as a loop over two numbers. Then the library takes the same walk, and the two paths must be equal
//! bit for bit. At the end all of the rules train LeNet.
//!
//! ```sh
//! cargo run --release --bin 05_update_rules
//! ```

use cortado::data::mnist;
use cortado::layer::{Cx, Layer};
use cortado::proto::{LayerParameter, NetParameter, SolverParameter, text};
use cortado::show::{Chart, Plane, show};
use cortado::solver::rules::{At, Rule, Rules};
use cortado::solver::{Solver, policy};
use cortado::{Blob, Layers, Log, Result, files};

fn main() -> Result<()> {
    // %% [markdown]
    // ## A loss with two weights
    //
    // LeNet's loss is a surface over 431,080 weights, which nobody can picture. So we make a loss of two weights, a
    // landscape that fits on a map. A surface is two formulas: the height, and its slope, which is the gradient.
    //
    // - The **ravine** is 50 times as steep across as along. Real losses are like this, only more so.
    // - The **tilted** ravine is the same one, rotated by 45 degrees.
    // - The **saddle** is a pass between two valleys: a minimum in one direction, a maximum in the other.

    // %%
    #[derive(Clone, Copy)]
    struct Surface {
        height: fn([f32; 2]) -> f32,
        slope: fn([f32; 2]) -> [f32; 2],
    }

    const RAVINE: Surface = Surface { height: |[x, y]| 0.5 * (x * x + 50.0 * y * y), slope: |[x, y]| [x, 50.0 * y] };
    const TILTED: Surface = Surface {
        height: |[x, y]| 0.5 * (25.5 * x * x - 49.0 * x * y + 25.5 * y * y),
        slope: |[x, y]| [25.5 * x - 24.5 * y, 25.5 * y - 24.5 * x],
    };
    const SADDLE: Surface = Surface {
        height: |[x, y]| 0.5 * x * x - 0.5 * y * y + 0.25 * y * y * y * y,
        slope: |[x, y]| [x, y * y * y - y],
    };
    const START: [f32; 2] = [-2.0, 0.4];
    println!("at the start the ravine is {} high, its slope is {:?}", (RAVINE.height)(START), (RAVINE.slope)(START));

    // %% [markdown]
    // The library trains nets, so the surface must become one. Two layers are enough: a `Parameter` layer, whose top is
    // simply its weights, and our own loss. Forward is the height, backward the slope.

    // %%
    struct SurfaceLoss(Surface);

    impl Layer for SurfaceLoss {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(SurfaceLoss(RAVINE))
        }
        fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
            top[0].reshape(&[])
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let w = bottom[0].data.slice();
            top[0].data.fill((self.0.height)([w[0], w[1]]));
            Ok(())
        }
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let (w, dy) = (bottom[0].data.slice(), top[0].diff.scalar());
            let dw = (self.0.slope)([w[0], w[1]]);
            bottom[0].diff.slice_mut().copy_from_slice(&[dy * dw[0], dy * dw[1]]);
            Ok(())
        }
    }

    const NET: &str = r#"
        layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: 2 } } }
        layer { name: "loss" type: "SurfaceLoss" bottom: "w" top: "loss" loss_weight: 1 }
    "#;

    // %% [markdown]
    // We need three helpers. The first reads settings, written as in a solver file. The second places a solver on a surface;
    // `add_with` hands our layer that surface. The third lets a solver walk and records every point it visits. Two short
    // ones follow: the path of one of the library's rules, and the largest distance between two paths.

    // %%
    fn settings(words: &str) -> Result<SolverParameter> {
        let mut param = text::parse::<SolverParameter>(words, "settings")?.message;
        param.lr_policy.get_or_insert("fixed".into());
        Ok(param)
    }

    fn solver_on(surface: Surface, start: [f32; 2], words: &str, rules: &Rules) -> Result<Solver> {
        let mut param = settings(words)?;
        param.net_param = Some(text::parse::<NetParameter>(NET, "the tiny net")?.message);
        let mut layers = Layers::caffe();
        layers.add_with("SurfaceLoss", move |_| Ok(Box::new(SurfaceLoss(surface))));
        let mut solver = Solver::build(&param).layers(&layers).rules(rules).log(&Log::silent()).make()?;
        solver.net().param_mut("w", 0)?.data.slice_mut().copy_from_slice(&start);
        Ok(solver)
    }

    fn walk(solver: &mut Solver, steps: usize) -> Result<Vec<[f32; 2]>> {
        let mut path = Vec::new();
        for t in 0..=steps {
            let w = solver.net().param("w", 0)?.data.slice();
            path.push([w[0], w[1]]);
            if t < steps {
                solver.step(1)?;
            }
        }
        Ok(path)
    }

    // %%
    fn library(surface: Surface, start: [f32; 2], words: &str, steps: usize) -> Result<Vec<[f32; 2]>> {
        walk(&mut solver_on(surface, start, words, &Rules::caffe())?, steps)
    }

    fn apart(a: &[[f32; 2]], b: &[[f32; 2]]) -> f32 {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    // %% [markdown]
    // ## One: gradient descent
    //
    // $$ w \leftarrow w - lr \cdot dw $$

    // %%
    fn descent(surface: Surface, start: [f32; 2], lr: f32, steps: usize) -> Vec<[f32; 2]> {
        let mut w = start;
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                w[i] -= lr * dw[i];
            }
            path.push(w);
        }
        path
    }

    // %%
    println!("lr       after 40 steps: w[0]      w[1]     height");
    for lr in [0.004, 0.02, 0.036, 0.0404] {
        let ours = descent(RAVINE, START, lr, 40);
        let theirs = library(RAVINE, START, &format!("type: 'SGD' base_lr: {lr}"), 40)?;
        assert_eq!(ours, theirs);
        println!("{lr:<18}{:>11.4} {:>9.4} {:>10.4}", ours[40][0], ours[40][1], (RAVINE.height)(ours[40]));
    }

    // %% [markdown]
    // Our path and the library's are equal to the last bit; otherwise the program would have stopped.
    //
    // The four lines show a dilemma. One step multiplies $w_0$ by $1 - lr$ and $w_1$ by $1 - 50\, lr$. The steep direction
    // allows no rate above $2/50 = 0.04$: there the factor is $-1$, and beyond it every step lands higher on the opposite
    // wall. The flat direction has to make do with that rate, and creeps: even at 0.036, near the limit, a quarter of the
    // way is left after 40 steps. The ratio of the two curvatures, 50, is the *condition number* of the surface. The other
    // rules were invented to deal with it.
    //
    // ## Two: momentum
    //
    // A ball does not forget how fast it was. The velocity keeps a fraction $\mu$ of itself and adds the new step:
    //
    // $$ v \leftarrow \mu v + lr \cdot dw, \qquad w \leftarrow w - v $$

    // %%
    fn momentum(surface: Surface, start: [f32; 2], lr: f32, mu: f32, steps: usize) -> Vec<[f32; 2]> {
        let (mut w, mut v) = (start, [0.0; 2]);
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                v[i] = mu * v[i] + lr * dw[i];
                w[i] -= v[i];
            }
            path.push(w);
        }
        path
    }

    // %% tol=0.01
    println!("momentum   furthest w[0]   steps until the height stays below 0.001");
    for mu in [0.0, 0.5, 0.9, 0.99] {
        let ours = momentum(RAVINE, START, 0.015, mu, 1500);
        assert_eq!(ours, library(RAVINE, START, &format!("type: 'SGD' base_lr: 0.015 momentum: {mu}"), 1500)?);
        let furthest = ours.iter().map(|w| w[0]).fold(f32::MIN, f32::max);
        let above = ours.iter().rposition(|&w| (RAVINE.height)(w) >= 1e-3).unwrap_or(0);
        println!("{mu:<8} {furthest:>15.2} {:>12}", above + 1);
    }

    // %% [markdown]
    // Along the ravine the gradients agree, and the velocity adds them up, to $1/(1-\mu)$ times a single one. Across it they
    // change sign and cancel. So 0.5 halves the time. 0.9 overshoots: it runs through the minimum and up the other side
    // before it comes back, and still comes to rest sooner. 0.99 overshoots nearly to the height where it began, again and
    // again, and is the slowest of all. More momentum does not mean more speed.
    //
    // ## Three: Nesterov
    //
    // The velocity will carry us to $w - \mu v$ in any case. So why measure the slope here and not there? Measuring it there
    // is the look-ahead form. (Caffe subtracts its velocity. In books that add it, the point ahead is $w + \mu v$.)
    //
    // $$ v \leftarrow \mu v + lr \cdot dw(w - \mu v), \qquad w \leftarrow w - v $$

    // %%
    fn look_ahead(surface: Surface, lr: f32, mu: f32, steps: usize) -> (Vec<[f32; 2]>, Vec<[f32; 2]>) {
        let (mut w, mut v) = (START, [0.0; 2]);
        let (mut path, mut aheads) = (vec![w], vec![w]);
        for _ in 0..steps {
            let dw = (surface.slope)([w[0] - mu * v[0], w[1] - mu * v[1]]); // new
            for i in 0..2 {
                v[i] = mu * v[i] + lr * dw[i];
                w[i] -= v[i];
            }
            path.push(w);
            aheads.push([w[0] - mu * v[0], w[1] - mu * v[1]]);
        }
        (path, aheads)
    }

    // %% [markdown]
    // In a net this form is awkward: you would have to move all weights ahead for the forward, and back again for the step.
    // So libraries keep the *other* point. Call it $a = w - \mu v$, and ask where it goes when $v$ becomes $v'$:
    //
    // $$ a' = w' - \mu v' = w - v' - \mu v' = a + \mu v - (1 + \mu)\, v' $$
    //
    // No $w$ is left in it. The gradient is measured where we stand, and the step is $(1 + \mu)\, v' - \mu v$.

    // %%
    fn rewritten(surface: Surface, lr: f32, mu: f32, steps: usize) -> Vec<[f32; 2]> {
        let (mut w, mut v) = (START, [0.0; 2]);
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                let before = v[i];
                v[i] = mu * before + lr * dw[i];
                w[i] -= (1.0 + mu) * v[i] - mu * before; // new
            }
            path.push(w);
        }
        path
    }

    // %%
    let (places, aheads) = look_ahead(RAVINE, 0.015, 0.9, 60);
    let ours = rewritten(RAVINE, 0.015, 0.9, 60);
    let theirs = library(RAVINE, START, "type: 'Nesterov' base_lr: 0.015 momentum: 0.9", 60)?;
    println!("rewritten and the points ahead: less than 0.00001 apart: {}", apart(&ours, &aheads) < 1e-5);
    println!("rewritten and the points w:     {:.2} apart", apart(&ours, &places));
    println!("rewritten and the library's:    {} apart", apart(&ours, &theirs));
    assert!(apart(&ours, &aheads) < 1e-5);
    assert_eq!(ours, theirs);

    // %% [markdown]
    // So the two forms are one rule, but they follow different points. What a library calls the weights are the points
    // *ahead*, and those are what you test or save along the way. At the end the velocity is gone, and the two meet.
    //
    // Here is the map. Each line is one height; darker is lower. Each dot is a step, and the ring is the start.

    // %%
    show(
        &Plane::new("Down the ravine, 60 steps", -2.4..=1.6, -0.6..=0.6)
            .surface(RAVINE.height)
            .path("gradient descent, lr 0.036", &descent(RAVINE, START, 0.036, 60))
            .path("momentum 0.9, lr 0.015", &momentum(RAVINE, START, 0.015, 0.9, 60))
            .path("Nesterov 0.9, lr 0.015", &rewritten(RAVINE, 0.015, 0.9, 60)),
    )?;

    // %% [markdown]
    // Gradient descent jumps from wall to wall, and once it is down on the valley floor its dots lie closer and closer.
    // Momentum swings across the floor and through the minimum. Nesterov sees the wall one step before it gets there, and
    // brakes.
    //
    // ## Changing the momentum
    //
    // Could we have the calm of 0.5 and the pull of 0.99? An old recipe *anneals* the momentum: it raises it from 0.5 to
    // 0.99 while the net learns. Caffe has policies for the rate, but none for the momentum. `solver.set` changes settings
    // between two steps, so you can write a schedule in one line.

    // %%
    fn annealed(lr: f32, steps: usize) -> Result<Vec<[f32; 2]>> {
        let words = format!("type: 'SGD' base_lr: {lr} momentum: 0.5");
        let mut solver = solver_on(RAVINE, START, &words, &Rules::caffe())?;
        let mut path = vec![START];
        for t in 0..steps {
            let mu = 0.5 + 0.49 * (t as f32 / 100.0).min(1.0);
            solver.set(|param| param.momentum = Some(mu))?;
            path.push(walk(&mut solver, 1)?[1]);
        }
        Ok(path)
    }

    fn heights(surface: Surface, path: &[[f32; 2]]) -> Vec<(f64, f64)> {
        path.iter().enumerate().map(|(t, &w)| (t as f64, (surface.height)(w).max(1e-3) as f64)).collect()
    }

    // %%
    println!("height after 300 steps:    0.9    0.5 rising to 0.99");
    for lr in [0.004, 0.015] {
        let plain = momentum(RAVINE, START, lr, 0.9, 300)[300];
        println!("lr {lr:<21} {:>5.0e} {:>13.0e}", (RAVINE.height)(plain), (RAVINE.height)(annealed(lr, 300)?[300]));
    }
    show(
        &Chart::new("Several momenta in the ravine, lr 0.015")
            .axes("step", "height, at least 0.001")
            .log()
            .line("0.5", &heights(RAVINE, &momentum(RAVINE, START, 0.015, 0.5, 99)))
            .line("0.9", &heights(RAVINE, &momentum(RAVINE, START, 0.015, 0.9, 99)))
            .line("0.99", &heights(RAVINE, &momentum(RAVINE, START, 0.015, 0.99, 99)))
            .line("0.5 rising to 0.99", &heights(RAVINE, &annealed(0.015, 99)?))
            .line("Nesterov 0.9", &heights(RAVINE, &rewritten(RAVINE, 0.015, 0.9, 99))),
    )?;

    // %% [markdown]
    // The annealed path does not swing at the start, and by the time the momentum is high the ball is nearly down. But look
    // at the numbers above the chart. Once the momentum has risen, it swings as 0.99 does, and after 300 steps it is far
    // behind a plain 0.9. With the smaller rate it reaches 0.99 while there is still a long way to go. Annealing is one more
    // knob to tune, not a better rule.
    //
    // All three rules so far multiply the gradient by one rate, the same for every weight. The next three give each weight
    // its own rate.
    //
    // ## Four: AdaGrad
    //
    // Divide each gradient by the root of the sum of the squares of all gradients that this weight has seen:
    //
    // $$ h \leftarrow h + dw^2, \qquad w \leftarrow w - lr \cdot \frac{dw}{\sqrt h + \delta} $$
    //
    // δ keeps us from dividing by 0. Books often write $10^{-7}$; Caffe's `delta` is $10^{-8}$ unless you set it.

    // %%
    fn adagrad(surface: Surface, start: [f32; 2], lr: f32, steps: usize) -> Vec<[f32; 2]> {
        let (mut w, mut h) = (start, [0.0f32; 2]);
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                h[i] += dw[i] * dw[i];
                w[i] -= lr * dw[i] / (h[i].sqrt() + 1e-8);
            }
            path.push(w);
        }
        path
    }

    // %%
    let ours = adagrad(RAVINE, START, 0.5, 60);
    let theirs = library(RAVINE, START, "type: 'AdaGrad' base_lr: 0.5", 60)?;
    println!("AdaGrad, ours and the library's: {} apart", apart(&ours, &theirs));
    println!("the first step: from {:.3?} to {:.3?}", ours[0], ours[1]);
    assert_eq!(ours, theirs);

    // %% [markdown]
    // The first step is 0.5 in *both* directions, though one slope is ten times the other: the first gradient is divided by
    // its own size. The ravine's condition number no longer matters. What about later steps?
    //
    // A rule needs no surface and no solver. It is a value with one method, `update`, which turns a gradient into a step. Let
    // us call it ourselves, with gradients that are all equal.

    // %%
    fn steps(words: &str, dw: f32, count: u64) -> Result<Vec<f32>> {
        let param = settings(words)?;
        let rule = Rules::caffe().create(&param)?;
        let mut history = vec![[0.0f32]; rule.history()];
        let mut steps = Vec::new();
        for iter in 0..count {
            let mut step = [dw];
            let mut memory: Vec<&mut [f32]> = history.iter_mut().map(|h| &mut h[..]).collect();
            rule.update(&At { lr: param.base_lr(), iter }, &[0.0], &mut step, &mut memory);
            steps.push(step[0]);
        }
        Ok(steps)
    }

    // %%
    println!("AdaGrad, lr 0.1   step 1   step 10  step 100  step 1000   all together");
    for dw in [1000.0, 1.0, 0.001] {
        let s = steps("type: 'AdaGrad' base_lr: 0.1", dw, 1000)?;
        let way: f32 = s.iter().sum();
        println!("gradients {dw:<6} {:>8.4}  {:>8.4}  {:>8.4}   {:>8.4}     {way:>8.2}", s[0], s[9], s[99], s[999]);
    }

    // %% [markdown]
    // This shows two things. The size of the gradients does not matter: 1000 or 0.001, the steps are the same. And step
    // number t has length $lr/\sqrt t$. It shrinks and never grows again, so AdaGrad has a falling rate built in.
    //
    // Books often say that AdaGrad therefore comes to a halt. It does not, quite: the steps add up to about $2\, lr \sqrt
    // t$, which has no limit. But going ten times as far takes a hundred times as long.
    //
    // ## Five: RMSProp, and AdaDelta
    //
    // AdaGrad never forgets a gradient. RMSProp does: instead of the sum it keeps a running mean of the squares.
    //
    // $$ h \leftarrow \rho h + (1 - \rho)\, dw^2, \qquad w \leftarrow w - lr \cdot \frac{dw}{\sqrt h + \delta} $$
    //
    // It comes from a slide in a lecture by Hinton. Its ancestor, rprop, divides each gradient by its own size, so that only
    // the sign is left. With mini-batches that goes wrong, because each batch would be divided by a different number. A
    // running mean changes slowly from batch to batch.

    // %%
    fn rmsprop(surface: Surface, start: [f32; 2], lr: f32, rho: f32, steps: usize) -> Vec<[f32; 2]> {
        let (mut w, mut h) = (start, [0.0f32; 2]);
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                h[i] = rho * h[i] + (1.0 - rho) * dw[i] * dw[i]; // new
                w[i] -= lr * dw[i] / (h[i].sqrt() + 1e-8);
            }
            path.push(w);
        }
        path
    }

    // %% tol=0.02
    let ours = rmsprop(RAVINE, START, 0.05, 0.9, 300);
    let theirs = library(RAVINE, START, "type: 'RMSProp' base_lr: 0.05 rms_decay: 0.9", 300)?;
    println!("RMSProp, ours and the library's: {} apart", apart(&ours, &theirs));
    for t in [40, 80, 298, 299, 300] {
        println!("after {t:>3} steps: w {:>7.4?}", ours[t]);
    }
    assert_eq!(ours, theirs);

    // %% [markdown]
    // Its steps do not shrink. Near the minimum that is bad: at the end it jumps back and forth across it, each step a whole
    // `lr` long, and would do so for ever. RMSProp needs a falling rate; we will come to that.
    //
    // *AdaDelta* goes one step further: it replaces the rate by another running mean, that of its own earlier steps. A step
    // is $dw \sqrt{(u + \delta)/(g + \delta)}$, where $g$ is the running mean of $dw^2$ and $u$ that of the squared steps.
    // Its rate is 1 and its first steps come from δ alone, which should be larger here, say $10^{-6}$. You will soon see
    // what that looks like.
    //
    // ## Six: Adam
    //
    // Adam has momentum above the fraction bar and RMSProp below it. $m$ is a running mean of the gradients, $v$ a running
    // mean of their squares:
    //
    // $$ m \leftarrow \beta_1 m + (1 - \beta_1)\, dw, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, dw^2 $$
    //
    // Both begin at 0, so at first both means are too small: after $t$ steps, by the factors $1 - \beta_1^t$ and $1 -
    // \beta_2^t$. The *bias correction* divides by them. In books it looks like this:
    //
    // $$ w \leftarrow w - lr \cdot \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \delta} $$
    //
    // Caffe moves both factors into the rate and leaves δ as it is:
    //
    // $$ w \leftarrow w - lr \cdot \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \cdot \frac{m}{\sqrt v + \delta} $$

    // %%
    fn adam(surface: Surface, start: [f32; 2], lr: f32, steps: usize) -> Vec<[f32; 2]> {
        let (b1, b2) = (0.9f32, 0.999f32);
        let (mut w, mut m, mut v) = (start, [0.0f32; 2], [0.0f32; 2]);
        let mut path = vec![w];
        for t in 1..=steps {
            let dw = (surface.slope)(w);
            let correction = (1.0 - (b2 as f64).powf(t as f64)).sqrt() / (1.0 - (b1 as f64).powf(t as f64));
            let rate = lr * correction as f32;
            for i in 0..2 {
                m[i] = b1 * m[i] + (1.0 - b1) * dw[i];
                v[i] = b2 * v[i] + (1.0 - b2) * dw[i] * dw[i];
                w[i] -= rate * m[i] / (v[i].sqrt() + 1e-8);
            }
            path.push(w);
        }
        path
    }

    // %%
    let ours = adam(RAVINE, START, 0.2, 60);
    let theirs = library(RAVINE, START, "type: 'Adam' base_lr: 0.2 momentum: 0.9 momentum2: 0.999", 60)?;
    println!("Adam, ours and the library's: {} apart", apart(&ours, &theirs));
    assert_eq!(ours, theirs);

    // %% [markdown]
    // β₁ is Caffe's `momentum`, β₂ its `momentum2`.
    //
    // Are the three forms (the book's, Caffe's, and one without any correction) the same rule? The next cell computes each,
    // with equal gradients and rate 1. The last argument is the number of steps.

    // %%
    fn adam_steps(form: &str, dw: f32, count: i32) -> Vec<f32> {
        let (b1, b2) = (0.9f64, 0.999f64);
        let (mut m, mut v) = (0.0, 0.0);
        let mut steps = Vec::new();
        for t in 1..=count {
            m = b1 * m + (1.0 - b1) * dw as f64;
            v = b2 * v + (1.0 - b2) * dw as f64 * dw as f64;
            let (c1, c2) = (1.0 - b1.powi(t), 1.0 - b2.powi(t));
            let step = match form {
                "book" => (m / c1) / ((v / c2).sqrt() + 1e-8),
                "Caffe" => c2.sqrt() / c1 * m / (v.sqrt() + 1e-8),
                _ => m / (v.sqrt() + 1e-8),
            };
            steps.push(step as f32);
        }
        steps
    }

    // %% [markdown]
    // **What will this print?** It is the *first* step, with rate 1 and gradients of 1000, of 1, of 0.001, and of
    // 0.00000001, which is δ. How far does Adam go? And without the correction, when $m$ and $v$ still have to warm up from
    // 0: is the first step shorter or longer than with it, and by what factor?

    // %%
    println!("gradient     Caffe's    the book's    without correction");
    for dw in [1e3, 1.0, 1e-3, 1e-8] {
        let caffe = adam_steps("Caffe", dw, 1)[0];
        println!("{dw:<9} {caffe:>10.3} {:>13.3} {:>15.3}", adam_steps("book", dw, 1)[0], adam_steps("none", dw, 1)[0]);
        let theirs = steps("type: 'Adam' base_lr: 1 momentum: 0.9 momentum2: 0.999", dw, 1)?[0];
        assert!((caffe - theirs).abs() < 1e-5);
    }

    // %% [markdown]
    // First: a gradient a million times as large does not make the step longer. Adam's rate *is* a length, the distance that
    // a weight moves in one step, so choose it by the size of the weights, not of the gradients.
    //
    // Second: without the correction the step is not shorter but 3.16 times as long. $m$ is only a tenth of what it should
    // be, but $\sqrt v$ is only $\sqrt{0.001}$ of what it should be, which is even less, and it is in the denominator. The
    // correction does not help a slow start; it holds back a wild one.
    //
    // Third, the last line. Where gradients come down to δ, the steps become shorter, and here the two corrected forms differ:
    // Caffe adds δ to an uncorrected $\sqrt v$, so in the first step it counts $1/\sqrt{0.001} \approx 32$ times as much. As
    // long as gradients are far above δ, nobody will notice.
    //
    // How long does the correction matter? "In the first few iterations", say the books. Let us look at a hundred of them,
    // beside the other rules.

    // %%
    fn curve(steps: &[f32]) -> Vec<(f64, f64)> {
        steps.iter().enumerate().map(|(t, &step)| (t as f64 + 1.0, step as f64)).collect()
    }

    // %%
    let raw = adam_steps("none", 1.0, 5000);
    println!(
        "Adam without correction: step 12 is {:.2}, 100 {:.2}, 1000 {:.2}, 5000 {:.2}",
        raw[11], raw[99], raw[999], raw[4999]
    );
    show(
        &Chart::new("The steps at equal gradients, with rate 1")
            .axes("step number", "length of the step")
            .log()
            .line("AdaGrad", &curve(&steps("type: 'AdaGrad' base_lr: 1", 1.0, 100)?))
            .line("RMSProp 0.9", &curve(&steps("type: 'RMSProp' base_lr: 1 rms_decay: 0.9", 1.0, 100)?))
            .line("AdaDelta", &curve(&steps("type: 'AdaDelta' base_lr: 1 momentum: 0.95 delta: 1e-6", 1.0, 100)?))
            .line("Adam", &curve(&steps("type: 'Adam' base_lr: 1 momentum: 0.9", 1.0, 100)?))
            .line("Adam without correction", &curve(&adam_steps("none", 1.0, 100))),
    )?;

    // %% [markdown]
    // Adam is the flat line: that is what the correction is for. Without it the twelfth step is more than six times too
    // long, and the hundredth still three times. $v$ takes about $1/(1-\beta_2) = 1000$ steps to fill, so it is more than a
    // few iterations. RMSProp has the same disease in a milder form, and no cure: its first step is $1/\sqrt{1-\rho}$ times
    // the rate. AdaDelta begins at $\sqrt{\delta / 0.05}$ and works its way up from there.
    //
    // ## The race
    //
    // Five rules race down the same ravine, each with a rate that suits it.

    // %%
    const RACE: [(&str, &str); 5] = [
        ("gradient descent", "type: 'SGD' base_lr: 0.036"),
        ("momentum", "type: 'SGD' base_lr: 0.015 momentum: 0.9"),
        ("AdaGrad", "type: 'AdaGrad' base_lr: 0.5"),
        ("RMSProp", "type: 'RMSProp' base_lr: 0.05 rms_decay: 0.9"),
        ("Adam", "type: 'Adam' base_lr: 0.2 momentum: 0.9"),
    ];

    fn race(map: Plane, surface: Surface, start: [f32; 2], steps: usize) -> Result<Plane> {
        let mut map = map.surface(surface.height);
        for (name, words) in RACE {
            map = map.path(name, &library(surface, start, words, steps)?);
        }
        Ok(map)
    }

    // %% tol=0.01
    show(&race(Plane::new("The ravine", -2.4..=1.0, -0.6..=0.6), RAVINE, START, 60)?)?;

    // %% [markdown]
    // AdaGrad and RMSProp set out diagonally, equally fast in both directions, and then run along the valley floor. They
    // have measured each direction and stretched the map until the ravine is a bowl. Adam does the same, with the swings of
    // momentum. So is the ravine a solved problem? They measure along the *axes*, and we dug it along one. Here is the same
    // ravine, rotated by 45 degrees, from the same starting point in it.

    // %%
    const TILTED_START: [f32; 2] = [-1.6970563, -1.1313709]; // START, turned

    // %% tol=0.01
    println!("height after 40 steps   straight    tilted");
    for (name, words) in RACE {
        let straight = (RAVINE.height)(library(RAVINE, START, words, 40)?[40]);
        let tilted = (TILTED.height)(library(TILTED, TILTED_START, words, 40)?[40]);
        println!("{name:<18} {straight:>13.5} {tilted:>9.5}");
        assert_eq!((straight - tilted).abs() < 1e-3, words.contains("SGD"));
    }
    show(&race(Plane::new("The tilted ravine", -2.1..=0.6, -1.7..=0.6), TILTED, TILTED_START, 60)?)?;

    // %% [markdown]
    // For gradient descent and momentum nothing has changed: they do not know where the axes are. AdaGrad and RMSProp, which
    // were far ahead, have fallen behind plain gradient descent; Adam is saved by its momentum. A rate for each weight cannot
    // describe a ravine in which two weights must change together. In a real net some ravines do lie along the axes, because
    // some weights simply have larger gradients than others. There the three rules help.
    //
    // ## A saddle
    //
    // In many dimensions a point with zero slope is seldom a minimum. Usually the surface rises in some directions and falls
    // in others. Our saddle is at 0, with valleys at $w_1 = 1$ and $w_1 = -1$. We come down the ridge from $w_0 = -2$.
    //
    // **What will this print?** All five start exactly on the ridge, with $w_1 = 0$, and take 300 steps. Which of them get
    // down into a valley? Then they start a millionth beside the ridge, $w_1 = 10^{-6}$: in which order do they leave it?
    // (Remember what the size of a gradient means to Adam.)

    // %%
    println!("                   w[1] after 300 steps   steps until w[1] is above 0.5");
    println!("                   from the ridge itself  from a millionth beside it");
    for (name, words) in RACE {
        let on = library(SADDLE, [-2.0, 0.0], words, 300)?;
        let beside = library(SADDLE, [-2.0, 1e-6], words, 800)?;
        let left = beside.iter().position(|w| w[1] > 0.5);
        println!("{name:<17} {:>12} {:>24}", on[300][1], left.map_or("never".into(), |t| t.to_string()));
        assert_eq!(on[300][1], 0.0);
    }

    // %% [markdown]
    // On the ridge the sideways slope is exactly 0, and every rule here turns it into 0: $0 / (0 + \delta)$ is 0, however
    // small δ is. None of them leaves. A rule cannot use what the gradient does not contain.
    //
    // From a millionth beside it they all leave, but at very different times. For gradient descent the slope is also a
    // millionth, and it has to grow step by step. Momentum grows faster. The three that divide by the gradient's size do not
    // know that it is tiny: they take whole steps from the beginning. In a real net the noise of the batches pushes every
    // rule off the ridge. The question is only how long that takes, and until then it can look like the end of training.

    // %% tol=0.01
    show(&race(
        Plane::new("The saddle, from a thousandth beside the ridge", -2.3..=0.6, -0.4..=1.3),
        SADDLE,
        [-2.0, 1e-3],
        80,
    )?)?;

    // %% [markdown]
    // Momentum runs through the saddle and comes back before it turns off. AdaGrad rattles in its valley: it has seen only
    // tiny slopes in that direction, so the sum it divides by is still small.
    //
    // ## A rate that falls
    //
    // Which rate is best? No single one: long steps are good while there is still far to go, and short ones at the end.
    // RMSProp never came to rest. Here it is again, with a rate that falls linearly to 0.

    // %% tol=any
    for policy in ["'fixed'", "'poly' power: 1 max_iter: 300"] {
        let words = format!("type: 'RMSProp' base_lr: 0.05 rms_decay: 0.9 lr_policy: {policy}");
        println!("{policy:<30} height {:.0e}", (RAVINE.height)(library(RAVINE, START, &words, 300)?[300]));
    }

    // %% [markdown]
    // Caffe has seven policies. Each is one line of the table in [src/solver/policy.rs](../src/solver/policy.rs).

    // %%
    {
        let mut chart = Chart::new("The policies, base_lr 0.1").axes("iteration", "rate");
        for words in [
            "lr_policy: 'fixed'",
            "lr_policy: 'step' gamma: 0.5 stepsize: 25",
            "lr_policy: 'multistep' gamma: 0.1 stepvalue: 60 stepvalue: 85",
            "lr_policy: 'exp' gamma: 0.96",
            "lr_policy: 'inv' gamma: 0.1 power: 0.75",
            "lr_policy: 'poly' power: 2 max_iter: 100",
            "lr_policy: 'sigmoid' gamma: -0.15 stepsize: 40",
        ] {
            let param = settings(&format!("base_lr: 0.1 {words}"))?;
            let mut points = Vec::new();
            for t in 0..100 {
                points.push((t as f64, policy::rate(&param, t)? as f64));
            }
            chart = chart.line(param.lr_policy(), &points);
        }
        show(&chart)?;
    }

    // %% [markdown]
    // There are two traps. `sigmoid` rises if its gamma is positive: for a falling rate, gamma must be negative. And t
    // counts *iterations*. Books count epochs, so their constants have to be translated. Here are the three usual schedules,
    // with 937 iterations per epoch:
    //
    // | in a book, t in epochs | in Caffe |
    // |---|---|
    // | half the rate every 5 epochs | `step`, gamma 0.5, stepsize 5 · 937 |
    // | $\alpha_0\, e^{-kt}$ | `exp`, gamma $e^{-k/937}$ |
    // | $\alpha_0 / (1 + kt)$ | `inv`, gamma $k/937$, power 1 |

    // %%
    println!("after 12 epochs     the book's    Caffe's");
    for (name, book, words) in [
        ("step decay", 0.1 * 0.5f64.powi(2), "lr_policy: 'step' gamma: 0.5 stepsize: 4685".to_string()),
        (
            "exponential decay",
            0.1 * (-0.2f64 * 12.0).exp(),
            format!("lr_policy: 'exp' gamma: {}", (-0.2f64 / 937.0).exp()),
        ),
        ("1/t decay", 0.1 / (1.0 + 0.2 * 12.0), format!("lr_policy: 'inv' gamma: {} power: 1", 0.2 / 937.0)),
    ] {
        let caffe = policy::rate(&settings(&format!("base_lr: 0.1 {words}"))?, 12 * 937)? as f64;
        println!("{name:<18} {book:>11.5} {caffe:>10.5}");
        assert!((book - caffe).abs() < 1e-3 * book);
    }

    // %% [markdown]
    // ## Open the file
    //
    // All six rules are in [src/solver/rules.rs](../src/solver/rules.rs), in the order of this lesson and with its letters: `h`,
    // `m`, `v`, `mu`, `b1`, `b2`. Each is a struct with its settings, and an `update` with the two or three lines that you
    // have just written. Below the trait is a table, `RULES`: names, and what they make.
    //
    // So your own rule is a struct and a line in the table. Take *Lion*, which a program search found in 2023. It keeps a
    // momentum, and uses only the *sign* of the mixture of momentum and gradient:
    //
    // $$ w \leftarrow w - lr \cdot sign(0.9\, m + 0.1\, dw), \qquad m \leftarrow 0.99\, m + 0.01\, dw $$

    // %%
    struct Lion;

    impl Rule for Lion {
        fn new(_: &SolverParameter) -> Result<Self> {
            Ok(Lion)
        }
        fn update(&self, at: &At, _w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
            for (dw, m) in dw.iter_mut().zip(history[0].iter_mut()) {
                let mix = 0.9 * *m + 0.1 * *dw;
                *m = 0.99 * *m + 0.01 * *dw;
                *dw = if mix == 0.0 { 0.0 } else { at.lr.copysign(mix) };
            }
        }
    }

    // %% [markdown]
    // Why not `mix.signum()`? Because a floating-point 0 has a sign, and in Rust `0f32.signum()` is 1. With it, every weight
    // whose gradient is 0 would move one step in each iteration, and this rule would come down from the ridge of the saddle
    // for no reason at all.
    //
    // The table is a value. We take Caffe's, add a line, and hand it to the solver. If you forget to, the error says so.

    // %%
    let mut rules = Rules::caffe();
    if let Err(e) = solver_on(RAVINE, START, "type: 'Lion' base_lr: 0.05", &rules) {
        println!("{e}\n");
    }
    rules.add::<Lion>("Lion");
    let ridge = walk(&mut solver_on(SADDLE, [-2.0, 0.0], "type: 'Lion' base_lr: 0.05", &rules)?, 300)?;
    println!("0f32.signum() is {}; ours stays on the ridge: w[1] is {}", 0f32.signum(), ridge[300][1]);
    for policy in ["'fixed'", "'poly' power: 1 max_iter: 300"] {
        let words = format!("type: 'Lion' base_lr: 0.05 lr_policy: {policy}");
        let path = walk(&mut solver_on(RAVINE, START, &words, &rules)?, 300)?;
        println!("{policy:<30} at the end w {:.4?} and {:.4?}", path[299], path[300]);
    }

    // %% [markdown]
    // With steps of equal length it never comes to rest, so Lion needs a falling rate.
    //
    // ## LeNet
    //
    // Now for 431,080 weights. Each rule gets the same net, the same seed and the same 150 batches.

    // %%
    let root = files::root()?;
    mnist::ensure_lmdb(&root)?;
    let lenet = text::read::<NetParameter>(root.join("proto/lenet_train_test.prototxt"))?.message;

    fn train(lenet: &NetParameter, words: &str, rules: &Rules) -> Result<Vec<f32>> {
        let mut param = settings(words)?;
        param.net_param = Some(lenet.clone());
        let mut solver = Solver::build(&param).rules(rules).seed(1).log(&Log::silent()).without_test_nets().make()?;
        solver.step(150)?;
        Ok(solver.losses().to_vec())
    }

    fn mean(losses: &[f32]) -> f32 {
        losses.iter().sum::<f32>() / losses.len() as f32
    }

    // %% tol=any
    {
        let mut chart = Chart::new("LeNet, 150 iterations").axes("iteration", "loss, mean of 10").log();
        for (name, words) in [
            ("SGD", "type: 'SGD' base_lr: 0.1"),
            ("momentum", "type: 'SGD' base_lr: 0.01 momentum: 0.9"),
            ("Nesterov", "type: 'Nesterov' base_lr: 0.01 momentum: 0.9"),
            ("AdaGrad", "type: 'AdaGrad' base_lr: 0.01"),
            ("RMSProp", "type: 'RMSProp' base_lr: 0.001 rms_decay: 0.98"),
            ("", "type: 'Adam' base_lr: 0.1 momentum: 0.9"),
            ("Adam", "type: 'Adam' base_lr: 0.001 momentum: 0.9"),
            ("Lion", "type: 'Lion' base_lr: 0.0003"),
        ] {
            let losses = train(&lenet, words, &rules)?;
            let pieces = losses.chunks(10).enumerate();
            let points: Vec<(f64, f64)> =
                pieces.map(|(i, piece)| (10.0 * i as f64 + 5.0, mean(piece) as f64)).collect();
            if !name.is_empty() {
                chart = chart.line(name, &points);
            }
            println!("{words:<47} mean loss of the last 50: {:.2}", mean(&losses[100..]));
        }
        show(&chart)?;
    }

    // %% [markdown]
    // A rate means nothing without its rule. 0.1 suits SGD; with the same 0.1 Adam has driven LeNet to the point where all
    // digits are equally likely, $\ln 10 \approx 2.30$, and there it stays. Adam needs a hundredth of that, and Lion even
    // less. And momentum with 0.01 is much like SGD with 0.1, because $0.01 / (1 - 0.9) = 0.1$.
    //
    // Which rule is best? Those that give each weight its own rate are quick at the start. But this is one seed, one net and
    // 150 batches. If you want to compare rules, tune the rate of each with the same care; otherwise you compare rates.
    //
    // ## What to remember
    //
    // - SGD's step grows with the gradient. The rate must suit the steepest direction, and the flattest one waits.
    // - Momentum adds up gradients that agree and cancels those that do not; too much of it swings.
    // - Nesterov is momentum with the slope measured ahead. Libraries keep the point ahead as the weights.
    // - AdaGrad, RMSProp and Adam divide by the gradient's own size. Their rate is the length of a step, until gradients
    //   come down to δ.
    // - They scale axis by axis: a ravine along an axis is easy for them, a tilted one is not.
    // - Adam's correction shortens the first steps. With $\beta_2 = 0.999$ it matters for a thousand of them.
    // - A rule that has seen only zero gradients takes no step: none leaves the ridge of a saddle, and none should.
    // - A policy makes the rate fall; `solver.set` changes anything else. Caffe's t counts iterations.
    //
    // ## Exercises
    //
    // - **05.1** Nesterov by looking ahead, with a net: `cargo run --release -p exercises --bin exercise_05_1`
    // - **05.2** AdamW, your own rule: `cargo run --release -p exercises --bin exercise_05_2`
    // - **05.3** Textbook schedules, in Caffe's words: `cargo run --release -p exercises --bin exercise_05_3`
    //
    // `cargo run --release --bin check 05` checks your answers.
    //
    // Next: [lesson 06](06_seeing_inside.rs), where the net shows what it has learnt.

    Ok(())
}
