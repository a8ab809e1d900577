//! Replaying golden cases: what they all need. Each kind of case has its file.

mod data;
mod feed;
mod io;
mod layer;
mod net;
mod partial;
mod solver;
mod structure;
mod text;
mod train;
mod values;

use cortado::net::Builder;
use cortado::proto::NetParameter;
use cortado::{Device, Layers, Phase};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
pub use values::Golden;

/// Why a case was not replayed to its end.
#[derive(Debug)]
pub enum Stop {
    /// It needs something that does not exist yet.
    NotKnown(String),
    /// Something went wrong, or came out otherwise than in Caffe.
    Failed(String),
}

impl From<cortado::Error> for Stop {
    fn from(e: cortado::Error) -> Stop {
        Stop::Failed(e.to_string())
    }
}

pub type Replay<T = ()> = Result<T, Stop>;

/// Fails unless `holds`.
pub fn check(holds: bool, why: impl FnOnce() -> String) -> Replay {
    if holds { Ok(()) } else { Err(Stop::Failed(why())) }
}

/// An entry of the index, or for structures a part of one.
pub struct Case {
    entry: Value,
    part: Option<String>,
    dir: PathBuf,
    device: Device,
}

/// The repository, which need not be where this was compiled.
pub fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// Where the golden files are.
fn golden_dir() -> PathBuf {
    let default = root().join("tests/golden");
    std::env::var_os("CORTADO_GOLDEN").map_or(default, PathBuf::from)
}

/// All cases of the index; each net of `structure.json` counts as one.
pub fn cases() -> Vec<Case> {
    let dir = golden_dir();
    let device = Device::best().unwrap();
    let index = std::fs::read_to_string(dir.join("index.json")).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let index: Vec<Value> = serde_json::from_str(&index).unwrap();
    let mut cases = Vec::new();
    for entry in index {
        let case = Case { entry, part: None, dir: dir.clone(), device: device.clone() };
        match case.kind() {
            "structure" => cases.extend(structure::parts(&case)),
            _ => cases.push(case),
        }
    }
    cases
}

impl Case {
    pub fn kind(&self) -> &str {
        self.entry["kind"].as_str().unwrap()
    }

    pub fn name(&self) -> String {
        let name = self.entry["name"].as_str().unwrap();
        self.part.as_ref().map_or(name.into(), |part| format!("{name}: {part}"))
    }

    /// What the index says about the case.
    pub fn note(&self) -> String {
        match self.entry["note"].as_str() {
            None | Some("") => String::new(),
            Some(note) => format!(" ({note})"),
        }
    }

    /// Replays the case; a panic on the way is a failure of this case alone.
    pub fn replay(&self) -> Replay {
        let replay = match self.kind() {
            "layer" => layer::replay,
            "solver" => solver::replay,
            "checkpoint" => solver::replay_checkpoint,
            "net" if self.name() == "partial" => partial::replay,
            "net" | "mini" => net::replay,
            "train" => train::replay,
            "structure" => structure::replay,
            "data" => data::replay,
            "io" => io::replay,
            "text" => text::replay,
            kind => return Err(Stop::NotKnown(format!("no kind \"{kind}\""))),
        };
        catch_unwind(AssertUnwindSafe(|| replay(self))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(Stop::Failed(format!("panicked: {}", text.or(panic.downcast_ref().copied()).unwrap_or("?"))))
        })
    }

    /// The files of the case that end in `suffix`.
    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let files = self.entry["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap());
        files.filter(|f| f.ends_with(suffix)).map(|f| self.dir.join(f)).collect()
    }

    /// The first of them.
    fn file(&self, suffix: &str) -> Replay<PathBuf> {
        self.files(suffix).into_iter().next().ok_or_else(|| Stop::Failed(format!("the case lists no {suffix}")))
    }

    /// The recorded values, with the case's tolerance.
    fn values(&self) -> Replay<Golden> {
        let tolerance = |key: &str| self.entry[key].as_f64().unwrap_or(0.0);
        Ok(Golden::read(self.file(".safetensors")?, tolerance("rtol"), tolerance("atol")))
    }

    fn phase(&self) -> Phase {
        if self.entry["phase"] == "TEST" { Phase::Test } else { Phase::Train }
    }

    /// A net of the case, to be built for its phase on the device.
    fn builder(&self, net: Builder) -> Builder {
        net.phase(self.phase()).device(&self.device)
    }
}

/// Stops at the first layer type that there is not.
fn known(net: &NetParameter) -> Replay {
    let layers = Layers::caffe();
    let unknown = net.layer.iter().map(|l| l.r#type()).find(|kind| !layers.names().any(|name| name == *kind));
    unknown.map_or(Ok(()), |kind| Err(Stop::NotKnown(format!("no layer type {kind}"))))
}
