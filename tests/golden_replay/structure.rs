//! What a net is built to: layers after filtering and splitting, their bottoms and tops, shapes, loss weights.

use super::{Case, Replay, Stop, check, data, known};
use cortado::net::Builder;
use cortado::proto::{NetParameter, text};
use cortado::{Net, Phase};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Nets by their place in Caffe's tree, and by ours.
const OURS: &[(&str, &str)] = &[
    ("examples/mnist/lenet_train_test.prototxt", "proto/lenet_train_test.prototxt"),
    ("examples/mnist/lenet.prototxt", "proto/lenet.prototxt"),
    (GOOGLENET, "proto/zoo/googlenet.prototxt"),
];

/// Ours is one file, which is for work with the stage "deploy", and has a batch of one; Caffe's has ten.
const GOOGLENET: &str = "models/bvlc_googlenet/deploy.prototxt";

/// A case for each net of the file.
pub fn parts(case: &Case) -> Vec<Case> {
    let nets: Value = read(case);
    let part = |key: &String| Case {
        entry: case.entry.clone(),
        part: Some(key.clone()),
        dir: case.dir.clone(),
        device: case.device.clone(),
    };
    nets.as_object().unwrap().iter().filter(|(_, net)| net.is_object()).map(|(key, _)| part(key)).collect()
}

fn read(case: &Case) -> Value {
    let json = case.file(".json").unwrap();
    serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap()
}

/// The key is `FILE:PHASE`, and perhaps `+stages=[STAGE,..],level=N`.
pub fn replay(case: &Case) -> Replay {
    let key = case.part.as_deref().unwrap_or_default();
    let (file, state) = key.split_once(':').ok_or_else(|| Stop::Failed(format!("no phase in {key}")))?;
    let (phase, rest) = state.split_once('+').unwrap_or((state, ""));
    let path = match OURS.iter().find(|(theirs, _)| *theirs == file) {
        Some((_, ours)) => super::root().join(ours),
        None => case.dir.join(file),
    };
    if !path.is_file() {
        return Err(Stop::NotKnown(format!("no {file} in proto/")));
    }
    let mut net = with_databases(&path)?;
    known(&net)?;
    if file == GOOGLENET {
        net.layer.iter_mut().filter_map(|l| l.input_param.as_mut()).for_each(|input| input.shape[0].dim[0] = 10);
    }
    let mut builder = Net::build(&net).stages((file == GOOGLENET).then_some("deploy")).phase(if phase == "TRAIN" {
        Phase::Train
    } else {
        Phase::Test
    });
    if let Some((stages, level)) = rest.strip_prefix("stages=[").and_then(|r| r.split_once("],level=")) {
        builder = stages.split(',').fold(builder, Builder::stage);
        builder = builder.level(level.parse().map_err(|e| Stop::Failed(format!("{key}: {e}")))?);
    } else {
        check(rest.is_empty(), || format!("{key}: what is {rest}?"))?;
    }
    let net = builder.device(&case.device).make()?;
    let differences = differences(&net, &read(case)[key])?;
    check(differences.is_empty(), || differences.join("\n    "))
}

/// The net of a file, its Data layers pointed at databases made of `data/mnist`.
fn with_databases(path: &PathBuf) -> Replay<NetParameter> {
    let mut net = text::read::<NetParameter>(path)?.message;
    for source in net.layer.iter_mut().filter_map(|l| l.data_param.as_mut()?.source.as_mut()) {
        *source = data::database(source)?;
    }
    Ok(net)
}

/// In what a net differs from the recorded structure.
pub fn differences(net: &Net, theirs: &Value) -> Replay<Vec<String>> {
    let layers = net.layer_names();
    let mut ours = Map::new();
    ours.insert("layer_names".into(), json!(layers));
    ours.insert("layer_types".into(), layers.iter().map(|l| net.layer_type(l)).collect::<cortado::Result<Value>>()?);
    let (mut bottoms, mut tops, mut params) = (Map::new(), Map::new(), Map::new());
    for layer in &layers {
        bottoms.insert(layer.to_string(), json!(net.bottom_names(layer)?));
        tops.insert(layer.to_string(), json!(net.top_names(layer)?));
        let shapes: Vec<&[usize]> = net.params(layer)?.iter().map(|blob| blob.shape()).collect();
        if !shapes.is_empty() {
            params.insert(layer.to_string(), json!(shapes));
        }
    }
    let (mut blobs, mut weights) = (Map::new(), Map::new());
    for (blob, weight) in net.blob_loss_weights() {
        blobs.insert(blob.into(), json!(net.data(blob)?.shape()));
        weights.insert(blob.into(), json!(weight as f64));
    }
    ours.insert("bottom_names".into(), bottoms.into());
    ours.insert("top_names".into(), tops.into());
    ours.insert("blobs".into(), blobs.into());
    ours.insert("blob_loss_weights".into(), weights.into());
    ours.insert("inputs".into(), json!(net.inputs()));
    ours.insert("outputs".into(), json!(net.outputs()));
    ours.insert("params".into(), params.into());

    // As text, so that the order counts as well.
    let theirs = theirs.as_object().ok_or_else(|| Stop::Failed("no structure is recorded".into()))?;
    let differs = |(field, want): (&String, &Value)| {
        let (got, want) = (ours.get(field)?.to_string(), want.to_string());
        (got != want).then(|| format!("{field}: got {got}\n      want {want}"))
    };
    let unknown = theirs.keys().filter(|field| !ours.contains_key(*field)).map(|field| format!("what is {field}?"));
    Ok(theirs.iter().filter_map(differs).chain(unknown).collect())
}
