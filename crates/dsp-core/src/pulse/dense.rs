//! Many pulses: counts and directions of sixteen columns of a row at a time, then sixteen cells of like counts at a time.

use super::directions::Directions;
use super::lockstep::{Sending, Waiting};
use super::segments::Segments;
use crate::device::{CellsMut, Response};
use crate::ledger::Pulses;
use crate::par::stop::checkpoint;
use crate::simd::{Kernel, LANES};

/// All pulses of a batch on whole rows.
pub struct Dense<'a, R> {
    pub sending: Sending<R>,
    /// Trains of the columns that have any.
    pub segments: &'a Segments,
    /// Which columns these are.
    pub columns: &'a [u32],
    pub cols: usize,
    pub cells: CellsMut<'a>,
}

impl<R: Response> Kernel for Dense<'_, R> {
    type Output = Pulses;

    #[inline(always)]
    fn run(self) -> Pulses {
        let Self { sending, segments, columns, cols, mut cells } = self;
        let most = segments.iter().len();
        let mut directions = Directions::new(most);
        let mut waiting = Waiting::new(sending, 32 * most);
        let mut pulses = Pulses::default();
        let mut fired = Vec::with_capacity(most);
        let (mut index, rows) = ([0; LANES], cells.state.len() / cols);
        for local_row in 0..rows {
            let row = cells.first / cols + local_row;
            segments.fired(row, &mut fired);
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
