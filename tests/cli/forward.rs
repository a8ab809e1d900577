//! Arrays in, arrays out.

use crate::bench::Bench;
use cortado::data::npy;
use ndarray::array;

const NET: &str = r#"
name: "Half"
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
        inner_product_param { num_output: 2 weight_filler { type: "constant" value: 0.5 } bias_filler { type: "constant" value: 1 } } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "z" }
"#;

#[test]
fn arrays_go_in_and_come_out() {
    let bench = Bench::new();
    bench.write("half.prototxt", NET);
    // Two rows where the prototxt has one: the net is reshaped.
    let x = array![[1.0, 2.0, 3.0], [-4.0, -2.0, 0.0f32]];
    npy::write(bench.path("x.npy"), x.view().into_dyn()).unwrap();
    let said = bench.good("forward --model half.prototxt --input x=x.npy --output y=y.npy --output z=z.npy").out;
    assert_eq!(said, "y: 2 x 2 -> y.npy\nz: 2 x 2 -> z.npy\n");
    let read = |name: &str| npy::read(bench.path(name)).unwrap();
    assert_eq!(read("y.npy"), array![[4.0, 4.0], [-2.0, -2.0]].into_dyn());
    assert_eq!(read("z.npy"), array![[4.0, 4.0], [0.0, 0.0]].into_dyn());

    let out = bench.good("forward --model half.prototxt --input x=x.npy").out;
    assert_eq!(out, "z: 2 x 2: min 0, mean 2, max 4 | 4 4 0 0\n");
}

#[test]
fn wrong_blobs_and_files_are_errors() {
    let bench = Bench::new();
    bench.write("half.prototxt", NET);
    npy::write(bench.path("x.npy"), array![[1.0f32, 2.0, 3.0]].view().into_dyn()).unwrap();
    npy::write(bench.path("wide.npy"), array![[1.0f32, 2.0]].view().into_dyn()).unwrap();
    let bad = |line: &str, code, says: &str| {
        let error = bench.bad(&format!("forward --model half.prototxt {line}"), code);
        assert!(error.contains(says), "{line}: {error}");
    };
    bad("--input x=x.npy --output yy=y.npy", 1, "there is no blob \"yy\"");
    bad("--input x=x.npy --input xx=x.npy", 1, "there is no blob \"xx\"");
    bad("--input x=x.npy --input y=x.npy", 1, "not an input");
    // A slip of the pen is named before what is missing because of it.
    bad("--input xx=x.npy", 1, "there is no blob \"xx\"");
    bad("--output y=y.npy", 1, "the input \"x\" is not given");
    bad("--input x=none.npy", 1, "none.npy");
    bad("--input x=half.prototxt", 1, "half.prototxt");
    bad("--input x=wide.npy", 1, "layer \"ip\"");
    bad("--input x.npy", 2, "--input x.npy");
    bad("--input x=x.npy --weights none.caffemodel", 1, "none.caffemodel");
    assert!(!bench.path("y.npy").exists());
}
