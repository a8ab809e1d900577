//! The solver around the update rules: its nets, its tests, its rates, its log, and how it is stopped and changed.

#[path = "solver/devices.rs"]
mod devices;
#[path = "solver/nets.rs"]
mod nets;
#[path = "solver/snapshots.rs"]
mod snapshots;

use cortado::layer::Phase;
use cortado::proto::SolverParameter;
use cortado::solver::rules::{At, Rule, Rules};
use cortado::solver::{Builder, policy};
use cortado::{Kind, Log, Result, Solver};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// A net that learns w towards 1: L = (w - 1)² / 2. `value` of the made-up bottom tells nets apart.
fn net(value: f32) -> String {
    format!(
        r#"layer {{ name: "one" type: "DummyData" top: "one" top: "value"
             dummy_data_param {{ shape {{ dim: 1 dim: 1 }} shape {{ dim: 1 dim: 1 }}
               data_filler {{ value: 1 }} data_filler {{ value: {value} }} }} }}
           layer {{ name: "w" type: "InnerProduct" bottom: "one" top: "y" inner_product_param {{ num_output: 1 bias_term: false }} }}
           layer {{ name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "one" top: "loss" }}"#
    )
}

const PLAIN: &str = "base_lr: 0.1 lr_policy: 'fixed'";

fn try_solver(text: &str) -> Result<Solver> {
    Builder::parse(text, "solver")?.log(&Log::silent()).make()
}

fn solver(text: &str) -> Solver {
    try_solver(text).unwrap()
}

fn w(solver: &mut Solver) -> f32 {
    solver.net().param("w", 0).unwrap().data.scalar()
}

/// The train net's value, then the test nets'.
fn values(solver: &mut Solver) -> Vec<f32> {
    let mut values = vec![solver.net().data("value").unwrap().scalar()];
    assert_eq!(solver.net().phase(), Phase::Train);
    for i in 0..solver.test_nets() {
        let test = solver.test_net(i).unwrap();
        assert_eq!(test.phase(), Phase::Test);
        values.push(test.data("value").unwrap().scalar());
    }
    values
}

// ---- testing and the log

/// A log and what it was told.
fn log() -> (Log, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let to = lines.clone();
    (Log::to(move |_, line| to.lock().unwrap().push(line.to_string())), lines)
}

/// The log's lines of a run, without how long things took.
fn run_logged(text: &str) -> Vec<String> {
    let (log, lines) = log();
    let mut solver = Builder::parse(text, "solver").unwrap().log(&log).make().unwrap();
    lines.lock().unwrap().clear();
    solver.solve().unwrap();
    let lines = lines.lock().unwrap().clone();
    let timeless = |line: String| match (line.find(" ("), line.find("iters)")) {
        (Some(a), Some(b)) => format!("{}{}", &line[..a], &line[b + 6..]),
        _ => line,
    };
    lines.into_iter().map(timeless).collect()
}

#[test]
fn the_log_has_caffes_form() {
    let text = format!(
        "net_param {{ name: 'learner' {} }} base_lr: 0.5 lr_policy: 'step' gamma: 0.1 stepsize: 2 max_iter: 4 display: 2
         test_iter: 3 test_interval: 2 average_loss: 2 test_compute_loss: true",
        net(7.0)
    );
    // w is 0, 0.5, 0.75, 0.7625, 0.774375 and the loss (w - 1)² / 2
    let test = |iter: usize, loss: &str| {
        [
            format!("Iteration {iter}, Testing net (#0)"),
            format!("Test loss: {loss}"),
            format!("    Test net output #0: loss = {loss} (* 1 = {loss} loss)"),
            "    Test net output #1: value = 7".to_string(),
        ]
    };
    let train = |iter: usize, mean: &str, loss: &str, rate: &str| {
        [
            format!("Iteration {iter}, loss = {mean}"),
            format!("    Train net output #0: loss = {loss} (* 1 = {loss} loss)"),
            "    Train net output #1: value = 7".to_string(),
            format!("Iteration {iter}, lr = {rate}"),
        ]
    };
    let mut want = vec!["Solving learner".to_string(), "Learning Rate Policy: step".to_string()];
    want.extend(test(0, "0.5"));
    want.extend(train(0, "0.5", "0.5", "0.5"));
    want.extend(test(2, "0.03125"));
    want.extend(train(2, "0.078125", "0.03125", "0.05"));
    want.push("Iteration 4, loss = 0.0268282".to_string());
    want.extend(test(4, "0.0254533"));
    want.push("Optimization Done.".to_string());
    assert_eq!(run_logged(&text), want);
    // the speed is told too
    let (log, lines) = log();
    Builder::parse(&text, "solver").unwrap().log(&log).make().unwrap().step(1).unwrap();
    let line = lines.lock().unwrap().iter().find(|l| l.starts_with("Iteration 0 (")).unwrap().clone();
    assert!(line.contains(" iter/s, ") && line.contains("s/2 iters), loss = 0.5"), "{line}");
}

