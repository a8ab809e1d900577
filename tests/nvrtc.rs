//! Every kernel compiles for real cards, and keeps its values in registers: NVRTC and ptxas need no card.
//!
//! `CORTADO_NVRTC` names the folder `nvidia` of Python's packages `nvidia-cuda-nvrtc` and `nvidia-cuda-nvcc`, of the same
//! version. Without it this test says so and passes.

use cortado::device::cuda::Cuda;
use cortado::proto::SolverParameter;
use cortado::solver::rules::RULES;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Turing, Ampere, Hopper.
const CARDS: [(i32, i32); 3] = [(7, 5), (8, 0), (9, 0)];

/// A file in one of the packages' folders.
fn find(packages: &Path, folder: &str, start: &str) -> Option<PathBuf> {
    let packages = std::fs::read_dir(packages).unwrap_or_else(|e| panic!("{}: {e}", packages.display()));
    let files = packages.flatten().filter_map(|package| std::fs::read_dir(package.path().join(folder)).ok());
    files.flatten().flatten().map(|file| file.path()).find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name == start || name.starts_with(&format!("{start}."))
    })
}

#[test]
fn every_kernel_compiles_for_cards_and_spills_nothing() {
    let Some(packages) = std::env::var_os("CORTADO_NVRTC").map(PathBuf::from) else {
        println!("skipped: CORTADO_NVRTC names no folder with NVRTC and ptxas");
        return;
    };
    let nvrtc = find(&packages, "lib", "libnvrtc.so").expect("libnvrtc.so is not there");
    let ptxas = find(&packages, "bin", "ptxas").expect("ptxas is not there");
    let cache = tempfile::tempdir().unwrap();
    // The loader reads its path when a process starts.
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "compile_all", "--ignored", "--nocapture"])
        .env("LD_LIBRARY_PATH", nvrtc.parent().unwrap())
        .env("XDG_CACHE_HOME", cache.path())
        .env("PTXAS", ptxas)
        .status();
    assert!(status.unwrap().success());
}

/// All sources as layers compile them: one file of `kernels/`, or several in one `concat!`; and the update with each rule.
fn sources() -> Vec<(String, String)> {
    let mut names = BTreeSet::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(path) {
                names.extend(included(&text));
            }
        }
    }
    let of_rule: Vec<String> = RULES.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.retain(|parts| parts[0] != "update" && !of_rule.contains(&parts[0])); // each is compiled before the update
    let read = |name: &String| std::fs::read_to_string(format!("kernels/{name}.cu")).unwrap();
    let mut sources: Vec<(String, String)> =
        names.iter().map(|parts| (parts.join(" + "), parts.iter().map(read).collect())).collect();
    let update = read(&"update".to_string());
    for (name, rule) in RULES {
        let rule = rule(&SolverParameter { r#type: Some(name.to_string()), ..Default::default() }).unwrap();
        sources.push((format!("update {name}"), format!("{}\n{update}", rule.kernel().unwrap())));
    }
    for file in std::fs::read_dir("kernels").unwrap().map(|file| file.unwrap().path()) {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let is_used = stem == "update" || of_rule.contains(&stem) || names.iter().any(|parts| parts.contains(&stem));
        assert!(is_used || file.extension().is_none_or(|e| e != "cu"), "{} is used by none", file.display());
    }
    sources
}

/// The files of the sources that a text of Rust makes: `kernels!("spread", "prelu")`, `passes!("relu")`.
fn included(text: &str) -> Vec<Vec<String>> {
    let macros = ["kernels!(\"", "passes!(\""].into_iter().flat_map(|name| text.split(name).skip(1));
    let list =
        |rest: &str| rest.split(')').next().unwrap_or_default().split(['"', ',', ' ']).map(String::from).collect();
    let mut found: Vec<Vec<String>> = macros.map(list).collect();
    found.iter_mut().for_each(|files| files.retain(|file| !file.is_empty()));
    let alone = text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()?.strip_suffix(".cu"));
    found.extend(alone.map(|path| vec![path.rsplit('/').next().unwrap_or_default().to_string()]));
    found
}

/// Needs neither NVRTC nor ptxas.
#[test]
fn every_file_of_kernels_is_some_source() {
    assert!(sources().len() > 40);
}

#[test]
#[ignore = "run by every_kernel_compiles_for_cards_and_spills_nothing"]
fn compile_all() {
    let (folder, ptxas) = (tempfile::tempdir().unwrap(), std::env::var_os("PTXAS").unwrap());
    let mut wrong = Vec::new();
    for (name, source) in sources() {
        for (major, minor) in CARDS {
            let what = format!("{name} for {major}.{minor}");
            // ptxas makes the code of the others from what NVRTC gives it.
            let code = if major == 9 { Cuda::code_for(&source, (major, minor)) } else { Ok(b"\x7fELF".to_vec()) };
            let ptx = code.and_then(|code| {
                assert!(code.starts_with(b"\x7fELF"), "{what}");
                Cuda::ptx_for(&source, (major, minor))
            });
            let ptx = match ptx {
                Ok(ptx) => ptx,
                Err(e) => {
                    wrong.push(format!("{what}: {e}"));
                    continue;
                }
            };
            let file = folder.path().join("kernel.ptx");
            std::fs::write(&file, ptx).unwrap();
            let output = Command::new(&ptxas)
                .args([format!("-arch=sm_{major}{minor}").as_str(), "-v", "-o", "/dev/null"])
                .arg(&file)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let spills = said.lines().filter(|line| line.contains("spill"));
            let spills: Vec<&str> =
                spills.filter(|line| !line.contains("0 bytes spill stores, 0 bytes spill loads")).collect();
            if !output.status.success() || !said.contains("spill") || !spills.is_empty() {
                wrong.push(format!("{what}:\n{said}"));
            }
            let registers = said.lines().filter_map(|line| line.split("Used ").nth(1)?.split(' ').next());
            println!("{what}: {} registers", registers.collect::<Vec<_>>().join(", "));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
