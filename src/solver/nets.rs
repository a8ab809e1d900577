//! Which nets a solver trains and tests: the many ways in which a SolverParameter names them.
//!
//! The train net is one of `net`, `net_param`, `train_net`, `train_net_param`. The test nets are all `test_net_param`, then
//! all `test_net`, then as many more copies of `net` or `net_param` as there are values of `test_iter`; test net i runs
//! `test_iter[i]` batches, in the state `test_state[i]` if states are given.

use super::Builder;
use crate::net::{self, Net};
use crate::proto::{NetParameter, NetState, Phase, SolverParameter};
use crate::{Error, Kind, Result};

/// Where a net's description comes from.
enum From<'a> {
    File(&'a str),
    Param(&'a NetParameter),
}

impl Builder {
    pub(super) fn train_net(&self) -> Result<Net> {
        let p = &self.param;
        let named: Vec<(&str, From)> = [
            ("net", p.net.as_deref().map(From::File)),
            ("net_param", p.net_param.as_ref().map(From::Param)),
            ("train_net", p.train_net.as_deref().map(From::File)),
            ("train_net_param", p.train_net_param.as_ref().map(From::Param)),
        ]
        .into_iter()
        .filter_map(|(field, from)| Some((field, from?)))
        .collect();
        match &named[..] {
            [(_, from)] => self.net(from, Phase::Train, p.train_state.as_ref()),
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
        let named = p.test_net_param.iter().map(From::Param).chain(p.test_net.iter().map(|f| From::File(f)));
        let mut sources: Vec<From> = named.collect();
        let wanted = if p.test_state.is_empty() { p.test_iter.len() } else { p.test_state.len() };
        if let Some(from) = self.generic() {
            while sources.len() < wanted {
                sources.push(match from {
                    From::File(f) => From::File(f),
                    From::Param(n) => From::Param(n),
                });
            }
        }
        for (what, given) in [("test_iter", p.test_iter.len()), ("test_state", p.test_state.len())] {
            if given != sources.len() && !(what == "test_state" && given == 0) {
                let message = format!("{given} values of {what} for {} test nets", sources.len());
                return Err(Error::new(Kind::Net, message)
                    .field(what)
                    .hint(format!("give one {what} for each test net, in the order test_net_param, test_net, net")));
            }
        }
        if let Some(bad) = p.test_iter.iter().find(|n| **n <= 0) {
            return Err(Error::value(format!("test_iter {bad} is not a number of batches")).field("test_iter"));
        }
        if !sources.is_empty() && p.test_interval() <= 0 {
            return Err(Error::value(format!("test_interval {} with {} test nets", p.test_interval(), sources.len()))
                .field("test_iter")
                .hint("add test_interval: 500, say"));
        }
        let nets = sources.iter().enumerate().map(|(i, from)| self.net(from, Phase::Test, p.test_state.get(i)));
        nets.collect()
    }

    fn generic(&self) -> Option<From<'_>> {
        let SolverParameter { net, net_param, .. } = &self.param;
        net.as_deref().map(From::File).or_else(|| net_param.as_ref().map(From::Param))
    }

    fn net(&self, from: &From, phase: Phase, state: Option<&NetState>) -> Result<Net> {
        let folder = self.folder.as_deref();
        let what = if phase == Phase::Train { "training net" } else { "test net" };
        self.log.info(|| match from {
            From::File(file) => format!("Creating {what} from net file: {file}"),
            From::Param(_) => format!("Creating {what} from the solver's own net_param"),
        });
        let mut builder = match from {
            From::File(file) => net::Builder::read(crate::files::find(file, folder)?)?,
            From::Param(param) => {
                let builder = Net::build(param);
                if let Some(folder) = folder { builder.folder(folder) } else { builder }
            }
        };
        if let Some(state) = state {
            builder = match state.level {
                Some(level) => builder.level(level),
                None => builder,
            };
            builder = state.stage.iter().fold(builder, |b, stage| b.stage(stage));
        }
        if let Some(level) = self.level {
            builder = builder.level(level);
        }
        builder = self.stages.iter().fold(builder, |b, stage| b.stage(stage));
        builder
            .phase(phase)
            .layers(&self.layers)
            .device(&self.device)
            .seed(self.seed)
            .log(&self.log)
            .keep(self.keep)
            .make()
    }
}
