//! Texts that nobody writes by hand: each is refused with its file, line and column, at once and in little memory.

use super::survive;
use cortado::net::Builder;

/// A net around the text.
fn input(text: &str) -> Vec<u8> {
    format!("name: \"n\"\nlayer {{ name: \"x\" type: \"Input\" top: \"x\" {text}").into_bytes()
}

/// What each text is, the text, and the line of its mistake.
fn texts() -> Vec<(&'static str, Vec<u8>, u32)> {
    let many = |text: &str, n: usize| text.repeat(n);
    vec![
        ("a string without an end", b"name: \"n".to_vec(), 1),
        ("a string that goes on in the next line", b"name: \"n\n\"".to_vec(), 1),
        ("a string that ends in a backslash", b"name: \"n\\".to_vec(), 1),
        ("a string of 1 MB without an end", format!("name: \"{}", many("n", 1 << 20)).into_bytes(), 1),
        ("an escape that does not exist", b"name: \"\\z\"".to_vec(), 1),
        ("an escape of a byte without digits", b"name: \"\\x\"".to_vec(), 1),
        ("a NUL between fields", b"name: \"n\"\n\0".to_vec(), 2),
        ("a thousand NULs", vec![0; 1000], 1),
        ("an escape character of a terminal", b"\x1b[31mname: \"n\"".to_vec(), 1),
        ("a brace too many", b"name: \"n\"\n}".to_vec(), 2),
        ("a million braces that close", many("}", 1 << 20).into_bytes(), 1),
        ("a brace that nothing closes", input(""), 2),
        ("100,000 messages within each other, open", many("layer {", 100_000).into_bytes(), 1),
        ("100,000 messages in angle brackets", many("layer <", 100_000).into_bytes(), 1),
        ("100,000 lists within each other", format!("name: {}", many("[", 100_000)).into_bytes(), 1),
        ("100,000 signs", input(&format!("loss_weight: {}1", many("-", 100_000))), 2),
        (
            "a number of 100,000 digits for an integer",
            input(&format!("input_param {{ shape {{ dim: {} }} }} }}", many("9", 100_000))),
            2,
        ),
        ("an integer below the least", input("input_param { shape { dim: -99999999999999999999 } } }"), 2),
        ("a fraction for an integer", input("input_param { shape { dim: 1.5 } } }"), 2),
        ("two points in a number", input("loss_weight: 1.2.3 }"), 2),
        ("half a hexadecimal number", input("input_param { shape { dim: 0x } } }"), 2),
        ("an octal number with a 9", input("input_param { shape { dim: 09 } } }"), 2),
        ("a list without an end", input("loss_weight: [1, 1"), 2),
        ("a list of commas", input("loss_weight: [,,,] }"), 2),
        ("a list for a field that is one", b"name: [\"a\", \"b\"]".to_vec(), 1),
        ("a field's name of 1 MB", many("n", 1 << 20).into_bytes(), 1),
        ("an unknown field after 100,000 lines", format!("{}nome: 1", many("\n", 100_000)).into_bytes(), 100_001),
        ("only a colon", b":".to_vec(), 1),
        ("a field without a value", b"name:".to_vec(), 1),
        ("an XML file", b"<?xml version=\"1.0\"?><net/>".to_vec(), 1),
        ("a JSON file", b"{ \"name\": \"n\" }".to_vec(), 1),
        ("an extension", b"[caffe.other]: 1".to_vec(), 1),
        ("dimensions whose product overflows", input("input_param { shape { dim: 9223372036854775807 dim: 2 } } }"), 2),
        (
            "a bottom of 1 MB",
            input(&format!("}}\nlayer {{ name: \"r\" type: \"ReLU\" bottom: \"{}\" top: \"y\" }}", many("b", 1 << 20))),
            3,
        ),
    ]
}

#[test]
fn hostile_texts() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("n.prototxt");
    let mut wrong = Vec::new();
    for (what, text, line) in texts() {
        std::fs::write(&file, &text).unwrap();
        match survive(what, || Builder::read(&file)?.make()) {
            Ok(_) => wrong.push(format!("{what}: taken")),
            Err(e) => match e.place() {
                Some(place)
                    if place.line as u32 == line && place.column > 0 && e.to_string().contains("n.prototxt") => {}
                _ => wrong.push(format!("{what}: {}", e.to_string().chars().take(200).collect::<String>())),
            },
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
