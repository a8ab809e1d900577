//! The gradients of a convolution with respect to its weights and its bias.
//!
//! ```text
//! dw[k][c][j] = sum over images and o:  dy[k][o] * x[c][o * stride + j * dilation - pad]        db[k] = sum of dy[k]
//! ```
//!
//! With col as in [`conv`](super::conv), dw^T is the sum over images of col dy^T. That product runs along the outputs, in whole
//! vectors. Few outputs do not fill a vector; then dw is made of dot products along the positions.

use super::Cpu;
use super::conv::{Conv, images, whole};
use super::dots::{LANES, add_dots, add_lanes};
use super::matrix::{Mat, MatMut, gemm, transpose};
use super::tile::{Onto, Rows, add_product};

/// Up to this many outputs in a group, and from this many positions on, dw is made of dot products along the positions; unless the
/// outputs fill whole vectors.
const FEW: usize = 24;
const MANY: usize = 256;
/// The most values that the pieces' sums of dw take together.
const MAX_SUMS: usize = 1 << 24;

impl Conv {
    /// Adds to dw and db, the gradients with respect to the weights and the bias.
    pub fn backward_weights(&self, cpu: &Cpu, x: &[f32], dy: &[f32], dw: &mut [f32], db: Option<&mut [f32]>) {
        // A piece sums up dw and db for itself, db behind dw. With few outputs it does as [group][k][tap], by dot products; with
        // more as [group][tap][k]: then the product runs along k, fastest in whole vectors.
        let few = self.rows > 1 && self.outputs <= FEW && self.outputs < whole(self.outputs) && self.out >= MANY;
        let k = if few { self.outputs } else { whole(self.outputs) };
        let taps = self.taps.len();
        let group = (taps + 1) * k;
        let sum = self.groups * group;
        let num = dy.len() / (self.groups * self.outputs * self.out);
        if num == 0 {
            return; // an empty batch
        }
        // Where the sums are large there are fewer pieces.
        let images = images(num).max(4).max(num.div_ceil((MAX_SUMS / sum).max(2)));
        cpu.scratch(num.div_ceil(images) * sum, |sums| {
            cpu.pieces(sums, sum, |start, sum| {
                let first = start / sum.len() * images * self.groups;
                let x = x.chunks_exact(self.channels * self.size).skip(first).take(images * self.groups);
                let dy = dy.chunks_exact(self.outputs * self.out).skip(first);
                if few {
                    self.sum_by_dots(cpu, x.zip(dy), sum);
                } else {
                    self.sum_by_products(cpu, x.zip(dy), sum);
                }
            });
            let (total, others) = sums.split_at_mut(sum);
            cpu.pieces(total, 4096, |start, total| {
                for other in others.chunks_exact(sum) {
                    add(&other[start..], total);
                }
            });
            cpu.scratch(self.outputs * taps, |turned| {
                for (dw, total) in dw.chunks_exact_mut(self.outputs * taps).zip(total.chunks_exact(group)) {
                    if few {
                        add(&total[..taps * k], dw);
                    } else {
                        transpose(Mat::strided(total, taps, self.outputs, k), turned, taps);
                        add(turned, dw);
                    }
                }
            });
            if let Some(db) = db {
                for (db, total) in db.chunks_exact_mut(self.outputs).zip(total.chunks_exact(group)) {
                    add(&total[taps * k..], db);
                }
            }
        });
    }

    /// The sums of dw and db over some images (and groups), \[group\]\[tap\]\[k\].
    fn sum_by_products<'a>(&self, cpu: &Cpu, images: impl Iterator<Item = (&'a [f32], &'a [f32])>, sum: &mut [f32]) {
        let (k, taps) = (whole(self.outputs), self.taps.len());
        let group = (taps + 1) * k;
        sum.fill(0.0);
        cpu.scratch(self.q * self.wide + self.out * k, |buffer| {
            let (buffer, dyt) = buffer.split_at_mut(self.q * self.wide);
            for (i, (x, dy)) in images.enumerate() {
                let (dw, db) = sum[i % self.groups * group..][..group].split_at_mut(taps * k);
                let col = self.expand(x, buffer);
                transpose(Mat::new(dy, self.outputs, self.out), dyt, k);
                dyt.chunks_exact(k).for_each(|dy| add(dy, db));
                let dw = MatMut::new(dw, taps, k);
                if self.rows == 1 {
                    gemm(1.0, Mat::new(col, taps, self.out), Mat::new(dyt, self.out, k), 1.0, dw);
                } else {
                    let (col, dy) = (Rows { data: col, starts: &self.taps }, Rows { data: dyt, starts: &self.yt_rows });
                    add_product(col, dy, Onto::Old, dw);
                }
            }
        });
    }

    /// The same as \[group\]\[k\]\[tap\]; the lanes of each sum are added up after the last image.
    fn sum_by_dots<'a>(&self, cpu: &Cpu, images: impl Iterator<Item = (&'a [f32], &'a [f32])>, sum: &mut [f32]) {
        let (k, taps) = (self.outputs, self.taps.len());
        let group = (taps + 1) * k;
        cpu.scratch(self.q * self.wide + sum.len() * LANES, |buffer| {
            let (buffer, lanes) = buffer.split_at_mut(self.q * self.wide);
            let lanes = lanes.as_chunks_mut().0;
            lanes.fill([0.0; LANES]);
            for (i, (x, dy)) in images.enumerate() {
                let (dw, db) = lanes[i % self.groups * group..][..group].split_at_mut(k * taps);
                let col = self.expand(x, buffer);
                add_dots(Rows { data: dy, starts: &self.y_rows }, Rows { data: col, starts: &self.taps }, self.out, dw);
                for (db, dy) in db.iter_mut().zip(dy.chunks_exact(self.out)) {
                    dy.chunks(LANES).for_each(|dy| add(dy, db));
                }
            }
            sum.iter_mut().zip(lanes).for_each(|(sum, lanes)| *sum = add_lanes(*lanes));
        });
    }
}

fn add(x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
}
