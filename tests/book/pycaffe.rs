//! Every call on the page "From pycaffe to Cortado", compiled and run.

#![allow(clippy::redundant_closure, reason = "the page shows what a callback is given")]

use crate::Result;
use cortado::classifier::Classifier;
use cortado::data::{datum, lmdb, npy};
use cortado::io::{self, Transformer};
use cortado::layer::{Arity, Cx, Layer, Param};
use cortado::layers::{InnerProduct, MemoryData};
use cortado::log::Level;
use cortado::ndarray::{ArrayD, IxDyn, arr1};
use cortado::net::{Builder, weights};
use cortado::proto::{LayerParameter, NetParameter, SolverParameter, text};
use cortado::random::Random;
use cortado::solver::rules::{At, Rule, Rules};
use cortado::{Blob, Device, Error, Layers, Log, Net, Phase, Solver, Values, files, solver};

const LENET: &str = "proto/lenet.prototxt";
const WEIGHTS: &str = "tests/golden/nets/lenet_full.caffemodel";

fn show(values: &Values) {
    println!("{values}");
}

#[test]
fn setting_up() -> Result {
    let file = LENET;
    let _root = files::root()?;
    let log = Log::stderr(Level::Info);
    log.info(|| "ready".into());
    let _ = Builder::read(file)?.log(&Log::silent()).device(&Device::cpu()).seed(0).make()?;
    let _ = Device::cpu_with_threads(1);
    let _ = Builder::read(file)?.device(&Device::best()?);
    let _ = Device::emulated();
    let mut values = Values::new(&[3])?;
    let x = values.slice_mut();
    Random::new(0, "x", 0).gaussian(0.0, 1.0, x);
    println!("{:?}", Layers::caffe().names().collect::<Vec<_>>());
    println!("{:?}", std::time::Instant::now());
    Ok(())
}

#[test]
fn nets_in_code() -> Result {
    use cortado::net_spec::*;
    let mut n = NetSpec::new("LeNet");
    let mnist = Data::lmdb("data/mnist_train_lmdb", 64).include(Phase::Train);
    let [data, label] = n.tops("data", [], mnist, ["data", "label"]);
    let conv1 = n.layer("conv1", &data, Convolution::new(20, 5));
    n.in_place("relu1", &conv1, Relu::new());
    let conv2 = Convolution::new(50, 5).weight_filler(xavier()).lr_mult([1.0, 2.0]);
    n.layer("conv2", &conv1, conv2);
    println!("{} {:?} {}", label.name(), n.to_param()?, n.to_prototxt()?);
    let (a, b) = (n.to_param()?, n.to_param()?);
    assert!(diff(&a, &b).is_empty());
    Ok(())
}

#[test]
fn loading() -> Result {
    let folder = tempfile::tempdir().map_err(|e| Error::value(e.to_string()))?;
    let (file, weights) = (LENET, WEIGHTS);
    let mut net = Net::from_file(file, Phase::Test)?;
    println!("{:?}", net.copy_trained_layers_from(weights)?);
    println!("{:?}", net.copy_fitting_layers_from(weights)?);
    let _ = Builder::read(file)?.phase(Phase::Test).level(1).stages(["deploy"]).make()?;
    let mut other = Net::from_file(file, Phase::Test)?;
    let _ = net.lend_params(&mut other, |other| other.forward())?;
    let file = folder.path().join("lenet.caffemodel");
    net.save(file)?;
    let text = r#"layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 } } }"#;
    let _ = Net::from_prototxt(text, Phase::Train)?;
    let param = text::parse::<NetParameter>(text, "net")?.message;
    let file = LENET;
    let _ = text::read::<NetParameter>(file)?.message;
    let _ = Net::new(&param, Phase::Test)?;
    println!("{}", text::print(&param));
    let message = weights::read_weights(weights.as_ref())?;
    assert_eq!(message.layer.iter().filter(|layer| !layer.blobs.is_empty()).count(), 4);
    Ok(())
}

#[test]
fn looking_around() -> Result {
    let mut net = Net::from_file(LENET, Phase::Test)?;
    let x: ArrayD<f32> = ArrayD::zeros(IxDyn(&[64, 1, 28, 28]));
    println!("{net}");
    assert!(net.drawing().to_html().contains("<svg"));
    println!("{:?}", net.layer_names());
    println!("{}", net.layer_type("ip1")?);
    println!("{}", net.params("ip1")?.len());
    println!("{:?}", net.layers_of_type("ReLU"));
    let _ = net.layer::<InnerProduct>("ip1")?;
    println!("{:?}", net.params("ip1")?);
    show(&net.param("ip1", 0)?.data);
    show(&net.param("ip1", 0)?.diff);
    net.param_mut("ip1", 1)?.data.fill(0.0);
    println!("{:?}", net.blob_names());
    show(net.data("ip1")?);
    show(net.diff("ip1")?);
    net.data_mut("data")?.assign(&x)?;
    let copy = net.data("data")?.view().to_owned();
    assert_eq!(copy, x);
    println!("{:?} {}", net.shape("ip1")?, net.data("ip1")?.count());
    let blob = net.blob_version("data", 0)?;
    println!("{} {} {} {}", blob.num(), blob.channels(), blob.height(), blob.width());
    net.reshape_blob("data", &[1, 1, 28, 28])?;
    net.reshape()?;
    println!("{:?} {:?}", net.bottom_names("ip1")?, net.top_names("ip1")?);
    println!("{:?} {:?}", net.inputs(), net.outputs());
    println!("{:?}", net.blob_loss_weights());
    Ok(())
}

