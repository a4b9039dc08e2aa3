//! Many pulses: counts and directions of sixteen columns of a row at a time. Where pulses are few the sixteen cells get them
//! together; where they are more, cells of like counts do.

use super::directions::Directions;
use super::lockstep::{Sending, Waiting, send};
use super::segments::Segments;
use crate::device::{CellBlock, CellsMut, Response, store};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::simd::{Kernel, LANES};

/// All pulses of a batch on whole rows, neighbours together.
pub struct Neighbours<'a, R> {
    pub sending: Sending<R>,
    pub segments: &'a Segments,
    pub cols: usize,
    pub cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Neighbours<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        let Self { sending: Sending { isa: _, response, noise, apparent }, segments, cols, mut cells } = self;
        let most = segments.len();
        let (mut directions, mut fired) = (Directions::new(most), Vec::with_capacity(most));
        let mut pulses = Pulses::default();
        for local_row in 0..cells.state.len() / cols {
            segments.fired(cells.first / cols + local_row, 0, most, &mut fired);
            for (block, col) in (0..cols).step_by(LANES).enumerate() {
                checkpoint();
                let (at, width) = (local_row * cols + col, LANES.min(cols - col));
                directions.pack(&fired, block);
                let (state, first) = (&cells.state[at..at + width], cells.first + at);
                let mut now = CellBlock::consecutive(response, cells.parameters, first, state);
                send(&mut now, response, noise, &directions, 0);
                // Lanes without pulses, those beyond the row among them, have kept their state.
                store(&now.state, &mut cells.state[at..at + width]);
                pulses += cells.count_lanes(&now.index, &directions.total, &directions.ups);
                cells.show(at, &now, apparent, |lane| directions.total[lane] > 0);
            }
        }
        pulses
    }
}

/// All pulses of a batch on whole rows, cells of like counts together.
pub struct Alike<'a, R> {
    pub sending: Sending<R>,
    /// Trains of the columns that have any.
    pub segments: &'a Segments,
    /// Which columns these are.
    pub columns: &'a [u32],
    pub cols: usize,
    pub cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Alike<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        let Self { sending, segments, columns, cols, mut cells } = self;
        let most = segments.len();
        let (mut directions, mut fired) = (Directions::new(most), Vec::with_capacity(most));
        let mut waiting = Waiting::new(sending, 32 * most);
        let mut pulses = Pulses::default();
        let (mut index, rows) = ([0; LANES], cells.state.len() / cols);
        for local_row in 0..rows {
            let row = cells.first / cols + local_row;
            segments.fired(row, 0, most, &mut fired);
            for (block, columns) in columns.chunks(LANES).enumerate() {
                checkpoint();
                for (index, column) in index.iter_mut().zip(columns) {
                    *index = (row * cols) as u32 + column;
                }
                // Cells are taken in another order later: by the classes of their counts. Three share a cache line.
                for lane in (0..LANES).step_by(3) {
                    cells.prefetch(index[lane] as usize);
                }
                directions.pack(&fired, block);
                waiting.push(&index, &directions, &mut cells);
                pulses += cells.count_lanes(&index, &directions.total, &directions.ups);
            }
        }
        waiting.finish(&mut cells);
        pulses
    }
}
