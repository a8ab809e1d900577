//! The loops of layers that work on each value alone, shared out among the threads.

use crate::device::cpu::PIECE;
use crate::layer::Cx;

/// y = f(x) for each value.
pub(super) fn forward(cx: &Cx, x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32 + Sync + Send) {
    cx.device.host().pieces(y, PIECE, |start, y| {
        for (y, &x) in y.iter_mut().zip(&x[start..]) {
            *y = f(x);
        }
    });
}

/// dx = f(z, dy) for each value. z is x, or y where the slope is more easily told from it.
pub(super) fn backward(cx: &Cx, z: &[f32], dy: &[f32], dx: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync + Send) {
    cx.device.host().pieces(dx, PIECE, |start, dx| {
        for ((dx, &z), &dy) in dx.iter_mut().zip(&z[start..]).zip(&dy[start..]) {
            *dx = f(z, dy);
        }
    });
}
