//! How many multiplications, each with its addition, the layers' matrix products take in one forward pass.
//!
//! Each weight is used once at each position: of the top in Convolution and InnerProduct, of the bottom in Deconvolution, at each
//! time of each sequence in RNN and LSTM. Additions of a bias, and layers that treat each value by itself, are not counted.
//!
//! ```
//! use cortado::{Net, Phase};
//! let net = Net::from_prototxt(r#"
//!     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
//!     layer { name: "conv" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 4 kernel_size: 3 } }
//! "#, Phase::Test)?;
//! assert_eq!(net.multiply_adds("conv")?, 2 * 4 * 6 * 6 * 3 * 3 * 3);
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::Result;
use crate::net::{Net, Step};

impl Net {
    /// The multiply-adds of a layer's matrix products in one forward pass of the whole batch; 0 if it has none.
    ///
    /// # Errors
    /// There is no such layer.
    pub fn multiply_adds(&self, layer: &str) -> Result<u64> {
        Ok(self.multiply_adds_of(&self.steps[self.step(layer)?]))
    }

    /// [`Net::multiply_adds`] of a layer in its place.
    pub(crate) fn multiply_adds_of(&self, step: &Step) -> u64 {
        let shape = |id: &usize| self.blobs[*id].shape();
        let count = |shape: &[usize]| shape.iter().fold(1u64, |n, &d| n.saturating_mul(d as u64));
        let weights = step.shapes.first().map_or(0, |w| count(w));
        // How often the weights are used: the values of the blob by its channels.
        let positions = |ids: &[usize], channels: usize| -> u64 {
            ids.iter().map(|id| count(shape(id)) / (channels as u64).max(1)).sum()
        };
        let first = |axis: usize| step.shapes.first().and_then(|w| w.get(axis)).copied().unwrap_or(1);
        match step.kind.as_str() {
            // The weights of both are (channels of the blob that has the positions) x ..
            "Convolution" => weights.saturating_mul(positions(&step.top, first(0))),
            "Deconvolution" => weights.saturating_mul(positions(&step.bottom, first(0))),
            "InnerProduct" => {
                let transposed = step.param.inner_product_param.as_ref().is_some_and(|p| p.transpose());
                weights.saturating_mul(positions(&step.top, first(usize::from(transposed))))
            }
            "RNN" | "LSTM" => {
                let steps = step.bottom.first().map_or(0, |id| shape(id).iter().take(2).product::<usize>());
                let matrices = step.shapes.iter().filter(|w| w.len() == 2);
                matrices.map(|w| count(w)).sum::<u64>().saturating_mul(steps as u64)
            }
            _ => 0,
        }
    }
}
