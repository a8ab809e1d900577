//! `cortado draw`: the page, the picture and the graph hold every layer, well-formed and escaped.

use crate::bench::Bench;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is not closed or not escaped in HTML or XML; script and style hold no markup.
fn check_markup(text: &str) {
    let void = ["meta", "input", "!DOCTYPE"];
    let (mut open, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('<') {
        let (content, tag) = rest.split_at(at);
        assert!(!content.contains('>'), "a bare > in {content:?}");
        for entity in content.split('&').skip(1) {
            let name = entity.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot"].contains(&name) || name.starts_with('#'), "a bare & in {content:?}");
        }
        // An attribute may hold a >: the tag ends outside quotes.
        let mut quoted = false;
        let end = tag.char_indices().find(|&(_, c)| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let (tag, after) = tag.split_at(end.unwrap_or_else(|| panic!("a tag without end: {tag:.80}")).0);
        rest = &after[1..];
        let name = tag[1..].split([' ', '\n']).next().unwrap().trim_end_matches('/');
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "closed in {tag}");
        } else if !tag.ends_with('/') && !void.contains(&name) {
            open.push(name);
            if ["script", "style"].contains(&name) {
                let close = format!("</{name}>");
                rest = &rest[rest.find(&close).unwrap()..];
            }
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

fn text(bench: &Bench, name: &str) -> String {
    String::from_utf8(bench.read(name)).unwrap()
}

fn zoo(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/zoo").join(name).display().to_string()
}

#[test]
fn the_page_holds_every_layer_and_its_numbers() {
    let bench = Bench::new();
    let out = bench.good("draw net.prototxt net.html --phase TEST").out;
    assert!(
        out.starts_with(
            "Small: phase TEST; layers 7; parameters 163 (652 B); multiply-adds 152 a sample, 760 a batch of 5;"
        ),
        "{out}"
    );
    let page = text(&bench, "net.html");
    check_markup(&page);
    for layer in ["d", "ip1", "relu1", "drop1", "ip2", "accuracy", "loss"] {
        assert_eq!(page.matches(&format!("data-name=\"{layer}\"")).count(), 1, "{layer}");
    }
    let section =
        |name: &str| page[page.find(&format!("data-name=\"{name}\"")).unwrap()..].split("</section>").next().unwrap();
    let ip1 = section("ip1");
    for fact in [
        "5 x 1 x 4 x 4",
        "<td>5 x 8</td>",
        "8 x 16",
        "136, 544 B",
        "128 a sample, 640 a batch of 5",
        "4 x 4",
        "num_output: 8",
    ] {
        assert!(ip1.contains(fact), "{fact}\n{ip1}");
    }
    // In place: a chip in the box of ip1, which it names as its bottom.
    let boxes: Vec<&str> = page.split("<g class=\"box").skip(1).collect();
    assert_eq!(boxes.len(), 5, "two of the seven layers compute in place");
    assert!(
        boxes[1].contains(">ip1<") && boxes[1].contains(">ReLU<") && boxes[1].contains(">Dropout<"),
        "{}",
        boxes[1]
    );
    // What a Split copies goes from its maker to each reader: ip2 and label to the accuracy and the loss, and so on.
    assert_eq!(page.matches("<path class=\"line\"").count(), 6);
    // Nothing comes from elsewhere.
    assert!(
        !page.contains("http://") && !page.contains("https://") && !page.contains("src=") && !page.contains("@import")
    );
}

#[test]
fn names_are_text_whatever_they_say() {
    let bench = Bench::new();
    let evil = r#"</script><script>alert(1)</script>"#;
    bench.write(
        "evil.prototxt",
        format!(
            r#"name: '<b>&"{evil}'
        layer {{ name: "{evil}" type: "Input" top: "a\"b<c>&\001" input_param {{ shape {{ dim: 1 dim: 2 }} }} }}
        layer {{ name: "{}" type: "ReLU" bottom: "a\"b<c>&\001" top: "y" }}"#,
            "n".repeat(70_000)
        ),
    );
    for out in ["evil.html", "evil.svg"] {
        bench.good(&format!("draw evil.prototxt {out}"));
        let page = text(&bench, out);
        check_markup(&page);
        assert!(!page.contains("<script>alert") && !page.contains("<b>&") && !page.contains('\u{1}'), "{out}");
        assert!(page.contains("&lt;/script&gt;"), "{out}");
    }
    let page = text(&bench, "evil.html");
    assert_eq!((page.matches("<script>").count(), page.matches("</script>").count()), (1, 1));
    bench.good("draw evil.prototxt evil.dot");
    assert!(text(&bench, "evil.dot").contains(r#"label="a\"b<c>&"#));
}

#[test]
fn large_nets_of_the_zoo_are_drawn_in_every_direction() {
    let bench = Bench::new();
    for (net, layers) in [("googlenet", 160), ("resnet152", 672)] {
        bench.good(&format!("draw {} {net}.html", zoo(&format!("{net}.prototxt"))));
        let page = text(&bench, &format!("{net}.html"));
        check_markup(&page);
        assert_eq!(page.matches("<section ").count(), layers);
        assert_eq!(page.matches("data-card=\"").count(), layers, "each layer is a box or a chip");
    }
    for direction in ["TB", "BT", "LR", "RL"] {
        bench.good(&format!("draw {} {direction}.svg --rankdir {direction}", zoo("googlenet.prototxt")));
        check_markup(&text(&bench, &format!("{direction}.svg")));
    }
    let size = |name: &str| -> (f32, f32) {
        let svg = text(&bench, name);
        let number = |key: &str| svg.split_once(key).unwrap().1.split('"').next().unwrap().parse().unwrap();
        (number("width=\""), number("height=\""))
    };
    let (down, right) = (size("TB.svg"), size("LR.svg"));
    assert!(down.1 > 2.0 * down.0 && right.0 > 2.0 * right.1, "{down:?} {right:?}");
}

#[test]
fn graphviz_gets_boxes_and_lines() {
    let bench = Bench::new();
    bench.good("draw net.prototxt net.dot --phase train --rankdir LR");
    let dot = text(&bench, "net.dot");
    assert!(dot.starts_with("digraph \"Small\" {\n  rankdir=LR;\n"), "{dot}");
    assert!(dot.contains("n1 [label=\"ip1\\nInnerProduct\\nrelu1 (ReLU)\\ndrop1 (Dropout)\\n6 x 8\"];"), "{dot}");
    assert!(dot.contains("n0 -> n1 [label=\"data\"];") && dot.contains("n0 -> n3 [label=\"label\"];"), "{dot}");
    // Graphviz itself, where it is installed.
    if let Ok(graphviz) = Command::new("dot")
        .args(["-Tsvg", "-o", "/dev/null"])
        .arg(bench.path("net.dot"))
        .stderr(Stdio::piped())
        .output()
    {
        assert!(graphviz.status.success(), "{}", String::from_utf8_lossy(&graphviz.stderr));
    }
}

#[test]
fn data_that_are_missing_are_assumed() {
    let bench = Bench::new();
    let draw = |layer: &str, flags: &str| {
        bench.write("data.prototxt", format!("layer {{ name: 'd' top: 'data' top: 'label' {layer} }} layer {{ name: 's' type: 'Silence' bottom: 'data' bottom: 'label' }}"));
        bench.good(&format!("draw data.prototxt data.html {flags}")).out
    };
    for (layer, flags, shape) in [
        ("type: 'Data' data_param { source: 'none_lmdb' batch_size: 7 }", "", "7 x 3 x 224 x 224"),
        ("type: 'Data' data_param { source: 'none_lmdb' batch_size: 7 }", "--data-shape 1,20,20", "7 x 1 x 20 x 20"),
        ("type: 'Data' data_param { source: 'x/mnist_lmdb' batch_size: 7 }", "", "7 x 1 x 28 x 28"),
        (
            "type: 'Data' data_param { source: 'cifar10_lmdb' batch_size: 7 } transform_param { crop_size: 24 }",
            "",
            "7 x 3 x 24 x 24",
        ),
        (
            "type: 'Data' data_param { source: 'l' batch_size: 2 } transform_param { crop_size: 9 mean_value: 1 mean_value: 2 }",
            "",
            "2 x 2 x 9 x 9",
        ),
        (
            "type: 'ImageData' image_data_param { source: 'l.txt' new_height: 8 new_width: 9 is_color: false }",
            "",
            "1 x 1 x 8 x 9",
        ),
        ("type: 'MemoryData' memory_data_param { batch_size: 3 channels: 2 height: 5 width: 6 }", "", "3 x 2 x 5 x 6"),
        (
            "type: 'HDF5Data' hdf5_data_param { source: 'l.txt' batch_size: 4 }",
            "--data-shape 1,33,33",
            "4 x 1 x 33 x 33",
        ),
        (
            "type: 'WindowData' window_data_param { source: 'l.txt' batch_size: 4 } transform_param { crop_size: 27 }",
            "",
            "4 x 3 x 27 x 27",
        ),
    ] {
        let out = draw(layer, flags);
        // MemoryData needs no data to know its shape.
        let assumed = out.starts_with("layer \"d\": ") && out.contains(&format!("; assumed {shape}, from "));
        assert!(assumed || layer.contains("MemoryData"), "{layer}: {out}");
        assert!(text(&bench, "data.html").contains(&format!("<td>{shape}</td>")), "{layer}");
    }
    // The page has the layer as the prototxt has it, and what was assumed; the database that is there is looked at.
    let page = text(&bench, "data.html");
    assert!(
        page.contains("type: &quot;WindowData&quot;")
            && page.contains("; assumed 4 x 3 x 27 x 27, from the usual 3 channels and crop_size</p>"),
        "{page}"
    );
    assert!(!bench.good("draw net.prototxt net.svg").out.contains("assumed"));
    assert!(!bench.path("data").exists(), "nothing is made");
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let bench = Bench::new();
    for (line, says) in [
        ("draw net.prototxt", "the file to write"),
        ("draw net.prototxt net.png", "must end with .html, .svg or .dot"),
        ("draw net.prototxt net.svg --rankdir down", "give TB or BT or LR or RL"),
        ("draw net.prototxt net.svg --data-shape 3,x", "--data-shape 3,x: give channels, height and width"),
        ("draw net.prototxt net.svg --data-shape 3,0", "--data-shape 3,0: give channels, height and width"),
    ] {
        assert!(bench.bad(line, 2).contains(says), "{line}");
    }
    bench.write(
        "wrong.prototxt",
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 } }",
    );
    let error = bench.bad("draw wrong.prototxt net.svg", 1);
    assert!(error.contains("wrong.prototxt:1:") && error.contains("made by no layer"), "{error}");
    bench.write("empty.prototxt", "name: 'Empty'");
    for out in ["empty.html", "empty.svg", "empty.dot"] {
        bench.good(&format!("draw empty.prototxt {out}"));
    }
    check_markup(&text(&bench, "empty.html"));
    assert!(!bench.path("net.svg").exists());
}

/// The page in a browser: skipped without `CORTADO_CHROMIUM`, the path of a Chromium.
#[test]
fn a_browser_shows_the_page() {
    let Some(chromium) = std::env::var_os("CORTADO_CHROMIUM") else { return };
    let bench = Bench::new();
    for net in ["lenet", "googlenet"] {
        bench.good(&format!("draw {} page.html", zoo(&format!("{net}.prototxt"))));
        bench.write("page.html", text(&bench, "page.html") + "<script>" + include_str!("page.js") + "</script>");
        let mut browser = Command::new(&chromium);
        browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]);
        let page = browser.arg(format!("file://{}", bench.path("page.html").display())).output().unwrap();
        let page = String::from_utf8_lossy(&page.stdout);
        assert!(page.contains("<pre>failed: []</pre>"), "{net}: {}", page.split("<pre>").last().unwrap_or_default());
    }
}

#[test]
fn the_pictures_in_the_book_are_the_commands_own() {
    let bench = Bench::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let train_log = root.join("tests/golden/logs/lenet_train_500.log");
    for (picture, line) in [
        ("lenet.svg", format!("draw {} lenet.svg", root.join("proto/lenet_train_test.prototxt").display())),
        ("loss.svg", format!("plot {} --to loss.svg --only loss", train_log.display())),
    ] {
        bench.good(&line);
        let old = std::fs::read_to_string(root.join("book/src/pictures").join(picture)).unwrap_or_default();
        assert!(old == text(&bench, picture), "book/src/pictures/{picture} is old; make it anew by cortado {line}");
    }
}