fn look(net: &mut Net, layer: &str) -> Result {
    println!("{layer}: {:?}", net.top_names(layer)?);
    Ok(())
}

#[test]
fn forward_and_backward() -> Result {
    let mut param = text::read::<NetParameter>(LENET)?.message;
    param.force_backward = Some(true);
    let mut net = Net::new(&param, Phase::Test)?;
    net.copy_trained_layers_from(WEIGHTS)?;
    let (x, d) = (ArrayD::<f32>::ones(IxDyn(&[64, 1, 28, 28])), ArrayD::<f32>::ones(IxDyn(&[64, 10])));
    let _ = net.forward()?;
    println!("{:?}", net.forward()?["prob"]);
    let _ = net.forward_with([("data", &x)])?;
    let _ = net.forward_range("conv1"..="ip1")?;
    let _ = net.forward_range(..="ip1")?;
    net.forward_range("ip1"..)?;
    net.backward()?;
    net.diff_mut("ip2")?.assign(&d)?;
    net.backward_range("ip2"..="conv1")?;
    show(net.diff("data")?);
    assert!(net.diff("data")?.asum() > 0.0);
    net.clear_param_diffs();
    net.forward_each(|net, layer| look(net, layer))?;
    net.backward_each(|net, layer| look(net, layer))?;
    Ok(())
}

fn look_at(iteration: u64, loss: f32) {
    println!("{iteration}: {loss}");
}

/// Subtracts the gradient, times the rate, and remembers nothing.
struct Plain;

impl Rule for Plain {
    fn new(_: &SolverParameter) -> cortado::Result<Self> {
        Ok(Plain)
    }
    fn history(&self) -> usize {
        0
    }
    fn update(&self, at: &At, _: &[f32], dw: &mut [f32], _: &mut [&mut [f32]]) {
        dw.iter_mut().for_each(|dw| *dw *= at.lr);
    }
}

const SOLVER: &str = r#"
    net_param {
      layer {
        name: "in" type: "DummyData" top: "x" top: "label"
        dummy_data_param {
          shape { dim: 4 dim: 5 }  data_filler { type: "gaussian" }
          shape { dim: 4 }         data_filler { type: "constant" }
        }
      }
      layer { name: "mine" type: "Mine" bottom: "x" top: "y" }
      layer { name: "ip" type: "InnerProduct" bottom: "y" top: "ip" inner_product_param { num_output: 3 } }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
    }
    base_lr: 0.1  lr_policy: "fixed"  max_iter: 60  test_iter: 2  test_interval: 100
"#;

fn make(settings: solver::Builder) -> cortado::Result<Solver> {
    let mut layers = Layers::caffe();
    layers.add::<Mine>("Mine");
    settings.layers(&layers).make()
}

#[test]
fn solving() -> Result {
    let folder = tempfile::tempdir().map_err(|e| Error::value(e.to_string()))?;
    let file = folder.path().join("solver.prototxt");
    std::fs::write(&file, SOLVER.replace("Mine", "ReLU")).map_err(|e| Error::value(e.to_string()))?;
    let _ = Solver::from_file(file)?;
    let mut settings = solver::Builder::parse(SOLVER, "the solver")?;
    settings.param_mut().r#type = Some("Adam".into());
    settings.param_mut().snapshot_prefix = Some(folder.path().join("s").display().to_string());
    let mut solver = make(settings)?;
    solver.step(10)?;
    solver.step_each(10, |iteration, loss| look_at(iteration, loss))?;
    println!("{} {} {:?}", solver.iter(), solver.loss(), solver.losses());
    let state = solver.snapshot()?;
    let _ = solver.net().forward()?;
    let _ = solver.test_net(0)?.forward()?;
    println!("{}", solver.test(0)?);
    solver.set(|param| param.base_lr = Some(0.001))?;
    println!("{} {}", solver.param().max_iter(), solver.rate()?);
    solver.net().clear_param_diffs();
    solver.net().forward()?;
    solver.net().backward()?;
    solver.apply_update()?;
    let lr = 0.1;
    for (w, _) in solver.net().store_mut().iter_mut() {
        w.data.scaled_add(-lr, &w.diff)?;
    }
    solver.restore(state)?;
    solver.solve()?;
    solver.net().layer_mut::<Mine>("mine")?.factor = 2.0;
    let mut rules = Rules::caffe();
    rules.add::<Plain>("Plain");
    let mut settings = solver::Builder::parse(SOLVER, "the solver")?.rules(&rules);
    settings.param_mut().r#type = Some("Plain".into());
    make(settings)?.solve()
}

