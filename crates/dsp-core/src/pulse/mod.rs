//! Pulse trains and their coincidences: the stochastic update of an array (02 section 1).
//!
//! [`management`] turns one vector pair into a train length and two scale factors; [`train`] draws the lines' trains,
//! 32 slots a machine word; [`coincidences`] finds where an input and an error train fire together and pulses those
//! cells, by walking set bits where pulses are sparse and by AND and popcount over blocks of cells where they are dense.
//! Both ways draw the same random numbers and leave the same bits. Where pulses are many and the response is affine, whole
//! runs of pulses are [`composed`]: other bits, the same law.

pub mod coincidences;
mod composed;
mod dense;
mod fidelity;
pub mod management;
mod segments;
mod sparse;
mod train;

pub use fidelity::Fidelity;
pub use management::{PulseType, PulseUpdate};
