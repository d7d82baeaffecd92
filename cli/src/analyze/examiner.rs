//! One source after the other: its pictures, their faces, what went wrong.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use regard_commitments::{
    AttentionScope, CountScope, ExpressionScope, LibraryDeclaration, Scoped, ask_library,
};
use regard_domain::{CameraId, Face, FrameSize};
use regard_inference::{Catalog, Runtime};
use regard_library::{
    Claims, Content, ContentHash, FaceRow, Facts, Fault, FaultKind, Finding, Item, Limits, Loaded,
    MediaKind, MovingPicture, PhotoBytes, Place, Remembering, look_at,
};
use regard_vision::{
    AnalyzerOptions, FaceAnalyzer, Keys, Photo, PhotoError, PixelPool, RgbView, VideoError,
    VideoFrame, VideoOptions, open_video, photo_facts, picture_of,
};

use super::cache::Cache;
use super::drawing::Drawings;
use super::smallest::Smallest;
use super::tracks::NumberedTracks;
use crate::printable::on_one_line;

/// Seconds between the frames of a video that are drawn. Origin: as many as a person looks through.
const SECS_PER_DRAWING: f64 = 1.0;

/// Rows that are handed on together, of what was found out before.
const ROWS_AT_ONCE: usize = 256;

/// What examiners share.
pub(super) struct Setting {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) threads_per_run: usize,
    pub(super) every_secs: Option<f64>,
    pub(super) video: VideoOptions,
    pub(super) drawings: Option<Drawings>,
    pub(super) limits: Limits,
    pub(super) smallest: Smallest,
    /// Whether it may be written down where photographs were taken.
    pub(super) with_place: bool,
    /// Who has which bytes already; nothing where each is looked at by itself.
    pub(super) claims: Option<Claims>,
    /// What other jobs found out.
    pub(super) cache: Option<Cache>,
    /// Whether more is wanted of a picture than its faces.
    pub(super) with_facts: bool,
}

/// What became of an item.
pub(super) enum Outcome {
    /// It was neither picture nor video, and nobody named it.
    PassedOver,
    /// It was looked at, or needs not be.
    Done(Finding),
}

/// Whoever takes the rows has gone.
pub(super) struct Gone;

/// What is handed on while an item is looked at.
pub(super) enum Sight {
    /// The rows of one picture, greatest score first; none for one without faces.
    Faces(Vec<FaceRow>),
    /// Rows that were found out before.
    Known(Vec<FaceRow>),
    /// A frame was passed over: only so that a worker notices when nobody reads.
    PassedOver,
}

/// Takes what is handed on.
pub(super) type Emit<'a> = dyn FnMut(Sight) -> Result<(), Gone> + 'a;

/// How an item ended that nothing was wrong with.
enum Ended {
    /// It was looked at.
    Looked,
    /// It need not be: the same bytes were, for this item or another.
    Spared(Finding),
}

