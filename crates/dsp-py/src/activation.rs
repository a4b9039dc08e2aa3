//! Activations of NumPy arrays of any shape.

use dsp_core::Error;
use dsp_core::layer::activation::{self, Function};
use dsp_core::simd::Isa;
use numpy::{PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::convert::contiguous;
use crate::detach::free;
use crate::errors::raise;

type Output<'py> = PyResult<Bound<'py, PyArrayDyn<f32>>>;

fn function(py: Python<'_>, name: &str) -> PyResult<Function> {
    match name {
        "exp" => Ok(Function::Exp),
        "sigmoid" => Ok(Function::Sigmoid),
        "tanh" => Ok(Function::Tanh),
        _ => raise(py, Err(Error::parameter("function", format!("{name:?}"), "one of exp, sigmoid, tanh"))),
    }
}

fn shaped<'py>(py: Python<'py>, values: Vec<f32>, shape: &[usize]) -> Output<'py> {
    PyArray1::from_vec(py, values).reshape(shape)
}

/// `f(x)`, element by element.
#[pyfunction]
pub fn elementwise<'py>(py: Python<'py>, name: &str, x: PyReadonlyArrayDyn<'py, f32>) -> Output<'py> {
    let (function, isa) = (function(py, name)?, raise(py, Isa::current())?);
    let values = contiguous(py, "x", || x.as_slice())?;
    let y = free(py, || Ok(activation::apply(isa, function, values)))?;
    shaped(py, y, x.shape())
}

/// `dL/dx` from `y = f(x)` and `grad = dL/dy`.
#[pyfunction]
pub fn elementwise_backward<'py>(
    py: Python<'py>,
    name: &str,
    y: PyReadonlyArrayDyn<'py, f32>,
    grad: PyReadonlyArrayDyn<'py, f32>,
) -> Output<'py> {
    let (function, isa) = (function(py, name)?, raise(py, Isa::current())?);
    let (values, gradient) = (contiguous(py, "y", || y.as_slice())?, contiguous(py, "grad", || grad.as_slice())?);
    if y.shape() != grad.shape() {
        let (given, expected) = (format!("{:?}", grad.shape()), format!("{:?}", y.shape()));
        return raise(py, Err(Error::Shape { name: "grad", given, expected }));
    }
    let dx = free(py, || Ok(activation::backward(isa, function, &values, gradient)))?;
    shaped(py, dx, y.shape())
}

/// Log-probabilities along the last axis.
#[pyfunction]
pub fn log_softmax<'py>(py: Python<'py>, x: PyReadonlyArrayDyn<'py, f32>) -> Output<'py> {
    let isa = raise(py, Isa::current())?;
    let values = contiguous(py, "x", || x.as_slice())?;
    let width = x.shape().last().copied().unwrap_or(1).max(1);
    let y = free(py, || Ok(activation::log_softmax(isa, values, width)))?;
    shaped(py, y, x.shape())
}
