//! Many pulses as one step: mean and variance of a state, and whether its path can have met a bound.
//!
//! A pulse of an affine response maps `v -> v + a + k v + noise`. `n` of them on a state of mean `m` and variance `V` give
//!
//! ```text
//! phi = (1 - (1 + k)^n) / (-k),   m' = m + (a + k m) phi                        (phi = n where k = 0)
//! V' = V + phi (2 + k phi) (s^2 sigma^2 / (2 + k) + k V)                          additive noise: exactly Gaussian
//! V' = (1 + k phi)^2 (V (1 + n sigma^2 k^2) + n sigma^2 (a + k m)^2 / (1 + k)^2)  noise of the step: first two moments
//! ```
//!
//! (the second is the first order in `n sigma^2 k^2`). A path is trusted not to have met a bound if at every point
//! watched both bounds are more than [`REACH`] standard deviations from the mean.

use super::response::{COEFFICIENTS, CycleNoise};

/// Standard deviations between the mean of a path and a bound that it is trusted not to meet.
const REACH: f32 = 6.0;
/// Largest `|k|` of a cell that composes: `(1 + k)^n` is computed to f32 precision for `n` up to 32.
const STEEPEST: f32 = 0.04;
/// Largest `|k| sigma sqrt(n)` where noise scales with the step: what the third moment adds to a distribution function is
/// below a fifth of this.
const SKEW: f32 = 0.02;

/// The map of one pulse and the law of its noise, for one cell and direction.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// Intercept `a` (negative for a down pulse).
    pub a: f32,
    /// Slope `k`.
    pub k: f32,
    /// `s^2 sigma^2` (additive) or `sigma^2`.
    pub noise: f32,
}

impl Map {
    /// The map of a pulse in one direction, from the prepared values of an affine response.
    #[inline(always)]
    pub fn new(c: &[f32; COEFFICIENTS], noise: CycleNoise, up: bool) -> Self {
        let (a, k, scale) = if up { (c[0], c[1], c[0]) } else { (-c[2], -c[3], c[2]) };
        let std = noise.std * if noise.additive { scale } else { 1.0 };
        Self { a, k, noise: std * std }
    }

    /// The same map of the displacement from `v`: small steps keep their digits.
    #[inline(always)]
    pub fn from(self, v: f32) -> Self {
        Self { a: self.a + self.k * v, ..self }
    }

    /// Whether runs of up to `pulses` of these compose at all: the map contracts, and is not too steep.
    #[inline(always)]
    pub fn composes(self, additive: bool, pulses: u32) -> bool {
        let flat = self.k <= 0.0 && self.k >= -STEEPEST;
        flat && (additive || self.k * self.k * self.noise * pulses as f32 <= SKEW * SKEW)
    }

    /// What runs need of the noise: `noise / (2 + k)` (additive) or `noise / (1 + k)^2`.
    #[inline(always)]
    pub fn run_noise(self, additive: bool) -> f32 {
        let one = 1.0 + self.k;
        self.noise / if additive { 2.0 + self.k } else { one * one }
    }

    /// `ln(1 + k) / (4 k)`, which is 1/4 at `k = 0`.
    #[inline(always)]
    pub fn quarter_rate(self) -> f32 {
        let k = self.k;
        let mut p = k * (-1.0 / 6.0) + 0.2;
        p = p * k - 0.25;
        p = p * k + 1.0 / 3.0;
        p = p * k - 0.5;
        (p * k + 1.0) * 0.25
    }
}

/// Mean and variance of one cell's state, or of its displacement where maps and bounds are moved likewise.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// Mean `m`.
    pub mean: f32,
    /// Variance `V`.
    pub variance: f32,
}

impl Moments {
    /// After one pulse.
    #[inline(always)]
    pub fn after_pulse(self, additive: bool, map: Map) -> Self {
        let Map { a, k, noise } = map;
        let step = a + k * self.mean;
        let contraction = (1.0 + k) * (1.0 + k);
        let variance = if additive {
            contraction * self.variance + noise
        } else {
            (contraction + noise * k * k) * self.variance + noise * step * step
        };
        Self { mean: self.mean + step, variance }
    }

