//! Does backward give the slope of forward?
//!
//! The tops are weighted at random and added up to one number f. Backward, started with those weights as the tops'
//! diffs, must give df/dx for each x in a bottom or parameter. Finite differences give the same slope in another way:
//!
//! | step     | formula                                          | error    |
//! |----------|--------------------------------------------------|----------|
//! | h        | d1 = (f(x + h) - f(x - h)) / 2h                  | h² f'''/6 |
//! | 2h       | d2 = (f(x + 2h) - f(x - 2h)) / 4h                | four times that |
//! | both     | (4 d1 - d2) / 3 (Richardson)                     | of order h⁴ |
//!
//! Where d1 and d2 disagree there is a kink nearby (the corner of a ReLU), where no slope exists: the element is
//! skipped, and counted. If more than a tenth of a blob is skipped, the check fails.

use super::{Harness, index, propagates, wrong};
use crate::random::Random;
use crate::{Blob, Result};
use std::fmt;

/// How to check a gradient. The defaults are right for values of about 1.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// The step h.
    pub step: f32,
    /// Allowed difference, relative to the larger of the two slopes and 1.
    pub tolerance: f64,
    /// Skip inputs (not parameters) whose value is this near to this kink: `Some((kink, range))`.
    pub kink: Option<(f32, f32)>,
    /// The tops that f is made of; `None`: all, or of a loss those with a loss weight.
    pub tops: Option<Vec<usize>>,
}

impl Default for Gradient {
    fn default() -> Gradient {
        Gradient { step: 1e-2, tolerance: 1e-3, kink: None, tops: None }
    }
}

/// What a successful check saw.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// How many slopes were compared.
    pub compared: usize,
    /// How many were skipped because a kink is near.
    pub skipped: usize,
    /// The largest difference, relative to the larger of the two slopes and 1.
    pub worst: f64,
    /// Where `worst` is, as `bottom[0][1, 2]` or `params[0][3]`; `nowhere` if nothing was compared.
    pub place: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { compared, skipped, worst, place } = self;
        write!(f, "{compared} slopes compared, {skipped} skipped, worst difference {worst:.1e} at {place}")
    }
}

/// A bottom or a parameter, by its number.
#[derive(Clone, Copy)]
enum Site {
    Bottom(usize),
    Param(usize),
}

/// The diffs of all bottoms and parameters.
struct Diffs {
    bottom: Vec<Vec<f32>>,
    params: Vec<Vec<f32>>,
}

impl Harness {
    /// Compares backward with finite differences for every bottom that a gradient flows to and every parameter that is
    /// trained, at the values that the blobs hold now. Also tried is the rest of the contract: backward *sets* the
    /// bottoms' diffs, *adds to* the parameters', leaves out what `propagate_down` leaves out and nothing else, and
    /// reads no data that [`needs`](crate::Layer::needs) does not name.
    ///
    /// # Errors
    /// The first broken promise, in words; the worst wrong slope with its place and both values; more than a tenth of a
    /// blob skipped; nothing to check.
    pub fn check_gradient(&mut self, how: &Gradient) -> Result<Report> {
        let device = self.device.clone();
        device.install(|| Checker::new(self, how)?.run())
    }
}

struct Checker<'a> {
    bench: &'a mut Harness,
    how: &'a Gradient,
    /// The weights of the tops in f.
    weights: Vec<Vec<f32>>,
    /// The parameters as they are at the start: forward may write statistics.
    params: Vec<Blob>,
}

