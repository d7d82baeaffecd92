//! Many things at once, what comes of them in the order in which they were found.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::{Content, Fault, Found, Item, SourceError, Sources, Visitor, Wish};

/// Things that are being worked on or wait for their turn, a worker.
const AHEAD_A_WORKER: usize = 8;

/// Goes through the sources; each of `workers`, a thread each, looks at what is found, and `take` is told what came of it, in
/// order, or what is wrong: a `look` that panics is a fault of that one item. `take` says whether to go on.
///
/// # Errors
/// Those of `take`; when it cannot be known what else there is.
pub fn in_order<W: Send, R: Send, E: From<SourceError>>(
    sources: &Sources,
    workers: &mut [W],
    look: impl Fn(&mut W, &Item, Content) -> R + Sync,
    mut take: impl FnMut(&Item, Result<R, Fault>) -> Result<bool, E>,
) -> Result<(), E> {
    each_in_order::<Item, Result<Content, Fault>, _, Result<R, Fault>, _>(
        |hand| sources.visit(&mut Finder { hand }),
        workers,
        |worker, item, found| found.map(|content| look(worker, item, content)),
        |item, done| take(&item, done.flatten()),
    )
}

/// Hands on what sources find.
struct Finder<'a> {
    hand: &'a mut dyn FnMut(Item, Result<Content, Fault>) -> bool,
}

impl Visitor for Finder<'_> {
    fn wish(&mut self, _: &Item) -> Wish {
        Wish::Take
    }

    fn take(&mut self, found: Found) -> bool {
        match found {
            Found::Content(item, content) => (self.hand)(item, Ok(content)),
            Found::Bad(item, fault) => (self.hand)(item, Err(fault)),
            Found::End(..) => true,
        }
    }
}

/// A thing that was found: its number, what is kept of it meanwhile, and itself.
type Task<K, T> = (u64, K, T);

/// What came of it.
type Answer<K, R> = (u64, K, Result<R, Fault>);

/// The same for whatever `find` hands over, each thing with what is kept of it for `take`, such as its name. What `find` is
/// answered says whether to go on.
///
/// # Errors
/// Those of `take`, then those of `find`.
pub(crate) fn each_in_order<K: Send, T: Send, W: Send, R: Send, E: From<SourceError>>(
    find: impl FnOnce(&mut dyn FnMut(K, T) -> bool) -> Result<(), SourceError> + Send,
    workers: &mut [W],
    look: impl Fn(&mut W, &K, T) -> R + Sync,
    mut take: impl FnMut(K, Result<R, Fault>) -> Result<bool, E>,
) -> Result<(), E> {
    let n_ahead = workers.len() * AHEAD_A_WORKER;
    // Handed back for each thing that was taken; without one nothing new is found.
    let (give, tokens) = sync_channel::<()>(n_ahead);
    for _ in 0..n_ahead {
        // Cannot fail: the channel has room for all of them.
        let _ = give.send(());
    }
    let (ask, tasks) = sync_channel::<Task<K, T>>(n_ahead);
    let tasks = Mutex::new(tasks);
    let (answer, answers) = sync_channel::<Answer<K, R>>(n_ahead);
    thread::scope(|scope| {
        let (give, tasks, look) = (give, &tasks, &look);
        for worker in workers {
            let answer = answer.clone();
            scope.spawn(move || work(worker, tasks, look, &answer));
        }
        // Answers end with the last worker.
        drop(answer);
        let finder = scope.spawn(move || {
            let mut n_found = 0;
            find(&mut |kept, thing| {
                if tokens.recv().is_err() {
                    return false;
                }
                let number = n_found;
                n_found += 1;
                ask.send((number, kept, thing)).is_ok()
            })
        });
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (number, kept, done) in answers {
            waiting.insert(number, (kept, done));
            while let Some((kept, done)) = waiting.remove(&next) {
                next += 1;
                if !take(kept, done)? {
                    return Ok(());
                }
                // The finder may have come to its end.
                let _ = give.send(());
            }
        }
        match finder.join() {
            Ok(found) => Ok(found?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn work<K, T, W, R>(
    worker: &mut W,
    tasks: &Mutex<Receiver<Task<K, T>>>,
    look: &(impl Fn(&mut W, &K, T) -> R + Sync),
    answer: &SyncSender<Answer<K, R>>,
) {
    let mut is_over = false;
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, kept, thing)) = next else {
            return;
        };
        // What waits is let go of, so that the finder does not wait for the room that it takes.
        if !is_over {
            // A decoder that panics is a mistake in it; without an answer everybody would wait for this one.
            let looked = catch_unwind(AssertUnwindSafe(|| look(worker, &kept, thing)));
            let done = looked.map_err(|panic| Fault::of_panic(&*panic));
            is_over = answer.send((number, kept, done)).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::{FaultKind, Input, SourceOptions};

    /// A folder of so many files, in the order of their names.
    fn folder_of(n_files: usize) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..n_files {
            fs::write(folder.path().join(format!("{number:03}.jpg")), "").unwrap();
        }
        folder
    }

    #[test]
    fn what_takes_longer_keeps_its_place() {
        let folder = folder_of(100);
        let inputs = vec![
            Input::Path(folder.path().to_owned()),
            Input::Path("/nowhere".into()),
        ];
        let sources = Sources::new(inputs, SourceOptions::default());
        let run = |n_wanted: usize| {
            let mut names = Vec::new();
            let look = |n_done: &mut u32, item: &Item, _| {
                *n_done += 1;
                // One worker is far behind now and then.
                if item.ordinal.is_multiple_of(31) {
                    thread::sleep(Duration::from_millis(20));
                }
                item.ordinal
            };
            in_order(&sources, &mut [0, 0, 0], look, |item, done| {
                names.push((item.source(), done.ok()));
                Ok::<_, SourceError>(names.len() < n_wanted)
            })
            .unwrap();
            names
        };
        let all = run(usize::MAX);
        assert_eq!(all.len(), 101);
        for (at, (name, done)) in all[..100].iter().enumerate() {
            assert!(name.ends_with(&format!("{at:03}.jpg")), "{name} at {at}");
            assert_eq!(*done, Some(at as u64));
        }
        assert_eq!(all[100], ("/nowhere".to_owned(), None));
        assert_eq!(run(5).len(), 5);
    }

    #[test]
    fn a_mistake_costs_one_thing_and_nobody_waits_for_it() {
        let folder = folder_of(60);
        let inputs = vec![Input::Path(folder.path().to_owned())];
        let sources = Sources::new(inputs, SourceOptions::default());
        let mut told = Vec::new();
        let look = |_: &mut (), item: &Item, _| assert_ne!(item.ordinal, 3, "the third");
        in_order(&sources, &mut [(), ()], look, |_, done| {
            told.push(done.err());
            Ok::<_, SourceError>(true)
        })
        .unwrap();
        assert_eq!(told.len(), 60);
        let wrong: Vec<usize> = (0..60).filter(|at| told[*at].is_some()).collect();
        assert_eq!(wrong, [3]);
        let fault = told[3].as_ref().unwrap();
        assert_eq!(fault.kind, FaultKind::Program);
        assert!(fault.reason.contains("the third"), "{}", fault.reason);
    }
}
