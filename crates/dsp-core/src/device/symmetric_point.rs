//! The symmetric point of a cell without a closed form: bracketed search on the response itself.

use super::{Cell, Response};

/// Intervals that the bounds are cut into to bracket a root.
const INTERVALS: usize = 256;
/// Halvings of the bracket: the root is then known to the resolution of f32.
const HALVINGS: usize = 30;

/// The state within the bounds at which up and down steps are equal and towards which alternating pulses drift (the up
/// step larger below it, the down step larger above); the one nearest 0 if there are several, NaN if there is none.
///
/// The root is bracketed on a grid of 256 intervals and halved 30 times, which leaves the rounding of the f32 response:
/// about 1e-6 of the range between the bounds.
#[must_use]
pub fn search(response: impl Response, cell: Cell) -> f64 {
    let (low, high) = (f64::from(cell.min_bound), f64::from(cell.max_bound));
    let c = response.prepare(cell);
    let drift = |v: f64| {
        let v = v as f32;
        f64::from(response.step(&c, v, true)) - f64::from(response.step(&c, v, false))
    };
    let at = |i: usize| low + (high - low) * i as f64 / INTERVALS as f64;
    let mut best = f64::NAN;
    for i in 0..INTERVALS {
        let (mut below, mut above) = (at(i), at(i + 1));
        // Drift upwards at the lower end and downwards at the upper end; a drift of zero on both is no root.
        let (first, last) = (drift(below), drift(above));
        if first < 0.0 || last > 0.0 || first == last {
            continue;
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (below + above);
            if drift(middle) > 0.0 {
                below = middle;
            } else {
                above = middle;
            }
        }
        let root = 0.5 * (below + above);
        if best.is_nan() || root.abs() < best.abs() {
            best = root;
        }
    }
    best
}
