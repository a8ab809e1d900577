//! How long each layer takes, and how much arithmetic it does in that time.

use super::{Net, Step};
use crate::Result;
use std::time::Instant;

/// One layer's times, in milliseconds, and its floating-point operations in one pass.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerTime {
    pub layer: String,
    pub kind: String,
    pub forward: Times,
    pub backward: Times,
    /// Multiplications and additions of matrix products; 0 for layers that have none.
    pub forward_flop: u64,
    pub backward_flop: u64,
}

/// Milliseconds of one thing, measured several times.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Times(pub Vec<f64>);

impl Times {
    pub fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The middle value; of an even number the mean of the middle two.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
        }
    }
}

impl Net {
    /// Runs forward and backward `iterations` times and takes each layer's time.
    ///
    /// # Errors
    /// The first layer's that fails.
    pub fn time_layers(&mut self, iterations: usize) -> Result<Vec<LayerTime>> {
        let mut times: Vec<LayerTime> = self.steps.iter().map(|step| self.untimed(step)).collect();
        let device = self.device().clone();
        device.install(|| {
            for _ in 0..iterations {
                self.begin_pass();
                for (i, time) in times.iter_mut().enumerate() {
                    let start = Instant::now();
                    self.forward_step(i)?;
                    time.forward.0.push(start.elapsed().as_secs_f64() * 1e3);
                }
                self.clear_param_diffs();
                for (i, time) in times.iter_mut().enumerate().rev() {
                    let start = Instant::now();
                    self.backward_step(i)?;
                    time.backward.0.push(start.elapsed().as_secs_f64() * 1e3);
                }
            }
            Ok::<(), crate::Error>(())
        })?;
        device.check()?;
        Ok(times)
    }

    fn untimed(&self, step: &Step) -> LayerTime {
        let forward_flop = self.product_flop(step);
        // Backward makes one such product for dw and one for each dx that is asked for.
        let products = match step.runs_backward {
            true => 1 + u64::from(step.propagate_down.contains(&true)),
            false => 0,
        };
        LayerTime {
            layer: step.name.clone(),
            kind: step.kind.clone(),
            forward: Times::default(),
            backward: Times::default(),
            forward_flop,
            backward_flop: products * forward_flop,
        }
    }

    /// The operations of a layer's matrix product: each weight is multiplied and added once at every position, of which
    /// there are `count / num_output` in a top.
    ///
    /// InnerProduct: `2 M N K`. Convolution: `2 N Co oh ow (Ci / group) kh kw`.
    fn product_flop(&self, step: &Step) -> u64 {
        let num_output = match (&step.param.convolution_param, &step.param.inner_product_param) {
            (Some(p), None) if step.kind == "Convolution" => p.num_output(),
            (None, Some(p)) if step.kind == "InnerProduct" => p.num_output(),
            _ => return 0,
        };
        let Some(w) = step.params.first().map(|&p| self.params.blobs[p].count() as u64) else { return 0 };
        step.top.iter().map(|&t| 2 * w * (self.blobs[t].count() as u64 / u64::from(num_output.max(1)))).sum()
    }
}
