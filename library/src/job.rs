//! A job that survives any interruption: each item's rows are written once, in the order of the items.

mod alike;
mod contents;
mod hash;
mod known;
mod log;
mod look;
mod resume;
mod sample;
mod settings;

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::alike::{LOOKS_COMPARED, MAX_DIFFERENCE};
pub use self::contents::{CONTENTS_REMEMBERED, Claims};
pub use self::hash::ContentHash;
/// An inner part that reads foreign bytes, for `fuzz/` alone.
#[cfg(feature = "fuzz")]
pub(crate) use self::known::with_its_sum;
pub use self::known::{AnalysisHash, Remembered, Remembering};
pub use self::look::{Look, LookHash, look_at};
pub use self::resume::Resuming;
pub use self::sample::{SampleRule, SampleSize, Sampled};
pub use self::settings::JobSettings;

use self::alike::Alike;
use self::contents::Firsts;
use self::log::{Begin, Done, Line, LogReader, Sum, tag};
use crate::rows::{FaceRow, Facts, ItemRow};
use crate::{Fault, FaultKind, Item};

/// Why a job cannot be begun or gone on with.
#[derive(Debug, Error)]
pub enum JobError {
    /// The log cannot be read or written.
    #[error("{}: the log of the job cannot be read or written", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of that name is there that is no log.
    #[error(
        "{} is there and is not the log of a job; move it away, or write to another file",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else works on it.
    #[error("{}: another run of this program works on this job", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The log is that of another job.
    #[error(
        "{} was begun with {difference}; run it as it was begun, or begin anew with --restart",
        path.display()
    )]
    OtherJob {
        /// The file.
        path: PathBuf,
        /// Which setting, as it was and as it is.
        difference: String,
    },
    /// What was done already is not what is found now.
    #[error(
        "the sources are not what they were when this job was begun: {difference}; put it back, or begin anew with --restart"
    )]
    OtherSources {
        /// What is different.
        difference: String,
    },
}

/// What came of an item.
#[derive(Debug)]
pub enum Finding {
    /// It was looked at; its faces have been written.
    New(Box<Facts>),
    /// Another job looked at the same bytes in the same way; its faces have been written. Not counted where an earlier item of
    /// this job has them too.
    Known(Box<Facts>),
    /// An earlier item has the same bytes: what came of that came of this.
    Copy(ContentHash),
}

/// A row of a job.
pub enum Row<'a> {
    /// A face, of the item and source named; before its item.
    Face(u64, &'a str, &'a FaceRow),
    /// An item.
    Item(&'a ItemRow),
}

/// A job at work: its log, and what it remembers of items before.
///
/// What was written before a call of [`Job::sync`] that came back lasts whatever happens; what was written after it lasts
/// unless the machine loses its power. An item is there whole or not at all.
///
/// # Privacy
/// The log holds what the tables will hold. It is readable by whoever may read the tables.
pub struct Job {
    path: PathBuf,
    log: BufWriter<File>,
    offset: u64,
    sum: Sum,
    /// Where the item at hand begins; nothing between items.
    began: Option<u64>,
    n_items: u64,
    n_in_folder: u64,
    last_ordinal: Option<u64>,
    n_known: u64,
    is_complete: bool,
    firsts: Firsts,
    claims: Claims,
    alike: Alike,
}

impl Job {
    /// Goes on with the job in that file, or begins it where there is none, or where it is to be begun anew. `each` is told the
    /// items that are done.
    ///
    /// # Errors
    /// When it is not the same job, or somebody works on it.
    pub fn open(
        path: &Path,
        settings: &JobSettings,
        is_anew: bool,
        mut each: impl FnMut(&ItemRow),
    ) -> Result<Self, JobError> {
        let failed = |source| JobError::Log {
            path: path.to_owned(),
            source,
        };
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = path.to_owned();
                return Err(JobError::InUse { path });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut job = Self {
            path: path.to_owned(),
            log: BufWriter::new(file),
            offset: 0,
            sum: Sum::default(),
            began: None,
            n_items: 0,
            n_in_folder: 0,
            last_ordinal: None,
            n_known: 0,
            is_complete: false,
            firsts: Firsts::new(),
            claims: Claims::new(),
            alike: Alike::new(),
        };
        let opened = LogReader::open(path);
        let is_ours = opened.is_ok();
        let is_empty = fs::metadata(path).map_err(failed)?.len() == 0;
        match opened {
            Ok((log, head)) if !is_anew => {
                if let Some(difference) = settings.difference(&head) {
                    let path = path.to_owned();
                    return Err(JobError::OtherJob { path, difference });
                }
                job.remember(log, &mut each).map_err(failed)?;
            }
            // The program may have ended before the first line was whole.
            Err(error)
                if !is_empty
                    && error.kind() == io::ErrorKind::InvalidData
                    && !is_torn_head(path).map_err(failed)? =>
            {
                let path = path.to_owned();
                return Err(JobError::Foreign { path });
            }
            Err(error) if error.kind() != io::ErrorKind::InvalidData => return Err(failed(error)),
            Ok(_) | Err(_) => {
                debug_assert!(is_anew || !is_ours);
                job.begin(settings).map_err(failed)?;
            }
        }
        Ok(job)
    }

