//! Arguments of `regard learn` and `regard classify`.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{RecordFormat, RemoteArgs};

/// With which network pictures become embeddings.
#[derive(Args)]
pub(crate) struct NetworkArgs {
    /// A network of the catalogue by its id, `builtin:descriptor`, or an ONNX file of your own with --manifest.
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
}

#[derive(Args)]
pub(crate) struct LearnArgs {
    /// A folder with a folder for each class, photographs below it; an archive (.tar, .tar.gz, .zip) or s3://BUCKET/PREFIX of the
    /// same form; @LIST for a file with a class, a tab and a path on each line. Things only: a class of faces is refused.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// The model to write.
    #[arg(short, long, value_name = "FILE", default_value = "model.regard")]
    pub(crate) output: PathBuf,
    /// Write a page about it: coverage, abstention, confusions, doubtful photographs, learning curve.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Show the doubtful photographs in the report, small, those that are files; otherwise only their paths.
    #[arg(long, requires = "report")]
    pub(crate) pictures: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// What is to be known of a network of your own: TOML with name, licence, output and `[input]`.
    #[arg(long, value_name = "FILE", requires = "network")]
    pub(crate) manifest: Option<PathBuf>,
    /// How often the set of classes may miss the true one, 0.00001 to 0.5.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) error: f64,
    /// Promise the error to each class by itself, not to all together. Needs more photographs.
    #[arg(long)]
    pub(crate) per_class: bool,
    /// Ask the learning curve how many photographs this share of right answers would take.
    #[arg(long, value_name = "SHARE", default_value_t = 0.999)]
    pub(crate) target: f64,
    /// Seed of all draws: which photographs teach, calibrate and test.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for embeddings while learning, 4 bytes a value and photograph; otherwise the temporary folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) spool: Option<PathBuf>,
    /// How many photographs to work on at a time; otherwise one a core.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,
}

#[derive(Args)]
pub(crate) struct ClassifyArgs {
    /// A model that `regard learn` wrote.
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Photographs, folders and archives of them (.tar, .tar.gz, .zip), @LIST for a file with one of these a line,
    /// s3://BUCKET/PREFIX.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// Another error than the one the model was learned for.
    #[arg(long, value_name = "SHARE")]
    pub(crate) error: Option<f64>,
    /// The ONNX file of the network, for a model that was learned with one of your own.
    #[arg(long, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// One JSON object a line, or a table.
    #[arg(long, value_enum, default_value_t = RecordFormat::Ndjson)]
    pub(crate) format: RecordFormat,
    /// Write to this file, which appears when all is done; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Say whether these photographs still come from where those came from that calibrated. Exits with 2 when they do not.
    #[arg(long)]
    pub(crate) check_drift: bool,
    /// How often the drift check may raise a false alarm.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.01,
        requires = "check_drift"
    )]
    pub(crate) false_alarm: f64,
    /// Tell the class of the one photograph as this fact to the installation that runs at --url, and take the fact back where
    /// nothing is decided.
    #[arg(long, value_name = "NAME", conflicts_with = "check_drift")]
    pub(crate) fact: Option<String>,
    /// For how many seconds the fact holds.
    #[arg(long, value_name = "SECS", default_value_t = 6, requires = "fact")]
    pub(crate) ttl: u32,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// How many photographs to work on at a time; otherwise one a core.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,
}
