//! Every photograph of a collection once: read, looked at for faces, embedded, spooled.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use regard_vision::{Photo, PhotoError};

use super::LearnError;
use super::embedder::Embedder;
use super::examples::{Example, ExampleContent, Examples, Unread};
use super::people::{FaceRule, FaceScout};
use super::rows::{MAX_EXAMPLES, Spool, SpoolWriter};
use crate::in_order::each_in_order;
use crate::{Fault, Limits, SourceError, on_one_line};

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
    class: u32,
    content: ExampleContent,
    /// Whether faces are looked for.
    is_scouted: bool,
}

enum Outcome {
    Embedded(Embedded),
    NoPicture,
    Unread(String),
}

struct Embedded {
    class: u32,
    /// Whether a large face was found, where it was looked for.
    has_face: Option<bool>,
    embedding: Vec<f32>,
}

/// Embeds a collection. Bounded memory: what is kept of each photograph are some tens of bytes.
///
/// # Privacy
/// Looks for faces in a sample of each class, only to refuse a collection of them. Keeps embeddings of things, no pixels.
pub(super) fn gather(
    examples: &mut dyn Examples,
    mut workers: Vec<Worker>,
    folder: &Path,
    watch: &mut dyn FnMut(Progress),
) -> Result<Gathered, LearnError> {
    gather_by(examples, &mut workers, Worker::look_at, folder, watch)
}

fn gather_by<W: Send>(
    examples: &mut dyn Examples,
    workers: &mut [W],
    look: impl Fn(&mut W, Task) -> Outcome + Sync,
    folder: &Path,
    watch: &mut dyn FnMut(Progress),
) -> Result<Gathered, LearnError> {
    let mut collector = Collector::new(examples.classes().to_vec(), folder)?;
    each_in_order::<String, Result<Task, String>, _, _, _>(
        |hand| feed(examples, hand),
        workers,
        |worker, _, task| match task {
            Ok(task) => look(worker, task),
            Err(reason) => Outcome::Unread(reason),
        },
        |name, done| collector.take(name, done, watch).map(|()| true),
    )?;
    collector.finish()
}

/// Hands over each example under its name, or why it cannot be looked at.
fn feed(
    examples: &mut dyn Examples,
    hand: &mut dyn FnMut(String, Result<Task, String>) -> bool,
) -> Result<(), SourceError> {
    let mut of_class: HashMap<u32, usize> = HashMap::new();
    examples.each(&mut |next| match next {
        Ok(Example {
            class,
            name,
            content,
        }) => {
            let n = of_class.entry(class).or_default();
            *n += 1;
            let task = Task {
                class,
                content,
                is_scouted: FaceRule::looks_at(*n),
            };
            hand(name, Ok(task))
        }
        Err(Unread { name, reason }) => hand(name, Err(reason)),
    })
}

impl Worker {
    fn look_at(&mut self, task: Task) -> Outcome {
        let photo = match photo_of(task.content) {
            Ok(Some(photo)) => photo,
            Ok(None) => return Outcome::NoPicture,
            Err(reason) => return Outcome::Unread(reason),
        };
        let has_face = if task.is_scouted {
            self.scout.sees_large_face(photo.view())
        } else {
            None
        };
        match self.embedder.embed(photo.view()) {
            Ok(embedding) => Outcome::Embedded(Embedded {
                class: task.class,
                has_face,
                embedding,
            }),
            Err(error) => Outcome::Unread(on_one_line(&error)),
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

/// Puts what workers hand back on disk.
struct Collector<'a> {
    folder: &'a Path,
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
        name: String,
        done: Result<Outcome, Fault>,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<(), LearnError> {
        match done {
            Ok(Outcome::Embedded(embedded)) => self.write(name, &embedded)?,
            Ok(Outcome::NoPicture) => self.n_passed_over += 1,
            Ok(Outcome::Unread(reason)) | Err(Fault { reason, .. }) => {
                self.note(Unread { name, reason });
            }
        }
        watch(Progress::Embedded(self.labels.len()));
        Ok(())
    }

    fn note(&mut self, unread: Unread) {
        self.n_unread += 1;
        if self.unread.len() < MAX_NAMED {
            self.unread.push(unread);
        }
    }

    fn write(&mut self, name: String, embedded: &Embedded) -> Result<(), LearnError> {
        let Embedded {
            class,
            has_face,
            embedding,
        } = embedded;
        if let Some(has_face) = has_face {
            self.rule
                .note(*class, *has_face)
                .map_err(LearnError::People)?;
        }
        let mut hasher = DefaultHasher::new();
        embedding
            .iter()
            .for_each(|value| value.to_bits().hash(&mut hasher));
        match self.seen.entry(hasher.finish()) {
            Entry::Occupied(first) if first.get() == class => {
                self.n_duplicates += 1;
                return Ok(());
            }
            Entry::Occupied(first) => {
                self.contradictions.push((name, *first.get()));
                return Ok(());
            }
            Entry::Vacant(place) => {
                place.insert(*class);
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
                self.note(Unread { name, reason });
                return Ok(());
            }
            writer.push(embedding)?;
        }
        let failed = |source| LearnError::Spool {
            path: self.folder.to_owned(),
            source,
        };
        self.names.write_all(name.as_bytes()).map_err(failed)?;
        let end = self.ends.last().copied().unwrap_or(0) + name.len() as u64;
        self.ends.push(end);
        self.labels.push(*class);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Photographs of one class, of one byte each: their number.
    struct Numbered([String; 1]);

    impl Examples for Numbered {
        fn classes(&self) -> &[String] {
            &self.0
        }

        fn each(
            &mut self,
            take: &mut dyn FnMut(Result<Example, Unread>) -> bool,
        ) -> Result<(), SourceError> {
            for number in 0..60 {
                let example = Example {
                    class: 0,
                    name: format!("{number}.jpg"),
                    content: ExampleContent::Bytes(vec![number]),
                };
                if !take(Ok(example)) {
                    break;
                }
            }
            Ok(())
        }
    }

    #[test]
    fn a_decoder_that_panics_costs_one_photograph_which_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let look = |_: &mut (), task: Task| {
            let ExampleContent::Bytes(bytes) = task.content else {
                panic!("bytes were handed over");
            };
            assert_ne!(bytes, [3_u8], "the third");
            Outcome::Embedded(Embedded {
                class: task.class,
                has_face: None,
                embedding: vec![1.0, f32::from(bytes[0])],
            })
        };
        let mut examples = Numbered(["cola".to_owned()]);
        let mut workers = [(), ()];
        let gathered = gather_by(
            &mut examples,
            &mut workers,
            look,
            folder.path(),
            &mut |_| {},
        );
        let gathered = gathered.unwrap();
        assert_eq!((gathered.labels.len(), gathered.n_unread), (59, 1));
        let [unread] = &gathered.unread[..] else {
            panic!("{} are unread", gathered.unread.len());
        };
        assert_eq!(unread.name, "3.jpg");
        assert!(unread.reason.contains("the third"), "{}", unread.reason);
        let name = |index| gathered.names.get(index).unwrap();
        assert_eq!([name(2), name(3), name(58)], ["2.jpg", "4.jpg", "59.jpg"]);
    }
}
