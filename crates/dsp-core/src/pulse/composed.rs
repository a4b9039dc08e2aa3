//! Many pulses at the cost of few: a vector's pulses of a cell as one affine map, a piece of a batch as one normal.
//!
//! Sixteen cells of a row take the batch in long pieces. In each, mean and variance follow the counts of coincidences
//! ([`Moments::after_run`]); at its end the state is drawn, one normal per cell. A cell that may have met a bound on the
//! way, or whose response does not compose, takes that piece pulse by pulse instead. Shorter pieces near the bounds would
//! not pay: cells go pulse by pulse sixteen at a time, and one among them that does is all it takes.

use super::dense::{Directions, send};
use super::segments::{Segment, Segments};
use crate::device::{Apparent, CellBlock, CellsMut, CycleNoise, HIGH, LOW, Map, Moments, Response, Run};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::Stream;
use crate::rng::normal::normal_pair;
use crate::simd::math::clip;
use crate::simd::{Kernel, LANES};

/// Words of trains in one piece.
const PIECE: usize = 64;
/// Words taken together while a lane's moments are in registers.
const STRIDE: usize = 4;
/// Steps in one direction that a cell is expected to make in any piece.
const NEAR: f32 = 16.0;
/// Slots in one word of trains.
const WORD: usize = 32;

/// All pulses of a batch on whole rows.
pub struct Composed<'a, R> {
    pub response: R,
    pub cycle: CycleNoise,
    pub segments: &'a Segments,
    /// Expected pulses per cell and word.
    pub expected: f32,
    pub cols: usize,
    /// Normals of single pulses.
    pub noise: Stream,
    /// Normals of pieces.
    pub pieces: Stream,
    pub apparent: Apparent,
    pub cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Composed<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        if self.cycle.additive { run::<R, true>(self) } else { run::<R, false>(self) }
    }
}

#[inline(always)]
fn run<R: Response, const ADDITIVE: bool>(kernel: Composed<'_, R>) -> Pulses {
    let Composed { response, cycle, segments, expected, cols, noise, pieces, apparent, mut cells } = kernel;
    let mut directions = Directions::new(PIECE);
    let mut pulses = Pulses::default();
    let mut fires = Vec::with_capacity(segments.iter().len());
    for local_row in 0..cells.state.len() / cols {
        checkpoint();
        let row = cells.first / cols + local_row;
        fires.clear();
        fires.extend(segments.iter().filter(|segment| segment.error[row] != 0));
        for col in (0..cols).step_by(LANES) {
            let width = LANES.min(cols - col);
            let at = local_row * cols + col;
            let mut block =
                CellBlock::consecutive(response, cells.parameters, cells.first + at, &cells.state[at..at + width]);
            let maps = Maps::new::<ADDITIVE>(&block, cycle);
            let (mut total, mut ups) = ([0; LANES], [0; LANES]);
            for (number, piece) in fires.chunks(PIECE).enumerate() {
                let maps = maps.from(&block.state);
                let typical = Course::typical(&maps, expected * piece.len() as f32);
                // Two cells that go pulse by pulse take nearly as long as sixteen: where more are near their bounds, and
                // composing would be in vain, all do.
                let mut free = maps.free::<ADDITIVE>(&typical);
                let mut drawn = block.state;
                let composed = count(&free, width) >= width - width / 8;
                if composed {
                    let course = if maps.steep {
                        compose::<ADDITIVE, true>(&maps, piece, row, col)
                    } else {
                        compose::<ADDITIVE, false>(&maps, piece, row, col)
                    };
                    free = maps.free::<ADDITIVE>(&course);
                    drawn = draw(&block, &course, pieces, number as u32);
                    for lane in 0..LANES {
                        total[lane] += course.total[lane];
                        ups[lane] += course.ups[lane];
                    }
                } else {
                    free = [false; LANES];
                }
                if count(&free, width) < width {
                    directions.pack(piece, row, col);
                    if !composed {
                        let (all, up) = directions.counts();
                        for lane in 0..LANES {
                            total[lane] += all[lane];
                            ups[lane] += up[lane];
                        }
                    }
                    directions.keep(|lane| !free[lane]);
                    send(&mut block, response, noise, &directions, (number * PIECE * WORD / 4) as u32);
                }
                for lane in 0..LANES {
                    let v = block.state[lane];
                    block.state[lane] = if free[lane] { drawn[lane] } else { v };
                }
            }
            // Cells without pulses, lanes beyond the row among them, have kept their state.
            cells.state[at..at + width].copy_from_slice(&block.state[..width]);
            for lane in 0..LANES {
                pulses.up += u64::from(ups[lane]);
                pulses.down += u64::from(total[lane] - ups[lane]);
            }
            for lane in 0..width {
                cells.count(at + lane, ups[lane], total[lane] - ups[lane]);
            }
            cells.show(at, &block, apparent, |lane| total[lane] > 0);
        }
    }
    pulses
}

#[inline(always)]
fn count(free: &[bool; LANES], width: usize) -> usize {
    free[..width].iter().map(|free| usize::from(*free)).sum()
}

/// Where sixteen cells went in one piece, in law: displacements, their extremes, and the pulses.
struct Course {
    mean: [f32; LANES],
    variance: [f32; LANES],
    lowest: [f32; LANES],
    highest: [f32; LANES],
    total: [u32; LANES],
    ups: [u32; LANES],
}

