//! How a kernel refuses a value: it cannot return an error, so it leaves a note where the host looks.

use super::args::{Arg, Stored};
use super::card::{CardArg, Slot};
use super::gpu::{Complaint, Gpu};
use super::lock::lock;
use crate::{Error, Kind, Result};
use std::sync::{Arc, Mutex};

type Explain = dyn Fn(usize, f32) -> Error + Send + Sync;

/// What a layer keeps to learn of values that its kernel refuses: a label out of range, for example. The kernel
/// declares a parameter `Refusal r` and calls `refuse(r, i, value)`; the error that is made of the two comes out of the
/// launch (emulated), or of a later call that returns a `Result`: a kernel runs after its launch has returned.
#[derive(Default)]
pub struct Refusal {
    made_for: Option<(Gpu, Arc<Noted>)>,
}

struct Noted {
    slot: Box<dyn Slot>,
    explain: Mutex<Box<Explain>>,
}

impl Refusal {
    /// The launch's argument; `explain` makes the error of an index and a value.
    pub fn explain(
        &mut self,
        gpu: &Gpu,
        explain: impl Fn(usize, f32) -> Error + Send + Sync + 'static,
    ) -> Result<Arg<'_>> {
        match &self.made_for {
            Some((made_for, noted)) if made_for.is_same_card(gpu) => *lock(&noted.explain) = Box::new(explain),
            _ => {
                let noted = Arc::new(Noted { slot: gpu.slot()?, explain: Mutex::new(Box::new(explain)) });
                let complaint: Arc<dyn Complaint> = noted.clone();
                gpu.look_at(Arc::downgrade(&complaint));
                self.made_for = Some((gpu.clone(), noted));
            }
        }
        Ok(Arg::Read(self))
    }
}

impl Complaint for Noted {
    fn take(&self) -> Option<Error> {
        let (index, value) = self.slot.take()?;
        Some(lock(&self.explain)(index.max(0) as usize, value))
    }
}

impl Stored for Refusal {
    fn to_read(&self, _: &Gpu) -> Result<CardArg<'_>> {
        match &self.made_for {
            Some((_, noted)) => Ok(CardArg::Refusal(&*noted.slot)),
            None => {
                Err(Error::new(Kind::Device, "a refusal that nothing explains")
                    .hint("call `explain` before the launch"))
            }
        }
    }

    fn to_update(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        self.to_read(gpu)
    }

    fn to_overwrite(&mut self, gpu: &Gpu) -> Result<CardArg<'_>> {
        self.to_read(gpu)
    }

    fn refused(&self) -> Result {
        self.made_for.as_ref().and_then(|(_, noted)| noted.take()).map_or(Ok(()), Err)
    }
}
