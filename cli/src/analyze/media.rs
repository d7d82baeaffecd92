//! Photograph, video or neither: told by the first bytes, and by the name only where they say nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use regard_vision::{PhotoFormat, VideoKind};

/// Bytes looked at.
const HEAD_LEN: u64 = 16;

/// Endings of names by which a file claims to be a picture, in lower case; such a file is an error
/// when it is none that can be read, and not passed over.
const PICTURE_ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "heic",
    "heif", "avif", "jxl", "jp2", "psd",
];

/// What a file is to be treated as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
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
pub(super) fn classify(path: &Path) -> io::Result<Media> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_LEN).read_to_end(&mut head)?;
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
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
}
