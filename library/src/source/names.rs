//! Names of files as text.

use std::error::Error;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path as text from which it can be told again: as it is where it is UTF-8; otherwise each byte
/// that is not UTF-8 becomes `\xNN` and each backslash two.
pub fn source_text(path: &Path) -> String {
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

/// An error with its causes, on one line.
pub fn on_one_line(error: &dyn Error) -> String {
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

/// What an entry of an archive is called inside of it, if it stays inside: relative, without `..`.
pub(crate) fn inside_name(bytes: &[u8]) -> Option<&Path> {
    use std::ffi::OsStr;
    use std::path::Component;
    if bytes.is_empty() || bytes.contains(&0) {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(bytes));
    let stays = path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // What Windows takes for a drive or a way out is none of our business, but a name with it is not meant well either.
    let is_foreign = bytes.contains(&b'\\') && bytes.split(|b| *b == b'\\').any(|p| p == b"..");
    (stays && !is_foreign).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_none() {
        for bad in [
            "",
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a/..",
            "..\\a",
            "a\0b",
        ] {
            assert_eq!(inside_name(bad.as_bytes()), None, "{bad:?}");
        }
        for good in ["a", "./a", "a/b..c.jpg", "h\u{f6}he/..x", "a\\b"] {
            assert!(inside_name(good.as_bytes()).is_some(), "{good:?}");
        }
    }
}
