//! # Answer 04.2: a new order every epoch
//!
//! A data layer hands out `batch` of its n samples at a time. In every epoch it uses each sample once, in a new order: in
//! epoch e the order is `order(e)`. Batches ignore the end of an epoch: a batch may begin in one epoch and end in the
//! next. Write `fill`. See the lesson's part on the data layer.
//!
//! ```text
//! cargo run --release -p answers --bin answer_04_2
//! cargo run --release --bin check -- --answers 04
//! ```

use cortado::layer::*;
use cortado::proto::LayerParameter;
use cortado::random::Random;
use cortado::{Blob, Layers, Result};

/// The numbers 0 to n - 1, shuffled.
struct Shuffled {
    n: usize,
    batch: usize,
    seed: u64,
    /// How many samples have been handed out, in all epochs.
    position: u64,
}

impl Shuffled {
    /// The order of the samples in this epoch.
    fn order(&self, epoch: u64) -> Vec<u32> {
        Random::new(self.seed, "order", epoch).permutation(self.n)
    }

    /// Writes the numbers of the next samples into the batch, and moves on.
    fn fill(&mut self, batch: &mut [f32]) -> Result {
        let n = self.n as u64;
        for x in batch {
            *x = self.order(self.position / n)[(self.position % n) as usize] as f32;
            self.position += 1;
        }
        Ok(())
    }
}

impl Layer for Shuffled {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(Shuffled { n: 1, batch: 1, seed: 0, position: 0 })
    }
    fn arity(&self) -> Arity {
        Arity::exact(0, 1)
    }
    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&[self.batch])
    }
    fn forward(&mut self, _: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        self.fill(top[0].data.slice_mut())
    }
    fn is_source(&self) -> bool {
        true
    }
    fn position(&self) -> Option<u64> {
        Some(self.position)
    }
    fn seek(&mut self, samples: u64) -> Result {
        self.position = samples;
        Ok(())
    }
}

fn main() -> Result {
    let seed: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let n = 5 + (seed % 4) as usize;
    let mut layers = Layers::caffe();
    layers.add_with("Shuffled", move |_| Ok(Box::new(Shuffled { n, batch: 4, seed, position: 0 })));
    let text = "layer { name: 'data' type: 'Shuffled' top: 'x' }";
    let mut net = cortado::net::Builder::parse(text, "the net")?.layers(&layers).make()?;
    for batch in 0..6 {
        net.forward()?;
        println!("batch {batch}: {:?}, position {}", net.data("x")?.slice(), net.positions()[0].1);
    }
    net.seek("data", 1000)?;
    net.forward()?;
    println!("from 1000 on: {:?}", net.data("x")?.slice());
    net.layer_mut::<Shuffled>("data")?.batch = 15; // longer than an epoch
    net.forward()?;
    println!("a long batch: {:?}", net.data("x")?.slice());
    Ok(())
}
