//! Files that are there whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempPath;

use crate::printable::shown;

/// What a new file is allowed, before the user's mask.
const NEW_FILE_MODE: u32 = 0o666;

/// The ending of a file in the making.
const UNFINISHED: &str = ".unfinished";

/// Letters of chance before it.
const N_RANDOM: usize = 6;

/// Bytes of its name that stand in that of a file in the making: file systems take 255 bytes, and photographs come with names
/// that long.
const MAX_NAME_LEN: usize = 200;

/// Writes a file, and its folder where there is none. Written beside, then renamed: an interrupted run
/// leaves the old file or the new one.
pub(crate) fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    make_folder_of(path)?;
    beside(path)
        .and_then(|(mut file, temporary)| {
            file.write_all(content.as_ref())?;
            temporary.persist(path).map_err(|e| e.error)
        })
        .with_context(|| format!("{} could not be written", shown(path)))
}

/// Makes the folder of a file where there is none.
pub(crate) fn make_folder_of(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).with_context(|| format!("the folder {}", shown(folder)))
}

/// A file in the making beside where it will be.
pub(crate) fn beside(path: &Path) -> io::Result<(File, TempPath)> {
    in_the_making(path, OsStr::new(UNFINISHED))
}

/// The same for others to write, with the ending that it will have: by that, writers of films know the container.
pub(crate) fn beside_as_it_ends(path: &Path) -> io::Result<TempPath> {
    let mut suffix = OsString::from(UNFINISHED);
    if let Some(ending) = path.extension() {
        suffix.push(".");
        suffix.push(ending);
    }
    let (_, temporary) = in_the_making(path, &suffix)?;
    Ok(temporary)
}

fn in_the_making(path: &Path, suffix: &OsStr) -> io::Result<(File, TempPath)> {
    let Some(name) = path.file_name() else {
        let reason = "it has no name";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    };
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let file = tempfile::Builder::new()
        .prefix(&prefix_of(name))
        .suffix(suffix)
        .rand_bytes(N_RANDOM)
        .permissions(fs::Permissions::from_mode(NEW_FILE_MODE))
        .tempfile_in(folder_of(path))?;
    Ok(file.into_parts())
}

/// Removes the files in the making that a run that was killed left beside where that one will be.
pub(crate) fn remove_unfinished(path: &Path) -> io::Result<()> {
    let prefix = prefix_of(path.file_name().unwrap_or_default());
    let prefix = prefix.as_bytes();
    for entry in fs::read_dir(folder_of(path))? {
        let name = entry?.file_name();
        let (bytes, end) = (name.as_bytes(), UNFINISHED.as_bytes());
        // Between name and ending are some letters of chance; what is longer is of another file.
        let is_ours = bytes.starts_with(prefix)
            && bytes.ends_with(end)
            && bytes.len() == prefix.len() + N_RANDOM + end.len();
        if is_ours {
            fs::remove_file(folder_of(path).join(name))?;
        }
    }
    Ok(())
}

/// What the name of a file in the making begins with.
fn prefix_of(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    let bytes = name.as_bytes();
    prefix.push(OsStr::from_bytes(&bytes[..bytes.len().min(MAX_NAME_LEN)]));
    prefix
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

    #[test]
    fn a_film_in_the_making_ends_as_it_will_and_long_names_have_room() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join(format!("{}.mp4", "f".repeat(251)));
        let made = beside_as_it_ends(&film).unwrap();
        assert_eq!(made.extension(), film.extension());
        made.persist(&film).unwrap();
        write_whole(&film, "another").unwrap();
        beside(&film).unwrap().1.keep().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        remove_unfinished(&film).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&film).unwrap(), "another");
    }
}
