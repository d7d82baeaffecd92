//! The log of a job: rows in the order of the items, each item whole or not at all.
//!
//! Lines of text, the first character saying what: `H` the job, `b` an item begins, `f` a face of it, `i` it is done, with a sum
//! over all its lines, `e` all items are done. What was cut off in the midst of an item is known by its missing or wrong sum,
//! in whatever order the disk wrote it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Item;
use crate::rows::{FaceRow, ItemRow};

/// Longest line. Origin: sixteen times a name of 4096 bytes in which every byte is escaped.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The beginning of an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    pub(super) item: u64,
    pub(super) source: String,
}

/// The end of an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Done {
    /// Its number among all that was found.
    pub(super) ordinal: u64,
    /// What it was then.
    pub(super) stamp: String,
    /// Items of the folder at hand that were pictures or videos, good or bad, with this one.
    pub(super) n_in_folder: u64,
    /// Another job had looked at it already, and it is no copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_known: bool,
    /// Its row.
    pub(super) row: ItemRow,
}

impl Done {
    pub(super) fn is_of(&self, item: &Item) -> bool {
        self.row.source == item.source() && self.stamp == item.stamp
    }
}

/// A line of the log.
pub(super) enum Line {
    Begin(Begin),
    Face(Box<FaceRow>),
    Done(Box<Done>),
    /// All items are done.
    End,
}

/// How a line is begun.
pub(super) mod tag {
    pub(in super::super) const JOB: u8 = b'H';
    pub(in super::super) const BEGIN: u8 = b'b';
    pub(in super::super) const FACE: u8 = b'f';
    pub(in super::super) const DONE: u8 = b'i';
    pub(in super::super) const END: u8 = b'e';
}

/// A sum over the lines of an item.
#[derive(Clone, Default)]
pub(super) struct Sum(Sha256);

impl Sum {
    pub(super) fn add(&mut self, line: &[u8]) {
        self.0.update(line);
    }

    /// The sum in hexadecimal; the next one begins.
    pub(super) fn take(&mut self) -> String {
        let sum = std::mem::take(&mut self.0).finalize();
        sum[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Reads a log line by line, as far as it is whole.
pub(super) struct LogReader {
    reader: BufReader<File>,
    line: Vec<u8>,
    /// Where the next line begins.
    offset: u64,
    sum: Sum,
}

impl LogReader {
    /// Opens a log after its first line, which it gives.
    ///
    /// # Errors
    /// When it cannot be read; `InvalidData` when it is none.
    pub(super) fn open(path: &Path) -> io::Result<(Self, String)> {
        let mut log = Self {
            reader: BufReader::new(File::open(path)?),
            line: Vec::new(),
            offset: 0,
            sum: Sum::default(),
        };
        let none = || io::Error::new(io::ErrorKind::InvalidData, "not the log of a job");
        if !log.read_line()? || log.line.first() != Some(&tag::JOB) {
            return Err(none());
        }
        let head = std::str::from_utf8(&log.line[1..]).map_err(|_| none())?;
        let head = head.trim_end().to_owned();
        log.sum = Sum::default();
        Ok((log, head))
    }

    /// Goes on where an item begins.
    pub(super) fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(offset))?;
        self.offset = offset;
        self.sum = Sum::default();
        Ok(())
    }

    /// Where the next line begins.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether there is one more whole line.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let n = (&mut self.reader)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut self.line)?;
        self.offset += n as u64;
        Ok(self.line.last() == Some(&b'\n'))
    }

    /// The next line; nothing at the end, and where the log stops making sense. Faces are read only when they are wanted.
    pub(super) fn next(&mut self, with_faces: bool) -> io::Result<Option<Line>> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            let body = &self.line[1..];
            return Ok(match self.line[0] {
                tag::FACE => {
                    self.sum.add(&self.line);
                    if !with_faces {
                        continue;
                    }
                    serde_json::from_slice(body)
                        .ok()
                        .map(|row| Line::Face(Box::new(row)))
                }
                tag::BEGIN => {
                    self.sum.add(&self.line);
                    serde_json::from_slice(body).ok().map(Line::Begin)
                }
                tag::DONE => {
                    let Some((stated, json)) = body.split_at_checked(16) else {
                        return Ok(None);
                    };
                    self.sum.add(json);
                    if self.sum.take().as_bytes() != stated {
                        return Ok(None);
                    }
                    serde_json::from_slice(json)
                        .ok()
                        .map(|done| Line::Done(Box::new(done)))
                }
                tag::END => Some(Line::End),
                _ => None,
            });
        }
    }
}