/// y = factor x, plus a bias that is nowhere used: the parts of a layer.
struct Mine {
    factor: f32,
    train: bool,
}

impl Layer for Mine {
    fn new(param: &LayerParameter) -> cortado::Result<Self> {
        let text = param.python_param.as_ref().map_or("", |p| p.param_str()).to_string();
        Ok(Mine { factor: text.parse().unwrap_or(1.0), train: false })
    }
    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }
    fn setup(&mut self, cx: &Cx, _: &[Blob]) -> cortado::Result<Vec<Param>> {
        self.train = cx.phase == Phase::Train;
        Ok(vec![Param::new(Blob::new(&[3])?)])
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])
    }
    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.train = cx.train();
        top[0].data.fill(0.0);
        top[0].data.scaled_add(self.factor, &bottom[0].data)
    }
    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        if cx.propagate_down[0] {
            bottom[0].diff.fill(0.0);
            bottom[0].diff.scaled_add(self.factor, &top[0].diff)?;
        }
        Ok(())
    }
}

#[test]
fn data_from_memory() -> Result {
    let text = r#"layer { name: "data" type: "MemoryData" top: "x" top: "label"
        memory_data_param { batch_size: 2 channels: 1 height: 2 width: 2 } }"#;
    let mut net = Net::from_prototxt(text, Phase::Train)?;
    let (x, y) = (ArrayD::<f32>::ones(IxDyn(&[4, 1, 2, 2])), ArrayD::<f32>::zeros(IxDyn(&[4])));
    net.layer_mut::<MemoryData>("data")?.set_input_arrays(&x, &y)?;
    let _ = net.forward()?;
    assert_eq!(net.data("x")?.slice(), [1.0; 8]);
    Ok(())
}

#[test]
fn images_and_messages() -> Result {
    let scratch = tempfile::tempdir().map_err(|e| Error::value(e.to_string()))?;
    let path = &scratch.path().join("grey.png");
    let mut png = png::Encoder::new(std::fs::File::create(path).unwrap(), 300, 280);
    png.set_color(png::ColorType::Grayscale);
    png.write_header().unwrap().write_image_data(&[51; 300 * 280]).unwrap();
    let image = io::load_image(path, true)?;
    let image = io::resize_image(&image, [256, 256])?;
    let images = [image.clone()];
    assert_eq!(io::oversample(&images, [227, 227])?.shape(), [10, 227, 227, 3]);
    let mut t = Transformer::new(&[1, 3, 227, 227])?;
    t.set_transpose([2, 0, 1])?;
    t.set_channel_swap(&[2, 1, 0])?;
    t.set_raw_scale(255.0);
    t.set_mean(&arr1(&[104.0, 117.0, 123.0]))?;
    t.set_input_scale(0.017);
    let x = t.preprocess(&image)?;
    assert!((x[[0, 0, 0]] - (51.0 - 104.0) * 0.017).abs() < 1e-4);
    assert!((t.deprocess(&x)?[[0, 0, 0]] - 0.2).abs() < 1e-5);

    let net = Net::from_file(LENET, Phase::Test)?;
    let mut classifier = Classifier::new(net)?;
    let images = [io::load_image(path, false)?];
    assert_eq!(classifier.predict(&images, true)?.dim(), (1, 10));

    let x = x.into_dyn();
    let proto = io::array_to_blobproto(&x, None)?;
    assert_eq!(io::blobproto_to_array(&proto)?, x);
    let arrays = [x];
    let bytes = io::arraylist_to_blobprotovector(&arrays)?;
    assert_eq!(io::blobprotovector_to_arraylist(&bytes)?, arrays);
    Ok(())
}

#[test]
fn reading_and_writing() -> Result {
    let scratch = tempfile::tempdir().map_err(|e| Error::value(e.to_string()))?;
    let folder = &scratch.path().join("digits_lmdb");
    let (pixels, mut value) = (vec![0; 28 * 28], Vec::new());
    datum::encode([1, 28, 28], &pixels, 7, &mut value)?;
    lmdb::create(folder, false, |db| db.put(b"00000000", &value))?;
    let mut reader = lmdb::Reader::open(folder)?;
    let (key, value) = reader.get(0)?;
    let mut datum = Default::default();
    let image = datum::decode(key, value, &mut datum)?;
    assert_eq!(image.label, 7);
    let (path, x) = (&scratch.path().join("x.npy"), ArrayD::<f32>::zeros(IxDyn(&[2, 3])));
    npy::write(path, x.view())?;
    assert_eq!(npy::read(path)?, x);
    Ok(())
}
