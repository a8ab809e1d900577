//! `cortado check`: without data, through a pipe, on any terminal.

use crate::bench::{Bench, NET, SOLVER};
use std::io::Write;
use std::process::Stdio;

/// A net of BVLC's kind for a database, a list and a mean image that are not there.
const CROPPED: &str = r#"
layer { name: "d" type: "Data" top: "x" top: "y" include { phase: TRAIN } data_param { source: "/data/train_lmdb" batch_size: 32 backend: LMDB }
        transform_param { crop_size: 227 mean_value: 104 mean_value: 117 mean_value: 123 mirror: true } }
layer { name: "d" type: "Data" top: "x" top: "y" include { phase: TEST } data_param { source: "/data/val_lmdb" batch_size: 8 backend: LMDB }
        transform_param { crop_size: 227 mean_file: "mean.binaryproto" } }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 96 kernel_size: 11 stride: 4 } }
"#;

#[test]
fn shapes_are_shown_without_the_data() {
    let bench = Bench::new();
    bench.write("n.prototxt", CROPPED);
    let said = bench.good("check n.prototxt").out;
    for shape in ["32 x 3 x 227 x 227, 32", "32 x 96 x 55 x 55", "8 x 3 x 227 x 227, 8", "8 x 96 x 55 x 55"] {
        assert!(said.contains(shape), "{shape}\n{said}");
    }
    let note = "layer \"d\": /data/train_lmdb is not there: looked for /data/train_lmdb; assumed 32 x 3 x 227 x 227, from the mean values \
                and crop_size\n";
    assert!(said.contains(note), "{said}");
    assert!(said.contains("assumed 8 x 3 x 227 x 227, from the usual 3 channels and crop_size\n"), "{said}");
    let test = bench.good("check n.prototxt --phase TEST").out;
    assert!(test.contains("8 x 96 x 55 x 55") && !test.contains("TRAIN"), "{test}");

    // Without a crop nothing tells the size of the images.
    bench.write("n.prototxt", CROPPED.replace("crop_size: 227", ""));
    let said = bench.good("check n.prototxt").out;
    assert!(
        said.contains("32 x 3 x 224 x 224, 32") && said.contains("the usual 224 x 224 (--data-shape C,H,W"),
        "{said}"
    );
    // What the assumption makes impossible is an error that tells the assumption.
    bench.write("small.prototxt", CROPPED.replace("crop_size: 227", "crop_size: 8"));
    let error = bench.bad("check small.prototxt --phase TRAIN", 1);
    assert!(
        error.contains("layer \"c\"") && error.contains("help: layer \"d\": /data/train_lmdb is not there"),
        "{error}"
    );
    let said = bench.good("check n.prototxt --data-shape 1,32,48").out;
    assert!(said.contains("32 x 1 x 32 x 48, 32") && said.contains("from --data-shape\n"), "{said}");
    for wrong in ["3,227", "3,0,227", "3,a,227", "1,2,3,4"] {
        assert!(bench.bad(&format!("check n.prototxt --data-shape {wrong}"), 2).contains("as in 3,227,227"));
    }
}

#[test]
fn a_solver_is_checked_without_the_data_and_nothing_is_written() {
    let bench = Bench::new();
    let net = NET.replace("\"train_lmdb", "\"data/mnist_train_lmdb");
    bench.write("net.prototxt", net);
    bench.write("proto/caffe.proto", "");
    let before = bench.listing();
    let said = bench.good("check solver.prototxt").out;
    assert!(said.contains("6 x 1 x 28 x 28, 6") && said.contains("5 x 1 x 28 x 28, 5"), "{said}");
    assert!(said.contains("from MNIST's images\n"), "{said}");
    assert_eq!(bench.listing(), before);
    assert!(!bench.path("run").exists(), "not even the folder of the snapshots");
}

