//! One cell, and the mutable view of many that kernels work on.

use super::block::{load, store};
use super::{Apparent, CellBlock, CellParameters};
use crate::ledger::Pulses;
use crate::simd::{LANES, prefetch};

/// The drawn parameters of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Index in the array.
    pub index: u32,
    /// Upper bound `b+` of the state.
    pub max_bound: f32,
    /// Lower bound `b-` of the state.
    pub min_bound: f32,
    /// Step scale `s+` of an up pulse, in weight units.
    pub dwmin_up: f32,
    /// Step scale `s-` of a down pulse, in weight units.
    pub dwmin_down: f32,
    /// Reference `r` subtracted from the state to give the weight; 0 where the model has none.
    pub reference: f32,
    /// The model's shape parameter for up pulses; 0 where it has none.
    pub shape_up: f32,
    /// The same for down pulses.
    pub shape_down: f32,
}

/// A run of consecutive cells with their state: what one kernel call may change.
#[derive(Debug)]
pub struct CellsMut<'a> {
    /// Index of the first cell in the array.
    pub first: usize,
    /// Parameters of the whole array.
    pub parameters: &'a CellParameters,
    /// Persistent state `v`, reference included.
    pub state: &'a mut [f32],
    /// Apparent weights; empty where they equal the state.
    pub apparent: &'a mut [f32],
    /// Pulses up per cell; empty unless counted.
    pub count_up: &'a mut [i64],
    /// Pulses down per cell; empty unless counted.
    pub count_down: &'a mut [i64],
}

impl<'a> CellsMut<'a> {
    /// Cuts the view into blocks of `size` cells (the last one may be shorter).
    #[must_use]
    pub fn blocks(self, size: usize) -> Vec<CellsMut<'a>> {
        let mut blocks = Vec::with_capacity(self.state.len().div_ceil(size));
        let mut rest = self;
        while rest.state.len() > size {
            let (block, tail) = rest.split_at(size);
            blocks.push(block);
            rest = tail;
        }
        blocks.push(rest);
        blocks
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        fn cut<T>(plane: &mut [T], at: usize) -> (&mut [T], &mut [T]) {
            let at = at.min(plane.len());
            plane.split_at_mut(at)
        }
        let (state, state_rest) = cut(self.state, at);
        let (apparent, apparent_rest) = cut(self.apparent, at);
        let (up, up_rest) = cut(self.count_up, at);
        let (down, down_rest) = cut(self.count_down, at);
        let parameters = self.parameters;
        (
            Self { first: self.first, parameters, state, apparent, count_up: up, count_down: down },
            Self {
                first: self.first + at,
                parameters,
                state: state_rest,
                apparent: apparent_rest,
                count_up: up_rest,
                count_down: down_rest,
            },
        )
    }

    /// Redraws the apparent weights of the cells of `block` for which `changed` says so; they start at `at` in this view.
    /// All sixteen lanes are asked about, also those beyond its end.
    #[inline(always)]
    pub fn show(&mut self, at: usize, block: &CellBlock, apparent: Apparent, changed: impl Fn(usize) -> bool) {
        if self.apparent.is_empty() {
            return;
        }
        let width = LANES.min(self.apparent.len() - at);
        let shown = &mut self.apparent[at..at + width];
        let mut weights = apparent.weights(&block.index, &block.state, &block.reference);
        let before = load(shown);
        // All lanes are asked before one is taken: the question would keep this loop scalar.
        let mut takes = [false; LANES];
        for (lane, takes) in takes.iter_mut().enumerate() {
            *takes = (lane < width) & changed(lane);
        }
        for lane in 0..LANES {
            weights[lane] = if takes[lane] { weights[lane] } else { before[lane] };
        }
        store(&weights, shown);
    }

    /// Redraws the apparent weights of the first `count` cells of `block`.
    #[inline(always)]
    pub fn show_some(&mut self, block: &CellBlock, apparent: Apparent, count: usize) {
        if self.apparent.is_empty() {
            return;
        }
        let weights = apparent.weights(&block.index, &block.state, &block.reference);
        for (&weight, &cell) in weights.iter().zip(&block.index).take(count) {
            self.apparent[cell as usize - self.first] = weight;
        }
    }

    /// Asks for everything about the cell with this index in the array.
    #[inline(always)]
    pub fn prefetch(&self, cell: usize) {
        self.parameters.prefetch(cell);
        prefetch(self.state, cell.wrapping_sub(self.first));
        prefetch(self.apparent, cell.wrapping_sub(self.first));
    }

    /// Adds to the pulse counts of sixteen cells, by their numbers in the array, if they are kept; the sums of all lanes.
    #[inline(always)]
    pub fn count_lanes(&mut self, index: &[u32; LANES], total: &[u32; LANES], ups: &[u32; LANES]) -> Pulses {
        let (mut all, mut up) = (0, 0);
        for lane in 0..LANES {
            // A lane alone may have nearly as many as fit.
            all += u64::from(total[lane]);
            up += u64::from(ups[lane]);
        }
        if !self.count_up.is_empty() {
            for lane in (0..LANES).filter(|lane| total[*lane] > 0) {
                self.count(index[lane] as usize - self.first, ups[lane], total[lane] - ups[lane]);
            }
        }
        Pulses { up, down: all - up }
    }

    /// Adds to the pulse counts of one cell (by its index in this view), if they are kept.
    #[inline(always)]
    pub fn count(&mut self, index: usize, up: u32, down: u32) {
        if !self.count_up.is_empty() {
            self.count_up[index] += i64::from(up);
            self.count_down[index] += i64::from(down);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, SoftBounds};
    use crate::rng::Key;
    use crate::simd::Isa;

    #[test]
    fn sums_of_lanes_do_not_overflow() {
        let device = Device::SoftBounds(SoftBounds::default());
        let parameters = &device.sample(Isa::Base, Key::from_seed([1; 4]), LANES);
        let (state, none) = (&mut [0.0; LANES], (&mut [], &mut [], &mut []));
        let mut cells =
            CellsMut { first: 0, parameters, state, apparent: none.0, count_up: none.1, count_down: none.2 };
        let pulses = cells.count_lanes(&[0; LANES], &[u32::MAX; LANES], &[u32::MAX - 1; LANES]);
        assert_eq!((pulses.up, pulses.down), (16 * u64::from(u32::MAX - 1), 16));
    }
}
