//! Power-law step: the step follows a power of the distance to the bound.
//!
//! `w += s+ ((b+ - w)/R)^{gamma+} N` up, `w -= s- ((w - b-)/R)^{gamma-} N` down, `R = b+ - b-`, exponents drawn per cell (02
//! sections 2.3, 2.4).

use super::population::model_normals;
use super::response::{HIGH, LOW, bearable};
use super::{
    COEFFICIENTS, Cell, CellParameters, CellPlanes, Model, Population, Response, Shape, WriteNoise, symmetric_point,
};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::rng::Key;
use crate::simd::Isa;
use crate::simd::math::{exp, ln};

parameters! {
    /// Exponents of the power-law devices.
    pub struct Exponents {
        /// Mean exponent.
        pow_gamma: f64 = 1.0, Range::NON_NEGATIVE;
        /// Relative spread of the exponent between cells.
        pow_gamma_dtod: f64 = 0.1, Range::NON_NEGATIVE;
        /// Systematic difference of the two exponents, relative; one-sided like `up_down`.
        pow_up_down: f64 = 0.0, Range::FINITE;
        /// Spread of that difference between cells.
        pow_up_down_dtod: f64 = 0.0, Range::NON_NEGATIVE;
    }
}

impl Consistent for Exponents {}

/// Numbers of the draws of the power-law models.
pub(super) mod draw {
    pub const GAIN: u64 = 0;
    pub const UP_DOWN: u64 = 1;
    pub const REFERENCE: u64 = 2;
}

impl Exponents {
    /// Draws `gamma+ = gamma (G + min(up_down, 0) + r)` and `gamma- = gamma (G - max(up_down, 0) - r)`; magnitudes where the
    /// population enforces consistency.
    pub(super) fn complete(&self, isa: Isa, key: Key, consistent: bool, cells: &mut CellPlanes) {
        let count = cells.len();
        let (mut up, mut down) =
            (model_normals(isa, key, draw::GAIN, count), model_normals(isa, key, draw::UP_DOWN, count));
        for (up, down) in up.iter_mut().zip(&mut down) {
            let gain = 1.0 + self.pow_gamma_dtod * f64::from(*up);
            let r = self.pow_up_down_dtod * f64::from(*down);
            let pair = [gain + self.pow_up_down.min(0.0) + r, gain - self.pow_up_down.max(0.0) - r];
            let gamma = |factor: f64| (self.pow_gamma * if consistent { factor.abs() } else { factor }) as f32;
            (*up, *down) = (gamma(pair[0]), gamma(pair[1]));
        }
        cells.shape = Some(Shape { names: ["gamma_up", "gamma_down"], up, down });
    }
}

/// The response of the power-law devices.
#[derive(Clone, Copy, Debug)]
pub struct PowStepResponse(pub(super) f32);

/// `x^gamma` for `x` in [0, 1], by `exp(gamma ln x)`; 0 at and below 0 for a positive exponent.
#[inline(always)]
fn power(x: f32, gamma: f32) -> f32 {
    let positive = x >= f32::MIN_POSITIVE;
    let value = exp(gamma * ln(if positive { x } else { 1.0 }));
    if positive || gamma == 0.0 { value } else { 0.0 }
}

impl Response for PowStepResponse {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        let range = cell.max_bound - cell.min_bound;
        // A cell without a range ignores pulses.
        let (live, inverse) = if range > 0.0 { (1.0, bearable(1.0 / range)) } else { (0.0, 0.0) };
        let mut c =
            [live * cell.dwmin_up, live * cell.dwmin_down, inverse, 0.0, 0.0, 0.0, cell.shape_up, cell.shape_down];
        (c[LOW], c[HIGH]) = (cell.min_bound, cell.max_bound);
        c
    }

    #[inline(always)]
    fn step(self, c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32 {
        let distance = if up { c[HIGH] - v } else { v - c[LOW] };
        (if up { c[0] } else { c[1] }) * power(distance * c[2], if up { c[6] } else { c[7] })
    }

    #[inline(always)]
    fn spread(self, _c: &[f32; COEFFICIENTS], _v: f32, step: f32, _up: bool) -> f32 {
        self.0 * step
    }

    #[inline(always)]
    fn is_noisy(self) -> bool {
        self.0 > 0.0
    }

    fn is_monotone(self, c: &[f32; COEFFICIENTS]) -> bool {
        c[0] >= 0.0 && c[1] >= 0.0 && c[6] >= 0.0 && c[7] >= 0.0
    }
}

/// The symmetric point of a power-law cell: `(b+ + r b-) / (1 + r)` with `r = (s- / s+)^(1 / gamma)` where the exponents
/// are equal, from `s+ (b+ - w)^gamma = s- (w - b-)^gamma`; else searched.
pub(super) fn power_symmetric_point(response: PowStepResponse, cell: Cell) -> f64 {
    let gamma = cell.shape_up;
    let (up, down) = (cell.dwmin_up, cell.dwmin_down);
    if gamma == cell.shape_down && gamma > 0.0 && up > 0.0 && down > 0.0 && cell.max_bound > cell.min_bound {
        let ratio = f64::from(exp(ln(down / up) / gamma));
        return (f64::from(cell.max_bound) + ratio * f64::from(cell.min_bound)) / (1.0 + ratio);
    }
    symmetric_point::search(response, cell)
}

parameters! {
    /// Parameters of the power-law device.
    pub struct PowStep {
        ..population: Population;
        ..exponents: Exponents;
        /// Write noise in units of `dw_min`.
        write_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Whether setting weights draws write noise.
        apply_write_noise_on_set: bool = true, Flag;
    }
}

impl Consistent for PowStep {}

impl Model for PowStep {
    type Response<'a> = PowStepResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        PowStepResponse(self.population.dw_min_std as f32)
    }

    /// `dw_min 0.5^pow_gamma`, the step half-way between the bounds.
    fn granularity(&self) -> f64 {
        self.population.dw_min * f64::from(power(0.5, self.exponents.pow_gamma as f32))
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }

    fn complete(&self, isa: Isa, key: Key, cells: &mut CellPlanes) {
        self.exponents.complete(isa, key, self.population.enforce_consistency, cells);
    }

    fn symmetric_point(&self, parameters: &CellParameters, cell: Cell) -> f64 {
        power_symmetric_point(self.response(parameters), cell)
    }
}
