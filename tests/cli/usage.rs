//! Help, mistakes on the command line, and the commands that only look.

use crate::bench::{Bench, NET, write_idx};

#[test]
fn help_and_version() {
    let bench = Bench::new();
    let help = bench.good("--help").out;
    for command in [
        "train",
        "test",
        "time",
        "forward",
        "check",
        "diff",
        "explain",
        "convert",
        "upgrade",
        "draw",
        "plot",
        "device_query",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}\n{help}");
        let own = bench.good(&format!("help {command}")).out;
        assert!(own.starts_with(&format!("usage: cortado {command}")), "{own}");
        assert_eq!(bench.good(&format!("{command} --help")).out, own);
    }
    assert_eq!(bench.good("--version").out, format!("cortado {}\n", env!("CARGO_PKG_VERSION")));
    let said = bench.good("device_query -gpu -1").out;
    let sentence = said.lines().next().unwrap();
    assert!(sentence.starts_with("Nets run on: CPU") && sentence.ends_with('.'), "{said}");
    for fact in ["CUDA driver: ", "NVRTC: ", "cuBLAS: ", "Emulated GPU's compiler: "] {
        assert_eq!(said.lines().filter(|line| line.starts_with(fact)).count(), 1, "{fact}\n{said}");
    }
}

#[test]
fn what_cannot_be_meant_is_code_2() {
    let bench = Bench::new();
    for (line, says) in [
        ("", "give a command"),
        ("trian", "did you mean train?"),
        ("help trian", "did you mean train?"),
        ("train", "train needs --solver FILE"),
        ("train --sovler solver.prototxt", "did you mean --solver?"),
        ("train --solver", "--solver needs a value"),
        ("train --solver solver.prototxt --threads many", "give a number"),
        ("train --solver solver.prototxt --threads 0", "give at least 1"),
        ("train --solver solver.prototxt --gpu one", "--gpu one"),
        ("train --solver solver.prototxt --sigint_effect wait", "give stop or snapshot or none"),
        ("check", "one prototxt file"),
        ("check a b", "one prototxt file"),
        ("diff net.prototxt", "two prototxt files"),
        ("explain net.prototxt", "the name of a blob"),
        ("explain net.prototxt ip1 --phase DEPLOY", "give TRAIN or TEST"),
        ("convert", "mnist can be converted"),
        ("convert cifar", "not \"cifar\""),
        ("convert mnist --overwrite=1", "--overwrite takes no value"),
        ("device_query now", "does not know what to do with \"now\""),
    ] {
        let error = bench.bad(line, 2);
        assert!(error.contains(says) && error.contains("usage: cortado"), "{line}: {error}");
    }
}

#[test]
fn check_shows_nets_and_solvers() {
    let bench = Bench::new();
    let table = bench.good("check net.prototxt").out;
    assert!(table.contains("Small, phase TRAIN") && table.contains("Small, phase TEST"), "{table}");
    assert!(table.contains("6 x 1 x 4 x 4") && table.contains("5 x 1 x 4 x 4"), "{table}");
    assert!(table.contains("ip1 -> ip1 (in place)") && table.contains("ip2_ip2_0_split"), "{table}");
    // 8 x 16 + 8 and 3 x 8 + 3.
    assert!(table.contains(" 136 ") && table.contains(" 27 ") && table.contains("163 parameters"), "{table}");
    let solver = bench.good("check solver.prototxt").out;
    assert!(
        solver.starts_with("SGD, base_lr 0.05 (fixed), momentum 0.9; iteration 0 of 40; trains Small, 1 test net\n")
    );
    assert!(solver.ends_with(&table[table.find("Small, phase TEST").unwrap()..]), "{solver}");
}

#[test]
fn check_tells_what_is_wrong() {
    let bench = Bench::new();
    bench.write("field.prototxt", NET.replace("num_output: 3", "num_ouput: 3"));
    let error = bench.bad("check field.prototxt", 1);
    assert!(error.starts_with("cortado: field.prototxt:14:") && error.contains("did you mean"), "{error}");
    assert!(error.contains("^^^"), "{error}");
    bench.write("bottom.prototxt", NET.replace("bottom: \"ip2\" bottom", "bottom: \"ip22\" bottom"));
    assert!(bench.bad("check bottom.prototxt", 1).contains("did you mean \"ip2\"?"));
    bench.write("source.prototxt", NET.replace("train_lmdb", "nowhere_lmdb"));
    let error = bench.bad("test --model source.prototxt --weights w.caffemodel", 1);
    assert!(error.contains("layer \"d\"") && error.contains("nowhere_lmdb is not there: looked for"), "{error}");
    bench.write("empty.prototxt", "# nothing\n");
    assert!(bench.bad("check empty.prototxt", 1).contains("neither a net nor a solver"));
    assert!(bench.bad("check none.prototxt", 1).contains("none.prototxt is not there"));
    assert!(bench.bad("train --solver none.prototxt", 1).contains("none.prototxt is not there"));
}

#[test]
fn diff_tells_how_nets_differ() {
    let bench = Bench::new();
    assert_eq!(bench.good("diff net.prototxt net.prototxt").out, "the nets are the same\n");
    bench.write("other.prototxt", NET.replace("num_output: 3", "num_output: 4 bias_term: true"));
    let output = bench.command("diff net.prototxt other.prototxt").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ip2.inner_product_param.num_output: 3 | 4\n");
    assert!(output.stderr.is_empty());
    bench.write("field.prototxt", NET.replace("num_output: 3", "num_ouput: 3"));
    assert!(bench.bad("diff net.prototxt field.prototxt", 1).starts_with("cortado: field.prototxt:14:"));
    assert!(bench.bad("diff none.prototxt net.prototxt", 1).contains("none.prototxt is not there"));
}

