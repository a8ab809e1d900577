//! What blobs hold over several batches, in files.

use crate::bench::Bench;
use cortado::data::{lmdb, npy};
use cortado::io::datum_to_array;
use cortado::proto::{Datum, binary};

const NET: &str = r#"
layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "train_lmdb" backend: LMDB batch_size: 3 } }
layer { name: "half" type: "Power" bottom: "data" top: "half" power_param { scale: 0.5 } }
layer { name: "sums" type: "Reduction" bottom: "data" top: "sums" reduction_param { axis: 1 } }
layer { name: "silence" type: "Silence" bottom: "label" }
"#;

/// The values of a database, and its keys.
fn database(bench: &Bench, name: &str) -> (Vec<String>, Vec<f32>, [usize; 3]) {
    let mut reader = lmdb::Reader::open(bench.path(name)).unwrap();
    let (mut keys, mut values, mut shape) = (Vec::new(), Vec::new(), [0; 3]);
    for i in 0..reader.len() {
        let (key, value) = reader.get(i).unwrap();
        keys.push(String::from_utf8(key.to_vec()).unwrap());
        let x = datum_to_array(&binary::decode::<Datum>(value).unwrap()).unwrap();
        shape = [x.dim().0, x.dim().1, x.dim().2];
        values.extend(x);
    }
    (keys, values, shape)
}

#[test]
fn batches_come_in_order_in_every_format() {
    let bench = Bench::new();
    bench.write("features.prototxt", NET);
    let said = bench.good("extract --model features.prototxt --blobs half,sums,data --to out --iterations 4").out;
    let read = |name: &str| npy::read(bench.path(name)).unwrap();
    let (half, sums, data) = (read("out/half.npy"), read("out/sums.npy"), read("out/data.npy"));
    let (n, image) = (data.shape()[0], data.len() / 12);
    assert_eq!((n, half.shape(), sums.shape()), (12, data.shape(), &[12][..]));
    assert!(said.starts_with("half: 12 x 1 x ") && said.contains("sums: 12 -> out/sums.npy\n"), "{said}");
    assert_eq!(half, &data * 0.5);
    // The samples are the database's, one after another.
    let stored = database(&bench, "train_lmdb").1;
    assert!(data.iter().eq(&stored[..data.len()]));

    // A file of one blob; and Caffe's words, which make databases.
    bench.good("extract --model features.prototxt --blobs half --to one.npy --iterations 4");
    assert_eq!(read("one.npy"), half);
    std::fs::write(bench.path("none.caffemodel"), "").unwrap();
    let (half_db, sums_db) = ("half_db", "sums_db");
    bench.good("extract --model features.prototxt --blobs half --to half_db --iterations 4 --format lmdb");
    let (keys, values, shape) = database(&bench, half_db);
    assert_eq!((keys[0].as_str(), keys[11].as_str(), keys.len()), ("0000000000", "0000000011", 12));
    assert_eq!((values.len(), shape.iter().product::<usize>()), (half.len(), image));
    assert!(values.iter().eq(&half));
    let save = "forward --model features.prototxt --output half=x.npy";
    bench.good(save);
    bench.good("extract --model features.prototxt --blobs sums --to sums_db --iterations 4 --format lmdb");
    assert!(database(&bench, sums_db).1.iter().eq(&sums));
}

#[test]
fn mistakes_are_named() {
    let bench = Bench::new();
    bench.write("features.prototxt", NET);
    bench.write("input.prototxt", "layer { name: \"in\" type: \"Input\" top: \"x\" input_param { shape { dim: 1 } } }");
    let bad = |line: &str, code, says: &str| {
        let error = bench.bad(&format!("extract {line}"), code);
        assert!(error.contains(says), "{line}: {error}");
    };
    bad("--model features.prototxt --to x.npy", 2, "extract needs --blobs");
    bad("--model features.prototxt --blobs half", 2, "extract needs --to");
    bad("--model features.prototxt --blobs hal --to x.npy", 1, "there is no blob \"hal\"");
    bad("--model features.prototxt --blobs half --to x --format hdf", 2, "give npy or lmdb");
    bad("--model features.prototxt --blobs half --to x.npy --iterations 0", 2, "give at least 1");
    bad("--model input.prototxt --blobs x --to x.npy", 1, "the net's input \"x\" has no data");
    bad("w features.prototxt half,sums a_db 2 lmdb", 2, "2 blobs and 1 databases");
    bad("w features.prototxt half", 2, "6 words or none, not 3");
    bad("none.caffemodel features.prototxt half half_db 2 lmdb CPU", 1, "none.caffemodel");
    bad("--model features.prototxt --blobs half --to train_lmdb --format lmdb", 1, "train_lmdb is there already");
    assert!(!bench.path("x.npy").exists());
}
