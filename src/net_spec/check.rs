//! Whether the layers of a spec fit together, as far as names go. Shapes and numbers of blobs are the net's to check.

use crate::proto::state::can_meet;
use crate::proto::{LayerParameter, NetParameter};
use crate::{Error, Kind, Result};

/// Every bottom is made before, every name and every blob once in each net.
pub(super) fn check(param: &NetParameter) -> Result {
    for (i, layer) in param.layer.iter().enumerate() {
        layer_fits(layer, &param.layer[..i], &param.input).map_err(|e| e.layer(layer.name()))?;
    }
    Ok(())
}

/// Compares a layer with those `before` it, and with what is there from the beginning.
fn layer_fits(layer: &LayerParameter, before: &[LayerParameter], input: &[String]) -> Result {
    let earlier = |test: &dyn Fn(&LayerParameter) -> bool| before.iter().find(|l| test(l) && can_meet(l, layer));
    if earlier(&|l| l.name == layer.name).is_some() {
        return Err(Error::new(Kind::Net, "a layer before it has the same name, and some net has both of them")
            .hint("give one of them another name, or rules by which no net has both: include(Phase::Train)"));
    }
    for bottom in &layer.bottom {
        if !input.contains(bottom) && earlier(&|l| l.top.contains(bottom)).is_none() {
            return Err(Error::new(Kind::Net, format!("no layer before it makes its bottom \"{bottom}\""))
                .field("bottom")
                .hint("a top belongs to the NetSpec that gave it; and to the phases in which its layer is"));
        }
    }
    for top in layer.top.iter().filter(|top| !layer.bottom.contains(top)) {
        if let Some(other) = earlier(&|l| l.top.contains(top)) {
            return Err(Error::new(
                Kind::Net,
                format!("it makes blob \"{top}\", and layer \"{}\" makes it too", other.name()),
            )
            .field("top")
            .hint("give the blob another name, or use in_place(..) if the layer computes on it"));
        }
    }
    Ok(())
}
