//! The way to a value in a document.

use std::fmt;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into an array, from 0.
    Index(usize),
}

/// Steps from the root, written `campaign[0].creative[1].when.attention.min`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<Step>);

impl Path {
    /// The root.
    pub(super) const ROOT: Self = Self(Vec::new());

    /// Reads what [`fmt::Display`] writes. Keys with dots and brackets cannot be written so, and no
    /// form of ours has any.
    pub(super) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            steps.push(Step::Key(key.to_owned()));
            let indices = indices.split(['[', ']']).filter_map(|i| i.parse().ok());
            steps.extend(indices.map(Step::Index));
        }
        Self(steps)
    }

    /// The value of a key of this table.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// An element of this array.
    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// One step further down.
    pub(super) fn step(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The table or array that holds it; nothing for the root.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, before) = self.0.split_last()?;
        Some(Self(before.to_vec()))
    }

    /// The steps.
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether it is that path or leads on from there.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "",
            "a",
            "campaign[0].creative[12].when.facts[1].name",
            "a[0][1].b",
        ] {
            assert_eq!(Path::parse(text).to_string(), text);
        }
        assert!(Path::parse("a[1].b").is_within(&Path::parse("a[1]")));
        assert!(!Path::parse("a[1].b").is_within(&Path::parse("a[0]")));
        assert_eq!(Path::parse("a[1].b").parent(), Some(Path::parse("a[1]")));
    }
}
