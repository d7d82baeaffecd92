//! A TOML text with the places of everything in it, and the mistakes found there.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::{Path, Step};

/// Largest file read, in bytes: ten thousand messages fit.
const MAX_FILE_LEN: u64 = 4 << 20;

/// One mistake, with the place a person can go to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mistake {
    /// The file, as the user would name it.
    pub(crate) file: PathBuf,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    /// Which value; empty for the file as a whole.
    pub(crate) path: String,
    /// What was expected, what was found, what to do.
    pub(crate) message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a file of at most 4 MiB.
pub(super) fn read_text(file: &FilePath) -> Result<String, String> {
    let said = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    };
    let metadata = std::fs::metadata(file).map_err(said)?;
    // A device may have no end, and a pipe no beginning.
    if !metadata.is_file() {
        return Err("expected a file, found something else".to_owned());
    }
    let size = metadata.len();
    if size > MAX_FILE_LEN {
        return Err(format!(
            "expected a file of at most {MAX_FILE_LEN} bytes, found {size}"
        ));
    }
    String::from_utf8(std::fs::read(file).map_err(said)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("expected UTF-8, found something else at byte {at}")
    })
}

/// A parsed text.
pub(super) struct Document<'t> {
    file: PathBuf,
    text: &'t str,
    root: Spanned<DeValue<'t>>,
}

impl<'t> Document<'t> {
    /// Parses a text, as far as it can be; every mistake of syntax goes to `mistakes`.
    pub(super) fn parse(file: &FilePath, text: &'t str, mistakes: &mut Vec<Mistake>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        let document = Self {
            file: file.to_owned(),
            text,
            root,
        };
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().trim_end().replace('\n', "; ");
            mistakes.push(document.mistake_at_byte(at, &Path::ROOT, message));
        }
        document
    }

    /// The whole of it.
    pub(super) const fn root(&self) -> &Spanned<DeValue<'t>> {
        &self.root
    }

    /// The file it is from.
    pub(super) fn file(&self) -> &FilePath {
        &self.file
    }

    /// A mistake at a byte of the text.
    pub(super) fn mistake_at_byte(&self, byte: usize, path: &Path, message: String) -> Mistake {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Mistake {
            file: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            path: path.to_string(),
            message,
        }
    }

    /// A mistake about the value at a path, or where it is missing in what would hold it.
    pub(super) fn mistake(&self, path: &Path, message: String) -> Mistake {
        self.mistake_at_byte(self.place(path), path, message)
    }

    /// Where the value at a path begins, or the nearest that holds it.
    fn place(&self, path: &Path) -> usize {
        let mut here = &self.root;
        for step in path.steps() {
            let next = match (here.get_ref(), step) {
                (DeValue::Table(table), Step::Key(key)) => table.get(key.as_str()),
                (DeValue::Array(array), Step::Index(index)) => array.get(*index),
                _ => None,
            };
            match next {
                Some(next) => here = next,
                None => break,
            }
        }
        here.span().start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document<'_> {
        let mut mistakes = Vec::new();
        let document = Document::parse(FilePath::new("x.toml"), text, &mut mistakes);
        assert_eq!(mistakes, []);
        document
    }

    #[test]
    fn the_nearest_value_is_found() {
        let text = "a = 1\n[b]\n\"é\" = { c = 2 }\n[[d]]\ne = 1\n\n[[d]]\ne = 2\n";
        let document = document(text);
        for (path, line, column) in [
            ("a", 1, 5),
            ("b", 2, 1),
            ("b.é.c", 3, 13),
            ("d[1].e", 7 + 1, 5),
            ("d[1]", 7, 1),
            ("d[1].f", 7, 1),
            ("nothing", 1, 1),
        ] {
            let mistake = document.mistake(&Path::parse(path), String::new());
            assert_eq!((mistake.line, mistake.column), (line, column), "{path}");
        }
    }

    #[test]
    fn every_mistake_of_syntax_is_found() {
        let mut mistakes = Vec::new();
        Document::parse(
            FilePath::new("x.toml"),
            "a = \n[b\nc = 1\nd == 2\n",
            &mut mistakes,
        );
        let lines: Vec<usize> = mistakes.iter().map(|m| m.line).collect();
        assert!(
            lines.contains(&1) && lines.contains(&2) && lines.contains(&4),
            "{mistakes:?}"
        );
    }
}
