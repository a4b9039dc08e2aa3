//! Giving up a long call. Its caller says whom to ask; loops ask now and then, and unwind when the answer is yes.
//!
//! Unwinding needs no return path through the kernels, and runs no panic hook. It leaves behind what was half done: so only
//! work that changes nothing before its end, or that [`undoable`] takes back, may be watched; all else is [`unwatched`].

use std::cell::RefCell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::check_room;

/// Says whether the call that it belongs to shall end.
pub type Ask = fn() -> bool;

/// Time between two questions.
pub const PACE: Duration = Duration::from_millis(30);
/// Looks at the clock are rarer than checkpoints: one in so many.
const LOOKS: u32 = 8;

/// What unwinds through a call that is given up.
struct Stopped;

type Flag = Arc<AtomicBool>;

/// How the present thread learns that its work shall end.
#[derive(Clone)]
enum Watch {
    /// It is never given up.
    Nobody,
    /// It asks by itself, at its pace, and raises the flag for those who help it.
    Asking { ask: Ask, since: Instant, looks: u32, flag: Option<Flag> },
    /// The thread that asks raises a flag for it.
    Told(Flag),
}

thread_local! {
    static WATCH: RefCell<Watch> = const { RefCell::new(Watch::Nobody) };
}

/// Runs `work` under another watch, and the former one after it, however it ends.
fn under<R>(watch: Watch, work: impl FnOnce() -> R) -> R {
    struct Former(Watch);
    impl Drop for Former {
        fn drop(&mut self) {
            WATCH.replace(std::mem::replace(&mut self.0, Watch::Nobody));
        }
    }
    let _former = Former(WATCH.replace(watch));
    work()
}

