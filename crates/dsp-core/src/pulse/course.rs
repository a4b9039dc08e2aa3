//! Where sixteen cells go in one piece of a batch, in law: mean and variance of their displacements, and whether they may
//! meet a bound on the way.

use super::segments::Fired;
use crate::device::{CellBlock, CycleNoise, HIGH, LOW, Map, Moments, Run};
use crate::simd::LANES;

/// Words taken together while a lane's moments are in registers.
const STRIDE: usize = 4;
/// Steps in one direction that a cell is expected to make in any piece.
const NEAR: f32 = 16.0;
/// A set of lanes: bit `lane` says whether it belongs to it.
pub(super) type Lanes = u16;

#[inline(always)]
pub(super) fn has(lanes: Lanes, lane: usize) -> bool {
    (lanes >> lane) & 1 != 0
}

/// The lanes that are flagged.
#[inline(always)]
pub(super) fn lanes(flags: &[bool; LANES]) -> Lanes {
    let mut set = 0;
    for lane in 0..LANES {
        set |= Lanes::from(flags[lane]) << lane;
    }
    set
}

/// Where sixteen cells went in one piece, in law: displacements, their extremes, and the pulses.
pub(super) struct Course {
    pub mean: [f32; LANES],
    pub variance: [f32; LANES],
    lowest: [f32; LANES],
    highest: [f32; LANES],
    /// Positive where no bound was near at any word; known on careful courses alone.
    slack: [f32; LANES],
    pub total: [u32; LANES],
    pub ups: [u32; LANES],
}

impl Course {
    /// Before the first pulse.
    pub(super) const START: Self = Self {
        mean: [0.0; LANES],
        variance: [0.0; LANES],
        lowest: [0.0; LANES],
        highest: [0.0; LANES],
        slack: [f32::MAX; LANES],
        total: [0; LANES],
        ups: [0; LANES],
    };

    /// What so many pulses may be expected to do.
    #[inline(always)]
    pub(super) fn typical(maps: &Maps, pulses: f32) -> Self {
        let mut course = Self::START;
        for lane in 0..LANES {
            let (up, down) = (maps.run(0, lane), maps.run(1, lane));
            let (rise, fall) = (NEAR * up.rate * up.goal, NEAR * down.rate * down.goal);
            course.highest[lane] = if rise > 0.0 { rise } else { 0.0 };
            course.lowest[lane] = if fall < 0.0 { fall } else { 0.0 };
            course.total[lane] = pulses as u32;
        }
        course
    }
}

/// The maps of sixteen cells, up and down, in planes.
pub(super) struct Maps {
    rate: [[f32; LANES]; 2],
    goal: [[f32; LANES]; 2],
    spread: [[f32; LANES]; 2],
    /// The larger variance of one pulse, up or down.
    noise: [f32; LANES],
    low: [f32; LANES],
    high: [f32; LANES],
    pub composes: [bool; LANES],
    /// Whether pulses of both signs lead away from the bounds.
    pub leaves: [bool; LANES],
    steep: bool,
}

impl Maps {
    /// The maps of a block.
    #[inline(always)]
    pub(super) fn new<const ADDITIVE: bool>(block: &CellBlock, cycle: CycleNoise) -> Self {
        let (zero, zeros) = ([0.0; LANES], [[0.0; LANES]; 2]);
        let mut maps = Self {
            rate: zeros,
            goal: zeros,
            spread: zeros,
            noise: zero,
            low: zero,
            high: zero,
            composes: [false; LANES],
            leaves: [false; LANES],
            steep: false,
        };
        for lane in 0..LANES {
            let c = block.coefficients(lane);
            let (up, down) = (Map::new(&c, cycle, true), Map::new(&c, cycle, false));
            let composes = up.composes(ADDITIVE, 1) & down.composes(ADDITIVE, 1);
            maps.composes[lane] = composes;
            maps.noise[lane] = if up.noise > down.noise { up.noise } else { down.noise };
            (maps.low[lane], maps.high[lane]) = (c[LOW], c[HIGH]);
            // Lanes that do not compose stay where they are.
            let (up, down) = (if composes { up } else { Map::NONE }, if composes { down } else { Map::NONE });
            let (up, down) = (Run::new(up, ADDITIVE), Run::new(down, ADDITIVE));
            (maps.rate[0][lane], maps.rate[1][lane]) = (up.rate, down.rate);
            (maps.goal[0][lane], maps.goal[1][lane]) = (up.goal, down.goal);
            (maps.spread[0][lane], maps.spread[1][lane]) = (up.spread, down.spread);
            let step = |run: Run, at: f32| run.rate * (run.goal - at);
            let at_high = step(up, c[HIGH]) < -0.5 * step(down, c[HIGH]);
            let at_low = -step(down, c[LOW]) < 0.5 * step(up, c[LOW]);
            maps.leaves[lane] = at_high & at_low;
        }
        maps.steep =
            (0..LANES).fold(false, |any, lane| any | maps.run(0, lane).is_steep() | maps.run(1, lane).is_steep());
        maps
    }

