//! Pictures say what the values say, and what cannot be drawn says why.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cortado::net::{Builder, Keep};
use cortado::show::svg::{Pixels, Svg, text_width};
use cortado::show::{Chart, Histogram, Images, Plane, Rich, Sample, Show, Stats, Traced};
use cortado::{Net, Phase, Result, Values};

fn values(shape: &[usize], of: impl Fn(usize) -> f32) -> Values {
    let mut values = Values::new(shape).unwrap();
    values.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = of(i));
    values
}

/// Numbers between 0 and 1 that look random.
fn noise(i: usize) -> f32 {
    ((i as f32 * 12.9898).sin() * 43758.547).fract().abs()
}

fn svg(item: &dyn Show) -> String {
    match item.look().unwrap().rich {
        Some(Rich::Svg(svg)) => svg,
        other => panic!("no drawing but {other:?}"),
    }
}

/// Each element that is opened is closed, in order; texts hold no `<` and no bare `&`. Gives the elements' names.
fn elements(xml: &str) -> Vec<String> {
    let (mut open, mut names) = (Vec::new(), Vec::new());
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "a bare > in {text:?}");
        for (i, _) in text.match_indices('&') {
            assert!(
                ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#"].iter().any(|e| text[i..].starts_with(e)),
                "{text}"
            );
        }
        let end = start + rest[start..].find('>').expect("a tag that ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        assert!(!tag.contains('<'), "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
        } else {
            let name = tag.split([' ', '\n', '/']).next().unwrap().to_string();
            names.push(name.clone());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    assert!(xml.contains("viewBox=") && xml.contains("max-width:100%"), "narrow pages");
    names
}

/// The pictures in a drawing: width, and red, green and blue of each pixel.
fn pictures(svg: &str) -> Vec<(usize, Vec<[u8; 3]>)> {
    let pictures = svg.split("data:image/png;base64,").skip(1);
    pictures
        .map(|rest| {
            let bytes = BASE64_STANDARD.decode(rest.split('"').next().unwrap()).unwrap();
            let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(info.color_type, png::ColorType::Rgb);
            let pixels = pixels.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
            (info.width as usize, pixels)
        })
        .collect()
}

#[test]
fn statistics_are_those_of_plain_loops() {
    let x: Vec<f32> = (0..1000).map(|i| if i % 7 == 0 { 0.0 } else { 20.0 * noise(i) - 8.0 }).collect();
    let s = Stats::of(&x);
    let mean = x.iter().map(|&v| v as f64).sum::<f64>() / 1000.0;
    let var = x.iter().map(|&v| (v as f64 - mean).powi(2)).sum::<f64>() / 1000.0;
    assert_eq!(s.min, x.iter().copied().reduce(f32::min).unwrap());
    assert_eq!(s.max, x.iter().copied().reduce(f32::max).unwrap());
    assert!((s.mean as f64 - mean).abs() < 1e-6 && (s.std as f64 - var.sqrt()).abs() < 1e-5);
    assert_eq!((s.count, s.broken, s.zeros), (1000, 0, 143));

    let broken = Stats::of(&[f32::NAN, f32::INFINITY, 2.0, -0.0]);
    assert_eq!((broken.count, broken.broken, broken.zeros, broken.mean), (4, 2, 1, 1.0));
    let empty = Stats::of(&[]);
    assert!(empty.min.is_nan() && empty.mean.is_nan() && !empty.all_zero());
}

