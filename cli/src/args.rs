//! What can be typed.

mod analyze;
mod attestations;
mod campaign;
mod choosing;
mod faces;
mod keys;
mod learning;
mod media;
mod papers;
mod plays;
mod statistics;
mod study;
mod timeline;
mod tokens;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::analyze::{AnalyzeArgs, TableFormat};
pub(crate) use self::attestations::{AttestationsCommand, NewAttestationArgs};
pub(crate) use self::campaign::{CampaignCommand, OneCampaign};
pub(crate) use self::choosing::{EvaluateArgs, ImportArgs, LearnedCommand, SimulateArgs};
pub(crate) use self::faces::{
    ApartArgs, EnrollArgs, GalleryArgs, GalleryCommand, MergeArgs, RemoteArgs, ShardArgs,
    UnmergeArgs, VerifyFaceArgs,
};
pub(crate) use self::keys::{KeysCommand, SiteKeyArgs, SiteKeyPlace};
pub(crate) use self::learning::{ClassifyArgs, LearnArgs};
pub(crate) use self::media::{FindMeArgs, RedactArgs};
pub(crate) use self::papers::{
    BreachArgs, PapersArgs, PapersCommand, PapersSourceArgs, SignDpiaArgs,
};
pub(crate) use self::plays::{
    CampaignsCommand, ProofOfPlayCommand, ReportArgs, ReportFormat, SpanArgs,
};
pub(crate) use self::statistics::{StatisticsArgs, StatisticsFormat};
pub(crate) use self::study::{StudyCommand, StudyReportFormat};
pub(crate) use self::timeline::TimelineArgs;
pub(crate) use self::tokens::{NewTokenArgs, TokensCommand};

/// A screen that looks at its audience, chooses what to show, learns, and keeps its word.
#[derive(Parser)]
#[command(name = "regard", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// Say more on standard error; twice: everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the whole loop on this machine: a clip as the camera, a screen, a console.
    Demo(DemoArgs),
    /// Runs an installation: your cameras, screens and campaigns.
    Serve(ServeArgs),
    /// Writes a commented configuration and an example campaign to begin with.
    Init(InitArgs),
    /// Finds faces and what they show in photographs and videos.
    Analyze(Box<AnalyzeArgs>),
    /// Draws what faces in a video do over time: movements, smiles, valence and arousal, beside the video; and tables of it.
    Timeline(Box<TimelineArgs>),
    /// Learns classes of things from folders of photographs, with an error that is promised.
    Learn(Box<LearnArgs>),
    /// Says which of the learned classes photographs show, or that it cannot tell.
    Classify(Box<ClassifyArgs>),
    /// Covers the faces it finds of everyone who did not agree, in photographs and videos, for good.
    Redact(Box<RedactArgs>),
    /// Finds the photographs, and the times in videos, of somebody who shows their token and agreed to it: an installation that
    /// runs compares.
    FindMe(Box<FindMeArgs>),
    /// Says what is there and what to do about the rest: cameras, ffmpeg, runtimes, models.
    Doctor(DoctorArgs),
    /// Model files: licences, hashes, training data, download.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// What the site promises: written, read, compared, signed, published.
    #[command(subcommand)]
    Commitments(CommitmentsCommand),
    /// Writes the sign to print and hang where people have not come into view yet.
    Notice(NoticeArgs),
    /// What the gates said, and the proof that nothing of it was changed.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Proves each promise anew on an installation that runs or stands still, and writes a signed report.
    /// Exits with 2 when a promise is broken.
    Audit(AuditArgs),
    /// Writes the papers that the law asks for, from the configuration that runs: record of processing, impact assessment,
    /// notice, risk file, technical documentation, instructions, rights assessment, database entry.
    Papers(Box<PapersArgs>),
    /// What was told about the people of a day, with noise: shown, or exported.
    Statistics(StatisticsArgs),
    /// What plays did, by message, screen, slot, hour or segment, with intervals: JSON, CSV, a page, a paper, a chart.
    Report(Box<ReportArgs>),
    /// A signed record of what was shown, for those who paid for it.
    #[command(subcommand)]
    ProofOfPlay(ProofOfPlayCommand),
    /// Campaigns: looked at, written out, taken in.
    #[command(subcommand)]
    Campaigns(CampaignsCommand),
    /// Campaigns of an installation that runs: drafts, approval, versions, previews.
    #[command(subcommand)]
    Campaign(Box<CampaignCommand>),
    /// Says what another policy would have earned, from a log, before it runs.
    Evaluate(Box<EvaluateArgs>),
    /// Lets made-up audiences walk past, and says what each policy loses while it learns.
    Simulate(SimulateArgs),
    /// What policies have learned, taken along to another campaign or site.
    #[command(subcommand)]
    Learned(LearnedCommand),
    /// The key of the site that wraps the keys of persons: shown, rotated.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Enrols the face of somebody who agrees: photographs of it, sent to an installation that runs.
    Enroll(Box<EnrollArgs>),
    /// Says whether a face is that of somebody who enrolled, with the error rates of the decision. Exits with 2 when it is
    /// somebody else.
    VerifyFace(Box<VerifyFaceArgs>),
    /// Galleries of an installation that runs: listed, armed, turned over to a fresh secret; records of one person in them made
    /// one, and two again.
    #[command(subcommand)]
    Gallery(GalleryCommand),
    /// Collections that services may hold, as the privacy officer attests them: made, listed, taken back.
    #[command(subcommand)]
    Attestations(AttestationsCommand),
    /// Studies of an installation that runs: participants who were invited and agreed look at messages before their own camera.
    #[command(subcommand)]
    Study(Box<StudyCommand>),
    /// Proofs that a person's record was erased.
    #[command(subcommand)]
    Erasure(ErasureCommand),
    /// Writes an encrypted copy of the store, whether or not the program runs meanwhile.
    Backup(BackupArgs),
    /// Puts a backup back into the data folder of an installation that does not run.
    Restore(RestoreArgs),
    /// Who may come in: tokens made, listed, revoked, while the program does not run.
    #[command(subcommand)]
    Tokens(TokensCommand),
}

