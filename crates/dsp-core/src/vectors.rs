//! Batches of vectors, some of which are made only where they are met.

use std::ops::Range;

use crate::error::{Result, check_finite};
use crate::simd::Isa;
use crate::simd::rows::Largest;

/// A batch of vectors of the same length, one after the other; places count numbers.
pub trait Vectors: Send + Sync {
    /// How many numbers there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers at these places, whole vectors; in `room` if they have to be made.
    fn get<'a>(&'a self, places: Range<usize>, room: &'a mut Vec<f32>) -> &'a [f32];

    /// The largest magnitude in every vector, of `width` numbers, at these places; not finite where a number is not.
    fn largest(&self, isa: Isa, places: Range<usize>, width: usize) -> Vec<f32>;

    /// Refuses numbers that are not finite.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) naming the first.
    fn check_finite(&self, name: &'static str) -> Result<()>;
}

impl<T: AsRef<[f32]> + Send + Sync + ?Sized> Vectors for T {
    fn len(&self) -> usize {
        self.as_ref().len()
    }

    fn get<'a>(&'a self, places: Range<usize>, _: &'a mut Vec<f32>) -> &'a [f32] {
        &self.as_ref()[places]
    }

    fn largest(&self, isa: Isa, places: Range<usize>, width: usize) -> Vec<f32> {
        isa.run(Largest(&self.as_ref()[places], width))
    }

    fn check_finite(&self, name: &'static str) -> Result<()> {
        check_finite(name, self.as_ref())
    }
}
