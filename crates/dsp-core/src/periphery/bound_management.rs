//! Bound management: with what input a vector is read again whose output exceeded the ADC's range (02 section 3.5).

use super::noise_management::np_sum;
use super::read::{MAX_ROUNDS, Vector};
use super::{BoundManagement, NoiseManagement, Periphery};

impl Periphery {
    /// Whether bound management may reduce the input further than by `reduction`.
    fn may_reduce(&self, reduction: f64) -> bool {
        let step = f64::from(self.input().step);
        reduction <= self.max_bm_factor && (step <= 0.0 || reduction <= self.max_bm_res / step)
    }
}

/// Prepares the next round of a vector `x`; false if this was the last.
pub fn reduce(periphery: &Periphery, x: &[f32], vector: &mut Vector) -> bool {
    if !periphery.may_reduce(vector.reduction) || vector.round + 1 >= MAX_ROUNDS {
        return false;
    }
    let first = vector.round == 0 && periphery.noise_management != NoiseManagement::AbsMaxNpSum;
    if first && periphery.bound_management == BoundManagement::IterativeWorstCase {
        *vector = Vector::new(vector.index, np_sum(periphery, x));
    } else {
        vector.reduction *= 2.0;
    }
    vector.round += 1;
    true
}
