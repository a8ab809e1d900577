//! The text format's whole syntax, one rule a test; each error with its message.

use cortado::Kind;
use cortado::proto::caffe::{Datum, SolverParameter, pooling_parameter::PoolMethod};
use cortado::proto::{BlobProto, LayerParameter, NetParameter, text};

fn layer(text: &str) -> LayerParameter {
    text::parse::<LayerParameter>(text, "t").unwrap_or_else(|e| panic!("{e}")).message
}

fn solver(text: &str) -> SolverParameter {
    text::parse::<SolverParameter>(text, "t").unwrap_or_else(|e| panic!("{e}")).message
}

/// The error, without the picture of its line.
fn error<M: text::Named>(text: &str) -> String {
    let Err(e) = text::parse::<M>(text, "t") else { panic!("{text} should not parse") };
    assert!(matches!(e.kind(), Kind::Syntax | Kind::Unknown));
    let place = e.place().expect("a place");
    let hints: Vec<_> = e.hints().iter().map(|h| format!(" | {h}")).collect();
    format!("{}:{}+{} {}{}", place.line, place.column, place.width, e.message(), hints.concat())
}

fn layer_error(text: &str) -> String {
    error::<LayerParameter>(text)
}

#[test]
fn space_comments_and_separators() {
    let expected = layer("name: 'a' top: 'x' top: 'y'");
    assert_eq!(layer("# first\n\tname:'a'top:'x'# last # one\r\n  top\n:\n'y' #"), expected);
    assert_eq!(layer("name: 'a', top: 'x'; top: 'y';"), expected);
    assert_eq!(layer("\u{feff}name: 'a' top: ['x', 'y']"), expected);
    assert_eq!(layer(""), LayerParameter::default());
    assert_eq!(
        layer_error("name: 'a',, top: 'x'"),
        "1:11+1 expected a field of LayerParameter, found `,` | a field is written `name: value` or `name { ... }`"
    );
}

#[test]
fn groups() {
    let expected = layer("pooling_param { kernel_size: 2 }");
    assert_eq!(layer("pooling_param: { kernel_size: 2 }"), expected);
    assert_eq!(layer("pooling_param < kernel_size: 2 >"), expected);
    assert_eq!(layer("pooling_param: <kernel_size:2,>,"), expected);
    assert_eq!(layer("param { lr_mult: 1 } param {}"), layer("param: [{ lr_mult: 1 }, <>]"));
    assert_eq!(layer("param []").param.len(), 0);
    assert_eq!(
        layer_error("pooling_param { kernel_size: 2 >"),
        "1:32+1 `>` cannot close a group that `{` opened: expected `}` | `pooling_param {` was opened on line 1"
    );
    assert_eq!(
        layer_error("pooling_param [{}]"),
        "1:15+1 `pooling_param` is not repeated: it takes one PoolingParameter, not a list"
    );
    assert_eq!(
        layer_error("param [{} {}]"),
        "1:11+1 expected `,` or `]` in the list of `param`, found `{` | the list was opened on line 1"
    );
    assert_eq!(layer_error("param [[]]").split(',').next(), Some("1:8+1 a list cannot stand in a list"));
}

