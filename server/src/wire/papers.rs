//! Papers as JSON.

use regard_reports::{LegalPaper, PaperChange};
use serde::Serialize;
use utoipa::ToSchema;

/// How a paper stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StandingBody {
    /// Whether nobody has to do anything.
    pub(crate) is_good: bool,
    /// What is the case.
    pub(crate) text: String,
}

/// One paper in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaperLine {
    /// Its name in addresses.
    pub(crate) id: String,
    /// What it is called.
    pub(crate) title: String,
    /// Where the law asks for it.
    pub(crate) law: String,
    /// SHA-256 of its facts.
    pub(crate) digest: String,
    /// Places that a person has to fill in.
    pub(crate) n_open: usize,
    /// How it stands today.
    pub(crate) standing: Vec<StandingBody>,
    /// What changed in it since the version that is compared with; nothing where there is none.
    pub(crate) n_changes: Option<usize>,
}

/// What the signed impact assessment is worth to the configuration that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AssessmentBody {
    /// `holds`, `not_signed`, `not_yet_signed`, `too_old`, `of_another_configuration`.
    pub(crate) state: &'static str,
    /// Where it can be read.
    pub(crate) reference: Option<String>,
    /// Who signed it.
    pub(crate) signed_by: Option<String>,
    /// The day.
    pub(crate) signed_on: Option<String>,
    /// How many days ago that is.
    pub(crate) age_days: Option<u64>,
    /// The day from which it is too old.
    pub(crate) too_old_on: Option<String>,
}

/// Papers as they came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaperVersionBody {
    /// When, in microseconds since 1970-01-01.
    pub(crate) at: i64,
    /// Hash over all of them, as the ledger has it; its first 16 digits name the copy in the data folder.
    pub(crate) all: String,
    /// Those that were not as before.
    pub(crate) changed: Vec<String>,
}

/// Something that two versions say differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaperChangeBody {
    /// In which paper.
    pub(crate) paper: String,
    /// Under which point.
    pub(crate) point: String,
    /// Which fact, and which row of it.
    pub(crate) what: String,
    /// What it was; nothing where there was none.
    pub(crate) before: Option<String>,
    /// What it is; nothing where there is none any more.
    pub(crate) now: Option<String>,
    /// In a sentence.
    pub(crate) text: String,
}

impl PaperChangeBody {
    pub(crate) fn of(change: &PaperChange) -> Self {
        Self {
            paper: change.paper.to_string(),
            point: change.point.clone(),
            what: change.what.clone(),
            before: change.before.clone(),
            now: change.now.clone(),
            text: change.in_words(),
        }
    }
}

/// The papers about the installation that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PapersBody {
    /// Name of the site.
    pub(crate) site: String,
    /// The day they were made on, at the site: today.
    pub(crate) made_on: String,
    /// Version of the program.
    pub(crate) program: String,
    /// Version of the commitments.
    pub(crate) commitments_version: u32,
    /// SHA-256 of the commitments.
    pub(crate) commitments: String,
    /// Hash over all papers.
    pub(crate) all: String,
    /// The papers, in the order in which they are read.
    pub(crate) papers: Vec<PaperLine>,
    /// The impact assessment.
    pub(crate) impact_assessment: AssessmentBody,
    /// How they came to be what they are, the latest first.
    pub(crate) versions: Vec<PaperVersionBody>,
    /// The version that is compared with; nothing where there is none before, or its copy is gone.
    pub(crate) compared_with: Option<String>,
    /// What changed since; nothing where there is nothing to compare with.
    pub(crate) changes: Option<Vec<PaperChangeBody>>,
}

/// One paper, and what changed in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaperBody {
    /// The paper, as `papers.json` of `regard papers` has it.
    #[schema(value_type = serde_json::Value)]
    pub(crate) paper: LegalPaper,
    /// The day it was made on: today.
    pub(crate) made_on: String,
    /// The version that is compared with.
    pub(crate) compared_with: Option<String>,
    /// What changed in it since.
    pub(crate) changes: Option<Vec<PaperChangeBody>>,
}
