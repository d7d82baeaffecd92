//! Arguments of `regard statistics`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regard_commitments::{Date, Detail};

use super::InstallationArgs;

#[derive(Args)]
pub(crate) struct StatisticsArgs {
    /// Which day of the site, such as 2026-01-31; otherwise the latest that was told.
    #[arg(value_name = "DAY", value_parser = str::parse::<Date>)]
    pub(crate) day: Option<Date>,
    /// How finely: day or hours.
    #[arg(long, value_name = "DETAIL", default_value_t = Detail::Day, value_parser = str::parse::<Detail>)]
    pub(crate) detail: Detail,
    /// List which days were told, and what that cost.
    #[arg(long, conflicts_with_all = ["day", "output"])]
    pub(crate) list: bool,
    /// For people, for programs, or for spreadsheets.
    #[arg(long, value_enum, default_value_t = StatisticsFormat::Text)]
    pub(crate) format: StatisticsFormat,
    /// Write to this file; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatisticsFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// A table with a header.
    Csv,
}
