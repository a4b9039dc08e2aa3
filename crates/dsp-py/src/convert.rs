//! NumPy arrays in and out.
//!
//! Inputs are copied before the interpreter is released: another Python thread may write to them meanwhile.

use dsp_core::Error;
use numpy::{Element, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::{raise, to_python};

/// The values of a matrix of exactly this shape.
pub fn exact<T: Element + Copy>(
    py: Python<'_>,
    name: &'static str,
    array: &PyReadonlyArray2<'_, T>,
    (rows, cols): (usize, usize),
) -> PyResult<Vec<T>> {
    let shape = array.shape();
    if shape != [rows, cols] {
        return Err(shape_error(py, name, shape, format!("({rows}, {cols})")));
    }
    copied(py, name, array)
}

/// The values of a matrix with this number of columns, and its number of rows.
pub fn batch(
    py: Python<'_>,
    name: &'static str,
    array: &PyReadonlyArray2<'_, f32>,
    cols: usize,
) -> PyResult<(Vec<f32>, usize)> {
    let shape = array.shape();
    if shape[1] != cols || shape[0] == 0 {
        return Err(shape_error(py, name, shape, format!("(B, {cols}) with B >= 1")));
    }
    Ok((copied(py, name, array)?, shape[0]))
}

fn copied<T: Element + Copy>(py: Python<'_>, name: &'static str, array: &PyReadonlyArray2<'_, T>) -> PyResult<Vec<T>> {
    contiguous(py, name, array.as_slice())
}

/// A copy of what an array lent, if it lies in C order.
pub fn contiguous<T: Copy, E>(py: Python<'_>, name: &'static str, lent: Result<&[T], E>) -> PyResult<Vec<T>> {
    match lent {
        Ok(values) => Ok(values.to_vec()),
        Err(_) => raise(py, Err(Error::parameter(name, "(strided)", "a C-contiguous array"))),
    }
}

fn shape_error(py: Python<'_>, name: &'static str, shape: &[usize], expected: String) -> PyErr {
    let given = format!("({}, {})", shape[0], shape[1]);
    to_python(py, &Error::Shape { name, given, expected })
}

/// A new matrix of this shape.
pub fn matrix<T: Element>(
    py: Python<'_>,
    values: Vec<T>,
    (rows, cols): (usize, usize),
) -> PyResult<Bound<'_, PyArray2<T>>> {
    PyArray1::from_vec(py, values).reshape([rows, cols])
}
