//! NumPy arrays in and out.
//!
//! Inputs are copied before the interpreter is released: another Python thread may write to them meanwhile.

use dsp_core::Error;
use dsp_core::error::{check_room, make_room};
use numpy::{Element, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors::{raise, to_python};

/// A matrix for Python.
pub type Matrix<'py> = Bound<'py, PyArray2<f32>>;

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

/// The values of a vector.
pub fn vector<T: Element + Copy>(
    py: Python<'_>,
    name: &'static str,
    array: &PyReadonlyArray1<'_, T>,
) -> PyResult<Vec<T>> {
    contiguous(py, name, || array.as_slice())
}

fn copied<T: Element + Copy>(py: Python<'_>, name: &'static str, array: &PyReadonlyArray2<'_, T>) -> PyResult<Vec<T>> {
    contiguous(py, name, || array.as_slice())
}

/// A copy of what an array lends, if it lies in C order. A signal may end it: a long batch takes a while.
pub fn contiguous<'a, T: Copy + 'a, E>(
    py: Python<'_>,
    name: &'static str,
    lend: impl Fn() -> Result<&'a [T], E>,
) -> PyResult<Vec<T>> {
    /// Values between two looks at signals: some milliseconds.
    const PIECE: usize = 1 << 20;
    let lent = || raise(py, lend().map_err(|_| Error::parameter(name, "(strided)", "a C-contiguous array")));
    let mut copy = Vec::new();
    raise(py, make_room(&mut copy, lent()?.len(), name))?;
    loop {
        // Lent anew for every piece: the handler of a signal may have written to the array.
        let rest = lent()?.get(copy.len()..).unwrap_or_default();
        copy.extend_from_slice(&rest[..rest.len().min(PIECE)]);
        if rest.len() <= PIECE {
            return Ok(copy);
        }
        py.check_signals()?;
    }
}

/// Refuses a copy of all that is known of the cells of an array if there is no memory for it.
pub fn check_copy((rows, cols): (usize, usize), what: &str) -> dsp_core::Result<()> {
    const CELL: usize = 64;
    check_room(rows.saturating_mul(cols).saturating_mul(CELL), what)
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
