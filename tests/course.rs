//! The course holds together: every lesson's notebook and chapter are what its source says, and every layer's page; what is
//! out of step is named. That programs and notebooks still say what was recorded takes minutes and a kernel; `.ci/run` does it.

#![cfg(feature = "course")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn weave(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weave")).args(args).current_dir(folder).output().unwrap()
}

/// The Rust files of a folder, by their stems.
fn stems(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|e| e == "rs"));
    files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn notebooks_chapters_and_layers_are_in_step() {
    let out = weave(&["--look"], &root());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn every_program_of_the_course_can_be_run() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut expected = Vec::new();
    for stem in stems("lessons") {
        expected.push((stem.clone(), format!("lessons/{stem}.rs")));
    }
    for (folder, word) in [("exercises", "exercise"), ("answers", "answer")] {
        expected.extend(
            stems(&format!("lessons/{folder}"))
                .iter()
                .map(|k| (format!("{word}_{k}"), format!("lessons/{folder}/{k}.rs"))),
        );
    }
    assert!(expected.len() > 10);
    for (name, path) in expected {
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"")),
            "Cargo.toml has no [[bin]] {name}"
        );
    }
    assert_eq!(stems("lessons/exercises"), stems("lessons/answers"));
}

#[test]
fn every_lesson_asks_twice_and_has_exercises() {
    for stem in stems("lessons") {
        let text = fs::read_to_string(root().join(format!("lessons/{stem}.rs"))).unwrap();
        assert_eq!(text.matches("**What will this print?**").count(), 2, "{stem} asks for two predictions");
        let number = stem.split('_').next().unwrap();
        let exercises = stems("lessons/exercises").iter().filter(|k| k.starts_with(&format!("{number}_"))).count();
        assert!((2..=3).contains(&exercises), "{stem} has {exercises} exercises");
    }
}

#[test]
fn the_first_page_shows_pictures_that_exist() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files: Vec<&str> = links.filter(|link| !link.contains("://") && !link.starts_with('#')).collect();
    assert!(files.iter().filter(|file| file.ends_with(".svg")).count() >= 3);
    for file in files {
        assert!(root().join(file).exists(), "README.md links to {file}, which does not exist");
    }
}

/// A copy of one lesson in all its forms, in a folder that looks like the project's root.
fn copy_of_lesson_00() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: PathBuf, to: PathBuf| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    let stem = "00_training_lenet";
    let chapters = "book/src/lessons";
    let mut paths = vec!["proto/caffe.proto".to_string(), format!("{chapters}/{stem}.md")];
    paths.extend(["rs", "ipynb"].map(|ending| format!("lessons/{stem}.{ending}")));
    for picture in fs::read_dir(root().join(chapters).join(stem)).unwrap() {
        paths.push(format!("{chapters}/{stem}/{}", picture.unwrap().file_name().to_string_lossy()));
    }
    for path in paths {
        copy(root().join(&path), folder.path().join(&path));
    }
    folder
}

#[test]
fn what_is_out_of_step_is_named_with_its_cell() {
    let stem = "00_training_lenet";
    let folder = copy_of_lesson_00();
    assert!(weave(&["--look", "00"], folder.path()).status.success());

    let says = |path: &str, from: &str, to: &str, expected: &[&str]| {
        let path = folder.path().join(path);
        let good = fs::read_to_string(&path).unwrap();
        assert!(good.contains(from), "{} has no {from}", path.display());
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let out = weave(&["--look", "00"], folder.path());
        fs::write(&path, good).unwrap();
        let message = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success(), "{from} -> {to} was not seen");
        for part in expected {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    let mend = "cargo run --release --bin weave -- 00";
    // The source moved on: the first code cell of the body is cell 3.
    says(&format!("lessons/{stem}.rs"), "pictures to learn from", "to learn from", &[stem, "cell 3 (line ", mend]);
    // Somebody edited the notebook: an output, then a cell.
    says(&format!("lessons/{stem}.ipynb"), "60000 pictures to learn", "60001 pictures to learn", &[stem, ".md", mend]);
    says(&format!("lessons/{stem}.ipynb"), "## The data", "## Data", &[stem, "cell 2 (line ", mend]);
    // Somebody edited the chapter.
    says(&format!("book/src/lessons/{stem}.md"), "## The data", "## Data", &[stem, ".md", mend]);
    // A cell that is none.
    says(&format!("lessons/{stem}.rs"), "// %% tol=any", "// %% tol=all", &[stem, "tol=all"]);
}

/// A copy of the layers' sources and pages, in a folder that looks like the project's root.
fn copy_of_the_layers() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["src/layers", "book/src/layers", "proto/caffe.proto", "book/src/SUMMARY.md"] {
        let from = root().join(part);
        let files: Vec<PathBuf> = match from.is_dir() {
            true => fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect(),
            false => vec![from],
        };
        for file in files {
            let to = folder.path().join(file.strip_prefix(root()).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
    }
    folder
}

#[test]
fn a_layers_page_that_is_out_of_step_is_named() {
    let folder = copy_of_the_layers();
    let look = || {
        let out = weave(&["layers", "--look"], folder.path());
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert!(look().0, "{}", look().1);
    let page = "book/src/layers/sigmoid.md";
    let path = |path: &str| folder.path().join(path);
    let mend = "cargo run --release --bin weave -- layers";
    let changed = |file: &str, from: &str, to: &str| {
        let good = fs::read_to_string(path(file)).unwrap();
        assert!(good.contains(from), "{file} has no {from}");
        fs::write(path(file), good.replacen(from, to, 1)).unwrap();
        let (well, message) = look();
        fs::write(path(file), good).unwrap();
        (well, message)
    };
    // The first number that the run computed: sigmoid(0.3) = 0.5744.
    for (file, from, to, named) in [
        ("src/layers/sigmoid.rs", "//! | `top[0]`    | as x", "//! | `top[0]`    | like x", page),
        ("src/layers/sigmoid.rs", "impl Layer", "\nimpl Layer", page),
        (page, "## Prototxt", "## The prototxt", page),
        (page, "0.5744", "0.5844", page),
        ("proto/caffe.proto", "How sharp the bend is.", "How sharp it is.", "swish.md"),
        ("book/src/SUMMARY.md", "    - [Sigmoid](layers/sigmoid.md)\n", "", "SUMMARY.md"),
        ("src/layers/sigmoid.rs", "//! # Sigmoid: ", "//! # Sigmoids: ", "# Sigmoid: "),
        ("src/layers/mod.rs", "    (\"Sigmoid\", ", "    // (\"Sigmoid\", ", "Sigmoid"),
    ] {
        let (well, message) = changed(file, from, to);
        assert!(!well, "{from} -> {to} was not seen");
        assert!(message.contains(named), "`{named}` is not in: {message}");
        assert!(message.contains(mend) || file.ends_with(".rs"), "the command is not in: {message}");
    }
    // Another processor rounds otherwise.
    assert!(changed(page, "0.5744", "0.5745").0);

    fs::write(path("book/src/layers/relu6.md"), "# ReLU6: a page without a layer\n").unwrap();
    assert!(look().1.contains("relu6.md"), "{}", look().1);
    fs::remove_file(path(page)).unwrap();
    assert!(look().1.contains("sigmoid.md is missing"), "{}", look().1);
    assert!(weave(&["layers"], folder.path()).status.success());
    assert!(look().0 && path(page).exists() && !path("book/src/layers/relu6.md").exists());
}
