//! A page of the book for every layer: its source's documentation, an example that was run, and its fields.

use crate::doc;
use crate::example::{self, Run};
use crate::fields;
use crate::picture;
use crate::text::{self, Tolerance};
use cortado::layers::LAYERS;
use cortado::{Error, Kind, Result, files};
use std::collections::BTreeMap;
use std::path::Path;

/// The command that makes the pages anew.
pub const MEND: &str = "cargo run --release --bin weave -- layers";

/// What stands before the numbers of a run.
const SAID: &str = "<div class=\"output\">\n\n```text\n";

/// A line of the table of layers.
pub struct Row {
    pub group: String,
    pub kind: String,
    /// The struct, and its file without the `.rs`.
    pub name: String,
    pub stem: String,
    /// The source, and its `//!` documentation.
    pub source: String,
    pub doc: String,
}

impl Row {
    /// The source's path from the root.
    fn path(&self) -> String {
        format!("src/layers/{}/{}.rs", self.group, self.stem)
    }
}

/// Writes the pages, and removes those of layers that are gone.
pub fn weave(root: &Path) -> Result {
    let made = pages(root)?;
    for (path, text) in &made {
        files::write_aside(&root.join(path), text.as_bytes())?;
    }
    for path in strangers(root, &made) {
        std::fs::remove_file(root.join(&path)).map_err(|e| Error::file(&path, "remove", e))?;
    }
    eprintln!("layers: {} pages woven", made.keys().filter(|path| path.ends_with(".md")).count());
    Ok(())
}

/// Whether the pages are what the sources and a run say.
pub fn in_step(root: &Path) -> Result {
    let stale = |what: String| Err(Error::new(Kind::Value, what).hint(format!("mend it: {MEND}")));
    let made = pages(root)?;
    for (path, text) in &made {
        let Ok(old) = std::fs::read_to_string(root.join(path)) else { return stale(format!("{path} is missing")) };
        if let Some(difference) = difference(&old, text) {
            return stale(format!("{path} is not what the sources say: {difference}"));
        }
    }
    strangers(root, &made).first().map_or(Ok(()), |path| stale(format!("{path} belongs to no layer")))
}

/// The first difference between two pages: numbers that were computed may differ a little, all else may not.
fn difference(old: &str, new: &str) -> Option<String> {
    let parts = |page: &str| -> Vec<String> { page.split(SAID).map(String::from).collect() };
    let (a, b) = (parts(old), parts(new));
    if a.len() != b.len() {
        return Some("it has another number of runs".into());
    }
    a.iter().zip(&b).enumerate().find_map(|(i, (a, b))| {
        let (mut a, mut b) = (a.as_str(), b.as_str());
        if i > 0 {
            let (said, now) = (a.split("```").next()?, b.split("```").next()?);
            if let Some(difference) = text::text(said, now, Tolerance::default()) {
                return Some(difference);
            }
            (a, b) = (&a[said.len()..], &b[now.len()..]);
        }
        let line = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        (a != b).then(|| line.map_or("lines are missing".into(), |(a, b)| format!("recorded `{a}`, now `{b}`")))
    })
}

/// Files of `book/src/layers` that no layer has.
fn strangers(root: &Path, made: &BTreeMap<String, String>) -> Vec<String> {
    let entries = std::fs::read_dir(root.join("book/src/layers")).into_iter().flatten();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let mut paths: Vec<String> = names.map(|name| format!("book/src/layers/{name}")).collect();
    paths.retain(|path| !made.contains_key(path));
    paths.sort();
    paths
}

/// All files, by their paths from the root.
fn pages(root: &Path) -> Result<BTreeMap<String, String>> {
    let rows = rows(root)?;
    let proto = read(root, "proto/caffe.proto")?;
    let mut made = BTreeMap::new();
    for row in &rows {
        let at = |e: Error| e.hint(format!("this is the page of {}, {}", row.kind, row.path()));
        let drawing = picture::of(row.kind.as_str()).map_err(at)?;
        made.insert(
            format!("book/src/layers/{}.md", row.stem),
            page(row, &rows, &proto, drawing.as_deref()).map_err(at)?,
        );
        if let Some(svg) = drawing {
            made.insert(format!("book/src/layers/{}.svg", row.stem), svg + "\n");
        }
    }
    made.insert("book/src/layers/index.md".into(), index(&rows));
    made.insert("book/src/SUMMARY.md".into(), summary(&read(root, "book/src/SUMMARY.md")?, &rows)?);
    Ok(made)
}

fn read(root: &Path, path: &str) -> Result<String> {
    std::fs::read_to_string(root.join(path)).map_err(|e| Error::file(path, "read", e))
}

