//! Data layers: batches read from databases, which are made here.

use super::{Case, Golden, Replay, Stop, known};
use cortado::Net;
use cortado::data::mnist;
use cortado::layers::MemoryData;
use cortado::proto::{NetParameter, text};
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The path of MNIST's database of the same name, made of `data/mnist` at the first call.
pub fn database(source: &str) -> Replay<String> {
    static MADE: OnceLock<Result<TempDir, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let out = tempfile::tempdir().map_err(|e| e.to_string())?;
        mnist::convert(super::root().join("data/mnist"), &out, false).map_err(|e| e.to_string())?;
        Ok(out)
    });
    let folder = made.as_ref().map_err(|e| Stop::Failed(e.clone()))?;
    let name = Path::new(source).file_name().unwrap_or_default();
    Ok(folder.path().join(name).to_string_lossy().into_owned())
}

pub fn replay(case: &Case) -> Replay {
    let prototxt = case.file(".prototxt")?;
    let mut param = text::read::<NetParameter>(&prototxt)?.message;
    known(&param)?;
    let mut golden = case.values()?;
    for source in param.layer.iter_mut().filter_map(|l| l.data_param.as_mut()?.source.as_mut()) {
        *source = database(source)?;
    }
    // The case `data_mean_file` has the arrays `mean_file/..`.
    let name = case.name();
    let room = name.strip_prefix("data_").or(name.strip_suffix("data")).unwrap_or(&name);
    let batches = golden.under(&format!("{room}/data")).len();
    expect_batches(case, &mut golden, &param, room, batches)?;
    for more in ["even", "crop"].map(|more| format!("{room}_{more}")) {
        if golden.has(&format!("{more}/data0")) {
            // Recorded besides, without a file of its own: another crop, and no scale.
            let size = golden.array(&format!("{more}/data0")).shape()[3];
            for layer in &mut param.layer {
                let transform = layer.transform_param.get_or_insert_default();
                (transform.crop_size, transform.scale) = (Some(size as u32), None);
            }
            expect_batches(case, &mut golden, &param, &more, batches)?;
        }
    }
    golden.finish_under(&format!("{room}/"))
}

/// Builds the net and compares its batches with the arrays `ROOM/data0`, `ROOM/label0` and so on.
fn expect_batches(case: &Case, golden: &mut Golden, param: &NetParameter, room: &str, batches: usize) -> Replay {
    let mut net = case.builder(Net::build(param).folder(case.file(".prototxt")?.parent().unwrap())).make()?;
    if let &[layer] = &net.layers_of_type("MemoryData")[..] {
        let (layer, x, labels) =
            (layer.to_string(), golden.array(&format!("{room}/in_data")), golden.array(&format!("{room}/in_label")));
        net.layer_mut::<MemoryData>(&layer)?.set_input_arrays(&x, &labels)?;
    }
    for batch in 0..batches {
        net.forward()?;
        for blob in ["data", "label"] {
            golden.expect(&format!("{room}/{blob}{batch}"), net.data(blob)?);
        }
    }
    Ok(())
}
