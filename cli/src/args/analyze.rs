//! What can be typed after `regard analyze`.

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use regard_library::SampleSize;

use super::positive;

#[derive(Args)]
pub(crate) struct AnalyzeArgs {
    /// Photographs (JPEG, PNG, WebP, GIF, BMP, TIFF), videos (Motion-JPEG and animated GIF; others through ffmpeg), folders
    /// and archives of them (.tar, .tar.gz, .zip), @LIST for a file with one of these a line, s3://BUCKET/PREFIX. What a file
    /// is, its first bytes say.
    #[arg(value_name = "SOURCE", required_unless_present = "list")]
    pub(crate) paths: Vec<OsString>,
    /// A file with one source a line; the same as @FILE.
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Vec<PathBuf>,
    /// How records are written; otherwise as the ending of the output says, or one JSON object a line.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
    /// Write to this file, which appears when all is done; otherwise to standard output. What is done lies in FILE.job
    /// meanwhile: after an interruption the same command goes on where it ended.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write one row a photograph or video, also without a face and with what was wrong, to this file. Parquet has them beside
    /// the faces, and SQLite in the same file, without being asked.
    #[arg(long, value_name = "FILE", requires = "output")]
    pub(crate) items: Option<PathBuf>,
    /// Write a summary with plots to this page, complete in itself. Groups of fewer than ten are left out.
    #[arg(long, value_name = "FILE", requires = "output")]
    pub(crate) report: Option<PathBuf>,
    /// Begin anew what was begun otherwise, or on sources that have changed.
    #[arg(long, requires = "output")]
    pub(crate) restart: bool,
    /// Keep what is found out in this file from job to job: the same bytes are not looked at again in the same way. It holds
    /// what the tables hold, without names.
    #[arg(long, value_name = "FILE", conflicts_with = "draw")]
    pub(crate) cache: Option<PathBuf>,
    /// Most megabytes of the cache; what was not used for the longest goes.
    #[arg(long, value_name = "MB", requires = "cache", default_value_t = NonZeroU64::new(1_000).expect("not 0"))]
    pub(crate) cache_max: NonZeroU64,
    /// Save pictures with the findings drawn into this folder: each photograph, and of videos one frame a second.
    #[arg(long, value_name = "DIR")]
    pub(crate) draw: Option<PathBuf>,
    /// Of videos, look at one frame in so many seconds only. Beyond 2 seconds nobody can be followed from frame to frame, and
    /// every face is a track of its own.
    #[arg(long, value_name = "SECS", value_parser = positive)]
    pub(crate) every: Option<f64>,
    /// Frames a second of bare Motion-JPEG, which does not say.
    #[arg(long, value_name = "FPS", value_parser = positive, default_value_t = 25.0)]
    pub(crate) mjpeg_fps: f64,
    /// How many files to work on at a time; otherwise one a core.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,
    /// Width of the smallest face wanted, in pixels of the photograph: small ones have it looked at piece by piece, large ones
    /// let it be decoded smaller. Otherwise faces from a fiftieth of its longer side up are found.
    #[arg(long, value_name = "PX")]
    pub(crate) min_face: Option<NonZeroU32>,
    /// Look at a part only, always the same: a number of pictures, or a share such as 5%.
    #[arg(long, value_name = "N|P%")]
    pub(crate) sample: Option<SampleSize>,
    /// Another sample for another number.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample")]
    pub(crate) seed: u64,
    /// Write down where photographs were taken, too.
    #[arg(long)]
    pub(crate) gps: bool,
    /// Most megabytes of one photograph, and of anything in an archive or an object store; larger ones are reported.
    #[arg(long, value_name = "MB")]
    pub(crate) max_item: Option<NonZeroU64>,
    /// How many times its own size an archive may unfold to.
    #[arg(long, value_name = "N", default_value_t = NonZeroU64::new(regard_library::DEFAULT_MAX_RATIO).expect("not 0"))]
    pub(crate) max_ratio: NonZeroU64,
    /// Refused: nobody is told apart from others, or found again, who did not ask for it.
    #[arg(long, hide_short_help = true)]
    pub(crate) group_people: bool,
}

/// How the tables of a job are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// One JSON object a line.
    Ndjson,
    /// A table with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// A database.
    Sqlite,
}

impl TableFormat {
    /// What the ending of a name says.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            "parquet" => Some(Self::Parquet),
            "sqlite" | "sqlite3" | "db" => Some(Self::Sqlite),
            _ => None,
        }
    }
}
