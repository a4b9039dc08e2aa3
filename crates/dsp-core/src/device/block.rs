//! Sixteen cells side by side: the unit on which every pulse kernel works.

use super::{COEFFICIENTS, Cell, CellParameters, Response};
use crate::rng::Stream;
use crate::rng::normal::{normal_pair, normals};
use crate::simd::LANES;

/// State and prepared coefficients of sixteen cells.
#[derive(Clone, Copy, Debug)]
pub struct CellBlock {
    /// Index of each cell in its array; the counter of its random numbers.
    pub index: [u32; LANES],
    /// State `v`.
    pub state: [f32; LANES],
    coefficients: [[f32; LANES]; COEFFICIENTS],
}

impl CellBlock {
    /// Loads `count` (at most sixteen) consecutive cells from `first` on; the other lanes hold harmless zeros.
    #[inline(always)]
    pub fn consecutive(response: impl Response, parameters: &CellParameters, first: usize, state: &[f32]) -> Self {
        let range = first..first + state.len();
        let high = load(&parameters.max_bound[range.clone()]);
        let low = load(&parameters.min_bound[range.clone()]);
        let up = load(&parameters.dwmin_up[range.clone()]);
        let down = load(&parameters.dwmin_down[range]);
        let mut block = Self { index: [0; LANES], state: load(state), coefficients: [[0.0; LANES]; COEFFICIENTS] };
        for lane in 0..LANES {
            block.index[lane] = (first + lane) as u32;
            let cell = Cell {
                max_bound: high[lane],
                min_bound: low[lane],
                dwmin_up: up[lane],
                dwmin_down: down[lane],
                reference: 0.0,
            };
            block.set(lane, response.prepare(cell));
        }
        block
    }

    /// Loads any sixteen cells by their index in the array and in `state`.
    #[inline(always)]
    pub fn gathered(
        response: impl Response,
        parameters: &CellParameters,
        first: usize,
        state: &[f32],
        cells: &[u32],
    ) -> Self {
        let mut block = Self { index: [0; LANES], state: [0.0; LANES], coefficients: [[0.0; LANES]; COEFFICIENTS] };
        for (lane, &cell) in cells.iter().enumerate() {
            block.index[lane] = cell;
            block.state[lane] = state[cell as usize - first];
            block.set(lane, response.prepare(parameters.cell(cell as usize)));
        }
        block
    }

    #[inline(always)]
    fn set(&mut self, lane: usize, prepared: [f32; COEFFICIENTS]) {
        for (plane, value) in self.coefficients.iter_mut().zip(prepared) {
            plane[lane] = value;
        }
    }

    /// The state of `lane` after one pulse with the standard normal `xi`.
    #[inline(always)]
    pub fn pulsed(&self, response: impl Response, lane: usize, v: f32, up: bool, xi: f32) -> f32 {
        response.pulse(&self.coefficients(lane), v, up, xi)
    }

    /// The prepared values of one lane.
    #[inline(always)]
    pub fn coefficients(&self, lane: usize) -> [f32; COEFFICIENTS] {
        // Written out: a closure per element would not be forced inline.
        let c = &self.coefficients;
        [c[0][lane], c[1][lane], c[2][lane], c[3][lane], c[4][lane], c[5][lane], c[6][lane], c[7][lane]]
    }

    /// The four normals of group `group` of a cell's pulses.
    #[inline(always)]
    pub fn normals(&self, stream: Stream, lane: usize, group: u32) -> [f32; 4] {
        normals(stream.words(self.index[lane], group))
    }
}

#[inline(always)]
fn load(values: &[f32]) -> [f32; LANES] {
    if let Ok(full) = <[f32; LANES]>::try_from(values) {
        return full;
    }
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}

/// How apparent weights follow from the state: `w = v - r + std xi`.
#[derive(Clone, Copy, Debug)]
pub struct Apparent {
    /// Stream of the write noise of this event.
    pub stream: Stream,
    /// Standard deviation of the write noise; 0 for none.
    pub std: f32,
}

impl Apparent {
    /// The apparent weight of the cell with this index.
    #[inline(always)]
    pub fn weight(self, index: u32, state: f32, reference: f32) -> f32 {
        let persistent = state - reference;
        if self.std > 0.0 {
            let words = self.stream.words(index, 0);
            persistent + self.std * normal_pair(words[0], words[1]).0
        } else {
            persistent
        }
    }
}
