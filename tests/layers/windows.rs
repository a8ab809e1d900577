//! WindowData against Caffe's arithmetic, worked out by hand for a few windows.

use crate::kit::*;
use cortado::data::image::{Channels, Picture, read};
use cortado::proto::{LayerParameter, TransformationParameter};
use cortado::{Error, Result};

const IMAGE: &str = "tests/data/images/rgb.png";

/// The layer with a window file of one image and these windows.
fn layer(windows: &[&str], settings: &str, transform: TransformationParameter) -> LayerParameter {
    let folder = tempfile::tempdir().unwrap().keep();
    let list = folder.join("windows");
    let text = format!("# 0\nrgb.png\n3\n1\n1\n{}\n{}\n", windows.len(), windows.join("\n"));
    std::fs::write(&list, text).unwrap();
    let text = format!(
        r#"type: "WindowData" name: "d" top: "x" top: "label"
        window_data_param {{ source: "{}" root_folder: "tests/data/images/" {settings} }}"#,
        list.display()
    );
    let mut param = crate::text::layer(&text);
    param.transform_param = Some(transform);
    param
}

fn crop(crop_size: u32) -> TransformationParameter {
    TransformationParameter { crop_size: Some(crop_size), ..Default::default() }
}

fn bench(param: &LayerParameter) -> Result<Harness> {
    Harness::create(&Layers::caffe(), param, &[])
}

/// The values of one window, the only one of its file.
fn window(corners: &str, settings: &str, transform: TransformationParameter) -> Vec<f32> {
    let settings = format!("batch_size: 1 fg_fraction: 1 {settings}");
    let mut bench = bench(&layer(&[&format!("7 0.9 {corners}")], &settings, transform)).unwrap();
    bench.forward().unwrap();
    assert_eq!(bench.top[1].data.slice(), [7.0]);
    bench.top[0].data.slice().to_vec()
}

fn picture() -> Picture {
    read(IMAGE, Channels::Colour).unwrap()
}

/// A picture in a square of zeros, as C x H x W.
fn placed(part: &Picture, top: usize, left: usize, side: usize) -> Vec<f32> {
    let mut y = vec![0.0; 3 * side * side];
    for i in 0..part.height {
        for j in 0..part.width {
            for c in 0..3 {
                y[(c * side + top + i) * side + left + j] = part.data[(i * part.width + j) * 3 + c].into();
            }
        }
    }
    y
}

#[test]
fn a_window_is_warped_padded_or_squared() {
    let x = picture();
    // As large as crop_size: the pixels themselves. Then one that is stretched.
    assert_eq!(window("1 2 4 5", "", crop(4)), placed(&x.cut(2, 1, 4, 4), 0, 0, 4));
    assert_eq!(window("0 1 5 4", "", crop(4)), placed(&x.cut(1, 0, 4, 6).resized(4, 4).unwrap(), 0, 0, 4));
    // Padding: the middle is 2, and half of 4 twice as wide: -2 to 6, which is 9 columns for 8. Of these 2 are outside, 1.8
    // pixels, and 7 inside, 6.2 pixels.
    assert_eq!(
        window("0 0 3 3", "context_pad: 2", crop(8)),
        placed(&x.cut(0, 0, 7, 7).resized(6, 6).unwrap(), 2, 2, 8)
    );
    // A square around 6 columns and 2 rows: columns 0 to 6, rows -1 to 5, the first outside.
    assert_eq!(
        window("0 1 5 2", "crop_mode: \"square\"", crop(7)),
        placed(&x.cut(0, 0, 6, 7).resized(6, 7).unwrap(), 1, 0, 7)
    );
}

#[test]
fn the_mean_and_both_scales_apply() {
    let transform = TransformationParameter {
        mean_value: vec![1.0, 2.0, 3.0],
        scale: Some(2.0),
        crop_size: Some(4),
        ..Default::default()
    };
    let got = window("0 0 3 3", "scale: 0.25", transform);
    let want = placed(&picture().cut(0, 0, 4, 4), 0, 0, 4);
    assert!(got.iter().zip(want).enumerate().all(|(k, (y, x))| *y == (x - (k / 16 + 1) as f32) * 0.5), "{got:?}");
    // Half of the windows are mirrored, their padding with them.
    let mirror = TransformationParameter { mirror: Some(true), ..crop(8) };
    let param = layer(&["7 0.9 0 0 3 3"], "batch_size: 64 fg_fraction: 1 context_pad: 2 cache_images: true", mirror);
    let mut bench = bench(&param).unwrap();
    bench.forward().unwrap();
    let part = picture().cut(0, 0, 7, 7).resized(6, 6).unwrap();
    let (plain, mirrored) = (placed(&part, 2, 2, 8), placed(&part.mirrored(), 2, 0, 8));
    let n = bench.top[0].data.slice().chunks(192).map(|y| {
        assert!(y == plain || y == mirrored);
        usize::from(y == mirrored)
    });
    let n: usize = n.sum();
    assert!((16..48).contains(&n), "{n} of 64");
}