impl<'a> Checker<'a> {
    fn new(bench: &'a mut Harness, how: &'a Gradient) -> Result<Checker<'a>> {
        let params = bench.params.clone();
        bench.forward()?;
        let losses: Vec<usize> = (0..bench.top.len()).filter(|&t| bench.layer.loss_weight(t) != 0.0).collect();
        let default = if losses.is_empty() { (0..bench.top.len()).collect() } else { losses };
        let chosen = how.tops.as_ref().unwrap_or(&default);
        let weights = (0..bench.top.len()).map(|t| {
            let random = Random::new(bench.seed, &format!("weight of top {t}"), 0);
            let n = bench.top[t].count();
            if chosen.contains(&t) { (0..n).map(|k| weight(random.unit(k))).collect() } else { vec![0.0; n] }
        });
        let weights = weights.collect();
        Ok(Checker { bench, how, weights, params })
    }

    fn run(mut self) -> Result<Report> {
        let right = self.contract()?;
        let mut report = Report { compared: 0, skipped: 0, worst: 0.0, place: "nowhere".into() };
        let bottoms = (0..self.bench.bottom.len()).filter(|&i| self.bench.layer.propagates(i)).map(Site::Bottom);
        let params = (0..self.bench.params.len()).filter(|&i| self.bench.trained[i]).map(Site::Param);
        let mut wrong_slope = None;
        for site in bottoms.chain(params).collect::<Vec<_>>() {
            let (name, slopes) = match site {
                Site::Bottom(i) => (format!("bottom[{i}]"), &right.bottom[i]),
                Site::Param(i) => (format!("params[{i}]"), &right.params[i]),
            };
            let shape = self.values(site).shape().to_vec();
            let (mut compared, mut skipped) = (0, None);
            for (k, &analytic) in slopes.iter().enumerate() {
                let analytic = analytic as f64;
                let Some(numeric) = self.slope(site, k)? else {
                    skipped = Some((index(&shape, k), self.values(site).slice()[k]));
                    continue;
                };
                compared += 1;
                let difference = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0);
                if difference.is_nan() || difference >= report.worst {
                    report.worst = if difference.is_nan() { f64::INFINITY } else { difference };
                    report.place = format!("{name}{:?}", index(&shape, k));
                    wrong_slope = Some((analytic, numeric));
                }
            }
            if compared * 10 < slopes.len() * 9 {
                let n = slopes.len();
                let near = skipped.map_or(String::new(), |(at, x)| format!(", the last one near {name}{at:?}, {x}"));
                return Err(wrong(format!(
                    "only {compared} of {n} slopes of {name} could be compared: too many kinks{near}"
                ))
                .hint("choose values away from the kinks: Fill::Values(&[..])"));
            }
            report.compared += compared;
            report.skipped += slopes.len() - compared;
        }
        match wrong_slope {
            _ if report.compared == 0 => Err(wrong("there is no slope to check: no gradient flows anywhere".into())),
            Some((analytic, numeric)) if report.worst > self.how.tolerance => Err(wrong(format!(
                "backward gives {} the slope {analytic:.6}, finite differences {numeric:.6}",
                report.place
            ))),
            _ => Ok(report),
        }
    }

    /// Checks the rest of the contract, and returns the diffs that backward gives.
    fn contract(&mut self) -> Result<Diffs> {
        let all = propagates(&*self.bench.layer, self.bench.bottom.len());
        let right = self.backward(&all, 0.0, 0.0)?;
        let on = |i: usize| all[i];

        let over_garbage = self.backward(&all, f32::NAN, 0.0)?;
        same(&right, &over_garbage, on).map_err(|at| {
            wrong(format!("backward does not set the diff at {at}: it depends on what the diff held before"))
                .hint("a bottom's diff is set (=), a parameter's is added to (+=)")
        })?;

        let start = 0.5;
        let mut added = self.backward(&all, 0.0, start)?;
        added.params.iter_mut().flatten().for_each(|d| *d -= start);
        same(&right, &added, on).map_err(|at| {
            wrong(format!("backward does not add to the diff at {at}: what it held before is lost"))
                .hint("a parameter's diff is added to (+=): several layers or batches may share it")
        })?;

        // Each bottom switched off alone, then all of them: the others keep their slopes.
        let off = (0..all.len()).filter(|&i| all[i]).map(|i| {
            let mut some = all.clone();
            some[i] = false;
            some
        });
        for some in off.chain([vec![false; all.len()]]).collect::<Vec<_>>() {
            let part = self.backward(&some, 0.0, 0.0)?;
            same(&right, &part, |i| some[i])
                .map_err(|at| wrong(format!("with propagate_down {some:?} backward gives another diff at {at}")))?;
        }
        Ok(right)
    }

    /// Forward and backward, the diffs filled with `bottom` and `params` before. Data that the layer says it does not
    /// need is NaN meanwhile.
    fn backward(&mut self, propagate_down: &[bool], bottom: f32, params: f32) -> Result<Diffs> {
        self.forward()?;
        let bench = &mut *self.bench;
        bench.bottom.iter_mut().for_each(|b| b.diff.fill(bottom));
        bench.params.iter_mut().for_each(|p| p.diff.fill(params));
        for (top, weights) in bench.top.iter_mut().zip(&self.weights) {
            top.diff.slice_mut().copy_from_slice(weights);
        }
        let needs = bench.layer.needs();
        let kept: Vec<_> = bench.bottom.iter().map(|b| b.data.clone()).collect();
        if !needs.x {
            bench.bottom.iter_mut().for_each(|b| b.data.fill(f32::NAN));
        }
        if !needs.y {
            bench.top.iter_mut().for_each(|t| t.data.fill(f32::NAN));
        }
        let result = bench.backward_to(propagate_down);
        bench.bottom.iter_mut().zip(kept).for_each(|(b, kept)| b.data = kept);
        result?;
        let diffs = |blobs: &[Blob]| blobs.iter().map(|b| b.diff.slice().to_vec()).collect();
        Ok(Diffs { bottom: diffs(&bench.bottom), params: diffs(&bench.params) })
    }

    /// Forward from the parameters of the start.
    fn forward(&mut self) -> Result {
        for (i, start) in self.params.iter().enumerate().filter(|&(i, _)| !self.bench.trained[i]) {
            self.bench.params[i].data.copy_from(&start.data)?;
        }
        self.bench.forward()
    }

    /// df/dx of one value by finite differences, or `None` near a kink.
    fn slope(&mut self, site: Site, k: usize) -> Result<Option<f64>> {
        let x = self.values(site).slice()[k];
        if let (Site::Bottom(_), Some((kink, range))) = (site, self.how.kink)
            && (x - kink).abs() <= range
        {
            return Ok(None);
        }
        let d1 = self.central(site, k, x, self.how.step)?;
        let d2 = self.central(site, k, x, 2.0 * self.how.step)?;
        let smooth = (d1 - d2).abs() <= self.how.tolerance * d1.abs().max(1.0);
        Ok(smooth.then_some((4.0 * d1 - d2) / 3.0))
    }

    fn central(&mut self, site: Site, k: usize, x: f32, step: f32) -> Result<f64> {
        let (above, below) = (x + step, x - step);
        self.values(site).slice_mut()[k] = above;
        let f_above = self.objective();
        self.values(site).slice_mut()[k] = below;
        let f_below = self.objective();
        self.values(site).slice_mut()[k] = x;
        Ok((f_above? - f_below?) / (above as f64 - below as f64)) // the step as f32 could make it
    }

    /// f: the weighted sum of the tops.
    fn objective(&mut self) -> Result<f64> {
        self.forward()?;
        let terms = self.bench.top.iter().zip(&self.weights);
        let sum = |(top, w): (&Blob, &Vec<f32>)| -> f64 {
            top.data.slice().iter().zip(w).filter(|(_, w)| **w != 0.0).map(|(&y, &w)| y as f64 * w as f64).sum()
        };
        Ok(terms.map(sum).sum())
    }

    fn values(&mut self, site: Site) -> &mut crate::Values {
        match site {
            Site::Bottom(i) => &mut self.bench.bottom[i].data,
            Site::Param(i) => &mut self.bench.params[i].data,
        }
    }
}

/// A weight for f: 0.5 to 1 with either sign, so that every value counts.
fn weight(u: f32) -> f32 {
    if u < 0.5 { -0.5 - u } else { u }
}

/// Compares the diffs of all parameters and of the bottoms that are `on`; the place of the first that differs.
fn same(a: &Diffs, b: &Diffs, on: impl Fn(usize) -> bool) -> Result<(), String> {
    let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * a.abs().max(1.0);
    for (kind, a, b) in [("bottom", &a.bottom, &b.bottom), ("params", &a.params, &b.params)] {
        for i in (0..a.len()).filter(|&i| kind == "params" || on(i)) {
            // A value that is wrong in both is for the slopes to find.
            if let Some(k) = (0..a[i].len()).find(|&k| !near(a[i][k], b[i][k]) && !a[i][k].is_nan()) {
                return Err(format!("{kind}[{i}], value {k}"));
            }
        }
    }
    Ok(())
}
