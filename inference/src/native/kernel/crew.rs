//! Threads that work on the steps of a run together.
//!
//! One helper thread for each core but one serves all networks. A run gathers those that are free, hands them parts of
//! step after step, and lets them go. Between steps a helper looks for the next for some microseconds before it sleeps:
//! waking takes longer than most steps do. Whoever shares takes parts like everybody else and waits only for parts that a
//! helper has begun, never for one that the system has not woken yet: on a busy machine it does all the work itself.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use crate::{flush_to_zero, guard};

/// Most threads of one run: steps of networks for faces have no more parts that are worth it.
pub(crate) const MAX_CREW: usize = 16;

/// How often a helper looks for work before it sleeps: some 50 µs, the longest that steps which are not shared take
/// between two that are.
const LOOKS: u32 = 2_000;

/// How often the end of a part is looked for before the processor is left to others. A part takes some ten microseconds;
/// longer means that its thread was interrupted.
const WAITS: u32 = 4_000;

/// Parts of one step. Lives on the stack of whoever shares it.
struct Job<'a> {
    /// Gets the number of the part and of who does it.
    work: &'a (dyn Fn(usize, usize) + Sync),
    n_parts: usize,
    /// The next part, and the number of the next who comes.
    next_part: AtomicUsize,
    next_worker: AtomicUsize,
    is_broken: AtomicBool,
}

impl Job<'_> {
    /// Does parts until there are none.
    fn work_off(&self, worker: usize) {
        loop {
            let part = self.next_part.fetch_add(1, Ordering::Relaxed);
            if part >= self.n_parts {
                return;
            }
            (self.work)(part, worker);
        }
    }
}

