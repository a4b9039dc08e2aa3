//! Rounding to the codes of a converter.

use crate::simd::math::round_half_even;

/// A rounding to steps within a symmetric range.
#[derive(Clone, Copy, Debug)]
pub struct Quantiser {
    /// Absolute step; 0 is off.
    pub step: f32,
    /// Largest magnitude; infinite if unbounded.
    pub bound: f32,
    /// Largest magnitude of a code within the bound.
    pub top: f32,
}

impl Quantiser {
    /// A converter with this resolution (a fraction of its full range, or the number of steps) and range (0: unbounded).
    pub fn new(resolution: f64, bound: f64) -> Self {
        let fraction = if resolution > 1.0 { 1.0 / resolution } else { resolution };
        let step = if bound > 0.0 { fraction * 2.0 * bound } else { 0.0 };
        Self {
            step: step as f32,
            bound: if bound > 0.0 { bound as f32 } else { f32::INFINITY },
            top: if step > 0.0 { (bound / step + 1e-3) as f32 } else { f32::INFINITY },
        }
    }
}

/// `rint(v / step)`, or with uniforms `rint(v / step + U - 1/2)`.
#[inline(always)]
pub fn to_codes(values: &mut [f32], step: f32, dither: &[f32]) {
    if dither.is_empty() {
        for v in values {
            *v = round_half_even(*v / step);
        }
    } else {
        for (v, u) in values.iter_mut().zip(dither) {
            *v = round_half_even(*v / step + (u - 0.5));
        }
    }
}
