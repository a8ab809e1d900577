//! Testing: running a net over batches and averaging what comes out.

use super::Solver;
use crate::log::number;
use crate::net::Net;
use crate::{Error, Result};
use std::fmt;
use std::sync::atomic::Ordering;

/// One value of a test net's output.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// The output blob.
    pub name: String,
    /// The value's mean over the batches.
    pub value: f32,
    /// What the blob counts in the objective.
    pub loss_weight: f32,
}

impl fmt::Display for Score {
    /// As Caffe's logs have it: `loss = 0.25 (* 1 = 0.25 loss)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.name, number(self.value))?;
        match self.loss_weight {
            0.0 => Ok(()),
            w => write!(f, " (* {} = {} loss)", number(w), number(w * self.value)),
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
        self.scores.iter().find(|s| s.name == name).map(|s| s.value)
    }
}

impl fmt::Display for TestScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> = self.scores.iter().map(|s| format!("{} = {}", s.name, number(s.value))).collect();
        f.write_str(&list.join(", "))
    }
}

impl Solver {
    /// Runs every test net; the log says what came out.
    pub fn test_all(&mut self) -> Result<Vec<TestScores>> {
        (0..self.tests.len()).map(|i| self.test(i)).collect()
    }

    /// Runs `test_iter[i]` batches through test net `i` and averages its outputs; fewer if it is asked to stop. With
    /// `test_iter: 0` nothing is run, and there are no scores, as in Caffe.
    ///
    /// # Errors
    /// There is no such test net, or one of its layers fails.
    pub fn test(&mut self, i: usize) -> Result<TestScores> {
        self.log.info(|| format!("Iteration {}, Testing net (#{i})", self.iter));
        let batches = self.param.test_iter.get(i).map_or(1, |&n| n.max(0) as u32);
        let (device, compute_loss) = (self.device.clone(), self.param.test_compute_loss());
        let stop = self.remote.stop.clone();
        let net = self.lent_test_net(i)?;
        let (loss, scores) = device.install(|| average(net, batches, |_, _| !stop.load(Ordering::SeqCst)))?;
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

/// Runs `batches` forwards and averages the objective and every value of every output. `look` sees each batch's number
/// and scores; when it says false, the batches so far are averaged.
///
/// # Errors
/// A layer that fails; outputs that change their size from batch to batch.
pub fn average(net: &mut Net, batches: u32, mut look: impl FnMut(u32, &[Score]) -> bool) -> Result<(f32, Vec<Score>)> {
    let (mut loss, mut sums, mut done) = (0.0f64, Vec::new(), 0);
    while done < batches {
        loss += net.forward_loss()? as f64;
        let now = scores(net)?;
        if done == 0 {
            sums = vec![0.0f64; now.len()];
        } else if sums.len() != now.len() {
            let message =
                format!("{} output values in one batch and {} in another have no mean", sums.len(), now.len());
            let hint = "end the net in numbers, or let a Silence layer take what changes size";
            return Err(Error::shape(message).hint(hint));
        }
        sums.iter_mut().zip(&now).for_each(|(sum, score)| *sum += score.value as f64);
        done += 1;
        if !look(done - 1, &now) {
            break;
        }
    }
    let n = done as f64;
    let mean = |(score, sum): (Score, f64)| Score { value: (sum / n) as f32, ..score };
    Ok(((loss / n) as f32, scores(net)?.into_iter().zip(sums).map(mean).collect()))
}

/// Every value of every output as it stands.
///
/// # Errors
/// Values that a GPU does not give back.
pub fn scores(net: &Net) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    for name in net.outputs() {
        let loss_weight = net.loss_weight(name);
        let values = net.data(name)?.read()?.iter();
        scores.extend(values.map(|&value| Score { name: name.into(), value, loss_weight }));
    }
    Ok(scores)
}
