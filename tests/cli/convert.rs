//! Databases of one's own images and tables.

use crate::bench::Bench;
use crate::pictures::{png, write_png};
use cortado::data::database;
use cortado::data::image::{self, Channels};
use cortado::proto::{Datum, binary};

/// The keys and the messages of a database.
fn entries(bench: &Bench, name: &str) -> Vec<(String, Datum)> {
    let mut reader = database::Reader::open(bench.path(name)).unwrap();
    let entry = |i| {
        let (key, value) = reader.get(i).unwrap();
        (String::from_utf8(key.to_vec()).unwrap(), binary::decode(value).unwrap())
    };
    (0..2000).take_while(|&i| i < database::Reader::open(bench.path(name)).unwrap().len()).map(entry).collect()
}

/// A picture of 2 x 3 pixels: red rises by 1 from pixel to pixel, green by 10, blue by 40.
fn ramp() -> Vec<u8> {
    png(2, 3, &(0..6).flat_map(|i| [i, 10 * i, 40 * i]).collect::<Vec<u8>>())
}

#[test]
fn a_list_becomes_caffes_database() {
    let bench = Bench::new();
    bench.write("photos/a b/ramp 1.png", ramp());
    write_png(&bench, "photos/grey.png", 2, &[7]);
    bench.write("photos/broken.png", &ramp()[..50]);
    bench.write("list.txt", "\u{feff}a b/ramp 1.png 3\r\n\r\n/broken.png 1\nnone.png 4\ngrey.png\t -2  ");
    let ran = bench.good("convert imageset photos/ list.txt made/photos_lmdb");
    assert_eq!(ran.out, "made/photos_lmdb: 2 images of several sizes; 2 skipped\n");
    for file in ["Skipped: photos/broken.png: a broken PNG", "Skipped: cannot read the image photos/none.png: "] {
        assert_eq!(ran.err.lines().filter(|line| line.contains(file)).count(), 1, "{}", ran.err);
    }
    let made = entries(&bench, "made/photos_lmdb");
    let keys: Vec<&str> = made.iter().map(|(key, _)| &**key).collect();
    assert_eq!(keys, ["00000000_a b/ramp 1.png", "00000003_grey.png"], "keys keep the list's numbers");
    let want = Datum {
        channels: Some(3),
        height: Some(2),
        width: Some(3),
        data: Some([40, 10, 1].iter().flat_map(|step| (0..6).map(move |i| step * i)).collect()),
        label: Some(3),
        encoded: Some(false),
        ..Datum::default()
    };
    assert_eq!(made[0].1, want);
    assert_eq!((made[1].1.data(), made[1].1.label(), made[1].1.channels()), (&[7; 12][..], -2, 3));

    bench.good("convert imageset photos list.txt made/photos_leveldb -backend leveldb");
    assert!(bench.path("made/photos_leveldb/CURRENT").is_file());
    assert_eq!(entries(&bench, "made/photos_leveldb"), made);

    // The flags, in either spelling.
    bench.good("convert imageset --gray -resize_width 4 --resize-height=5 photos list.txt grey_lmdb --backend LMDB");
    let grey = entries(&bench, "grey_lmdb").remove(0).1;
    let want = image::read(bench.path("photos/a b/ramp 1.png"), Channels::Grey).unwrap().resized(5, 4).unwrap();
    assert_eq!(([grey.channels(), grey.height(), grey.width()], grey.data()), ([1, 5, 4], &want.planes()[..]));
    let error = bench.bad("convert imageset photos list.txt same_lmdb --check_size", 1);
    assert!(error.contains("photos/grey.png is of 3 x 2 x 2, the first image of [3, 2, 3]"), "{error}");
    assert!(!bench.path("same_lmdb").exists());
}

