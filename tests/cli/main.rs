//! The `cortado` command, run as people run it.

mod bench;
mod check;
mod classify;
mod draw;
mod extract;
mod forward;
mod plot;
mod time;
mod train;
mod upgrade;
mod usage;
mod weights;
