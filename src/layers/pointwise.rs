//! The loops of layers that work on each value alone: shared out among the CPU's threads, or one thread of a card a value.

use crate::Result;
use crate::blob::Values;
use crate::device::cpu::PIECE;
use crate::device::{Arg, Cpu, Gpu, Kernels};

/// y = f(x) for each value.
pub(super) fn forward(cpu: &Cpu, x: &Values, y: &mut Values, f: impl Fn(f32) -> f32 + Sync + Send) -> Result {
    let x = x.slice();
    cpu.pieces(y.slice_mut(), PIECE, |start, y| {
        for (y, &x) in y.iter_mut().zip(&x[start..]) {
            *y = f(x);
        }
    });
    Ok(())
}

/// dx = f(z, dy) for each value. z is x, or y where the slope is more easily told from it.
pub(super) fn backward(
    cpu: &Cpu,
    z: &Values,
    dy: &Values,
    dx: &mut Values,
    f: impl Fn(f32, f32) -> f32 + Sync + Send,
) -> Result {
    let (z, dy) = (z.slice(), dy.slice());
    cpu.pieces(dx.slice_mut(), PIECE, |start, dx| {
        for ((dx, &z), &dy) in dx.iter_mut().zip(&z[start..]).zip(&dy[start..]) {
            *dx = f(z, dy);
        }
    });
    Ok(())
}

/// Kernels that have a thread for each value: `name(int n, float numbers.., In read.., Out y)`.
impl Kernels {
    /// Runs a kernel that writes every value of y.
    pub(super) fn map(&mut self, gpu: &Gpu, name: &str, numbers: &[f32], read: &[&Values], y: &mut Values) -> Result {
        let n = y.count();
        self.each(gpu, name, n, numbers, read, y.card_over(gpu)?)
    }

    /// Runs a kernel that changes the values of y.
    pub(super) fn update(
        &mut self,
        gpu: &Gpu,
        name: &str,
        numbers: &[f32],
        read: &[&Values],
        y: &mut Values,
    ) -> Result {
        let n = y.count();
        self.each(gpu, name, n, numbers, read, y.card_mut(gpu)?)
    }

    fn each(&mut self, gpu: &Gpu, name: &str, n: usize, numbers: &[f32], read: &[&Values], y: Arg) -> Result {
        let mut args = vec![Arg::from(n)];
        args.extend(numbers.iter().map(|&x| Arg::from(x)));
        for x in read {
            args.push(x.card(gpu)?);
        }
        args.push(y);
        self.launch(gpu, name, n, &mut args)
    }
}
