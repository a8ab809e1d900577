//! A forward pass on inputs that are given by name.

use super::{Net, Outputs};
use crate::{Error, Kind, Result, Values};
use ndarray::{ArrayBase, ArrayViewD, Data, Dimension};

/// What an input blob can be filled with: an array or a view of any dimension, another net's [`Values`].
pub trait Input {
    /// Its shape and its values.
    fn array(&self) -> ArrayViewD<'_, f32>;
}

impl<S: Data<Elem = f32>, D: Dimension> Input for ArrayBase<S, D> {
    fn array(&self) -> ArrayViewD<'_, f32> {
        self.view().into_dyn()
    }
}

impl Input for Values {
    fn array(&self) -> ArrayViewD<'_, f32> {
        self.view()
    }
}

impl Net {
    /// Fills all input blobs by name and runs all layers.
    ///
    /// # Errors
    /// A name that is not an input, an input that is not given, a shape that does not fit.
    ///
    /// ```
    /// # use cortado::{Net, Phase};
    /// # let mut net = Net::from_prototxt(r#"
    /// #     layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
    /// #     layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" top: "loss" }
    /// # "#, Phase::Test)?;
    /// let x = ndarray::array![[0.0, 0.0, 9.0], [9.0, 0.0, 0.0]];
    /// let label = ndarray::array![2.0, 0.0];
    /// let outputs = net.forward_with([("data", &x), ("label", &label)])?;
    /// assert!(outputs["loss"].sum() < 0.001);
    /// # Ok::<(), cortado::Error>(())
    /// ```
    pub fn forward_with<const N: usize>(&mut self, inputs: [(&str, &dyn Input); N]) -> Result<Outputs> {
        let mut missing: Vec<String> = self.inputs().into_iter().map(String::from).collect();
        for (name, x) in inputs {
            if !self.inputs().contains(&name) {
                return Err(Error::new(Kind::Unknown, format!("\"{name}\" is not an input of this net"))
                    .did_you_mean(name, self.inputs())
                    .hint(format!("its inputs are {:?}", self.inputs())));
            }
            missing.retain(|m| m != name);
            self.data_mut(name)?.assign(&x.array()).map_err(|e| e.hint(format!("this is the input \"{name}\"")))?;
        }
        if let Some(name) = missing.first() {
            return Err(Error::new(Kind::Net, format!("the input \"{name}\" was not given")));
        }
        self.forward()
    }
}
