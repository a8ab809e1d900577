//! Running a net: forward, backward, all of it or a range, with or without a look after each layer.

use super::{Lent, Net, Step};
use crate::error::caught;
use crate::layer::{Cx, Layer, Phase};
use crate::{Blob, Device, Error, Result};
use ndarray::ArrayD;
use std::fmt;
use std::ops::{Index, Range, RangeBounds};

/// What a forward pass came to: the objective, and a copy of each output blob.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The sum of all tops with a loss weight, weighted.
    pub loss: f32,
    blobs: Vec<(String, ArrayD<f32>)>,
}

impl Outputs {
    /// Names and values, in the net's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArrayD<f32>)> {
        self.blobs.iter().map(|(name, x)| (name.as_str(), x))
    }

    /// The values of the output `name`.
    pub fn get(&self, name: &str) -> Option<&ArrayD<f32>> {
        self.blobs.iter().find(|(n, _)| n == name).map(|(_, x)| x)
    }
}

/// `outputs["prob"]`; panics if there is no such output, as indexing does ([`Outputs::get`] does not).
impl Index<&str> for Outputs {
    type Output = ArrayD<f32>;
    fn index(&self, name: &str) -> &ArrayD<f32> {
        self.get(name).unwrap_or_else(|| panic!("no output \"{name}\""))
    }
}

impl fmt::Display for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, x)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match x.len() {
                1 => write!(f, "{comma}{name} = {}", x.iter().next().copied().unwrap_or(f32::NAN))?,
                _ => write!(f, "{comma}{name}: {:?}", x.shape())?,
            }
        }
        Ok(())
    }
}

impl Net {
    /// Runs all layers.
    ///
    /// # Errors
    /// The error of the first layer that fails, with its name; the net stays whole.
    pub fn forward(&mut self) -> Result<Outputs> {
        let loss = self.forward_loss()?;
        let blobs = self.outputs().into_iter().map(|name| Ok((name.to_string(), self.read(name)?)));
        Ok(Outputs { loss, blobs: blobs.collect::<Result<_>>()? })
    }

    /// A copy of a blob's data.
    ///
    /// # Errors
    /// There is no such blob, or a GPU does not give the values back.
    pub fn read(&self, blob: &str) -> Result<ArrayD<f32>> {
        let values = self.data(blob)?;
        values.read()?;
        Ok(values.view().to_owned())
    }

    /// Runs all layers and gives the objective, without a copy of the outputs.
    pub fn forward_loss(&mut self) -> Result<f32> {
        self.run_forward(0..self.steps.len())
    }

