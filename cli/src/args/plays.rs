//! Arguments of `regard report`, `regard proof-of-play` and `regard campaigns`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use regard_commitments::Date;
use regard_domain::Timestamp;
use regard_reports::Grouping;

use super::{InstallationArgs, ListFormat};
use crate::instant::instant;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// For data analysts: a table of Apache Parquet.
    Parquet,
    /// A page that loads nothing.
    Html,
    /// A paper, accessible.
    Pdf,
    /// A chart.
    Svg,
}

/// Which plays.
#[derive(Args)]
pub(crate) struct SpanArgs {
    /// Plays that began at or after this instant in UTC, such as 2026-06-01 or 2026-06-01T12:00Z; otherwise all that are kept.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) from: Option<Timestamp>,
    /// Plays that began before this instant; otherwise up to now.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) to: Option<Timestamp>,
}

#[derive(Args)]
pub(crate) struct ReportArgs {
    /// By what: message, screen, slot, hour or segment.
    #[arg(long, value_name = "WHAT", default_value = "message", value_parser = str::parse::<Grouping>)]
    pub(crate) by: Grouping,
    #[command(flatten)]
    pub(crate) span: SpanArgs,
    /// In which form.
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
    /// With exact sums of what was measured of people: for this site alone. Otherwise only what counts screens, which may
    /// leave it.
    #[arg(long)]
    pub(crate) people: bool,
    /// Write to this file; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
}

#[derive(Subcommand)]
pub(crate) enum ProofOfPlayCommand {
    /// Writes the plays that are kept as a signed record that only grows.
    Export {
        #[command(flatten)]
        span: SpanArgs,
        /// An export that this one goes on from: nothing can be taken out between the two.
        #[arg(long, value_name = "FILE")]
        after: Option<PathBuf>,
        /// Write to this file; otherwise to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        installation: InstallationArgs,
    },
    /// Checks a record without the installation; exits with 2 when it does not hold.
    Verify {
        /// The record.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The key of the ledger that the site publishes (`regard ledger key`).
        #[arg(long, value_name = "KEY")]
        key: String,
        /// The export that it goes on from.
        #[arg(long, value_name = "FILE")]
        after: Option<PathBuf>,
    },
    /// Writes what ad exchanges ask of each screen, OpenRTB 2.6: `dooh` and `imp.qty`, from the noised numbers of a day.
    Openrtb {
        /// Which day of the site; otherwise the latest that was told.
        #[arg(value_name = "DAY", value_parser = str::parse::<Date>)]
        day: Option<Date>,
        /// Venue type of the OpenOOH taxonomy, such as retail.grocery; may be given several times.
        #[arg(long = "venue", value_name = "TYPE")]
        venues: Vec<String>,
        /// Length of one play in seconds.
        #[arg(long, value_name = "SECS", default_value_t = 10)]
        play_secs: u32,
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "regard.toml")]
        config: PathBuf,
        #[command(flatten)]
        installation: InstallationArgs,
    },
}

#[derive(Subcommand)]
pub(crate) enum CampaignsCommand {
    /// Lists the campaigns in force, with what a person should look at in them.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "regard.toml")]
        config: PathBuf,
        /// Where everything is kept; otherwise REGARD_DATA_DIR, or `data` beside the configuration.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
        /// Exit with 2 when there is anything to look at.
        #[arg(long)]
        strict: bool,
    },
    /// Writes the campaigns in force as a file of campaigns, to be kept, or taken to another site.
    Export {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "regard.toml")]
        config: PathBuf,
        /// Where everything is kept; otherwise REGARD_DATA_DIR, or `data` beside the configuration.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        /// Write to this file; otherwise to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Puts the campaigns of a file in force, beside those that are or in place of those of the same id. The installation must
    /// not run; one that runs takes them through its API.
    Import {
        /// What `export` wrote, or any file of campaigns.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "regard.toml")]
        config: PathBuf,
        /// Where everything is kept; otherwise REGARD_DATA_DIR, or `data` beside the configuration.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
    },
}
