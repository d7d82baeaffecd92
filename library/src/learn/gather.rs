//! Every photograph of a collection once: read, looked at for faces, embedded, spooled.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::{fs::File, thread};

use regard_vision::{Photo, PhotoError};

use super::LearnError;
use super::embedder::Embedder;
use super::examples::{Example, ExampleContent, Examples, Unread};
use super::people::{FaceRule, FaceScout};
use super::rows::{MAX_EXAMPLES, Spool, SpoolWriter};
use crate::{Limits, SourceError, on_one_line};

/// Photographs that are being worked on or wait for their turn, a worker.
const AHEAD_A_WORKER: usize = 8;

/// Most photographs that could not be read which are named; the rest is counted.
const MAX_NAMED: usize = 200;

/// What is looked at and embedded, spooled in the order of the collection.
pub(super) struct Gathered {
    pub(super) spool: Spool,
    /// Class of each.
    pub(super) labels: Vec<u32>,
    pub(super) names: Names,
    pub(super) unread: Vec<Unread>,
    pub(super) n_unread: usize,
    /// Files that are no pictures.
    pub(super) n_passed_over: usize,
    /// Left out: the same embedding as an earlier one of the class.
    pub(super) n_duplicates: usize,
    /// Photographs that stand in two classes: the later one, which was left out, and the class of the earlier one.
    pub(super) contradictions: Vec<(String, u32)>,
}

/// Names of photographs, on disk, by number.
pub(super) struct Names {
    file: Mutex<File>,
    /// Where each ends.
    ends: Vec<u64>,
}

