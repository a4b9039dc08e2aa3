//! The tile: a learning rule with its periphery.

use std::sync::{Arc, Mutex};

use dsp_core::algorithm::{Batch, Foundation, Site, Tile as Core};
use dsp_core::par::Threads;
use dsp_core::rng::Key;
use numpy::{PyArray1, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array::CrossbarArray;
use crate::config::Config;
use crate::convert::{batch, check_copy, exact, matrix};
use crate::detach::{free, locked, patient};
use crate::errors::raise;
use crate::state::{from_dict, to_dict};

/// A learning rule on its arrays.
#[pyclass(frozen, module = "dsptrack._core")]
pub struct Tile {
    tile: Arc<Mutex<Core>>,
    shape: (usize, usize),
    num_threads: usize,
}

type Matrix<'py> = Bound<'py, PyArray2<f32>>;

impl Tile {
    /// The tile itself, for a grid that reads and writes it together with others.
    pub fn shared(&self) -> Arc<Mutex<Core>> {
        self.tile.clone()
    }
}

#[pymethods]
impl Tile {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "one call from the Python wrapper, all by position")]
    fn new(
        py: Python<'_>,
        shape: (usize, usize),
        algorithm: &Bound<'_, Config>,
        forward: &Bound<'_, Config>,
        backward: &Bound<'_, Config>,
        update: &Bound<'_, Config>,
        key: [u32; 4],
        num_threads: Option<usize>,
        count_pulses: bool,
        blank: bool,
    ) -> PyResult<Self> {
        let rule = algorithm.get().rule(py)?;
        let site = Site {
            forward: forward.get().periphery(py, "forward")?.clone(),
            backward: backward.get().periphery(py, "backward")?.clone(),
            update: update.get().update(py)?.clone(),
        };
        let threads = raise(py, Threads::new(num_threads))?;
        let foundation = Foundation { shape, key: Key::from_seed(key), threads, count_pulses, blank };
        let tile = free(py, || Core::new(rule, site, foundation))?;
        Ok(Self { tile: Arc::new(Mutex::new(tile)), shape, num_threads: threads.count() })
    }

    /// Rows and columns.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Threads that calls may use.
    #[getter]
    fn num_threads(&self) -> usize {
        self.num_threads
    }

    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Matrix<'py>> {
        raise(py, check_copy(self.shape, "a copy of the weights"))?;
        let weights = locked(py, &self.tile, |tile| Ok(tile.rule().visible().to_vec()))?;
        matrix(py, weights, self.shape)
    }

    fn set_weights(&self, py: Python<'_>, w: PyReadonlyArray2<'_, f32>) -> PyResult<()> {
        let w = exact(py, "w", &w, self.shape)?;
        locked(py, &self.tile, |tile| tile.set_weights(&w))
    }

    fn forward<'py>(&self, py: Python<'py>, x: PyReadonlyArray2<'_, f32>) -> PyResult<Matrix<'py>> {
        let (x, size) = batch(py, "x", &x, self.shape.1)?;
        let y = patient(py, &self.tile, |tile| tile.forward(&x, size))?;
        matrix(py, y, (size, self.shape.0))
    }

    fn backward<'py>(&self, py: Python<'py>, d: PyReadonlyArray2<'_, f32>) -> PyResult<Matrix<'py>> {
        let (d, size) = batch(py, "d", &d, self.shape.0)?;
        let y = patient(py, &self.tile, |tile| tile.backward(&d, size))?;
        matrix(py, y, (size, self.shape.1))
    }

    fn update(
        &self,
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f32>,
        d: PyReadonlyArray2<'_, f32>,
        lr: f64,
    ) -> PyResult<()> {
        let (x, size) = batch(py, "x", &x, self.shape.1)?;
        let d = exact(py, "d", &d, (size, self.shape.0))?;
        patient(py, &self.tile, |tile| tile.update(Batch { x: &x, d: &d, size, lr }))
    }

    fn array_names(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        locked(py, &self.tile, |tile| Ok(tile.rule().names().to_vec()))
    }

    fn array(&self, py: Python<'_>, name: &str) -> PyResult<CrossbarArray> {
        let index = locked(py, &self.tile, |tile| tile.position(name))?;
        Ok(CrossbarArray::in_tile(self.tile.clone(), index, self.shape, self.num_threads))
    }

    fn digital_names(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        locked(py, &self.tile, |tile| Ok(tile.rule().digital_names()))
    }

    fn digital<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Matrix<'py>> {
        raise(py, check_copy(self.shape, "a copy of a quantity"))?;
        let values = locked(py, &self.tile, |tile| tile.digital(name))?;
        matrix(py, values, self.shape)
    }

    fn choppers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i8>>> {
        let signs = locked(py, &self.tile, |tile| Ok(tile.rule().choppers().to_vec()))?;
        Ok(PyArray1::from_vec(py, if signs.is_empty() { vec![1; self.shape.1] } else { signs }))
    }

    fn sp_estimate<'py>(&self, py: Python<'py>) -> PyResult<Matrix<'py>> {
        let values = locked(py, &self.tile, |tile| tile.sp_estimate())?;
        matrix(py, values, self.shape)
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        // Of every array, and of what is digital.
        let arrays = locked(py, &self.tile, |tile| Ok(tile.rule().names().len()))?;
        raise(py, check_copy((self.shape.0.saturating_mul(2 * arrays), self.shape.1), "a copy of the tile"))?;
        to_dict(py, locked(py, &self.tile, |tile| Ok(tile.snapshot()))?)
    }

    fn restore(&self, py: Python<'_>, state: &Bound<'_, PyDict>) -> PyResult<()> {
        let from = from_dict(state)?;
        locked(py, &self.tile, |tile| tile.restore(from))
    }

    fn ledger<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let ledgers = locked(py, &self.tile, |tile| Ok(tile.ledger()))?;
        let result = PyDict::new(py);
        for (array, ledger) in ledgers {
            let dict = PyDict::new(py);
            if array == "reference" {
                dict.set_item("programming_events", ledger.programming_events)?;
            } else {
                for (name, count) in ledger.entries() {
                    dict.set_item(name, count)?;
                }
            }
            result.set_item(array, dict)?;
        }
        Ok(result)
    }
}
