//! The emulator.

use super::*;

pub struct Emulator;
impl Emulator {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Emulator {
        Emulator
    }
}
impl Card for Emulator {
    fn name(&self) -> String {
        "emulator".into()
    }
    fn alloc(&self, _: usize) -> Result<Box<dyn CardBuffer>> {
        Err(Error::new(Kind::Device, "not yet"))
    }
    fn compile(&self, _: &str) -> Result<Arc<dyn Module>> {
        Err(Error::new(Kind::Device, "not yet"))
    }
    fn note(&self, _: Error) {}
    fn take_error(&self) -> Option<Error> {
        None
    }
}
