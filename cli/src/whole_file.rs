//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempPath;

use crate::printable::shown;

/// What a new file is allowed, before the user's mask.
pub(crate) const NEW_FILE_MODE: u32 = 0o666;

/// The ending of a file in the making.
const UNFINISHED: &str = ".unfinished";

/// Letters of chance before it.
const N_RANDOM: usize = 6;

/// Writes a file, and its folder where there is none. Written beside, then renamed: an interrupted run
/// leaves the old file or the new one.
pub(crate) fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).with_context(|| format!("the folder {}", shown(folder)))?;
    beside(path)
        .and_then(|(mut file, temporary)| {
            file.write_all(content.as_ref())?;
            temporary.persist(path).map_err(|e| e.error)
        })
        .with_context(|| format!("{} could not be written", shown(path)))
}

/// A file in the making beside where it will be.
pub(crate) fn beside(path: &Path) -> io::Result<(File, TempPath)> {
    let Some(name) = path.file_name() else {
        let reason = "it has no name";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    };
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let mut prefix = OsString::from(".");
    prefix.push(name);
    let file = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(UNFINISHED)
        .rand_bytes(N_RANDOM)
        .permissions(fs::Permissions::from_mode(NEW_FILE_MODE))
        .tempfile_in(folder_of(path))?;
    Ok(file.into_parts())
}

/// Removes the files in the making that a run that was killed left beside where that one will be.
pub(crate) fn remove_unfinished(path: &Path) -> io::Result<()> {
    let mut prefix = vec![b'.'];
    prefix.extend(path.file_name().unwrap_or_default().as_bytes());
    for entry in fs::read_dir(folder_of(path))? {
        let name = entry?.file_name();
        let (bytes, end) = (name.as_bytes(), UNFINISHED.as_bytes());
        // Between name and ending are some letters of chance; what is longer is of another file.
        let is_ours = bytes.starts_with(&prefix)
            && bytes.ends_with(end)
            && bytes.len() == prefix.len() + N_RANDOM + end.len();
        if is_ours {
            fs::remove_file(folder_of(path).join(name))?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Lets a file that is on disk appear under its name, and the name be on disk.
pub(crate) fn appear(temporary: TempPath, path: &Path) -> io::Result<()> {
    File::open(&temporary)?.sync_all()?;
    temporary.persist(path).map_err(|e| e.error)?;
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_lies_beside_is_touched_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join("out").join(name);
        write_whole(&place("report.html"), "first").unwrap();
        fs::write(place("report.part"), "of somebody else").unwrap();
        write_whole(&place("report.html"), "second").unwrap();
        let read = |name: &str| fs::read_to_string(place(name)).unwrap();
        assert_eq!(read("report.html"), "second");
        assert_eq!(read("report.part"), "of somebody else");
        assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 2);
        assert!(write_whole(folder.path(), "a folder").is_err());
    }
}
