//! Standard normals by the Box-Muller transform: two words give two normals, always.
//!
//! `r = sqrt(-2 ln u)` with `u = (k + 1/2) 2^-31` from 31 bits reaches 6.66 standard deviations; the angle's quadrant
//! comes from two bits of the second word and the rest of it is an angle within `[-pi/4, pi/4)`, so no range reduction
//! is needed. Error against f64 below 4e-6 for r > 0.01 (tested).

use crate::simd::math::{ln, sin_cos_half_pi};

/// Two independent standard normals from two words.
#[inline(always)]
#[must_use]
pub fn normal_pair(a: u32, b: u32) -> (f32, f32) {
    // 31 bits as a signed integer: SSE2 converts only those.
    let u = ((a >> 1) as i32 as f32 + 0.5) * (1.0 / 2_147_483_648.0);
    let r = (-2.0 * ln(u)).sqrt();
    let z = ((b & 0x3fff_ffff) as i32 as f32 + 0.5) * (1.0 / 1_073_741_824.0) - 0.5;
    let (sin, cos) = sin_cos_half_pi(z);
    let swap = b & 0x4000_0000 != 0;
    let (x, y) = (if swap { sin } else { cos }, if swap { cos } else { sin });
    // One bit flips both signs: with the swap that covers all four quadrants.
    let sign = b & 0x8000_0000;
    (f32::from_bits((r * x).to_bits() ^ sign), f32::from_bits((r * y).to_bits() ^ sign))
}

/// Four independent standard normals from the words of one block.
#[inline(always)]
#[must_use]
pub fn normals(words: [u32; 4]) -> [f32; 4] {
    let (a, b) = normal_pair(words[0], words[1]);
    let (c, d) = normal_pair(words[2], words[3]);
    [a, b, c, d]
}
