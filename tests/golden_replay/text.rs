//! Prototxt that pycaffe wrote or upgraded.

use super::{Case, Replay, Stop, check, known};
use cortado::Net;
use cortado::proto::{NetParameter, SolverParameter, text};
use std::path::Path;

pub fn replay(case: &Case) -> Replay {
    match case.name().as_str() {
        "netspec" => builds(case),
        "upgrade" => upgrades(case),
        name => Err(Stop::NotKnown(format!("no replay of the text \"{name}\""))),
    }
}

/// What NetSpec wrote is a net, and comes back from our printer as the same message.
fn builds(case: &Case) -> Replay {
    let mut net = text::read::<NetParameter>(case.file(".prototxt")?)?.message;
    let again = text::parse::<NetParameter>(&text::print(&net), "printed")?.message;
    check(again == net, || "the printed net is another one".into())?;
    known(&net)?;
    for source in net.layer.iter_mut().filter_map(|l| l.data_param.as_mut()?.source.as_mut()) {
        *source = super::data::database(source)?;
    }
    let mut net = case.builder(Net::build(&net)).make()?;
    net.forward()?;
    Ok(net.backward()?)
}

/// `OLD.prototxt` becomes `OLD_upgraded.prototxt`, to the letter.
fn upgrades(case: &Case) -> Replay {
    for new in case.files("_upgraded.prototxt") {
        let want = std::fs::read_to_string(&new).unwrap();
        let old = new.to_string_lossy().replace("_upgraded", "");
        let is_solver = Path::new(&old).file_name().is_some_and(|name| name.to_string_lossy().contains("solver"));
        let got = match is_solver {
            true => upgraded(text::read::<SolverParameter>(Path::new(&old))?, |p| p.upgrade())?,
            false => upgraded(text::read::<NetParameter>(Path::new(&old))?, |p| p.upgrade())?,
        };
        check(got == want, || format!("{old} is upgraded to\n{got}\nwant\n{want}"))?;
    }
    Ok(())
}

fn upgraded<M: text::Named>(
    mut read: text::Parsed<M>,
    upgrade: impl Fn(&mut text::Parsed<M>) -> cortado::Result<Vec<String>>,
) -> Replay<String> {
    upgrade(&mut read)?;
    Ok(text::print(&read.message))
}
