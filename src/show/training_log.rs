//! Training logs, Cortado's and Caffe's: the curves in them, and their picture.
//!
//! ```text
//! Iteration 50 (15.5 iter/s, 3.2s/50 iters), loss = 0.357   while training; older Caffe has no parentheses
//!     Train net output #0: accuracy = 0.91                  of the iteration named last
//! Iteration 50, lr = 0.0099
//! Iteration 100, Testing net (#0)
//!     Test net output #0: accuracy = 0.9593
//! ```
//!
//! What stands before these words in a line (level, date, time, source line) is not read.

use super::curve::{Chart, stack};
use super::short;
use crate::{Error, Kind, Result};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The curves in a training log.
///
/// ```
/// use cortado::show::TrainingLog;
/// let mut log = TrainingLog::new("run");
/// log.line("I0131 23:59:59.123456 10448 solver.rs:456] Iteration 50, loss = 0.25");
/// log.line("I0131 23:59:59.123999 10448 solver.rs:461] Iteration 50, lr = 0.01");
/// assert_eq!(log.points("loss", "train"), [(50.0, 0.25)]);
/// assert_eq!(log.points("lr", "train"), [(50.0, 0.01)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrainingLog {
    name: String,
    curves: Vec<Curve>,
    /// The iteration that the log named last, and the test net whose outputs follow.
    iteration: f64,
    test_net: usize,
}

/// A quantity over the iterations.
#[derive(Clone, Debug)]
struct Curve {
    quantity: String,
    /// `train`, `test`, or `test 1` of a second test net.
    of: String,
    points: Vec<(f64, f64)>,
}

impl TrainingLog {
    /// A log without lines; the name tells it from other logs in a picture.
    pub fn new(name: &str) -> TrainingLog {
        TrainingLog { name: name.into(), ..TrainingLog::default() }
    }

    /// Reads a log file.
    ///
    /// # Errors
    /// It cannot be read, or tells nothing of a training.
    pub fn read(path: impl AsRef<Path>) -> Result<TrainingLog> {
        let path = path.as_ref();
        let fail = |e| Error::file(path, "read", e);
        let mut log = TrainingLog::new(&path.file_stem().unwrap_or_default().to_string_lossy());
        let (mut file, mut line) = (BufReader::new(std::fs::File::open(path).map_err(fail)?), Vec::new());
        while file.read_until(b'\n', &mut line).map_err(fail)? > 0 {
            log.line(&String::from_utf8_lossy(&line));
            line.clear();
        }
        if log.curves.is_empty() {
            let what = format!("{} tells nothing of a training", path.display());
            return Err(Error::new(Kind::File, what).hint(
                "a training log has lines such as `Iteration 100, loss = 0.25`: keep stderr, by `2> train.log`",
            ));
        }
        Ok(log)
    }

    /// Reads a line; whether it told of something to draw.
    pub fn line(&mut self, line: &str) -> bool {
        let line = line.trim_end();
        if let Some(told) = after(line, "Iteration ") {
            return self.iteration_line(told);
        }
        for (mark, is_test) in [("Train net output #", false), ("Test net output #", true)] {
            let Some((name, value)) = after(line, mark).and_then(|told| told.split_once(": ")?.1.split_once(" = "))
            else {
                continue;
            };
            let of = match (is_test, self.test_net) {
                (false, _) => "train".into(),
                (true, 0) => "test".into(),
                (true, k) => format!("test {k}"),
            };
            // The iteration's own line has the loss already, averaged over `average_loss` iterations.
            let known = !is_test
                && name == "loss"
                && self.points("loss", "train").last().is_some_and(|p| p.0 == self.iteration);
            return !known && self.point(name, &of, value);
        }
        false
    }

