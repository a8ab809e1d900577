//! Images in, names of classes out.

use crate::bench::Bench;
use crate::pictures::write_png;
use cortado::data::encode;
use cortado::data::image::Picture;

/// Each class is the mean of one channel: blue, green, red.
const NET: &str = r#"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer { name: "mean" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
layer { name: "prob" type: "Softmax" bottom: "mean" top: "prob" }
"#;

#[test]
fn the_best_classes_come_first() {
    let bench = Bench::new();
    bench.write("deploy.prototxt", NET);
    bench.write("labels.txt", "blue\ngreen\nred\n");
    write_png(&bench, "red.png", 4, &[255, 0, 51]);
    write_png(&bench, "grey.png", 6, &[51]);
    write_png(&bench, "clear.png", 4, &[0, 255, 0, 0]);
    let line = "classify --model deploy.prototxt --labels labels.txt --raw-scale 1";
    let said = bench.good(&format!("{line} --top 2 red.png grey.png clear.png")).out;
    // exp(1), exp(0.2) and exp(0), over their sum.
    let want = "Input 3 x 4 x 4: blue, green, red, from 0 to 1, minus no mean, times 1; the image's middle\n\
                red.png\n  0.5503  red\n  0.2473  blue\n\
                grey.png\n  0.3333  blue\n  0.3333  green\n\
                clear.png\n  0.5761  green\n  0.2119  blue\n";
    assert_eq!(said, want);
    // The mean is in the input's order, so that blue counts nothing; the crops are all alike.
    let more = "--mean 0.2,0,0 --oversample --input-scale 2 --top 3";
    let said = bench.good(&format!("{line} {more} red.png")).out;
    let want = "Input 3 x 4 x 4: blue, green, red, from 0 to 1, minus the mean 0.2,0,0, times 2; the mean of ten crops\n\
                red.png\n  0.7870  red\n  0.1065  blue\n  0.1065  green\n";
    assert_eq!(said, want);
    let said = bench.good(&format!("{line} --channel-swap 0,1,2 --top 1 red.png")).out;
    assert!(said.ends_with("red.png\n  0.5503  blue\n"), "{said}");
}

#[test]
fn a_jpeg_is_read_as_well() {
    let bench = Bench::new();
    bench.write("deploy.prototxt", NET);
    bench.write("labels.txt", "blue\ngreen\nred\n");
    let red = Picture { height: 4, width: 4, channels: 3, data: [51, 0, 255].repeat(16) };
    bench.write("red.jpg", encode::encode(&red, encode::Format::Jpeg).unwrap());
    let said = bench.good("classify --model deploy.prototxt --labels labels.txt --raw-scale 1 red.jpg").out;
    let lines: Vec<Vec<&str>> = said.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
    // As of the PNG, but for a JPEG's rounding.
    for (line, (prob, label)) in lines.iter().zip([(0.5503, "red"), (0.2473, "blue"), (0.2025, "green")]) {
        let near = (line[0].parse::<f64>().unwrap() - prob).abs() < 0.003;
        assert!(near && line[1] == label, "{said}");
    }
    assert_eq!(lines.len(), 3);
}

#[test]
fn mistakes_are_named() {
    let bench = Bench::new();
    bench.write("deploy.prototxt", NET);
    bench.write("two.txt", "a\nb\n");
    write_png(&bench, "red.png", 4, &[255, 0, 0]);
    bench.write("half.png", &bench.read("red.png")[..40]);
    let bad = |line: &str, code, says: &str| {
        let error = bench.bad(&format!("classify {line}"), code);
        assert!(error.contains(says), "{line}: {error}");
    };
    bad("--model deploy.prototxt", 2, "at least one image");
    bad("red.png", 2, "classify needs --model");
    let model = "--model deploy.prototxt red.png";
    bad(&format!("{model} --mean 1,2"), 1, "a mean of shape [2] for an input of shape [3, 4, 4]");
    bad(&format!("{model} --channel-swap 0,1"), 1, "channel_swap is [0, 1]; each of 0 to 2");
    bad(&format!("{model} --image-dims 2,2"), 1, "images of 2 x 2 for an input of 4 x 4");
    bad(&format!("{model} --image-dims 8"), 2, "give H,W");
    bad(&format!("{model} --labels two.txt"), 1, "2 labels for a net of 3 classes");
    bad("--model deploy.prototxt none.png", 1, "none.png is not there");
    bad(
        "--model deploy.prototxt two.txt",
        1,
        "two.txt: its first bytes [61, 0a, 62, 0a] are of no image; PNG and JPEG can be decoded",
    );
    bad("--model deploy.prototxt half.png", 1, "half.png: ");
    bad("--model net.prototxt red.png", 1, "a classifier has one");
}
