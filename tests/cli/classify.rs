//! Images in, names of classes out.

use crate::bench::Bench;

/// Each class is the mean of one channel: blue, green, red.
const NET: &str = r#"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer { name: "mean" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
layer { name: "prob" type: "Softmax" bottom: "mean" top: "prob" }
"#;

fn write_png(bench: &Bench, name: &str, size: usize, color: png::ColorType, pixel: &[u8]) {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size as u32, size as u32);
    encoder.set_color(color);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixel.repeat(size * size)).unwrap();
    writer.finish().unwrap();
    bench.write(name, bytes);
}

#[test]
fn the_best_classes_come_first() {
    let bench = Bench::new();
    bench.write("deploy.prototxt", NET);
    bench.write("labels.txt", "blue\ngreen\nred\n");
    write_png(&bench, "red.png", 4, png::ColorType::Rgb, &[255, 0, 51]);
    write_png(&bench, "grey.png", 6, png::ColorType::Grayscale, &[51]);
    write_png(&bench, "clear.png", 4, png::ColorType::Rgba, &[0, 255, 0, 0]);
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
fn mistakes_are_named() {
    let bench = Bench::new();
    bench.write("deploy.prototxt", NET);
    bench.write("two.txt", "a\nb\n");
    write_png(&bench, "red.png", 4, png::ColorType::Rgb, &[255, 0, 0]);
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
    bad("--model deploy.prototxt two.txt", 1, "two.txt: no PNG can be read");
    bad("--model deploy.prototxt half.png", 1, "half.png: ");
    bad("--model net.prototxt red.png", 1, "a classifier has one");
}
