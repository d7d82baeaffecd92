//! What the named files and folders hold, in order.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::vec;

/// Which file or folder it is, by whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
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
    pub(super) fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    /// Its path, beginning as it was typed.
    pub(super) path: PathBuf,
    /// Which of the inputs it belongs to.
    pub(super) input: usize,
    /// Whether it was named, rather than found in a folder.
    pub(super) is_named: bool,
}

/// One step of a walk.
#[derive(Debug)]
pub(super) enum Found {
    /// A file.
    File(FoundFile),
    /// Something that cannot be looked at.
    Bad {
        /// What.
        path: PathBuf,
        /// Why.
        reason: String,
        /// Whether it was named, rather than found in a folder.
        is_named: bool,
    },
    /// All of a named folder has been found.
    EndOfFolder {
        /// The folder.
        path: PathBuf,
    },
}

struct Level {
    entries: vec::IntoIter<PathBuf>,
    id: FileId,
}

/// The files below the inputs: inputs as given, folders sorted by name, links followed.
///
/// Holds the names of one folder a level. A folder that is reached again within one input, by
/// whatever link, is not entered twice; a link to a folder that it stands in is reported.
pub(super) struct Walk {
    inputs: std::iter::Enumerate<vec::IntoIter<PathBuf>>,
    input: usize,
    root: Option<PathBuf>,
    levels: Vec<Level>,
    entered: BTreeSet<FileId>,
    left_out: Option<FileId>,
}

impl Walk {
    /// A walk through the inputs that does not enter the folder `left_out` unless it is one of them.
    pub(super) fn new(inputs: Vec<PathBuf>, left_out: Option<FileId>) -> Self {
        Self {
            inputs: inputs.into_iter().enumerate(),
            input: 0,
            root: None,
            levels: Vec::new(),
            entered: BTreeSet::new(),
            left_out,
        }
    }

    fn look_at(&mut self, path: PathBuf, is_named: bool) -> Option<Found> {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => return Some(unseen(path, is_named, &error)),
        };
        if metadata.is_dir() {
            return self.enter(path, FileId::of(&metadata), is_named);
        }
        if metadata.is_file() {
            return Some(Found::File(FoundFile {
                path,
                input: self.input,
                is_named,
            }));
        }
        // Reading a pipe or a device may never end.
        let reason = "neither a file nor a folder".to_owned();
        is_named.then_some(Found::Bad {
            path,
            reason,
            is_named,
        })
    }

    fn enter(&mut self, path: PathBuf, id: FileId, is_named: bool) -> Option<Found> {
        if self.levels.iter().any(|level| level.id == id) {
            let reason = "a link to a folder that it stands in; not followed".to_owned();
            return Some(Found::Bad {
                path,
                reason,
                is_named,
            });
        }
        if !is_named && (self.left_out == Some(id) || !self.entered.insert(id)) {
            return None;
        }
        if is_named {
            self.entered = BTreeSet::from([id]);
        }
        match entries_of(&path) {
            Ok(entries) => {
                self.levels.push(Level {
                    entries: entries.into_iter(),
                    id,
                });
                if is_named {
                    self.root = Some(path);
                }
                None
            }
            Err(error) => Some(Found::Bad {
                path,
                reason: error.to_string(),
                is_named,
            }),
        }
    }
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let found = if let Some(level) = self.levels.last_mut() {
                match level.entries.next() {
                    Some(path) => self.look_at(path, false),
                    None => {
                        self.levels.pop();
                        None
                    }
                }
            } else if let Some(path) = self.root.take() {
                Some(Found::EndOfFolder { path })
            } else {
                let (index, path) = self.inputs.next()?;
                self.input = index;
                self.look_at(path, true)
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

fn entries_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable();
    Ok(entries)
}

/// What to say of a name that leads to no file.
fn unseen(path: PathBuf, is_named: bool, error: &io::Error) -> Found {
    let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
    let reason = match error.kind() {
        io::ErrorKind::NotFound if is_link => "a link that leads nowhere".to_owned(),
        io::ErrorKind::NotFound if is_named && path == Path::new("-") => {
            "standard input is not read; name a file or a folder".to_owned()
        }
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ if is_link && fs::read_link(&path).is_ok_and(|to| !to.as_os_str().is_empty()) => {
            format!("a link that cannot be followed: {error}")
        }
        _ => error.to_string(),
    };
    Found::Bad {
        path,
        reason,
        is_named,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn walked(root: &Path, inputs: &[&str], left_out: Option<&str>) -> Vec<String> {
        let inputs = inputs.iter().map(|name| root.join(name)).collect();
        let left_out = left_out.and_then(|name| FileId::at(&root.join(name)));
        let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
        Walk::new(inputs, left_out)
            .map(|found| match found {
                Found::File(file) => format!("{} {}", file.input, name(&file.path)),
                Found::Bad { path, reason, .. } => format!("! {}: {reason}", name(&path)),
                Found::EndOfFolder { path } => format!(". {}", name(&path)),
            })
            .collect()
    }

    #[test]
    fn folders_come_sorted_and_links_in_circles_end() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("in/sub/deep")).unwrap();
        fs::create_dir_all(root.join("in/drawn")).unwrap();
        for file in ["in/b", "in/a", "in/sub/deep/c", "in/drawn/x", "single"] {
            fs::write(root.join(file), "").unwrap();
        }
        symlink("..", root.join("in/sub/up")).unwrap();
        symlink("sub/deep", root.join("in/z-again")).unwrap();
        symlink("me", root.join("in/me")).unwrap();
        symlink("gone", root.join("in/nowhere")).unwrap();
        let lines = walked(root, &["single", "in", "missing"], Some("in/drawn"));
        assert_eq!(lines[0], "0 single");
        assert_eq!(lines[1..3], ["1 in/a", "1 in/b"]);
        assert!(
            lines[3].starts_with("! in/me: a link that cannot be followed"),
            "{}",
            lines[3]
        );
        assert_eq!(
            lines[4..],
            [
                "! in/nowhere: a link that leads nowhere",
                "1 in/sub/deep/c",
                "! in/sub/up: a link to a folder that it stands in; not followed",
                ". in",
                "! missing: no such file or folder",
            ]
        );
    }

    #[test]
    fn what_is_named_twice_is_done_twice() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("in/a"), "").unwrap();
        let lines = walked(root.path(), &["in", "in", "in/a"], Some("in"));
        assert_eq!(lines, ["0 in/a", ". in", "1 in/a", ". in", "2 in/a"]);
    }
}
