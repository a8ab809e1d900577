//! Which nets a solver makes: each way of naming them, and the states that choose their layers.

use super::{PLAIN, net, solver, try_solver, values};
use cortado::solver::Builder;
use cortado::{Kind, Solver};

#[test]
fn every_way_to_name_nets() {
    let folder = tempfile::tempdir().unwrap();
    let file = |i: usize| {
        let path = folder.path().join(format!("{i}.prototxt"));
        std::fs::write(&path, net(i as f32)).unwrap();
        path.to_str().unwrap().to_string()
    };
    let (f1, f2, f3) = (file(1), file(2), file(3));
    let [p4, p5, p6] = [4.0, 5.0, 6.0].map(net);
    let tests = |n: usize| format!("{PLAIN} test_interval: 1 {}", "test_iter: 1 ".repeat(n));
    let made = |text: String| values(&mut solver(&text));
    assert_eq!(made(format!("net: '{f1}' {PLAIN}")), [1.0]);
    assert_eq!(made(format!("net_param {{ {p4} }} {PLAIN}")), [4.0]);
    assert_eq!(made(format!("train_net: '{f1}' {PLAIN}")), [1.0]);
    assert_eq!(made(format!("train_net_param {{ {p4} }} {PLAIN}")), [4.0]);
    // the generic net is tested as often as there are values of test_iter
    assert_eq!(made(format!("net: '{f1}' {}", tests(2))), [1.0, 1.0, 1.0]);
    assert_eq!(made(format!("net_param {{ {p4} }} {}", tests(1))), [4.0, 4.0]);
    // test nets of their own, messages before files
    assert_eq!(made(format!("train_net: '{f1}' test_net: '{f2}' {}", tests(1))), [1.0, 2.0]);
    assert_eq!(made(format!("train_net_param {{ {p4} }} test_net_param {{ {p5} }} {}", tests(1))), [4.0, 5.0]);
    assert_eq!(
        made(format!(
            "train_net: '{f1}' test_net: '{f2}' test_net_param {{ {p5} }} test_net: '{f3}' test_net_param {{ {p6} }} {}",
            tests(4)
        )),
        [1.0, 5.0, 6.0, 2.0, 3.0]
    );
    // and then the generic net for what is left of test_iter
    assert_eq!(
        made(format!("net: '{f1}' test_net: '{f2}' test_net_param {{ {p5} }} {}", tests(4))),
        [1.0, 5.0, 2.0, 1.0, 1.0]
    );
    assert_eq!(made(format!("net_param {{ {p4} }} test_net: '{f2}' {}", tests(1))), [4.0, 2.0]);
    // nets may be left out
    let builder = Builder::parse(&format!("net: '{f1}' {}", tests(2)), "solver").unwrap();
    assert_eq!(builder.without_test_nets().make().unwrap().test_nets(), 0);

    let fails = |text: String, kind: Kind, says: &str| {
        let e = try_solver(&text).unwrap_err();
        assert!(e.kind() == kind && e.to_string().contains(says), "{e}");
    };
    fails(PLAIN.into(), Kind::Net, "names no train net");
    fails(format!("test_net: '{f1}' {}", tests(1)), Kind::Net, "names no train net");
    fails(format!("net: '{f1}' net_param {{ {p4} }} {PLAIN}"), Kind::Net, "2 train nets: net, net_param");
    fails(format!("train_net: '{f1}' train_net_param {{ {p4} }} {PLAIN}"), Kind::Net, "2 train nets");
    fails(format!("train_net: '{f1}' test_net: '{f2}' {}", tests(2)), Kind::Net, "2 values of test_iter for 1");
    fails(
        format!("train_net: '{f1}' test_net: '{f2}' test_net: '{f3}' {}", tests(1)),
        Kind::Net,
        "1 values of test_iter for 2",
    );
    fails(format!("train_net: '{f1}' {}", tests(1)), Kind::Net, "1 values of test_iter for 0");
    fails(format!("net: '{f1}' test_iter: 1 {PLAIN}"), Kind::Value, "test_interval 0 with 1 test nets");
}

#[test]
fn states_choose_layers() {
    let ip = |name: &str, rule: &str| {
        format!(
            r#"layer {{ name: "{name}" type: "InnerProduct" bottom: "one" top: "{name}" {rule}
                inner_product_param {{ num_output: 1 }} }}"#
        )
    };
    let text = format!(
        "{} {} {} {} {}",
        net(0.0),
        ip("staged", "include { phase: TEST stage: 'fine' }"),
        ip("high", "include { min_level: 2 }"),
        ip("plain", "include { not_stage: 'fine' max_level: 1 }"),
        ip("training", "include { stage: 'warm' phase: TRAIN }"),
    );
    let state = "train_state { stage: 'warm' level: 1 } test_state { stage: 'fine' } test_state { level: 2 stage: 'fine' stage: 'x' }
                 test_iter: 1 test_iter: 1 test_interval: 1";
    let layers = |solver: &mut Solver| -> Vec<Vec<String>> {
        let of = |net: &cortado::Net| -> Vec<String> {
            let names = net.layers_of_type("InnerProduct").into_iter();
            names.filter(|n| *n != "w").map(String::from).collect()
        };
        let mut all = vec![of(solver.net())];
        (0..solver.test_nets()).for_each(|i| all.push(of(solver.test_net(i).unwrap())));
        all
    };
    let text = format!("net_param {{ {text} }} {PLAIN} {state}");
    assert_eq!(layers(&mut solver(&text)), [vec!["plain", "training"], vec!["staged"], vec!["staged", "high"]]);
    // a level and a stage given to the solver are the train net's, as in Caffe
    let builder = Builder::parse(&text, "solver").unwrap().level(3).stage("warm");
    assert_eq!(
        layers(&mut builder.make().unwrap()),
        [vec!["high", "training"], vec!["staged"], vec!["staged", "high"]]
    );
    let e = try_solver(&text.replace("test_iter: 1 test_iter: 1", "test_iter: 1")).unwrap_err();
    assert!(e.to_string().contains("test_iter"), "{e}");
}
