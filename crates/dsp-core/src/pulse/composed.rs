//! Many pulses at the cost of few: a vector's pulses of a cell as one affine map, a piece of a batch as one normal.
//!
//! Sixteen cells of a row take the batch in long pieces. In each, mean and variance follow the counts of coincidences
//! ([`super::course`]); at its end the state is drawn, one normal per cell. Cells whose course may have come near a bound
//! take the first words of a piece pulse by pulse and are looked at again: where pulses of both signs lead away from the
//! bounds, the rest may compose. The others, and those whose response does not compose, take the whole piece pulse by
//! pulse.

use super::course::{Course, Lanes, Maps, has, lanes};
use super::directions::Directions;
use super::lockstep::{Sending, WORD, Waiting};
use super::segments::{Fired, Segments};
use crate::device::{CellBlock, CellParameters, CellsMut, CycleNoise, HIGH, LOW, Map, Response, store};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::Stream;
use crate::rng::normal::normal_pair;
use crate::simd::math::clip;
use crate::simd::{Kernel, LANES};

/// Words of trains in one piece.
const PIECE: usize = 64;
/// Words of a piece before which cells are looked at: those that are near their bounds go on pulse by pulse to the next.
const LOOKS: [usize; 3] = [0, 8, PIECE];
/// Cells that wait together for single pulses: few are left over when those of like numbers have gone.
const TOGETHER: usize = 4096;
/// Cells that are looked at before a batch is composed.
const SAMPLE: usize = 64;

/// All pulses of a batch on whole rows.
pub struct Composed<'a, R> {
    /// How single pulses are sent.
    pub sending: Sending<R>,
    pub cycle: CycleNoise,
    pub segments: &'a Segments,
    /// Expected pulses per cell and word.
    pub expected: f32,
    pub cols: usize,
    /// Normals of pieces.
    pub pieces: Stream,
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
    let Composed { segments, cols, .. } = kernel;
    let (blocks, rows, first) = (cols.div_ceil(LANES), kernel.cells.state.len() / cols, kernel.cells.first / cols);
    let waiting = Waiting::new(kernel.sending, PIECE * WORD);
    let mut walk = Walk { kernel, waiting, directions: Directions::new(PIECE), pulses: Pulses::default() };
    let mut piece = Vec::with_capacity(PIECE);
    let together = (TOGETHER / cols).max(1);
    for top in (0..rows).step_by(together) {
        let rows = top..rows.min(top + together);
        // The segments from which each row's pieces begin: they hold those that fire in this row alone.
        let mut begins = vec![0; rows.len()];
        for number in 0..segments.len().div_ceil(PIECE) {
            let mut pending = vec![Lanes::MAX; rows.len() * blocks];
            let mut ends = begins.clone();
            for look in LOOKS.windows(2) {
                // Single pulses draw the noise of the word with which they begin.
                walk.waiting.draws = ((number * PIECE + look[0]) * WORD / 4) as u32;
                for (local, pending) in pending.chunks_exact_mut(blocks).enumerate() {
                    let row = rows.start + local;
                    ends[local] = segments.fired(first + row, begins[local], PIECE, &mut piece);
                    let rest = piece.get(look[0]..).unwrap_or_default();
                    if rest.is_empty() {
                        continue;
                    }
                    let next = &rest[..rest.len().min(look[1] - look[0])];
                    for (block, pending) in pending.iter_mut().enumerate() {
                        checkpoint();
                        *pending = walk.on::<ADDITIVE>(number, (rest, next), (row, block), *pending);
                    }
                }
                walk.waiting.finish(&mut walk.kernel.cells);
            }
            begins = ends;
        }
    }
    walk.pulses
}

/// The way of a batch over blocks of cells.
struct Walk<'a, R> {
    kernel: Composed<'a, R>,
    waiting: Waiting<R>,
    directions: Directions,
    pulses: Pulses,
}

impl<R: Response> Walk<'_, R> {
    /// Takes the `pending` lanes of a block through the `rest` of piece `number`, or at least through its `next` words;
    /// the lanes that have more to come.
    #[inline(always)]
    fn on<const ADDITIVE: bool>(
        &mut self,
        number: usize,
        (rest, next): (&[Fired<'_>], &[Fired<'_>]),
        (row, block): (usize, usize),
        pending: Lanes,
    ) -> Lanes {
        let Self { kernel, waiting, directions, pulses } = self;
        let Composed { sending, cycle, segments: _, expected, cols, pieces, cells } = kernel;
        let (at, width) = (row * *cols + block * LANES, LANES.min(*cols - block * LANES));
        let pending = pending & (Lanes::MAX >> (LANES - width));
        if pending == 0 {
            return 0;
        }
        let (state, first) = (&cells.state[at..at + width], cells.first + at);
        let mut now = CellBlock::consecutive(sending.response, cells.parameters, first, state);
        let maps = Maps::new::<ADDITIVE>(&now, *cycle).from(&now.state);
        let typical = Course::typical(&maps, *expected * rest.len() as f32);
        let mut went = pending & maps.free::<ADDITIVE>(&typical);
        let composes = pending & lanes(&maps.composes) & (went | lanes(&maps.leaves));
        let mut course = Course::START;
        // Where one cell needs a careful course all get it, and another before it would be in vain.
        if went != 0 && went == composes {
            course = maps.course::<ADDITIVE, false>(rest, block);
            went &= maps.free::<ADDITIVE>(&course);
        }
        if went != composes {
            course = maps.course::<ADDITIVE, true>(rest, block);
            went = composes & maps.kept_clear::<ADDITIVE>(&course);
        }
        if went != 0 {
            let drawn = draw(&now, &course, *pieces, number as u32);
            for lane in 0..LANES {
                let v = now.state[lane];
                now.state[lane] = if has(went, lane) { drawn[lane] } else { v };
            }
            store(&now.state, &mut cells.state[at..at + width]);
            *pulses += cells.count_lanes(&now.index, &kept(&course.total, went), &kept(&course.ups, went));
            cells.show(at, &now, sending.apparent, |lane| has(went, lane) & (course.total[lane] > 0));
        }
        let left = pending & !went;
        // Those that will not compose later either take all of the rest one by one.
        let single = if rest.len() == next.len() { left } else { left & !composes };
        for (words, chosen) in [(rest, single), (next, left & !single)] {
            if chosen != 0 {
                directions.pack(words, block);
                directions.keep(chosen);
                *pulses += cells.count_lanes(&now.index, &directions.total, &directions.ups);
                waiting.push(&now.index, directions, cells);
            }
        }
        left & !single
    }
}

/// Whether most cells compose, by a sample of them.
pub fn pays(response: impl Response, cycle: CycleNoise, parameters: &CellParameters) -> bool {
    let composes = |index: usize| {
        let c = response.prepare(parameters.cell(index));
        [true, false].iter().all(|up| Map::new(&c, cycle, *up).composes(cycle.additive, 1))
    };
    let sample = (0..parameters.len()).step_by(parameters.len().div_ceil(SAMPLE));
    let count = sample.len();
    2 * sample.filter(|index| composes(*index)).count() > count
}

/// The counts of these lanes, zeros for the others.
#[inline(always)]
fn kept(counts: &[u32; LANES], lanes: Lanes) -> [u32; LANES] {
    let mut kept = [0; LANES];
    for lane in 0..LANES {
        kept[lane] = if has(lanes, lane) { counts[lane] } else { 0 };
    }
    kept
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