#[test]
fn a_pipe_is_read_once() {
    let bench = Bench::new();
    let piped = |line: &str, text: &str| {
        let mut child =
            bench.command(line).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    // /dev/stdin's folder is not the prototxt's: paths start here.
    assert_eq!(piped("check /dev/stdin", NET), bench.good("check net.prototxt").out);
    assert_eq!(piped("check /dev/stdin", SOLVER), bench.good("check solver.prototxt").out);
    assert_eq!(
        piped("explain /dev/stdin ip1", NET),
        bench.good("explain net.prototxt ip1").out.replace("net.prototxt", "/dev/stdin")
    );
    let short = SOLVER.replace("max_iter: 40", "max_iter: 3").replace("snapshot_prefix: \"run/small\"", "");
    piped("train --solver /dev/stdin", &short);
    assert!(bench.path("stdin_iter_3.solverstate").is_file(), "{:?}", bench.listing());
}

#[test]
fn a_stdout_that_is_full_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let bench = Bench::new();
    let full = || std::fs::File::create("/dev/full").unwrap();
    for line in ["check net.prototxt", "--help", "diff net.prototxt net.prototxt"] {
        let output = bench.command(line).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("cortado: cannot write the result to stdout: "), "{said}");
    }
}

/// Bytes that are not UTF-8, in comments, names and paths, as Caffe's parser takes them.
#[cfg(unix)]
#[test]
fn texts_in_other_encodings() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let gbk = b"\xb2\xe2\xca\xd4"; // two Chinese characters
    let folder = bench.path(".").join(std::ffi::OsStr::from_bytes(gbk));
    std::fs::create_dir(&folder).unwrap();
    let net = [b"# Gr\xfc\xdfe\nname: \"Gr\xfc\xdfe\"\n", NET.replace("name: \"Small\"", "").as_bytes()].concat();
    std::fs::write(folder.join("net.prototxt"), &net).unwrap();
    bench.write("net.prototxt", &net);
    assert!(bench.good("check net.prototxt").out.contains("ip2_ip2_0_split"));
    let solver = SOLVER.split_once("net.prototxt").unwrap();
    let solver = [solver.0.as_bytes(), gbk, b"/net.prototxt", solver.1.as_bytes()].concat();
    bench.write("solver.prototxt", &solver);
    assert!(bench.good("check solver.prototxt").out.contains("6 x 1 x 4 x 4"));
    // A prefix too.
    let at = solver.windows(3).position(|w| w == b"run").unwrap();
    bench.write(
        "solver.prototxt",
        [&solver[..at], gbk, b"/s\"\nmax_iter: 2\n#", &solver[at..]].concat().replace_once(b"max_iter: 40", b""),
    );
    bench.good("train --solver solver.prototxt");
    assert!(folder.join("s_iter_2.caffemodel").is_file());
}

trait ReplaceOnce {
    fn replace_once(self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl ReplaceOnce for Vec<u8> {
    fn replace_once(self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self.windows(from.len()).position(|w| w == from).unwrap();
        [&self[..at], to, &self[at + from.len()..]].concat()
    }
}

/// A thousand layers in a row, and one blob that a thousand layers read: the time grows with the number, the table with both.
#[test]
fn large_nets_are_shown() {
    let bench = Bench::new();
    let input = "layer { name: \"i\" type: \"Input\" top: \"b0\" input_param { shape { dim: 1 } } }\n";
    let chain: String = (0..20_000)
        .map(|i| format!("layer {{ name: \"l{i}\" type: \"ReLU\" bottom: \"b{i}\" top: \"b{}\" }}\n", i + 1))
        .collect();
    bench.write("chain.prototxt", format!("{input}{chain}"));
    assert!(bench.good("check chain.prototxt").out.contains("20001 layers"));
    let fan: String = (1..3000)
        .map(|i| format!("layer {{ name: \"l{i}\" type: \"ReLU\" bottom: \"b0\" top: \"b{i}\" }}\n"))
        .collect();
    bench.write("fan.prototxt", format!("{input}{fan}"));
    let table = bench.good("check fan.prototxt").out;
    assert!(table.contains("3001 layers") && table.len() < 4_000_000, "{}", table.len());
    let name = "n".repeat(70_000);
    bench.write("long.prototxt", input.replace("\"i\"", &format!("\"{name}\"")));
    assert_eq!(bench.good("check long.prototxt").out.matches('n').count() / 70_000, 1);
}
