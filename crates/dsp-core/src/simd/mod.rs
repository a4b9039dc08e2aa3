//! Instruction-set levels: detect once, force downwards by `DSPTRACK_ISA`, run one body at every level.
//!
//! A kernel is a small struct whose [`Kernel::run`] is `#[inline(always)]` plain Rust over fixed lanes. [`Isa::run`]
//! inlines that same body into one clone per level, so the levels differ in instructions and never in arithmetic:
//! no fused multiply-add, no libm, no reduction whose order depends on the register width.
//!
//! This is the only folder where `unsafe` may stand.

mod isa;
pub mod math;
mod prefetch;
pub mod rows;

pub use isa::{Isa, Kernel};
pub use prefetch::prefetch;

/// Number of lanes in every block of the core, at every level: part of the definition of the results.
pub const LANES: usize = 16;