#[derive(Subcommand)]
pub(crate) enum ErasureCommand {
    /// Checks a proof, without the installation.
    Verify {
        /// The proof, JSON.
        #[arg(value_name = "PROOF")]
        proof: PathBuf,
        /// The key of the ledger that the site publishes, as `name+hash+key`.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct BackupArgs {
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    #[command(flatten)]
    pub(crate) site_key: SiteKeyArgs,
}

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    #[command(flatten)]
    pub(crate) site_key: SiteKeyArgs,
}

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Use a webcam of this machine instead of the clip: a device such as /dev/video0.
    #[arg(long, value_name = "DEVICE", num_args = 0..=1, default_missing_value = "/dev/video0", conflicts_with = "browser")]
    pub(crate) camera: Option<PathBuf>,
    /// Use the webcam of your browser: switch it on in the console page.
    #[arg(long)]
    pub(crate) browser: bool,
    /// Play another clip: a source as in the configuration, such as `clip:film.mjpeg?fps=25&loop`.
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["camera", "browser"])]
    pub(crate) source: Option<String>,
    /// Start without a screen: see how the camera stays shut while no notice is in view.
    #[arg(long)]
    pub(crate) no_screen: bool,
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
    /// Keep what is learned in this folder; otherwise a fresh one in the temporary folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Record what the engine is told into this file, for replay. No pixels.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "regard.toml")]
    pub(crate) config: PathBuf,
    /// Where everything is kept; otherwise REGARD_DATA_DIR, or `data` beside the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Where to listen, whatever the configuration says; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Only check the configuration and print `ok`.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) site_key: SiteKeyArgs,
    /// Revoke every token of role admin, make a new one and print it.
    #[arg(long)]
    pub(crate) new_admin_token: bool,
    /// Record what the engine is told into this file, for replay. No pixels.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct InitArgs {
    /// Where to write it.
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Write over files that are there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// One JSON object a line.
    Ndjson,
    /// A table with a header.
    Csv,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("must be above 0".to_owned())
    }
}

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Measure a camera or a clip instead: true frame rate, flicker of the light, rolling shutter. A source as in the
    /// configuration, or a file.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) camera: Option<String>,
    /// Also look at what this configuration names: whether it can be used, and what keeps its gallery.
    #[arg(long, value_name = "FILE", conflicts_with = "camera")]
    pub(crate) config: Option<PathBuf>,
    /// How long to measure, in seconds.
    #[arg(long, value_name = "SECS", value_parser = positive, default_value_t = 10.0, requires = "camera")]
    pub(crate) seconds: f64,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

