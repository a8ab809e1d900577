//! A convolution and its gradients on a card: im2col of many images at once, and matrix products.
//!
//! For the images n of a batch, with the columns of all of them side by side in one matrix col,
//!
//! ```text
//! y[n] = w col[n] + b        dcol[n] = w^T dy[n],  dx = col2im(dcol)        dw = sum over n of dy[n] col[n]^T
//! ```
//!
//! The products of all images are one call, to which w is given again and again.

use super::columns::{Columns, Images};
use crate::device::cpu::{Axis, Conv};
use crate::device::{Arg, Gemm, Gpu, Kernels, OnCard, Trans};
use crate::{Error, Kind, Result, Values};

/// The most values of work memory: a batch that needs more is done in parts, of one image at least.
const MOST: usize = 1 << 24;
/// So many values stay in a card's cache.
const CACHED: usize = 1 << 22;

/// What a [`Conv`] needs on a card.
pub(super) struct ConvOnCard {
    columns: Columns,
    kernels: Kernels,
    col: OnCard<f32>,
    /// What leads to dw: the images' own dw, or dy turned.
    work: OnCard<f32>,
}

/// Where the matrices of a batch stand: the first, how far apart those of two groups and of two images are, and how far
/// apart the rows of each.
#[derive(Clone, Copy)]
struct Stand {
    at: usize,
    group: usize,
    image: usize,
    row: usize,
}

/// The sizes of a convolution.
#[derive(Clone, Copy)]
struct Sizes {
    groups: usize,
    /// Channels, outputs and taps (channels times places of the kernel) of one group.
    c: usize,
    k: usize,
    taps: usize,
    /// Values of a channel, and of an output.
    size: usize,
    out: usize,
    /// Whether im2col would copy x as it stands.
    plain: bool,
}

impl ConvOnCard {
    /// With `force_nd` planes are done by the kernels for any number of axes.
    pub fn new(force_nd: bool) -> ConvOnCard {
        let kernels = Kernels::new(include_str!("../../kernels/convolving.cu"));
        ConvOnCard { columns: Columns::new(force_nd), kernels, col: OnCard::default(), work: OnCard::default() }
    }

    /// y = w * x + b, as [`Conv::forward`].
    pub fn forward(
        &mut self,
        gpu: &Gpu,
        conv: &Conv,
        x: &Values,
        w: &Values,
        b: Option<&Values>,
        y: &mut Values,
    ) -> Result {
        let s = Sizes::of(conv);
        let gemm = Gemm::new(Trans::No, Trans::No, s.k, s.out, s.taps);
        for (first, count) in s.parts(y, if s.plain { 0 } else { s.col() })? {
            let stands = [s.w(), s.stand_of_col(first, count), s.y(first)];
            if s.plain {
                s.products(gpu, gemm, count, stands, [w.card(gpu)?, x.card(gpu)?, y.card_over(gpu)?])?;
            } else {
                let col = self.col.over(gpu, count * s.col())?;
                self.columns.im2col(gpu, conv.axes(), s.images(first, count), x.card(gpu)?, col)?;
                s.products(gpu, gemm, count, stands, [w.card(gpu)?, self.col.get()?, y.card_over(gpu)?])?;
            }
        }
        b.map_or(Ok(()), |b| self.bias(gpu, s.out, b, y))
    }

    /// dx, as [`Conv::backward_data`].
    pub fn backward_data(&mut self, gpu: &Gpu, conv: &Conv, w: &Values, dy: &Values, dx: &mut Values) -> Result {
        let s = Sizes::of(conv);
        let gemm = Gemm::new(Trans::Yes, Trans::No, s.taps, s.out, s.k);
        for (first, count) in s.parts(dy, if s.plain { 0 } else { s.col() })? {
            let stands = [s.w(), s.y(first), s.stand_of_col(first, count)];
            if s.plain {
                s.products(gpu, gemm, count, stands, [w.card(gpu)?, dy.card(gpu)?, dx.card_over(gpu)?])?;
            } else {
                let dcol = self.col.over(gpu, count * s.col())?;
                s.products(gpu, gemm, count, stands, [w.card(gpu)?, dy.card(gpu)?, dcol])?;
                let (images, dx) = (s.images(first, count), dx.card_over(gpu)?);
                self.columns.col2im(gpu, conv.axes(), images, self.col.get()?, dx)?;
            }
        }
        Ok(())
    }

