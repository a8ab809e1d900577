//! The emulated GPU: kernels compute what the CPU computes, and every misuse is an error with a name.
//!
//! These tests need a C++ compiler, as the emulator does: without one they fail and say so.

use cortado::check::{Fill, Harness};
use cortado::device::emulator::Emulator;
use cortado::device::{CardArg, Gemm, Gpu, Kernels, Module, OnCard, Refusal, Stored, Trans};
use cortado::layers::Relu;
use cortado::net::Builder;
use cortado::proto::{LayerParameter, ReLuParameter};
use cortado::{Blob, Device, Error, Kind, args};
use std::sync::Arc;

thread_local! {
    static GPU: Gpu = Gpu::new(Emulator::new());
}

/// The emulator of the thread, and so of the test: what it compiles and what it allocates are one card's.
fn gpu() -> Gpu {
    GPU.with(Gpu::clone)
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
        |name: &str, grid, block, args: &mut [CardArg]| refusal(kernels.launch(name, grid, block, args)).to_string();

    let args = &mut [CardArg::Int(5), CardArg::Float(0.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
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
    let args = &mut [CardArg::Int(5), CardArg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
    let said = refusal(kernels.launch("add_one", [1, 1, 1], [5, 1, 1], args)).to_string();
    assert_eq!(said, "kernel add_one: buffer 3 has 3 elements, thread (3,0) of block 0 used index 3");
}

#[test]
fn what_a_kernel_does_not_write_stays() {
    let (kernels, gpu) = (compile(ADD_ONE), gpu());
    let (x, mut y) = (blob(&[1.0, 2.0, 3.0]), blob(&[7.0, 8.0, 9.0]));
    let args = &mut [CardArg::Int(2), CardArg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
    kernels.launch("add_one", [1, 1, 1], [4, 1, 1], args).unwrap();
    assert_eq!(y.data.slice(), [2.0, 3.0, 9.0]);
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let (kernels, gpu) = (compile(ADD_ONE), gpu());
    let (x, mut y) = (blob(&[1.0; 4]), blob(&[0.0; 4]));
    let one = [1, 1, 1];

    let e = refusal(kernels.launch("add_one", one, one, &mut [CardArg::Int(4), CardArg::Float(1.0)]));
    assert_eq!(e.message(), "kernel add_one takes 4 arguments and was given 2");
    assert_eq!(e.hints(), ["its parameters are int, float, In, Out"]);

    let args =
        &mut [CardArg::Float(4.0), CardArg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    let e = refusal(kernels.launch("add_one", one, one, args));
    assert_eq!(e.message(), "argument 0 of kernel add_one is int, not float");

    let args = &mut [CardArg::Int(4), CardArg::Float(1.0), x.data.card(&gpu).unwrap(), x.data.card(&gpu).unwrap()];
    let e = refusal(kernels.launch("add_one", one, one, args));
    assert_eq!(e.message(), "argument 3 of kernel add_one is Out, not In");

    let e = refusal(kernels.launch("add_onee", one, one, &mut []));
    assert_eq!(e.message(), "the source has no kernel \"add_onee\"");
    assert_eq!(e.hints()[0], "did you mean \"add_one\"?");

    for (grid, block) in [([0, 1, 1], one), (one, [1, 0, 1]), (one, [1025, 1, 1]), (one, [u32::MAX; 3])] {
        let args =
            &mut [CardArg::Int(4), CardArg::Float(1.0), x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
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
    assert!(e.to_string().contains("parameters are int, float, In, Out"), "{e}");
}

#[test]
fn a_shared_array_that_is_declared_otherwise_is_refused_in_its_place() {
    let said = |declaration: &str| {
        let source = format!("// no __shared__ here\n__global__ void k(Out y) {{\n  {declaration}\n}}");
        refusal(gpu().compile(&source)).message().to_string()
    };
    assert_eq!(
        said("__shared__ float a[2], b;"),
        "a __shared__ declaration makes one array, without values (kernel.cu, line 3)"
    );
    assert_eq!(said("extern __shared__ float s[];"), "a shared array needs a size (kernel.cu, line 3)");
}

/// The sum of a block by halves through shared memory; without its barriers, or with an early return, as `what` says.
fn sum(what: &str) -> cortado::Result<f32> {
    let barrier = if what == "race" { "" } else { "__syncthreads();" };
    let out = if what == "divergent" { "if (i >= n) return;" } else { "" };
    let source = format!(
        r#"extern "C" __global__ void sum(int n, In x, Out y) {{
            __shared__ float s[64];
            int i = threadIdx.x;
            {out}
            s[i] = i < n ? x[i] : 0.0f;
            __syncthreads();
            for (int half = 32; half > 0; half /= 2) {{
                if (i < half) s[i] += s[i + half];
                {barrier}
            }}
            if (i == 0) y[0] = s[0];
        }}"#
    );
    let (gpu, x, mut y) = (gpu(), blob(&(0..50).map(|i| i as f32).collect::<Vec<_>>()), blob(&[0.0]));
    let args = &mut [CardArg::Int(50), x.data.card(&gpu)?, y.data.card_over(&gpu)?];
    compile(&source).launch("sum", [1, 1, 1], [64, 1, 1], args)?;
    Ok(y.data.scalar())
}

#[test]
fn threads_of_a_block_may_wait_for_each_other() {
    assert_eq!(sum("").unwrap(), 1225.0);
}

/// Each block has shared memory of its own: what another left there is no number, and no race.
#[test]
fn blocks_share_nothing() {
    let kernels = compile(
        r#"extern "C" __global__ void sums(In x, Out y) {
            float sum = block_sum(x[blockIdx.x * blockDim.x + threadIdx.x]);
            float most = block_max(x[blockIdx.x * blockDim.x + threadIdx.x]);
            if (threadIdx.x == 0) y[blockIdx.x] = sum + 1000 * most;
        }"#,
    );
    let (gpu, x, mut y) = (gpu(), blob(&(0..192).map(|i| (i % 7) as f32).collect::<Vec<_>>()), blob(&[0.0; 3]));
    let args = &mut [x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    kernels.launch("sums", [3, 1, 1], [64, 1, 1], args).unwrap();
    let sum = |b: usize| (64 * b..64 * (b + 1)).map(|i| (i % 7) as f32).sum::<f32>() + 6000.0;
    assert_eq!(y.data.slice(), [sum(0), sum(1), sum(2)]);
}

#[test]
fn every_block_has_shared_memory_of_its_own() {
    let kernels = compile(
        r#"extern "C" __global__ void sums(In x, Out y) {
            __shared__ float s[2];
            s[threadIdx.x] = x[blockIdx.x * 2 + threadIdx.x];
            __syncthreads();
            if (threadIdx.x == 0) y[blockIdx.x] = s[0] + s[1];
        }
        extern "C" __global__ void first_only(Out y) {
            __shared__ float s[2];
            if (blockIdx.x == 0) s[threadIdx.x] = 1;
            __syncthreads();
            y[blockIdx.x * 2 + threadIdx.x] = s[threadIdx.x];
        }
        extern "C" __global__ void unwritten(Out y) {
            __shared__ float s[1];
            if (threadIdx.x == 0) y[blockIdx.x] = s[0];
            else s[0] = 1;
        }"#,
    );
    let (gpu, x, mut y) = (gpu(), blob(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), blob(&[0.0; 6]));
    let args = &mut [x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
    kernels.launch("sums", [3, 1, 1], [2, 1, 1], args).unwrap();
    assert_eq!(y.data.slice()[..3], [3.0, 7.0, 11.0]);
    kernels.launch("first_only", [3, 1, 1], [2, 1, 1], &mut [y.data.card_over(&gpu).unwrap()]).unwrap();
    let left = y.data.slice();
    assert!(left[..2] == [1.0, 1.0] && left[2..].iter().all(|y| y.is_nan()), "{left:?}");
    let said = refusal(kernels.launch("unwritten", [3, 1, 1], [2, 1, 1], &mut [y.data.card_over(&gpu).unwrap()]));
    assert!(said.to_string().contains("element 0 of a shared array: thread"), "{said}");
}

#[test]
fn a_race_is_an_error() {
    let said = refusal(sum("race")).to_string();
    assert_eq!(
        said,
        "kernel sum: element 1 of a shared array: thread (1,0) of block 0 writes what other threads read, with no barrier between"
    );
    let kernels = compile(
        r#"extern "C" __global__ void all_to_one(In x, Out y) { y[0] = x[threadIdx.x]; }
           extern "C" __global__ void next(Out y) { y[threadIdx.x] = y[threadIdx.x + 1]; }
           extern "C" __global__ void blocks(Out y) { y[0] = blockIdx.x; }
           extern "C" __global__ void mine(Out y) { y[threadIdx.x] += 1; y[threadIdx.x] *= 2; }"#,
    );
    let (gpu, x, mut y) = (gpu(), blob(&[1.0; 5]), blob(&[1.0; 5]));
    let args = &mut [x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
    let said = refusal(kernels.launch("all_to_one", [1, 1, 1], [5, 1, 1], args)).to_string();
    assert!(said.contains("element 0 of buffer 1: threads (0,0) and (1,0) of block 0 both touch it"), "{said}");
    let mut run = |name, grid| kernels.launch(name, [grid, 1, 1], [4, 1, 1], &mut [y.data.card_mut(&gpu).unwrap()]);
    let said = refusal(run("next", 1)).to_string();
    assert!(said.contains("element 1 of buffer 0: threads (0,0) and (1,0)"), "{said}");
    let said = refusal(run("blocks", 2)).to_string();
    assert!(said.contains("both touch it"), "{said}");
    run("mine", 1).unwrap();
}

#[test]
fn a_barrier_that_not_all_reach_is_an_error() {
    let said = refusal(sum("divergent")).to_string();
    assert_eq!(said, "kernel sum: block 0: some threads are at __syncthreads, the others have returned");
    let kernels = compile(
        r#"extern "C" __global__ void half(Out y) {
            if (threadIdx.x < 16) y[threadIdx.x] = __shfl_down_sync(0xffffffffu, 1.0f, 1);
        }"#,
    );
    let (gpu, mut y) = (gpu(), blob(&[0.0; 32]));
    let said =
        refusal(kernels.launch("half", [1, 1, 1], [32, 1, 1], &mut [y.data.card_over(&gpu).unwrap()])).to_string();
    assert_eq!(said, "kernel half: block 0: some threads of a warp are at a shuffle, the others are not");
    // And the next launch is whole.
    assert_eq!(sum("").unwrap(), 1225.0);
}

#[test]
fn shuffles_move_values_between_the_threads_of_a_warp() {
    let kernels = compile(
        r#"extern "C" __global__ void shuffle(Out down, Out up, Out cross, Out all) {
            int i = threadIdx.x;
            float v = i;
            down[i] = __shfl_down_sync(0xffffffffu, v, 3);
            up[i] = __shfl_up_sync(0xffffffffu, v, 3);
            cross[i] = __shfl_xor_sync(0xffffffffu, v, 5);
            all[i] = __shfl_sync(0xffffffffu, v, 7);
        }"#,
    );
    let gpu = gpu();
    let mut y = [(); 4].map(|()| blob(&[0.0; 64]));
    let mut args: Vec<CardArg> = y.iter_mut().map(|y| y.data.card_over(&gpu).unwrap()).collect();
    kernels.launch("shuffle", [1, 1, 1], [64, 1, 1], &mut args).unwrap();
    drop(args);
    for i in 0..64usize {
        let (warp, lane) = (i / 32 * 32, i % 32);
        let down = if lane + 3 < 32 { i + 3 } else { i };
        let up = if lane >= 3 { i - 3 } else { i };
        let expected = [down, up, i ^ 5, warp + 7].map(|x| x as f32);
        assert_eq!(y.each_ref().map(|y| y.data.slice()[i]), expected, "thread {i}");
    }
}

#[test]
fn integers_tables_atomics_and_planes_of_shared_memory() {
    let kernels = compile(
        r#"extern "C" __global__ void count(int n, InInt x, OutInt bins) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) atomicAdd(&bins[x[i]], 1);
        }
        extern "C" __global__ void halve(Many w) {
            w[blockIdx.x][threadIdx.x] /= 2;
        }
        extern "C" __global__ void turn(In x, Out y) {
            __shared__ float tile[4][5];
            tile[threadIdx.y][threadIdx.x] = x[threadIdx.y * 4 + threadIdx.x];
            __syncthreads();
            y[threadIdx.y * 4 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
        }
        extern "C" __global__ void unset(Out y) {
            __shared__ float s[4];
            __shared__ float total;
            if (threadIdx.x == 0) total = 3;
            __syncthreads();
            y[threadIdx.x] = threadIdx.x == 3 ? s[threadIdx.x] : total;
        }"#,
    );
    let gpu = gpu();
    let (mut x, mut bins) = (OnCard::<i32>::default(), OnCard::<i32>::default());
    bins.hold(&gpu, &[0; 3]).unwrap();
    x.hold(&gpu, &[0, 2, 2, 1, 2, 0]).unwrap();
    let args = &mut [CardArg::Int(6), x.to_read(&gpu).unwrap(), bins.to_update(&gpu).unwrap()];
    kernels.launch("count", [2, 1, 1], [4, 1, 1], args).unwrap();
    assert_eq!(bins.download().unwrap(), [2, 1, 3]);

    let buffers: Vec<_> = [2.0, 6.0]
        .map(|v| {
            let mut buffer = gpu.alloc(3).unwrap();
            buffer.upload(&[v; 3]).unwrap();
            buffer
        })
        .into();
    let table = gpu.table(&buffers.iter().map(|b| &**b).collect::<Vec<_>>()).unwrap();
    kernels.launch("halve", [2, 1, 1], [3, 1, 1], &mut [CardArg::Many(&*table)]).unwrap();
    let mut host = [0.0; 3];
    buffers[1].download(&mut host).unwrap();
    assert_eq!(host, [3.0; 3]);
    let said = refusal(kernels.launch("halve", [2, 1, 1], [4, 1, 1], &mut [CardArg::Many(&*table)])).to_string();
    assert_eq!(said, "kernel halve: buffer 0 has 3 elements, thread (3,0) of block 0 used index 3");

    let (x, mut y) = (blob(&(0..16).map(|i| i as f32).collect::<Vec<_>>()), blob(&[0.0; 16]));
    let args = &mut [x.data.card(&gpu).unwrap(), y.data.card_over(&gpu).unwrap()];
    kernels.launch("turn", [1, 1, 1], [4, 4, 1], args).unwrap();
    assert_eq!(y.data.slice()[..5], [0.0, 4.0, 8.0, 12.0, 1.0]);

    kernels.launch("unset", [1, 1, 1], [4, 1, 1], &mut [y.data.card_over(&gpu).unwrap()]).unwrap();
    assert!(y.data.slice()[..3] == [3.0; 3] && y.data.slice()[3].is_nan(), "{:?}", y.data.slice());
}

/// Each emulator orders what touches its own memory, as each card does: so another's is refused, as a card refuses it.
#[test]
fn memory_of_another_emulator_is_refused() {
    let (a, b) = (Gpu::new(Emulator::new()), Gpu::new(Emulator::new()));
    let (mut x, mut y) = (a.alloc(4).unwrap(), b.alloc(4).unwrap());
    let not_ours = "a buffer belongs to another card";
    assert_eq!(refusal(b.copy(&*x, &mut *y, 4)).message(), not_ours);
    assert_eq!(refusal(b.copy(&*y, &mut *x, 4)).message(), not_ours);
    assert_eq!(refusal(b.fill(&mut *x, 4, 1.0)).message(), not_ours);
    assert_eq!(refusal(b.put(&*x, &[1])).message(), not_ours);
    assert_eq!(refusal(b.table(&[&*x])).message(), not_ours);
    let gemm = Gemm::new(Trans::No, Trans::No, 2, 2, 2);
    let mut z = b.alloc(4).unwrap();
    assert_eq!(
        refusal(b.gemm(&gemm, args![CardArg::In(&*y, 4), CardArg::In(&*x, 4), CardArg::Out(&mut *z, 4)])).message(),
        not_ours
    );
    let one = |args: &mut [CardArg]| {
        let source = "__global__ void k(In x, Many m, Refusal r, Out y) { y[0] = x[0] + m[0][0]; refuse(r, 0, 1); }";
        refusal(b.compile(source).unwrap().launch("k", [1; 3], [1; 3], args)).message().to_string()
    };
    let (of_a, of_b) = (a.table(&[&*x]).unwrap(), b.table(&[&*y]).unwrap());
    let (mut to_a, mut to_b) = (Refusal::default(), Refusal::default());
    let explain = |_, _| Error::value("refused");
    to_a.explain(&a, explain).unwrap();
    to_b.explain(&b, explain).unwrap();
    let (to_a, to_b) = (to_a.to_read(&a).unwrap(), to_b.to_read(&b).unwrap());
    let foreign = |i: usize| format!("kernel k: buffer {i} belongs to another card");
    let mut args = [CardArg::In(&*x, 4), CardArg::Many(&*of_b), to_b, CardArg::Out(&mut *z, 4)];
    assert_eq!(one(&mut args), foreign(0));
    args[0] = CardArg::In(&*y, 4);
    let right = std::mem::replace(&mut args[1], CardArg::Many(&*of_a));
    assert_eq!(one(&mut args), foreign(1));
    args[1] = right;
    args[2] = to_a;
    assert_eq!(one(&mut args), foreign(2));
}

#[test]
fn memory_that_was_not_written_is_no_number() {
    let mut y = OnCard::<f32>::default();
    y.over(3);
    y.to_overwrite(&gpu()).unwrap();
    assert!(y.download().unwrap().iter().all(|y| y.is_nan()));
}

#[test]
fn a_kernel_can_refuse_a_value() {
    let kernels = Kernels::new(
        r#"extern "C" __global__ void below_two(int n, In x, Refusal r) {
            int i = threadIdx.x;
            if (i < n && x[i] >= 2) refuse(r, i, x[i]);
        }"#,
    );
    let (gpu, mut r) = (gpu(), Refusal::default());
    let mut run = |values: &[f32]| {
        let x = blob(values);
        let explain = |i, value| Error::new(Kind::Device, format!("value {i} is {value}"));
        let args = args![3, x.data, r.explain(&gpu, explain)?];
        kernels.launch(&gpu, "below_two", 3, args)
    };
    run(&[0.0, 1.0, 1.0]).unwrap();
    assert_eq!(refusal(run(&[0.0, 7.0, 8.0])).message(), "value 1 is 7");
    run(&[0.0, 1.0, 1.0]).unwrap();
}

/// All four transpositions, parts of larger matrices, batches: against the definition.
#[test]
fn products() {
    let (gpu, numbers) = (gpu(), |i: usize| (i * 7919 % 101) as f32 / 50.0 - 1.0);
    let values = blob(&(0..400).map(numbers).collect::<Vec<_>>());
    let others = blob(&(0..200).map(|i| numbers(i + 1000)).collect::<Vec<_>>());
    for (m, n, k) in [(1, 1, 1), (3, 5, 2), (7, 1, 9), (5, 4, 0), (4, 6, 8)] {
        for (ta, tb) in
            [(Trans::No, Trans::No), (Trans::No, Trans::Yes), (Trans::Yes, Trans::No), (Trans::Yes, Trans::Yes)]
        {
            let rows = |trans, rows, cols| if trans == Trans::Yes { rows } else { cols };
            let (ra, rb, rc) = (rows(ta, m, k) + 2, rows(tb, k, n) + 1, n + 3);
            let gemm =
                Gemm::new(ta, tb, m, n, k).scaled(0.5, 2.0).rows([ra, rb, rc]).at([5, 7, 3]).batch(2, [90, 0, 100]);
            let mut c = blob(&(0..300).map(|i| i as f32).collect::<Vec<_>>());
            let old = c.data.slice().to_vec();
            gpu.gemm(&gemm, args![values.data, others.data, c.data.updated()]).unwrap();
            for b in 0..2 {
                for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let at = |trans, start: usize, row: usize, i: usize, j: usize| {
                        numbers(start + if trans == Trans::Yes { j * row + i } else { i * row + j }) as f64
                    };
                    let ab: f64 = (0..k).map(|l| at(ta, 5 + 90 * b, ra, i, l) * at(tb, 1007, rb, l, j)).sum();
                    let place = 3 + 100 * b + i * rc + j;
                    let (c, expected) = (c.data.slice()[place] as f64, 0.5 * ab + 2.0 * old[place] as f64);
                    assert!((c - expected).abs() < 1e-4, "{m} {n} {k} {ta:?} {tb:?} {b} {i} {j}: {c} {expected}");
                }
            }
        }
    }
    let mut c = blob(&[0.0; 3]);
    let args = args![values.data, values.data, c.data.over()];
    let e = refusal(gpu.gemm(&Gemm::new(Trans::No, Trans::No, 2, 2, 2), args));
    assert_eq!(e.message(), "gemm: c, 2 x 2 with rows 2 apart, ends at 3 of 3");
}

#[test]
fn a_number_that_no_int_holds_is_refused() {
    let kernels = Kernels::new(ADD_ONE);
    let (gpu, x, mut y) = (gpu(), blob(&[1.0]), blob(&[0.0]));
    let args = args![1usize << 31, 1.0_f32, x.data, y.data.over()];
    let e = refusal(kernels.launch(&gpu, "add_one", 1, args));
    assert_eq!(e.message(), "argument 0 of kernel add_one is 2147483648, and an int goes to 2147483647");
}

#[test]
fn a_recorded_step_is_done_when_it_is_replayed() {
    let kernels = Kernels::new(ADD_ONE);
    let (gpu, x, mut y) = (gpu(), blob(&[1.0, 2.0]), blob(&[0.0; 2]));
    let (mut other, mut dx) = (blob(&[0.0; 2]), OnCard::<f32>::default());
    x.data.card(&gpu).unwrap();
    other.data.card_over(&gpu).unwrap();
    let mut step = |y: &mut Blob, one: f32| {
        y.data.fill(5.0);
        kernels.launch(&gpu, "add_one", 2, args![2, one, x.data, y.data.over()])?;
        other.data.copy_from(&y.data)
    };
    step(&mut y, 1.0).unwrap();
    gpu.record().unwrap();
    step(&mut y, 10.0).unwrap();
    dx.over(2);
    let e = refusal(dx.to_overwrite(&gpu));
    assert_eq!(e.message(), "memory for 2 values while a step is being recorded");
    let recording = gpu.end_record().unwrap();
    assert_eq!((recording.len(), y.data.slice()), (3, &[2.0, 3.0][..]));
    recording.replay().unwrap();
    y.data.card_over(&gpu).unwrap(); // the host's copy is stale
    assert_eq!((y.data.slice(), gpu.counts().replays), (&[11.0, 12.0][..], 1));
    assert!(gpu.end_record().is_err());
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
    let args = &mut [CardArg::Int(3), x.data.card(&gpu).unwrap(), y.data.card_mut(&gpu).unwrap()];
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
                let args = &mut [
                    CardArg::Int(3000),
                    CardArg::Float(1.0),
                    x.data.card(&gpu).unwrap(),
                    y.data.card_over(&gpu).unwrap(),
                ];
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
