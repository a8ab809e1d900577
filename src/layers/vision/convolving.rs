//! What Convolution and Deconvolution share: parameters, weights and shapes. Im2col reads the same parameters.

use super::convolving_on_card::ConvOnCard;
use super::sizes::{Round, Sizes, along, check_window, fit};
use crate::device::cpu::{Axis, Conv};
use crate::layer::{Arithmetic, Cx, Param};
use crate::layers::learnable::learnable;
use crate::proto::{ConvolutionParameter, LayerParameter};
use crate::{Blob, Error, Result};

/// What the top's shape depends on.
#[rustfmt::skip]
const FIELDS: &[&str] = &[
    "convolution_param.num_output", "convolution_param.kernel_size", "convolution_param.kernel_h",
    "convolution_param.kernel_w", "convolution_param.pad", "convolution_param.pad_h", "convolution_param.pad_w",
    "convolution_param.stride", "convolution_param.stride_h", "convolution_param.stride_w", "convolution_param.dilation",
];

/// A convolution from bottom to top, or from top to bottom.
pub(super) struct Convolving {
    /// The layer's type and name.
    kind: &'static str,
    name: String,
    param: ConvolutionParameter,
    /// Whether the convolution leads from the top to the bottom, as Deconvolution's does.
    reverse: bool,
    /// The numbers of channels of the bottom and of spatial axes that the weights were made for.
    channels: usize,
    spatial: usize,
    /// The bottoms' shape and what follows from it.
    shaped: Option<(Vec<usize>, Conv)>,
    on_card: ConvOnCard,
}

impl Convolving {
    /// Reads the parameters of a layer of this type.
    pub fn new(param: &LayerParameter, kind: &'static str, reverse: bool) -> Result<Convolving> {
        let p = param.convolution_param.clone().unwrap_or_default();
        if p.num_output() == 0 {
            return Err(Error::value(format!("a {kind} needs a num_output of at least 1"))
                .field("convolution_param.num_output")
                .hint("num_output is the number of the top's channels"));
        }
        if p.group() == 0 || !p.num_output().is_multiple_of(p.group()) {
            return Err(Error::value(format!("num_output {} in {} groups", p.num_output(), p.group()))
                .field("convolution_param.group")
                .hint("num_output must be a multiple of group"));
        }
        let (name, on_card) = (param.name().into(), ConvOnCard::new(p.force_nd_im2col()));
        Ok(Convolving { kind, name, param: p, reverse, channels: 0, spatial: 0, shaped: None, on_card })
    }

