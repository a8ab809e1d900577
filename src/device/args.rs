//! What a kernel is given, written once: `args![n, nu, x, y.over()]`.

use super::card::CardArg;
use super::gpu::Gpu;
use crate::Result;

/// One argument of a kernel launch, as a layer writes it.
pub enum Arg<'a> {
    /// What the card takes as it stands: a number, a buffer.
    Given(CardArg<'a>),
    /// Values that the kernel only reads; they go to the card before it runs.
    Read(&'a (dyn Stored + 'static)),
    /// Values that the kernel changes; they go to the card before it runs.
    Updated(&'a mut (dyn Stored + 'static)),
    /// Values that the kernel writes in full: the old ones are not copied.
    Over(&'a mut (dyn Stored + 'static)),
}

/// Values that a launch can bring to its card.
pub trait Stored {
    /// To be read.
    fn to_read(&self, gpu: &Gpu) -> Result<CardArg<'_>>;
    /// To be changed.
    fn to_update(&mut self, gpu: &Gpu) -> Result<CardArg<'_>>;
    /// To be written in full.
    fn to_overwrite(&mut self, gpu: &Gpu) -> Result<CardArg<'_>>;
    /// What a kernel that has run complains of in them: only a [`Refusal`](super::Refusal) can tell.
    ///
    /// # Errors
    /// The kernel's complaint.
    fn refused(&self) -> Result {
        Ok(())
    }
}

impl<'a> Arg<'a> {
    /// Brings the values to the card.
    pub(super) fn bring<'b>(&'b mut self, gpu: &Gpu) -> Result<CardArg<'b>> {
        match self {
            Arg::Given(arg) => Ok(arg.lend()),
            Arg::Read(values) => values.to_read(gpu),
            Arg::Updated(values) => values.to_update(gpu),
            Arg::Over(values) => values.to_overwrite(gpu),
        }
    }
}

/// What [`args!`](crate::args) takes: a number, values that the kernel reads, or any [`Arg`].
pub trait AsArg<'a> {
    /// The argument.
    fn arg(self) -> Arg<'a>;
}

impl<'a> AsArg<'a> for Arg<'a> {
    fn arg(self) -> Arg<'a> {
        self
    }
}

impl<'a> AsArg<'a> for CardArg<'a> {
    fn arg(self) -> Arg<'a> {
        Arg::Given(self)
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
        $(impl<'a> AsArg<'a> for $number {
            fn arg(self) -> Arg<'a> {
                Arg::Given($make(self))
            }
        })+
    };
}

numbers! {
    i32: CardArg::Int,
    usize: CardArg::Size,
    f32: CardArg::Float,
    bool: |x| CardArg::Int(i32::from(x)),
}

/// The arguments of a launch, in the kernel's order: numbers, values that it reads, and `y.over()` or `dw.updated()`
/// for values that it writes, all of them or some. The launch brings them to its card.
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
