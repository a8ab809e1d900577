//! The `cortado` command, run as people run it.

mod bench;
mod check;
mod classify;
mod extract;
mod forward;
mod time;
mod train;
mod usage;
mod weights;
