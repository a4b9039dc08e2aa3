//! Many pulses at the cost of few: a vector's pulses of a cell as one affine map, a piece of a batch as one normal.
//!
//! Sixteen cells of a row take the batch in pieces of eight words of trains. In each piece mean and variance follow the
//! counts of coincidences ([`Moments::after_run`]); at its end the state is drawn, one normal per cell. A cell that may
//! have met a bound on the way, or whose response does not compose, takes that piece pulse by pulse instead.

use super::dense::{Directions, send};
use super::segments::Segments;
use crate::device::{Apparent, CellBlock, CellsMut, CycleNoise, HIGH, LOW, Map, Moments, Response};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::Stream;
use crate::simd::math::clip;
use crate::simd::{Kernel, LANES};

/// Words of trains in one piece.
pub const PIECE: usize = 8;
/// Pieces that a block of cells near their bounds takes pulse by pulse before composing is tried again.
const STRETCH: usize = 8;
/// Pulses from a bound within which a cell is expected to meet it in a piece.
const NEAR: f32 = 16.0;
/// Slots in one word of trains.
const WORD: u32 = 32;

/// All pulses of a batch on whole rows.
pub struct Composed<'a, R> {
    pub response: R,
    pub cycle: CycleNoise,
    pub segments: &'a Segments,
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

/// What one piece did to sixteen cells.
struct Outcome {
    /// Of the displacement.
    mean: [f32; LANES],
    variance: [f32; LANES],
    /// Least slack on the way; positive where no bound was met.
    slack: [f32; LANES],
    total: [u32; LANES],
    ups: [u32; LANES],
}

impl Outcome {
    /// Nothing composed.
    const NONE: Self =
        Self { mean: [0.0; LANES], variance: [0.0; LANES], slack: [-1.0; LANES], total: [0; LANES], ups: [0; LANES] };
}

#[inline(always)]
fn run<R: Response, const ADDITIVE: bool>(kernel: Composed<'_, R>) -> Pulses {
    let Composed { response, cycle, segments, cols, noise, pieces, apparent, mut cells } = kernel;
    let mut directions = Directions::new(STRETCH * PIECE);
    let mut pulses = Pulses::default();
    for local_row in 0..cells.state.len() / cols {
        checkpoint();
        for col in (0..cols).step_by(LANES) {
            let width = LANES.min(cols - col);
            let at = local_row * cols + col;
            let first = cells.first + at;
            let row = first / cols;
            let mut block = CellBlock::consecutive(response, cells.parameters, first, &cells.state[at..at + width]);
            let maps = Maps::new::<ADDITIVE>(&block, cycle);
            let (mut total, mut ups) = ([0; LANES], [0; LANES]);
            let (mut normals, mut group) = ([[0.0; LANES]; 4], usize::MAX);
            let (mut piece, mut missed) = (0, 0);
            while piece < segments.iter().len().div_ceil(PIECE) {
                let maps = maps.from(&block.state);
                // Where most cells stand at a bound, or many have just met one, composing would be in vain.
                let in_vain = maps.hopeless() > LANES / 2 || missed > LANES / 4;
                let (mut outcome, mut drawn) = (Outcome::NONE, block.state);
                if !in_vain {
                    if group != piece / 4 {
                        group = piece / 4;
                        normals = piece_normals(&block, pieces, group as u32);
                    }
                    outcome = compose::<ADDITIVE>(&maps, segments, piece, row, col);
                    drawn = draw(&block, &outcome, &normals[piece % 4]);
                }
                let taken = if in_vain { STRETCH } else { 1 };
                missed = outcome.slack[..width].iter().filter(|slack| **slack <= 0.0).count();
                if missed > 0 {
                    let fires = segments.iter().skip(piece * PIECE).take(taken * PIECE);
                    directions.pack(fires.filter(|segment| segment.error[row] != 0), row, col);
                    (outcome.total, outcome.ups) = directions.counts();
                    directions.keep(|lane| outcome.slack[lane] <= 0.0);
                    send(&mut block, response, noise, &directions, piece as u32 * (PIECE as u32 * WORD / 4));
                }
                if in_vain {
                    missed = 0;
                }
                piece += taken;
                for lane in 0..LANES {
                    let v = block.state[lane];
                    block.state[lane] = if outcome.slack[lane] > 0.0 { drawn[lane] } else { v };
                    total[lane] += outcome.total[lane];
                    ups[lane] += outcome.ups[lane];
                }
            }
            for lane in (0..width).filter(|lane| total[*lane] > 0) {
                cells.count(at + lane, ups[lane], total[lane] - ups[lane]);
                pulses.up += u64::from(ups[lane]);
                pulses.down += u64::from(total[lane] - ups[lane]);
                cells.state[at + lane] = block.state[lane];
            }
            cells.show(at, &block, apparent, |lane| total[lane] > 0);
        }
    }
    pulses
}

/// The maps of sixteen cells, up and down, in planes.
struct Maps {
    a: [[f32; LANES]; 2],
    k: [[f32; LANES]; 2],
    noise: [[f32; LANES]; 2],
    quarter: [[f32; LANES]; 2],
    low: [f32; LANES],
    high: [f32; LANES],
    /// Slack to start with: negative for cells that do not compose.
    slack: [f32; LANES],
}

