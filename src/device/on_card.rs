//! A layer's own memory on a card.

use super::card::{Arg, CardBuffer, Gpu};
use crate::{Error, Kind, Result};
use std::marker::PhantomData;

/// Work memory of a layer on a card: f32 values, or i32 integers. It is made when first asked for and only grows; no one
/// but the layer's kernels sees it.
///
/// ```
/// use cortado::device::{Arg, Kernels, OnCard, emulator::Emulator, Gpu};
/// let mut kernels = Kernels::new(
///     r#"extern "C" __global__ void square(int n, InInt x, Out y) {
///            int i = blockIdx.x * blockDim.x + threadIdx.x;
///            if (i < n) y[i] = x[i] * x[i];
///        }"#,
/// );
/// let gpu = Gpu::new(Emulator::new());
/// let (mut x, mut y) = (OnCard::<i32>::default(), OnCard::<f32>::default());
/// kernels.launch(&gpu, "square", 3, &mut [3.into(), x.hold(&gpu, &[1, 2, 3])?, y.over(&gpu, 3)?])?;
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
    fn room(&mut self, gpu: &Gpu, len: usize) -> Result<&mut dyn CardBuffer> {
        let fits = self.made.as_ref().is_some_and(|(made, buffer)| made.is_same_card(gpu) && buffer.len() >= len);
        if !fits {
            self.made = Some((gpu.clone(), gpu.alloc(len)?));
            self.held.clear();
        }
        self.len = len;
        self.made.as_mut().map(|(_, buffer)| &mut **buffer).ok_or_else(nothing)
    }

    fn buffer(&self) -> Result<&dyn CardBuffer> {
        self.made.as_ref().map(|(_, buffer)| &**buffer).ok_or_else(nothing)
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

impl OnCard<f32> {
    /// To be written: `len` values that hold anything at first, and later what was last written while the length stays.
    pub fn over(&mut self, gpu: &Gpu, len: usize) -> Result<Arg<'_>> {
        self.room(gpu, len).map(|buffer| Arg::Out(buffer, len))
    }

    /// To be read.
    ///
    /// # Errors
    /// Nothing was written.
    pub fn get(&self) -> Result<Arg<'_>> {
        Ok(Arg::In(self.buffer()?, self.len))
    }

    /// Copies these values to the card.
    pub fn put(&mut self, gpu: &Gpu, values: &[f32]) -> Result {
        self.room(gpu, values.len())?.upload(values)
    }

    /// A copy on the host, for tests and for looking.
    pub fn download(&self) -> Result<Vec<f32>> {
        let mut host = vec![0.0; self.len];
        self.buffer()?.download(&mut host)?;
        Ok(host)
    }
}

impl OnCard<i32> {
    /// To be written: `len` integers that hold anything at first.
    pub fn over(&mut self, gpu: &Gpu, len: usize) -> Result<Arg<'_>> {
        self.held.clear();
        self.room(gpu, len).map(|buffer| Arg::OutInt(buffer, len))
    }

    /// To be read.
    ///
    /// # Errors
    /// Nothing was written.
    pub fn get(&self) -> Result<Arg<'_>> {
        Ok(Arg::InInt(self.buffer()?, self.len))
    }

    /// To be read: these integers, copied to the card when they are not there already.
    pub fn hold(&mut self, gpu: &Gpu, integers: &[i32]) -> Result<Arg<'_>> {
        let same_card = self.made.as_ref().is_some_and(|(made, _)| made.is_same_card(gpu));
        if !same_card || self.held != integers {
            let words: Vec<f32> = integers.iter().map(|&i| f32::from_bits(i as u32)).collect();
            self.room(gpu, integers.len())?.upload(&words)?;
            self.held = integers.to_vec();
        }
        self.get()
    }

    /// A copy on the host, for tests and for looking.
    pub fn download(&self) -> Result<Vec<i32>> {
        let mut host = vec![0.0f32; self.len];
        self.buffer()?.download(&mut host)?;
        Ok(host.iter().map(|x| x.to_bits() as i32).collect())
    }
}
