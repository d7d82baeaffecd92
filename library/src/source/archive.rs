//! What all archives have in common: an entry is a name and bytes that may not be what the headers say.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use regard_vision::MAX_FILE_BYTES;
use tempfile::TempPath;

use super::budget::Budget;
use super::content::{Content, PhotoBytes, Spooled, too_large};
use super::guard::is_lid;
use super::media::{HEAD_LEN, Prospect, prospect};
use super::{Limits, on_one_line};
use crate::{Fault, FaultKind};

/// Largest photograph that is held in memory while it waits for its turn; larger ones lie in a file meanwhile.
const MAX_BYTES_IN_MEMORY: u64 = 16 << 20;

/// Bytes in memory at a time. Origin: ten photographs of 12 megapixels, more than the workers of a usual machine look at.
const MEMORY_BYTES: u64 = 64 << 20;

/// Bytes in files of ours at a time, unless one alone has more.
const SPOOL_BYTES: u64 = 16 << 30;

/// Names of one archive that are remembered, so that a second entry of a name is noticed; 9 to 18 MB.
const MAX_NAMES: usize = 1 << 20;

/// Where bytes wait that lie in no file of their own.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    limits: Limits,
    folder: Option<PathBuf>,
    memory: Budget,
    disk: Budget,
}

/// What came of an entry.
pub(crate) enum Entry {
    /// It can be looked into.
    Content(Content),
    /// Neither picture nor video.
    Nothing,
}

impl Shelf {
    pub(crate) fn new(limits: Limits, folder: Option<PathBuf>) -> Self {
        Self {
            limits,
            folder,
            memory: Budget::new(MEMORY_BYTES),
            disk: Budget::new(SPOOL_BYTES),
        }
    }

    /// The same for workers, of whom each holds one thing: one that waited for room could wait for another that waits for its
    /// turn after it.
    pub(crate) fn without_waiting(&self) -> Self {
        Self {
            memory: Budget::new(u64::MAX),
            disk: Budget::new(u64::MAX),
            ..self.clone()
        }
    }

    /// Takes what `reader` gives under that name. `stated` bytes are what a header claims: neither more nor fewer are good.
    ///
    /// # Errors
    /// What is wrong with it; there may be bytes left in the reader.
    pub(crate) fn take(
        &self,
        name: &Path,
        stated: u64,
        reader: &mut dyn Read,
    ) -> Result<Entry, Fault> {
        let mut head = Vec::new();
        (&mut *reader)
            .take(HEAD_LEN.min(stated))
            .read_to_end(&mut head)
            .map_err(|error| entry_fault(&error))?;
        let is_photo = match prospect(name, &head) {
            Prospect::Neither => return Ok(Entry::Nothing),
            Prospect::Archive => {
                return Err(Fault::new(
                    FaultKind::Refused,
                    "an archive within an archive is not opened; unpack it first",
                ));
            }
            Prospect::Photo => true,
            Prospect::PerhapsVideo => false,
        };
        let max_bytes = if is_photo {
            self.limits.max_item_bytes.min(MAX_FILE_BYTES)
        } else {
            self.limits.max_item_bytes
        };
        if stated > max_bytes {
            return Err(too_large(stated, max_bytes));
        }
        let mut rest = Rest {
            head: &head,
            reader,
            stated,
        };
        if is_photo && stated <= MAX_BYTES_IN_MEMORY {
            let lease = self.memory.hold(stated);
            // No larger than the lid above, whatever the header says.
            let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
            rest.copy_to(&mut bytes)?;
            return Ok(Entry::Content(Content::Memory(PhotoBytes::new(
                bytes,
                Some(lease),
            ))));
        }
        let lease = self.disk.hold(stated);
        let (mut file, path) = self.file_for(name).map_err(|error| no_room(&error))?;
        rest.copy_to(&mut file)?;
        Ok(Entry::Content(Content::Spooled(Spooled {
            path,
            _lease: lease,
        })))
    }

    /// A file of ours with the ending of that name, which may tell what it is.
    fn file_for(&self, name: &Path) -> io::Result<(File, TempPath)> {
        let mut suffix = OsString::new();
        if let Some(ending) = name.extension().filter(|e| e.len() <= 8) {
            suffix.push(".");
            suffix.push(ending);
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix("regard-").suffix(&suffix);
        let file = match &self.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                builder.tempfile_in(folder)?
            }
            None => builder.tempfile()?,
        };
        Ok(file.into_parts())
    }
}

/// An entry whose first bytes have been read already.
struct Rest<'a> {
    head: &'a [u8],
    reader: &'a mut dyn Read,
    stated: u64,
}

