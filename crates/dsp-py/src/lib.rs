//! The Python binding: checks, GIL release and error mapping; no physics.
#![deny(unsafe_code)]

use pyo3::prelude::*;

mod activation;
mod array;
mod config;
mod convert;
mod detach;
mod errors;
mod grid;
mod loss;
mod measured;
mod state;
mod tile;
mod windows;

/// Compiled core of dsptrack; use the package `dsptrack`, not this module.
#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::activation::{elementwise, elementwise_backward, log_softmax};
    #[pymodule_export]
    use super::array::CrossbarArray;
    #[pymodule_export]
    use super::config::Config;
    #[pymodule_export]
    use super::grid::{Grid, Passes, update_grids};
    #[pymodule_export]
    use super::loss::{cross_entropy, cross_entropy_backward, mean_loss};
    #[pymodule_export]
    use super::tile::Tile;
    #[pymodule_export]
    use super::windows::Windows;
    #[pymodule_export]
    use super::{default_num_threads, first_draws, isa, isa_levels};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("STREAM_VERSION", dsp_core::rng::STREAM_VERSION)?;
        module.add("PROFILE", if cfg!(debug_assertions) { "debug" } else { "release" })
    }
}

/// The instruction-set level in force.
#[pyfunction]
fn isa(py: Python<'_>) -> PyResult<&'static str> {
    Ok(errors::raise(py, dsp_core::simd::Isa::current())?.name())
}

/// The levels that this machine can run, lowest first.
#[pyfunction]
fn isa_levels() -> Vec<&'static str> {
    dsp_core::simd::Isa::available().map(dsp_core::simd::Isa::name).collect()
}

/// The number of threads used where none is given.
#[pyfunction]
fn default_num_threads(py: Python<'_>) -> PyResult<usize> {
    Ok(errors::raise(py, dsp_core::par::Threads::new(None))?.count())
}

/// The first four words that each purpose draws under the key of these words, at step 0.
#[pyfunction]
fn first_draws(key: [u32; 4]) -> Vec<(&'static str, [u32; 4])> {
    let key = dsp_core::rng::Key::from_seed(key).child(0);
    dsp_core::rng::Purpose::ALL.iter().map(|(name, purpose)| (*name, key.stream(*purpose, 0).words(0, 0))).collect()
}
