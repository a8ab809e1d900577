//! Which layers a net keeps: those whose rules `include { .. }` and `exclude { .. }` fit the net's state.
//! [`state`](crate::proto::state) says what a rule means.

use crate::proto::{LayerParameter, NetParameter, NetState};
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
        if layer.is_in(state) {
            kept.push((i, layer.clone()));
        }
    }
    Ok(kept)
}
