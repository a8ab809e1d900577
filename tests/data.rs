//! The Data layer and the readers below it: real Caffe's batches, order and seeking, and files that are broken.

#[path = "common/safetensors.rs"]
mod safetensors;

#[path = "data/broken.rs"]
mod broken;
#[path = "data/images.rs"]
mod images;
#[path = "data/lmdb.rs"]
mod lmdb_oracle;
#[path = "data/npy.rs"]
mod npy;
#[path = "data/own.rs"]
mod own;
#[path = "data/tables.rs"]
mod tables;
#[path = "data/transform.rs"]
mod transform;

use cortado::data::{datum, lmdb, mnist};
use cortado::layer::{Cx, Phase};
use cortado::proto::{DataParameter, LayerParameter, NetParameter, TransformationParameter, data_parameter::Db, text};
use cortado::{Blob, Device, Error, Layer, Layers, Result, files};
use safetensors::Tensors;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A data layer with its tops.
struct Feed {
    layer: Box<dyn Layer>,
    top: Vec<Blob>,
    device: Device,
    phase: Phase,
    seed: u64,
}

impl Feed {
    fn new(param: &LayerParameter, tops: usize, phase: Phase, seed: u64) -> Result<Feed> {
        Feed::within(None, param, tops, phase, seed)
    }

    /// The layer of a prototxt in this folder.
    fn within(folder: Option<&Path>, param: &LayerParameter, tops: usize, phase: Phase, seed: u64) -> Result<Feed> {
        let device = Device::cpu();
        let mut layer = Layers::caffe().create(param)?;
        layer.arity().check("Data", 0, tops)?;
        layer.setup(&Cx { seed, folder, ..Cx::new(phase, &device) }, &[])?;
        let mut top = vec![Blob::default(); tops];
        layer.reshape(&[], &mut top)?;
        Ok(Feed { layer, top, device, phase, seed })
    }

    fn forward(&mut self) -> Result {
        self.layer.reshape(&[], &mut self.top)?;
        let cx = Cx { seed: self.seed, ..Cx::new(self.phase, &self.device) };
        self.layer.forward(&cx, &mut [], &[], &mut self.top)
    }

    /// Runs forward `n` times; gives all data and all labels.
    fn batches(&mut self, n: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut data, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..n {
            self.forward().unwrap();
            data.extend_from_slice(self.top[0].data.slice());
            labels.extend_from_slice(self.top[1].data.slice());
        }
        (data, labels)
    }

    fn labels(&mut self, n: usize) -> Vec<f32> {
        self.batches(n).1
    }
}

fn param(source: &Path, batch_size: u32) -> LayerParameter {
    LayerParameter {
        name: Some("d".into()),
        r#type: Some("Data".into()),
        data_param: Some(DataParameter {
            source: Some(source.to_str().unwrap().into()),
            batch_size: Some(batch_size),
            backend: Some(Db::Lmdb as i32),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn transformed(mut param: LayerParameter, t: TransformationParameter) -> LayerParameter {
    param.transform_param = Some(t);
    param
}

fn with(mut param: LayerParameter, change: impl FnOnce(&mut DataParameter)) -> LayerParameter {
    change(param.data_param.as_mut().unwrap());
    param
}

/// A database of `n` images of shape 1 x 4 x 6: entry i has label i and values i, i + 1, ...
fn counting(n: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counting_lmdb");
    lmdb::create(&path, false, |db| {
        let mut value = Vec::new();
        for i in 0..n {
            let x: Vec<u8> = (0..24).map(|k| (i + k) as u8).collect();
            datum::encode([1, 4, 6], &x, i as i32, &mut value)?;
            db.put(format!("{i:08}").as_bytes(), &value)?;
        }
        Ok(())
    })
    .unwrap();
    (folder, path)
}

/// MNIST's test database, made once for all tests.
fn mnist_test() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mnist_test_lmdb");
        let digits = mnist::Mnist::load("data/mnist").unwrap().test;
        assert!(mnist::write_lmdb(&digits, &path, false).unwrap());
        (folder, path)
    });
    path
}

fn complaint(result: Result<impl Sized>) -> String {
    result.err().expect("an error").to_string()
}

// ---- real Caffe's batches

/// The golden cases of the index, from their own prototxt files.
#[test]
fn batches_are_those_of_caffe() {
    let extras = Path::new("tests/golden/extras");
    let golden = Tensors::read(extras.join("data.safetensors"));
    for name in ["scale", "crop_center", "mean_value", "mean_file"] {
        let net = text::read::<NetParameter>(extras.join(format!("data_{name}.prototxt"))).unwrap();
        let param = with(net.message.layer[0].clone(), |p| {
            assert_eq!(p.source(), "mnist_test_lmdb");
            p.source = Some(mnist_test().to_str().unwrap().into());
        });
        let mut feed = Feed::within(Some(extras), &param, 2, Phase::Test, 0).unwrap();
        for k in 0..2 {
            feed.forward().unwrap();
            for (top, what) in [(0, "data"), (1, "label")] {
                let (shape, want) = golden.get(&format!("{name}/{what}{k}")).unwrap();
                assert_eq!(feed.top[top].shape(), shape, "{name} {what}");
                for (i, (got, want)) in feed.top[top].data.slice().iter().zip(&want).enumerate() {
                    assert!((got - want).abs() <= 1e-5, "{name}/{what}{k}[{i}]: {got}, Caffe has {want}");
                }
            }
        }
    }
}

/// Two that the golden file holds without a prototxt: an even crop, and a mean image that is cropped, too.
#[test]
fn an_even_crop_and_a_cropped_mean_are_those_of_caffe() {
    let golden = Tensors::read("tests/golden/extras/data.safetensors");
    let mean = Some("tests/golden/extras/mean_legacy4d.binaryproto".to_string());
    for (name, side, mean_file) in [("crop_center_even", 20, None), ("mean_file_crop", 24, mean)] {
        let t = TransformationParameter { crop_size: Some(side), mean_file, ..Default::default() };
        let mut feed = Feed::new(&transformed(param(mnist_test(), 5), t), 2, Phase::Test, 0).unwrap();
        for k in 0..2 {
            feed.forward().unwrap();
            let (shape, want) = golden.get(&format!("{name}/data{k}")).unwrap();
            assert_eq!((feed.top[0].shape(), feed.top[0].data.slice()), (shape, &want[..]), "{name}");
        }
    }
}

// ---- order

#[test]
fn samples_come_in_order_and_batches_cross_the_end() {
    let (_folder, path) = counting(10);
    let mut feed = Feed::new(&param(&path, 4), 2, Phase::Train, 0).unwrap();
    assert_eq!(feed.top[0].shape(), [4, 1, 4, 6]);
    assert_eq!(feed.labels(5), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|i: i32| i as f32));
    assert_eq!(feed.layer.position(), Some(20));
}

