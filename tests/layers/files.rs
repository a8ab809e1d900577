//! Layers that read lists of files, and one that writes a file. The files in `h5` are h5py's.

use crate::kit::*;
use cortado::proto::{LayerParameter, TransformationParameter};
use cortado::{Error, Result, net};
use std::path::Path;
use tempfile::TempDir;

const H5: &str = "tests/layers/h5";
const IMAGES: &str = "tests/data/images";

/// A folder with a file `list` of these lines.
fn list(lines: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list"), lines.join("\n") + "\n").unwrap();
    folder
}

/// The layer with the list of that folder.
fn layer(text: &str, folder: &TempDir) -> LayerParameter {
    let list = folder.path().join("list").display().to_string();
    let mut param = crate::text::layer(&text.replace("LIST", &list));
    param.name = Some("d".into());
    param
}

fn bench(text: &str, folder: &TempDir) -> Result<Harness> {
    Harness::create(&Layers::caffe(), &layer(text, folder), &[])
}

/// The error of a layer with a list of these lines, the list's folder cut out; it names the field and says what to do.
fn complaint(text: &str, lines: &[&str], field: &str) -> String {
    let folder = list(lines);
    let made = bench(text, &folder).and_then(|mut bench| bench.forward());
    let e: Error = made.expect_err(text);
    assert!(e.field_path() == Some(field) || field.is_empty(), "{e:?}");
    assert!(!e.hints().is_empty(), "{e}");
    e.message().replace(&folder.path().display().to_string(), "FOLDER").replace(&format!("{H5}/"), "")
}

const HDF5: &str =
    r#"type: "HDF5Data" top: "x" top: "label" top: "byte" hdf5_data_param { source: "LIST" batch_size: 2 OPTION }"#;

fn hdf5(option: &str) -> String {
    HDF5.replace("OPTION", option)
}

/// The rows of both files: x, label and byte.
fn row(i: usize) -> (Vec<f32>, f32, f32) {
    let x = (0..4).map(|j| (4 * i + j) as f32 / 2.0).collect();
    (x, 10.0 + i as f32, [250.0, 251.0, 252.0, 0.0, 1.0][i])
}

#[test]
fn hdf5_data_hands_out_the_rows_of_all_files() {
    // One path from the current folder; one beside the list, under a name with a space.
    let folder = list(&[&format!("{H5}/a.h5"), "", "  the b.h5\r"]);
    std::fs::copy(format!("{H5}/b.h5"), folder.path().join("the b.h5")).unwrap();
    let mut bench = bench(&hdf5(""), &folder).unwrap();
    let shapes: Vec<&[usize]> = bench.top.iter().map(|top| top.shape()).collect();
    assert_eq!(shapes, [&[2, 2, 2][..], &[2], &[2, 1]]);
    assert!(bench.layer.is_source());
    for batch in 0..6 {
        bench.forward().unwrap();
        for k in 0..2 {
            let (x, label, byte) = row((2 * batch + k) % 5);
            assert_eq!(bench.top[0].data.slice()[4 * k..][..4], x);
            assert_eq!((bench.top[1].data.slice()[k], bench.top[2].data.slice()[k]), (label, byte));
        }
    }
    bench.layer.seek(3).unwrap();
    bench.forward().unwrap();
    assert_eq!((bench.top[1].data.slice(), bench.layer.position()), (&[13.0, 14.0][..], Some(5)));
}

#[test]
fn hdf5_data_shuffles_the_files_and_the_rows_of_each() {
    let folder = list(&["tests/layers/h5/a.h5", "tests/layers/h5/b.h5"]);
    let epochs = |seed: u64| {
        let mut bench = bench(&hdf5("shuffle: true").replace("batch_size: 2", "batch_size: 5"), &folder).unwrap();
        bench.seed = seed;
        (0..8)
            .map(|_| {
                bench.forward().unwrap();
                let x = bench.top[0].data.slice();
                let labels = bench.top[1].data.slice().to_vec();
                labels.iter().zip(x.chunks(4)).for_each(|(l, x)| assert_eq!(x, row(*l as usize - 10).0));
                labels
            })
            .collect::<Vec<_>>()
    };
    let first = epochs(1);
    for labels in &first {
        let mut sorted = labels.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, [10.0, 11.0, 12.0, 13.0, 14.0]);
        let of_a: Vec<bool> = labels.iter().map(|l| *l < 13.0).collect();
        assert!(of_a == [true, true, true, false, false] || of_a == [false, false, true, true, true], "{labels:?}");
    }
    assert!(first.iter().any(|l| l[0] < 13.0) && first.iter().any(|l| l[0] > 12.0), "{first:?}");
    assert!(first.iter().any(|labels| *labels != first[0]));
    assert_eq!(first, epochs(1));
    assert_ne!(first, epochs(2));
}

