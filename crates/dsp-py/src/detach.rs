//! The one place where the interpreter is released: lock, compute, answer Ctrl-C, and turn panics into errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use dsp_core::par::stop::{PACE, watched};
use dsp_core::par::{answering, lock};
use pyo3::prelude::*;

use crate::errors::{named, raise};

thread_local! {
    /// What a signal handler raised within a call.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Runs `work` on what `mutex` guards, with the interpreter released; a second thread waits for the first.
pub fn locked<T: Send, R: Send>(
    py: Python<'_>,
    mutex: &Mutex<T>,
    work: impl FnOnce(&mut T) -> dsp_core::Result<R> + Send,
) -> PyResult<R> {
    let outcome = py.detach(|| {
        // The lock is taken inside: waiting for it with the interpreter held could deadlock.
        let mut guard = match lock(mutex, "object") {
            Ok(guard) => guard,
            Err(error) => return Ok(Err(error)),
        };
        // The guard goes where a panic passes, and so poisons the lock.
        catch_unwind(AssertUnwindSafe(move || work(&mut guard)))
    });
    match outcome {
        Ok(result) => raise(py, result),
        Err(panic) => {
            let message = format!("internal error, please report it: {}", describe(&*panic));
            Err(named(py, "StateError", &message))
        }
    }
}

/// As [`locked`] for `work` that Ctrl-C may end: work that then leaves the object as it was.
pub fn patient<T: Send, R: Send>(
    py: Python<'_>,
    mutex: &Mutex<T>,
    work: impl FnOnce(&mut T) -> dsp_core::Result<R> + Send,
) -> PyResult<R> {
    unless_raised(py, locked(py, mutex, |thing| watched(interrupted, || work(thing)).transpose()))
}

/// Runs `work` that changes no shared object before its end, with the interpreter released; Ctrl-C may end it.
pub fn free<R: Send>(py: Python<'_>, work: impl FnOnce() -> dsp_core::Result<R> + Send) -> PyResult<R> {
    patient(py, &Mutex::new(()), |()| work())
}

/// What a call returned, or the exception that ended it: a signal handler's goes before the call's own, and never into
/// another call.
pub fn unless_raised<R>(py: Python<'_>, outcome: PyResult<Option<R>>) -> PyResult<R> {
    match (outcome, RAISED.take()) {
        (_, Some(error)) | (Err(error), None) => Err(error),
        (Ok(Some(outcome)), None) => Ok(outcome),
        (Ok(None), None) => Err(named(py, "StateError", "the call was interrupted")),
    }
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Asks the interpreter for a pending signal; keeps the exception that its handler raised.
pub fn interrupted() -> bool {
    let raised = answering(|| Python::attach(|py| py.check_signals().err()));
    let stop = raised.is_some();
    if stop {
        RAISED.set(raised);
    }
    stop
}

/// [`interrupted`], asked at a pace that costs nothing.
pub fn interrupted_at_times() -> impl FnMut() -> bool {
    let mut since = Instant::now();
    move || {
        let due = since.elapsed() >= PACE;
        if due {
            since = Instant::now();
        }
        due && interrupted()
    }
}
