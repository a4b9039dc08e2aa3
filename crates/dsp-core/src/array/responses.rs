//! What the cells would do: their responses at given weights, and where these are symmetric.

use super::{CrossbarArray, zeros};
use crate::device::{Cell, CellParameters, Model, Response, Visitor};
use crate::error::{Result, check_finite, check_len};
use crate::par::stop::checkpoint;

impl CrossbarArray {
    /// Responses `(q+, q-)` of every cell at the weights `w`: the noise-free step of a pulse over `dw_min`.
    ///
    /// # Errors
    /// [`crate::Error`] for a wrong length, values that are not finite, or too little memory.
    pub fn response(&self, weights: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
        check_len("w", weights.len(), self.rows, self.cols)?;
        check_finite("w", weights)?;
        struct Responses<'a>(&'a CellParameters, &'a [f32], f32, [&'a mut [f32]; 2]);
        impl Visitor for Responses<'_> {
            type Output = ();
            fn visit<M: Model>(self, model: &M) {
                let Self(parameters, weights, dw_min, [up, down]) = self;
                let response = model.response(parameters);
                for (i, w) in weights.iter().enumerate() {
                    let cell = parameters.cell(i);
                    let (c, v) = (response.prepare(cell), w + cell.reference);
                    up[i] = response.step(&c, v, true) / dw_min;
                    down[i] = response.step(&c, v, false) / dw_min;
                }
            }
        }
        let plane = || zeros(weights.len(), "the responses");
        let (mut up, mut down) = (plane()?, plane()?);
        let dw_min = self.device.population().dw_min as f32;
        self.device.visit(Responses(&self.parameters, weights, dw_min, [&mut up, &mut down]));
        Ok((up, down))
    }

    /// The weight at which each cell's up and down pulses have the same size; NaN where there is none.
    ///
    /// # Errors
    /// [`crate::Error::Memory`].
    pub fn symmetric_point(&self) -> Result<Vec<f32>> {
        struct Points<'a>(&'a CellParameters, &'a mut [f32]);
        impl Visitor for Points<'_> {
            type Output = ();
            fn visit<M: Model>(self, model: &M) {
                let point = |cell: Cell| {
                    checkpoint();
                    (model.symmetric_point(self.0, cell) - f64::from(cell.reference)) as f32
                };
                self.1.iter_mut().enumerate().for_each(|(i, v)| *v = point(self.0.cell(i)));
            }
        }
        let mut points = zeros(self.state.len(), "the symmetric points")?;
        self.device.visit(Points(&self.parameters, &mut points));
        Ok(points)
    }
}
