//! The programs of the page "How do I ..?".

use crate::Result;
use cortado::ndarray::{Array, ArrayD, Axis, IxDyn, s};
use cortado::net::{Builder, Keep};
use cortado::proto::{NetParameter, text};
use cortado::random::Random;
use cortado::show::{Chart, Images, show};
use cortado::{Error, Log, Net, Phase, Solver, data, layers, solver};

/// The small net with some numbers in it.
fn small() -> cortado::Result<Net> {
    let mut net = Net::from_file("tests/book/small.prototxt", Phase::Train)?;
    Random::new(0, "x", 0).gaussian(0.0, 1.0, net.data_mut("x")?.slice_mut());
    net.data_mut("label")?.slice_mut().copy_from_slice(&[0.0, 1.0, 2.0, 1.0]);
    Ok(net)
}

fn line() -> cortado::Result<Solver> {
    solver::Builder::read("tests/book/line.prototxt")?.log(&Log::silent()).make()
}

#[test]
fn train_and_deploy() -> Result {
    // ANCHOR: deploy
    let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
    let report = net.copy_trained_layers_from("tests/golden/nets/lenet_full.caffemodel")?;
    println!("copied {:?}, left as they were {:?}", report.copied, report.left_new);
    // ANCHOR_END: deploy
    assert_eq!(report.copied.len(), 4);
    text::read::<NetParameter>("tests/book/pictures.prototxt")?;
    Ok(())
}

#[test]
fn a_net_in_code() -> Result {
    // ANCHOR: spec
    use cortado::net_spec::*;

    fn block(n: &mut NetSpec, name: &str, x: &Top, outputs: u32) -> Top {
        let conv = Convolution::new(outputs, 3).pad(1).weight_filler(msra());
        let y = n.layer(format!("{name}/conv"), x, conv);
        n.in_place(format!("{name}/relu"), &y, Relu::new());
        n.layer(format!("{name}/pool"), &y, Pooling::max(2, 2))
    }

    let mut n = NetSpec::new("small");
    let data = n.layer("data", [], Input::new([1, 3, 32, 32]));
    let label = n.layer("label", [], Input::new([1]));
    let x = block(&mut n, "block1", &data, 16);
    let x = block(&mut n, "block2", &x, 32);
    let ip = n.layer("ip", &x, InnerProduct::new(10).weight_filler(xavier()).lr_mult([1.0, 2.0]));
    n.layer("loss", [&ip, &label], SoftmaxWithLoss::new());
    n.layer("accuracy", [&ip, &label], Accuracy::new().include(Phase::Test));

    let net = Net::new(&n.to_param()?, Phase::Train)?;
    println!("{}\n{net}", n.to_prototxt()?);
    // ANCHOR_END: spec
    assert_eq!(net.shape("block2/pool")?, [1, 32, 8, 8]);
    Ok(())
}

#[test]
fn own_numbers() -> Result {
    // ANCHOR: numbers
    let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
    net.reshape_blob("data", &[1, 1, 28, 28])?; // one image instead of 64
    let x: ArrayD<f32> = Array::zeros(IxDyn(&[1, 1, 28, 28]));
    let outputs = net.forward_with([("data", &x)])?;
    println!("{:?}", outputs["prob"].shape()); // [1, 10]
    // ANCHOR_END: numbers
    assert_eq!(outputs["prob"].shape(), [1, 10]);
    Ok(())
}

#[test]
fn weights_and_biases() -> Result {
    let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
    // ANCHOR: weights
    let w = &net.param("ip1", 0)?.data; // 500 outputs x 800 inputs
    let b = &net.param("ip1", 1)?.data; // 500 outputs
    println!("{:?} and {:?}", w.shape(), b.shape());
    net.param_mut("ip1", 1)?.data.fill(0.1);
    // ANCHOR_END: weights
    assert_eq!((net.param("ip1", 0)?.shape(), net.param("ip1", 1)?.shape()), (&[500, 800][..], &[500][..]));
    Ok(())
}

