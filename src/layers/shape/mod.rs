//! Copying, joining, cutting, choosing and adding up blobs.

pub mod arg_max;
pub mod batch_reindex;
pub mod concat;
pub mod eltwise;
pub mod filter;
pub mod flatten;
pub mod reduction;
pub mod reshape;
pub mod silence;
pub mod slice;
pub mod split;
pub mod tile;

// What several of them share.
pub(super) mod parts;

pub use arg_max::ArgMax;
pub use batch_reindex::BatchReindex;
pub use concat::Concat;
pub use eltwise::Eltwise;
pub use filter::Filter;
pub use flatten::Flatten;
pub use reduction::Reduction;
pub use reshape::Reshape;
pub use silence::Silence;
pub use slice::Slice;
pub use split::Split;
pub use tile::Tile;
