//! Many pulses: AND and popcount over sixteen columns of a row at a time, the whole batch while their state is at hand.
//!
//! The directions of each cell's pulses are first packed into a stream of bits, in the order of the vectors; then sixteen
//! cells run in lockstep to the largest total among them. Lanes advance by the pulse's ordinal and not by vector, so the
//! normals of one block serve four consecutive pulses of a cell.

use super::segments::{Segment, Segments};
use crate::device::{Apparent, CellBlock, CellsMut, Response};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::Stream;
use crate::rng::normal::normal_pair;
use crate::simd::{Kernel, LANES};

/// All pulses of a batch on whole rows.
pub struct Dense<'a, R> {
    pub response: R,
    pub segments: &'a Segments,
    pub cols: usize,
    pub noise: Stream,
    pub apparent: Apparent,
    pub cells: CellsMut<'a>,
}

/// The directions of sixteen cells' pulses: bit `p mod 32` of word `p / 32`, one means up.
pub(super) struct Directions {
    words: Vec<[u32; LANES]>,
    total: [u32; LANES],
    ups: [u32; LANES],
}

impl Directions {
    pub(super) fn new(segments: usize) -> Self {
        // A segment adds at most 32 pulses; one word more takes the last flush.
        Self { words: vec![[0; LANES]; segments + 1], total: [0; LANES], ups: [0; LANES] }
    }

    /// Packs the directions for the columns from `col` on of `row`.
    #[inline(always)]
    pub(super) fn pack(&mut self, segments: &[Segment<'_>], row: usize, col: usize) {
        let mut pending = [0_u32; LANES];
        // Bits pending, below 32 between segments, and a bound of all lanes'.
        let (mut fill, mut most) = ([0_u32; LANES], 0);
        let mut word = [0_usize; LANES];
        self.ups = [0; LANES];
        for segment in segments {
            let (error, negative) = (segment.error[row], segment.error_negative[row]);
            let (inputs, _) = segment.input[col..].as_chunks::<LANES>();
            let (signs, _) = segment.input_negative[col..].as_chunks::<LANES>();
            let (inputs, signs) = (&inputs[0], &signs[0]);
            let mut spilled = [0_u32; LANES];
            for lane in 0..LANES {
                let count = (inputs[lane] & error).count_ones();
                let up = signs[lane] ^ negative;
                let run = up & !u32::MAX.checked_shl(count).unwrap_or(0);
                pending[lane] |= run << fill[lane];
                spilled[lane] = (run >> 1) >> (31 - fill[lane]);
                fill[lane] += count;
                self.ups[lane] += count & up;
            }
            most += error.count_ones();
            if most < 32 {
                continue;
            }
            most = largest(&fill);
            if most >= 32 {
                for lane in 0..LANES {
                    if fill[lane] >= 32 {
                        self.words[word[lane]][lane] = pending[lane];
                        word[lane] += 1;
                        pending[lane] = spilled[lane];
                        fill[lane] -= 32;
                    }
                }
                most = largest(&fill);
            }
        }
        if word == [0; LANES] {
            // Few pulses, the case in which packing counts.
            self.words[0] = pending;
            self.total = fill;
            return;
        }
        for lane in 0..LANES {
            self.words[word[lane]][lane] = pending[lane];
            self.total[lane] = 32 * word[lane] as u32 + fill[lane];
        }
    }

    /// Pulses of every lane, all and up.
    #[inline(always)]
    pub(super) fn counts(&self) -> ([u32; LANES], [u32; LANES]) {
        (self.total, self.ups)
    }

    /// Drops the pulses of the other lanes.
    #[inline(always)]
    pub(super) fn keep(&mut self, wanted: impl Fn(usize) -> bool) {
        for lane in 0..LANES {
            self.total[lane] = if wanted(lane) { self.total[lane] } else { 0 };
        }
    }
}

impl<R: Response> Kernel for Dense<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        let Self { response, segments, cols, noise, apparent, mut cells } = self;
        let mut directions = Directions::new(segments.iter().len());
        let mut pulses = Pulses::default();
        let mut fires = Vec::with_capacity(segments.iter().len());
        for local_row in 0..cells.state.len() / cols {
            let row = cells.first / cols + local_row;
            fires.clear();
            fires.extend(segments.iter().filter(|segment| segment.error[row] != 0));
            for col in (0..cols).step_by(LANES) {
                checkpoint();
                let width = LANES.min(cols - col);
                let at = local_row * cols + col;
                let first = cells.first + at;
                directions.pack(&fires, row, col);
                let mut block = CellBlock::consecutive(response, cells.parameters, first, &cells.state[at..at + width]);
                send(&mut block, response, noise, &directions, 0);
                // Lanes without pulses, those beyond the row among them, have kept their state.
                cells.state[at..at + width].copy_from_slice(&block.state[..width]);
                for lane in 0..LANES {
                    pulses.up += u64::from(directions.ups[lane]);
                    pulses.down += u64::from(directions.total[lane] - directions.ups[lane]);
                }
                for lane in 0..width {
                    cells.count(at + lane, directions.ups[lane], directions.total[lane] - directions.ups[lane]);
                }
                cells.show(at, &block, apparent, |lane| directions.total[lane] > 0);
            }
        }
        pulses
    }
}

