//! A layer that feeds a net the rows of arrays, batch after batch; it takes the place of a prototxt's Input layer.

use cortado::layer::*;
use cortado::proto::LayerParameter;
use cortado::{Blob, Layers, Result};
use ndarray::ArrayD;
use std::sync::Arc;

/// Top `t` of pass k gets the next batch of array `t`'s rows, of which the first follows the last.
pub struct Feed {
    rows: Arc<Vec<ArrayD<f32>>>,
    shapes: Vec<Vec<usize>>,
}

/// Caffe's layers with an Input that feeds the rows of the given arrays.
pub fn layers(rows: Vec<ArrayD<f32>>) -> Layers {
    let rows = Arc::new(rows);
    let mut layers = Layers::caffe();
    layers.add_with("Input", move |param| Ok(Box::new(Feed { rows: rows.clone(), ..Feed::new(param)? })));
    layers
}

impl Layer for Feed {
    fn new(param: &LayerParameter) -> Result<Feed> {
        let shapes = param.input_param.iter().flat_map(|p| &p.shape);
        let shapes = shapes.map(|s| s.dim.iter().map(|&d| d as usize).collect()).collect();
        Ok(Feed { rows: Arc::default(), shapes })
    }

    fn arity(&self) -> Arity {
        Arity::exact(0, self.rows.len())
    }

    fn reshape(&mut self, _: &[Blob], top: &mut [Blob]) -> Result {
        top.iter_mut().zip(&self.shapes).try_for_each(|(top, shape)| top.reshape(shape))
    }

    fn forward(&mut self, cx: &Cx, _: &mut [Blob], _: &[Blob], top: &mut [Blob]) -> Result {
        for (x, top) in self.rows.iter().zip(top) {
            let (rows, batch) = (x.shape()[0], top.shape()[0]);
            let (len, x) = (x.len() / rows, x.as_slice().unwrap());
            for (i, y) in top.data.slice_mut().chunks_exact_mut(len).enumerate() {
                let row = (cx.pass as usize * batch + i) % rows;
                y.copy_from_slice(&x[row * len..(row + 1) * len]);
            }
        }
        Ok(())
    }

    fn is_source(&self) -> bool {
        true
    }
}
