//! What is computed for every row of a matrix.

use super::Kernel;
use super::math::{all_finite, largest_magnitude};

/// The largest magnitude in every row, rows of so many numbers each: 0 for a row without any, not finite where a number is
/// not.
pub struct Largest<'a>(pub &'a [f32], pub usize);

impl Kernel for Largest<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run(self) -> Vec<f32> {
        let Self(values, width) = self;
        let mut largest = Vec::with_capacity(values.len() / width);
        // A loop and not a map: what a map calls would not be forced inline into the level's clone.
        for row in values.chunks_exact(width) {
            largest.push(largest_magnitude(row));
        }
        largest
    }
}

/// Whether all numbers are finite.
pub struct Finite<'a>(pub &'a [f32]);

impl Kernel for Finite<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        all_finite(self.0)
    }
}
