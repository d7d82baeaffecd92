//! Many sources at once, their records in order.
//!
//! A finder walks, workers examine, the caller collects. Each source has a channel of its own; the
//! caller empties them in order, so that a worker ahead of its turn waits when its channel is full.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

use super::examiner::{Examiner, Gone, Outcome, Setting};
use super::record::Record;
use super::walk::{Found, FoundFile, Walk};

/// Pictures whose records may wait for their turn, per source. Origin: enough that a worker does
/// not stop at each picture, little against the picture itself.
const PICTURES_WAITING: usize = 32;

/// Sources that may be finished before their turn, per worker.
const SOURCES_WAITING_PER_WORKER: usize = 8;

/// What the caller is told, in the order of the sources.
pub(super) enum Event {
    /// The records of one picture, greatest score first; none for one without faces.
    Records(Vec<Record>),
    /// A frame was passed over.
    PassedOver,
    /// A source is done.
    Done { file: FoundFile, outcome: Outcome },
    /// Something that cannot be looked at.
    Bad {
        path: PathBuf,
        reason: String,
        is_named: bool,
    },
    /// All of a named folder is done.
    EndOfFolder { path: PathBuf },
}

enum Message {
    Picture(Option<Vec<Record>>),
    Done(Outcome),
}

enum Turn {
    Of(FoundFile, Receiver<Message>),
    Other(Found),
}

struct Job {
    file: FoundFile,
    messages: SyncSender<Message>,
}

/// Examines all that the walk finds, one thread an examiner. `take` answers whether to go on.
///
/// # Errors
/// Those of `take`.
pub(super) fn examine_all(
    walk: Walk,
    examiners: Vec<Examiner<'_>>,
    setting: &Setting,
    mut take: impl FnMut(Event) -> Result<bool>,
) -> Result<()> {
    let (job_sender, jobs) = sync_channel::<Job>(0);
    // Gone with the last worker, so that the finder does not wait for workers that are not there.
    let jobs = Arc::new(Mutex::new(jobs));
    let n_waiting = examiners.len() * SOURCES_WAITING_PER_WORKER;
    let (turn_sender, turns) = sync_channel::<Turn>(n_waiting);
    thread::scope(|scope| {
        scope.spawn(move || find(walk, &job_sender, &turn_sender));
        for examiner in examiners {
            let jobs = Arc::clone(&jobs);
            scope.spawn(move || work(examiner, setting, &jobs));
        }
        drop(jobs);
        // Leaving drops the receivers, which ends the threads.
        collect(turns, &mut take)
    })
}

fn find(walk: Walk, jobs: &SyncSender<Job>, turns: &SyncSender<Turn>) {
    for found in walk {
        let sent = match found {
            Found::File(file) => {
                let (messages, receiver) = sync_channel(PICTURES_WAITING);
                let turn = Turn::Of(file.clone(), receiver);
                turns.send(turn).is_ok() && jobs.send(Job { file, messages }).is_ok()
            }
            other => turns.send(Turn::Other(other)).is_ok(),
        };
        if !sent {
            return;
        }
    }
}

fn work<'a>(mut examiner: Examiner<'a>, setting: &'a Setting, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { file, messages }) = job else {
            return;
        };
        let mut emit = |records| messages.send(Message::Picture(records)).map_err(|_| Gone);
        // A decoder that panics is a mistake in it; the other sources are done all the same.
        let examined = catch_unwind(AssertUnwindSafe(|| examiner.examine(&file, &mut emit)));
        let outcome = match examined {
            Ok(Some(outcome)) => outcome,
            Ok(None) => return,
            Err(panic) => {
                let problem = Some(format!("a mistake in this program: {}", said(&*panic)));
                match Examiner::new(setting) {
                    Ok(fresh) => examiner = fresh,
                    Err(_) => return,
                }
                Outcome {
                    problem,
                    ..Outcome::default()
                }
            }
        };
        if messages.send(Message::Done(outcome)).is_err() {
            return;
        }
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no more is known")
}

fn collect(turns: Receiver<Turn>, take: &mut impl FnMut(Event) -> Result<bool>) -> Result<()> {
    for turn in turns {
        let goes_on = match turn {
            Turn::Other(Found::Bad {
                path,
                reason,
                is_named,
            }) => take(Event::Bad {
                path,
                reason,
                is_named,
            })?,
            Turn::Other(Found::EndOfFolder { path }) => take(Event::EndOfFolder { path })?,
            // Files come with a channel.
            Turn::Other(Found::File(_)) => true,
            Turn::Of(file, messages) => {
                let mut outcome = None;
                for message in messages {
                    match message {
                        Message::Picture(records) => {
                            if !take(records.map_or(Event::PassedOver, Event::Records))? {
                                return Ok(());
                            }
                        }
                        Message::Done(done) => outcome = Some(done),
                    }
                }
                let outcome = outcome.unwrap_or_else(|| Outcome {
                    problem: Some("its worker stopped".to_owned()),
                    ..Outcome::default()
                });
                take(Event::Done { file, outcome })?
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}
