//! Caffe's messages: the generated code is up to date, the wire format is Caffe's, and text goes in and out.

#[path = "proto/generated.rs"]
mod generated;