    /// What follows "Iteration ": a number, and what is told of it.
    fn iteration_line(&mut self, told: &str) -> bool {
        let digits = told.bytes().take_while(u8::is_ascii_digit).count();
        let (Ok(iteration), rest) = (told[..digits].parse(), &told[digits..]) else { return false };
        self.iteration = iteration;
        if let Some(k) = after(rest, "Testing net (#") {
            self.test_net = k.trim_end_matches(')').parse().unwrap_or(0);
            return false;
        }
        let value = |key: &str| rest.rsplit_once(key).map(|(_, value)| value.to_string());
        match (value(", loss = "), value(", lr = ")) {
            (Some(loss), _) => self.point("loss", "train", &loss),
            (_, Some(rate)) => self.point("lr", "train", &rate),
            _ => false,
        }
    }

    fn point(&mut self, quantity: &str, of: &str, value: &str) -> bool {
        let number = value.split_whitespace().next().unwrap_or_default();
        let Ok(value) = number.parse::<f64>() else { return false };
        let at = self.curves.iter().position(|c| c.quantity == quantity && c.of == of).unwrap_or_else(|| {
            self.curves.push(Curve { quantity: quantity.into(), of: of.into(), points: Vec::new() });
            self.curves.len() - 1
        });
        let points = &mut self.curves[at].points;
        // A run that was resumed goes on from an earlier iteration: its values count.
        while points.last().is_some_and(|last| last.0 >= self.iteration) {
            points.pop();
        }
        points.push((self.iteration, value));
        true
    }

    /// The points of a quantity, (iteration, value): of `train`, `test`, or `test 1`. Empty if there are none. An output of many
    /// values has its last one.
    pub fn points(&self, quantity: &str, of: &str) -> &[(f64, f64)] {
        self.curves.iter().find(|c| c.quantity == quantity && c.of == of).map_or(&[], |c| &c.points)
    }

    /// The quantities: the loss first, the learning rate last.
    fn quantities(logs: &[TrainingLog]) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for curve in logs.iter().flat_map(|log| &log.curves) {
            if !names.contains(&&*curve.quantity) {
                names.push(&curve.quantity);
            }
        }
        names.sort_by_key(|&name| (name == "lr", !name.contains("loss")));
        names
    }

    /// The picture of one or several logs as SVG: a plot for each quantity, or for those named.
    ///
    /// # Errors
    /// A quantity that no log has; nothing to draw.
    pub fn draw(logs: &[TrainingLog], only: Option<&[&str]>, log_y: bool) -> Result<String> {
        let all = Self::quantities(logs);
        if let Some(unknown) = only.into_iter().flatten().find(|name| !all.contains(name)) {
            return Err(Error::new(Kind::Unknown, format!("the logs have no \"{unknown}\""))
                .did_you_mean(unknown, all.iter().copied())
                .hint(format!("they have {}", all.join(", "))));
        }
        let mut charts = Vec::new();
        for quantity in all.iter().filter(|name| only.is_none_or(|only| only.contains(name))) {
            let mut chart = Chart::new(quantity).axes("iteration", quantity);
            if log_y && quantity.contains("loss") {
                chart = chart.log();
            }
            for log in logs {
                let mut curves: Vec<&Curve> = log.curves.iter().filter(|c| c.quantity == **quantity).collect();
                curves.sort_by_key(|curve| curve.of != "train");
                for curve in curves {
                    let of = if *quantity == "lr" { "" } else { &curve.of };
                    let name = if logs.len() > 1 { format!("{} {of}", log.name) } else { of.to_string() };
                    chart = chart.line(name.trim_end(), &curve.points);
                }
            }
            if chart.has_points() {
                charts.push(chart);
            }
        }
        stack(&charts)
    }
}

impl fmt::Display for TrainingLog {
    /// The log's name, and the last value of each curve.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        for (k, curve) in self.curves.iter().enumerate() {
            let Some(last) = curve.points.last() else { continue };
            let comma = if k > 0 { "," } else { "" };
            write!(f, "{comma} {} ({}) {} at {}", curve.quantity, curve.of, short(last.1 as f32), last.0)?;
        }
        Ok(())
    }
}

/// What follows the first `mark` in a line.
fn after<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.split_once(mark).map(|(_, rest)| rest)
}
