//! Few pulses: walk the set bits, then pulse the cells that were hit, sixteen at a time.
//!
//! Work is proportional to lines and coincidences: every slot in which an error line fires meets the list of the input
//! lines that fire in it. Pulses are taken in rounds by their ordinal within the cell, so the sixteen cells of a block are
//! always distinct and each cell's pulses keep their order.

use super::rounds::{Pulse, Rounds};
use super::segments::Segments;
use crate::device::{Apparent, CellBlock, CellsMut, Response};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::Stream;
use crate::simd::{Kernel, LANES};

/// Slots of a segment.
const SLOTS: usize = u32::BITS as usize;

/// The lines that fire: inputs slot by slot of every segment, and the rows whose errors do at all.
pub struct Lines {
    /// Inputs slot after slot, as the pulses of row 0 where its error is not negative.
    inputs: Vec<Pulse>,
    /// Where each slot's inputs begin.
    starts: Vec<usize>,
    /// Of every row, whether it fires in any segment: then not zero.
    rows: Vec<u32>,
}

impl Lines {
    /// Sorts the lines by the slots in which they fire; inputs that meet no error are left out.
    pub fn collect(segments: &Segments) -> Self {
        // Every line is written and those that fire are kept, which takes no branch: the last one may not be.
        let mut inputs = vec![Pulse::new(0, false); segments.met() + 1];
        let mut starts = Vec::with_capacity(segments.len() * SLOTS + 1);
        let mut rows = vec![0; segments.rows()];
        let mut end = 0;
        for segment in segments.iter() {
            rows.iter_mut().zip(segment.error).for_each(|(any, word)| *any |= word);
            let errors = segment.error.iter().fold(0, |any, word| any | word);
            for slot in 0..SLOTS {
                starts.push(end);
                if errors >> slot & 1 == 0 {
                    continue;
                }
                let (words, signs) = (segment.input.as_chunks().0, segment.input_negative.as_chunks().0);
                for (chunk, (words, signs)) in words.iter().zip(signs).enumerate() {
                    end = keep(chunk * LANES, slot, words, signs, &mut inputs, end);
                }
            }
        }
        starts.push(end);
        Self { inputs, starts, rows }
    }

    fn inputs(&self, segment: usize, slot: usize) -> &[Pulse] {
        let slot = segment * SLOTS + slot;
        &self.inputs[self.starts[slot]..self.starts[slot + 1]]
    }
}

/// Adds those of sixteen lines to `inputs` that fire in `slot`; their new end.
#[inline(always)]
fn keep(
    first: usize,
    slot: usize,
    words: &[u32; LANES],
    signs: &[u32; LANES],
    inputs: &mut [Pulse],
    mut end: usize,
) -> usize {
    if words.iter().fold(0, |any, word| any | word) == 0 {
        return end;
    }
    for lane in 0..LANES {
        inputs[end] = Pulse::new((first + lane) as u32, signs[lane] != 0);
        end += (words[lane] >> slot & 1) as usize;
    }
    end
}

/// The set bits of a word, in ascending order.
#[inline(always)]
fn bits(mut word: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let slot = word.trailing_zeros() as usize;
        word &= word.wrapping_sub(1);
        (slot < SLOTS).then_some(slot)
    })
}

/// The pulses for the cells `first` to `first + count`, which are whole rows, in the order of vectors within each cell.
pub fn collect(segments: &Segments, lines: &Lines, cols: usize, first: usize, count: usize) -> Rounds {
    let mut rounds = Rounds::default();
    let mut sent = vec![0_u32; cols];
    for row in (first / cols..(first + count) / cols).filter(|row| lines.rows[*row] != 0) {
        checkpoint();
        let base = (row * cols) as u32;
        let from = rounds.first().len();
        for (s, segment) in segments.iter().enumerate() {
            let negative = segment.error_negative[row] != 0;
            for slot in bits(segment.error[row]) {
                for line in lines.inputs(s, slot) {
                    let ordinal = &mut sent[line.cell() as usize];
                    rounds.push(*ordinal, Pulse::new(base + line.cell(), negative != line.up()));
                    *ordinal += 1;
                }
            }
        }
        for pulse in &rounds.first()[from..] {
            sent[(pulse.cell() - base) as usize] = 0;
        }
    }
    rounds
}

/// Blocks of sixteen cells between a prefetch and its use.
const AHEAD: usize = 3;

/// Pulses to apply.
pub struct Sparse<'a, R> {
    pub response: R,
    pub rounds: &'a Rounds,
    pub noise: Stream,
    pub apparent: Apparent,
    pub cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Sparse<'_, R> {
    /// The pulses, and the cells that were hit, each once.
    type Output = (Pulses, Vec<u32>);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { response, rounds, noise, apparent, mut cells } = self;
        let mut pulses = Pulses::default();
        for (ordinal, round) in rounds.iter().enumerate() {
            for (c, chunk) in round.chunks(LANES).enumerate() {
                let ahead = round.iter().skip((c + AHEAD) * LANES).take(LANES);
                ahead.for_each(|pulse| cells.prefetch(pulse.cell() as usize));
                apply(response, noise, ordinal as u32, chunk, apparent, &mut cells, &mut pulses);
            }
        }
        (pulses, rounds.first().iter().map(|pulse| pulse.cell()).collect())
    }
}

/// Sends a pulse to at most sixteen cells, number `ordinal` of each, and shows them.
#[inline(always)]
fn apply<R: Response>(
    response: R,
    noise: Stream,
    ordinal: u32,
    chunk: &[Pulse],
    apparent: Apparent,
    cells: &mut CellsMut<'_>,
    pulses: &mut Pulses,
) {
    let mut index = [0_u32; LANES];
    let mut up = [false; LANES];
    for (lane, pulse) in chunk.iter().enumerate() {
        index[lane] = pulse.cell();
        up[lane] = pulse.up();
    }
    let mut block = CellBlock::gathered(response, cells.parameters, cells.first, cells.state, &index[..chunk.len()]);
    // Four normals a group.
    let (group, place) = (ordinal / 4, (ordinal % 4) as usize);
    let xi = if response.is_noisy() { block.normal_lanes(noise, group, place) } else { [0.0; LANES] };
    for lane in 0..LANES {
        block.state[lane] = block.pulsed(response, lane, block.state[lane], up[lane], xi[lane]);
    }
    for (lane, pulse) in chunk.iter().enumerate() {
        let local = pulse.cell() as usize - cells.first;
        cells.state[local] = block.state[lane];
        let (ups, downs) = (u32::from(up[lane]), u32::from(!up[lane]));
        cells.count(local, ups, downs);
        pulses.up += u64::from(ups);
        pulses.down += u64::from(downs);
    }
    // Write noise belongs to the update and not to the pulse: a cell's last pulse leaves what showing it once would.
    cells.show_some(&block, apparent, chunk.len());
}
