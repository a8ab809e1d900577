//! Where the windows of a pooling lie, and how its parameters say so.

use super::sizes::{Sizes, check_window};
use crate::proto::PoolingParameter;
use crate::proto::pooling_parameter::RoundMode;
use crate::{Error, Result};
use std::ops::Range;

/// The windows along one axis.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Window {
    pub size: usize,
    pub kernel: usize,
    pub stride: usize,
    pub pad: usize,
    pub out: usize,
}

impl Window {
    /// The part of window `o` that lies inside the input, and its size with padding.
    pub fn at(&self, o: usize) -> (Range<usize>, usize) {
        let start = o * self.stride; // counted from the front of the padding
        let end = (start + self.kernel).min(self.size + 2 * self.pad);
        let inside = |i: usize| i.saturating_sub(self.pad).min(self.size);
        (inside(start)..inside(end), end.saturating_sub(start))
    }

    /// All windows, as [`at`](Self::at) gives them.
    pub fn each(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        (0..self.out).map(|o| self.at(o))
    }
}

/// A field of the parameters for both axes, or one for each.
fn sizes<'a>(names: [&'a str; 3], both: &'a Option<u32>, hw: [Option<u32>; 2]) -> Sizes<'a> {
    Sizes { param: "pooling_param", names, all: both.as_slice(), hw, default: None, partner: None, least: 1 }
}

/// The kernel along both axes.
pub(super) fn kernel(p: &PoolingParameter) -> Result<[usize; 2]> {
    let names = ["kernel_size", "kernel_h", "kernel_w"];
    let given = [p.kernel_size, p.kernel_h, p.kernel_w] != [None; 3];
    let or = |e: Error| if given { e } else { e.hint("or global_pooling: true, for the whole plane") };
    pair(sizes(names, &p.kernel_size, [p.kernel_h, p.kernel_w])).map_err(or)
}

/// The stride along both axes.
pub(super) fn stride(p: &PoolingParameter) -> Result<[usize; 2]> {
    let names = ["stride", "stride_h", "stride_w"];
    pair(Sizes { default: Some(1), ..sizes(names, &p.stride, [p.stride_h, p.stride_w]) })
}

/// The padding along both axes.
pub(super) fn pad(p: &PoolingParameter) -> Result<[usize; 2]> {
    let names = ["pad", "pad_h", "pad_w"];
    pair(Sizes { default: Some(0), partner: Some(0), least: 0, ..sizes(names, &p.pad, [p.pad_h, p.pad_w]) })
}

fn pair(sizes: Sizes) -> Result<[usize; 2]> {
    let both = sizes.each(2)?;
    Ok([both[0], both[1]])
}

/// The windows along both axes.
///
/// # Errors
/// Padding as long as the kernel; a kernel that is too long, or so much longer than the input that there is no window.
pub(super) fn windows(
    round: RoundMode,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
) -> Result<[Window; 2]> {
    let fail = |field: &str, message: String, hint: &str| {
        Err(Error::shape(message).field(format!("pooling_param.{field}")).hint(hint))
    };
    let mut windows = [Window::default(); 2];
    for (i, window) in windows.iter_mut().enumerate() {
        let (size, kernel, stride, pad) = (size[i], kernel[i], stride[i], pad[i]);
        if kernel != size {
            // but global pooling takes a plane of any size
            check_window(kernel, "pooling_param.kernel_size")?;
        }
        if pad >= kernel {
            let message = format!("pad {pad} is not smaller than the kernel {kernel}: a window could miss the input");
            return fail("pad", message, "make the padding smaller");
        }
        let padded = size + 2 * pad;
        // The steps that the first window can take; rounded up, a kernel too long by less than a stride takes none.
        let steps = match round {
            RoundMode::Floor => padded.checked_sub(kernel).map(|room| room / stride),
            RoundMode::Ceil => (padded + stride - 1).checked_sub(kernel).map(|room| room / stride),
        };
        let Some(steps) = steps else {
            let padding = if pad > 0 { format!(" (padded to {padded})") } else { String::new() };
            let message = format!("a pooling kernel of {kernel} does not fit into {size}{padding}");
            return fail("kernel_size", message, "make the kernel smaller, or use global_pooling: true");
        };
        *window = Window { size, kernel, stride, pad, out: steps + 1 };
    }
    if pad != [0; 2] {
        for window in &mut windows {
            let behind = (window.out - 1) * window.stride >= window.size + window.pad;
            window.out -= usize::from(behind);
        }
    }
    Ok(windows)
}

/// The value at `at` of a bottom of this shape is negative.
pub(super) fn no_probability(shape: &[usize], at: usize, x: f32) -> Error {
    let image = shape[1..].iter().product::<usize>().max(1);
    let (sample, place) = (at / image, at % image);
    Error::value(format!("stochastic pooling of {x}, value {place} of sample {sample}: it has no probability"))
        .field("pooling_param.pool")
        .hint("put a ReLU before the pooling, or use MAX or AVE")
}
