//! # Lesson 00: training LeNet
//!
//! A net learns to read handwritten digits from 60,000 small images, each labelled with the digit it shows. After 2,000
//! steps, a few seconds, it is tested on 10,000 images that it has never seen.
//!
//! You will see what training is, from above. The later lessons lift the lids one by one.
//!
//! ```sh
//! cargo run --release --bin 00_training_lenet
//! ```

use cortado::data::mnist::{self, Mnist};
use cortado::show::{Chart, Images, show};
use cortado::{Solver, Values, files, solver};

fn main() -> cortado::Result<()> {
    // %% [markdown]
    // ## The data
    //
    // MNIST comes with the project as four files of bytes. An image has 28 x 28 pixels, from 0 (black) to 255 (white); its
    // label is a number from 0 to 9. Let us look at the first thirty.

    // %%
    let root = files::root()?;
    let digits = Mnist::load(root.join("data/mnist"))?;
    println!("{} pictures to learn from, {} to be tested with", digits.train.len(), digits.test.len());

    let mut first = Values::new(&[30, 1, 28, 28])?;
    for (i, image) in first.slice_mut().chunks_exact_mut(28 * 28).enumerate() {
        for (x, &byte) in image.iter_mut().zip(digits.train.image(i)) {
            *x = byte as f32;
        }
    }
    let labels: Vec<String> = digits.train.labels[..30].iter().map(|label| label.to_string()).collect();
    show(&Images::of(&first)?.title("The first thirty pictures, and what they show").captions(labels))?;

    // %% [markdown]
    // Caffe reads images from databases. If they are not there yet, we make them now, in less than a second.

    // %%
    mnist::ensure_lmdb(&root)?;

    // %% [markdown]
    // ## The solver and its net
    //
    // Two text files say everything. The *net* file, [proto/lenet_train_test.prototxt](../proto/lenet_train_test.prototxt),
    // lists the layers. The *solver* file, [proto/lenet_solver.prototxt](../proto/lenet_solver.prototxt), says how to train
    // it: which net, how many steps and how large. Both are Caffe's own, unchanged.
    //
    // The solver file plans for 10,000 steps. We have time for 2,000, so we begin with larger ones and shrink them to
    // nothing by the end. We also switch off the file's own tests, snapshots and log lines: here we do the talking.

    // %%
    fn lenet_solver() -> cortado::Result<Solver> {
        let mut settings = solver::Builder::read(files::root()?.join("proto/lenet_solver.prototxt"))?;
        let param = settings.param_mut();
        param.max_iter = Some(2000);
        param.base_lr = Some(0.02);
        param.lr_policy = Some("poly".into()); // base_lr * (1 - iteration / max_iter) ^ power
        param.power = Some(1.0);
        param.test_initialization = Some(false);
        param.test_interval = Some(2001);
        param.display = Some(0);
        param.snapshot = Some(0);
        param.snapshot_prefix = Some(std::env::temp_dir().join("cortado/lenet").display().to_string());
        settings.seed(1).make()
    }

    let mut solver = lenet_solver()?;
    println!("{solver}");

    // %% [markdown]
    // The net is a list of layers. Each takes blobs (arrays) from the layers before it, its *bottoms*, and makes new ones, its
    // *tops*. Read the table from top to bottom and watch a batch of 64 images shrink to a single number, the loss, which
    // says how badly the net's guesses fit the labels.

    // %%
    show(solver.net())?;

    // %% [markdown]
    // **What will this print?** The net knows nothing yet: its parameters are random numbers. There are ten digits. How many of
    // the 10,000 test images will it get right?

    // %% tol=0.3
    let before = solver.test(0)?;
    println!("accuracy before training: {:.2}", before.get("accuracy").unwrap_or(f32::NAN));

    // %% [markdown]
    // A random guess is right one time in ten. These random parameters happen to do worse; other seeds give between 0.07 and
    // 0.16. The loss of a guess is the natural logarithm of ten, 2.3. Remember that number: every curve will start there.
    //
    // ## Training
    //
    // Training repeats three things. *Forward*: compute the loss of the next 64 images. *Backward*: find out how each of the
    // 431,080 parameters would change it. *Update*: move each parameter a little in the direction that makes the loss
    // smaller. `step_each` does this and reports every iteration to us.

    // %% tol=any
    solver.step_each(1500, |iteration, loss| {
        if iteration % 250 == 0 {
            println!("iteration {iteration:4}   loss {loss:.4}");
        }
    })?;

    // %% [markdown]
    // Let us stop for a moment and save what we have. A *snapshot* is two files: the weights, `.caffemodel`, and the state
    // of the training, `.solverstate`. Then we train to the end.

    // %% tol=any
    let snapshot = solver.snapshot()?;
    println!("kept {}", snapshot.file_name().unwrap_or_default().display());
    solver.step(500)?;
    println!("iteration {:4}   loss {:.4}", solver.iter(), solver.loss());

    // %% [markdown]
    // The loss jumps up and down from batch to batch, because some images are harder than others, but its mean falls. The
    // scale is logarithmic; otherwise we would see nothing after the first hundred iterations.

    // %% tol=any
    show(&solver)?;

    // %% [markdown]
    // This is the last batch on its way through the net: the first of its 64 images, layer by layer, from the digit at the
    // top to the loss at the bottom. Beside each blob is its *diff*, which backward computed: how the loss would change with
    // each value of the blob. You will meet this strip in every lesson.

    // %% tol=any
    show(&solver.net().trace()?)?;

    // %% [markdown]
    // ## Stop and resume
    //
    // Suppose a training run is interrupted after days: the power fails, or somebody needs the machine. We start another
    // solver, give it the snapshot of iteration 1,500, and let it run to 2,000 as well.
    //
    // **What will this print?** Both have now trained for 2,000 iterations; one was interrupted. Of the 431,080 parameters, how
    // many differ between the two?

    // %%
    let mut resumed = lenet_solver()?;
    resumed.restore(&snapshot)?;
    println!("resumed at iteration {}", resumed.iter());
    resumed.step(500)?;

    let mut differ = 0;
    for layer in ["conv1", "conv2", "ip1", "ip2"] {
        for i in 0..2 {
            let (a, b) = (solver.net().param(layer, i)?.data.slice(), resumed.net().param(layer, i)?.data.slice());
            differ += a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        }
    }
    println!("{differ} parameters differ");
    assert_eq!(differ, 0);

    // %% [markdown]
    // None, not by a single bit. In many frameworks a resumed run comes out only *about* the same, because the order of the
    // data and the random masks start afresh. Here the snapshot keeps the position in the data, and random numbers are a
    // function of the iteration. Open the file [src/solver/snapshot.rs](../src/solver/snapshot.rs).
    //
    // ## The test
    //
    // Has it learnt to read, or has it only learnt these images by heart? The test net is the same net with the same
    // parameters, but its images are the 10,000 that were held back. It returns the fraction it got right.

    // %% tol=0.004
    let scores = solver.test(0)?;
    let accuracy = scores.get("accuracy").unwrap_or(f32::NAN);
    println!("Test accuracy: {accuracy:.4}");

    // %% [markdown]
    // ## Ten that it gets wrong
    //
    // A number says how often it fails; the images say why. We run the test net batch by batch, find the class with the
    // highest score in each row of `ip2`, and keep ten images where that class is not the label.

    // %% tol=any
    let mut wrong = Values::new(&[10, 1, 28, 28])?;
    let mut captions: Vec<String> = Vec::new();
    while captions.len() < 10 {
        let test = solver.test_net(0)?;
        test.forward()?;
        let (data, label, ip2) = (test.data("data")?, test.data("label")?, test.data("ip2")?);
        for (n, scores) in ip2.slice().chunks_exact(10).enumerate() {
            let guess = (0..10).fold(0, |best, k| if scores[k] > scores[best] { k } else { best });
            let truth = label.slice()[n] as usize;
            if guess != truth && captions.len() < 10 {
                let place = captions.len() * 28 * 28;
                wrong.slice_mut()[place..][..28 * 28].copy_from_slice(&data.slice()[n * 28 * 28..][..28 * 28]);
                captions.push(format!("{truth}, said {guess}"));
            }
        }
    }
    show(&Images::of(&wrong)?.title("What they are, and what the net says").captions(captions).columns(5).tile(96.0))?;

    // %% [markdown]
    // You would have to look twice at most of them yourself.
    //
    // What has the net learnt? Its first layer holds twenty small filters of 5 x 5 weights; each slides over the image and
    // responds where the image looks like the filter. Orange is positive, blue negative. You can see strokes and edges in
    // several directions.

    // %% tol=0.05
    show(&Images::signed(&solver.net().param("conv1", 0)?.data)?.title("The twenty filters of conv1, trained"))?;

    // %% [markdown]
    // ## How large a step?
    //
    // One number decides more than any other whether training works: the learning rate `base_lr`. We try three rates for 150
    // iterations each, from the same random parameters.

    // %% tol=any
    let mut chart = Chart::new("Three learning rates").axes("iteration", "loss").log();
    for rate in [0.0002, 0.02, 0.1] {
        let mut attempt = lenet_solver()?;
        attempt.set(|param| param.base_lr = Some(rate))?;
        match attempt.step(150) {
            Ok(()) => println!("base_lr {rate}: loss {:.2}", attempt.loss()),
            Err(e) => println!("base_lr {rate}: {}", e.message()),
        }
        let losses: Vec<(f64, f64)> = attempt.losses().iter().enumerate().map(|(i, &y)| (i as f64, y as f64)).collect();
        chart = chart.line(&format!("base_lr {rate}"), &losses);
    }
    show(&chart)?;

    // %% [markdown]
    // If the rate is too small, the net hardly moves in the time we have. If it is too large, the net jumps about, far from
    // any answer. Lesson 05 is about what lies between.
    //
    // ## The same from the command line
    //
    // The `cortado` command does all this without a line of Rust, in Caffe's words:
    //
    // ```sh
    // cargo build --release --bin cortado
    // target/release/cortado train --solver proto/lenet_solver.prototxt
    // target/release/cortado train --solver proto/lenet_solver.prototxt --snapshot snapshots/lenet_iter_5000.solverstate
    // target/release/cortado test --model proto/lenet_train_test.prototxt --weights snapshots/lenet_iter_10000.caffemodel
    // ```
    //
    // ## What to remember
    //
    // - A net is a list of layers; blobs flow between them; the last one is the loss.
    // - A solver repeats forward, backward, update.
    // - What counts is the test on data that the net was never trained on.
    // - A snapshot holds everything, so training can stop and resume as if nothing had happened.
    //
    // ## Exercises
    //
    // The files `exercise_00_1.rs` and `exercise_00_2.rs` in `lessons/exercises/src/bin` each have a hole. Fill it, run the
    // program, on another input if you like, then check your answer:
    //
    // ```sh
    // cargo run --release -p exercises --bin exercise_00_1
    // cargo run --release -p exercises --bin exercise_00_1 -- 7
    // cargo run --release --bin check 00
    // ```
    //
    // Next: [lesson 01](01_defining_a_net.rs) writes such a net, first as a file and then in Rust.

    Ok(())
}
