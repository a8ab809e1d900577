//! The library's messages, and where they go.
//!
//! The lines look like Caffe's, because people parse them: level and date, time, process, the source line that speaks.
//!
//! ```text
//! I0131 23:59:59.123456 10448 solver.rs:456] Iteration 50, lr = 0.00996266
//! ```
//!
//! A log is a value, given to a net or a solver; no global log exists. `GLOG_minloglevel` sets the default's
//! level: 0 all, 1 warnings, 2 nothing.

use std::fmt;
use std::io::Write;
use std::panic::Location;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// How important a line is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Progress and facts; [`Log::lines`] marks them with I.
    Info,
    /// What is probably a mistake; [`Log::lines`] marks it with W.
    Warning,
}

type Sink = Arc<dyn Fn(Level, &Location<'_>, &str) + Send + Sync>;

/// Where lines go. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Log(Option<Sink>);

impl Log {
    /// Says nothing.
    pub fn silent() -> Log {
        Log(None)
    }

    /// Writes lines of at least the given level to stderr.
    pub fn stderr(least: Level) -> Log {
        // A closed stderr must not end the run.
        Log::lines(least, |line| drop(writeln!(std::io::stderr(), "{line}")))
    }

    /// Hands lines of at least the given level to a function, with level, time, process and place before each.
    pub fn lines(least: Level, write: impl Fn(&str) + Send + Sync + 'static) -> Log {
        Log(Some(Arc::new(move |level, place, line| {
            if level >= least {
                let letter = if level == Level::Info { 'I' } else { 'W' };
                let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
                write(&format!("{letter}{} {:5} {file}:{}] {line}", stamp(), std::process::id(), place.line()));
            }
        })))
    }

    /// Hands lines to a function.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// let lines = Arc::new(Mutex::new(Vec::new()));
    /// let to = lines.clone();
    /// let log = cortado::Log::to(move |_, line| to.lock().unwrap().push(line.to_string()));
    /// log.info(|| "Iteration 0".into());
    /// assert_eq!(*lines.lock().unwrap(), ["Iteration 0"]);
    /// ```
    pub fn to(sink: impl Fn(Level, &str) + Send + Sync + 'static) -> Log {
        Log(Some(Arc::new(move |level, _, line| sink(level, line))))
    }

    /// Logs a fact; `line` runs only if the log has a sink.
    #[track_caller]
    pub fn info(&self, line: impl FnOnce() -> String) {
        if let Some(sink) = &self.0 {
            sink(Level::Info, Location::caller(), &line());
        }
    }

    /// Logs what is probably a mistake.
    #[track_caller]
    pub fn warning(&self, line: impl FnOnce() -> String) {
        if let Some(sink) = &self.0 {
            sink(Level::Warning, Location::caller(), &line());
        }
    }

    /// The default log of nets and solvers: warnings on stderr, or the level in `GLOG_minloglevel`.
    pub fn from_env() -> Log {
        least_from_env(Level::Warning).map_or(Log::silent(), Log::stderr)
    }
}

/// The least level to show, from `GLOG_minloglevel` or else `default`; none if nothing is shown.
pub fn least_from_env(default: Level) -> Option<Level> {
    match std::env::var("GLOG_minloglevel").ok().and_then(|v| v.parse::<i32>().ok()) {
        None => Some(default),
        Some(..=0) => Some(Level::Info),
        Some(1) => Some(Level::Warning),
        Some(2..) => None,
    }
}

/// A number with six significant digits, as C's `%g` prints it: the form of Caffe's logs.
///
/// ```
/// use cortado::log::number;
/// assert_eq!([number(0.01), number(2.302585), number(1e-7), number(123456789.0)], ["0.01", "2.30258", "1e-07", "1.23457e+08"]);
/// ```
pub fn number(x: f32) -> String {
    general(x.into(), 6)
}

/// C's `%.{digits}g`: without an exponent from 0.0001 up to as many places as there are digits, no zeros at the end.
pub(crate) fn general(v: f64, digits: usize) -> String {
    if !v.is_finite() {
        return if v.is_nan() { "nan".into() } else { format!("{v}") };
    }
    let scientific = format!("{v:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |s: &str| match s.contains('.') {
        true => s.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => s.to_string(),
    };
    match (-4..digits as i32).contains(&exponent) {
        true => trim(&format!("{v:.*}", (digits as i32 - 1 - exponent) as usize)),
        false => format!("{}e{}{:02}", trim(mantissa), if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Log" } else { "Log (silent)" })
    }
}

/// The present time (UTC) as Caffe's logs begin, month and day without the year: `0131 23:59:59.123456`.
fn stamp() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    let (month, day) = month_and_day(days as i64);
    format!(
        "{month:02}{day:02} {:02}:{:02}:{:02}.{:06}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        now.subsec_micros()
    )
}

/// Month and day of a number of days after 1970-01-01, in the Gregorian calendar. Years begin in March here, so
/// that the leap day comes last; 400 years are 146097 days.
fn month_and_day(days: i64) -> (i64, i64) {
    let day_of_era = (days + 719_468).rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (month, day)
}

#[cfg(test)]
mod tests {
    use super::month_and_day;

    #[test]
    fn dates() {
        assert_eq!(month_and_day(0), (1, 1));
        assert_eq!(month_and_day(11_016), (2, 29)); // of the year 2000
        assert_eq!(month_and_day(20_778), (11, 21)); // of 2026
    }
}