    /// Writes the first line, and makes sure that the file has its name on disk.
    fn begin(&mut self, settings: &JobSettings) -> io::Result<()> {
        self.log.get_ref().set_len(0)?;
        self.log.seek(SeekFrom::Start(0))?;
        let head = settings.to_json();
        self.put(tag::JOB, head.as_bytes())?;
        self.sum = Sum::default();
        self.sync_file()?;
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Reads the items that are done, and cuts off what comes after them.
    fn remember(&mut self, mut log: LogReader, each: &mut impl FnMut(&ItemRow)) -> io::Result<()> {
        let mut good = log.offset();
        while let Some(line) = log.next(false)? {
            match line {
                Line::Begin(_) | Line::Face(_) => {}
                // Numbers follow each other, or somebody else wrote it.
                Line::Done(done) if done.row.item != self.n_items => break,
                Line::Done(done) => {
                    let began = good;
                    good = log.offset();
                    let ordinal = done.ordinal;
                    (self.n_in_folder, self.last_ordinal) = (done.n_in_folder, Some(ordinal));
                    self.n_items = done.row.item + 1;
                    self.n_known += u64::from(done.is_known);
                    if let Some(content) = &done.row.facts.content {
                        self.claims.is_done_by_earlier(content, ordinal);
                        if done.row.duplicate_of.is_none() {
                            self.firsts.insert(content, done.row.item, began);
                            self.near(&done.row.facts, done.row.item);
                        }
                    }
                    each(&done.row);
                }
                Line::End => {
                    self.is_complete = true;
                    good = log.offset();
                    break;
                }
            }
        }
        self.log.get_ref().set_len(good)?;
        self.offset = self.log.seek(SeekFrom::Start(good))?;
        Ok(())
    }

    /// What workers ask before they look.
    pub fn claims(&self) -> Claims {
        self.claims.clone()
    }

    /// Whether all items are done, so that only the tables are missing.
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Items that are done.
    pub const fn n_items(&self) -> u64 {
        self.n_items
    }

    /// Items that another job had looked at already, without copies within this one.
    pub const fn n_known(&self) -> u64 {
        self.n_known
    }

    /// Items of the folder at hand that were pictures or videos, good or bad.
    pub const fn n_in_folder(&self) -> u64 {
        self.n_in_folder
    }

    /// All of a folder is done.
    pub const fn end_folder(&mut self) {
        self.n_in_folder = 0;
    }

    /// A visitor that passes over what is done, and looks that it is what it was.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn resuming(&mut self) -> Result<Resuming, JobError> {
        let last = self.last_ordinal;
        self.log
            .flush()
            .and_then(|()| Resuming::new(&self.path, last))
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> JobError {
        JobError::Log {
            path: self.path.clone(),
            source,
        }
    }

    fn put(&mut self, tag: u8, body: &[u8]) -> io::Result<()> {
        let mut line = Vec::with_capacity(body.len() + 2);
        line.push(tag);
        line.extend_from_slice(body);
        line.push(b'\n');
        self.sum.add(&line);
        self.offset += line.len() as u64;
        self.log.write_all(&line)
    }

    /// Begins an item unless it has begun.
    fn begin_item(&mut self, source: &str) -> io::Result<()> {
        if self.began.is_none() {
            self.began = Some(self.offset);
            let begin = Begin {
                item: self.n_items,
                source: source.to_owned(),
            };
            self.put(tag::BEGIN, &serde_json::to_vec(&begin)?)?;
        }
        Ok(())
    }

    /// Writes a face of the item at hand.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn face(&mut self, item: &Item, row: &FaceRow) -> Result<(), JobError> {
        self.begin_item(&item.source())
            .and_then(|()| self.put(tag::FACE, &serde_json::to_vec(row)?))
            .map_err(|source| self.failed(source))
    }