impl Maps {
    #[inline(always)]
    fn new<const ADDITIVE: bool>(block: &CellBlock, cycle: CycleNoise) -> Self {
        let zero = [[0.0; LANES]; 2];
        let (low, high) = ([0.0; LANES], [0.0; LANES]);
        let mut maps = Self { a: zero, k: zero, noise: zero, quarter: zero, low, high, slack: [0.0; LANES] };
        for lane in 0..LANES {
            let c = block.coefficients(lane);
            let (up, down) = (Map::new(&c, cycle, true), Map::new(&c, cycle, false));
            let most = PIECE as u32 * WORD;
            let composes = up.composes(ADDITIVE, most) & down.composes(ADDITIVE, most);
            (maps.a[0][lane], maps.a[1][lane]) = (up.a, down.a);
            (maps.k[0][lane], maps.k[1][lane]) = (up.k, down.k);
            (maps.noise[0][lane], maps.noise[1][lane]) = (up.run_noise(ADDITIVE), down.run_noise(ADDITIVE));
            (maps.quarter[0][lane], maps.quarter[1][lane]) = (up.quarter_rate(), down.quarter_rate());
            (maps.low[lane], maps.high[lane]) = (c[LOW], c[HIGH]);
            maps.slack[lane] = if composes { f32::MAX } else { -1.0 };
        }
        maps
    }

    /// The same maps and bounds for displacements from `state`.
    #[inline(always)]
    fn from(&self, state: &[f32; LANES]) -> Self {
        let mut moved = Self { ..*self };
        for lane in 0..LANES {
            let v = state[lane];
            let map = |side: usize| Map { a: self.a[side][lane], k: self.k[side][lane], noise: 0.0 };
            (moved.a[0][lane], moved.a[1][lane]) = (map(0).from(v).a, map(1).from(v).a);
            (moved.low[lane], moved.high[lane]) = (self.low[lane] - v, self.high[lane] - v);
        }
        moved
    }

    /// Cells that do not compose, or stand too near to a bound (bounds and maps being moved to the state).
    #[inline(always)]
    fn hopeless(&self) -> usize {
        let mut hopeless = 0;
        for lane in 0..LANES {
            let (up, down) = (NEAR * self.a[0][lane], NEAR * self.a[1][lane]);
            let free = (self.high[lane] > up) & (self.low[lane] < down) & (self.slack[lane] > 0.0);
            hopeless += u32::from(!free);
        }
        hopeless as usize
    }
}

/// The normals of pieces `4 group` to `4 group + 3`.
#[inline(always)]
fn piece_normals(block: &CellBlock, pieces: Stream, group: u32) -> [[f32; LANES]; 4] {
    let mut normals = [[0.0; LANES]; 4];
    for lane in 0..LANES {
        let xi = block.normals(pieces, lane, group);
        normals[0][lane] = xi[0];
        normals[1][lane] = xi[1];
        normals[2][lane] = xi[2];
        normals[3][lane] = xi[3];
    }
    normals
}

/// Moments, slack and counts of one piece.
#[inline(always)]
fn compose<const ADDITIVE: bool>(maps: &Maps, segments: &Segments, piece: usize, row: usize, col: usize) -> Outcome {
    let (mut mean, mut variance, mut slack) = ([0.0; LANES], [0.0; LANES], maps.slack);
    let (mut total, mut ups) = ([0; LANES], [0; LANES]);
    for segment in segments.iter().skip(piece * PIECE).take(PIECE) {
        let error = segment.error[row];
        if error == 0 {
            continue;
        }
        let negative = segment.error_negative[row];
        let (inputs, _) = segment.input[col..].as_chunks::<LANES>();
        let (signs, _) = segment.input_negative[col..].as_chunks::<LANES>();
        let (inputs, signs) = (&inputs[0], &signs[0]);
        for lane in 0..LANES {
            let count = (inputs[lane] & error).count_ones();
            let up = signs[lane] ^ negative;
            total[lane] += count;
            ups[lane] += count & up;
            let (a_up, a_down) = (maps.a[0][lane], maps.a[1][lane]);
            let (k_up, k_down) = (maps.k[0][lane], maps.k[1][lane]);
            let (noise_up, noise_down) = (maps.noise[0][lane], maps.noise[1][lane]);
            let (quarter_up, quarter_down) = (maps.quarter[0][lane], maps.quarter[1][lane]);
            // By bits: a comparison would become a load from a selected address, which does not vectorise.
            let select = |if_up: f32, if_down: f32| f32::from_bits(if_up.to_bits() & up | if_down.to_bits() & !up);
            let map = (select(a_up, a_down), select(k_up, k_down));
            let noise = select(noise_up, noise_down);
            let quarter = select(quarter_up, quarter_down);
            let before = Moments { mean: mean[lane], variance: variance[lane] };
            let after = before.after_run(ADDITIVE, map, noise, quarter, count as i32 as f32);
            mean[lane] = after.mean;
            variance[lane] = after.variance;
            let now = after.slack(maps.low[lane], maps.high[lane]);
            slack[lane] = if now < slack[lane] { now } else { slack[lane] };
        }
    }
    Outcome { mean, variance, slack, total, ups }
}

/// The states at the end of a piece; those that had no pulse stay as they are.
#[inline(always)]
fn draw(block: &CellBlock, outcome: &Outcome, xi: &[f32; LANES]) -> [f32; LANES] {
    let mut drawn = [0.0; LANES];
    for lane in 0..LANES {
        let c = block.coefficients(lane);
        let v = block.state[lane] + (outcome.mean[lane] + outcome.variance[lane].sqrt() * xi[lane]);
        drawn[lane] = clip(v, c[LOW], c[HIGH]);
    }
    drawn
}
