//! Going through what was named: files, folders, lists.

use std::collections::{BTreeSet, BinaryHeap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::vec;

use super::archive::Shelf;
use super::content::{Content, unreadable};
use super::list::{BadLine, ListLines};
use super::media::{Packing, packing_by_bytes, packing_by_name};
use super::store::LastBucket;
use super::{Found, Input, Item, Limits, SourceError, SourceOptions, Visitor, Wish, shown};
use crate::{Fault, FaultKind};

/// Names of one folder that are held at a time. A larger folder is read again for the next ones: one of ten million takes
/// 150 readings of some seconds each, against days of looking at what is in it. 4 to 16 MB.
const NAMES_AT_ONCE: usize = 1 << 16;

/// Folders of one input that are remembered so that none is entered twice; 48 MB. Beyond, one that a link leads to may be.
const MAX_FOLDERS: usize = 1 << 20;

/// Which file or folder it is, by whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// That of the file at a path, if there is one.
    fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// Why the walk ended before its end.
pub(super) enum Stop {
    /// Nobody wants more.
    Enough,
    /// It cannot be known what else there is.
    Failed(SourceError),
}

/// One step of the walk.
pub(super) type Step = Result<(), Stop>;

/// A folder that is being gone through.
struct Level {
    folder: PathBuf,
    names: vec::IntoIter<OsString>,
    /// The last name that was read; nothing when there are no more.
    last: Option<OsString>,
    id: FileId,
}

/// One walk through all inputs.
pub(super) struct Walker<'a> {
    visitor: &'a mut dyn Visitor,
    options: &'a SourceOptions,
    shelf: &'a Shelf,
    pub(super) last_bucket: &'a LastBucket,
    left_out: Option<FileId>,
    ours: Vec<FileId>,
    input: usize,
    n_found: u64,
    levels: Vec<Level>,
    entered: BTreeSet<FileId>,
    names_at_once: usize,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        options: &'a SourceOptions,
        (shelf, last_bucket): (&'a Shelf, &'a LastBucket),
        visitor: &'a mut dyn Visitor,
    ) -> Self {
        Self {
            visitor,
            options,
            shelf,
            last_bucket,
            left_out: options.left_out.as_deref().and_then(FileId::at),
            ours: options.ours.iter().filter_map(|p| FileId::at(p)).collect(),
            input: 0,
            n_found: 0,
            levels: Vec::new(),
            entered: BTreeSet::new(),
            names_at_once: NAMES_AT_ONCE,
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.options.limits
    }

    pub(super) const fn shelf(&self) -> &'a Shelf {
        self.shelf
    }

    /// Goes through the inputs in turn.
    pub(super) fn visit(mut self, inputs: &[Input]) -> Result<(), SourceError> {
        for (index, input) in inputs.iter().enumerate() {
            self.input = index;
            let step = match input {
                Input::Path(path) => self.named(path.clone()),
                Input::List(path) => self.list(path),
                Input::Store(address) => self.store(address),
            };
            match step {
                Ok(()) => {}
                Err(Stop::Enough) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next item; each call counts.
    pub(super) fn item(&mut self, path: PathBuf, is_named: bool, stamp: String) -> Item {
        let ordinal = self.n_found;
        self.n_found += 1;
        Item {
            ordinal,
            input: self.input,
            path,
            is_named,
            stamp,
        }
    }

    pub(super) fn wish(&mut self, item: &Item) -> Wish {
        self.visitor.wish(item)
    }

    pub(super) fn take(&mut self, found: Found) -> Step {
        if self.visitor.take(found) {
            Ok(())
        } else {
            Err(Stop::Enough)
        }
    }

    /// Reports something that cannot be looked at.
    pub(super) fn bad(&mut self, path: &Path, is_named: bool, fault: Fault) -> Step {
        let item = self.item(path.to_owned(), is_named, String::new());
        self.take(Found::Bad(item, fault))
    }

    /// Reports that all of something that was named has been found.
    pub(super) fn end(&mut self, path: PathBuf, what: &'static str) -> Step {
        let item = self.item(path, true, String::new());
        self.take(Found::End(item, what))
    }

    fn list(&mut self, path: &Path) -> Step {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.bad(path, true, unseen(path, true, &error)),
        };
        let mut lines = ListLines::new(BufReader::new(file));
        let mut is_empty = true;
        while let Some(line) = lines.next() {
            is_empty = false;
            let fault = match line {
                Ok(name) => match Input::parse(&name) {
                    Ok(Input::Path(path)) => {
                        self.named(path)?;
                        continue;
                    }
                    Ok(Input::Store(address)) => {
                        self.store(&address)?;
                        continue;
                    }
                    Ok(Input::List(_)) => {
                        Fault::new(FaultKind::Refused, "a list within a list is not read")
                    }
                    Err(error) => Fault::new(FaultKind::Missing, error.to_string()),
                },
                Err(BadLine::TooLong) => Fault::new(FaultKind::Damaged, "longer than any name"),
                Err(BadLine::Nul) => Fault::new(FaultKind::Damaged, "a byte of 0 is in no name"),
                Err(BadLine::Read(error)) => unreadable(&error),
            };
            let place = format!("line {}: {}", lines.n_lines(), fault.reason);
            self.bad(path, true, Fault::new(fault.kind, place))?;
        }
        if is_empty {
            let fault = Fault::new(FaultKind::Missing, "no name in this list");
            return self.bad(path, true, fault);
        }
        Ok(())
    }

    /// What was named, and all that is in it.
    fn named(&mut self, path: PathBuf) -> Step {
        self.levels.clear();
        let is_folder = self.look_at(path.clone(), true)?;
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.names.next() {
                let path = level.folder.join(name);
                self.look_at(path, false)?;
            } else if let Some(last) = level.last.take() {
                // More than are held at a time: those after the last one.
                match names_after(&level.folder, Some(&last), self.names_at_once) {
                    Ok((names, last)) => (level.names, level.last) = (names.into_iter(), last),
                    Err(error) => {
                        let folder = level.folder.clone();
                        self.levels.pop();
                        self.bad(&folder, false, unreadable(&error))?;
                    }
                }
            } else {
                self.levels.pop();
            }
        }
        if is_folder {
            self.end(path, "folder")?;
        }
        Ok(())
    }

    /// Looks at one path; whether it is a folder that was entered.
    fn look_at(&mut self, path: PathBuf, is_named: bool) -> Result<bool, Stop> {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => {
                let fault = unseen(&path, is_named, &error);
                return self.bad(&path, is_named, fault).map(|()| false);
            }
        };
        if metadata.is_dir() {
            return self.enter(path, FileId::of(&metadata), is_named);
        }
        if metadata.is_file() {
            return self.file(path, &metadata, is_named).map(|()| false);
        }
        if is_named {
            // Reading a pipe or a device may never end.
            let fault = Fault::new(FaultKind::Refused, "neither a file nor a folder");
            self.bad(&path, true, fault)?;
        }
        Ok(false)
    }

    fn file(&mut self, path: PathBuf, metadata: &fs::Metadata, is_named: bool) -> Step {
        if self.ours.contains(&FileId::of(metadata)) && !is_named {
            return Ok(());
        }
        let packing = if is_named {
            // What cannot be read is told by whoever reads it as a picture.
            packing_by_bytes(&path)
                .ok()
                .flatten()
                .or_else(|| packing_by_name(&path))
        } else {
            packing_by_name(&path)
        };
        if let Some(packing) = packing {
            if !self.visitor.opens_archives() {
                return Ok(());
            }
            match packing {
                Packing::Tar => self.tar(&path, false)?,
                Packing::TarGz => self.tar(&path, true)?,
                Packing::Zip => self.zip(&path)?,
            }
            return if is_named {
                self.end(path, "archive")
            } else {
                Ok(())
            };
        }
        let stamp = format!(
            "{}-{}.{:09}",
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec()
        );
        let item = self.item(path.clone(), is_named, stamp);
        match self.wish(&item) {
            Wish::Stop => Err(Stop::Enough),
            Wish::Pass => Ok(()),
            Wish::Take => self.take(Found::Content(item, Content::File(path))),
        }
    }

    fn enter(&mut self, path: PathBuf, id: FileId, is_named: bool) -> Result<bool, Stop> {
        if self.levels.iter().any(|level| level.id == id) {
            let reason = "a link to a folder that it stands in; not followed";
            let fault = Fault::new(FaultKind::Refused, reason);
            return self.bad(&path, is_named, fault).map(|()| false);
        }
        if is_named {
            self.entered.clear();
        } else if self.left_out == Some(id) || self.ours.contains(&id) || self.entered.contains(&id)
        {
            return Ok(false);
        }
        if self.entered.len() < MAX_FOLDERS {
            self.entered.insert(id);
        }
        match names_after(&path, None, self.names_at_once) {
            Ok((names, last)) => {
                self.levels.push(Level {
                    folder: path,
                    names: names.into_iter(),
                    last,
                    id,
                });
                Ok(true)
            }
            Err(error) => {
                let fault = unreadable(&error);
                self.bad(&path, is_named, fault).map(|()| false)
            }
        }
    }
}