#[test]
fn a_batch_may_be_larger_than_the_database() {
    let (_folder, path) = counting(3);
    let mut feed = Feed::new(&param(&path, 7), 2, Phase::Test, 0).unwrap();
    assert_eq!(feed.labels(1), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0]);
}

#[test]
fn a_shuffle_holds_each_sample_once_an_epoch_in_a_new_order() {
    let (_folder, path) = counting(50);
    let shuffled = with(param(&path, 10), |p| p.shuffle = Some(true));
    let epoch = |feed: &mut Feed| feed.labels(5);
    let mut feed = Feed::new(&shuffled, 2, Phase::Train, 3).unwrap();
    let (first, second) = (epoch(&mut feed), epoch(&mut feed));
    let in_order: Vec<f32> = (0..50).map(|i| i as f32).collect();
    for order in [&first, &second] {
        let mut sorted = order.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, in_order);
        assert_ne!(*order, in_order);
    }
    assert_ne!(first, second);
    assert_eq!(epoch(&mut Feed::new(&shuffled, 2, Phase::Train, 3).unwrap()), first);
    assert_ne!(epoch(&mut Feed::new(&shuffled, 2, Phase::Train, 4).unwrap()), first);
}

#[test]
fn rand_skip_starts_elsewhere_but_goes_on_in_order() {
    let (_folder, path) = counting(20);
    let skipping = with(param(&path, 5), |p| p.rand_skip = Some(15));
    let starts: Vec<f32> = (0..20)
        .map(|seed| {
            let labels = Feed::new(&skipping, 2, Phase::Train, seed).unwrap().labels(4);
            assert!(labels.windows(2).all(|w| (w[0] + 1.0) % 20.0 == w[1]), "{labels:?}");
            labels[0]
        })
        .collect();
    assert!(starts.iter().all(|&s| s < 15.0) && starts.iter().any(|&s| s != starts[0]), "{starts:?}");
}

/// Everything that chance decides at once: order, crops and mirrors.
fn by_chance(path: &Path, prefetch: u32) -> LayerParameter {
    let t = TransformationParameter { crop_size: Some(3), mirror: Some(true), ..Default::default() };
    let p = with(param(path, 7), |p| {
        p.shuffle = Some(true);
        p.prefetch = Some(prefetch);
        p.rand_skip = Some(9);
    });
    transformed(p, t)
}

#[test]
fn seeking_goes_on_as_if_one_had_counted_there() {
    let (_folder, path) = counting(30);
    let mut whole = Feed::new(&by_chance(&path, 4), 2, Phase::Train, 5).unwrap();
    whole.batches(6);
    let position = whole.layer.position().unwrap();
    assert_eq!(position, 42); // handed out, not read ahead
    let rest = whole.batches(6);
    let mut resumed = Feed::new(&by_chance(&path, 4), 2, Phase::Train, 5).unwrap();
    resumed.batches(2); // it may have run before
    resumed.layer.seek(position).unwrap();
    assert_eq!(resumed.batches(6), rest);
    assert_eq!(resumed.layer.position(), whole.layer.position());
    assert!(resumed.layer.seek(u64::MAX).is_err());
}

#[test]
fn reading_ahead_changes_nothing() {
    let (_folder, path) = counting(30);
    let run = |prefetch| Feed::new(&by_chance(&path, prefetch), 2, Phase::Train, 5).unwrap().batches(20);
    assert_eq!(run(1), run(8));
}

