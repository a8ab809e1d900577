//! How long the nets of `proto/bench` take for a training step and for a forward pass of testing, on one thread and on
//! all: `cargo bench --bench nets [-- lenet]`. Items are images.

use cortado::{Device, Log, Net, Phase, net, solver};
use divan::Bencher;
use divan::counter::ItemsCount;
use std::fmt;

fn main() {
    divan::main();
}

const NETS: [&str; 7] = ["mlp", "lenet", "cifar10_quick", "cifar10_full", "srcnn", "resnet20", "caffenet"];

/// A net and a number of threads, 0 for all.
struct Case(&'static str, usize);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.0, if self.1 == 1 { "1 thread" } else { "all threads" })
    }
}

fn cases() -> impl Iterator<Item = Case> {
    NETS.into_iter().flat_map(|name| [1, 0].map(|threads| Case(name, threads)))
}

/// Data, forward, backward and update.
#[divan::bench(args = cases(), max_time = 3)]
fn training_step(bencher: Bencher, Case(name, threads): &Case) {
    let builder = solver::Builder::read(format!("proto/bench/{name}_solver.prototxt")).unwrap();
    let builder = builder.device(&Device::cpu_with_threads(*threads)).log(&Log::silent());
    let mut solver = builder.without_test_nets().make().unwrap();
    solver.step(1).unwrap(); // allocates memory
    let images = images(solver.net());
    bencher.counter(images).bench_local(|| solver.step(1).unwrap());
}

#[divan::bench(args = cases(), max_time = 3)]
fn forward(bencher: Bencher, Case(name, threads): &Case) {
    let builder = net::Builder::read(format!("proto/bench/{name}.prototxt")).unwrap();
    let builder = builder.device(&Device::cpu_with_threads(*threads)).log(&Log::silent());
    let mut net = builder.phase(Phase::Test).make().unwrap();
    net.forward_loss().unwrap();
    bencher.counter(images(&net)).bench_local(|| net.forward_loss().unwrap());
}

/// The size of the batch.
fn images(net: &Net) -> ItemsCount {
    ItemsCount::new(net.shape("data").unwrap()[0])
}
