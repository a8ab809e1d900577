//! Blobs: the arrays that flow between layers.
//!
//! A blob is two N-dimensional arrays: `data`, the values that forward computes, and `diff`, the gradient of the loss
//! with respect to them, which backward computes. The last axis is the fastest; image batches are N x C x H x W.
//!
//! ```
//! use cortado::Blob;
//! let mut w = Blob::new(&[2, 3])?;
//! w.data.fill(1.0);
//! w.diff.fill(0.5);
//! w.data.scaled_add(-0.1, &w.diff)?; // w -= 0.1 * dw
//! assert_eq!(w.data.view()[[1, 2]], 0.95);
//! # Ok::<(), cortado::Error>(())
//! ```

mod on_device;

use crate::device::{CardArg, Gpu};
use crate::memory::{Memory, Side};
use crate::{Error, Result};
use ndarray::{ArrayBase, ArrayViewD, ArrayViewMutD, IxDyn};
use std::fmt;
use std::ops::Range;

/// The most values a blob may hold: 2^31 - 1, as in Caffe.
pub const MAX_COUNT: usize = i32::MAX as usize;
/// The most axes a blob may have, as in Caffe.
pub const MAX_AXES: usize = 32;

/// An array of f32 with a shape; half of a [`Blob`]. It starts as zeros; memory is allocated at the first use.
#[derive(Clone)]
pub struct Values {
    shape: Vec<usize>,
    memory: Memory,
}

/// Data and diff of one shape.
#[derive(Clone, Default)]
pub struct Blob {
    /// The values, which forward computes.
    pub data: Values,
    /// The gradient of the loss with respect to `data`, which backward computes.
    pub diff: Values,
}

/// The number of values of a shape.
///
/// # Errors
/// More than [`MAX_COUNT`] values or [`MAX_AXES`] axes. An axis of size 0 makes the count 0, but the product of the
/// other axes is limited all the same, since layers multiply some of them.
pub fn count(shape: &[usize]) -> Result<usize> {
    if shape.len() > MAX_AXES {
        let message = format!("a blob of {} axes; at most {MAX_AXES} are possible", shape.len());
        return Err(Error::shape(message).hint("N x C x H x W has four"));
    }
    let product = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)));
    match product.filter(|&n| n <= MAX_COUNT) {
        Some(n) => Ok(if shape.contains(&0) { 0 } else { n }),
        None => Err(Error::shape(format!("the sizes of shape {shape:?} make more than 2^31 - 1 values"))
            .hint("make one of the sizes smaller")),
    }
}

impl Values {
    /// Zeros of the given shape. `[]` is a scalar, of one value.
    pub fn new(shape: &[usize]) -> Result<Values> {
        Ok(Values { memory: Memory::new(count(shape)?), shape: shape.to_vec() })
    }

    /// The size of each axis, first axis first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of values: the product of the shape, 1 for a scalar.
    pub fn count(&self) -> usize {
        self.memory.len()
    }

