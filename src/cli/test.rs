//! `cortado test`: averages a net's outputs over a number of batches.

use super::args::{Args, Command, Flag};
use super::{DEVICE, Done, STATE, WEIGHTS, log, nets};
use cortado::Phase;
use cortado::log::number;
use cortado::net::Keep;
use cortado::solver::{self, Score};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "test",
    words: "",
    about: "scores a net with trained weights: prints each batch's outputs, then their means",
    flags: &[&[
        Flag { name: "model",      value: "FILE",    about: "the net's prototxt, run in phase TEST" },
        Flag { name: "weights",    value: "FILE,..", about: "the trained weights, .caffemodel" },
        Flag { name: "iterations", value: "N",       about: "how many batches; 50 if not given" },
    ], WEIGHTS, STATE, DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    args.need("model")?;
    args.need("weights")?;
    let iterations = args.count("iterations")?.unwrap_or(50);
    let log = log();
    let mut net = nets::make(args, Phase::Test, Keep::Needed, &log)?;
    nets::load_weights(args, &mut net, &log)?;
    log.info(|| format!("Running for {iterations} iterations."));

    let say_batch = |batch: u32, scores: &[Score]| {
        for score in scores {
            log.info(|| format!("Batch {batch}, {} = {}", score.name, number(score.value)));
        }
        true
    };
    let (loss, scores) = solver::average(&mut net, iterations, say_batch)?;
    log.info(|| format!("Loss: {}", number(loss)));
    for score in scores {
        log.info(|| score.to_string());
    }
    Ok(())
}
