//! im2col: an image as the matrix whose product with the kernels is their convolution.
//!
//! Column o of the matrix holds the values under the window at output position o, row (c, k) those that kernel
//! position k meets: `col[(c, k)][o] = x[c][o * stride + k * dilation - pad]`, 0 outside the image. o and k have as many
//! indices as there are spatial axes. [`col2im`] is the transposed map: it adds each column's values back to the
//! positions they came from.

/// One spatial axis of a convolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Axis {
    /// The input's size.
    pub size: usize,
    pub kernel: usize,
    /// Zeros before and after the input.
    pub pad: usize,
    pub stride: usize,
    pub dilation: usize,
}

impl Axis {
    /// An axis that a kernel of 1 walks over.
    pub fn of(size: usize) -> Axis {
        Axis { size, kernel: 1, pad: 0, stride: 1, dilation: 1 }
    }

    /// How many input positions a dilated kernel spans.
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// The input's size with its padding.
    pub fn padded(&self) -> usize {
        self.size + 2 * self.pad
    }

    /// The output's size.
    pub fn out(&self) -> usize {
        (self.padded() - self.extent()) / self.stride + 1
    }

    /// The outputs whose window's position `k` lies inside the input, and the input position of the first of them.
    fn inside(&self, k: usize) -> (std::ops::Range<usize>, usize) {
        let at = k * self.dilation; // position 0 of the input is position `pad` of the padded one
        let first = self.pad.saturating_sub(at).div_ceil(self.stride);
        let end = (self.pad + self.size).saturating_sub(at).div_ceil(self.stride).min(self.out());
        (first.min(end)..end, (first * self.stride + at).saturating_sub(self.pad))
    }
}

/// The number of outputs, and of kernel positions.
fn sizes(axes: &[Axis]) -> (usize, usize) {
    (axes.iter().map(Axis::out).product(), axes.iter().map(|a| a.kernel).product())
}

/// Writes the matrix of one image: x \[channels, sizes\] -> col \[channels * kernels, outs\].
///
/// ```
/// use cortado::device::cpu::{Axis, im2col};
/// let x = [1.0, 2.0, 3.0, 4.0];
/// let mut col = [0.0; 6];
/// im2col(&x, &[Axis { kernel: 2, ..Axis::of(4) }], &mut col); // two rows, one a kernel position
/// assert_eq!(col, [1.0, 2.0, 3.0, 2.0, 3.0, 4.0]);
/// ```
pub fn im2col(x: &[f32], axes: &[Axis], col: &mut [f32]) {
    let size: usize = axes.iter().map(|a| a.size).product();
    let (outs, kernels) = sizes(axes);
    for (x, col) in x.chunks_exact(size).zip(col.chunks_exact_mut(kernels * outs)) {
        for (k, row) in col.chunks_exact_mut(outs).enumerate() {
            gather(x, axes, kernels, k, row);
        }
    }
}

/// One row of im2col: what kernel position `k` (of `kernels`) meets. One axis, then the others within it.
fn gather(x: &[f32], axes: &[Axis], kernels: usize, k: usize, row: &mut [f32]) {
    let [axis, rest @ ..] = axes else { return row.copy_from_slice(x) };
    let kernels = kernels / axis.kernel;
    let (inside, first) = axis.inside(k / kernels);
    let step = row.len() / axis.out();
    row[..inside.start * step].fill(0.0);
    row[inside.end * step..].fill(0.0);
    let row = &mut row[inside.start * step..inside.end * step];
    let x = x.get(first * (x.len() / axis.size)..).unwrap_or(&[]);
    if !rest.is_empty() {
        let inner = rest.iter().map(|a| a.size).product::<usize>();
        for (row, x) in row.chunks_exact_mut(step).zip(x.chunks_exact(inner).step_by(axis.stride)) {
            gather(x, rest, kernels, k % kernels, row);
        }
    } else if axis.stride == 1 {
        row.copy_from_slice(&x[..row.len()]);
    } else {
        row.iter_mut().zip(x.iter().step_by(axis.stride)).for_each(|(row, x)| *row = *x);
    }
}

