//! The emulated GPU: kernels compute what the CPU computes, and every misuse is an error with a name.
//!
//! These tests need a C++ compiler, as the emulator does: without one they fail and say so.

use cortado::check::{Fill, Harness};
use cortado::device::emulator::Emulator;
use cortado::device::{Arg, Gpu, Module};
use cortado::layers::Relu;
use cortado::net::Builder;
use cortado::proto::{LayerParameter, ReLuParameter};
use cortado::{Blob, Device, Error, Kind};
use std::sync::Arc;

fn gpu() -> Gpu {
    Arc::new(Emulator::new())
}

fn compile(source: &str) -> Arc<dyn Module> {
    gpu().compile(source).unwrap_or_else(|e| panic!("the emulator's tests need a C++ compiler: {e}"))
}

fn refusal(result: cortado::Result<impl Sized>) -> Error {
    match result {
        Ok(_) => panic!("no error"),
        Err(e) => {
            assert_eq!(e.kind(), Kind::Device);
            e
        }
    }
}

fn blob(values: &[f32]) -> Blob {
    let mut blob = Blob::new(&[values.len()]).unwrap();
    blob.data.slice_mut().copy_from_slice(values);
    blob
}

const ADD_ONE: &str = r#"
extern "C" __global__ void add_one(int n, float one, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] + one;
}"#;

/// y, dx of a ReLU on `device`.
fn relu(device: &Device, negative_slope: f32, n: usize) -> (Vec<u32>, Vec<u32>) {
    let relu_param = Some(ReLuParameter { negative_slope: Some(negative_slope), ..Default::default() });
    let param = LayerParameter { relu_param, ..Default::default() };
    let mut bench = Harness::new::<Relu>(&param, &[&[n]]).unwrap().device(device);
    bench.fill(0, Fill::Uniform(-1.0, 1.0));
    for (x, odd) in bench.bottom[0].data.slice_mut().iter_mut().zip([0.0, -0.0, f32::NAN, f32::INFINITY, -1e-42]) {
        *x = odd;
    }
    bench.forward().unwrap();
    for (i, dy) in bench.top[0].diff.slice_mut().iter_mut().enumerate() {
        *dy = i as f32 - 3.5;
    }
    bench.backward().unwrap();
    let bits = |x: &[f32]| x.iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect();
    (bits(bench.top[0].data.slice()), bits(bench.bottom[0].diff.slice()))
}

#[test]
fn relu_gives_the_cpus_bits() {
    let (cpu, gpu) = (Device::cpu_with_threads(1), Device::Gpu(gpu()));
    for (slope, n) in [(0.0, 5), (0.1, 1000), (-2.5, 256), (0.0, 257), (0.1, 0), (0.1, 1)] {
        assert_eq!(relu(&cpu, slope, n), relu(&gpu, slope, n), "negative_slope {slope}, {n} values");
    }
}

#[test]
fn relu_keeps_no_negative_zero_and_hides_no_nan() {
    let (y, _) = relu(&Device::cpu_with_threads(1), 0.0, 5);
    assert_eq!(y, [0, 0, u32::MAX, f32::INFINITY.to_bits(), 0]);
}

#[test]
fn a_net_runs_on_the_emulator() {
    let text = r#"
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "r" type: "ReLU" bottom: "x" top: "y" relu_param { negative_slope: 0.5 } }
        layer { name: "s" type: "Reduction" bottom: "y" top: "sum" loss_weight: 1 }"#;
    let mut net = Builder::parse(text, "(text)").unwrap().device(&Device::Gpu(gpu())).make().unwrap();
    net.data_mut("x").unwrap().slice_mut().copy_from_slice(&[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]);
    assert_eq!(net.forward().unwrap().loss, 3.0);
}

