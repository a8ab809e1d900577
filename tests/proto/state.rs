//! A net's state decides which layers it has.

use cortado::proto::state::can_meet;
use cortado::proto::{LayerParameter, NetState, NetStateRule, Phase};

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
