//! The papers as pages of the console.

use askama::Template;
use regard_reports::{Item, LegalPaper, Papers};

use crate::wire::papers::{AssessmentBody, PaperLine};

/// A version in the list.
pub(crate) struct VersionRow {
    /// When it came to be.
    pub(crate) at: String,
    /// Digits that name it.
    pub(crate) digits: String,
    /// Titles of the papers that were not as before.
    pub(crate) changed: Vec<&'static str>,
    /// Whether these are the present ones.
    pub(crate) is_present: bool,
    /// Whether the page compares with it.
    pub(crate) is_compared: bool,
}

/// The list of papers.
#[derive(Template)]
#[template(path = "papers.html")]
pub(crate) struct PapersPage {
    /// Name of the site.
    pub(crate) site: String,
    /// Today, at the site.
    pub(crate) made_on: String,
    /// Version of the program.
    pub(crate) program: String,
    /// Version of the commitments.
    pub(crate) version: u32,
    /// Their hash.
    pub(crate) commitments: String,
    /// Each paper.
    pub(crate) papers: Vec<PaperLine>,
    /// The impact assessment.
    pub(crate) assessment: AssessmentBody,
    /// Since when the changes are told.
    pub(crate) since: Option<String>,
    /// What changed, in sentences.
    pub(crate) changes: Vec<String>,
    /// How many changes there are.
    pub(crate) n_changes: usize,
    /// How many versions there are.
    pub(crate) n_versions: usize,
    /// Versions, the latest first.
    pub(crate) versions: Vec<VersionRow>,
}

/// One paper.
#[derive(Template)]
#[template(path = "paper.html")]
pub(crate) struct PaperPage<'a> {
    /// All of them.
    pub(crate) papers: &'a Papers,
    /// This one.
    pub(crate) paper: &'a LegalPaper,
    /// Places for a person to fill in.
    pub(crate) n_open: usize,
    /// Since when the changes are told.
    pub(crate) since: Option<String>,
    /// What changed in it, in sentences.
    pub(crate) changes: Vec<String>,
    /// How many changes there are.
    pub(crate) n_changes: usize,
}
