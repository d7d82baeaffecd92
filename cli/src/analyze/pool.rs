//! Many items at once, their rows in order.
//!
//! A finder walks, workers examine, the caller collects. Each item has a channel of its own; the caller empties them in order,
//! so that a worker ahead of its turn waits when its channel is full.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use regard_library::{Content, Facts, Fault, FaultKind, Finding, Found, Item, Visitor, Wish};

use super::examiner::{Examiner, Gone, Outcome, Setting, Sight};

/// Sights that may wait for their turn, per item. Origin: enough that a worker does not stop at each picture, little
/// against the picture itself.
const SIGHTS_WAITING: usize = 32;

/// Items that may be finished before their turn, per worker.
const ITEMS_WAITING_PER_WORKER: usize = 8;

/// What the caller is told, in the order of the items.
pub(super) enum Event {
    /// Something of an item.
    Sight(Sight),
    /// An item is done.
    Done(Outcome),
    /// It cannot be looked at.
    Bad(Fault),
    /// All of something that was named is done: what it is.
    End(&'static str),
}

enum Message {
    Sight(Sight),
    Done(Outcome),
}

enum Turn {
    Of(Item, Receiver<Message>),
    Other(Item, Event),
}

struct Job {
    item: Item,
    content: Content,
    messages: SyncSender<Message>,
}

/// Sends what is found to the workers, and the turns to the caller.
struct Finder {
    jobs: SyncSender<Job>,
    turns: SyncSender<Turn>,
}

impl Visitor for Finder {
    fn wish(&mut self, _: &Item) -> Wish {
        Wish::Take
    }

    fn take(&mut self, found: Found) -> bool {
        match found {
            Found::Content(item, content) => {
                let (messages, receiver) = sync_channel(SIGHTS_WAITING);
                let turn = Turn::Of(item.clone(), receiver);
                let job = Job {
                    item,
                    content,
                    messages,
                };
                self.turns.send(turn).is_ok() && self.jobs.send(job).is_ok()
            }
            Found::Bad(item, fault) => self
                .turns
                .send(Turn::Other(item, Event::Bad(fault)))
                .is_ok(),
            Found::End(item, what) => self.turns.send(Turn::Other(item, Event::End(what))).is_ok(),
        }
    }
}

/// Examines all that `find` hands to the visitor it is given, one thread an examiner. `take` answers whether to go on.
///
/// # Errors
/// Those of `take`, then those of `find`.
pub(super) fn examine_all(
    find: impl FnOnce(&mut dyn Visitor) -> Result<()> + Send,
    examiners: Vec<Examiner<'_>>,
    setting: &Setting,
    mut take: impl FnMut(&Item, Event) -> Result<bool>,
) -> Result<()> {
    let (job_sender, jobs) = sync_channel::<Job>(0);
    // Gone with the last worker, so that the finder does not wait for workers that are not there.
    let jobs = Arc::new(Mutex::new(jobs));
    let n_waiting = examiners.len() * ITEMS_WAITING_PER_WORKER;
    let (turn_sender, turns) = sync_channel::<Turn>(n_waiting);
    thread::scope(|scope| {
        let finder = scope.spawn(move || {
            find(&mut Finder {
                jobs: job_sender,
                turns: turn_sender,
            })
        });
        for examiner in examiners {
            let jobs = Arc::clone(&jobs);
            scope.spawn(move || work(examiner, setting, &jobs));
        }
        drop(jobs);
        // Coming back drops the receivers, which ends the threads.
        collect(turns, &mut take)?;
        match finder.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn work<'a>(mut examiner: Examiner<'a>, setting: &'a Setting, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job {
            item,
            content,
            messages,
        }) = job
        else {
            return;
        };
        let mut emit = |sight| messages.send(Message::Sight(sight)).map_err(|_| Gone);
        // A decoder that panics is a mistake in it; the other items are done all the same.
        let examined = catch_unwind(AssertUnwindSafe(|| {
            examiner.examine(&item, content, &mut emit)
        }));
        let outcome = match examined {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return,
            Err(panic) => {
                match Examiner::new(setting) {
                    Ok(fresh) => examiner = fresh,
                    Err(_) => return,
                }
                failed(Fault::of_panic(&*panic))
            }
        };
        if messages.send(Message::Done(outcome)).is_err() {
            return;
        }
    }
}

/// What is told of an item that this program could not do.
fn failed(fault: Fault) -> Outcome {
    Outcome::Done(Finding::New(Box::new(Facts {
        fault: Some(fault),
        ..Facts::default()
    })))
}

fn collect(
    turns: Receiver<Turn>,
    take: &mut impl FnMut(&Item, Event) -> Result<bool>,
) -> Result<()> {
    for turn in turns {
        let goes_on = match turn {
            Turn::Other(item, event) => take(&item, event)?,
            Turn::Of(item, messages) => {
                let mut outcome = None;
                for message in messages {
                    match message {
                        Message::Sight(sight) => {
                            if !take(&item, Event::Sight(sight))? {
                                return Ok(());
                            }
                        }
                        Message::Done(done) => outcome = Some(done),
                    }
                }
                let outcome = outcome.unwrap_or_else(|| {
                    failed(Fault::new(FaultKind::Program, "its worker stopped"))
                });
                take(&item, Event::Done(outcome))?
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}
