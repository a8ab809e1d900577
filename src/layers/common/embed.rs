//! # Embed: y = the row of a table that a number names
//!
//! | blob        | shape                  | meaning                            |
//! |-------------|------------------------|------------------------------------|
//! | `bottom[0]` | any                    | x: numbers from 0 to input_dim - 1 |
//! | `params[0]` | input_dim x num_output | w, a row for each number           |
//! | `params[1]` | num_output             | b, unless `bias_term: false`       |
//! | `top[0]`    | as x, then num_output  | y                                  |
//!
//! `y[m] = w[x[m]] + b`. It is an [`InnerProduct`](super::InnerProduct) of vectors with a single 1, without the
//! vectors: words become points (Bengio et al. 2003). `dw[r]` is the sum of dy over all m with x\[m\] = r, and db the
//! sum over all m. Numbers have no slope, so nothing flows into x. The fraction of an x is cut off; one outside the
//! table is an error. `embed_param { num_output input_dim bias_term weight_filler bias_filler }`: both fillers give 0
//! if not set.

use crate::device::cpu::PIECE;
use crate::device::{OnCard, Refusal};
use crate::layer::*;
use crate::layers::indices::{indices, range};
use crate::layers::learnable::learnable;
use crate::layers::rows::sum_rows;
use crate::proto::EmbedParameter;

const KERNELS: Kernels = kernels!("embed");

/// Looks up rows of a table.
pub struct Embed {
    name: String,
    param: EmbedParameter,
    /// How many rows the table has, and their length.
    rows: usize,
    n: usize,
    /// The rows that the last forward looked up.
    looked_up: Vec<usize>,
    looked_up_on_card: OnCard<i32>,
    refusal: Refusal,
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
        Ok(Embed {
            name: param.name().into(),
            param: p,
            rows,
            n,
            looked_up: Vec::new(),
            looked_up_on_card: OnCard::default(),
            refusal: Refusal::default(),
        })
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
        let (x, w, y, n) = (&bottom[0].data, &params[0].data, &mut top[0].data, self.n);
        let b = params.get(1).map(|b| &b.data);
        let (table, each) = (self.rows, bottom[0].count_in(1.min(bottom[0].num_axes())..bottom[0].num_axes()));
        if let Device::Gpu(gpu) = cx.device {
            let (count, bias) = (y.count(), b.is_some());
            let refusal = self.refusal.explain(gpu, move |i, x| outside(table, each, i, x))?;
            let (b, row) = (b.unwrap_or(w), self.looked_up_on_card.over(x.count()));
            let args = args![count, n, table, bias, x, w, b, row, y.over(), refusal];
            return KERNELS.launch(gpu, "embed_forward", count, args);
        }
        indices(x.slice(), table, &mut self.looked_up).map_err(|(i, x)| outside(table, each, i, x))?;
        let (rows, w, b) = (&self.looked_up, w.slice(), b.map(|b| b.slice()));
        cx.device.host().pieces(y.slice_mut(), (PIECE / n).max(1) * n, |start, y| {
            for (y, &row) in y.chunks_exact_mut(n).zip(&rows[start / n..]) {
                y.copy_from_slice(&w[row * n..][..n]);
                if let Some(b) = b {
                    y.iter_mut().zip(b).for_each(|(y, b)| *y += b);
                }
            }
        });
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], _: &mut [Blob]) -> Result {
        let (dy, n) = (&top[0].diff, self.n);
        let [Blob { diff: dw, .. }, b @ ..] = params else { return Err(Error::shape("Embed needs a table")) };
        match cx.device {
            Device::Cpu(_) => {
                let dw = dw.slice_mut();
                for (dy, &row) in dy.slice().chunks_exact(n).zip(&self.looked_up) {
                    dw[row * n..][..n].iter_mut().zip(dy).for_each(|(dw, dy)| *dw += dy);
                }
            }
            Device::Gpu(gpu) => {
                let samples = dy.count() / n;
                let args = args![samples, n, self.looked_up_on_card, dy, dw.updated()];
                KERNELS.launch_rows(gpu, "embed_backward_w", samples, n, args)?;
            }
        }
        match b.first_mut() {
            Some(b) => sum_rows(cx.device, dy, &mut b.diff),
            None => Ok(()),
        }
    }

    fn needs(&self) -> Needs {
        Needs::NOTHING
    }

    fn propagates(&self, _: usize) -> bool {
        false
    }
}

/// The error of value `i`, in samples of `each` values, that is no row of a table of `rows` rows.
fn outside(rows: usize, each: usize, i: usize, value: f32) -> Error {
    let place = if each > 1 { format!(", value {}", i % each) } else { String::new() };
    let rows = range(rows);
    Error::value(format!("sample {}{place} is {value}, and the table's rows are {rows}", i / each.max(1)))
        .field("embed_param.input_dim")
        .hint("make input_dim larger than the largest number, or count from 0")
}
