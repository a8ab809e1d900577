//! A card's face of the GPU where there is no card: libraries that are absent, broken or half there are missed in one
//! sentence; and with a driver, an NVRTC and a cuBLAS that only pretend (tests/cuda/*.c), what is asked of a card is asked
//! rightly. The pretended driver does everything as late as it may.
//!
//! These tests need Linux and a C compiler: without them they say so and pass.

#[allow(dead_code)]
#[path = "cli/bench.rs"]
mod bench;

use bench::{Bench, Ran};
use cortado::device::{CardArg, CardBuffer, Device, Gemm, Gpu, Kernels, Mat, MatMut, Refusal, Trans, cpu};
use cortado::{Error, Kind, args};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of pretended libraries.
struct Fakes(tempfile::TempDir);

impl Fakes {
    fn new() -> Option<Fakes> {
        if !cfg!(target_os = "linux") || Command::new("cc").arg("--version").output().is_err() {
            println!("skipped: pretended libraries need Linux and a C compiler");
            return None;
        }
        Some(Fakes(tempfile::tempdir().unwrap()))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Compiles a library; the loader finds it under both of its names, before any real one.
    fn library(&self, stem: &str, version: u32, source: &str, flags: &[&str]) {
        let made = self.path().join(format!("lib{stem}.so.{version}"));
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .args([&made, &Path::new("tests/cuda").join(source)])
            .arg(format!("-Wl,-soname,lib{stem}.so.{version}"))
            .args(flags)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::copy(&made, self.path().join(format!("lib{stem}.so"))).unwrap();
    }

    /// A file that is none, under both names.
    fn file(&self, stem: &str, version: u32, text: &str) {
        for name in [format!("lib{stem}.so.{version}"), format!("lib{stem}.so")] {
            std::fs::write(self.path().join(name), text).unwrap();
        }
    }

    fn driver(&self, flags: &[&str]) {
        self.library("cuda", 1, "driver.c", flags);
    }

    /// Driver, NVRTC and cuBLAS.
    fn all() -> Option<Fakes> {
        let fakes = Fakes::new()?;
        fakes.driver(&[]);
        fakes.library("nvrtc", 13, "nvrtc.c", &[]);
        fakes.library("cublas", 13, "cublas.c", &["-L", &fakes.path().to_string_lossy(), "-lcuda"]);
        Some(fakes)
    }

    /// Has a command see these libraries, and no others.
    fn seen_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in ["CORTADO_DEVICE", "CORTADO_TF32", "CUDA_PATH", "CUDA_HOME", "VIRTUAL_ENV", "PYTHONPATH"] {
            command.env_remove(name);
        }
        command
            .env("LD_LIBRARY_PATH", self.path())
            .env("PATH", "/nonexistent")
            .env("XDG_CACHE_HOME", self.path().join("cache"))
    }
}

/// What is wrong with CUDA on the machine, and what is said of it.
fn machines() -> Vec<(&'static str, Option<Fakes>, &'static str)> {
    let with = |make: &dyn Fn(&Fakes)| {
        let fakes = Fakes::new()?;
        make(&fakes);
        Some(fakes)
    };
    vec![
        ("no driver", with(&|_| {}), "no CUDA driver: looked for libcuda.so and libcuda.so.1 in the loader's path"),
        (
            "a driver without functions",
            with(&|f| f.library("cuda", 1, "empty.c", &[])),
            "no CUDA driver that is whole: ",
        ),
        ("a driver that is no library", with(&|f| f.file("cuda", 1, "hello")), "no CUDA driver that loads: "),
        ("an empty driver", with(&|f| f.file("cuda", 1, "")), "no CUDA driver that loads: "),
        ("a driver with an error", with(&|f| f.driver(&["-DINIT=999"])), " has no card: some error (CUDA_ERROR_SOME)"),
        (
            "a driver without a card",
            with(&|f| f.driver(&["-DINIT=100"])),
            " has no card: no CUDA-capable device is detected (CUDA_ERROR_NO_DEVICE)",
        ),
        (
            "a driver that does not fit",
            with(&|f| f.driver(&["-DINIT=803"])),
            " has no card: some error (CUDA_ERROR_SOME)",
        ),
        ("an error without a text", with(&|f| f.driver(&["-DINIT=12345"])), " has no card: the driver's error 12345"),
        ("no cards", with(&|f| f.driver(&["-DCARDS=0"])), " has no card"),
        (
            "no NVRTC",
            with(&|f| f.driver(&[])),
            "no NVRTC, CUDA's compiler: looked for libnvrtc.so, libnvrtc.so.13, libnvrtc.so.12 in the loader's path, \
             CUDA_PATH, /usr/local/cuda and Python's site-packages",
        ),
        (
            "half an NVRTC",
            with(&|f| {
                f.driver(&[]);
                f.library("nvrtc", 13, "nvrtc.c", &["-DHALF"]);
            }),
            " lacks nvrtcGetPTX",
        ),
        (
            "no cuBLAS",
            with(&|f| {
                f.driver(&[]);
                f.library("nvrtc", 13, "nvrtc.c", &[]);
            }),
            "no cuBLAS: looked for libcublas.so",
        ),
    ]
}