    /// The weights, and the bias if there is one.
    pub fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        let p = &self.param;
        let axis = bottom[0].axis(p.axis()).map_err(|e| e.field("convolution_param.axis"))?;
        let (sizes, num_output, group) = (&bottom[0].shape()[axis + 1..], p.num_output() as usize, p.group() as usize);
        (self.channels, self.spatial) = (bottom[0].shape()[axis], sizes.len());
        self.conv(axis, bottom[0].shape())?;
        let (from, to) = if self.reverse { (num_output, self.channels) } else { (self.channels, num_output) };
        let mut shape = vec![to, from / group];
        shape.extend(axes(p, sizes)?.iter().map(|a| a.kernel));
        let random = |blob: &str| cx.random(&format!("{}.{blob}", self.name));
        let (w, b) = (p.weight_filler.as_ref(), p.bias_filler.as_ref());
        let mut params = vec![learnable(&shape, w, 0.0, random("w"), "convolution_param.weight_filler")?];
        if p.bias_term() {
            params.push(learnable(&[num_output], b, 0.0, random("b"), "convolution_param.bias_filler")?);
        }
        Ok(params)
    }

    /// Shapes the tops; all bottoms have one shape.
    pub fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result {
        let (shape, kind) = (bottom[0].shape(), self.kind);
        if let Some(other) = bottom.iter().find(|b| b.shape() != shape) {
            return Err(Error::shape(format!(
                "the bottoms of a {kind} have one shape, not {shape:?} and {:?}",
                other.shape()
            ))
            .field("bottom")
            .hint("use a layer for each; param { name } lets them share their weights"));
        }
        let axis = bottom[0].axis(self.param.axis()).map_err(|e| e.field("convolution_param.axis"))?;
        if self.shaped.as_ref().is_none_or(|(old, _)| old != shape) {
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
            self.shaped = Some((shape.to_vec(), self.conv(axis, shape)?));
        }
        let (num_output, reverse) = (self.param.num_output() as usize, self.reverse);
        let mut y = shape[..axis].to_vec();
        y.push(num_output);
        let (conv, _) = self.shaped()?;
        if reverse {
            y.extend(conv.sizes());
        } else {
            y.extend(conv.outs());
        }
        top.iter_mut().try_for_each(|top| top.reshape(&y))
    }

    /// How many values the top has along each spatial axis, and why.
    pub fn shape_arithmetic(&self, bottom: &[&[usize]]) -> Option<Arithmetic> {
        let first = bottom.first()?.len().checked_sub(self.spatial)?;
        let sum = |a: &Axis| match self.reverse {
            false => fit([a.size, a.pad, a.kernel, a.dilation, a.stride, a.out()], Round::Down),
            true => {
                let Axis { size, pad, stride, .. } = a;
                let out = enlarged(a).map_or(0, |enlarged| enlarged.size);
                format!("{stride}*({size} - 1) + {} - 2*{pad} = {out}", a.extent())
            }
        };
        let sums: Vec<String> = axes(&self.param, &bottom[0][first..]).ok()?.iter().map(sum).collect();
        let text = format!("{} channels are num_output; {}", self.param.num_output(), along(first, &sums));
        Some(Arithmetic { text, fields: FIELDS })
    }

    /// The convolution, once the shapes are known, and what it needs on a card.
    pub fn shaped(&mut self) -> Result<(&Conv, &mut ConvOnCard)> {
        match &self.shaped {
            Some((_, conv)) => Ok((conv, &mut self.on_card)),
            None => Err(Error::shape(format!("a {} runs before its reshape", self.kind))),
        }
    }

    /// The convolution that belongs to a bottom of this shape.
    fn conv(&self, axis: usize, shape: &[usize]) -> Result<Conv> {
        let (p, channels, group) = (&self.param, shape[axis], self.param.group() as usize);
        if channels % group != 0 {
            return Err(Error::shape(format!("{channels} channels in {group} groups, in a bottom of shape {shape:?}"))
                .field("convolution_param.group")
                .hint("the channels must be a multiple of group"));
        }
        let axes = axes(p, &shape[axis + 1..])?;
        let conv = if self.reverse {
            let enlarged = axes.iter().map(enlarged).collect::<Result<Vec<_>>>();
            enlarged.and_then(|axes| Conv::new(p.num_output() as usize, channels, group, &axes))
        } else {
            Conv::new(channels, p.num_output() as usize, group, &axes)
        };
        conv.map_err(|e| e.field("convolution_param.kernel_size").hint(format!("the bottom has shape {shape:?}")))
    }
}

/// The axis whose convolution has as many outputs as `axis` has values.
fn enlarged(axis: &Axis) -> Result<Axis> {
    if axis.size == 0 {
        return Err(Error::shape("a spatial axis of size 0").field("bottom").hint("there is nothing to enlarge"));
    }
    let padded = axis.stride.saturating_mul(axis.size - 1).saturating_add(axis.extent());
    match padded.checked_sub(2 * axis.pad) {
        None | Some(0) => Err(Error::shape(format!("a padding of {} leaves nothing of {padded} values", axis.pad))
            .field("convolution_param.pad")
            .hint("a Deconvolution cuts its padding off its top: make it smaller")),
        Some(size) if size > i32::MAX as usize => {
            let message = format!("{} values, {} apart, make more than 2^31 - 1", axis.size, axis.stride);
            Err(Error::shape(message).field("convolution_param.stride").hint("make the stride smaller"))
        }
        Some(size) => Ok(Axis { size, ..*axis }),
    }
}

/// The spatial axes by the parameters.
///
/// # Errors
/// Sizes that are missing, given twice or impossible.
pub(super) fn axes(p: &ConvolutionParameter, sizes: &[usize]) -> Result<Vec<Axis>> {
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
