//! Testing: running a net over batches and averaging what comes out.

use super::Solver;
use crate::log::number;
use crate::net::Net;
use crate::{Error, Result};
use std::fmt;

/// One value of a test net's output.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// The output blob.
    pub name: String,
    /// The value's mean over the batches.
    pub mean: f32,
    /// What the blob counts in the objective.
    pub loss_weight: f32,
}

impl fmt::Display for Score {
    /// As Caffe's logs have it: `loss = 0.25 (* 1 = 0.25 loss)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.name, number(self.mean))?;
        match self.loss_weight {
            0.0 => Ok(()),
            w => write!(f, " (* {} = {} loss)", number(w), number(w * self.mean)),
        }
    }
}

/// The mean over a test's batches of each value of the test net's outputs.
#[derive(Clone, Debug)]
pub struct TestScores {
    /// The objective's mean, if `test_compute_loss` asks for it.
    pub loss: Option<f32>,
    /// An entry for each value of each output.
    pub scores: Vec<Score>,
}

impl TestScores {
    /// The mean of the (first value of the) output `name`.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.scores.iter().find(|s| s.name == name).map(|s| s.mean)
    }
}

impl fmt::Display for TestScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> = self.scores.iter().map(|s| format!("{} = {}", s.name, number(s.mean))).collect();
        f.write_str(&list.join(", "))
    }
}

impl Solver {
    /// Runs every test net; the log says what came out.
    pub fn test_all(&mut self) -> Result<Vec<TestScores>> {
        (0..self.tests.len()).map(|i| self.test(i)).collect()
    }

    /// Runs `test_iter[i]` batches through test net `i` and averages its outputs.
    ///
    /// # Errors
    /// There is no such test net, or one of its layers fails.
    pub fn test(&mut self, i: usize) -> Result<TestScores> {
        self.log.info(|| format!("Iteration {}, Testing net (#{i})", self.iter));
        let batches = self.param.test_iter.get(i).copied().unwrap_or(1);
        let (device, compute_loss) = (self.device.clone(), self.param.test_compute_loss());
        let net = self.test_net(i)?;
        let (loss, scores) = device.install(|| average(net, batches))?;
        let scores = TestScores { loss: compute_loss.then_some(loss), scores };
        if let Some(loss) = scores.loss {
            self.log.info(|| format!("Test loss: {}", number(loss)));
        }
        for (k, score) in scores.scores.iter().enumerate() {
            self.log.info(|| format!("    Test net output #{k}: {score}"));
        }
        Ok(scores)
    }
}

/// Runs `batches` forwards and averages the objective and every value of every output.
///
/// # Errors
/// A layer that fails; outputs that change their size from batch to batch.
pub fn average(net: &mut Net, batches: i32) -> Result<(f32, Vec<Score>)> {
    let (mut loss, mut sums) = (0.0, Vec::new());
    for _ in 0..batches {
        loss += net.forward_loss()?;
        let now = scores(net)?;
        if sums.is_empty() {
            sums = vec![0.0f64; now.len()];
        } else if sums.len() != now.len() {
            let message =
                format!("{} output values in one batch and {} in another have no mean", sums.len(), now.len());
            return Err(
                Error::shape(message).hint("end the net in numbers, or let a Silence layer take what changes size")
            );
        }
        if let Some(grown) = now.get(sums.len()).or_else(|| now.last().filter(|_| now.len() < sums.len())) {
            let message =
                format!("an output like \"{}\" changes its size from batch to batch, so it has no mean", grown.name);
            return Err(Error::shape(message).hint("let a Silence layer take it, or reduce it to one number"));
        }
        sums.iter_mut().zip(&now).for_each(|(sum, score)| *sum += score.mean as f64);
    }
    let mean = |(score, sum): (Score, f64)| Score { mean: (sum / batches as f64) as f32, ..score };
    Ok((loss / batches as f32, scores(net)?.into_iter().zip(sums).map(mean).collect()))
}

/// Every value of every output as it stands.
pub fn scores(net: &Net) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    for name in net.outputs() {
        let loss_weight = net.loss_weight(name);
        let values = net.data(name)?.slice().iter();
        scores.extend(values.map(|&mean| Score { name: name.into(), mean, loss_weight }));
    }
    Ok(scores)
}