    /// The same maps and bounds for displacements from `state`: small steps keep their digits.
    #[inline(always)]
    pub(super) fn from(&self, state: &[f32; LANES]) -> Self {
        let mut moved = Self { ..*self };
        for lane in 0..LANES {
            let v = state[lane];
            (moved.goal[0][lane], moved.goal[1][lane]) = (self.goal[0][lane] - v, self.goal[1][lane] - v);
            (moved.low[lane], moved.high[lane]) = (self.low[lane] - v, self.high[lane] - v);
        }
        moved
    }

    /// Those of one lane, up (0) or down (1).
    #[inline(always)]
    fn run(&self, side: usize, lane: usize) -> Run {
        Run { rate: self.rate[side][lane], goal: self.goal[side][lane], spread: self.spread[side][lane] }
    }

    /// Which cells can have met no bound on this course; maps and bounds are those of displacements.
    #[inline(always)]
    pub(super) fn free<const ADDITIVE: bool>(&self, course: &Course) -> Lanes {
        let mut free = [false; LANES];
        for lane in 0..LANES {
            let (up, down) = (self.run(0, lane), self.run(1, lane));
            let (lowest, highest, total) =
                (course.lowest[lane], course.highest[lane], course.total[lane] as i32 as f32);
            // No variance on the way was larger: pulses add their noise at most, and none leads beyond its spread.
            let widest = if ADDITIVE {
                let (added, limit) = (total * self.noise[lane], larger(up.spread, down.spread));
                if added < limit { added } else { limit }
            } else {
                let square = |run: Run, at: f32| run.spread * (run.goal - at) * (run.goal - at);
                total
                    * larger(
                        larger(square(up, lowest), square(up, highest)),
                        larger(square(down, lowest), square(down, highest)),
                    )
            };
            let slack = |mean| Moments { mean, variance: widest }.slack(self.low[lane], self.high[lane]);
            let skewed = up.is_skewed(ADDITIVE, total) | down.is_skewed(ADDITIVE, total);
            free[lane] = self.composes[lane] & !skewed & (slack(lowest) > 0.0) & (slack(highest) > 0.0);
        }
        lanes(&free)
    }

