//! How far a rule is kept, and what shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a rule is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In the code, and shown by tests.
    Kept,
    /// Some of it; the rest is named.
    Partly,
    /// Not yet: no test shows it.
    Open,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Partly => "partly",
            Self::Open => "open",
        })
    }
}

/// Where a rule is kept, what shows it, and what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Files of the repository.
    pub code: &'static [&'static str],
    /// Tests, as `file::function`.
    pub tests: &'static [&'static str],
    /// What is missing; empty when nothing is.
    pub missing: &'static str,
}

impl Keeping {
    /// How far the rule is kept.
    pub const fn standing(&self) -> Standing {
        match (self.tests.is_empty(), self.missing.is_empty()) {
            (true, _) => Standing::Open,
            (false, false) => Standing::Partly,
            (false, true) => Standing::Kept,
        }
    }
}