#[test]
fn when_it_tests() {
    let tested = |more: &str| -> Vec<String> {
        let text = format!("net_param {{ {} }} {PLAIN} max_iter: 6 test_iter: 1 test_iter: 1 {more}", net(0.0));
        let mut lines = run_logged(&text);
        lines.retain(|line| line.contains("Testing"));
        lines.iter().map(|l| l.replace("Iteration ", "").replace(", Testing net (#", "/").replace(')', "")).collect()
    };
    assert_eq!(tested("test_interval: 4"), ["0/0", "0/1", "4/0", "4/1"]);
    assert_eq!(tested("test_interval: 3 test_initialization: false"), ["3/0", "3/1", "6/0", "6/1"]);
    assert_eq!(tested("test_interval: 100 test_initialization: false"), [""; 0]);
}

#[test]
fn losses_are_averaged() {
    let mut solver = solver(&format!("net_param {{ {} }} base_lr: 0.5 lr_policy: 'fixed' average_loss: 3", net(0.0)));
    let loss = |w: f32| (w - 1.0) * (w - 1.0) / 2.0;
    let losses: Vec<f32> = [0.0, 0.5, 0.75, 0.875, 0.9375].map(loss).to_vec();
    for n in 1..=5 {
        solver.step(1).unwrap();
        let last = &losses[n.max(3) - 3..n];
        assert!((solver.loss() - last.iter().sum::<f32>() / last.len() as f32).abs() < 1e-7);
    }
    assert_eq!(solver.losses(), losses);
}

// ---- rates

#[test]
fn every_policy_follows_its_formula() {
    let p = SolverParameter {
        base_lr: Some(0.1),
        gamma: Some(0.9),
        power: Some(0.75),
        stepsize: Some(7),
        stepvalue: vec![5, 5, 12],
        max_iter: Some(40),
        ..Default::default()
    };
    for t in [0u64, 1, 4, 5, 6, 7, 11, 12, 13, 14, 20, 39, 40] {
        let x = t as f64;
        let steps = [5, 5, 12].iter().filter(|s| t >= **s).count() as i32;
        for (name, want) in [
            ("fixed", 0.1),
            ("step", 0.1 * 0.9f64.powi((t / 7) as i32)),
            ("exp", 0.1 * 0.9f64.powi(t as i32)),
            ("inv", 0.1 * (1.0 + 0.9 * x).powf(-0.75)),
            ("multistep", 0.1 * 0.9f64.powi(steps)),
            ("poly", 0.1 * (1.0 - x / 40.0).powf(0.75)),
            ("sigmoid", 0.1 / (1.0 + (-0.9 * (x - 7.0)).exp())),
        ] {
            let p = SolverParameter { lr_policy: Some(name.into()), ..p.clone() };
            policy::check(&p).unwrap();
            let rate = policy::rate(&p, t).unwrap() as f64;
            assert!((rate - want).abs() <= 3e-6 * want, "{name} at {t}: {rate}, not {want}");
        }
    }
    // past its end, poly has no rate
    let poly = SolverParameter { lr_policy: Some("poly".into()), ..p };
    assert_eq!(policy::rate(&poly, 41).unwrap_err().kind(), Kind::Value);
}

