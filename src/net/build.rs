//! Building a net: everything it needs is given as a value.

use super::{Keep, Net, Params, Planned, filter, keep, mark, splits, wire};
use crate::files;
use crate::layer::Phase;
use crate::proto::{LayerParameter, NetParameter, SourceMap, state, text, upgrade};
use crate::{Device, Error, Kind, Layers, Log, Result};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The setters that a net's builder and a solver's have in common.
macro_rules! setters {
    () => {
        /// The folder from which relative paths are tried as well.
        pub fn folder(mut self, folder: impl Into<PathBuf>) -> Builder {
            self.folder = Some(folder.into());
            self
        }

        /// The layer types that may be used; [`Layers::caffe`] if they are not given.
        pub fn layers(mut self, layers: &Layers) -> Builder {
            self.layers = layers.clone();
            self
        }

        /// The level of the net's state, for `min_level` and `max_level` rules, in place of the message's; 0 if neither
        /// is given. A solver's builder sets its train net's.
        pub fn level(mut self, level: i32) -> Builder {
            self.level = Some(level);
            self
        }

        /// Adds a stage to the net's state; a solver's builder, to its train net's.
        pub fn stage(self, stage: &str) -> Builder {
            self.stages([stage])
        }

        /// Adds stages to the net's state; a solver's builder, to its train net's.
        pub fn stages<'a>(mut self, stages: impl IntoIterator<Item = &'a str>) -> Builder {
            self.stages.extend(stages.into_iter().map(String::from));
            self
        }

        /// Where it runs. If it is not given, a net runs on [`Device::best`]. A solver runs on the CPU if the settings
        /// say `solver_mode: CPU` and `CORTADO_DEVICE` does not say otherwise; else on the best device there is, the
        /// first card or that of the settings' `device_id`.
        pub fn device(mut self, device: &Device) -> Builder {
            self.device = Some(device.clone());
            self
        }

        /// Where progress, notes and warnings go; [`Log::from_env`] if it is not given.
        pub fn log(mut self, log: &Log) -> Builder {
            self.log = log.clone();
            self
        }

        /// Which blobs keep their values; all of them unless memory matters.
        pub fn keep(mut self, keep: Keep) -> Builder {
            self.keep = keep;
            self
        }
    };
}
pub(crate) use setters;

/// What a net is made of. Only the message is needed.
///
/// ```no_run
/// use cortado::{Device, Layers, Net, Phase};
/// # let param = Default::default();
/// let net = Net::build(&param).phase(Phase::Train).layers(&Layers::caffe()).device(&Device::cpu()).seed(0).make()?;
/// # Ok::<(), cortado::Error>(())
/// ```
pub struct Builder {
    param: NetParameter,
    source: SourceMap,
    folder: Option<PathBuf>,
    phase: Option<Phase>,
    level: Option<i32>,
    stages: Vec<String>,
    layers: Layers,
    device: Option<Device>,
    seed: u64,
    fill_later: bool,
    log: Log,
    keep: Keep,
}

impl Builder {
    pub(super) fn new(param: NetParameter) -> Builder {
        Builder {
            param,
            source: SourceMap::default(),
            folder: None,
            phase: None,
            level: None,
            stages: Vec::new(),
            layers: Layers::caffe(),
            device: None,
            seed: 0,
            fill_later: false,
            log: Log::from_env(),
            keep: Keep::All,
        }
    }

    /// Reads a prototxt file; errors will point into it, and its relative paths are also tried from its folder.
    pub fn read(path: impl AsRef<Path>) -> Result<Builder> {
        let path = files::find(path, None)?;
        Builder::parse(&text::load(&path)?, &path.display().to_string())
    }

    /// Takes prototxt as text; `file` is what errors call it, and relative paths are also tried from that file's folder.
    pub fn parse(text: &str, file: &str) -> Result<Builder> {
        let parsed = text::parse::<NetParameter>(text, file)?;
        let mut builder = Builder::new(parsed.message).source(parsed.source);
        builder.folder = Path::new(file).parent().map(Path::to_path_buf);
        Ok(builder)
    }

    /// The message.
    pub fn param(&self) -> &NetParameter {
        &self.param
    }

    /// Where in a text the message's fields stand.
    pub fn source(mut self, source: SourceMap) -> Builder {
        self.source = source;
        self
    }

    setters!();

    /// TRAIN or TEST, in place of the phase in the message's `state`; if neither says, TEST.
    pub fn phase(mut self, phase: Phase) -> Builder {
        self.phase = Some(phase);
        self
    }

