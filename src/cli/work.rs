//! The least that a layer has to do, counted from shapes: arithmetic and bytes, forward and, if `backward`, in backward.

use cortado::Net;
use cortado::error::Result;

/// The multiplications and additions of a layer's matrix products. Each weight is used once at each of the tops'
/// `count / num_output` positions: `2 M N K` for InnerProduct, `2 N Co oh ow (Ci / group) kh kw` for Convolution.
/// Backward computes one such product for dw, and another for dx if the bottom needs it.
pub fn flop(net: &Net, layer: &str, backward: bool) -> Result<u64> {
    let mut forward = 0;
    for top in net.top_names(layer)? {
        let y = net.shape(top)?;
        let num_output = match net.layer_type(layer)? {
            "Convolution" => net.param(layer, 0)?.shape().first(),
            "InnerProduct" => y.last(),
            _ => None,
        };
        if let Some(&n) = num_output {
            forward += 2 * net.param(layer, 0)?.count() as u64 * (y.iter().product::<usize>() / n.max(1)) as u64;
        }
    }
    let (runs_backward, down) = net.propagates_down(layer)?;
    let runs_backward = backward && runs_backward;
    let products = 1 + u64::from(runs_backward) + u64::from(runs_backward && down.contains(&true));
    Ok(products * forward)
}

/// The bytes of all that a layer reads or writes, each array once: the data of bottoms, tops and parameters; and, if it
/// runs backward, the diffs of its tops, of the bottoms that get a gradient and of the parameters that learn.
pub fn bytes(net: &Net, layer: &str, backward: bool) -> Result<u64> {
    // An Input's top is filled by somebody else, a Silence's bottom is read by nobody.
    if ["Input", "Silence"].contains(&net.layer_type(layer)?) {
        return Ok(0);
    }
    let count = |blob| Ok(net.shape(blob)?.iter().product::<usize>() as u64);
    let arrays = |has_diff: bool| 1 + u64::from(has_diff);
    let (runs_backward, down) = net.propagates_down(layer)?;
    let runs_backward = backward && runs_backward;
    let mut values = 0;
    for (blob, &down) in net.bottom_names(layer)?.into_iter().zip(down) {
        values += arrays(runs_backward && down) * count(blob)?;
    }
    for blob in net.top_names(layer)? {
        values += arrays(runs_backward) * count(blob)?;
    }
    for &id in net.param_ids(layer)? {
        if let Some((blob, spec)) = net.store().get(id) {
            values += arrays(runs_backward && spec.lr_mult != 0.0) * blob.count() as u64;
        }
    }
    Ok(values * size_of::<f32>() as u64)
}
