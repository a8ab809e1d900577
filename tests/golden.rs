//! Real Caffe's values: every case of `tests/golden/index.json`, or of the directory that `CORTADO_GOLDEN` names, is
//! replayed on the device that `CORTADO_DEVICE` names.
//!
//! A case that needs something that Cortado does not have, a layer type say, is *not known*; anything else that does not
//! come out as in Caffe is a failure, and all of them are reported.

#[path = "common/safetensors.rs"]
mod safetensors;

mod golden_replay;

use golden_replay::{Stop, cases};

/// What cannot be replayed yet. A name that is missing here or need not be here any more fails the test.
const NOT_KNOWN: &[&str] = &[];

#[test]
fn every_case_of_caffe_is_replayed() {
    let cases = cases();
    assert!(!cases.is_empty());
    let (mut replayed, mut not_known, mut failed) = (0, Vec::new(), Vec::new());
    for case in &cases {
        match case.replay() {
            Ok(()) => replayed += 1,
            Err(Stop::NotKnown(why)) => not_known.push((case.name(), why)),
            Err(Stop::Failed(why)) => failed.push(format!("{} {}{}: {why}", case.kind(), case.name(), case.note())),
        }
    }
    println!("replayed {replayed} cases, {} not known", not_known.len());
    for (name, why) in &not_known {
        println!("  {name}: {why}");
    }
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
    // Another directory has other cases.
    if std::env::var_os("CORTADO_GOLDEN").is_none() {
        let found: Vec<&str> = not_known.iter().map(|(name, _)| name.as_str()).collect();
        let news: Vec<&&str> = found.iter().filter(|name| !NOT_KNOWN.contains(name)).collect();
        let olds: Vec<&&str> = NOT_KNOWN.iter().filter(|name| !found.contains(name)).collect();
        assert!(news.is_empty(), "cannot be replayed any more: {news:?}");
        assert!(olds.is_empty(), "can be replayed now, so take it off the list NOT_KNOWN: {olds:?}");
    }
}
