//! Sequences: what is computed at a step is read at the next.

pub mod lstm;
pub mod lstm_unit;
pub mod rnn;

// What several of them share.
mod sequence;
mod state;

pub use lstm::Lstm;
pub use lstm_unit::LstmUnit;
pub use rnn::Rnn;
