//! Arguments of the commands about faces: they speak to an installation that runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use regard_commitments::{ConsentPurpose, Custody};
use regard_domain::PersonId;

use super::ListFormat;

/// Which installation, and who asks.
#[derive(Args)]
pub(crate) struct RemoteArgs {
    /// Where it runs.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8787",
        env = "REGARD_URL"
    )]
    pub(crate) url: String,
    /// A file whose first line is the token to ask with, as `regard tokens new` makes it, of a role that may do this: mostly
    /// operator; admin to arm and turn over galleries, privacy_officer for attestations (docs/access.md has the others). The demonstration needs none.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct EnrollArgs {
    /// Photographs of one face: looking ahead, then turned to the left, to the right, up and down, as the photographs show
    /// it. The site asks for three of the turns, and nobody knows which.
    #[arg(value_name = "PHOTO", num_args = 1..=5, required = true)]
    pub(crate) photos: Vec<PathBuf>,
    /// A file whose first line is the token of the person's record; otherwise a record is made, and its token printed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["agree", "custody", "minor", "sign_release"])]
    pub(crate) person_token_file: Option<PathBuf>,
    /// What the person agrees to, here and now: verify, identify, personalise, learn, analyse_library or research. Several
    /// times for several.
    #[arg(long, value_name = "PURPOSE", value_parser = str::parse::<ConsentPurpose>, required_unless_present = "person_token_file")]
    pub(crate) agree: Vec<ConsentPurpose>,
    /// Where the template is to be: in_persons_hands, shared or controller; otherwise as the commitments say.
    #[arg(long, value_name = "CUSTODY", value_parser = custody)]
    pub(crate) custody: Option<Custody>,
    /// It is a minor, and a guardian agrees for them.
    #[arg(long)]
    pub(crate) minor: bool,
    /// The name of whoever signs the release in writing, where the law of the place wants one before a face is measured: the
    /// person, or the guardian of a minor. Without it the release is told, and nobody is enrolled.
    #[arg(long, value_name = "NAME")]
    pub(crate) sign_release: Option<String>,
    /// Write the face token, where there is one, to this file; otherwise it is printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) face_token: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("claim").required(true))]
pub(crate) struct VerifyFaceArgs {
    /// Photographs as for enrolling: looking ahead, then turned to the left, to the right, up and down.
    #[arg(value_name = "PHOTO", num_args = 1..=5, required = true)]
    pub(crate) photos: Vec<PathBuf>,
    /// A file with the face token of who it is said to be.
    #[arg(long, value_name = "FILE", group = "claim")]
    pub(crate) face_token: Option<PathBuf>,
    /// A file whose first line is the token of the record of who it is said to be.
    #[arg(long, value_name = "FILE", group = "claim")]
    pub(crate) person_token_file: Option<PathBuf>,
    /// The id of who it is said to be, where the site holds templates.
    #[arg(long, value_name = "ID", group = "claim")]
    pub(crate) person: Option<PersonId>,
    /// How often a stranger may pass, 1e-6 to 1e-3; otherwise as the site has it.
    #[arg(long, value_name = "RATE")]
    pub(crate) fmr: Option<f64>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Subcommand)]
pub(crate) enum GalleryCommand {
    /// Lists the galleries: armed or not, how many persons and templates.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Lets a gallery be searched, each time after an act of the person before it.
    Arm(GalleryArgs),
    /// Lets it be searched no more.
    Disarm(GalleryArgs),
    /// Turns it over to a fresh secret while it is searched: what leaked of the older one matches nothing any more.
    Rekey(GalleryArgs),
    /// Has two records of one person, who asked for it, answer as one: whoever is found by either is told as the second.
    Merge(MergeArgs),
    /// Has a record that answers as another one answer for itself again.
    Unmerge(UnmergeArgs),
    /// Says that two records are of two people, who were seen in one picture or are known: they never answer as one.
    Apart(ApartArgs),
    /// Holds a part of the gallery of an installation on another machine, in memory, until it is ended.
    Shard(ShardArgs),
}

#[derive(Args)]
pub(crate) struct ShardArgs {
    /// Where to listen for the installation; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// A file whose first line is the secret that the installation and its parts share: 64 hexadecimal digits, as `openssl rand
    /// -hex 32` makes them.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: PathBuf,
    /// Most templates it holds; 220 bytes each.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    pub(crate) max_templates: usize,
    /// Threads that work on one search together.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,
}

#[derive(Args)]
pub(crate) struct GalleryArgs {
    /// Which.
    #[arg(value_name = "GALLERY", default_value = "visitors")]
    pub(crate) gallery: regard_domain::GalleryId,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

#[derive(Args)]
pub(crate) struct MergeArgs {
    /// The record that is no longer answered with, by its random id.
    #[arg(value_name = "FROM")]
    pub(crate) from: PersonId,
    /// The record that is answered with instead.
    #[arg(value_name = "INTO")]
    pub(crate) into: PersonId,
    /// Their person is there, asked for it, and showed that both are theirs.
    #[arg(long)]
    pub(crate) has_asked: bool,
    #[command(flatten)]
    pub(crate) of: MergedGallery,
}

#[derive(Args)]
pub(crate) struct UnmergeArgs {
    /// The record that is no longer answered with.
    #[arg(value_name = "FROM")]
    pub(crate) from: PersonId,
    /// The two records turned out to be of two people: they never answer as one again.
    #[arg(long)]
    pub(crate) two_people: bool,
    #[command(flatten)]
    pub(crate) of: MergedGallery,
}

#[derive(Args)]
pub(crate) struct ApartArgs {
    /// The one record.
    #[arg(value_name = "ONE")]
    pub(crate) one: PersonId,
    /// The other.
    #[arg(value_name = "OTHER")]
    pub(crate) other: PersonId,
    #[command(flatten)]
    pub(crate) of: MergedGallery,
}

/// In which gallery records answer as one.
#[derive(Args)]
pub(crate) struct MergedGallery {
    /// In which gallery.
    #[arg(long, value_name = "GALLERY", default_value = "visitors")]
    pub(crate) gallery: regard_domain::GalleryId,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

fn custody(text: &str) -> Result<Custody, String> {
    let known = [
        Custody::InPersonsHands,
        Custody::Shared,
        Custody::Controller,
    ];
    let named = known
        .into_iter()
        .find(|custody| regard_commitments::word(custody) == text);
    named.ok_or_else(|| "expected in_persons_hands, shared or controller".to_owned())
}
