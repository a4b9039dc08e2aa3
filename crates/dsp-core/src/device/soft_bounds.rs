//! Soft bounds: steps shrink linearly to zero at the cell's own bounds.
//!
//! `w += s+ (1 - w/b+) N` up, `w -= s- (1 - w/b-) N` down, with `N = 1 + dw_min_std xi`, or the noise scaling with `s`
//! instead of the step where `mult_noise` is off (02 sections 2.3, 2.4; the paper's (103) without noise).

use super::response::{affine, affine_spread, affine_step};
use super::{COEFFICIENTS, Cell, CellParameters, CycleNoise, Model, Population, Response, WriteNoise};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::error::{Error, Result};

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
        /// Refer the up slope to the lower bound: the up step grows with the weight.
        reverse_up: bool = false, Flag;
        /// Refer the down slope to the upper bound: the down step grows towards the lower bound.
        reverse_down: bool = false, Flag;
        /// Distance of the reversed references from the bounds, weight units.
        reverse_offset: f64 = 0.01, Range::NON_NEGATIVE;
    }
}

impl Consistent for SoftBounds {
    fn consistent(&self) -> Result<()> {
        if (self.reverse_up || self.reverse_down) && !self.mult_noise {
            return Err(Error::parameter("mult_noise", false, "true where reverse_up or reverse_down is set"));
        }
        Ok(())
    }
}

/// See [`SoftBounds`].
#[derive(Clone, Copy, Debug)]
pub struct SoftBoundsResponse {
    noise: CycleNoise,
    reverse_up: bool,
    reverse_down: bool,
    offset: f32,
}

impl SoftBoundsResponse {
    /// Slopes referred to the bounds that the steps shrink towards.
    pub(super) fn new(noise: CycleNoise) -> Self {
        Self { noise, reverse_up: false, reverse_down: false, offset: 0.0 }
    }

    /// Slopes `(-s+/R+, -s-/R-)`; 0 (a constant step) where a reference has the wrong sign.
    #[inline(always)]
    fn slopes(self, cell: Cell) -> (f32, f32) {
        let up = if self.reverse_up {
            -(cell.dwmin_up / (cell.min_bound - self.offset))
        } else {
            -(cell.dwmin_up / cell.max_bound)
        };
        let down = if self.reverse_down {
            -(cell.dwmin_down / (cell.max_bound + self.offset))
        } else {
            -(cell.dwmin_down / cell.min_bound)
        };
        let up_refers = if self.reverse_up { cell.min_bound < self.offset } else { cell.max_bound > 0.0 };
        let down_refers = if self.reverse_down { cell.max_bound > -self.offset } else { cell.min_bound < 0.0 };
        (if up_refers { up } else { 0.0 }, if down_refers { down } else { 0.0 })
    }
}

impl Response for SoftBoundsResponse {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        let (up, down) = self.slopes(cell);
        affine(cell, up, down)
    }

    #[inline(always)]
    fn step(self, c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32 {
        affine_step(c, v, up)
    }

    #[inline(always)]
    fn spread(self, c: &[f32; COEFFICIENTS], _v: f32, step: f32, up: bool) -> f32 {
        affine_spread(self.noise, c, step, up)
    }

    #[inline(always)]
    fn affine_noise(self) -> Option<CycleNoise> {
        Some(self.noise)
    }

    #[inline(always)]
    fn is_noisy(self) -> bool {
        self.noise.std > 0.0
    }
}

/// `v` with `s+ + k+ v = s- + k- v`, where it attracts and lies within the bounds; NaN elsewhere.
pub(super) fn soft_symmetric_point(response: SoftBoundsResponse, cell: Cell) -> f64 {
    let (up, down) = response.slopes(cell);
    let slope = f64::from(down) - f64::from(up);
    let point = (f64::from(cell.dwmin_up) - f64::from(cell.dwmin_down)) / slope;
    let inside = point >= f64::from(cell.min_bound) && point <= f64::from(cell.max_bound);
    if inside && slope > 0.0 { point } else { f64::NAN }
}

impl Model for SoftBounds {
    type Response<'a> = SoftBoundsResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        let noise = CycleNoise { std: self.population.dw_min_std as f32, additive: !self.mult_noise };
        SoftBoundsResponse {
            reverse_up: self.reverse_up,
            reverse_down: self.reverse_down,
            offset: self.reverse_offset as f32,
            ..SoftBoundsResponse::new(noise)
        }
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }

    /// `(s+ - s-) / (s+/b+ - s-/b-)` (02 section 2.7).
    fn symmetric_point(&self, parameters: &CellParameters, cell: Cell) -> f64 {
        soft_symmetric_point(self.response(parameters), cell)
    }
}
