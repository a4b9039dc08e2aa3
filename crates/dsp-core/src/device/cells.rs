//! The parameters of single cells, as planes of one value per cell, and the mutable view that kernels work on.

use super::{Apparent, CellBlock};
use crate::error::{Error, Result, check_finite, check_len};
use crate::simd::LANES;

/// The drawn parameters of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
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
}

/// The drawn parameters of all cells of an array, in C order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellParameters {
    /// `b+`.
    pub max_bound: Vec<f32>,
    /// `b-`.
    pub min_bound: Vec<f32>,
    /// `s+`.
    pub dwmin_up: Vec<f32>,
    /// `s-`.
    pub dwmin_down: Vec<f32>,
    /// `r`; empty where the model has none.
    pub reference: Vec<f32>,
}

impl CellParameters {
    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.max_bound.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.max_bound.is_empty()
    }

    /// The cell with this index.
    #[inline(always)]
    #[must_use]
    pub fn cell(&self, index: usize) -> Cell {
        Cell {
            max_bound: self.max_bound[index],
            min_bound: self.min_bound[index],
            dwmin_up: self.dwmin_up[index],
            dwmin_down: self.dwmin_down[index],
            reference: self.reference_of(index),
        }
    }

    /// The reference of the cell with this index; 0 where the model has none.
    #[inline(always)]
    #[must_use]
    pub fn reference_of(&self, index: usize) -> f32 {
        if self.reference.is_empty() { 0.0 } else { self.reference[index] }
    }

    /// The planes with the peer's names; the reference only where the model has one.
    #[must_use]
    pub fn planes(&self) -> Vec<(&'static str, &Vec<f32>)> {
        let mut planes = vec![
            ("max_bound", &self.max_bound),
            ("min_bound", &self.min_bound),
            ("dwmin_up", &self.dwmin_up),
            ("dwmin_down", &self.dwmin_down),
        ];
        if !self.reference.is_empty() {
            planes.push(("reference", &self.reference));
        }
        planes
    }

    fn plane_mut(&mut self, name: &str) -> Option<(&'static str, &mut Vec<f32>)> {
        Some(match name {
            "max_bound" => ("max_bound", &mut self.max_bound),
            "min_bound" => ("min_bound", &mut self.min_bound),
            "dwmin_up" => ("dwmin_up", &mut self.dwmin_up),
            "dwmin_down" => ("dwmin_down", &mut self.dwmin_down),
            "reference" if !self.reference.is_empty() => ("reference", &mut self.reference),
            _ => return None,
        })
    }

    /// Replaces one plane by measured values.
    ///
    /// # Errors
    /// [`Error`] for an unknown name, a wrong length, or values that are not finite.
    pub fn replace(&mut self, name: &str, values: Vec<f32>, rows: usize, cols: usize) -> Result<()> {
        let names = self.planes().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Some((name, plane)) = self.plane_mut(name) else {
            return Err(Error::parameter("cell_parameters", format!("{name:?}"), format!("a name among {names}")));
        };
        check_len(name, values.len(), rows, cols)?;
        check_finite(name, &values)?;
        *plane = values;
        Ok(())
    }

    /// Refuses crossed bounds, which a replaced plane can bring.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the first cell at fault.
    pub fn check_bounds(&self) -> Result<()> {
        match (0..self.len()).find(|&i| self.min_bound[i] > self.max_bound[i]) {
            None => Ok(()),
            Some(i) => Err(Error::parameter(
                &format!("cell_parameters[\"min_bound\"].flat[{i}]"),
                self.min_bound[i],
                format!("at most max_bound there, {}", self.max_bound[i]),
            )),
        }
    }
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
    #[inline(always)]
    pub fn show(&mut self, at: usize, block: &CellBlock, apparent: Apparent, changed: impl Fn(usize) -> bool) {
        if self.apparent.is_empty() {
            return;
        }
        let width = LANES.min(self.apparent.len() - at);
        let mut reference = [0.0; LANES];
        for lane in 0..width {
            reference[lane] = self.parameters.reference_of(self.first + at + lane);
        }
        let weights = apparent.weights(&block.index, &block.state, &reference);
        for lane in 0..width {
            if changed(lane) {
                self.apparent[at + lane] = weights[lane];
            }
        }
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