#[test]
fn without_a_card_every_command_runs_on_the_cpu_and_says_why_once() {
    let bench = Bench::new();
    for (machine, fakes, why) in machines() {
        let Some(fakes) = fakes else { return };
        if machine == "no driver" && has_driver() {
            println!("skipped: this machine has a driver");
            continue;
        }
        let run = |line: &str, device: Option<&str>| {
            let mut command = bench.command(line);
            fakes.seen_by(&mut command).envs(device.map(|name| ("CORTADO_DEVICE", name)));
            let ran = Ran::from(command.output().unwrap());
            assert!(!ran.err.contains("panicked"), "{machine}: {line}\n{}", ran.err);
            ran
        };
        for line in ["train --solver solver.prototxt", "time --model net.prototxt --iterations 1"] {
            let ran = run(line, None);
            let said: Vec<&str> = ran.err.lines().filter(|line| line.contains(why)).collect();
            assert!(ran.code == 0 && said.len() == 1 && said[0].contains("Use CPU"), "{machine}: {line}\n{}", ran.err);

            let ran = run(line, Some("cuda"));
            let said: Vec<&str> = ran.err.lines().collect();
            assert!(ran.code == 1 && said.len() == 2 && said[0].starts_with("cortado: "), "{machine}\n{}", ran.err);
            assert!(said[0].contains(why), "{machine}\n{}", ran.err);
            assert_eq!(said[1], "  = help: use CORTADO_DEVICE=cpu");
        }
        let ran = run("train --solver solver.prototxt --gpu 0", None);
        let warned = "There is no card for --gpu 0 here: the net runs on the CPU (";
        let said: Vec<&str> = ran.err.lines().filter(|line| line.contains(why)).collect();
        assert!(ran.code == 0 && said.len() == 1 && said[0].contains(warned), "{machine}\n{}", ran.err);

        let ran = run("device_query", None);
        assert!(ran.code == 0 && ran.out.starts_with("Nets run on: CPU"), "{machine}\n{}{}", ran.out, ran.err);
        assert!(ran.out.lines().any(|line| line.contains(why)), "{machine}\n{}", ran.out);
    }
}

fn has_driver() -> bool {
    // SAFETY: the driver's own start-up code.
    unsafe { libloading::Library::new("libcuda.so.1") }.is_ok()
}

