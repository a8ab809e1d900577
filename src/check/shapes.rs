//! Other shapes that a layer takes, found by trying.
//!
//! From the shapes that were given, some sizes are changed at random: all equal ones together (the N of scores and
//! labels), or those on one axis (the channels of a Concat), or each by itself, or an axis of all bottoms by one
//! factor. What the layer refuses is dropped, and so are shapes for which it would need parameters of another shape.

use super::{Harness, Kit};
use crate::Result;
use crate::random::Random;

/// The number of proposals tried for each random shape.
const TRIES: usize = 200;

/// A shape for each bottom.
pub(super) type Shapes = Vec<Vec<usize>>;

impl Kit {
    /// Up to `n` sets of random shapes that fit the layer and its parameters, each of the same ranks as one of those
    /// given. They differ from those given and from each other.
    ///
    /// # Errors
    /// The layer cannot be made for the shapes that were given.
    pub fn random_shapes(&self, n: usize) -> Result<Vec<Vec<Vec<usize>>>> {
        let bases = self.fitting_shapes()?;
        let params = param_shapes(&self.bench_for(&bases[0])?);
        let mut found: Vec<Shapes> = Vec::new();
        if bases[0].is_empty() {
            return Ok(found);
        }
        for attempt in 0..n * TRIES {
            let set = vary(&bases[attempt % bases.len()], attempt / bases.len());
            if found.len() == n {
                break;
            }
            if !bases.contains(&set) && !found.contains(&set) && self.takes(&set, &params) {
                found.push(set);
            }
        }
        Ok(found)
    }

    /// Those of the given shapes that need the same parameters as the first.
    pub(super) fn fitting_shapes(&self) -> Result<Vec<Shapes>> {
        let benches = self.shapes.iter().map(|set| Ok((set, param_shapes(&self.bench_for(set)?))));
        let benches = benches.collect::<Result<Vec<_>>>()?;
        let fits = benches.iter().filter(|(_, params)| *params == benches[0].1);
        Ok(fits.map(|(set, _)| (*set).clone()).collect())
    }

    /// Whether a fresh layer can be made for these shapes, with parameters as before, and run.
    fn takes(&self, set: &[Vec<usize>], params: &[Vec<usize>]) -> bool {
        let bench = self.bench_for(set);
        bench.is_ok_and(|mut bench| param_shapes(&bench) == params && bench.forward().is_ok())
    }
}

fn param_shapes(bench: &Harness) -> Shapes {
    bench.params.iter().map(|p| p.shape().to_vec()).collect()
}

/// The shapes with about half of the sizes changed, in one of four ways.
fn vary(set: &[Vec<usize>], attempt: usize) -> Shapes {
    let random = Random::new(0, "shapes", attempt as u64);
    // Sizes with the same key draw the same numbers, and so stay equal.
    let draw = |[bottom, axis, size]: [usize; 3], n: usize, draw: usize| {
        let key = (bottom * crate::blob::MAX_AXES + axis) * 1024 + size % 1024;
        random.below(4 * key + draw, n)
    };
    let change = |bottom: usize, axis: usize, size: usize| {
        let key = match attempt % 4 {
            0 => [0, 0, size],
            1 => [0, axis, size],
            2 => [bottom, axis, size],
            _ => [0, axis, 0],
        };
        let most = if draw(key, 4, 1) == 0 { size + 12 } else { size + 3 }; // seldom much larger: tests stay quick
        match (draw(key, 2, 0), attempt % 4) {
            (0, _) => size,
            (_, 3) => size * (1 + draw(key, 3, 2)),
            _ => 1 + draw(key, most, 2),
        }
    };
    let axes = |b: usize, shape: &Vec<usize>| shape.iter().enumerate().map(|(a, &s)| change(b, a, s)).collect();
    set.iter().enumerate().map(|(b, shape)| axes(b, shape)).collect()
}
