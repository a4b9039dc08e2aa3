//! What is computed for every row of a matrix.

use super::Kernel;
use super::math::largest_magnitude;

/// The largest magnitude in every row of finite values, rows of so many numbers each; 0 for a row without any.
pub struct Largest<'a>(pub &'a [f32], pub usize);

impl Kernel for Largest<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run(self) -> Vec<f32> {
        self.0.chunks_exact(self.1).map(Row::largest).collect()
    }
}

// A named function rather than a closure: a closure would not be forced inline into the level's clone.
struct Row;
impl Row {
    #[inline(always)]
    fn largest(row: &[f32]) -> f32 {
        largest_magnitude(row)
    }
}
