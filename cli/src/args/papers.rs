//! Arguments of `regard papers`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use regard_commitments::Language;
use regard_domain::Timestamp;
use regard_reports::BreachNature;

use super::{ListFormat, SiteKeyArgs};
use crate::instant::instant;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PapersArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PapersCommand>,
    #[command(flatten)]
    pub(crate) source: PapersSourceArgs,
    /// Give what people are told in one language alone: en, fr, de, es, nl. Otherwise in each of the notice.
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub(crate) lang: Option<Language>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Subcommand)]
pub(crate) enum PapersCommand {
    /// Says in plain words what changed between two papers.json.
    Diff {
        /// The older one.
        #[arg(value_name = "OLDER")]
        older: PathBuf,
        /// The newer one.
        #[arg(value_name = "NEWER")]
        newer: PathBuf,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Signs the impact assessment of this very configuration: prints section dpia of the commitments. All its questions must
    /// have been answered.
    SignDpia(SignDpiaArgs),
    /// Writes the report of a personal data breach, with counts from the store, and keeps its clock.
    Breach(BreachArgs),
}

#[derive(Args)]
pub(crate) struct SignDpiaArgs {
    /// Who signs.
    #[arg(long, value_name = "NAME")]
    pub(crate) signed_by: String,
    /// Where the assessment can be read: a title, a number or an address.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: Option<String>,
    /// Put it into the commitments of the configuration, as a new version.
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) source: PapersSourceArgs,
}

#[derive(Args)]
pub(crate) struct BreachArgs {
    /// When the controller became aware of it: UTC, such as `2026-06-01T12:00Z`.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) known_since: Timestamp,
    /// Since when it happened, as far as that is known.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) happened_from: Option<Timestamp>,
    /// Until when it happened, as far as that is known.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) happened_until: Option<Timestamp>,
    /// What was lost: confidentiality, integrity, availability; may be repeated.
    #[arg(long, value_name = "WHAT", value_parser = nature)]
    pub(crate) nature: Vec<BreachNature>,
    #[command(flatten)]
    pub(crate) source: PapersSourceArgs,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

/// Which installation, and where papers and answers are.
#[derive(Args)]
pub(crate) struct PapersSourceArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "regard.toml")]
    pub(crate) config: PathBuf,
    /// Data folder of the installation; otherwise REGARD_DATA_DIR, or `data` beside the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site_key: SiteKeyArgs,
    /// Folder of the papers.
    #[arg(short, long, value_name = "FOLDER", default_value = "papers")]
    pub(crate) output: PathBuf,
    /// Answers to the questions of the papers; otherwise answers.toml in their folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
}

impl PapersSourceArgs {
    /// The file of answers.
    pub(crate) fn answers_file(&self) -> PathBuf {
        let within = || self.output.join("answers.toml");
        self.answers.clone().unwrap_or_else(within)
    }
}

fn language(text: &str) -> Result<Language, String> {
    let mut all = Language::ALL.into_iter();
    all.find(|language| language.tag() == text)
        .ok_or_else(|| "expected en, fr, de, es or nl".to_owned())
}

fn nature(text: &str) -> Result<BreachNature, String> {
    let all = [
        BreachNature::Confidentiality,
        BreachNature::Integrity,
        BreachNature::Availability,
    ];
    let mut all = all.into_iter();
    all.find(|nature| nature.to_string() == text)
        .ok_or_else(|| "expected confidentiality, integrity or availability".to_owned())
}
