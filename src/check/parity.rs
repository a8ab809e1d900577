//! A GPU gives what the CPU gives.

use super::{Harness, Kit, Left, Outcome, index, wrong};
use crate::device::Gpu;
use crate::memory::Side;
use crate::{Device, Result};

impl Kit {
    /// A GPU gives what the CPU gives, on all the shapes that were given. The GPU is the one that `CORTADO_DEVICE`
    /// names, or else the emulated one. A layer without kernels counts as not tried: the CPU does its work.
    ///
    /// # Errors
    /// The first value that differs; what the GPU refuses.
    pub fn on_gpu(&self) -> Result<Outcome> {
        let gpu = match Device::best() {
            Ok(Device::Gpu(gpu)) => gpu,
            _ => Gpu::new(crate::device::emulator::Emulator::new()),
        };
        if let Err(e) = gpu.compile("extern \"C\" __global__ void nothing() {}") {
            return Ok(Outcome::NotTried(e.message().into()));
        }
        let (mut values, mut by_host, tolerance) = (0, None, self.tolerance.max(1e-5));
        for set in &self.shapes {
            let expected = self.bench_for(set)?.device(&Device::cpu_with_threads(1)).pass()?;
            let mut bench = self.bench_for(set)?.device(&Device::Gpu(gpu.clone()));
            let (given, host) = bench.pass_on(&gpu)?;
            expected.close(&given, tolerance)?;
            by_host = by_host.or(host);
            values += expected.0.iter().map(|(.., values)| values.len()).sum::<usize>();
        }
        Ok(match by_host {
            Some(what) => Outcome::NotTried(format!("the CPU does the layer's work: {what}")),
            None => Outcome::Passed(format!("{values} values as on the CPU, within {tolerance:.0e}")),
        })
    }
}

impl Harness {
    /// A pass on a GPU, and the part of it that ran on the host, if any.
    fn pass_on(&mut self, gpu: &Gpu) -> Result<(Left, Option<String>)> {
        let mut by_host = None;
        self.clear_diffs();
        self.all_to_card(gpu)?;
        self.layer.reshape(&self.bottom, &mut self.top)?; // the host keeps the shapes: Filter looks at its selector
        let copies = gpu.counts().downloads;
        self.forward()?;
        if let Some(i) = self.top.iter().position(|top| top.count() > 0 && top.data.side() == Side::Host) {
            by_host = Some(format!("forward writes top {i} there"));
        } else if gpu.counts().downloads > copies {
            by_host = Some("forward reads something there".to_string());
        }
        self.random_diffs();
        self.all_to_card(gpu)?;
        let copies = gpu.counts().downloads;
        self.backward()?;
        let diffs = self.bottom.iter().enumerate().filter(|(i, b)| self.layer.propagates(*i) && b.count() > 0);
        if let Some((i, _)) = { diffs }.find(|(_, b)| b.diff.side() == Side::Host) {
            by_host.get_or_insert(format!("backward writes the diff of bottom {i} there"));
        } else if gpu.counts().downloads > copies {
            by_host.get_or_insert("backward reads something there".to_string());
        }
        Ok((self.left(), by_host))
    }

    /// Moves all values from the host to the GPU, so that each later access from the host counts as a copy.
    fn all_to_card(&mut self, gpu: &Gpu) -> Result {
        let blobs = self.bottom.iter_mut().chain(&mut self.params).chain(&mut self.top);
        { blobs }.flat_map(|b| [&mut b.data, &mut b.diff]).try_for_each(|values| values.card_mut(gpu).map(drop))
    }
}

impl Left {
    /// Whether the other holds the same, within a share of each blob's largest value (or of 1).
    fn close(&self, other: &Left, tolerance: f64) -> Result {
        for ((name, shape, a), (_, other_shape, b)) in self.0.iter().zip(&other.0) {
            if shape != other_shape {
                return Err(wrong(format!("{name} has shape {shape:?} on the CPU and {other_shape:?} on the GPU")));
            }
            let largest = a.iter().filter(|a| a.is_finite()).fold(1.0, |m: f32, a| m.max(a.abs()));
            let same = |a: f32, b: f32| {
                a == b || a.is_nan() && b.is_nan() || ((a - b).abs() as f64) <= tolerance * largest as f64
            };
            if let Some(k) = (0..a.len()).find(|&k| !same(a[k], b[k])) {
                let at = index(shape, k);
                return Err(wrong(format!("{name}{at:?} is {:e} on the CPU and {:e} on the GPU", a[k], b[k])));
            }
        }
        Ok(())
    }
}
