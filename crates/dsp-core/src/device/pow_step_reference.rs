//! Power-law step with a reference: the weight is the state minus a reference of its own per cell.
//!
//! The response is that of [`super::PowStep`] on the state `v = w + r` (02 sections 2.3, 2.4). Setting weights clips the
//! state, so a power of a negative distance, the peer's jump to the lower bound, cannot occur.

use super::population::model_normals;
use super::pow_step::{Exponents, PowStepResponse, draw, power_symmetric_point};
use super::{Cell, CellParameters, CellPlanes, Model, Population};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::rng::Key;
use crate::simd::Isa;

parameters! {
    /// Parameters of the power-law device with a reference.
    pub struct PowStepReference {
        ..population: Population;
        ..exponents: Exponents;
        /// Mean reference, weight units.
        reference_mean: f64 = 0.0, Range::FINITE;
        /// Spread of the reference between cells, weight units.
        reference_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Add the cell's own symmetric point to its reference.
        subtract_symmetry_point: bool = false, Flag;
    }
}

impl Consistent for PowStepReference {}

impl Model for PowStepReference {
    type Response<'a> = PowStepResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        PowStepResponse(self.population.dw_min_std as f32)
    }

    /// `dw_min 0.5^pow_gamma`, the step half-way between the bounds.
    fn granularity(&self) -> f64 {
        super::PowStep {
            exponents: self.exponents.clone(),
            population: self.population.clone(),
            ..super::PowStep::default()
        }
        .granularity()
    }

    fn complete(&self, isa: Isa, key: Key, cells: &mut CellPlanes) {
        self.exponents.complete(isa, key, self.population.enforce_consistency, cells);
        let mut reference = model_normals(isa, key, draw::REFERENCE, cells.len());
        for (i, r) in reference.iter_mut().enumerate() {
            let drawn = self.reference_mean + self.reference_std * f64::from(*r);
            let response = PowStepResponse(0.0);
            let point = if self.subtract_symmetry_point { power_symmetric_point(response, cells.cell(i)) } else { 0.0 };
            *r = (drawn + if point.is_nan() { 0.0 } else { point }) as f32;
        }
        cells.reference = reference;
    }

    fn symmetric_point(&self, parameters: &CellParameters, cell: Cell) -> f64 {
        power_symmetric_point(self.response(parameters), cell)
    }
}