/// The table of `src/layers/mod.rs`: the groups are its comments and the folders, where `pub use` says in which file a
/// struct is.
fn rows(root: &Path) -> Result<Vec<Row>> {
    let table = read(root, "src/layers/mod.rs")?;
    let wrong = |what: String| {
        Error::value(what).hint("src/layers/mod.rs has a line for it in the table, and its family's pub use")
    };
    let (mut group, mut family) = (String::new(), String::new());
    let mut rows = Vec::new();
    let lines = table.lines().skip_while(|line| !line.contains("const LAYERS")).take_while(|line| *line != "];");
    for line in lines.map(str::trim) {
        if let Some(title) = line.strip_prefix("// ") {
            group = title.to_string();
            family = read(root, &format!("src/layers/{group}/mod.rs"))?;
        }
        let Some((kind, rest)) = line.strip_prefix("(\"").and_then(|l| l.split_once('"')) else { continue };
        let name = rest.split(['<', '>']).nth(1).unwrap_or(kind).to_string();
        let home = family.lines().find_map(|l| l.strip_prefix("pub use ")?.strip_suffix(&format!("::{name};")));
        let stem = home.ok_or_else(|| wrong(format!("the file of the layer {kind} was not found")))?.to_string();
        let source = read(root, &format!("src/layers/{group}/{stem}.rs"))?;
        let doc: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let doc = doc.iter().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect::<String>();
        if !doc.starts_with(&format!("# {kind}: ")) {
            let message = format!("the documentation of src/layers/{group}/{stem}.rs does not begin with `# {kind}: `");
            return Err(
                Error::value(message).hint("the rest of that line says in a formula or a few words what it does")
            );
        }
        rows.push(Row { group: group.clone(), kind: kind.into(), name, stem, source, doc });
    }
    match LAYERS.iter().find(|(kind, _)| !rows.iter().any(|row| row.kind == *kind)) {
        Some((kind, _)) => Err(wrong(format!("the layer {kind} was not found"))),
        None => Ok(rows),
    }
}

fn page(row: &Row, rows: &[Row], proto: &str, drawing: Option<&str>) -> Result<String> {
    let example = example::of(&row.kind)?;
    let (doc, mut related) = doc::linked(&row.doc, rows);
    let mut page = format!("<!-- Woven from {}; change that, then: {MEND} -->\n\n{doc}", row.path());
    if let Some(svg) = drawing {
        page += &format!("\n![{}]({}.svg)\n", crate::output::title(svg), row.stem);
    }
    page += &format!("\n## Prototxt\n\n```protobuf\n{}```\n", example.prototxt());
    page += &match example.run {
        Run::Not => {
            "\nThis net reads or writes files that the project's folder does not hold, so it was not run here.\n".into()
        }
        _ => format!("\n## Run\n\n{}\n\n{SAID}{}```\n\n</div>\n", introduction(example), example.said()?),
    };
    page += &fields::tables(&row.kind, &row.source, &row.doc, example.message, proto);
    let line = |start: &str| row.source.lines().position(|line| line.trim_start().starts_with(start)).map(|i| i + 1);
    page += &format!("\n## Read on\n\nThe source is `{}`", row.path());
    // A pointwise layer's file has its formula and slope.
    let (forward, backward) = (line("fn forward(").or(line("fn y(")), line("fn backward(").or(line("fn dx(")));
    page += &match (forward, backward) {
        (Some(forward), Some(backward)) => format!(": forward is at line {forward}, backward at line {backward}"),
        (Some(forward), None) => format!(": forward is at line {forward}"),
        _ => String::new(),
    };
    page += ".";
    related.retain(|stem| *stem != row.stem);
    if !related.is_empty() {
        let link = |stem: &String| rows.iter().find(|r| r.stem == *stem).map(|r| format!("[{}]({stem}.md)", r.kind));
        page += &format!(" Related: {}.", related.iter().filter_map(link).collect::<Vec<_>>().join(", "));
    }
    Ok(doc::framed(&(page + "\n")))
}

/// What stands above the numbers of a run.
fn introduction(example: &example::Example) -> String {
    let backward = match (example.run, example.tops.len()) {
        (_, 0) => "there is no top",
        (Run::First, _) => "the diff of the top is 1 for the first value and 0 for the others",
        (_, 1) => "the diff of the top is 1",
        _ => "the diffs of the tops are 1",
    };
    format!("The numbers of this net after forward and backward; {backward}.")
}

/// The page with all layers in their groups.
fn index(rows: &[Row]) -> String {
    let mut page = format!("<!-- Woven from src/layers/mod.rs; change that, then: {MEND} -->\n\n# The layers\n");
    page += "\nA page for each, made from its source: the formula and the shapes, a net that was run, the fields.\n";
    let mut group = "";
    for row in rows {
        if row.group != group {
            group = &row.group;
            let first = group.chars().next().map_or(String::new(), |c| c.to_uppercase().collect());
            page += &format!("\n## {first}{}\n\n", group.chars().skip(1).collect::<String>());
        }
        let title = row.doc.lines().next().unwrap_or("").split_once(": ").map_or("", |(_, rest)| rest);
        page += &format!("- [{}]({}.md): {title}\n", row.kind, row.stem);
    }
    page
}

/// The summary with the layers' pages under theirs.
fn summary(old: &str, rows: &[Row]) -> Result<String> {
    let head = "- [The layers](layers/index.md)\n";
    let (before, after) = old.split_once(head).ok_or_else(|| {
        Error::value("book/src/SUMMARY.md does not list the layers").hint(format!("add the line {}", head.trim()))
    })?;
    let after: Vec<&str> = after.split_inclusive('\n').skip_while(|l| l.starts_with("    - [")).collect();
    let list: String = rows.iter().map(|row| format!("    - [{}](layers/{}.md)\n", row.kind, row.stem)).collect();
    Ok(format!("{before}{head}{list}{}", after.concat()))
}

#[cfg(test)]
mod tests {
    use super::{SAID, difference};

    #[test]
    fn only_numbers_that_were_computed_may_differ() {
        let page = format!("a 0.5\n{SAID}x 0.5\n```\n\nat line 50\n");
        assert_eq!(difference(&page, &page.replace("x 0.5", "x 0.50001")), None);
        for (from, to) in [("x 0.5", "x 0.51"), ("a 0.5", "a 0.50001"), ("line 50", "line 50.001"), ("line 50\n", "")] {
            assert!(difference(&page, &page.replace(from, to)).is_some(), "{from} -> {to}");
        }
    }
}