#[test]
fn a_histogram_counts_every_value_once() {
    let x = values(&[997], |i| 6.0 * noise(i) - 2.0);
    let counts = Histogram::of(&x).bins(13).range(-1.5, 3.5).counts().unwrap();
    for (bin, &n) in counts[0].iter().enumerate() {
        let low = -1.5 + 5.0 * bin as f64 / 13.0;
        let naive = x.slice().iter().filter(|&&v| (v as f64) >= low && (v as f64) < low + 5.0 / 13.0).count();
        assert_eq!(n, naive, "bin {bin}");
    }
    let all = Histogram::of(&x).and("twice", &[x.slice(), x.slice()].concat()).counts().unwrap();
    assert_eq!(all.iter().map(|c| c.iter().sum::<usize>()).collect::<Vec<_>>(), [997, 2 * 997]);
    assert_eq!(all[0].iter().map(|n| 2 * n).collect::<Vec<_>>(), all[1]);

    // The greatest value is in the last bin; equal values and values that are no numbers are no reason to fail.
    assert_eq!(Histogram::of(&[0.0, 1.0, 2.0]).bins(2).counts().unwrap(), [[1, 2]]);
    assert_eq!(Histogram::of(&[3.0; 5]).bins(3).counts().unwrap(), [[0, 5, 0]]);
    assert_eq!(Histogram::of(&[1.0, f32::NAN, 2.0, f32::INFINITY]).bins(1).counts().unwrap(), [[2]]);
    assert_eq!(Histogram::of(&[f32::MIN, f32::MAX]).bins(2).counts().unwrap(), [[1, 1]]);
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let empty = Values::new(&[0, 3]).unwrap();
    assert!(Histogram::of(&empty).look().is_err());
    assert!(Histogram::of(&[f32::NAN]).look().is_err());
    assert!(Histogram::of(&[1.0]).range(2.0, 2.0).look().is_err());
    assert!(Histogram::of(&[1.0]).range(f32::NAN, 2.0).look().is_err());
    assert!(Images::of(&empty).is_err());
    assert!(Images::of(&Values::new(&[5]).unwrap()).is_err());
    assert!(Images::of(&Values::new(&[1, 1, 1, 2, 2]).unwrap()).is_err());
    assert!(Chart::new("empty").look().is_err());
    assert!(Plane::new("backwards", 1.0..=-1.0, 0.0..=1.0).look().is_err());
    assert!(Plane::new("endless", 0.0..=1.0, 0.0..=f32::INFINITY).look().is_err());
}

