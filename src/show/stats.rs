//! Statistics of many values: the least, the mean and the greatest, and how many are zero, NaN or infinite.

/// A summary of values. `broken` counts the values that are not finite; the other fields leave them out.
///
/// ```
/// use cortado::show::Stats;
/// let stats = Stats::of(&[3.0, 0.0, f32::NAN, -1.0]);
/// assert_eq!((stats.count, stats.zeros, stats.broken), (4, 1, 1));
/// assert_eq!((stats.min, stats.max), (-1.0, 3.0));
/// assert!((stats.mean - 2.0 / 3.0).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stats {
    /// The number of values, including the broken ones.
    pub count: usize,
    /// How many are NaN or infinite.
    pub broken: usize,
    /// How many are exactly zero.
    pub zeros: usize,
    /// The least finite value; NaN if there is none.
    pub min: f32,
    /// The mean of the finite values; NaN if there is none.
    pub mean: f32,
    /// The greatest finite value; NaN if there is none.
    pub max: f32,
    /// The mean of the finite values' sizes, |x|: how large they are, whatever their sign.
    pub size: f32,
    /// Their standard deviation.
    pub std: f32,
}

impl Stats {
    /// The summary of `x`; sums are in f64.
    pub fn of(x: &[f32]) -> Stats {
        let (mut sum, mut sizes, mut squares, mut n, mut zeros) = (0.0, 0.0, 0.0, 0usize, 0);
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for &x in x.iter().filter(|x| x.is_finite()) {
            (min, max) = (min.min(x), max.max(x));
            sum += x as f64;
            sizes += x.abs() as f64;
            n += 1;
            zeros += usize::from(x == 0.0);
        }
        let mean = sum / n as f64; // 0 / 0 is NaN, as it should be
        for &x in x.iter().filter(|x| x.is_finite()) {
            squares += (x as f64 - mean).powi(2);
        }
        let (min, max) = if n > 0 { (min, max) } else { (f32::NAN, f32::NAN) };
        Stats {
            count: x.len(),
            broken: x.len() - n,
            zeros,
            min,
            mean: mean as f32,
            max,
            size: (sizes / n as f64) as f32,
            std: (squares / n as f64).sqrt() as f32,
        }
    }

    /// Whether there are values and all of them are zero.
    pub fn all_zero(&self) -> bool {
        self.count > 0 && self.zeros == self.count
    }
}

/// A number with three significant digits, for columns of figures.
///
/// ```
/// use cortado::show::short;
/// let numbers = [0.0, 1.0, 2.302585, -0.0123456, 431080.0, 1e-7, f32::NAN].map(short);
/// assert_eq!(numbers, ["0", "1", "2.30", "-0.0123", "431080", "1.0e-7", "nan"]);
/// ```
pub fn short(x: f32) -> String {
    let size = x.abs();
    match () {
        () if x.is_nan() => "nan".into(),
        () if x == 0.0 => "0".into(),
        () if !x.is_finite() => format!("{x}"),
        () if !(1e-3..1e7).contains(&size) => format!("{x:.1e}"),
        () if size >= 100.0 => format!("{x:.0}"),
        () => {
            let decimals = (2 - size.log10().floor() as i32).clamp(0, 5) as usize;
            let digits = format!("{x:.decimals$}");
            if x.fract() == 0.0 { format!("{x:.0}") } else { digits }
        }
    }
}