    /// The values as an n-dimensional view.
    pub fn view(&self) -> ArrayViewD<'_, f32> {
        // By construction, the memory is as long as the shape requires.
        ArrayViewD::from_shape(IxDyn(&self.shape), self.slice()).expect("memory as long as the shape")
    }

    /// The values as an n-dimensional view, to be changed.
    pub fn view_mut(&mut self) -> ArrayViewMutD<'_, f32> {
        ArrayViewMutD::from_shape(IxDyn(&self.shape), self.memory.host_mut()).expect("memory as long as the shape")
    }

    /// The values in order, the last axis fastest.
    pub fn slice(&self) -> &[f32] {
        self.memory.host()
    }

    /// The values in order, to be changed.
    pub fn slice_mut(&mut self) -> &mut [f32] {
        self.memory.host_mut()
    }

    /// The memory behind the values, on the host and on cards.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The memory behind the values, to be changed.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// The values as a kernel's `In`; they are copied to the card if only the host has them.
    pub fn card(&self, gpu: &Gpu) -> Result<CardArg<'_>> {
        Ok(CardArg::In(self.memory.card(gpu)?, self.count()))
    }

    /// The values as a kernel's `Out` that changes them.
    pub fn card_mut(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        let count = self.count();
        Ok(CardArg::Out(self.memory.card_mut(gpu)?, count))
    }

    /// The values as a kernel's `Out` that writes every one: nothing is copied to the card.
    pub fn card_over(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        let count = self.count();
        Ok(CardArg::Out(self.memory.card_over(gpu)?, count))
    }

    /// Whether the current values are on the host, on a card, or on both.
    pub fn side(&self) -> Side {
        self.memory.side()
    }

    /// The values in order, as [`slice`](Values::slice) returns them. Use this for values that are written to a file.
    ///
    /// # Errors
    /// The copy from a GPU failed; `slice` returns NaN then.
    pub fn read(&self) -> Result<&[f32]> {
        self.memory.read()
    }

    /// The single value of a scalar, or the first of many.
    pub fn scalar(&self) -> f32 {
        self.slice().first().copied().unwrap_or(f32::NAN)
    }

    /// Sets every value to `x`.
    pub fn fill(&mut self, x: f32) {
        self.memory.fill(x);
    }

    /// Copies the values of `other`, on a card if possible.
    ///
    /// # Errors
    /// The shapes differ; the message names both. A copy from or to a card fails.
    pub fn copy_from(&mut self, other: &Values) -> Result {
        if other.shape != self.shape {
            return self.assign(&other.view()); // returns the error
        }
        self.memory.copy_from(&other.memory)
    }

    /// Copies the values of an ndarray.
    ///
    /// # Errors
    /// The shapes differ; the message names both.
    pub fn assign<S: ndarray::Data<Elem = f32>, D: ndarray::Dimension>(&mut self, x: &ArrayBase<S, D>) -> Result {
        if x.shape() != self.shape {
            return Err(Error::shape(format!("an array of shape {:?} does not fit into {:?}", x.shape(), self.shape))
                .hint("reshape the array, or reshape the blob and then the net"));
        }
        self.view_mut().assign(x);
        Ok(())
    }

    /// self += a * x, Caffe's `axpy`.
    ///
    /// # Errors
    /// The numbers of values differ; the message names both shapes.
    pub fn scaled_add(&mut self, a: f32, x: &Values) -> Result {
        if x.count() != self.count() {
            let message = format!("values of shape {:?} cannot be added to those of shape {:?}", x.shape, self.shape);
            return Err(Error::shape(message).hint("both need equally many values"));
        }
        self.slice_mut().iter_mut().zip(x.slice()).for_each(|(y, x)| *y += a * x);
        Ok(())
    }

    /// The sum of absolute values, added up in f64.
    pub fn asum(&self) -> f32 {
        self.slice().iter().map(|&x| x.abs() as f64).sum::<f64>() as f32
    }

    /// The sum of squares, added up in f64.
    pub fn sumsq(&self) -> f32 {
        self.sumsq_f64() as f32
    }

    /// The same before it is rounded: it may be beyond what an f32 holds.
    pub(crate) fn sumsq_f64(&self) -> f64 {
        self.slice().iter().map(|&x| (x as f64).powi(2)).sum()
    }

    /// The index of the largest value in each row of the last axis: for scores, the predicted class. The first of equal
    /// values wins; a NaN never does.
    ///
    /// ```
    /// let mut scores = cortado::Values::new(&[2, 3])?;
    /// scores.slice_mut().copy_from_slice(&[0.1, 0.7, 0.2, 5.0, 4.0, 5.0]);
    /// assert_eq!(scores.argmax(), [1, 0]);
    /// # Ok::<(), cortado::Error>(())
    /// ```
    pub fn argmax(&self) -> Vec<usize> {
        let classes = self.shape.last().copied().unwrap_or(1).max(1);
        let best = |row: &[f32]| {
            let first = (0, f32::NEG_INFINITY);
            row.iter().enumerate().fold(first, |best, (c, &x)| if x > best.1 { (c, x) } else { best }).0
        };
        self.slice().chunks_exact(classes).map(best).collect()
    }

    fn reshape(&mut self, shape: &[usize], count: usize) {
        if self.shape != shape {
            self.shape.clear();
            self.shape.extend_from_slice(shape);
            self.memory.resize(count);
        }
    }
}

