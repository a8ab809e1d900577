//! Reads, builds and describes the nets and solvers that the commands work with.

use super::Failure;
use super::args::Args;
use cortado::data::mnist;
use cortado::log::number;
use cortado::net::Keep;
use cortado::proto::{NetParameter, SolverParameter, text};
use cortado::{Error, Kind, Log, Net, Phase, Result, Solver, files, net, solver};
use std::path::{Path, PathBuf};

/// The phase that `--phase` names.
pub fn phase(args: &Args) -> Result<Option<Phase>, Failure> {
    let name = args.choice("phase", &["TRAIN", "TEST"])?;
    Ok(name.map(|name| if name == "TRAIN" { Phase::Train } else { Phase::Test }))
}

/// A prototxt that was read: once, as a pipe cannot be read again.
pub struct Prototxt {
    path: PathBuf,
    text: String,
}

impl Prototxt {
    /// Reads the file that a word or a flag names.
    pub fn read(file: &str) -> Result<Prototxt> {
        let path = files::find(file, None)?;
        Ok(Prototxt { text: text::load(&path)?, path })
    }

    /// The message in it, which errors call by the file's name.
    pub fn parse<M: text::Named>(&self) -> Result<text::Parsed<M>> {
        text::parse(&self.text, &self.path.display().to_string())
    }

    /// A net's message; one in an old format is upgraded.
    pub fn net(&self) -> Result<NetParameter> {
        let mut parsed = self.parse::<NetParameter>()?;
        parsed.upgrade()?;
        Ok(parsed.message)
    }

    /// Its folder, from which relative paths are tried.
    pub fn folder(&self) -> Option<&Path> {
        self.path.parent()
    }
}

/// The builder of a prototxt's net in the flags' state.
pub fn builder(args: &Args, file: &Prototxt, phase: Phase, log: &Log) -> Result<net::Builder, Failure> {
    let builder = net::Builder::parse(&file.text, &file.path.display().to_string())?;
    let builder = builder.phase(phase).stages(args.list("stage")).log(log);
    Ok(match args.number("level")? {
        Some(level) => builder.level(level),
        None => builder,
    })
}

/// The builder of a prototxt's solver with the flags' state and seed.
pub fn solver_builder(args: &Args, file: &Prototxt, log: &Log) -> Result<solver::Builder, Failure> {
    let mut builder = solver::Builder::of_file(&file.text, &file.path)?.stages(args.list("stage")).log(log);
    if let Some(level) = args.number("level")? {
        builder = builder.level(level);
    }
    if let Some(seed) = args.number("seed")? {
        builder = builder.seed(seed);
    }
    Ok(builder)
}

/// Builds the net of `--model` on the device of the flags; makes MNIST's databases if it names them.
pub fn make(args: &Args, phase: Phase, keep: Keep, log: &Log) -> Result<Net, Failure> {
    let file = Prototxt::read(args.need("model")?)?;
    ensure_mnist(&file.net()?, file.folder(), log)?;
    let net =
        builder(args, &file, phase, log)?.keep(keep).device(&super::device(args, false, log)?).fill_later().make()?;
    describe(&net, log)?;
    Ok(net)
}

