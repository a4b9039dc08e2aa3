//! Uniforms from one 32-bit word.

use crate::simd::math::{MAGIC, whole};

/// Uniform in the open interval (0, 1): `(w >> 9 + 1/2) 2^-23`, symmetric about 1/2, exact in f32.
#[inline(always)]
#[must_use]
pub fn open_unit(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0)
}

/// The word below which a uniform word falls with probability `p`, and 1 where `p >= 1` and it always does, else 0.
///
/// The resolution is 2^-32, so that a probability of 1e-5 is met to 2e-5 relative.
#[inline(always)]
#[must_use]
pub fn threshold(p: f32) -> (u32, u32) {
    // In halves of 16 bits, each exact.
    let always = p >= 1.0;
    let scaled = if (p > 0.0) & !always { p * 65_536.0 } else { 0.0 };
    let high = floor(scaled);
    let low = floor((scaled - high) * 65_536.0);
    ((whole(high) << 16) | whole(low), u32::from(always))
}

/// The largest integer up to `v`, for `0 <= v < 2^22`.
#[inline(always)]
fn floor(v: f32) -> f32 {
    let nearest = (v + MAGIC) - MAGIC;
    if nearest > v { nearest - 1.0 } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_zero_or_one() {
        assert!(open_unit(0) > 0.0 && open_unit(u32::MAX) < 1.0);
        assert_eq!(open_unit(0), 1.0 - open_unit(u32::MAX));
    }

    #[test]
    fn thresholds() {
        assert_eq!(threshold(0.0), (0, 0));
        assert_eq!(threshold(0.5), (1 << 31, 0));
        assert_eq!(threshold(1.0), (0, 1));
        assert_eq!(threshold(f32::INFINITY), (0, 1));
        assert_eq!(threshold(f32::NAN), (0, 0));
        for p in [1e-12_f32, 1e-9, 1e-5, 0.000_123, 0.3, 0.77, 1.0 - f32::EPSILON / 2.0] {
            assert_eq!(threshold(p), ((p * 4_294_967_296.0) as u32, 0));
        }
    }
}
