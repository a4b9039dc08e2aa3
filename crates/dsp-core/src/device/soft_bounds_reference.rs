//! Soft bounds with a reference: the weight is the state minus a reference of its own per cell.
//!
//! `v += s+ (1 - v/b+ + dw_min_std xi)` up, `v -= s- (1 - v/b- + dw_min_std xi)` down, `w = v - r`; with `mult_noise` the
//! noise scales with the step (02 sections 2.3, 2.4). The symmetric point of the weight is that of the state minus `r`;
//! `subtract_symmetry_point` adds the state's to `r`, which leaves `-(reference_mean + reference_std xi)`.

use super::population::model_normals;
use super::soft_bounds::{SoftBoundsResponse, soft_symmetric_point};
use super::{Cell, CellParameters, CellPlanes, CycleNoise, Model, Population, WriteNoise};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::rng::Key;
use crate::simd::Isa;

parameters! {
    /// Parameters of the soft-bounds device with a reference.
    pub struct SoftBoundsReference {
        ..population: Population;
        /// Cycle noise scales with the step (true) or with the step scale (false).
        mult_noise: bool = false, Flag;
        /// Write noise in units of `dw_min`.
        write_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Whether setting weights draws write noise.
        apply_write_noise_on_set: bool = true, Flag;
        /// Spread of the up slope between cells (realised by moving the upper bound).
        slope_up_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Spread of the down slope between cells (realised by moving the lower bound).
        slope_down_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Mean reference, weight units.
        reference_mean: f64 = 0.0, Range::FINITE;
        /// Spread of the reference between cells, weight units.
        reference_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Add the cell's own symmetric point to its reference.
        subtract_symmetry_point: bool = false, Flag;
    }
}

impl Consistent for SoftBoundsReference {}

/// Numbers of this model's own draws.
mod draw {
    pub const SLOPE_DOWN: u64 = 0;
    pub const SLOPE_UP: u64 = 1;
    pub const REFERENCE: u64 = 2;
}

impl SoftBoundsReference {
    fn soft(&self) -> SoftBoundsResponse {
        let noise = CycleNoise { std: self.population.dw_min_std as f32, additive: !self.mult_noise };
        SoftBoundsResponse::new(noise)
    }
}

impl Model for SoftBoundsReference {
    type Response<'a> = SoftBoundsResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        self.soft()
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }

    fn complete(&self, isa: Isa, key: Key, cells: &mut CellPlanes) {
        let count = cells.len();
        let widen = |bounds: &mut [f32], live: &[bool], spread: f64, number| {
            if spread > 0.0 {
                let xi = model_normals(isa, key, number, count);
                for ((bound, xi), _) in bounds.iter_mut().zip(xi).zip(live).filter(|(_, live)| **live) {
                    *bound /= (1.0 + spread * f64::from(xi)).abs() as f32;
                }
            }
        };
        let live: Vec<bool> = cells.max_bound.iter().zip(&cells.min_bound).map(|(h, l)| *h > 0.0 && *l < 0.0).collect();
        widen(&mut cells.min_bound, &live, self.slope_down_dtod, draw::SLOPE_DOWN);
        widen(&mut cells.max_bound, &live, self.slope_up_dtod, draw::SLOPE_UP);
        let mut reference = model_normals(isa, key, draw::REFERENCE, count);
        for (i, r) in reference.iter_mut().enumerate() {
            let drawn = self.reference_mean + self.reference_std * f64::from(*r);
            let point = if self.subtract_symmetry_point && live[i] {
                soft_symmetric_point(self.soft(), cells.cell(i))
            } else {
                0.0
            };
            *r = (drawn + if point.is_nan() { 0.0 } else { point }) as f32;
        }
        cells.reference = reference;
    }

    /// `(s+ - s-) / (s+/b+ - s-/b-)` of the state (02 section 2.7).
    fn symmetric_point(&self, _parameters: &CellParameters, cell: Cell) -> f64 {
        soft_symmetric_point(self.soft(), cell)
    }
}
