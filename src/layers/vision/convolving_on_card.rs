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
use crate::device::{Arg, AsArg, Gemm, Gpu, Kernels, OnCard, Trans, kernels};
use crate::layers::normalisation::spread::Spread;
use crate::{Device, Error, Kind, Result, Values, args};

const KERNELS: Kernels = kernels!("convolving");

/// The most values of work memory: a batch that needs more is done in parts, of one image at least.
const MOST: usize = 1 << 25;
/// This many values stay in a card's cache.
const CACHED: usize = 1 << 22;

/// What a [`Conv`] needs on a card.
pub(super) struct ConvOnCard {
    columns: Columns,
    of_share: OnCard<f32>,
    col: OnCard<f32>,
    /// What leads to dw: the images' own dw, or dy turned.
    work: OnCard<f32>,
    /// MOST and CACHED, which tests make small.
    most: usize,
    cached: usize,
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
    pub fn new(force_nd: bool) -> ConvOnCard {
        let (of_share, col, work) = Default::default();
        ConvOnCard { columns: Columns::new(force_nd), of_share, col, work, most: MOST, cached: CACHED }
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
        for (first, count) in s.parts(y, if s.plain { 0 } else { s.col() }, self.most)? {
            let stands = [s.w(), s.stand_of_col(first, count), s.y(first)];
            if s.plain {
                s.products(gpu, gemm, count, stands, args![w, x, y.over()])?;
            } else {
                let col = self.col.over(count * s.col());
                self.columns.im2col(gpu, conv.axes(), s.images(first, count), x.arg(), col)?;
                s.products(gpu, gemm, count, stands, args![w, self.col, y.over()])?;
            }
        }
        b.map_or(Ok(()), |b| self.bias(gpu, s.out, b, y))
    }

    /// dx, as [`Conv::backward_data`].
    pub fn backward_data(&mut self, gpu: &Gpu, conv: &Conv, w: &Values, dy: &Values, dx: &mut Values) -> Result {
        let s = Sizes::of(conv);
        let gemm = Gemm::new(Trans::Yes, Trans::No, s.taps, s.out, s.k);
        for (first, count) in s.parts(dy, if s.plain { 0 } else { s.col() }, self.most)? {
            let stands = [s.w(), s.y(first), s.stand_of_col(first, count)];
            if s.plain {
                s.products(gpu, gemm, count, stands, args![w, dy, dx.over()])?;
            } else {
                let dcol = self.col.over(count * s.col());
                s.products(gpu, gemm, count, stands, args![w, dy, dcol])?;
                let (images, dx) = (s.images(first, count), dx.over());
                self.columns.col2im(gpu, conv.axes(), images, self.col.arg(), dx)?;
            }
        }
        Ok(())
    }