/// The first names of a folder, in the order of their bytes, that come after one; and the last of them, where there may be
/// more.
fn names_after(
    folder: &Path,
    after: Option<&OsString>,
    at_most: usize,
) -> io::Result<(Vec<OsString>, Option<OsString>)> {
    let mut first = BinaryHeap::new();
    let mut has_more = false;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if after.is_some_and(|after| name <= *after) {
            continue;
        }
        if first.len() < at_most {
            first.push(name);
            continue;
        }
        has_more = true;
        // The greatest of those held gives way to a smaller one.
        if let Some(mut greatest) = first.peek_mut()
            && name < *greatest
        {
            *greatest = name;
        }
    }
    let names = first.into_sorted_vec();
    let last = if has_more {
        names.last().cloned()
    } else {
        None
    };
    Ok((names, last))
}

/// What to say of a name that leads to no file.
fn unseen(path: &Path, is_named: bool, error: &io::Error) -> Fault {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let missing = |reason: &str| Fault::new(FaultKind::Missing, reason);
    match error.kind() {
        io::ErrorKind::NotFound if is_link => missing("a link that leads nowhere"),
        io::ErrorKind::NotFound if is_named && path == Path::new("-") => {
            missing("standard input is not read; name a file or a folder")
        }
        io::ErrorKind::NotFound if is_named => {
            let text = shown(path);
            if text.starts_with("http://") || text.starts_with("https://") {
                return missing(
                    "addresses of the web are not fetched; download it, or name s3://BUCKET/PREFIX",
                );
            }
            missing("no such file or folder")
        }
        io::ErrorKind::NotFound => missing("no such file or folder"),
        _ if is_link && fs::read_link(path).is_ok_and(|to| !to.as_os_str().is_empty()) => {
            let reason = format!("a link that cannot be followed: {error}");
            Fault::new(FaultKind::Refused, reason)
        }
        _ => unreadable(error),
    }
}

#[cfg(test)]
mod tests;
