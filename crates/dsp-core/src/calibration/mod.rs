//! Calibration by pulses.

mod zero_shift;

pub use zero_shift::{Record, Scheme, ZeroShift, zero_shift};