#[test]
fn an_access_outside_names_kernel_buffer_thread_and_index() {
    let kernels = compile(
        r#"
extern "C" __global__ void relu_bad(int n, float nu, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = x[i + 1] > 0 ? x[i] : nu * x[i];
}
extern "C" __global__ void negative(In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[-1 - i] = x[0];
}
extern "C" __global__ void plane(Out y) {
    if (blockIdx.y == 1 && threadIdx.z == 2) y[threadIdx.x + 100] = 0;
}"#,
    );
    let (gpu, x, mut y) = (gpu(), blob(&[1.0; 5]), blob(&[0.0; 5]));
    let launch =
        |name: &str, grid, block, args: &mut [Arg]| refusal(kernels.launch(name, grid, block, args)).to_string();

    let args = &mut [Arg::Int(5), Arg::Float(0.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    let said = launch("relu_bad", [1, 1, 1], [5, 1, 1], args);
    assert_eq!(said, "kernel relu_bad: buffer 2 has 5 elements, thread (4,0) of block 0 used index 5");

    let args = &mut [x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    let said = launch("negative", [1, 1, 1], [1, 1, 1], args);
    assert_eq!(said, "kernel negative: buffer 1 has 5 elements, thread (0,0) of block 0 used index -1");

    let args = &mut [y.data.card_over(&gpu).unwrap()];
    let said = launch("plane", [1, 2, 1], [1, 2, 3], args);
    assert_eq!(said, "kernel plane: buffer 0 has 5 elements, thread (0,0,2) of block (0,1) used index 100");
}

#[test]
fn a_buffer_ends_where_its_blob_ends() {
    let (kernels, gpu) = (compile(ADD_ONE), gpu());
    let (x, mut y) = (blob(&[1.0; 5]), blob(&[0.0; 5]));
    y.data.card_mut(&gpu).unwrap();
    y.reshape(&[3]).unwrap(); // the storage stays 5 long
    let args = &mut [Arg::Int(5), Arg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
    let said = refusal(kernels.launch("add_one", [1, 1, 1], [5, 1, 1], args)).to_string();
    assert_eq!(said, "kernel add_one: buffer 3 has 3 elements, thread (3,0) of block 0 used index 3");
}

#[test]
fn what_a_kernel_does_not_write_stays() {
    let (kernels, gpu) = (compile(ADD_ONE), gpu());
    let (x, mut y) = (blob(&[1.0, 2.0, 3.0]), blob(&[7.0, 8.0, 9.0]));
    let args = &mut [Arg::Int(2), Arg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
    kernels.launch("add_one", [1, 1, 1], [4, 1, 1], args).unwrap();
    assert_eq!(y.data.slice(), [2.0, 3.0, 9.0]);
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let (kernels, gpu) = (compile(ADD_ONE), gpu());
    let (x, mut y) = (blob(&[1.0; 4]), blob(&[0.0; 4]));
    let one = [1, 1, 1];

    let e = refusal(kernels.launch("add_one", one, one, &mut [Arg::Int(4), Arg::Float(1.0)]));
    assert_eq!(e.message(), "kernel add_one takes 4 arguments and was given 2");
    assert_eq!(e.hints(), ["its parameters are int, float, In, Out"]);

    let args = &mut [Arg::Float(4.0), Arg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    let e = refusal(kernels.launch("add_one", one, one, args));
    assert_eq!(e.message(), "argument 0 of kernel add_one is int, not float");

    let args = &mut [Arg::Int(4), Arg::Float(1.0), x.data.card(&gpu).unwrap(), x.data.card(&gpu).unwrap()];
    let e = refusal(kernels.launch("add_one", one, one, args));
    assert_eq!(e.message(), "argument 3 of kernel add_one is Out, not In");

    let e = refusal(kernels.launch("add_onee", one, one, &mut []));
    assert_eq!(e.message(), "the source has no kernel \"add_onee\"");
    assert_eq!(e.hints()[0], "did you mean \"add_one\"?");

    for (grid, block) in [([0, 1, 1], one), (one, [1, 0, 1]), (one, [1025, 1, 1]), (one, [u32::MAX; 3])] {
        let args = &mut [Arg::Int(4), Arg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
        let e = refusal(kernels.launch("add_one", grid, block, args));
        assert!(e.message().starts_with("kernel add_one: a grid of"), "{e}");
    }
}

#[test]
fn a_mistake_in_the_source_is_shown_in_its_place() {
    let source = "extern \"C\" __global__ void wrong(Out y) {\n    y[0] = oops;\n}\n";
    let e = refusal(gpu().compile(source));
    let place = e.place().unwrap_or_else(|| panic!("{e}"));
    assert_eq!((place.file.as_str(), place.line, place.column), ("kernel.cu", 2, 12), "{e}");
    assert_eq!(place.text, "    y[0] = oops;");
    assert!(e.message().starts_with("error:") && e.message().contains("oops"), "{e}");

    let e = refusal(gpu().compile("extern \"C\" __global__ void wrong(In x) { x[0] = 1; }"));
    assert!(e.to_string().contains("read-only") || e.to_string().contains("const"), "{e}");
    let e = refusal(gpu().compile("extern \"C\" __global__ void wrong(float *x) { x[0] = 1; }"));
    assert!(e.to_string().contains("parameters are int, float, In and Out"), "{e}");
}

#[test]
fn what_the_emulator_lacks_is_refused_by_name() {
    let source = "// no __shared__ here\n__global__ void k(Out y) {\n  __shared__ float s[2];\n  __syncthreads();\n}";
    let e = refusal(gpu().compile(source));
    assert_eq!(e.message(), "the emulated GPU has no __shared__ yet (kernel.cu, line 3)");
}

#[test]
fn kernels_may_share_device_functions_and_comments() {
    let kernels = compile(
        r#"
/* a __global__ in a comment
   is none */
__device__ __forceinline__ float twice(float x) { return 2 * x; }  // nor __global__ void this(
extern "C" __global__ void __launch_bounds__(256) double_all(int n, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < min(n, 2)) y[i] = twice(max(x[i], 0.0f));
}"#,
    );
    let (gpu, x, mut y) = (gpu(), blob(&[1.0, -2.0, 3.0]), blob(&[0.0; 3]));
    let args = &mut [Arg::Int(3), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    kernels.launch("double_all", [2, 1, 1], [2, 1, 1], args).unwrap();
    assert_eq!(y.data.slice(), [2.0, 0.0, 0.0]);
}

#[test]
fn threads_may_compile_and_launch_at_once() {
    // A source that no run has cached.
    let stamp = format!("// {:?}\n{ADD_ONE}", std::time::SystemTime::now());
    std::thread::scope(|scope| {
        for t in 0..4 {
            let stamp = &stamp;
            scope.spawn(move || {
                let (kernels, gpu) = (compile(stamp), gpu());
                let (x, mut y) = (blob(&vec![t as f32; 3000]), blob(&[0.0; 3000]));
                let args =
                    &mut [Arg::Int(3000), Arg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
                kernels.launch("add_one", [12, 1, 1], [256, 1, 1], args).unwrap();
                assert!(y.data.slice().iter().all(|&y| y == t as f32 + 1.0));
            });
        }
    });
}

/// Runs the ignored test `name` of this file in a process of its own, whose environment may differ.
fn in_a_process(name: &str, vars: &[(&str, &std::path::Path)]) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_missing_compiler_is_one_sentence() {
    in_a_process("without_a_compiler", &[("CXX", "/nonexistent".as_ref())]);
    in_a_process("without_a_path", &[("CXX", "".as_ref()), ("PATH", "/nonexistent".as_ref())]);
}

#[test]
#[ignore = "run by a_missing_compiler_is_one_sentence"]
fn without_a_compiler() {
    let e = refusal(gpu().compile(ADD_ONE));
    assert_eq!(e.message(), "no C++ compiler for the emulated GPU: looked for CXX=/nonexistent");
}

#[test]
#[ignore = "run by a_missing_compiler_is_one_sentence"]
fn without_a_path() {
    let e = refusal(gpu().compile(ADD_ONE));
    assert_eq!(e.message(), "no C++ compiler for the emulated GPU: looked for c++, g++ and clang++");
}

#[test]
fn compiled_kernels_are_kept_and_broken_ones_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let files =
        || -> Vec<_> { std::fs::read_dir(folder.path().join("cortado")).unwrap().map(|f| f.unwrap().path()).collect() };
    let vars = &[("XDG_CACHE_HOME", folder.path())];
    in_a_process("compile_once", vars);
    let first = files();
    assert_eq!(first.len(), 1, "{first:?}"); // nothing is left aside
    let made = std::fs::metadata(&first[0]).unwrap().modified().unwrap();
    in_a_process("compile_once", vars);
    assert_eq!(std::fs::metadata(&first[0]).unwrap().modified().unwrap(), made);
    std::fs::write(&first[0], "not a library").unwrap();
    in_a_process("compile_once", vars);
    assert_ne!(std::fs::metadata(&first[0]).unwrap().len(), 13);

    // A folder that cannot be made: compiled all the same, and nothing is kept.
    in_a_process("compile_once", &[("XDG_CACHE_HOME", &first[0])]);
}

#[test]
#[ignore = "run by compiled_kernels_are_kept_and_broken_ones_made_again"]
fn compile_once() {
    compile(ADD_ONE);
}
