//! What stands in for data that are not there, when a net is only looked at: an Input layer of an assumed shape.

use super::args::Args;
use super::{Failure, usage};
use cortado::files;
use cortado::proto::{BlobShape, InputParameter, LayerParameter, NetParameter, NetState};
use std::path::Path;

/// What is assumed where nothing tells: a colour image of the size that most nets of ImageNet take.
const SAMPLE: [usize; 3] = [3, 224, 224];

/// The shape of a sample that `--data-shape C,H,W` gives.
pub fn data_shape(args: &Args) -> Result<Option<Vec<usize>>, Failure> {
    let Some(given) = args.get("data_shape") else { return Ok(None) };
    let dims: Option<Vec<usize>> = given.split(',').map(|d| d.trim().parse().ok().filter(|&d| d > 0)).collect();
    let wrong = || usage(format!("--data_shape {given}: give the sizes with commas between them, as in 3,227,227"));
    dims.filter(|dims| dims.len() <= 31).map(Some).ok_or_else(wrong)
}

/// Replaces the data layers of this state whose data are missing by Input layers; a sentence about each says what was assumed. A layer that
/// would write a file becomes a Silence.
pub fn for_data(
    net: &mut NetParameter,
    state: &NetState,
    folder: Option<&Path>,
    given: Option<Vec<usize>>,
) -> Vec<String> {
    let mut assumed = Vec::new();
    for layer in net.layer.iter_mut().filter(|layer| layer.is_in(state)) {
        if layer.r#type() == "HDF5Output" {
            layer.r#type = Some("Silence".into());
            continue;
        }
        let Some((source, batch, sample)) = data_of(layer) else { continue };
        if layer.r#type() == "Data" && files::find(&source, folder).is_ok() {
            continue;
        }
        let sample = given.clone().unwrap_or(sample);
        let dims = |dims: &[usize]| BlobShape { dim: dims.iter().map(|&d| d as i64).collect() };
        let first = [&[batch], &sample[..]].concat();
        let shapes = (0..layer.top.len()).map(|t| if t == 0 { dims(&first) } else { dims(&[batch]) });
        let shape = first.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        let missing = if source.is_empty() { "its data".into() } else { format!("\"{source}\"") };
        assumed.push(format!("layer \"{}\": {missing} is not looked at; a batch of {shape} is assumed", layer.name()));
        *layer = LayerParameter {
            name: layer.name.take(),
            r#type: Some("Input".into()),
            top: std::mem::take(&mut layer.top),
            input_param: Some(InputParameter { shape: shapes.collect() }),
            include: std::mem::take(&mut layer.include),
            exclude: std::mem::take(&mut layer.exclude),
            ..LayerParameter::default()
        };
    }
    assumed
}

/// A data layer's source, its batch size, and what can be told of a sample's shape.
fn data_of(layer: &LayerParameter) -> Option<(String, usize, Vec<usize>)> {
    let size = |n: Option<u32>| n.filter(|&n| n > 0).map(|n| n as usize);
    let transform = layer.transform_param.clone().unwrap_or_default();
    let (source, batch, mut crop, mut known) = match layer.r#type() {
        "Data" => {
            let p = layer.data_param.clone().unwrap_or_default();
            (p.source().to_string(), p.batch_size, None, None)
        }
        "ImageData" => {
            let p = layer.image_data_param.clone().unwrap_or_default();
            let channels = if p.is_color() { 3 } else { 1 };
            let known = size(p.new_height).zip(size(p.new_width)).map(|(h, w)| vec![channels, h, w]);
            let known = known.or((!p.is_color()).then(|| vec![1, SAMPLE[1], SAMPLE[2]]));
            (p.source().to_string(), p.batch_size.or(Some(1)), p.crop_size, known)
        }
        "WindowData" => {
            let p = layer.window_data_param.clone().unwrap_or_default();
            (p.source().to_string(), p.batch_size, p.crop_size, None)
        }
        "HDF5Data" => {
            let p = layer.hdf5_data_param.clone().unwrap_or_default();
            (p.source().to_string(), p.batch_size, None, None)
        }
        "MemoryData" => {
            let p = layer.memory_data_param.unwrap_or_default();
            let whole = [size(p.channels), size(p.height), size(p.width)].into_iter().collect::<Option<Vec<usize>>>();
            (String::new(), p.batch_size, None, whole)
        }
        _ => return None,
    };
    crop = transform.crop_size.or(crop);
    let small = [("mnist", [1, 28, 28]), ("cifar", [3, 32, 32])];
    let by_name =
        small.iter().find(|(name, _)| source.to_ascii_lowercase().contains(name)).map(|(_, dims)| dims.to_vec());
    let mut sample = known.take().or(by_name).unwrap_or(SAMPLE.to_vec());
    if transform.mean_value.len() > 1 {
        sample[0] = transform.mean_value.len();
    }
    if transform.force_gray() {
        sample[0] = 1;
    }
    if let Some(crop) = size(crop) {
        (sample[1], sample[2]) = (crop, crop);
    }
    Some((source, size(batch).unwrap_or(1), sample))
}

/// Leaves the fillers out: shapes need no first values.
pub fn without_fillers(net: &mut NetParameter) {
    for layer in &mut net.layer {
        if let Some(p) = &mut layer.convolution_param {
            (p.weight_filler, p.bias_filler) = (None, None);
        }
        if let Some(p) = &mut layer.inner_product_param {
            (p.weight_filler, p.bias_filler) = (None, None);
        }
        layer.blobs.clear();
    }
}
