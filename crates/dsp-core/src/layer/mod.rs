//! What a network's layers compute around their tiles: weight matrices over several tiles, windows of images,
//! activations, losses.

pub mod activation;
mod blocks;
mod factors;
mod grid;
pub mod loss;
pub mod windows;

pub use factors::Factors;
pub use grid::{Grid, Passes, SharedTile, Step, update};
