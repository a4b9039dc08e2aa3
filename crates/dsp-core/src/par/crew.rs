//! Helpers that stay awake between the calls of a training loop.
//!
//! Waking a sleeping thread costs more than a tile's work in a mini-batch takes. A crew's helpers therefore look for work
//! for a moment before they sleep, and the caller never waits for one to wake: tasks are claimed one by one, so what no
//! helper takes the caller does itself.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stop::PACE;

/// How long a helper looks for work before it sleeps: the longest gap between the calls of a mini-batch.
const AWAKE: Duration = Duration::from_micros(200);
/// Looks at the queue between two yields of the core.
const LOOKS: u32 = 64;

/// Looks at a helper's task that has not ended before the caller yields its core, to which it may not soon return.
const PATIENCE: u32 = 10_000;

/// A round of tasks that others may help with.
trait Round: Send + Sync {
    /// Claims and runs tasks until none is left to claim.
    fn help(&self);
}

/// What caller and helpers share.
#[derive(Default)]
struct Shared {
    rounds: Mutex<VecDeque<Arc<dyn Round>>>,
    /// Number of entries in `rounds`, readable without the lock.
    queued: AtomicUsize,
    asleep: AtomicUsize,
    wake: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn pop(&self) -> Option<Arc<dyn Round>> {
        if self.queued.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut rounds = lock(&self.rounds);
        let round = rounds.pop_front();
        self.queued.store(rounds.len(), Ordering::Release);
        round
    }

    fn push(&self, round: &Arc<dyn Round>, copies: usize) {
        let mut rounds = lock(&self.rounds);
        rounds.extend(std::iter::repeat_n(round.clone(), copies));
        self.queued.store(rounds.len(), Ordering::Release);
        drop(rounds);
        if self.asleep.load(Ordering::Acquire) > 0 {
            self.wake.notify_all();
        }
    }

    /// Looks for a round until it is time to sleep.
    fn look(&self) -> Option<Arc<dyn Round>> {
        let since = Instant::now();
        while since.elapsed() < AWAKE {
            for _ in 0..LOOKS {
                if let Some(round) = self.pop() {
                    return Some(round);
                }
                std::hint::spin_loop();
            }
            std::thread::yield_now();
        }
        None
    }

    /// Sleeps until there is a round.
    fn sleep(&self) {
        let mut rounds = lock(&self.rounds);
        self.asleep.fetch_add(1, Ordering::AcqRel);
        while rounds.is_empty() {
            rounds = self.wake.wait(rounds).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::AcqRel);
    }
}

type Outcome<R> = Result<R, Box<dyn Any + Send>>;

struct Tasks<F, R> {
    tasks: Vec<Mutex<Option<F>>>,
    outcomes: Vec<Mutex<Option<Outcome<R>>>>,
    /// The next task that nobody claimed.
    next: AtomicUsize,
    /// Tasks that have not ended.
    left: AtomicUsize,
}

impl<F: FnOnce() -> R + Send, R: Send> Round for Tasks<F, R> {
    fn help(&self) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = self.tasks.get(index).and_then(|task| lock(task).take()) else { return };
            *lock(&self.outcomes[index]) = Some(catch_unwind(AssertUnwindSafe(task)));
            self.left.fetch_sub(1, Ordering::Release);
        }
    }
}

/// A caller's helpers.
#[derive(Clone)]
pub struct Crew {
    shared: Arc<Shared>,
    helpers: usize,
}

impl Crew {
    /// A crew of as many of these helpers as the system gives threads for.
    pub fn hire(helpers: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let hired = (0..helpers).take_while(|_| {
            let shared = shared.clone();
            let work = move || loop {
                match shared.look() {
                    Some(round) => round.help(),
                    None => shared.sleep(),
                }
            };
            std::thread::Builder::new().name("dsptrack".into()).spawn(work).is_ok()
        });
        let helpers = hired.count();
        Self { shared, helpers }
    }

    /// Runs all tasks, the caller's thread among those that do; results in the order of the tasks. While the caller waits
    /// for the last ones it does `meanwhile`, at the pace of [`PACE`].
    pub fn run<F, R>(&self, tasks: Vec<F>, meanwhile: impl Fn()) -> Vec<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let count = tasks.len();
        let round = Arc::new(Tasks {
            tasks: tasks.into_iter().map(|task| Mutex::new(Some(task))).collect(),
            outcomes: (0..count).map(|_| Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
            left: AtomicUsize::new(count),
        });
        let shared_round: Arc<dyn Round> = round.clone();
        self.shared.push(&shared_round, self.helpers.min(count.saturating_sub(1)));
        round.help();
        let (mut looks, mut since) = (0_u32, None);
        while round.left.load(Ordering::Acquire) > 0 {
            looks = looks.saturating_add(1);
            if looks > PATIENCE {
                std::thread::yield_now();
                if since.get_or_insert_with(Instant::now).elapsed() >= PACE {
                    since = None;
                    meanwhile();
                }
            }
            std::hint::spin_loop();
        }
        let outcome = |index: usize| match lock(&round.outcomes[index]).take() {
            Some(Ok(result)) => result,
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("a task that was counted as ended left an outcome"),
        };
        (0..count).map(outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_also_when_helpers_sleep() {
        for helpers in [0, 1, 3] {
            let crew = Crew::hire(helpers);
            for round in 0..200_usize {
                if round.is_multiple_of(50) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                let tasks = (0..7).map(|i| move || i * round).collect::<Vec<_>>();
                assert_eq!(crew.run(tasks, || {}), (0..7).map(|i| i * round).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn several_callers_share_a_crew() {
        let crew = Crew::hire(2);
        std::thread::scope(|scope| {
            for caller in 0..4_usize {
                let crew = crew.clone();
                scope.spawn(move || {
                    for round in 0..100 {
                        let tasks = (0..3).map(|i| move || caller + round + i).collect::<Vec<_>>();
                        assert_eq!(crew.run(tasks, || {}), [caller + round, caller + round + 1, caller + round + 2]);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_crew_survives() {
        let crew = Crew::hire(1);
        let work = |i: u32| move || assert!(i != 1, "task {i}");
        let caught = catch_unwind(AssertUnwindSafe(|| crew.run(vec![work(0), work(1), work(2)], || {})));
        assert!(caught.is_err());
        crew.run(vec![work(0), work(2)], || {});
    }
}
