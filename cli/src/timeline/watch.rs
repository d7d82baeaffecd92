//! The frames of a video, the faces in them, and what each face does.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail};
use regard_commitments::{
    AttentionScope, CountScope, ExpressionScope, LibraryDeclaration, Scoped, ask_library,
};
use regard_domain::{CameraId, Face, Timestamp};
use regard_inference::{LibrarySearch, RuntimeChoice, select};
use regard_vision::{
    AnalyzerOptions, ExpressionCurves, FaceAnalyzer, FaceMesh, MovementMeter, Picture, PixelPool,
    RgbView, VideoOptions, open_video, picture_of,
};

use crate::analyze::tracks::NumberedTracks;
use crate::args::TimelineArgs;
use crate::models;
use crate::printable::on_one_line;

/// Seconds between two runs of the expression networks on a face: they change more slowly than the mesh.
const EXPRESSION_EVERY_SECS: f64 = 0.1;

/// Most faces that are followed in one video; those that come later are left out and counted.
const MAX_TRACKS: usize = 64;

/// The analysers, and the leave to use them on media that an operator hands over.
pub(super) struct Watcher {
    analyzer: FaceAnalyzer,
    count: Scoped<CountScope>,
    attention: Scoped<AttentionScope>,
    expression: Scoped<ExpressionScope>,
}

/// A face of a frame with its mesh, where the network sees a face.
pub(super) type SeenFace = (Face, Option<FaceMesh>);

impl Watcher {
    pub(super) fn new() -> Result<Self> {
        let grant = ask_library(&LibraryDeclaration::own_media(CameraId::new("timeline")?))
            .granted()
            .context("the gate refuses to have stored media analysed")?;
        let selection = select(RuntimeChoice::Auto, &LibrarySearch::system())?;
        let options = AnalyzerOptions {
            threads_per_run: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            ..AnalyzerOptions::LIVE
        };
        let catalog = Arc::new(models::catalog()?);
        Ok(Self {
            analyzer: FaceAnalyzer::new(selection.runtime, catalog, options),
            count: grant.count().context("faces may not be found")?,
            attention: grant.attention().context("poses may not be read")?,
            expression: grant.expression().context("expressions may not be read")?,
        })
    }

    /// The faces of a frame and their meshes.
    pub(super) fn faces(&mut self, picture: RgbView<'_>) -> Result<Vec<SeenFace>> {
        let faces = self.analyzer.detect(picture, &self.count)?;
        let meshes = self.analyzer.meshes(picture, &faces, &self.attention)?;
        Ok(faces.into_iter().zip(meshes).collect())
    }
}

/// When a frame was taken, by its place in the video.
pub(super) fn taken_at(time_secs: f64) -> Timestamp {
    Timestamp::from_micros((time_secs * 1e6).round() as i64)
}

/// One face and what it did.
pub(super) struct WatchedTrack {
    pub(super) number: u64,
    pub(super) curves: ExpressionCurves,
}

/// What was seen of a video.
pub(super) struct Watched {
    pub(super) tracks: Vec<WatchedTrack>,
    pub(super) secs: f64,
    /// When each frame was taken.
    pub(super) taken: Vec<Timestamp>,
    /// The most faces in one frame.
    pub(super) most_faces: usize,
    /// Faces that came after the most that are followed.
    pub(super) n_left_out: usize,
    pub(super) problems: Vec<String>,
}

struct Meter {
    meter: MovementMeter,
    expression_due_secs: f64,
}

/// Watches all of a video.
pub(super) fn watch(args: &TimelineArgs, watcher: &mut Watcher) -> Result<Watched> {
    let mut tracks = NumberedTracks::new()?;
    let mut meters: BTreeMap<u64, Meter> = BTreeMap::new();
    let mut watched = Watched {
        tracks: Vec::new(),
        secs: 0.0,
        taken: Vec::new(),
        most_faces: 0,
        n_left_out: 0,
        problems: Vec::new(),
    };
    let mut left_out = std::collections::BTreeSet::new();
    each_frame(args, &mut watched.problems, |picture, time_secs| {
        let seen = watcher.faces(picture.view())?;
        watched.taken.push(taken_at(time_secs));
        watched.secs = watched.secs.max(time_secs);
        watched.most_faces = watched.most_faces.max(seen.len());
        let faces: Vec<Face> = seen.iter().map(|(face, _)| *face).collect();
        let numbers = tracks.step(&faces, time_secs, picture.size())?;
        for ((face, mesh), number) in seen.iter().zip(numbers) {
            let (Some(number), Some(mesh)) = (number, mesh) else {
                continue;
            };
            if !meters.contains_key(&number) && meters.len() >= MAX_TRACKS {
                left_out.insert(number);
                continue;
            }
            let meter = meters.entry(number).or_insert_with(|| Meter {
                meter: MovementMeter::new(),
                expression_due_secs: f64::NEG_INFINITY,
            });
            let mut read = None;
            if time_secs >= meter.expression_due_secs {
                meter.expression_due_secs = time_secs + EXPRESSION_EVERY_SECS - 1e-6;
                let face = std::slice::from_ref(face);
                let view = picture.view();
                let said = watcher
                    .analyzer
                    .expressions(view, face, &watcher.expression)?;
                read = said.into_iter().next();
            }
            let at = taken_at(time_secs);
            meter
                .meter
                .see(at, mesh, read.as_ref(), &watcher.expression)?;
        }
        Ok(())
    })?;
    if watched.taken.is_empty() {
        bail!("{}: no frame in it", crate::printable::shown(&args.video));
    }
    watched.n_left_out = left_out.len();
    watched.tracks = meters
        .into_iter()
        .filter_map(|(number, meter)| {
            let curves = meter.meter.curves()?;
            Some(WatchedTrack { number, curves })
        })
        .collect();
    Ok(watched)
}

/// Hands each frame on with its time in seconds; what was wrong with single frames, or with the end, is noted and the rest is used.
pub(super) fn each_frame(
    args: &TimelineArgs,
    problems: &mut Vec<String>,
    mut each: impl FnMut(Picture, f64) -> Result<()>,
) -> Result<()> {
    let options = VideoOptions {
        mjpeg_fps: args.mjpeg_fps,
        ..VideoOptions::default()
    };
    let video = || crate::printable::shown(&args.video);
    let reader = open_video(&args.video, &options).with_context(video)?;
    let pool = PixelPool::new();
    let mut n_bad = 0_u64;
    let mut n_good = 0_u64;
    let mut first_bad = None;
    for frame in reader {
        match frame {
            Ok(frame) => {
                let (index, time_secs) = (frame.index, frame.time_secs);
                match picture_of(frame, &pool) {
                    Ok(picture) => {
                        n_good += 1;
                        each(picture, time_secs).with_context(video)?;
                    }
                    Err(error) => {
                        n_bad += 1;
                        first_bad.get_or_insert_with(|| {
                            format!("frame {index}: {}", on_one_line(&error))
                        });
                    }
                }
            }
            Err(error) if error.is_passing() => {
                n_bad += 1;
                first_bad.get_or_insert(on_one_line(&error));
            }
            Err(error) if n_good > 0 => problems.push(on_one_line(&error)),
            Err(error) => return Err(error).with_context(video),
        }
    }
    if let Some(first) = first_bad {
        problems.push(format!(
            "{n_bad} damaged frames left out, the first: {first}"
        ));
    }
    Ok(())
}
