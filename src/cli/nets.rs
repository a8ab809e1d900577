//! What commands do with the nets that they are given, before they build them.

use super::args::{Args, Usage};
use cortado::data::mnist;
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Log, Net, Phase, Result, files, net};
use std::path::Path;

/// The phase that a flag names.
pub fn phase(args: &Args, default: Phase) -> Result<Phase, Usage> {
    match args.get("phase").map(str::to_uppercase).as_deref() {
        None => Ok(default),
        Some("TRAIN") => Ok(Phase::Train),
        Some("TEST") => Ok(Phase::Test),
        Some(other) => Err(args.command.usage(format!("--phase {other}: the phases are TRAIN and TEST"))),
    }
}

/// Builds the net of `--model` with the flags' state, seed, device and log; MNIST's databases are made if it names them.
pub fn make(args: &Args, phase: Phase, log: &Log) -> Result<Net, super::Failure> {
    let model = args.need("model")?;
    let level = args.number("level")?;
    let path = files::find(model, None)?;
    ensure_mnist(&text::read::<NetParameter>(&path)?.message, path.parent(), log)?;
    let mut builder = net::Builder::read(&path)?.phase(phase).device(&super::device(args, log)?).log(log);
    if let Some(level) = level {
        builder = builder.level(level);
    }
    Ok(args.list("stage").into_iter().fold(builder, |b, stage| b.stage(stage)).make()?)
}

/// Reads the weights of `--weights a,b` into the net, one after another.
pub fn load_weights(args: &Args, net: &mut Net, log: &Log) -> Result<()> {
    for file in args.list("weights") {
        log.info(|| format!("Finetuning from {file}"));
        let report = net.copy_trained_layers_from(files::find(file, None)?)?;
        for name in &report.unused {
            log.info(|| format!("Ignoring source layer {name}"));
        }
        for name in &report.left_new {
            log.info(|| format!("Layer {name} is not in {file} and stays as it is"));
        }
    }
    Ok(())
}

/// Makes MNIST's databases if one of the solver's nets names them and they are not there.
pub fn ensure_mnist_of_solver(p: &SolverParameter, folder: Option<&Path>, log: &Log) -> Result<()> {
    for net in p.net_param.iter().chain(&p.train_net_param).chain(&p.test_net_param) {
        ensure_mnist(net, folder, log)?;
    }
    for file in p.net.iter().chain(&p.train_net).chain(&p.test_net) {
        // A file that cannot be read is the solver's to complain about, who knows where it is named.
        if let Ok(path) = files::find(file, folder)
            && let Ok(net) = text::read::<NetParameter>(&path)
        {
            ensure_mnist(&net.message, path.parent(), log)?;
        }
    }
    Ok(())
}

fn ensure_mnist(net: &NetParameter, folder: Option<&Path>, log: &Log) -> Result<()> {
    let mut sources = net.layer.iter().filter_map(|layer| Some(layer.data_param.as_ref()?.source()));
    let missing = sources.any(|source| mnist::is_lmdb(source) && files::find(source, folder).is_err());
    if missing && let Ok(root) = files::root() {
        log.info(|| format!("Making MNIST's databases in {}", root.join("data").display()));
        mnist::ensure_lmdb(root)?;
    }
    Ok(())
}
