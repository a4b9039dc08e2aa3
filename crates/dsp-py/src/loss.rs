//! Losses of NumPy arrays.

use dsp_core::layer::loss;
use dsp_core::simd::Isa;
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::convert::{Matrix, exact, matrix, vector};
use crate::detach::free;
use crate::errors::raise;

type Labels<'py> = PyReadonlyArray1<'py, i64>;
/// Values, their shape, labels.
type Rows = (Vec<f32>, (usize, usize), Vec<i64>);

/// Values (B, classes) with that shape, and the labels (B,).
fn rows(py: Python<'_>, name: &'static str, values: &PyReadonlyArray2<'_, f32>, labels: &Labels<'_>) -> PyResult<Rows> {
    let shape = (labels.len(), values.shape()[1].max(1));
    Ok((exact(py, name, values, shape)?, shape, vector(py, "labels", labels)?))
}

/// The mean negative log-probability of the labels; None if one is no class.
#[pyfunction]
pub fn mean_loss(py: Python<'_>, log_p: PyReadonlyArray2<'_, f32>, labels: Labels<'_>) -> PyResult<Option<f64>> {
    let (log_p, (_, classes), labels) = rows(py, "log_p", &log_p, &labels)?;
    free(py, || Ok(loss::mean(&log_p, classes, &labels)))
}

/// Log-probabilities of the logits `x`, and their mean loss.
#[pyfunction]
pub fn cross_entropy<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    labels: Labels<'py>,
) -> PyResult<(Matrix<'py>, Option<f64>)> {
    let (x, shape, labels) = rows(py, "x", &x, &labels)?;
    let isa = raise(py, Isa::current())?;
    let (log_p, loss) = free(py, || Ok(loss::cross_entropy(isa, x, shape.1, &labels)))?;
    Ok((matrix(py, log_p, shape)?, loss))
}

/// The gradient of `cross_entropy` for the logits; None if a label is no class.
#[pyfunction]
pub fn cross_entropy_backward<'py>(
    py: Python<'py>,
    log_p: PyReadonlyArray2<'py, f32>,
    labels: Labels<'py>,
) -> PyResult<Option<Matrix<'py>>> {
    let (log_p, shape, labels) = rows(py, "log_p", &log_p, &labels)?;
    let isa = raise(py, Isa::current())?;
    let gradient = free(py, || Ok(loss::cross_entropy_backward(isa, log_p, shape.1, &labels)))?;
    gradient.map(|gradient| matrix(py, gradient, shape)).transpose()
}