#[test]
fn features() -> Result {
    let mut net = small()?;
    // ANCHOR: features
    net.forward()?;
    let hidden = net.data("ip1")?.view().to_owned(); // after the ReLU, which works in place
    let before = net.blob_version("ip1", 0)?.data.view().to_owned(); // before it
    let scores = net.data("ip2")?.view().to_owned();
    // ANCHOR_END: features
    assert_eq!((hidden.shape(), scores.shape()), (&[4, 8][..], &[4, 3][..]));
    assert_eq!(hidden, before.mapv(|x| x.max(0.0)));
    Ok(())
}

#[test]
fn frozen() -> Result {
    let mut net = small()?;
    // ANCHOR: frozen
    net.forward()?;
    net.backward()?;
    let (runs, _) = net.propagates_down("ip1")?;
    println!("ip1 runs backward: {runs}; the sum of |dw| is {}", net.param("ip1", 0)?.diff.asum());
    // ANCHOR_END: frozen
    assert!(!runs && net.param("ip1", 0)?.diff.asum() == 0.0 && net.param("ip2", 0)?.diff.asum() > 0.0);
    Ok(())
}

#[test]
fn several_losses() -> Result {
    let mut net = Net::from_file("tests/book/losses.prototxt", Phase::Train)?;
    Random::new(0, "x", 0).gaussian(0.0, 1.0, net.data_mut("x")?.slice_mut());
    // ANCHOR: losses
    let outputs = net.forward()?;
    let (loss, size) = (outputs["loss"].sum(), outputs["size"].sum());
    println!("{} = {loss} + 0.001 * {size}", outputs.loss);
    println!("{:?}", net.blob_loss_weights());
    // ANCHOR_END: losses
    assert!((outputs.loss - loss - 0.001 * size).abs() < 1e-6);
    Ok(())
}

#[test]
fn gradients_on_the_way() -> Result {
    let mut net = small()?;
    // ANCHOR: gradients
    net.forward()?;
    net.clear_param_diffs();
    net.backward_each(|net, layer| {
        if layer == "ip2" {
            // ip2 has just written the diff of its bottom: keep it small.
            net.diff_mut("ip1")?.slice_mut().iter_mut().for_each(|d| *d = d.clamp(-0.01, 0.01));
        }
        Ok(())
    })?;
    // ANCHOR_END: gradients
    Ok(())
}

#[test]
fn imbalance() -> Result {
    let mut net = small()?;
    // ANCHOR: imbalance
    let weight = [1.0, 1.0, 5.0]; // class 2 is rare
    net.forward()?;
    net.clear_param_diffs();
    net.backward_each(|net, layer| {
        if layer == "loss" {
            let labels = net.data("label")?.slice().to_vec();
            let rows = net.diff_mut("ip2")?.slice_mut().chunks_mut(3);
            rows.zip(labels).for_each(|(row, label)| row.iter_mut().for_each(|d| *d *= weight[label as usize]));
        }
        Ok(())
    })?;
    // ANCHOR_END: imbalance
    let weighted = net.diff("ip2")?.slice().to_vec();
    net.backward()?;
    let plain = net.diff("ip2")?.slice();
    assert!(weighted[6..9].iter().zip(&plain[6..9]).all(|(w, p)| *w == 5.0 * p) && weighted[..6] == plain[..6]);
    Ok(())
}

#[test]
fn the_loss_curve() -> Result {
    let mut solver = line()?;
    solver.net().data_mut("x")?.fill(1.0);
    solver.net().data_mut("y")?.fill(2.0);
    // ANCHOR: curve
    solver.step(100)?;
    show(&solver)?; // the loss of every iteration so far

    let losses: Vec<(f64, f64)> = solver.losses().iter().enumerate().map(|(i, &y)| (i as f64, y as f64)).collect();
    let path = std::env::temp_dir().join("loss.svg");
    Chart::new("My loss").axes("iteration", "loss").line("loss", &losses).save(&path)?;
    // ANCHOR_END: curve
    Ok(())
}

