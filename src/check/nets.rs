//! The layer in a net: saved and read back, and in place.

use super::kit::{Kit, Outcome};
use super::{Harness, wrong};
use crate::blob::Values;
use crate::net::Keep;
use crate::proto::{BlobShape, InputParameter, LayerParameter, NetParameter, ReshapeParameter, text};
use crate::random::Random;
use crate::weights::decode_weights;
use crate::{Log, Net, Result};
use prost::Message;

impl Kit {
    /// The layer's prototxt, printed and read again, is the same.
    ///
    /// # Errors
    /// What came back differs.
    pub fn prototxt(&self) -> Result<Outcome> {
        let (_, net) = self.one_layer()?;
        let printed = text::print(&net);
        let read = text::parse::<NetParameter>(&printed, "the printed net")?.message;
        match read == net {
            true => Ok(Outcome::Passed("printed and read again, nothing changed".into())),
            false => Err(wrong(format!("the net changes when it is printed and read again:\n{printed}"))),
        }
    }

    /// The parameters, written as a `.caffemodel` by a net of this one layer and read by another, are the same bits,
    /// and so are the tops of both nets and those of the layer alone.
    ///
    /// # Errors
    /// The first value that differs; what the nets refuse.
    pub fn weights(&self) -> Result<Outcome> {
        let (mut bench, param) = self.one_layer()?;
        if bench.params.is_empty() {
            return Ok(Outcome::NotTried("the layer has no parameters".into()));
        }
        let (mut saved, mut read) = (self.net(&param, Keep::All)?, self.net(&param, Keep::All)?);
        let name = self.layer_name();
        for (i, w) in bench.params.iter().enumerate() {
            saved.param_mut(&name, i)?.data.copy_from(&w.data)?;
        }
        let bytes = saved.to_proto(false)?.encode_to_vec();
        read.copy_trained_layers(&decode_weights(&bytes, "the saved net")?, false)?;
        for (i, w) in bench.params.iter().enumerate() {
            same(&format!("params[{i}]"), &read.param(&name, i)?.data, &w.data)?;
        }
        bench.forward()?;
        for net in [&mut saved, &mut read] {
            for (i, x) in bench.bottom.iter().enumerate() {
                net.data_mut(&format!("bottom{i}"))?.copy_from(&x.data)?;
            }
            net.forward()?;
            for (t, y) in bench.top.iter().enumerate() {
                same(&format!("top[{t}]"), net.data(&format!("top{t}"))?, &y.data)?;
            }
        }
        let values = bench.params.iter().map(|p| p.count()).sum::<usize>();
        let (blobs, values) = (several(bench.params.len(), "blob"), several(values, "value"));
        Ok(Outcome::Passed(format!("{blobs}, {values} saved and read back")))
    }

    /// In a net that computes the layer in place and keeps only what [`needs`](crate::Layer::needs) names, data and
    /// diffs are those of a net with separate blobs.
    ///
    /// # Errors
    /// The first value that differs.
    pub fn in_place(&self) -> Result<Outcome> {
        let (bench, _) = self.one_layer()?;
        let fits = bench.bottom.len() == 1 && bench.top.len() == 1 && bench.top[0].shape() == bench.bottom[0].shape();
        if !fits {
            return Ok(Outcome::NotTried("it is not one bottom and one top of the same shape".into()));
        }
        let apart = self.between(&bench, "z", Keep::All)?;
        let within = self.between(&bench, "x", Keep::Needed)?;
        for (what, a, b) in apart.iter().zip(&within).map(|((what, a), (_, b))| (what, a, b)) {
            same(&format!("in place {what}"), b, a)?;
        }
        Ok(Outcome::Passed("in place and apart: the same values and diffs".into()))
    }

