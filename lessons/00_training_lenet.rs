//! # Lesson 00: training LeNet
//!
//! A net learns to read handwritten digits: 60,000 small pictures, each with the digit that it shows. After 2,000 steps,
//! a few seconds, it is tested on 10,000 pictures that it has never seen.
//!
//! ```text
//! cargo run --release --bin 00_training_lenet
//! ```

use cortado::data::mnist::{self, Mnist};
use cortado::show::{self, Chart};
use cortado::{files, solver};
use std::time::Instant;

fn main() -> cortado::Result<()> {
    // The data. MNIST lies in the project as four files of bytes. A picture has 28 x 28 pixels from 0 (black) to 255
    // (white); its label is a number from 0 to 9. Let us look at one.
    let root = files::root()?;
    let digits = Mnist::load(root.join("data/mnist"))?;
    println!("{}", show::picture(digits.train.image(0), digits.train.cols));
    println!("This is a {}. There are {} such pictures to learn from.\n", digits.train.labels[0], digits.train.len());
    drop(digits);

    // Caffe reads pictures from databases. If they are not there yet, we make them now; it takes less than a second.
    if mnist::ensure_lmdb(&root)? {
        println!("Made the databases data/mnist_train_lmdb and data/mnist_test_lmdb.\n");
    }

    // The solver file says how to train: which net, how large the steps are, how many of them. It plans for 10,000 steps;
    // we have time for 2,000, so we begin with larger ones and make them smaller and smaller, down to nothing at the end.
    let mut settings = solver::Builder::read(root.join("proto/lenet_solver.prototxt"))?;
    let param = settings.param_mut();
    param.max_iter = Some(2000);
    param.base_lr = Some(0.02);
    param.lr_policy = Some("poly".into()); // base_lr * (1 - iteration / max_iter) ^ power
    param.power = Some(1.0);

    // The file's own tests, snapshots and log lines are switched off: we shall do the talking here.
    param.test_initialization = Some(false);
    param.test_interval = Some(2001);
    param.display = Some(0);
    param.snapshot = Some(0);
    param.snapshot_after_train = Some(false);
    let mut solver = settings.seed(1).make()?;

    // The net is a list of layers. Each takes blobs (arrays) from the layers before it, its bottoms, and makes new ones,
    // its tops. Read the table from top to bottom and watch a batch of 64 pictures shrink to a single number, the loss:
    // how badly the net's guesses fit the labels.
    println!("{}", solver.net());

    // Training is the same three things over and over. Forward: compute the loss of the next 64 pictures. Backward: find
    // out how each of the 431,080 parameters would change it. Update: move each one a little in the direction that makes
    // the loss smaller. `step_each` does it 2,000 times and tells us of each.
    let start = Instant::now();
    let mut loss: Vec<(f64, f64)> = Vec::new();
    solver.step_each(2000, |iteration, value| {
        loss.push((iteration as f64, value as f64));
        if iteration % 200 == 0 {
            let speed = iteration as f64 / start.elapsed().as_secs_f64();
            println!("iteration {iteration:4}   loss {value:.4}   {speed:.0} iterations a second");
        }
    })?;

    // The loss went up and down from batch to batch, for some pictures are harder than others; its mean went down. The
    // scale is logarithmic, or we would see nothing after the first hundred iterations.
    let path = std::env::temp_dir().join("cortado_00_training_lenet.svg");
    Chart::new("LeNet learns to read digits").axes("iteration", "loss").log().line("loss", &loss).save(&path)?;
    println!("\nThe loss, drawn: {}", path.display());

    // Has it learnt to read, or only learnt these pictures by heart? The test net is the same net with the same
    // parameters; its pictures are the 10,000 that were kept back. It answers with the fraction it got right.
    let scores = solver.test(0)?;
    let accuracy = scores.get("accuracy").unwrap_or(f32::NAN);
    println!("Test accuracy: {accuracy:.4}");
    Ok(())
}
