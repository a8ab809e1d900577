//! Where values come from, and where they are written: by hand, from a filler, a weight, a database, files.

#[allow(clippy::module_inception)] // the layer Data, in the family of that name
pub mod data;
pub mod dummy_data;
pub mod hdf5_data;
pub mod hdf5_output;
pub mod image_data;
pub mod input;
pub mod memory_data;
pub mod parameter;

pub use data::Data;
pub use dummy_data::DummyData;
pub use hdf5_data::Hdf5Data;
pub use hdf5_output::Hdf5Output;
pub use image_data::ImageData;
pub use input::Input;
pub use memory_data::MemoryData;
pub use parameter::Parameter;

// The layer of every data set.
mod data_layer;
pub use data_layer::DataLayer;
// What stands in for one whose data are missing, in a net that is looked at.
mod stand_in;
