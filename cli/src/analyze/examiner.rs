//! One source after the other: its pictures, their faces, what went wrong.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use regard_commitments::{
    AttentionScope, CountScope, ExpressionScope, LibraryDeclaration, Scoped, ask_library,
};
use regard_domain::{CameraId, Face};
use regard_inference::{Catalog, Runtime};
use regard_vision::{
    AnalyzerOptions, FaceAnalyzer, Keys, Photo, Picture, PixelPool, RawPixels, RgbView, VideoFrame,
    VideoOptions, WantedSize, decode_jpeg, open_video,
};

use super::drawing::Drawings;
use super::media::{Media, classify};
use super::record::{Place, Record};
use super::tracks::NumberedTracks;
use super::walk::FoundFile;
use crate::printable::{on_one_line, source_text};

/// Seconds between the frames of a video that are drawn. Origin: as many as a person looks through.
const SECS_PER_DRAWING: f64 = 1.0;

/// What examiners share.
pub(super) struct Setting {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) threads_per_run: usize,
    pub(super) every_secs: Option<f64>,
    pub(super) video: VideoOptions,
    pub(super) drawings: Option<Drawings>,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Photo,
    Video,
}

/// What became of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// What it was, if anything.
    pub(super) kind: Option<Kind>,
    /// Pictures analysed.
    pub(super) n_frames: u64,
    /// Faces found.
    pub(super) n_faces: u64,
    /// What was wrong with it, on one line.
    pub(super) problem: Option<String>,
}

/// Whoever takes the records has gone.
pub(super) struct Gone;

/// Takes the records of one picture; nothing for a frame that was passed over.
pub(super) type Emit<'a> = dyn FnMut(Option<Vec<Record>>) -> Result<(), Gone> + 'a;

/// Why the work on a source ended early.
enum Stop {
    Failed(anyhow::Error),
    Gone,
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The analysers of one thread, and the leave to use them.
///
/// # Privacy
/// Works under the grant for stored media: whoever runs the command says that they may look at them.
pub(super) struct Examiner<'a> {
    setting: &'a Setting,
    analyzer: FaceAnalyzer,
    count: Scoped<CountScope>,
    attention: Option<Scoped<AttentionScope>>,
    expression: Option<Scoped<ExpressionScope>>,
    pool: PixelPool,
}

impl<'a> Examiner<'a> {
    pub(super) fn new(setting: &'a Setting) -> Result<Self> {
        let declaration = LibraryDeclaration::own_media(CameraId::new("analyze")?);
        let grant = ask_library(&declaration)
            .granted()
            .context("the gate refuses to have stored media analysed")?;
        let options = AnalyzerOptions {
            threads_per_run: setting.threads_per_run,
            ..AnalyzerOptions::PHOTO
        };
        let (runtime, catalog) = (Arc::clone(&setting.runtime), Arc::clone(&setting.catalog));
        Ok(Self {
            setting,
            analyzer: FaceAnalyzer::new(runtime, catalog, options),
            count: grant
                .count()
                .context("the grant does not let faces be found")?,
            attention: grant.attention(),
            expression: grant.expression(),
            pool: PixelPool::new(),
        })
    }

    /// Loads the networks.
    ///
    /// # Errors
    /// When one cannot be loaded: nothing can be analysed then.
    pub(super) fn warm_up(&mut self) -> Result<()> {
        let keys = Keys {
            count: &self.count,
            attention: self.attention.as_ref(),
            expression: self.expression.as_ref(),
        };
        self.analyzer.warm_up(&keys)?;
        Ok(())
    }

    fn faces(&mut self, picture: RgbView<'_>) -> Result<Vec<Face>> {
        let keys = Keys {
            count: &self.count,
            attention: self.attention.as_ref(),
            expression: self.expression.as_ref(),
        };
        Ok(self.analyzer.analyze(picture, &keys)?)
    }

    /// Does one file, handing on the records of each picture as soon as they are there; those of a
    /// damaged source that could be had, too.
    pub(super) fn examine(&mut self, file: &FoundFile, emit: &mut Emit<'_>) -> Option<Outcome> {
        let mut outcome = Outcome::default();
        let ended = match classify(&file.path) {
            Ok(Media::Photo) => self.photo(file, &mut outcome, emit),
            Ok(Media::Video) => self.video(file, &mut outcome, emit),
            Ok(Media::Neither) if file.is_named => Err(anyhow!("not a picture or video").into()),
            Ok(Media::Neither) => Ok(()),
            Err(error) => Err(error.into()),
        };
        match ended {
            Ok(()) => {}
            Err(Stop::Gone) => return None,
            Err(Stop::Failed(error)) => {
                let reason = on_one_line(error.as_ref());
                // What was wrong with single frames has been noted already.
                outcome.problem = Some(match outcome.problem.take() {
                    Some(noted) => format!("{reason}; {noted}"),
                    None => reason,
                });
            }
        }
        Some(outcome)
    }

    fn photo(
        &mut self,
        file: &FoundFile,
        outcome: &mut Outcome,
        emit: &mut Emit<'_>,
    ) -> Result<(), Stop> {
        let photo = Photo::open(&file.path)?;
        let faces = self.faces(photo.view())?;
        outcome.kind = Some(Kind::Photo);
        outcome.n_frames = 1;
        outcome.n_faces = faces.len() as u64;
        let source = source_text(&file.path);
        let place = Place {
            source: &source,
            frame: 0,
            time_secs: None,
            track: None,
        };
        let records = faces.iter().map(|face| Record::new(place, face)).collect();
        emit(Some(records)).map_err(|Gone| Stop::Gone)?;
        if let Some(drawings) = &self.setting.drawings {
            drawings.save(file, None, photo.view(), &faces)?;
        }
        Ok(())
    }

