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
    /// Reference `r`.
    pub reference: [f32; LANES],
    coefficients: [[f32; LANES]; COEFFICIENTS],
}

impl CellBlock {
    /// Loads at most sixteen consecutive cells from `first` on; the other lanes hold harmless zeros.
    #[inline(always)]
    pub fn consecutive(response: impl Response, parameters: &CellParameters, first: usize, state: &[f32]) -> Self {
        let mut block = Self::empty(load(state));
        let width = state.len().min(LANES);
        let mut planes = Planes::ZERO;
        if width == LANES && parameters.sixteen(first, &mut planes.values) {
            for lane in 0..LANES {
                planes.index[lane] = (first + lane) as u32;
            }
        } else {
            for lane in 0..width {
                planes.put(lane, parameters.cell(first + lane));
            }
        }
        block.prepare(response, &planes, width);
        block
    }

    /// Loads at most sixteen cells by their index in the array; `state` starts with cell `first`.
    #[inline(always)]
    pub fn gathered(
        response: impl Response,
        parameters: &CellParameters,
        first: usize,
        state: &[f32],
        cells: &[u32],
    ) -> Self {
        let mut block = Self::empty([0.0; LANES]);
        let mut loaded = [Cell::default(); LANES];
        for (lane, &index) in cells.iter().enumerate() {
            block.state[lane] = state[index as usize - first];
            loaded[lane] = parameters.cell(index as usize);
        }
        let mut planes = Planes::ZERO;
        for lane in 0..LANES {
            planes.put(lane, loaded[lane]);
        }
        block.prepare(response, &planes, cells.len());
        block
    }

    #[inline(always)]
    fn empty(state: [f32; LANES]) -> Self {
        Self { index: [0; LANES], state, reference: [0.0; LANES], coefficients: [[0.0; LANES]; COEFFICIENTS] }
    }

    /// Prepares the first `width` of these cells. They were loaded before: this loop becomes vector instructions.
    #[inline(always)]
    fn prepare(&mut self, response: impl Response, planes: &Planes, width: usize) {
        self.index = planes.index;
        self.reference = planes.values[4];
        for lane in 0..LANES {
            let c = response.prepare(planes.cell(lane));
            // Written out, as in `coefficients`.
            self.coefficients[0][lane] = c[0];
            self.coefficients[1][lane] = c[1];
            self.coefficients[2][lane] = c[2];
            self.coefficients[3][lane] = c[3];
            self.coefficients[4][lane] = c[4];
            self.coefficients[5][lane] = c[5];
            self.coefficients[6][lane] = c[6];
            self.coefficients[7][lane] = c[7];
        }
        if width < LANES {
            for plane in &mut self.coefficients {
                plane[width..].fill(0.0);
            }
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

    /// Normal number `place` of group `group`, for all lanes.
    #[inline(always)]
    pub fn normal_lanes(&self, stream: Stream, group: u32, place: usize) -> [f32; LANES] {
        let mut words = [[0; LANES]; 2];
        if place < 2 {
            for lane in 0..LANES {
                [words[0][lane], words[1][lane], _, _] = stream.words(self.index[lane], group);
            }
        } else {
            for lane in 0..LANES {
                [_, _, words[0][lane], words[1][lane]] = stream.words(self.index[lane], group);
            }
        }
        let mut pairs = [[0.0; LANES]; 2];
        for lane in 0..LANES {
            (pairs[0][lane], pairs[1][lane]) = normal_pair(words[0][lane], words[1][lane]);
        }
        pairs[place % 2]
    }
}

/// The parameters of sixteen cells, each kind in one plane.
struct Planes {
    index: [u32; LANES],
    values: [[f32; LANES]; 7],
}

impl Planes {
    const ZERO: Self = Self { index: [0; LANES], values: [[0.0; LANES]; 7] };

    #[inline(always)]
    fn put(&mut self, lane: usize, cell: Cell) {
        self.index[lane] = cell.index;
        self.values[0][lane] = cell.max_bound;
        self.values[1][lane] = cell.min_bound;
        self.values[2][lane] = cell.dwmin_up;
        self.values[3][lane] = cell.dwmin_down;
        self.values[4][lane] = cell.reference;
        self.values[5][lane] = cell.shape_up;
        self.values[6][lane] = cell.shape_down;
    }

    #[inline(always)]
    fn cell(&self, lane: usize) -> Cell {
        Cell {
            index: self.index[lane],
            max_bound: self.values[0][lane],
            min_bound: self.values[1][lane],
            dwmin_up: self.values[2][lane],
            dwmin_down: self.values[3][lane],
            reference: self.values[4][lane],
            shape_up: self.values[5][lane],
            shape_down: self.values[6][lane],
        }
    }
}

/// At most sixteen values, zeros behind them.
#[inline(always)]
pub(super) fn load(values: &[f32]) -> [f32; LANES] {
    if let Ok(full) = <[f32; LANES]>::try_from(values) {
        return full;
    }
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}

/// Writes as many of the lanes as there are values.
#[inline(always)]
pub fn store(lanes: &[f32; LANES], values: &mut [f32]) {
    // Of a fixed length, which needs no call to be copied, unless a row ends here.
    match <&mut [f32; LANES]>::try_from(&mut *values) {
        Ok(full) => *full = *lanes,
        Err(_) => values.copy_from_slice(&lanes[..values.len()]),
    }
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
    /// The apparent weights of sixteen cells.
    #[inline(always)]
    pub fn weights(self, index: &[u32; LANES], state: &[f32; LANES], reference: &[f32; LANES]) -> [f32; LANES] {
        let mut weights = [0.0; LANES];
        if self.std > 0.0 {
            for lane in 0..LANES {
                let words = self.stream.words(index[lane], 0);
                weights[lane] = state[lane] - reference[lane] + self.std * normal_pair(words[0], words[1]).0;
            }
        } else {
            for lane in 0..LANES {
                weights[lane] = state[lane] - reference[lane];
            }
        }
        weights
    }
}
