//! The composed path of pulses sent to a whole array: one normal per cell and window.

use crate::device::{CellBlock, CycleNoise, HIGH, LOW, Map, Moments};
use crate::rng::Stream;
use crate::simd::LANES;
use crate::simd::math::clip;

/// Pulses taken together while a lane's moments are in registers.
const STRIDE: u64 = 8;

/// Where the states of sixteen cells go in one window, in law.
pub(super) struct Path {
    /// Of the displacement.
    mean: [f32; LANES],
    variance: [f32; LANES],
    /// Positive where no bound was met on the way.
    slack: [f32; LANES],
}

/// What a path needs of one lane, up and down.
struct Lane {
    up: Map,
    down: Map,
}

/// Moments on the way with the extremes so far.
#[derive(Clone, Copy)]
struct Course {
    now: Moments,
    lowest: f32,
    highest: f32,
    widest: f32,
}

impl Course {
    #[inline(always)]
    fn pulsed<const ADDITIVE: bool>(self, lane: &Lane, up: bool) -> Self {
        let Lane { up: u, down: d } = *lane;
        let map = Map {
            a: if up { u.a } else { d.a },
            k: if up { u.k } else { d.k },
            noise: if up { u.noise } else { d.noise },
        };
        let now = self.now.after_pulse(ADDITIVE, map);
        Self {
            now,
            lowest: if now.mean < self.lowest { now.mean } else { self.lowest },
            highest: if now.mean > self.highest { now.mean } else { self.highest },
            widest: if now.variance > self.widest { now.variance } else { self.widest },
        }
    }
}

impl Path {
    /// The path under `length` pulses from bit `offset` of the window's direction words on.
    #[inline(always)]
    pub(super) fn new(
        block: &CellBlock,
        cycle: CycleNoise,
        words: &[[u32; LANES]; 4],
        offset: u64,
        length: u64,
    ) -> Self {
        if cycle.additive {
            Self::compose::<true>(block, cycle, words, offset, length)
        } else {
            Self::compose::<false>(block, cycle, words, offset, length)
        }
    }

    #[inline(always)]
    fn compose<const ADDITIVE: bool>(
        block: &CellBlock,
        cycle: CycleNoise,
        words: &[[u32; LANES]; 4],
        offset: u64,
        length: u64,
    ) -> Self {
        let (mut mean, mut variance) = ([0.0; LANES], [0.0; LANES]);
        let (mut lowest, mut highest, mut widest) = (mean, mean, variance);
        let mut at = offset;
        while at < offset + length {
            let whole = at.is_multiple_of(STRIDE) && offset + length - at >= STRIDE;
            let bits = &words[(at / 32) as usize];
            let shift = (at % 32) as u32;
            for lane in 0..LANES {
                let c = block.coefficients(lane);
                let start = block.state[lane];
                let maps =
                    Lane { up: Map::new(&c, cycle, true).from(start), down: Map::new(&c, cycle, false).from(start) };
                let now = Moments { mean: mean[lane], variance: variance[lane] };
                let mut course = Course { now, lowest: lowest[lane], highest: highest[lane], widest: widest[lane] };
                let bits = bits[lane] >> shift;
                course = course.pulsed::<ADDITIVE>(&maps, bits & 1 != 0);
                if whole {
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 2 != 0);
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 4 != 0);
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 8 != 0);
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 16 != 0);
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 32 != 0);
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 64 != 0);
                    course = course.pulsed::<ADDITIVE>(&maps, bits & 128 != 0);
                }
                (mean[lane], variance[lane]) = (course.now.mean, course.now.variance);
                (lowest[lane], highest[lane], widest[lane]) = (course.lowest, course.highest, course.widest);
            }
            at += if whole { STRIDE } else { 1 };
        }
        let mut slack = [0.0; LANES];
        for lane in 0..LANES {
            let (c, start) = (block.coefficients(lane), block.state[lane]);
            let reach = |mean| Moments { mean, variance: widest[lane] }.slack(c[LOW] - start, c[HIGH] - start);
            let (low, high) = (reach(lowest[lane]), reach(highest[lane]));
            let (up, down) = (Map::new(&c, cycle, true), Map::new(&c, cycle, false));
            let composes = up.composes(ADDITIVE, length as u32) & down.composes(ADDITIVE, length as u32);
            let least = if low < high { low } else { high };
            slack[lane] = if composes { least } else { -1.0 };
        }
        Self { mean, variance, slack }
    }

    /// Whether none of the first `width` cells can have met a bound.
    #[inline(always)]
    pub(super) fn is_free(&self, width: usize) -> bool {
        self.slack[..width].iter().all(|slack| *slack > 0.0)
    }

    /// Draws the states at the end of the path, where it is free; `ordinal` numbers the window.
    #[inline(always)]
    pub(super) fn draw(&self, block: &CellBlock, pieces: Stream, ordinal: u32, states: &mut [f32; LANES]) {
        for lane in 0..LANES {
            let c = block.coefficients(lane);
            let xi = block.normals(pieces, lane, ordinal)[0];
            let moved = self.mean[lane] + self.variance[lane].sqrt() * xi;
            let v = clip(block.state[lane] + moved, c[LOW], c[HIGH]);
            let sent = states[lane];
            states[lane] = if self.slack[lane] > 0.0 { v } else { sent };
        }
    }
}
