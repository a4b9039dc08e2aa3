//! States as nested dicts of NumPy arrays and plain numbers, in and out.

use dsp_core::Error;
use dsp_core::error::check_room;
use dsp_core::snapshot::{Element, Entry, Plane, State, Values};
use numpy::{
    Element as NumPy, PyArray1, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString};

use crate::errors::raise;

/// Parts of parts of parts; nothing is nested deeper than this.
const MOST_NESTED: usize = 16;

/// A state as a dict.
pub fn to_dict(py: Python<'_>, state: State) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, entry) in state.into_entries() {
        match entry {
            Entry::Count(count) => dict.set_item(name, count)?,
            Entry::Number(number) => dict.set_item(name, number)?,
            Entry::State(part) => dict.set_item(name, to_dict(py, part)?)?,
            Entry::Plane(Plane { shape, values }) => match values {
                Values::F32(values) => dict.set_item(name, array(py, shape, values)?)?,
                Values::F64(values) => dict.set_item(name, array(py, shape, values)?)?,
                Values::I64(values) => dict.set_item(name, array(py, shape, values)?)?,
                Values::U64(values) => dict.set_item(name, array(py, shape, values)?)?,
                Values::U32(values) => dict.set_item(name, array(py, shape, values)?)?,
                Values::I8(values) => dict.set_item(name, array(py, shape, values)?)?,
                Values::Bool(values) => dict.set_item(name, array(py, shape, values)?)?,
            },
        }
    }
    Ok(dict)
}

fn array<T: NumPy>(py: Python<'_>, shape: Vec<usize>, values: Vec<T>) -> PyResult<Bound<'_, PyArrayDyn<T>>> {
    PyArray1::from_vec(py, values).reshape(shape)
}

/// A dict as a state; arrays are copied.
pub fn from_dict(dict: &Bound<'_, PyDict>) -> PyResult<State> {
    read(dict, MOST_NESTED)
}

fn read(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<State> {
    let py = dict.py();
    let mut state = State::default();
    for (name, value) in dict {
        let Ok(name) = name.cast::<PyString>().map(ToString::to_string) else {
            return raise(py, Err(Error::Snapshot(format!("state: has the key {name}: must be a string"))));
        };
        let entry = if let Ok(part) = value.cast::<PyDict>() {
            if depth == 0 {
                return raise(py, Err(state.refuse(&name, "is nested too deeply")));
            }
            Some(Entry::State(read(part, depth - 1)?))
        } else if value.is_instance_of::<PyInt>() {
            value.extract().ok().map(Entry::Count)
        } else if value.is_instance_of::<PyFloat>() {
            value.extract().ok().map(Entry::Number)
        } else {
            raise(py, check_room(bytes(&value), &name))?;
            plane(&value)
        };
        match entry {
            Some(entry) => state.set(&name, entry),
            None => {
                let problem = "must be a dict, an integer from 0 to 2^56, a float, or an array of numbers";
                return raise(py, Err(state.refuse(&name, problem)));
            }
        }
    }
    Ok(state)
}

/// What an array occupies, and a copy of it in C order.
fn bytes(value: &Bound<'_, PyAny>) -> usize {
    let array = value.cast::<PyUntypedArray>().ok();
    array.map_or(0, |array| array.len().saturating_mul(2 * array.dtype().itemsize()))
}

/// An array of any element type, in any order.
fn plane(value: &Bound<'_, PyAny>) -> Option<Entry> {
    value.cast::<PyUntypedArray>().ok()?;
    // A copy lies in C order.
    ordered(value).or_else(|| ordered(&value.call_method0("copy").ok()?)).map(Entry::Plane)
}

fn ordered(value: &Bound<'_, PyAny>) -> Option<Plane> {
    values::<f32>(value)
        .or_else(|| values::<f64>(value))
        .or_else(|| values::<i64>(value))
        .or_else(|| values::<u64>(value))
        .or_else(|| values::<u32>(value))
        .or_else(|| values::<i8>(value))
        .or_else(|| values::<bool>(value))
}

/// The values of an array of this type, if it lies in C order.
fn values<T: Element + NumPy>(value: &Bound<'_, PyAny>) -> Option<Plane> {
    let array = value.cast::<PyArrayDyn<T>>().ok()?.try_readonly().ok()?;
    let values = array.is_c_contiguous().then(|| array.as_slice().ok())??;
    Some(Plane { shape: array.shape().to_vec(), values: T::wrap(values.to_vec()) })
}
