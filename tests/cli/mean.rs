//! The mean image of a database.

use crate::bench::Bench;
use crate::pictures::{png, write_png};
use cortado::data::{binaryproto, npy};
use cortado::proto::{BlobProto, binary};

#[test]
fn the_mean_of_pixels_files_and_floats() {
    let bench = Bench::new();
    // Two images of 1 x 2 pixels, red, green, blue.
    bench.write("a/1.png", png(1, 2, &[10, 20, 30, 40, 50, 60]));
    bench.write("a/2.png", png(1, 2, &[11, 22, 33, 44, 55, 66]));
    let want = [31.5, 63.0, 21.0, 52.5, 10.5, 42.0]; // blue, green, red
    bench.write("list.txt", "1.png 0\n2.png 0\n");
    for (i, flags) in ["", "--encoded"].iter().enumerate() {
        bench.good(&format!("convert imageset a list.txt db{i} {flags}"));
        let said = bench.good(&format!("mean db{i} new/mean.binaryproto -backend lmdb")).out;
        let told = "images of 3 x 1 x 2\nmean_value of channel 0: 47.25\nmean_value of channel 1: 36.75\nmean_value of channel 2: 26.25\n";
        assert_eq!(said, format!("db{i}: 2 {told}written to new/mean.binaryproto\n"));
        // As Caffe writes it: with the four sizes of old blobs.
        let proto: BlobProto = binary::decode(&bench.read("new/mean.binaryproto")).unwrap();
        assert_eq!([proto.num, proto.channels, proto.height, proto.width], [1, 3, 1, 2].map(Some));
        assert_eq!((proto.data, proto.shape), (want.to_vec(), None));
        let path = bench.path("new/mean.binaryproto");
        assert_eq!(binaryproto::read(path, "the mean", "").unwrap(), (vec![1, 3, 1, 2], want.to_vec()));
    }
    bench.good("mean db0 new/mean.npy");
    let x = npy::read(bench.path("new/mean.npy")).unwrap();
    assert_eq!((x.shape(), x.as_slice().unwrap()), (&[3, 1, 2][..], &want[..]));

    bench.write("t.csv", "-1,2.5\n4,0\n");
    bench.good("convert csv t.csv floats_lmdb");
    let said = bench.good("mean floats_lmdb").out;
    assert_eq!(said, "floats_lmdb: 2 images of 1 x 1 x 2\nmean_value of channel 0: 1.375\n");
}

#[test]
fn mistakes_are_named() {
    let bench = Bench::new();
    write_png(&bench, "a/1.png", 2, &[1]);
    write_png(&bench, "a/2.png", 3, &[1]);
    bench.write("list.txt", "1.png 0\n2.png 0\n");
    bench.good("convert imageset a list.txt mixed_lmdb");
    let bad = |line: &str, code, says: &str| {
        let error = bench.bad(&format!("mean {line}"), code);
        assert!(error.contains(says), "{line}: {error}");
        assert!(!bench.path("m.binaryproto").exists());
    };
    bad("", 2, "mean takes DB [FILE]");
    bad("a b c", 2, "mean takes DB [FILE]");
    bad("none_lmdb m.binaryproto", 1, "none_lmdb is not there");
    bad("mixed_lmdb m.binaryproto --backend hdf5", 2, "give lmdb or leveldb");
    let says =
        "mixed_lmdb: entry \"00000001_2.png\" is of 3 x 3 x 3, the first of 3 x 2 x 2\n  = help: a mean image needs";
    bad("mixed_lmdb m.binaryproto", 1, says);
    bad("list.txt m.binaryproto", 1, "list.txt");
}