/// How lists are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Subcommand)]
pub(crate) enum ModelsCommand {
    /// Lists all models this program knows, with licence, training data and what is there of them.
    List {
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Compares all model files that are there with the hashes recorded for them.
    Verify,
    /// Brings an optional model and checks its hash; goes on where an earlier try ended.
    Pull(PullArgs),
}

#[derive(Args)]
pub(crate) struct PullArgs {
    /// Which model, as `regard models list` calls it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// A mirror: a folder, a file, or the URL of a folder or file (http or https). Otherwise upstream,
    /// for models that upstream has in this form.
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: Option<OsString>,
    /// The folder of models to put it into; otherwise the one that REGARD_MODELS names.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum CommitmentsCommand {
    /// Writes a commented document to fill in.
    New {
        /// Where to write it.
        #[arg(value_name = "FILE", default_value = "commitments.toml")]
        file: PathBuf,
        /// Law of which place.
        #[arg(long, value_name = "NAME", default_value = "eu", value_parser = profile)]
        profile: String,
    },
    /// Says in plain words what a document promises.
    Show {
        /// The document: TOML, or signed JSON.
        #[arg(value_name = "FILE", default_value = "commitments.toml")]
        file: PathBuf,
        /// For people, or the canonical JSON that is signed.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Says what a newer version changes, and whether it strengthens or weakens the promise.
    Diff {
        /// The older document: TOML, or signed JSON.
        #[arg(value_name = "OLDER")]
        older: PathBuf,
        /// The newer one.
        #[arg(value_name = "NEWER")]
        newer: PathBuf,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
        /// Exit with 2 when the newer version weakens the promise.
        #[arg(long)]
        fail_on_weakening: bool,
    },
    /// Signs a document with the key of the installation.
    Sign {
        /// The document, TOML.
        #[arg(value_name = "FILE", default_value = "commitments.toml")]
        file: PathBuf,
        #[command(flatten)]
        installation: InstallationArgs,
        /// Write to this file; otherwise to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Signs a document and writes it with the public key and a page to read, for a website.
    Publish {
        /// The document, TOML.
        #[arg(value_name = "FILE", default_value = "commitments.toml")]
        file: PathBuf,
        #[command(flatten)]
        installation: InstallationArgs,
        /// The folder to write into.
        #[arg(long, value_name = "FOLDER", default_value = "public")]
        to: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Prints entries, the latest last.
    Tail(TailArgs),
    /// Proves all entries anew against the signed checkpoints; exits with 2 when they do not fit.
    Verify(VerifyArgs),
    /// Writes a proof that others can check: that an entry is in the ledger, or that the ledger only grew.
    Prove(ProveArgs),
    /// Checks a proof, without any installation; exits with 2 when it does not hold.
    Check(CheckArgs),
    /// Prints the key that checkpoints are checked with.
    Key {
        #[command(flatten)]
        installation: InstallationArgs,
        /// Print the key of this installation as a witness of others.
        #[arg(long)]
        witness: bool,
    },
    /// Cosigns a checkpoint of another installation, if it goes on from the last one seen.
    Witness(WitnessArgs),
}

#[derive(Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    /// How many of the latest entries.
    #[arg(short, value_name = "N", default_value_t = 20)]
    pub(crate) n: u64,
    /// Go on and print entries as they come.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// For people, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    /// A checkpoint that was published or kept elsewhere; what it covers must still be there, unchanged.
    #[arg(long = "checkpoint", visible_alias = "against", value_name = "FILE")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Key of a witness that must have cosigned each of these checkpoints.
    #[arg(long, value_name = "KEY", requires = "checkpoints")]
    pub(crate) witness: Vec<String>,
    /// Key of the ledger; otherwise that of the installation.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Args)]
pub(crate) struct ProveArgs {
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    /// Number of the entry, from 0.
    #[arg(value_name = "INDEX", required_unless_present_any = ["entry", "from"])]
    pub(crate) index: Option<u64>,
    /// The entry by its text, as `tail --format json` prints it.
    #[arg(long, value_name = "JSON", conflicts_with = "index")]
    pub(crate) entry: Option<String>,
    /// That the ledger only grew since it had so many entries; there must be a checkpoint of that size.
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["index", "entry"])]
    pub(crate) from: Option<u64>,
    /// Up to the checkpoint of this size; otherwise the latest.
    #[arg(long, value_name = "SIZE")]
    pub(crate) to: Option<u64>,
    /// Write it as a request to a witness (C2SP tlog-witness, add-checkpoint).
    #[arg(long, requires = "from")]
    pub(crate) request: bool,
    /// Write to this file; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The proof, as `regard ledger prove` writes it.
    #[arg(value_name = "PROOF")]
    pub(crate) proof: PathBuf,
    /// Key of the ledger, as `regard ledger key` prints it, or a file with it.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Args)]
pub(crate) struct WitnessArgs {
    /// Where the other ledger is: an address such as `https://signage.example.org/ledger`, or a file with
    /// a request (`prove --request`); `-` reads the request from standard input.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Key of that ledger, as `regard ledger key` prints it there, or a file with it.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// What was seen so far; made at the first time.
    #[arg(long, value_name = "FILE", default_value = "witness.json")]
    pub(crate) state: PathBuf,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    /// Write the checkpoint with its cosignature to this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    /// The configuration of the installation: names the machines it may connect to, its models, and what its papers are about.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site_key: SiteKeyArgs,
    /// A copy of a database of advisories in the form of RustSec, to hold the dependencies against.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) advisories: Option<PathBuf>,
    /// Folder to write audit.json and audit.html into.
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    pub(crate) output: PathBuf,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Checks a report without the installation: its signature, and that what it says follows from what
    /// was found. Exits with 2 when it is not to be believed.
    Check {
        /// audit.json or audit.html.
        #[arg(value_name = "REPORT")]
        report: PathBuf,
        /// The key that must have signed it, as an earlier report names it.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
}

#[derive(Args)]
pub(crate) struct NoticeArgs {
    /// Write to this file: .pdf, or .svg for one language alone.
    #[arg(short, long, value_name = "FILE", default_value = "sign.pdf")]
    pub(crate) output: PathBuf,
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "regard.toml")]
    pub(crate) config: PathBuf,
    /// Data folder of the installation, which holds the key of the sign's code; otherwise REGARD_DATA_DIR, or `data`
    /// beside the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Whose camera the sign is about; needed where there are several.
    #[arg(long, value_name = "ID")]
    pub(crate) screen: Option<String>,
    /// Size of the paper.
    #[arg(long, value_enum, default_value_t = PaperSize::A4)]
    pub(crate) paper: PaperSize,
    /// A language of the notice, such as `en`; may be repeated. Otherwise each has its page.
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Vec<String>,
    /// In short sentences of everyday words.
    #[arg(long)]
    pub(crate) easy: bool,
}

/// Size of paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaperSize {
    /// 210 mm × 297 mm.
    A4,
    /// 297 mm × 420 mm.
    A3,
}

/// Which installation is meant.
#[derive(Args)]
pub(crate) struct InstallationArgs {
    /// Data folder of the installation; otherwise REGARD_DATA_DIR, or `data`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

impl InstallationArgs {
    /// The data folder that is meant.
    pub(crate) fn data_dir(&self) -> PathBuf {
        named_data_dir(self.data.as_deref()).unwrap_or_else(|| PathBuf::from(DATA_FOLDER))
    }
}

/// Folder of everything that is kept, where none is named.
const DATA_FOLDER: &str = "data";

/// The data folder that was named, by an argument or else by REGARD_DATA_DIR.
fn named_data_dir(argument: Option<&Path>) -> Option<PathBuf> {
    argument
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("REGARD_DATA_DIR").map(PathBuf::from))
}

/// The data folder that is meant, where the configuration lies in that folder.
pub(crate) fn data_dir_beside(argument: Option<&Path>, folder: &Path) -> PathBuf {
    named_data_dir(argument).unwrap_or_else(|| folder.join(DATA_FOLDER))
}

fn profile(text: &str) -> Result<String, String> {
    regard_commitments::Profile::named(text)
        .map(|profile| profile.name().to_owned())
        .map_err(|error| error.to_string())
}
