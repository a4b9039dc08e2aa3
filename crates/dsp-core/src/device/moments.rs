//! Many pulses as one step: mean and variance of a state, and whether its path can have met a bound.
//!
//! A pulse of an affine response maps `v -> v + a + k v + noise`. `n` of them on a state of mean `m` and variance `V` give
//!
//! ```text
//! e = 1 - (1 + k)^n,   b = -a / k,   m' = m + (b - m) e
//! V' = V + (K - V) e (2 - e),                K = s^2 sigma^2 / (-k (2 + k))      additive noise: exactly Gaussian
//! V' = (1 - e)^2 (V + n K (V + (b - m)^2)),  K = sigma^2 k^2 / (1 + k)^2         noise of the step: first two moments
//! ```
//!
//! (the last is the first order in `n sigma^2 k^2`). A path is trusted not to have met a bound if at every point
//! watched both bounds are more than [`REACH`] standard deviations from the mean.

use super::response::{COEFFICIENTS, CycleNoise};
use crate::simd::LANES;

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
    /// No pulse.
    pub const NONE: Self = Self { a: 0.0, k: 0.0, noise: 0.0 };

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
        flat & (additive | (self.k * self.k * self.noise * pulses as f32 <= SKEW * SKEW))
    }
}

/// Slopes nearer to zero than this count as this: the fixed point is then some 1e6 full ranges away, and a run of pulses
/// of one size is met to the precision of f32.
const FLATTEST: f32 = 1e-9;
/// Largest `|k|` of cells whose runs of 32 take the polynomial alone; steeper ones take it at a quarter of the run.
const SHALLOW: f32 = 0.01;

/// A map in the form that runs of it take: where it leads, how fast, and how wide.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// `-ln(1 + k)`.
    pub rate: f32,
    /// The fixed point `b`.
    pub goal: f32,
    /// `K`.
    pub spread: f32,
}

impl Run {
    /// Runs of a map that [composes](Map::composes).
    #[inline(always)]
    pub fn new(map: Map, additive: bool) -> Self {
        let k = if map.k > -FLATTEST { -FLATTEST } else { map.k };
        let mut p = k * (-1.0 / 6.0) + 0.2;
        p = p * k - 0.25;
        p = p * k + 1.0 / 3.0;
        p = p * k - 0.5;
        let one = 1.0 + k;
        let spread = if additive { map.noise / (-k * (2.0 + k)) } else { map.noise * k * k / (one * one) };
        Self { rate: -k * (p * k + 1.0), goal: map.a / -k, spread }
    }

    /// Whether this many pulses leave a law that its first two moments do not describe.
    #[inline(always)]
    pub fn is_skewed(self, additive: bool, pulses: f32) -> bool {
        !additive & (self.spread * pulses > SKEW * SKEW)
    }

    /// Whether [`Moments::after_run`] has to take it for steep.
    #[inline(always)]
    pub fn is_steep(self) -> bool {
        self.rate > SHALLOW
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

    /// After `n <= 32` pulses of the same direction; `STEEP` if any lane's run is.
    #[inline(always)]
    pub fn after_run<const ADDITIVE: bool, const STEEP: bool>(self, run: Run, n: f32) -> Self {
        // 1 - exp(-t) to 2e-8 for t up to 0.33, by a minimax fit.
        let t = n * if STEEP { 0.25 * run.rate } else { run.rate };
        let mut g = t * 0.007_290_578 - 0.041_382_48;
        g = g * t + 0.166_635_66;
        g = g * t - 0.499_998_93;
        let mut e = t + t * (t * g);
        if STEEP {
            e = e * (2.0 - e);
            e = e * (2.0 - e);
        }
        let ahead = run.goal - self.mean;
        let variance = if ADDITIVE {
            self.variance + (run.spread - self.variance) * (e * (2.0 - e))
        } else {
            let kept = 1.0 - e;
            kept * kept * (self.variance + n * run.spread * (self.variance + ahead * ahead))
        };
        Self { mean: self.mean + ahead * e, variance }
    }

    /// Positive where both bounds are more than [`REACH`] standard deviations away.
    #[inline(always)]
    pub fn slack(self, low: f32, high: f32) -> f32 {
        let (above, below) = (high - self.mean, self.mean - low);
        let nearest = if above < below { above } else { below };
        nearest * nearest.abs() - REACH * REACH * self.variance
    }
}

/// What several pulses of sixteen cells do, as one map: a displacement of mean `m` and variance `V` goes to
/// `m + shift + slope m` and `V + fade V + spread[0] + spread[1] m + spread[2] m^2`. The default does nothing.
///
/// Slopes are kept less one: `n` small steps lose no digits to `1 + k`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Several {
    slope: [f32; LANES],
    shift: [f32; LANES],
    fade: [f32; LANES],
    spread: [[f32; LANES]; 3],
}

impl Several {
    /// Makes lane `lane` one pulse.
    #[inline(always)]
    pub fn put(&mut self, lane: usize, additive: bool, map: Map) {
        let Map { a, k, noise } = map;
        (self.slope[lane], self.shift[lane]) = (k, a);
        let scaled = if additive { 0.0 } else { noise };
        self.fade[lane] = k * (2.0 + k) + scaled * k * k;
        self.spread[0][lane] = if additive { noise } else { noise * a * a };
        self.spread[1][lane] = 2.0 * scaled * a * k;
        self.spread[2][lane] = scaled * k * k;
    }

