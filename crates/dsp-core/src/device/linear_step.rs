//! Linear step: the step depends linearly on the weight.
//!
//! `w += (s+ + k+ w) N` up, `w -= (s- + k- w) N` down, with `k = -y s / R`, `y` drawn per cell and `R` the nominal or the
//! cell's own bound (02 sections 2.3, 2.4). Where `mult_noise` is off the noise scales with `s`.

use super::population::model_normals;
use super::response::{affine, affine_spread, affine_step, bearable};
use super::{
    COEFFICIENTS, Cell, CellParameters, CellPlanes, CycleNoise, Model, Population, Response, Shape, WriteNoise,
};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::error::{Error, Result};
use crate::rng::Key;
use crate::simd::Isa;

parameters! {
    /// Parameters of the linear-step device.
    pub struct LinearStep {
        ..population: Population;
        /// Mean relative slope `y+` of the up step.
        gamma_up: f64 = 0.0, Range::FINITE;
        /// Mean relative slope `y-` of the down step.
        gamma_down: f64 = 0.0, Range::FINITE;
        /// Spread of `y+` between cells.
        gamma_up_dtod: f64 = 0.05, Range::NON_NEGATIVE;
        /// Spread of `y-` between cells.
        gamma_down_dtod: f64 = 0.05, Range::NON_NEGATIVE;
        /// Let slopes be negative, so that steps grow towards the bound.
        allow_increasing: bool = false, Flag;
        /// Refer slopes to the nominal bounds instead of the cell's own.
        mean_bound_reference: bool = true, Flag;
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

impl Consistent for LinearStep {
    fn consistent(&self) -> Result<()> {
        if (self.reverse_up || self.reverse_down) && !self.mult_noise {
            return Err(Error::parameter("mult_noise", false, "true where reverse_up or reverse_down is set"));
        }
        Ok(())
    }
}

/// See [`LinearStep`].
#[derive(Clone, Copy, Debug)]
pub struct LinearStepResponse(CycleNoise);

impl Response for LinearStepResponse {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        affine(cell, cell.shape_up, cell.shape_down)
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
    fn affine_noise(self) -> Option<CycleNoise> {
        Some(self.0)
    }

    #[inline(always)]
    fn is_noisy(self) -> bool {
        self.0.std > 0.0
    }
}

/// Numbers of this model's own draws.
mod draw {
    pub const GAMMA_UP: u64 = 0;
    pub const GAMMA_DOWN: u64 = 1;
}

impl Model for LinearStep {
    type Response<'a> = LinearStepResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        LinearStepResponse(CycleNoise { std: self.population.dw_min_std as f32, additive: !self.mult_noise })
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }

    fn complete(&self, isa: Isa, key: Key, cells: &mut CellPlanes) {
        let count = cells.len();
        let (mut up, mut down) =
            (model_normals(isa, key, draw::GAMMA_UP, count), model_normals(isa, key, draw::GAMMA_DOWN, count));
        let slope = |xi: f32, mean: f64, spread: f64, step: f32, reference: f64| {
            let y = mean + spread * f64::from(xi);
            let y = if self.allow_increasing { y } else { y.abs() };
            if reference == 0.0 { 0.0 } else { bearable((-y * f64::from(step) / reference) as f32) }
        };
        for i in 0..count {
            let (high, low) = if self.mean_bound_reference {
                (self.population.w_max, self.population.w_min)
            } else {
                (f64::from(cells.max_bound[i]), f64::from(cells.min_bound[i]))
            };
            let up_reference = if self.reverse_up { low - self.reverse_offset } else { high };
            let down_reference = if self.reverse_down { high + self.reverse_offset } else { low };
            up[i] = slope(up[i], self.gamma_up, self.gamma_up_dtod, cells.dwmin_up[i], up_reference);
            down[i] = slope(down[i], self.gamma_down, self.gamma_down_dtod, cells.dwmin_down[i], down_reference);
        }
        cells.shape = Some(Shape { names: ["slope_up", "slope_down"], up, down });
    }

    /// `(s+ - s-) / (k- - k+)` (02 section 2.7), where it attracts and lies within the bounds.
    fn symmetric_point(&self, _parameters: &CellParameters, cell: Cell) -> f64 {
        let offset = f64::from(cell.dwmin_up) - f64::from(cell.dwmin_down);
        let slope = f64::from(cell.shape_down) - f64::from(cell.shape_up);
        let point = offset / slope;
        let inside = point >= f64::from(cell.min_bound) && point <= f64::from(cell.max_bound);
        if inside && slope > 0.0 { point } else { f64::NAN }
    }
}
