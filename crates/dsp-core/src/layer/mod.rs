//! What a network's layers compute around their tiles: weight matrices over several tiles, windows of images,
//! activations, losses.

pub mod activation;
mod blocks;
mod channels;
mod factors;
mod grid;
pub mod loss;
mod passes;
mod update;
pub mod windows;

pub use factors::Factors;
pub use grid::{Grid, SharedTile};
pub use passes::Passes;
pub use update::{Step, update};