#[test]
fn explain_tells_how_a_blob_comes_about() {
    let bench = Bench::new();
    let told = bench.good("explain net.prototxt ip1").out;
    assert!(
        told.starts_with("\"ip1\": 6 x 8\nmade by ip1 (InnerProduct, net.prototxt:9) of data: 6 x 1 x 4 x 4\n"),
        "{told}"
    );
    assert!(told.contains("in place by relu1") && told.contains("in place by drop1"), "{told}");
    assert!(
        told.contains("1 * 4 * 4 = 16 inputs") && told.contains("    num_output: 8 at net.prototxt:10\n"),
        "{told}"
    );
    assert!(
        told.ends_with("read by ip2 (InnerProduct, net.prototxt:13)\nloss weight: 0\nbackward comes to it\n"),
        "{told}"
    );
    assert!(bench.good("explain net.prototxt ip1 --phase test").out.starts_with("\"ip1\": 5 x 8\n"));
    let data = bench.good("explain net.prototxt data").out;
    assert!(data.contains("backward does not come to it: nothing asks for a gradient"), "{data}");
    // A blob of the other phase; and one of none.
    assert!(bench.good("explain net.prototxt accuracy").out.contains("made by accuracy (Accuracy"));
    let error = bench.bad("explain net.prototxt ip", 1);
    assert!(error.contains("there is no blob \"ip\"") && error.contains("did you mean"), "{error}");
    bench.bad("explain none.prototxt ip1", 1);
}

#[test]
fn convert_makes_the_databases_once() {
    let bench = Bench::new();
    write_idx(&bench, "files", 12);
    let out = bench.good("convert mnist --from files --to made").out;
    assert_eq!(out.matches(" made\n").count(), 2, "{out}");
    assert!(bench.path("made/mnist_train_lmdb/data.mdb").is_file());
    let again = bench.good("convert mnist --from files --to made").out;
    assert_eq!(again.matches("was there already").count(), 2, "{again}");
    let anew = bench.good("convert mnist --from files --to made --overwrite").out;
    assert_eq!(anew.matches(" made\n").count(), 2, "{anew}");
    assert!(bench.bad("convert mnist --from none --to made2", 1).contains("none"));
}

#[test]
fn a_file_given_to_the_wrong_flag_is_named() {
    let bench = Bench::new();
    bench.good("train --solver solver.prototxt");
    let (weights, state) = ("run/small_iter_40.caffemodel", "run/small_iter_40.solverstate");
    let error = bench.bad(&format!("train --solver solver.prototxt --snapshot {weights}"), 1);
    assert!(error.contains("it is a .caffemodel") && error.contains("--weights"), "{error}");
    for line in ["train --solver solver.prototxt --weights", "test --model net.prototxt --weights"] {
        let error = bench.bad(&format!("{line} {state}"), 1);
        assert!(error.contains("it is a .solverstate") && error.contains("--snapshot"), "{error}");
        assert!(error.contains(weights), "the weights beside it are named: {error}");
    }
    let error = bench.bad("test --model net.prototxt --weights net.prototxt", 1);
    assert!(error.contains("it is a text, as a prototxt is"), "{error}");
    let short = bench.read(weights);
    bench.write("short.caffemodel", &short[..short.len() / 2]);
    assert!(bench.bad("test --model net.prototxt --weights short.caffemodel", 1).contains("the file is truncated"));
    // Weights of another net: what a user of the command can do.
    bench.write("wide.prototxt", NET.replace("num_output: 3", "num_output: 4"));
    let error = bench.bad(&format!("test --model wide.prototxt --weights {weights}"), 1);
    assert!(error.contains("give it another name") && !error.contains("use copy_fitting_layers_from"), "{error}");
}

#[test]
fn a_type_that_does_not_exist_names_a_way_out() {
    let bench = Bench::new();
    let check = |kind: &str| {
        let relu = "type: \"ReLU\"";
        assert!(NET.contains(relu));
        bench.write("type.prototxt", NET.replace(relu, &format!("type: \"{kind}\"")));
        bench.bad("check type.prototxt", 1)
    };
    // A slip of the pen: the near one, and no list.
    let error = check("RelU");
    assert!(error.contains("did you mean \"ReLU\"?") && !error.contains("the types are"), "{error}");
    // A type of one's own.
    let error = check("Soft");
    assert!(error.contains("add it to a `Layers`") && error.contains("the types are"), "{error}");
    for kind in ["WindowData"] {
        let error = check(kind);
        assert!(error.contains("does not exist in Cortado yet") && !error.contains("the types are"), "{error}");
        assert!(error.contains("help: "), "{error}");
    }
    bench.write("rule.prototxt", crate::bench::SOLVER.to_string() + "type: \"Lion\"\n");
    let error = bench.bad("check rule.prototxt", 1);
    assert!(error.contains("add it to a `Rules`") && error.contains("the types are"), "{error}");
    bench.write("rule.prototxt", crate::bench::SOLVER.to_string() + "type: \"Adan\"\n");
    let error = bench.bad("check rule.prototxt", 1);
    assert!(error.contains("did you mean \"Adam\"?") && !error.contains("the types are"), "{error}");
}

#[test]
fn a_reader_who_leaves_is_no_panic() {
    let bench = Bench::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = bench.command("check net.prototxt").stdout(writer).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