    /// These pulses and then the `next` ones.
    #[inline(always)]
    pub fn then<const ADDITIVE: bool>(&self, next: &Self) -> Self {
        let mut both = Self::default();
        for lane in 0..LANES {
            let (slope, shift) = (self.slope[lane], self.shift[lane]);
            both.slope[lane] = slope + next.slope[lane] + slope * next.slope[lane];
            both.shift[lane] = shift + next.shift[lane] + next.slope[lane] * shift;
            let fade = next.fade[lane];
            both.fade[lane] = self.fade[lane] + fade + self.fade[lane] * fade;
            let kept = self.spread[0][lane] + fade * self.spread[0][lane];
            if ADDITIVE {
                both.spread[0][lane] = kept + next.spread[0][lane];
            } else {
                let (linear, square) = (next.spread[1][lane], next.spread[2][lane]);
                both.spread[0][lane] = kept + next.spread[0][lane] + shift * (linear + shift * square);
                let kept = self.spread[1][lane] + fade * self.spread[1][lane];
                both.spread[1][lane] = kept + (1.0 + slope) * (linear + 2.0 * square * shift);
                let kept = self.spread[2][lane] + fade * self.spread[2][lane];
                both.spread[2][lane] = kept + (1.0 + slope) * (1.0 + slope) * square;
            }
        }
        both
    }

    /// These pulses `times` over, by repeated doubling.
    #[inline(always)]
    pub fn repeated<const ADDITIVE: bool>(&self, times: u32) -> Self {
        let (mut whole, mut power) = (Self::default(), *self);
        let mut left = times;
        while left > 0 {
            if left & 1 == 1 {
                whole = whole.then::<ADDITIVE>(&power);
            }
            left >>= 1;
            if left > 0 {
                power = power.then::<ADDITIVE>(&power);
            }
        }
        whole
    }

    /// Mean and variance of the displacement of lane `lane`, all of it from these pulses.
    #[inline(always)]
    pub fn moments(&self, lane: usize) -> Moments {
        Moments { mean: self.shift[lane], variance: self.spread[0][lane] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_run<const ADDITIVE: bool>(start: Moments, map: Map, n: u32) -> Moments {
        let run = Run::new(map, ADDITIVE);
        if run.is_steep() {
            start.after_run::<ADDITIVE, true>(run, n as f32)
        } else {
            start.after_run::<ADDITIVE, false>(run, n as f32)
        }
    }

    /// A run against its pulses one by one in f64, over all slopes and lengths that compose.
    #[test]
    fn runs_equal_their_pulses() {
        for k in [0.0_f32, -1e-7, -1e-4, -1e-3, -0.0099, -0.01, -0.02, -0.04] {
            for n in [0, 1, 2, 7, 31, 32] {
                let map = Map { a: 0.01, k, noise: 9e-6 };
                let start = Moments { mean: 0.3, variance: 2e-5 };
                let found = after_run::<true>(start, map, n);
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
                let found = after_run::<false>(start, map, n);
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

    /// Alternating pulses, doubled, against the same pulses one by one.
    #[test]
    fn several_pulses_are_their_recursion() {
        for additive in [true, false] {
            for (k_up, k_down) in [(0.0_f32, 0.0), (-1e-6, -2e-6), (-1e-3, -2e-3), (-0.04, -0.01)] {
                let noise = if additive { 9e-6 } else { 0.09 };
                let (up, down) = (Map { a: 0.01, k: k_up, noise }, Map { a: -0.008, k: k_down, noise });
                let (mut first, mut second) = (Several::default(), Several::default());
                (0..LANES).for_each(|lane| (first.put(lane, additive, up), second.put(lane, additive, down)).1);
                for pairs in [0, 1, 2, 3, 37, 64] {
                    let found = if additive {
                        first.then::<true>(&second).repeated::<true>(pairs)
                    } else {
                        first.then::<false>(&second).repeated::<false>(pairs)
                    };
                    let (mut mean, mut variance) = (0.0_f64, 0.0_f64);
                    for n in 0..2 * pairs {
                        let map = if n % 2 == 0 { up } else { down };
                        let (a, k, noise) = (f64::from(map.a), f64::from(map.k), f64::from(map.noise));
                        let step = a + k * mean;
                        let contraction = (1.0 + k) * (1.0 + k);
                        variance = if additive {
                            contraction * variance + noise
                        } else {
                            (contraction + noise * k * k) * variance + noise * step * step
                        };
                        mean += step;
                    }
                    let Moments { mean: m, variance: v } = found.moments(LANES - 1);
                    assert!((f64::from(m) - mean).abs() <= 4e-6 * mean.abs(), "{k_up}, {pairs} pairs: {m} {mean}");
                    assert!((f64::from(v) - variance).abs() <= 4e-6 * variance, "{k_up}, {pairs}: {v} {variance}");
                }
            }
        }
    }

    #[test]
    fn steep_growing_and_skewed_maps_do_not_compose() {
        let map = |k, noise| Map { a: 0.01, k, noise };
        assert!(map(-0.01, 1.0).composes(true, 1000));
        assert!(!map(-0.05, 1.0).composes(true, 1) && !map(0.01, 1.0).composes(true, 1));
        assert!(map(-0.001, 0.09).composes(false, 256) && !map(-0.01, 0.09).composes(false, 256));
    }
}
