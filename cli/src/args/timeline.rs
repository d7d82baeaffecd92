//! Arguments of `regard timeline`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use regard_commitments::MovementClaim;

use super::{InstallationArgs, SiteKeyArgs, positive};

#[derive(Args)]
pub(crate) struct TimelineArgs {
    /// The video: Motion-JPEG and animated GIF; others through ffmpeg.
    #[arg(value_name = "VIDEO")]
    pub(crate) video: PathBuf,
    /// Write the page here; otherwise beside where you are, under the video's name with `.timeline.html` after it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the curves as a table, one row a frame and face.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write movements and smiles as a table, one row each.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Write the curves as a picture.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Frames a second of bare Motion-JPEG, which does not say.
    #[arg(long, value_name = "FPS", value_parser = positive, default_value_t = 25.0)]
    pub(crate) mjpeg_fps: f64,
    /// Look for movements of a twenty-fifth to half a second, too: in the face of a participant of a study who agreed to that at
    /// an installation under profile lab, which must not run meanwhile. Off by default, and for nothing but the study.
    #[arg(long, requires = "participant")]
    pub(crate) micro: bool,
    /// A file whose first line is the token of the participant's record at the installation.
    #[arg(long, value_name = "FILE", requires = "micro")]
    pub(crate) participant: Option<PathBuf>,
    /// Claim such movements from this length on only, in milliseconds, 40 to 500: slower cameras show the longer ones.
    #[arg(long, value_name = "MS", requires = "micro", value_parser = claim, default_value = "40")]
    pub(crate) micro_from: MovementClaim,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
    #[command(flatten)]
    pub(crate) site_key: SiteKeyArgs,
}

fn claim(text: &str) -> Result<MovementClaim, String> {
    let millis: u64 = text.parse().map_err(|_| "not a whole number".to_owned())?;
    MovementClaim::from(Duration::from_millis(millis))
        .ok_or_else(|| "micro-expressions last 40 to 500 milliseconds".to_owned())
}
