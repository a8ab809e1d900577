//! Snapshots: everything a run needs to continue bit for bit.
//!
//! Two files, as in Caffe: the weights (`PREFIX_iter_N.caffemodel`, or `.caffemodel.h5`) and the solver's state
//! (`PREFIX_iter_N.solverstate`: the iteration and what the update rule remembers). Randomness is a function of seed
//! and pass here, so three more integers, in fields that Caffe skips, are all that a bit-exact continuation takes: the
//! seed, the pass, and how many samples each data layer has handed out.

use super::{Solver, policy};
use crate::net::Net;
use crate::proto::stored::{from_proto_values, to_proto_values};
use crate::proto::{LayerPosition, SolverParameter, SolverState, solver_parameter::SnapshotFormat};
use crate::weights::{self, StoredWeights};
use crate::{Error, Kind, Result, files};
use std::path::{Path, PathBuf};

/// What a test net's data layer is called among the positions: `test_net[0] mnist`.
const TEST_NET: &str = "test_net[";

fn in_test_net(i: usize, layer: &str) -> String {
    format!("{TEST_NET}{i}] {layer}")
}

/// The format in words, and the end of its files' names.
fn format(param: &SolverParameter) -> (&'static str, &'static str) {
    match param.snapshot_format() {
        SnapshotFormat::Binaryproto => ("binary proto", ""),
        SnapshotFormat::Hdf5 => ("HDF5", ".h5"),
    }
}

/// The weights' and the state's file of the snapshot at an iteration.
fn paths(param: &SolverParameter, iter: u64) -> Result<[PathBuf; 2]> {
    match param.snapshot_prefix() {
        "" => Err(Error::value("the solver has no snapshot_prefix").hint("add snapshot_prefix: \"snapshots/net\"")),
        prefix => {
            let end = format(param).1;
            Ok(["caffemodel", "solverstate"].map(|kind| format!("{prefix}_iter_{iter}.{kind}{end}").into()))
        }
    }
}

/// Whether the snapshots after the iterations `due` can be written: better to know before training than hours after.
///
/// # Errors
/// No prefix, a folder that takes no file, a folder that has a snapshot's name.
pub(super) fn check(param: &SolverParameter, due: impl IntoIterator<Item = u64>) -> Result {
    let trial = paths(param, 0)?[0].with_extension("trial");
    files::try_writing(&trial).map_err(|e| e.field("snapshot_prefix"))?;
    for iter in due {
        if let Some(taken) = paths(param, iter)?.iter().find(|path| path.is_dir()) {
            let message = format!("{} is a folder, and the name of a snapshot to be written", taken.display());
            let e = Error::new(Kind::File, message).field("snapshot_prefix");
            return Err(e.hint("rename the folder, or give another snapshot_prefix"));
        }
    }
    Ok(())
}

/// [`check`] of the snapshots on the way, `snapshot` iterations apart: at most the first thousand.
pub(super) fn check_on_the_way(param: &SolverParameter) -> Result {
    match param.snapshot() {
        0 => Ok(()),
        every => check(param, (0..=param.max_iter() as u64).step_by(every as usize).skip(1).take(1000)),
    }
}

impl Solver {
    /// Writes the weights and the state; gives the state's path.
    ///
    /// # Errors
    /// There is no `snapshot_prefix`, a GPU does not give its values back, or the files cannot be written.
    pub fn snapshot(&mut self) -> Result<PathBuf> {
        self.lend_to(None);
        let [model, state] = paths(&self.param, self.iter)?;
        // Both are read before one is written: a state without its weights is of no use.
        let (trained, history) = (self.net.to_proto(self.param.snapshot_diff())?, self.state(&model)?);
        let format = format(&self.param).0;
        self.log.info(|| format!("Snapshotting to {format} file {}", model.display()));
        weights::write(&model, &trained)?;
        self.log.info(|| format!("Snapshotting solver state to {format} file {}", state.display()));
        weights::write_state(&state, &history)?;
        self.saved_at = Some(self.iter);
        Ok(state)
    }

    fn state(&self, model: &Path) -> Result<SolverState> {
        let tests = self.tests.iter().enumerate().flat_map(|(i, test)| {
            test.net.positions().into_iter().map(move |(layer, samples)| (in_test_net(i, &layer), samples))
        });
        let position = self.net.positions().into_iter().chain(tests);
        Ok(SolverState {
            iter: Some(self.iter as i32),
            learned_net: Some(model.to_string_lossy().into_owned()),
            history: self.history.iter().map(to_proto_values).collect::<Result<_>>()?,
            current_step: Some(policy::current_step(&self.param, self.iter) as i32),
            seed: Some(self.seed),
            pass: Some(self.net.passes()),
            position: position.map(|(l, n)| LayerPosition { layer: Some(l), samples: Some(n) }).collect(),
            r#type: Some(self.param.r#type().into()),
        })
    }

