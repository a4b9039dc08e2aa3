//! The crossbar array: standing alone, or as a live part of a tile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dsp_core::Error;
use dsp_core::algorithm::Tile;
use dsp_core::array::{CrossbarArray as Core, Directions, Increment};
use dsp_core::calibration::{Record, Scheme, zero_shift};
use dsp_core::config::{Parameter, Value};
use dsp_core::par::Threads;
use dsp_core::periphery::Direction;
use dsp_core::pulse::Fidelity;
use dsp_core::rng::Key;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Config;
use crate::convert::{batch, check_copy, exact, matrix};
use crate::detach::{free, interrupted_at_times, locked, patient, unless_raised};
use crate::errors::raise;
use crate::measured::measured;
use crate::state::{from_dict, to_dict};

/// A crossbar array.
#[pyclass(frozen, module = "dsptrack._core")]
pub struct CrossbarArray {
    home: Home,
    shape: (usize, usize),
    num_threads: usize,
}

/// Where the array lives.
enum Home {
    Own(Arc<Mutex<Core>>),
    InTile(Arc<Mutex<Tile>>, usize),
}

/// One column of a calibration's trace.
type Column = fn(&Record) -> f64;
type Matrix<'py> = Bound<'py, PyArray2<f32>>;

/// Pulses (over all cells) after which signals are looked at: some 50 ms of work.
const CHUNK: usize = 20_000_000;

impl CrossbarArray {
    /// The live handle of array `index` of a tile.
    pub fn in_tile(tile: Arc<Mutex<Tile>>, index: usize, shape: (usize, usize), num_threads: usize) -> Self {
        Self { home: Home::InTile(tile, index), shape, num_threads }
    }

    /// Answers a question, for which everything about the cells may have to be copied.
    fn look<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&Core) -> dsp_core::Result<R> + Send) -> PyResult<R> {
        raise(py, check_copy(self.shape, "a copy of the array"))?;
        match &self.home {
            Home::Own(array) => locked(py, array, |array| f(array)),
            Home::InTile(tile, index) => locked(py, tile, |tile| f(tile.array(*index))),
        }
    }

    /// As `look`, for long answers: Ctrl-C ends them.
    fn study<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&Core) -> dsp_core::Result<R> + Send) -> PyResult<R> {
        raise(py, check_copy(self.shape, "a copy of the array"))?;
        match &self.home {
            Home::Own(array) => patient(py, array, |array| f(array)),
            Home::InTile(tile, index) => patient(py, tile, |tile| f(tile.array(*index))),
        }
    }

    fn change<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut Core) -> dsp_core::Result<R> + Send) -> PyResult<R> {
        match &self.home {
            Home::Own(array) => locked(py, array, f),
            Home::InTile(tile, index) => locked(py, tile, |tile| tile.with_array(*index, f)),
        }
    }

    /// As `change`, for a long change that leaves the array as it was when Ctrl-C ends it.
    fn attempt<R: Send>(&self, py: Python<'_>, f: impl FnOnce(&mut Core) -> dsp_core::Result<R> + Send) -> PyResult<R> {
        match &self.home {
            Home::Own(array) => patient(py, array, f),
            Home::InTile(tile, index) => patient(py, tile, |tile| tile.with_array(*index, f)),
        }
    }

    /// Sends pulses in chunks, so that Ctrl-C is answered between them.
    fn send(&self, py: Python<'_>, count: u32, directions: Directions<'_>) -> PyResult<()> {
        let cells = self.shape.0 * self.shape.1;
        let chunk = u32::try_from(CHUNK / cells).unwrap_or(u32::MAX).max(1);
        self.look(py, |array| array.check_trace(count))?;
        let mut left = count;
        loop {
            let now = left.min(chunk);
            self.change(py, |array| array.pulse(directions, now))?;
            left -= now;
            if left == 0 {
                return Ok(());
            }
            py.check_signals()?;
        }
    }
}

#[pymethods]
impl CrossbarArray {
    #[new]
    fn new(
        py: Python<'_>,
        shape: (usize, usize),
        device: &Bound<'_, Config>,
        key: [u32; 4],
        num_threads: Option<usize>,
        cell_parameters: Option<HashMap<String, PyReadonlyArrayDyn<'_, f32>>>,
        count_pulses: bool,
    ) -> PyResult<Self> {
        let device = device.get().device(py)?;
        let threads = raise(py, Threads::new(num_threads))?;
        let key = Key::from_seed(key).child(0);
        let given = measured(py, cell_parameters.unwrap_or_default(), shape)?;
        let array = free(py, || {
            let array = Core::new(shape, device.clone(), key, threads, count_pulses)?;
            array.with_cell_parameters(given.planes, given.tables)
        })?;
        Ok(Self { home: Home::Own(Arc::new(Mutex::new(array))), shape, num_threads: threads.count() })
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
        let weights = self.look(py, |array| Ok(array.weights().to_vec()))?;
        matrix(py, weights, self.shape)
    }

