//! A folder with a small data set, a net and a solver, in which the command is run.

use cortado::data::idx::Labelled;
use cortado::data::mnist;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct Bench(tempfile::TempDir);

/// Code, stdout and stderr of a run.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub const NET: &str = r#"
name: "Small"
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN }
        transform_param { scale: 0.00390625 }
        data_param { source: "train_lmdb" backend: LMDB batch_size: 6 shuffle: true } }
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
        transform_param { scale: 0.00390625 }
        data_param { source: "train_lmdb" backend: LMDB batch_size: 5 } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
        inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "drop1" type: "Dropout" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"#;

pub const SOLVER: &str = r#"
net: "net.prototxt"
test_iter: 4
test_interval: 20
base_lr: 0.05
lr_policy: "fixed"
momentum: 0.9
display: 10
max_iter: 40
snapshot: 20
snapshot_prefix: "run/small"
"#;

impl Bench {
    pub fn new() -> Bench {
        let bench = Bench(tempfile::tempdir().unwrap());
        mnist::write_lmdb(&squares(20), &bench.path("train_lmdb"), false).unwrap();
        bench.write("net.prototxt", NET);
        bench.write("solver.prototxt", SOLVER);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The paths of all files, in order.
    pub fn listing(&self) -> Vec<PathBuf> {
        let (mut folders, mut files) = (vec![self.0.path().to_path_buf()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The command, to be run in this folder.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cortado"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).env_remove("GLOG_minloglevel");
        command
    }

    pub fn run(&self, line: &str) -> Ran {
        Ran::from(self.command(line).output().unwrap())
    }

    /// Runs what must succeed.
    pub fn good(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}\n{}", ran.err);
        ran
    }

    /// Runs what must fail with the code given, without a panic, and tells what it said.
    pub fn bad(&self, line: &str, code: i32) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, code, "{line}\n{}", ran.err);
        assert!(!ran.err.contains("panicked"), "{line}\n{}", ran.err);
        let complaints = ran.err.lines().filter(|l| l.starts_with("cortado: ")).count();
        assert_eq!(complaints, 1, "{line}: an error is told once\n{}", ran.err);
        ran.err
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Images of 4 x 4 with a bright square in one of three corners: the label.
pub fn squares(n: usize) -> Labelled {
    let mut images = Vec::new();
    for i in 0..n {
        let mut image = [(i * 7 % 50) as u8; 16];
        let corner = [0, 2, 8][i % 3];
        for at in [0, 1, 4, 5] {
            image[corner + at] = 200;
        }
        images.extend(image);
    }
    Labelled { rows: 4, cols: 4, images, labels: (0..n).map(|i| (i % 3) as u8).collect() }
}

/// Writes MNIST's four files, with few digits.
pub fn write_idx(bench: &Bench, folder: &str, n: usize) {
    let digits = squares(n);
    for part in ["train", "t10k"] {
        let mut images = vec![0, 0, 8, 3];
        for size in [n, 4, 4] {
            images.extend((size as u32).to_be_bytes());
        }
        images.extend(&digits.images);
        let mut labels = vec![0, 0, 8, 1];
        labels.extend((n as u32).to_be_bytes());
        labels.extend(&digits.labels);
        let name = |what: &str| Path::new(folder).join(format!("{part}-{what}-ubyte")).to_string_lossy().into_owned();
        bench.write(&name("images-idx3"), images);
        bench.write(&name("labels-idx1"), labels);
    }
}
