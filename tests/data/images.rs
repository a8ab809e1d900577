//! Image files against OpenCV: `images/opencv.txt` has what `cv2.imread` and `cv2.resize` (4.14) make of the files beside it.

use super::{Feed, complaint, param, transformed};
use cortado::data::image::{self, Channels, Picture};
use cortado::data::lmdb;
use cortado::layer::Phase;
use cortado::proto::{Datum, TransformationParameter};
use prost::Message;

const FOLDER: &str = "tests/data/images";

/// The lines of OpenCV's answers: file, channels, the picture.
fn answers() -> Vec<(String, Channels, Picture)> {
    let text = std::fs::read_to_string(format!("{FOLDER}/opencv.txt")).unwrap();
    let answer = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let byte = |i: usize| u8::from_str_radix(&words[4][i..i + 2], 16).unwrap();
        let data: Vec<u8> = (0..words[4].len()).step_by(2).map(byte).collect();
        let (channels, n) = if words[1] == "grey" { (Channels::Grey, 1) } else { (Channels::Colour, 3) };
        let (height, width) = (words[2].parse().unwrap(), words[3].parse().unwrap());
        (words[0].to_string(), channels, Picture { height, width, channels: n, data })
    };
    text.lines().map(answer).collect()
}

/// The largest difference of two pictures of one size.
fn difference(x: &Picture, y: &Picture) -> u8 {
    assert_eq!((x.shape(), x.data.len()), (y.shape(), y.data.len()));
    x.data.iter().zip(&y.data).map(|(x, y)| x.abs_diff(*y)).max().unwrap()
}

#[test]
fn files_are_decoded_as_opencv_does() {
    let answers = answers();
    let files = answers.iter().filter(|(file, ..)| file != "resize");
    assert_eq!(files.clone().count(), 24);
    for (file, channels, want) in files {
        let got = image::read(format!("{FOLDER}/{file}"), *channels).unwrap();
        let most = match (file.ends_with(".png"), channels) {
            (true, Channels::Colour) => 0,
            (true, _) => 1,
            _ => 4, // the standard leaves a JPEG's rounding to the decoder
        };
        let d = difference(&got, want);
        assert!(d <= most, "{file} {channels:?}: {d}");
    }
}

#[test]
fn sizes_are_changed_as_opencv_does() {
    let x = image::read(format!("{FOLDER}/rgb.png"), Channels::Colour).unwrap();
    for (_, _, want) in answers().iter().filter(|(file, ..)| file == "resize") {
        let d = difference(&x.resized(want.height, want.width).unwrap(), want);
        assert!(d <= 1, "{} x {}: {d}", want.width, want.height);
    }
    assert!(x.resized(0, 4).is_err() && x.resized(1 << 20, 1 << 20).is_err());
}

/// A Data layer whose database holds image files: as they are, in colour, in grey.
#[test]
fn a_database_of_image_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoded_lmdb");
    let datum = |file: &str, label| Datum {
        data: Some(std::fs::read(format!("{FOLDER}/{file}")).unwrap()),
        encoded: Some(true),
        label: Some(label),
        ..Default::default()
    };
    let put = |db: &mut lmdb::Writer| {
        db.put(b"0", &datum("rgb.png", 3).encode_to_vec())?;
        db.put(b"1", &datum("grey.png", 4).encode_to_vec())?;
        let mut cut = datum("rgb.png", 5);
        cut.data.as_mut().unwrap().truncate(200);
        db.put(b"2", &cut.encode_to_vec())
    };
    lmdb::create(&path, false, put).unwrap();
    for (force_color, force_gray, channels, shapes) in [
        (None, None, Channels::AsStored, [[1, 3, 9, 13], [1, 1, 9, 13]]),
        (Some(true), None, Channels::Colour, [[1, 3, 9, 13]; 2]),
        (None, Some(true), Channels::Grey, [[1, 1, 9, 13]; 2]),
    ] {
        let t = TransformationParameter { force_color, force_gray, ..Default::default() };
        let mut feed = Feed::new(&transformed(param(&path, 1), t), 2, Phase::Test, 0).unwrap();
        for (i, (file, label)) in [("rgb.png", 3.0), ("grey.png", 4.0)].into_iter().enumerate() {
            feed.forward().unwrap();
            let want = image::read(format!("{FOLDER}/{file}"), channels).unwrap().planes();
            let want: Vec<f32> = want.into_iter().map(f32::from).collect();
            assert_eq!((feed.top[0].shape(), feed.top[0].data.slice()), (&shapes[i][..], &want[..]));
            assert_eq!(feed.top[1].data.slice(), [label]);
        }
        let e = complaint(feed.forward());
        assert!(e.contains("data.mdb") && e.contains("entry \"2\"") && e.contains("a broken PNG"), "{e}");
    }
    let both = TransformationParameter { force_color: Some(true), force_gray: Some(true), ..Default::default() };
    let e = complaint(Feed::new(&transformed(param(&path, 1), both), 2, Phase::Test, 0));
    assert!(e.contains("force_color and force_gray are both given"), "{e}");
}

/// Cut anywhere, with bits flipped, with giant sizes: an error or a picture, never a panic, never a giant buffer.
#[test]
fn broken_image_files() {
    for file in ["rgb.png", "palette.png", "sixteen.png", "q90.jpg", "progressive.jpg", "turned6.jpg"] {
        let whole = std::fs::read(format!("{FOLDER}/{file}")).unwrap();
        for k in 0..40 {
            let cut = &whole[..whole.len() * k / 40];
            let e = image::decode(cut, Channels::Colour);
            assert!(e.is_err() || file.ends_with("jpg"), "{file} cut to {} bytes", cut.len());
        }
        for k in 0..200 {
            let mut flipped = whole.clone();
            flipped[k * 7919 % whole.len()] ^= 1 << (k % 8);
            let _ = image::decode(&flipped, Channels::AsStored);
        }
    }
    let says = |bytes: &[u8], what: &str| {
        let e = complaint(image::decode(bytes, Channels::Colour));
        assert!(e.contains(what), "{what}: {e}");
    };
    says(b"", "it is empty");
    says(b"GIF89a", "a GIF image");
    says(b"<!DOCTYPE html>", "HTML");
    says(b"version https://git-lfs.github.com/spec/v1", "Git LFS");
    says(b"\x00\x01\x02\x03", "are of no image");
    says(b"\xFF\xD8\xFF", "a broken JPEG");
    // a PNG that declares 2^31 - 1 x 2^31 - 1, and one of 20000 x 20000, in 60 bytes
    for side in [i32::MAX as u32, 20_000] {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
        chunk.extend([8, 2, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&chunk);
        let bytes = [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &chunk[..], &crc.sum().to_be_bytes(), &[0; 27]].concat();
        says(&bytes, "pixels are declared, too many for a file of 60 bytes");
    }
}
