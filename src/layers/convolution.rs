//! # Convolution: y = w * x + b
//!
//! | blob        | shape                              | meaning                      |
//! |-------------|------------------------------------|------------------------------|
//! | `bottom[i]` | N x C x sizes                      | x                            |
//! | `params[0]` | num_output x (C / group) x kernels | w                            |
//! | `params[1]` | num_output                         | b, unless `bias_term: false` |
//! | `top[i]`    | N x num_output x outs              | y                            |
//!
//! Output k at position o is `b[k] + sum over c, j: w[k][c][j] * x[c][o * stride + j * dilation - pad]`, and
//! out = (size + 2 pad - (dilation (kernel - 1) + 1)) / stride + 1, rounded down. All pairs of bottom and top share the
//! weights. There may be any number of spatial axes: `kernel_size`, `pad`, `stride` and `dilation` are given once for
//! all of them or once for each, or for two axes as `kernel_h` and `kernel_w` and so on. The axes before `axis` are the
//! batch. With `group` g, each g-th of the outputs sees its g-th of the channels only (Krizhevsky et al. 2012).

use super::learnable::learnable;
use super::sizes::{Round, Sizes, along, check_window, fit};
use crate::device::cpu::{Axis, Conv};
use crate::layer::*;
use crate::proto::{ConvolutionParameter, LayerParameter};
use crate::{Blob, Error, Result};

/// What the top's shape depends on.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "convolution_param.num_output", "convolution_param.kernel_size", "convolution_param.kernel_h",
    "convolution_param.kernel_w", "convolution_param.pad", "convolution_param.pad_h", "convolution_param.pad_w",
    "convolution_param.stride", "convolution_param.stride_h", "convolution_param.stride_w", "convolution_param.dilation",
];

/// y = w * x + b over the spatial axes.
pub struct Convolution {
    name: String,
    param: ConvolutionParameter,
    /// What the weights were made for: so many channels, and so many spatial axes.
    channels: usize,
    spatial: usize,
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
        Ok(Convolution { name: param.name().into(), param: p, channels: 0, spatial: 0, shaped: None })
    }

    fn arity(&self) -> Arity {
        Arity::pairs()
    }

    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let p = &self.param;
        let axis = bottom[0].axis(p.axis()).map_err(|e| e.field("convolution_param.axis"))?;
        let sizes = &bottom[0].shape()[axis + 1..];
        (self.channels, self.spatial) = (bottom[0].shape()[axis], sizes.len());
        conv(p, axis, bottom[0].shape())?;
        let random = |blob: &str| cx.random(&format!("{}.{blob}", self.name));
        let mut shape = vec![p.num_output() as usize, self.channels / p.group() as usize];
        shape.extend(axes(p, sizes)?.iter().map(|a| a.kernel));
        let (w, b) = (p.weight_filler.as_ref(), p.bias_filler.as_ref());
        let mut params = vec![learnable(&shape, w, 0.0, random("w"), "convolution_param.weight_filler")?];
        if p.bias_term() {
            params.push(learnable(&shape[..1], b, 0.0, random("b"), "convolution_param.bias_filler")?);
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
            if shape.len() - axis - 1 != self.spatial {
                return Err(Error::shape(format!(
                    "the weights were made for {} spatial axes, the bottom of shape {shape:?} has {}",
                    self.spatial,
                    shape.len() - axis - 1
                ))
                .hint("the number of axes must stay as it was at set-up"));
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
        let Some((_, conv)) = &self.shaped else { return Err(Error::shape("forward before reshape")) };
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
        let Some((_, conv)) = &self.shaped else { return Err(Error::shape("backward before reshape")) };
        let [Blob { data: w, diff: dw }, b @ ..] = params else {
            return Err(Error::shape("Convolution needs weights"));
        };
        let cpu = cx.device.host();
        for ((Blob { data: x, diff: dx }, y), &wanted) in bottom.iter_mut().zip(top).zip(propagate_down) {
            let (dy, db) = (y.diff.slice(), b.first_mut().map(|b| b.diff.slice_mut()));
            conv.backward_weights(&cpu, x.slice(), dy, dw.slice_mut(), db);
            if wanted {
                conv.backward_data(&cpu, w.slice(), dy, dx.slice_mut());
            }
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::X
    }

    fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        let first = bottom.first()?.len().checked_sub(self.spatial)?;
        let sum = |a: &Axis| fit([a.size, a.pad, a.kernel, a.dilation, a.stride, a.out()], Round::Down);
        let sums: Vec<String> = axes(&self.param, &bottom[0][first..]).ok()?.iter().map(sum).collect();
        Some(Arithmetic {
            text: format!("{} channels are num_output; {}", self.param.num_output(), along(first, &sums)),
            fields: FIELDS,
        })
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
fn axes(p: &ConvolutionParameter, sizes: &[usize]) -> Result<Vec<Axis>> {
    let n = sizes.len();
    let field = |names, all, hw| Sizes {
        param: "convolution_param",
        names,
        all,
        hw,
        default: Some(1),
        partner: None,
        least: 1,
    };
    let kernel = field(["kernel_size", "kernel_h", "kernel_w"], &p.kernel_size, [p.kernel_h, p.kernel_w]);
    let kernel = Sizes { default: None, ..kernel }.each(n)?;
    let pad = field(["pad", "pad_h", "pad_w"], &p.pad, [p.pad_h, p.pad_w]);
    let pad = Sizes { default: Some(0), partner: Some(0), least: 0, ..pad }.each(n)?;
    let stride = field(["stride", "stride_h", "stride_w"], &p.stride, [p.stride_h, p.stride_w]).each(n)?;
    let dilation = field(["dilation", "", ""], &p.dilation, [None, None]).each(n)?;
    let axis =
        |i: usize| Axis { size: sizes[i], kernel: kernel[i], pad: pad[i], stride: stride[i], dilation: dilation[i] };
    let axes: Vec<Axis> = (0..n).map(axis).collect();
    axes.iter().try_for_each(|axis| check_window(axis.extent(), "convolution_param.kernel_size"))?;
    Ok(axes)
}
