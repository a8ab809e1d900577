//! What several losses read: labels, and pairs.

use crate::device::{Arg, Gpu, Refusal};
use crate::layers::groups::Groups;
use crate::{Blob, Error, Kind, Result, Values};

/// A label that counts for nothing, if there is one.
#[derive(Clone, Copy, Default)]
pub(super) struct Ignored(pub Option<i32>);

impl Ignored {
    /// Whether it is this label: its fraction is cut off.
    pub fn is(self, label: f32) -> bool {
        self.0.is_some_and(|ignored| label.trunc() == ignored as f32)
    }

    /// The same for a kernel: NaN, which no label equals, if there is none.
    pub fn on_card(self) -> f32 {
        self.0.map_or(f32::NAN, |label| label as f32)
    }
}

/// Labels: the right class of each sample, or of each place in it.
#[derive(Default)]
pub(super) struct Labels {
    pub ignored: Ignored,
    /// The message in which the layer's ignore_label stands, if it has one.
    message: Option<&'static str>,
    /// The scores: as many groups as labels.
    pub groups: Groups,
    refusal: Refusal,
}

impl Labels {
    /// Labels, one of them ignored if the prototxt's `message` says so.
    pub fn new(message: &'static str, ignore_label: Option<i32>) -> Labels {
        Labels { ignored: Ignored(ignore_label), message: Some(message), ..Labels::default() }
    }

    /// Checks that there is a label, in `bottom[1]`, for each group of scores in `bottom[0]`.
    pub fn reshape(&mut self, bottom: &[Blob], groups: Groups) -> Result<Groups> {
        let (scores, labels, wanted) = (bottom[0].shape(), &bottom[1], groups.count());
        self.groups = groups;
        if labels.count() == wanted {
            return Ok(groups);
        }
        Err(Error::shape(format!(
            "the labels have shape {:?}, {} values, and the scores of shape {scores:?} ask for {wanted} labels",
            labels.shape(),
            labels.count(),
        ))
        .hint("there is one label for each sample and place: the shape of the scores without the axis of the classes"))
    }

    /// The same where every value of a sample is a class.
    pub fn reshape_flat(&mut self, bottom: &[Blob]) -> Result<Groups> {
        let (samples, count) = (bottom[0].num(), bottom[0].count());
        self.reshape(bottom, Groups { outer: samples, n: count / samples.max(1), inner: 1 })
    }

    /// The class that label `i` means, if it is not ignored.
    ///
    /// # Errors
    /// There is no such class; see [`no_class`].
    pub fn class(&self, i: usize, label: f32) -> Result<Option<usize>> {
        match label {
            _ if self.ignored.is(label) => Ok(None),
            _ if label > -1.0 && label < self.groups.n as f32 => Ok(Some(label as usize)), // without its fraction
            _ => Err(no_class(i, label, self.groups, self.message)),
        }
    }

    /// Does something for each label `i`: with its class, or with None if it is ignored.
    pub fn each(&self, labels: &Values, mut work: impl FnMut(usize, Option<usize>)) -> Result {
        labels.slice().iter().enumerate().try_for_each(|(i, &label)| {
            work(i, self.class(i, label)?);
            Ok(())
        })
    }

    /// A sum to which each label that is not ignored adds, by `add(sum, i, class)`, and the number of these labels.
    pub fn sum(&self, labels: &Values, mut add: impl FnMut(&mut f64, usize, usize)) -> Result<(f64, usize)> {
        let (mut sum, mut counted) = (0.0, 0);
        self.each(labels, |i, class| {
            if let Some(l) = class {
                add(&mut sum, i, l);
                counted += 1;
            }
        })?;
        Ok((sum, counted))
    }

    /// Where a kernel complains of a label that means no class.
    pub fn refusal(&mut self, gpu: &Gpu) -> Result<Arg<'_>> {
        let (groups, message) = (self.groups, self.message);
        self.refusal.explain(gpu, move |i, label| no_class(i, label, groups, message))
    }
}

/// The error of a label that is no class: it names the sample, the place in it, and the value.
fn no_class(i: usize, label: f32, Groups { n: classes, inner, .. }: Groups, message: Option<&str>) -> Error {
    let place = if inner > 1 { format!(", position {}", i % inner) } else { String::new() };
    let range = match classes {
        0 => "there are no classes".to_string(),
        n => format!("the classes are 0 to {}", n - 1),
    };
    let e = Error::new(Kind::Value, format!("the label of sample {}{place} is {label}, and {range}", i / inner.max(1)))
        .hint("is num_output of the layer below as large as the number of classes? do the labels count from 0?");
    match message {
        Some(message) => e.hint(format!("to leave a label out, name it in {message} {{ ignore_label: .. }}")),
        None => e,
    }
}

/// A probability whose logarithm is taken: at least 1e-20, as in Caffe; a NaN stays one.
pub(super) fn bounded(p: f32) -> f32 {
    if p < 1e-20 { 1e-20 } else { p }
}

/// Checks that `bottom[0]` and `bottom[1]` have equally many samples, of equally many values.
pub(super) fn pair(bottom: &[Blob]) -> Result<Groups> {
    let (a, b) = (&bottom[0], &bottom[1]);
    if a.num() == b.num() && a.count() == b.count() {
        return Ok(Groups { outer: a.num(), n: 1, inner: a.count() / a.num().max(1) });
    }
    Err(Error::shape(format!("bottom[0] has shape {:?} and bottom[1] {:?}", a.shape(), b.shape()))
        .hint("both need the same number of samples, and of values in each"))
}
