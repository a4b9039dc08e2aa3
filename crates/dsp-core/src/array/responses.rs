//! What the cells would do: their responses at given weights, and where these are symmetric.

use super::CrossbarArray;
use crate::device::{Cell, CellParameters, Model, Response, Visitor};
use crate::error::{Result, check_finite, check_len};
use crate::par::stop::checkpoint;

impl CrossbarArray {
    /// Responses `(q+, q-)` of every cell at the weights `w`: the noise-free step of a pulse over `dw_min`.
    ///
    /// # Errors
    /// [`Error`] for a wrong length or values that are not finite.
    pub fn response(&self, weights: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
        check_len("w", weights.len(), self.rows, self.cols)?;
        check_finite("w", weights)?;
        struct Responses<'a>(&'a CellParameters, &'a [f32], f32);
        impl Visitor for Responses<'_> {
            type Output = (Vec<f32>, Vec<f32>);
            fn visit<M: Model>(self, model: &M) -> Self::Output {
                let Self(parameters, weights, dw_min) = self;
                let response = model.response(parameters);
                weights
                    .iter()
                    .enumerate()
                    .map(|(i, w)| {
                        let cell = parameters.cell(i);
                        let (c, v) = (response.prepare(cell), w + cell.reference);
                        (response.step(&c, v, true) / dw_min, response.step(&c, v, false) / dw_min)
                    })
                    .unzip()
            }
        }
        Ok(self.device.visit(Responses(&self.parameters, weights, self.device.population().dw_min as f32)))
    }

    /// The weight at which each cell's up and down pulses have the same size; NaN where there is none.
    #[must_use]
    pub fn symmetric_point(&self) -> Vec<f32> {
        struct Points<'a>(&'a CellParameters);
        impl Visitor for Points<'_> {
            type Output = Vec<f32>;
            fn visit<M: Model>(self, model: &M) -> Vec<f32> {
                let point = |cell: Cell| {
                    checkpoint();
                    (model.symmetric_point(self.0, cell) - f64::from(cell.reference)) as f32
                };
                (0..self.0.len()).map(|i| point(self.0.cell(i))).collect()
            }
        }
        self.device.visit(Points(&self.parameters))
    }
}
