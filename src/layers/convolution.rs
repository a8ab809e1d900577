//! # Convolution: y = w * x + b
//!
//! | blob      | shape                              | meaning                      |
//! |-----------|------------------------------------|------------------------------|
//! | bottom[i] | N x C x sizes                      | x                            |
//! | param[0]  | num_output x (C / group) x kernels | w                            |
//! | param[1]  | num_output                         | b, unless `bias_term: false` |
//! | top[i]    | N x num_output x outs              | y                            |
//!
//! Output k at position o is `b[k] + sum over c, j: w[k][c][j] * x[c][o * stride + j * dilation - pad]`, and
//! out = (size + 2 pad - (dilation (kernel - 1) + 1)) / stride + 1, rounded down. All pairs of bottom and top share the
//! weights. There may be any number of spatial axes: `kernel_size`, `pad`, `stride` and `dilation` are given once for
//! all of them or once for each, or for two axes as `kernel_h` and `kernel_w` and so on. The axes before `axis` are the
//! batch. With `group` g, each g-th of the outputs sees its g-th of the channels only (Krizhevsky et al. 2012).

use crate::device::cpu::{Axis, Conv};
use crate::filler;
use crate::layer::*;
use crate::proto::{ConvolutionParameter, LayerParameter};
use crate::{Blob, Error, Result};

pub struct Convolution {
    name: String,
    param: ConvolutionParameter,
    /// The channels that the weights were made for.
    channels: usize,
    /// The bottoms' shape and what follows from it.
    shaped: Option<(Vec<usize>, Conv)>,
}

impl Layer for Convolution {
    fn new(param: &LayerParameter) -> Result<Self> {
        let p = param.convolution_param.clone().unwrap_or_default();
        if p.num_output() == 0 {
            return Err(Error::value("a Convolution needs a num_output of at least 1")
                .field("convolution_param.num_output")
                .hint("num_output is the number of kernels, and of the top's channels"));
        }
        if p.group() == 0 || !p.num_output().is_multiple_of(p.group()) {
            return Err(Error::value(format!("num_output {} in {} groups", p.num_output(), p.group()))
                .field("convolution_param.group")
                .hint("num_output must be a multiple of group"));
        }
        Ok(Convolution { name: param.name().into(), param: p, channels: 0, shaped: None })
    }

