//! Caffe's messages: the generated code is up to date, the wire format is Caffe's, and text goes in and out.

#[path = "proto/compare.rs"]
mod compare;
#[path = "proto/generated.rs"]
mod generated;
#[path = "proto/golden.rs"]
mod golden;
#[path = "proto/random.rs"]
mod random;
#[path = "proto/state.rs"]
mod state;
#[path = "proto/syntax.rs"]
mod syntax;
#[path = "proto/upgrade.rs"]
mod upgrade;
