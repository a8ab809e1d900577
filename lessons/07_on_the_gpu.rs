//! # Lesson 07: on the GPU
//!
//! A GPU is a second computer with its own memory, which does one thing thousands of times at once. This lesson takes its
//! lid off. At the end you can
//!
//! - say where a blob lives, and what is copied when;
//! - read a kernel, and say which thread computes what;
//! - give your own layer a kernel, and test it;
//! - find an index that is off by one and a race between threads, without a card;
//! - count what a kernel computes and what it moves, and tell from that what a card will wait for.
//!
//! Nothing here needs a GPU. An *emulator* compiles the same CUDA C for your processor, runs its threads one after
//! another, and checks every access. It cannot tell you how fast a kernel is. It tells you whether it is right.
//!
//! ```text
//! cargo run --release --bin 07_on_the_gpu
//! ```

use cortado::args;
use cortado::check;
use cortado::data::idx::Labelled;
use cortado::data::mnist;
use cortado::device::emulator::Emulator;
use cortado::device::{Gemm, Gpu, Kernels, Trans};
use cortado::layer::*;
use cortado::proto::{LayerParameter, SolverParameter};
use cortado::show::{Chart, Images, show};
use cortado::solver::Builder;
use cortado::solver::rules::{At, Rule, Rules};
use cortado::{Blob, Device, Log, Result, Solver, Values, files};