/// Adds the values of `col` to the image positions they stand for: im2col transposed. x is set to zero first.
pub fn col2im(col: &[f32], axes: &[Axis], x: &mut [f32]) {
    let size: usize = axes.iter().map(|a| a.size).product();
    let (outs, kernels) = sizes(axes);
    x.fill(0.0);
    for (x, col) in x.chunks_exact_mut(size).zip(col.chunks_exact(kernels * outs)) {
        for (k, row) in col.chunks_exact(outs).enumerate() {
            scatter(row, axes, kernels, k, x);
        }
    }
}

/// Adds one row of col2im.
fn scatter(row: &[f32], axes: &[Axis], kernels: usize, k: usize, x: &mut [f32]) {
    let [axis, rest @ ..] = axes else { return x.iter_mut().zip(row).for_each(|(x, row)| *x += row) };
    let kernels = kernels / axis.kernel;
    let (inside, first) = axis.inside(k / kernels);
    let step = row.len() / axis.out();
    let row = &row[inside.start * step..inside.end * step];
    let from = first * (x.len() / axis.size);
    let x = x.get_mut(from..).unwrap_or(&mut []);
    if !rest.is_empty() {
        let inner = rest.iter().map(|a| a.size).product::<usize>();
        for (row, x) in row.chunks_exact(step).zip(x.chunks_exact_mut(inner).step_by(axis.stride)) {
            scatter(row, rest, kernels, k % kernels, x);
        }
    } else if axis.stride == 1 {
        x.iter_mut().zip(row).for_each(|(x, row)| *x += row);
    } else {
        x.iter_mut().step_by(axis.stride).zip(row).for_each(|(x, row)| *x += row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element against the definition, and col2im as the transposed map: <im2col x, c> = <x, col2im c>.
    #[test]
    fn by_definition() {
        let axis = |size, kernel, pad, stride, dilation| Axis { size, kernel, pad, stride, dilation };
        let cases: &[&[Axis]] = &[
            &[axis(7, 3, 0, 2, 1)],
            &[axis(6, 3, 1, 1, 1), axis(5, 2, 2, 3, 2)],
            &[axis(2, 4, 3, 2, 1), axis(3, 2, 4, 1, 3)],
            &[axis(4, 2, 1, 1, 1), axis(5, 3, 0, 2, 1), axis(3, 2, 1, 1, 2)],
        ];
        for axes in cases {
            let size: usize = axes.iter().map(|a| a.size).product();
            let (outs, kernels) = sizes(axes);
            let x: Vec<f32> = (1..=2 * size).map(|i| i as f32).collect();
            let mut col = vec![f32::NAN; 2 * outs * kernels];
            im2col(&x, axes, &mut col);
            let (mut cx, c): (f64, Vec<f32>) = (0.0, (0..col.len()).map(|i| (i % 13) as f32).collect());
            for (i, &value) in col.iter().enumerate() {
                let (channel, mut k, mut o) = (i / (outs * kernels), i / outs % kernels, i % outs);
                let (mut at, mut stride, mut inside) = (0, 1, true);
                for a in axes.iter().rev() {
                    let position = (o % a.out() * a.stride + k % a.kernel * a.dilation) as isize - a.pad as isize;
                    inside &= (0..a.size as isize).contains(&position);
                    at += position * stride;
                    (o, k, stride) = (o / a.out(), k / a.kernel, stride * a.size as isize);
                }
                let expected = if inside { x[channel * size + at as usize] } else { 0.0 };
                assert_eq!(value, expected, "element {i} of {axes:?}");
                cx += (value * c[i]) as f64;
            }
            let mut back = vec![f32::NAN; x.len()];
            col2im(&c, axes, &mut back);
            let xc: f64 = x.iter().zip(&back).map(|(x, b)| (x * b) as f64).sum();
            assert_eq!(cx, xc, "{axes:?}");
        }
    }
}