#[test]
fn a_batch_has_background_then_foreground() {
    // Overlaps between the two thresholds belong to neither.
    let windows = ["1 0.5 0 0 3 3", "2 1 0 0 3 3", "9 0.49 0 0 3 3", "5 0.1 0 0 3 3", "6 0 0 0 3 3"];
    let settings = "batch_size: 40 fg_fraction: 0.3 fg_threshold: 0.5 bg_threshold: 0.2";
    let mut bench = bench(&layer(&windows, settings, crop(4))).unwrap();
    assert_eq!((bench.top[0].shape(), bench.top[1].shape()), (&[40, 3, 4, 4][..], &[40][..]));
    let mut batches = Vec::new();
    for _ in 0..2 {
        bench.forward().unwrap();
        let labels = bench.top[1].data.slice().to_vec();
        assert!(labels[..28].iter().all(|l| *l == 0.0), "{labels:?}");
        assert!(labels[28..].iter().all(|l| *l == 1.0 || *l == 2.0), "{labels:?}");
        assert!([1.0, 2.0].iter().all(|l| labels.contains(l)), "{labels:?}");
        batches.push(labels);
    }
    assert_ne!(batches[0], batches[1]);
    bench.layer.seek(40).unwrap();
    bench.forward().unwrap();
    assert_eq!(bench.top[1].data.slice(), batches[1]);
}

#[test]
fn broken_window_files_and_settings_are_errors() {
    let fails = |windows: &[&str], settings: &str, transform: TransformationParameter| {
        let e: Error = bench(&layer(windows, settings, transform)).err().unwrap();
        assert!(!e.hints().is_empty(), "{e}");
        let message = e.message();
        (
            message[message.rfind("/windows:").map_or(0, |at| at + 9)..].to_string(),
            e.field_path().unwrap_or("").to_string(),
        )
    };
    let one = "batch_size: 1 fg_fraction: 1";
    let source = "window_data_param.source";
    for (windows, settings, size, says, field) in [
        (&["1 0.9 0 0 3"][..], one, 4, "7: the file ends where y2 stands", source),
        (&["one 0.9 0 0 3 3"], one, 4, "7: \"one\" where a label stands", source),
        (&["1 0.9 0 0 3 3 4"], one, 4, "7: \"4\" where an image begins with #", source),
        (&["0 0.9 0 0 3 3"], one, 4, "7: a foreground window of class 0", source),
        (&["1 0.1 0 0 3 3"], one, 4, "a batch has 1 foreground windows, and the file has none", source),
        (&["1 0.9 0 0 3 3"], "batch_size: 1", 4, "a batch has 1 background windows, and the file has none", source),
        (&["1 0.9 0 0 3 3"], one, 0, "no crop_size is given", "transform_param.crop_size"),
        (
            &["1 0.9 0 0 3 3"],
            "batch_size: 1 context_pad: 2",
            4,
            "a context_pad of 2 on both sides of a window of 4 pixels",
            "window_data_param.context_pad",
        ),
        (
            &["1 0.9 0 0 3 3"],
            "batch_size: 1 crop_mode: \"round\"",
            4,
            "there is no crop_mode \"round\"",
            "window_data_param.crop_mode",
        ),
    ] {
        assert_eq!(fails(windows, settings, crop(size)), (says.to_string(), field.to_string()));
    }
    for corners in ["0 0 3 3000", "-1 0 3 3", "3 3 0 0", "2147483647 0 2147483647 3", "-2147483648 0 2147483647 3"] {
        for settings in [one.to_string(), format!("{one} context_pad: 1")] {
            let made = bench(&layer(&[&format!("1 0.9 {corners}")], &settings, crop(4)));
            match made.err() {
                Some(e) => {
                    assert!(e.message().contains("windows:7: ") && !e.hints().is_empty(), "{corners}: {e}");
                }
                None => assert!(settings.contains("pad"), "{corners} is outside"),
            }
        }
    }
    let mut missing = layer(&["1 0.9 0 0 3 3"], one, crop(4));
    missing.window_data_param.as_mut().unwrap().root_folder = Some("no/".into());
    let e = bench(&missing).err().unwrap();
    assert!(e.message().contains("windows:2: no/rgb.png is not there"), "{e}");
    let transform = TransformationParameter { mean_value: vec![1.0, 2.0], ..crop(4) };
    let (_, field) = fails(&["1 0.9 0 0 3 3"], one, transform);
    assert_eq!(field, "transform_param.mean_value");
}
