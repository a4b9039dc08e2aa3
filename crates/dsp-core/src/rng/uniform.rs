//! Uniforms from one 32-bit word.

/// Uniform in the open interval (0, 1): `(w >> 9 + 1/2) 2^-23`, symmetric about 1/2, exact in f32.
#[inline(always)]
#[must_use]
pub fn open_unit(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0)
}

/// The word below which a uniform word falls with probability `p`; `None` where `p >= 1` and it always does.
///
/// The resolution is 2^-32, so that a probability of 1e-5 is met to 2e-5 relative.
#[inline(always)]
#[must_use]
pub fn threshold(p: f32) -> Option<u32> {
    // 2^32 as f32; the cast saturates and maps NaN to 0.
    (p < 1.0).then_some((p * 4_294_967_296.0) as u32)
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
        assert_eq!(threshold(0.0), Some(0));
        assert_eq!(threshold(0.5), Some(1 << 31));
        assert_eq!(threshold(1.0), None);
        assert_eq!(threshold(1e-9), Some(4));
    }
}
