//! # Tile: y = [x, x, ..] along an axis
//!
//! | blob        | shape                             | meaning |
//! |-------------|-----------------------------------|---------|
//! | `bottom[0]` | any                               | x       |
//! | `top[0]`    | as x, the axis `tiles` times long | y       |
//!
//! dx is the sum of the parts of dy. `tile_param { axis tiles }`: axis is 1 (channels) if not given, and may count from the
//! end (-1); tiles must be given.

use super::groups::Groups;
use crate::device::Kernels;
use crate::layer::*;
use crate::proto::LayerParameter;
use crate::{Blob, Device, Error, Result};

/// Repeats its bottom along an axis.
pub struct Tile {
    axis: i32,
    tiles: usize,
    /// The values that are repeated together.
    row: usize,
    kernels: Kernels,
}

impl Layer for Tile {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.tile_param.unwrap_or_default();
        let kernels = Kernels::new(include_str!("../../kernels/tile.cu"));
        match usize::try_from(p.tiles()) {
            Ok(tiles) if tiles > 0 => Ok(Tile { axis: p.axis(), tiles, row: 1, kernels }),
            _ => Err(Error::value("a Tile needs a number of tiles of at least 1")
                .field("tile_param.tiles")
                .hint("tiles: 2 makes the axis twice as long")),
        }
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let axis = bottom[0].axis(self.axis).map_err(|e| e.field("tile_param.axis"))?;
        self.row = Groups::of(&bottom[0], self.axis)?.row();
        let mut shape = bottom[0].shape().to_vec();
        shape[axis] *= self.tiles; // both are below 2^31
        top[0].reshape(&shape).map_err(|e| e.field("tile_param.tiles"))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, y, row, tiles) = (&bottom[0].data, &mut top[0].data, self.row, self.tiles);
        match cx.device {
            Device::Cpu(_) => {
                for (x, y) in x.slice().chunks_exact(row).zip(y.slice_mut().chunks_exact_mut(row * tiles)) {
                    y.chunks_exact_mut(row).for_each(|y| y.copy_from_slice(x));
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let n = y.count();
                let args = &mut [n.into(), row.into(), tiles.into(), x.card(gpu)?, y.card_over(gpu)?];
                self.kernels.launch(gpu, "tile_forward", n, args)
            }
        }
    }

    fn backward(
        &mut self,
        cx: &Cx,
        _: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        if !propagate_down[0] {
            return Ok(());
        }
        let (dy, dx, row, tiles) = (&top[0].diff, &mut bottom[0].diff, self.row, self.tiles);
        match cx.device {
            Device::Cpu(_) => {
                let dx = dx.slice_mut();
                dx.fill(0.0);
                for (dx, dy) in dx.chunks_exact_mut(row).zip(dy.slice().chunks_exact(row * tiles)) {
                    for dy in dy.chunks_exact(row) {
                        dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
                    }
                }
                Ok(())
            }
            Device::Gpu(gpu) => {
                let n = dx.count();
                let args = &mut [n.into(), row.into(), tiles.into(), dy.card(gpu)?, dx.card_over(gpu)?];
                self.kernels.launch(gpu, "tile_backward", n, args)
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
