//! The law, row by row: how far the program keeps it, and what was found of it here.

use serde::{Deserialize, Serialize};

use super::{AskedRefusal, CheckLine, CheckState, Evidence};
use crate::law::{Keeping, Rule, Standing};
use crate::refusal::RefusalCode;

/// A row of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawRow {
    /// A requirement.
    Requirement(Rule),
    /// A refusal.
    Refusal(RefusalCode),
}

impl LawRow {
    /// Every row, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        let rules = Rule::ALL.iter().map(|rule| Self::Requirement(*rule));
        rules.chain(RefusalCode::ALL.iter().map(|code| Self::Refusal(*code)))
    }

    /// The stable name.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Requirement(rule) => rule.id(),
            Self::Refusal(code) => code.as_str(),
        }
    }

    /// Where it stands in the law.
    pub const fn article(self) -> &'static str {
        match self {
            Self::Requirement(rule) => rule.article(),
            Self::Refusal(code) => code.article(),
        }
    }

    /// Where and how the program keeps it.
    pub fn keeping(self) -> Keeping {
        match self {
            Self::Requirement(rule) => rule.keeping(),
            Self::Refusal(code) => code.keeping(),
        }
    }

    /// What this evidence says of the row; nothing when it is about others.
    fn state_by(self, check: &CheckLine) -> Option<CheckState> {
        let of = |asked: &[AskedRefusal], code: RefusalCode| {
            let one = asked.iter().find(|one| one.code == code);
            CheckState::when(one.is_some_and(|one| one.answered == Some(code)))
        };
        match (self, &check.evidence) {
            (Self::Refusal(code), Evidence::Refusals { asked }) => Some(of(asked, code)),
            (Self::Requirement(rule), Evidence::Refusals { asked }) => {
                let codes = RefusalCode::ALL.iter().filter(|code| code.upholds(rule));
                let states: Vec<CheckState> = codes.map(|code| of(asked, *code)).collect();
                (!states.is_empty()).then(|| CheckState::of_all(states))
            }
            (Self::Requirement(rule), _) => check.rules.contains(&rule).then_some(check.state),
            (Self::Refusal(_), _) => None,
        }
    }
}

/// What a report says of one row of the law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LawLine {
    /// Which row.
    pub row: LawRow,
    /// How far the program keeps it, as its tests show.
    pub standing: Standing,
    /// Tests that show it.
    pub n_tests: u64,
    /// What is missing; nothing when nothing is.
    pub missing: Option<String>,
    /// The checks of this report that look at it.
    pub checks: Vec<String>,
    /// What follows from these for this installation.
    pub state: CheckState,
}

impl LawLine {
    /// Every row, as these checks have it.
    pub fn all(checks: &[CheckLine]) -> Vec<Self> {
        LawRow::all().map(|row| Self::of(row, checks)).collect()
    }

    fn of(row: LawRow, checks: &[CheckLine]) -> Self {
        let keeping = row.keeping();
        let seen: Vec<(&str, CheckState)> = checks
            .iter()
            .filter_map(|check| Some((check.evidence.id(), row.state_by(check)?)))
            .collect();
        Self {
            row,
            standing: keeping.standing(),
            n_tests: keeping.tests.len() as u64,
            missing: (!keeping.missing.is_empty()).then(|| keeping.missing.to_owned()),
            checks: seen.iter().map(|(id, _)| (*id).to_owned()).collect(),
            state: CheckState::of_all(seen.iter().map(|(_, state)| *state)),
        }
    }
}
