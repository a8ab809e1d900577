//! The `cortado` command, run as people run it.

mod bench;
mod check;
mod classify;
mod convert;
mod draw;
mod extract;
mod forward;
mod killed;
mod mean;
mod own;
mod pictures;
mod plot;
mod time;
mod train;
mod upgrade;
mod usage;
mod weights;
