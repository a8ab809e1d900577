//! The `cortado` command, run as people run it.

mod bench;
mod forward;
mod train;
mod usage;