    /// y, dx and the parameters' diffs of the layer between two others, from the blob x to `top`.
    fn between(&self, bench: &Harness, top: &str, keep: Keep) -> Result<Vec<(String, Values)>> {
        // On both sides a Reshape that changes nothing: it copies, and its backward reads no data.
        let copy = |bottom: &str, top: &str| LayerParameter {
            name: Some(format!("{bottom} to {top}")),
            r#type: Some("Reshape".into()),
            bottom: vec![bottom.into()],
            top: vec![top.into()],
            reshape_param: Some(ReshapeParameter { num_axes: Some(0), ..Default::default() }),
            ..Default::default()
        };
        let name = self.layer_name();
        let layer = LayerParameter { bottom: vec!["x".into()], top: vec![top.into()], ..self.named()? };
        let input = input("input", bench.bottom[0].shape());
        let param = NetParameter {
            layer: vec![input, copy("input", "x"), layer, copy(top, "output")],
            force_backward: Some(true),
            ..Default::default()
        };
        let mut net = self.net(&param, keep)?;
        for (i, w) in bench.params.iter().enumerate() {
            net.param_mut(&name, i)?.data.copy_from(&w.data)?;
        }
        net.data_mut("input")?.copy_from(&bench.bottom[0].data)?;
        net.forward()?;
        net.clear_param_diffs();
        let mut found = vec![("top[0]".to_string(), net.data("output")?.clone())];
        if bench.layer.propagates(0) {
            let random = Random::new(0, "top diff", 0);
            random.uniform(-1.0, 1.0, net.diff_mut("output")?.slice_mut());
            net.backward()?;
            found.push(("the diff of bottom[0]".into(), net.diff("input")?.clone()));
        }
        for (i, w) in net.params(&name)?.iter().enumerate() {
            found.push((format!("params[{i}]"), w.data.clone()));
            found.push((format!("the diff of params[{i}]"), w.diff.clone()));
        }
        Ok(found)
    }

    /// The layer alone, and the net of it and an Input for each bottom.
    fn one_layer(&self) -> Result<(Harness, NetParameter)> {
        let bench = self.bench()?;
        let inputs = bench.bottom.iter().enumerate().map(|(i, x)| input(&format!("bottom{i}"), x.shape()));
        let layer = LayerParameter {
            bottom: (0..bench.bottom.len()).map(|i| format!("bottom{i}")).collect(),
            top: (0..bench.top.len()).map(|t| format!("top{t}")).collect(),
            ..self.named()?
        };
        let layer = inputs.chain([layer]).collect();
        Ok((bench, NetParameter { layer, ..Default::default() }))
    }

    /// The layer with a name, whatever phase it is meant for.
    fn named(&self) -> Result<LayerParameter> {
        let param = self.param.clone()?;
        Ok(LayerParameter { name: Some(self.layer_name()), include: vec![], exclude: vec![], ..param })
    }

    fn net(&self, param: &NetParameter, keep: Keep) -> Result<Net> {
        let net = Net::build(param).layers(&self.layers).phase(self.bench()?.phase).device(&self.device);
        net.keep(keep).log(&Log::silent()).make()
    }
}

/// "1 blob", "2 blobs"
fn several(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn input(name: &str, shape: &[usize]) -> LayerParameter {
    let shape = vec![BlobShape { dim: shape.iter().map(|&d| d as i64).collect() }];
    LayerParameter {
        name: Some(name.into()),
        r#type: Some("Input".into()),
        top: vec![name.into()],
        input_param: Some(InputParameter { shape }),
        ..Default::default()
    }
}

/// Compares the bits of two arrays; two NaNs are equal.
fn same(what: &str, got: &Values, expected: &Values) -> Result {
    if got.shape() != expected.shape() {
        return Err(wrong(format!("{what} has shape {:?} in the net, {:?} alone", got.shape(), expected.shape())));
    }
    let mut pairs = got.slice().iter().zip(expected.slice());
    match pairs.find(|(a, b)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan())) {
        None => Ok(()),
        Some((got, expected)) => Err(wrong(format!("{what} has the value {got:e} in the net, {expected:e} is right"))),
    }
}
