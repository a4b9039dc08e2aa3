//! Elementary functions for one lane of a vectorised loop: exact rounding and polynomials of known error.
//!
//! The coefficients are minimax fits made for this crate (weighted least squares on 4,000 Chebyshev nodes); the tests
//! measure the errors that the docs state. Only `+ - * /`, `sqrt`, comparisons and bit operations are used, all of which
//! IEEE 754 rounds correctly, so every level and every architecture returns the same bits.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

/// 2^23: from here on floats are integers, and their last bits are those of the integer.
pub const MAGIC: f32 = 8_388_608.0;

/// The integer that `v` holds, `0 <= v < 2^23`: a cast of floats to integers would keep the loop of a kernel scalar.
#[inline(always)]
#[must_use]
pub fn whole(v: f32) -> u32 {
    (v + MAGIC).to_bits() - MAGIC.to_bits()
}

/// `v` rounded to the nearest integer, halves to even, as the peer's quantiser does; exact for every finite `v`.
#[inline(always)]
#[must_use]
pub fn round_half_even(v: f32) -> f32 {
    let magnitude = v.abs();
    let rounded = ((magnitude + MAGIC) - MAGIC).copysign(v);
    if magnitude < MAGIC { rounded } else { v }
}

/// `v` limited to `[low, high]`; NaN passes. Compare-and-select: `f32::max` leaves the sign of zero open.
#[inline(always)]
#[must_use]
pub fn clip(v: f32, low: f32, high: f32) -> f32 {
    let v = if v > high { high } else { v };
    if v < low { low } else { v }
}

/// The largest magnitude among finite values; 0 for none. On the bits, whose order is that of magnitudes: vectorised.
#[inline(always)]
#[must_use]
pub fn largest_magnitude(values: &[f32]) -> f32 {
    // As signed numbers: SSE2 compares no others.
    let most = values.iter().fold(0, |most, v| {
        let bits = (v.to_bits() & 0x7fff_ffff) as i32;
        if bits > most { bits } else { most }
    });
    f32::from_bits(most as u32)
}

/// Whether all values are finite; branch-free, so that the loop is vectorised at the level of whoever calls it.
#[inline(always)]
#[must_use]
pub fn all_finite(values: &[f32]) -> bool {
    // One more than the largest exponent runs over into the sign.
    let bits = |v: &f32| (v.to_bits() & 0x7fff_ffff) + 0x0080_0000;
    values.iter().fold(0, |any, v| any | bits(v)) >> 31 == 0
}

/// Natural logarithm of a normal, positive `u`; absolute error below 1e-7 + 1e-7 |ln u|.
#[inline(always)]
#[must_use]
pub fn ln(u: f32) -> f32 {
    // u = m 2^e with m in [sqrt(1/2), sqrt(2)): subtracting the bits of sqrt(1/2) moves the cut there.
    let shifted = u.to_bits().wrapping_sub(FRAC_1_SQRT_2.to_bits());
    let exponent = (shifted as i32) >> 23;
    let mantissa = f32::from_bits(u.to_bits().wrapping_sub((exponent as u32) << 23));
    let f = mantissa - 1.0;
    let e = exponent as f32;
    let mut p = -0.078_595_46_f32;
    p = p * f + 0.128_816_22;
    p = p * f - 0.131_287_68;
    p = p * f + 0.141_811_97;
    p = p * f - 0.166_245_54;
    p = p * f + 0.200_022_86;
    p = p * f - 0.250_008_1;
    p = p * f + 0.333_333_16;
    let square = f * f;
    // ln 2 in two parts, the first exact in 9 bits, so that e * HIGH is exact.
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -0.000_212_194_44;
    e * HIGH + (f + (square * f * p - 0.5 * square + e * LOW))
}

/// `e^x`, with `x` limited to `[-87, 88]`; relative error below 2e-7.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    let x = clip(x, -87.0, 88.0);
    let n = round_half_even(x * LOG2_E);
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -0.000_212_194_44;
    let r = (x - n * HIGH) - n * LOW;
    let mut p = 0.001_394_111_f32;
    p = p * r + 0.008_363_175;
    p = p * r + 0.041_666_374;
    p = p * r + 0.166_665_76;
    p = p * r + 0.5;
    let m = r * r * p + r + 1.0;
    m * f32::from_bits(whole(n + 127.0) << 23)
}

/// `(sin, cos)` of `pi z / 2` for `z` in `[-1/2, 1/2]`; absolute error below 1e-7.
#[inline(always)]
#[must_use]
pub fn sin_cos_half_pi(z: f32) -> (f32, f32) {
    let q = z * z;
    let mut s = -0.004_602_188_f32;
    s = s * q + 0.079_680_234;
    s = s * q - 0.645_963_5;
    s = s * q + 1.570_796_4;
    let mut c = 0.000_903_633_1_f32;
    c = c * q - 0.020_860_072;
    c = c * q + 0.253_669_2;
    c = c * q - 1.233_700_5;
    (s * z, c * q + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_half_to_even() {
        for (v, expected) in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, -0.0), (-1.5, -2.0), (0.499_999_97, 0.0)] {
            assert_eq!(round_half_even(v), expected);
        }
        for v in [8_388_607.5_f32, 4_194_304.5, 1e30, -3.0e9] {
            assert_eq!(round_half_even(v), v.round_ties_even());
        }
    }

    #[test]
    fn logarithm_error() {
        for i in 1..2_000_000_u32 {
            let u = (f64::from(i) * 1e-6) as f32;
            let exact = f64::from(u).ln();
            assert!((f64::from(ln(u)) - exact).abs() < 1e-7 + 1e-7 * exact.abs(), "ln({u})");
        }
        for e in -126..127 {
            let u = 2.0_f32.powi(e) * 1.3;
            let exact = f64::from(u).ln();
            assert!((f64::from(ln(u)) - exact).abs() < 1e-7 * (1.0 + exact.abs()), "ln({u})");
        }
    }

    #[test]
    fn exponential_error() {
        for i in -870_000..=880_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "exp({x})");
        }
        assert!(exp(1e9).is_finite() && exp(-1e9) > 0.0);
    }

    #[test]
    fn sine_and_cosine_error() {
        for i in -500_000..=500_000 {
            let z = i as f32 * 1e-6;
            let (s, c) = sin_cos_half_pi(z);
            let (es, ec) = (f64::from(z) * std::f64::consts::FRAC_PI_2).sin_cos();
            assert!((f64::from(s) - es).abs() < 1e-7 && (f64::from(c) - ec).abs() < 1e-7, "at {z}");
        }
    }
}
