//! Soft bounds: steps shrink linearly to zero at the cell's own bounds.
//!
//! `w += s+ (1 - w/b+) N` up, `w -= s- (1 - w/b-) N` down, with `N = 1 + dw_min_std xi`, or the noise scaling with `s`
//! instead of the step where `mult_noise` is off (02 sections 2.3, 2.4; the paper's (103) without noise).

use super::response::{affine, affine_spread, affine_step};
use super::{COEFFICIENTS, Cell, CycleNoise, Model, Population, Response, WriteNoise};
use crate::config::{Consistent, Flag, Range, parameters};

parameters! {
    /// Parameters of the soft-bounds device.
    pub struct SoftBounds {
        ..population: Population;
        /// Cycle noise scales with the step (true) or with the step scale (false).
        mult_noise: bool = true, Flag;
        /// Write noise in units of `dw_min`.
        write_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Whether setting weights draws write noise.
        apply_write_noise_on_set: bool = true, Flag;
    }
}

impl Consistent for SoftBounds {}

/// See [`SoftBounds`].
#[derive(Clone, Copy, Debug)]
pub struct SoftBoundsResponse(pub(super) CycleNoise);

/// Slope of the up step, `-s+/b+`; 0 (a constant step) where the bound is not above zero.
#[inline(always)]
fn slope_up(cell: Cell) -> f32 {
    if cell.max_bound > 0.0 { -(cell.dwmin_up / cell.max_bound) } else { 0.0 }
}

/// Slope of the down step, `-s-/b-`; 0 (a constant step) where the bound is not below zero.
#[inline(always)]
fn slope_down(cell: Cell) -> f32 {
    if cell.min_bound < 0.0 { -(cell.dwmin_down / cell.min_bound) } else { 0.0 }
}

impl Response for SoftBoundsResponse {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        affine(cell, slope_up(cell), slope_down(cell))
    }

    #[inline(always)]
    fn step(self, c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32 {
        affine_step(c, v, up)
    }

    #[inline(always)]
    fn spread(self, c: &[f32; COEFFICIENTS], _v: f32, step: f32, up: bool) -> f32 {
        affine_spread(self.0, c, step, up)
    }

    #[inline(always)]
    fn is_noisy(self) -> bool {
        self.0.std > 0.0
    }
}

/// `v` with `s+ + k+ v = s- + k- v`; NaN where the steps are equal everywhere or nowhere, or only outside the bounds.
pub(super) fn soft_symmetric_point(cell: Cell) -> f64 {
    let offset = f64::from(cell.dwmin_up) - f64::from(cell.dwmin_down);
    let slope = f64::from(slope_down(cell)) - f64::from(slope_up(cell));
    let point = offset / slope;
    let inside = point >= f64::from(cell.min_bound) && point <= f64::from(cell.max_bound);
    if inside { point } else { f64::NAN }
}

impl Model for SoftBounds {
    type Response = SoftBoundsResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self) -> Self::Response {
        SoftBoundsResponse(CycleNoise { std: self.population.dw_min_std as f32, additive: !self.mult_noise })
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }

    /// `(s+ - s-) / (s+/b+ - s-/b-)` (02 section 2.7).
    fn symmetric_point(&self, cell: Cell) -> f64 {
        soft_symmetric_point(cell)
    }
}