/// Iterations are counted exactly, beyond 2^24 too, where an f32 holds only every second number.
#[test]
fn rates_fall_at_the_right_iteration_however_late() {
    let late = (1 << 24) + 1;
    let p = SolverParameter {
        base_lr: Some(1.0),
        gamma: Some(0.5),
        stepsize: Some(late),
        stepvalue: vec![late],
        ..Default::default()
    };
    let late = late as u64;
    for (name, before, at, after) in
        [("step", 1.0, 0.5, 0.5), ("multistep", 1.0, 0.5, 0.5), ("sigmoid", 0.377_540_7, 0.5, 0.622_459_3)]
    {
        let p = SolverParameter { lr_policy: Some(name.into()), ..p.clone() };
        for (t, want) in [(late - 1, before), (late, at), (late + 1, after)] {
            let rate = policy::rate(&p, t).unwrap();
            assert!((rate - want).abs() < 1e-6, "{name} at {t}: {rate}, not {want}");
        }
    }
}

// ---- weights, settings, remote

#[test]
fn weights_are_loaded_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let mut trained = solver(&format!("net_param {{ {} }} {PLAIN}", net(0.0)));
    trained.step(3).unwrap();
    let want = w(&mut trained);
    trained.net().save(path("a.caffemodel")).unwrap();
    trained.step(1).unwrap();
    let later = w(&mut trained);
    trained.net().save(path("b.caffemodel")).unwrap();
    let (a, b) = (path("a.caffemodel"), path("b.caffemodel"));
    let load = |weights: String| w(&mut solver(&format!("net_param {{ {} }} {PLAIN} {weights}", net(0.0))));
    assert_eq!(load(format!("weights: '{a}'")), want);
    assert_eq!(load(format!("weights: '{a}, {b}'")), later); // the last one counts
    assert_eq!(load(format!("weights: '{b}' weights: '{a}'")), want);
}

#[test]
fn settings_change_while_it_runs() {
    let mut solver = solver(&format!("net_param {{ {} }} base_lr: 0.5 lr_policy: 'fixed'", net(0.0)));
    solver.step(1).unwrap();
    assert_eq!(w(&mut solver), 0.5);
    solver.set(|p| p.base_lr = Some(0.25)).unwrap();
    solver.step(1).unwrap();
    assert_eq!(w(&mut solver), 0.625);
    // the rule's own settings, too: v was 0.125
    solver.set(|p| (p.momentum, p.base_lr) = (Some(0.5), Some(0.0))).unwrap();
    solver.step(1).unwrap();
    assert_eq!(w(&mut solver), 0.625 + 0.5 * 0.125);
    for change in [
        (|p| p.base_lr = None) as fn(&mut SolverParameter),
        |p| p.lr_policy = Some("cosine".into()),
        |p| p.iter_size = Some(0),
        |p| p.momentum = Some(1.0),
        |p| p.r#type = Some("Adam".into()),
        |p| p.regularization_type = Some("L0".into()),
        |p| p.test_iter = vec![5],
        |p| p.weight_decay = Some(f32::NAN),
    ] {
        let before = solver.param().clone();
        assert!(solver.set(change).is_err());
        assert_eq!(*solver.param(), before);
    }
}

/// What a gradient is divided by must not be 0 where the gradient is.
#[test]
fn a_delta_that_cannot_work_is_refused() {
    for (kind, reads) in
        [("SGD", false), ("Nesterov", false), ("AdaGrad", true), ("RMSProp", true), ("AdaDelta", true), ("Adam", true)]
    {
        let text = format!("net_param {{ {} }} {PLAIN} type: '{kind}'", net(0.0));
        for delta in ["0", "-1e-8", "1e-60", "nan", "inf"] {
            let e = try_solver(&format!("{text} delta: {delta}")).err();
            assert_eq!(e.is_some(), reads, "{kind}, delta {delta}: {e:?}");
            let mut solver = solver(&text);
            assert_eq!(solver.set(|p| p.delta = Some(delta.parse().unwrap())).is_err(), reads, "{kind}, delta {delta}");
        }
        let mut solver = solver(&format!("{text} delta: 1e-8 max_iter: 3"));
        solver.solve().unwrap();
        assert!(w(&mut solver).is_finite());
    }
}

