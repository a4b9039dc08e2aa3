//! Device-to-device variation that all models share (02 section 2.2).

use super::{CellPlanes, Retention};
use crate::config::{Consistent, Flag, Range, parameters};
use crate::rng::fill::{fill_normals, fill_uniforms};
use crate::rng::{Key, Purpose};
use crate::simd::{Isa, math};

parameters! {
    /// Parameters of a population of cells; the names are the peer's.
    pub struct Population {
        /// Mean upper bound of the state, weight units.
        w_max: f64 = 0.6, Range::NON_NEGATIVE;
        /// Mean lower bound of the state, weight units.
        w_min: f64 = -0.6, Range::NON_POSITIVE;
        /// Relative spread of the upper bound between cells.
        w_max_dtod: f64 = 0.3, Range::NON_NEGATIVE;
        /// Relative spread of the lower bound between cells.
        w_min_dtod: f64 = 0.3, Range::NON_NEGATIVE;
        /// Response granularity: mean step scale, weight units.
        dw_min: f64 = 0.001, Range::POSITIVE;
        /// Relative spread of the step scale between cells.
        dw_min_dtod: f64 = 0.3, Range::NON_NEGATIVE;
        /// Draw the step scale log-normally (median 1) instead of normally.
        dw_min_dtod_log_normal: bool = false, Flag;
        /// Relative cycle-to-cycle noise of a pulse.
        dw_min_std: f64 = 0.3, Range::NON_NEGATIVE;
        /// Systematic difference of up and down steps, relative; positive shrinks the down step only.
        up_down: f64 = 0.0, Range::FINITE;
        /// Spread of the up-down difference between cells, relative to `dw_min`.
        up_down_dtod: f64 = 0.01, Range::NON_NEGATIVE;
        /// Make step scales positive and bounds enclose zero.
        enforce_consistency: bool = true, Flag;
        /// Probability that a cell is stuck.
        corrupt_devices_prob: f64 = 0.0, Range::UNIT;
        /// Stuck cells hold a uniform value within this distance of zero and within their bounds.
        corrupt_devices_range: f64 = 0.1, Range::NON_NEGATIVE;
        /// Decay time in decay steps; 0 is off.
        lifetime: f64 = 0.0, Range::NON_NEGATIVE;
        /// Relative spread of the lifetime between cells.
        lifetime_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Standard deviation of one diffusion step, weight units; 0 is off.
        diffusion: f64 = 0.0, Range::NON_NEGATIVE;
        /// Relative spread of the diffusion between cells.
        diffusion_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Mean weight after a reset, and where decay leads.
        reset: f64 = 0.0, Range::FINITE;
        /// Spread of that weight between cells.
        reset_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Spread of that weight from reset to reset.
        reset_std: f64 = 0.01, Range::NON_NEGATIVE;
        /// Mean drift exponent; 0 is off.
        drift_nu: f64 = 0.0, Range::NON_NEGATIVE;
        /// Relative spread of the exponent between cells.
        drift_nu_dtod: f64 = 0.0, Range::NON_NEGATIVE;
        /// Relative spread of the exponent from call to call.
        drift_nu_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Unit of the drift time.
        drift_t0: f64 = 1.0, Range::POSITIVE;
        /// Noise added by one drift step, weight units.
        drift_w_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// A weight that moved by more than this since the last drift step starts anew.
        drift_reset_tol: f64 = 1e-7, Range::NON_NEGATIVE;
    }
}

impl Consistent for Population {}

/// Step numbers of the population draws; the model files go on from `MODEL`.
mod draw {
    pub const MAX_BOUND: u64 = 0;
    pub const MIN_BOUND: u64 = 1;
    pub const STEP: u64 = 2;
    pub const UP_DOWN: u64 = 3;
    pub const CORRUPT: u64 = 4;
    pub const CORRUPT_VALUE: u64 = 5;
    pub const DIFFUSION: u64 = 6;
    pub const RESET: u64 = 7;
    pub const LIFETIME: u64 = 8;
    pub const DRIFT: u64 = 9;
    pub const MODEL: u64 = 16;
}

/// Standard normals for a model's own parameter number `parameter`, one per cell.
pub(super) fn model_normals(isa: Isa, key: Key, parameter: u64, count: usize) -> Vec<f32> {
    normals(isa, key, draw::MODEL + parameter, count)
}

fn normals(isa: Isa, key: Key, number: u64, count: usize) -> Vec<f32> {
    let mut out = vec![0.0; count];
    fill_normals(isa, key.stream(Purpose::Population, number), 0, 0, &mut out);
    out
}