/// The largest of sixteen numbers.
#[inline(always)]
fn largest(values: &[u32; LANES]) -> u32 {
    let mut most = 0;
    for lane in 0..LANES {
        most = if values[lane] > most { values[lane] } else { most };
    }
    most
}

/// Sends the packed pulses; their normals are those from group `first` of each cell on.
#[inline(always)]
pub(super) fn send<R: Response>(
    block: &mut CellBlock,
    response: R,
    noise: Stream,
    directions: &Directions,
    first: u32,
) {
    // Asked once and out here: within the loop over lanes the question would keep it scalar.
    if response.is_noisy() {
        send_groups::<R, true>(block, response, noise, directions, first);
    } else {
        send_groups::<R, false>(block, response, noise, directions, first);
    }
}

#[inline(always)]
fn send_groups<R: Response, const NOISY: bool>(
    block: &mut CellBlock,
    response: R,
    noise: Stream,
    directions: &Directions,
    first: u32,
) {
    let most = largest(&directions.total);
    for group in 0..most.div_ceil(4) {
        if most > 4 * group + 2 {
            send_group::<R, NOISY, true>(block, response, noise, directions, group, first + group);
        } else {
            send_group::<R, NOISY, false>(block, response, noise, directions, group, first + group);
        }
    }
}

/// Sends the four pulses of group `group`, or the first two of them; `draw` numbers their normals.
#[inline(always)]
fn send_group<R: Response, const NOISY: bool, const FOUR: bool>(
    block: &mut CellBlock,
    response: R,
    noise: Stream,
    directions: &Directions,
    group: u32,
    draw: u32,
) {
    let words = &directions.words[(group / 8) as usize];
    for lane in 0..LANES {
        let drawn = if NOISY { noise.words(block.index[lane], draw) } else { [0; 4] };
        let bits = words[lane] >> (4 * (group % 8));
        let left = directions.total[lane].saturating_sub(4 * group);
        let pair = |a: usize, b: usize| if NOISY { normal_pair(drawn[a], drawn[b]) } else { (0.0, 0.0) };
        let mut v = block.state[lane];
        let xi = pair(0, 1);
        let next = block.pulsed(response, lane, v, bits & 1 != 0, xi.0);
        v = if left > 0 { next } else { v };
        let next = block.pulsed(response, lane, v, bits & 2 != 0, xi.1);
        v = if left > 1 { next } else { v };
        if FOUR {
            let xi = pair(2, 3);
            let next = block.pulsed(response, lane, v, bits & 4 != 0, xi.0);
            v = if left > 2 { next } else { v };
            let next = block.pulsed(response, lane, v, bits & 8 != 0, xi.1);
            v = if left > 3 { next } else { v };
        }
        block.state[lane] = v;
    }
}
