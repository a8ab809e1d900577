//! The lesson as a Jupyter notebook: made from its cells, run by the Rust kernel, read back with what the cells said.

use crate::lesson::{Lesson, Role};
use crate::output::{Output, from_img, pieces, push_text, to_img};
use cortado::{Error, Kind, Result};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// What makes the library known to the kernel.
const PRELUDE: &str = ":dep cortado = { path = \"..\", default-features = false }\n";
/// The longest that a cell may take, in seconds: the first one compiles the library.
const LIMIT: usize = 1200;
/// The kernel exits well after a panic, and so does Jupyter. In the copy that is run every cell ends with this line, so a
/// cell that did not come to its end is seen.
const MARK: &str = "~ this cell came to its end ~";

/// The text of a cell in the notebook. Links to lessons lead to notebooks there.
pub fn source(lesson: &Lesson, i: usize) -> String {
    let cell = &lesson.cells[i];
    match cell.role {
        Role::Prose => crate::chapter::relink(&cell.text, ".ipynb"),
        Role::Code if i == 1 => PRELUDE.to_string() + &cell.text,
        Role::Code => cell.text.clone(),
    }
}

/// The notebook with the outputs of its code cells, in their order.
pub fn with_outputs(lesson: &Lesson, outputs: &[Vec<Output>]) -> String {
    build(lesson, &|i| source(lesson, i), outputs)
}

fn build(lesson: &Lesson, source: &dyn Fn(usize) -> String, outputs: &[Vec<Output>]) -> String {
    let mut count = 0;
    let cells: Vec<Value> = (0..lesson.cells.len())
        .map(|i| {
            let text = source(i);
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let id = format!("cell-{i:02}");
            if lesson.cells[i].role == Role::Prose {
                return json!({ "cell_type": "markdown", "id": id, "metadata": {}, "source": lines });
            }
            count += 1;
            let said: Vec<Value> = outputs.get(count - 1).into_iter().flatten().map(to_json).collect();
            let ran = (!outputs.is_empty()).then_some(count);
            json!({ "cell_type": "code", "execution_count": ran, "id": id, "metadata": {}, "outputs": said, "source": lines })
        })
        .collect();
    let notebook = json!({
        "cells": cells,
        "metadata": {
            "kernelspec": { "display_name": "Rust", "language": "rust", "name": "rust" },
            "language_info": { "codemirror_mode": "rust", "file_extension": ".rs", "mimetype": "text/rust", "name": "Rust", "pygment_lexer": "rust", "version": "" }
        },
        "nbformat": 4,
        "nbformat_minor": 5
    });
    // One blank of indentation and a line feed at the end, as Jupyter itself writes: saving there makes no difference.
    let mut bytes = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, indent);
    let written = serde::Serialize::serialize(&notebook, &mut writer);
    debug_assert!(written.is_ok(), "values in memory can be written");
    String::from_utf8_lossy(&bytes).into_owned() + "\n"
}

fn to_json(output: &Output) -> Value {
    let lines = |text: &str| text.split_inclusive('\n').map(Value::from).collect::<Vec<_>>();
    match output {
        Output::Text(text) => json!({ "name": "stdout", "output_type": "stream", "text": lines(text) }),
        Output::Svg(svg) => {
            json!({ "data": { "text/html": [to_img(svg)] }, "metadata": {}, "output_type": "display_data" })
        }
        Output::Html(html) => {
            json!({ "data": { "text/html": lines(html) }, "metadata": {}, "output_type": "display_data" })
        }
    }
}

/// What a notebook file holds: its cells' sources, and the code cells' outputs.
pub struct Recorded {
    pub sources: Vec<(Role, String)>,
    pub outputs: Vec<Vec<Output>>,
}

/// Reads a notebook file.
pub fn read(path: &Path) -> Result<Recorded> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, "read", e))?;
    let notebook: Value = serde_json::from_str(&text)
        .map_err(|e| Error::new(Kind::Syntax, format!("{} is no notebook: {e}", path.display())))?;
    let (mut sources, mut outputs) = (Vec::new(), Vec::new());
    for cell in notebook["cells"].as_array().into_iter().flatten() {
        let code = cell["cell_type"] == "code";
        sources.push((if code { Role::Code } else { Role::Prose }, joined(&cell["source"])));
        if code {
            outputs.push(said(cell).0);
        }
    }
    Ok(Recorded { sources, outputs })
}

/// What a code cell said, and what went wrong in it: anything on stderr, or an error.
fn said(cell: &Value) -> (Vec<Output>, String) {
    let (mut outputs, mut wrong) = (Vec::new(), String::new());
    for output in cell["outputs"].as_array().into_iter().flatten() {
        match output["output_type"].as_str().unwrap_or_default() {
            "stream" if output["name"] == "stdout" => push_text(&mut outputs, &joined(&output["text"])),
            "stream" => wrong += &joined(&output["text"]),
            "error" => wrong += &plain(&joined_lines(&output["traceback"])),
            _ => {
                let data = &output["data"];
                if !data["image/svg+xml"].is_null() {
                    outputs.push(Output::Svg(joined(&data["image/svg+xml"]).trim_end().into()));
                } else if !data["text/html"].is_null() {
                    let html = joined(&data["text/html"]).trim_end().to_string();
                    outputs.push(from_img(&html).map_or(Output::Html(html), Output::Svg));
                } else {
                    push_text(&mut outputs, &joined(&data["text/plain"]));
                }
            }
        }
    }
    (outputs, wrong)
}

