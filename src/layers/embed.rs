//! # Embed: y = the row of a table that a number names
//!
//! | blob        | shape                  | meaning                            |
//! |-------------|------------------------|------------------------------------|
//! | `bottom[0]` | any                    | x: numbers from 0 to input_dim - 1 |
//! | `params[0]` | input_dim x num_output | w, a row for each number           |
//! | `params[1]` | num_output             | b, unless `bias_term: false`       |
//! | `top[0]`    | as x, then num_output  | y                                  |
//!
//! `y[m] = w[x[m]] + b`. It is an [`InnerProduct`](super::InnerProduct) of vectors with a single 1, without the vectors:
//! words become points (Bengio et al. 2003). `dw[r]` is the sum of dy over all m with x\[m\] = r, and db the sum over all
//! m. Numbers have no slope, so nothing flows into x. The fraction of an x is cut off; one outside of the table is an error.
//! `embed_param { num_output input_dim bias_term weight_filler bias_filler }`: both fillers give 0 if not set.

use super::indices::{indices, range};
use super::learnable::learnable;
use crate::device::cpu::PIECE;
use crate::layer::*;
use crate::proto::{EmbedParameter, LayerParameter};
use crate::{Blob, Error, Result};

/// Looks up rows of a table.
pub struct Embed {
    name: String,
    param: EmbedParameter,
    /// How many rows the table has, and their length.
    rows: usize,
    n: usize,
    /// The rows that the last forward looked up.
    looked_up: Vec<usize>,
}

impl Layer for Embed {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.embed_param.clone().unwrap_or_default();
        for (value, field, what) in [
            (p.num_output(), "num_output", "the length of a row"),
            (p.input_dim(), "input_dim", "the number of rows, one more than the largest number in the bottom"),
        ] {
            if value == 0 {
                return Err(Error::value(format!("an Embed needs a {field} of at least 1"))
                    .field(format!("embed_param.{field}"))
                    .hint(format!("{field} is {what}")));
            }
        }
        let (rows, n) = (p.input_dim() as usize, p.num_output() as usize);
        Ok(Embed { name: param.name().into(), param: p, rows, n, looked_up: Vec::new() })
    }

    fn arity(&self) -> Arity {
        Arity::exact(1, 1)
    }

    fn setup(&mut self, cx: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        let p = &self.param;
        let random = |blob: &str| cx.random(&format!("{}.{blob}", self.name));
        let (w, b) = (p.weight_filler.as_ref(), p.bias_filler.as_ref());
        let too_large = |e: Error| e.field("embed_param.input_dim");
        let w = learnable(&[self.rows, self.n], w, 0.0, random("w"), "embed_param.weight_filler").map_err(too_large)?;
        let mut params = vec![w];
        if p.bias_term() {
            params.push(learnable(&[self.n], b, 0.0, random("b"), "embed_param.bias_filler")?);
        }
        Ok(params)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        top[0].reshape(&[bottom[0].shape(), &[self.n]].concat()).map_err(|e| e.field("embed_param.num_output"))
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (x, w, y, n) = (&bottom[0], params[0].data.slice(), top[0].data.slice_mut(), self.n);
        let b = params.get(1).map(|b| b.data.slice());
        indices(x.data.slice(), self.rows, &mut self.looked_up).map_err(|(i, value)| self.outside(x, i, value))?;
        let rows = &self.looked_up;
        cx.device.host().pieces(y, (PIECE / n).max(1) * n, |start, y| {
            for (y, &row) in y.chunks_exact_mut(n).zip(&rows[start / n..]) {
                y.copy_from_slice(&w[row * n..][..n]);
                if let Some(b) = b {
                    y.iter_mut().zip(b).for_each(|(y, b)| *y += b);
                }
            }
        });
        Ok(())
    }

    fn backward(&mut self, _: &Cx, params: &mut [Blob], top: &[Blob], _: &[bool], _: &mut [Blob]) -> Result {
        let (dy, n) = (top[0].diff.slice(), self.n);
        let [w, b @ ..] = params else { return Err(Error::shape("Embed needs a table")) };
        let dw = w.diff.slice_mut();
        for (dy, &row) in dy.chunks_exact(n).zip(&self.looked_up) {
            dw[row * n..][..n].iter_mut().zip(dy).for_each(|(dw, dy)| *dw += dy);
        }
        if let Some(b) = b.first_mut() {
            let db = b.diff.slice_mut();
            for dy in dy.chunks_exact(n) {
                db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy);
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, _: usize) -> bool {
        false
    }
}

impl Embed {
    fn outside(&self, x: &Blob, i: usize, value: f32) -> Error {
        let each = x.count_in(1.min(x.num_axes())..x.num_axes());
        let place = if each > 1 { format!(", value {}", i % each) } else { String::new() };
        let rows = range(self.rows);
        Error::value(format!("sample {}{place} is {value}, and the table's rows are {rows}", i / each.max(1)))
            .field("embed_param.input_dim")
            .hint("make input_dim larger than the largest number, or count from 0")
    }
}
