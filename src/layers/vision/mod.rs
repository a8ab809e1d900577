//! Images and windows over them: convolution and its relatives, pooling, cropping.

pub mod convolution;
pub mod crop;
pub mod deconvolution;
pub mod im2col;
pub mod pooling;
pub mod spp;

// What several of them share.
mod columns;
mod convolving;
mod convolving_on_card;
mod pooling_on_card;
mod pooling_on_cpu;
mod sizes;
mod windows;

pub use convolution::Convolution;
pub use crop::Crop;
pub use deconvolution::Deconvolution;
pub use im2col::Im2col;
pub use pooling::Pooling;
pub use spp::Spp;