/// Runs `work` and asks now and then whether to give it up; `None` if so.
pub fn watched<R>(ask: Ask, work: impl FnOnce() -> R) -> Option<R> {
    let watch = Watch::Asking { ask, since: Instant::now(), looks: 0, flag: None };
    match catch_unwind(AssertUnwindSafe(|| under(watch, work))) {
        Ok(result) => Some(result),
        Err(reason) if reason.is::<Stopped>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// Runs `work` to its end.
pub fn unwatched<R>(work: impl FnOnce() -> R) -> R {
    under(Watch::Nobody, work)
}

/// Runs `change`, of roughly so many nanoseconds, on `thing`, which is as before if the call is given up meanwhile: what
/// was saved is put back, also if it fails. Short work is not given up, since saving would cost more, nor is work before
/// which nothing could be saved; it must not have changed anything when it fails.
pub fn undoable<T, S, R, E>(
    thing: &mut T,
    nanoseconds: f64,
    save: impl FnOnce(&T) -> Option<S>,
    put_back: impl FnOnce(&mut T, S),
    change: impl FnOnce(&mut T) -> Result<R, E>,
) -> Result<R, E> {
    const LONG: f64 = 50e6;
    let free = WATCH.with_borrow(|watch| matches!(watch, Watch::Nobody));
    if free || nanoseconds < LONG {
        return unwatched(|| change(thing));
    }
    let Some(before) = save(thing) else { return unwatched(|| change(thing)) };
    let result = catch_unwind(AssertUnwindSafe(|| change(thing)));
    if !matches!(result, Ok(Ok(_))) {
        put_back(thing, before);
    }
    result.unwrap_or_else(|reason| resume_unwind(reason))
}

/// [`undoable`] for what is saved as a copy of so many bytes, if there is room for one.
pub fn all_or_nothing<T: Clone, R>(
    thing: &mut T,
    bytes: impl FnOnce(&T) -> usize,
    nanoseconds: f64,
    change: impl FnOnce(&mut T) -> R,
) -> R {
    let save = |thing: &T| check_room(bytes(thing), "a copy").is_ok().then(|| thing.clone());
    let change = |thing: &mut T| Ok::<_, Infallible>(change(thing));
    let Ok(result) = undoable(thing, nanoseconds, save, |thing, before| *thing = before, change);
    result
}

/// How many rows of so many numbers are a piece of work between two checkpoints, where little is done with each number:
/// all of a long batch at once would take longer than a question may wait.
#[must_use]
pub fn rows_at_once(width: usize) -> usize {
    const NUMBERS: usize = 1 << 15;
    (NUMBERS / width.max(1)).max(1)
}

/// Rows of so many numbers in pieces of [`rows_at_once`], each after a checkpoint.
pub fn pieces(values: &[f32], width: usize) -> impl Iterator<Item = &[f32]> {
    values.chunks(rows_at_once(width) * width.max(1)).inspect(|_| checkpoint())
}

/// [`pieces`] to be changed.
pub fn pieces_mut(values: &mut [f32], width: usize) -> impl Iterator<Item = &mut [f32]> {
    values.chunks_mut(rows_at_once(width) * width.max(1)).inspect(|_| checkpoint())
}

/// A place where the work of a thread may end.
#[inline]
pub fn checkpoint() {
    enum Due {
        Ask(Ask, Option<Flag>),
        End,
        Nothing,
    }
    let raised = |flag: &Flag| flag.load(Ordering::Relaxed);
    // The question runs the caller's code, which may come back here: not while the watch is borrowed.
    let due = WATCH.with_borrow_mut(|watch| match watch {
        Watch::Nobody => Due::Nothing,
        Watch::Told(flag) | Watch::Asking { flag: Some(flag), .. } if raised(flag) => Due::End,
        Watch::Told(_) => Due::Nothing,
        Watch::Asking { ask, since, looks, flag } => {
            *looks += 1;
            if looks.is_multiple_of(LOOKS) && since.elapsed() >= PACE {
                *since = Instant::now();
                Due::Ask(*ask, flag.clone())
            } else {
                Due::Nothing
            }
        }
    });
    let end = match due {
        Due::Nothing => false,
        Due::End => true,
        Due::Ask(ask, flag) => {
            let end = ask();
            flag.iter().for_each(|flag| flag.store(end, Ordering::Relaxed));
            end
        }
    };
    if end {
        resume_unwind(Box::new(Stopped));
    }
}

/// How a thread that waits for others passes its watch on to them.
pub(super) struct Relay {
    ask: Option<Ask>,
    flag: Flag,
}

impl Relay {
    /// Of the present thread, if it is watched.
    pub(super) fn new() -> Option<Self> {
        WATCH.with_borrow_mut(|watch| match watch {
            Watch::Nobody => None,
            Watch::Asking { ask, flag, .. } => {
                Some(Self { ask: Some(*ask), flag: flag.get_or_insert_default().clone() })
            }
            Watch::Told(flag) => Some(Self { ask: None, flag: flag.clone() }),
        })
    }

    /// Asks for the others.
    pub(super) fn ask(&self) {
        if let Some(ask) = self.ask
            && !self.flag.load(Ordering::Relaxed)
            && ask()
        {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
}

/// The watch of the present thread, for other threads.
#[derive(Clone)]
pub(super) struct Told(Watch);

impl Told {
    /// What `relay` passes on.
    pub(super) fn by(relay: Option<&Relay>) -> Self {
        Self(relay.map_or(Watch::Nobody, |relay| Watch::Told(relay.flag.clone())))
    }

    /// Runs a task of a thread that may be the present one: then it goes on asking.
    pub(super) fn run<R>(&self, task: impl FnOnce() -> R) -> R {
        let own = WATCH.with_borrow(|watch| match (watch, &self.0) {
            (Watch::Asking { flag: Some(own), .. }, Watch::Told(flag)) => Arc::ptr_eq(own, flag),
            _ => false,
        });
        let task = || {
            checkpoint();
            task()
        };
        if own { task() } else { under(self.0.clone(), task) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::par::Threads;
    use std::sync::atomic::AtomicUsize;

    fn never() -> bool {
        false
    }

    fn always() -> bool {
        true
    }

    fn busy() {
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(20) {
            checkpoint();
        }
        panic!("nobody ended this loop");
    }

    #[test]
    fn work_ends_where_it_is_watched() {
        assert_eq!(watched(always, || 5), Some(5));
        assert_eq!(watched(always, busy), None);
        assert_eq!(watched(never, || (0..100).for_each(|_| checkpoint())), Some(()));
        checkpoint();
    }

    #[test]
    fn other_panics_pass() {
        let caught = catch_unwind(|| watched(always, || resume_unwind(Box::new(7_u8)))).unwrap_err();
        assert_eq!(caught.downcast_ref::<u8>(), Some(&7));
    }

    #[test]
    fn helpers_are_told() {
        for count in [1, 2, 3] {
            let threads = Threads::new(Some(count)).unwrap();
            let done = AtomicUsize::new(0);
            let item = |i: usize| {
                if i > 0 {
                    busy();
                }
                done.fetch_add(1, Ordering::Relaxed);
            };
            assert_eq!(watched(always, || threads.map((0..6).collect(), item)), None);
            assert!(done.into_inner() <= 1);
            assert_eq!(watched(always, || threads.map_short(usize::MAX, vec![(); 3], |()| busy())), None);
            assert_eq!(watched(never, || threads.map(vec![1, 2], |i| i + 1)), Some(vec![2, 3]));
            assert_eq!(watched(never, || threads.map_short(usize::MAX, vec![1, 2], |i| i)), Some(vec![1, 2]));
        }
    }

    #[test]
    fn changes_are_taken_back_or_finished() {
        let change = |values: &mut Vec<u8>| {
            values.push(2);
            for _ in 0..LOOKS {
                std::thread::sleep(PACE / 8);
                checkpoint();
            }
        };
        let mut values = vec![1];
        assert_eq!(watched(always, || all_or_nothing(&mut values, |_| 0, 1e9, change)), None);
        assert_eq!(values, [1]);
        assert_eq!(watched(always, || all_or_nothing(&mut values, |_| 0, 1e3, change)), Some(()));
        assert_eq!(values, [1, 2]);
        all_or_nothing(&mut values, |_| 0, 1e9, change);
        assert_eq!(values, [1, 2, 2]);
    }
}
