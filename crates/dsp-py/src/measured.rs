//! Measured cell parameters, as the constructor of an array takes them.

use std::collections::HashMap;

use dsp_core::Error;
use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::convert::contiguous;
use crate::errors::raise;

/// Given cell parameters: planes (M, N), and response tables (M, N, n).
#[derive(Default)]
pub struct Measured {
    /// Planes by name.
    pub planes: Vec<(String, Vec<f32>)>,
    /// Tables of single cells, up and down.
    pub tables: Option<(Vec<f32>, Vec<f32>)>,
}

/// The cell parameters in a dict of arrays.
pub fn measured(
    py: Python<'_>,
    given: HashMap<String, PyReadonlyArrayDyn<'_, f32>>,
    (rows, cols): (usize, usize),
) -> PyResult<Measured> {
    let mut measured = Measured::default();
    let (mut up, mut down) = (None, None);
    for (name, array) in given {
        let shape = array.shape();
        let table = name == "piecewise_up" || name == "piecewise_down";
        let fits = shape.starts_with(&[rows, cols]) && shape.len() == if table { 3 } else { 2 };
        if !fits {
            let expected = if table { format!("({rows}, {cols}, n)") } else { format!("({rows}, {cols})") };
            return raise(py, Err(Error::Shape { name: "cell_parameters", given: format!("{shape:?}"), expected }));
        }
        let values = contiguous(py, "cell_parameters", || array.as_slice())?;
        match name.as_str() {
            "piecewise_up" => up = Some(values),
            "piecewise_down" => down = Some(values),
            _ => measured.planes.push((name, values)),
        }
    }
    measured.tables = match (up, down) {
        (Some(up), Some(down)) => Some((up, down)),
        (None, None) => None,
        _ => {
            let allowed = "both piecewise_up and piecewise_down, or neither";
            return raise(py, Err(Error::parameter("cell_parameters", "one response table", allowed)));
        }
    };
    // A dictionary has no order of its own here, and errors should not depend on it.
    measured.planes.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(measured)
}
