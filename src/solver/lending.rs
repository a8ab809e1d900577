//! One set of parameters for all nets of a solver: the train net's, which a test net borrows while it runs.

use super::{Solver, gpu_update::GpuUpdate};
use crate::net::Net;
use crate::{Error, Kind, Result};

/// A test net and the parameters it shares: numbers in the train net's store and in its own.
pub(super) struct Test {
    pub net: Net,
    pub pairs: Vec<(usize, usize)>,
}

impl Solver {
    /// The train net. Whoever has it may change anything, so on a GPU nothing that was recorded holds after this: the
    /// next iterations are asked for launch by launch, until one is recorded again.
    pub fn net(&mut self) -> &mut Net {
        self.lend_to(None);
        self.forget_recordings();
        &mut self.net
    }

    /// Test net `i`, holding the train net's parameters. As [`Solver::net`], it has the next iterations recorded anew.
    ///
    /// # Errors
    /// There is no such test net.
    pub fn test_net(&mut self, i: usize) -> Result<&mut Net> {
        self.forget_recordings();
        self.lent_test_net(i)
    }

    /// Test net `i`, for a test: the parameters stay where they are in memory, so what was recorded holds after it.
    pub(super) fn lent_test_net(&mut self, i: usize) -> Result<&mut Net> {
        if i >= self.tests.len() {
            let message = format!("the solver has {} test nets, no number {i}", self.tests.len());
            return Err(Error::new(Kind::Unknown, message).hint("each value of test_iter makes a test net"));
        }
        self.lend_to(Some(i));
        Ok(&mut self.tests[i].net)
    }

    fn forget_recordings(&mut self) {
        self.net.forget_recording();
        self.gpu_update.iter_mut().for_each(GpuUpdate::forget);
    }

    /// How many test nets there are.
    pub fn test_nets(&self) -> usize {
        self.tests.len()
    }

    /// Hands the parameters to a test net, or back to the train net.
    pub(super) fn lend_to(&mut self, test: Option<usize>) {
        if self.lent_to == test {
            return;
        }
        for i in [self.lent_to, test].into_iter().flatten() {
            let Test { net, pairs } = &mut self.tests[i];
            self.net.swap_params(net, pairs);
        }
        self.lent_to = test;
    }
}
