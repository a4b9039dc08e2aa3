//! Helpers that stay awake between the calls of a training loop.
//!
//! Waking a sleeping thread costs more than a tile's work in a mini-batch takes. After its work a helper therefore lingers:
//! it looks for more for a moment before it sleeps. A call takes its tasks one by one from the list that its helpers take
//! them from, and in the end waits for everyone it asked. A short one therefore asks only helpers that were seen looking just
//! now: not those that sleep, work for others, or have lost their core to another thread.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder, Yield};

use super::stop::PACE;

/// Whom a call asks for help.
#[derive(Clone, Copy)]
pub enum Ask {
    /// All helpers, also those who work for others.
    All,
    /// Those who help at once.
    Ready,
}

/// How long a helper lingers: longer than the gaps between the calls of a mini-batch.
const LINGER: Duration = Duration::from_micros(1000);
/// Looks for work between two looks at the clock, some microseconds.
const LOOKS: u32 = 16;
/// How long ago a helper may have looked at the clock and still count as running.
const FRESH: Duration = Duration::from_micros(20);
/// Looks at a helper's task that has not ended before the caller sleeps in naps: some 500 microseconds. A helper whose core
/// is taken, by the threads of a BLAS that spin after a product, say, can then have the caller's.
const PATIENCE: u32 = 10_000;
/// A nap.
const NAP: Duration = Duration::from_micros(20);

/// A caller's helpers.
pub struct Pool {
    helpers: ThreadPool,
    duties: Vec<Duty>,
    /// Helpers that nobody has asked, awake or asleep.
    free: AtomicUsize,
    started: Instant,
}

/// What callers know of a helper.
#[derive(Default)]
struct Duty {
    /// Whether it lingers, works from there, or has been called to linger.
    called: AtomicBool,
    /// When it last found nothing to do, in nanoseconds since the start of the pool.
    seen: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool of so many helpers, at least one; none if the system gives no threads.
    pub fn start(helpers: usize) -> Option<Arc<Self>> {
        let duties = (0..helpers).map(|_| Duty::default()).collect();
        let free = AtomicUsize::new(helpers);
        let helpers = ThreadPoolBuilder::new().num_threads(helpers).build().ok()?;
        Some(Arc::new(Self { helpers, duties, free, started: Instant::now() }))
    }

    /// Applies `f` to all items, the caller's thread among those that do; results in the order of the items. While the caller
    /// waits for the last ones it does `meanwhile`, at the pace of [`PACE`].
    pub fn share<T: Send, R: Send>(
        self: &Arc<Self>,
        items: Vec<T>,
        ask: Ask,
        f: impl Fn(T) -> R + Sync,
        meanwhile: impl Fn(),
    ) -> Vec<R> {
        let most = self.duties.len().min(items.len().saturating_sub(1));
        self.keep_awake(most);
        let wanted = match ask {
            Ask::All => most,
            Ask::Ready => most.min(self.ready()),
        };
        let claimed = (0..wanted).take_while(|_| self.claim()).count();
        let helpers = if let Ask::All = ask { most } else { claimed };
        let tasks = Tasks::new(items);
        let inside = AtomicUsize::new(helpers);
        self.helpers.in_place_scope(|scope| {
            for helper in 0..helpers {
                let (tasks, f, inside) = (&tasks, &f, &inside);
                scope.spawn(move |_| {
                    let claimed = helper < claimed || self.claim();
                    tasks.work(f);
                    if claimed {
                        self.free.fetch_add(1, Ordering::Release);
                    }
                    inside.fetch_sub(1, Ordering::Release);
                });
            }
            tasks.work(&f);
            let (mut looks, mut since) = (0_u32, Instant::now());
            // The scope's own wait would sleep. A caller that is a helper itself may hold the work that it waits for.
            while inside.load(Ordering::Acquire) > 0 {
                if rayon::yield_now() == Some(Yield::Executed) {
                    continue;
                }
                looks = looks.saturating_add(1);
                if looks > PATIENCE {
                    std::thread::sleep(NAP);
                    if since.elapsed() >= PACE {
                        since = Instant::now();
                        meanwhile();
                    }
                }
                std::hint::spin_loop();
            }
        });
        tasks.outcomes()
    }

