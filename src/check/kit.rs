//! The test kit: all the checks that this crate's layers pass, in one call, for your own layer.
//!
//! ```
//! # use cortado::{Blob, Result, layer::*, proto::LayerParameter};
//! # struct Square;
//! # impl Layer for Square {
//! #     fn new(_: &LayerParameter) -> Result<Self> { Ok(Square) }
//! #     fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
//! #         let (x, y) = (bottom[0].data.slice(), top[0].data.slice_mut());
//! #         y.iter_mut().zip(x).for_each(|(y, x)| *y = x * x);
//! #         Ok(())
//! #     }
//! #     fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
//! #         let (x, dx) = (bottom[0].data.slice(), bottom[0].diff.slice_mut());
//! #         dx.iter_mut().zip(x).zip(top[0].diff.slice()).for_each(|((dx, x), dy)| *dx = 2.0 * x * dy);
//! #         Ok(())
//! #     }
//! # }
//! use cortado::check;
//!
//! let report = check::layer::<Square>("", &[&[2, 3]]).naive(|x, _| vec![x[0].mapv(|x| x * x)]).run()?;
//! println!("{report}");
//! # Ok::<(), cortado::Error>(())
//! ```

use super::{Fill, Gradient, Harness, wrong};
use crate::layer::*;
use crate::proto::{LayerParameter, text};
use crate::show::Table;
use crate::{Device, Error, Layers, Result};
use ndarray::ArrayD;
use std::fmt;
use std::sync::Arc;

/// How many random shapes the layer is given.
const SHAPES: usize = 10;

/// Computes the expected tops from bottoms and parameters, in f64.
type Naive = dyn Fn(&[ArrayD<f64>], &[ArrayD<f64>]) -> Vec<ArrayD<f64>> + Send + Sync;

type Check = fn(&Kit) -> Result<Outcome>;

/// The checks, in the order in which they run.
const CHECKS: &[(&str, Check)] = &[
    ("formula", Kit::formula),
    ("slope", Kit::slope),
    ("ten shapes", Kit::reshapes),
    ("prototxt", Kit::prototxt),
    ("weights", Kit::weights),
    ("threads", Kit::threads),
    ("on a GPU", Kit::on_gpu),
    ("in place", Kit::in_place),
];

/// A layer, and how to try it. Made by [`layer()`] or [`Kit::new`]; each method changes one thing.
#[derive(Clone)]
pub struct Kit {
    pub(super) layers: Layers,
    pub(super) param: Result<LayerParameter>,
    /// Sets of shapes, one shape for each bottom.
    pub(super) shapes: Vec<Vec<Vec<usize>>>,
    fill: Vec<(usize, Fill)>,
    fill_params: Vec<(usize, Fill)>,
    phase: Option<Phase>,
    naive: Option<Arc<Naive>>,
    pub(super) tolerance: f64,
    gradient: Option<Gradient>,
    pub(super) device: Device,
}

/// The outcome of one check.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// All was right; the text says what was seen.
    Passed(String),
    /// There was nothing to try, and the text says why.
    NotTried(String),
    /// Something was wrong.
    Failed(Error),
}