    fn set_weights(&self, py: Python<'_>, w: PyReadonlyArray2<'_, f32>) -> PyResult<()> {
        let w = exact(py, "w", &w, self.shape)?;
        self.change(py, |array| array.set_weights(&w))
    }

    fn pulse(&self, py: Python<'_>, polarity: i64, count: u32) -> PyResult<()> {
        let directions = match polarity {
            1 => Directions::Up,
            -1 => Directions::Down,
            other => {
                return raise(py, Err(Error::parameter("polarity", other, "+1, -1 or an int8 array")));
            }
        };
        self.send(py, count, directions)
    }

    fn pulse_mask(&self, py: Python<'_>, mask: PyReadonlyArray2<'_, i8>, count: u32) -> PyResult<()> {
        let mask = exact(py, "polarity", &mask, self.shape)?;
        if let Some(other) = mask.iter().find(|sign| !(-1..=1).contains(*sign)) {
            return raise(py, Err(Error::parameter("polarity", other, "an array of +1, -1 and 0")));
        }
        self.send(py, count, Directions::Mask(&mask))
    }

    fn pulse_random(&self, py: Python<'_>, count: u32) -> PyResult<()> {
        self.send(py, count, Directions::Random)
    }

    fn increment(&self, py: Python<'_>, delta: PyReadonlyArray2<'_, f32>, mean_field: bool) -> PyResult<()> {
        let delta = exact(py, "delta", &delta, self.shape)?;
        let mode = if mean_field { Increment::MeanField } else { Increment::Pulsed };
        self.attempt(py, |array| array.increment(&delta, mode))
    }

    fn update(
        &self,
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f32>,
        d: PyReadonlyArray2<'_, f32>,
        lr: f64,
        update: &Bound<'_, Config>,
    ) -> PyResult<()> {
        let (x, size) = batch(py, "x", &x, self.shape.1)?;
        let d = exact(py, "d", &d, (size, self.shape.0))?;
        let update = update.get().update(py)?;
        self.attempt(py, |array| array.update(&x, &d, size, lr, update).map(drop))
    }

