//! The `cortado` command, run as people run it.

mod bench;
mod check;
mod classify;
mod convert;
mod extract;
mod forward;
mod mean;
mod own;
mod pictures;
mod time;
mod train;
mod usage;
mod weights;
