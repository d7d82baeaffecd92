//! Names of files as text, and errors as one line.

use std::error::Error;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path as text from which it can be told again: as it is where it is UTF-8; otherwise each byte
/// that is not UTF-8 becomes `\xNN` and each backslash two.
pub(crate) fn source_text(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, r"\x{byte:02X}");
        }
    }
    text
}

/// A path for people: as [`source_text`], and no character that moves a terminal's cursor.
pub(crate) fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for c in source_text(path).chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// An error with its causes, on one line.
pub(crate) fn on_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some errors repeat their cause in their own words.
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.split(|c: char| c.is_control())
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn names_can_be_told_again_and_do_not_break_lines() {
        let check = |bytes: &[u8], text: &str, for_people: &str| {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(source_text(path), text);
            assert_eq!(shown(path), for_people);
        };
        check(b"a b.jpg", "a b.jpg", "a b.jpg");
        check("höhe\\.jpg".as_bytes(), "höhe\\.jpg", "höhe\\.jpg");
        check(b"h\xf6he\\.jpg", r"h\xF6he\\.jpg", r"h\xF6he\\.jpg");
        check(b"a\n\x1b[2J.jpg", "a\n\u{1b}[2J.jpg", r"a\n\u{1b}[2J.jpg");
    }

    #[test]
    fn causes_follow_on_the_same_line() {
        let inner = std::io::Error::other("two\nlines");
        let outer = std::io::Error::new(std::io::ErrorKind::NotFound, inner);
        assert_eq!(on_one_line(&outer), "two lines");
    }
}
