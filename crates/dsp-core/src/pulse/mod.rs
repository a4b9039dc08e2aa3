//! Pulse trains and their coincidences: the stochastic update of an array (02 section 1).
//!
//! [`management`] turns one vector pair into a train length and two scale factors; [`train`] draws the lines' trains,
//! 32 slots a machine word, for all vectors of a batch ([`trains`]); [`coincidences`] finds where an input and an error
//! train fire together and pulses those cells. Where pulses are few it walks set bits; where they are many it takes AND
//! and popcount over blocks of cells, which then wait for others with like numbers of pulses ([`lockstep`]). Both ways
//! draw the same random numbers and leave the same bits. Where pulses are many and the response is affine, whole runs of
//! pulses are [`composed`]: other bits, the same law.

pub mod coincidences;
mod composed;
mod course;
mod dense;
mod directions;
mod fidelity;
mod lockstep;
pub mod management;
mod rounds;
mod segments;
mod sparse;
mod train;
pub mod trains;

pub use fidelity::Fidelity;
pub use management::{PulseType, PulseUpdate};
pub use rounds::{Pulse, Rounds};
