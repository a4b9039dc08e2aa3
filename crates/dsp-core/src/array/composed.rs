//! The composed path of pulses sent to a whole array: one normal per cell and window. Directions that repeat every other
//! pulse are composed by doubling, others pulse by pulse.

use crate::device::{CellBlock, CycleNoise, HIGH, LOW, Map, Moments, Several};
use crate::rng::Stream;
use crate::rng::normal::normal_pair;
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

#[inline(always)]
fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

impl Path {
    /// The path under `length` pulses from bit `offset` of the window's direction words on; `periodic` if all bits at
    /// even places are equal in each lane, and all at odd ones.
    #[inline(always)]
    pub(super) fn new(
        block: &CellBlock,
        cycle: CycleNoise,
        periodic: bool,
        words: &[[u32; LANES]; 4],
        offset: u64,
        length: u64,
    ) -> Self {
        match (cycle.additive, periodic) {
            (true, true) => Self::repeat::<true>(block, cycle, words, offset, length),
            (false, true) => Self::repeat::<false>(block, cycle, words, offset, length),
            (true, false) => Self::compose::<true>(block, cycle, words, offset, length),
            (false, false) => Self::compose::<false>(block, cycle, words, offset, length),
        }
    }

    #[inline(always)]
    fn repeat<const ADDITIVE: bool>(
        block: &CellBlock,
        cycle: CycleNoise,
        words: &[[u32; LANES]; 4],
        offset: u64,
        length: u64,
    ) -> Self {
        let (mut first, mut second) = (Several::default(), Several::default());
        let mut maps = [[Map::NONE; LANES]; 2];
        let mut composes = [false; LANES];
        for lane in 0..LANES {
            let (c, start) = (block.coefficients(lane), block.state[lane]);
            let (up, down) = (Map::new(&c, cycle, true), Map::new(&c, cycle, false));
            composes[lane] = up.composes(ADDITIVE, length as u32) & down.composes(ADDITIVE, length as u32);
            let map = |place: u64| if (words[0][lane] >> (place % 2)) & 1 != 0 { up } else { down }.from(start);
            (maps[0][lane], maps[1][lane]) = (map(offset), map(offset + 1));
            first.put(lane, ADDITIVE, maps[0][lane]);
            second.put(lane, ADDITIVE, maps[1][lane]);
        }
        let pairs = first.then::<ADDITIVE>(&second).repeated::<ADDITIVE>((length / 2) as u32);
        let whole = if length % 2 == 1 { pairs.then::<ADDITIVE>(&first) } else { pairs };
        let mut path = Self { mean: [0.0; LANES], variance: [0.0; LANES], slack: [0.0; LANES] };
        for lane in 0..LANES {
            let (c, start) = (block.coefficients(lane), block.state[lane]);
            let (Moments { mean, variance }, end) = (pairs.moments(lane), whole.moments(lane));
            (path.mean[lane], path.variance[lane]) = (end.mean, end.variance);
            // The mean after whole pairs is monotone, and so is that after half of the next.
            let (one, two) = (maps[0][lane], maps[1][lane]);
            let halfway = (one.a, mean + (one.a + one.k * mean));
            let low = least(least(0.0, mean), least(halfway.0, halfway.1));
            let high = -least(least(-0.0, -mean), least(-halfway.0, -halfway.1));
            let widest = if ADDITIVE {
                variance + one.noise
            } else {
                let square = |map: Map, at: f32| map.noise * (map.a + map.k * at) * (map.a + map.k * at);
                let (up, down) =
                    (least(-square(one, low), -square(one, high)), least(-square(two, low), -square(two, high)));
                -least(up, down) * length as f32
            };
            let reach = |mean| Moments { mean, variance: widest }.slack(c[LOW] - start, c[HIGH] - start);
            path.slack[lane] = if composes[lane] { least(reach(low), reach(high)) } else { -1.0 };
        }
        path
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
            let words = pieces.words(block.index[lane], ordinal);
            let xi = normal_pair(words[0], words[1]).0;
            let moved = self.mean[lane] + self.variance[lane].sqrt() * xi;
            let v = clip(block.state[lane] + moved, c[LOW], c[HIGH]);
            let sent = states[lane];
            states[lane] = if self.slack[lane] > 0.0 { v } else { sent };
        }
    }
}
