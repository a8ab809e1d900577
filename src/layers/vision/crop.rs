//! # Crop: a part of x, as large as a second blob
//!
//! | blob        | shape                                            | meaning               |
//! |-------------|--------------------------------------------------|-----------------------|
//! | `bottom[0]` | any                                              | x                     |
//! | `bottom[1]` | as many axes, none from `axis` on longer         | only its shape counts |
//! | `top[0]`    | as x before `axis`, from there on as `bottom[1]` | y                     |
//!
//! `y[i, j, ..] = x[i + offset_0, j + offset_1, ..]` from `axis` on, and dx is dy at those places, 0 elsewhere. Nothing
//! depends on the values of `bottom[1]`, so its diff is 0. `crop_param { axis offset }`: axis is 2 if not given, for
//! images, and may count from the end; `offset` is given once for all cut axes or once for each, and is 0 if not given.

use crate::device::OnCard;
use crate::layer::*;
use crate::proto::CropParameter;

const KERNELS: Kernels = kernels!("crop");

/// Cuts its first bottom to the size of its second.
pub struct Crop {
    param: CropParameter,
    /// Where each row of y begins in x, and the length of a row.
    starts: Vec<usize>,
    row: usize,
    /// Size in x, size in y and offset of each axis.
    axes: Vec<i32>,
    geometry: OnCard<i32>,
}

impl Layer for Crop {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Crop {
            param: param.crop_param.clone().unwrap_or_default(),
            starts: Vec::new(),
            row: 0,
            axes: Vec::new(),
            geometry: OnCard::default(),
        })
    }

    fn arity(&self) -> Arity {
        Arity::exact(2, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, like) = (bottom[0].shape(), bottom[1].shape());
        let axis = bottom[0].axis(self.param.axis()).map_err(|e| e.field("crop_param.axis"))?;
        let offsets = self.offsets(axis, x)?;
        if like.len() != x.len() {
            return Err(Error::shape(format!("bottom[0] has shape {x:?} and bottom[1] {like:?}"))
                .field("bottom[1]")
                .hint("give both as many axes"));
        }
        let y = [&x[..axis], &like[axis..]].concat();
        for (i, ((&x_size, &size), &offset)) in x.iter().zip(&y).zip(&offsets).enumerate().skip(axis) {
            if size > x_size || offset > x_size - size {
                return Err(Error::shape(format!(
                    "axis {i}: {size} values from offset {offset} on do not fit into {x_size}; bottom[0] has shape {x:?}, \
                     and bottom[1] {like:?}"
                ))
                .field("crop_param.offset")
                .hint("make the offset smaller, or the second bottom"));
            }
        }
        top[0].reshape(&y)?;
        let axes = x.iter().zip(&y).zip(&offsets);
        self.axes = axes.flat_map(|((&x, &y), &offset)| [x, y, offset].map(|n| n as i32)).collect();
        // Axis by axis: where the first value of each row stands.
        self.row = y[y.len() - 1];
        self.starts = vec![0];
        for (i, ((&x, &y), &offset)) in x.iter().zip(&y).zip(&offsets).enumerate() {
            let steps = if i + 1 == offsets.len() { 1 } else { y };
            self.starts = self.starts.iter().flat_map(|s| (0..steps).map(move |k| s * x + offset + k)).collect();
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y) = (&bottom[0].data, &mut top[0].data);
        if let Device::Gpu(gpu) = cx.device {
            let (n, axes, geometry) = (y.count(), self.axes.len() / 3, self.geometry.hold(gpu, &self.axes)?);
            return KERNELS.launch(gpu, "crop_forward", n, args![n, axes, geometry, x, y.over()]);
        }
        let (x, y) = (x.slice(), y.slice_mut());
        for (y, &start) in y.chunks_exact_mut(self.row.max(1)).zip(&self.starts) {
            y.copy_from_slice(&x[start..start + self.row]);
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        if cx.propagate_down[0] {
            let (dy, dx) = (&top[0].diff, &mut bottom[0].diff);
            match cx.device {
                Device::Cpu(_) => {
                    let (dy, dx) = (dy.slice(), dx.slice_mut());
                    dx.fill(0.0);
                    for (dy, &start) in dy.chunks_exact(self.row.max(1)).zip(&self.starts) {
                        dx[start..start + self.row].copy_from_slice(dy);
                    }
                }
                Device::Gpu(gpu) => {
                    let (n, axes, geometry) = (dx.count(), self.axes.len() / 3, self.geometry.hold(gpu, &self.axes)?);
                    KERNELS.launch(gpu, "crop_backward", n, args![n, axes, geometry, dy, dx.over()])?;
                }
            }
        }
        if cx.propagate_down[1] {
            cx.device.fill(0.0, &mut bottom[1].diff)?;
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}

impl Crop {
    /// The offset along each axis of x; 0 before `axis`.
    fn offsets(&self, axis: usize, x: &[usize]) -> Result<Vec<usize>> {
        let (mut offsets, cut) = (vec![0; x.len()], x.len() - axis);
        match self.param.offset[..] {
            [] => {}
            [all] => offsets[axis..].fill(all as usize),
            ref each if each.len() == cut => offsets[axis..].iter_mut().zip(each).for_each(|(o, e)| *o = *e as usize),
            ref each => {
                let message =
                    format!("offset is given {} times for the {cut} axes from {axis} on of {x:?}", each.len());
                return Err(Error::shape(message)
                    .field("crop_param.offset")
                    .hint("give it once for all axes, or once for each"));
            }
        }
        Ok(offsets)
    }
}
