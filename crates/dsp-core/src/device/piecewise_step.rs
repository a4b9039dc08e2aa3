//! Tabulated step: any response, interpolated linearly between nodes.
//!
//! `w += s+ I_up(w) N` up, `w -= s- I_down(w) N` down; `n` nodes lie equally spaced over the cell's own bounds (02 sections
//! 2.3, 2.4). The tables belong to the device, or to every single cell (a measured chip).

use super::response::{HIGH, LOW};
use super::{COEFFICIENTS, Cell, CellParameters, Model, Population, Response, WriteNoise};
use crate::config::{Consistent, Flag, List, Range, parameters};
use crate::error::{Error, Result};

/// Most nodes of a table.
const MAX_NODES: usize = 1024;

parameters! {
    /// Parameters of the tabulated device.
    pub struct PiecewiseStep {
        ..population: Population;
        /// Factors of the up step from the lower to the upper bound.
        piecewise_up: Vec<f32> = vec![1.0], List { most: MAX_NODES, range: Range::FINITE };
        /// Factors of the down step from the lower to the upper bound.
        piecewise_down: Vec<f32> = vec![1.0], List { most: MAX_NODES, range: Range::FINITE };
        /// Write noise in units of `dw_min`.
        write_noise_std: f64 = 0.0, Range::NON_NEGATIVE;
        /// Whether setting weights draws write noise.
        apply_write_noise_on_set: bool = true, Flag;
    }
}

impl Consistent for PiecewiseStep {
    fn consistent(&self) -> Result<()> {
        if self.piecewise_up.len() != self.piecewise_down.len() {
            return Err(Error::parameter(
                "piecewise_down",
                format!("{} values", self.piecewise_down.len()),
                format!("as long as piecewise_up, {} values", self.piecewise_up.len()),
            ));
        }
        Ok(())
    }
}

/// See [`PiecewiseStep`].
#[derive(Clone, Copy, Debug)]
pub struct PiecewiseStepResponse<'a> {
    up: &'a [f32],
    down: &'a [f32],
    nodes: usize,
    /// Values from one cell's table to the next; 0 where all cells share one.
    stride: usize,
    std: f32,
}

impl Response for PiecewiseStepResponse<'_> {
    #[inline(always)]
    fn prepare(self, cell: Cell) -> [f32; COEFFICIENTS] {
        let range = cell.max_bound - cell.min_bound;
        // Without a range the first node holds everywhere.
        let scale = if range > 0.0 { (self.nodes - 1) as f32 / range } else { 0.0 };
        let mut c = [cell.dwmin_up, cell.dwmin_down, scale, f32::from_bits(cell.index), 0.0, 0.0, 0.0, 0.0];
        (c[LOW], c[HIGH]) = (cell.min_bound, cell.max_bound);
        c
    }

    #[inline(always)]
    fn step(self, c: &[f32; COEFFICIENTS], v: f32, up: bool) -> f32 {
        let table = if up { self.up } else { self.down };
        let from = self.stride * c[3].to_bits() as usize;
        let position = (v - c[LOW]) * c[2];
        let position = if position > 0.0 { position } else { 0.0 };
        let segment = (position as usize).min(self.nodes.saturating_sub(2));
        let fraction = position - segment as f32;
        let fraction = if fraction > 1.0 { 1.0 } else { fraction };
        // Lanes beyond the end of an array hold no cell; they read nothing.
        let first = table.get(from + segment).copied().unwrap_or(0.0);
        let second = if self.nodes > 1 { table.get(from + segment + 1).copied().unwrap_or(0.0) } else { first };
        (if up { c[0] } else { c[1] }) * (first + (second - first) * fraction)
    }

    #[inline(always)]
    fn spread(self, _c: &[f32; COEFFICIENTS], _v: f32, step: f32, _up: bool) -> f32 {
        self.std * step
    }

    #[inline(always)]
    fn is_noisy(self) -> bool {
        self.std > 0.0
    }
}

impl Model for PiecewiseStep {
    type Response<'a> = PiecewiseStepResponse<'a>;

    fn population(&self) -> &Population {
        &self.population
    }

    fn response<'a>(&'a self, parameters: &'a CellParameters) -> Self::Response<'a> {
        let std = self.population.dw_min_std as f32;
        match &parameters.tables {
            Some(tables) => {
                let nodes = tables.nodes;
                PiecewiseStepResponse { up: &tables.up, down: &tables.down, nodes, stride: nodes, std }
            }
            None => PiecewiseStepResponse {
                up: &self.piecewise_up,
                down: &self.piecewise_down,
                nodes: self.piecewise_up.len(),
                stride: 0,
                std,
            },
        }
    }

    /// `dw_min` times the middle node of the up table.
    fn granularity(&self) -> f64 {
        let middle = f64::from(self.piecewise_up[self.piecewise_up.len() / 2]).abs();
        self.population.dw_min * if middle > 0.0 { middle } else { 1.0 }
    }

    fn write_noise(&self) -> WriteNoise {
        WriteNoise {
            std: (self.write_noise_std * self.population.dw_min) as f32,
            on_set: self.apply_write_noise_on_set,
        }
    }
}