#[test]
fn two_layers_read_one_database() {
    let (_folder, path) = counting(10);
    let mut a = Feed::new(&param(&path, 4), 2, Phase::Train, 0).unwrap();
    let mut b = Feed::new(&param(&path, 3), 2, Phase::Test, 0).unwrap();
    assert_eq!((a.labels(1), b.labels(1)), (vec![0.0, 1.0, 2.0, 3.0], vec![0.0, 1.0, 2.0]));
    assert_eq!((a.labels(1), b.labels(1)), (vec![4.0, 5.0, 6.0, 7.0], vec![3.0, 4.0, 5.0]));
}

#[test]
fn the_label_may_be_left_out() {
    let (_folder, path) = counting(10);
    let mut feed = Feed::new(&param(&path, 4), 1, Phase::Test, 0).unwrap();
    feed.forward().unwrap();
    feed.forward().unwrap();
    assert_eq!(feed.top[0].data.slice()[0], 4.0);
    assert!(Feed::new(&param(&path, 4), 3, Phase::Test, 0).is_err());
}

// ---- sizes, parameters and paths

/// With a batch of one each image may have its own size; with more they must agree.
#[test]
fn images_of_many_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sizes_lmdb");
    lmdb::create(&path, false, |db| {
        let mut value = Vec::new();
        for side in 1..4 {
            datum::encode([1, side, side], &vec![9; side * side], 0, &mut value)?;
            db.put(&[b'0' + side as u8], &value)?;
        }
        Ok(())
    })
    .unwrap();
    let mut feed = Feed::new(&param(&path, 1), 2, Phase::Test, 0).unwrap();
    for side in [1, 2, 3, 1] {
        feed.forward().unwrap();
        assert_eq!(feed.top[0].shape(), [1, 1, side, side]);
        assert_eq!(feed.top[0].data.slice(), vec![9.0; side * side]);
    }
    let mut feed = Feed::new(&param(&path, 2), 2, Phase::Test, 0).unwrap();
    let e = complaint(feed.forward());
    assert!(e.contains("\"2\"") && e.contains("[1, 2, 2]") && e.contains("[1, 1, 1]"), "{e}");
    assert_eq!(complaint(feed.forward()), e); // and again, not a hang
}

#[test]
fn impossible_parameters_are_refused() {
    let (_folder, path) = counting(2);
    let refused = |change: fn(&mut DataParameter)| -> Error {
        Feed::new(&with(param(&path, 2), change), 2, Phase::Train, 0).err().expect("an error")
    };
    assert_eq!(refused(|p| p.batch_size = Some(0)).field_path(), Some("data_param.batch_size"));
    assert_eq!(refused(|p| p.batch_size = Some(u32::MAX)).field_path(), Some("data_param.batch_size"));
    assert_eq!(refused(|p| p.prefetch = Some(0)).field_path(), Some("data_param.prefetch"));
    assert_eq!(refused(|p| p.prefetch = Some(u32::MAX)).field_path(), Some("data_param.prefetch"));
    assert_eq!(refused(|p| p.source = None).field_path(), Some("data_param.source"));
    assert!(refused(|p| p.backend = Some(Db::Leveldb as i32)).to_string().contains("convert"));
    assert!(refused(|p| p.source = Some("no/mnist_lmdb".into())).to_string().contains("cortado convert mnist"));
}

#[test]
fn paths_are_found_from_the_prototxt_and_from_the_root() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("proto")).unwrap();
    std::fs::create_dir_all(folder.path().join("nets")).unwrap();
    for name in ["proto/caffe.proto", "nets/mean.binaryproto", "nets/here_lmdb"] {
        std::fs::write(folder.path().join(name), b"").unwrap();
    }
    let nets = folder.path().join("nets");
    assert_eq!(files::find("mean.binaryproto", Some(&nets)).unwrap(), nets.join("mean.binaryproto"));
    let e = complaint(files::find("nowhere_lmdb", Some(&nets)));
    assert!(e.contains("nowhere_lmdb, ") && e.contains(nets.join("nowhere_lmdb").to_str().unwrap()), "{e}");
    assert!(files::find("", Some(&nets)).is_err());

    let device = Device::cpu();
    let cx = Cx { folder: Some(&nets), ..Cx::new(Phase::Test, &device) };
    assert_eq!(cx.find("here_lmdb").unwrap(), nets.join("here_lmdb"));
    let read = |source: &str, mean: &str| {
        let t = TransformationParameter { mean_file: Some(mean.into()), ..Default::default() };
        let p = transformed(param(Path::new(source), 1), t);
        Feed::within(Some(&nets), &p, 1, Phase::Test, 0).err().expect("an error")
    };
    let here = |name: &str| nets.join(name).display().to_string();
    let e = read("here_lmdb", "mean.binaryproto"); // both files are empty
    assert_eq!(e.field_path(), Some("transform_param.mean_file"));
    assert!(e.message().contains(&here("mean.binaryproto")), "{e}");
    let e = read("here_lmdb", "no.binaryproto");
    assert!(e.message().contains(&here("no.binaryproto")), "{e}");
}
