//! # DummyData: made-up values
//!
//! | blob     | shape                                                                    | meaning               |
//! |----------|--------------------------------------------------------------------------|-----------------------|
//! | `top[i]` | `dummy_data_param { shape }` i, or the older `num channels height width` | what its filler makes |
//!
//! Shapes and fillers are given once for all tops, or once for each; without a filler the values are 0. A constant is
//! filled in once and may then be overwritten by hand; the other fillers draw anew in every pass.

use super::input::{dims, one_or_each};
use crate::layer::*;
use crate::proto::{DummyDataParameter, FillerParameter};
use crate::random::Random;
use crate::{blob, filler};

/// Tops filled by fillers.
pub struct DummyData {
    name: String,
    /// The shape and the filler of each top.
    tops: Vec<(Vec<usize>, FillerParameter)>,
    filled: bool,
}

impl Layer for DummyData {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.dummy_data_param.clone().unwrap_or_default();
        let n = param.top.len().max(1);
        one_or_each("data_filler", p.data_filler.len(), n, true)
            .map_err(|e| e.field("dummy_data_param.data_filler"))?;
        let tops = (0..n).map(|i| Ok((shape(&p, i, n)?, of(&p.data_filler, i)))).collect::<Result<_>>()?;
        Ok(DummyData { name: param.name().into(), tops, filled: false })
    }

    fn arity(&self) -> Arity {
        Arity::range(0..=0, 1..=usize::MAX)
    }

    /// The first time it also fills every top, so that a filler that cannot work is known when the net is built.
    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        for (i, ((shape, _), y)) in self.tops.iter().zip(&mut *top).enumerate() {
            y.reshape(shape)?;
            if !self.filled {
                self.fill(i, &Random::new(0, &self.name, 0), y)?;
            }
        }
        self.filled = true;
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        for (i, ((_, filler), y)) in self.tops.iter().zip(top).enumerate() {
            if !is_constant(filler) {
                self.fill(i, &cx.random(&format!("{}/{i}", self.name)), y)?;
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn is_source(&self) -> bool {
        self.tops.iter().any(|(_, filler)| !is_constant(filler))
    }
}

impl DummyData {
    fn fill(&self, i: usize, random: &Random, y: &mut Blob) -> Result {
        filler::fill(&self.tops[i].1, random, y).map_err(|e| e.field("dummy_data_param.data_filler"))
    }
}

fn is_constant(filler: &FillerParameter) -> bool {
    filler.r#type() == "constant"
}

/// Entry `i` of a field that is given once for all tops or once for each, or the default if it is not given.
fn of<T: Clone + Default>(given: &[T], i: usize) -> T {
    given.get(i).or(given.first()).cloned().unwrap_or_default()
}

/// The shape of top `i` of `n`.
fn shape(p: &DummyDataParameter, i: usize, n: usize) -> Result<Vec<usize>> {
    let legacy = [("num", &p.num), ("channels", &p.channels), ("height", &p.height), ("width", &p.width)];
    if legacy.iter().all(|(_, given)| given.is_empty()) {
        let field = |e: Error| e.field("dummy_data_param.shape");
        one_or_each("shape", p.shape.len(), n, false).map_err(field)?;
        return dims(&of(&p.shape, i)).map_err(field);
    }
    if !p.shape.is_empty() {
        return Err(Error::new(Kind::Net, "both `shape` and the older num, channels, height and width are given")
            .field("dummy_data_param.shape")
            .hint("keep the shape alone"));
    }
    let mut shape = Vec::new();
    for (name, given) in legacy {
        one_or_each(name, given.len(), n, false).map_err(|e| e.field(format!("dummy_data_param.{name}")))?;
        shape.push(of(given, i) as usize);
    }
    blob::count(&shape).map_err(|e| e.field("dummy_data_param.num"))?;
    Ok(shape)
}
