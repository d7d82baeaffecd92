//! Photograph, video or neither: told by the first bytes, and by the name only where they say nothing.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use regard_vision::{PhotoFormat, VideoKind};

/// Bytes looked at.
pub(crate) const HEAD_LEN: u64 = 16;

/// Endings of names by which a file claims to be a picture, in lower case; such a file is an error
/// when it is none that can be read, and not passed over.
const PICTURE_ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "heic",
    "heif", "avif", "jxl", "jp2", "psd",
];

/// What a file is to be treated as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// A photograph, or something that claims to be one.
    Photo,
    /// A video, or something that claims to be one.
    Video,
    /// Nothing to look at.
    Neither,
}

/// What a file is.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn classify(path: &Path) -> io::Result<Media> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_LEN).read_to_end(&mut head)?;
    let ending = ending_of(path);
    if is_something_else(&head, &ending) {
        return Ok(Media::Neither);
    }
    Ok(if VideoKind::sniff(path)?.is_some() {
        Media::Video
    } else if PhotoFormat::sniff(&head).is_some() || PICTURE_ENDINGS.contains(&ending.as_str()) {
        Media::Photo
    } else {
        Media::Neither
    })
}

/// What to do about something that is no file yet, such as an entry of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prospect {
    /// A photograph, which can be looked at in memory.
    Photo,
    /// Perhaps a video, or a GIF of several pictures: told, and read, from a file only.
    PerhapsVideo,
    /// An archive.
    Archive,
    /// Nothing to look at.
    Neither,
}

/// What to do about bytes that begin like this and have that name.
pub(crate) fn prospect(name: &Path, head: &[u8]) -> Prospect {
    let ending = ending_of(name);
    if is_something_else(head, &ending) {
        return Prospect::Neither;
    }
    let is_gif = head.starts_with(b"GIF8");
    // As for files: where the ending is that of a video, it is taken for one.
    let ends_like_video =
        matches!(ending.as_str(), "mjpeg" | "mjpg") || VideoKind::has_ending_of_one(&ending);
    match PhotoFormat::sniff(head) {
        Some(_) if !is_gif && !ends_like_video => Prospect::Photo,
        Some(_) => Prospect::PerhapsVideo,
        None if is_archive(head, &ending) => Prospect::Archive,
        None if PICTURE_ENDINGS.contains(&ending.as_str()) && head.get(4..8) != Some(b"ftyp") => {
            Prospect::Photo
        }
        None if may_be_video(head, &ending) => Prospect::PerhapsVideo,
        None => Prospect::Neither,
    }
}

/// Whether a name promises a picture or a video. Of files it is looked at their first bytes where the name says nothing.
pub(crate) fn may_be_media(path: &Path) -> bool {
    let ending = ending_of(path);
    if path.is_file() {
        return !matches!(classify(path), Ok(Media::Neither));
    }
    PICTURE_ENDINGS.contains(&ending.as_str())
        || VideoKind::has_ending_of_one(&ending)
        || matches!(ending.as_str(), "mjpeg" | "mjpg" | "gif" | "ico")
}

/// Whether a name is that of a picture.
pub(crate) fn has_picture_ending(path: &Path) -> bool {
    PICTURE_ENDINGS.contains(&ending_of(path).as_str())
}

/// The name of an archive without its ending; any other as it is.
pub(crate) fn without_packing_ending(name: &OsStr) -> OsString {
    if packing_by_name(Path::new(name)).is_none() {
        return name.to_owned();
    }
    let bytes = name.as_bytes();
    let endings = [".tar.gz", ".tgz", ".tar", ".zip"];
    let ends = |ending: &&str| {
        let from = bytes.len().saturating_sub(ending.len());
        bytes[from..].eq_ignore_ascii_case(ending.as_bytes())
    };
    let len = endings
        .iter()
        .find(|ending| ends(ending))
        .map_or(0, |e| e.len());
    OsStr::from_bytes(&bytes[..bytes.len() - len]).to_owned()
}

/// Whether it is worth a file to find out.
fn may_be_video(head: &[u8], ending: &str) -> bool {
    let begins_like_one = head.get(4..8) == Some(b"ftyp")
        || head.starts_with(b"RIFF")
        || head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3])
        || head.starts_with(b"FLV\x01")
        || head.starts_with(b"OggS")
        || head.starts_with(&[0, 0, 1, 0xBA])
        || head.starts_with(&[0x30, 0x26, 0xB2, 0x75]);
    begins_like_one || VideoKind::has_ending_of_one(ending)
}

fn is_archive(head: &[u8], ending: &str) -> bool {
    head.starts_with(b"PK\x03\x04")
        || head.starts_with(b"PK\x05\x06")
        || head.starts_with(&[0x1F, 0x8B])
        || ARCHIVE_ENDINGS.contains(&ending)
}