#[test]
fn files_are_stored_as_they_are_or_encoded_anew() {
    let bench = Bench::new();
    bench.write("ramp.png", ramp());
    let jpeg = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/images/q90.jpg")).unwrap();
    bench.write("photo.jpg", &jpeg);
    bench.write("list.txt", "ramp.png 0\nphoto.jpg 1\n");
    let encoded = |flags: &str| -> Vec<Vec<u8>> {
        bench.good(&format!("convert imageset . list.txt made_lmdb --overwrite {flags}"));
        let made = entries(&bench, "made_lmdb");
        assert!(made.iter().all(|(_, datum)| datum.encoded()), "{flags}");
        made.into_iter().map(|(_, datum)| datum.data.unwrap()).collect()
    };
    assert_eq!(encoded("--encoded"), [ramp(), jpeg.clone()]);
    assert_eq!(encoded("--encoded --encode-type jpeg")[1], jpeg);
    // Encoded anew: a PNG keeps every pixel, a JPEG nearly.
    let decode = |bytes: &[u8]| image::decode(bytes, Channels::Colour).unwrap();
    let as_png = encoded("--encode_type png");
    assert_eq!((as_png[0].clone(), decode(&as_png[1])), (ramp(), decode(&jpeg)));
    let small = encoded("--encoded --resize-height 6 --resize-width 7");
    assert_eq!(decode(&small[0]), decode(&ramp()).resized(6, 7).unwrap());
    assert!(small[1].starts_with(&[0xFF, 0xD8]));
    let (got, want) = (decode(&small[1]), decode(&jpeg).resized(6, 7).unwrap());
    let apart: f64 = got.data.iter().zip(&want.data).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    assert!((got.height, got.width) == (6, 7) && apart / (got.data.len() as f64) < 16.0, "{apart}");
}

#[test]
fn subfolders_are_classes() {
    let bench = Bench::new();
    for (name, pixel) in [("b dogs/1.png", 1), ("a cats/2.png", 2), ("a cats/1.png", 3), ("b dogs/.hidden.png", 4)] {
        write_png(&bench, &format!("photos/{name}"), 2, &[pixel]);
    }
    bench.write("photos/README", "not an image, and in no class");
    let said = bench.good("convert imageset photos made/photos_lmdb").out;
    assert_eq!(said, "made/photos_lmdb: 3 images of 3 x 2 x 2\nmade/labels.txt: 2 classes\n");
    assert_eq!(bench.read("made/labels.txt"), b"a cats\nb dogs\n");
    let made =
        |name| -> Vec<_> { entries(&bench, name).into_iter().map(|(key, x)| (key, x.label(), x.data()[0])).collect() };
    let want = [("00000000_a cats/1.png", 0, 3), ("00000001_a cats/2.png", 0, 2), ("00000002_b dogs/1.png", 1, 1)];
    assert_eq!(made("made/photos_lmdb"), want.map(|(key, label, x)| (key.to_string(), label, x)));

    // A second set with the same classes goes beside the first, one with others does not.
    bench.good("convert imageset photos made/test_lmdb");
    write_png(&bench, "other/b dogs/1.png", 2, &[1]);
    let error = bench.bad("convert imageset other made/other_lmdb", 1);
    assert!(error.contains("made/labels.txt is there already, with other classes"), "{error}");
    bench.good("convert imageset other made/other_lmdb --labels other.txt");
    assert_eq!(bench.read("other.txt"), b"b dogs\n");

    // Shuffled: another order, and always the same.
    for i in 0..30 {
        write_png(&bench, &format!("many/{}/{i:02}.png", i % 3), 2, &[i]);
    }
    bench.good("convert imageset many one_lmdb --shuffle");
    bench.good("convert imageset many two_lmdb --shuffle");
    let mut labels: Vec<i32> = made("one_lmdb").iter().map(|&(_, label, _)| label).collect();
    assert_eq!(made("one_lmdb"), made("two_lmdb"));
    assert!(!labels.is_sorted());
    labels.sort();
    assert_eq!(labels, [[0; 10], [1; 10], [2; 10]].concat());
}