    /// Runs the layers from one to another, both by name: `net.forward_range("conv1"..="ip1")`. Gives their part of the
    /// objective. A range that does not begin at the first layer works on what the blobs hold.
    pub fn forward_range<'a>(&mut self, range: impl RangeBounds<&'a str>) -> Result<f32> {
        let (first, end) = self.resolve(range, "forward")?;
        self.warn_of_stale_branch(&(first..end));
        self.run_forward(first..end)
    }

    /// Runs all layers; calls `look` with the net and the layer's name after each.
    pub fn forward_each(&mut self, mut look: impl FnMut(&mut Net, &str) -> Result) -> Result<f32> {
        let mut loss = 0.0;
        for i in 0..self.steps.len() {
            loss += self.run_forward(i..i + 1)?;
            look(self, &self.steps[i].name.clone())?;
        }
        Ok(loss)
    }

    /// Runs backward all layers that a loss and a parameter ask for.
    ///
    /// # Errors
    /// The error of the first layer that fails, with its name; the net stays whole.
    pub fn backward(&mut self) -> Result {
        let steps = 0..self.steps.len();
        self.warn_before_backward(&steps);
        self.run_backward(steps)?;
        self.log_params();
        Ok(())
    }

    /// Runs layers backward, from the one nearer to the loss to the other: `net.backward_range("ip2"..="conv1")`. Seed
    /// the top diff of the first one beforehand.
    pub fn backward_range<'a>(&mut self, range: impl RangeBounds<&'a str>) -> Result {
        let steps = self.resolve_backward(range)?;
        self.warn_before_backward(&steps);
        self.run_backward(steps)
    }

    /// Runs all layers backward; calls `look` with the net and the layer's name after each. It may edit diffs: the
    /// layers below go on with what it left.
    ///
    /// ```
    /// # use cortado::{Net, Phase};
    /// # let mut net = Net::from_prototxt(r#"
    /// #     force_backward: true
    /// #     layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 3 } } }
    /// #     layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }
    /// # "#, Phase::Test)?;
    /// # net.data_mut("x")?.fill(1.0);
    /// # net.forward()?;
    /// # net.diff_mut("y")?.assign(&ndarray::array![-1.0, 0.0, 1.0])?;
    /// // Guided backpropagation: no ReLU passes on what is negative.
    /// net.backward_each(|net, layer| {
    ///     if net.layer_type(layer)? == "ReLU" {
    ///         let x = net.bottom_names(layer)?[0].to_string();
    ///         net.diff_mut(&x)?.slice_mut().iter_mut().for_each(|dx| *dx = dx.max(0.0));
    ///     }
    ///     Ok(())
    /// })?;
    /// # assert_eq!(net.diff("x")?.slice(), [0.0, 0.0, 1.0]);
    /// # Ok::<(), cortado::Error>(())
    /// ```
    pub fn backward_each(&mut self, look: impl FnMut(&mut Net, &str) -> Result) -> Result {
        self.run_backward_each(0..self.steps.len(), look)
    }

    /// [`Net::backward_each`] of a range, as [`Net::backward_range`] takes it: from the layer whose top was seeded.
    pub fn backward_range_each<'a>(
        &mut self,
        range: impl RangeBounds<&'a str>,
        look: impl FnMut(&mut Net, &str) -> Result,
    ) -> Result {
        let steps = self.resolve_backward(range)?;
        self.run_backward_each(steps, look)
    }

    fn run_forward(&mut self, steps: Range<usize>) -> Result<f32> {
        if steps.start == 0 {
            self.pass = self.next_pass;
            self.next_pass += 1;
        }
        let device = self.device.clone();
        if let Device::Gpu(gpu) = &device {
            gpu.turn(self.seed, self.pass)?;
        }
        let is_whole = steps == (0..self.steps.len());
        let loss = device.install(|| {
            self.refresh_splits(steps.start)?;
            steps.map(|i| self.forward_step(i).map(|()| self.steps[i].loss(&self.blobs))).sum::<Result<f32>>()
        })?;
        self.fallback_reported |= is_whole;
        device.check()?;
        Ok(loss)
    }

    fn run_backward(&mut self, steps: Range<usize>) -> Result {
        let device = self.device.clone();
        device.install(|| steps.rev().try_for_each(|i| self.backward_step(i)))?;
        device.check()
    }

    fn run_backward_each(&mut self, steps: Range<usize>, mut look: impl FnMut(&mut Net, &str) -> Result) -> Result {
        self.warn_before_backward(&steps);
        for i in steps.rev() {
            self.run_backward(i..i + 1)?;
            look(self, &self.steps[i].name.clone())?;
        }
        Ok(())
    }

    /// Runs a layer. Its loss is not looked at: the host would have to wait for it.
    pub(super) fn forward_step(&mut self, i: usize) -> Result {
        self.take_hand_written_data(i)?;
        self.steps[i].forward_at = self.tick();
        let Net { steps, blobs, keeper, .. } = self;
        keeper.before_forward(&steps[i], blobs).map_err(|e| self.blame(e, i))?;
        let done = self.lend(i, |layer, cx, Lent { bottom, top, params }| {
            layer.reshape(bottom, top)?;
            layer.forward(cx, params, bottom, top)
        });
        self.steps[i].fill_loss_diffs(&mut self.blobs);
        self.note_forward(i);
        self.log_forward(i);
        self.report_fallback(i);
        self.keeper.after_forward(i, &self.steps[i], &mut self.blobs);
        done.map_err(|e| self.blame(e, i))
    }

    pub(super) fn backward_step(&mut self, i: usize) -> Result {
        if !self.steps[i].runs_backward {
            return Ok(());
        }
        self.take_last_diffs(i)?;
        self.steps[i].backward_at = self.tick();
        let Net { steps, blobs, keeper, .. } = self;
        keeper.before_backward(&steps[i], blobs).map_err(|e| self.blame(e, i))?;
        let done = self.lend(i, |layer, cx, Lent { bottom, top, params }| layer.backward(cx, params, top, bottom));
        let params = &mut self.params;
        for &p in self.steps[i].params.iter().filter(|&&p| params.specs[p].frozen) {
            params.blobs[p].diff.fill(0.0);
        }
        self.note_backward(i);
        self.log_backward(i);
        self.keeper.after_backward(&self.steps[i], &mut self.blobs);
        done.map_err(|e| self.blame(e, i))
    }

    /// Lends a step's blobs and parameters to its layer for one call, and takes them back even if the layer panics.
    fn lend(&mut self, i: usize, call: impl FnOnce(&mut dyn Layer, &Cx, &mut Lent) -> Result) -> Result {
        let Net { steps, blobs, params, device, phase, seed, pass, folder, .. } = self;
        let step = &mut steps[i];
        step.borrow_all(blobs, params);
        let phase = step.phase(*phase);
        let Step { layer, lent, propagate_down, .. } = step;
        let cx = Cx { phase, device, seed: *seed, pass: *pass, propagate_down, folder: folder.as_deref() };
        let done = caught("its code", || call(&mut **layer, &cx, lent));
        step.return_all(blobs, params);
        done
    }

    /// Adds layer and place to an error of a running layer.
    pub(crate) fn blame(&self, e: Error, i: usize) -> Error {
        self.source.locate(e.layer(&self.steps[i].name), &format!("layer[{}]", self.steps[i].origin))
    }
}

