//! The weaver: one source, three forms.
//!
//! A lesson is a program, `lessons/NN_name.rs`. From it this makes the notebook `lessons/NN_name.ipynb`, run by the Rust
//! kernel, and the chapter `book/src/lessons/NN_name.md` with the outputs of that run. From each layer's source it makes a
//! page, `book/src/layers/NAME.md`, with the outputs of a small net.
//!
//! ```text
//! cargo run --release --bin weave                      # every lesson, and the layers' pages
//! cargo run --release --bin weave -- 02 03             # some of them
//! cargo run --release --bin weave -- --prose [02 ..]   # only prose has changed: keep the recorded outputs
//! cargo run --release --bin weave -- --check [02 ..]   # run programs and notebooks; say what is out of step
//! cargo run --release --bin weave -- --look [02 ..]    # the same without running a lesson
//! cargo run --release --bin weave -- layers            # the layers' pages; with --look, whether they are in step
//! cargo run --release --bin weave -- kernel            # notebooks share what the kernel compiles of the library
//! cargo run --release --bin weave -- math              # mdBook's preprocessor: formulas become MathML
//! ```

mod chapter;
mod compare;
mod doc;
mod example;
mod fields;
mod layers;
mod lesson;
mod math;
mod notebook;
mod output;
mod picture;
mod program;
mod text;

use cortado::{Error, Kind, Result, files};
use lesson::{Lesson, Role};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    match work(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn work(mut args: Vec<String>) -> Result<ExitCode> {
    if args.first().is_some_and(|arg| arg == "math") {
        return mdbook(&args[1..]);
    }
    let mut flag = |name: &str| {
        let before = args.len();
        args.retain(|arg| arg != name);
        args.len() < before
    };
    let (check, look, prose) = (flag("--check"), flag("--look"), flag("--prose"));
    let pages = flag("layers");
    if let Some(unknown) = args.iter().find(|arg| arg.starts_with('-')) {
        return Err(
            Error::new(Kind::Unknown, format!("no option {unknown}")).hint("there are --prose, --check and --look")
        );
    }
    let root = files::root()?;
    let mut failed = 0;
    let mut count = |done: Result| {
        if let Err(e) = done {
            eprintln!("error: {e}");
            failed += 1;
        }
    };
    if pages || args.is_empty() {
        count(if look || check { layers::in_step(&root) } else { layers::weave(&root) });
    }
    if !pages || !args.is_empty() {
        if !look {
            notebook::settle(&root)?;
        }
        if args == ["kernel"] {
            println!(
                "wrote lessons/evcxr.toml: notebooks share what the kernel compiles of the library, in target/notebook"
            );
            return Ok(ExitCode::SUCCESS);
        }
        for lesson in lessons(&root, &args)? {
            count(if look || check { in_step(&lesson, &root, !look) } else { weave(&lesson, &root, prose) });
        }
    }
    if failed > 0 {
        eprintln!("{failed} out of step");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `weave math supports html` asks whether we can; without more, the book comes by stdin.
fn mdbook(args: &[String]) -> Result<ExitCode> {
    if args.first().is_some_and(|arg| arg == "supports") {
        return Ok(ExitCode::SUCCESS);
    }
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).map_err(|e| Error::file("stdin", "read", e))?;
    println!("{}", math::preprocess(&input)?);
    Ok(ExitCode::SUCCESS)
}

/// The lessons whose numbers are asked for, or all: the files `lessons/NN_*.rs`.
fn lessons(root: &Path, numbers: &[String]) -> Result<Vec<Lesson>> {
    let folder = root.join("lessons");
    let entries = std::fs::read_dir(&folder).map_err(|e| Error::file(&folder, "read", e))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|e| e.path())).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".rs") && name.starts_with(|c: char| c.is_ascii_digit())
    });
    paths.sort();
    let lessons: Vec<Lesson> = paths.iter().map(|path| Lesson::read(path)).collect::<Result<_>>()?;
    if let Some(unknown) = numbers.iter().find(|n| !lessons.iter().any(|l| l.number() == *n || l.stem == **n)) {
        let known: Vec<&str> = lessons.iter().map(|lesson| lesson.stem.as_str()).collect();
        return Err(
            Error::new(Kind::Unknown, format!("no lesson {unknown}")).hint(format!("there are {}", known.join(", ")))
        );
    }
    let asked = |l: &Lesson| numbers.is_empty() || numbers.iter().any(|n| l.number() == n || l.stem == *n);
    Ok(lessons.into_iter().filter(asked).collect())
}

