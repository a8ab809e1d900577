//! The pages hold together: every link leads somewhere, every page is in the summary, nothing is loaded from elsewhere.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// A page: its path from `book/src`, and its text.
struct Page {
    path: String,
    text: String,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src")
}

fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(source()).unwrap().to_string_lossy().replace('\\', "/");
                pages.push(Page { path, text });
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}

/// The lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}

/// The targets of the links and images in a text, code aside.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in plain.split("](").skip(1) {
            found.extend(rest.split(')').next().map(|target| target.trim_matches(['<', '>']).to_string()));
        }
    }
    found
}

/// What mdBook makes of a heading: letters and digits in small, `-` for a space.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// `folder` and `target` joined, without `.` and `..`.
fn join(folder: &Path, target: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

/// Whether a path is a lesson's chapter, which is woven and may not be there yet.
fn is_chapter(path: &str) -> bool {
    path.starts_with("lessons/")
}

#[test]
fn every_link_leads_somewhere() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages() {
        let here = source().join(&page.path);
        for link in links(&page.text).into_iter().filter(|l| !l.starts_with("https:") && !l.starts_with("http:")) {
            seen += 1;
            let (file, part) = link.split_once('#').unwrap_or((&link, ""));
            let path = if file.is_empty() { here.clone() } else { join(here.parent().unwrap(), file) };
            let inside = path.strip_prefix(source());
            // The built book holds what is in its source and nothing else.
            if inside.is_err() || !path.exists() {
                wrong.push(format!("{}: {link}: there is no {}", page.path, path.display()));
            } else if !part.is_empty() && !anchors(&std::fs::read_to_string(&path).unwrap()).contains(part) {
                wrong.push(format!("{}: {link}: that page has no such heading", page.path));
            }
        }
    }
    assert!(seen > 30, "only {seen} links were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = std::fs::read_to_string(source().join("SUMMARY.md")).unwrap();
    let mut listed: Vec<String> = links(&summary);
    let all: BTreeSet<String> =
        pages().into_iter().map(|p| p.path).filter(|p| p != "SUMMARY.md" && !is_chapter(p)).collect();
    listed.sort();
    assert!(listed.windows(2).all(|pair| pair[0] != pair[1]), "a page is listed twice: {listed:?}");
    let listed: BTreeSet<String> = listed.into_iter().collect();
    let rest: BTreeSet<String> = listed.iter().filter(|p| !is_chapter(p)).cloned().collect();
    assert_eq!(rest, all, "the summary, and the pages");
    for page in pages().iter().filter(|p| is_chapter(&p.path)) {
        assert!(listed.contains(&page.path), "the summary does not list {}", page.path);
    }
    for entry in std::fs::read_dir(source().join("../../lessons")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().to_string();
        if let Some(stem) = name.strip_suffix(".rs").filter(|s| s.starts_with(|c: char| c.is_ascii_digit())) {
            assert!(listed.contains(&format!("lessons/{stem}.md")), "the summary does not list lesson {stem}");
        }
    }
}

/// Each layer has a page, and each page of the layers a layer.
#[test]
fn every_layer_has_a_page() {
    let pages: Vec<Page> = pages().into_iter().filter(|p| p.path.starts_with("layers/")).collect();
    let titled = |page: &Page, kind: &str| page.text.lines().any(|line| line.starts_with(&format!("# {kind}: ")));
    for (kind, _) in cortado::layers::LAYERS {
        let found: Vec<&str> = pages.iter().filter(|p| titled(p, kind)).map(|p| p.path.as_str()).collect();
        assert_eq!(found.len(), 1, "the pages of {kind}: {found:?}; cargo run --release --bin weave -- layers");
    }
    for page in pages.iter().filter(|p| p.path != "layers/index.md") {
        let has_layer = cortado::layers::LAYERS.iter().any(|(kind, _)| titled(page, kind));
        assert!(has_layer, "{} is the page of no layer", page.path);
    }
}

#[test]
fn no_two_headings_of_a_page_are_alike() {
    for page in pages().iter().filter(|p| !is_chapter(&p.path)) {
        let count = prose(&page.text).filter(|line| line.starts_with('#')).count();
        assert_eq!(anchors(&page.text).len(), count, "{}", page.path);
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for page in pages() {
        for line in prose(&page.text) {
            let loads = ["![", "<img", "<script", "<link", "<iframe", "src=", "url("];
            let elsewhere = line.contains("http:") || line.contains("https:") || line.contains("=\"//");
            assert!(!elsewhere || !loads.iter().any(|l| line.contains(l)), "{}: {line}", page.path);
        }
    }
    for file in ["book.toml", "css/book.css"] {
        let text = std::fs::read_to_string(source().join("..").join(file)).unwrap();
        assert!(!text.contains("http"), "{file} names an address");
    }
}

/// Rust is never typed into a page: it is included from files that are compiled.
#[test]
fn rust_is_included() {
    for page in pages().iter().filter(|p| !is_chapter(&p.path)) {
        let lines: Vec<&str> = page.text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            if line.trim_start().starts_with("```rust") {
                let next = lines.get(i + 1).map_or("", |l| l.trim());
                assert!(next.starts_with("{{#include"), "{}:{}: {next}", page.path, i + 2);
            }
        }
    }
}

/// What mdBook includes is there: the file, and the anchor in it.
#[test]
fn every_include_finds_its_text() {
    let mut seen = 0;
    for page in pages() {
        for rest in page.text.split("{{#include ").skip(1) {
            let target = rest.split("}}").next().unwrap().trim();
            let (file, part) = target.split_once(':').unwrap_or((target, ""));
            let path = join(source().join(&page.path).parent().unwrap(), file);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}: no {target}", page.path));
            for mark in ["ANCHOR: ", "ANCHOR_END: "] {
                let there = text.lines().any(|l| l.trim().ends_with(&format!("{mark}{part}")));
                assert!(part.is_empty() || there, "{}: {target} has no {mark}{part}", page.path);
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} includes were found");
}

/// The tables that set Cortado's words beside others' are true: what stands in their Cortado column stands in the code.
#[test]
fn the_tables_name_what_exists() {
    let code = |cell: &str| -> Vec<String> {
        cell.replace("\\|", "|").split('`').skip(1).step_by(2).map(String::from).collect()
    };
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let program = squeeze(include_str!("pycaffe.rs"));
    let mut sources = String::new();
    let mut folders = vec![source().join("../../src"), source().join("../../proto")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources += &std::fs::read_to_string(&path).unwrap_or_default(),
            }
        }
    }
    let mut seen = 0;
    for (page, is_program) in [("from_pycaffe.md", true), ("glossary.md", false)] {
        let text = std::fs::read_to_string(source().join(page)).unwrap();
        let text = text.split("## The commands").next().unwrap();
        for row in text.lines().filter(|l| l.starts_with("| ")) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            for snippet in cells.get(1).map_or(Vec::new(), |cell| code(cell)) {
                seen += 1;
                if is_program {
                    assert!(
                        program.contains(&squeeze(&snippet)),
                        "{page}: `{snippet}` is not in tests/book/pycaffe.rs"
                    );
                    continue;
                }
                for word in snippet.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| w.len() > 1) {
                    assert!(sources.contains(word), "{page}: `{snippet}`: the sources do not know `{word}`");
                }
            }
        }
    }
    assert!(seen > 150, "only {seen} names were looked up");
}

/// The page on pycaffe lists the layers that are there.
#[test]
fn the_list_of_layers_is_true() {
    let page = std::fs::read_to_string(source().join("from_pycaffe.md")).unwrap();
    let list = page.split("There: ").nth(1).unwrap().split('.').next().unwrap();
    let list: Vec<&str> = list.split([',', ' ', '\n']).filter(|w| !w.is_empty()).collect();
    let layers = cortado::Layers::caffe();
    assert_eq!(list, layers.names().collect::<Vec<_>>());
}