    /// Takes a free helper, if there is one.
    fn claim(&self) -> bool {
        self.free.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |free| free.checked_sub(1)).is_ok()
    }

    /// Nanoseconds since the start.
    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    /// How many helpers were looking for work just now.
    fn ready(&self) -> usize {
        let since = self.now().saturating_sub(FRESH.as_nanos() as u64);
        self.duties.iter().filter(|duty| duty.seen.load(Ordering::Acquire) > since).count()
    }

    /// Sees to it that `most` helpers linger, for the next calls.
    fn keep_awake(self: &Arc<Self>, most: usize) {
        let lingering = self.duties.iter().filter(|duty| duty.called.load(Ordering::Acquire)).count();
        // A helper that works for long is called once and no more: it would linger once for every call.
        let asleep = self.duties.iter().enumerate().filter(|(_, duty)| !duty.called.swap(true, Ordering::AcqRel));
        let called: Vec<usize> = asleep.map(|(index, _)| index).take(most.saturating_sub(lingering)).collect();
        if !called.is_empty() {
            let pool = self.clone();
            self.helpers.spawn_broadcast(move |helper| {
                if called.contains(&helper.index()) {
                    pool.linger(&pool.duties[helper.index()]);
                }
            });
        }
    }

    /// Looks for work until there has been none for a moment.
    fn linger(&self, duty: &Duty) {
        let mut since = Instant::now();
        while since.elapsed() < LINGER {
            duty.seen.store(self.now(), Ordering::Release);
            for _ in 0..LOOKS {
                if rayon::yield_now() == Some(Yield::Executed) {
                    since = Instant::now();
                    break;
                }
                std::hint::spin_loop();
            }
            // Others may want this core more, such as a BLAS that spins after a product.
            std::thread::yield_now();
        }
        duty.called.store(false, Ordering::Release);
    }
}

type Outcome<R> = std::thread::Result<R>;

/// A list of items that are taken one by one.
struct Tasks<T, R> {
    items: Vec<Mutex<Option<T>>>,
    outcomes: Vec<Mutex<Option<Outcome<R>>>>,
    /// The next item that nobody took.
    next: AtomicUsize,
}

impl<T, R> Tasks<T, R> {
    fn new(items: Vec<T>) -> Self {
        let outcomes = items.iter().map(|_| Mutex::new(None)).collect();
        let items = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        Self { items, outcomes, next: AtomicUsize::new(0) }
    }

    /// Takes items until none is left.
    fn work(&self, f: impl Fn(T) -> R) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = self.items.get(index).and_then(|item| lock(item).take()) else { return };
            *lock(&self.outcomes[index]) = Some(catch_unwind(AssertUnwindSafe(|| f(item))));
        }
    }

    /// All results; the first panic goes on here.
    fn outcomes(self) -> Vec<R> {
        let outcome = |outcome: Mutex<Option<Outcome<R>>>| match outcome.into_inner() {
            Ok(Some(Ok(result))) => result,
            Ok(Some(Err(panic))) => resume_unwind(panic),
            _ => unreachable!("an item that was taken left an outcome"),
        };
        self.outcomes.into_iter().map(outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_also_when_helpers_sleep() {
        for helpers in [1, 3] {
            let pool = Pool::start(helpers).unwrap();
            for round in 0..200_usize {
                if round.is_multiple_of(50) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                let expected: Vec<_> = (0..7).map(|i| i * round).collect();
                for ask in [Ask::All, Ask::Ready] {
                    assert_eq!(pool.share((0..7).collect(), ask, |i| i * round, || {}), expected);
                }
            }
        }
    }

    #[test]
    fn several_callers_share_a_pool_also_from_within() {
        let pool = Pool::start(2).unwrap();
        std::thread::scope(|scope| {
            for caller in 0..4_usize {
                let pool = pool.clone();
                scope.spawn(move || {
                    for round in 0..100 {
                        let asks = [Ask::All, Ask::Ready];
                        let inner = |i| pool.share(vec![i, 1], asks[round % 2], |v| v + caller, || {})[0];
                        let expected: Vec<_> = (0..3).map(|i| caller + i).collect();
                        assert_eq!(pool.share((0..3).collect(), asks[round / 2 % 2], inner, || {}), expected);
                    }
                });
            }
        });
    }

    #[test]
    fn a_short_call_does_not_wait_for_a_busy_helper() {
        let pool = Pool::start(1).unwrap();
        let (busy, started) = (AtomicBool::new(true), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let wait = |_| {
                    started.fetch_add(1, Ordering::Release);
                    while busy.load(Ordering::Acquire) {
                        std::thread::yield_now();
                    }
                };
                pool.share(vec![0, 1], Ask::All, wait, || {});
            });
            while started.load(Ordering::Acquire) < 2 {
                std::thread::yield_now();
            }
            for round in 0..1000 {
                assert_eq!(pool.share(vec![round, 1], Ask::Ready, |i| i, || {}), [round, 1]);
            }
            busy.store(false, Ordering::Release);
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_survives() {
        let pool = Pool::start(1).unwrap();
        let work = |i: u32| assert!(i != 1, "item {i}");
        for ask in [Ask::All, Ask::Ready] {
            let caught = catch_unwind(AssertUnwindSafe(|| pool.share(vec![0, 1, 2], ask, work, || {})));
            assert!(caught.is_err());
            pool.share(vec![0, 2], ask, work, || {});
        }
    }
}