impl Rest<'_> {
    /// Copies as many bytes as the header claims, and looks that there are no more.
    fn copy_to(&mut self, to: &mut dyn Write) -> Result<(), Fault> {
        let written = to.write_all(self.head);
        written.map_err(|error| no_room(&error))?;
        let mut n = self.head.len() as u64;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = self.reader.read(&mut buffer).map_err(|e| entry_fault(&e))?;
            if read == 0 {
                break;
            }
            n += read as u64;
            if n > self.stated {
                let reason = format!("more bytes than the {} its header claims", self.stated);
                return Err(Fault::new(FaultKind::Damaged, reason));
            }
            to.write_all(&buffer[..read])
                .map_err(|error| no_room(&error))?;
        }
        if n < self.stated {
            let reason = format!("cut short: {n} of {} bytes", self.stated);
            return Err(Fault::new(FaultKind::CutShort, reason));
        }
        Ok(())
    }
}

fn no_room(error: &io::Error) -> Fault {
    let reason = format!("it could not be laid aside to be looked at: {error} (TMPDIR)");
    Fault::new(FaultKind::Unreadable, reason)
}

/// What a failure to read in an archive means.
pub(crate) fn entry_fault(error: &io::Error) -> Fault {
    let kind = match error.kind() {
        _ if is_lid(error) => FaultKind::Refused,
        io::ErrorKind::UnexpectedEof => FaultKind::CutShort,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            FaultKind::Damaged
        }
        _ => FaultKind::Unreadable,
    };
    Fault::new(kind, on_one_line(error))
}

/// The names that an archive had already, as far as they can be remembered.
pub(crate) struct Names(HashSet<u64>);

impl Names {
    pub(crate) fn new() -> Self {
        Self(HashSet::new())
    }

    /// Whether it is the first of its name.
    pub(crate) fn is_first(&mut self, name: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let name = hasher.finish();
        if self.0.len() >= MAX_NAMES {
            return !self.0.contains(&name);
        }
        self.0.insert(name)
    }
}

/// What is said of a second entry of a name: both would be called the same in the tables.
pub(crate) fn second_of_its_name() -> Fault {
    Fault::new(
        FaultKind::Refused,
        "a second entry of this name; the first one was taken",
    )
}

/// What is said of a name that leads out of its archive.
pub(crate) fn leads_out() -> Fault {
    Fault::new(FaultKind::Refused, "its name leads out of the archive")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(name: &str, stated: u64, bytes: &[u8]) -> Result<&'static str, Fault> {
        let limits = Limits {
            max_item_bytes: 1_000,
            ..Limits::default()
        };
        let shelf = Shelf::new(limits, None);
        let mut reader = bytes;
        Ok(match shelf.take(Path::new(name), stated, &mut reader)? {
            Entry::Nothing => "nothing",
            Entry::Content(Content::Memory(bytes)) => {
                assert_eq!(bytes.as_slice().len() as u64, stated);
                "memory"
            }
            Entry::Content(Content::Spooled(spooled)) => {
                assert_eq!(std::fs::metadata(&spooled.path).unwrap().len(), stated);
                "file"
            }
            Entry::Content(_) => "elsewhere",
        })
    }

    #[test]
    fn what_headers_claim_is_held_against_them() {
        let jpeg = [b"\xff\xd8\xff\xe0".as_slice(), &[0; 96]].concat();
        let kind = |result: Result<&str, Fault>| result.unwrap_err().kind;
        assert_eq!(taken("a.jpg", 100, &jpeg), Ok("memory"));
        assert_eq!(taken("a.mp4", 100, &jpeg), Ok("file"));
        assert_eq!(taken("a.mjpeg", 100, &jpeg), Ok("file"));
        assert_eq!(taken("a.txt", 4, b"text"), Ok("nothing"));
        assert_eq!(kind(taken("a.jpg", 101, &jpeg)), FaultKind::CutShort);
        assert_eq!(kind(taken("a.jpg", 99, &jpeg)), FaultKind::Damaged);
        assert_eq!(kind(taken("a.jpg", 1_001, &jpeg)), FaultKind::TooLarge);
        assert_eq!(kind(taken("a.jpg", u64::MAX, &jpeg)), FaultKind::TooLarge);
        assert_eq!(kind(taken("a.zip", 4, b"PK\x03\x04")), FaultKind::Refused);
    }

    #[test]
    fn names_come_once() {
        let mut names = Names::new();
        assert!(names.is_first(b"a") && names.is_first(b"b") && !names.is_first(b"a"));
    }
}