    fn video(
        &mut self,
        file: &FoundFile,
        outcome: &mut Outcome,
        emit: &mut Emit<'_>,
    ) -> Result<(), Stop> {
        let source = source_text(&file.path);
        let mut tracks = NumberedTracks::new()?;
        let mut due = Rhythm::new(self.setting.every_secs);
        let mut drawing_due = Rhythm::new(Some(SECS_PER_DRAWING));
        let mut damaged = Damaged::default();
        let ended = loop_over(&file.path, &self.setting.video, |frame| {
            let frame = match frame {
                Ok(frame) => frame,
                Err(reason) => {
                    damaged.note(reason);
                    return Ok(());
                }
            };
            if !due.is_due(frame.time_secs) {
                return emit(None).map_err(|Gone| Stop::Gone);
            }
            let (index, time_secs) = (frame.index, frame.time_secs);
            let picture = match self.decode(frame) {
                Ok(picture) => picture,
                Err(error) => {
                    damaged.note(format!("frame {index}: {}", on_one_line(error.as_ref())));
                    return Ok(());
                }
            };
            let faces = self.faces(picture.view())?;
            let numbers = tracks.step(&faces, time_secs, picture.size())?;
            outcome.kind = Some(Kind::Video);
            outcome.n_frames += 1;
            outcome.n_faces += faces.len() as u64;
            let records = faces.iter().zip(numbers).map(|(face, track)| {
                let time_secs = Some(time_secs);
                Record::new(
                    Place {
                        source: &source,
                        frame: index,
                        time_secs,
                        track,
                    },
                    face,
                )
            });
            emit(Some(records.collect())).map_err(|Gone| Stop::Gone)?;
            if let Some(drawings) = &self.setting.drawings
                && drawing_due.is_due(time_secs)
            {
                drawings.save(file, Some(index), picture.view(), &faces)?;
            }
            Ok(())
        });
        outcome.problem = damaged.line();
        ended?;
        if outcome.n_frames == 0 && outcome.problem.is_none() {
            return Err(anyhow!("no frame in it").into());
        }
        Ok(())
    }

    fn decode(&self, frame: VideoFrame) -> Result<Picture> {
        match frame.pixels {
            RawPixels::Mjpeg(bytes) => Ok(decode_jpeg(&bytes, WantedSize::Whole, &self.pool)?),
            RawPixels::Still(bytes) => Ok(Photo::from_bytes(&bytes)?.into_picture()),
            RawPixels::Rgb(bytes) => Picture::from_rgb(bytes, frame.size)
                .context("the bytes do not fit the size of the frame"),
            RawPixels::Yuyv { .. } => Err(anyhow!("camera pixels in a video")),
        }
    }
}

/// Hands each frame to `each`, or what was wrong with it.
fn loop_over(
    path: &Path,
    options: &VideoOptions,
    mut each: impl FnMut(Result<VideoFrame, String>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for frame in open_video(path, options)? {
        match frame {
            Ok(frame) => each(Ok(frame))?,
            Err(error) if error.is_passing() => each(Err(on_one_line(&error)))?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Frames of a video that could not be used: one line, however many.
#[derive(Default)]
struct Damaged {
    n: u64,
    first: Option<String>,
}

impl Damaged {
    fn note(&mut self, reason: String) {
        self.n += 1;
        self.first.get_or_insert(reason);
    }

    fn line(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        Some(match self.n {
            1 => format!("1 damaged frame left out: {first}"),
            n => format!("{n} damaged frames left out, the first: {first}"),
        })
    }
}

/// Which frames of a video are due: the first at or after each multiple of the interval.
struct Rhythm {
    interval_secs: Option<f64>,
    next_secs: f64,
}

impl Rhythm {
    fn new(interval_secs: Option<f64>) -> Self {
        Self {
            interval_secs,
            next_secs: f64::NEG_INFINITY,
        }
    }

    fn is_due(&mut self, time_secs: f64) -> bool {
        // Times are sums and quotients: a frame at 0.9999999 is the one of second 1.
        const SLACK_SECS: f64 = 1e-6;
        let Some(interval) = self.interval_secs else {
            return true;
        };
        if time_secs + SLACK_SECS < self.next_secs {
            return false;
        }
        self.next_secs = (((time_secs + SLACK_SECS) / interval).floor() + 1.0) * interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_an_interval_whatever_the_rate() {
        let due = |interval: Option<f64>, fps: f64| {
            let mut rhythm = Rhythm::new(interval);
            (0..50_u32)
                .filter(|i| rhythm.is_due(f64::from(*i) / fps))
                .collect::<Vec<_>>()
        };
        assert_eq!(due(None, 25.0).len(), 50);
        assert_eq!(due(Some(0.5), 25.0), [0, 13, 25, 38]);
        assert_eq!(due(Some(1.0), 10.0), [0, 10, 20, 30, 40]);
        assert_eq!(due(Some(0.1), 30.0)[..4], [0, 3, 6, 9]);
        // Slower than the interval: every frame.
        assert_eq!(due(Some(0.5), 1.0).len(), 50);
    }
}
