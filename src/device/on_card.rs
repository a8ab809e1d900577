//! A layer's own memory on a card.

use super::args::{Arg, Stored};
use super::card::{CardArg, CardBuffer};
use super::gpu::Gpu;
use crate::{Error, Kind, Result};
use std::marker::PhantomData;

/// Work memory of a layer on a card: f32 values, or i32 integers. It is made when first asked for and only grows; no
/// one but the layer's kernels sees it.
///
/// ```
/// use cortado::args;
/// use cortado::device::{Gpu, Kernels, OnCard, emulator::Emulator};
/// let kernels = Kernels::new(
///     r#"extern "C" __global__ void square(int n, InInt x, Out y) {
///            int i = blockIdx.x * blockDim.x + threadIdx.x;
///            if (i < n) y[i] = x[i] * x[i];
///        }"#,
/// );
/// let gpu = Gpu::new(Emulator::new());
/// let (mut x, mut y) = (OnCard::<i32>::default(), OnCard::<f32>::default());
/// kernels.launch(&gpu, "square", 3, args![3_usize, x.hold(&gpu, &[1, 2, 3])?, y.over(3)])?;
/// assert_eq!(y.download()?, [1.0, 4.0, 9.0]);
/// # Ok::<(), cortado::Error>(())
/// ```
pub struct OnCard<T> {
    made: Option<(Gpu, Box<dyn CardBuffer>)>,
    len: usize,
    /// The integers that were put there last.
    held: Vec<i32>,
    of: PhantomData<T>,
}

impl<T> Default for OnCard<T> {
    fn default() -> OnCard<T> {
        OnCard { made: None, len: 0, held: Vec::new(), of: PhantomData }
    }
}

impl<T> OnCard<T> {
    /// Room for `len` values.
    fn room(&mut self, gpu: &Gpu, len: usize) -> Result<&mut (dyn CardBuffer + 'static)> {
        let fits = self.made.as_ref().is_some_and(|(made, buffer)| made.is_same_card(gpu) && buffer.len() >= len);
        if !fits {
            self.made = Some((gpu.clone(), gpu.alloc(len)?));
            self.held.clear();
        }
        self.len = len;
        self.made.as_mut().map(|(_, buffer)| &mut **buffer).ok_or_else(nothing)
    }

    /// The memory, if there is as much as was asked for last.
    fn buffer(&self) -> Result<&(dyn CardBuffer + 'static)> {
        let made = self.made.as_ref().filter(|(_, buffer)| buffer.len() >= self.len);
        made.map(|(_, buffer)| &**buffer).ok_or_else(nothing)
    }

    /// Gives the memory back.
    pub fn clear(&mut self) {
        *self = OnCard::default();
    }

    /// Whether nothing was ever put there.
    pub fn is_empty(&self) -> bool {
        self.made.is_none()
    }
}

fn nothing() -> Error {
    Error::new(Kind::Device, "a layer reads work memory that it has not written")
}

/// A number that a layer keeps on a card: f32 or i32.
pub trait Number: Send + Sync + 'static {
    /// A buffer of them, to be read by a kernel.
    fn read<'a>(buffer: &'a (dyn CardBuffer + 'static), len: usize) -> CardArg<'a>;
    /// A buffer of them, to be written by a kernel.
    fn write<'a>(buffer: &'a mut (dyn CardBuffer + 'static), len: usize) -> CardArg<'a>;
    /// The number that stands in a buffer as these bits.
    fn of_bits(bits: u32) -> Self;
}

impl Number for f32 {
    fn read<'a>(buffer: &'a (dyn CardBuffer + 'static), len: usize) -> CardArg<'a> {
        CardArg::In(buffer, len)
    }
    fn write<'a>(buffer: &'a mut (dyn CardBuffer + 'static), len: usize) -> CardArg<'a> {
        CardArg::Out(buffer, len)
    }
    fn of_bits(bits: u32) -> f32 {
        f32::from_bits(bits)
    }
}

impl Number for i32 {
    fn read<'a>(buffer: &'a (dyn CardBuffer + 'static), len: usize) -> CardArg<'a> {
        CardArg::InInt(buffer, len)
    }
    fn write<'a>(buffer: &'a mut (dyn CardBuffer + 'static), len: usize) -> CardArg<'a> {
        CardArg::OutInt(buffer, len)
    }
    fn of_bits(bits: u32) -> i32 {
        bits as i32
    }
}

impl<T: Number> OnCard<T> {
    /// To be written: `len` values that hold anything at first, and later what was last written while the length stays.
    pub fn over(&mut self, len: usize) -> Arg<'_> {
        self.len = len;
        Arg::Over(self)
    }

    /// A copy on the host, for tests and for looking.
    pub fn download(&self) -> Result<Vec<T>> {
        let mut host = vec![0.0f32; self.len];
        self.buffer()?.download(&mut host)?;
        Ok(host.iter().map(|x| T::of_bits(x.to_bits())).collect())
    }
}

impl<T: Number> Stored for OnCard<T> {
    /// # Errors
    /// Nothing was written.
    fn to_read(&self, _: &Gpu) -> Result<CardArg<'_>> {
        Ok(T::read(self.buffer()?, self.len))
    }

    fn to_update(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        self.buffer()?;
        self.to_overwrite(gpu)
    }

    fn to_overwrite(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        let len = self.len;
        self.held.clear();
        self.room(gpu, len).map(|buffer| T::write(buffer, len))
    }
}

impl OnCard<f32> {
    /// Copies these values to the card.
    pub fn put(&mut self, gpu: &Gpu, values: &[f32]) -> Result {
        self.room(gpu, values.len())?.upload(values)
    }
}

impl OnCard<i32> {
    /// To be read: these integers, copied to the card when they are not there already.
    pub fn hold(&mut self, gpu: &Gpu, integers: &[i32]) -> Result<Arg<'_>> {
        let same_card = self.made.as_ref().is_some_and(|(made, _)| made.is_same_card(gpu));
        if !same_card || self.held != integers {
            let words: Vec<f32> = integers.iter().map(|&i| f32::from_bits(i as u32)).collect();
            self.room(gpu, integers.len())?.upload(&words)?;
            self.held = integers.to_vec();
        }
        Ok(Arg::Read(self))
    }
}