    fn forward<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'_, f32>,
        periphery: &Bound<'_, Config>,
    ) -> PyResult<Matrix<'py>> {
        let (x, size) = batch(py, "x", &x, self.shape.1)?;
        let periphery = periphery.get().periphery(py, "periphery")?;
        let y = self.attempt(py, |array| array.read(Direction::Forward, &x, size, periphery))?;
        matrix(py, y, (size, self.shape.0))
    }

    fn backward<'py>(
        &self,
        py: Python<'py>,
        d: PyReadonlyArray2<'_, f32>,
        periphery: &Bound<'_, Config>,
    ) -> PyResult<Matrix<'py>> {
        let (d, size) = batch(py, "d", &d, self.shape.0)?;
        let periphery = periphery.get().periphery(py, "periphery")?;
        let y = self.attempt(py, |array| array.read(Direction::Backward, &d, size, periphery))?;
        matrix(py, y, (size, self.shape.1))
    }

    fn zero_shift<'py>(
        &self,
        py: Python<'py>,
        n_pulses: u32,
        scheme: &str,
        record_every: u32,
        fidelity: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let Some(scheme) = Scheme::from_value(&Value::Text(scheme.into()), &()) else {
            return raise(py, Err(Error::parameter("scheme", format!("{scheme:?}"), Scheme::allowed(&()))));
        };
        let Some(fidelity) = Fidelity::from_value(&Value::Text(fidelity.into()), &()) else {
            return raise(py, Err(Error::parameter("fidelity", format!("{fidelity:?}"), Fidelity::allowed(&()))));
        };
        let found = self
            .change(py, |array| zero_shift(array, n_pulses, scheme, record_every, fidelity, interrupted_at_times()));
        let found = unless_raised(py, found)?;
        let trace = PyDict::new(py);
        let pulses: Vec<i64> = found.trace.iter().map(|record| i64::from(record.pulses)).collect();
        trace.set_item("pulses", PyArray1::from_vec(py, pulses))?;
        let columns: [(&str, Column); 5] = [
            ("mean", |record| record.mean),
            ("std", |record| record.std),
            ("offset_mean", |record| record.offset_mean),
            ("offset_std", |record| record.offset_std),
            ("rms_error", |record| record.rms_error),
        ];
        for (name, column) in columns {
            trace.set_item(name, PyArray1::from_vec(py, found.trace.iter().map(column).collect()))?;
        }
        let result = PyDict::new(py);
        result.set_item("estimate", matrix(py, found.estimate, self.shape)?)?;
        result.set_item("pulses", n_pulses)?;
        result.set_item("trace", trace)?;
        Ok(result)
    }

    fn response<'py>(&self, py: Python<'py>, w: PyReadonlyArray2<'_, f32>) -> PyResult<(Matrix<'py>, Matrix<'py>)> {
        let w = exact(py, "w", &w, self.shape)?;
        let (up, down) = self.study(py, |array| array.response(&w))?;
        Ok((matrix(py, up, self.shape)?, matrix(py, down, self.shape)?))
    }

    fn symmetric_point<'py>(&self, py: Python<'py>) -> PyResult<Matrix<'py>> {
        let points = self.study(py, |array| array.symmetric_point())?;
        matrix(py, points, self.shape)
    }

    fn cell_parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = self.look(py, |array| Ok(array.parameters().clone()))?;
        let dict = PyDict::new(py);
        for (name, plane) in parameters.planes() {
            dict.set_item(name, matrix(py, plane, self.shape)?)?;
        }
        if let Some(tables) = &parameters.tables {
            for (name, table) in [("piecewise_up", &tables.up), ("piecewise_down", &tables.down)] {
                let table = PyArray1::from_slice(py, table);
                dict.set_item(name, table.reshape([self.shape.0, self.shape.1, tables.nodes])?)?;
            }
        }
        Ok(dict)
    }

    fn decay(&self, py: Python<'_>, alpha: f64) -> PyResult<()> {
        self.change(py, |array| array.decay(alpha))
    }

    fn diffuse(&self, py: Python<'_>) -> PyResult<()> {
        self.change(py, Core::diffuse)
    }

    fn reset(&self, py: Python<'_>, start: usize, count: i64, probability: f64) -> PyResult<()> {
        self.change(py, |array| array.reset(start, usize::try_from(count).ok(), probability))
    }

    fn drift(&self, py: Python<'_>, dt: f64) -> PyResult<()> {
        self.change(py, |array| array.drift(dt))
    }

    fn clip(&self, py: Python<'_>, bound: f64) -> PyResult<()> {
        self.change(py, |array| array.clip(bound))
    }

    fn trace(&self, py: Python<'_>, cells: Option<Vec<u32>>) -> PyResult<()> {
        self.change(py, |array| array.trace(cells.unwrap_or_default()))
    }

    fn traces<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let pulses = self.look(py, |array| Ok(array.traced().to_vec()))?;
        let dict = PyDict::new(py);
        dict.set_item("cell", PyArray1::from_iter(py, pulses.iter().map(|pulse| i64::from(pulse.cell))))?;
        dict.set_item("event", PyArray1::from_iter(py, pulses.iter().map(|pulse| pulse.event as i64)))?;
        dict.set_item(
            "polarity",
            PyArray1::from_iter(py, pulses.iter().map(|pulse| if pulse.up { 1_i8 } else { -1 })),
        )?;
        dict.set_item("before", PyArray1::from_iter(py, pulses.iter().map(|pulse| pulse.before)))?;
        dict.set_item("after", PyArray1::from_iter(py, pulses.iter().map(|pulse| pulse.after)))?;
        Ok(dict)
    }

    fn program<'py>(
        &self,
        py: Python<'py>,
        target: PyReadonlyArray2<'_, f32>,
        tolerance: f64,
        max_rounds: u32,
        read: &Bound<'_, Config>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let target = exact(py, "target", &target, self.shape)?;
        let read = read.get().periphery(py, "read")?.unmanaged();
        let programmed =
            self.change(py, |array| array.program(&target, tolerance, max_rounds, &read, interrupted_at_times()));
        let programmed = unless_raised(py, programmed)?;
        let dict = PyDict::new(py);
        dict.set_item("pulses", matrix(py, programmed.pulses, self.shape)?)?;
        dict.set_item("residual", matrix(py, programmed.residual, self.shape)?)?;
        dict.set_item("converged", matrix(py, programmed.converged, self.shape)?)?;
        dict.set_item("rounds", programmed.rounds)?;
        Ok(dict)
    }

    #[expect(clippy::type_complexity, reason = "a pair of matrices")]
    fn pulse_counts<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyArray2<i64>>, Bound<'py, PyArray2<i64>>)> {
        let (up, down) = self.look(py, |array| {
            let (up, down) = array.pulse_counts()?;
            Ok((up.to_vec(), down.to_vec()))
        })?;
        Ok((matrix(py, up, self.shape)?, matrix(py, down, self.shape)?))
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, self.look(py, |array| Ok(array.snapshot()))?)
    }

    fn restore(&self, py: Python<'_>, state: &Bound<'_, PyDict>) -> PyResult<()> {
        let Home::Own(array) = &self.home else {
            return raise(py, Err(Error::State("a tile's array takes no state of its own: load the tile's".into())));
        };
        let from = from_dict(state)?;
        locked(py, array, |array| {
            *array = array.restored(from)?;
            Ok(())
        })
    }

    fn ledger<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let ledger = self.look(py, |array| Ok(*array.ledger()))?;
        let dict = PyDict::new(py);
        for (name, count) in ledger.entries() {
            dict.set_item(name, count)?;
        }
        Ok(dict)
    }
}
