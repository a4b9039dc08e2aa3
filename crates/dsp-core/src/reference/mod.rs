//! Slow, obvious twins of the kernels, in f64 and one pulse at a time, and the tests of the fast paths against them.
//!
//! Compiled for tests only; the twins call no kernel and share no random number with them.

mod composed;
mod laws;
mod slow;
pub mod statistics;