    /// The course of the pulses of `piece`.
    #[inline(always)]
    pub(super) fn course<const ADDITIVE: bool, const CAREFUL: bool>(
        &self,
        piece: &[Fired<'_>],
        block: usize,
    ) -> Course {
        if self.steep {
            compose::<ADDITIVE, true, CAREFUL>(self, piece, block)
        } else {
            compose::<ADDITIVE, false, CAREFUL>(self, piece, block)
        }
    }

    /// Which cells came near no bound on this careful course.
    #[inline(always)]
    pub(super) fn kept_clear<const ADDITIVE: bool>(&self, course: &Course) -> Lanes {
        let mut clear = [false; LANES];
        for lane in 0..LANES {
            let (up, down, total) = (self.run(0, lane), self.run(1, lane), course.total[lane] as i32 as f32);
            let skewed = up.is_skewed(ADDITIVE, total) | down.is_skewed(ADDITIVE, total);
            clear[lane] = self.composes[lane] & !skewed & (course.slack[lane] > 0.0);
        }
        lanes(&clear)
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The pulses of a word as the cells of a block meet them.
struct Word<'a> {
    error: u32,
    negative: u32,
    inputs: &'a [u32; LANES],
    signs: &'a [u32; LANES],
}

impl<'a> Word<'a> {
    /// Those of `segment`; none if it is beyond the piece.
    #[inline(always)]
    fn new(piece: &[Fired<'a>], number: usize, block: usize) -> Self {
        let Fired { error, error_negative: negative, input, input_negative } = piece[number.min(piece.len() - 1)];
        let error = if number < piece.len() { error } else { 0 };
        Self { error, negative, inputs: &input[block], signs: &input_negative[block] }
    }
}

/// Moments, extremes and counts of one lane on its way.
#[derive(Clone, Copy)]
struct Lane {
    now: Moments,
    lowest: f32,
    highest: f32,
    slack: f32,
    total: u32,
    ups: u32,
}

impl Lane {
    /// After the pulses of a word, between the bounds `low` and `high`.
    #[inline(always)]
    fn after<const ADDITIVE: bool, const STEEP: bool, const CAREFUL: bool>(
        self,
        (u, d): (Run, Run),
        (low, high): (f32, f32),
        word: &Word<'_>,
        lane: usize,
    ) -> Self {
        let count = (word.inputs[lane] & word.error).count_ones();
        let up = word.signs[lane] ^ word.negative;
        // By bits: a comparison would become a load from a selected address, which does not vectorise.
        let select = |if_up: f32, if_down: f32| f32::from_bits(if_up.to_bits() & up | if_down.to_bits() & !up);
        let run =
            Run { rate: select(u.rate, d.rate), goal: select(u.goal, d.goal), spread: select(u.spread, d.spread) };
        let now = self.now.after_run::<ADDITIVE, STEEP>(run, count as i32 as f32);
        // A run leads from one mean to the other, and its variance is between those of its ends.
        let slack = if CAREFUL {
            let widest = larger(self.now.variance, now.variance);
            let slack = Moments { mean: now.mean, variance: widest }.slack(low, high);
            let before = Moments { mean: self.now.mean, variance: widest }.slack(low, high);
            least(self.slack, least(slack, before))
        } else {
            self.slack
        };
        Self {
            now,
            slack,
            lowest: if now.mean < self.lowest { now.mean } else { self.lowest },
            highest: if now.mean > self.highest { now.mean } else { self.highest },
            total: self.total + count,
            ups: self.ups + (count & up),
        }
    }
}

/// The course of one piece; a careful one ends where every lane has come near a bound.
#[inline(always)]
fn compose<const ADDITIVE: bool, const STEEP: bool, const CAREFUL: bool>(
    maps: &Maps,
    piece: &[Fired<'_>],
    block: usize,
) -> Course {
    let mut course = Course::START;
    for at in (0..piece.len()).step_by(STRIDE) {
        let word = |number| Word::new(piece, at + number, block);
        let (first, second, third, fourth) = (word(0), word(1), word(2), word(3));
        for lane in 0..LANES {
            let runs = (maps.run(0, lane), maps.run(1, lane));
            let bounds = (maps.low[lane], maps.high[lane]);
            let now = Lane {
                now: Moments { mean: course.mean[lane], variance: course.variance[lane] },
                lowest: course.lowest[lane],
                highest: course.highest[lane],
                slack: course.slack[lane],
                total: course.total[lane],
                ups: course.ups[lane],
            };
            let now = now.after::<ADDITIVE, STEEP, CAREFUL>(runs, bounds, &first, lane);
            let now = now.after::<ADDITIVE, STEEP, CAREFUL>(runs, bounds, &second, lane);
            let now = now.after::<ADDITIVE, STEEP, CAREFUL>(runs, bounds, &third, lane);
            let now = now.after::<ADDITIVE, STEEP, CAREFUL>(runs, bounds, &fourth, lane);
            (course.mean[lane], course.variance[lane]) = (now.now.mean, now.now.variance);
            (course.lowest[lane], course.highest[lane]) = (now.lowest, now.highest);
            course.slack[lane] = now.slack;
            (course.total[lane], course.ups[lane]) = (now.total, now.ups);
        }
        if CAREFUL && course.slack.iter().all(|slack| *slack <= 0.0) {
            break;
        }
    }
    course
}
