//! Windows of images: the patches of a convolution, the elements of a pooling.

use dsp_core::layer::windows::{self, Pair, Shape};
use dsp_core::par::Threads;
use numpy::PyUntypedArrayMethods;
use numpy::{Element, PyArray1, PyArray2, PyArray4, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray4};
use pyo3::prelude::*;

use crate::convert::{contiguous, matrix};
use crate::detach::free;

/// Windows that slide over images.
#[pyclass(frozen, module = "dsptrack._core")]
pub struct Windows(pub windows::Windows);

/// Images as an array.
pub type Images<'py, T> = Bound<'py, PyArray4<T>>;

/// Values and sizes of images.
pub fn lent<T: Element + Copy>(
    py: Python<'_>,
    name: &'static str,
    array: &PyReadonlyArray4<'_, T>,
) -> PyResult<(Vec<T>, Shape)> {
    let shape = array.shape();
    Ok((contiguous(py, name, || array.as_slice())?, [shape[0], shape[1], shape[2], shape[3]]))
}

/// Images of this shape.
pub fn images<T: Element>(py: Python<'_>, values: Vec<T>, shape: Shape) -> PyResult<Images<'_, T>> {
    PyArray1::from_vec(py, values).reshape(shape)
}

#[pymethods]
impl Windows {
    #[new]
    fn new(py: Python<'_>, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> PyResult<Self> {
        Ok(Self(crate::errors::raise(py, windows::Windows::new(kernel, stride, padding, dilation))?))
    }

    /// Numbers of positions, vertically and horizontally, in images of this shape.
    fn positions(&self, py: Python<'_>, shape: Shape) -> PyResult<Pair> {
        crate::errors::raise(py, self.0.positions(shape))
    }

    /// Patches of the images, a row for every position.
    fn gather<'py>(&self, py: Python<'py>, x: PyReadonlyArray4<'_, f32>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (x, shape) = lent(py, "x", &x)?;
        let (rows, count) = free(py, || {
            let patches = self.0.patches(Threads::ONE, x, shape)?;
            Ok((patches.rows(Threads::ONE)?, patches.count()))
        })?;
        let columns = rows.len() / count.max(1);
        matrix(py, rows, (count, columns))
    }

    /// Images of this shape in which every pixel is the sum of its places in the patches.
    fn scatter<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'_, f32>,
        shape: Shape,
    ) -> PyResult<Images<'py, f32>> {
        let rows = contiguous(py, "rows", || rows.as_slice())?;
        let x = free(py, || self.0.scatter(Threads::ONE, &rows, shape))?;
        images(py, x, shape)
    }

    /// The largest element of every window, and where it stands.
    fn largest<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray4<'_, f32>,
    ) -> PyResult<(Images<'py, f32>, Images<'py, u32>)> {
        let (x, shape) = lent(py, "x", &x)?;
        let ((y, places), (down, right)) =
            free(py, || Ok((windows::largest(&self.0, &x, shape)?, self.0.positions(shape)?)))?;
        let shape = [shape[0], shape[1], down, right];
        Ok((images(py, y, shape)?, images(py, places, shape)?))
    }

    /// The gradient of `largest` for images of this shape.
    #[staticmethod]
    fn largest_backward<'py>(
        py: Python<'py>,
        grad: PyReadonlyArray4<'_, f32>,
        places: PyReadonlyArray4<'_, u32>,
        shape: Shape,
    ) -> PyResult<Images<'py, f32>> {
        let ((grad, _), (places, _)) = (lent(py, "grad", &grad)?, lent(py, "places", &places)?);
        let x = free(py, || windows::largest_backward(&grad, &places, shape))?;
        images(py, x, shape)
    }

    /// The mean of every window.
    fn mean<'py>(&self, py: Python<'py>, x: PyReadonlyArray4<'_, f32>) -> PyResult<Images<'py, f32>> {
        let (x, shape) = lent(py, "x", &x)?;
        let (y, (down, right)) = free(py, || Ok((windows::mean(&self.0, &x, shape)?, self.0.positions(shape)?)))?;
        images(py, y, [shape[0], shape[1], down, right])
    }

    /// The gradient of `mean` for images of this shape.
    fn mean_backward<'py>(
        &self,
        py: Python<'py>,
        grad: PyReadonlyArray4<'_, f32>,
        shape: Shape,
    ) -> PyResult<Images<'py, f32>> {
        let (grad, _) = lent(py, "grad", &grad)?;
        let x = free(py, || windows::mean_backward(&self.0, &grad, shape))?;
        images(py, x, shape)
    }
}
