//! Files with a mistake, each with the whole message that it gives (`tests/bad/syntax`, `tests/bad/unknown`).
//! `CORTADO_BLESS=1` writes the messages anew; read them before you commit them.

use std::path::Path;

use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Error, Kind};

fn check(room: &str, kind: Kind) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad").join(room);
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "prototxt") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let content = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        let error: Error = if name.starts_with("solver") {
            text::parse::<SolverParameter>(&content, name).map(|_| ()).expect_err(name)
        } else {
            text::parse::<NetParameter>(&content, name).map(|_| ()).expect_err(name)
        };
        assert_eq!(error.kind(), kind, "{name}");
        let expected = path.with_extension("txt");
        if std::env::var_os("CORTADO_BLESS").is_some() {
            std::fs::write(&expected, format!("{error}\n")).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(format!("{error}\n"), expected, "{name}");
    }
    assert!(count >= 8, "{room}: {count}");
}

#[test]
fn syntax() {
    check("syntax", Kind::Syntax);
}

#[test]
fn unknown() {
    check("unknown", Kind::Unknown);
}
