//! The one place where the interpreter is released: lock, compute, answer Ctrl-C, and turn panics into errors.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, TryLockError};
use std::time::Instant;

use dsp_core::par::stop::{PACE, watched};
use pyo3::prelude::*;

use crate::errors::{named, raise};

thread_local! {
    /// Whether this thread runs a signal handler within a call: it must not wait for what that call has locked.
    static HANDLING: Cell<bool> = const { Cell::new(false) };
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
        let lock = if HANDLING.get() { mutex.try_lock() } else { mutex.lock().map_err(TryLockError::from) };
        let mut guard = match lock {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => {
                return Err("this object is busy with the call that the signal handler interrupts".to_owned());
            }
            Err(TryLockError::Poisoned(_)) => {
                return Err("an earlier internal error left this object inconsistent".to_owned());
            }
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

/// As [`locked`] for `work` that Ctrl-C may end: work that then leaves the object as it was.
pub fn patient<T: Send, R: Send>(
    py: Python<'_>,
    mutex: &Mutex<T>,
    work: impl FnOnce(&mut T) -> dsp_core::Result<R> + Send,
) -> PyResult<R> {
    let outcome = locked(py, mutex, |thing| watched(interrupted, || work(thing)).transpose())?;
    unless_raised(py, outcome)
}

/// Runs `work` that changes no shared object before its end, with the interpreter released; Ctrl-C may end it.
pub fn free<R: Send>(py: Python<'_>, work: impl FnOnce() -> dsp_core::Result<R> + Send) -> PyResult<R> {
    patient(py, &Mutex::new(()), |()| work())
}

/// What a call returned, or the exception that ended it.
pub fn unless_raised<R>(py: Python<'_>, outcome: Option<R>) -> PyResult<R> {
    match (outcome, RAISED.take()) {
        (Some(outcome), None) => Ok(outcome),
        (_, Some(error)) => Err(error),
        (None, None) => Err(named(py, "StateError", "the call was interrupted")),
    }
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// Asks the interpreter for a pending signal; keeps the exception that its handler raised.
pub fn interrupted() -> bool {
    let before = HANDLING.replace(true);
    let raised = Python::attach(|py| py.check_signals().err());
    HANDLING.set(before);
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
