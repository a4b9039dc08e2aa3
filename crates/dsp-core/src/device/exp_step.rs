//! Exponential step: a fit to measured resistive memories.
//!
//! `w += s+ max(1 - A_up e^{gamma_up z}, 0) N` up, `w -= s- max(1 - A_down e^{-gamma_down z}, 0) N` down, with
//! `z = 2 a w / (b+ - b-) + b` (02 sections 2.3, 2.4). With `dw_min_std_add` or `dw_min_std_slope` the noise of a pulse of
//! size `dw` is `dw_min_std (|dw| + add + slope |w|) xi`.

use super::response::{HIGH, LOW, bearable};
use super::{COEFFICIENTS, Cell, CellParameters, Model, Population, Response, WriteNoise, symmetric_point};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::simd::math::{clip, exp, ln};

parameters! {
    /// Parameters of the exponential-step device.
    pub struct ExpStep {
        ..population: Population;
        /// Amplitude of the up step's exponential.
        A_up: f64 = 0.00081, Range::FINITE;
        /// Amplitude of the down step's exponential.
        A_down: f64 = 0.36833, Range::FINITE;
        /// Rate of the up step's exponential.
        gamma_up: f64 = 12.44625, Range::FINITE;
        /// Rate of the down step's exponential.
        gamma_down: f64 = 12.78785, Range::FINITE;
        /// Slope of `z` in the weight over half the range.
        a: f64 = 0.244, Range::FINITE;
        /// Offset of `z`.
        b: f64 = 0.2425, Range::FINITE;
        /// Noise independent of the step, weight units.
        dw_min_std_add: f64 = 0.0, Range::NON_NEGATIVE;
        /// Noise proportional to the weight, weight units per weight.
        dw_min_std_slope: f64 = 0.0, Range::NON_NEGATIVE;
        /// Write noise in units of `dw_min`.
        write_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Whether setting weights draws write noise.
        apply_write_noise_on_set: bool = true, Flag;
    }
}

impl Consistent for ExpStep {}

/// Far beyond every bound, and small enough that noise on it stays finite: an exponential can overflow.
const LARGEST_STEP: f32 = 1e18;

/// See [`ExpStep`].
#[derive(Clone, Copy, Debug)]
pub struct ExpStepResponse {
    amplitude: [f32; 2],
    rate: [f32; 2],
    a: f32,
    b: f32,
    std: f32,
    add: f32,
    slope: f32,
}

impl Response for ExpStepResponse {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        let range = cell.max_bound - cell.min_bound;
        // A cell without a range ignores pulses.
        let (live, scale) = if range > 0.0 { (1.0, bearable(2.0 * self.a / range)) } else { (0.0, 0.0) };
        let mut c = [live * cell.dwmin_up, live * cell.dwmin_down, scale, live, 0.0, 0.0, 0.0, 0.0];
        (c[LOW], c[HIGH]) = (cell.min_bound, cell.max_bound);
        c
    }

    #[inline(always)]
    fn step(self, c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32 {
        let z = c[2] * v + self.b;
        let exponent = if up { self.rate[0] * z } else { -(self.rate[1] * z) };
        let factor = 1.0 - (if up { self.amplitude[0] } else { self.amplitude[1] }) * exp(exponent);
        // Limited before it meets the step scale: 0 times infinity is not a number.
        let step = (if up { c[0] } else { c[1] }) * clip(factor, 0.0, LARGEST_STEP);
        clip(step, -LARGEST_STEP, LARGEST_STEP)
    }

    #[inline(always)]
    fn spread(self, c: &[f32; COEFFICIENTS], v: f32, step: f32, _up: bool) -> f32 {
        if self.add != 0.0 || self.slope != 0.0 {
            c[3] * self.std * (step.abs() + self.add + self.slope * v.abs())
        } else {
            self.std * step
        }
    }

    #[inline(always)]
    fn is_noisy(self) -> bool {
        self.std > 0.0
    }

    fn is_monotone(self, c: &[f32; COEFFICIENTS]) -> bool {
        let falls = |k: usize| c[k] * self.amplitude[k] * self.rate[k] * c[2] >= 0.0;
        falls(0) && falls(1)
    }
}

impl Model for ExpStep {
    type Response<'a> = ExpStepResponse;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response(&self, _parameters: &CellParameters) -> Self::Response<'_> {
        ExpStepResponse {
            amplitude: [self.A_up as f32, self.A_down as f32],
            rate: [self.gamma_up as f32, self.gamma_down as f32],
            a: self.a as f32,
            b: self.b as f32,
            std: self.population.dw_min_std as f32,
            add: self.dw_min_std_add as f32,
            slope: self.dw_min_std_slope as f32,
        }
    }

    /// Where both exponentials have one rate `gamma`: `w = (ln t / gamma - b) R / 2a`, with `t > 0` the root of
    /// `s+ A+ t^2 - (s+ - s-) t - s- A- = 0`, if no step is cut off at 0 there; else searched.
    fn symmetric_point(&self, parameters: &CellParameters, cell: Cell) -> f64 {
        let response = self.response(parameters);
        let (up, down) = (f64::from(cell.dwmin_up), f64::from(cell.dwmin_down));
        let (quadratic, constant) = (up * self.A_up, down * self.A_down);
        let slope = self.gamma_up * self.a;
        if self.gamma_up == self.gamma_down
            && up > 0.0
            && down > 0.0
            && quadratic * slope > 0.0
            && constant * slope > 0.0
        {
            let half = 0.5 * (up - down) / quadratic;
            let root = (half * half + constant / quadratic).sqrt();
            // The form without cancellation.
            let t = if half >= 0.0 { half + root } else { constant / quadratic / (root - half) };
            if self.A_up * t < 1.0 && self.A_down < t {
                let z = f64::from(ln(t as f32)) / self.gamma_up;
                let range = f64::from(cell.max_bound) - f64::from(cell.min_bound);
                return symmetric_point::within(cell, (z - self.b) * range / (2.0 * self.a));
            }
        }
        symmetric_point::search(response, cell)
    }

    /// The nominal down step at weight 0, as the peer has it (02 section 1.9); `dw_min` where that is 0.
    fn granularity(&self) -> f64 {
        let shrunk = self.population.dw_min * (1.0 - self.population.up_down.max(0.0));
        let exponential = f64::from(exp((-self.gamma_down * self.b) as f32));
        let granularity = shrunk * (1.0 - self.A_down * exponential).max(0.0);
        if granularity > 0.0 { granularity } else { self.population.dw_min }
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }
}