    /// Adds to dw and db, as [`Conv::backward_weights`].
    ///
    /// There are two ways for dw. Each image's own dw can be summed up afterwards: 2 N K taps values are written and read. Or
    /// dy is turned, so that the images stand side by side as they do in col, and one product sums over all: 2 N K out values.
    /// The way that moves less is taken; but the first, which keeps more of the card busy, also where its sums stay in the
    /// cache.
    pub fn backward_weights(
        &mut self,
        gpu: &Gpu,
        conv: &Conv,
        x: &Values,
        dy: &Values,
        dw: &mut Values,
        db: Option<&mut Values>,
    ) -> Result {
        let s = Sizes::of(conv);
        let apart = s.groups == 1 && (s.taps < s.out || s.batch(dy) * dw.count() <= CACHED);
        let work = if apart { dw.count() } else { s.groups * s.k * s.out };
        for (first, count) in s.parts(dy, work.max(if s.plain && apart { 0 } else { s.col() }))? {
            if !(s.plain && apart) {
                let col = self.col.over(gpu, count * s.col())?;
                self.columns.im2col(gpu, conv.axes(), s.images(first, count), x.card(gpu)?, col)?;
            }
            if apart {
                let gemm = Gemm::new(Trans::No, Trans::Yes, s.k, s.taps, s.out);
                let own = Stand { at: 0, group: 0, image: work, row: s.taps };
                let stands = [s.y(first), s.stand_of_col(first, count), own];
                let col = if s.plain { x.card(gpu)? } else { self.col.get()? };
                s.products(gpu, gemm, count, stands, [dy.card(gpu)?, col, self.work.over(gpu, count * work)?])?;
                let args = &mut [work.into(), count.into(), self.work.get()?, dw.card_mut(gpu)?];
                self.kernels.launch(gpu, "sum_images", work, args)?;
            } else {
                let (n, outputs, start) = (count * work, s.groups * s.k, first * work);
                let turned = self.work.over(gpu, n)?;
                let sizes = [n, count, outputs, s.out, start].map(Arg::from);
                let args = &mut sizes.into_iter().chain([dy.card(gpu)?, turned]).collect::<Vec<_>>();
                self.kernels.launch(gpu, "turn", n, args)?;
                let (m, steps) = (count * s.out, [s.k * count * s.out, s.taps * count * s.out, s.k * s.taps]);
                let gemm = Gemm::new(Trans::No, Trans::Yes, s.k, s.taps, m).scaled(1.0, 1.0).batch(s.groups, steps);
                gpu.gemm(&gemm, self.work.get()?, self.col.get()?, dw.card_mut(gpu)?)?;
            }
        }
        db.map_or(Ok(()), |db| self.bias_backward(gpu, s.out, dy, db))
    }

    /// y += b for channels of `size` values.
    pub fn bias(&mut self, gpu: &Gpu, size: usize, b: &Values, y: &mut Values) -> Result {
        let (n, outputs) = (y.count(), b.count());
        let args = &mut [n.into(), outputs.into(), size.into(), b.card(gpu)?, y.card_mut(gpu)?];
        self.kernels.launch(gpu, "bias_forward", n, args)
    }

    /// db += the sum of dy over images and the `size` values of each channel.
    pub fn bias_backward(&mut self, gpu: &Gpu, size: usize, dy: &Values, db: &mut Values) -> Result {
        let outputs = db.count();
        let images = dy.count() / (outputs * size).max(1);
        let args = &mut [images.into(), size.into(), dy.card(gpu)?, db.card_mut(gpu)?];
        self.kernels.launch_rows(gpu, "bias_backward", outputs, images * size, args)
    }
}

impl Sizes {
    fn of(conv: &Conv) -> Sizes {
        let ([groups, c, k], axes) = (conv.groups(), conv.axes());
        let taps = c * axes.iter().map(|a| a.kernel).product::<usize>();
        let plain = axes.iter().all(|a| *a == Axis::of(a.size));
        Sizes { groups, c, k, taps, size: conv.size(), out: conv.out(), plain }
    }

    /// The values of an image's columns.
    fn col(&self) -> usize {
        self.groups * self.taps * self.out
    }

    /// The images of a batch, by its y.
    fn batch(&self, y: &Values) -> usize {
        y.count() / (self.groups * self.k * self.out)
    }

    /// The parts in which a batch is done if each image needs so many values of work memory: first image and number.
    fn parts(&self, y: &Values, work: usize) -> Result<impl Iterator<Item = (usize, usize)> + use<>> {
        if i32::try_from(work).is_err() {
            return Err(Error::new(Kind::Device, format!("im2col's matrix of one image has {work} values"))
                .field("convolution_param")
                .hint("a card's kernels take 2^31 - 1: make the images or the kernels smaller, or use the CPU"));
        }
        let (batch, most) = (self.batch(y), (MOST / work.max(1)).max(1));
        Ok((0..batch).step_by(most).map(move |first| (first, most.min(batch - first))))
    }

    /// The images of a part; their columns stand side by side.
    fn images(&self, first: usize, count: usize) -> Images {
        Images { first, count, channels: self.groups * self.c, row: count * self.out, step: self.out }
    }

    /// Where their columns are: in x itself if im2col would copy it as it stands.
    fn stand_of_col(&self, first: usize, count: usize) -> Stand {
        if self.plain {
            let (group, image) = (self.c * self.size, self.groups * self.c * self.size);
            Stand { at: first * image, group, image, row: self.size }
        } else {
            let row = count * self.out;
            Stand { at: 0, group: self.taps * row, image: self.out, row }
        }
    }

    fn y(&self, first: usize) -> Stand {
        let (group, image) = (self.k * self.out, self.groups * self.k * self.out);
        Stand { at: first * image, group, image, row: self.out }
    }

    /// All images have the same weights.
    fn w(&self) -> Stand {
        Stand { at: 0, group: self.k * self.taps, image: 0, row: self.taps }
    }

    /// c = op(a) op(b) for each group of each image: one call for each group if there are fewer groups, else for each image.
    fn products(&self, gpu: &Gpu, gemm: Gemm, images: usize, stands: [Stand; 3], [a, b, c]: [Arg; 3]) -> Result {
        let (Arg::In(a, a_len), Arg::In(b, b_len), Arg::Out(c, c_len)) = (a, b, c) else {
            return Err(Error::new(Kind::Device, "a product takes two buffers to read and one to write"));
        };
        let (calls, batch) = (self.groups.min(images), self.groups.max(images));
        let (far, near) = match calls == self.groups {
            true => (stands.map(|s| s.group), stands.map(|s| s.image)),
            false => (stands.map(|s| s.image), stands.map(|s| s.group)),
        };
        let gemm = gemm.rows(stands.map(|s| s.row)).batch(batch, near);
        for i in 0..calls {
            let at = [0, 1, 2].map(|j| stands[j].at + i * far[j]);
            gpu.gemm(&gemm.at(at), Arg::In(a, a_len), Arg::In(b, b_len), Arg::Out(&mut *c, c_len))?;
        }
        Ok(())
    }
}