impl Names {
    pub(super) fn get(&self, index: u32) -> io::Result<String> {
        let index = index as usize;
        let begin = if index == 0 { 0 } else { self.ends[index - 1] };
        let mut bytes = vec![0; (self.ends[index] - begin) as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Something that happened on the way, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many photographs are embedded.
    Embedded(usize),
    /// The head is taught.
    Teaching,
    /// Errors are counted for the learning curve.
    Curve,
}

/// What one worker needs.
pub(super) struct Worker {
    pub(super) embedder: Embedder,
    pub(super) scout: FaceScout,
}

struct Task {
    number: usize,
    example: Example,
    /// Whether faces are looked for.
    is_scouted: bool,
}

struct Done {
    number: usize,
    class: u32,
    name: String,
    /// Whether a large face was found, where it was looked for.
    has_face: Option<bool>,
    outcome: Outcome,
}

enum Outcome {
    Embedded(Vec<f32>),
    NoPicture,
    Unread(String),
}

/// Embeds a collection. Bounded memory: what is kept of each photograph are some tens of bytes.
///
/// # Privacy
/// Looks for faces in a sample of each class, only to refuse a collection of them. Keeps embeddings of things, no pixels.
pub(super) fn gather(
    examples: &mut dyn Examples,
    workers: Vec<Worker>,
    folder: &Path,
    watch: &mut dyn FnMut(Progress),
) -> Result<Gathered, LearnError> {
    let n_ahead = workers.len() * AHEAD_A_WORKER;
    let mut collector = Collector::new(examples.classes().to_vec(), folder)?;
    // Handed back for each photograph that is done with; without one nothing new is begun.
    let (give, tokens) = sync_channel::<()>(n_ahead);
    for _ in 0..n_ahead {
        // Cannot fail: the channel has room for all of them.
        let _ = give.send(());
    }
    let (ask, tasks) = sync_channel::<Result<Task, Unread>>(n_ahead);
    let tasks = Mutex::new(tasks);
    let (answer, answers) = sync_channel::<Result<Done, Unread>>(n_ahead);
    thread::scope(|scope| {
        let (give, tasks) = (give, &tasks);
        for worker in workers {
            let answer = answer.clone();
            scope.spawn(move || work(worker, tasks, &answer));
        }
        drop(answer);
        let feeder = scope.spawn(move || feed(examples, &tokens, &ask));
        for done in answers {
            collector.take(done, watch)?;
            while collector.n_written > collector.n_returned {
                collector.n_returned += 1;
                // The feeder may have come to its end.
                let _ = give.send(());
            }
        }
        match feeder.join() {
            Ok(fed) => Ok::<(), LearnError>(fed?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    collector.finish()
}

fn feed(
    examples: &mut dyn Examples,
    tokens: &Receiver<()>,
    ask: &SyncSender<Result<Task, Unread>>,
) -> Result<(), SourceError> {
    let mut of_class: HashMap<u32, usize> = HashMap::new();
    let mut number = 0;
    examples.each(&mut |next| {
        if tokens.recv().is_err() {
            return false;
        }
        let task = next.map(|example| {
            let n = of_class.entry(example.class).or_default();
            *n += 1;
            let is_scouted = FaceRule::looks_at(*n);
            number += 1;
            Task {
                number: number - 1,
                example,
                is_scouted,
            }
        });
        ask.send(task).is_ok()
    })
}

fn work(
    mut worker: Worker,
    tasks: &Mutex<Receiver<Result<Task, Unread>>>,
    answer: &SyncSender<Result<Done, Unread>>,
) {
    let mut is_over = false;
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // What waits is let go of, so that the feeder does not wait for the room that it takes.
        if !is_over {
            let done = next.map(|task| worker.look_at(task));
            is_over = answer.send(done).is_err();
        }
    }
}

impl Worker {
    fn look_at(&mut self, task: Task) -> Done {
        let Task {
            number,
            example,
            is_scouted,
        } = task;
        let mut has_face = None;
        let outcome = match photo_of(example.content) {
            Ok(None) => Outcome::NoPicture,
            Err(reason) => Outcome::Unread(reason),
            Ok(Some(photo)) => {
                if is_scouted {
                    has_face = self.scout.sees_large_face(photo.view());
                }
                match self.embedder.embed(photo.view()) {
                    Ok(embedding) => Outcome::Embedded(embedding),
                    Err(error) => Outcome::Unread(on_one_line(&error)),
                }
            }
        };
        Done {
            number,
            class: example.class,
            name: example.name,
            has_face,
            outcome,
        }
    }
}

/// The photograph at hand; nothing where it is none, and why where it cannot be read.
fn photo_of(content: ExampleContent) -> Result<Option<Photo>, String> {
    let photo = match content {
        ExampleContent::Source(content) => {
            let bytes = content.photo_bytes(Limits::default());
            match bytes.map_err(|fault| fault.reason)? {
                Some(bytes) => Photo::from_bytes(bytes.as_slice()),
                None => return Ok(None),
            }
        }
        ExampleContent::Bytes(bytes) => Photo::from_bytes(&bytes),
    };
    match photo {
        Ok(photo) => Ok(Some(photo)),
        Err(PhotoError::NotAnImage) => Ok(None),
        Err(error) => Err(on_one_line(&error)),
    }
}

/// Puts what workers hand back into its order, and on disk.
struct Collector<'a> {
    folder: &'a Path,
    waiting: BTreeMap<usize, Done>,
    next: usize,
    n_written: usize,
    n_returned: usize,
    rule: FaceRule,
    writer: Option<(usize, SpoolWriter)>,
    names: BufWriter<File>,
    ends: Vec<u64>,
    labels: Vec<u32>,
    /// Class of each embedding that was seen, by its hash.
    seen: HashMap<u64, u32>,
    unread: Vec<Unread>,
    n_unread: usize,
    n_passed_over: usize,
    n_duplicates: usize,
    contradictions: Vec<(String, u32)>,
}

impl<'a> Collector<'a> {
    fn new(classes: Vec<String>, folder: &'a Path) -> Result<Self, LearnError> {
        let names = tempfile::tempfile_in(folder).map_err(|source| LearnError::Spool {
            path: folder.to_owned(),
            source,
        })?;
        Ok(Self {
            folder,
            waiting: BTreeMap::new(),
            next: 0,
            n_written: 0,
            n_returned: 0,
            rule: FaceRule::new(classes),
            writer: None,
            names: BufWriter::new(names),
            ends: Vec::new(),
            labels: Vec::new(),
            seen: HashMap::new(),
            unread: Vec::new(),
            n_unread: 0,
            n_passed_over: 0,
            n_duplicates: 0,
            contradictions: Vec::new(),
        })
    }

    fn take(
        &mut self,
        done: Result<Done, Unread>,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<(), LearnError> {
        match done {
            Err(unread) => {
                self.note(unread);
                self.n_written += 1;
            }
            Ok(done) => {
                self.waiting.insert(done.number, done);
            }
        }
        while let Some(done) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.n_written += 1;
            self.write(done)?;
            watch(Progress::Embedded(self.labels.len()));
        }
        Ok(())
    }

    fn note(&mut self, unread: Unread) {
        self.n_unread += 1;
        if self.unread.len() < MAX_NAMED {
            self.unread.push(unread);
        }
    }

    fn write(&mut self, done: Done) -> Result<(), LearnError> {
        let embedding = match done.outcome {
            Outcome::Embedded(embedding) => embedding,
            Outcome::NoPicture => {
                self.n_passed_over += 1;
                return Ok(());
            }
            Outcome::Unread(reason) => {
                self.note(Unread {
                    name: done.name,
                    reason,
                });
                return Ok(());
            }
        };
        if let Some(has_face) = done.has_face {
            self.rule
                .note(done.class, has_face)
                .map_err(LearnError::People)?;
        }
        let mut hasher = DefaultHasher::new();
        embedding
            .iter()
            .for_each(|value| value.to_bits().hash(&mut hasher));
        match self.seen.entry(hasher.finish()) {
            Entry::Occupied(first) if *first.get() == done.class => {
                self.n_duplicates += 1;
                return Ok(());
            }
            Entry::Occupied(first) => {
                self.contradictions.push((done.name, *first.get()));
                return Ok(());
            }
            Entry::Vacant(place) => {
                place.insert(done.class);
            }
        }
        if self.labels.len() >= MAX_EXAMPLES {
            return Err(LearnError::TooMany);
        }
        let dim = embedding.len();
        if self.writer.is_none() {
            self.writer = Some((dim, SpoolWriter::create(self.folder, dim)?));
        }
        if let Some((expected, writer)) = &mut self.writer {
            if *expected != dim {
                let reason = format!("the network gave {dim} values, not {expected}");
                self.note(Unread {
                    name: done.name,
                    reason,
                });
                return Ok(());
            }
            writer.push(&embedding)?;
        }
        let failed = |source| LearnError::Spool {
            path: self.folder.to_owned(),
            source,
        };
        self.names.write_all(done.name.as_bytes()).map_err(failed)?;
        let end = self.ends.last().copied().unwrap_or(0) + done.name.len() as u64;
        self.ends.push(end);
        self.labels.push(done.class);
        Ok(())
    }

    fn finish(self) -> Result<Gathered, LearnError> {
        self.rule.finish().map_err(LearnError::People)?;
        let Some((_, writer)) = self.writer else {
            return Err(LearnError::NoPictures {
                n_unread: self.n_unread,
                first: self
                    .unread
                    .into_iter()
                    .next()
                    .map(|u| format!("{}: {}", u.name, u.reason)),
            });
        };
        let folder = self.folder;
        let names = self.names.into_inner().map_err(|error| LearnError::Spool {
            path: folder.to_owned(),
            source: error.into_error(),
        })?;
        Ok(Gathered {
            spool: writer.finish()?,
            labels: self.labels,
            names: Names {
                file: Mutex::new(names),
                ends: self.ends,
            },
            unread: self.unread,
            n_unread: self.n_unread,
            n_passed_over: self.n_passed_over,
            n_duplicates: self.n_duplicates,
            contradictions: self.contradictions,
        })
    }
}
