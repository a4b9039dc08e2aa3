//! Few pulses: walk the set bits, then pulse the cells that were hit, sixteen at a time.
//!
//! Work is proportional to lines and coincidences. Pulses are taken in rounds by their ordinal within the cell, so the
//! sixteen cells of a block are always distinct and each cell's pulses keep their order.

use super::event::Event;
use super::segments::Segments;
use crate::device::{Apparent, CellBlock, CellsMut, Response};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::rng::Stream;
use crate::simd::{Kernel, LANES};

/// The input lines of every segment that fire at all.
pub struct InputLines {
    lines: Vec<(u32, u32, bool)>,
    starts: Vec<usize>,
}

impl InputLines {
    /// Collects (line, word, negative) of the lines that fire.
    pub fn collect(segments: &Segments, cols: usize) -> Self {
        let mut lines = Vec::new();
        let mut starts = vec![0];
        for segment in segments.iter() {
            for (line, &word) in segment.input[..cols].iter().enumerate() {
                if word != 0 {
                    lines.push((line as u32, word, segment.input_negative[line] != 0));
                }
            }
            starts.push(lines.len());
        }
        Self { lines, starts }
    }
}

/// The pulses for the cells `first` to `first + count`, which are whole rows, in the order of vectors within each cell.
pub fn collect(segments: &Segments, inputs: &InputLines, cols: usize, first: usize, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut sent = vec![0_u32; cols];
    for row in first / cols..(first + count) / cols {
        checkpoint();
        let base = (row * cols) as u32;
        let from = events.len();
        for (s, segment) in segments.iter().enumerate() {
            let error = segment.error[row];
            if error == 0 {
                continue;
            }
            let negative = segment.error_negative[row] != 0;
            for &(line, word, input_negative) in &inputs.lines[inputs.starts[s]..inputs.starts[s + 1]] {
                for _ in 0..(word & error).count_ones() {
                    let ordinal = &mut sent[line as usize];
                    events.push(Event::new(base + line, *ordinal, negative != input_negative));
                    *ordinal += 1;
                }
            }
        }
        for event in &events[from..] {
            sent[(event.cell - base) as usize] = 0;
        }
    }
    events
}

/// Blocks of sixteen cells between a prefetch and its use.
const AHEAD: usize = 3;

/// Pulses to apply, each naming its cell, its ordinal there and its direction.
pub struct Events<'a, R> {
    pub response: R,
    pub events: Vec<Event>,
    pub noise: Stream,
    pub apparent: Apparent,
    pub cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Events<'_, R> {
    /// The pulses, and the cells that were hit, each once.
    type Output = (Pulses, Vec<u32>);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { response, events, noise, apparent, mut cells } = self;
        let (events, rounds) = by_round(events);
        let mut pulses = Pulses::default();
        for round in rounds.windows(2) {
            for (c, chunk) in events[round[0]..round[1]].chunks(LANES).enumerate() {
                let ahead = events.iter().skip(round[0] + (c + AHEAD) * LANES).take(LANES);
                ahead.for_each(|event| cells.prefetch(event.cell as usize));
                apply(response, noise, chunk, &mut cells, &mut pulses);
            }
        }
        // Every cell that was hit has exactly one event in the first round.
        let hit: Vec<u32> =
            rounds.get(1).map_or_else(Vec::new, |&end| events[..end].iter().map(|event| event.cell).collect());
        if !cells.apparent.is_empty() {
            for chunk in hit.chunks(LANES) {
                show(apparent, chunk, &mut cells);
            }
        }
        (pulses, hit)
    }
}

/// Sorts pulses by their ordinal, keeping the order within each, and says where each round starts.
fn by_round(events: Vec<Event>) -> (Vec<Event>, Vec<usize>) {
    let rounds = events.iter().map(|event| event.ordinal() as usize + 1).fold(0, usize::max);
    let mut starts = vec![0; rounds + 1];
    for event in &events {
        starts[event.ordinal() as usize + 1] += 1;
    }
    for round in 1..=rounds {
        starts[round] += starts[round - 1];
    }
    if rounds <= 1 {
        return (events, starts);
    }
    let mut next = starts.clone();
    let mut sorted = vec![Event::new(0, 0, false); events.len()];
    for event in events {
        let at = &mut next[event.ordinal() as usize];
        sorted[*at] = event;
        *at += 1;
    }
    (sorted, starts)
}

#[inline(always)]
fn apply<R: Response>(response: R, noise: Stream, chunk: &[Event], cells: &mut CellsMut<'_>, pulses: &mut Pulses) {
    let mut index = [0_u32; LANES];
    let mut up = [false; LANES];
    for (lane, event) in chunk.iter().enumerate() {
        index[lane] = event.cell;
        up[lane] = event.up();
    }
    // All events of a chunk share the round, hence the group of normals and the place in it.
    let (group, place) = (chunk[0].ordinal() / 4, (chunk[0].ordinal() % 4) as usize);
    let mut block = CellBlock::gathered(response, cells.parameters, cells.first, cells.state, &index[..chunk.len()]);
    let xi = if response.is_noisy() { block.normal_lanes(noise, group, place) } else { [0.0; LANES] };
    for lane in 0..LANES {
        block.state[lane] = block.pulsed(response, lane, block.state[lane], up[lane], xi[lane]);
    }
    for (lane, event) in chunk.iter().enumerate() {
        let local = event.cell as usize - cells.first;
        cells.state[local] = block.state[lane];
        let (ups, downs) = (u32::from(up[lane]), u32::from(!up[lane]));
        cells.count(local, ups, downs);
        pulses.up += u64::from(ups);
        pulses.down += u64::from(downs);
    }
}

/// Redraws the apparent weights of at most sixteen cells.
#[inline(always)]
fn show(apparent: Apparent, hit: &[u32], cells: &mut CellsMut<'_>) {
    let (mut index, mut state, mut reference) = ([0; LANES], [0.0; LANES], [0.0; LANES]);
    for (lane, &cell) in hit.iter().enumerate() {
        index[lane] = cell;
        state[lane] = cells.state[cell as usize - cells.first];
        reference[lane] = cells.parameters.cell(cell as usize).reference;
    }
    cells.show_some(apparent, &index, &state, &reference, hit.len());
}