impl Step {
    /// The phase in which the layer runs: the net's, unless its own message names another.
    pub(super) fn phase(&self, net: Phase) -> Phase {
        self.param.phase.map_or(net, |_| self.param.phase())
    }

    pub(super) fn borrow_blobs(&mut self, blobs: &mut [Blob]) {
        self.lent.bottom.extend(self.bottom.iter().map(|&b| std::mem::take(&mut blobs[b])));
        self.lent.top.extend(self.top.iter().map(|&t| std::mem::take(&mut blobs[t])));
    }

    pub(super) fn return_blobs(&mut self, blobs: &mut [Blob]) {
        self.lent.bottom.drain(..).zip(&self.bottom).for_each(|(blob, &b)| blobs[b] = blob);
        self.lent.top.drain(..).zip(&self.top).for_each(|(blob, &t)| blobs[t] = blob);
    }

    /// Moves the step's blobs and parameters into its hands: pointers move, values stay.
    fn borrow_all(&mut self, blobs: &mut [Blob], params: &mut super::Params) {
        self.borrow_blobs(blobs);
        self.lent.params.extend(self.params.iter().map(|&p| std::mem::take(&mut params.blobs[p])));
    }

    /// Puts everything back.
    fn return_all(&mut self, blobs: &mut [Blob], params: &mut super::Params) {
        self.return_blobs(blobs);
        self.lent.params.drain(..).zip(&self.params).for_each(|(blob, &p)| params.blobs[p] = blob);
    }

    /// Writes the loss weight into the diff of each top that has one, when the top is new or has another size.
    pub(super) fn fill_loss_diffs(&mut self, blobs: &mut [Blob]) {
        for ((&t, &weight), seeded) in self.top.iter().zip(&self.loss_weight).zip(&mut self.seeded) {
            let count = blobs[t].count();
            if weight != 0.0 && *seeded != count {
                blobs[t].diff.fill(weight);
                *seeded = count;
            }
        }
    }

    /// This layer's part of the objective.
    fn loss(&self, blobs: &[Blob]) -> f32 {
        let weighted = self.top.iter().zip(&self.loss_weight).filter(|(_, w)| **w != 0.0);
        weighted.map(|(&t, w)| w * blobs[t].data.slice().iter().sum::<f32>()).sum()
    }
}
