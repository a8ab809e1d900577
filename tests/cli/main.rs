//! The `cortado` command, run as people run it.

mod bench;
mod draw;
mod forward;
mod plot;
mod time;
mod train;
mod upgrade;
mod usage;