/// What is drawn inside a plane's frame, undone: for each path its points in the plane's own numbers.
fn paths_in(plane: &Plane, x: [f64; 2], y: [f64; 2]) -> Vec<Vec<[f64; 2]>> {
    let svg = svg(plane);
    let (_, inside) = svg.split_once("<svg x=").expect("a frame");
    let number = |name: &str| -> f64 {
        let inside = format!(" x={inside}");
        inside.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let (left, top, width, height) = (number("x"), number("y"), number("width"), number("height"));
    let point = |xy: &str| {
        let (px, py) = xy.trim().split_once(' ').unwrap();
        let (px, py): (f64, f64) = (px.parse().unwrap(), py.parse().unwrap());
        [x[0] + (px - left) / width * (x[1] - x[0]), y[1] - (py - top) / height * (y[1] - y[0])]
    };
    let paths = inside.split("<path d=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    paths.map(|d| d.split(['M', 'L']).filter(|xy| !xy.is_empty()).map(point).collect()).collect()
}

#[test]
fn level_lines_lie_on_their_level() {
    let plane = Plane::new("", -2.0..=2.0, -1.0..=1.0).surface(|[x, y]| x * x + y * y).levels(&[0.81]);
    let lines = paths_in(&plane, [-2.0, 2.0], [-1.0, 1.0]);
    assert_eq!(lines.len(), 1);
    let mut length = 0.0;
    for piece in lines[0].chunks(2) {
        for [x, y] in piece {
            assert!((x.hypot(*y) - 0.9).abs() < 5e-3, "({x}, {y}) is not on the circle");
        }
        length += (piece[0][0] - piece[1][0]).hypot(piece[0][1] - piece[1][1]);
    }
    assert!((length / (2.0 * std::f64::consts::PI * 0.9) - 1.0).abs() < 0.02, "a circle {length} long");

    // At a saddle the two branches keep apart: x y > 0 hangs together, or x y < 0.
    for level in [0.003f32, -0.003] {
        let saddle = Plane::new("", -1.0..=1.1, -1.0..=1.1).surface(|[x, y]| x * y).levels(&[level]);
        for piece in paths_in(&saddle, [-1.0, 1.1], [-1.0, 1.1])[0].chunks(2) {
            let middle = [(piece[0][0] + piece[1][0]) / 2.0, (piece[0][1] + piece[1][1]) / 2.0];
            assert!(middle[0] * middle[1] * level.signum() as f64 > -1e-4, "{level}: {piece:?}");
        }
    }

    // Unless told, there are several lines; where the surface is not finite, and without one, there are none.
    let bowl = Plane::new("", -2.0..=2.0, -1.0..=1.0).surface(|[x, y]| x * x + y * y);
    assert!(paths_in(&bowl, [-2.0, 2.0], [-1.0, 1.0]).len() > 9);
    let broken = Plane::new("", -2.0..=2.0, -1.0..=1.0).surface(|[x, _]| if x < 0.0 { f32::NAN } else { x });
    assert!(paths_in(&broken, [-2.0, 2.0], [-1.0, 1.0]).iter().flatten().all(|p| p[0] >= -1e-2));
    assert!(paths_in(&Plane::new("", 0.0..=1.0, 0.0..=1.0), [0.0, 1.0], [0.0, 1.0]).is_empty());
}

#[test]
fn a_path_keeps_its_order_and_ends_where_it_is_not_finite() {
    let way = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.5, 0.4], [0.1, 0.9]];
    let plane = Plane::new("", 0.0..=1.0, 0.0..=1.0).path("to and fro", &way);
    let drawn = paths_in(&plane, [0.0, 1.0], [0.0, 1.0]);
    assert_eq!(drawn[0].len(), way.len());
    for (drawn, way) in drawn[0].iter().zip(way) {
        assert!((drawn[0] - way[0] as f64).abs() < 2e-3 && (drawn[1] - way[1] as f64).abs() < 2e-3);
    }
    assert_eq!(svg(&plane).matches("<circle").count(), way.len());

    let lost = [[0.5, 0.5], [1e30, -1e30], [f32::NAN, 0.0], [0.1, 0.1]];
    let plane = plane.path("lost", &lost);
    assert_eq!(paths_in(&plane, [0.0, 1.0], [0.0, 1.0])[1].len(), 2);
    assert!(!svg(&plane).contains("inf") && !svg(&plane).contains("NaN"));
    assert!(Plane::new("", 0.0..=1.0, 0.0..=1.0).path("nothing", &[]).look().is_ok());
}

#[test]
fn pixels_are_the_values() {
    let x = values(&[2, 1, 3, 4], |i| i as f32);
    let pictures_of = |images: &Images| pictures(&svg(images));
    let grey = pictures_of(&Images::of(&x).unwrap());
    assert_eq!(grey.len(), 2);
    for (n, (width, pixels)) in grey.iter().enumerate() {
        assert_eq!((*width, pixels.len()), (4, 12));
        for (i, pixel) in pixels.iter().enumerate() {
            let shade = (255.0 * (12 * n + i) as f32 / 23.0).round() as u8;
            assert_eq!(*pixel, [shade; 3]);
        }
    }
    // Three channels: red, green, blue. Two: a picture each. Signed: always one each.
    let colour = pictures_of(&Images::of(&values(&[1, 3, 1, 2], |i| [0.0, 1.0, 0.0, 0.0, 1.0, 0.0][i])).unwrap());
    assert_eq!(colour, [(2, vec![[0, 0, 255], [255, 0, 0]])]);
    assert_eq!(pictures_of(&Images::of(&values(&[1, 2, 2, 2], |i| i as f32)).unwrap()).len(), 2);
    let signed = pictures_of(&Images::signed(&values(&[1, 3, 1, 1], |i| i as f32 - 1.0)).unwrap());
    assert_eq!(signed.iter().map(|p| p.1[0]).collect::<Vec<_>>(), [[0, 95, 150], [255; 3], [200, 80, 10]]);
    // White is zero there, so each picture has a frame.
    let frames = |images: Images| images.to_svg().matches("<path").count();
    assert_eq!(frames(Images::signed(&values(&[3, 1, 2, 2], |i| i as f32)).unwrap()), 3);
    assert_eq!(frames(Images::of(&values(&[3, 1, 2, 2], |i| i as f32)).unwrap()), 0);
    // What is not a number is magenta.
    let broken = pictures_of(&Images::of(&values(&[1, 2], |i| [f32::NAN, 1.0][i])).unwrap());
    assert_eq!(broken[0].1[0], [255, 0, 255]);
    assert_eq!(pictures_of(&Images::of(&x).unwrap().pick([1, 7])).len(), 1);
}

