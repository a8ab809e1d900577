//! What is computed for each value alone, and the softmax.

pub mod absval;
pub mod bnll;
pub mod clip;
pub mod dropout;
pub mod elu;
pub mod exp;
pub mod log;
pub mod power;
pub mod prelu;
pub mod relu;
pub mod sigmoid;
pub mod softmax;
pub mod swish;
pub mod tanh;
pub mod threshold;

// What several of them share.
mod pointwise;

pub use absval::AbsVal;
pub use bnll::Bnll;
pub use clip::Clip;
pub use dropout::Dropout;
pub use elu::Elu;
pub use exp::Exp;
pub use log::Log;
pub use power::Power;
pub use prelu::Prelu;
pub use relu::Relu;
pub use sigmoid::Sigmoid;
pub use softmax::Softmax;
pub use swish::Swish;
pub use tanh::Tanh;
pub use threshold::Threshold;
