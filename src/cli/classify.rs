//! `cortado classify`: says what images show.

use super::args::{Args, Command, Flag};
use super::{DEVICE, Done, Failure, STATE, nets, say, usage};
use cortado::classifier::Classifier;
use cortado::data::binaryproto;
use cortado::error::{Error, Kind, Result};
use cortado::net::Keep;
use cortado::{Log, Phase, files, io};
use ndarray::{ArrayD, ArrayView1, IxDyn};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "classify",
    words: "IMAGE..",
    about: "says what images show, the most probable classes first\n\n\
            An image is a PNG or a JPEG, and is resized to the input's size.\n\
            The net is a deploy.prototxt. As Caffe's nets were trained, the channels of a colour image are taken in the\n\
            order blue, green, red, and its values from 0 to 255; the first line of the output says what was assumed.",
    flags: &[&[
        Flag { name: "model",        value: "FILE",       about: "the net's prototxt" },
        Flag { name: "weights",      value: "FILE,..",    about: "the trained weights, .caffemodel" },
        Flag { name: "labels",       value: "FILE",       about: "the classes' names, one a line; numbers if not given" },
        Flag { name: "mean",         value: "FILE|B,G,R", about: "what to subtract: a .binaryproto, a .npy, or a value for each channel" },
        Flag { name: "image_dims",   value: "H,W",        about: "resize images to this size, then crop them; the input's size if not given" },
        Flag { name: "channel_swap", value: "2,1,0",      about: "the order of red, green, blue (0,1,2) in the input; 2,1,0 if not given" },
        Flag { name: "raw_scale",    value: "X",          about: "multiplies the values, which are from 0 to 1; 255 if not given" },
        Flag { name: "input_scale",  value: "X",          about: "multiplies what remains after the mean was subtracted" },
        Flag { name: "oversample",   value: "",           about: "average over ten crops: corners, centre, mirrored" },
        Flag { name: "top",          value: "N",          about: "how many classes to name; 5 if not given" },
    ], STATE, DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    if args.words.is_empty() {
        return Err(usage("classify needs at least one image"));
    }
    let (dims, swap) = (numbers(args, "image_dims")?, numbers(args, "channel_swap")?);
    let (raw_scale, input_scale) = (args.number("raw_scale")?.unwrap_or(255.0), args.number("input_scale")?);
    let top = args.count("top")?.unwrap_or(5);
    let log = Log::from_env();
    let mut net = nets::make(args, Phase::Test, Keep::All, &log)?;
    nets::load_weights(args, &mut net, &log)?;
    let mut classifier = Classifier::new(net)?;
    let [_, c, h, w] = classifier.input_shape();
    if c != 1 && c != 3 {
        let e = Error::shape(format!("the net's input has {c} channels; images have 1 or 3"));
        return Err(e.into());
    }
    match dims.as_deref() {
        None => {}
        Some(&[h, w]) => classifier.set_image_dims([h, w])?,
        Some(_) => return Err(usage("--image_dims: give H,W, as in --image_dims 256,256")),
    }
    let swap = swap.unwrap_or(if c == 3 { vec![2, 1, 0] } else { vec![0] });
    let transformer = &mut classifier.transformer;
    transformer.set_channel_swap(&swap)?;
    transformer.set_raw_scale(raw_scale);
    if let Some(mean) = args.get("mean") {
        transformer.set_mean(&read_mean(mean)?)?;
    }
    if let Some(scale) = input_scale {
        transformer.set_input_scale(scale);
    }
    let labels = args.get("labels").map(read_labels).transpose()?;
    let channels: Vec<&str> = swap.iter().filter_map(|&i| ["red", "green", "blue"].get(i).copied()).collect();
    say(format!(
        "Input {c} x {h} x {w}: {}, from 0 to {raw_scale}, minus {}, times {}; {}",
        if c == 1 { "grey".into() } else { channels.join(", ") },
        args.get("mean").map_or("no mean".into(), |mean| format!("the mean {mean}")),
        input_scale.unwrap_or(1.0f32),
        if args.get("oversample").is_some() { "the mean of ten crops" } else { "the image's middle" },
    ));
    for file in &args.words {
        let image = io::load_image(files::find(file, None)?, c == 3)?;
        let prob = classifier.predict(&[image], args.get("oversample").is_some())?;
        say(file);
        name_best(prob.row(0), labels.as_deref(), top)?;
    }
    Ok(())
}

/// Names the classes of the largest values.
fn name_best(prob: ArrayView1<f32>, labels: Option<&[String]>, top: usize) -> Result<()> {
    if let Some(labels) = labels.filter(|labels| labels.len() != prob.len()) {
        let what = format!("{} labels for a net of {} classes", labels.len(), prob.len());
        return Err(Error::new(Kind::Data, what).hint("give a file with one line for each class"));
    }
    let mut order: Vec<usize> = (0..prob.len()).collect();
    order.sort_by(|&a, &b| prob[b].total_cmp(&prob[a]));
    for &class in order.iter().take(top) {
        let label = labels.map_or_else(|| class.to_string(), |labels| labels[class].clone());
        say(format!("  {:.4}  {label}", prob[class]));
    }
    Ok(())
}

/// A mean of a file, or of values between commas.
fn read_mean(mean: &str) -> Result<ArrayD<f32>> {
    let values: Option<Vec<f32>> = mean.split(',').map(|x| x.trim().parse().ok()).collect();
    if let Some(values) = values {
        return Ok(ndarray::Array1::from_vec(values).into_dyn());
    }
    let path = files::find(mean, None)?;
    let (shape, values) =
        binaryproto::read(&path, "the mean", "give a .binaryproto, a .npy, or values as in 104,117,123")?;
    ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|e| Error::shape(e.to_string()))
}

fn read_labels(file: &str) -> Result<Vec<String>> {
    let path = files::find(file, None)?;
    let text = std::fs::read_to_string(&path).map_err(|e| Error::file(&path, "read", e))?;
    Ok(text.lines().map(|line| line.trim().to_string()).collect())
}

fn numbers(args: &Args, flag: &str) -> Result<Option<Vec<usize>>, Failure> {
    let parse = |value: &str| {
        let numbers: Option<Vec<usize>> = value.split(',').map(|x| x.trim().parse().ok()).collect();
        numbers.ok_or_else(|| usage(format!("--{flag} {value}: give numbers, with commas between them")))
    };
    args.get(flag).map(parse).transpose()
}
