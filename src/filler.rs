//! Fillers: the initial values of learnable blobs.
//!
//! A filler is named in the prototxt, `weight_filler { type: "xavier" }`, and found in the table [`FILLERS`]. With
//! fan_in = `count / shape[0]` the number of inputs of a unit, fan_out = `count / shape[1]` the number of units that an
//! input reaches, and n one of the two or their mean (`variance_norm`):
//!
//! | type                | values                                                                    |
//! |---------------------|---------------------------------------------------------------------------|
//! | constant            | `value`                                                                   |
//! | uniform             | uniform in [`min`, `max`)                                                 |
//! | gaussian            | normal (`mean`, `std`); with `sparse` s, an input reaches about s units   |
//! | positive_unitball   | uniform in [0, 1), then each unit's values divided by their sum           |
//! | xavier              | uniform in [-a, a), a = sqrt(3 / n) (Glorot and Bengio 2010)              |
//! | msra                | normal with std sqrt(2 / n) (He et al. 2015)                              |
//! | bilinear            | the kernel of bilinear interpolation, for a Deconvolution that enlarges   |
//!
//! ```
//! use cortado::{Blob, filler, proto::FillerParameter, random::Random};
//! let mut w = Blob::new(&[500, 800])?;
//! let xavier = FillerParameter { r#type: Some("xavier".into()), ..Default::default() };
//! filler::fill(&xavier, &Random::new(0, "ip1", 0), &mut w)?;
//! assert!(w.data.slice().iter().all(|w| w.abs() <= (3.0f32 / 800.0).sqrt()));
//! # Ok::<(), cortado::Error>(())
//! ```

use crate::device::Cpu;
use crate::proto::{FillerParameter, filler_parameter::VarianceNorm};
use crate::random::{Draw, Random, unit};
use crate::{Blob, Error, Kind, Result};

type Fill = fn(&FillerParameter, &Draw, &mut Blob) -> Result;

/// Prototxt type and the function that fills.
#[rustfmt::skip]
pub const FILLERS: &[(&str, Fill)] = &[
    ("constant",          constant),
    ("uniform",           uniform),
    ("gaussian",          gaussian),
    ("positive_unitball", positive_unitball),
    ("xavier",            xavier),
    ("msra",              msra),
    ("bilinear",          bilinear),
];

/// The first values of a learnable blob, still to be drawn: those that a file holds need not be.
#[derive(Clone, Debug)]
pub struct Filler {
    /// What the prototxt says.
    pub param: FillerParameter,
    /// Where the values come from.
    pub random: Random,
    /// The prototxt's field, which errors name.
    pub field: &'static str,
}

impl Filler {
    /// Fills the blob's data, on the CPU's threads.
    ///
    /// # Errors
    /// As [`fill`].
    pub fn fill(&self, cpu: &Cpu, blob: &mut Blob) -> Result {
        fill_on(cpu, &self.param, &self.random, blob).map_err(|e| e.field(self.field))
    }
}

/// Fills the blob's data as `filler` says.
///
/// # Errors
/// An unknown type; a range, standard deviation or shape that the type cannot use.
pub fn fill(filler: &FillerParameter, random: &Random, blob: &mut Blob) -> Result {
    fill_on(&Cpu::new(1), filler, random, blob)
}

fn fill_on(cpu: &Cpu, filler: &FillerParameter, random: &Random, blob: &mut Blob) -> Result {
    let name = filler.r#type();
    match FILLERS.iter().find(|(n, _)| *n == name) {
        Some((_, fill)) => fill(filler, &Draw(random, cpu), blob),
        None => {
            let names: Vec<&str> = FILLERS.iter().map(|(n, _)| *n).collect();
            Err(Error::new(Kind::Unknown, format!("there is no filler \"{name}\""))
                .did_you_mean(name, names.iter().copied())
                .hint(format!("the fillers are {}", names.join(", "))))
        }
    }
}

fn constant(p: &FillerParameter, _: &Draw, w: &mut Blob) -> Result {
    w.data.fill(p.value());
    Ok(())
}