fn main() -> Result {
    // %% [markdown]
    // ## A card that is not there
    //
    // A net runs on a `Device`. `Device::emulated()` is the emulator, and `Device::best()?` takes a card if there is
    // one. We want the emulator in any case, and we want to talk to it directly. So we make it by hand and keep the handle,
    // a `Gpu`.

    // %%
    let gpu = Gpu::new(Emulator::new());
    println!("{:?}; {}", Device::Gpu(gpu.clone()), gpu.name());

    // %% [markdown]
    // ## Where a blob lives
    //
    // The card has its own memory. Data must be copied there before the card can compute with it, over a wire some fifty
    // times slower than that memory. So a program for a GPU is first of all a program that does not copy.
    //
    // Caffe's answer is one buffer in two places. `Values` keeps up to two copies, one on the *host* (that is us) and
    // one on the card, and knows which of them are current. Nobody says "copy". You say what you want, and `Values` copies
    // only if it must:
    //
    // | you call | to |
    // |---|---|
    // | `slice()`, `slice_mut()` | read it on the host; change it there |
    // | `card(&gpu)?`, `card_mut(&gpu)?` | do the same on the card |
    // | `card_over(&gpu)?` | overwrite all of it on the card, so that the old values need not be copied |

    // %%
    fn copies(gpu: &Gpu) -> String {
        let c = gpu.counts();
        format!("{} up ({} bytes), {} down ({} bytes)", c.uploads, c.uploaded, c.downloads, c.downloaded)
    }

    let mut x = Values::new(&[1000])?;
    println!("fresh                {:<8} {}", format!("{:?}", x.side()), copies(&gpu));
    x.slice_mut()[0] = 1.0;
    println!("written here         {:<8} {}", format!("{:?}", x.side()), copies(&gpu));
    x.card(&gpu)?;
    println!("read there           {:<8} {}", format!("{:?}", x.side()), copies(&gpu));
    x.card_mut(&gpu)?;
    println!("changed there        {:<8} {}", format!("{:?}", x.side()), copies(&gpu));
    println!("x[0] is {}            {:<8} {}", x.slice()[0], format!("{:?}", x.side()), copies(&gpu));

    // %% [markdown]
    // `Nowhere` costs nothing: zeros that nobody has asked for are not stored. `Both` is the happy state, in which either
    // side can read for free. A write on one side makes the other stale.
    //
    // **What will this print?** Two loops do the same work on the card, a hundred times. The first reads a number after each
    // round. The second also changes one of the thousand. How many copies up, and how many down, will each loop make? Write
    // both pairs down.

    // %%
    for change in [false, true] {
        let before = gpu.counts();
        for _ in 0..100 {
            x.card_mut(&gpu)?; // a kernel would run here
            let first = x.slice()[0];
            if change {
                x.slice_mut()[0] = first + 1.0;
            }
        }
        let after = gpu.counts();
        let (up, down) = (after.uploads - before.uploads, after.downloads - before.downloads);
        println!("change: {change:<5}   {up} up, {down} down, {} bytes", 4000 * (up + down));
    }

    // %% [markdown]
    // Reading one number costs a copy of all thousand, each time. Changing one costs two copies: the values come down and go
    // up again. Only in the first round of the second loop nothing goes up, because both sides were fresh. In a training
    // loop this is the innocent line that prints a loss or scales a gradient in every iteration. If your program is slow on
    // a card, look at `gpu.counts()` first.
    //
    // ## A kernel
    //
    // On the CPU ReLU is a loop:
    //
    // ```text
    // for i in 0..n { y[i] = if x[i] > 0 { x[i] } else { 0 } }
    // ```
    //
    // On a card there is no loop, only its body and as many threads as there are values. That body is a *kernel*, and its
    // language is CUDA C.

    // %%
    const RELU: &str = r#"
        extern "C" __global__ void relu(int n, In x, Out y) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) y[i] = x[i] > 0 ? x[i] : 0;
        }
    "#;

    let relu = Kernels::new(RELU);
    let mut y = Values::new(&[1000])?;
    for (i, x) in x.slice_mut().iter_mut().enumerate() {
        *x = i as f32 - 500.0;
    }
    relu.launch(&gpu, "relu", 1000, args![1000_usize, x, y.over()])?;
    println!("y[499..504] = {:?}", &y.slice()[499..504]);

    // %% [markdown]
    // Line by line:
    //
    // - `__global__`: a function that the host starts and the card runs. `extern "C"` keeps its name as written.
    // - `int n, In x, Out y`: a number, values to read, values to write. On a card, `In` and `Out` are plain pointers;
    //   here they know how long they are. The launch gives the arguments in this order.
    // - `int i = ..`: who am I? All threads run the same lines and differ only in this number. They come in *blocks*, here
    //   of 256, and the blocks form a *grid*. `threadIdx` is the thread's position in its block, `blockIdx` the block's
    //   position in the grid.
    // - `if (i < n)`: 1000 values need four blocks, and those have 1024 threads. The last 24 have nothing to do.
    //
    // Why blocks? Because a card is built that way. Each of its processors (an H100 has 132) takes a block and runs it to
    // the end; the threads of one block can talk to each other, those of different blocks cannot. Blocks may have two or
    // three dimensions, and so may the grid. Let each thread paint the block it belongs to: 28 x 28 pixels, in rows and in
    // squares.

    // %%
    const PAINT: &str = r#"
        extern "C" __global__ void rows(int n, Out y) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) y[i] = 4 + 2 * blockIdx.x;
        }
        extern "C" __global__ void squares(Out y) {
            int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
            if (column < 28 && row < 28) y[row * 28 + column] = 1 + blockIdx.y * gridDim.x + blockIdx.x;
        }
    "#;

    let paint = Kernels::new(PAINT);
    let (mut rows, mut squares) = (Values::new(&[28, 28])?, Values::new(&[28, 28])?);
    paint.launch_blocks(&gpu, "rows", 7, 128, args![784_usize, rows.over()])?;
    paint.launch_grid(&gpu, "squares", [4, 4, 1], [8, 8, 1], args![squares.over()])?;
    println!("rows: {} blocks of 128 threads; squares: 4 x 4 blocks of 8 x 8 threads", 784usize.div_ceil(128));
    let mut both = Values::new(&[2, 28, 28])?;
    both.slice_mut()[..784].copy_from_slice(rows.slice());
    both.slice_mut()[784..].copy_from_slice(squares.slice());
    show(&Images::of(&both)?.tile(140.0).captions(["rows", "squares"]).title("Which block computes which pixel"))?;

    // %% [markdown]
    // Each square has 64 pixels, two *warps* of 32 threads. A warp is what really runs: 32 threads in step, one instruction
    // for all of them. So blocks have a multiple of 32 threads, and neighbouring threads should read neighbouring values:
    // then the memory serves all 32 at once.
    //
    // ## Your own layer, on the card
    //
    // The softsign is a gentle relative of TanH, and Caffe has no layer for it:
    //
    // $$ y = \frac{x}{1 + |x|}, \qquad dx = \frac{dy}{(1 + |x|)^2} $$
    //
    // A layer with its own loop forks at that loop: the CPU's loop on one side, a launch on the other. Both use the same
    // letters. The layer keeps its `Kernels`, which are compiled at their first launch.

    // %%
    const SOFTSIGN: &str = r#"
        extern "C" __global__ void softsign_forward(int n, In x, Out y) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) y[i] = x[i] / (1 + fabsf(x[i]));
        }
        extern "C" __global__ void softsign_backward(int n, In x, In dy, Out dx) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            float d = i < n ? 1 + fabsf(x[i]) : 1;
            if (i < n) dx[i] = dy[i] / (d * d);
        }
    "#;

    // %%
    /// y = x / (1 + |x|)
    struct Softsign {
        kernels: Kernels,
    }

    impl Layer for Softsign {
        fn new(_: &LayerParameter) -> Result<Self> {
            Ok(Softsign { kernels: Kernels::new(SOFTSIGN) })
        }
        fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
            let (x, y, n) = (&bottom[0].data, &mut top[0].data, bottom[0].count());
            match cx.device {
                Device::Cpu(_) => {
                    for (y, x) in y.slice_mut().iter_mut().zip(x.slice()) {
                        *y = x / (1.0 + x.abs());
                    }
                    Ok(())
                }
                Device::Gpu(gpu) => {
                    let args = args![n, x, y.over()];
                    self.kernels.launch(gpu, "softsign_forward", n, args)
                }
            }
        }
        fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
            let (dy, n) = (&top[0].diff, bottom[0].count());
            let Blob { data: x, diff: dx } = &mut bottom[0];
            match cx.device {
                Device::Cpu(_) => {
                    for ((dx, x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(dy.slice()) {
                        *dx = dy / ((1.0 + x.abs()) * (1.0 + x.abs()));
                    }
                    Ok(())
                }
                Device::Gpu(gpu) => {
                    let args = args![n, x, dy, dx.over()];
                    self.kernels.launch(gpu, "softsign_backward", n, args)
                }
            }
        }
        fn needs(&self) -> Needs {
            Needs::X
        }
    }

    // %% [markdown]
    // Is it right? `check::layer` answers in several rows: the formula, the slopes you know from lesson 04, and the same
    // pass on the CPU and on a GPU, which is the card if there is one, else the emulator. A layer without kernels would not
    // fail there, because the CPU steps in; but the row would say so.

    // %% tol=any
    let softsign = check::layer::<Softsign>("", &[&[2, 3, 5]]).naive(|x, _| vec![x[0].mapv(|x| x / (1.0 + x.abs()))]);
    println!("{}", softsign.run()?);

    // %% [markdown]
    // ## Off by one
    //
    // This is the mistake that everyone makes: `i <= n`. On a card, thread 1000 reads past the end of x and writes past the
    // end of y, perhaps into another blob's first value. Nothing is reported, and the loss is a little odd. The emulator's
    // buffers know where they end.

    // %%
    fn says(result: Result) {
        match result {
            Ok(()) => println!("done"),
            Err(e) => println!("{e}"),
        }
    }

    let wrong = Kernels::from(RELU.replace("i < n", "i <= n"));
    says(wrong.launch(&gpu, "relu", 1000, args![1000_usize, x, y.over()]));

    // %% [markdown]
    // The message names the kernel, the argument (0 is `n`), the thread, the block and the index. The emulator also checks
    // reads, and memory that nobody has written holds NaN, so a forgotten value shows in the result.
    //
    // ## Threads that work together
    //
    // A sum is harder: all values go into one number, and no thread can own it alone. The solution is a tree. Half of the
    // threads add the other half's values to their own, then a quarter, until one is left. The block's threads meet in
    // `__shared__` memory, which is small, fast, and gone when the block ends. `__syncthreads` is a *barrier*: no thread
    // continues until all have arrived.

    // %%
    const SUM: &str = r#"
        extern "C" __global__ void sum(int n, In x, Out y) {
            __shared__ float s[256];
            int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
            s[t] = i < n ? x[i] : 0;
            __syncthreads();
            for (int half = 128; half > 0; half /= 2) {
                if (t < half) s[t] += s[t + half];
                __syncthreads(); // and again
            }
            if (t == 0) y[blockIdx.x] = s[0];
        }
    "#;

    let sum = Kernels::new(SUM);
    let mut sums = Values::new(&[4])?;
    sum.launch(&gpu, "sum", 1000, args![1000_usize, x, sums.over()])?;
    println!("the blocks' sums {:?}, together {}", sums.slice(), sums.slice().iter().sum::<f32>());
    println!("on the host      {}", x.slice().iter().sum::<f32>());

    // %% [markdown]
    // Now we leave out the second barrier. In every round a thread reads what another has written in the round before, with
    // nothing between the two but hope. Within one warp that hope often holds, so on a card this kernel may give the right
    // sum on most days. This is called a *race*. Then we try an early `return`, which looks so tidy.

    // %%
    for (right, wrong) in
        [("__syncthreads(); // and again", ""), ("s[t] = i < n ? x[i] : 0;", "if (i >= n) return; s[t] = x[i];")]
    {
        let wrong = Kernels::from(SUM.replace(right, wrong));
        says(wrong.launch(&gpu, "sum", 1000, args![1000_usize, x, sums.over()]));
    }

    // %% [markdown]
    // The emulator marks each element with the thread that touched it last, and after which barrier. So it finds the race at
    // the first clash, whatever the sum would have been. With the `return`, the last block's idle threads leave, and the
    // others wait for them at the barrier. A card may hang there for ever.
    //
    // ## A convolution, three times
    //
    // How fast could a kernel be? You can find out by counting. We take the convolution of LeNet's `conv1`, 20 filters of 5
    // x 5, on one digit. Our filters are edges in 20 directions.

    // %%
    let root = files::root()?;
    let mut digit = Values::new(&[1, 28, 28])?;
    let mut w = Values::new(&[20, 5, 5])?;
    {
        let folder = root.join("data/mnist");
        let test = Labelled::read(folder.join("t10k-images-idx3-ubyte.gz"), folder.join("t10k-labels-idx1-ubyte.gz"))?;
        for (x, byte) in digit.slice_mut().iter_mut().zip(test.image(0)) {
            *x = *byte as f32 / 256.0;
        }
        for (i, w) in w.slice_mut().iter_mut().enumerate() {
            let (angle, a, b) = ((i / 25) as f32 * 0.314, (i / 5 % 5) as f32 - 2.0, (i % 5) as f32 - 2.0);
            *w = angle.cos() * b + angle.sin() * a;
        }
        println!("a {}", test.labels[0]);
    }

    // %% [markdown]
    // We begin with the formula itself, one thread for each value of y. 24 x 24 = 576 places make three blocks of 192
    // threads; the grid's second axis is the filter.
    //
    // $$ y_{fij} = \sum_{a,b} w_{fab}\, x_{i+a,\,j+b} $$

    // %%
    const CONVOLUTION: &str = r#"
        extern "C" __global__ void naive(In x, In w, Out y) {
            int p = blockIdx.x * blockDim.x + threadIdx.x, f = blockIdx.y, i = p / 24, j = p % 24;
            float sum = 0;
            for (int a = 0; a < 5; a++)
                for (int b = 0; b < 5; b++) sum += w[f * 25 + a * 5 + b] * x[(i + a) * 28 + j + b];
            y[f * 576 + p] = sum;
        }

        // col[k][p]: pixel number k of the 5 x 5 pixels that place p covers.
        extern "C" __global__ void im2col(In x, Out col) {
            int p = blockIdx.x * blockDim.x + threadIdx.x, k = blockIdx.y;
            col[k * 576 + p] = x[(p / 24 + k / 5) * 28 + p % 24 + k % 5];
        }

        // c = a b, a is m x k, b is k x n. A block makes 16 x 16 values of c, from 16 x 16 values of a and b at a time.
        extern "C" __global__ void product(int m, int n, int k, In a, In b, Out c) {
            __shared__ float as[16][16];
            __shared__ float bs[16][16];
            int j = threadIdx.x, i = threadIdx.y, column = blockIdx.x * 16 + j, row = blockIdx.y * 16 + i;
            float sum = 0;
            for (int t = 0; t < k; t += 16) {
                as[i][j] = row < m && t + j < k ? a[row * k + t + j] : 0;
                bs[i][j] = t + i < k && column < n ? b[(t + i) * n + column] : 0;
                __syncthreads();
                for (int l = 0; l < 16; l++) sum += as[i][l] * bs[l][j];
                __syncthreads();
            }
            if (row < m && column < n) c[row * n + column] = sum;
        }
    "#;

    let convolution = Kernels::new(CONVOLUTION);
    let mut y = Values::new(&[20, 24, 24])?;
    {
        let args = args![digit, w, y.over()];
        convolution.launch_grid(&gpu, "naive", [3, 20, 1], [192, 1, 1], args)?;
    }
    show(&Images::signed(&y)?.tile(56.0).title("The 7 through 20 edge filters, by a kernel of ten lines"))?;

    // %% [markdown]
    // The second way is Caffe's. For each of the 576 places, `im2col` copies the 25 pixels that it covers into a column.
    // Then the convolution is a matrix product, $20 \times 25$ by $25 \times 576$. The product works in tiles: a block
    // fetches 16 x 16 values of both factors into shared memory, and each of them is used 16 times before the next ones
    // come. The third way is `gpu.gemm`, which on a card is cuBLAS: the same idea, with years of work in it.

    // %%
    fn apart(a: &Values, b: &Values) -> f32 {
        a.slice().iter().zip(b.slice()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    let mut col = Values::new(&[25, 576])?;
    let (mut tiled, mut blas) = (Values::new(&[20, 576])?, Values::new(&[20, 576])?);
    {
        let args = args![digit, col.over()];
        convolution.launch_grid(&gpu, "im2col", [3, 25, 1], [192, 1, 1], args)?;
        let args = args![20_usize, 576_usize, 25_usize, w, col, tiled.over()];
        convolution.launch_grid(&gpu, "product", [36, 2, 1], [16, 16, 1], args)?;
        let gemm = Gemm::new(Trans::No, Trans::No, 20, 576, 25);
        gpu.gemm(&gemm, args![w, col, blas.over()])?;
    }
    println!(
        "tiles: {} from the naive kernel; gemm: less than 0.00001: {}",
        apart(&tiled, &y),
        apart(&blas, &y) < 1e-5
    );

    // %% [markdown]
    // Three ways, one result. What do they cost? Each value of y takes 25 products and 25 sums in any case. The ways differ
    // in what the threads ask the memory for. We count that from the kernels' lines, four bytes per value.

    // %%
    let (values, operations) = (20 * 576, 20 * 576 * 25 * 2);
    println!("                      operations   bytes asked for   operations per byte");
    for (what, operations, asked) in [
        ("naive", operations, values * (25 + 25 + 1)),
        ("im2col", 0, 25 * 576 * 2),
        ("product, no tiles", operations, values * (25 + 25 + 1)),
        ("product in tiles", operations, 36 * 20 * 25 + 2 * 25 * 576 + values), // a by 36 blocks, b by 2
        ("each value just once", operations, 784 + 500 + values),
    ] {
        println!("{what:<20} {operations:>11} {:>17} {:>21.2}", 4 * asked, operations as f64 / (4 * asked) as f64);
    }

    // %% [markdown]
    // The naive kernel asks for 50 values to make one. A card has caches, which answer most of these requests, so it is less
    // bad than it looks. But tiles answer them for certain. `im2col` itself computes nothing and makes the image 18 times as
    // large: Caffe pays that price so that one operation, the product, can do the work of all its convolutions.
    //
    // The last line is the limit: you have to read everything once and write everything once. The last number in each line
    // is the *arithmetic intensity*. Compare it with the card. Its maker says that an H100 (SXM) does $67 \cdot 10^{12}$ f32
    // operations a second, and that its memory moves $3.35 \cdot 10^{12}$ bytes. That is 20 operations for each byte. A
    // kernel that does fewer waits for the memory.
    //
    // **What will this print?** Take a batch of 64 digits, with every value moved just once. Which layers of LeNet wait for
    // the memory, and which for the arithmetic? And what share of its 67 can the card reach in ReLU? (We compute this from
    // two numbers on a data sheet. Nothing is measured.)

    // %%
    let mut roof = Chart::new("What an H100 can do at most")
        .axes("operations per byte", "10^12 operations a second")
        .line("the memory's slope, the units' roof", &[(0.0, 0.0), (20.0, 67.0), (40.0, 67.0)]);
    println!("{:26}operations     bytes per byte    computing     moving  share of the 67", "");
    for (layer, operations, values) in [
        ("conv1", 64u64 * 11520 * 50, 64 * (784 + 11520) + 500),
        ("pool1", 64 * 2880 * 4, 64 * (11520 + 2880)),
        ("conv2", 64 * 3200 * 1000, 64 * (2880 + 3200) + 25000),
        ("ip1", 64 * 500 * 1600, 64 * (800 + 500) + 400_000),
        ("relu1", 64 * 500, 64 * (500 + 500)),
        ("3 x 3, 256 to 256", 64 * 256 * 3136 * 4608, 64 * 2 * 256 * 3136 + 589_824),
    ] {
        let (operations, bytes) = (operations as f64, 4.0 * values as f64);
        let (computing, moving) = (operations / 67e12, bytes / 3.35e12);
        let share = 100.0 * computing / computing.max(moving);
        let (per_byte, computing, moving) = (operations / bytes, 1e6 * computing, 1e6 * moving);
        println!(
            "{layer:<17} {operations:>18.1e} {bytes:>9.0} {per_byte:>8.2} {computing:>9.2} us {moving:>7.2} us {share:>14.1} %"
        );
        if per_byte < 40.0 {
            roof = roof.line(layer, &[(per_byte, 0.0), (per_byte, 0.67 * share)]);
        }
    }
    show(&roof)?;

    // %% [markdown]
    // Half of LeNet waits for the memory, and ReLU reaches at best 0.6 % of what the card can do. No cleverness in the
    // kernel changes that; the only remedy is to stay away from the memory, by doing ReLU in the layer before. The last line
    // is a layer of VGG, from 2014, and it is another world: there the arithmetic counts. The chart is called a *roofline*:
    // up to 20 operations per byte the speed rises with the intensity, and from there on the roof is flat. (`pool1` and
    // `relu1` are in the left corner, `conv2` and VGG far to the right.)
    //
    // Now look at the times. A layer of LeNet takes the card one to three microseconds, and *launching* a kernel takes the
    // host several. So LeNet on a large card mostly waits for us.
    //
    // ## Recorded
    //
    // There is a remedy. A training step makes the same launches every time, so we record them once, with all arguments, and
    // then hand them to the card as a whole. On a card such a recording is a CUDA graph. It holds addresses, so a buffer
    // must stay where it is, and blobs do. While recording, nothing is computed, and a copy to or from the host is an error.

    // %%
    {
        let mut rectified = Values::new(&[20, 24, 24])?;
        let n = y.count();
        rectified.card_over(&gpu)?; // allocate first: no memory is allocated while recording
        gpu.record()?;
        let args = args![digit, w, y.over()];
        convolution.launch_grid(&gpu, "naive", [3, 20, 1], [192, 1, 1], args)?;
        relu.launch(&gpu, "relu", n, args![n, y, rectified.over()])?;
        let step = gpu.end_record()?;

        let before = gpu.counts();
        digit.slice_mut().fill(0.5); // another image, ..
        digit.card(&gpu)?; // .. at the same address
        (0..10).try_for_each(|_| step.replay())?;
        let after = gpu.counts();
        println!("{} launches in one recording, {} replays", step.len(), after.replays - before.replays);
        println!("launches by the host meanwhile: {}", after.launches - before.launches);
        let largest = rectified.slice().iter().copied().fold(0.0f32, f32::max);
        println!("an even picture has no edges: the largest answer is below 0.00001: {}", largest < 1e-5);
    }

    // %% [markdown]
    // A net on a GPU does all this for you: the solver runs one step plainly, watches a second one, records the third, and
    // replays from then on. (What changes from step to step, the learning rate or the seed of a dropout, is in the card's
    // memory, where the host can write a few words before each replay.)
    //
    // ## Your own rule, on the card
    //
    // The solver's update is also a kernel, and all rules share it: it goes through the weights, clips, decays, and calls
    // the rule's function `step`. So a rule for the card is just that function. Here is Lion from lesson 05, for both
    // devices.

    // %%
    struct Lion;

    impl Rule for Lion {
        fn new(_: &SolverParameter) -> Result<Self> {
            Ok(Lion)
        }
        fn update(&self, at: &At, _w: &[f32], dw: &mut [f32], history: &mut [&mut [f32]]) {
            for (dw, m) in dw.iter_mut().zip(history[0].iter_mut()) {
                let mix = 0.9 * *m + 0.1 * *dw;
                *m = 0.99 * *m + 0.01 * *dw;
                *dw = if mix == 0.0 { 0.0 } else { at.lr.copysign(mix) };
            }
        }
        fn kernel(&self) -> Option<&'static str> {
            Some(
                r#"__device__ float step(float w, float dw, float lr, In s, float *m) {
                    float mix = 0.9f * m[0] + 0.1f * dw;
                    m[0] = 0.99f * m[0] + 0.01f * dw;
                    return mix == 0 ? 0 : copysignf(lr, mix);
                }"#,
            )
        }
    }

    // %% [markdown]
    // We train LeNet with Lion, six steps on the CPU and six on the emulated card, and print what the host asked of the card
    // in each.

    // %% tol=any
    fn lenet(device: &Device) -> Result<Solver> {
        let mut rules = Rules::caffe();
        rules.add::<Lion>("Lion");
        let root = files::root()?;
        mnist::ensure_lmdb(&root)?;
        let mut builder = Builder::read(root.join("proto/lenet_solver.prototxt"))?;
        let param = builder.param_mut();
        (param.display, param.snapshot, param.test_initialization) = (Some(0), Some(0), Some(false));
        (param.r#type, param.base_lr) = (Some("Lion".into()), Some(0.0003));
        builder.seed(1).rules(&rules).device(device).log(&Log::silent()).make()
    }

    let (mut on_cpu, mut on_card) = (lenet(&Device::cpu())?, lenet(&Device::Gpu(gpu.clone()))?);
    on_cpu.step(6)?;
    println!("step   launches   products   replays    up   down    megabytes   loss, and the CPU's");
    for i in 0..6 {
        let a = gpu.counts();
        on_card.step(1)?;
        let b = gpu.counts();
        let (launches, products, replays) = (b.launches - a.launches, b.products - a.products, b.replays - a.replays);
        let (up, down, moved) = (b.uploads - a.uploads, b.downloads - a.downloads, (b.bytes - a.bytes) as f64 / 1e6);
        let (loss, cpu) = (on_card.losses()[i], on_cpu.losses()[i]);
        println!(
            "{i:<4} {launches:>10} {products:>10} {replays:>9} {up:>5} {down:>6} {moved:>12.1}   {loss:.3}  {cpu:.3}"
        );
    }

    // %% [markdown]
    // The losses match the CPU's. In each of the first three steps the host asks for some forty things: 31 kernels, and 11
    // products for the convolutions and the fully connected layers. In the first, the weights also go up. The third is
    // recorded, and from then on the host says three things: clear the gradients, pass, update. Two buffers go up, the
    // digits and their labels; the loss comes down, because we ask for it after each step. `step(100)` would fetch a hundred
    // losses at the end.
    //
    // Let us count again. A step hands its kernels about 127 megabytes, most of it the columns of `im2col`. At 3.35
    // terabytes a second that takes 38 microseconds. Forty launches, at 5 microseconds each, take 200.
    //
    // ## Open the file
    //
    // [kernels/relu.cu](../kernels/relu.cu) has your ReLU, with a slope. [src/layers/activation/relu.rs](../src/layers/activation/relu.rs) is the
    // formula beside it, and `pointwise.rs` in that folder launches it, as `Softsign` does. [kernels/prelude.h](../kernels/prelude.h) comes before every kernel: what `In` and `Out` are
    // on a card, and `block_sum`, your sum with a better tree. [src/device/card.rs](../src/device/card.rs) is all that
    // Cortado asks of a GPU, in one trait, and [kernels/emulator.h](../kernels/emulator.h) shows how to imitate a GPU. [The
    // GPU](../book/src/gpu.md) has the rest.
    //
    // ## What to remember
    //
    // - A blob has up to two copies and knows which are current. You say what you want; it copies if it must. Count the
    //   copies.
    // - A kernel is the body of a loop. The loop is the grid, and `if (i < n)` is its end.
    // - Threads of one block can share memory and wait for each other. Those of different blocks cannot.
    // - A race is wrong even when the number is right.
    // - First ask how many operations there are per byte. Below 20, an H100 waits for its memory.
    // - Small kernels wait for their launch. A recording launches everything at once.
    // - The emulator says whether a kernel is right. Only a card can say how fast it is.
    //
    // ## Exercises
    //
    // - **07.1** A kernel with mistakes, and no card to hide them: `cargo run --release -p exercises --bin exercise_07_1`
    // - **07.2** Backward as a gather: `cargo run --release -p exercises --bin exercise_07_2`
    // - **07.3** The best of a row, found by a block: `cargo run --release -p exercises --bin exercise_07_3`
    //
    // `cargo run --release --bin check 07` checks your answers.
    //
    // This is the last lesson so far. [Add a layer](../book/src/add_a_layer.md) and
    // [add a lesson](../book/src/add_a_lesson.md) show where to go from here.

    Ok(())
}
