//! The parameters of single cells, as planes of one value per cell, and the mutable view that kernels work on.

use super::{Apparent, CellBlock};
use crate::error::{Error, Result, check_finite, check_len};
use crate::simd::{LANES, prefetch};

/// The drawn parameters of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
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

/// Drawn parameters as planes of one value per cell: the form in which populations are sampled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellPlanes {
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

impl CellPlanes {
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
    #[must_use]
    pub fn cell(&self, index: usize) -> Cell {
        Cell {
            max_bound: self.max_bound[index],
            min_bound: self.min_bound[index],
            dwmin_up: self.dwmin_up[index],
            dwmin_down: self.dwmin_down[index],
            reference: self.reference.get(index).copied().unwrap_or(0.0),
        }
    }

    /// Cell by cell, the form in which kernels read them.
    #[must_use]
    pub fn pack(&self) -> CellParameters {
        let cells = (0..self.len()).map(|index| self.cell(index)).collect();
        CellParameters { cells, has_reference: !self.reference.is_empty() }
    }
}

/// The drawn parameters of all cells of an array, in C order: a sparse pulse finds all that it needs in one or two cache
/// lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellParameters {
    cells: Vec<Cell>,
    has_reference: bool,
}

/// One parameter of a cell by its name.
type Field = (&'static str, fn(&mut Cell) -> &mut f32);

impl CellParameters {
    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cell with this index.
    #[inline(always)]
    #[must_use]
    pub fn cell(&self, index: usize) -> Cell {
        self.cells[index]
    }

    /// All cells.
    #[inline(always)]
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The peer's names of the parameters; the reference only where the model has one.
    fn fields(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = vec![
            ("max_bound", |cell| &mut cell.max_bound),
            ("min_bound", |cell| &mut cell.min_bound),
            ("dwmin_up", |cell| &mut cell.dwmin_up),
            ("dwmin_down", |cell| &mut cell.dwmin_down),
        ];
        if self.has_reference {
            fields.push(("reference", |cell| &mut cell.reference));
        }
        fields
    }

    /// One plane per parameter, with the peer's names.
    #[must_use]
    pub fn planes(&self) -> Vec<(&'static str, Vec<f32>)> {
        let plane = |(name, field): Field| (name, self.cells.iter().map(|cell| *field(&mut { *cell })).collect());
        self.fields().into_iter().map(plane).collect()
    }

    /// Replaces one parameter of all cells by measured values.
    ///
    /// # Errors
    /// [`Error`] for an unknown name, a wrong length, or values that are not finite.
    pub fn replace(&mut self, name: &str, values: &[f32], rows: usize, cols: usize) -> Result<()> {
        let Some((name, field)) = self.fields().into_iter().find(|(known, _)| *known == name) else {
            let names = self.fields().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(Error::parameter("cell_parameters", format!("{name:?}"), format!("a name among {names}")));
        };
        check_len(name, values.len(), rows, cols)?;
        check_finite(name, values)?;
        for (cell, value) in self.cells.iter_mut().zip(values) {
            *field(cell) = *value;
        }
        Ok(())
    }

    /// Refuses crossed bounds, which a replaced plane can bring.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the first cell at fault.
    pub fn check_bounds(&self) -> Result<()> {
        match self.cells.iter().position(|cell| cell.min_bound > cell.max_bound) {
            None => Ok(()),
            Some(i) => Err(Error::parameter(
                &format!("cell_parameters[\"min_bound\"].flat[{i}]"),
                self.cells[i].min_bound,
                format!("at most max_bound there, {}", self.cells[i].max_bound),
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
            reference[lane] = self.parameters.cell(self.first + at + lane).reference;
        }
        let weights = apparent.weights(&block.index, &block.state, &reference);
        for lane in 0..width {
            if changed(lane) {
                self.apparent[at + lane] = weights[lane];
            }
        }
    }

    /// Asks for everything about the cell with this index in the array.
    #[inline(always)]
    pub fn prefetch(&self, cell: usize) {
        prefetch(self.parameters.cells(), cell);
        prefetch(self.state, cell.wrapping_sub(self.first));
        prefetch(self.apparent, cell.wrapping_sub(self.first));
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
