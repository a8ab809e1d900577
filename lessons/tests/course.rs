//! The course holds together: every lesson's notebook and chapter are what its source says, and every layer's page; what is
//! out of step is named. That programs and notebooks still say what was recorded takes minutes and a kernel; `.ci/run` does it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
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

/// The lesson and place of each program in a folder of exercises or answers: `02_1` of `exercise_02_1.rs`.
fn numbers(package: &str, word: &str) -> BTreeSet<String> {
    let name = |stem: &String| stem.strip_prefix(word).map_or(format!("{stem}, a strange name"), String::from);
    stems(&format!("lessons/{package}/src/bin")).iter().map(name).collect()
}

/// Lessons have an entry each; cargo finds exercises and answers itself, and builds them only if they are asked for.
#[test]
fn every_program_of_the_course_can_be_run() {
    let manifest = fs::read_to_string(root().join("lessons/Cargo.toml")).unwrap();
    let lessons = stems("lessons");
    assert!(lessons.len() >= 8);
    for stem in &lessons {
        let entry = format!("name = \"{stem}\"\npath = \"{stem}.rs\"\ntest = false\ndoc = false");
        assert!(manifest.contains(&entry), "lessons/Cargo.toml has no [[bin]] {stem}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), lessons.len() + 2, "an entry a lesson, weave and check");
    assert_eq!(manifest.matches("doc = false").count(), lessons.len() + 2, "cargo doc shows the library alone");

    let exercises = numbers("exercises", "exercise_");
    assert!(exercises.len() >= 20);
    assert_eq!(exercises, numbers("answers", "answer_"));
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(
        workspace.contains("default-members = [\".\", \"lessons\"]"),
        "exercises and answers are built if asked for"
    );
}

#[test]
fn every_lesson_asks_twice_and_has_exercises() {
    let last = stems("lessons").pop_last();
    for stem in stems("lessons") {
        let text = fs::read_to_string(root().join(format!("lessons/{stem}.rs"))).unwrap();
        assert_eq!(text.matches("**What will this print?**").count(), 2, "{stem} asks for two predictions");
        assert!(!text.contains("//TMP"), "{stem} has a line that was put aside");
        assert_eq!(
            text.matches("// Next: [lesson ").count(),
            usize::from(Some(&stem) != last.as_ref()),
            "{stem}: what is next"
        );
        let number = stem.split('_').next().unwrap();
        let of_this = |k: &&String| k.starts_with(&format!("{number}_"));
        let exercises = numbers("exercises", "exercise_").iter().filter(of_this).count();
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

/// Programs of one lesson, in a folder that looks like the project's root.
fn check(programs: &[(&str, &str)], args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("proto/caffe.proto", "");
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"lessons/exercises\"]\n");
    write("lessons/exercises/Cargo.toml", "[package]\nname = \"exercises\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    for (name, program) in programs {
        write(&format!("lessons/exercises/src/bin/exercise_{name}.rs"), program);
    }
    let out = Command::new(env!("CARGO_BIN_EXE_check"))
        .args(args)
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

#[test]
fn check_tells_a_hole_from_a_mistake() {
    // The hole's last line is still there, below a `return`: the compiler quotes it in a warning.
    let returned = r#"
        fn hole() -> Result<f32, String> {
            return Ok(0.5);
            Err("not done yet: the accuracy".into())
        }
        fn main() -> Result<(), String> {
            println!("accuracy {:.4}", hole()?);
            Ok(())
        }"#;
    let hole = returned.replace("return Ok(0.5);", "");
    let said = check(&[("00_1", returned)], &["00_1"]);
    assert!(said.starts_with("00_1  not yet"), "{said}");
    assert!(said.contains("yours is `accuracy 0.5000`") && said.contains("hint: the guess is"), "{said}");
    assert!(said.contains("cargo run --release -p exercises --bin exercise_00_1 -- 7"), "{said}");

    let said = check(&[("00_1", &hole.replace("not done yet: the accuracy", "not done yet\nmore"))], &["00_1"]);
    assert!(said.starts_with("00_1  to do"), "{said}");

    // A hole in a layer: the net says first where the layer stands.
    let in_a_layer = hole.replace("not done yet", "the net:1:1: layer \\\"data\\\": not done yet");
    let said = check(&[("00_1", &in_a_layer)], &["00_1"]);
    assert!(said.starts_with("00_1  to do"), "{said}");

    // A mistake of the language: its error, no warning, and no hint that is about something else.
    let wrong = returned.replace("Ok(0.5)", "Ok(half)");
    let said = check(&[("00_1", &wrong)], &["00_1"]);
    assert!(said.starts_with("00_1  not yet") && said.contains("it does not compile"), "{said}");
    assert!(
        said.contains("cannot find value `half`") && !said.contains("warning") && !said.contains("hint:"),
        "{said}"
    );

    let said = check(&[], &["--help"]);
    assert!(said.starts_with("usage: ") && said.contains("--answers"), "{said}");
    assert!(check(&[], &["--anwsers"]).contains("no option --anwsers"));
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

/// A file, or all files of a folder and of the folders in it.
fn files_of(path: PathBuf) -> Vec<PathBuf> {
    match path.is_dir() {
        true => fs::read_dir(path).unwrap().flat_map(|entry| files_of(entry.unwrap().path())).collect(),
        false => vec![path],
    }
}

/// A copy of the layers' sources and pages, in a folder that looks like the project's root.
fn copy_of_the_layers() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["src/layers", "book/src/layers", "proto/caffe.proto", "book/src/SUMMARY.md"] {
        let from = root().join(part);
        for file in files_of(from) {
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
        ("src/layers/activation/sigmoid.rs", "//! | `top[0]`    | as x", "//! | `top[0]`    | like x", page),
        ("src/layers/activation/sigmoid.rs", "impl Pointwise", "\nimpl Pointwise", page),
        (page, "## Prototxt", "## The prototxt", page),
        (page, "0.5744", "0.5844", page),
        ("proto/caffe.proto", "How sharp the bend is.", "How sharp it is.", "swish.md"),
        ("book/src/SUMMARY.md", "    - [Sigmoid](layers/sigmoid.md)\n", "", "SUMMARY.md"),
        ("src/layers/activation/sigmoid.rs", "//! # Sigmoid: ", "//! # Sigmoids: ", "# Sigmoid: "),
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
