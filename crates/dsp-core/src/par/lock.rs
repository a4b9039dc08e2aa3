//! Locks that a signal handler may meet: it runs within a call, and must not wait for what that call has locked.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::error::{Error, Result};

thread_local! {
    /// Whether this thread runs its caller's code within a call.
    static ANSWERING: Cell<bool> = const { Cell::new(false) };
}

/// Asks what may run the caller's code within a call: there, on this thread, [`lock`] does not wait.
pub fn answering<R>(question: impl FnOnce() -> R) -> R {
    let before = ANSWERING.replace(true);
    let answer = question();
    ANSWERING.set(before);
    answer
}

/// Locks `what` the mutex guards; a second thread waits for the first.
///
/// # Errors
/// [`Error::State`] after a panic of whoever had it locked, and within [`answering`] if it is locked.
pub fn lock<'a, T>(mutex: &'a Mutex<T>, what: &str) -> Result<MutexGuard<'a, T>> {
    let locked = if ANSWERING.get() { mutex.try_lock() } else { mutex.lock().map_err(TryLockError::from) };
    locked.map_err(|error| {
        Error::State(match error {
            TryLockError::WouldBlock => {
                format!("this {what} is busy with the call that the signal handler interrupts")
            }
            TryLockError::Poisoned(_) => format!("an earlier internal error left this {what} inconsistent"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_does_not_wait() {
        let mutex = Mutex::new(1);
        let held = lock(&mutex, "number").unwrap();
        let busy = answering(|| lock(&mutex, "number").map(|number| *number));
        assert!(matches!(busy, Err(Error::State(message)) if message.contains("this number is busy")));
        drop(held);
        assert_eq!(answering(|| *lock(&mutex, "number").unwrap()), 1);
    }
}