    /// Ends the item at hand; its row.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn item(&mut self, item: &Item, finding: Finding) -> Result<ItemRow, JobError> {
        self.end_item(item, finding)
            .map_err(|source| self.failed(source))
    }

    fn end_item(&mut self, item: &Item, finding: Finding) -> io::Result<ItemRow> {
        let source = item.source();
        self.begin_item(&source)?;
        let was_known = matches!(finding, Finding::Known(_));
        let facts = match finding {
            Finding::New(facts) | Finding::Known(facts) => *facts,
            Finding::Copy(content) => self.copy(&content)?,
        };
        let number = self.n_items;
        let first = facts.content.and_then(|content| self.firsts.get(&content));
        // Which of two workers came first at the bytes of both does not count: a copy is a copy.
        let is_known = was_known && first.is_none();
        let near_duplicate_of = if first.is_none() {
            self.near(&facts, number)
        } else {
            None
        };
        let began = self.began.take().unwrap_or(self.offset);
        if let (Some(content), None) = (&facts.content, first) {
            self.firsts.insert(content, number, began);
        }
        self.n_in_folder += u64::from(!item.is_named);
        let done = Done {
            ordinal: item.ordinal,
            stamp: item.stamp.clone(),
            n_in_folder: self.n_in_folder,
            is_known,
            row: ItemRow {
                item: number,
                source,
                duplicate_of: first.map(|(first, _)| first),
                near_duplicate_of,
                facts,
            },
        };
        let mut json = serde_json::to_vec(&done)?;
        json.push(b'\n');
        self.sum.add(&json);
        let mut line = vec![tag::DONE];
        line.extend(self.sum.take().into_bytes());
        line.append(&mut json);
        self.offset += line.len() as u64;
        self.log.write_all(&line)?;
        // A process that is killed loses what it holds; what the system has, it keeps.
        self.log.flush()?;
        self.n_items += 1;
        self.n_known += u64::from(is_known);
        self.last_ordinal = Some(item.ordinal);
        Ok(done.row)
    }

    /// The item that looks almost as this one.
    fn near(&mut self, facts: &Facts, item: u64) -> Option<u64> {
        let look = LookHash::from_hex(facts.look.as_deref()?)?;
        self.alike.place(look, item)
    }

    /// Copies the faces of the item that had these bytes first; what is known of it.
    fn copy(&mut self, content: &ContentHash) -> io::Result<Facts> {
        let Some((_, offset)) = self.firsts.get(content) else {
            // The first one was lost to a mistake of this program, which was reported there.
            return Ok(Facts {
                fault: Some(Fault::new(
                    FaultKind::Program,
                    "it has the bytes of an item that could not be done",
                )),
                ..Facts::default()
            });
        };
        self.log.flush()?;
        let (mut log, _) = LogReader::open(&self.path)?;
        log.seek(offset)?;
        while let Some(line) = log.next(true)? {
            match line {
                Line::Begin(_) => {}
                Line::Face(row) => self.put(tag::FACE, &serde_json::to_vec(&row)?)?,
                Line::Done(done) => return Ok(done.row.facts),
                Line::End => break,
            }
        }
        let reason = "the log does not hold what was written into it";
        Err(io::Error::new(io::ErrorKind::InvalidData, reason))
    }

    fn sync_file(&mut self) -> io::Result<()> {
        self.log.flush()?;
        self.log.get_ref().sync_data()
    }

    /// Makes what was written last even if the machine loses its power.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn sync(&mut self) -> Result<(), JobError> {
        self.sync_file().map_err(|source| self.failed(source))
    }

    /// Says that all items are done.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn complete(&mut self) -> Result<(), JobError> {
        if self.is_complete {
            return Ok(());
        }
        self.put(tag::END, b"")
            .and_then(|()| self.sync_file())
            .map_err(|source| self.failed(source))?;
        self.is_complete = true;
        Ok(())
    }

    /// Hands on every row, in order.
    ///
    /// # Errors
    /// When the log cannot be read; those of `each`.
    pub fn rows<E: From<JobError>>(
        &self,
        mut each: impl FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut log, _) = LogReader::open(&self.path).map_err(|e| self.failed(e))?;
        let (mut item, mut source) = (0, String::new());
        let mut n_items = 0;
        while let Some(line) = log.next(true).map_err(|e| self.failed(e))? {
            match line {
                Line::Begin(begin) => (item, source) = (begin.item, begin.source),
                Line::Face(row) => each(Row::Face(item, &source, &row))?,
                Line::Done(done) => {
                    n_items += 1;
                    each(Row::Item(&done.row))?;
                }
                Line::End => break,
            }
        }
        if n_items != self.n_items {
            let reason = format!("{n_items} of {} items can be read", self.n_items);
            let damaged = io::Error::new(io::ErrorKind::InvalidData, reason);
            return Err(self.failed(damaged).into());
        }
        Ok(())
    }

    /// Takes the log away: its rows are elsewhere.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(self) -> Result<(), JobError> {
        fs::remove_file(&self.path).map_err(|source| self.failed(source))
    }
}

/// Whether a file is the beginning of a first line that was never written to its end.
fn is_torn_head(path: &Path) -> io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(path)?.take(1 << 20).read_to_end(&mut bytes)?;
    let beginning = JobSettings::BEGINNING;
    Ok(beginning.starts_with(&bytes) || (bytes.starts_with(beginning) && !bytes.contains(&b'\n')))
}

#[cfg(test)]
mod tests;
