//! `cortado upgrade`: brings a net or a solver of an older Caffe into today's format.

use super::args::{Args, Command};
use super::{Done, say, usage};
use cortado::error::{Error, Result};
use cortado::files;
use cortado::proto::{NetParameter, SolverParameter, binary, text, upgrade};
use std::path::Path;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "upgrade",
    words: "net|solver FILE OUT",
    about: "writes a net or a solver of an older Caffe in today's format\n\n\
            A net is read and written as text (.prototxt) or as binary (.caffemodel), as FILE is; a solver is a text.\n\
            Comments are not kept. What was changed is said. OUT may be FILE.",
    flags: &[],
    run,
};

fn run(args: &Args) -> Done {
    let [what, file, out] = &args.words[..] else {
        return Err(usage("upgrade needs the word net or solver, a file, and the file to write"));
    };
    let (path, out) = (files::find(file, None)?, Path::new(out));
    let notes = match what.as_str() {
        "net" if is_binary(&path)? => {
            let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, "read", e))?;
            let name = |e| Error::new(cortado::Kind::Weights, format!("{}: {e}", path.display()));
            let mut net = binary::decode::<NetParameter>(&bytes).map_err(name)?;
            drop(bytes);
            let notes = upgrade::net(&mut net)?;
            files::write_aside(out, &binary::encode(&net))?;
            notes
        }
        "net" => {
            let mut net = text::read::<NetParameter>(&path)?;
            if net.message == NetParameter::default() {
                let e = Error::new(cortado::Kind::Net, format!("{} is empty: no net", path.display()));
                return Err(e.hint("a net has `layer { .. }`").into());
            }
            let notes = net.upgrade()?;
            match out.extension().is_some_and(|e| e == "caffemodel" || e == "binaryproto") {
                true => files::write_aside(out, &binary::encode(&net.message))?,
                false => files::write_aside(out, text::print(&net.message).as_bytes())?,
            }
            notes
        }
        "solver" => {
            let mut solver = text::read::<SolverParameter>(&path)?;
            let notes = solver.upgrade()?;
            files::write_aside(out, text::print(&solver.message).as_bytes())?;
            notes
        }
        other => return Err(usage(format!("upgrade is for a net or a solver, not \"{other}\""))),
    };
    notes.iter().for_each(say);
    let done = if notes.is_empty() { "was in today's format already" } else { "is in today's format now" };
    say(format!("{file} {done}: written to {}", out.display()));
    Ok(())
}

/// Whether the file is a binary message: unlike a text, that has control characters, such as its fields' lengths.
fn is_binary(path: &Path) -> Result<bool> {
    if !path.is_file() {
        return Ok(false); // a pipe, which can be read only once, is taken for a text
    }
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, "read", e))?;
    let is_utf_16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]); // the reader of texts names it
    Ok(!is_utf_16 && bytes.iter().any(|b| b.is_ascii_control() && !b"\t\n\x0b\x0c\r\x1a".contains(b)))
}
