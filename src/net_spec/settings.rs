//! The settings that all layer types share.

use crate::proto::{LayerParameter, NetStateRule, ParamSpec, Phase};

/// A layer's description, and the settings that all types share.
///
/// ```
/// use cortado::net_spec::*;
/// use cortado::Phase;
/// let ip = InnerProduct::new(10)
///     .param_names(["w", "b"]) // shared with other layers that say the same
///     .lr_mult([1.0, 2.0])
///     .decay_mult([1.0, 0.0])
///     .exclude(Phase::Test);
/// let loss = SoftmaxWithLoss::new().ignore_label(255).loss_weight(0.3).propagate_down([true, false]);
/// # let mut n = NetSpec::new("");
/// # let x = n.layer("x", [], Input::new([1, 2]));
/// # n.layer("ip", &x, ip);
/// # let text = n.to_prototxt()?;
/// # assert!(text.contains("  param {\n    name: \"w\"\n    lr_mult: 1\n    decay_mult: 1\n  }\n  param {\n    name: \"b\"\n"));
/// # let loss = loss.into_message();
/// # assert_eq!((&loss.loss_weight[..], &loss.propagate_down[..]), (&[0.3][..], &[true, false][..]));
/// # Ok::<(), cortado::Error>(())
/// ```
pub trait LayerSpec: Sized {
    /// The message that the settings are written to.
    fn message(&mut self) -> &mut LayerParameter;

    /// The message with all that was set.
    fn into_message(self) -> LayerParameter;

    /// Changes a field that has no method: `edit(|layer| layer.param[0].share_mode = ..)`.
    fn edit(mut self, change: impl FnOnce(&mut LayerParameter)) -> Self {
        change(self.message());
        self
    }

    /// The layer is only in nets that fit the rule, or another one if there are several: `include(Phase::Train)`,
    /// `include(Rule::new().stage("deploy"))`.
    fn include(self, rule: impl Into<Rule>) -> Self {
        self.edit(|layer| layer.include.push(rule.into().0))
    }

    /// The layer is in no net that fits the rule.
    fn exclude(self, rule: impl Into<Rule>) -> Self {
        self.edit(|layer| layer.exclude.push(rule.into().0))
    }

    /// How fast each parameter is learned, in units of the solver's rate: usually the weights, then the bias.
    fn lr_mult(self, mult: impl IntoIterator<Item = f32>) -> Self {
        self.each_param(mult, |spec, mult| spec.lr_mult = Some(mult))
    }

    /// How strongly each parameter decays, in units of the solver's weight decay.
    fn decay_mult(self, mult: impl IntoIterator<Item = f32>) -> Self {
        self.each_param(mult, |spec, mult| spec.decay_mult = Some(mult))
    }

    /// The parameters' names. Layers whose parameters have the same names share them.
    fn param_names(self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.each_param(names, |spec, name| spec.name = Some(name.as_ref().into()))
    }

    /// Sets something of each parameter's [`ParamSpec`], making as many as there are values.
    fn each_param<T>(mut self, values: impl IntoIterator<Item = T>, set: impl Fn(&mut ParamSpec, T)) -> Self {
        let specs = &mut self.message().param;
        for (i, value) in values.into_iter().enumerate() {
            if specs.len() == i {
                specs.push(ParamSpec::default());
            }
            set(&mut specs[i], value);
        }
        self
    }

    /// The weight of the first top in the net's loss.
    fn loss_weight(self, weight: f32) -> Self {
        self.loss_weights([weight])
    }

    /// The weight of each top in the net's loss.
    fn loss_weights(self, weights: impl IntoIterator<Item = f32>) -> Self {
        self.edit(|layer| layer.loss_weight = weights.into_iter().collect())
    }

    /// Whether gradients flow into each bottom.
    fn propagate_down(self, down: impl IntoIterator<Item = bool>) -> Self {
        self.edit(|layer| layer.propagate_down = down.into_iter().collect())
    }
}

/// A condition on the net's state: all that it names must fit. A phase alone is also a rule.
///
/// ```
/// use cortado::net_spec::*;
/// use cortado::Phase;
/// Accuracy::new().include(Rule::new().phase(Phase::Test).not_stage("deploy"));
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rule(pub(super) NetStateRule);

impl Rule {
    /// A rule that all states fit.
    pub fn new() -> Rule {
        Rule::default()
    }

    /// Only this phase fits.
    pub fn phase(mut self, phase: Phase) -> Rule {
        self.0.phase = Some(phase.into());
        self
    }

    /// This level and higher ones fit.
    pub fn min_level(mut self, level: i32) -> Rule {
        self.0.min_level = Some(level);
        self
    }

    /// This level and lower ones fit.
    pub fn max_level(mut self, level: i32) -> Rule {
        self.0.max_level = Some(level);
        self
    }

    /// The stage must be set; all of them, if there are several.
    pub fn stage(mut self, stage: &str) -> Rule {
        self.0.stage.push(stage.into());
        self
    }

    /// The stage must not be set; none of them, if there are several.
    pub fn not_stage(mut self, stage: &str) -> Rule {
        self.0.not_stage.push(stage.into());
        self
    }
}

impl From<Phase> for Rule {
    fn from(phase: Phase) -> Rule {
        Rule::new().phase(phase)
    }
}

impl From<NetStateRule> for Rule {
    fn from(rule: NetStateRule) -> Rule {
        Rule(rule)
    }
}