/// A text that nbformat keeps whole or as a list of lines.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn joined_lines(value: &Value) -> String {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(|line| format!("{line}\n")).collect()
}

/// Text without a terminal's colours.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split("\u{1b}[");
    plain += parts.next().unwrap_or_default();
    for part in parts {
        plain += part.split_once('m').map_or(part, |(_, rest)| rest);
    }
    plain
}

/// Tells the Rust kernel where to keep what it compiles of the library, so that only the first notebook's first cell waits for
/// it: in this project's target folder, for all notebooks. Each kernel's own cells stay apart, so that several notebooks can be
/// open at once. A kernel that starts in `lessons/` reads the file. (A Cargo older than 1.91 ignores it: each notebook then
/// compiles the library for itself.)
///
/// # Errors
/// The file cannot be written.
pub fn settle(root: &Path) -> Result {
    let keep = root.join("target/notebook");
    let path = root.join("lessons/evcxr.toml");
    let text = format!(
        "# Written by `weave`, for this machine.\n[evcxr]\nprelude = \"\"\"\n:cache 1000\n\
         :build_env CARGO_BUILD_BUILD_DIR={}\n\"\"\"\n",
        keep.display().to_string().replace('\\', "/")
    );
    if std::fs::read_to_string(&path).ok().as_deref() == Some(&text) {
        return Ok(());
    }
    std::fs::write(&path, text).map_err(|e| Error::file(&path, "write", e))
}

/// Runs the lesson in the Rust kernel: the outputs of its code cells.
///
/// # Errors
/// Jupyter or the kernel is missing, or a cell did not come to its end; the cell is named.
pub fn execute(lesson: &Lesson, folder: &Path) -> Result<Vec<Vec<Output>>> {
    // The copy lies beside the lesson: the kernel starts in its folder, as it does for a reader.
    let copy = folder.join(format!(".{}.run.ipynb", lesson.stem));
    let marked = |i: usize| match lesson.cells[i].role {
        Role::Prose => String::new(),
        Role::Code => format!("{}\nprintln!(\"{MARK}\");", source(lesson, i)),
    };
    std::fs::write(&copy, build(lesson, &marked, &[])).map_err(|e| Error::file(&copy, "write", e))?;
    let run = Command::new("jupyter")
        .args(["execute", "--inplace", "--allow-errors", &format!("--timeout={LIMIT}"), "--startup_timeout=600"])
        .arg(&copy)
        .env("LD_LIBRARY_PATH", library_path())
        .output();
    let executed = std::fs::read_to_string(&copy);
    let _ = std::fs::remove_file(&copy);
    let needs = "weaving needs `pip install nbclient ipykernel`, `cargo install --locked evcxr_jupyter` and `evcxr_jupyter --install`";
    let run = run.map_err(|e| Error::new(Kind::File, format!("cannot run jupyter: {e}")).hint(needs))?;
    let executed: Value = executed.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let cells: Vec<&Value> =
        executed["cells"].as_array().into_iter().flatten().filter(|cell| cell["cell_type"] == "code").collect();
    let mut outputs = Vec::new();
    for ((i, cell), (n, ran)) in lesson.code().zip(cells.iter().enumerate()) {
        let (outputs_of, wrong) = said(ran);
        let mut text: Vec<Output> = Vec::new();
        let mut ended = false;
        for output in outputs_of {
            match output {
                Output::Text(t) => {
                    ended |= t.contains(MARK);
                    let t: String = t.split_inclusive('\n').filter(|line| line.trim() != MARK).collect();
                    if !t.is_empty() {
                        text.extend(pieces(&t));
                    }
                }
                rich => text.push(rich),
            }
        }
        if !ended || !wrong.trim().is_empty() {
            let how = if ended { "wrote to stderr" } else { "did not come to its end" };
            let first = cell.text.lines().next().unwrap_or_default();
            // What an `Err` says comes late: the kernel hands it out with a later cell.
            let mut late = cells[n..].iter().map(|cell| said(cell).1).filter(|wrong| !wrong.trim().is_empty());
            let tail = late.next().unwrap_or_else(|| String::from_utf8_lossy(&run.stderr).into_owned());
            let message = format!("the notebook of {} {how}: `{first}`\n{}", lesson.name(i), indented(&tail));
            return Err(Error::new(Kind::Value, message));
        }
        outputs.push(text);
    }
    if outputs.len() != lesson.code().count() {
        let message =
            format!("jupyter did not run {}\n{}", lesson.stem, indented(&String::from_utf8_lossy(&run.stderr)));
        return Err(Error::new(Kind::File, message).hint(needs));
    }
    Ok(outputs)
}

/// Where the loader looks for libraries, without the folders of this very build: `cargo run` puts them first, and the kernel
/// would load this build's copy of the library in place of its own.
fn library_path() -> OsString {
    let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let build = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_path_buf()));
    let other = std::env::split_paths(&path).filter(|p| build.as_ref().is_none_or(|build| !p.starts_with(build)));
    std::env::join_paths(other).unwrap_or_default()
}

/// A message moved to the right; of a long one the first and the last lines.
pub fn indented(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let (first, last) = if lines.len() > 20 { (12, lines.len() - 7) } else { (lines.len(), lines.len()) };
    let mut kept = lines[..first].to_vec();
    kept.extend(lines.get(last..).filter(|rest| !rest.is_empty()).map(|_| ".."));
    kept.extend(&lines[last..]);
    kept.iter().map(|line| format!("    {line}\n")).collect::<String>().trim_end().into()
}
