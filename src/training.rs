//! Training well: what goes around a [solver](crate::solver), from the first check of a net to the choice of its settings.
//!
//! The solver knows one run: passes, updates, tests and snapshots. What decides between runs is here.