    /// The seed of everything random: fillers, dropout, shuffling.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = seed;
        self
    }

    /// Leaves the parameters unfilled until [`Net::fill`]: no numbers are drawn for those whose values are copied from a
    /// file before it.
    pub fn fill_later(mut self) -> Builder {
        self.fill_later = true;
        self
    }

    /// Builds the net.
    ///
    /// # Errors
    /// The first thing that cannot be built, with its place if the net came from text.
    pub fn make(mut self) -> Result<Net> {
        for note in upgrade::net_at(&mut self.param, &mut self.source, "")? {
            self.log.info(|| note);
        }
        let mut state = self.param.state.clone().unwrap_or_default();
        if let Some(phase) = self.phase {
            state.set_phase(phase);
        }
        state.level = self.level.or(state.level);
        state.stage.append(&mut self.stages);
        let phase = state.phase();

        let kept = filter::filter(&self.param, &state).map_err(|(e, origin)| self.place(e, origin))?;
        let mut plan = Vec::with_capacity(kept.len());
        let names = unique_names(kept.iter().map(|(_, param)| param.name()));
        for ((origin, param), name) in kept.into_iter().zip(names) {
            plan.push(self.plan(origin, param, name, phase).map_err(|e| self.place(e, origin))?);
        }
        let plan = splits::insert_splits(plan, &self.layers)?;
        let mut net = Net {
            name: self.param.name().into(),
            phase,
            device: match self.device.clone() {
                Some(device) => device.for_net(),
                None => Device::best()?,
            },
            seed: self.seed,
            pass: 0,
            next_pass: 0,
            log: self.log.clone(),
            debug_info: self.param.debug_info(),
            source: self.source.clone(),
            folder: self.folder.clone(),
            steps: Vec::with_capacity(plan.len()),
            blobs: Vec::new(),
            owner: Vec::new(),
            names: Vec::new(),
            index: Default::default(),
            params: Params::default(),
            warned: HashSet::new(),
            fallback_reported: false,
            keeper: Default::default(),
            recorder: Default::default(),
            clock: 0,
            cleared_at: 0,
        };
        for planned in plan {
            let (origin, name) = (planned.origin, planned.name.clone());
            if name != planned.param.name() {
                let given = planned.param.name();
                net.log.warning(|| format!("another layer is called \"{given}\": this one is asked for as \"{name}\""));
            }
            net.log.info(|| format!("Creating Layer {name}"));
            if let Some(warning) = planned.layer.warning() {
                net.log.warning(|| format!("layer \"{name}\": {warning}"));
            }
            net.wire(planned).map_err(|e| self.place(e.layer(name), origin))?;
        }
        let force = self.param.force_backward();
        let Net { steps, params, .. } = &mut net;
        mark::mark_backward(steps, phase, |p| params.specs[p].lr_mult != 0.0, force)
            .map_err(|(i, e)| self.place(e.layer(&steps[i].name), steps[i].origin))?;
        for spec in &mut params.specs {
            spec.frozen = spec.lr_mult == 0.0 && !force;
        }
        net.keeper = keep::Keeper::new(self.keep, &net.steps, net.blobs.len());
        if !self.fill_later {
            net.fill()?;
        }
        Ok(net)
    }

    fn plan(&self, origin: usize, mut param: LayerParameter, name: String, phase: Phase) -> Result<Planned> {
        if param.name().is_empty() && param.r#type().is_empty() {
            let e = Error::new(Kind::Net, "a layer without name and type");
            return Err(e.hint("add name: \"..\" and type: \"..\""));
        }
        param.phase.get_or_insert(phase as i32);
        // A layer draws its random numbers by its name, so layers that share one are told apart.
        let named = LayerParameter { name: Some(name.clone()), ..param.clone() };
        let layer = self.layers.create(&named).map_err(|e| e.layer(param.name()))?;
        wire::check_lists(&param, &layer.arity()).map_err(|e| e.layer(param.name()))?;
        Ok(Planned { origin, name, param, layer })
    }

    /// Adds to an error where in the text it comes from: the field that it names, or else the layer.
    fn place(&self, e: Error, origin: usize) -> Error {
        self.source.locate(state::hint_at_left_out(&self.param, origin, e), &format!("layer[{origin}]"))
    }
}

/// The name by which each layer is looked up: its own; of those that share it, the second is `name[1]`, and so on.
fn unique_names<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let own: HashSet<&str> = names.clone().collect();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let unique = names.map(|name| {
        let k = seen.entry(name).or_default();
        let mut unique = name.to_string();
        while *k > 0 && own.contains(&*unique) {
            unique = format!("{name}[{k}]");
            *k += usize::from(own.contains(&*unique));
        }
        *k += 1;
        unique
    });
    unique.collect()
}
