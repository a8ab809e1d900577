//! The first numbers of an array as an aligned table: a preview of a vector or a matrix.

use super::shape;
use super::stats::{Stats, short};
use crate::blob::Values;

/// The most rows and columns that are shown.
const ROWS: usize = 8;
const COLUMNS: usize = 10;

/// The summary line; below it the first rows and columns, if there are one or two axes and the line does not hold all.
pub(super) fn words(values: &Values) -> String {
    let x = values.slice();
    let (rows, columns) = match *values.shape() {
        [n] if n > COLUMNS => (n.div_ceil(COLUMNS), COLUMNS),
        [h, w] if h * w > 0 => (h, w),
        _ => return values.to_string(),
    };
    let matrix = values.shape().len() == 2;
    let (tall, wide) = (rows.min(ROWS), columns.min(COLUMNS));
    let shown: Vec<f32> = (0..tall).flat_map(|r| x[r * columns..].iter().take(wide)).copied().collect();
    let write = format_for(&shown);
    let cells: Vec<String> = shown.iter().map(|&v| write(v)).collect();
    let width = cells.iter().map(String::len).max().unwrap_or(0).max(2);

    let s = Stats::of(x);
    let mut text =
        format!("{}: min {}, mean {}, max {}", shape(values.shape()), short(s.min), short(s.mean), short(s.max));
    text += &if s.broken > 0 { format!(", {} not finite\n", s.broken) } else { "\n".into() };
    let side =
        rows.to_string().len().max(columns.to_string().len()).max(x.len().to_string().len() * usize::from(!matrix));
    let heads = (0..wide).map(|c| format!("  {c:>width$}")).collect::<String>();
    let dots = |cut: bool| if cut { " .." } else { "" };
    text += &format!("{:side$}{heads}{}\n", "", dots(wide < columns));
    for (r, row) in cells.chunks(wide).enumerate() {
        let name = if matrix { r } else { r * columns };
        let numbers: String = row.iter().map(|cell| format!("  {cell:>width$}")).collect();
        text += &format!("{name:>side$}{numbers}{}\n", dots(wide < columns));
    }
    if tall < rows {
        text += &format!("{:>side$}\n", "..");
    }
    text
}

/// A number format for all values, with enough decimals for the largest to show four digits.
fn format_for(x: &[f32]) -> impl Fn(f32) -> String + use<> {
    let finite = || x.iter().filter(|v| v.is_finite());
    let most = finite().fold(0.0f32, |m, v| m.max(v.abs()));
    let whole = finite().all(|v| v.fract() == 0.0) && most < 1e7;
    let plain = whole || (1e-3..1e6).contains(&most);
    let decimals = if whole || !plain { 0 } else { (3 - most.log10().floor() as i32).clamp(0, 7) as usize };
    move |v| match plain {
        _ if v.is_nan() => "nan".into(),
        true => format!("{v:.decimals$}"),
        false => format!("{v:.2e}"),
    }
}