/// Fields that nothing obeys are named, and only where they are written.
#[test]
fn what_a_solver_does_not_obey_it_says() {
    let said = |settings: &str, what: &str| {
        let (log, lines) = log();
        Builder::parse(&format!("net_param {{ {} }} {PLAIN} {settings}", net(0.0)), "solver")
            .unwrap()
            .log(&log)
            .make()
            .unwrap();
        let lines = lines.lock().unwrap();
        lines.iter().filter(|line| line.starts_with(what)).count()
    };
    assert_eq!([said("", "layer_wise_reduce"), said("layer_wise_reduce: true", "layer_wise_reduce")], [0, 1]);
    // There is no second card here: device_id: 1 is said not to be obeyed, unless the CPU is asked for.
    for (settings, warns) in [
        ("", 0),
        ("device_id: 0", 0),
        ("device_id: 1", 1),
        ("device_id: -1", 1),
        ("device_id: 1 solver_mode: GPU", 1),
        ("device_id: 1 solver_mode: CPU", 0),
    ] {
        let env_says_gpu = std::env::var("CORTADO_DEVICE").is_ok_and(|device| device != "cpu");
        let warns = if env_says_gpu && settings.starts_with("device_id: 1") { 1 } else { warns };
        assert_eq!(said(settings, "device_id"), warns, "{settings}");
    }
}

#[test]
fn a_remote_stops_and_saves() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("run");
    let text = format!("net_param {{ {} }} {PLAIN} max_iter: 100 snapshot_prefix: '{}'", net(0.0), prefix.display());
    let mut running = solver(&text);
    let remote = running.remote();
    running
        .step_each(50, |iter, loss| {
            assert!(loss.is_finite());
            remote.snapshot.store(iter == 3, Ordering::SeqCst);
            remote.stop.store(iter == 5, Ordering::SeqCst);
        })
        .unwrap();
    assert_eq!(running.iter(), 5);
    assert!(folder.path().join("run_iter_3.solverstate").is_file());
    // A stopped solve saves where it stands, and may go on.
    remote.stop.store(true, Ordering::SeqCst);
    running.solve().unwrap();
    assert_eq!(running.iter(), 6);
    assert!(folder.path().join("run_iter_6.caffemodel").is_file());
    assert!(!remote.stop.load(Ordering::SeqCst));
    running.solve().unwrap();
    assert_eq!(running.iter(), 100);
    assert!(folder.path().join("run_iter_100.solverstate").is_file());
    running.set(|p| p.snapshot_after_train = Some(false)).unwrap();
    running.set(|p| p.max_iter = Some(110)).unwrap();
    running.solve().unwrap();
    assert!(running.iter() == 110 && !folder.path().join("run_iter_110.solverstate").exists());
}

// ---- rules

/// Lion (Chen et al. 2023).
struct Lion {
    beta: f32,
}

impl Rule for Lion {
    fn new(param: &SolverParameter) -> Result<Self> {
        Ok(Lion { beta: param.momentum() })
    }
    fn update(&self, at: &At, _w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
        for (dw, m) in dw.iter_mut().zip(history[0].iter_mut()) {
            let step = at.lr * (self.beta * *m + (1.0 - self.beta) * *dw).signum();
            *m = 0.99 * *m + 0.01 * *dw;
            *dw = step;
        }
    }
}

#[test]
fn a_rule_of_ones_own() {
    let text = format!("net_param {{ {} }} {PLAIN} type: 'Lion' momentum: 0.9", net(0.0));
    let e = try_solver(&text).unwrap_err();
    assert!(e.kind() == Kind::Unknown && e.to_string().contains("the types are SGD"), "{e}");
    let mut rules = Rules::caffe();
    rules.add::<Lion>("Lion");
    let mut solver = Builder::parse(&text, "solver").unwrap().rules(&rules).make().unwrap();
    for i in 1..=5 {
        solver.step(1).unwrap();
        assert!((w(&mut solver) - 0.1 * i as f32).abs() < 1e-6); // a step of base_lr each
    }
    assert_eq!(solver.history().len(), 1);
}

