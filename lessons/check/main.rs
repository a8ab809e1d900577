//! The checker: runs your programs in `lessons/exercises/src/bin` on unseen inputs, and says how far you are.
//!
//! ```text
//! cargo run --release --bin check                   # the whole course
//! cargo run --release --bin check 02                # the exercises of lesson 02
//! cargo run --release --bin check 02_1              # one of them
//! cargo run --release --bin check -- --answers 02   # the same with the programs in lessons/answers/src/bin
//! cargo run --release --bin check -- --course       # for CI: every answer passes, every hole fails with its hint
//! ```

mod lesson_00;
mod lesson_01;
mod lesson_02;
mod lesson_03;
mod lesson_04;
mod lesson_05;
mod lesson_06;
mod lesson_07;
#[allow(dead_code, reason = "the weaver also compares more loosely")]
#[path = "../weave/text.rs"]
mod text;

use cortado::{Error, Kind, Result, files};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use text::Tolerance;

/// An exercise, and what a right program prints.
pub struct Exercise {
    /// `02_1`: its program is `lessons/exercises/src/bin/exercise_02_1.rs`.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Where to look when it is not right yet.
    pub hint: &'static str,
    /// What the right program prints for the input with this number, worked out another way than the answer does it.
    pub expected: fn(u64) -> Result<String>,
}

/// All exercises, in order.
const EXERCISES: &[&[Exercise]] = &[
    lesson_00::EXERCISES,
    lesson_01::EXERCISES,
    lesson_02::EXERCISES,
    lesson_03::EXERCISES,
    lesson_04::EXERCISES,
    lesson_05::EXERCISES,
    lesson_06::EXERCISES,
    lesson_07::EXERCISES,
];

/// Inputs that a reader's own run does not use.
const UNSEEN: [u64; 3] = [7, 42, 1998];

const HELP: &str = "\
usage: cargo run --release --bin check -- [--answers] [EXERCISE ..]

Runs your programs in lessons/exercises/src/bin on inputs that they did not see.

  02         the exercises of lesson 02
  02_1       one of them
  --answers  the programs in lessons/answers/src/bin in place of yours
  --course   checks the course: every answer is right, every exercise has a hole that gives a hint

Without an EXERCISE all are meant. Your program on an input of your choice, here the one with the number 7:

  cargo run --release -p exercises --bin exercise_02_1 -- 7";

/// Whose program is run: the reader's or the course's.
#[derive(Clone, Copy)]
enum Form {
    Exercise,
    Answer,
}

impl Form {
    /// The member package that holds the programs; it has the name of its folder in `lessons`.
    fn package(self) -> &'static str {
        match self {
            Form::Exercise => "exercises",
            Form::Answer => "answers",
        }
    }

    fn program(self, name: &str) -> String {
        match self {
            Form::Exercise => format!("exercise_{name}"),
            Form::Answer => format!("answer_{name}"),
        }
    }
}

/// How an exercise stands.
#[derive(PartialEq)]
enum State {
    Right,
    /// The hole is still there: what it says.
    NotDone(String),
    /// What the compiler says.
    NotCompiled(String),
    /// What is wrong.
    Wrong(String),
}

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
    let mut flag = |name: &str| {
        let before = args.len();
        args.retain(|arg| arg != name);
        args.len() < before
    };
    if flag("--help") || flag("-h") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let form = if flag("--answers") { Form::Answer } else { Form::Exercise };
    let course = flag("--course");
    if let Some(unknown) = args.iter().find(|arg| arg.starts_with('-')) {
        let e = Error::new(Kind::Unknown, format!("no option {unknown}"));
        return Err(e.hint("there are --answers, --course and --help"));
    }
    let asked = chosen(&args)?;
    let root = files::root()?;
    if course {
        return check_course(&asked, &root);
    }
    let mut right = 0;
    for exercise in &asked {
        let Exercise { name, title, hint, .. } = exercise;
        match grade(exercise, form, &root)? {
            State::Right => {
                right += 1;
                println!("{name}  right      {title}");
            }
            State::NotDone(what) => println!("{name}  to do      {title}\n      {what}"),
            State::NotCompiled(what) => {
                println!("{name}  not yet    {title}\n      it does not compile:\n      {what}")
            }
            State::Wrong(what) => println!("{name}  not yet    {title}\n      {what}\n      hint: {hint}"),
        }
    }
    println!("\n{right} of {} right", asked.len());
    Ok(if right == asked.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The exercises that are asked for: by lesson (`02`), by name (`02_1`), or all.
fn chosen(asked: &[String]) -> Result<Vec<&'static Exercise>> {
    let all: Vec<&Exercise> = EXERCISES.iter().copied().flatten().collect();
    let fits = |exercise: &Exercise, asked: &str| {
        exercise.name == asked || exercise.name.strip_prefix(asked).is_some_and(|rest| rest.starts_with('_'))
    };
    if let Some(unknown) = asked.iter().find(|asked| !all.iter().any(|exercise| fits(exercise, asked))) {
        let names: Vec<&str> = all.iter().map(|exercise| exercise.name).collect();
        return Err(
            Error::new(Kind::Unknown, format!("no exercise {unknown}")).hint(format!("there are {}", names.join(", ")))
        );
    }
    Ok(all.into_iter().filter(|exercise| asked.is_empty() || asked.iter().any(|asked| fits(exercise, asked))).collect())
}

