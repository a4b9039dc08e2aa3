//! What a network's layers compute around their tiles: weight matrices over several tiles, windows of images,
//! activations, losses.

pub mod activation;
mod grid;
pub mod windows;

pub use grid::{Factors, Grid, Passes, SharedTile, update};
