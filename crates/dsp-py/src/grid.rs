//! A layer's weight matrix over several tiles.

use std::sync::{Arc, Mutex};

use dsp_core::error::make_room;
use dsp_core::layer::windows::Shape;
use dsp_core::layer::{Factors, Grid as Core, Passes as CorePasses, Step, update};
use dsp_core::par::stop::watched;
use dsp_core::par::{Threads, lock};
use dsp_core::{Error, Result};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray4};
use pyo3::prelude::*;

use crate::convert::{Matrix, batch, matrix, vector};
use crate::detach::{interrupted, locked, patient, unless_raised};
use crate::errors::raise;
use crate::tile::Tile;
use crate::windows::{Images, Windows, images, lent};

/// Tiles that make one weight matrix, with their digital factors.
#[pyclass(frozen, module = "dsptrack._core")]
pub struct Grid {
    grid: Arc<Mutex<Core>>,
    shape: (usize, usize),
}

/// A forward pass of a grid, and the backward pass after it.
#[pyclass(frozen, module = "dsptrack._core")]
pub struct Passes(Arc<CorePasses>);

type Scale<'py> = Option<Bound<'py, PyArray1<f32>>>;

#[pymethods]
impl Grid {
    #[new]
    fn new(
        py: Python<'_>,
        tiles: Vec<Bound<'_, Tile>>,
        row_sizes: Vec<usize>,
        column_sizes: Vec<usize>,
        learn_gain: bool,
        num_threads: Option<usize>,
    ) -> PyResult<Self> {
        let threads = raise(py, Threads::new(num_threads))?;
        let tiles = tiles.iter().map(|tile| tile.get().shared()).collect();
        let grid = raise(py, Core::new(tiles, &row_sizes, &column_sizes, learn_gain, threads))?;
        Ok(Self { shape: grid.shape(), grid: Arc::new(Mutex::new(grid)) })
    }

    /// The scale (None stands for 1) and the gain of every tile.
    fn factors<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Scale<'py>, f64)>> {
        let factors = locked(py, &self.grid, |grid| Ok(grid.factors().to_vec()))?;
        let scale = |values: Vec<f32>| (!values.is_empty()).then(|| PyArray1::from_vec(py, values));
        Ok(factors.into_iter().map(|factors| (scale(factors.scale), factors.gain)).collect())
    }

    fn set_factors(
        &self,
        py: Python<'_>,
        index: usize,
        scale: Option<PyReadonlyArray1<'_, f32>>,
        gain: f64,
    ) -> PyResult<()> {
        let scale = scale.map_or(Ok(Vec::new()), |scale| vector(py, "scale", &scale))?;
        locked(py, &self.grid, |grid| grid.set_factors(index, Factors { scale, gain }))
    }

    fn forward<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'_, f32>,
        bias: Option<PyReadonlyArray1<'_, f32>>,
    ) -> PyResult<Matrix<'py>> {
        let (x, size) = batch(py, "x", &x, self.shape.1)?;
        let bias = bias.map(|bias| vector(py, "bias", &bias)).transpose()?;
        let y = patient(py, &self.grid, |grid| grid.forward(x, size, bias.as_deref()))?;
        matrix(py, y, (size, self.shape.0))
    }

    fn backward<'py>(
        &self,
        py: Python<'py>,
        grad: PyReadonlyArray2<'_, f32>,
        wanted: bool,
    ) -> PyResult<Option<Matrix<'py>>> {
        let (grad, size) = batch(py, "grad", &grad, self.shape.0)?;
        let dx = patient(py, &self.grid, |grid| grid.backward(grad, wanted))?;
        dx.map(|dx| matrix(py, dx, (size, self.shape.1))).transpose()
    }

    /// `forward` for the patches of images, to images.
    fn forward_patches<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray4<'_, f32>,
        windows: &Windows,
        bias: Option<PyReadonlyArray1<'_, f32>>,
    ) -> PyResult<Images<'py, f32>> {
        let (x, shape) = lent(py, "x", &x)?;
        let bias = bias.map(|bias| vector(py, "bias", &bias)).transpose()?;
        let (y, (down, right)) = patient(py, &self.grid, |grid| {
            let patches = windows.0.patches(grid.threads(), x, shape)?;
            Ok((grid.forward_patches(patches, bias.as_deref())?, windows.0.positions(shape)?))
        })?;
        images(py, y, [shape[0], self.shape.0, down, right])
    }

    /// `backward` from images to images of this shape.
    fn backward_patches<'py>(
        &self,
        py: Python<'py>,
        grad: PyReadonlyArray4<'_, f32>,
        windows: &Windows,
        shape: Shape,
        wanted: bool,
    ) -> PyResult<Option<Images<'py, f32>>> {
        let (grad, given) = lent(py, "grad", &grad)?;
        let [_, channels, down, right] = given;
        if channels != self.shape.0 {
            let expected = format!("(B, {}, H, W)", self.shape.0);
            return raise(py, Err(Error::Shape { name: "grad", given: format!("{given:?}"), expected }));
        }
        let dx = patient(py, &self.grid, |grid| {
            let threads = grid.threads();
            grid.backward_patches(&grad, down * right, wanted, |rows| windows.0.scatter(threads, &rows, shape))
        })?;
        dx.map(|dx| images(py, dx, shape)).transpose()
    }

    /// The passes that `backward` and an update refer to.
    fn last(&self, py: Python<'_>) -> PyResult<Option<Passes>> {
        locked(py, &self.grid, |grid| Ok(grid.last().map(Passes)))
    }

    fn recall(&self, py: Python<'_>, passes: Vec<Bound<'_, Passes>>) -> PyResult<()> {
        let passes: Vec<_> = passes.iter().map(|one| one.get().0.clone()).collect();
        locked(py, &self.grid, |grid| grid.recall(&passes))
    }
}