impl Course {
    const START: Self = Self {
        mean: [0.0; LANES],
        variance: [0.0; LANES],
        lowest: [0.0; LANES],
        highest: [0.0; LANES],
        total: [0; LANES],
        ups: [0; LANES],
    };

    /// What so many pulses may be expected to do.
    #[inline(always)]
    fn typical(maps: &Maps, pulses: f32) -> Self {
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
struct Maps {
    rate: [[f32; LANES]; 2],
    goal: [[f32; LANES]; 2],
    spread: [[f32; LANES]; 2],
    /// The larger variance of one pulse, up or down.
    noise: [f32; LANES],
    low: [f32; LANES],
    high: [f32; LANES],
    composes: [bool; LANES],
    steep: bool,
}

impl Maps {
    #[inline(always)]
    fn new<const ADDITIVE: bool>(block: &CellBlock, cycle: CycleNoise) -> Self {
        let (zero, zeros) = ([0.0; LANES], [[0.0; LANES]; 2]);
        let mut maps = Self {
            rate: zeros,
            goal: zeros,
            spread: zeros,
            noise: zero,
            low: zero,
            high: zero,
            composes: [false; LANES],
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
        }
        maps.steep =
            (0..LANES).fold(false, |any, lane| any | maps.run(0, lane).is_steep() | maps.run(1, lane).is_steep());
        maps
    }

    /// The same maps and bounds for displacements from `state`: small steps keep their digits.
    #[inline(always)]
    fn from(&self, state: &[f32; LANES]) -> Self {
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
    fn free<const ADDITIVE: bool>(&self, course: &Course) -> [bool; LANES] {
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
        free
    }
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
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
    fn new(piece: &[Segment<'a>], number: usize, row: usize, col: usize) -> Self {
        let segment = piece[number.min(piece.len() - 1)];
        let (inputs, _) = segment.input[col..].as_chunks::<LANES>();
        let (signs, _) = segment.input_negative[col..].as_chunks::<LANES>();
        let error = if number < piece.len() { segment.error[row] } else { 0 };
        Self { error, negative: segment.error_negative[row], inputs: &inputs[0], signs: &signs[0] }
    }
}

/// Moments, extremes and counts of one lane on its way.
#[derive(Clone, Copy)]
struct Lane {
    now: Moments,
    lowest: f32,
    highest: f32,
    total: u32,
    ups: u32,
}

impl Lane {
    #[inline(always)]
    fn after<const ADDITIVE: bool, const STEEP: bool>(self, (u, d): (Run, Run), word: &Word<'_>, lane: usize) -> Self {
        let count = (word.inputs[lane] & word.error).count_ones();
        let up = word.signs[lane] ^ word.negative;
        // By bits: a comparison would become a load from a selected address, which does not vectorise.
        let select = |if_up: f32, if_down: f32| f32::from_bits(if_up.to_bits() & up | if_down.to_bits() & !up);
        let run =
            Run { rate: select(u.rate, d.rate), goal: select(u.goal, d.goal), spread: select(u.spread, d.spread) };
        let now = self.now.after_run::<ADDITIVE, STEEP>(run, count as i32 as f32);
        Self {
            now,
            lowest: if now.mean < self.lowest { now.mean } else { self.lowest },
            highest: if now.mean > self.highest { now.mean } else { self.highest },
            total: self.total + count,
            ups: self.ups + (count & up),
        }
    }
}

/// The course of one piece.
#[inline(always)]
fn compose<const ADDITIVE: bool, const STEEP: bool>(
    maps: &Maps,
    piece: &[Segment<'_>],
    row: usize,
    col: usize,
) -> Course {
    let mut course = Course::START;
    for at in (0..piece.len()).step_by(STRIDE) {
        let word = |number| Word::new(piece, at + number, row, col);
        let (first, second, third, fourth) = (word(0), word(1), word(2), word(3));
        for lane in 0..LANES {
            let runs = (maps.run(0, lane), maps.run(1, lane));
            let now = Lane {
                now: Moments { mean: course.mean[lane], variance: course.variance[lane] },
                lowest: course.lowest[lane],
                highest: course.highest[lane],
                total: course.total[lane],
                ups: course.ups[lane],
            };
            let now = now.after::<ADDITIVE, STEEP>(runs, &first, lane);
            let now = now.after::<ADDITIVE, STEEP>(runs, &second, lane);
            let now = now.after::<ADDITIVE, STEEP>(runs, &third, lane);
            let now = now.after::<ADDITIVE, STEEP>(runs, &fourth, lane);
            (course.mean[lane], course.variance[lane]) = (now.now.mean, now.now.variance);
            (course.lowest[lane], course.highest[lane]) = (now.lowest, now.highest);
            (course.total[lane], course.ups[lane]) = (now.total, now.ups);
        }
    }
    course
}

/// The states at the end of piece `number`; those that had no pulse stay as they are.
#[inline(always)]
fn draw(block: &CellBlock, course: &Course, pieces: Stream, number: u32) -> [f32; LANES] {
    let mut drawn = [0.0; LANES];
    for lane in 0..LANES {
        let c = block.coefficients(lane);
        let words = pieces.words(block.index[lane], number);
        let xi = normal_pair(words[0], words[1]).0;
        let v = block.state[lane] + (course.mean[lane] + course.variance[lane].sqrt() * xi);
        drawn[lane] = clip(v, c[LOW], c[HIGH]);
    }
    drawn
}
