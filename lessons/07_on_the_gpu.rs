//! # Lesson 07: on the GPU
//!
//! A GPU is a second computer with a memory of its own, that does one thing thousands of times at once. This lesson
//! takes its lid off. At the end you can
//!
//! - say where a blob lives, and what is copied when;
//! - read a kernel, and say which thread computes what;
//! - give a layer of your own a kernel, and have it tried;
//! - find an index that is off by one and a race between threads, without a card;
//! - count what a kernel computes and what it moves, and tell from it what a card will wait for.
//!
//! Nothing here needs a GPU. An *emulator* compiles the same CUDA C for your processor, runs its threads one after
//! another, and looks at every access. It cannot tell you how fast a kernel is. It tells you whether it is right.
//!
//! ```text
//! cargo run --release --bin 07_on_the_gpu
//! ```

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
    // one. We want the emulator in any case, and we want to talk to it ourselves. So we make it by hand, and keep the
    // handle, a `Gpu`.

    // %%
    let gpu = Gpu::new(Emulator::new());
    println!("{:?}; {}", Device::Gpu(gpu.clone()), gpu.name());

    // %% [markdown]
    // ## Where a blob lives
    //
    // The card has its own memory. What is to be computed there must be copied there, over a wire that is some fifty
    // times slower than that memory. So a program for a GPU is first of all a program that does not copy.
    //
    // Caffe's answer is one buffer in two places. `Values` keeps up to two copies, one on the *host* (that is us) and
    // one on the card, and knows which of them hold the present values. Nobody says "copy". One says what one wants,
    // and a copy is made if it must be:
    //
    // | who asks | for what |
    // |---|---|
    // | `slice()`, `slice_mut()` | to read it on the host; to change it there |
    // | `card(&gpu)?`, `card_mut(&gpu)?` | the same on the card |
    // | `card_over(&gpu)?` | to overwrite all of it on the card, so that the old values need not come along |

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
    // `Nowhere` costs nothing: zeros that nobody has asked for are not stored. `Both` is the happy state, in which each
    // side may read for nothing. A write on one side makes the other stale.
    //
    // **What will this print?** Two loops that do the same work on the card, a hundred times. The first reads a number
    // after each round. The second changes one of the thousand, too. How many copies up, and how many down, will each
    // loop make? Write both pairs down.

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
    // Reading one number costs a copy of all thousand, each time. To change one costs two copies: the values come down,
    // and go up again. Only in the last loop's first round nothing goes up, for both sides were fresh. In a training
    // loop this is the innocent line that prints a loss or scales a gradient in every iteration. If your program is
    // slow on a card, look at `gpu.counts()` first.
    //
    // ## A kernel
    //
    // On the CPU ReLU is a loop:
    //
    // ```text
    // for i in 0..n { y[i] = if x[i] > 0 { x[i] } else { 0 } }
    // ```
    //
    // On a card there is no loop. There is its body, and as many threads as there are values. That body is a *kernel*,
    // and its language is CUDA C.

    // %%
    const RELU: &str = r#"
        extern "C" __global__ void relu(int n, In x, Out y) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) y[i] = x[i] > 0 ? x[i] : 0;
        }
    "#;

    let mut relu = Kernels::new(RELU);
    let mut y = Values::new(&[1000])?;
    for (i, x) in x.slice_mut().iter_mut().enumerate() {
        *x = i as f32 - 500.0;
    }
    relu.launch(&gpu, "relu", 1000, &mut [1000.into(), x.card(&gpu)?, y.card_over(&gpu)?])?;
    println!("y[499..504] = {:?}", &y.slice()[499..504]);

    // %% [markdown]
    // Line by line:
    //
    // - `__global__`: a function that the host starts and the card runs. `extern "C"` keeps its name as it is written.
    // - `int n, In x, Out y`: a number, values to read, values to write. On a card, `In` and `Out` are plain pointers;
    //   here they know how long they are. The launch gives the arguments in this order.
    // - `int i = ..`: who am I? All threads run the same lines, and differ only in this number. They come in *blocks*,
    //   here of 256, and the blocks form a *grid*. `threadIdx` is the thread's place in its block, `blockIdx` the
    //   block's in the grid.
    // - `if (i < n)`: 1000 values need four blocks, and those have 1024 threads. The last 24 have nothing to do.
    //
    // Why blocks? Because a card is built so. Its processors (an H100 has 132) each take a block and see it through;
    // the threads of one block can talk to each other, those of two blocks cannot. Blocks may have two or three
    // dimensions, as may the grid. Let the threads paint which block they belong to: 28 x 28 pixels, in rows and in
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

    let mut paint = Kernels::new(PAINT);
    let (mut rows, mut squares) = (Values::new(&[28, 28])?, Values::new(&[28, 28])?);
    paint.launch_blocks(&gpu, "rows", 7, 128, &mut [784.into(), rows.card_over(&gpu)?])?;
    paint.launch_grid(&gpu, "squares", [4, 4, 1], [8, 8, 1], &mut [squares.card_over(&gpu)?])?;
    println!("rows: {} blocks of 128 threads; squares: 4 x 4 blocks of 8 x 8 threads", 784usize.div_ceil(128));
    let mut both = Values::new(&[2, 28, 28])?;
    both.slice_mut()[..784].copy_from_slice(rows.slice());
    both.slice_mut()[784..].copy_from_slice(squares.slice());
    show(&Images::of(&both)?.tile(140.0).captions(["rows", "squares"]).title("Which block computes which pixel"))?;

    // %% [markdown]
    // In each square there are 64 pixels, two *warps* of 32 threads. A warp is what really runs: 32 threads in step,
    // one instruction for all of them. So blocks have a multiple of 32 threads, and neighbouring threads should want
    // neighbouring values: then the memory answers all 32 at once.
    //
    // ## A layer of your own, on the card
    //
    // The softsign is a gentle relative of TanH, and Caffe has no layer for it:
    //
    // $$ y = \frac{x}{1 + |x|}, \qquad dx = \frac{dy}{(1 + |x|)^2} $$
    //
    // A layer with a loop of its own forks at that loop: the CPU's on one side, a launch on the other. Both use the
    // same letters. The layer keeps its `Kernels`, which are compiled when they are first launched.

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
        fn arity(&self) -> Arity {
            Arity::exact(1, 1)
        }
        fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
            top[0].reshape_like(&bottom[0])
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
                    let args = &mut [n.into(), x.card(gpu)?, y.card_over(gpu)?];
                    self.kernels.launch(gpu, "softsign_forward", n, args)
                }
            }
        }
        fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], down: &[bool], bottom: &mut [Blob]) -> Result {
            let (dy, n) = (&top[0].diff, bottom[0].count());
            let Blob { data: x, diff: dx } = &mut bottom[0];
            match cx.device {
                _ if !down[0] => Ok(()),
                Device::Cpu(_) => {
                    for ((dx, x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(dy.slice()) {
                        *dx = dy / ((1.0 + x.abs()) * (1.0 + x.abs()));
                    }
                    Ok(())
                }
                Device::Gpu(gpu) => {
                    let args = &mut [n.into(), x.card(gpu)?, dy.card(gpu)?, dx.card_over(gpu)?];
                    self.kernels.launch(gpu, "softsign_backward", n, args)
                }
            }
        }
        fn needs(&self) -> Needs {
            Needs::X
        }
    }

    // %% [markdown]
    // Is it right? The kit of lesson 04 has a row for this: the same pass on the CPU and on a GPU, which is the card if
    // there is one, else the emulator. A layer without kernels would not fail there, for the CPU steps in; but the row
    // would say so.

    // %% tol=any
    let softsign = check::layer::<Softsign>("", &[&[2, 3, 5]]).naive(|x, _| vec![x[0].mapv(|x| x / (1.0 + x.abs()))]);
    println!("{}", softsign.run()?);

    // %% [markdown]
    // ## Off by one
    //
    // The mistake that everyone makes: `i <= n`. On a card thread 1000 reads what lies behind x, and writes it behind
    // y, perhaps into another blob's first value. Nothing is reported, and the loss is a little odd. The emulator's
    // buffers know where they end.

    // %%
    fn says(result: Result) {
        match result {
            Ok(()) => println!("done"),
            Err(e) => println!("{e}"),
        }
    }

    let mut wrong = Kernels::new(RELU.replace("i < n", "i <= n"));
    says(wrong.launch(&gpu, "relu", 1000, &mut [1000.into(), x.card(&gpu)?, y.card_over(&gpu)?]));

    // %% [markdown]
    // Kernel, argument (0 is `n`), thread, block and index. It checks reads, too, and memory that nobody has written
    // holds NaN, so a value that was forgotten is seen in the result.
    //
    // ## Threads that work together
    //
    // A sum is harder: all values go into one number, and no thread may own it alone. The way out is a tree. Half of
    // the threads add the other half's values to their own, then a quarter, until one is left. The block's threads meet
    // in `__shared__` memory, which is small, fast, and gone when the block ends. `__syncthreads` is a *barrier*:
    // nobody goes on before all have come.

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

    let mut sum = Kernels::new(SUM);
    let mut sums = Values::new(&[4])?;
    sum.launch(&gpu, "sum", 1000, &mut [1000.into(), x.card(&gpu)?, sums.card_over(&gpu)?])?;
    println!("the blocks' sums {:?}, together {}", sums.slice(), sums.slice().iter().sum::<f32>());
    println!("on the host      {}", x.slice().iter().sum::<f32>());

    // %% [markdown]
    // Now without the second barrier. In every round a thread reads what another has written in the round before, with
    // nothing between the two but hope. Within one warp that hope often holds, so on a card this kernel may give the
    // right sum, on most days. It is called a *race*. And once more with an early `return`, which looks so tidy.

    // %%
    for (right, wrong) in
        [("__syncthreads(); // and again", ""), ("s[t] = i < n ? x[i] : 0;", "if (i >= n) return; s[t] = x[i];")]
    {
        let mut wrong = Kernels::new(SUM.replace(right, wrong));
        says(wrong.launch(&gpu, "sum", 1000, &mut [1000.into(), x.card(&gpu)?, sums.card_over(&gpu)?]));
    }

    // %% [markdown]
    // The emulator marks each element with who touched it last, and after which barrier. So it finds the race at the
    // first clash, whatever the sum would have been. And the `return`: the last block's idle threads leave, and the
    // others wait for them at the barrier. A card may hang there for ever.
    //
    // ## A convolution, three times
    //
    // How fast could a kernel be? That is a matter of counting. We take the convolution of LeNet's `conv1`, 20 filters
    // of 5 x 5, on one digit. Our filters are edges in 20 directions.

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
    // First the formula itself, one thread for each value of y. 24 x 24 = 576 places are three blocks of 192 threads;
    // the grid's second axis is the filter.
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

        // col[k][p]: of the 5 x 5 pixels that place p looks at, the one with number k.
        extern "C" __global__ void im2col(In x, Out col) {
            int p = blockIdx.x * blockDim.x + threadIdx.x, k = blockIdx.y;
            col[k * 576 + p] = x[(p / 24 + k / 5) * 28 + p % 24 + k % 5];
        }

        // c = a b, a is m x k, b is k x n. A block makes 16 x 16 values of c, from 16 x 16 values of each at a time.
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

    let mut convolution = Kernels::new(CONVOLUTION);
    let mut y = Values::new(&[20, 24, 24])?;
    {
        let args = &mut [digit.card(&gpu)?, w.card(&gpu)?, y.card_over(&gpu)?];
        convolution.launch_grid(&gpu, "naive", [3, 20, 1], [192, 1, 1], args)?;
    }
    show(&Images::signed(&y)?.tile(56.0).title("The 7 through 20 edge filters, by a kernel of ten lines"))?;

    // %% [markdown]
    // The same once more, as Caffe does it. `im2col` copies, for each of the 576 places, the 25 pixels that it looks at
    // into a column. Then the convolution is a matrix product, $20 \times 25$ by $25 \times 576$. The product works in
    // tiles: a block fetches 16 x 16 values of both factors into shared memory, and each of them is used 16 times
    // before the next ones come. The third way is `gpu.gemm`, which on a card is cuBLAS: the same idea, with years of
    // work in it.

    // %%
    fn apart(a: &Values, b: &Values) -> f32 {
        a.slice().iter().zip(b.slice()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    let mut col = Values::new(&[25, 576])?;
    let (mut tiled, mut blas) = (Values::new(&[20, 576])?, Values::new(&[20, 576])?);
    {
        let args = &mut [digit.card(&gpu)?, col.card_over(&gpu)?];
        convolution.launch_grid(&gpu, "im2col", [3, 25, 1], [192, 1, 1], args)?;
        let args = &mut [20.into(), 576.into(), 25.into(), w.card(&gpu)?, col.card(&gpu)?, tiled.card_over(&gpu)?];
        convolution.launch_grid(&gpu, "product", [36, 2, 1], [16, 16, 1], args)?;
        let gemm = Gemm::new(Trans::No, Trans::No, 20, 576, 25);
        gpu.gemm(&gemm, w.card(&gpu)?, col.card(&gpu)?, blas.card_over(&gpu)?)?;
    }
    println!(
        "tiles: {} from the naive kernel; gemm: less than 0.00001: {}",
        apart(&tiled, &y),
        apart(&blas, &y) < 1e-5
    );

    // %% [markdown]
    // Three ways, one result. What do they cost? Each value of y takes 25 products and 25 sums, whatever the way. The
    // difference is in what the threads ask the memory for. We count it as the kernels' lines say it, four bytes a
    // value.

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
    // The naive kernel asks for 50 values to make one. A card has caches, which answer most of that, and so it is less
    // bad than it looks. But tiles answer it for certain. `im2col` itself computes nothing and makes the image 18 times
    // as large: that is what Caffe pays to have one operation, the product, do the work of all its convolutions.
    //
    // The last line is the limit: nobody can do with less than reading everything once and writing everything once. The
    // number behind it is the *arithmetic intensity*. Hold it against the card. Its maker says that an H100 (SXM) does
    // $67 \cdot 10^{12}$ f32 operations a second, and that its memory moves $3.35 \cdot 10^{12}$ bytes. That is 20
    // operations for each byte. Who does fewer waits for the memory.
    //
    // **What will this print?** A batch of 64 digits, every value moved just once. Which layers of LeNet wait for the
    // memory, and which for the arithmetic? And what share of its 67 can the card show in ReLU? (This is arithmetic
    // from two numbers of a data sheet. Nothing is measured.)

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
    // Half of LeNet waits for the memory, and ReLU shows 0.6 % of what the card can do, at its very best. No cleverness
    // in the kernel changes that; the only help is not to go to the memory at all, by doing ReLU in the layer before.
    // The last line is a layer of VGG, from 2014, and it is another world: there the arithmetic counts. The chart is
    // called a *roofline*: up to 20 operations per byte one climbs as fast as the memory, and from there on the roof is
    // flat. (`pool1` and `relu1` are in the left corner, `conv2` and VGG far to the right.)
    //
    // Now look at the times. A layer of LeNet takes the card one to three microseconds, and to *launch* a kernel takes
    // the host several. So LeNet on a large card waits mostly for us.
    //
    // ## Recorded
    //
    // Against that there is a remedy. A training step does the same launches every time, so they are written down once,
    // with all arguments, and then handed to the card as a whole. On a card that is a CUDA graph. What is written down
    // are addresses; so a buffer must stay where it is, and blobs do. While recording nothing is computed, and a copy
    // to or from the host is an error.

    // %%
    {
        let mut rectified = Values::new(&[20, 24, 24])?;
        let n = y.count();
        rectified.card_over(&gpu)?; // memory first: none is made while recording
        gpu.record()?;
        let args = &mut [digit.card(&gpu)?, w.card(&gpu)?, y.card_over(&gpu)?];
        convolution.launch_grid(&gpu, "naive", [3, 20, 1], [192, 1, 1], args)?;
        relu.launch(&gpu, "relu", n, &mut [n.into(), y.card(&gpu)?, rectified.card_over(&gpu)?])?;
        let step = gpu.end_record()?;

        let before = gpu.counts();
        digit.slice_mut().fill(0.5); // another picture, ..
        digit.card(&gpu)?; // .. at the same address
        (0..10).try_for_each(|_| step.replay())?;
        let after = gpu.counts();
        println!("{} launches in one recording, {} replays", step.len(), after.replays - before.replays);
        println!("launches by the host meanwhile: {}", after.launches - before.launches);
        let largest = rectified.slice().iter().copied().fold(0.0f32, f32::max);
        println!("an even picture has no edges: the largest answer is below 0.00001: {}", largest < 1e-5);
    }

    // %% [markdown]
    // A net on a GPU does all this by itself: a solver runs a step plainly, runs a second one and watches, records the third,
    // and replays from then on. (What changes from step to step, the rate, the seed of a dropout, stands in the card's memory,
    // where the host may write a few words before each replay.)
    //
    // ## A rule of your own, on the card
    //
    // The solver's update is a kernel, too, and all rules share it: it goes through the weights, clips, decays, and calls a
    // function `step`, which is the rule's. So a rule for the card is that function. Here is Lion of lesson 05, both times.

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
    // LeNet with Lion, six steps on the CPU and six on the emulated card, and what the host asked of the card in each.

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
    // The losses are the CPU's. In the first three steps the host asks for some forty things each: 31 kernels, and 11
    // products for the convolutions and the fully connected layers. In the first the weights go up, too. The third is
    // recorded; and from then on the host says three things: clear the gradients, pass, update. Up go two buffers, the
    // digits and their labels; down comes the loss, because we ask for it after each step. `step(100)` would fetch a
    // hundred losses at the end.
    //
    // Count once more. A step hands its kernels about 127 megabytes, most of them the columns of `im2col`. At 3.35
    // terabytes a second that takes 38 microseconds. Forty launches, at 5 microseconds each, take 200.
    //
    // ## Open the file
    //
    // [kernels/relu.cu](../kernels/relu.cu) has your ReLU, with a slope. [src/layers/relu.rs](../src/layers/relu.rs) launches
    // it, as `Softsign` does. [kernels/prelude.h](../kernels/prelude.h) stands before every kernel: what `In` and `Out` are on
    // a card, and `block_sum`, your sum with a better tree. [src/device/card.rs](../src/device/card.rs) is all that Cortado
    // asks of a GPU, in one trait; and [kernels/emulator.h](../kernels/emulator.h) shows how one plays one.
    // [The GPU](../book/src/gpu.md) tells the rest.
    //
    // ## What to remember
    //
    // - A blob has up to two copies and knows which are fresh. You say what you want; it copies if it must. Count the
    //   copies.
    // - A kernel is the body of a loop. The loop is the grid, and `if (i < n)` is its end.
    // - Threads of one block can share and wait. Between two blocks there is nothing.
    // - A race is wrong even when the number is right.
    // - First ask how many operations there are for each byte. Below 20 an H100 waits for its memory.
    // - What is small waits for the launch. A recording launches everything at once.
    // - The emulator says whether a kernel is right. How fast it is, only a card can say.
    //
    // ## Exercises
    //
    // - **07.1** A kernel with mistakes, and no card to hide them: `cargo run --release --bin exercise_07_1`
    // - **07.2** Backward as a gather: `cargo run --release --bin exercise_07_2`
    // - **07.3** The best of a row, by a block: `cargo run --release --bin exercise_07_3`
    //
    // `cargo run --release --bin check 07` looks at your answers.
    //
    // This is the last lesson so far. [Add a layer](../book/src/add_a_layer.md) and
    // [add a lesson](../book/src/add_a_lesson.md) say how to go on from here.

    Ok(())
}
