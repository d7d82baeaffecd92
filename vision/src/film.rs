//! Videos into files.

mod encoder;
mod matroska;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame as GifFrame, RgbaImage};
use regard_domain::FrameSize;
use thiserror::Error;

use self::encoder::{Encoder, Sound};
use crate::photo::{EncodeError, encode_photo};
use crate::{PhotoFormat, Picture, VideoKind};

/// How long the last picture of a GIF is shown, in seconds, where there is none before it to go by.
const LAST_DELAY_SECS: f64 = 0.1;

/// Speed of the GIF encoder, 1 to 30: the slowest, for colours that are chosen badly make faces of what is none.
const GIF_SPEED: i32 = 1;

/// Why a video was not written.
#[derive(Debug, Error)]
pub enum FilmError {
    /// The file could not be written.
    #[error("the video cannot be written")]
    Write(#[source] io::Error),
    /// A picture could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The encoder of animated pictures failed.
    #[error("failed to encode a GIF")]
    Gif(#[source] image::ImageError),
    /// `ffmpeg` is needed and not there.
    #[error(
        "this kind of video is written by ffmpeg, which was not found on PATH; install it (Debian, Ubuntu: apt install ffmpeg)"
    )]
    FfmpegMissing,
    /// `ffmpeg` failed.
    #[error("ffmpeg failed: {message}")]
    Ffmpeg {
        /// Its last words.
        message: String,
    },
    /// The pictures of the video are not of one size.
    #[error(
        "the size of the pictures changes from {}x{} to {}x{} within the video; cut it there",
        from.width, from.height, to.width, to.height
    )]
    SizeChanged {
        /// Size until then.
        from: FrameSize,
        /// Size from then on.
        to: FrameSize,
    },
}

/// The name under which a video of that kind is written again: that of the original where its container can be kept, else
/// with `.mkv`.
pub fn film_name(original: &Path, kind: VideoKind) -> PathBuf {
    let ending = original
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let is_kept = match kind {
        VideoKind::Mjpeg | VideoKind::Gif => true,
        VideoKind::Avi => false,
        VideoKind::Other => matches!(ending.as_str(), "mp4" | "m4v" | "mov" | "mkv"),
    };
    if is_kept {
        original.to_owned()
    } else {
        original.with_extension("mkv")
    }
}

enum Way {
    Jpegs(BufWriter<File>),
    Gif(Box<Gif>),
    Ffmpeg {
        output: PathBuf,
        sound_from: Option<PathBuf>,
        encoder: Option<Encoder>,
    },
}

struct Gif {
    encoder: GifEncoder<BufWriter<File>>,
    /// The picture that is shown until the next one comes, and since when.
    waiting: Option<(RgbaImage, f64)>,
    last_delay_secs: f64,
}

/// Writes a video frame by frame: Motion-JPEG and GIF by itself, the rest through `ffmpeg`, each frame at its time.
///
/// # Privacy
/// What it is given is on disk from then on; of the original come pixels, and sound where it was asked for, and no
/// metadata.
pub struct FilmWriter {
    way: Way,
}

impl FilmWriter {
    /// A video of that kind into a new file, whose ending says the container for `ffmpeg`; with the sound of another
    /// file where one is named and the kind has sound.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(
        output: &Path,
        kind: VideoKind,
        sound_from: Option<&Path>,
    ) -> Result<Self, FilmError> {
        let file = || {
            File::create(output)
                .map(BufWriter::new)
                .map_err(FilmError::Write)
        };
        let way = match kind {
            VideoKind::Mjpeg => Way::Jpegs(file()?),
            VideoKind::Gif => {
                let mut encoder = GifEncoder::new_with_speed(file()?, GIF_SPEED);
                encoder
                    .set_repeat(Repeat::Infinite)
                    .map_err(FilmError::Gif)?;
                Way::Gif(Box::new(Gif {
                    encoder,
                    waiting: None,
                    last_delay_secs: LAST_DELAY_SECS,
                }))
            }
            VideoKind::Avi | VideoKind::Other => Way::Ffmpeg {
                output: output.to_owned(),
                sound_from: sound_from.map(Path::to_owned),
                // Begun with the first frame, which says the size.
                encoder: None,
            },
        };
        Ok(Self { way })
    }

    /// Writes the next frame; times do not go back.
    ///
    /// # Errors
    /// [`FilmError`]; the file is to be thrown away then.
    pub fn frame(&mut self, picture: &Picture, time_secs: f64) -> Result<(), FilmError> {
        match &mut self.way {
            Way::Jpegs(file) => {
                let bytes = encode_photo(picture.view(), PhotoFormat::Jpeg)?;
                file.write_all(&bytes).map_err(FilmError::Write)
            }
            Way::Gif(gif) => gif.frame(picture, time_secs),
            Way::Ffmpeg {
                output,
                sound_from,
                encoder,
            } => {
                if encoder.is_none() {
                    let sound = sound_from.as_deref().map(|from| Sound { from });
                    let started =
                        Encoder::start(output, sound.as_ref(), picture.size(), time_secs)?;
                    *encoder = Some(started);
                }
                match encoder {
                    Some(encoder) => encoder.frame(picture, time_secs),
                    None => Ok(()),
                }
            }
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub fn finish(self) -> Result<(), FilmError> {
        match self.way {
            Way::Jpegs(mut file) => file.flush().map_err(FilmError::Write),
            Way::Gif(mut gif) => {
                let until = gif.waiting.as_ref().map_or(0.0, |(_, since)| *since);
                gif.show_until(until + gif.last_delay_secs)
            }
            Way::Ffmpeg { encoder, .. } => encoder.map_or(Ok(()), Encoder::finish),
        }
    }
}

impl Gif {
    fn frame(&mut self, picture: &Picture, time_secs: f64) -> Result<(), FilmError> {
        self.show_until(time_secs)?;
        let FrameSize { width, height } = picture.size();
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for pixel in picture.pixels().chunks_exact(3) {
            rgba.extend_from_slice(pixel);
            rgba.push(u8::MAX);
        }
        self.waiting = RgbaImage::from_raw(width, height, rgba).map(|image| (image, time_secs));
        Ok(())
    }

    /// Writes the picture that waits, now that it is known how long it is shown.
    fn show_until(&mut self, time_secs: f64) -> Result<(), FilmError> {
        let Some((image, since)) = self.waiting.take() else {
            return Ok(());
        };
        let shown_secs = (time_secs - since).max(0.0);
        if shown_secs > 0.0 {
            self.last_delay_secs = shown_secs;
        }
        let delay = Delay::from_saturating_duration(Duration::from_secs_f64(shown_secs));
        let frame = GifFrame::from_parts(image, 0, 0, delay);
        self.encoder.encode_frame(frame).map_err(FilmError::Gif)
    }
}
