//! Snapshots: everything a run needs to continue bit for bit.
//!
//! Two files, as in Caffe: the weights (`PREFIX_iter_N.caffemodel`) and the solver's state (`PREFIX_iter_N.solverstate`:
//! the iteration and what the update rule remembers). Randomness is a function of seed and pass here, so three more
//! integers, in fields that Caffe skips, are all that a bit-exact continuation takes: the seed, the pass, and how many
//! samples each data layer has handed out.

use super::{Solver, policy};
use crate::net::weights::{from_proto_values, read_weights, to_proto_values};
use crate::proto::{LayerPosition, SolverParameter, SolverState, binary, solver_parameter::SnapshotFormat};
use crate::{Error, Kind, Result, files};
use prost::Message;
use std::path::{Path, PathBuf};

/// What a test net's data layer is called among the positions: `test_net[0] mnist`.
const TEST_NET: &str = "test_net[";

fn in_test_net(i: usize, layer: &str) -> String {
    format!("{TEST_NET}{i}] {layer}")
}

fn check_format(param: &SolverParameter) -> Result {
    match param.snapshot_format() {
        SnapshotFormat::Binaryproto => Ok(()),
        SnapshotFormat::Hdf5 => Err(Error::value("snapshots in HDF5 cannot be written yet")
            .field("snapshot_format")
            .hint("use snapshot_format: BINARYPROTO")),
    }
}

/// If snapshots are due on the way, whether they can be written: better to know before training than hours after.
pub(super) fn check(param: &SolverParameter) -> Result {
    if param.snapshot() == 0 || param.snapshot_prefix().is_empty() {
        return Ok(());
    }
    check_format(param)?;
    let trial = PathBuf::from(format!("{}_iter_0.trial", param.snapshot_prefix()));
    files::write_aside(&trial, b"").map_err(|e| e.field("snapshot_prefix"))?;
    std::fs::remove_file(&trial).map_err(|e| Error::file(&trial, "remove", e))
}

impl Solver {
    /// Writes the weights and the state; gives the state's path.
    ///
    /// # Errors
    /// There is no `snapshot_prefix`, or the files cannot be written.
    pub fn snapshot(&mut self) -> Result<PathBuf> {
        self.lend_to(None);
        check_format(&self.param)?;
        let prefix = match self.param.snapshot_prefix() {
            "" => {
                return Err(
                    Error::value("the solver has no snapshot_prefix").hint("add snapshot_prefix: \"snapshots/net\"")
                );
            }
            prefix => prefix,
        };
        let path = |kind: &str| PathBuf::from(format!("{prefix}_iter_{}.{kind}", self.iter));
        let (model, state) = (path("caffemodel"), path("solverstate"));
        self.log.info(|| format!("Snapshotting to binary proto file {}", model.display()));
        files::write_aside(&model, &self.net.to_proto(self.param.snapshot_diff()).encode_to_vec())?;
        self.log.info(|| format!("Snapshotting solver state to binary proto file {}", state.display()));
        files::write_aside(&state, &self.state(&model).encode_to_vec())?;
        self.saved_at = Some(self.iter);
        Ok(state)
    }

    fn state(&self, model: &Path) -> SolverState {
        let tests = self.tests.iter().enumerate().flat_map(|(i, test)| {
            test.net.positions().into_iter().map(move |(layer, samples)| (in_test_net(i, &layer), samples))
        });
        let position = self.net.positions().into_iter().chain(tests);
        SolverState {
            iter: Some(self.iter as i32),
            learned_net: Some(model.to_string_lossy().into_owned()),
            history: self.history.iter().map(to_proto_values).collect(),
            current_step: Some(policy::current_step(&self.param, self.iter) as i32),
            seed: Some(self.seed),
            pass: Some(self.net.passes()),
            position: position.map(|(l, n)| LayerPosition { layer: Some(l), samples: Some(n) }).collect(),
        }
    }

    /// Continues from a `.solverstate`, ours or Caffe's, and the `.caffemodel` that it names. From ours the run goes on bit
    /// for bit; Caffe's knows no seed, pass or position, so data and dropout start afresh.
    ///
    /// # Errors
    /// A file that is missing or broken, a state of another net or rule. The solver is unchanged then.
    pub fn restore(&mut self, path: impl AsRef<Path>) -> Result {
        self.lend_to(None);
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::file(path, "read the snapshot", e))?;
        let state: SolverState = binary::decode(&bytes).map_err(|e| {
            Error::new(Kind::Weights, format!("{} is not a whole .solverstate: {}", path.display(), e.message()))
                .hint("the file is truncated, or of another kind")
        })?;
        let broken = |why: String| {
            Error::new(Kind::Weights, format!("{}: {why}", path.display()))
                .hint("restore a whole snapshot of the same net and solver type")
        };
        if state.history.len() != self.history.len() {
            let (found, want) = (state.history.len(), self.history.len());
            return Err(broken(format!(
                "it holds {found} arrays of history, {} of this net needs {want}",
                self.param.r#type()
            )));
        }
        let iter = u64::try_from(state.iter()).map_err(|_| broken(format!("iteration {}", state.iter())))?;
        let mut history = self.history.clone();
        for (k, (proto, values)) in state.history.iter().zip(&mut history).enumerate() {
            from_proto_values(proto, values).map_err(|e| broken(format!("history {k}: {e}")))?;
        }
        self.check_positions(&state).map_err(&broken)?;
        if let Some(model) = state.learned_net.as_deref().filter(|m| !m.is_empty()) {
            let model = self.model_beside(path, model)?;
            let weights = read_weights(&model)?;
            let has = |layer: &str| weights.layer.iter().any(|l| l.name() == layer && !l.blobs.is_empty());
            if let Some((_, spec)) = self.net.store().iter().find(|(_, spec)| !has(&spec.layer)) {
                let layer = &spec.layer;
                let message = format!("{} has no weights of layer \"{layer}\"", model.display());
                return Err(Error::new(Kind::Weights, message).hint("the file is truncated, or of another net"));
            }
            self.net.copy_trained_layers_from(&model)?;
        }
        let stood = |name: &str| state.position.iter().find(|p| p.layer() == name).map(LayerPosition::samples);
        for (layer, _) in self.net.positions() {
            if let Some(samples) = stood(&layer) {
                self.net.seek(&layer, samples)?;
            }
        }
        for (i, test) in self.tests.iter_mut().enumerate() {
            for (layer, _) in test.net.positions() {
                if let Some(samples) = stood(&in_test_net(i, &layer)) {
                    test.net.seek(&layer, samples)?;
                }
            }
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