/// A grid, the factor on the gradient that its tiles learn from, and its digital bias with its gradient.
type Part<'py> = (Bound<'py, Grid>, f32, Option<(Bound<'py, PyArray1<f32>>, PyReadonlyArray1<'py, f32>)>);

/// Steps the tiles, gains and biases of several grids at the rate `lr`.
#[pyfunction]
pub fn update_grids(py: Python<'_>, parts: Vec<Part<'_>>, lr: f64) -> PyResult<()> {
    let shared = parts.into_iter().map(|(grid, factor, bias)| {
        let bias = bias.map(|(bias, gradient)| PyResult::Ok((bias.unbind(), vector(py, "bias gradient", &gradient)?)));
        Ok((grid.get().grid.clone(), factor, bias.transpose()?))
    });
    let shared = shared.collect::<PyResult<Vec<_>>>()?;
    let outcome = locked(py, &Mutex::new(()), |()| {
        // Threads that update some of the same grids take them in the same order, whatever order they are given in: else
        // each could wait for the other.
        let mut order: Vec<_> = (0..shared.len()).collect();
        order.sort_by_key(|at| Arc::as_ptr(&shared[*at].0));
        if order.windows(2).any(|two| Arc::ptr_eq(&shared[two[0]].0, &shared[two[1]].0)) {
            return Err(Error::parameter("grids", "(one twice)", "different grids"));
        }
        let mut locks: Vec<_> = shared.iter().map(|_| None).collect();
        for at in order {
            locks[at] = Some(lock(&shared[at].0, "layer")?);
        }
        // Biases are read and written under the locks: else two threads could step from the same one, and lose a step.
        let mut biases =
            Python::attach(|py| shared.iter().map(|(.., bias)| values(py, bias)).collect::<Result<Vec<_>>>())?;
        let own = locks.iter_mut().flatten().zip(&shared).zip(&mut biases);
        let steps = own.map(|((grid, (_, factor, bias)), values)| {
            let gradient = bias.as_ref().map_or(&[][..], |(_, gradient)| gradient);
            Step { grid, factor: *factor, bias: (values, gradient) }
        });
        let mut steps: Vec<_> = steps.collect();
        // Giving up unwinds, and a lock dropped on the way would be poisoned: so locks are older than the watch.
        let done = watched(interrupted, || update(&mut steps, lr)).transpose()?;
        if done.is_some() {
            // Also where a signal came too late to give the update up: then all of it is done, and the exception goes on.
            Python::attach(|py| shared.iter().zip(&biases).try_for_each(|((.., bias), values)| put(py, bias, values)))
                .map_err(|error| Error::State(format!("bias: {error}")))?;
        }
        Ok(done)
    });
    unless_raised(py, outcome)
}

/// A digital bias and its gradient, if a layer has them.
type Bias = Option<(Py<PyArray1<f32>>, Vec<f32>)>;

/// The values of a bias that can be written.
fn values(py: Python<'_>, bias: &Bias) -> Result<Vec<f32>> {
    let Some((bias, _)) = bias else { return Ok(Vec::new()) };
    let bias = bias.bind(py);
    let state = |error: PyErr| Error::State(format!("bias: {error}"));
    if !bias.getattr("flags").and_then(|flags| flags.getattr("writeable")?.is_truthy()).map_err(state)? {
        return Err(Error::parameter("bias", "(read-only)", "an array that can be written"));
    }
    // Shared: what reads the bias in another thread meanwhile has copied it.
    let lent = bias.try_readonly().map_err(|error| Error::State(format!("bias: {error}")))?;
    let values = lent.as_slice().map_err(|_| Error::parameter("bias", "(strided)", "a C-contiguous array"))?;
    let mut copy = Vec::new();
    make_room(&mut copy, values.len(), "bias")?;
    copy.extend_from_slice(values);
    Ok(copy)
}

/// Writes a bias, whoever reads it meanwhile: the update is done, and a step that is refused would be lost.
fn put(py: Python<'_>, bias: &Bias, values: &[f32]) -> PyResult<()> {
    bias.as_ref().map_or(Ok(()), |(bias, _)| PyArray1::from_slice(py, values).copy_to(bias.bind(py)))
}
