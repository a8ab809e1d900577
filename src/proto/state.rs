//! When a layer is in a net: the rules `include { .. }` and `exclude { .. }` against the net's state.
//!
//! A layer without rules is always in. With include rules it is in if any of them is met; with exclude rules unless any of
//! them is met. A rule is met when everything it names agrees: phase, min_level <= level <= max_level, every `stage`
//! present, no `not_stage` present.
//!
//! ```
//! use cortado::proto::{LayerParameter, NetState, NetStateRule, Phase};
//! let test = NetStateRule { phase: Some(Phase::Test.into()), ..Default::default() };
//! let accuracy = LayerParameter { include: vec![test], ..Default::default() };
//! let state = |phase: Phase| NetState { phase: Some(phase.into()), ..Default::default() };
//! assert!(accuracy.is_in(&state(Phase::Test)) && !accuracy.is_in(&state(Phase::Train)));
//! ```

use super::caffe::{LayerParameter, NetState, NetStateRule, Phase};
use std::collections::BTreeSet;

impl NetStateRule {
    /// Whether everything that the rule names agrees with the state.
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

/// More stages than so many are not tried in all combinations.
const MAX_STAGES: usize = 8;

/// All states that the rules of these layers can tell apart: both phases, the levels on both sides of each bound, and every
/// choice of the stages that are named.
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

/// Whether some net has both layers.
pub fn can_meet(a: &LayerParameter, b: &LayerParameter) -> bool {
    (a.rules().next().is_none() && b.rules().next().is_none())
        || states(&[a, b]).iter().any(|state| a.is_in(state) && b.is_in(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_met_when_all_they_name_agrees() {
        let mut state = NetState { level: Some(2), stage: vec!["deploy".into()], ..Default::default() };
        state.set_phase(Phase::Test);
        let met = |rule: NetStateRule| rule.is_met(&state);
        assert!(met(NetStateRule::default()));
        assert!(!met(NetStateRule { phase: Some(Phase::Train as i32), ..Default::default() }));
        assert!(met(NetStateRule { min_level: Some(2), max_level: Some(2), ..Default::default() }));
        assert!(!met(NetStateRule { min_level: Some(3), ..Default::default() }));
        assert!(!met(NetStateRule { stage: vec!["deploy".into(), "fast".into()], ..Default::default() }));
        assert!(!met(NetStateRule { not_stage: vec!["deploy".into()], ..Default::default() }));
        assert!(met(NetStateRule { not_stage: vec!["fast".into()], ..Default::default() }));
    }

    #[test]
    fn layers_meet_unless_their_rules_exclude_each_other() {
        let include = |rule: &NetStateRule| LayerParameter { include: vec![rule.clone()], ..Default::default() };
        let exclude = |rules: &[&NetStateRule]| LayerParameter {
            exclude: rules.iter().map(|r| (*r).clone()).collect(),
            ..Default::default()
        };
        let phase = |phase: Phase| NetStateRule { phase: Some(phase.into()), ..Default::default() };
        let (train, test) = (phase(Phase::Train), phase(Phase::Test));
        let stage = NetStateRule { stage: vec!["deploy".into()], ..Default::default() };
        let no_stage = NetStateRule { not_stage: vec!["deploy".into()], ..Default::default() };
        let (low, high) = (
            NetStateRule { max_level: Some(3), ..Default::default() },
            NetStateRule { min_level: Some(4), ..Default::default() },
        );
        let always = LayerParameter::default();
        assert!(can_meet(&always, &always) && can_meet(&always, &include(&train)));
        assert!(can_meet(&include(&train), &include(&stage)));
        for (a, b) in [
            (include(&train), include(&test)),
            (include(&train), exclude(&[&train])),
            (include(&stage), include(&no_stage)),
            (include(&stage), exclude(&[&stage])),
            (include(&low), include(&high)),
            (always, exclude(&[&train, &test])),
        ] {
            assert!(!can_meet(&a, &b), "{a:?} {b:?}");
        }
    }
}