#[test]
fn more_colours_than_a_palette_holds() {
    let rgb: Vec<u8> = (0..300 * 3).map(|i| (i * 7 / 3) as u8 ^ (i / 256) as u8).collect();
    let mut drawing = Svg::new(10.0, 10.0, "many");
    drawing.pixels((0.0, 0.0), (10.0, 10.0), &Pixels { width: 20, rgb: rgb.clone() });
    let drawn = pictures(&drawing.finish());
    assert_eq!(drawn[0].1.concat(), rgb);
}

#[test]
fn drawings_are_well_formed_and_texts_escaped() {
    let (x, title) = (values(&[2, 1, 3, 3], noise), "a < b & \"c\" > d");
    let drawings = [
        svg(&Histogram::of(&x).title(title).name("<in>").and("&out", &[0.5])),
        svg(&Histogram::of(&x).log()),
        svg(&Images::of(&x).unwrap().title(title).captions(["<0>", "&1"])),
        svg(&Chart::new(title).axes("<x>", "&y").line("<a>", &[(0.0, 1.0), (1.0, 2.0)]).line("&b", &[(0.0, 3.0)])),
        svg(&Chart::new(title).log().line("a", &[(0.0, 1e-9), (1.0, 1e9)])),
        svg(&Plane::new(title, 0.0..=1.0, 0.0..=1.0).axes("<x>", "&y").surface(|[x, _]| x).path("<a>", &[[0.5, 0.5]])),
    ];
    for drawing in &drawings {
        assert!(elements(drawing).contains(&"title".to_string()));
        assert!(!drawing.contains("a < b"));
    }
    assert!(text_width("mmmm", 12.0) > text_width("iiii", 12.0));
}

const BRANCHES: &str = r#"
    name: "branches"
    layer { name: "in" type: "Input" top: "x" top: "label" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } shape { dim: 2 } } }
    layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
            convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
    layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
    layer { name: "left" type: "InnerProduct" bottom: "conv" top: "left" inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
    layer { name: "right" type: "InnerProduct" bottom: "conv" top: "right" inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
    layer { name: "sum" type: "Eltwise" bottom: "left" bottom: "right" top: "sum" }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }
"#;

fn branches(keep: Keep) -> Result<Net> {
    let mut net = Builder::parse(BRANCHES, "test")?.phase(Phase::Train).keep(keep).seed(1).make()?;
    net.data_mut("x")?.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = noise(i) - 0.4);
    net.forward()?;
    net.backward()?;
    Ok(net)
}

#[test]
fn a_trace_is_what_the_blobs_hold() -> Result {
    let net = branches(Keep::All)?;
    let trace = net.trace()?;
    assert_eq!(trace.layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), net.layer_names());
    let named = |name: &str| trace.layers.iter().find(|l| l.name == name).unwrap();
    let (conv, relu) = (&named("conv").tops[0], &named("relu").tops[0]);
    assert_eq!((conv.version, relu.version), (0, 1));
    for (top, k) in [(conv, 0), (relu, 1)] {
        let blob = net.blob_version("conv", k)?;
        assert_eq!(top.data.stats(), Some(&Stats::of(blob.data.slice())));
        assert_eq!(top.diff.stats(), Some(&Stats::of(blob.diff.slice())));
    }
    let zeros = |top: &cortado::show::TracedTop| top.data.stats().map_or(0, |s| s.zeros);
    assert!(zeros(relu) > zeros(conv));
    assert_eq!(named("left").bottoms.len(), 1);
    assert!(named("left").bottoms[0].gradient && !named("conv").bottoms[0].gradient);
    assert_eq!(named("loss").tops[0].loss_weight, 1.0);
    assert_eq!(named("left").params[0].data.stats().map(|s| s.count), Some(5 * 4 * 4 * 4));
    assert!(matches!(named("in").tops[0].diff, Traced::Untouched));
    match &conv.data {
        Traced::Kept(_, Sample::Maps { of: 4, height: 4, width: 4, values }) => {
            assert_eq!(values, &net.blob_version("conv", 0)?.data.slice()[..64]);
        }
        other => panic!("{other:?}"),
    }
    let text = trace.to_string();
    assert!(text.contains("branches, phase TRAIN, after 1 pass") && text.contains("conv -> conv v1"), "{text}");
    Ok(())
}

