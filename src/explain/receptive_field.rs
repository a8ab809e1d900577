//! How much of the input one value of a blob sees, along each spatial axis.
//!
//! A window of `kernel` values with `dilation` d spans e = d (kernel - 1) + 1 of the bottom's values. If two neighbours of the
//! bottom are `step` inputs apart and each sees `size` inputs, then a value of the top sees size + (e - 1) step, and its
//! neighbour is stride step away. A Deconvolution runs this backwards: a value of its top comes from at most ceil(e / stride) of
//! the bottom's, and its neighbour is step / stride away. InnerProduct and global pooling see a window as large as the bottom.
//! Of several bottoms the largest counts. Windows may reach into the padding, so a field can be larger than the input.
//! Statistics over a plane (BatchNorm, MVN) are not counted, nor what a Reshape or a Crop moves about.
//!
//! ```
//! use cortado::{Net, Phase};
//! let net = Net::from_prototxt(r#"
//!     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }
//!     layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" convolution_param { num_output: 2 kernel_size: 5 } }
//!     layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
//! "#, Phase::Test)?;
//! let pool = &net.receptive_fields("pool")?[0];
//! assert_eq!((pool.size, pool.step), (6.0, 2.0));
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::Result;
use crate::layer::LayerParameter;
use crate::net::{Net, Step};
use std::collections::HashMap;

/// What one value of a blob sees of the input along one axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ReceptiveField {
    /// How many values of the input.
    pub size: f64,
    /// How far apart the fields of two neighbours are.
    pub step: f64,
}

/// A window of a layer along one axis.
#[derive(Clone, Copy)]
struct Window {
    /// From its first value to its last.
    extent: f64,
    stride: f64,
}

impl Net {
    /// The receptive field of a blob along each of the input's spatial axes; empty if its input has none.
    ///
    /// # Errors
    /// There is no such blob.
    pub fn receptive_fields(&self, blob: &str) -> Result<Vec<ReceptiveField>> {
        let last = self.versions(blob)?.ids.last().copied().unwrap_or(0);
        Ok(self.all_receptive_fields().remove(&last).unwrap_or_default())
    }

    /// The receptive field of each version of each blob.
    pub(crate) fn all_receptive_fields(&self) -> HashMap<usize, Vec<ReceptiveField>> {
        let mut fields: HashMap<usize, Vec<ReceptiveField>> = HashMap::new();
        for step in &self.steps {
            let mut field: Vec<ReceptiveField> = Vec::new();
            for bottom in step.bottom.iter().filter_map(|id| fields.get(id)) {
                field.resize(field.len().max(bottom.len()), ReceptiveField { size: 1.0, step: 1.0 });
                for (mine, of_bottom) in field.iter_mut().zip(bottom) {
                    mine.size = mine.size.max(of_bottom.size);
                    mine.step = mine.step.max(of_bottom.step);
                }
            }
            for (axis, field) in field.iter_mut().enumerate() {
                *field = seen(step, self.bottom_shape(step), axis, *field);
            }
            for &top in &step.top {
                let own =
                    || vec![ReceptiveField { size: 1.0, step: 1.0 }; self.blobs[top].shape().len().saturating_sub(2)];
                fields.insert(top, if step.bottom.is_empty() { own() } else { field.clone() });
            }
        }
        fields
    }

    fn bottom_shape(&self, step: &Step) -> &[usize] {
        step.bottom.first().map_or(&[], |&id| self.blobs[id].shape())
    }
}

/// The field along spatial axis `axis` behind a layer, from the one before it.
fn seen(step: &Step, bottom: &[usize], axis: usize, before: ReceptiveField) -> ReceptiveField {
    let ReceptiveField { size, step: apart } = before;
    // What is left of the input along this axis; 1 where the bottom has no such axis any more.
    let whole = Window { extent: bottom.get(2 + axis).map_or(1.0, |&n| n.max(1) as f64), stride: 1.0 };
    let through = |w: Window| ReceptiveField { size: size + (w.extent - 1.0) * apart, step: apart * w.stride };
    let p = &step.param;
    match step.kind.as_str() {
        "Convolution" | "Im2col" => through(convolution(p, axis)),
        "Deconvolution" => {
            let w = convolution(p, axis);
            ReceptiveField { size: size + ((w.extent / w.stride).ceil() - 1.0) * apart, step: apart / w.stride }
        }
        "Pooling" if p.pooling_param.is_some_and(|p| p.global_pooling()) => through(whole),
        "Pooling" => {
            let p = p.pooling_param.unwrap_or_default();
            let kernel = p.kernel_size.or([p.kernel_h, p.kernel_w].get(axis).copied().flatten());
            let stride = p.stride.or([p.stride_h, p.stride_w].get(axis).copied().flatten());
            through(Window { extent: kernel.unwrap_or(1).into(), stride: stride.unwrap_or(1).into() })
        }
        "LRN"
            if p.lrn_param
                .as_ref()
                .is_some_and(|p| p.norm_region() == crate::proto::lrn_parameter::NormRegion::WithinChannel) =>
        {
            let size = p.lrn_param.as_ref().map_or(1, |p| p.local_size());
            through(Window { extent: size.into(), stride: 1.0 })
        }
        "InnerProduct" | "SPP" | "Reduction" => through(whole),
        _ => before,
    }
}

/// The window of a convolution along a spatial axis.
fn convolution(p: &LayerParameter, axis: usize) -> Window {
    let Some(p) = &p.convolution_param else { return Window { extent: 1.0, stride: 1.0 } };
    let of = |all: &[u32], hw: [Option<u32>; 2]| {
        let own = all.get(axis).or(all.first()).copied().or(hw.get(axis).copied().flatten());
        f64::from(own.unwrap_or(1))
    };
    let (kernel, stride) = (of(&p.kernel_size, [p.kernel_h, p.kernel_w]), of(&p.stride, [p.stride_h, p.stride_w]));
    Window { extent: of(&p.dilation, [None; 2]) * (kernel - 1.0) + 1.0, stride }
}
