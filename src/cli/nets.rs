//! What commands do with the nets that they are given, before they build them.

use super::args::{Args, Usage};
use cortado::data::mnist;
use cortado::log::number;
use cortado::net::Keep;
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Log, Net, Phase, Result, Solver, files, net};
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

/// A net's message, an old one brought up to date.
pub fn read(path: &Path) -> Result<NetParameter> {
    let mut parsed = text::read::<NetParameter>(path)?;
    parsed.upgrade()?;
    Ok(parsed.message)
}

/// Builds the net of `--model` with the flags' state, seed, device and log; MNIST's databases are made if it names them.
pub fn make(args: &Args, phase: Phase, keep: Keep, log: &Log) -> Result<Net, super::Failure> {
    let model = args.need("model")?;
    let level = args.number("level")?;
    let path = files::find(model, None)?;
    ensure_mnist(&read(&path)?, path.parent(), log)?;
    let mut builder = net::Builder::read(&path)?.phase(phase).keep(keep).device(&super::device(args, log)?).log(log);
    if let Some(level) = level {
        builder = builder.level(level);
    }
    let net = builder.stages(args.list("stage")).make()?;
    describe(&net, log)?;
    Ok(net)
}

/// A net's layers in the log, in Caffe's words.
pub fn describe(net: &Net, log: &Log) -> Result<()> {
    let mut bytes = 0;
    for layer in net.layer_names() {
        log.info(|| format!("Setting up {layer}"));
        let bottoms = net.bottom_names(layer)?;
        for bottom in &bottoms {
            log.info(|| format!("{layer} <- {bottom}"));
        }
        for top in net.top_names(layer)? {
            let in_place = if bottoms.contains(&top) { " (in-place)" } else { "" };
            log.info(|| format!("{layer} -> {top}{in_place}"));
            let dims = net.shape(top)?;
            let (shape, count) =
                (dims.iter().map(|d| format!("{d} ")).collect::<String>(), dims.iter().product::<usize>());
            log.info(|| format!("Top shape: {shape}({count})"));
            if net.loss_weight(top) != 0.0 {
                log.info(|| format!("    with loss weight {}", number(net.loss_weight(top))));
            }
            bytes += 4 * count as u64;
        }
        log.info(|| format!("Memory required for data: {bytes}"));
    }
    for layer in net.layer_names().into_iter().rev() {
        let needs = if net.propagates_down(layer)?.0 { "needs" } else { "does not need" };
        log.info(|| format!("{layer} {needs} backward computation."));
    }
    for name in net.outputs() {
        log.info(|| format!("This network produces output {name}"));
    }
    log.info(|| "Network initialization done.".into());
    Ok(())
}

/// Describes all nets of a solver.
pub fn describe_all(solver: &mut Solver, log: &Log) -> Result<()> {
    describe(solver.net(), log)?;
    for i in 0..solver.test_nets() {
        describe(solver.test_net(i)?, log)?;
    }
    Ok(())
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
            && let Ok(net) = read(&path)
        {
            ensure_mnist(&net, path.parent(), log)?;
        }
    }
    Ok(())
}

/// Makes MNIST's databases if the net names them and they are not there.
pub fn ensure_mnist(net: &NetParameter, folder: Option<&Path>, log: &Log) -> Result<()> {
    let mut sources = net.layer.iter().filter_map(|layer| Some(layer.data_param.as_ref()?.source()));
    let missing = sources.any(|source| mnist::is_lmdb(source) && files::find(source, folder).is_err());
    if missing && let Ok(root) = files::root() {
        log.info(|| format!("Making MNIST's databases in {}", root.join("data").display()));
        mnist::ensure_lmdb(root)?;
    }
    Ok(())
}
