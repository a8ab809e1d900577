//! A net as boxes and lines: a box is a layer with those that compute in place on its tops; Splits are only lines.

use crate::explain::ReceptiveField;
use crate::net::{Net, Step};
use crate::proto::{LayerParameter, NetParameter, text};
use std::collections::HashMap;

/// What a drawing tells of a layer.
pub(super) struct Card {
    pub name: String,
    pub kind: String,
    pub param: LayerParameter,
    /// Each blob's name, shape, and the card of the layer that makes it.
    pub bottoms: Vec<(String, Vec<usize>, Option<usize>)>,
    pub tops: Vec<(String, Vec<usize>)>,
    /// Each parameter's shape, and whether an earlier layer owns it.
    pub params: Vec<(Vec<usize>, bool)>,
    /// In a forward pass of the whole batch.
    pub multiply_adds: u64,
    /// Of its first top.
    pub fields: Vec<ReceptiveField>,
}

/// The cards in the order of the layers; boxes of cards; lines between boxes, with the card that is left and the blob's name.
#[derive(Default)]
pub(super) struct Graph {
    pub cards: Vec<Card>,
    pub boxes: Vec<Vec<usize>>,
    pub lines: Vec<Line>,
}

pub(super) struct Line {
    pub from: usize,
    pub to: usize,
    pub blob: String,
    pub shape: Vec<usize>,
}

impl Card {
    /// The layer as the prototxt has it, without weights.
    pub fn prototxt(&self) -> String {
        let param = LayerParameter { blobs: Vec::new(), ..self.param.clone() };
        text::print(&NetParameter { layer: vec![param], ..Default::default() })
    }

    pub fn param_count(&self) -> usize {
        self.params.iter().map(|(shape, _)| shape.iter().product::<usize>()).sum()
    }
}

impl Graph {
    /// The graph of a net; `param` is the message that it was built from, or one with the same layers.
    pub fn of(net: &Net, param: &NetParameter) -> Graph {
        let (mut graph, fields) = (Graph::default(), net.all_receptive_fields());
        // A Split's tops are its bottom; the card and the box that made each blob version.
        let (mut original, mut maker, mut own_box): (HashMap<usize, usize>, HashMap<usize, usize>, Vec<usize>) =
            Default::default();
        let mut seen = vec![false; net.store().len()];
        for step in &net.steps {
            let bottoms: Vec<usize> = step.bottom.iter().map(|id| original.get(id).copied().unwrap_or(*id)).collect();
            if step.kind == "Split" {
                original.extend(step.top.iter().zip(bottoms.iter().cycle()).map(|(&top, &bottom)| (top, bottom)));
                continue;
            }
            let card = graph.cards.len();
            let name = |id: &usize| net.names[net.owner[*id]].name.clone();
            let shape = |id: &usize| net.blobs[*id].shape().to_vec();
            graph.cards.push(Card {
                name: step.name.clone(),
                kind: kind(step, param),
                param: param.layer.get(step.origin).unwrap_or(&step.param).clone(),
                bottoms: bottoms.iter().map(|id| (name(id), shape(id), maker.get(id).copied())).collect(),
                tops: step.top.iter().map(|id| (name(id), shape(id))).collect(),
                params: step
                    .params
                    .iter()
                    .zip(&step.shapes)
                    .map(|(&p, s)| (s.clone(), std::mem::replace(&mut seen[p], true)))
                    .collect(),
                multiply_adds: net.multiply_adds_of(step),
                fields: step.top.first().and_then(|id| fields.get(id)).cloned().unwrap_or_default(),
            });
            let in_place = match (&step.bottom[..], &step.top[..]) {
                ([bottom], [top]) if net.owner[*bottom] == net.owner[*top] => maker.get(&bottoms[0]),
                _ => None,
            };
            match in_place {
                Some(&made) => {
                    own_box.push(own_box[made]);
                    graph.boxes[own_box[made]].push(card);
                }
                None => {
                    own_box.push(graph.boxes.len());
                    for bottom in &bottoms {
                        let Some(from) = maker.get(bottom).map(|&made| own_box[made]) else { continue };
                        let line = Line { from, to: graph.boxes.len(), blob: name(bottom), shape: shape(bottom) };
                        graph.lines.push(line);
                    }
                    graph.boxes.push(vec![card]);
                }
            }
            maker.extend(step.top.iter().map(|&top| (top, card)));
        }
        graph
    }
}

/// The layer's type in the prototxt: a data layer whose data are missing is built as another.
fn kind(step: &Step, param: &NetParameter) -> String {
    param.layer.get(step.origin).map_or(&step.kind, |layer| layer.r#type.as_ref().unwrap_or(&step.kind)).clone()
}
