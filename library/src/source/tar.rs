//! Tape archives, also compressed as a whole.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::archive::{Entry, Names, entry_fault, leads_out, second_of_its_name};
use super::content::unreadable;
use super::guard::{Count, Counted, Expansion, Leash, Leashed, Unfolding};
use super::names::inside_name;
use super::walk::{Step, Stop, Walker};
use super::{Found, Wish};
use crate::{Fault, FaultKind};

/// Size of a header, to which entries are filled up.
const BLOCK_BYTES: u64 = 512;

impl Walker<'_> {
    /// The entries of a tape archive. One that stops making sense is reported after the entries before that.
    pub(super) fn tar(&mut self, path: &Path, is_compressed: bool) -> Step {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.bad(path, false, unreadable(&error)),
        };
        let packed = Count::default();
        let counted = BufReader::new(Counted::new(file, packed.clone()));
        let expansion = Expansion::new(packed, self.limits().max_ratio);
        if is_compressed {
            let decoder = MultiGzDecoder::new(counted);
            self.entries_of_tar(path, Unfolding::new(decoder, expansion))
        } else {
            self.entries_of_tar(path, counted)
        }
    }

    fn entries_of_tar(&mut self, path: &Path, reader: impl Read) -> Step {
        let leash = Leash::default();
        leash.let_headers(0);
        let mut archive = Archive::new(Leashed::new(reader, leash.clone()));
        let mut entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.bad(path, false, entry_fault(&error)),
        };
        let mut names = Names::new();
        let mut n_entries = 0_u64;
        loop {
            let mut entry = match entries.next() {
                None => break,
                Some(Ok(entry)) => entry,
                Some(Err(error)) => return self.bad(path, false, of_archive(&error, n_entries)),
            };
            n_entries += 1;
            // What is left of the entry is passed over by whoever reads the next header.
            let n_skipped = entry.size().saturating_add(BLOCK_BYTES);
            let inside = entry.path_bytes().into_owned();
            if let Some(fault) = refused(&entry, &inside, &mut names) {
                leash.let_headers(n_skipped);
                if !is_passed_over(entry.header().entry_type()) {
                    let shown = path.join(as_inside(&inside));
                    self.bad(&shown, false, fault)?;
                }
                continue;
            }
            let Some(name) = inside_name(&inside) else {
                continue;
            };
            let mtime = entry.header().mtime().unwrap_or(0);
            let stamp = format!("{}-{mtime}", entry.size());
            let item = self.item(path.join(name), false, stamp);
            match self.wish(&item) {
                Wish::Stop => return Err(Stop::Enough),
                Wish::Pass => leash.let_headers(n_skipped),
                Wish::Take => {
                    leash.let_all();
                    let stated = entry.size();
                    let taken = self.shelf().take(name, stated, &mut entry);
                    leash.let_headers(n_skipped);
                    match taken {
                        Ok(Entry::Nothing) => {}
                        Ok(Entry::Content(content)) => self.take(Found::Content(item, content))?,
                        Err(fault) => self.take(Found::Bad(item, fault))?,
                    }
                }
            }
        }
        if n_entries == 0 {
            let fault = Fault::new(FaultKind::Damaged, "no archive, or one without an entry");
            return self.bad(path, false, fault);
        }
        Ok(())
    }
}

/// Why an entry is not looked at; folders and such are none of these.
fn refused(entry: &tar::Entry<'_, impl Read>, inside: &[u8], names: &mut Names) -> Option<Fault> {
    let refuse = |reason: &str| Some(Fault::new(FaultKind::Refused, reason));
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {
            if inside_name(inside).is_none() {
                Some(leads_out())
            } else if inside.ends_with(b"/") {
                // What old programs write for a folder.
                refuse("a folder")
            } else if !names.is_first(inside) {
                Some(second_of_its_name())
            } else {
                None
            }
        }
        EntryType::Symlink => refuse("a symbolic link in an archive is not followed"),
        EntryType::Link => refuse("a hard link in an archive is not followed"),
        EntryType::GNUSparse => refuse("a file with holes, which an archive may claim without end"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            refuse("a device or a pipe in an archive")
        }
        _ => refuse("no file"),
    }
}

/// Entries that are nothing to speak of: folders, and what is said of the archive as a whole.
fn is_passed_over(kind: EntryType) -> bool {
    matches!(kind, EntryType::Directory | EntryType::XGlobalHeader)
}

/// A name for people, whatever it is.
fn as_inside(bytes: &[u8]) -> &Path {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    // An absolute name would take the place of that of the archive.
    let n_slashes = bytes.iter().take_while(|b| **b == b'/').count();
    Path::new(OsStr::from_bytes(&bytes[n_slashes..]))
}

/// What is said of an archive that cannot be read any further.
fn of_archive(error: &io::Error, n_entries: u64) -> Fault {
    let Fault { kind, reason } = entry_fault(error);
    let is_end = reason.contains("EOF") || reason.contains("failed to read entire block");
    let kind = if is_end && kind == FaultKind::Damaged {
        FaultKind::CutShort
    } else {
        kind
    };
    let said = if is_end { "it is cut short" } else { &reason };
    Fault::new(kind, format!("after {n_entries} entries: {said}"))
}