/// Why the work on an item ended early.
enum Stop {
    Failed(Fault),
    Gone,
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(Fault::new(FaultKind::Program, on_one_line(error.as_ref())))
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl From<PhotoError> for Stop {
    fn from(error: PhotoError) -> Self {
        Self::Failed(Fault::new(FaultKind::from(&error), on_one_line(&error)))
    }
}

impl From<VideoError> for Stop {
    fn from(error: VideoError) -> Self {
        Self::Failed(Fault::new(FaultKind::from(&error), on_one_line(&error)))
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
    /// What the cache will have of the item at hand.
    remembering: Option<(MediaKind, Remembering)>,
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
            remembering: None,
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

    /// The faces of a picture that has that size as it was taken.
    fn faces(&mut self, picture: RgbView<'_>, taken: FrameSize) -> Result<Vec<Face>> {
        let keys = Keys {
            count: &self.count,
            attention: self.attention.as_ref(),
            expression: self.expression.as_ref(),
        };
        let mut faces = if self.setting.smallest.needs_tiles(taken) {
            self.analyzer.detect_in_tiles(picture, &self.count)?
        } else {
            self.analyzer.detect(picture, &self.count)?
        };
        self.analyzer.read(picture, &mut faces, &keys)?;
        Ok(faces)
    }

    /// Does one item, handing on the rows of each picture as soon as they are there; those of a damaged one that could be had,
    /// too. Nothing when nobody takes them any more.
    pub(super) fn examine(
        &mut self,
        item: &Item,
        content: Content,
        emit: &mut Emit<'_>,
    ) -> Option<Outcome> {
        let mut facts = Facts::default();
        self.remembering = None;
        let ended = match content.load(self.setting.limits) {
            Ok(Loaded::Photo(bytes)) => self.photo(item, &bytes, &mut facts, emit),
            Ok(Loaded::Video(video)) => self.video(item, &video, &mut facts, emit),
            Ok(Loaded::Neither) if item.is_named => {
                let fault = Fault::new(FaultKind::NotAPicture, "not a picture or video");
                Err(Stop::Failed(fault))
            }
            Ok(Loaded::Neither) => return Some(Outcome::PassedOver),
            Err(fault) => Err(Stop::Failed(fault)),
        };
        match ended {
            Ok(Ended::Looked) => {}
            Ok(Ended::Spared(finding)) => return Some(Outcome::Done(finding)),
            Err(Stop::Gone) => return None,
            Err(Stop::Failed(fault)) => {
                // What was wrong with single frames has been noted already.
                facts.fault = Some(match facts.fault.take() {
                    Some(noted) => {
                        let reason = format!("{}; {}", fault.reason, noted.reason);
                        Fault::new(fault.kind, reason)
                    }
                    None => fault,
                });
            }
        }
        if let Some((kind, remembering)) = self.remembering.take()
            && let Some(cache) = &self.setting.cache
        {
            cache.keep(remembering, kind, &facts);
        }
        Some(Outcome::Done(Finding::New(Box::new(facts))))
    }

    /// Whether an earlier item has the same bytes.
    fn is_copy(&self, item: &Item, content: ContentHash) -> bool {
        let claims = self.setting.claims.as_ref();
        claims.is_some_and(|claims| claims.is_done_by_earlier(&content, item.ordinal))
    }

    /// Hands on what was found out about that key. Where nothing was, what comes of it now is remembered.
    fn known(
        &mut self,
        kind: MediaKind,
        key: impl FnOnce(&Cache) -> [u8; 32],
        emit: &mut Emit<'_>,
    ) -> Result<Option<Ended>, Stop> {
        let Some(cache) = &self.setting.cache else {
            return Ok(None);
        };
        let key = key(cache);
        let Some((known, is_from_before)) = cache.look(&key) else {
            self.remembering = Some((kind, Remembering::new(key)));
            return Ok(None);
        };
        let mut rows = known.rows();
        loop {
            let some = rows.by_ref().take(ROWS_AT_ONCE);
            let some = some.collect::<Result<Vec<_>, _>>().context("the cache")?;
            if some.is_empty() {
                break;
            }
            emit(Sight::Known(some)).map_err(|Gone| Stop::Gone)?;
        }
        let facts = Box::new(known.facts().clone());
        // What another worker of this run found out is new: which of the two came first is chance.
        Ok(Some(Ended::Spared(if is_from_before {
            Finding::Known(facts)
        } else {
            Finding::New(facts)
        })))
    }

    /// Hands on the rows of a picture.
    fn emit_faces(&mut self, rows: Vec<FaceRow>, emit: &mut Emit<'_>) -> Result<(), Stop> {
        if let Some((_, remembering)) = &mut self.remembering {
            remembering.add(&rows);
        }
        emit(Sight::Faces(rows)).map_err(|Gone| Stop::Gone)
    }

    /// Looks at a photograph, or says which bytes it shares with an earlier item.
    fn photo(
        &mut self,
        item: &Item,
        bytes: &PhotoBytes,
        facts: &mut Facts,
        emit: &mut Emit<'_>,
    ) -> Result<Ended, Stop> {
        let bytes = bytes.as_slice();
        facts.n_bytes = Some(bytes.len() as u64);
        if self.setting.with_facts {
            let content = ContentHash::of(bytes);
            facts.content = Some(content);
            if self.is_copy(item, content) {
                return Ok(Ended::Spared(Finding::Copy(content)));
            }
            let key = |cache: &Cache| cache.photo_key(&content);
            if let Some(known) = self.known(MediaKind::Photo, key, emit)? {
                return Ok(known);
            }
            let said = photo_facts(bytes, self.setting.with_place);
            facts.orientation = said.orientation;
            facts.taken_at_secs = said.taken_at_secs;
            facts.taken_at_offset_min = said.taken_at_offset_min;
            facts.place = said.place;
        }
        let smallest = self.setting.smallest;
        let reduced = Photo::reduced(bytes, |size| smallest.least_long_side(size))?;
        let taken_from_seen = reduced.taken_from_seen();
        let view = reduced.photo.view();
        let faces = self.faces(view, reduced.size_taken)?;
        facts.kind = Some(MediaKind::Photo);
        facts.format = Some(reduced.photo.format().name().to_owned());
        facts.size = Some(reduced.size_taken.into());
        facts.n_frames = 1;
        facts.n_faces = faces.len() as u64;
        if self.setting.with_facts {
            let look = look_at(view);
            facts.sharpness = Some(look.sharpness);
            facts.brightness = Some(look.brightness);
            facts.look = look.hash.map(regard_library::LookHash::to_hex);
        }
        let place = Place {
            frame: 0,
            time_secs: None,
            track: None,
            taken_from_seen,
        };
        let rows = faces.iter().map(|face| FaceRow::new(place, face)).collect();
        self.emit_faces(rows, emit)?;
        if let Some(drawings) = &self.setting.drawings {
            drawings.save(item, None, view, &faces)?;
        }
        Ok(Ended::Looked)
    }

    fn video(
        &mut self,
        item: &Item,
        video: &MovingPicture,
        facts: &mut Facts,
        emit: &mut Emit<'_>,
    ) -> Result<Ended, Stop> {
        if self.setting.with_facts {
            let unreadable =
                |error: std::io::Error| Fault::new(FaultKind::Unreadable, on_one_line(&error));
            let file = File::open(video.path()).map_err(unreadable)?;
            let (content, n_bytes) = ContentHash::of_reader(file).map_err(unreadable)?;
            (facts.content, facts.n_bytes) = (Some(content), Some(n_bytes));
            if self.is_copy(item, content) {
                return Ok(Ended::Spared(Finding::Copy(content)));
            }
            let key = |cache: &Cache| cache.video_key(video.path(), &content);
            if let Some(known) = self.known(MediaKind::Video, key, emit)? {
                return Ok(known);
            }
        }
        let mut damaged = Damaged::default();
        let ended = self.frames(item, video, facts, (&mut damaged, emit));
        facts.fault = damaged.fault();
        ended?;
        if facts.n_frames == 0 && facts.fault.is_none() {
            return Err(Fault::new(FaultKind::Damaged, "no frame in it").into());
        }
        Ok(Ended::Looked)
    }

    fn frames(
        &mut self,
        item: &Item,
        video: &MovingPicture,
        facts: &mut Facts,
        (damaged, emit): (&mut Damaged, &mut Emit<'_>),
    ) -> Result<(), Stop> {
        let mut tracks = NumberedTracks::new()?;
        let mut due = Rhythm::new(self.setting.every_secs);
        let mut drawing_due = Rhythm::new(Some(SECS_PER_DRAWING));
        let setting = self.setting;
        loop_over(video.path(), &setting.video, |frame| {
            let frame = match frame {
                Ok(frame) => frame,
                Err(reason) => {
                    damaged.note(reason);
                    return Ok(());
                }
            };
            if !due.is_due(frame.time_secs) {
                return emit(Sight::PassedOver).map_err(|Gone| Stop::Gone);
            }
            let (index, time_secs) = (frame.index, frame.time_secs);
            let picture = match picture_of(frame, &self.pool) {
                Ok(picture) => picture,
                Err(error) => {
                    damaged.note(format!("frame {index}: {}", on_one_line(&error)));
                    return Ok(());
                }
            };
            let faces = self.faces(picture.view(), picture.size())?;
            let numbers = tracks.step(&faces, time_secs, picture.size())?;
            facts.kind = Some(MediaKind::Video);
            facts.size.get_or_insert(picture.size().into());
            facts.n_frames += 1;
            facts.n_faces += faces.len() as u64;
            let rows = faces.iter().zip(numbers).map(|(face, track)| {
                let place = Place {
                    frame: index,
                    time_secs: Some(time_secs),
                    track,
                    taken_from_seen: (1.0, 1.0),
                };
                FaceRow::new(place, face)
            });
            self.emit_faces(rows.collect(), emit)?;
            if let Some(drawings) = &setting.drawings
                && drawing_due.is_due(time_secs)
            {
                drawings.save(item, Some(index), picture.view(), &faces)?;
            }
            Ok(())
        })
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

    fn fault(&self) -> Option<Fault> {
        let first = self.first.as_ref()?;
        let reason = match self.n {
            1 => format!("1 damaged frame left out: {first}"),
            n => format!("{n} damaged frames left out, the first: {first}"),
        };
        Some(Fault::new(FaultKind::Damaged, reason))
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
