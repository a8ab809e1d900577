//! # Exercise 04.1: backward
//!
//! A layer with two bottoms, a and b, two tops, and one learnable number w:
//!
//! s = w (a + b) and p = a b
//!
//! Forward is done. Write backward. It must compute dw, and da and db each only if `cx.propagate_down` asks for it. See the
//! lesson's parts on `propagate_down` and on two tops.
//!
//! ```text
//! cargo run --release -p exercises --bin exercise_04_1
//! cargo run --release --bin check 04
//! ```

use cortado::check::{Fill, Harness};
use cortado::layer::*;
use cortado::proto::LayerParameter;
use cortado::random::Random;
use cortado::{Blob, Result};

/// s = w (a + b), p = a b
struct SumAndProduct;

impl Layer for SumAndProduct {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(SumAndProduct)
    }
    fn arity(&self) -> Arity {
        Arity::exact(2, 2)
    }
    fn setup(&mut self, _: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        let mut w = Blob::new(&[1])?;
        w.data.fill(1.5);
        Ok(vec![Param::new(w)])
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape_like(&bottom[0])?;
        top[1].reshape_like(&bottom[0])
    }
    fn forward(&mut self, _: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (w, a, b) = (params[0].data.scalar(), bottom[0].data.slice(), bottom[1].data.slice());
        for i in 0..a.len() {
            top[0].data.slice_mut()[i] = w * (a[i] + b[i]);
            top[1].data.slice_mut()[i] = a[i] * b[i];
        }
        Ok(())
    }
    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let _ = (cx, params, top, bottom);
        Err(cortado::Error::value("not done yet: backward")
            .hint("set the bottoms' diffs, add to the parameters' diffs"))
    }
}

fn main() -> Result {
    let number = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut bench = Harness::new::<SumAndProduct>(&LayerParameter::default(), &[&[4], &[4]])?.seed(number);
    bench.fill(0, Fill::Uniform(-2.0, 2.0));
    bench.fill(1, Fill::Uniform(-2.0, 2.0));
    bench.bottom.iter_mut().for_each(|b| b.diff.fill(100.0)); // what an earlier batch left behind
    bench.forward()?;
    for (pass, down) in [[true, false], [false, false], [true, true]].into_iter().enumerate() {
        for top in 0..2 {
            let random = Random::new(number, "exercise 04.1", (2 * pass + top) as u64);
            random.uniform(-1.0, 1.0, bench.top[top].diff.slice_mut());
        }
        bench.backward_to(&down)?;
        println!("propagate_down {down:?}");
        println!("  da {:.5?}", bench.bottom[0].diff.slice());
        println!("  db {:.5?}", bench.bottom[1].diff.slice());
        println!("  dw {:.5}", bench.params[0].diff.scalar());
    }
    Ok(())
}
