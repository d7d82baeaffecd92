//! The page behind an invitation to a study, and the list of studies on the console.

use askama::Template;
use regard_commitments::{Language, Notice, Refusal, VerifiedCommitments};
use regard_evaluation::StudyPlan;

use super::face::said;
use super::privacy::languages_of;
use super::words::{StudyWords, study_words, words};
use crate::wire::studies::StudyLine;

/// What the page of a study tells.
pub(crate) struct StudyAnswers<'a> {
    pub(crate) notice: &'a Notice,
    pub(crate) commitments: &'a VerifiedCommitments,
    /// The study; nothing where the invitation is not good.
    pub(crate) plan: Option<&'a StudyPlan>,
    pub(crate) invitation: &'a str,
    /// Why nobody can sit down now.
    pub(crate) refusal: Option<Refusal>,
}

/// The page of a study.
#[derive(Template)]
#[template(path = "study.html")]
pub(crate) struct StudyPage {
    lang: &'static str,
    w: &'static StudyWords,
    words: Vec<(&'static str, &'static str)>,
    languages: Vec<(&'static str, &'static str)>,
    language_label: &'static str,
    query: String,
    invitation: String,
    is_good: bool,
    may_sit: bool,
    refused: Option<String>,
    title: String,
    explanation: Vec<String>,
    controller: String,
    minutes: u64,
    with_movements: bool,
}

/// The page of a study in one language.
pub(crate) fn study_page(answers: StudyAnswers<'_>, language: Language) -> StudyPage {
    let w = study_words(language);
    let tag = language.tag();
    let (title, explanation) = answers.plan.map_or_else(
        || (w.not_good_title.to_owned(), Vec::new()),
        |plan| {
            let lines = plan.explanation.in_language(tag).lines();
            let lines = lines.map(str::trim).filter(|line| !line.is_empty());
            let title = plan.title.in_language(tag).to_owned();
            (title, lines.map(str::to_owned).collect())
        },
    );
    let refused = answers.refusal.map(|refusal| said(&refusal));
    StudyPage {
        lang: tag,
        w,
        words: w.all(),
        languages: languages_of(answers.notice),
        language_label: words(language).languages,
        query: String::new(),
        invitation: answers.invitation.to_owned(),
        is_good: answers.plan.is_some(),
        may_sit: answers.plan.is_some() && refused.is_none(),
        refused,
        title,
        explanation,
        controller: answers.commitments.document().controller.name.clone(),
        // Twice the time of looking, for reading and answering.
        minutes: answers
            .plan
            .map_or(0, |plan| plan.total_millis().div_ceil(30_000) + 1),
        with_movements: answers.plan.is_some_and(|plan| plan.movements.is_some()),
    }
}

/// The list of studies.
#[derive(Template)]
#[template(path = "studies.html")]
pub(crate) struct StudiesPage {
    /// Name of the site.
    pub(crate) site: String,
    /// The studies, in order of name.
    pub(crate) studies: Vec<StudyLine>,
    /// Why no participant could be looked at now.
    pub(crate) refusal: Option<Refusal>,
    /// Whether whoever looks may read reports.
    pub(crate) may_read: bool,
}
