//! # Answer 03.3: interrupted
//!
//! Training is stopped after seven steps, saved as text, and resumed in a new process. Write `save` and `load` so that
//! nobody can tell: after five more steps the parameters must equal those of a run that never stopped, to the last bit. See
//! the last part of the lesson.
//!
//! ```text
//! cargo run --release -p answers --bin answer_03_3
//! cargo run --release --bin check -- --answers 03
//! ```

use cortado::random::Random;
use cortado::{Error, Result};

/// Fits `y = w[0] x + w[1]` to an endless stream of points.
#[derive(Default)]
struct Trainer {
    w: [f32; 2],
    v: [f32; 2],
    iter: u64,
    /// How many points have been read.
    position: usize,
}

impl Trainer {
    /// Batches grow: the step after `iter` others reads `iter + 1` points.
    fn step(&mut self, points: &Random) {
        let n = self.iter as usize + 1;
        let mut dw = [0.0; 2];
        for _ in 0..n {
            let x = points.unit(self.position);
            let y = 3.0 * x + 1.0;
            let error = self.w[0] * x + self.w[1] - y;
            dw[0] += error * x / n as f32;
            dw[1] += error / n as f32;
            self.position += 1;
        }
        let rate = 0.3 / (1.0 + 0.1 * self.iter as f32);
        for ((w, v), dw) in self.w.iter_mut().zip(&mut self.v).zip(dw) {
            *v = 0.8 * *v + rate * dw;
            *w -= *v;
        }
        self.iter += 1;
    }
}

/// Everything that training needs in order to resume, as text.
fn save(trainer: &Trainer) -> Result<String> {
    let Trainer { w, v, iter, position } = trainer;
    Ok(format!("{} {} {} {} {iter} {position}", w[0], w[1], v[0], v[1]))
}

/// The trainer that `save` wrote down.
fn load(text: &str) -> Result<Trainer> {
    let broken = || Error::value(format!("\"{text}\" is no saved training"));
    let words: Vec<&str> = text.split_whitespace().collect();
    let [w0, w1, v0, v1, iter, position] = words[..] else { return Err(broken()) };
    let float = |word: &str| word.parse::<f32>().map_err(|_| broken());
    Ok(Trainer {
        w: [float(w0)?, float(w1)?],
        v: [float(v0)?, float(v1)?],
        iter: iter.parse().map_err(|_| broken())?,
        position: position.parse().map_err(|_| broken())?,
    })
}

fn main() -> Result<()> {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let points = Random::new(number, "exercise 03.3", 0);
    let mut never_stopped = Trainer::default();
    let mut stopped = Trainer::default();
    for _ in 0..7 {
        never_stopped.step(&points);
        stopped.step(&points);
    }
    let text = save(&stopped)?;

    let mut resumed = load(&text)?;
    for _ in 0..5 {
        never_stopped.step(&points);
        resumed.step(&points);
    }
    println!("w {:.7?} after {} steps", resumed.w, resumed.iter);
    let same = resumed.w.map(f32::to_bits) == never_stopped.w.map(f32::to_bits);
    println!("the same bits: {}", if same { "yes" } else { "no" });
    Ok(())
}
