//! Where values come from: by hand, from a filler, a weight, a database.

#[allow(clippy::module_inception)] // the layer Data, in the family of that name
pub mod data;
pub mod dummy_data;
pub mod input;
pub mod memory_data;
pub mod parameter;

pub use data::Data;
pub use dummy_data::DummyData;
pub use input::Input;
pub use memory_data::MemoryData;
pub use parameter::Parameter;

// The layer of every data set.
mod data_layer;
pub use data_layer::DataLayer;
// What stands in for one whose data are missing, in a net that is looked at.
mod stand_in;