#[test]
fn strings() {
    let name = |text: &str| layer(&format!("name: {text}")).name().to_owned();
    assert_eq!(name(r#""it's""#), "it's");
    assert_eq!(name(r#"'say "ah"'"#), r#"say "ah""#);
    assert_eq!(name("'con' # and\n \"cat\" 'enated'"), "concatenated");
    assert_eq!(name(r"'\a\b\f\n\r\t\v\\\'\u0022\?'"), "\x07\x08\x0c\n\r\t\x0b\\'\"?");
    assert_eq!(name(r"'\101\1012\7 \x41\x4a4\u00e4\U0001F980'"), "AA2\u{7} AJ4ä🦀");
    assert_eq!(name("'größe'"), "größe");
    assert_eq!(name(r"'\303\266'"), "ö");
    assert_eq!(name("''"), "");
    let bytes = text::parse::<Datum>(r"data: '\377\000\xfe'", "t").unwrap().message;
    assert_eq!(bytes.data(), [255, 0, 254]);

    assert_eq!(layer_error("name: 'ab\n'"), "1:7+3 this string is not closed | end it with ' on the same line");
    assert_eq!(layer_error(r"name: 'a\'"), "1:7+4 this string is not closed | end it with ' on the same line");
    assert_eq!(
        layer_error(r"name: 'ab\q'"),
        r"1:10+2 there is no such escape; in a path write /, and a backslash itself as \\"
    );
    assert_eq!(layer_error(r"name: 'ab\xg'"), r"1:10+2 \x needs one or two hexadecimal digits");
    assert_eq!(layer_error(r"name: '\400'"), r"1:8+2 an octal escape goes up to \377");
    assert_eq!(layer_error(r"name: '\ud800'"), r"1:8+2 \u needs four hexadecimal digits of a character, \U eight");
    assert_eq!(name(r"'\377'"), "\u{f7ff}"); // a stray byte
    assert_eq!(
        layer_error("name: conv1"),
        "1:7+5 `name` is a quoted string, found `conv1` | strings are quoted: `name: \"conv1\"`"
    );
    assert_eq!(
        layer_error("name: “conv1”"),
        "1:7+1 `name` is a quoted string, found `“` | use the plain quotes \" or '"
    );
}

#[test]
fn whole_numbers() {
    let dims = |text: &str| {
        text::parse::<BlobProto>(&format!("shape {{ dim: {text} }}"), "t").unwrap().message.shape.unwrap().dim[0]
    };
    assert_eq!(
        [dims("0"), dims("10"), dims("0x1F"), dims("017"), dims("- 3"), dims("-0x10")],
        [0, 10, 31, 15, -3, -16]
    );
    assert_eq!([dims("9223372036854775807"), dims("-9223372036854775808")], [i64::MAX, i64::MIN]);
    assert_eq!(solver("max_iter: -2147483648").max_iter(), i32::MIN);
    assert_eq!(layer("pooling_param { pad: 4294967295 }").pooling_param.unwrap().pad(), u32::MAX);

    let solver = error::<SolverParameter>;
    assert_eq!(
        solver("max_iter: 2147483648"),
        "1:11+10 2147483648 is out of range for `max_iter` (-2147483648 to 2147483647)"
    );
    assert_eq!(
        solver("max_iter: -99999999999999999999999"),
        "1:11+24 -99999999999999999999999 is out of range for `max_iter` (-2147483648 to 2147483647)"
    );
    assert_eq!(solver("max_iter: 1e4"), "1:11+3 `max_iter` is an integer of 32 bits, found `1e4`");
    assert_eq!(
        solver("max_iter: 1.0"),
        "1:11+3 `max_iter` is an integer of 32 bits, found `1.0` | without a decimal point"
    );
    assert_eq!(solver("max_iter: 08"), "1:11+2 `max_iter` is an integer of 32 bits, found `08`");
    assert_eq!(solver("max_iter: 10k"), "1:11+3 `max_iter` is an integer of 32 bits, found `10k`");
    assert_eq!(
        solver("max_iter: +1"),
        "1:11+1 `max_iter` is an integer of 32 bits, found `+` | a positive number has no sign"
    );
    assert_eq!(
        solver("max_iter: \"10\""),
        "1:11+4 `max_iter` is an integer of 32 bits, found the string \"10\" | without the quotes: `max_iter: 10`"
    );
    assert_eq!(solver("max_iter: [1]"), "1:11+1 `max_iter` is not repeated: it takes one value, not a list");
    assert_eq!(solver("max_iter:"), "1:10+1 `max_iter` is an integer of 32 bits, found the end of the text");
    assert_eq!(layer_error("pooling_param { pad: -1 }"), "1:22+2 `pad` cannot be negative");
    assert_eq!(
        layer_error("pooling_param { pad: 4294967296 }"),
        "1:22+10 4294967296 is out of range for `pad` (0 to 4294967295)"
    );
}

#[test]
fn decimal_numbers() {
    let lr = |text: &str| solver(&format!("base_lr: {text}")).base_lr();
    assert_eq!(
        [lr("1"), lr("1."), lr(".5"), lr("1e-2"), lr("2.5E+1"), lr("0.5f"), lr("3F"), lr("- 1.5")],
        [1.0, 1.0, 0.5, 0.01, 25.0, 0.5, 3.0, -1.5]
    );
    assert_eq!([lr("inf"), lr("-inf"), lr("Infinity")], [f32::INFINITY, f32::NEG_INFINITY, f32::INFINITY]);
    assert!(lr("nan").is_nan() && lr("-nan").is_nan());
    assert_eq!(lr("1e-46"), 0.0);
    assert_eq!(lr("3.40282347e+38"), f32::MAX);

    let solver = error::<SolverParameter>;
    assert_eq!(
        solver("base_lr: 1e39").split(" (").next(),
        Some("1:10+4 `base_lr` is a float: 1000000000000000000000000000000000000000 is too large for it")
    );
    assert_eq!(solver("base_lr: 0x10"), "1:10+4 `base_lr` is a decimal number, found `0x10`");
    assert_eq!(solver("base_lr: 010"), "1:10+3 `base_lr` is a decimal number, found `010`");
    assert_eq!(solver("base_lr: 1.2.3"), "1:10+5 `base_lr` is a decimal number, found `1.2.3`");
    assert_eq!(
        solver("base_lr: 0,01"),
        "1:12+2 expected a field of SolverParameter, found `01` | write a number after `name:`, and its fraction after a point"
    );
    assert_eq!(solver("base_lr: fast"), "1:10+4 `base_lr` is a decimal number, found `fast`");
    assert_eq!(
        solver("base_lr = 0.1"),
        "1:9+1 expected `:` after `base_lr`, found `=` | write `base_lr: ...`, for `base_lr` is a decimal number"
    );
    assert_eq!(
        solver("base_lr { }"),
        "1:9+1 expected `:` after `base_lr`, found `{` | `base_lr` is a decimal number, not a group"
    );
}

#[test]
fn truths() {
    for (text, value) in [
        ("true", true),
        ("True", true),
        ("t", true),
        ("1", true),
        ("0x1", true),
        ("false", false),
        ("False", false),
        ("f", false),
        ("0", false),
    ] {
        assert_eq!(solver(&format!("debug_info: {text}")).debug_info, Some(value));
    }
    let solver = error::<SolverParameter>;
    assert_eq!(solver("debug_info: 2"), "1:13+1 `debug_info` is true or false, found `2`");
    assert_eq!(solver("debug_info: TRUE"), "1:13+4 `debug_info` is true or false, found `TRUE`");
    assert_eq!(solver("debug_info: -1"), "1:13+1 `debug_info` is true or false, found `-`");
}

#[test]
fn enum_values() {
    let pool = |text: &str| layer(&format!("pooling_param {{ pool: {text} }}")).pooling_param.unwrap().pool();
    assert_eq!(
        [pool("MAX"), pool("AVE"), pool("2"), pool("0x1")],
        [PoolMethod::Max, PoolMethod::Ave, PoolMethod::Stochastic, PoolMethod::Ave]
    );
    let values = " | values of PoolingParameter.PoolMethod: MAX, AVE, STOCHASTIC";
    assert_eq!(
        layer_error("pooling_param { pool: AVG }"),
        format!("1:23+3 `pool` has no value `AVG` | did you mean `AVE`?{values}")
    );
    assert_eq!(
        layer_error("pooling_param { pool: max }"),
        format!("1:23+3 `pool` has no value `max` | did you mean `MAX`?{values}")
    );
    assert_eq!(layer_error("pooling_param { pool: 3 }"), format!("1:23+1 `pool` has no value `3`{values}"));
    assert_eq!(layer_error("pooling_param { pool: -1 }"), format!("1:23+2 `pool` has no value `-1`{values}"));
    assert_eq!(
        layer_error("pooling_param { pool: \"MAX\" }"),
        "1:23+5 `pool` is one of MAX, AVE or STOCHASTIC, found the string \"MAX\" | without the quotes: `pool: MAX`"
    );
}

#[test]
fn lists_are_for_repeated_fields() {
    let conv = |text: &str| layer(&format!("convolution_param {{ {text} }}")).convolution_param.unwrap();
    assert_eq!(conv("kernel_size: [3, 5]"), conv("kernel_size: 3 kernel_size: 5"));
    assert_eq!(conv("kernel_size: [] kernel_size: [3] kernel_size: 5").kernel_size, [3, 5]);
    assert_eq!(
        layer_error("top: ['a' 'b'").split(" | ").next(),
        Some("1:14+1 expected `,` or `]` in the list of `top`, found the end of the text")
    );
    assert_eq!(layer_error("top: ['a',]").split(" | ").next(), Some("1:11+1 `top` is a quoted string, found `]`"));
}

#[test]
fn once_is_enough() {
    assert_eq!(
        error::<SolverParameter>("base_lr: 1\n  base_lr: 2"),
        "2:3+7 `base_lr` is set twice in one SolverParameter | it was set first on line 1, column 1: base_lr: 1"
    );
    let twice = layer_error("pooling_param { }\npooling_param { }");
    assert!(twice.starts_with("2:1+13 `pooling_param` is set twice in one LayerParameter"), "{twice}");
    let unclosed = error::<NetParameter>("layer {\n  name: 'a'\n  param { lr_mult: 1\n  name: 'b'\n  name: 'c'");
    assert!(unclosed.contains("`name` is set twice in one ParamSpec"), "{unclosed}");
}

#[test]
fn required_fields() {
    assert_eq!(layer("clip_param { max: 1 min: 0 }").clip_param.unwrap().max, 1.0);
    assert_eq!(
        layer_error("name: 'c'\nclip_param { max: 1 }"),
        "2:1+10 ClipParameter needs its field `min`, which has no default"
    );
}

#[test]
fn the_end_comes_too_early() {
    let e = error::<NetParameter>("name: 'n'\nlayer {\n  name: 'a'\n  param {\n");
    assert_eq!(
        e,
        "4:3+5 `param {` is never closed | the text ends on line 4 and a `}` is missing | it is inside `layer {` (line 2)"
    );
    assert_eq!(
        error::<NetParameter>("layer { } }"),
        "1:11+1 this `}` closes nothing | the group before it was `layer {` (line 1)"
    );
    assert_eq!(
        error::<NetParameter>("layer"),
        "1:6+1 expected `{` after `layer`, found the end of the text | `layer` is a message: `layer { ... }` | fields of LayerParameter: name, type, bottom, top, loss_weight, param, blobs, include, exclude, phase and 50 more, see proto/caffe.proto"
    );
}

#[test]
fn hostile_texts_are_errors() {
    for text in [
        "{",
        "layer {".repeat(100_000).as_str(),
        "layer ".repeat(100_000).as_str(),
        "[[[[[",
        "\0",
        "layer { name: \"\0\" } \u{1b}",
        "layer { \u{2028}",
        "#",
        "-",
        "layer {} ".repeat(300_000).as_str(),
    ] {
        let result = text::parse::<NetParameter>(text, "t");
        if text == "#" {
            result.unwrap();
        } else {
            let message = result.unwrap_err().to_string();
            assert!(message.len() < 3000, "{}", message.len());
            assert!(!message.contains(['\0', '\u{1b}']), "{message:?}");
        }
    }
    // One line of a megabyte: the picture shows a piece of it.
    let long = format!("name: '{}' nmae: 3", "x".repeat(1 << 20));
    assert!(text::parse::<NetParameter>(&long, "t").is_err());
}

#[test]
fn files_that_cannot_be_read() {
    let missing = text::read::<NetParameter>("no/such.prototxt").unwrap_err();
    assert_eq!(missing.kind(), Kind::File);
    assert!(missing.to_string().starts_with("cannot read no/such.prototxt: "), "{missing}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.caffemodel");
    std::fs::write(&path, b"name: 'x'\n\xff\x00").unwrap();
    let binary = text::read::<NetParameter>(&path).unwrap_err().to_string();
    assert!(
        binary.contains("net.caffemodel is not a text: its byte 11 is 00") && binary.contains("a binary file"),
        "{binary}"
    );
    for (bytes, what) in [
        (&b"\x89HDF\r\n\x1a\n"[..], "an HDF5 file"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x1f\x8b\x08", "a gzip archive"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let e = text::read::<NetParameter>(&path).unwrap_err();
        assert!(e.to_string().contains(&format!("net.caffemodel is {what}, not a prototxt")), "{e}");
        assert_eq!(e.hints().len(), 1);
    }
    let utf16: Vec<u8> = "\u{feff}name: 'x'".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(&path, utf16).unwrap();
    assert!(text::read::<NetParameter>(&path).unwrap_err().to_string().contains("save it as UTF-8"));
}

/// Bytes that are not UTF-8, in comments, strings and escapes, as Caffe's parser takes them; printed as the same escapes.
#[test]
fn stray_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.prototxt");
    for text in [&b"# Gr\xfc\xdfe\nname: \"Gr\xfc\xdfe\""[..], b"name: 'Gr\\374\\xdfe' # \xff"] {
        std::fs::write(&path, text).unwrap();
        let net = text::read::<NetParameter>(&path).unwrap().message;
        assert_eq!(text::print(&net), "name: \"Gr\\374\\337e\"\n");
    }
    std::fs::write(&path, b"name: 'x'\nlayer { name: \xb2 }").unwrap();
    let e = text::read::<NetParameter>(&path).unwrap_err();
    assert_eq!(e.place().map(|p| (p.line, p.column)), Some((2, 15)));
    assert!(e.to_string().contains("the byte B2, which is not UTF-8"), "{e}");
}

#[test]
fn the_source_map_knows_every_field() {
    let text = "name: 'n'\nlayer {\n  name: 'a'\n\tconvolution_param { kernel_size: [3,\n 5] kernel_size: 7 weight_filler { std: 0.1 } }\n}\nlayer { top: 'ä' top: 'y' } layer: [{ name: 'p' }, { name: 'q' }]";
    let source = text::parse::<NetParameter>(text, "n.prototxt").unwrap().source;
    let at = |path: &str| source.place(path).map(|p| (p.line, p.column, p.width));
    assert_eq!(at("name"), Some((1, 1, 9)));
    assert_eq!(at("layer"), Some((2, 1, 5)));
    assert_eq!(at("layer[0].name"), Some((3, 3, 9)));
    assert_eq!(at("layer[0].convolution_param.kernel_size"), Some((4, 22, 16)));
    assert_eq!(at("layer[0].convolution_param.kernel_size[1]"), Some((4, 22, 16)));
    assert_eq!(at("layer[0].convolution_param.kernel_size[2]"), Some((5, 5, 14)));
    assert_eq!(at("layer[0].convolution_param.weight_filler.std"), Some((5, 36, 8)));
    assert_eq!(at("layer[1].top[1]"), Some((7, 18, 8)));
    assert_eq!(at("layer[3].name"), Some((7, 54, 9)));
    for nowhere in [
        "",
        "layer[4]",
        "layer[0].top",
        "layer[0].name.x",
        "layer[x]",
        "layer[-1]",
        "layer[99999999999999999999]",
        "x[",
        ".",
        "layer[0].",
    ] {
        assert_eq!(at(nowhere), None, "{nowhere}");
    }
    assert_eq!(source.nearest("layer[1].pooling_param.kernel_size").unwrap().line, 7);
    assert_eq!(source.place("layer[0].name").unwrap().text, "  name: 'a'");
    assert_eq!(cortado::proto::SourceMap::default().nearest("layer[0]"), None);

    let error = cortado::Error::shape("too large").layer("a").field("convolution_param.kernel_size");
    let shown = source.locate(error, "layer[0]").to_string();
    assert!(shown.starts_with("n.prototxt:4:22: layer \"a\": too large\n"), "{shown}");
}