/// The outcomes of all checks; prints as a small table.
#[derive(Clone, Debug)]
pub struct LayerReport {
    /// The layer's type.
    pub layer: String,
    /// The checks' names and outcomes, in the order in which they were made.
    pub checks: Vec<(&'static str, Outcome)>,
}

/// The test kit for the layer type `L`: the layer that `prototxt` describes, as in a net's `layer { .. }`, with bottoms
/// of these shapes. Nothing runs before [`Kit::run`] or [`Kit::report`]. A `type` may be left out.
pub fn layer<L: Layer>(prototxt: &str, bottom_shapes: &[&[usize]]) -> Kit {
    let name = std::any::type_name::<L>().split('<').next().and_then(|path| path.rsplit("::").next());
    let parsed = text::parse::<LayerParameter>(prototxt, "the layer's prototxt");
    let param = parsed.map(|parsed| {
        let mut param = parsed.message;
        param.r#type.get_or_insert_with(|| name.unwrap_or("Layer").into());
        param
    });
    let mut layers = Layers::caffe();
    layers.add::<L>(param.as_ref().map_or("", |param| param.r#type()));
    Kit::of(layers, param, bottom_shapes)
}

impl Kit {
    /// The kit for the layer that `layers` makes of `param`.
    pub fn new(layers: &Layers, param: &LayerParameter, bottom_shapes: &[&[usize]]) -> Kit {
        Kit::of(layers.clone(), Ok(param.clone()), bottom_shapes)
    }

    fn of(layers: Layers, param: Result<LayerParameter>, bottom_shapes: &[&[usize]]) -> Kit {
        let named = |mut param: LayerParameter| {
            param.name.get_or_insert_with(|| "layer".into());
            param
        };
        Kit {
            layers,
            param: param.map(named),
            shapes: vec![bottom_shapes.iter().map(|shape| shape.to_vec()).collect()],
            fill: Vec::new(),
            fill_params: Vec::new(),
            phase: None,
            naive: None,
            tolerance: 1e-5,
            gradient: Some(Gradient::default()),
            device: Device::cpu_with_threads(1),
        }
    }

    /// Further shapes, one for each bottom: formula and slope are also tried on these.
    pub fn shapes(mut self, bottom_shapes: &[&[usize]]) -> Kit {
        self.shapes.push(bottom_shapes.iter().map(|shape| shape.to_vec()).collect());
        self
    }

    /// The values of bottom `i`; the default is uniform from -1 to 1.
    pub fn fill(mut self, i: usize, fill: Fill) -> Kit {
        self.fill.push((i, fill));
        self
    }

    /// The values of parameter `i`; the default is uniform from -1 to 1, or what `setup` made if no solver trains it.
    pub fn fill_param(mut self, i: usize, fill: Fill) -> Kit {
        self.fill_params.push((i, fill));
        self
    }

    /// The phase; at first the message's, or TRAIN if it names none.
    pub fn phase(mut self, phase: Phase) -> Kit {
        self.phase = Some(phase);
        self
    }

    /// The formula as plain loops: it computes the expected tops from bottoms and parameters.
    pub fn naive(
        mut self,
        naive: impl Fn(&[ArrayD<f64>], &[ArrayD<f64>]) -> Vec<ArrayD<f64>> + Send + Sync + 'static,
    ) -> Kit {
        self.naive = Some(Arc::new(naive));
        self
    }

    /// The allowed difference from the formula, relative to the larger of it and 1; at first 1e-5.
    pub fn tolerance(mut self, tolerance: f64) -> Kit {
        self.tolerance = tolerance;
        self
    }

    /// How to check the slope; `None` if the layer has none.
    pub fn gradient(mut self, how: impl Into<Option<Gradient>>) -> Kit {
        self.gradient = how.into();
        self
    }

    /// Where the layer runs while formula, slope and shapes are checked; at first the CPU, with one thread.
    pub fn device(mut self, device: &Device) -> Kit {
        self.device = device.clone();
        self
    }

    /// Makes every check.
    ///
    /// # Errors
    /// The first check that failed, with the layer's type; the others are in [`Kit::report`].
    pub fn run(&self) -> Result<LayerReport> {
        let report = self.report();
        let first = report.failed().next().map(|(_, e)| e.clone().layer(&report.layer));
        first.map_or(Ok(report), Err)
    }

    /// Makes every check and reports all, also those that failed.
    pub fn report(&self) -> LayerReport {
        let layer = self.param.as_ref().map_or("", |param| param.r#type()).to_string();
        let checks = match self.bench() {
            Ok(bench) if bench.layer.is_source() => {
                vec![("setup", Outcome::NotTried("a layer that reads data: the next pass has other values".into()))]
            }
            Ok(_) => CHECKS.iter().map(|(name, check)| (*name, check(self).unwrap_or_else(Outcome::Failed))).collect(),
            Err(e) => vec![("setup", Outcome::Failed(e))],
        };
        LayerReport { layer, checks }
    }

    /// Forward is the formula, on all the shapes that were given.
    ///
    /// # Errors
    /// The first value that differs.
    pub fn formula(&self) -> Result<Outcome> {
        let Some(naive) = &self.naive else { return Ok(Outcome::NotTried("no formula was given".into())) };
        let mut values = 0;
        for set in &self.shapes {
            let mut bench = self.bench_for(set)?;
            bench.check_forward(|x, w| naive(x, w), self.tolerance)?;
            values += bench.top.iter().map(|top| top.count()).sum::<usize>();
        }
        Ok(Outcome::Passed(format!("{values} values equal, within {:.0e}", self.tolerance)))
    }

    /// Backward is the slope of forward, on all the shapes that were given.
    ///
    /// # Errors
    /// See [`Harness::check_gradient`].
    pub fn slope(&self) -> Result<Outcome> {
        let Some(how) = &self.gradient else { return Ok(Outcome::NotTried("the layer has no slope to check".into())) };
        let mut worst: Option<super::Report> = None;
        for set in &self.shapes {
            let new = self.bench_for(set)?.check_gradient(how)?;
            worst = Some(match worst {
                None => new,
                Some(old) => {
                    let (compared, skipped) = (old.compared + new.compared, old.skipped + new.skipped);
                    super::Report { compared, skipped, ..if new.worst > old.worst { new } else { old } }
                }
            });
        }
        Ok(Outcome::Passed(worst.map_or(String::new(), |report| report.to_string())))
    }

    /// One layer, reshaped to the given shapes and ten random ones in turn, behaves at each like a fresh layer.
    ///
    /// # Errors
    /// The first value that differs; an error of the reshaped layer.
    pub fn reshapes(&self) -> Result<Outcome> {
        let random = self.random_shapes(SHAPES)?;
        let sets = self.fitting_shapes()?.into_iter().chain(random.iter().cloned()).collect::<Vec<_>>();
        let sets: Vec<Vec<&[usize]>> = sets.iter().map(|set| slices(set)).collect();
        let sets: Vec<&[&[usize]]> = sets.iter().map(Vec::as_slice).collect();
        Harness::check_reshape(&self.layers, &self.param.clone()?, &sets, |bench| self.prepare(bench))?;
        let sizes = random.iter().map(|set| set.iter().map(|shape| shape.iter().product::<usize>()).sum::<usize>());
        Ok(match (sizes.clone().min(), sizes.max()) {
            (Some(least), Some(most)) => {
                Outcome::Passed(format!("{} random shapes of {least} to {most} values, as a fresh layer", random.len()))
            }
            _ if sets[0].is_empty() => Outcome::NotTried("the layer has no bottoms".into()),
            _ => Outcome::NotTried("no other shapes fit the layer".into()),
        })
    }

    /// One thread and two give the same bits.
    ///
    /// # Errors
    /// The first value that differs.
    pub fn threads(&self) -> Result<Outcome> {
        self.shapes.iter().try_for_each(|set| self.bench_for(set)?.check_threads())?;
        Ok(Outcome::Passed("1 thread and 2: the same bits".into()))
    }

    /// The layer with the first of the shapes, filled.
    ///
    /// # Errors
    /// What the layer refuses.
    pub fn bench(&self) -> Result<Harness> {
        self.bench_for(self.shapes.first().ok_or_else(|| wrong("no shapes to try".into()))?)
    }

    /// The name under which the layer draws its random numbers.
    pub(super) fn layer_name(&self) -> String {
        self.param.as_ref().map_or(String::new(), |param| param.name().to_string())
    }

    pub(super) fn bench_for(&self, set: &[Vec<usize>]) -> Result<Harness> {
        let mut bench = Harness::create(&self.layers, &self.param.clone()?, &slices(set))?;
        self.prepare(&mut bench);
        Ok(bench)
    }

    /// Sets device and phase, and fills bottoms and parameters.
    fn prepare(&self, bench: &mut Harness) {
        bench.device = self.device.clone();
        bench.phase = self.phase.unwrap_or(bench.phase);
        let given = |list: &[(usize, Fill)], i| list.iter().rev().find(|(k, _)| *k == i).map(|(_, fill)| *fill);
        let usual = Fill::Uniform(-1.0, 1.0);
        (0..bench.bottom.len()).for_each(|i| bench.fill(i, given(&self.fill, i).unwrap_or(usual)));
        for i in 0..bench.params.len() {
            if let Some(fill) = given(&self.fill_params, i).or(bench.trained[i].then_some(usual)) {
                bench.fill_param(i, fill);
            }
        }
    }
}

impl LayerReport {
    /// The checks that failed, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&'static str, &Error)> {
        self.checks.iter().filter_map(|(name, outcome)| match outcome {
            Outcome::Failed(e) => Some((*name, e)),
            _ => None,
        })
    }

    /// Whether no check failed.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }
}

impl fmt::Display for LayerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&[&self.layer, "", "what was seen"]);
        for (name, outcome) in &self.checks {
            let (mark, text) = match outcome {
                Outcome::Passed(text) => ("passed", text.as_str()),
                Outcome::NotTried(text) => ("-", text.as_str()),
                Outcome::Failed(e) => ("FAILED", e.message()),
            };
            table.row([name.to_string(), mark.into(), text.into()]);
        }
        write!(f, "{table}")
    }
}

/// The shapes as a harness takes them.
fn slices(shapes: &[Vec<usize>]) -> Vec<&[usize]> {
    shapes.iter().map(Vec::as_slice).collect()
}