    /// Adds to dw and db, as [`Conv::backward_weights`].
    ///
    /// There are two ways to dw. Each image's own dw can be summed up afterwards: 2 N K taps values are written and
    /// read. Or dy is turned, so that the images are side by side as in col, and one product sums over all: 2 N K out
    /// values. The way that moves less is taken; or the first, which keeps more of the card busy, if its sums stay in
    /// the cache.
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
        let apart = s.groups == 1 && (s.taps < s.out || s.batch(dy) * dw.count() <= self.cached);
        let work = if apart { dw.count() } else { s.groups * s.k * s.out };
        for (first, count) in s.parts(dy, work.max(if s.plain && apart { 0 } else { s.col() }), self.most)? {
            if !(s.plain && apart) {
                let col = self.col.over(count * s.col());
                self.columns.im2col(gpu, conv.axes(), s.images(first, count), x.arg(), col)?;
            }
            if apart {
                let gemm = Gemm::new(Trans::No, Trans::Yes, s.k, s.taps, s.out);
                let own = Stand { at: 0, group: 0, image: work, row: s.taps };
                let stands = [s.y(first), s.stand_of_col(first, count), own];
                let col = if s.plain { x.arg() } else { self.col.arg() };
                s.products(gpu, gemm, count, stands, args![dy, col, self.work.over(count * work)])?;
                KERNELS.launch(gpu, "sum_images", work, args![work, count, self.work, dw.updated()])?;
            } else {
                let (n, outputs, start) = (count * work, s.groups * s.k, first * work);
                let args = args![n, count, outputs, s.out, start, dy, self.work.over(n)];
                KERNELS.launch(gpu, "turn", n, args)?;
                let (m, steps) = (count * s.out, [s.k * count * s.out, s.taps * count * s.out, s.k * s.taps]);
                let gemm = Gemm::new(Trans::No, Trans::Yes, s.k, s.taps, m).scaled(1.0, 1.0).batch(s.groups, steps);
                gpu.gemm(&gemm, args![self.work, self.col, dw.updated()])?;
            }
        }
        db.map_or(Ok(()), |db| self.bias_backward(gpu, s.out, dy, db))
    }

    /// y += b for channels of `size` values.
    pub fn bias(&mut self, gpu: &Gpu, size: usize, b: &Values, y: &mut Values) -> Result {
        let (n, outputs) = (y.count(), b.count());
        KERNELS.launch(gpu, "bias_forward", n, args![n, outputs, size, b, y.updated()])
    }

    /// db += the sum of dy over images and the `size` values of each channel.
    pub fn bias_backward(&mut self, gpu: &Gpu, size: usize, dy: &Values, db: &mut Values) -> Result {
        let count = db.count();
        let spread = Spread { outer: dy.count() / (count * size).max(1), count, inner: size };
        spread.reduce_on(&Device::Gpu(gpu.clone()), &mut self.of_share, dy, None, db, true)
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

    /// The parts in which a batch is done if each image needs `work` values of work memory: first image and number.
    fn parts(&self, y: &Values, work: usize, most: usize) -> Result<impl Iterator<Item = (usize, usize)> + use<>> {
        if i32::try_from(work).is_err() {
            return Err(Error::new(Kind::Device, format!("im2col's matrix of one image has {work} values"))
                .field("convolution_param")
                .hint("a card's kernels take 2^31 - 1: make the images or the kernels smaller, or use the CPU"));
        }
        let (batch, most) = (self.batch(y), (most / work.max(1)).max(1));
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

    /// c = op(a) op(b) for each group of each image: one call per group if there are fewer groups, else per image.
    fn products(&self, gpu: &Gpu, gemm: Gemm, images: usize, stands: [Stand; 3], args: &mut [Arg; 3]) -> Result {
        let (calls, batch) = (self.groups.min(images), self.groups.max(images));
        let (far, near) = match calls == self.groups {
            true => (stands.map(|s| s.group), stands.map(|s| s.image)),
            false => (stands.map(|s| s.image), stands.map(|s| s.group)),
        };
        let gemm = gemm.rows(stands.map(|s| s.row)).batch(batch, near);
        for i in 0..calls {
            let at = [0, 1, 2].map(|j| stands[j].at + i * far[j]);
            gpu.gemm(&gemm.at(at), args)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::emulator::Emulator;
    use crate::device::{Counts, Cpu};
    use crate::random::Random;

    fn random(name: &str, n: usize) -> Values {
        let mut values = Values::new(&[n]).unwrap();
        Random::new(1, name, 0).uniform(-1.0, 1.0, values.slice_mut());
        values
    }

    fn close(what: &str, cpu: &Values, gpu: &Values) {
        for (i, (a, b)) in cpu.slice().iter().zip(gpu.slice()).enumerate() {
            assert!((a - b).abs() < 2e-5 * a.abs().max(1.0), "{what}: value {i} is {a} on the CPU and {b} on the card");
        }
    }

    /// However a batch is cut and dw is summed up, and with both kernels, it is the CPU's convolution.
    #[test]
    fn every_way_is_the_cpus() {
        let (gpu, cpu) = (Gpu::new(Emulator::new()), Cpu::new(1));
        let axis = |size, kernel, pad, stride, dilation| Axis { size, kernel, pad, stride, dilation };
        let cases: &[([usize; 3], &[Axis])] = &[
            ([3, 4, 1], &[axis(5, 3, 1, 1, 1), axis(6, 2, 0, 2, 1)]),
            ([4, 6, 2], &[axis(4, 2, 2, 1, 2), axis(5, 3, 1, 3, 1)]),
            ([6, 6, 6], &[axis(4, 3, 1, 1, 1), axis(3, 3, 1, 1, 1)]),
            ([3, 5, 1], &[axis(4, 1, 0, 1, 1), axis(3, 1, 0, 1, 1)]),
            ([4, 2, 2], &[axis(2, 1, 0, 1, 1), axis(3, 1, 0, 1, 1)]),
            ([3, 2, 1], &[axis(5, 1, 0, 2, 1), axis(3, 1, 0, 1, 1)]),
            ([3, 2, 1], &[axis(7, 3, 1, 2, 2)]),
            ([2, 3, 1], &[axis(3, 2, 1, 1, 1), axis(4, 2, 0, 2, 1), axis(3, 2, 1, 1, 2)]),
            ([4, 3, 1], &[]),
        ];
        let n = 5;
        for &([channels, outputs, groups], axes) in cases {
            let conv = Conv::new(channels, outputs, groups, axes).unwrap();
            let taps = channels / groups * axes.iter().map(|a| a.kernel).product::<usize>();
            let (x, dy) = (random("x", n * channels * conv.size()), random("dy", n * outputs * conv.out()));
            let (w, b) = (random("w", outputs * taps), random("b", outputs));
            let (mut y, mut dx, mut dw, mut db) = (dy.clone(), x.clone(), w.clone(), b.clone());
            conv.forward(&cpu, x.slice(), w.slice(), Some(b.slice()), y.slice_mut());
            conv.backward_data(&cpu, w.slice(), dy.slice(), dx.slice_mut());
            conv.backward_weights(&cpu, x.slice(), dy.slice(), dw.slice_mut(), Some(db.slice_mut()));
            for (most, cached, force_nd) in
                [(MOST, CACHED, false), (1, CACHED, true), (1, 0, false), (1000, 0, false), (MOST, 0, true)]
            {
                let what = format!("{conv:?} by {most}, {cached}");
                let mut card = ConvOnCard { most, cached, ..ConvOnCard::new(force_nd) };
                let (mut y2, mut dx2, mut dw2, mut db2) = (dy.clone(), x.clone(), w.clone(), b.clone());
                card.forward(&gpu, &conv, &x, &w, Some(&b), &mut y2).unwrap();
                card.backward_data(&gpu, &conv, &w, &dy, &mut dx2).unwrap();
                card.backward_weights(&gpu, &conv, &x, &dy, &mut dw2, Some(&mut db2)).unwrap();
                for (name, cpu, gpu) in [("y", &y, &y2), ("dx", &dx, &dx2), ("dw", &dw, &dw2), ("db", &db, &db2)] {
                    close(&format!("{name} of {what}"), cpu, gpu);
                }
            }
        }
    }

    /// A layer like LeNet's asks the card for three things forward and six backward; no more memory the second time, so
    /// that it can be recorded.
    #[test]
    fn a_pass_asks_little_of_the_card() {
        let axis = Axis { kernel: 3, ..Axis::of(6) };
        for (cached, axes) in [(CACHED, [axis, axis]), (0, [axis, Axis { kernel: 6, ..axis }])] {
            let gpu = Gpu::new(Emulator::new());
            let conv = Conv::new(4, 5, 1, &axes).unwrap();
            let mut card = ConvOnCard { cached, ..ConvOnCard::new(false) };
            let (x, mut y, dy) =
                (random("x", 7 * 4 * 36), random("y", 7 * 5 * conv.out()), random("y", 7 * 5 * conv.out()));
            let (w, b) = (random("w", 5 * 4 * axes[0].kernel * axes[1].kernel), random("b", 5));
            let (mut dx, mut dw, mut db) = (x.clone(), w.clone(), b.clone());
            let mut pass = || {
                let before = gpu.counts();
                card.forward(&gpu, &conv, &x, &w, Some(&b), &mut y).unwrap();
                let between = gpu.counts();
                card.backward_weights(&gpu, &conv, &x, &dy, &mut dw, Some(&mut db)).unwrap();
                card.backward_data(&gpu, &conv, &w, &dy, &mut dx).unwrap();
                let asked = |from: Counts, to: Counts| to.launches + to.products - from.launches - from.products;
                assert_eq!([asked(before, between), asked(between, gpu.counts())], [3, 6]);
            };
            pass();
            gpu.record().unwrap();
            pass();
            assert_eq!(gpu.end_record().unwrap().len(), 9);
        }
    }
}