impl AsRef<[f32]> for Values {
    fn as_ref(&self) -> &[f32] {
        self.slice()
    }
}

impl Default for Values {
    /// A scalar zero without an allocation, so that a blob can be lent by `mem::take`.
    fn default() -> Values {
        Values { shape: Vec::new(), memory: Memory::new(1) }
    }
}

impl Blob {
    /// Data and diff of the given shape, both zeros.
    pub fn new(shape: &[usize]) -> Result<Blob> {
        Ok(Blob { data: Values::new(shape)?, diff: Values::new(shape)? })
    }

    /// A blob with the given data.
    pub fn from_array(x: ArrayViewD<'_, f32>) -> Result<Blob> {
        let mut blob = Blob::new(x.shape())?;
        blob.data.assign(&x)?;
        Ok(blob)
    }

    /// Gives data and diff a new shape. Storage never shrinks; the values are kept unless it must grow.
    pub fn reshape(&mut self, shape: &[usize]) -> Result {
        let count = count(shape)?;
        self.data.reshape(shape, count);
        self.diff.reshape(shape, count);
        Ok(())
    }

    /// Takes the shape of another blob.
    pub fn reshape_like(&mut self, other: &Blob) -> Result {
        self.reshape(other.shape())
    }

    /// The size of each axis of data and of diff, first axis first; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        self.data.shape()
    }

    /// The number of values.
    pub fn count(&self) -> usize {
        self.data.count()
    }

    /// The product of the sizes of these axes.
    pub fn count_in(&self, axes: Range<usize>) -> usize {
        self.shape()[axes].iter().product()
    }

    /// The number of axes, 0 for a scalar.
    pub fn num_axes(&self) -> usize {
        self.shape().len()
    }

    /// The index of an axis; negative ones count from the end, -1 being the last.
    ///
    /// # Errors
    /// There is no such axis.
    pub fn axis(&self, axis: i32) -> Result<usize> {
        let n = self.num_axes() as i32;
        if (-n..n).contains(&axis) {
            return Ok(if axis < 0 { axis + n } else { axis } as usize);
        }
        Err(Error::shape(format!("axis {axis} of a blob of shape {:?}", self.shape())).hint(format!(
            "axes run from 0 to {}, or from -1 back to {}",
            n - 1,
            -n
        )))
    }

    /// The size of axis `i` of N x C x H x W; missing axes have size 1.
    fn legacy(&self, i: usize) -> usize {
        self.shape().get(i).copied().unwrap_or(1)
    }
    /// N, the size of axis 0, or 1 if there is no such axis.
    pub fn num(&self) -> usize {
        self.legacy(0)
    }
    /// C, the size of axis 1, or 1 if there is no such axis.
    pub fn channels(&self) -> usize {
        self.legacy(1)
    }
    /// H, the size of axis 2, or 1 if there is no such axis.
    pub fn height(&self) -> usize {
        self.legacy(2)
    }
    /// W, the size of axis 3, or 1 if there is no such axis.
    pub fn width(&self) -> usize {
        self.legacy(3)
    }

    /// The position in the slice of the value at `index`; missing trailing indices are 0.
    ///
    /// # Errors
    /// An index outside the shape.
    pub fn offset(&self, index: &[usize]) -> Result<usize> {
        if index.len() > self.num_axes() || index.iter().zip(self.shape()).any(|(i, d)| i >= d) {
            return Err(Error::shape(format!("index {index:?} of a blob of shape {:?}", self.shape())));
        }
        let padded = index.iter().copied().chain(std::iter::repeat(0));
        Ok(self.shape().iter().zip(padded).fold(0, |at, (d, i)| at * d + i))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.shape, self.memory.side())
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob {:?}", self.shape())
    }
}
