//! Voltage offsets and series resistance of the outputs (02 section 3.6).

use super::Periphery;

/// Applies the offsets `o` (one per output) to the outputs `y` of one prepared input `v`: the cells and a reference of weight
/// `v_offset_w_min`, whose output is `-q`, both meet the offset and the resistance.
pub fn apply(periphery: &Periphery, offset: &[f32], v: &[f32], y: &mut [f32]) {
    let sum: f64 = v.iter().map(|v| f64::from(*v)).sum();
    let q = (-periphery.v_offset_w_min * sum) as f32;
    let r = periphery.r_series as f32;
    let resisted = |y: f32| y / (1.0 + r * y.abs());
    for (y, o) in y.iter_mut().zip(offset) {
        *y = if r > 0.0 {
            (1.0 - o) * resisted(*y + q) - (1.0 + o) * resisted(q)
        } else {
            // The same, without the rounding of adding and subtracting q.
            (1.0 - o) * *y - 2.0 * o * q
        };
    }
}