/// Builds the solver of a file, changed by `change`, on the device that the flags or the file ask for; makes MNIST's databases
/// if its nets name them.
pub fn make_solver(
    args: &Args,
    file: &str,
    log: &Log,
    change: impl FnOnce(solver::Builder) -> solver::Builder,
) -> Result<Solver, Failure> {
    let file = Prototxt::read(file)?;
    let mut builder = solver_builder(args, &file, log)?.keep(Keep::Needed);
    ensure_mnist_of_solver(builder.param_mut(), file.folder(), log)?;
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

/// Reads the weights of `--weights a,b` into the net, one after another, and warns of layers that got none and of weights that no
/// layer took. Then the other layers are filled, if that was left for [later](net::Builder::fill_later).
///
/// # Errors
/// A file of which nothing fits; a layer of another shape, unless `--skip-mismatched` says to leave such layers as they are; with
/// `--strict`, anything that was left over on either side.
pub fn load_weights(args: &Args, net: &mut Net, log: &Log) -> Result<()> {
    let gives_answers = ["forward", "classify", "extract"].contains(&args.command.name);
    if gives_answers && args.list("weights").is_empty() && net.store().count() > 0 {
        log.warning(|| "no --weights are given: the layers are as their fillers made them".into());
    }
    let mut new: Option<Vec<String>> = None;
    for file in args.list("weights") {
        log.info(|| format!("Finetuning from {file}"));
        let path = files::find(file, None)?;
        let report = match args.get("skip_mismatched") {
            Some(_) => net.copy_fitting_layers_from(path)?,
            None => net.copy_trained_layers_from(path).map_err(|e| match e.message().contains("layer \"") {
                true => e.hint("the command skips it by --skip-mismatched"),
                false => e,
            })?,
        };
        let mut said = Vec::new();
        said.extend(report.mismatched.iter().map(|why| format!("{file}: {why}; it stays as it is")));
        said.extend(some("has weights for layers that the net does not have", file, &report.unused));
        if report.copied.is_empty() && !report.left_new.is_empty() {
            let e = Error::new(Kind::Weights, format!("{file} has weights for no layer of the net"));
            let of = |names: &[String]| few(names).unwrap_or_else(|| "none".into());
            return Err(e
                .hint(format!("the file's layers are {}", of(&report.unused)))
                .hint(format!("the net's layers with weights are {}", of(&report.left_new))));
        }
        said.iter().for_each(|line| log.warning(|| line.clone()));
        if let Some(first) = said.first().filter(|_| args.get("strict").is_some()) {
            return Err(Error::new(Kind::Weights, first.clone()).hint("--strict refuses this"));
        }
        new = Some(match new {
            Some(new) => new.into_iter().filter(|name| report.left_new.contains(name)).collect(),
            None => report.left_new,
        });
    }
    let files = args.list("weights").join(", ");
    if let Some(line) = some(
        "has no weights for layers of the net, which stay as their fillers made them",
        &files,
        &new.unwrap_or_default(),
    ) {
        log.warning(|| line.clone());
        if args.get("strict").is_some() {
            return Err(Error::new(Kind::Weights, line).hint("--strict refuses this"));
        }
    }
    net.fill()
}

/// A sentence about a file and the layers that it concerns, if there are any.
fn some(what: &str, file: &str, layers: &[String]) -> Option<String> {
    few(layers).map(|names| format!("{file} {what}: {names}"))
}

/// The first ten names and how many more there are; none if there are none.
fn few(names: &[String]) -> Option<String> {
    let more = names.len().saturating_sub(10);
    let shown = names[..names.len() - more].join(", ");
    (!names.is_empty()).then(|| if more > 0 { format!("{shown} and {more} more") } else { shown })
}

/// Makes MNIST's databases if one of the solver's nets names them and they are not there.
fn ensure_mnist_of_solver(p: &SolverParameter, folder: Option<&Path>, log: &Log) -> Result<()> {
    for net in p.net_param.iter().chain(&p.train_net_param).chain(&p.test_net_param) {
        ensure_mnist(net, folder, log)?;
    }
    for file in p.net.iter().chain(&p.train_net).chain(&p.test_net) {
        // A file that cannot be read is left to the solver, whose error names the line.
        if let Ok(path) = files::find(file, folder)
            && let Ok(mut net) = text::read::<NetParameter>(&path)
            && net.upgrade().is_ok()
        {
            ensure_mnist(&net.message, path.parent(), log)?;
        }
    }
    Ok(())
}

/// Makes MNIST's databases if the net names them and they are not there.
fn ensure_mnist(net: &NetParameter, folder: Option<&Path>, log: &Log) -> Result<()> {
    let mut sources = net.layer.iter().filter_map(|layer| Some(layer.data_param.as_ref()?.source()));
    let missing = sources.any(|source| mnist::is_lmdb(source) && files::find(source, folder).is_err());
    if missing && let Ok(root) = files::root() {
        log.info(|| format!("Making MNIST's databases in {}", root.join("data").display()));
        mnist::ensure_lmdb(root)?;
    }
    Ok(())
}
