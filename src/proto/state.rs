//! Decides by `include { .. }` and `exclude { .. }` whether a net of some state has a layer.
//!
//! A net has each layer without rules, each with an include rule that is met, and each whose exclude rules are all
//! unmet. A rule is met if all that it names agrees: phase, min_level <= level <= max_level, every `stage` present, no
//! `not_stage` present.
//!
//! ```
//! use cortado::proto::{LayerParameter, NetState, NetStateRule, Phase};
//! let test = NetStateRule { phase: Some(Phase::Test.into()), ..Default::default() };
//! let accuracy = LayerParameter { include: vec![test], ..Default::default() };
//! let state = |phase: Phase| NetState { phase: Some(phase.into()), ..Default::default() };
//! assert!(accuracy.is_in(&state(Phase::Test)) && !accuracy.is_in(&state(Phase::Train)));
//! ```

use super::caffe::{LayerParameter, NetParameter, NetState, NetStateRule, Phase};
use crate::Error;
use std::collections::BTreeSet;

impl NetStateRule {
    /// Whether the rule is met in this state.
    pub fn is_met(&self, state: &NetState) -> bool {
        let has = |stage: &String| state.stage.contains(stage);
        self.phase.is_none_or(|phase| phase == state.phase() as i32)
            && self.min_level.is_none_or(|min| state.level() >= min)
            && self.max_level.is_none_or(|max| state.level() <= max)
            && self.stage.iter().all(has)
            && !self.not_stage.iter().any(has)
    }
}

impl LayerParameter {
    /// Whether a net of this state has the layer.
    pub fn is_in(&self, state: &NetState) -> bool {
        match self.include.is_empty() {
            true => !self.exclude.iter().any(|rule| rule.is_met(state)),
            false => self.include.iter().any(|rule| rule.is_met(state)),
        }
    }

    fn rules(&self) -> impl Iterator<Item = &NetStateRule> {
        self.include.iter().chain(&self.exclude)
    }
}

/// If the error is about a bottom that only layers with rules make, says which layer makes it, and when it is there.
pub(crate) fn hint_at_left_out(net: &NetParameter, layer: usize, e: Error) -> Error {
    let number = e.field_path().and_then(|f| f.strip_prefix("bottom[")?.strip_suffix(']')?.parse::<usize>().ok());
    let Some(bottom) = number.and_then(|b| net.layer.get(layer)?.bottom.get(b)) else { return e };
    let makers: Vec<&LayerParameter> = net.layer[..layer].iter().filter(|l| l.top.contains(bottom)).collect();
    match makers.last() {
        Some(maker) if makers.iter().all(|l| l.rules().next().is_some()) => {
            let say = |kind: &str, rule: &NetStateRule| {
                let fields: Vec<String> = super::text::print(rule).lines().map(String::from).collect();
                format!("{kind} {{ {} }}", fields.join(" "))
            };
            let rules =
                maker.include.iter().map(|r| say("include", r)).chain(maker.exclude.iter().map(|r| say("exclude", r)));
            let (name, rules) = (maker.name(), rules.collect::<Vec<_>>().join(" "));
            e.hint(format!(
                "layer \"{name}\" makes \"{bottom}\" where its rules are met, and here they are not: {rules}"
            ))
        }
        _ => e,
    }
}

/// The most stages that are tried in all combinations.
const MAX_STAGES: usize = 8;

/// All states that the rules of these layers distinguish: both phases, the levels on both sides of each bound, and all
/// combinations of the stages that they name.
pub fn states(layers: &[&LayerParameter]) -> Vec<NetState> {
    let rules = || layers.iter().flat_map(|layer| layer.rules());
    let mut levels = BTreeSet::from([0]);
    levels.extend(rules().filter_map(|r| r.min_level).flat_map(|min| [min.saturating_sub(1), min]));
    levels.extend(rules().filter_map(|r| r.max_level).flat_map(|max| [max, max.saturating_add(1)]));
    let stages: BTreeSet<&String> = rules().flat_map(|r| r.stage.iter().chain(&r.not_stage)).collect();
    let stages: Vec<&String> = stages.into_iter().take(MAX_STAGES).collect();
    let mut states = Vec::new();
    for phase in [Phase::Train, Phase::Test] {
        for &level in &levels {
            for choice in 0..1 << stages.len() {
                let chosen = stages.iter().enumerate().filter(|(i, _)| choice >> i & 1 == 1);
                let stage = chosen.map(|(_, stage)| stage.to_string()).collect();
                states.push(NetState { phase: Some(phase.into()), level: Some(level), stage });
            }
        }
    }
    states
}

/// Whether a net of some state has both layers.
pub fn can_meet(a: &LayerParameter, b: &LayerParameter) -> bool {
    (a.rules().next().is_none() && b.rules().next().is_none())
        || states(&[a, b]).iter().any(|state| a.is_in(state) && b.is_in(state))
}
