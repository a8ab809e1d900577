use crate::bench::Bench;