#[test]
fn resume() -> Result {
    let folder = tempfile::tempdir().map_err(|e| Error::value(e.to_string()))?;
    let prefix = folder.path().join("line").display().to_string();
    let mut solver = line()?;
    // ANCHOR: resume
    solver.set(|param| param.snapshot_prefix = Some(prefix))?;
    solver.step(20)?;
    let state = solver.snapshot()?; // PREFIX_iter_20.solverstate, and a .caffemodel beside it

    let mut later = solver::Builder::read("tests/book/line.prototxt")?.make()?;
    later.restore(&state)?;
    println!("goes on at iteration {}", later.iter());
    // ANCHOR_END: resume
    assert_eq!(later.iter(), 20);
    Ok(())
}

#[test]
fn channels() -> Result {
    let text =
        r#"layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 } } }"#;
    let mut net = Net::from_prototxt(text, Phase::Test)?;
    net.data_mut("data")?.slice_mut()[..4].fill(1.0);
    // ANCHOR: channels
    let mut x = net.data("data")?.view().to_owned(); // N x C x H x W
    x.invert_axis(Axis(1));
    net.data_mut("data")?.assign(&x)?;
    // ANCHOR_END: channels
    assert_eq!(net.data("data")?.slice()[8..], [1.0; 4]);
    Ok(())
}

#[test]
fn crops() -> Result {
    let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
    let picture: ArrayD<f32> = Array::ones(IxDyn(&[1, 32, 32]));
    // ANCHOR: crops
    let corners = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]; // of a 32 x 32 image, and its middle
    net.reshape_blob("data", &[5, 1, 28, 28])?;
    for (i, (y, x)) in corners.into_iter().enumerate() {
        let crop = picture.slice(s![.., y..y + 28, x..x + 28]);
        net.data_mut("data")?.view_mut().index_axis_mut(Axis(0), i).assign(&crop);
    }
    let prob = net.forward()?["prob"].sum_axis(Axis(0)) / 5.0;
    // ANCHOR_END: crops
    assert!(prob.shape() == [10] && (prob.sum() - 1.0).abs() < 1e-4);
    Ok(())
}

#[test]
fn regression() -> Result {
    // ANCHOR: regression
    let mut solver = solver::Builder::read("tests/book/line.prototxt")?.make()?;
    for i in 0..500 {
        let x = Array::from_shape_fn(IxDyn(&[10, 1]), |at| ((7 * at[0] + i) % 10) as f32 / 10.0);
        solver.net().data_mut("x")?.assign(&x)?;
        solver.net().data_mut("y")?.assign(&x.mapv(|x| 3.0 * x - 1.0))?;
        solver.step(1)?;
    }
    let (w, b) = (solver.net().param("line", 0)?.data.scalar(), solver.net().param("line", 1)?.data.scalar());
    println!("y = {w:.3} x + {b:.3}");
    // ANCHOR_END: regression
    assert!((w - 3.0).abs() < 1e-3 && (b + 1.0).abs() < 1e-3, "{w} {b}");
    Ok(())
}

#[test]
fn filters() -> Result {
    let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
    net.copy_trained_layers_from("tests/golden/nets/lenet_full.caffemodel")?;
    // ANCHOR: filters
    show(&Images::signed(&net.param("conv1", 0)?.data)?.title("The filters of conv1"))?;
    // ANCHOR_END: filters
    Ok(())
}

#[test]
fn what_step_returns() -> Result {
    let mut solver = line()?;
    // ANCHOR: step
    solver.step(10)?; // nothing, or an error
    println!("{}", solver.loss()); // the mean of the last `average_loss` iterations
    println!("{}", solver.losses().len()); // the loss of every iteration of this run
    solver.step_each(10, |iteration, loss| {
        if iteration % 5 == 0 {
            println!("{iteration}: {loss}");
        }
    })?;
    // ANCHOR_END: step
    assert_eq!((solver.losses().len(), solver.iter()), (20, 20));
    Ok(())
}

