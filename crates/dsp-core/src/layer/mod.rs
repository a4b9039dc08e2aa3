//! What a network's layers compute around their tiles: weight matrices over several tiles, activations, losses.

pub mod activation;
mod grid;

pub use grid::{Factors, Grid, Passes, SharedTile, update};