#[test]
fn lr_mult_0_freezes_every_bit() {
    for kind in ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"] {
        let frozen = net(0.0).replace(r#"top: "y" "#, r#"top: "y" param { lr_mult: 0 decay_mult: 1 } "#);
        let more = r#"layer { name: "learns" type: "InnerProduct" bottom: "one" top: "z" inner_product_param { num_output: 1 } }
                      layer { name: "other" type: "EuclideanLoss" bottom: "z" bottom: "one" top: "other" }"#;
        let text = format!("net_param {{ {frozen} {more} }} {PLAIN} type: '{kind}' weight_decay: 0.1");
        let text = if kind == "RMSProp" { format!("{text} rms_decay: 0.9") } else { text };
        let mut solver = solver(&text);
        solver.net().param_mut("w", 0).unwrap().data.fill(0.3);
        solver.step(5).unwrap();
        assert_eq!(w(&mut solver).to_bits(), 0.3f32.to_bits(), "{kind}");
        assert_ne!(solver.net().param("learns", 0).unwrap().data.scalar(), 0.0, "{kind}");
    }
}

// ---- values that are not finite

#[test]
fn training_stops_at_the_first_value_that_is_not_finite() {
    let text = format!("net_param {{ {} }} base_lr: 100 lr_policy: 'fixed' max_iter: 1000", net(0.0));
    let mut diverging = solver(&text);
    let e = diverging.solve().unwrap_err();
    assert_eq!((e.kind(), e.layer_name()), (Kind::NonFinite, Some("loss")), "{e}");
    assert!(e.message().contains(&format!("iteration {}", diverging.iter())), "{e}");
    assert!(diverging.losses().iter().all(|loss| loss.is_finite()));

    // the layer nearest to the data is named
    let mut solver = solver(&text);
    solver.step(2).unwrap();
    solver.net().param_mut("w", 0).unwrap().data.fill(f32::NAN);
    let e = solver.step(1).unwrap_err();
    assert_eq!((e.kind(), e.layer_name()), (Kind::NonFinite, Some("w")));
    assert!(e.message().contains("iteration 2") && solver.iter() == 2, "{e}");

    let rate = |e: &cortado::Error| e.hints().iter().any(|hint| hint.contains("smaller base_lr"));
    assert!(rate(&e), "{e}");

    // data that hold such a value: no rate can help
    let net = r#"layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 } } }
                 layer { name: "w" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 1 } }
                 layer { name: "sum" type: "Reduction" bottom: "y" top: "sum" loss_weight: 1 }"#;
    let mut given = self::solver(&format!("net_param {{ {net} }} {PLAIN}"));
    given.net().data_mut("x").unwrap().fill(f32::NAN);
    let e = given.step(1).unwrap_err();
    assert_eq!((e.kind(), e.layer_name()), (Kind::NonFinite, Some("x")), "{e}");
    assert!(!rate(&e) && e.hints()[0].contains("look at the data"), "{e}");

    // a finite loss with a gradient that is not
    let net = r#"layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 dim: 1 } data_filler { value: 1e30 } } }
                 layer { name: "w" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 1 bias_term: false } }
                 layer { name: "sum" type: "Reduction" bottom: "y" top: "sum" reduction_param { coeff: 1e30 } loss_weight: 1 }"#;
    let mut solver = self::solver(&format!("net_param {{ {net} }} {PLAIN}"));
    let e = solver.step(1).unwrap_err();
    assert_eq!((e.kind(), e.layer_name(), solver.iter()), (Kind::NonFinite, Some("w"), 0), "{e}");
    assert!(e.message().contains("gradient") && e.message().contains("iteration 0"), "{e}");
}

/// Two losses whose tops go unnamed, as Caffe allows.
#[test]
fn losses_without_names() {
    let unnamed = net(0.0).replace(r#" top: "loss""#, "");
    let second = r#"layer { name: "again" type: "EuclideanLoss" bottom: "y" bottom: "value" loss_weight: 2 }"#;
    let mut solver = solver(&format!("net_param {{ {unnamed} {second} }} {PLAIN}"));
    solver.step(1).unwrap();
    assert_eq!(solver.losses(), [0.5]);
}
