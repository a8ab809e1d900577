//! Reads, builds and describes the nets and solvers that the commands work with.

use super::Failure;
use super::args::Args;
use cortado::data::mnist;
use cortado::log::number;
use cortado::net::Keep;
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Log, Net, Phase, Result, Solver, files, net, solver};
use std::path::Path;

/// The phase that `--phase` names.
pub fn phase(args: &Args) -> Result<Option<Phase>, Failure> {
    let name = args.choice("phase", &["TRAIN", "TEST"])?;
    Ok(name.map(|name| if name == "TRAIN" { Phase::Train } else { Phase::Test }))
}

/// A net's message; one in an old format is upgraded.
pub fn read(path: &Path) -> Result<NetParameter> {
    let mut parsed = text::read::<NetParameter>(path)?;
    parsed.upgrade()?;
    Ok(parsed.message)
}

/// The builder of a prototxt's net in the flags' state; makes MNIST's databases if the net names them.
pub fn builder(args: &Args, path: &Path, phase: Phase, log: &Log) -> Result<net::Builder, Failure> {
    ensure_mnist(&read(path)?, path.parent(), log)?;
    let builder = net::Builder::read(path)?.phase(phase).stages(args.list("stage")).log(log);
    Ok(match args.number("level")? {
        Some(level) => builder.level(level),
        None => builder,
    })
}

/// The builder of a prototxt's solver with the flags' state and seed; makes MNIST's databases if its nets name them.
pub fn solver_builder(args: &Args, path: &Path, log: &Log) -> Result<solver::Builder, Failure> {
    let mut builder = solver::Builder::read(path)?.stages(args.list("stage")).log(log);
    if let Some(level) = args.number("level")? {
        builder = builder.level(level);
    }
    if let Some(seed) = args.number("seed")? {
        builder = builder.seed(seed);
    }
    ensure_mnist_of_solver(builder.param_mut(), path.parent(), log)?;
    Ok(builder)
}

/// Builds the net of `--model` on the device of the flags.
pub fn make(args: &Args, phase: Phase, keep: Keep, log: &Log) -> Result<Net, Failure> {
    let path = files::find(args.need("model")?, None)?;
    let net = builder(args, &path, phase, log)?.keep(keep).device(&super::device(args, false, log)?).make()?;
    describe(&net, log)?;
    Ok(net)
}

/// Builds the solver of a file, changed by `change`, on the device that the flags or the file ask for.
pub fn make_solver(
    args: &Args,
    file: &str,
    log: &Log,
    change: impl FnOnce(solver::Builder) -> solver::Builder,
) -> Result<Solver, Failure> {
    let builder = solver_builder(args, &files::find(file, None)?, log)?.keep(Keep::Needed);
    let device = super::device(args, builder.wants_cpu(), log)?;
    let mut solver = change(builder.device(&device)).make()?;
    describe(solver.net(), log)?;
    for i in 0..solver.test_nets() {
        describe(solver.test_net(i)?, log)?;
    }
    Ok(solver)
}

/// Writes a net's layers to the log, in Caffe's words.
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
            let count: usize = dims.iter().product();
            let shape: String = dims.iter().map(|d| format!("{d} ")).collect();
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
        // A file that cannot be read is left to the solver, whose error names the line.
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
