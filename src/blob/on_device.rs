//! What a device does with values, and how a kernel is given them.

use super::Values;
use crate::device::cpu::PIECE;
use crate::device::{Arg, CardArg, Device, Gemm, Gpu, Mat, MatMut, Stored, Trans};
use crate::memory::Side;
use crate::{Error, Result, args};

impl Values {
    /// For a kernel that writes every one: what was there is not copied to the card. See [`args!`](crate::args).
    pub fn over(&mut self) -> Arg<'_> {
        Arg::Over(self)
    }

    /// For a kernel that changes some or all.
    pub fn updated(&mut self) -> Arg<'_> {
        Arg::Updated(self)
    }
}

impl Stored for Values {
    fn to_read(&self, gpu: &Gpu) -> Result<CardArg<'_>> {
        self.card(gpu)
    }

    fn to_update(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        self.card_mut(gpu)
    }

    fn to_overwrite(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        self.card_over(gpu)
    }
}

impl Device {
    /// c = alpha op(a) op(b) + beta c, in Caffe's order: op(a) is m x k, op(b) is k x n, and op transposes or not. How
    /// the values are cut into axes does not matter, only their number.
    ///
    /// ```
    /// use cortado::{Device, Values, device::Trans};
    /// let mut x = Values::new(&[1, 2])?;
    /// x.slice_mut().copy_from_slice(&[3.0, 4.0]);
    /// let mut y = Values::new(&[1, 1])?;
    /// Device::cpu().gemm(Trans::No, Trans::Yes, 1, 1, 2, 1.0, &x, &x, 0.0, &mut y)?; // y = x x^T
    /// assert_eq!(y.scalar(), 25.0);
    /// # Ok::<(), cortado::Error>(())
    /// ```
    ///
    /// # Errors
    /// Values that are not as many as the sizes say.
    #[allow(clippy::too_many_arguments)]
    pub fn gemm(
        &self,
        trans_a: Trans,
        trans_b: Trans,
        m: usize,
        n: usize,
        k: usize,
        alpha: f32,
        a: &Values,
        b: &Values,
        beta: f32,
        c: &mut Values,
    ) -> Result {
        for (name, rows, cols, values) in [("a", m, k, a), ("b", k, n, b), ("c", m, n, &*c)] {
            if rows.checked_mul(cols) != Some(values.count()) {
                return Err(Error::shape(format!("gemm: {name} of shape {:?} is not {rows} x {cols}", values.shape())));
            }
        }
        if let Device::Gpu(gpu) = self {
            let c = if beta == 0.0 { c.over() } else { c.updated() };
            return gpu.gemm(&Gemm::new(trans_a, trans_b, m, n, k).scaled(alpha, beta), args![a, b, c]);
        }
        let mat = |x, trans, rows, cols| match trans {
            Trans::No => Mat::new(x, rows, cols),
            Trans::Yes => Mat::new(x, cols, rows).t(),
        };
        let (a, b) = (mat(a.slice(), trans_a, m, k), mat(b.slice(), trans_b, k, n));
        // Zeros that nobody has looked at are not written first.
        let beta = if c.side() == Side::Nowhere { 0.0 } else { beta };
        let c = if beta == 0.0 { c.memory_mut().host_over() } else { c.slice_mut() };
        self.host().gemm(alpha, a, b, beta, MatMut::new(c, m, n));
        Ok(())
    }

    /// y = x, value by value; their shapes may differ.
    ///
    /// # Errors
    /// They do not hold equally many values.
    pub fn copy(&self, x: &Values, y: &mut Values) -> Result {
        if x.count() != y.count() {
            return Err(Error::shape(format!("copy: x has shape {:?} and y {:?}", x.shape(), y.shape())));
        }
        match self {
            Device::Cpu(cpu) => {
                let x = x.slice();
                cpu.pieces(y.slice_mut(), PIECE, |start, y| y.copy_from_slice(&x[start..][..y.len()]));
            }
            Device::Gpu(gpu) => gpu.copy(x.memory().card(gpu)?, y.memory_mut().card_over(gpu)?, x.count())?,
        }
        Ok(())
    }

    /// Every value of y is `value`; on a GPU they are set there, wherever they were.
    pub fn fill(&self, value: f32, y: &mut Values) -> Result {
        let len = y.count();
        match self {
            Device::Cpu(_) => y.slice_mut().fill(value),
            Device::Gpu(gpu) => gpu.fill(y.memory_mut().card_over(gpu)?, len, value)?,
        }
        Ok(())
    }
}