/// Builds a program and runs it on every unseen input, until it is wrong.
fn grade(exercise: &Exercise, form: Form, root: &Path) -> Result<State> {
    let program = match build(&form.program(exercise.name), form.package(), root)? {
        Ok(program) => program,
        Err(message) => return Ok(State::NotCompiled(indented(&message))),
    };
    for number in UNSEEN {
        let ran = run(Command::new(&program).arg(number.to_string()).current_dir(root))?;
        let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let again =
            format!("cargo run --release -p {} --bin {} -- {number}", form.package(), form.program(exercise.name));
        if !ran.status.success() {
            let said = stderr.trim().trim_start_matches("Error: ").trim_start_matches('"');
            // A hole in a layer or a rule is told with its place in the prototxt before it.
            let is_hole = said.lines().next().is_some_and(|line| line.contains("not done yet"));
            return Ok(match is_hole {
                true => State::NotDone(indented(said)),
                false => State::Wrong(indented(&format!("for the input {number} it fails:\n{said}\nrun it: {again}"))),
            });
        }
        let expected = (exercise.expected)(number)?;
        if let Some(difference) = text::difference(expected.trim_end(), stdout.trim_end(), Tolerance::default()) {
            let at = difference.under.map_or(String::new(), |line| format!(", under `{line}`"));
            let said = match (difference.old, difference.new) {
                (Some(right), Some(yours)) => format!("right is `{right}`, yours is `{yours}`"),
                (Some(right), None) => format!("the line `{right}` is missing"),
                (None, yours) => format!("the line `{}` is one too many", yours.unwrap_or_default()),
            };
            return Ok(State::Wrong(indented(&format!("for the input {number}{at}: {said}\nrun it: {again}"))));
        }
    }
    Ok(State::Right)
}

/// Builds a program: where it lies, or the compiler's errors without its warnings.
fn build(program: &str, package: &str, root: &Path) -> Result<Result<PathBuf, String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let args = ["build", "--release", "--quiet", "--message-format", "json", "-p", package, "--bin", program];
    let built = run(Command::new(cargo).args(args).current_dir(root))?;
    let (mut executable, mut errors) = (None, String::new());
    for line in String::from_utf8_lossy(&built.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        executable = message["executable"].as_str().map(PathBuf::from).or(executable);
        let told = &message["message"];
        // The compiler's last error only counts the others, and points nowhere.
        if told["level"] == "error" && told["spans"].as_array().is_some_and(|spans| !spans.is_empty()) {
            errors += told["rendered"].as_str().unwrap_or_default();
        }
    }
    Ok(match executable {
        Some(executable) if built.status.success() => Ok(executable),
        _ if errors.is_empty() => Err(String::from_utf8_lossy(&built.stderr).trim().into()),
        _ => Err(errors.trim().into()),
    })
}

fn run(command: &mut Command) -> Result<Output> {
    command.output().map_err(|e| Error::new(Kind::File, format!("cannot run {command:?}: {e}")))
}

/// Lines that stand below an exercise's name.
fn indented(text: &str) -> String {
    text.replace('\n', "\n      ")
}

/// For CI: the exercises as they lie there are holes that fail with a hint, the answers are right.
fn check_course(asked: &[&Exercise], root: &Path) -> Result<ExitCode> {
    let mut failed = 0;
    for exercise in asked {
        let mut complain = |what: &str| {
            eprintln!("error: {what}");
            failed += 1;
        };
        match grade(exercise, Form::Exercise, root)? {
            State::NotDone(what) if what.contains("help:") => {}
            State::NotDone(what) => complain(&format!("exercise {}: its hole gives no hint: {what}", exercise.name)),
            State::NotCompiled(what) | State::Wrong(what) => {
                complain(&format!("exercise {} has no hole that says so: {what}", exercise.name));
            }
            State::Right => complain(&format!("exercise {} is done already", exercise.name)),
        }
        match grade(exercise, Form::Answer, root)? {
            State::Right => println!("{}  hole and answer are in order", exercise.name),
            State::NotDone(what) | State::NotCompiled(what) | State::Wrong(what) => {
                complain(&format!("answer {}: {what}", exercise.name));
            }
        }
    }
    for form in [Form::Exercise, Form::Answer] {
        let path = root.join("lessons").join(form.package()).join("src/bin");
        let entries = std::fs::read_dir(&path).map_err(|e| Error::file(&path, "read", e))?;
        for file in entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())) {
            if !EXERCISES.iter().copied().flatten().any(|exercise| file == form.program(exercise.name) + ".rs") {
                eprintln!("error: nobody grades {}", path.join(&file).display());
                failed += 1;
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
