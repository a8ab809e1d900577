//! Which nets a solver trains and tests: the many ways in which a SolverParameter names them.
//!
//! The train net is one of `net`, `net_param`, `train_net`, `train_net_param`. The test nets are all `test_net_param`,
//! then all `test_net`, then as many more copies of `net` or `net_param` as there are values of `test_iter`; test net i
//! runs `test_iter[i]` batches, in the state `test_state[i]` if states are given.

use super::Builder;
use crate::net::{self, Net};
use crate::proto::{NetParameter, NetState, Phase, SolverParameter};
use crate::{Error, Kind, Result};

/// Where a net's description comes from.
#[derive(Clone)]
enum Origin<'a> {
    File(&'a str),
    /// Written in the solver itself, in this field.
    Param(&'a NetParameter, String),
}

fn param<'a>(net: &'a NetParameter, field: &str) -> Origin<'a> {
    Origin::Param(net, field.to_string())
}

impl Builder {
    pub(super) fn train_net(&self) -> Result<Net> {
        let p = &self.param;
        let named: Vec<(&str, Origin)> = [
            ("net", p.net.as_deref().map(Origin::File)),
            ("net_param", p.net_param.as_ref().map(|n| param(n, "net_param"))),
            ("train_net", p.train_net.as_deref().map(Origin::File)),
            ("train_net_param", p.train_net_param.as_ref().map(|n| param(n, "train_net_param"))),
        ]
        .into_iter()
        .filter_map(|(field, from)| Some((field, from?)))
        .collect();
        match &named[..] {
            [(field, from)] => self.net(from, field, Phase::Train, p.train_state.as_ref()),
            [] => Err(Error::new(Kind::Net, "the solver names no train net").hint("add net: \"FILE.prototxt\"")),
            many => {
                let fields: Vec<&str> = many.iter().map(|(f, _)| *f).collect();
                Err(Error::new(Kind::Net, format!("the solver names {} train nets: {}", many.len(), fields.join(", ")))
                    .field(fields[1])
                    .hint("keep one of them"))
            }
        }
    }

    pub(super) fn test_nets(&self) -> Result<Vec<Net>> {
        let p = &self.param;
        let params = p.test_net_param.iter().enumerate().map(|(i, n)| {
            let field = format!("test_net_param[{i}]");
            (param(n, &field), field)
        });
        let files = p.test_net.iter().enumerate().map(|(i, file)| (Origin::File(file), format!("test_net[{i}]")));
        let mut sources: Vec<(Origin, String)> = params.chain(files).collect();
        let wanted = if p.test_state.is_empty() { p.test_iter.len() } else { p.test_state.len() };
        if let Some(generic) = self.generic() {
            sources.resize(wanted.max(sources.len()), generic);
        }
        for (what, given) in [("test_iter", p.test_iter.len()), ("test_state", p.test_state.len())] {
            if given != sources.len() && !(what == "test_state" && given == 0) {
                let message = format!("{given} values of {what} for {} test nets", sources.len());
                return Err(Error::new(Kind::Net, message)
                    .field(what)
                    .hint(format!("give one {what} for each test net, in the order test_net_param, test_net, net")));
            }
        }
        if let Some(bad) = p.test_iter.iter().find(|n| **n < 0) {
            return Err(Error::value(format!("test_iter {bad} is not a number of batches"))
                .field("test_iter")
                .hint("batches times batch_size should be the number of test samples"));
        }
        if !sources.is_empty() && p.test_interval() <= 0 {
            return Err(Error::value(format!("test_interval {} with {} test nets", p.test_interval(), sources.len()))
                .field("test_iter")
                .hint("say how often to test: add test_interval: 500, for example"));
        }
        let nets = sources.iter().enumerate();
        nets.map(|(i, (from, field))| self.net(from, field, Phase::Test, p.test_state.get(i))).collect()
    }

    /// The net that gives a test net for each value of `test_iter`, and its field.
    fn generic(&self) -> Option<(Origin<'_>, String)> {
        let SolverParameter { net, net_param, .. } = &self.param;
        let file = net.as_deref().map(|file| (Origin::File(file), "net".to_string()));
        file.or_else(|| net_param.as_ref().map(|n| (param(n, "net_param"), "net_param".to_string())))
    }

    fn net(&self, from: &Origin, field: &str, phase: Phase, state: Option<&NetState>) -> Result<Net> {
        let folder = self.folder.as_deref();
        let what = if phase == Phase::Train { "training net" } else { "test net" };
        self.log.info(|| match from {
            Origin::File(file) => format!("Creating {what} from net file: {file}"),
            Origin::Param(_, field) => format!("Creating {what} from the solver's own {field}"),
        });
        let mut builder = match from {
            Origin::File(file) => {
                let read = crate::files::find(file, folder).and_then(net::Builder::read);
                read.map_err(|e| e.field(field))?
            }
            Origin::Param(param, field) => {
                let builder = Net::build(param).source(self.source.inside(field));
                if let Some(folder) = folder { builder.folder(folder) } else { builder }
            }
        };
        let (level, stages) = if phase == Phase::Train { (self.level, &self.stages[..]) } else { (None, &[][..]) };
        if let Some(level) = level.or(state.and_then(|state| state.level)) {
            builder = builder.level(level);
        }
        builder = builder.stages(state.iter().flat_map(|state| &state.stage).chain(stages).map(String::as_str));
        if let Some(device) = &self.device {
            builder = builder.device(device);
        }
        let phase = state.and_then(|s| s.phase).map_or(phase, |_| state.map_or(phase, NetState::phase));
        builder.phase(phase).layers(&self.layers).seed(self.seed).log(&self.log).keep(self.keep).fill_later().make()
    }
}