    fn arity(&self) -> Arity {
        Arity::pairs()
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let p = &self.param;
        let axis = bottom[0].axis(p.axis()).map_err(|e| e.field("convolution_param.axis"))?;
        self.channels = bottom[0].shape()[axis];
        conv(p, axis, bottom[0].shape())?;
        let mut shape = vec![p.num_output() as usize, self.channels / p.group() as usize];
        shape.extend(axes(p, &bottom[0].shape()[axis + 1..])?.iter().map(|a| a.kernel));
        let mut w = Blob::new(&shape)?;
        filler::fill_or_zero(p.weight_filler.as_ref(), &cx.random(&format!("{}.w", self.name)), &mut w)
            .map_err(|e| e.field("convolution_param.weight_filler"))?;
        let mut params = vec![Param::new(w)];
        if p.bias_term() {
            let mut b = Blob::new(&shape[..1])?;
            filler::fill_or_zero(p.bias_filler.as_ref(), &cx.random(&format!("{}.b", self.name)), &mut b)
                .map_err(|e| e.field("convolution_param.bias_filler"))?;
            params.push(Param::new(b));
        }
        Ok(params)
    }

    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let shape = bottom[0].shape();
        if let Some(other) = bottom.iter().find(|b| b.shape() != shape) {
            return Err(Error::shape(format!(
                "the bottoms of a Convolution have one shape, not {shape:?} and {:?}",
                other.shape()
            ))
            .field("bottom")
            .hint("use a layer for each; param { name } lets them share their weights"));
        }
        if self.shaped.as_ref().is_none_or(|(old, _)| old != shape) {
            let axis = bottom[0].axis(self.param.axis()).map_err(|e| e.field("convolution_param.axis"))?;
            if shape[axis] != self.channels {
                return Err(Error::shape(format!(
                    "the weights were made for {} channels, the bottom of shape {shape:?} has {}",
                    self.channels, shape[axis]
                ))
                .hint("the number of channels must stay as it was at set-up"));
            }
            self.shaped = Some((shape.to_vec(), conv(&self.param, axis, shape)?));
        }
        if let Some((shape, conv)) = &self.shaped {
            let axis = bottom[0].axis(self.param.axis())?;
            let mut y = shape[..axis].to_vec();
            y.push(self.param.num_output() as usize);
            y.extend(conv.outs());
            top.iter_mut().try_for_each(|top| top.reshape(&y))?;
        }
        Ok(())
    }

    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        let Some((_, conv)) = &self.shaped else { return Ok(()) };
        let (w, b) = (params[0].data.slice(), params.get(1).map(|b| b.data.slice()));
        for (x, y) in bottom.iter().zip(top) {
            conv.forward(&cx.device.host(), x.data.slice(), w, b, y.data.slice_mut());
        }
        Ok(())
    }

    fn backward(
        &mut self,
        cx: &Cx,
        params: &mut [Blob],
        top: &[Blob],
        propagate_down: &[bool],
        bottom: &mut [Blob],
    ) -> Result {
        let Some((_, conv)) = &self.shaped else { return Ok(()) };
        let cpu = cx.device.host();
        let [w, b @ ..] = params else { return Ok(()) };
        for ((x, y), &wanted) in bottom.iter_mut().zip(top).zip(propagate_down) {
            let (dy, db) = (y.diff.slice(), b.first_mut().map(|b| b.diff.slice_mut()));
            conv.backward_weights(&cpu, x.data.slice(), dy, w.diff.slice_mut(), db);
            if wanted {
                conv.backward_data(&cpu, w.data.slice(), dy, x.diff.slice_mut());
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }
}

/// The convolution over a bottom of this shape.
fn conv(p: &ConvolutionParameter, axis: usize, shape: &[usize]) -> Result<Conv> {
    let (channels, group) = (shape[axis], p.group() as usize);
    if channels % group != 0 {
        return Err(Error::shape(format!("{channels} channels in {group} groups, in a bottom of shape {shape:?}"))
            .field("convolution_param.group")
            .hint("the channels must be a multiple of group"));
    }
    let axes = axes(p, &shape[axis + 1..])?;
    Conv::new(channels, p.num_output() as usize, group, &axes)
        .map_err(|e| e.field("convolution_param.kernel_size").hint(format!("the bottom has shape {shape:?}")))
}

/// The spatial axes by the parameters.
pub(super) fn axes(p: &ConvolutionParameter, sizes: &[usize]) -> Result<Vec<Axis>> {
    let n = sizes.len();
    let kernel = each("kernel_size", &p.kernel_size, ["kernel_h", "kernel_w"], [p.kernel_h, p.kernel_w], None, n)?;
    let pad = each("pad", &p.pad, ["pad_h", "pad_w"], [p.pad_h, p.pad_w], Some(0), n)?;
    let stride = each("stride", &p.stride, ["stride_h", "stride_w"], [p.stride_h, p.stride_w], Some(1), n)?;
    let dilation = each("dilation", &p.dilation, ["", ""], [None, None], Some(1), n)?;
    let axis =
        |i: usize| Axis { size: sizes[i], kernel: kernel[i], pad: pad[i], stride: stride[i], dilation: dilation[i] };
    Ok((0..n).map(axis).collect())
}

/// The values of a repeated field for `n` axes: one for all, or one for each, or its _h and _w; else `default`.
fn each(
    name: &str,
    all: &[u32],
    [name_h, name_w]: [&str; 2],
    hw: [Option<u32>; 2],
    default: Option<u32>,
    n: usize,
) -> Result<Vec<usize>> {
    let field = format!("convolution_param.{name}");
    let values = match (hw, all) {
        ([None, None], []) => {
            let missing = || Error::value("a Convolution needs a kernel").hint("give kernel_size: 3, or another size");
            vec![default.ok_or_else(missing).map_err(|e| e.field("convolution_param"))?; n]
        }
        ([None, None], [one]) => vec![*one; n],
        ([None, None], all) if all.len() == n => all.to_vec(),
        ([None, None], all) => {
            return Err(Error::value(format!("{name} is given {} times for {n} spatial axes", all.len()))
                .field(field)
                .hint("give it once for all axes, or once for each"));
        }
        (hw, []) if n == 2 => {
            let missing = |name| {
                Error::value(format!("{name} is not given, but its partner is")).hint("give both, or one for all axes")
            };
            let value = |v: Option<u32>, name| v.or(default.filter(|&d| d == 0)).ok_or_else(|| missing(name));
            let [h, w] = hw;
            vec![
                value(h, name_h).map_err(|e| e.field(format!("convolution_param.{name_w}")))?,
                value(w, name_w).map_err(|e| e.field(format!("convolution_param.{name_h}")))?,
            ]
        }
        (_, []) => {
            return Err(Error::value(format!("{name_h} and {name_w} are for 2 spatial axes, not {n}"))
                .field(format!("convolution_param.{name_h}"))
                .hint(format!("give {name} instead")));
        }
        _ => {
            return Err(Error::value(format!("both {name} and {name_h} or {name_w} are given"))
                .field(field)
                .hint("give one or the other"));
        }
    };
    if default != Some(0) && values.contains(&0) {
        return Err(Error::value(format!("{name} must not be 0")).field(field).hint("give 1 or more"));
    }
    Ok(values.into_iter().map(|v| v as usize).collect())
}