#[test]
fn hdf5_files_that_do_not_fit_are_errors() {
    let two = |other: &str| {
        format!(r#"type: "HDF5Data" top: "x" top: "label" hdf5_data_param {{ source: "LIST" batch_size: 2 }} {other}"#)
    };
    let h5 = |name: &str| format!("{H5}/{name}.h5");
    let source = "hdf5_data_param.source";
    for (lines, says) in [
        (vec![h5("a"), h5("wide")], "FOLDER/list:2: the rows of \"x\" in wide.h5 have shape [3], those in a.h5 [2, 2]"),
        (vec![h5("short")], "FOLDER/list:1: in short.h5 \"label\" has shape [2] and \"x\" has [3, 2, 2]"),
        (vec![h5("single")], "FOLDER/list:1: the array \"x\" in single.h5 is a single number"),
        (vec![String::new()], "the list FOLDER/list names no files"),
        (vec!["tests/layers/h5/make.py".into()], "FOLDER/list:1: make.py is not a whole HDF5 file: "),
        (vec![h5("a"), "none.h5".into()], "FOLDER/list:2: none.h5 is not there: looked for none.h5, FOLDER/none.h5"),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let said = complaint(&two(""), &lines, source);
        assert!(said.starts_with(says), "{said}\n{says}");
    }
    let said = complaint(&two("").replace("\"label\"", "\"labels\""), &[&h5("a")], source);
    assert_eq!(said, "FOLDER/list:1: a.h5 has no array \"labels\"; it has \"byte\", \"label\", \"x\"");
    // Texts are found when they are read: the first row, at setup.
    let said = complaint(&two(""), &[&h5("words")], "");
    assert!(said.starts_with("words.h5 is not a whole HDF5 file: x: "), "{said}");
    let said = complaint(&two("transform_param { scale: 2 }"), &[&h5("a")], "transform_param");
    assert_eq!(said, "arrays of HDF5 files are not transformed");
    let said = complaint(&two("").replace("LIST", ""), &[], source);
    assert_eq!(said, "no `source` is given");
    refuses(&two("").replace("batch_size: 2", ""), &[], "batch_size must be at least 1", "hdf5_data_param.batch_size");
    // A truncated file.
    let bytes = std::fs::read(h5("a")).unwrap();
    for length in [0, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        let folder = list(&["cut.h5"]);
        std::fs::write(folder.path().join("cut.h5"), &bytes[..length]).unwrap();
        if let Err(e) = bench(&two(""), &folder) {
            assert!(e.message().contains("cut.h5") && !e.hints().is_empty(), "{length}: {e}");
        } else {
            assert_eq!(length, bytes.len() - 1, "the last byte is padding");
        }
    }
}

/// What HDF5Output writes is read by HDF5Data.
#[test]
fn hdf5_output_writes_each_batch_anew() {
    let folder = list(&["out/y.h5"]);
    let path = folder.path().join("out/y.h5").display().to_string();
    let text = format!(r#"type: "HDF5Output" hdf5_output_param {{ file_name: "{path}" }}"#);
    let param = crate::text::layer(&text);
    let mut out = Harness::create(&Layers::caffe(), &param, &[&[3, 2], &[3]]).unwrap();
    assert!(!Path::new(&path).exists(), "building a net writes nothing");
    assert!(out.top.is_empty() && !out.layer.propagates(0) && !out.layer.propagates(1));
    let back = r#"type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "LIST" batch_size: 3 }"#;
    for start in [0.5, 100.0] {
        out.bottom[0].data.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = start + i as f32);
        out.bottom[1].data.slice_mut().copy_from_slice(&[7.0, 8.0, start]);
        out.forward().unwrap();
        let mut read = bench(back, &folder).unwrap();
        read.forward().unwrap();
        assert_eq!((read.top[0].shape(), read.top[1].shape()), (&[3, 2, 1, 1][..], &[3, 1, 1, 1][..]));
        assert_eq!(read.top[0].data.slice(), out.bottom[0].data.slice());
        assert_eq!(read.top[1].data.slice(), [7.0, 8.0, start]);
    }
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 1, "nothing is left beside the file");
    let deep = Harness::create(&Layers::caffe(), &param, &[&[1, 2, 1, 2, 1], &[1, 1]]);
    deep.unwrap().forward().unwrap();

    for (shapes, says) in [
        ([&[3, 2][..], &[2]], "data of shape [3, 2] and labels of shape [2]"),
        ([&[], &[]], "data of shape [] and labels of shape []"),
    ] {
        let e = Harness::create(&Layers::caffe(), &param, &shapes).err().unwrap();
        assert!(e.message() == says && !e.hints().is_empty(), "{e}");
    }
    refuses(r#"type: "HDF5Output""#, &[&[1], &[1]], "no `file_name` is given", "hdf5_output_param.file_name");
    // A net with it trains on: the other branch's gradient is the whole one.
    let text = format!(
        r#"force_backward: true layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 2 dim: 1 }} }} }}
        layer {{ name: "t" type: "Input" top: "t" input_param {{ shape {{ dim: 2 dim: 1 }} }} }}
        layer {{ name: "out" bottom: "x" bottom: "t" {text} }}
        layer {{ name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "t" top: "loss" }}"#
    );
    let mut net = net::Builder::parse(&text, "net").unwrap().make().unwrap();
    net.data_mut("x").unwrap().slice_mut().copy_from_slice(&[1.0, 2.0]);
    net.forward().unwrap();
    net.backward().unwrap();
    assert_eq!(net.diff("x").unwrap().slice(), [0.5, 1.0]);
}

fn images(option: &str) -> String {
    r#"type: "ImageData" top: "x" top: "label" image_data_param { source: "LIST" root_folder: "tests/data/images/" OPTION }"#
        .replace("OPTION", option)
}

#[test]
fn image_data_reads_scales_and_labels() {
    use cortado::data::image::{Channels, read};
    let folder = list(&["rgb.png 3", "two words.png   0.5 ", "grey.png -1"]);
    let beside = folder.path().join("two words.png");
    std::fs::copy(format!("{IMAGES}/palette.png"), &beside).unwrap();
    let text = images("batch_size: 3 new_height: 5 new_width: 7");
    for (is_color, channels) in [("", Channels::Colour), ("is_color: false", Channels::Grey)] {
        // Without a root folder the paths start beside the list, and the others need theirs.
        let own = std::fs::read_to_string(folder.path().join("list")).unwrap();
        let own =
            own.replace("rgb.png", &format!("{IMAGES}/rgb.png")).replace("grey.png", &format!("{IMAGES}/grey.png"));
        std::fs::write(folder.path().join("list"), &own).unwrap();
        let text = text.replace("root_folder: \"tests/data/images/\"", is_color);
        let mut bench = bench(&text, &folder).unwrap();
        let c = if channels == Channels::Colour { 3 } else { 1 };
        assert_eq!((bench.top[0].shape(), bench.top[1].shape()), (&[3, c, 5, 7][..], &[3][..]));
        bench.forward().unwrap();
        assert_eq!(bench.top[1].data.slice(), [3.0, 0.5, -1.0]);
        let files = [format!("{IMAGES}/rgb.png"), beside.display().to_string(), format!("{IMAGES}/grey.png")];
        for (file, x) in files.iter().zip(bench.top[0].data.slice().chunks(c * 35)) {
            let picture = read(file, channels).unwrap().resized(5, 7).unwrap();
            for (k, x) in x.iter().enumerate() {
                let (channel, pixel) = (k / 35, k % 35);
                assert_eq!(*x, f32::from(picture.data[pixel * c + channel]), "{file} {k}");
            }
        }
        std::fs::write(folder.path().join("list"), "rgb.png 3\ntwo words.png   0.5 \ngrey.png -1\n").unwrap();
    }
}

#[test]
fn image_data_shuffles_skips_and_transforms() {
    let folder = list(&["rgb.png 0", "rgb.png 1", "rgb.png 2", "rgb.png 3", "rgb.png 4"]);
    let labels = |option: &str, n: usize| {
        let mut bench = bench(&images(option), &folder).unwrap();
        (0..n)
            .flat_map(|_| {
                bench.forward().unwrap();
                bench.top[1].data.slice().to_vec()
            })
            .collect::<Vec<f32>>()
    };
    assert_eq!(labels("", 7), [0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 1.0]); // a batch_size of 1, as in Caffe
    let shuffled = labels("batch_size: 5 shuffle: true", 2);
    assert_ne!(shuffled[..5], shuffled[5..]);
    for epoch in shuffled.chunks(5) {
        let mut sorted = epoch.to_vec();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, [0.0, 1.0, 2.0, 3.0, 4.0]);
    }
    let skipped = labels("batch_size: 5 rand_skip: 5", 1);
    assert!((0..5).all(|i| skipped[(i + 1) % 5] == (skipped[i] + 1.0) % 5.0), "{skipped:?}");

    let mut param = layer(&images("batch_size: 1"), &folder);
    param.transform_param = Some(TransformationParameter {
        crop_size: Some(2),
        scale: Some(0.5),
        mean_value: vec![1.0, 2.0, 3.0],
        ..Default::default()
    });
    let mut bench = Harness::create(&Layers::caffe(), &param, &[]).unwrap().phase(cortado::Phase::Test);
    bench.forward().unwrap();
    let picture =
        cortado::data::image::read(format!("{IMAGES}/rgb.png"), cortado::data::image::Channels::Colour).unwrap();
    assert_eq!(bench.top[0].shape(), [1, 3, 2, 2]);
    let (top, left) = ((picture.height - 2) / 2, (picture.width - 2) / 2);
    for (k, x) in bench.top[0].data.slice().iter().enumerate() {
        let (c, i, j) = (k / 4, k / 2 % 2, k % 2);
        let pixel = picture.data[((top + i) * picture.width + left + j) * 3 + c];
        assert_eq!(*x, (f32::from(pixel) - (c + 1) as f32) * 0.5, "{k}");
    }
}