/// Endings of the archives that are opened, in lower case.
const ARCHIVE_ENDINGS: [&str; 3] = ["tar", "tgz", "zip"];

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Tape archive.
    Tar,
    /// The same, compressed as a whole with gzip.
    TarGz,
    /// ZIP.
    Zip,
}

/// The packing that the name of a file claims: whoever fills folders with programs and texts has many ZIP files in them that
/// are no archives of pictures, so in a folder only these are opened.
pub(crate) fn packing_by_name(name: &Path) -> Option<Packing> {
    let text = name.file_name()?.to_string_lossy().to_ascii_lowercase();
    if text.ends_with(".tar.gz") || text.ends_with(".tgz") {
        Some(Packing::TarGz)
    } else if text.ends_with(".tar") {
        Some(Packing::Tar)
    } else if text.ends_with(".zip") {
        Some(Packing::Zip)
    } else {
        None
    }
}

/// The packing of a file that was named, by its bytes, whatever it is called.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn packing_by_bytes(path: &Path) -> io::Result<Option<Packing>> {
    let mut head = Vec::new();
    File::open(path)?.take(TAR_BLOCK).read_to_end(&mut head)?;
    Ok(
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            Some(Packing::Zip)
        } else if head.get(257..262) == Some(b"ustar") {
            Some(Packing::Tar)
        } else if head.starts_with(&[0x1F, 0x8B]) {
            Some(Packing::TarGz)
        } else {
            None
        },
    )
}

/// A header of a tape archive, in bytes.
const TAR_BLOCK: u64 = 512;

fn ending_of(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// Whether the first bytes say that the ending does not mean what it seems to.
fn is_something_else(head: &[u8], ending: &str) -> bool {
    // What macOS keeps beside a file on foreign disks, under the file's name.
    let is_apple_double = head.starts_with(&[0, 5, 0x16, 7]);
    // `.ts` is TypeScript more often than an MPEG stream, which begins each packet with 0x47, perhaps
    // after a time of four bytes.
    let is_program =
        matches!(ending, "ts" | "mts") && head.first() != Some(&0x47) && head.get(4) != Some(&0x47);
    is_apple_double || is_program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_first_then_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let check = |name: &str, bytes: &[u8], expected: Media| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(classify(&path).unwrap(), expected, "{name}");
        };
        check("a.txt", b"\xff\xd8\xff\xe0 and so on", Media::Photo);
        check("a.JPG", b"text", Media::Photo);
        check("a.png", b"", Media::Photo);
        check("a.txt", b"text", Media::Neither);
        check("a", b"", Media::Neither);
        check("a.mjpeg", b"\xff\xd8\xff\xe0", Media::Video);
        check("a.jpg", b"\0\0\0\x18ftypmp42", Media::Video);
        check("a.mp4", b"text", Media::Video);
        check("a.ts", b"import x from 'y'", Media::Neither);
        check("a.ts", b"\x47\x40\x11\x10", Media::Video);
        check("._a.jpg", b"\0\x05\x16\x07\0\x02", Media::Neither);
    }

    #[test]
    fn what_is_no_file_yet_is_told_by_its_head() {
        let check = |name: &str, head: &[u8], expected: Prospect| {
            assert_eq!(prospect(Path::new(name), head), expected, "{name}");
        };
        check("a", b"\xff\xd8\xff\xe0", Prospect::Photo);
        check("a.mjpeg", b"\xff\xd8\xff\xe0", Prospect::PerhapsVideo);
        check("a.png", b"text", Prospect::Photo);
        check("a.jpg", b"\0\0\0\x18ftypmp42", Prospect::PerhapsVideo);
        check("a.gif", b"GIF89a", Prospect::PerhapsVideo);
        check("a.mp4", b"text", Prospect::PerhapsVideo);
        check("a.txt", b"text", Prospect::Neither);
        check("a.txt", b"PK\x03\x04", Prospect::Archive);
        check("a.tar", b"", Prospect::Archive);
        check("._a.jpg", b"\0\x05\x16\x07\0\x02", Prospect::Neither);
    }

    #[test]
    fn in_a_folder_the_name_says_what_is_an_archive() {
        let check = |name: &str, expected| assert_eq!(packing_by_name(Path::new(name)), expected);
        check("a/00000.tar", Some(Packing::Tar));
        check("A.TAR.GZ", Some(Packing::TarGz));
        check("a.tgz", Some(Packing::TarGz));
        check("a.zip", Some(Packing::Zip));
        check("a.docx", None);
        check("tar", None);
        check("a.gz", None);
        let bare = |name: &str| without_packing_ending(OsStr::new(name));
        assert_eq!(bare("cola.tar.gz"), "cola");
        assert_eq!(bare("A.ZIP"), "A");
        assert_eq!(bare("cola.jpg"), "cola.jpg");
        assert_eq!(bare("tar"), "tar");
    }
}