/// A thread that helps, and how it is told.
struct Helper {
    /// A run has it.
    is_taken: AtomicBool,
    /// What it is to do next; null for nothing. Whoever swaps it out has it.
    job: AtomicPtr<Job<'static>>,
    /// It has done what it swapped out last, and touches it no more.
    is_done: AtomicBool,
    is_asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Helper {
    const fn new() -> Self {
        Self {
            is_taken: AtomicBool::new(false),
            job: AtomicPtr::new(std::ptr::null_mut()),
            is_done: AtomicBool::new(true),
            is_asleep: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }

    /// What the thread does all its life.
    fn serve(&self) {
        flush_to_zero();
        loop {
            let job = self.next_job();
            // SAFETY: whoever put the job here took it back or waits until `is_done`, so it lives as long as that is false.
            let job = unsafe { &*job };
            // All of a crew that come are at most as many as it has threads: the sharer is the first.
            let worker = job.next_worker.fetch_add(1, Ordering::Relaxed);
            if guard::catch(|| job.work_off(worker)).is_err() {
                job.is_broken.store(true, Ordering::Relaxed);
            }
            self.is_done.store(true, Ordering::Release);
        }
    }

    fn next_job(&self) -> *mut Job<'static> {
        loop {
            for _ in 0..LOOKS {
                if !self.job.load(Ordering::Relaxed).is_null() {
                    let job = self.job.swap(std::ptr::null_mut(), Ordering::Acquire);
                    if !job.is_null() {
                        return job;
                    }
                }
                std::hint::spin_loop();
            }
            self.is_asleep.store(true, Ordering::SeqCst);
            // Looked at after that was said: whoever put a job there before sees it and wakes us, or we see the job.
            if self.job.load(Ordering::SeqCst).is_null() {
                std::thread::park();
            }
            self.is_asleep.store(false, Ordering::SeqCst);
        }
    }

    fn wake(&self) {
        if self.is_asleep.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Takes the job back, or waits until it is done.
    fn recall(&self) {
        if !self
            .job
            .swap(std::ptr::null_mut(), Ordering::AcqRel)
            .is_null()
        {
            // It never came.
            self.is_done.store(true, Ordering::Relaxed);
            return;
        }
        let mut n_waits = 0;
        while !self.is_done.load(Ordering::Acquire) {
            n_waits += 1;
            if n_waits < WAITS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// So many helpers, as far as the system gives threads. They live as long as the program.
fn start(n_helpers: usize) -> Vec<&'static Helper> {
    let mut helpers = Vec::with_capacity(n_helpers);
    for index in 0..n_helpers {
        let helper: &'static Helper = Box::leak(Box::new(Helper::new()));
        let name = format!("native-{index}");
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn(|| helper.serve());
        if let Ok(thread) = spawned {
            // Set once, here.
            let _ = helper.thread.set(thread.thread().clone());
            helpers.push(helper);
        }
    }
    helpers
}

/// The helpers of this program: one for each core but one.
fn helpers() -> &'static [&'static Helper] {
    static HELPERS: OnceLock<Vec<&'static Helper>> = OnceLock::new();
    HELPERS.get_or_init(|| {
        let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        start((n_cores - 1).min(MAX_CREW - 1))
    })
}

/// Threads that this program can have at work at once, this one among them.
pub(crate) fn n_threads() -> usize {
    helpers().len() + 1
}

/// The threads of one run: the caller's, and helpers that nobody else has.
pub(crate) struct Crew {
    helpers: [Option<&'static Helper>; MAX_CREW - 1],
}

impl Crew {
    /// The caller's thread alone.
    pub(crate) const fn alone() -> Self {
        Self {
            helpers: [None; MAX_CREW - 1],
        }
    }

    /// At most so many threads: fewer where other runs have the helpers.
    pub(crate) fn gather(n_threads: usize) -> Self {
        Self::of(helpers(), n_threads)
    }

    fn of(helpers: &[&'static Helper], n_threads: usize) -> Self {
        let mut crew = Self::alone();
        let mut places = crew.helpers.iter_mut().take(n_threads.saturating_sub(1));
        for helper in helpers {
            let Some(place) = places.next() else {
                break;
            };
            if !helper.is_taken.swap(true, Ordering::Acquire) {
                *place = Some(*helper);
                helper.wake();
            }
        }
        crew
    }

    fn members(&self) -> impl Iterator<Item = &'static Helper> + '_ {
        self.helpers.iter().copied().flatten()
    }

    /// Does each of so many parts once. `work` gets the number of the part, and a number of who does it that nobody else
    /// has meanwhile, below the number of threads.
    ///
    /// # Panics
    /// Where `work` does, once nobody works any more.
    pub(crate) fn share(&self, n_parts: usize, work: &(dyn Fn(usize, usize) + Sync)) {
        let job = Job {
            work,
            n_parts,
            next_part: AtomicUsize::new(0),
            next_worker: AtomicUsize::new(1),
            is_broken: AtomicBool::new(false),
        };
        {
            // Dropped before the job even where a part of ours panics.
            let _recall = Recall(self);
            // One part is for the caller.
            for helper in self.members().take(n_parts.saturating_sub(1)) {
                helper.is_done.store(false, Ordering::Relaxed);
                let job: *const Job<'_> = &raw const job;
                // The lifetime is ours to keep: see `Recall`.
                helper
                    .job
                    .store(job.cast_mut().cast::<Job<'static>>(), Ordering::SeqCst);
                helper.wake();
            }
            job.work_off(0);
        }
        assert!(
            !job.is_broken.load(Ordering::Relaxed),
            "a part of a step panicked on another thread"
        );
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for helper in self.members() {
            helper.is_taken.store(false, Ordering::Release);
        }
    }
}

/// When dropped, no helper of the crew has a job any more.
struct Recall<'a>(&'a Crew);

impl Drop for Recall<'_> {
    fn drop(&mut self) {
        self.0.members().for_each(Helper::recall);
    }
}

/// Things of which each is taken by one of several threads.
pub(crate) struct Lockers<T, const N: usize>([Mutex<Option<T>>; N]);

impl<T, const N: usize> Lockers<T, N> {
    /// The first so many of `things`.
    pub(crate) fn new(things: impl Iterator<Item = T>) -> Self {
        let mut lockers = [const { Mutex::new(None) }; N];
        for (locker, thing) in lockers.iter_mut().zip(things) {
            *locker = Mutex::new(Some(thing));
        }
        Self(lockers)
    }

    /// Takes one out; `None` where it has been taken.
    pub(crate) fn take(&self, index: usize) -> Option<T> {
        let mut locker = self.0[index].lock().unwrap_or_else(PoisonError::into_inner);
        locker.take()
    }

    /// Puts one back.
    pub(crate) fn put(&self, index: usize, thing: T) {
        let mut locker = self.0[index].lock().unwrap_or_else(PoisonError::into_inner);
        *locker = Some(thing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds of the tests below: an interpreter takes its time.
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 2_000 };

    /// What a round of 23 parts did, each part counted.
    fn round(crew: &Crew, n_threads: usize) {
        let counts = [const { AtomicUsize::new(0) }; 23];
        let at_it = [const { AtomicUsize::new(0) }; MAX_CREW];
        crew.share(counts.len(), &|part, worker| {
            assert!(worker < n_threads, "worker {worker}");
            assert_eq!(at_it[worker].fetch_add(1, Ordering::SeqCst), 0);
            counts[part].fetch_add(1, Ordering::SeqCst);
            at_it[worker].fetch_sub(1, Ordering::SeqCst);
        });
        assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 1));
    }

    #[test]
    fn each_part_is_done_once_whoever_comes() {
        let helpers = start(3);
        for n_threads in [1, 2, 4, 7] {
            for n in 0..ROUNDS {
                let crew = Crew::of(&helpers, n_threads);
                round(&crew, n_threads.min(4));
                if n % 100 == 99 {
                    // Long enough that they fall asleep.
                    let began = std::time::Instant::now();
                    while began.elapsed() < std::time::Duration::from_millis(2) {}
                }
                round(&crew, n_threads.min(4));
            }
        }
    }

    #[test]
    fn two_runs_at_once_share_the_helpers() {
        let helpers = start(2);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        round(&Crew::of(&helpers, 3), 3);
                    }
                });
            }
        });
        assert!(helpers.iter().all(|h| !h.is_taken.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_part_that_panics_is_told_and_the_crew_goes_on() {
        let helpers = start(2);
        let crew = Crew::of(&helpers, 3);
        for bad in 0..8 {
            let broken = guard::catch(|| {
                crew.share(8, &|part, _| assert_ne!(part, bad, "that one"));
            });
            assert!(broken.is_err(), "{bad}");
            round(&crew, 3);
        }
    }

    #[test]
    fn what_lies_in_a_locker_is_taken_once() {
        let lockers: Lockers<u8, 4> = Lockers::new([5, 6].into_iter());
        assert_eq!((lockers.take(1), lockers.take(1)), (Some(6), None));
        lockers.put(1, 7);
        assert_eq!((lockers.take(1), lockers.take(3)), (Some(7), None));
    }
}
