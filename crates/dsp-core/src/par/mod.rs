//! Threads: own pools, one per process and size; work is split into fixed blocks, never by the number of threads. Long
//! work may be given up ([`stop`]).
//!
//! A forked child must not use its parent's threads (they do not exist there), so pools are keyed by the process id;
//! rayon's global pool is never touched and nothing is started before the first parallel call.

mod crew;
pub mod stop;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;
use rayon::prelude::*;

use self::crew::Crew;
use self::stop::{PACE, Relay, Told, checkpoint};
use crate::error::{Error, Result};

/// The environment variable with the default number of threads.
const VARIABLE: &str = "DSPTRACK_NUM_THREADS";
/// Largest number of threads accepted.
const MAX_THREADS: usize = 1024;

/// How many threads a call may use; one means the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads(usize);

impl Threads {
    /// The caller's thread only.
    pub const ONE: Self = Self(1);

    /// This many threads, or the default: `DSPTRACK_NUM_THREADS`, else all cores.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside 1 to 1024.
    pub fn new(count: Option<usize>) -> Result<Self> {
        let allowed = format!("an integer from 1 to {MAX_THREADS}");
        let (name, count) = match (count, std::env::var(VARIABLE)) {
            (Some(count), _) => ("num_threads", count),
            (None, Ok(text)) => match text.parse() {
                Ok(count) => (VARIABLE, count),
                Err(_) => return Err(Error::parameter(VARIABLE, format!("{text:?}"), allowed)),
            },
            (None, Err(_)) => ("num_threads", std::thread::available_parallelism().map_or(1, usize::from)),
        };
        if (1..=MAX_THREADS).contains(&count) { Ok(Self(count)) } else { Err(Error::parameter(name, count, allowed)) }
    }

    /// The number of threads.
    #[must_use]
    pub fn count(self) -> usize {
        self.0
    }

    /// One if `work` (roughly nanoseconds) is too small to share.
    #[must_use]
    pub fn for_work(self, work: usize) -> Self {
        if work < SERIAL_BELOW { Self::ONE } else { self }
    }

    /// Runs a few tasks of some 10 microseconds or more each, and returns their results in order.
    ///
    /// Unlike [`Threads::map`] it pays within a mini-batch: helpers stay awake between calls, and the caller does what
    /// none of them takes.
    pub fn run<F, R>(self, tasks: Vec<F>) -> Vec<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let crew = if self.0 == 1 || tasks.len() <= 1 { None } else { crew(self.0) };
        match crew {
            Some(crew) => {
                let relay = Relay::new();
                let told = Told::by(relay.as_ref());
                let task = |task: F| {
                    let told = told.clone();
                    move || told.run(task)
                };
                crew.run(tasks.into_iter().map(task).collect(), || relay.iter().for_each(Relay::ask))
            }
            None => tasks.into_iter().map(alone(|task: F| task())).collect(),
        }
    }

    /// Applies `f` to every item and collects the results in order.
    pub fn map<T: Send, R: Send>(self, items: Vec<T>, f: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        let pool = if self.0 == 1 || items.len() <= 1 { None } else { pool(self.0) };
        // Where the system gave no threads the result is the same on one.
        let Some(pool) = pool else { return items.into_iter().map(alone(f)).collect() };
        let Some(relay) = Relay::new() else {
            return pool.install(|| items.into_par_iter().map(f).collect());
        };
        let told = Told::by(Some(&relay));
        attended(&pool, &relay, || items.into_par_iter().map(|item| told.run(|| f(item))).collect())
    }
}

/// `f` for one item after the other on the caller's thread.
fn alone<T, R>(f: impl Fn(T) -> R) -> impl Fn(T) -> R {
    move |item| {
        checkpoint();
        f(item)
    }
}

/// Runs `work` in a pool, while the caller's thread asks whether to give it up.
fn attended<R: Send>(pool: &ThreadPool, relay: &Relay, work: impl FnOnce() -> R + Send) -> R {
    let (send, receive) = channel();
    let outcome = pool.in_place_scope(|scope| {
        // The receiver lives until the work has sent its outcome.
        scope.spawn(move |_| send.send(catch_unwind(AssertUnwindSafe(work))).unwrap_or_default());
        loop {
            match receive.recv_timeout(PACE) {
                Err(RecvTimeoutError::Timeout) => relay.ask(),
                Ok(outcome) => break outcome,
                Err(RecvTimeoutError::Disconnected) => unreachable!("a task of a pool ended without an outcome"),
            }
        }
    });
    outcome.unwrap_or_else(|reason| resume_unwind(reason))
}

/// Waking a pool costs some 100 microseconds on a virtual machine (measured: training with mini-batches of ten vectors took
/// 1.6 times as long on two threads with a threshold of 60,000); below this estimate of the work it does not pay.
const SERIAL_BELOW: usize = 1_000_000;

/// What was started, by process id and number of threads.
type Started<T> = Mutex<Option<HashMap<(u32, usize), T>>>;

fn started<T: Clone>(all: &Started<T>, count: usize, start: impl FnOnce() -> Option<T>) -> Option<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_with(HashMap::new);
    let key = (std::process::id(), count);
    if let Some(found) = all.get(&key) {
        return Some(found.clone());
    }
    let new = start()?;
    all.insert(key, new.clone());
    Some(new)
}

fn pool(count: usize) -> Option<Arc<ThreadPool>> {
    static POOLS: Started<Arc<ThreadPool>> = Mutex::new(None);
    started(&POOLS, count, || rayon::ThreadPoolBuilder::new().num_threads(count).build().ok().map(Arc::new))
}

/// The crew of `count` threads, the caller's among them.
fn crew(count: usize) -> Option<Crew> {
    static CREWS: Started<Crew> = Mutex::new(None);
    started(&CREWS, count, || Some(Crew::hire(count - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        for count in [1, 2, 3, 7] {
            let threads = Threads::new(Some(count)).unwrap();
            assert_eq!(threads.map((0..100).collect(), |i| i * 2), (0..100).map(|i| i * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn counts_are_checked() {
        assert!(Threads::new(Some(0)).is_err());
        assert!(Threads::new(Some(1025)).is_err());
    }
}
