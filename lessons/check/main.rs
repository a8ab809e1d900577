//! The checker: runs your programs in `lessons/exercises` on inputs that they did not see, and says how far you are.
//!
//! ```text
//! cargo run --release --bin check                   # the whole course
//! cargo run --release --bin check 02                # the exercises of lesson 02
//! cargo run --release --bin check 02_1              # one of them
//! cargo run --release --bin check -- --answers 02   # the same with the programs in lessons/answers
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
#[allow(dead_code, reason = "the weaver compares more loosely, too")]
#[path = "../weave/text.rs"]
mod text;

use cortado::{Error, Kind, Result, files};
use std::path::Path;
use std::process::{Command, ExitCode};
use text::Tolerance;

/// An exercise, and what a right program prints.
pub struct Exercise {
    /// `02_1`: its program is `lessons/exercises/02_1.rs`.
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

/// How an exercise stands.
#[derive(PartialEq)]
enum State {
    Right,
    /// The hole is still there: what it says.
    NotDone(String),
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
    let (answers, course) = (flag("--answers"), flag("--course"));
    let asked = chosen(&args)?;
    let root = files::root()?;
    if course {
        return check_course(&asked, &root);
    }
    let mut right = 0;
    for exercise in &asked {
        let Exercise { name, title, hint, .. } = exercise;
        match grade(exercise, if answers { "answer" } else { "exercise" }, &root)? {
            State::Right => {
                right += 1;
                println!("{name}  right      {title}");
            }
            State::NotDone(what) => println!("{name}  to do      {title}\n      {what}"),
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

/// Runs a program on every unseen input, until it is wrong.
fn grade(exercise: &Exercise, form: &str, root: &Path) -> Result<State> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for number in UNSEEN {
        let ran = Command::new(&cargo)
            .args([
                "run",
                "--release",
                "--quiet",
                "--bin",
                &format!("{form}_{}", exercise.name),
                "--",
                &number.to_string(),
            ])
            .current_dir(root)
            .output()
            .map_err(|e| Error::new(Kind::File, format!("cannot run cargo: {e}")))?;
        let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        if stderr.contains("not done yet") {
            return Ok(State::NotDone(stderr.trim().trim_start_matches("Error: ").replace('\n', "\n      ")));
        }
        if !ran.status.success() {
            return Ok(State::Wrong(format!("it fails:\n{}", stderr.trim()).replace('\n', "\n      ")));
        }
        let expected = (exercise.expected)(number)?;
        if let Some(difference) = text::text(expected.trim_end(), stdout.trim_end(), Tolerance::default()) {
            let difference = difference.replacen("recorded", "right is", 1).replacen("now", "yours is", 1);
            return Ok(State::Wrong(format!("for the input {number}: {difference}")));
        }
    }
    Ok(State::Right)
}

/// For CI: the exercises as they lie there are holes that fail with a hint, the answers are right.
fn check_course(asked: &[&Exercise], root: &Path) -> Result<ExitCode> {
    let mut failed = 0;
    for exercise in asked {
        let mut complain = |what: &str| {
            eprintln!("error: {what}");
            failed += 1;
        };
        match grade(exercise, "exercise", root)? {
            State::NotDone(what) if what.contains("help:") => {}
            State::NotDone(what) => complain(&format!("exercise {}: its hole gives no hint: {what}", exercise.name)),
            State::Wrong(what) => complain(&format!("exercise {} has no hole that says so: {what}", exercise.name)),
            State::Right => complain(&format!("exercise {} is done already", exercise.name)),
        }
        match grade(exercise, "answer", root)? {
            State::Right => println!("{}  hole and answer are in order", exercise.name),
            State::NotDone(what) | State::Wrong(what) => complain(&format!("answer {}: {what}", exercise.name)),
        }
    }
    for folder in ["exercises", "answers"] {
        let path = root.join("lessons").join(folder);
        let entries = std::fs::read_dir(&path).map_err(|e| Error::file(&path, "read", e))?;
        for file in entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())) {
            if !EXERCISES.iter().copied().flatten().any(|exercise| file == format!("{}.rs", exercise.name)) {
                eprintln!("error: nobody grades lessons/{folder}/{file}");
                failed += 1;
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