    /// After `n <= 32` pulses of the same direction, with `quarter` of [`Map::quarter_rate`] and `noise` of
    /// [`Map::run_noise`].
    #[inline(always)]
    pub fn after_run(self, additive: bool, (a, k): (f32, f32), noise: f32, quarter: f32, n: f32) -> Self {
        // (1 - e^-h) / h by its series at a quarter of the run, then two doublings: phi(2n) = phi(n) (1 + (1 + k)^n).
        let quarters = n * quarter;
        let h = -k * quarters;
        let mut g = h * (-1.0 / 720.0) + 1.0 / 120.0;
        g = g * h - 1.0 / 24.0;
        g = g * h + 1.0 / 6.0;
        g = g * h - 0.5;
        g = g * h + 1.0;
        let phi = quarters * g;
        let phi = phi * (k * phi + 2.0);
        let phi = phi * (k * phi + 2.0);
        let step = a + k * self.mean;
        let variance = if additive {
            self.variance + phi * (k * phi + 2.0) * (noise + k * self.variance)
        } else {
            let power = 1.0 + k * phi;
            let each = n * noise;
            power * power * (self.variance * (1.0 + each * (k * k)) + each * (step * step))
        };
        Self { mean: self.mean + step * phi, variance }
    }

    /// Positive where both bounds are more than [`REACH`] standard deviations away.
    #[inline(always)]
    pub fn slack(self, low: f32, high: f32) -> f32 {
        let (above, below) = (high - self.mean, self.mean - low);
        let nearest = if above < below { above } else { below };
        nearest * nearest.abs() - REACH * REACH * self.variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run against its pulses one by one in f64, over all slopes and lengths that compose.
    #[test]
    fn runs_equal_their_pulses() {
        for k in [0.0_f32, -1e-7, -1e-4, -1e-3, -0.01, -0.04] {
            for n in [0, 1, 2, 7, 31, 32] {
                let map = Map { a: 0.01, k, noise: 9e-6 };
                let start = Moments { mean: 0.3, variance: 2e-5 };
                let found = start.after_run(true, (map.a, k), map.run_noise(true), map.quarter_rate(), n as f32);
                let (mut mean, mut variance) = (0.3_f32 as f64, 2e-5_f32 as f64);
                let (a, k, noise) = (f64::from(map.a), f64::from(k), f64::from(map.noise));
                for _ in 0..n {
                    mean += a + k * mean;
                    variance = (1.0 + k) * (1.0 + k) * variance + noise;
                }
                assert!((f64::from(found.mean) - mean).abs() < 2e-7, "k {k}, n {n}: {} {mean}", found.mean);
                assert!((f64::from(found.variance) / variance - 1.0).abs() < 2e-6, "k {k}, n {n}");
            }
        }
    }

    #[test]
    fn runs_with_noise_of_the_step_equal_their_pulses_to_the_order_stated() {
        for (k, sigma) in [(0.0_f32, 2.0_f64), (-1e-3, 0.3), (-2e-3, 0.5), (-0.004, 0.3)] {
            for n in [0, 1, 7, 31] {
                let noise = (sigma * sigma) as f32;
                let map = Map { a: 0.01, k, noise };
                let start = Moments { mean: 0.3, variance: 2e-5 };
                let found = start.after_run(false, (map.a, k), map.run_noise(false), map.quarter_rate(), n as f32);
                let (mut mean, mut variance) = (0.3_f32 as f64, 2e-5_f32 as f64);
                let (a, k, noise) = (f64::from(map.a), f64::from(k), f64::from(noise));
                for _ in 0..n {
                    let step = a + k * mean;
                    variance = ((1.0 + k) * (1.0 + k) + noise * k * k) * variance + noise * step * step;
                    mean += step;
                }
                let order = f64::from(n) * noise * k * k;
                assert!((f64::from(found.mean) - mean).abs() < 2e-7);
                assert!((f64::from(found.variance) / variance - 1.0).abs() < 2e-6 + order, "k {k}, n {n}");
            }
        }
    }

    #[test]
    fn single_pulses_are_the_recursion() {
        let map = Map { a: 0.01, k: -0.02, noise: 1e-5 };
        let start = Moments { mean: 0.3, variance: 2e-5 };
        let additive = start.after_pulse(true, map);
        assert!((additive.mean - 0.304).abs() < 1e-7 && (additive.variance - (0.9604 * 2e-5 + 1e-5)).abs() < 1e-10);
        let scaled = start.after_pulse(false, Map { noise: 0.09, ..map });
        let expected = (0.9604 + 0.09 * 4e-4) * 2e-5 + 0.09 * 0.004 * 0.004;
        assert!((scaled.variance - expected).abs() < 1e-10);
    }

    #[test]
    fn steep_growing_and_skewed_maps_do_not_compose() {
        let map = |k, noise| Map { a: 0.01, k, noise };
        assert!(map(-0.01, 1.0).composes(true, 1000));
        assert!(!map(-0.05, 1.0).composes(true, 1) && !map(0.01, 1.0).composes(true, 1));
        assert!(map(-0.001, 0.09).composes(false, 256) && !map(-0.01, 0.09).composes(false, 256));
    }
}
