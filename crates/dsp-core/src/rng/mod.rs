//! Counter-based random streams: every draw is a pure function of (key, purpose, step, index).
//!
//! There is no generator object to share or to advance, so the result of a kernel depends neither on the number of
//! threads nor on the order in which cells are visited.
//!
//! * [`threefry`]: the block function, Threefry4x32 (Salmon et al., SC11), checked against its known answers.
//! * [`Stream`]: a key with a purpose and a step; what kernels take.
//! * [`normal`]: Box-Muller on the block's words.
//! * [`fill`]: whole arrays of uniforms and normals.

pub mod fill;
pub mod normal;
mod stream;
pub mod threefry;
pub mod uniform;

pub use stream::{Key, Purpose, STREAM_VERSION, Stream};
