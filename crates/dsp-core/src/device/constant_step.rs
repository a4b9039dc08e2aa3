//! Constant step: every pulse moves a cell by the same amount, up to hard bounds.
//!
//! `w += s+ (1 + dw_min_std xi)` up, `w -= s- (1 + dw_min_std xi)` down (02 section 2.3).

use super::response::{affine, affine_spread, affine_step};
use super::{COEFFICIENTS, Cell, CellParameters, CycleNoise, Model, Population, Response};
use crate::config::{Consistent, parameters};

parameters! {
    /// Parameters of the constant-step device: those of every population, nothing more.
    pub struct ConstantStep {
        ..population: Population;
    }
}

impl Consistent for ConstantStep {}

/// See [`ConstantStep`].
#[derive(Clone, Copy, Debug)]
pub struct ConstantStepResponse(CycleNoise);

impl Response for ConstantStepResponse {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        affine(cell, 0.0, 0.0)
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

impl Model for ConstantStep {
    type Response<'a> = ConstantStepResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        ConstantStepResponse(CycleNoise { std: self.population.dw_min_std as f32, additive: false })
    }

    /// None: the steps do not depend on the state, so they are equal nowhere or everywhere.
    fn symmetric_point(&self, _parameters: &CellParameters, _cell: Cell) -> f64 {
        f64::NAN
    }
}
