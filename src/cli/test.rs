//! `cortado test`: the mean of a net's outputs over a number of batches.

use super::args::{Args, Command, Flag};
use super::{DEVICE, Done, STATE, log, nets};
use cortado::Phase;
use cortado::log::number;
use cortado::net::Keep;
use cortado::solver::{self, Score};

#[rustfmt::skip]
pub const COMMAND: Command = Command {
    name: "test",
    words: "",
    about: "scores a net with trained weights: each batch's outputs, then their means",
    flags: &[&[
        Flag { name: "model",      value: "FILE",    about: "the net's prototxt; its layers of phase TEST are run" },
        Flag { name: "weights",    value: "FILE,..", about: "the trained weights, .caffemodel" },
        Flag { name: "iterations", value: "N",       about: "how many batches; 50 if not given" },
    ], STATE, DEVICE],
    run,
};

fn run(args: &Args) -> Done {
    args.need("model")?;
    args.need("weights")?;
    let iterations = args.number::<u32>("iterations")?.unwrap_or(50);
    if iterations == 0 {
        return Err(args.command.usage("--iterations 0: at least one is needed").into());
    }
    let log = log();
    let mut net = nets::make(args, Phase::Test, Keep::Needed, &log)?;
    nets::load_weights(args, &mut net, &log)?;
    log.info(|| format!("Running for {iterations} iterations."));

    let (mut loss, mut sums) = (0.0, Vec::new());
    for batch in 0..iterations {
        loss += net.forward_loss()? as f64;
        let scores = solver::scores(&net)?;
        sums.resize(scores.len(), 0.0);
        for (sum, Score { name, mean: x, .. }) in sums.iter_mut().zip(&scores) {
            log.info(|| format!("Batch {batch}, {name} = {}", number(*x)));
            *sum += *x as f64;
        }
    }
    let n = iterations as f64;
    log.info(|| format!("Loss: {}", number((loss / n) as f32)));
    for (sum, score) in sums.iter().zip(solver::scores(&net)?) {
        log.info(|| Score { mean: (sum / n) as f32, ..score }.to_string());
    }
    Ok(())
}
