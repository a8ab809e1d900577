//! Fan-out made explicit: a top that several layers read gets a Split layer, whose backward adds up their gradients.
//!
//! The split of top 1 `label` of layer `mnist` is called `label_mnist_1_split`, its tops `label_mnist_1_split_0`,
//! `.._1`, as in Caffe. A top that counts in the objective and is somebody's bottom is read once more: by the
//! objective. That reader is the split's top 0, which takes over the loss weight.

use super::Planned;
use crate::proto::LayerParameter;
use crate::{Layers, Result};
use std::collections::HashMap;

/// Puts a Split behind each top that is read more than once.
pub(super) fn insert_splits(plan: Vec<Planned>, layers: &Layers) -> Result<Vec<Planned>> {
    // Who wrote each bottom: a blob's name means its latest writer at that point of the file.
    let mut writer: HashMap<String, (usize, usize)> = HashMap::new();
    let mut readers: HashMap<(usize, usize), usize> = HashMap::new();
    let mut source: HashMap<(usize, usize), (usize, usize)> = HashMap::new();
    for (i, Planned { param, .. }) in plan.iter().enumerate() {
        for (b, name) in param.bottom.iter().enumerate() {
            if let Some(&top) = writer.get(name) {
                source.insert((i, b), top);
                *readers.entry(top).or_default() += 1;
            } // else: an unknown bottom, which wiring reports with its place
        }
        for (t, name) in param.top.iter().enumerate() {
            writer.insert(name.clone(), (i, t));
        }
    }
    for (i, planned) in plan.iter().enumerate() {
        for t in 0..planned.param.top.len() {
            if let Some(readers) = readers.get_mut(&(i, t))
                && planned.loss_weight(t) != 0.0
            {
                *readers += 1;
            }
        }
    }

    let mut taken: HashMap<(usize, usize), usize> = HashMap::new();
    let mut result = Vec::with_capacity(plan.len());
    let names: Vec<String> = plan.iter().map(|p| p.name.clone()).collect();
    let tops: Vec<Vec<String>> = plan.iter().map(|p| p.param.top.clone()).collect();
    let split = |top: (usize, usize)| format!("{}_{}_{}_split", tops[top.0][top.1], names[top.0], top.1);
    for (i, mut planned) in plan.into_iter().enumerate() {
        for b in 0..planned.param.bottom.len() {
            if let Some(&top) = source.get(&(i, b))
                && readers[&top] > 1
            {
                let k = taken.entry(top).or_default();
                planned.param.bottom[b] = format!("{}_{k}", split(top));
                *k += 1;
            }
        }
        let origin = planned.origin;
        let mut splits = Vec::new();
        for t in 0..planned.param.top.len() {
            let count = readers.get(&(i, t)).copied().unwrap_or(0);
            if count < 2 {
                continue;
            }
            let name = split((i, t));
            let mut param = LayerParameter {
                top: (0..count).map(|k| format!("{name}_{k}")).collect(),
                bottom: vec![planned.param.top[t].clone()],
                r#type: Some("Split".into()),
                name: Some(name.clone()),
                ..Default::default()
            };
            let weight = planned.loss_weight(t);
            if weight != 0.0 {
                planned.set_loss_weight(t, 0.0);
                param.loss_weight = vec![weight];
                param.loss_weight.resize(count, 0.0);
                taken.insert((i, t), 1);
            }
            splits.push(Planned { layer: layers.create(&param)?, name, param, origin });
        }
        result.push(planned);
        result.extend(splits);
    }
    Ok(result)
}