#[test]
fn the_strip_draws_every_layer() -> Result {
    for (net, pictures_of) in [(branches(Keep::All)?, 13), (branches(Keep::Needed)?, 4)] {
        let drawing = svg(&net.trace()?);
        let names = elements(&drawing);
        for layer in net.layer_names().into_iter().filter(|n| !n.contains("split")) {
            assert!(drawing.contains(&format!(">{layer}</text>")), "{layer}");
        }
        // A dot a layer and two in the legend, and one for the in-place layer there.
        assert_eq!(names.iter().filter(|n| *n == "circle").count(), net.layer_names().len() + 2);
        assert!(drawing.contains("conv, in place \u{2192} v1") && drawing.contains("conv v1 \u{2192} 2 copies"));
        assert!(drawing.contains("conv v1 \u{2192} left") && drawing.contains("left, right \u{2192} sum"));
        assert!(pictures(&drawing).len() <= pictures_of, "{}", pictures(&drawing).len());
        // A Split's copies go to two layers: two lines leave it.
        let split = net.trace()?.layers.iter().position(|l| l.kind == "Split").unwrap();
        assert_eq!(net.trace()?.layers[split].tops.len(), 2);
    }
    let freed = branches(Keep::Needed)?.trace()?;
    assert!(freed.layers.iter().flat_map(|l| &l.tops).any(|t| matches!(t.diff, Traced::Freed)));
    assert!(freed.to_string().contains("freed") && freed.to_svg().contains(">freed<"));
    Ok(())
}

#[test]
fn strips_of_lenet_in_both_phases() -> Result {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/proto/lenet_train_test.prototxt")).unwrap();
    // Made-up digits in the place of the databases.
    let mut net = cortado::proto::text::parse::<cortado::proto::NetParameter>(&text, "lenet")?.message;
    net.layer.retain(|l| l.r#type() != "Data");
    let input = r#"layer { name: "mnist" type: "Input" top: "data" top: "label"
                           input_param { shape { dim: 2 dim: 1 dim: 28 dim: 28 } shape { dim: 2 } } }"#;
    let input = cortado::proto::text::parse::<cortado::proto::NetParameter>(input, "input")?.message;
    net.layer.splice(0..0, input.layer);
    for phase in [Phase::Train, Phase::Test] {
        let mut net = Net::new(&net, phase)?;
        let new = svg(&net.trace()?);
        elements(&new);
        assert!(new.contains("before its first pass"));
        net.data_mut("data")?.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = noise(i));
        net.forward()?;
        net.backward()?;
        let drawing = svg(&net.trace()?);
        elements(&drawing);
        assert!(drawing.contains("2 \u{d7} 20 \u{d7} 24 \u{d7} 24"));
        assert_eq!(drawing.contains("ip2, label \u{2192} accuracy"), phase == Phase::Test);
        assert!(drawing.contains("ip2, label \u{2192} loss"));
        assert!(drawing.len() < 300_000, "{} bytes", drawing.len());
    }
    Ok(())
}

