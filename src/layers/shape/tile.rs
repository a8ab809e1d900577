//! # Tile: y = [x, x, ..] along an axis
//!
//! | blob        | shape                             | meaning |
//! |-------------|-----------------------------------|---------|
//! | `bottom[0]` | any                               | x       |
//! | `top[0]`    | as x, the axis `tiles` times long | y       |
//!
//! dx is the sum of the parts of dy. `tile_param { axis tiles }`: axis is 1 (channels) if not given, and may count from
//! the end (-1); tiles must be given.

use crate::layer::*;
use crate::layers::groups::Groups;

const KERNELS: Kernels = kernels!("tile");

/// Repeats its bottom along an axis.
pub struct Tile {
    axis: i32,
    tiles: usize,
    /// The values that are repeated together.
    row: usize,
}

impl Layer for Tile {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.tile_param.unwrap_or_default();
        match usize::try_from(p.tiles()) {
            Ok(tiles) if tiles > 0 => Ok(Tile { axis: p.axis(), tiles, row: 1 }),
            _ => Err(Error::value("a Tile needs a number of tiles of at least 1")
                .field("tile_param.tiles")
                .hint("tiles: 2 makes the axis twice as long")),
        }
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
        if let Device::Gpu(gpu) = cx.device {
            let n = y.count();
            return KERNELS.launch(gpu, "tile_forward", n, args![n, row, tiles, x, y.over()]);
        }
        for (x, y) in x.slice().chunks_exact(row).zip(y.slice_mut().chunks_exact_mut(row * tiles)) {
            y.chunks_exact_mut(row).for_each(|y| y.copy_from_slice(x));
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, dx, row, tiles) = (&top[0].diff, &mut bottom[0].diff, self.row, self.tiles);
        if let Device::Gpu(gpu) = cx.device {
            let n = dx.count();
            return KERNELS.launch(gpu, "tile_backward", n, args![n, row, tiles, dy, dx.over()]);
        }
        let dx = dx.slice_mut();
        dx.fill(0.0);
        for (dx, dy) in dx.chunks_exact_mut(row).zip(dy.slice().chunks_exact(row * tiles)) {
            for dy in dy.chunks_exact(row) {
                dx.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy);
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }
}