#[test]
fn cifar10_becomes_caffes_databases() {
    let bench = Bench::new();
    let record = |label: u8, at: u8| [&[label][..], &[at; 1024], &[at + 1; 1024], &[at + 2; 1024]].concat();
    for i in 1..=5 {
        bench.write(&format!("cifar/data_batch_{i}.bin"), [record(i, 10 * i), record(9, 10 * i + 5)].concat());
    }
    bench.write("cifar/test_batch.bin", record(0, 200));
    let said = bench.good("convert cifar10 --from cifar --to made").out;
    let want = "made/cifar10_train_lmdb: 10 images of 3 x 32 x 32\nmade/cifar10_test_lmdb: 1 images of 3 x 32 x 32\n";
    assert_eq!(said, want);
    let train = entries(&bench, "made/cifar10_train_lmdb");
    let (key, datum) = &train[7];
    assert_eq!((&**key, datum.label(), [datum.channels(), datum.height(), datum.width()]), ("00007", 9, [3, 32, 32]));
    assert_eq!(datum.data(), [[45; 1024], [46; 1024], [47; 1024]].concat());
    assert_eq!((train.len(), entries(&bench, "made/cifar10_test_lmdb")[0].1.data()[0]), (10, 200));

    let bad = |file: &str, bytes: &[u8], says: &str| {
        bench.write("cifar/test_batch.bin", record(0, 200));
        bench.write(&format!("cifar/{file}"), bytes);
        let error = bench.bad("convert cifar10 --from cifar --to made2 --overwrite", 1);
        assert!(error.contains(&format!("cifar/{file}: {says}")), "{error}");
    };
    bad("test_batch.bin", b"", "0 bytes are no whole number of records of 3073 bytes");
    bad("test_batch.bin", &record(0, 1)[1..], "3072 bytes are no whole number");
    bad(
        "test_batch.bin",
        &[record(9, 1), record(10, 1)].concat(),
        "record 1 is of class 10; CIFAR-10 has classes 0 to 9",
    );
    std::fs::remove_file(bench.path("cifar/data_batch_3.bin")).unwrap();
    let error = bench.bad("convert cifar10 --from cifar --to made3", 1);
    assert!(error.contains("cannot read cifar/data_batch_3.bin") && error.contains("binary version"), "{error}");
    assert!(bench.bad("convert cifar10 --to made3", 2).contains("convert needs --from FOLDER"));
}

#[test]
fn a_table_becomes_a_database() {
    let bench = Bench::new();
    bench.write("points.csv", "x,\"the class\",y\n0.5,1,-2\r\n\"3e2\", 0 ,4\n");
    let (file, flag) = ("points.csv", "--label-column=the class");
    let output = bench.command("convert csv").args([file, "made/points_lmdb", flag]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "made/points_lmdb: 2 samples of 1 x 1 x 2\n");
    let made = entries(&bench, "made/points_lmdb");
    let datum = |label, x: [f32; 2]| Datum {
        channels: Some(1),
        height: Some(1),
        width: Some(2),
        label: Some(label),
        float_data: x.to_vec(),
        ..Datum::default()
    };
    let want = [("00000000", datum(1, [0.5, -2.0])), ("00000001", datum(0, [300.0, 4.0]))];
    assert_eq!(made, want.map(|(key, datum)| (key.to_string(), datum)));

    // The digits of scikit-learn, gzipped: 64 values from 0 to 16, then the class.
    let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits8x8/digits.csv.gz");
    let said = bench.good(&format!("convert csv {digits} digits_lmdb --label-column -1 --shape 1,8,8")).out;
    assert_eq!(said, "digits_lmdb: 1797 samples of 1 x 8 x 8\n");
    let (key, first) = entries(&bench, "digits_lmdb").remove(1);
    assert_eq!((&*key, first.label(), &first.float_data[..6]), ("00000001", 1, &[0., 0., 0., 12., 13., 5.][..]));
}

