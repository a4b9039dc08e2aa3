//! Noise management: the scale that brings a vector into the DAC's range (02 section 3.4).

use super::{NoiseManagement, Periphery};
use crate::simd::math::largest_magnitude;

/// The scale of a vector whose largest magnitude is `largest`; 0 or less if nothing of it can be applied. `average` is the
/// moving average of the largest magnitudes, 0 before the first, and moves on by this vector under `average_abs_max`.
#[inline]
pub fn scale(periphery: &Periphery, x: &[f32], largest: f32, average: &mut f32) -> f32 {
    let scale = match periphery.noise_management {
        NoiseManagement::None => 1.0,
        NoiseManagement::AbsMax => capped(periphery, largest),
        NoiseManagement::Max => capped(periphery, x.iter().fold(f32::MIN, |most, v| larger(most, *v))),
        NoiseManagement::Constant if periphery.nm_thres > 0.0 => periphery.nm_thres as f32,
        NoiseManagement::Constant => 1.0,
        NoiseManagement::AbsMaxNpSum => np_sum(periphery, x),
        NoiseManagement::AverageAbsMax => {
            let decay = periphery.nm_decay as f32;
            *average = if *average > 0.0 { (1.0 - decay) * *average + decay * largest } else { largest };
            *average
        }
    };
    // a scale of 2^-128 or less has no inverse: what it stands for is nothing beside any weight
    if (1.0 / scale).is_finite() { scale } else { 0.0 }
}

/// The scale at which no output can exceed the ADC's range if no weight is above `nm_assumed_wmax`, but at least that of
/// `abs_max`, and at most so much more that the DAC keeps `1 / max_bm_res` steps.
pub fn np_sum(periphery: &Periphery, x: &[f32]) -> f32 {
    let largest = capped(periphery, largest_magnitude(x));
    let sum = |sign: f64| x.iter().map(|v| sign * f64::from(*v)).filter(|v| *v > 0.0).sum::<f64>();
    let (positive, negative) = (sum(1.0), sum(-1.0));
    let worst = larger(positive, negative) * periphery.nm_assumed_wmax / periphery.out_bound;
    let step = f64::from(periphery.input().step);
    let most = if step > 0.0 { f64::from(largest) * periphery.max_bm_res / step } else { f64::INFINITY };
    larger(f64::from(largest), if worst < most { worst } else { most }) as f32
}

fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

fn capped(periphery: &Periphery, scale: f32) -> f32 {
    let limit = periphery.nm_thres as f32;
    if limit > 0.0 && scale > limit { limit } else { scale }
}
