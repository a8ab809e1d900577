//! The house keeps its plan: imports point down, each danger has its room, files stay short.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The floors, the lowest first. A module may use the floors below its own, and its own floor.
const FLOORS: &[&[&str]] = &[
    &["error", "log"],
    &["device", "random"],
    &["memory"],
    &["blob"],
    &["proto", "files"],
    &["weights"],
    &["net_spec"],
    &["filler", "layer", "data", "io"],
    &["layers"],
    &["net"],
    &["explain", "classifier"],
    &["solver"],
    &["training"],
    &["check", "show"],
    &["cli", "main"],
];

/// What crosses a floor on purpose, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Files of one folder that name each other in a circle, with the reason.
const CIRCLES: &[(&[&str], &str)] = &[(
    &["src/proto/hint.rs", "src/proto/parser.rs", "src/proto/value.rs"],
    "one parser, its values and its errors: each error says where the parser stands",
)];

/// Words that belong to one room. A word stands for itself in code; comments do not count.
const ROOMS: &[(&str, &[&str])] = &[
    ("unsafe ", &["src/device/"]),
    ("libloading", &["src/device/"]),
    ("gemm_f32", &["src/device/"]),
    ("rayon", &["src/device/"]),
    ("RefCell", &[]),
    ("static mut", &[]),
    ("thread_local!", &[]),
    ("OnceLock", &["src/memory.rs", "src/device/"]),
    ("Mutex", &["src/memory.rs", "src/device/"]),
    ("print!", &["src/show/look.rs", "src/cli/", "src/log.rs", "src/main.rs"]),
    ("println!", &["src/show/look.rs", "src/cli/", "src/log.rs", "src/main.rs"]),
    (".unwrap()", &[]),
    ("panic!", &["src/net/run.rs", "src/device/"]),
];

/// A file of code: its path from the root, its floor's name, and its lines without comments and tests.
struct File {
    path: String,
    module: String,
    lines: Vec<String>,
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                let module = relative.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_string();
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
                let lines = code.lines().filter(|l| !l.trim_start().starts_with("//")).map(String::from).collect();
                files.push(File { path: relative, module, lines });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 40, "the sources were not found");
    files
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The modules that a line names after `crate::`, one by one or in braces.
fn used(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let (list, braces) = match rest.strip_prefix('{') {
            Some(inner) => (inner.split('}').next().unwrap_or(""), true),
            None => (rest, false),
        };
        for item in list.split(',') {
            let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push(name);
            if !braces {
                break;
            }
        }
    }
    found
}

/// What `use crate::Blob` means: the module that the crate's root takes it from.
fn home(name: &str) -> &str {
    match name {
        "Error" | "Kind" | "Place" | "Result" => "error",
        "Log" => "log",
        "Device" => "device",
        "Blob" | "Values" => "blob",
        "Layer" | "Phase" => "layer",
        "Layers" => "layers",
        "Net" => "net",
        "Solver" => "solver",
        module => module,
    }
}

#[test]
fn every_module_has_a_floor() {
    let homeless: Vec<String> =
        sources().into_iter().map(|f| f.module).filter(|m| m != "lib" && floor(m).is_none()).collect();
    assert!(homeless.is_empty(), "not in FLOORS: {homeless:?}");
}