    /// Continues from a `.solverstate` or `.solverstate.h5`, ours or Caffe's, and the weights that it names. From ours the run goes on
    /// bit for bit; Caffe's knows no seed, pass or position, so data and dropout start afresh.
    ///
    /// # Errors
    /// A file that is missing or broken, a state of another net or rule. The solver is unchanged then.
    pub fn restore(&mut self, path: impl AsRef<Path>) -> Result {
        self.lend_to(None);
        let path = path.as_ref();
        let state = weights::read_state(path)?;
        let broken = |why: String| {
            Error::new(Kind::Weights, format!("{}: {why}", path.display()))
                .hint("restore a whole snapshot of the same net and solver type")
        };
        let kind = self.param.r#type();
        if let Some(other) = state.r#type.as_deref().filter(|other| *other != kind) {
            return Err(broken(format!("it is a state of the rule {other}, and this solver's is {kind}")));
        }
        if state.history.len() != self.history.len() {
            let (found, want) = (state.history.len(), self.history.len());
            return Err(broken(format!("it holds {found} arrays of history, {kind} of this net needs {want}")));
        }
        let iter = u64::try_from(state.iter()).map_err(|_| broken(format!("iteration {}", state.iter())))?;
        let mut history = self.history.clone();
        for (k, (proto, values)) in state.history.iter().zip(&mut history).enumerate() {
            from_proto_values(proto, values).map_err(|e| broken(format!("history {k}: {e}")))?;
            // A state of Caffe's does not name its rule.
            let holds_squares = self.rule.squares().contains(&(k / self.net.store().len()));
            if holds_squares && values.slice().iter().any(|h| *h < 0.0) {
                return Err(broken(format!("history {k} has values below 0, and {kind} keeps squares there")));
            }
        }
        self.check_positions(&state).map_err(&broken)?;
        if let Some(model) = state.learned_net.as_deref().filter(|m| !m.is_empty()) {
            let model = self.model_beside(path, model)?;
            let trained = StoredWeights::open(&model)?;
            if let Some(layer) = self.net.left_new(&trained).first() {
                let message = format!("{} has no weights of layer \"{layer}\"", model.display());
                return Err(Error::new(Kind::Weights, message).hint("the file is truncated, or of another net"));
            }
            self.net.copy_whole(&trained)?;
        }
        let stood = |name: &str| state.position.iter().find(|p| p.layer() == name).map(LayerPosition::samples);
        let seek = |net: &mut Net, called: &dyn Fn(&str) -> String| {
            let stood = |(layer, _): (String, u64)| Some((stood(&called(&layer))?, layer));
            net.positions().into_iter().filter_map(stood).try_for_each(|(samples, layer)| net.seek(&layer, samples))
        };
        seek(&mut self.net, &str::to_string)?;
        for (i, test) in self.tests.iter_mut().enumerate() {
            seek(&mut test.net, &|layer| in_test_net(i, layer))?;
        }
        if let Some(seed) = state.seed {
            self.seed = seed;
            self.net.set_seed(seed);
            self.tests.iter_mut().for_each(|test| test.net.set_seed(seed));
        }
        self.net.set_passes(state.pass());
        (self.history, self.iter) = (history, iter);
        self.saved_at = None;
        self.losses.clear();
        self.window.clear();
        Ok(())
    }

    /// A snapshot of ours has the seed, the pass and a position for each data layer: all of them, or it is truncated.
    fn check_positions(&self, state: &SolverState) -> Result<(), String> {
        let (Some(_), Some(_)) = (state.seed, state.pass) else {
            return match (state.seed, state.pass, &state.position[..]) {
                (None, None, []) => Ok(()), // Caffe's
                _ => Err("it is truncated: it has no seed or no pass".into()),
            };
        };
        let positions = self.net.positions();
        for (layer, _) in &positions {
            if !state.position.iter().any(|p| p.layer() == layer) {
                return Err(format!(
                    "it does not say where data layer \"{layer}\" stood: it is truncated, or of another net"
                ));
            }
        }
        if let Some(p) = state.position.iter().find(|p| i64::try_from(p.samples()).is_err()) {
            return Err(format!("it says that data layer \"{}\" handed out {} samples", p.layer(), p.samples()));
        }
        let is_here = |p: &LayerPosition| positions.iter().any(|(layer, _)| layer == p.layer());
        match state.position.iter().find(|p| !is_here(p) && !p.layer().starts_with(TEST_NET)) {
            Some(p) => Err(format!("it says where data layer \"{}\" stood, which this net does not have", p.layer())),
            None => Ok(()),
        }
    }

    /// Where the weights of a snapshot are: beside the state, where it was written, or where the state says.
    fn model_beside(&self, state: &Path, model: &str) -> Result<PathBuf> {
        let folder = state.parent().unwrap_or(Path::new("."));
        let name = Path::new(model).file_name().map(|name| folder.join(name)).filter(|beside| beside.is_file());
        match name {
            Some(beside) => Ok(beside),
            None => files::find(model, Some(folder)),
        }
    }
}
