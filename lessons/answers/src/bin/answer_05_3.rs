//! # Answer 05.3: textbook schedules
//!
//! Here are three ways in which books let a rate fall. They count epochs; Caffe counts iterations. Write
//! `in_caffes_words`: the solver settings that give the same rates. See "A rate that falls" in the lesson.
//!
//! ```text
//! cargo run --release -p answers --bin answer_05_3
//! cargo run --release --bin check -- --answers 05
//! ```

use cortado::Result;
use cortado::proto::SolverParameter;
use cortado::random::Random;
use cortado::solver::policy;

/// How a rate falls from its first value, α. t is in epochs and need not be an integer.
enum Schedule {
    /// α times `factor` for every `epochs` epochs completed.
    Step { factor: f32, epochs: i32 },
    /// α e^(-kt)
    Exponential { k: f32 },
    /// α / (1 + kt)
    OneOver { k: f32 },
}

/// The settings. An epoch has `iterations` iterations.
fn in_caffes_words(schedule: &Schedule, alpha: f32, iterations: i32) -> Result<SolverParameter> {
    let fixed = SolverParameter { base_lr: Some(alpha), ..Default::default() };
    Ok(match *schedule {
        Schedule::Step { factor, epochs } => SolverParameter {
            lr_policy: Some("step".into()),
            gamma: Some(factor),
            stepsize: Some(epochs * iterations),
            ..fixed
        },
        Schedule::Exponential { k } => {
            SolverParameter { lr_policy: Some("exp".into()), gamma: Some((-k / iterations as f32).exp()), ..fixed }
        }
        Schedule::OneOver { k } => SolverParameter {
            lr_policy: Some("inv".into()),
            gamma: Some(k / iterations as f32),
            power: Some(1.0),
            ..fixed
        },
    })
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let random = Random::new(number, "exercise 05.3", 0);
    let alpha = 0.01 * (1 + random.below(0, 9)) as f32;
    let iterations = 20 + random.below(1, 80) as i32;
    let schedules = [
        ("step", Schedule::Step { factor: [0.5, 0.1][random.below(2, 2)], epochs: 2 + random.below(3, 3) as i32 }),
        ("exponential", Schedule::Exponential { k: 0.1 * (1 + random.below(4, 5)) as f32 }),
        ("1/t", Schedule::OneOver { k: 0.1 * (1 + random.below(5, 9)) as f32 }),
    ];
    for (name, schedule) in &schedules {
        let param = in_caffes_words(schedule, alpha, iterations)?;
        for t in [0, 1, iterations, 5 * iterations - 1, 5 * iterations, 10 * iterations + 7] {
            println!("{name}, iteration {t}: rate {:.8}", policy::rate(&param, t as u64)?);
        }
    }
    Ok(())
}