#[test]
fn mistakes_are_named() {
    let bench = Bench::new();
    write_png(&bench, "photos/a/1.png", 2, &[1]);
    bench.write("text/a/1.png", "text");
    bench.write("list.txt", "a/1.png 0\n");
    bench.write("words.txt", "a/1.png 0\na/2.png zero\n");
    bench.write("word.txt", "a/1.png\n");
    bench.write("empty.txt", "\n\n");
    bench.write("latin.txt", b"a/1.png 0\n\xE9.png 1\n");
    bench.write("t.csv", "1,2\n3,1.5\n");
    bench.write("flat/1.png", "");
    std::fs::create_dir_all(bench.path("hollow/a")).unwrap();
    let bad = |line: &str, code, says: &str| {
        let error = bench.bad(&format!("convert {line}"), code);
        assert!(error.contains(says), "{line}: {error}");
        assert!(!bench.path("x_lmdb").exists(), "{line}");
    };
    bad("imageset photos", 2, "convert imageset takes ROOT [LIST] DB\n");
    bad("imageset a b c d", 2, "takes ROOT [LIST] DB\n");
    bad("csv t.csv", 2, "convert csv takes FILE DB");
    bad("mnist photos", 2, "convert mnist takes no words");
    bad("imagset photos x_lmdb", 2, "did you mean imageset?");
    bad("mnist --gray", 2, "convert mnist has no use for --gray");
    bad("csv t.csv x_lmdb --check-size", 2, "convert csv has no use for --check_size");
    bad("imageset photos list.txt x_lmdb --backend hdf5", 2, "give lmdb or leveldb");
    bad("mnist --backend leveldb", 2, "convert mnist has no use for --backend");
    bad("imageset photos list.txt x_lmdb --resize-height 4", 2, "give both --resize_height and --resize_width");
    bad("imageset photos list.txt x_lmdb --encode-type gif", 2, "give png or jpg or jpeg");
    bad("imageset photos list.txt x_lmdb --labels l.txt", 2, "a list has no names");
    bad("imageset none x_lmdb", 1, "cannot read the folder none");
    bad("imageset flat x_lmdb", 1, "flat has no subfolders");
    bad("imageset hollow x_lmdb", 1, "hollow has no files in its subfolders");
    bad("imageset text x_lmdb", 1, "none of the 1 images can be read");
    bad("imageset photos none.txt x_lmdb", 1, "none.txt is not there");
    bad("imageset photos words.txt x_lmdb", 1, "words.txt:2: \"zero\" is no class");
    bad("imageset photos word.txt x_lmdb", 1, "word.txt:1: \"a/1.png\" is one word");
    bad("imageset photos empty.txt x_lmdb", 1, "empty.txt: the list has no images");
    bad("imageset photos latin.txt x_lmdb", 1, "latin.txt:2: the line is not UTF-8 text");
    bad("csv t.csv x_lmdb --label-column 2", 1, "t.csv:1: there is no column \"2\" among 2");
    bad("csv t.csv x_lmdb --label-column 1", 1, "t.csv:2: the class 1.5 is no whole number");
    bad("csv t.csv x_lmdb --shape 1,2", 2, "give C,H,W");
    bad("csv t.csv x_lmdb --shape 1,2,2", 1, "the shape [1, 2, 2] has 4 values, a line has 2");
    bad("imageset photos list.txt train_lmdb", 1, "train_lmdb is there already");
    bad("csv t.csv train_lmdb", 1, "train_lmdb is there already");
    let long = "x".repeat(600);
    write_png(&bench, &format!("photos/{}/1.png", &long[..200]), 2, &[1]);
    bench.write("long.txt", format!("{}/{}1.png 0\n", &long[..200], "./".repeat(200)));
    bad("imageset photos long.txt x_lmdb", 1, "is empty or longer than 511 bytes");
}
