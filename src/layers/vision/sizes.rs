//! The sizes of a window along the spatial axes, as Convolution and Pooling read them.
//!
//! ```text
//! kernel_size: 3                   3 along every axis
//! kernel_size: 3 kernel_size: 5    one for each
//! kernel_h: 3 kernel_w: 5          the same for two axes
//! ```

use crate::{Error, Result};

/// The longest window along one axis, in values of the input; real ones have dozens. Tables and padding grow with it.
pub(super) const MAX_WINDOW: usize = 1 << 16;

/// A field and its two partners, the rules for them, and what the prototxt says.
pub(super) struct Sizes<'a> {
    /// The message of the layer's parameters.
    pub param: &'a str,
    /// The field for all axes, and those for height and width.
    pub names: [&'a str; 3],
    pub all: &'a [u32],
    pub hw: [Option<u32>; 2],
    /// What holds if nothing is given; without it something must be.
    pub default: Option<u32>,
    /// What holds for one of the partners if only the other is given; without it both must be.
    pub partner: Option<u32>,
    pub least: u32,
}

impl Sizes<'_> {
    /// The size along each of `n` axes.
    ///
    /// # Errors
    /// A size is missing, below `least`, given twice, or for another number of axes.
    pub fn each(&self, n: usize) -> Result<Vec<usize>> {
        let [name, name_h, name_w] = self.names;
        let wrong = |field: &str, what: String| Err(Error::value(what).field(format!("{}.{field}", self.param)));
        let values = match (self.all, self.hw) {
            ([], [None, None]) => match self.default {
                Some(value) => vec![value; n],
                None => {
                    return Err(Error::value(format!("{name} is not given"))
                        .field(self.param)
                        .hint(format!("give {name}: 3, or another size")));
                }
            },
            ([one], [None, None]) => vec![*one; n],
            (all, [None, None]) if all.len() == n => all.to_vec(),
            (all, [None, None]) => {
                return wrong(name, format!("{name} is given {} times for {n} spatial axes", all.len()))
                    .map_err(|e| e.hint("give it once for all axes, or once for each"));
            }
            ([], hw) if n == 2 => match [hw[0].or(self.partner), hw[1].or(self.partner)] {
                [Some(h), Some(w)] => vec![h, w],
                given => {
                    let (there, missing) = if given[0].is_some() { (name_h, name_w) } else { (name_w, name_h) };
                    return wrong(there, format!("{there} is given without {missing}"))
                        .map_err(|e| e.hint(format!("give both, or {name} for all axes")));
                }
            },
            ([], _) => {
                return wrong(name_h, format!("{name_h} and {name_w} are for 2 spatial axes, not {n}"))
                    .map_err(|e| e.hint(format!("give {name} instead")));
            }
            _ => {
                return wrong(name, format!("both {name} and {name_h} or {name_w} are given"))
                    .map_err(|e| e.hint("keep one or the other"));
            }
        };
        if values.iter().any(|&v| v < self.least) {
            let field = if self.all.is_empty() && self.hw != [None; 2] { name_h } else { name };
            return wrong(field, format!("{name} must not be 0")).map_err(|e| e.hint("give 1 or more"));
        }
        Ok(values.into_iter().map(|v| v as usize).collect())
    }
}

/// How a division with a remainder is rounded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    Down,
    Up,
}

/// How many windows fit along an axis, as a sum for people: `(28 + 2*0 - 5)/1 + 1 = 24`.
pub(super) fn fit([size, pad, kernel, dilation, stride, out]: [usize; 6], round: Round) -> String {
    let extent = match dilation {
        1 => kernel.to_string(),
        _ => format!("({dilation}*({kernel} - 1) + 1)"),
    };
    let (room, stride) = ((size + 2 * pad) as i64 - (dilation * (kernel - 1) + 1) as i64, stride as i64);
    let steps = format!("({size} + 2*{pad} - {extent})/{stride}");
    let (steps, windows) = match round {
        _ if room % stride == 0 => (steps, room / stride + 1),
        Round::Down => (format!("floor({steps})"), room.div_euclid(stride) + 1),
        Round::Up => (format!("ceil({steps})"), room.div_euclid(stride) + 2),
    };
    let less = if windows > out as i64 { " - 1, as the last window would start beyond the input," } else { "" };
    format!("{steps} + 1{less} = {out}")
}

/// The sum for each axis from `first` on, in words; only one if all are the same.
pub(super) fn along(first: usize, sums: &[String]) -> String {
    match sums {
        [one, rest @ ..] if !rest.is_empty() && rest.iter().all(|sum| sum == one) => format!("along each axis {one}"),
        _ => {
            let lines = sums.iter().enumerate().map(|(i, sum)| format!("along axis {} {sum}", first + i));
            lines.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Refuses a window that is too long to be of any use.
pub(super) fn check_window(extent: usize, field: &str) -> Result {
    if extent <= MAX_WINDOW {
        return Ok(());
    }
    Err(Error::shape(format!("a window of {extent} values along one axis; at most {MAX_WINDOW} are possible"))
        .field(field)
        .hint("make the kernel or its dilation smaller; an InnerProduct or global pooling sees a whole image"))
}