impl Population {
    /// Draws the shared parameters of `count` cells.
    #[must_use]
    pub fn sample(&self, isa: Isa, key: Key, count: usize) -> CellPlanes {
        let spread = |mean: f64, relative: f64, number| {
            let mut plane = normals(isa, key, number, count);
            plane.iter_mut().for_each(|xi| *xi = (mean * (1.0 + relative * f64::from(*xi))) as f32);
            plane
        };
        let mut cells = CellPlanes {
            max_bound: spread(self.w_max, self.w_max_dtod, draw::MAX_BOUND),
            min_bound: spread(self.w_min, self.w_min_dtod, draw::MIN_BOUND),
            dwmin_up: normals(isa, key, draw::STEP, count),
            dwmin_down: normals(isa, key, draw::UP_DOWN, count),
            retention: self.retention(isa, key, count),
            ..CellPlanes::default()
        };
        self.steps(&mut cells);
        self.order(&mut cells);
        self.corrupt(isa, key, &mut cells);
        cells
    }

    /// Draws the planes of decay, diffusion, reset and drift that the device uses.
    fn retention(&self, isa: Isa, key: Key, count: usize) -> Retention {
        let plane = |used: bool, number, value: &dyn Fn(f64) -> f64| {
            let mut xi = if used { normals(isa, key, number, count) } else { Vec::new() };
            xi.iter_mut().for_each(|xi| *xi = value(f64::from(*xi)) as f32);
            xi
        };
        let decay = |xi: f64| {
            let lifetime = self.lifetime * (1.0 + self.lifetime_dtod * xi);
            if lifetime > 1.0 { 1.0 - 1.0 / lifetime } else { 0.0 }
        };
        Retention {
            decay_scale: plane(self.lifetime > 0.0, draw::LIFETIME, &decay),
            diffusion_rate: plane(self.diffusion > 0.0, draw::DIFFUSION, &|xi| {
                (self.diffusion * (1.0 + self.diffusion_dtod * xi)).abs()
            }),
            reset_bias: plane(self.reset != 0.0 || self.reset_dtod > 0.0, draw::RESET, &|xi| {
                self.reset + self.reset_dtod * xi
            }),
            drift_nu: plane(self.drift_nu > 0.0, draw::DRIFT, &|xi| self.drift_nu * (1.0 + self.drift_nu_dtod * xi)),
        }
    }

    /// Turns the two planes of normals into step scales: `s+ = dw_min (G + min(up_down, 0) + r)`,
    /// `s- = dw_min (G - max(up_down, 0) - r)`.
    fn steps(&self, cells: &mut CellPlanes) {
        for (up, down) in cells.dwmin_up.iter_mut().zip(&mut cells.dwmin_down) {
            let gain = if self.dw_min_dtod_log_normal {
                f64::from(math::exp((self.dw_min_dtod * f64::from(*up)) as f32))
            } else {
                1.0 + self.dw_min_dtod * f64::from(*up)
            };
            let r = self.up_down_dtod * f64::from(*down);
            *up = (self.dw_min * (gain + self.up_down.min(0.0) + r)) as f32;
            *down = (self.dw_min * (gain - self.up_down.max(0.0) - r)) as f32;
        }
    }

    /// Makes scales and bounds consistent, or at least the bounds not crossed.
    fn order(&self, cells: &mut CellPlanes) {
        for (high, low) in cells.max_bound.iter_mut().zip(&mut cells.min_bound) {
            if self.enforce_consistency {
                let (a, b) = (*high, *low);
                *high = (if b > a { b } else { a }).abs();
                *low = -(if b > a { a } else { b }).abs();
            } else if *low > *high {
                let middle = 0.5 * (*low + *high);
                (*low, *high) = (middle, middle);
            }
        }
        if self.enforce_consistency {
            cells.dwmin_up.iter_mut().chain(&mut cells.dwmin_down).for_each(|s| *s = s.abs());
        }
    }

    /// Sticks some cells at a value: both bounds there, steps zero.
    fn corrupt(&self, isa: Isa, key: Key, cells: &mut CellPlanes) {
        if self.corrupt_devices_prob == 0.0 {
            return;
        }
        let uniforms = |number| {
            let mut out = vec![0.0; cells.len()];
            fill_uniforms(isa, key.stream(Purpose::Population, number), 0, 0, &mut out);
            out
        };
        let (hits, values) = (uniforms(draw::CORRUPT), uniforms(draw::CORRUPT_VALUE));
        let range = self.corrupt_devices_range as f32;
        for (i, (hit, value)) in hits.into_iter().zip(values).enumerate() {
            if f64::from(hit) < self.corrupt_devices_prob {
                let low = math::clip(cells.min_bound[i], -range, range);
                let high = math::clip(cells.max_bound[i], -range, range);
                let stuck = low + (high - low) * value;
                (cells.min_bound[i], cells.max_bound[i]) = (stuck, stuck);
                (cells.dwmin_up[i], cells.dwmin_down[i]) = (0.0, 0.0);
            }
        }
    }
}