/// As a wheel of Python's has it.
#[test]
fn libraries_in_pythons_packages_are_found() {
    let (Some(fakes), Some(loader)) = (Fakes::all(), Fakes::new()) else { return };
    let packages = loader.path().join("env/lib/python3.11/site-packages");
    let place = |stem: &str, version, package: &str| {
        let folder = packages.join("nvidia").join(package).join("lib");
        std::fs::create_dir_all(&folder).unwrap();
        let name = format!("lib{stem}.so.{version}");
        std::fs::copy(fakes.path().join(&name), folder.join(&name)).unwrap();
        folder.join(name)
    };
    let found = [place("nvrtc", 13, "cuda_nvrtc"), place("cublas", 13, "cublas")];
    loader.driver(&[]);
    let bench = Bench::new();
    let mut command = bench.command("device_query");
    let output = loader.seen_by(&mut command).env("VIRTUAL_ENV", loader.path().join("env")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for path in found {
        assert!(said.contains(&path.display().to_string()), "{said}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_card_is_described_in_caffes_words() {
    let Some(fakes) = Fakes::all() else { return };
    let bench = Bench::new();
    let ran = Ran::from(fakes.seen_by(&mut bench.command("device_query")).output().unwrap());
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "Nets run on: Fake card.", "{}{}", ran.out, ran.err);
    for line in [
        "Device id:                     0",
        "Major revision number:         9",
        "Name:                          Fake card",
        "Total global memory:           1073741824",
    ] {
        assert!(lines.contains(&line), "{line}\n{}", ran.out);
    }
    assert!(lines.iter().any(|line| line.starts_with("NVRTC:                         13.0, /")), "{}", ran.out);

    let ran = Ran::from(fakes.seen_by(&mut bench.command("device_query --gpu 7")).output().unwrap());
    assert!(ran.code == 0 && ran.out.starts_with("Nets run on: CPU"), "{}", ran.out);
}

/// Runs the ignored test `name` of this file in a process of its own, with the pretended libraries.
fn with_fakes(name: &str) {
    let Some(fakes) = Fakes::all() else { return };
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = fakes.seen_by(command.args(["--exact", name, "--ignored", "--nocapture"]));
    let output = command.env("CORTADO_DEVICE", "cuda").env("CORTADO_ALL_UNLOADED", "1").output().unwrap();
    let (said, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{err}");
    assert!(!err.contains("are not the card's"), "{err}");
}

fn gpu() -> Gpu {
    match Device::best().unwrap() {
        Device::Gpu(gpu) => gpu,
        cpu => panic!("{cpu:?}"),
    }
}

fn buffer(gpu: &Gpu, values: &[f32]) -> Box<dyn CardBuffer> {
    let mut buffer = gpu.alloc(values.len()).unwrap();
    buffer.upload(values).unwrap();
    buffer
}

fn values(buffer: &dyn CardBuffer) -> Vec<f32> {
    let mut host = vec![0.0; buffer.len()];
    buffer.download(&mut host).unwrap();
    host
}

fn bits(buffer: &dyn CardBuffer) -> Vec<u32> {
    values(buffer).iter().map(|x| x.to_bits()).collect()
}

fn refusal<T>(result: cortado::Result<T>) -> Error {
    let e = result.err().expect("no error");
    assert!(matches!(e.kind(), Kind::Device | Kind::Shape), "{e}");
    e
}

/// Kernels that the pretended driver knows.
const SOURCE: &str = r#"
extern "C" __global__ void add_one(int n, float one, In x, Out y) {}
extern "C" __global__ void add_many(int many, int n, Many w, OutInt y) {}
extern "C" __global__ void complain(int i, float v, Refusal r) {}
extern "C" __global__ void fault() {}
"#;

#[test]
fn copies_come_in_order_and_wait_for_nothing() {
    with_fakes("copies");
}

#[test]
#[ignore = "run by copies_come_in_order_and_wait_for_nothing"]
fn copies() {
    let gpu = gpu();
    let kernels = Kernels::new(SOURCE);
    // More copies than there are slots, of changing lengths, all in flight; the source changes at once.
    let mut host = vec![0.0f32; 100_000];
    let (mut x, mut made) = (gpu.alloc(host.len()).unwrap(), Vec::new());
    for i in 0..40 {
        let n = 1 + (i * 7919) % host.len();
        host.fill(i as f32);
        x.upload(&host[..n]).unwrap();
        let mut y = gpu.alloc(n).unwrap();
        kernels.launch(&gpu, "add_one", n, args![n, 0.5_f32, CardArg::In(&*x, n), CardArg::Out(&mut *y, n)]).unwrap();
        made.push((y, n, i as f32 + 0.5));
    }
    for (y, n, value) in &made {
        assert_eq!(values(&**y), vec![*value; *n]);
    }
    // Longer than the largest slot.
    let long: Vec<f32> = (0..17_000_000).map(|i| i as f32).collect();
    assert!(values(&*buffer(&gpu, &long)) == long);

    let mut y = buffer(&gpu, &[1.0, 2.0, 3.0, 4.0]);
    gpu.fill(&mut *y, 3, -0.5).unwrap();
    let mut z = buffer(&gpu, &[9.0; 4]);
    gpu.copy(&*y, &mut *z, 2).unwrap();
    drop(y);
    assert_eq!(values(&*z), [-0.5, -0.5, 9.0, 9.0]);
    gpu.put(&*z, &[1, 2, u32::MAX]).unwrap();
    assert_eq!(bits(&*z), [1, 2, u32::MAX, 9.0f32.to_bits()]);
    let words = buffer(&gpu, &[0.0; 9]);
    gpu.put(&*words, &[8, 7, 6, 5, 4, 3, 2, 1]).unwrap();
    assert_eq!(bits(&*words), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(values(&*gpu.alloc(0).unwrap()), []);
    gpu.wait().unwrap();

    for e in [
        refusal(z.upload(&[0.0; 5])),
        refusal(z.download(&mut [0.0; 5])),
        refusal(gpu.fill(&mut *z, 5, 0.0)),
        refusal(gpu.put(&*words, &[0; 9])),
        refusal(gpu.alloc(usize::MAX)),
    ] {
        assert!(e.message().contains("values"), "{e}");
    }
    assert_eq!(
        refusal(gpu.alloc(1 << 40)).message(),
        format!("cannot allocate {} bytes: the card's memory is full", 4u64 << 40)
    );
}

#[test]
fn launches_are_checked_counted_and_done() {
    with_fakes("launches");
}

#[test]
#[ignore = "run by launches_are_checked_counted_and_done"]
fn launches() {
    let (gpu, other) = (gpu(), gpu());
    let kernels = Kernels::new(SOURCE);
    let (x, mut y) = (buffer(&gpu, &[1.0, 2.0, 3.0]), buffer(&gpu, &[0.0; 3]));
    let before = gpu.counts();
    kernels.launch(&gpu, "add_one", 3, args![3, 10.0_f32, CardArg::In(&*x, 3), CardArg::Out(&mut *y, 2)]).unwrap();
    assert_eq!(values(&*y), [11.0, 12.0, 13.0]);
    let table = gpu.table(&[&*x, &*x]).unwrap();
    assert_eq!(table.len(), 2);
    let args = args![2, 3, CardArg::Many(&*table), CardArg::OutInt(&mut *y, 3)];
    kernels.launch(&gpu, "add_many", 3, args).unwrap();
    assert_eq!(bits(&*y), [2, 4, 6]);
    let after = gpu.counts();
    assert_eq!((after.launches - before.launches, after.bytes - before.bytes), (2, 4 * 5 + 4 * 9));
    assert_eq!((after.downloads - before.downloads, after.uploads - before.uploads), (2, 1));
    assert_eq!((after.downloaded - before.downloaded, after.uploaded - before.uploaded), (24, 16));

    let mut refused = Refusal::default();
    let arg = refused.explain(&gpu, |i, v| Error::new(Kind::Value, format!("label {v} at {i}"))).unwrap();
    kernels.launch(&gpu, "complain", 1, args![5, 7.5_f32, arg]).unwrap();
    gpu.wait().unwrap();
    assert_eq!(gpu.take_error().unwrap().message(), "label 7.5 at 5");
    assert!(gpu.take_error().is_none());

    // What does not fit is refused in the emulator's words.
    let module = gpu.compile(SOURCE).unwrap();
    let one = [1; 3];
    let said = |name: &str, grid, block, args: &mut [CardArg]| {
        refusal(module.launch(name, grid, block, args)).message().to_string()
    };
    assert_eq!(said("add_onee", one, one, &mut []), "the source has no kernel \"add_onee\"");
    assert_eq!(said("add_one", one, one, &mut [CardArg::Int(1)]), "kernel add_one takes 4 arguments and was given 1");
    let args = &mut [CardArg::Int(3), CardArg::Int(3), CardArg::In(&*x, 3), CardArg::In(&*x, 3)];
    assert_eq!(said("add_one", one, one, args), "argument 1 of kernel add_one is float, not int");
    assert_eq!(
        said("fault", [1, 65536, 1], one, &mut []),
        "kernel fault: a grid of [1, 65536, 1] blocks of [1, 1, 1] threads"
    );
    let mut theirs = buffer(&other, &[0.0; 3]);
    let args = &mut [CardArg::Int(3), CardArg::Float(1.0), CardArg::In(&*x, 3), CardArg::Out(&mut *theirs, 3)];
    assert_eq!(said("add_one", one, one, args), "kernel add_one: buffer 3 belongs to another card");
    assert_eq!(refusal(gpu.copy(&*x, &mut *theirs, 1)).message(), "a buffer belongs to another card");

    let e = refusal(gpu.compile("extern \"C\" __global__ void wrong(Out y) {\n    y[0] = oops;\n}"));
    let place = e.place().unwrap();
    assert_eq!((place.line, place.column, e.message()), (2, 12, "error: identifier \"oops\" is undefined"));
    assert!(refusal(gpu.compile("extern \"C\" __global__ void unknown() {}")).hints()[0].contains("extern \"C\""));
}

#[test]
fn products_are_those_of_the_cpu() {
    with_fakes("products");
}

#[test]
#[ignore = "run by products_are_those_of_the_cpu"]
fn products() {
    let gpu = gpu();
    let numbers =
        |n: usize, start: usize| -> Vec<f32> { (0..n).map(|i| ((start + i * 37) % 19) as f32 - 9.0).collect() };
    let (m, n, k) = (3, 4, 5);
    for (trans_a, trans_b) in
        [(Trans::No, Trans::No), (Trans::No, Trans::Yes), (Trans::Yes, Trans::No), (Trans::Yes, Trans::Yes)]
    {
        for (batch, alpha, beta) in [(1, 1.0, 0.0), (1, 0.5, 2.0), (3, 1.0, 1.0)] {
            let (a, b, c) =
                (numbers(batch * m * k + 1, 1), numbers(batch * k * n + 2, 5), numbers(batch * m * n + 3, 7));
            let gemm = Gemm::new(trans_a, trans_b, m, n, k).scaled(alpha, beta).at([1, 2, 3]);
            let gemm = if batch > 1 { gemm.batch(batch, [m * k, k * n, m * n]) } else { gemm };
            let (card_a, card_b, mut card_c) = (buffer(&gpu, &a), buffer(&gpu, &b), buffer(&gpu, &c));
            let args =
                (CardArg::In(&*card_a, a.len()), CardArg::In(&*card_b, b.len()), CardArg::Out(&mut *card_c, c.len()));
            gpu.gemm(&gemm, args![args.0, args.1, args.2]).unwrap();
            let mut wanted = c.clone();
            for i in 0..batch {
                let (a, b) = (&a[1 + i * m * k..][..m * k], &b[2 + i * k * n..][..k * n]);
                let a = if trans_a == Trans::Yes { Mat::strided(a, k, m, m).t() } else { Mat::strided(a, m, k, k) };
                let b = if trans_b == Trans::Yes { Mat::strided(b, n, k, k).t() } else { Mat::strided(b, k, n, n) };
                cpu::gemm(alpha, a, b, beta, MatMut::strided(&mut wanted[3 + i * m * n..], m, n, n));
            }
            assert_eq!(values(&*card_c), wanted, "{trans_a:?} {trans_b:?} {batch}");
        }
    }
    assert_eq!(gpu.counts().products, 12);
}

#[test]
fn a_recorded_step_is_done_again() {
    with_fakes("recorded");
}

#[test]
#[ignore = "run by a_recorded_step_is_done_again"]
fn recorded() {
    let gpu = gpu();
    let kernels = Kernels::new(SOURCE);
    let (mut x, mut y, mut z) = (buffer(&gpu, &[1.0, 2.0]), buffer(&gpu, &[0.0; 2]), buffer(&gpu, &[0.0; 2]));
    let table = gpu.table(&[&*y]).unwrap();
    let spare = gpu.alloc(1000).unwrap();
    let two = buffer(&gpu, &[2.0]);
    kernels.launch(&gpu, "add_one", 2, args![2, 0.0_f32, CardArg::In(&*x, 2), CardArg::Out(&mut *y, 2)]).unwrap();

    gpu.record().unwrap();
    let mut small = vec![0.0; 2];
    for e in [
        refusal(x.upload(&small)),
        refusal(x.download(&mut small)),
        refusal(gpu.wait()),
        refusal(gpu.put(&*x, &[1])),
        refusal(gpu.record()),
        refusal(gpu.alloc(1)),
        refusal(gpu.table(&[]).map(drop)),
    ] {
        assert!(e.message().ends_with(" while a step is being recorded"), "{e}");
    }
    kernels.launch(&gpu, "add_one", 2, args![2, 1.0_f32, CardArg::In(&*x, 2), CardArg::Out(&mut *y, 2)]).unwrap();
    gpu.copy(&*y, &mut *x, 2).unwrap();
    gpu.fill(&mut *z, 1, 7.0).unwrap();
    let product = Gemm::new(Trans::No, Trans::No, 2, 1, 1).scaled(1.0, 0.0);
    gpu.gemm(&product, args![CardArg::In(&*y, 2), CardArg::In(&*two, 1), CardArg::Out(&mut *z, 2)]).unwrap();
    let args = args![1, 2, CardArg::Many(&*table), CardArg::OutInt(&mut *z, 2)];
    kernels.launch(&gpu, "add_many", 2, args).unwrap();
    drop(spare); // what is dropped meanwhile waits
    drop((y, table, two)); // and what the recording uses lives on
    let step = gpu.end_record().unwrap();
    assert_eq!((step.len(), step.is_empty()), (5, false));
    let what: Vec<&str> = step.asked().iter().map(|asked| &*asked.what).collect();
    assert_eq!(what, ["its kernel \"add_one\"", "a copy", "a fill", "a matrix product", "its kernel \"add_many\""]);
    assert_eq!(values(&*x), [1.0, 2.0], "nothing is done while it is recorded");

    step.replay().unwrap();
    step.replay().unwrap();
    assert_eq!(values(&*x), [3.0, 4.0]);
    assert_eq!(bits(&*z), [3, 4]);
    x.upload(&[10.0, 20.0]).unwrap();
    step.replay().unwrap();
    assert_eq!(values(&*x), [11.0, 21.0]);
    let counts = gpu.counts();
    assert_eq!((counts.launches, counts.products, counts.moves, counts.replays), (3, 1, 2, 3));

    drop(step);
    assert_eq!(refusal(gpu.end_record()).message(), "no step is being recorded");
    gpu.record().unwrap();
    let nothing = gpu.end_record().unwrap();
    assert!(nothing.is_empty());
    nothing.replay().unwrap();
    // Two recordings ask for the same if everything that was given is the same: numbers, sizes, addresses.
    let mut asked = |by: f32, x: &mut Box<dyn CardBuffer>, value: f32| {
        let recording = gpu.recorded(|| {
            let args = args![1, by, CardArg::In(&**x, 1), CardArg::Out(&mut *z, 1)];
            kernels.launch(&gpu, "add_one", 1, args)?;
            gpu.fill(&mut **x, 1, value)
        });
        recording.unwrap().asked().to_vec()
    };
    let first = asked(1.0, &mut x, 0.0);
    assert_eq!(first, asked(1.0, &mut x, 0.0));
    assert_ne!(first[0], asked(2.0, &mut x, 0.0)[0]);
    assert_ne!(first[1], asked(1.0, &mut x, 5.0)[1]);
    let mut other = buffer(&gpu, &[1.0, 2.0]);
    let elsewhere = asked(1.0, &mut other, 0.0);
    assert!(first[0] != elsewhere[0] && first[1] != elsewhere[1]);

    // A card that goes away in the middle.
    gpu.record().unwrap();
    drop((x, z, kernels, nothing, gpu));
}

#[test]
fn a_fault_on_the_card_is_an_error_from_then_on() {
    with_fakes("faults");
}

#[test]
#[ignore = "run by a_fault_on_the_card_is_an_error_from_then_on"]
fn faults() {
    let gpu = gpu();
    let kernels = Kernels::new(SOURCE);
    let mut x = buffer(&gpu, &[1.0]);
    kernels.launch(&gpu, "fault", 1, &mut []).unwrap();
    let said = "an earlier kernel failed: an illegal memory access (CUDA_ERROR_ILLEGAL_ADDRESS)";
    for e in [
        refusal(gpu.wait()),
        refusal(x.upload(&[1.0])),
        refusal(x.download(&mut [0.0])),
        refusal(kernels.launch(&gpu, "fault", 1, &mut [])),
        refusal(gpu.alloc(1)),
        refusal(gpu.fill(&mut *x, 1, 0.0)),
    ] {
        assert_eq!(e.message(), said);
        assert!(e.to_string().contains("start the program anew"), "{e}"); // for a context that failed does not come back
    }
    drop((x, kernels, gpu)); // without a panic
}

#[test]
fn compiled_kernels_are_kept() {
    let Some(fakes) = Fakes::all() else { return };
    let files = || -> Vec<PathBuf> {
        let files = std::fs::read_dir(fakes.path().join("cache/cortado")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    let run = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = fakes.seen_by(command.args(["--exact", "compile_once", "--ignored"]));
        assert!(command.env("CORTADO_DEVICE", "cuda").status().unwrap().success());
    };
    run();
    let first = files();
    assert_eq!(first.len(), 1, "{first:?}"); // nothing is left aside
    let made = std::fs::metadata(&first[0]).unwrap().modified().unwrap();
    run();
    assert_eq!((files(), std::fs::metadata(&first[0]).unwrap().modified().unwrap()), (first.clone(), made));
    std::fs::write(&first[0], "not whole").unwrap();
    run();
    assert!(std::fs::metadata(&first[0]).unwrap().len() > 100);
}

#[test]
#[ignore = "run by compiled_kernels_are_kept"]
fn compile_once() {
    gpu().compile(SOURCE).unwrap();
}
