//! ZIP archives.

use std::fs::File;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use zip::ZipReadOptions;
use zip::read::{Config, ZipFileEntry};
use zip::result::ZipError;
// The one reader of directories that does not hold them, and tells entries of one name apart.
use zip::unstable::read::ZipIterable;

use super::archive::{Entry, Names, entry_fault, leads_out, second_of_its_name};
use super::content::unreadable;
use super::guard::{Count, Expansion, Unfolding};
use super::names::{inside_name, on_one_line};
use super::walk::{Step, Stop, Walker};
use super::{Found, Wish};
use crate::{Fault, FaultKind};

impl Walker<'_> {
    /// The entries of a ZIP archive, in the order of its directory, which is never held as a whole.
    pub(super) fn zip(&mut self, path: &Path) -> Step {
        let opened = File::open(path).and_then(|file| {
            let n_bytes = file.metadata()?.len();
            Ok((
                BufReader::new(file),
                BufReader::new(File::open(path)?),
                n_bytes,
            ))
        });
        let (directory, mut bodies, n_bytes) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.bad(path, false, unreadable(&error)),
        };
        let mut archive = match ZipIterable::try_new(directory, Config::default()) {
            Ok(archive) => archive,
            Err(error) => return self.bad(path, false, zip_fault(error)),
        };
        let files = match archive.files() {
            Ok(files) => files,
            Err(error) => return self.bad(path, false, zip_fault(error)),
        };
        // Entries may lie over each other, so that each is in proportion and all of them are not.
        let packed = Count::default();
        packed.add(n_bytes);
        let expansion = Expansion::new(packed, self.limits().max_ratio);
        let mut names = Names::new();
        for (n_before, entry) in (0_u64..).zip(files) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let Fault { kind, reason } = zip_fault(error);
                    let fault = Fault::new(kind, format!("after {n_before} entries: {reason}"));
                    return self.bad(path, false, fault);
                }
            };
            self.zip_entry(path, entry, &mut bodies, &mut names, &expansion)?;
        }
        Ok(())
    }

    fn zip_entry(
        &mut self,
        path: &Path,
        entry: ZipFileEntry<'_>,
        bodies: &mut BufReader<File>,
        names: &mut Names,
        expansion: &Expansion,
    ) -> Step {
        if entry.is_dir() {
            return Ok(());
        }
        let inside = entry.name_raw().to_vec();
        if let Some(fault) = refused(&entry, &inside, names) {
            let trimmed = inside.iter().position(|b| *b != b'/').unwrap_or(0);
            let shown = path.join(String::from_utf8_lossy(&inside[trimmed..]).as_ref());
            return self.bad(&shown, false, fault);
        }
        let Some(name) = inside_name(&inside) else {
            return Ok(());
        };
        let stamp = format!("{}-{:08x}", entry.size(), entry.crc32());
        let item = self.item(path.join(name), false, stamp);
        match self.wish(&item) {
            Wish::Stop => return Err(Stop::Enough),
            Wish::Pass => return Ok(()),
            Wish::Take => {}
        }
        let stated = entry.size();
        let taken = match entry.with_reader(bodies, ZipReadOptions::new()) {
            Ok(file) => {
                let mut reader = Unfolding::new(file, expansion.clone());
                self.shelf()
                    .take(name, stated, &mut reader as &mut dyn Read)
            }
            Err(error) => Err(zip_fault(error)),
        };
        match taken {
            Ok(Entry::Nothing) => Ok(()),
            Ok(Entry::Content(content)) => self.take(Found::Content(item, content)),
            Err(fault) => self.take(Found::Bad(item, fault)),
        }
    }
}

/// Why an entry is not looked at.
fn refused(entry: &ZipFileEntry<'_>, inside: &[u8], names: &mut Names) -> Option<Fault> {
    let refuse = |reason: &str| Some(Fault::new(FaultKind::Refused, reason));
    if inside_name(inside).is_none() {
        Some(leads_out())
    } else if entry.is_symlink() {
        refuse("a symbolic link in an archive is not followed")
    } else if entry.encrypted() {
        refuse("it is encrypted; unpack it with its password first")
    } else if !names.is_first(inside) {
        Some(second_of_its_name())
    } else {
        None
    }
}

fn zip_fault(error: ZipError) -> Fault {
    match error {
        ZipError::Io(error) => entry_fault(&error),
        ZipError::UnsupportedArchive(what) => {
            Fault::new(FaultKind::Unsupported, what.to_lowercase())
        }
        other => Fault::new(FaultKind::Damaged, on_one_line(&other)),
    }
}
