//! What a kernel is given, written once: `args![n, nu, x, y.over()]`.

use super::card::{CardBuffer, CardTable, Gpu};
use super::refusal::Refusal;
use crate::Result;

/// One argument of a kernel launch. A buffer comes with the number of its values that are in use: its storage may be longer.
pub enum Arg<'a> {
    /// A number that the kernel declares as `int`.
    Int(i32),
    /// A size, an index or a count that the kernel declares as `int`; a launch refuses one that no `int` holds.
    Size(usize),
    /// A number that the kernel declares as `float`.
    Float(f32),
    /// `In x`: a buffer that the kernel only reads, and how many of its values are in use.
    In(&'a (dyn CardBuffer + 'static), usize),
    /// `Out y`: a buffer that the kernel writes, and may read, and how many of its values are in use.
    Out(&'a mut (dyn CardBuffer + 'static), usize),
    /// `InInt i`: a buffer of integers that the kernel only reads.
    InInt(&'a (dyn CardBuffer + 'static), usize),
    /// `OutInt i`: a buffer of integers that the kernel writes, and may read.
    OutInt(&'a mut (dyn CardBuffer + 'static), usize),
    /// `Many w`: a table of buffers, each of which the kernel may write.
    Many(&'a (dyn CardTable + 'static)),
    /// `Refusal r`: where the kernel may complain.
    Refusal(&'a Refusal),
    /// Values that the kernel only reads; they go to the card before it runs.
    Read(&'a (dyn Stored + 'static)),
    /// Values that the kernel changes; they go to the card before it runs.
    Updated(&'a mut (dyn Stored + 'static)),
    /// Values of which the kernel writes every one: those that were there are not copied.
    Over(&'a mut (dyn Stored + 'static)),
}

/// Values that a launch can bring to its card.
pub trait Stored {
    /// To be read.
    fn to_read(&self, gpu: &Gpu) -> Result<Arg<'_>>;
    /// To be changed.
    fn to_update(&mut self, gpu: &Gpu) -> Result<Arg<'_>>;
    /// To be written, every one.
    fn to_overwrite(&mut self, gpu: &Gpu) -> Result<Arg<'_>>;
}

/// Brings the values among the arguments to the card.
pub(super) fn bring(args: &mut [Arg], gpu: &Gpu) -> Result {
    args.iter_mut().try_for_each(|arg| {
        *arg = match std::mem::replace(arg, Arg::Int(0)) {
            Arg::Read(values) => values.to_read(gpu)?,
            Arg::Updated(values) => values.to_update(gpu)?,
            Arg::Over(values) => values.to_overwrite(gpu)?,
            there => there,
        };
        Ok(())
    })
}

/// What stands in [`args!`](crate::args): a number; values that the kernel reads; any [`Arg`].
pub trait AsArg<'a> {
    /// The argument.
    fn arg(self) -> Arg<'a>;
}

impl<'a> AsArg<'a> for Arg<'a> {
    fn arg(self) -> Arg<'a> {
        self
    }
}

impl<'a, S: Stored + 'static> AsArg<'a> for &'a S {
    fn arg(self) -> Arg<'a> {
        Arg::Read(self)
    }
}

/// Numbers, each as the kernel's type.
macro_rules! numbers {
    ($($number:ty: $make:expr,)+) => {
        $(impl From<$number> for Arg<'_> {
            fn from(x: $number) -> Self {
                $make(x)
            }
        }

        impl<'a> AsArg<'a> for $number {
            fn arg(self) -> Arg<'a> {
                self.into()
            }
        })+
    };
}

numbers! {
    i32: Arg::Int,
    usize: Arg::Size,
    f32: Arg::Float,
    bool: |x| Arg::Int(i32::from(x)),
}

/// The arguments of a launch, in the kernel's order: numbers, values that it reads, and `y.over()` or `dw.updated()` for
/// values that it writes, all of them or some. The launch brings them to its card.
///
/// ```
/// use cortado::device::Kernels;
/// use cortado::{Device, Values, args};
/// const DOUBLE: Kernels = Kernels::new(
///     r#"extern "C" __global__ void twice(int n, In x, Out y) {
///            int i = blockIdx.x * blockDim.x + threadIdx.x;
///            if (i < n) y[i] = 2 * x[i];
///        }"#,
/// );
/// let (mut x, mut y) = (Values::new(&[3])?, Values::new(&[3])?);
/// x.fill(21.0);
/// if let Device::Gpu(gpu) = Device::emulated() {
///     DOUBLE.launch(&gpu, "twice", 3, args![3_usize, x, y.over()])?;
/// }
/// assert_eq!(y.slice(), [42.0; 3]);
/// # Ok::<(), cortado::Error>(())
/// ```
#[macro_export]
macro_rules! args {
    ($($arg:expr),* $(,)?) => {
        &mut [$({
            use $crate::device::AsArg as _;
            $arg.arg()
        }),*]
    };
}