fn uniform(p: &FillerParameter, draw: &Draw, w: &mut Blob) -> Result {
    if p.min() > p.max() || !(p.max() - p.min()).is_finite() {
        return Err(Error::value(format!("uniform filler with min {} and max {}", p.min(), p.max()))
            .hint("give two finite numbers, the smaller as min"));
    }
    draw.uniform(p.min(), p.max(), w.data.slice_mut());
    Ok(())
}

fn gaussian(p: &FillerParameter, draw: &Draw, w: &mut Blob) -> Result {
    if !(p.std() >= 0.0 && p.std().is_finite() && p.mean().is_finite()) {
        return Err(Error::value(format!("gaussian filler with mean {} and std {}", p.mean(), p.std()))
            .hint("give a finite mean and a std of 0 or more: 0.01, for example"));
    }
    draw.gaussian(p.mean(), p.std(), w.data.slice_mut());
    if p.sparse.is_none() || p.sparse() == -1 {
        return Ok(());
    }
    // Each weight stays with probability sparse / outputs, so that an input reaches about `sparse` outputs.
    let outputs = w.shape().first().copied().unwrap_or(1).max(1);
    if p.sparse() < 0 {
        return Err(Error::value(format!("gaussian filler with sparse {}", p.sparse())).hint(
            "sparse is the number of outputs that each input reaches with a nonzero weight; leave it out for all",
        ));
    }
    let keep = p.sparse() as f32 / outputs as f32;
    let w = w.data.slice_mut();
    let n = w.len().div_ceil(4) * 4; // the numbers after those that made the values
    draw.0.each(n + w.len(), |i, bits| {
        if i >= n && unit(bits) >= keep {
            w[i - n] = 0.0;
        }
    });
    Ok(())
}

fn positive_unitball(_: &FillerParameter, draw: &Draw, w: &mut Blob) -> Result {
    let unit_count = (w.count() / w.num().max(1)).max(1);
    draw.uniform(0.0, 1.0, w.data.slice_mut());
    for unit in w.data.slice_mut().chunks_mut(unit_count) {
        let sum: f64 = unit.iter().map(|&x| x as f64).sum();
        if sum > 0.0 {
            unit.iter_mut().for_each(|x| *x = (*x as f64 / sum) as f32);
        }
    }
    Ok(())
}

fn xavier(p: &FillerParameter, draw: &Draw, w: &mut Blob) -> Result {
    let a = (3.0 / fan(p, w)).sqrt();
    draw.uniform(-a, a, w.data.slice_mut());
    Ok(())
}

fn msra(p: &FillerParameter, draw: &Draw, w: &mut Blob) -> Result {
    let std = (2.0 / fan(p, w)).sqrt();
    draw.gaussian(0.0, std, w.data.slice_mut());
    Ok(())
}

fn bilinear(_: &FillerParameter, _: &Draw, w: &mut Blob) -> Result {
    let &[_, _, h, k] = w.shape() else {
        return Err(Error::shape(format!("the bilinear filler needs 4 axes, not shape {:?}", w.shape()))
            .hint("it is for the kernels of a convolution; \"xavier\" fits any shape"));
    };
    if h != k {
        return Err(Error::shape(format!("the bilinear filler needs a square kernel, not {h}x{k}"))
            .hint("give kernel_size instead of kernel_h and kernel_w"));
    }
    let factor = k.div_ceil(2) as f32;
    let centre = (k as f32 - 1.0) / (2.0 * factor);
    let tent = |i: usize| 1.0 - (i as f32 / factor - centre).abs();
    for (i, w) in w.data.slice_mut().iter_mut().enumerate() {
        *w = tent(i % k) * tent(i / k % h);
    }
    Ok(())
}

/// The n of xavier and msra.
fn fan(p: &FillerParameter, w: &Blob) -> f32 {
    let count = w.count() as f32;
    let fan_in = count / w.num().max(1) as f32;
    let fan_out = count / w.channels().max(1) as f32;
    let n = match p.variance_norm() {
        VarianceNorm::FanIn => fan_in,
        VarianceNorm::FanOut => fan_out,
        VarianceNorm::Average => (fan_in + fan_out) / 2.0,
    };
    n.max(1.0)
}
