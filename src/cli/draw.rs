//! `cortado draw`: draws a net as a page, an SVG, or a graph for Graphviz.

use super::args::{Args, Command, Flag};
use super::{Done, STATE, check, nets, say, usage};
use cortado::show::{Direction, Drawing};
use cortado::{Device, Layers, Log, files};
use std::path::Path;

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "draw",
    words: "FILE OUT",
    about: "draws a net: as a page (OUT.html), as a picture (OUT.svg), or as a graph for Graphviz (OUT.dot)\n\n\
            The page is one file and works offline. A click on a layer tells its fields, shapes, parameters,\n\
            multiply-adds and receptive field. Neither data nor weights are needed: where a database or a list\n\
            is missing, the shape of its samples is assumed, and said.",
    flags: &[&[
        Flag { name: "phase",      value: "PHASE", about: "TRAIN or TEST; TRAIN if not given and the net differs by phase" },
        Flag { name: "rankdir",    value: "DIR",   about: "where the data flow to: TB, BT, LR or RL; TB, down, if not given" },
        Flag { name: "data_shape", value: "C,H,W", about: "the shape of a sample where the data are missing" },
    ], STATE],
    run,
};

fn run(args: &Args) -> Done {
    let [file, out] = &args.words[..] else {
        return Err(usage("draw needs a net's prototxt and the file to write: .html, .svg or .dot"));
    };
    let kind = Path::new(out).extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    if !["html", "svg", "dot"].contains(&&*kind) {
        return Err(usage(format!("{out}: its name must end with .html, .svg or .dot")));
    }
    let directions = [("TB", Direction::TB), ("BT", Direction::BT), ("LR", Direction::LR), ("RL", Direction::RL)];
    let direction = args.choice("rankdir", &directions.map(|d| d.0))?;
    let direction = directions.iter().find(|d| Some(d.0) == direction).map_or(Direction::TB, |d| d.1);

    let file = nets::Prototxt::read(file)?;
    let param = file.net()?;
    let phase = nets::phase(args)?.unwrap_or_else(|| check::phases(&param)[0]);
    let (layers, assumed) = Layers::caffe().without_data(check::data_shape(args)?);
    let builder = nets::builder(args, &file, phase, &Log::silent())?.layers(&layers).device(&Device::cpu());
    let net = builder.make().map_err(|e| check::with_notes(e, &assumed))?;
    let assumed: Vec<String> = assumed.try_iter().collect();
    let drawing = Drawing::new(&net, &param).direction(direction);
    let drawing = assumed.iter().fold(drawing, |drawing, note| drawing.note(note));
    let text = match &*kind {
        "html" => drawing.to_html(),
        "svg" => drawing.to_svg(),
        _ => drawing.to_dot(),
    };
    files::write_aside(Path::new(out), text.as_bytes())?;
    assumed.iter().for_each(say);
    let totals: Vec<String> = drawing.totals().into_iter().map(|(what, much)| format!("{what} {much}")).collect();
    say(format!("{}: {} -> {out}", net.name(), totals.join("; ")));
    Ok(())
}
