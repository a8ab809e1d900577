//! # Lesson 05: update rules
//!
//! Lesson 03 ended with one line: $w \leftarrow w - step$. Backward gives the gradient. What makes a step of it is the
//! *update rule*, and there are many. At the end of this lesson you can
//!
//! - write each of Caffe's six rules from memory, for each is two or three lines;
//! - say what the rate means to it, and why a rate that suits one rule ruins another;
//! - read a path on a map, and tell from it what is wrong;
//! - let rate and momentum change while a net learns;
//! - give the library a rule of your own.
//!
//! Every rule comes first as a loop over two numbers. Then the library walks the same way, and the two paths must be equal
//! bit for bit. At the end all of them train LeNet.
//!
//! ```sh
//! cargo run --release --bin 05_update_rules
//! ```

use cortado::data::mnist;
use cortado::layer::{Arity, Cx, Layer};
use cortado::proto::{LayerParameter, NetParameter, SolverParameter, text};
use cortado::show::{Chart, Plane, show};
use cortado::solver::rules::{At, Rule, Rules};
use cortado::solver::{Solver, policy};
use cortado::{Blob, Layers, Log, Result, files};

fn main() -> Result<()> {
    // %% [markdown]
    // ## A loss with two weights
    //
    // LeNet's loss is a surface over 431,080 weights. Nobody can look at that. So we make a loss of two weights, which is a
    // landscape with a map. A surface is two formulas: the height, and its slope, which is the gradient.
    //
    // - The **ravine** is 50 times as steep across as it is along. Real losses are like this, only more so.
    // - The **tilted** ravine is the same one, turned by 45 degrees.
    // - The **saddle** is a pass between two valleys: a minimum in one direction, a maximum in the other.

    // %%
    #[derive(Clone, Copy)]
    struct Surface {
        height: fn([f32; 2]) -> f32,
        slope: fn([f32; 2]) -> [f32; 2],
    }

    const RAVINE: Surface =
        Surface { height: |[x, y]| 0.5 * (x * x + 50.0 * y * y), slope: |[x, y]| [x, 50.0 * y] };
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
    // simply its weights, and a loss of our own. Forward is the height, backward the slope.

    // %%
    struct SurfaceLoss(Surface);

    impl Layer for SurfaceLoss {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(SurfaceLoss(RAVINE))
        }
        fn arity(&self) -> Arity {
            Arity::exact(1, 1)
        }
        fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
            top[0].reshape(&[])
        }
        fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let w = bottom[0].data.slice();
            top[0].data.fill((self.0.height)([w[0], w[1]]));
            Ok(())
        }
        fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], _: &[bool], bottom: &mut [Blob]) -> Result {
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
    // Three helpers. The first reads settings, in the words of a solver file. The second makes a solver that stands on a
    // surface; `add_with` hands our layer the surface it is to be. The third lets a solver walk and writes down every place
    // where it was.

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

    // %% [markdown]
    // And two short ones: the path of one of the library's rules, and how far two paths are apart where they are furthest.

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
    // The ours and the theirs are equal, to the last bit: the program would have stopped otherwise.
    //
    // The four lines show a dilemma. One step multiplies $w_0$ by $1 - lr$ and $w_1$ by $1 - 50\, lr$. The steep direction
    // allows no rate above $2/50 = 0.04$: there the factor is $-1$, and beyond it every step lands higher on the other wall.
    // The flat direction does not care for the steep one's trouble and creeps: even at 0.036, near the edge, a quarter of
    // the way is left after 40 steps. The ratio of the two slopes, 50, is the *condition* of the surface. It is what the
    // other rules were invented for.
    //
    // ## Two: momentum
    //
    // A ball does not forget how fast it was. The velocity keeps a share $\mu$ of itself and takes in the new step:
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

    // %%
    println!("momentum   highest w[0]   steps until the height stays below 0.001");
    for mu in [0.0, 0.5, 0.9, 0.99] {
        let ours = momentum(RAVINE, START, 0.02, mu, 1500);
        assert_eq!(ours, library(RAVINE, START, &format!("type: 'SGD' base_lr: 0.02 momentum: {mu}"), 1500)?);
        let past = ours.iter().map(|w| w[0]).fold(f32::MIN, f32::max);
        let above = ours.iter().rposition(|&w| (RAVINE.height)(w) >= 1e-3).unwrap_or(0);
        println!("{mu:<8} {past:>14.3} {:>12}", above + 1);
    }

    // %% [markdown]
    // Along the ravine the gradients agree, and the velocity adds them up: to $1/(1-\mu)$ times a single one. Across it they
    // change their sign, and cancel. So 0.5 halves the time. 0.9 overshoots: it runs through the minimum up to 1.0 on the
    // other side and comes back, and is still sooner at rest. 0.99 overshoots so far and so often that it is the slowest of
    // all. More momentum is not more speed.
    //
    // ## Three: Nesterov
    //
    // The velocity will carry us to about $w - \mu v$ in any case. So why measure the slope here, and not there? That is the
    // look-ahead form, one line longer than momentum. (Caffe subtracts its velocity. In books that add it, the point ahead is
    // $w + \mu v$.)
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
    // In a net this form is awkward: the weights would have to be moved for the forward and moved back for the step. So
    // libraries keep the *other* point. Call it $a = w - \mu v$, and ask how it moves from $v$ to $v'$:
    //
    // $$ a' = w - v' - \mu v' = a + \mu v - (1 + \mu) v' $$
    //
    // No $w$ is left in it. The gradient is measured where we stand, and the step is $(1 + \mu) v' - \mu v$.

    // %%
    fn rewritten(surface: Surface, lr: f32, mu: f32, steps: usize) -> Vec<[f32; 2]> {
        let (mut w, mut v) = (START, [0.0; 2]);
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                let before = v[i];
                v[i] = mu * before + lr * dw[i];
                w[i] -= (1.0 + mu) * v[i] - mu * before;
            }
            path.push(w);
        }
        path
    }

    // %%
    let (places, aheads) = look_ahead(RAVINE, 0.02, 0.9, 60);
    let ours = rewritten(RAVINE, 0.02, 0.9, 60);
    let theirs = library(RAVINE, START, "type: 'Nesterov' base_lr: 0.02 momentum: 0.9", 60)?;
    println!("rewritten and the points ahead: less than 0.000001 apart: {}", apart(&ours, &aheads) < 1e-6);
    println!("rewritten and the points w:     {:.2} apart", apart(&ours, &places));
    println!("rewritten and the library's:    {} apart", apart(&ours, &theirs));
    assert!(apart(&ours, &aheads) < 1e-6);
    assert_eq!(ours, theirs);

    // %% [markdown]
    // So the two forms are one rule; but what a library calls the weights are the points *ahead*. On the way it makes a
    // difference which of the two you test or save. At the end, when the velocity is gone, it makes none.
    //
    // On the map: each line is a level, the darker the lower. Each dot is a step; the rings are the start.

    // %%
    show(
        &Plane::new("Down the ravine, 60 steps", -2.4..=1.6, -0.6..=0.6)
            .surface(RAVINE.height)
            .path("gradient descent, lr 0.036", &descent(RAVINE, START, 0.036, 60))
            .path("momentum 0.9, lr 0.02", &momentum(RAVINE, START, 0.02, 0.9, 60))
            .path("Nesterov 0.9, lr 0.02", &rewritten(RAVINE, 0.02, 0.9, 60)),
    )?;

    // %% [markdown]
    // Gradient descent jumps from wall to wall and gets on slowly. Momentum swings. Nesterov sees the wall one step sooner and
    // brakes: it swings less, and overshoots less.
    //
    // ## Momentum that changes
    //
    // Could one have the calm of 0.5 and the pull of 0.99? An old recipe raises the momentum during training, from 0.5 to
    // 0.99. Caffe has policies for the rate but none for the momentum. With `solver.set` you change settings between two
    // steps, and a schedule is a line of yours.

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
        path.iter().enumerate().map(|(t, &w)| (t as f64, (surface.height)(w) as f64)).collect()
    }

    show(
        &Chart::new("The ravine, lr 0.02")
            .axes("step", "height")
            .log()
            .line("0.5", &heights(RAVINE, &momentum(RAVINE, START, 0.02, 0.5, 99)))
            .line("0.9", &heights(RAVINE, &momentum(RAVINE, START, 0.02, 0.9, 99)))
            .line("0.99", &heights(RAVINE, &momentum(RAVINE, START, 0.02, 0.99, 99)))
            .line("0.5 to 0.99", &heights(RAVINE, &annealed(0.02, 99)?))
            .line("Nesterov 0.9", &heights(RAVINE, &rewritten(RAVINE, 0.02, 0.9, 99))),
    )?;

    // %% [markdown]
    // TODO
    //
    // ## Four: AdaGrad

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
    println!("AdaGrad, ours and the library's: {} apart; height {:.1e}", apart(&ours, &theirs), (RAVINE.height)(ours[60]));
    assert_eq!(ours, theirs);

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
    for dw in [1000.0, 1.0, 0.001] {
        let steps = steps("type: 'AdaGrad' base_lr: 0.1", dw, 1000)?;
        let way: f32 = steps.iter().sum();
        println!("gradient {dw:<6} step 1 {:.5}, 10 {:.5}, 100 {:.5}, 1000 {:.5}; in all {way:.3}", steps[0], steps[9], steps[99], steps[999]);
    }

    // %%
    fn rmsprop(surface: Surface, start: [f32; 2], lr: f32, rho: f32, steps: usize) -> Vec<[f32; 2]> {
        let (mut w, mut h) = (start, [0.0f32; 2]);
        let mut path = vec![w];
        for _ in 0..steps {
            let dw = (surface.slope)(w);
            for i in 0..2 {
                h[i] = rho * h[i] + (1.0 - rho) * dw[i] * dw[i];
                w[i] -= lr * dw[i] / (h[i].sqrt() + 1e-8);
            }
            path.push(w);
        }
        path
    }
    let ours = rmsprop(RAVINE, START, 0.05, 0.9, 60);
    let theirs = library(RAVINE, START, "type: 'RMSProp' base_lr: 0.05 rms_decay: 0.9", 60)?;
    println!("RMSProp, ours and the library's: {} apart; height {:.1e}", apart(&ours, &theirs), (RAVINE.height)(ours[60]));

    // %%
    fn adam(surface: Surface, start: [f32; 2], lr: f32, steps: usize) -> Vec<[f32; 2]> {
        let (b1, b2) = (0.9f32, 0.999f32);
        let (mut w, mut m, mut v) = (start, [0.0f32; 2], [0.0f32; 2]);
        let mut path = vec![w];
        for t in 1..=steps {
            let dw = (surface.slope)(w);
            let c = (1.0 - (b2 as f64).powf(t as f64)).sqrt() / (1.0 - (b1 as f64).powf(t as f64));
            let lr = lr * c as f32;
            for i in 0..2 {
                m[i] = b1 * m[i] + (1.0 - b1) * dw[i];
                v[i] = b2 * v[i] + (1.0 - b2) * dw[i] * dw[i];
                w[i] -= lr * m[i] / (v[i].sqrt() + 1e-8);
            }
            path.push(w);
        }
        path
    }
    let ours = adam(RAVINE, START, 0.2, 60);
    let theirs = library(RAVINE, START, "type: 'Adam' base_lr: 0.2 momentum: 0.9", 60)?;
    println!("Adam, ours and the library's: {} apart; height {:.1e}", apart(&ours, &theirs), (RAVINE.height)(ours[60]));

    // %%
    fn adam_steps(dw: f32, form: &str, count: i32) -> Vec<f32> {
        let (b1, b2) = (0.9f32, 0.999f32);
        let (mut m, mut v) = (0.0f32, 0.0f32);
        let mut steps = Vec::new();
        for t in 1..=count {
            m = b1 * m + (1.0 - b1) * dw;
            v = b2 * v + (1.0 - b2) * dw * dw;
            let (c1, c2) = (1.0 - b1.powi(t), 1.0 - b2.powi(t));
            steps.push(match form {
                "textbook" => (m / c1) / ((v / c2).sqrt() + 1e-8),
                "caffe" => c2.sqrt() / c1 * m / (v.sqrt() + 1e-8),
                _ => m / (v.sqrt() + 1e-8),
            });
        }
        steps
    }
    for dw in [1e3, 1.0, 1e-3, 1e-6, 1e-8, 1e-10] {
        println!("{dw:e}: lib {} {} {} {}", steps("type: 'Adam' base_lr: 1 momentum: 0.9", dw, 1)?[0], adam_steps(dw, "caffe", 1)[0], adam_steps(dw, "textbook", 1)[0], adam_steps(dw, "none", 1)[0]);
    }
    let raw = adam_steps(1.0, "none", 5000);
    let best = raw.iter().cloned().fold(0.0, f32::max);
    println!("{best} at {:?} {} {} {}", raw.iter().position(|s| *s == best), raw[99], raw[999], raw[4999]);
    for t in [0, 1, 5, 9, 99, 199] {
        println!("{t} adadelta {} rms {}", steps("type: 'AdaDelta' base_lr: 1 momentum: 0.95 delta: 1e-6", 1.0, 200)?[t], steps("type: 'RMSProp' base_lr: 1 rms_decay: 0.99", 1.0, 200)?[t]);
    }

    let root = files::root()?;
    mnist::ensure_lmdb(&root)?;
    let lenet = text::read::<NetParameter>(root.join("proto/lenet_train_test.prototxt"))?.message;
    let _ = (&lenet, policy::rate(&settings("base_lr: 0.1")?, 0)?);
    // rates
    for p in ["fixed", "poly"] {
        let words = format!("type: 'RMSProp' base_lr: 0.05 rms_decay: 0.9 lr_policy: '{p}' power: 1 max_iter: 300");
        let path = library(RAVINE, START, &words, 300)?;
        println!("{p}: {:.2e}", (RAVINE.height)(path[299]));
    }
    for steps_to in [60, 100, 200] { for lr in [0.004, 0.01, 0.02, 0.036] {
        let p = annealed(lr, 300)?; let _ = steps_to;
        println!("{lr} {:?}", p.iter().rposition(|&w| (RAVINE.height)(w) >= 1e-3));
    }}
    Ok(())
}
