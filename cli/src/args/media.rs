//! Arguments of the commands that look through photographs and videos for people who agreed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regard_library::DEFAULT_MARGIN;
use regard_vision::RedactionStyle;

use super::{ListFormat, RecordFormat, RemoteArgs, positive};

#[derive(Args)]
pub(crate) struct RedactArgs {
    /// Photographs (JPEG, PNG, WebP, GIF, BMP, TIFF), videos (Motion-JPEG and animated GIF; others through ffmpeg), folders of
    /// them.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// The folder to write to, under the same names. Originals are never written over.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How covered faces look. Blur and mosaic are of sixteen rough colours; of what is boxed or removed nothing is left.
    #[arg(long, value_enum, default_value_t = StyleChoice::Blur)]
    pub(crate) style: StyleChoice,
    /// How far beyond its box a face is covered, on each side, as a share of its larger side.
    #[arg(long, value_name = "SHARE", value_parser = margin, default_value_t = DEFAULT_MARGIN)]
    pub(crate) margin: f32,
    /// Leave sound out of videos: voices tell people too.
    #[arg(long)]
    pub(crate) mute: bool,
    /// Leave the face to be seen whose face token is in this file: an installation that runs compares, under their consent to
    /// analyse_library.
    #[arg(long, value_name = "FILE", conflicts_with = "keep_person_token_file")]
    pub(crate) keep_face_token: Option<PathBuf>,
    /// The same by the token of their record, where the site holds templates.
    #[arg(long, value_name = "FILE")]
    pub(crate) keep_person_token_file: Option<PathBuf>,
    /// How often a stranger's face may pass for theirs and stay to be seen, 1e-6 to 1e-3.
    #[arg(long, value_name = "RATE", value_parser = rate, default_value_t = 1e-5)]
    pub(crate) keep_fmr: f64,
    /// Frames a second of bare Motion-JPEG, which does not say.
    #[arg(long, value_name = "FPS", value_parser = positive, default_value_t = 25.0)]
    pub(crate) mjpeg_fps: f64,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

/// How covered faces look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StyleChoice {
    /// A few colours, washed into each other.
    Blur,
    /// The same colours as cells.
    Pixelate,
    /// A dark box.
    Box,
    /// Filled in from what lies around.
    Remove,
}

impl From<StyleChoice> for RedactionStyle {
    fn from(choice: StyleChoice) -> Self {
        match choice {
            StyleChoice::Blur => Self::Blur,
            StyleChoice::Pixelate => Self::Pixelate,
            StyleChoice::Box => Self::Box,
            StyleChoice::Remove => Self::Remove,
        }
    }
}

#[derive(Args)]
pub(crate) struct FindMeArgs {
    /// Photographs, videos (Motion-JPEG and animated GIF; others through ffmpeg), folders of them.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// A file with the face token of who is looked for. Without a token nobody is.
    #[arg(long, value_name = "FILE", conflicts_with = "person_token_file")]
    pub(crate) face_token: Option<PathBuf>,
    /// A file whose first line is the token of their record, where the site holds templates.
    #[arg(long, value_name = "FILE")]
    pub(crate) person_token_file: Option<PathBuf>,
    /// With which probability anyone but them may be found, in all photographs and videos together; at most .1.
    #[arg(long, value_name = "RATE", value_parser = share, default_value_t = 0.01)]
    pub(crate) fpir: f64,
    /// Frames a second of bare Motion-JPEG, which does not say.
    #[arg(long, value_name = "FPS", value_parser = positive, default_value_t = 25.0)]
    pub(crate) mjpeg_fps: f64,
    /// One JSON object a line, or a table.
    #[arg(long, value_enum, default_value_t = RecordFormat::Ndjson)]
    pub(crate) format: RecordFormat,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

fn margin(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=2.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be from 0 to 2".to_owned())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1e-6..=1e-3).contains(&number) {
        Ok(number)
    } else {
        Err("must be from 1e-6 to 1e-3".to_owned())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 && number <= 0.1 {
        Ok(number)
    } else {
        Err("must be above 0 and at most 0.1".to_owned())
    }
}
