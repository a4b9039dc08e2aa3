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

/// `row` as often as makes loops over it long: most of a short one would be what is left after the last full register.
#[must_use]
pub fn repeated(row: &[f32]) -> Vec<f32> {
    const LONG: usize = 256;
    row.repeat(LONG.div_ceil(row.len().max(1)))
}

/// What becomes of a number and the one in its column of a row.
pub trait Change {
    /// Changes `value` by that.
    fn change(value: &mut f32, by: f32);
}

/// The product.
#[derive(Clone, Copy)]
pub struct Multiply;

impl Change for Multiply {
    #[inline(always)]
    fn change(value: &mut f32, by: f32) {
        *value *= by;
    }
}

/// The sum.
#[derive(Clone, Copy)]
pub struct Add;

impl Change for Add {
    #[inline(always)]
    fn change(value: &mut f32, by: f32) {
        *value += by;
    }
}

/// Changes every row of `values` by the same row, number by number; `rows` is that [`repeated`], and no change if empty.
pub struct EachRow<'a, C> {
    /// The rows to be changed.
    pub values: &'a mut [f32],
    /// What they are changed by.
    pub rows: &'a [f32],
    /// How they are changed.
    pub change: C,
}

impl<C: Change> Kernel for EachRow<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        if self.rows.is_empty() {
            return;
        }
        for values in self.values.chunks_mut(self.rows.len()) {
            for (v, by) in values.iter_mut().zip(self.rows) {
                C::change(v, *by);
            }
        }
    }
}
