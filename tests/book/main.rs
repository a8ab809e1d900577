//! The book's programs, which its pages include, and the pages themselves.

mod answers;
mod lesson;
mod loss;
mod pages;
mod points;
mod pycaffe;
mod swish;

/// What every program of the book returns.
type Result = cortado::Result<()>;