#[test]
fn broken_lists_of_images_name_the_line() {
    let source = "image_data_param.source";
    for (lines, field, says) in [
        (vec!["rgb.png 1", "rgb.png"], source, "FOLDER/list:2: \"rgb.png\" has no label"),
        (vec!["", "rgb.png cat"], source, "FOLDER/list:2: the label \"cat\" is not a number"),
        (vec!["rgb.png nan"], source, "FOLDER/list:1: the label \"nan\" is not a number"),
        (vec![], source, "the list FOLDER/list names no files"),
        (
            vec!["no.png 1"],
            "",
            "FOLDER/list:1: tests/data/images/no.png is not there: looked for tests/data/images/no.png, FOLDER/",
        ),
        (vec!["opencv.txt 1"], "", "FOLDER/list:1: tests/data/images/opencv.txt: "),
        (vec!["rgb.png 1", "turned6.jpg 2"], "", "FOLDER/list:2: a sample of shape "),
    ] {
        let said = complaint(&images("batch_size: 2"), &lines, field);
        assert!(said.starts_with(says), "{said}\n{says}");
    }
    let said = complaint(&images("new_height: 3"), &["rgb.png 1"], "image_data_param.new_height");
    assert_eq!(said, "new_height is 3 and new_width is 0");
    let e = complaint(&images("new_height: 4000000000 new_width: 4000000000"), &["rgb.png 1"], "").to_string();
    assert!(e.starts_with("FOLDER/list:1: an image cannot be scaled to 4000000000 x 4000000000"), "{e}");
    let old = Layers::caffe().create(&crate::text::layer(&images("crop_size: 4 mirror: true"))).unwrap();
    let warning = old.warning().unwrap();
    assert!(warning.starts_with("crop_size, mirror in image_data_param is ignored, as in Caffe"), "{warning}");
    assert_eq!(Layers::caffe().create(&crate::text::layer(&images(""))).unwrap().warning(), None);
}
