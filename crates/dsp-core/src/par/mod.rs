//! Threads: own pools, one per process and size; work is split into fixed blocks, never by the number of threads. Long
//! work may be given up ([`stop`]).
//!
//! A forked child must not use its parent's threads (they do not exist there), so pools are keyed by the process id;
//! rayon's global pool is never touched and nothing is started before the first parallel call.

mod lock;
mod pool;
pub mod stop;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use self::lock::{answering, lock};
use self::pool::{Ask, Pool};
use self::stop::{Relay, Told, checkpoint};
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

    /// One if `work` (roughly nanoseconds) is too small to share even with threads that are awake.
    #[must_use]
    pub fn for_short_work(self, work: usize) -> Self {
        if work < SHORT_SERIAL_BELOW { Self::ONE } else { self }
    }

    /// Applies `f` to every item and collects the results in order.
    pub fn map<T: Send, R: Send>(self, items: Vec<T>, f: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        self.share(items, Ask::All, f)
    }

    /// The same for few items, of roughly `work` nanoseconds in all: it pays within a mini-batch, since it is helped only by
    /// threads that are looking for work.
    pub fn map_short<T: Send, R: Send>(self, work: usize, items: Vec<T>, f: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        self.for_short_work(work).share(items, Ask::Ready, f)
    }

    /// The same for items of roughly `work` nanoseconds in all, be that much or little.
    pub fn map_work<T: Send, R: Send>(self, work: usize, items: Vec<T>, f: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        if work < SERIAL_BELOW { self.map_short(work, items, f) } else { self.map(items, f) }
    }

    /// The same for items of roughly so many nanoseconds each, of which `f` shares the long ones among the threads in turn.
    /// Those come one after the other: what a helper shares finds no caller to help it.
    pub fn map_each<T: Send, R: Send>(self, items: Vec<(usize, T)>, f: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        let work = |of: &Vec<(usize, (usize, T))>| of.iter().map(|(_, (work, _))| work).sum();
        let (long, short): (Vec<_>, Vec<_>) =
            items.into_iter().enumerate().partition(|(_, (work, _))| self.for_work(*work) != Self::ONE);
        let numbered = |(number, (_, item))| (number, f(item));
        let mut results: Vec<_> = long.into_iter().map(alone(numbered)).collect();
        results.extend(self.map_short(work(&short), short, numbered));
        results.sort_unstable_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn share<T: Send, R: Send>(self, items: Vec<T>, ask: Ask, f: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        let pool = if self.0 == 1 || items.len() <= 1 { None } else { pool(self.0) };
        // Where the system gave no threads the result is the same on one.
        let Some(pool) = pool else { return items.into_iter().map(alone(f)).collect() };
        let relay = Relay::new();
        let told = Told::by(relay.as_ref());
        pool.share(items, ask, |item| told.run(|| f(item)), || relay.iter().for_each(Relay::ask))
    }
}

/// `f` for one item after the other on the caller's thread.
fn alone<T, R>(f: impl Fn(T) -> R) -> impl Fn(T) -> R {
    move |item| {
        checkpoint();
        f(item)
    }
}

/// Waking a pool costs some 100 microseconds on a virtual machine (measured: training with mini-batches of ten vectors took
/// 1.6 times as long on two threads with a threshold of 60,000); below this estimate of the work it does not pay.
const SERIAL_BELOW: usize = 1_000_000;
/// The same where threads are awake already.
const SHORT_SERIAL_BELOW: usize = 20_000;

/// Pools by process id and number of threads.
type Pools = HashMap<(u32, usize), Arc<Pool>>;

/// The helpers of a caller that uses `count` threads, its own among them, in this process.
fn pool(count: usize) -> Option<Arc<Pool>> {
    static POOLS: Mutex<Option<Pools>> = Mutex::new(None);
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_default();
    let key = (std::process::id(), count);
    if let Some(found) = pools.get(&key) {
        return Some(found.clone());
    }
    let new = Pool::start(count - 1)?;
    pools.insert(key, new.clone());
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        for count in [1, 2, 3, 7] {
            let threads = Threads::new(Some(count)).unwrap();
            let expected: Vec<_> = (0..100).map(|i| i * 2).collect();
            assert_eq!(threads.map((0..100).collect(), |i| i * 2), expected);
            for work in [0, usize::MAX] {
                assert_eq!(threads.map_short(work, (0..100).collect(), |i| i * 2), expected);
                assert_eq!(threads.map_work(work, (0..100).collect(), |i| i * 2), expected);
            }
            let sized = |work: usize| (0..100).map(|i| (i % 7 * work, i)).collect();
            for work in [0, SHORT_SERIAL_BELOW, SERIAL_BELOW] {
                assert_eq!(threads.map_each(sized(work), |i| i * 2), expected);
            }
        }
    }

    #[test]
    fn counts_are_checked() {
        assert!(Threads::new(Some(0)).is_err());
        assert!(Threads::new(Some(1025)).is_err());
    }
}