#[test]
fn memory() -> Result {
    // ANCHOR: memory
    let net = Builder::read("proto/lenet.prototxt")?.keep(Keep::Needed).make()?;
    println!("{net}"); // the last line gives the totals
    // ANCHOR_END: memory
    assert!(net.to_string().contains("431,080 parameters"));
    Ok(())
}

#[test]
fn an_input_s_gradient() -> Result {
    // ANCHOR: force
    let mut param = text::read::<NetParameter>("proto/lenet.prototxt")?.message;
    param.force_backward = Some(true);
    let mut net = Net::new(&param, Phase::Test)?;
    net.copy_trained_layers_from("tests/golden/nets/lenet_full.caffemodel")?;
    Random::new(0, "pixels", 0).uniform(0.0, 1.0, net.data_mut("data")?.slice_mut());
    net.forward_range(..="ip2")?;
    net.diff_mut("ip2")?.view_mut().index_axis_mut(Axis(1), 3).fill(1.0); // the score of class 3, for every image
    net.backward_range("ip2"..)?;
    println!("{}", net.diff("data")?);
    // ANCHOR_END: force
    assert!(net.diff("data")?.asum() > 0.0);
    let plain = net.diff("data")?.slice().to_vec();
    // ANCHOR: guided
    net.diff_mut("ip2")?.view_mut().index_axis_mut(Axis(1), 3).fill(1.0);
    net.backward_range_each("ip2".., |net, layer| {
        if net.layer_type(layer)? == "ReLU" {
            let x = net.bottom_names(layer)?[0].to_string(); // in place or not, the diff that was just written
            net.diff_mut(&x)?.slice_mut().iter_mut().for_each(|dx| *dx = dx.max(0.0));
        }
        Ok(())
    })?;
    // ANCHOR_END: guided
    assert!(net.diff("data")?.asum() > 0.0 && net.diff("data")?.slice() != plain);
    Ok(())
}

#[test]
fn why_a_gradient_is_zero() -> Result {
    // ANCHOR: why_zero
    let mut net = Net::from_file("proto/lenet.prototxt", Phase::Test)?;
    net.forward()?;
    net.backward()?;
    show(&net.why_zero("data")?)?; // nothing asks for a gradient at "data" .. Write force_backward: true ..
    // ANCHOR_END: why_zero
    assert!(net.why_zero("data")?.to_string().contains("force_backward: true"));
    Ok(())
}

#[test]
fn a_layer_s_own_state() -> Result {
    let mut net = small()?;
    // ANCHOR: state
    let relu = net.layer_mut::<layers::Relu>("relu1")?; // as its own type: its public fields and methods
    // ANCHOR_END: state
    let _ = relu;
    Ok(())
}

#[test]
fn the_same_again() -> Result {
    // ANCHOR: seed
    let one = Builder::read("tests/book/small.prototxt")?.seed(7).make()?;
    let two = Builder::read("tests/book/small.prototxt")?.seed(7).make()?;
    assert_eq!(one.param("ip1", 0)?.data.slice(), two.param("ip1", 0)?.data.slice());
    // ANCHOR_END: seed
    Ok(())
}

#[test]
fn what_is_in_a_database() -> Result {
    cortado::data::mnist::ensure_lmdb(".")?;
    // ANCHOR: database
    let mut database = data::lmdb::Reader::open("data/mnist_test_lmdb")?;
    let mut datum = Default::default();
    let (key, value) = database.get(0)?;
    let image = data::datum::decode(key, value, &mut datum)?;
    println!("{:?}, label {}", image.shape, image.label);
    // ANCHOR_END: database
    assert_eq!((image.shape, image.label), ([1, 28, 28], 7));
    Ok(())
}
