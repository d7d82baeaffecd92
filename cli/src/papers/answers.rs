//! Answers of people to the questions of the papers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use regard_reports::Question;

use crate::ledger::small_file;
use crate::printable::shown;

/// Answers by the id of the question; an empty text is no answer.
pub(super) fn read(file: &Path) -> Result<BTreeMap<String, String>> {
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    let answers: BTreeMap<String, String> =
        toml::from_str(&small_file(file)?).with_context(|| {
            format!(
                "{}: expected lines such as dpo_contact = \"…\"",
                shown(file)
            )
        })?;
    Ok(answers
        .into_iter()
        .filter(|(_, answer)| !answer.trim().is_empty())
        .collect())
}

/// Every answer belongs to a question: a misspelt one would be lost without a word.
pub(super) fn check(
    answers: &BTreeMap<String, String>,
    questions: &[Question],
    file: &Path,
) -> Result<()> {
    let is_known = |id: &&String| questions.iter().any(|question| question.id == **id);
    if let Some(unknown) = answers
        .keys()
        .find(|id| !is_known(id) && !id.starts_with("breach_"))
    {
        bail!(
            "{}: {unknown:?} is the id of no question; the papers name the ids where something is to fill in",
            shown(file)
        );
    }
    Ok(())
}

/// A file to fill in: every question with an empty answer.
pub(super) fn form(questions: &[Question]) -> String {
    let mut text = String::from(
        "# What only a person can say. Fill in between the quotes and make the papers again; \"\"\" and \"\"\" hold several lines.\n",
    );
    for question in questions {
        let papers: Vec<&str> = question.papers.iter().map(|paper| paper.title()).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n# {}\n# In: {}\n{} = \"\"\n",
            question.text,
            papers.join(", "),
            question.id
        );
    }
    text
}
