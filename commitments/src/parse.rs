//! Where in a TOML text a mistake is.

use std::fmt;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// One mistake in a text, with the place a person can go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, what was expected.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )
    }
}

impl Mistake {
    /// A mistake at a byte of the text.
    fn at(text: &str, byte: usize, message: String) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }
}

/// The mistake that a TOML reader reports, with its place; line 1 when it names none.
pub(crate) fn locate(text: &str, error: &toml::de::Error) -> Mistake {
    let message = error.message().replace('\n', "; ");
    Mistake::at(text, error.span().map_or(0, |span| span.start), message)
}

/// A mistake about the value at a path of keys; at the deepest key that is there.
pub(crate) fn mistake_at(text: &str, path: &[&str], message: String) -> Mistake {
    let byte = DeTable::parse(text).map_or(0, |table| span_of(table.get_ref(), path).start);
    Mistake::at(text, byte, message)
}

fn span_of(table: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let Some((first, rest)) = path.split_first() else {
        return 0..0;
    };
    let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == first) else {
        return 0..0;
    };
    let here = key.span();
    match value.get_ref() {
        DeValue::Table(inner) => {
            let deeper = span_of(inner, rest);
            if deeper.is_empty() { here } else { deeper }
        }
        _ => here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_key_is_found() {
        let text = "a = 1\n[b]\nc = 2\n[b.d]\n\"é\" = 3\n";
        for (path, line) in [
            (&["a"][..], 1),
            (&["b", "c"], 3),
            (&["b", "d"], 4),
            (&["b", "d", "nothing"], 4),
            (&["nothing"], 1),
        ] {
            assert_eq!(mistake_at(text, path, String::new()).line, line, "{path:?}");
        }
    }

    #[test]
    fn columns_count_characters() {
        let error = toml::from_str::<toml::Table>("a = 1\n\"é\" = ?\n").unwrap_err();
        let mistake = locate("a = 1\n\"é\" = ?\n", &error);
        assert_eq!((mistake.line, mistake.column), (2, 7), "{mistake}");
    }
}
