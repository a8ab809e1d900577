//! Where lines run beside a strip's rows: a lane for each blob, from the layer that makes it to the last that reads it.

use super::trace::Trace;

/// What happens in the lanes at one row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Crossing {
    /// The layer's own lane.
    pub node: usize,
    /// Lanes that come from above into the layer, and whether a gradient goes back through them.
    pub into: Vec<(usize, bool)>,
    /// Lanes that leave it downwards.
    pub out: Vec<(usize, bool)>,
    /// Lanes that pass it by.
    pub past: Vec<(usize, bool)>,
}

/// A blob version on its way down.
struct Lane {
    blob: (String, usize),
    readers: usize,
    gradient: bool,
}

/// The crossing of each layer, and how many lanes there are.
pub(super) fn lanes(trace: &Trace) -> (Vec<Crossing>, usize) {
    let mut lanes: Vec<Option<Lane>> = Vec::new();
    let mut rows = Vec::new();
    let all_bottoms = || trace.layers.iter().flat_map(|l| &l.bottoms);
    for layer in &trace.layers {
        let mut row = Crossing::default();
        for bottom in &layer.bottoms {
            let is_it = |lane: &Lane| lane.blob.0 == bottom.blob && lane.blob.1 == bottom.version;
            let Some(at) = lanes.iter().position(|lane| lane.as_ref().is_some_and(is_it)) else { continue };
            row.into.push((at, bottom.gradient));
            if let Some(lane) = &mut lanes[at] {
                lane.readers -= 1;
                if lane.readers == 0 {
                    lanes[at] = None;
                }
            }
        }
        let passing = |(at, lane): (usize, &Option<Lane>)| lane.as_ref().map(|l| (at, l.gradient));
        row.past = lanes.iter().enumerate().filter_map(passing).collect();
        let freed = row.into.iter().map(|i| i.0).filter(|&at| lanes[at].is_none()).min();
        row.node = freed.unwrap_or_else(|| first_free(&mut lanes));
        for top in &layer.tops {
            let reads = all_bottoms().filter(|b| b.blob == top.blob && b.version == top.version);
            let (readers, gradient) = reads.fold((0, false), |(n, g), b| (n + 1, g | b.gradient));
            if readers > 0 {
                let taken = lanes[row.node].is_some();
                let at = if taken { first_free(&mut lanes) } else { row.node };
                lanes[at] = Some(Lane { blob: (top.blob.clone(), top.version), readers, gradient });
                row.out.push((at, gradient));
            }
        }
        rows.push(row);
    }
    (rows, lanes.len().max(1))
}

fn first_free(lanes: &mut Vec<Option<Lane>>) -> usize {
    lanes.iter().position(Option::is_none).unwrap_or_else(|| {
        lanes.push(None);
        lanes.len() - 1
    })
}
