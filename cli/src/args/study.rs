//! Arguments of `regard study`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use regard_domain::StudyId;

use super::{ListFormat, RemoteArgs};

/// How a report of a study is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StudyReportFormat {
    /// For programs.
    Json,
    /// A page that loads nothing.
    Html,
    /// A paper, accessible.
    Pdf,
}

impl StudyReportFormat {
    /// The name that the installation knows it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum StudyCommand {
    /// Writes a commented plan to fill in, or sets up the study that a plan says.
    New {
        /// The plan, TOML. Where there is none yet, an example is written there.
        #[arg(value_name = "FILE", default_value = "study.toml")]
        file: PathBuf,
        /// Only say what is wrong with the plan.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Lists the studies, or shows one with its plan.
    Show {
        /// Which; all where none is named.
        #[arg(value_name = "STUDY")]
        study: Option<StudyId>,
        #[command(flatten)]
        remote: RemoteArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Makes links, each good once, and prints them, one a line. They are shown this once.
    Invite {
        /// To which study.
        #[arg(value_name = "STUDY")]
        study: StudyId,
        /// How many.
        #[arg(short, value_name = "N", default_value_t = 1)]
        n: u32,
        /// Days for which they are good.
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u32,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Closes a study: nobody takes part any more; its report stays.
    Close {
        /// Which.
        #[arg(value_name = "STUDY")]
        study: StudyId,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Writes the report: curves with bands over participants, moments that win or lose people, preference foretold.
    Report {
        /// Of which study.
        #[arg(value_name = "STUDY")]
        study: StudyId,
        /// In which form.
        #[arg(long, value_enum, default_value_t = StudyReportFormat::Html)]
        format: StudyReportFormat,
        /// Write to this file; otherwise to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Writes what a campaign may begin with: sums over at least five participants a message, never movements of a fraction of
    /// a second. `regard learned import` reads it.
    Export {
        /// Of which study.
        #[arg(value_name = "STUDY")]
        study: StudyId,
        /// As what a policy has learned, for `regard learned import`; the only form there is.
        #[arg(long, required = true)]
        priors: bool,
        /// Write to this file; otherwise to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
}
