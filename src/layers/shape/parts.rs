//! Parts of a whole along an axis: Concat joins them, Slice cuts them apart.
//!
//! ```text
//! whole   2 x 5 x 4      axis 1: rows of 20 values
//! parts   2 x 3 x 4      12 values from 0 on of each row
//!         2 x 2 x 4       8 values from 12 on
//! ```

use crate::blob::Values;
use crate::device::{Kernels, kernels};
use crate::{Blob, Device, Result, args};

const KERNELS: Kernels = kernels!("parts");

/// The parts of a whole, copied on either device.
pub(in crate::layers) struct Parts {
    places: Vec<Part>,
}

impl Parts {
    /// No parts yet.
    pub fn new() -> Parts {
        Parts { places: Vec::new() }
    }

    /// The parts make up the whole along `axis`.
    pub fn place(&mut self, whole: &Blob, parts: &[Blob], axis: usize) {
        self.places = Part::of(whole, parts, axis);
    }

    /// Copies part `i` into the whole.
    pub fn join(&mut self, device: &Device, i: usize, part: &Values, whole: &mut Values) -> Result {
        let (place, n) = (self.places[i], part.count());
        if let Device::Gpu(gpu) = device {
            let Part { row, start, len } = place;
            return KERNELS.launch(gpu, "parts_join", n, args![n, row, start, len, part, whole.over()]);
        }
        place.join(part.slice(), whole.slice_mut());
        Ok(())
    }

    /// Copies part `i` out of the whole.
    pub fn cut(&mut self, device: &Device, i: usize, whole: &Values, part: &mut Values) -> Result {
        let (place, n) = (self.places[i], part.count());
        if let Device::Gpu(gpu) = device {
            let Part { row, start, len } = place;
            return KERNELS.launch(gpu, "parts_cut", n, args![n, row, start, len, whole, part.over()]);
        }
        place.cut(whole.slice(), part.slice_mut());
        Ok(())
    }
}

/// Where a part stands in each row of the whole.
#[derive(Clone, Copy, Debug)]
pub(in crate::layers) struct Part {
    row: usize,
    start: usize,
    len: usize,
}

impl Part {
    /// The places of the parts, which make up the whole along `axis`.
    pub fn of(whole: &Blob, parts: &[Blob], axis: usize) -> Vec<Part> {
        let (row, mut start) = (whole.count_in(axis..whole.num_axes()), 0);
        let place = |part: &Blob| {
            let len = part.count_in(axis..part.num_axes());
            start += len;
            Part { row, start: start - len, len }
        };
        parts.iter().map(place).collect()
    }

    /// Copies the part into the whole.
    pub fn join(&self, part: &[f32], whole: &mut [f32]) {
        for (part, row) in part.chunks_exact(self.len.max(1)).zip(whole.chunks_exact_mut(self.row.max(1))) {
            row[self.start..self.start + self.len].copy_from_slice(part);
        }
    }

    /// Copies the part out of the whole.
    pub fn cut(&self, whole: &[f32], part: &mut [f32]) {
        for (part, row) in part.chunks_exact_mut(self.len.max(1)).zip(whole.chunks_exact(self.row.max(1))) {
            part.copy_from_slice(&row[self.start..self.start + self.len]);
        }
    }
}
