//! Building a solver: everything it needs is given as a value, and checked before the first net is made.

use super::lending::Test;
use super::rules::Rules;
use super::{Remote, Solver, settings, snapshot};
use crate::blob::Values;
use crate::device::{Cpu, Device};
use crate::net::{Keep, setters};
use crate::proto::{SolverParameter, SourceMap, solver_parameter::SolverMode, text, upgrade};
use crate::{Error, Layers, Log, Result};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// What a solver is made of; only the message is needed.
pub struct Builder {
    pub(super) param: SolverParameter,
    pub(super) source: SourceMap,
    pub(super) folder: Option<PathBuf>,
    pub(super) layers: Layers,
    rules: Rules,
    pub(super) device: Option<Device>,
    pub(super) seed: u64,
    pub(super) log: Log,
    pub(super) level: Option<i32>,
    pub(super) stages: Vec<String>,
    pub(super) keep: Keep,
    test: bool,
}

impl Builder {
    /// A solver for the message.
    pub fn new(param: SolverParameter) -> Builder {
        Builder {
            param,
            source: SourceMap::default(),
            folder: None,
            layers: Layers::caffe(),
            rules: Rules::caffe(),
            device: None,
            seed: 0,
            log: Log::from_env(),
            level: None,
            stages: Vec::new(),
            keep: Keep::All,
            test: true,
        }
    }

    /// Reads a solver's prototxt; relative paths in it are also tried from its folder.
    pub fn read(path: impl AsRef<Path>) -> Result<Builder> {
        let path = crate::files::find(path.as_ref(), None)?;
        Builder::of_file(&text::load(&path)?, &path)
    }

    /// [`Builder::read`] of a file whose text has been read.
    pub fn of_file(text: &str, path: &Path) -> Result<Builder> {
        let mut builder = Builder::parse(text, &path.display().to_string())?;
        builder.name_snapshots(path);
        Ok(builder.folder(path.parent().unwrap_or(Path::new(""))))
    }

    /// As in Caffe, snapshots without a `snapshot_prefix` are named after the solver's file; a prefix that is a folder
    /// gets that name too.
    fn name_snapshots(&mut self, path: &Path) {
        let prefix = match self.param.snapshot_prefix() {
            "" if path.is_file() => path.with_extension(""),
            "" => path.file_stem().unwrap_or_default().into(), // a pipe's folder is no place for snapshots
            folder if Path::new(folder).is_dir() => Path::new(folder).join(path.file_stem().unwrap_or_default()),
            _ => return,
        };
        self.param.snapshot_prefix = Some(prefix.to_string_lossy().into_owned());
    }

    /// Takes prototxt as text; `file` is what errors call it.
    pub fn parse(text: &str, file: &str) -> Result<Builder> {
        let parsed = text::parse::<SolverParameter>(text, file)?;
        Ok(Builder { source: parsed.source, ..Builder::new(parsed.message) })
    }

    setters!();

    /// The update rules that `type` may name; [`Rules::caffe`] if they are not given.
    pub fn rules(mut self, rules: &Rules) -> Builder {
        self.rules = rules.clone();
        self
    }

    /// The seed, in place of the message's `random_seed`.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.param.random_seed = Some(seed as i64);
        self
    }

    /// Leaves the test nets out.
    pub fn without_test_nets(mut self) -> Builder {
        self.test = false;
        self
    }

    /// Whether the settings say `solver_mode: CPU`, and `CORTADO_DEVICE` says nothing.
    pub fn wants_cpu(&self) -> bool {
        let says_cpu = self.param.solver_mode.is_some() && self.param.solver_mode() == SolverMode::Cpu;
        says_cpu && std::env::var_os("CORTADO_DEVICE").is_none()
    }

    /// The number of the card that the settings ask for by `device_id`.
    pub fn card(&self) -> u32 {
        u32::try_from(self.param.device_id()).unwrap_or(0)
    }

    /// Warns of settings that have no effect.
    fn warn_of_unused(&self, device: &Device) {
        let (p, card) = (&self.param, self.card());
        let is_that_card = matches!(device, Device::Gpu(gpu) if gpu.ordinal() == Some(card));
        if p.device_id() != 0 && !self.wants_cpu() && !(is_that_card && p.device_id() > 0) {
            self.log.warning(|| format!("device_id: {} is not obeyed: this runs on {device:?}", p.device_id()));
        }
        if p.layer_wise_reduce.is_some() {
            self.log.warning(|| "layer_wise_reduce means nothing here: one device does the work".into());
        }
    }

    /// The message, to be changed before the solver is made.
    pub fn param_mut(&mut self) -> &mut SolverParameter {
        &mut self.param
    }

    /// Makes the solver and its nets.
    ///
    /// # Errors
    /// Settings that contradict each other, an unknown policy or rule, and whatever the nets' errors are.
    pub fn make(mut self) -> Result<Solver> {
        for note in upgrade::solver_at(&mut self.param, &mut self.source)? {
            self.log.info(|| note);
        }
        let source = self.source.clone();
        let is_placed = |e: &Error| e.layer_name().is_some() || e.place().is_some();
        self.make_unplaced().map_err(|e| if is_placed(&e) { e } else { source.locate(e, "") })
    }

    fn make_unplaced(mut self) -> Result<Solver> {
        let p = &self.param;
        self.log.info(|| format!("Initializing solver from parameters: \n{}", text::print(p).trim_end()));
        let regularization = settings::check(p)?;
        snapshot::check_on_the_way(p)?;
        self.seed = u64::try_from(p.random_seed()).unwrap_or(0);
        let device = match self.device.clone() {
            Some(device) => device,
            None if self.wants_cpu() => Device::cpu(),
            None => Device::choose(self.card())?.0,
        };
        self.warn_of_unused(&device);
        self.device = Some(device.clone());
        let rule = self.rules.create(p)?;
        let mut net = self.train_net()?;
        if net.debug_info() && !p.debug_info() {
            self.log.warning(|| {
                "the net's debug_info means nothing here, as in Caffe: write debug_info: true in the solver".into()
            });
        }
        let mut tests = Vec::new();
        for mut test in if self.test { self.test_nets()? } else { Vec::new() } {
            test.set_debug_info(p.debug_info());
            let pairs = net.params_shared_with(&test)?;
            test.drop_params(&pairs);
            test.fill()?;
            tests.push(Test { net: test, pairs });
        }
        let mut history = Vec::new();
        for _ in 0..rule.history() {
            for (blob, _) in net.store().iter() {
                history.push(Values::new(blob.shape())?);
            }
        }
        for file in self.param.weights.iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty()) {
            let path = crate::files::find(file, self.folder.as_deref());
            path.and_then(|path| net.copy_trained_layers_from(path)).map_err(|e| e.field("weights"))?;
        }
        net.fill()?;
        self.log.info(|| "Solver scaffolding done.".into());
        Ok(Solver {
            cpu: match &device {
                Device::Cpu(cpu) => cpu.clone(),
                Device::Gpu(_) => Cpu::new(0),
            },
            device,
            seed: self.seed,
            log: self.log,
            net,
            tests,
            lent_to: None,
            rules: self.rules,
            rule,
            regularization,
            history,
            iter: 0,
            losses: Vec::new(),
            window: VecDeque::new(),
            remote: Remote::default(),
            saved_at: None,
            gpu_update: None,
            starts: Vec::new(),
            said: false,
            param: self.param,
        })
    }
}
