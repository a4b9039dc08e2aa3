//! What one pulse does to one cell, in the form that kernels run.

use super::Cell;
use crate::simd::math::clip;

/// Number of values that a model may prepare per cell before a run of pulses.
pub const COEFFICIENTS: usize = 8;

/// Where the lower and the upper bound stand among the prepared values, in every model.
pub const LOW: usize = 4;
/// See [`LOW`].
pub const HIGH: usize = 5;

/// Cycle-to-cycle noise of a pulse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CycleNoise {
    /// Relative standard deviation `dw_min_std`.
    pub std: f32,
    /// True: scales with the step scale `s`; false: with the actual step.
    pub additive: bool,
}

/// The response of a model's cells to one pulse. All methods are one lane of a vectorised loop.
pub trait Response: Copy + Send + Sync {
    /// What depends on the cell alone; slots [`LOW`] and [`HIGH`] hold the bounds.
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS];

    /// The noise-free size of a pulse at state `v`: positive moves up for `up`, down otherwise.
    fn step(self, c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32;

    /// The standard deviation of the pulse whose noise-free size is `step`.
    fn spread(self, c: &[f32; COEFFICIENTS], v: f32, step: f32, up: bool) -> f32;

    /// Whether the up step never grows and the down step never shrinks with the state, so that there is at most one
    /// symmetric point; false where that is not known.
    fn is_monotone(self, _c: &[f32; COEFFICIENTS]) -> bool {
        false
    }

    /// The cycle noise of a response that is affine in the state, with the values of [`affine`]; `None` for others.
    #[inline(always)]
    fn affine_noise(self) -> Option<CycleNoise> {
        None
    }

    /// Whether pulses are noisy at all; if not, no normals are drawn.
    fn is_noisy(self) -> bool;

    /// The state after one pulse with the standard normal `xi`, clipped to the bounds.
    #[inline(always)]
    fn pulse(self, c: &[f32; COEFFICIENTS], v: f32, up: bool, xi: f32) -> f32 {
        let step = self.step(c, v, up);
        let size = step + self.spread(c, v, step, up) * xi;
        let moved = v + if up { size } else { -size };
        clip(moved, c[LOW], c[HIGH])
    }
}

/// Steepest response of a cell, per weight unit: beyond it 0 times infinity would make states that are no numbers. Bounds
/// that are nearly equal come there, and then a pulse reaches them in any case.
const STEEPEST: f32 = 1e18;

/// A slope, or the inverse of a range, within [`STEEPEST`].
#[inline(always)]
pub fn bearable(slope: f32) -> f32 {
    clip(slope, -STEEPEST, STEEPEST)
}

/// A response that is affine in the state: up by `a+ + k+ v`, down by `a- + k- v`, with `a` the step scales.
#[inline(always)]
pub fn affine(cell: Cell, slope_up: f32, slope_down: f32) -> [f32; COEFFICIENTS] {
    let (up, down) = (bearable(slope_up), bearable(slope_down));
    [cell.dwmin_up, up, cell.dwmin_down, down, cell.min_bound, cell.max_bound, 0.0, 0.0]
}

/// The step of an affine response.
#[inline(always)]
pub fn affine_step(c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32 {
    // Both sides are loaded and then selected: a selected load would not vectorise.
    let (a_up, k_up, a_down, k_down) = (c[0], c[1], c[2], c[3]);
    (if up { a_up } else { a_down }) + (if up { k_up } else { k_down }) * v
}

/// The spread of an affine response's pulse.
#[inline(always)]
pub fn affine_spread(noise: CycleNoise, c: &[f32; COEFFICIENTS], step: f32, up: bool) -> f32 {
    let (a_up, a_down) = (c[0], c[2]);
    let scale = if up { a_up } else { a_down };
    noise.std * if noise.additive { scale } else { step }
}
