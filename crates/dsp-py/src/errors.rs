//! Core errors become the exceptions that `dsptrack.exceptions` defines.

use dsp_core::Error;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// The Python exception for a core error.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error {
        Error::Parameter { .. } => "ConfigError",
        Error::Shape { .. } => "ShapeError",
        Error::NonFinite { .. } => "NonFiniteError",
        Error::Snapshot(_) => "SnapshotError",
        Error::Memory(_) => return PyMemoryError::new_err(error.to_string()),
        _ => "StateError",
    };
    named(py, class, &error.to_string())
}

/// An exception of the package by its name.
pub fn named(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let raised = py
        .import("dsptrack.exceptions")
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((message,)));
    match raised {
        Ok(instance) => PyErr::from_value(instance),
        Err(error) => error,
    }
}

/// A core result as a Python result.
pub fn raise<T>(py: Python<'_>, result: dsp_core::Result<T>) -> PyResult<T> {
    result.map_err(|error| to_python(py, &error))
}
