//! Digital filters of the tracking rules: choppers, the moving average, the pulse buffer.
//!
//! They know columns of numbers and no array: a rule feeds them what it read.

mod buffer;
mod chopper;
mod tracker;

pub use buffer::PulseBuffer;
pub use chopper::Choppers;
pub use tracker::{Programming, Tracker};
