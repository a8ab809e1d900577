//! Mean and scale: measured over a batch, an image or a neighbourhood, or learned.

pub mod batch_norm;
pub mod bias;
pub mod lrn;
pub mod mvn;
pub mod scale;

// What several of them share.
pub(super) mod spread;
mod sums;

pub use batch_norm::BatchNorm;
pub use bias::Bias;
pub use lrn::Lrn;
pub use mvn::Mvn;
pub use scale::Scale;
