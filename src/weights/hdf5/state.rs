//! A solver's state in HDF5: `iter`, `learned_net`, `current_step` and `history/i`, as Caffe has them; and what only
//! Cortado writes and Caffe skips: `seed`, `pass`, `type`, and where the data layers stood, `samples` of the `layers`.

use super::{Reader, Tree, encode as finish};
use crate::proto::{LayerPosition, SolverState};
use crate::{Kind, Result, proto::BlobProto};
use hdf5_pure::{FileBuilder, Group};
use std::path::Path;

pub(crate) fn read(path: &Path) -> Result<SolverState> {
    let reader = Reader::open(path, Kind::Weights)?;
    let root = reader.root();
    let (groups, arrays) = reader.members(&root, "")?;
    let has = |name: &str| arrays.iter().any(|array| array == name);
    let number = |name: &str| match has(name) {
        false => Ok(None),
        true => match reader.integers(&root, name)?[..] {
            [n] => Ok(Some(n)),
            ref all => Err(reader.broken(name, format!("{} numbers instead of one", all.len()))),
        },
    };
    let text = |name: &str| Ok(if has(name) { reader.texts(&root, name)?.into_iter().next() } else { None });
    let small = |name: &str| match number(name)?.map(i32::try_from) {
        Some(Err(_)) => Err(reader.broken(name, "not a number of iterations")),
        Some(Ok(n)) => Ok(Some(n)),
        None => Ok(None),
    };
    if !has("iter") || !groups.iter().any(|group| group == "history") {
        return Err(reader.broken("", "it has no \"iter\" or no \"history\", so it is no .solverstate.h5"));
    }
    let position = match has("layers") && has("samples") {
        false => Vec::new(),
        true => {
            let (layers, samples) = (reader.texts(&root, "layers")?, reader.integers(&root, "samples")?);
            if layers.len() != samples.len() {
                return Err(reader.broken("samples", format!("{} of {} layers", samples.len(), layers.len())));
            }
            let pairs = layers.into_iter().zip(samples);
            pairs.map(|(layer, samples)| LayerPosition { layer: Some(layer), samples: Some(samples) }).collect()
        }
    };
    Ok(SolverState {
        iter: small("iter")?,
        learned_net: text("learned_net")?,
        history: history(&reader, &root)?,
        current_step: small("current_step")?,
        seed: number("seed")?,
        pass: number("pass")?,
        position,
        r#type: text("type")?,
    })
}

fn history(reader: &Reader, root: &Group) -> Result<Vec<BlobProto>> {
    let group = reader.group(root, "history", "history")?;
    let count = reader.members(&group, "history")?.1.len();
    (0..count).map(|i| reader.blob(&group, &i.to_string(), &format!("history/{i}"))).collect()
}

pub(crate) fn encode(state: &SolverState) -> Result<Vec<u8>> {
    let mut file = FileBuilder::new();
    for (name, value) in [("iter", state.iter), ("current_step", state.current_step)] {
        file.create_dataset(name).with_i32_data(&[value.unwrap_or(0)]).with_shape(&[1]);
    }
    for (name, value) in [("seed", state.seed), ("pass", state.pass)] {
        if let Some(value) = value {
            file.create_dataset(name).with_u64_data(&[value]).with_shape(&[1]);
        }
    }
    for (name, text) in [("learned_net", &state.learned_net), ("type", &state.r#type)] {
        if let Some(text) = text {
            texts(&mut file, name, &[text], &[])?;
        }
    }
    if !state.position.is_empty() {
        let count = [state.position.len() as u64];
        let layers: Vec<&str> = state.position.iter().map(LayerPosition::layer).collect();
        texts(&mut file, "layers", &layers, &count)?;
        let samples: Vec<u64> = state.position.iter().map(LayerPosition::samples).collect();
        file.create_dataset("samples").with_u64_data(&samples).with_shape(&count);
    }
    let mut history = Tree::new("history");
    for (i, blob) in state.history.iter().enumerate() {
        history.put(i, &blob.data, blob.shape.as_ref().map_or(&[], |shape| &shape.dim));
    }
    file.add_group(history.finish());
    finish(file)
}

/// C reads a text up to a zero, so one is written.
fn texts(file: &mut FileBuilder, name: &str, texts: &[&str], shape: &[u64]) -> Result {
    let width = texts.iter().map(|text| text.len()).max().unwrap_or(0) as u32 + 1;
    let array = file.create_dataset(name);
    let array = array.with_strings_sized(texts, width).map_err(|e| crate::Error::value(format!("{name}: {e}")))?;
    array.with_shape(shape);
    Ok(())
}