#[test]
fn arrows_run_down() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for file in sources().iter().filter(|f| f.module != "lib") {
        for line in &file.lines {
            for name in used(line) {
                let target = home(&name);
                let (Some(from), Some(to)) = (floor(&file.module), floor(target)) else { continue };
                seen += 1;
                let allowed = EXCEPTIONS.iter().any(|(path, module, _)| *path == file.path && *module == target);
                if to > from && !allowed {
                    wrong.push(format!("{} uses {target}, which is above it", file.path));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} imports were understood");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of a list `a, b::c, d::{e, f}` up to the end of its statement, each with what stands before it: `b::c`, `d::e`.
fn paths(list: &str) -> Vec<String> {
    let (mut found, mut before, mut path) = (Vec::new(), Vec::new(), String::new());
    for c in list.chars() {
        match c {
            '{' => before.push(std::mem::take(&mut path)),
            c if c.is_alphanumeric() || c == '_' || c == ':' => path.push(c),
            c if c.is_whitespace() => {}
            _ => {
                if !path.is_empty() {
                    found.push(before.concat() + &std::mem::take(&mut path));
                }
                if c == '}' {
                    before.pop();
                }
                if before.is_empty() {
                    break;
                }
            }
        }
    }
    found
}

/// What a file names of its folder by `super::`, and what it takes of its children by `use child::{..}`.
fn named(code: &str) -> (Vec<String>, Vec<String>) {
    let after = |words: &str| -> Vec<String> {
        let lone = |at: usize| !code[..at].ends_with("::") && !code[at + words.len()..].starts_with("super::");
        let found = code.match_indices(words).filter(|(at, _)| lone(*at));
        found.flat_map(|(at, _)| paths(&(code[at + words.len()..].to_string() + ";"))).collect()
    };
    let children = after("use ").into_iter().filter(|path| !path.starts_with("super") && !path.starts_with("crate"));
    (after("super::"), children.collect())
}

/// Whoever reads a file need not have read the files that build on it.
#[test]
fn no_files_of_a_folder_name_each_other_in_a_circle() {
    let files = sources();
    let module = |path: &str| path.trim_end_matches(".rs").trim_end_matches("/mod").to_string();
    let code: BTreeMap<String, String> = files.iter().map(|f| (module(&f.path), f.lines.join("\n"))).collect();
    // Where a folder's items come from: `(src/show, Images)` from `src/show/images`.
    let mut homes: BTreeMap<(String, String), String> = BTreeMap::new();
    for (folder, code_of) in &code {
        for path in named(code_of).1 {
            if let Some((child, item)) = path.split_once("::")
                && code.contains_key(&format!("{folder}/{child}"))
            {
                homes.insert((folder.clone(), item.to_string()), format!("{folder}/{child}"));
            }
        }
    }
    let arrows_of = |own: &str| -> Vec<String> {
        let folder = own.rsplit_once('/').unwrap().0;
        let sibling = |path: String| {
            let first = path.split("::").next().unwrap().to_string();
            let file = format!("{folder}/{first}");
            if code.contains_key(&file) { Some(file) } else { homes.get(&(folder.to_string(), first)).cloned() }
        };
        let mut siblings: Vec<String> = named(&code[own]).0.into_iter().filter_map(sibling).collect();
        siblings.retain(|sibling| *sibling != own);
        siblings
    };
    let arrows: BTreeMap<String, Vec<String>> = code.keys().map(|own| (own.clone(), arrows_of(own))).collect();
    let count: usize = arrows.values().map(Vec::len).sum();
    assert!(count > 300, "only {count} names were understood");

    let reached = |from: &str| {
        let (mut seen, mut next) = (Vec::new(), arrows[from].clone());
        while let Some(module) = next.pop() {
            if !seen.contains(&module) {
                next.extend(arrows[&module].iter().cloned());
                seen.push(module);
            }
        }
        seen
    };
    let circles: Vec<&String> = arrows.keys().filter(|a| reached(a).contains(a)).collect();
    let known: Vec<String> = CIRCLES.iter().flat_map(|(paths, _)| paths.iter().map(|path| module(path))).collect();
    assert_eq!(circles, known.iter().collect::<Vec<_>>(), "in a circle, and those that may be");
}

#[test]
fn each_danger_stays_in_its_room() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (word, rooms) in ROOMS {
            let stays = rooms.iter().any(|room| file.path.starts_with(room));
            if !stays && file.lines.iter().any(|l| l.contains(word)) {
                wrong.push(format!("{} says {word}, which belongs to {rooms:?}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The heart fits in the head: the six ideas together under 4,600 lines of code, a GPU's training loop among them (comments
/// teach, so they are free), no file over 400 lines with everything in it.
#[test]
fn files_stay_short() {
    let generated = ["src/proto/caffe.rs", "src/proto/table.rs"];
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    for file in sources() {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file.path)).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 400 || generated.contains(&file.path.as_str()), "{} has {lines} lines", file.path);
        *table.entry(file.module).or_default() += file.lines.iter().filter(|l| !l.trim().is_empty()).count();
    }
    println!("lines of code by room: {table:#?}");
    let heart: usize = ["blob", "memory", "layer", "net", "solver", "filler"].iter().map(|m| table[*m]).sum();
    assert!(heart < 4600, "blob, memory, layer, net, solver and filler have {heart} lines of code together");
}
