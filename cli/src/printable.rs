//! Names of files as text, and errors as one line.

use std::path::Path;

pub(crate) use regard_library::{on_one_line, source_text};

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

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

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