/// The command that brings a lesson's other forms into step.
fn mend(lesson: &Lesson) -> String {
    format!("cargo run --release --bin weave -- {}", lesson.number())
}

fn notebook_path(lesson: &Lesson, root: &Path) -> PathBuf {
    root.join("lessons").join(format!("{}.ipynb", lesson.stem))
}

/// Runs a lesson's notebook, or takes the outputs that it has if its code is unchanged; writes notebook and chapter.
fn weave(lesson: &Lesson, root: &Path, prose: bool) -> Result {
    let outputs = if prose {
        let recorded = notebook::read(&notebook_path(lesson, root))?;
        let code = lesson.code().map(|(i, _)| (Role::Code, notebook::source(lesson, i)));
        if !code.eq(recorded.sources.into_iter().filter(|(role, _)| *role == Role::Code)) {
            return Err(Error::value(format!("the code of {} has changed", lesson.stem))
                .hint(format!("run it: {}", mend(lesson))));
        }
        recorded.outputs
    } else {
        eprintln!("{}: running the notebook", lesson.stem);
        notebook::execute(lesson, &root.join("lessons"))?
    };
    files::write_aside(&notebook_path(lesson, root), notebook::with_outputs(lesson, &outputs).as_bytes())?;
    let chapters = root.join("book/src/lessons");
    let _ = std::fs::remove_dir_all(chapters.join(&lesson.stem)); // pictures of cells that are gone
    for (name, text) in chapter::files(lesson, &outputs) {
        if name.ends_with(".md") {
            math::page(&text)?; // a formula that the book cannot show is better found now
        }
        files::write_aside(&chapters.join(name), text.as_bytes())?;
    }
    eprintln!("{}: {} cells woven", lesson.stem, lesson.cells.len());
    Ok(())
}

/// Whether a lesson's notebook and chapter are what its source says; with `run`, whether program and notebook still say
/// what was recorded.
fn in_step(lesson: &Lesson, root: &Path, run: bool) -> Result {
    let path = notebook_path(lesson, root);
    let stale = |what: String| Err(Error::new(Kind::Value, what).hint(format!("mend it: {}", mend(lesson))));
    if !path.is_file() {
        return stale(format!("{} has no notebook", lesson.stem));
    }
    let recorded = notebook::read(&path)?;
    for i in 0..lesson.cells.len().max(recorded.sources.len()) {
        let written = lesson.cells.get(i).map(|cell| (cell.role, notebook::source(lesson, i)));
        match (written, recorded.sources.get(i)) {
            (Some(written), Some(recorded)) if written == *recorded => {}
            (Some(_), _) => return stale(format!("{} is not the cell of its notebook", lesson.name(i))),
            (None, _) => {
                return stale(format!("the notebook of {} has a cell {i} that its source has not", lesson.stem));
            }
        }
    }
    for (name, text) in chapter::files(lesson, &recorded.outputs) {
        let path = root.join("book/src/lessons").join(&name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            return stale(format!("{} is not what the notebook of {} says", path.display(), lesson.stem));
        }
    }
    if !run {
        return Ok(());
    }
    let took = program::run(lesson, &recorded.outputs, root)?;
    eprintln!("{}: the program is in step ({:.1} s)", lesson.stem, took.as_secs_f64());
    let since = std::time::Instant::now();
    let outputs = notebook::execute(lesson, &root.join("lessons"))?;
    for ((i, cell), (old, new)) in lesson.code().zip(recorded.outputs.iter().zip(&outputs)) {
        if let Some(difference) = compare::difference(old, new, cell.tolerance) {
            return stale(format!("the notebook of {} says something else: {difference}", lesson.name(i)));
        }
    }
    eprintln!("{}: the notebook is in step ({:.1} s)", lesson.stem, since.elapsed().as_secs_f64());
    Ok(())
}