#[test]
fn strange_blobs_are_drawn_too() -> Result {
    let input = |dims: &[usize]| {
        let dims: String = dims.iter().map(|d| format!("dim: {d} ")).collect();
        format!(
            r#"layer {{ name: "a <b> & c" type: "Input" top: "x" input_param {{ shape {{ {dims} }} }} }}
                   layer {{ name: "relu" type: "ReLU" bottom: "x" top: "x" }}"#
        )
    };
    for dims in [
        &[][..],
        &[1],
        &[7],
        &[1, 1],
        &[2, 500],
        &[2, 9000],
        &[2, 3, 4],
        &[1, 3, 200, 100],
        &[1, 300, 2, 2],
        &[2, 2, 2, 2, 3],
        &[0, 3],
        &[2, 0, 4, 4],
        &[3, 1, 1, 7],
    ] {
        let mut net = Net::from_prototxt(&input(dims), Phase::Test)?;
        elements(&svg(&net.trace()?));
        net.data_mut("x")?.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = noise(i) - 0.5);
        if !dims.contains(&0) {
            net.forward()?;
        }
        elements(&svg(&net.trace()?));
        net.data_mut("x")?.fill(f32::NAN);
        let drawing = svg(&net.trace()?);
        elements(&drawing);
        assert!(drawing.contains("a &lt;b&gt; &amp; c"));
        assert!(drawing.contains(">broken<") || dims.contains(&0), "{dims:?}");
        assert!(net.trace()?.to_string().contains(if dims.contains(&0) { "empty" } else { "broken" }));
        assert!(drawing.len() < 200_000, "{dims:?}: {} bytes", drawing.len());
    }
    Ok(())
}

#[test]
fn two_layers_of_one_name_are_two() -> Result {
    let text = r#"layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 } } }
                  layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }
                  layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }"#;
    let trace = Net::from_prototxt(text, Phase::Test)?.trace()?;
    assert_eq!(trace.layers.iter().map(|l| l.tops[0].version).collect::<Vec<_>>(), [0, 1, 2]);
    Ok(())
}

#[test]
fn a_net_is_a_table_of_html_in_a_notebook() -> Result {
    let look = branches(Keep::All)?.look()?;
    assert!(look.text.starts_with("branches, phase TRAIN\n\nlayer"), "{}", look.text);
    let Some(Rich::Html(html)) = &look.rich else { panic!("no table") };
    assert!(!html.contains("\n\n"), "a blank line ends HTML in Markdown");
    assert!(!html.contains("color"), "light and dark pages have colours of their own");
    assert!(html.contains("bottoms -&gt; tops") && html.contains("conv (in place)"));
    assert_eq!(html.matches("<tr>").count(), 1 + 8);
    assert_eq!(html.matches("<td").count(), html.matches("</td>").count());
    assert!(look.for_notebook().starts_with("EVCXR_BEGIN_CONTENT text/html\n"));
    Ok(())
}

#[test]
fn numbers_stand_in_columns() -> Result {
    let text = |values: &Values| values.look().unwrap().text;
    assert_eq!(
        text(&values(&[2, 3], |i| [1.0, -20.5, 0.25, 3.0, 0.0, 100.0][i])),
        "2 x 3: min -20.5, mean 14.0, max 100\n       0      1      2\n0    1.0  -20.5    0.2\n1    3.0    0.0  100.0\n"
    );
    let wide = text(&values(&[20, 12], |i| i as f32));
    assert!(wide.lines().all(|line| line.len() < 80) && wide.lines().count() == 11, "{wide}");
    assert!(wide.contains(" ..\n") && wide.ends_with("..\n"), "{wide}");
    assert!(text(&values(&[25], |i| i as f32)).contains("\n20  20  21  22  23  24\n"));
    assert_eq!(text(&values(&[3], |i| i as f32)), "3: min 0, mean 1, max 2 | 0 1 2");
    assert_eq!(text(&Values::new(&[])?), "0");
    assert_eq!(text(&Values::new(&[0, 3])?), "0 x 3: empty");
    assert!(text(&values(&[2, 2], |_| f32::NAN)).contains("4 not finite"));
    assert!(text(&values(&[2, 2], |i| 1e-9 * (i as f32 + 0.5))).contains("5.00e-10"));
    let blob = cortado::Blob::new(&[2, 2])?;
    assert!(blob.look()?.text.starts_with("data 2 x 2") && blob.look()?.text.contains("\ndiff 2 x 2"));
    Ok(())
}
