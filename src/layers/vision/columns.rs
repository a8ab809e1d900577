//! im2col and col2im on a card.

use crate::device::cpu::Axis;
use crate::device::{Arg, AsArg, Gpu, Kernels, OnCard, kernels};
use crate::{Error, Kind, Result};

const KERNELS: Kernels = kernels!("im2col");

/// The kernels of `kernels/im2col.cu`, and the geometry that they read.
pub(super) struct Columns {
    geometry: OnCard<i32>,
    /// Whether the kernels for any number of axes do two axes as well.
    force_nd: bool,
}

/// Some images of a batch, and where their columns stand in the matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Images {
    /// The first of them, and how many there are.
    pub first: usize,
    pub count: usize,
    pub channels: usize,
    /// How far apart the matrix's rows stand.
    pub row: usize,
    /// How far apart the columns of two images begin.
    pub step: usize,
}

impl Columns {
    pub fn new(force_nd: bool) -> Columns {
        Columns { geometry: OnCard::default(), force_nd }
    }

    /// col\[(c, k)\]\[n, o\] = x\[n\]\[c\]\[o * stride + k * dilation - pad\]
    pub fn im2col(&mut self, gpu: &Gpu, axes: &[Axis], images: Images, x: Arg, col: Arg) -> Result {
        let n = images.count * images.channels * product(axes, Axis::out);
        let sizes = [n, images.count, images.channels, images.row, images.step];
        self.launch(gpu, ["im2col", "im2col_nd"], axes, images, &sizes, [x, col])
    }

    /// x = the sum of the values of col that stand for it.
    pub fn col2im(&mut self, gpu: &Gpu, axes: &[Axis], images: Images, col: Arg, x: Arg) -> Result {
        let n = images.count * images.channels * product(axes, |a| a.size);
        let sizes = [n, images.channels, images.row, images.step];
        self.launch(gpu, ["col2im", "col2im_nd"], axes, images, &sizes, [col, x])
    }

    fn launch(
        &mut self,
        gpu: &Gpu,
        [planes, volumes]: [&str; 2],
        axes: &[Axis],
        images: Images,
        sizes: &[usize],
        buffers: [Arg; 2],
    ) -> Result {
        // One axis is a plane of height 1.
        let missing = 2usize.saturating_sub(axes.len());
        let all = || (0..missing).map(|_| Axis::of(1)).chain(axes.iter().copied());
        let geometry = all().map(six).collect::<Result<Vec<_>>>()?.concat();
        let nd = self.force_nd || axes.len() > 2;
        let start = images.first * images.channels * product(axes, |a| a.size);

        let mut args: Vec<Arg> = sizes.iter().map(|size| size.arg()).collect();
        args.extend(nd.then(|| all().count().arg()));
        args.extend([self.geometry.hold(gpu, &geometry)?, start.arg()]);
        args.extend(buffers);
        KERNELS.launch(gpu, if nd { volumes } else { planes }, sizes[0], &mut args)
    }
}

/// The product of one size of all axes.
fn product(axes: &[Axis], of: impl Fn(&Axis) -> usize) -> usize {
    axes.iter().map(of).product()
}

/// An axis as the kernels read it.
fn six(axis: Axis) -> Result<[i32; 6]> {
    let Axis { size, kernel, pad, stride, dilation } = axis;
    // No place that a kernel works out lies beyond the padded axis.
    if i32::try_from(axis.padded()).is_err() {
        return Err(Error::new(Kind::Device, format!("{size} values and a padding of {pad} are too long for a card"))
            .field("convolution_param.pad")
            .hint("make the padding smaller, or use the CPU"));
    }
    Ok([size, kernel, pad, stride, dilation, axis.out()].map(|value| value as i32))
}
