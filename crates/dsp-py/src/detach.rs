//! The one place where the interpreter is released: lock, compute, and turn panics into errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use pyo3::prelude::*;

use crate::errors::{named, raise};

/// Runs `work` on what `mutex` guards, with the interpreter released; a second thread waits for the first.
pub fn locked<T: Send, R: Send>(
    py: Python<'_>,
    mutex: &Mutex<T>,
    work: impl FnOnce(&mut T) -> dsp_core::Result<R> + Send,
) -> PyResult<R> {
    let outcome = py.detach(|| {
        // The lock is taken inside: waiting for it with the interpreter held could deadlock.
        let Ok(mut guard) = mutex.lock() else {
            return Err("an earlier internal error left this object inconsistent".to_owned());
        };
        catch_unwind(AssertUnwindSafe(|| work(&mut guard))).map_err(|panic| {
            // The guard is dropped without unwinding, so the lock would not be poisoned by itself.
            format!("internal error, please report it: {}", describe(&*panic))
        })
    });
    match outcome {
        Ok(result) => raise(py, result),
        Err(message) => Err(named(py, "StateError", &message)),
    }
}

/// Runs `work` that touches no shared object, with the interpreter released.
pub fn free<R: Send>(py: Python<'_>, work: impl FnOnce() -> dsp_core::Result<R> + Send) -> PyResult<R> {
    locked(py, &Mutex::new(()), |()| work())
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Asks the interpreter for a pending signal; keeps the exception it raised.
pub fn interrupted(raised: &mut Option<PyErr>) -> bool {
    *raised = Python::attach(|py| py.check_signals().err());
    raised.is_some()
}
