//! The lesson as a program: it must end well and print what the notebook printed.

use crate::compare::difference;
use crate::lesson::Lesson;
use crate::notebook::indented;
use crate::output::{Output, pieces};
use crate::text::Tolerance;
use cortado::{Error, Kind, Result};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs `cargo run --release --bin NN_name` and compares its stdout with the recorded outputs, cell by cell.
///
/// # Errors
/// It fails, or prints something else; the cell is named.
pub fn run(lesson: &Lesson, recorded: &[Vec<Output>], root: &Path) -> Result<Duration> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "--quiet", "--bin", &lesson.stem];
    let start = |command: &mut Command| {
        // A picture then goes to stdout, as in a notebook.
        command.current_dir(root).env("EVCXR_IS_RUNTIME", "1");
        command.output().map_err(|e| Error::new(Kind::File, format!("cannot run {command:?}: {e}")))
    };
    let built = start(Command::new(&cargo).args(build))?;
    if !built.status.success() {
        let message =
            format!("{} does not compile\n{}", lesson.stem, indented(&String::from_utf8_lossy(&built.stderr)));
        return Err(Error::new(Kind::Syntax, message));
    }
    let since = Instant::now();
    // It lies beside this very program; `cargo run` would repeat the compiler's warnings.
    let weave = std::env::current_exe().map_err(|e| Error::file("weave", "find", e))?;
    let ran =
        start(&mut Command::new(weave.with_file_name(&lesson.stem).with_extension(std::env::consts::EXE_EXTENSION)))?;
    let took = since.elapsed();

    let said = lines(&pieces(&String::from_utf8_lossy(&ran.stdout)));
    let expected: Vec<(usize, Tolerance, Output)> = lesson
        .code()
        .zip(recorded)
        .flat_map(|((i, cell), outputs)| lines(outputs).into_iter().map(move |line| (i, cell.tolerance, line)))
        .collect();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    for (n, (i, tolerance, old)) in expected.iter().enumerate() {
        let new = said.get(n).map(std::slice::from_ref).unwrap_or_default();
        let Some(difference) = difference(std::slice::from_ref(old), new, *tolerance) else { continue };
        let message = match ran.status.success() {
            true => format!("the program of {} says something else: {difference}", lesson.name(*i)),
            false => failed(lesson, &stderr, Some(*i)),
        };
        return Err(Error::new(Kind::Value, message).hint(format!("if that is meant: {}", crate::mend(lesson))));
    }
    if !ran.status.success() {
        return Err(Error::new(Kind::Value, failed(lesson, &stderr, None)));
    }
    if let Some(extra) = said.get(expected.len()) {
        let extra = difference(&[], std::slice::from_ref(extra), Tolerance::Any).unwrap_or_default();
        return Err(
            Error::new(Kind::Value, format!("the program of {}: {extra}", lesson.stem)).hint(crate::mend(lesson))
        );
    }
    Ok(took)
}

/// A program that stopped: in the cell of the line where it panicked, or before the output that did not come.
fn failed(lesson: &Lesson, stderr: &str, before: Option<usize>) -> String {
    let panicked = stderr.split(&format!("panicked at lessons/{}.rs:", lesson.stem)).nth(1);
    let line: Option<usize> = panicked.and_then(|rest| rest.split(':').next()?.parse().ok());
    let at = line.and_then(|line| lesson.code().filter(|(_, cell)| cell.line <= line).last().map(|(i, _)| i));
    let place = match (at, before) {
        (Some(i), _) => format!("{} panicked", lesson.name(i)),
        (None, Some(i)) => format!("{}, or a cell before it, failed", lesson.name(i)),
        (None, None) => format!("{} failed after its last output", lesson.stem),
    };
    format!("the program of {place}\n{}", indented(stderr))
}

/// Outputs with a piece for every line.
fn lines(outputs: &[Output]) -> Vec<Output> {
    let split = |output: &Output| match output {
        Output::Text(text) => text.lines().map(|line| Output::Text(line.into())).collect(),
        rich => vec![rich.clone()],
    };
    outputs.iter().flat_map(split).collect()
}
