//! Which layers a net keeps: the rules `include { .. }` and `exclude { .. }` against the net's state.
//!
//! A layer without rules is kept. With include rules it is kept if any of them is met; with exclude rules unless any of
//! them is met. A rule is met when everything it names agrees: phase, min_level <= level <= max_level, every `stage`
//! present, no `not_stage` present.

use crate::proto::{LayerParameter, NetParameter, NetState, NetStateRule};
use crate::{Error, Kind, Result};

/// The layers that the state keeps, each with its index in `param.layer`.
///
/// # Errors
/// A layer with both include and exclude rules, and its index.
pub fn filter(param: &NetParameter, state: &NetState) -> Result<Vec<(usize, LayerParameter)>, (Error, usize)> {
    let mut kept = Vec::new();
    for (i, layer) in param.layer.iter().enumerate() {
        if !layer.include.is_empty() && !layer.exclude.is_empty() {
            let e = Error::new(Kind::Net, "a layer has either include or exclude rules, not both");
            let e = e.layer(layer.name()).field("exclude");
            return Err((e.hint("keep the include rules: a layer is then left out of every other state"), i));
        }
        let keep = if layer.include.is_empty() {
            !layer.exclude.iter().any(|rule| is_met(rule, state))
        } else {
            layer.include.iter().any(|rule| is_met(rule, state))
        };
        if keep {
            kept.push((i, layer.clone()));
        }
    }
    Ok(kept)
}

fn is_met(rule: &NetStateRule, state: &NetState) -> bool {
    let has = |stage: &String| state.stage.contains(stage);
    rule.phase.is_none_or(|phase| phase == state.phase() as i32)
        && rule.min_level.is_none_or(|min| state.level() >= min)
        && rule.max_level.is_none_or(|max| state.level() <= max)
        && rule.stage.iter().all(has)
        && !rule.not_stage.iter().any(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Phase;

    #[test]
    fn rules_are_met_when_all_they_name_agrees() {
        let mut state = NetState { level: Some(2), stage: vec!["deploy".into()], ..Default::default() };
        state.set_phase(Phase::Test);
        let met = |rule: &NetStateRule| is_met(rule, &state);
        assert!(met(&NetStateRule::default()));
        assert!(!met(&NetStateRule { phase: Some(Phase::Train as i32), ..Default::default() }));
        assert!(met(&NetStateRule { min_level: Some(2), max_level: Some(2), ..Default::default() }));
        assert!(!met(&NetStateRule { min_level: Some(3), ..Default::default() }));
        assert!(!met(&NetStateRule { stage: vec!["deploy".into(), "fast".into()], ..Default::default() }));
        assert!(!met(&NetStateRule { not_stage: vec!["deploy".into()], ..Default::default() }));
        assert!(met(&NetStateRule { not_stage: vec!["fast".into()], ..Default::default() }));
    }
}
