//! Caffe's messages.
