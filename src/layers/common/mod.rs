//! Learnable maps from vectors to vectors, and from indices to vectors.

pub mod embed;
pub mod inner_product;

pub use embed::Embed;
pub use inner_product::InnerProduct;
