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
use regard_inference::{LibrarySearch, LoadOptions, RuntimeChoice, select};
use regard_vision::{
    AnalyzerOptions, ExpressionCurves, FaceAnalyzer, FaceMesh, FineMeshAnalyzer, MovementMeter,
    MovementReadings, Picture, PixelPool, RgbView, VideoOptions, open_video, picture_of,
};

use crate::analyze::tracks::NumberedTracks;
use crate::args::TimelineArgs;
use crate::models;
use crate::printable::on_one_line;

/// Seconds between two runs of the expression networks on a face: they change more slowly than the mesh.
const EXPRESSION_EVERY_SECS: f64 = 0.1;

/// Most faces that are followed in one video; those that come later are left out and counted.
const MAX_TRACKS: usize = 64;

/// Which networks curves come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MeshUsed {
    /// The one that is built in.
    BuiltIn,
    /// The one of the optional files, with the network of blendshapes or without.
    Fine { with_blendshapes: bool },
}

impl MeshUsed {
    /// Ids in the catalogue, as tables and pages name them.
    pub(super) const fn ids(self) -> &'static str {
        match self {
            Self::BuiltIn => "mediapipe-face-mesh-468",
            Self::Fine {
                with_blendshapes: false,
            } => "mediapipe-face-landmarks-478",
            Self::Fine {
                with_blendshapes: true,
            } => "mediapipe-face-landmarks-478+mediapipe-face-blendshapes-52",
        }
    }
}

/// The analysers, and the leave to use them on media that an operator hands over.
pub(super) struct Watcher {
    analyzer: FaceAnalyzer,
    fine: Option<FineMeshAnalyzer>,
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
        let loading = LoadOptions {
            threads: options.threads_per_run,
        };
        let fine = FineMeshAnalyzer::load(selection.runtime.as_ref(), &catalog, &loading)
            .context("optional models; `regard models verify` says more, and without their files in REGARD_MODELS the built-in mesh is used")?;
        Ok(Self {
            fine,
            analyzer: FaceAnalyzer::new(selection.runtime, catalog, options),
            count: grant.count().context("faces may not be found")?,
            attention: grant.attention().context("poses may not be read")?,
            expression: grant.expression().context("expressions may not be read")?,
        })
    }

    /// Which networks curves come from.
    pub(super) fn mesh_used(&self) -> MeshUsed {
        let fine = self.fine.as_ref().map(|fine| MeshUsed::Fine {
            with_blendshapes: fine.has_blendshapes(),
        });
        fine.unwrap_or(MeshUsed::BuiltIn)
    }

    /// The faces of a frame and their built-in meshes: for what was measured with those alone.
    pub(super) fn faces(&mut self, picture: RgbView<'_>) -> Result<Vec<SeenFace>> {
        let faces = self.analyzer.detect(picture, &self.count)?;
        let meshes = self.analyzer.meshes(picture, &faces, &self.attention)?;
        Ok(faces.into_iter().zip(meshes).collect())
    }

    /// The mesh of a face from the best network that is there. `last`: its mesh in the frame before.
    fn mesh(
        &mut self,
        picture: RgbView<'_>,
        face: &Face,
        last: Option<&FaceMesh>,
    ) -> Result<Option<FaceMesh>> {
        if let Some(fine) = &mut self.fine {
            return Ok(fine.analyze(picture, face, last, &self.attention)?);
        }
        let faces = std::slice::from_ref(face);
        let meshes = self.analyzer.meshes(picture, faces, &self.attention)?;
        Ok(meshes.into_iter().next().flatten())
    }

    /// What further networks say of a face: the expression where it is due, blendshapes always where their network is there.
    fn readings(
        &mut self,
        picture: RgbView<'_>,
        (face, mesh): (&Face, &FaceMesh),
        is_expression_due: bool,
    ) -> Result<MovementReadings> {
        let mut readings = MovementReadings::default();
        if is_expression_due {
            let faces = std::slice::from_ref(face);
            let said = self
                .analyzer
                .expressions(picture, faces, &self.expression)?;
            readings.expression = said.into_iter().next();
        }
        if let Some(fine) = &mut self.fine {
            readings.blendshapes = fine.blendshapes(mesh, &self.expression)?;
        }
        Ok(readings)
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
    pub(super) mesh_used: MeshUsed,
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

/// One face while the video goes on.
struct Meter {
    meter: MovementMeter,
    expression_due_secs: f64,
    /// Its mesh in the frame before.
    last: Option<FaceMesh>,
}

impl Meter {
    fn new() -> Self {
        Self {
            meter: MovementMeter::new(),
            expression_due_secs: f64::NEG_INFINITY,
            last: None,
        }
    }

    /// Takes what a frame shows of the face.
    fn see(
        &mut self,
        picture: RgbView<'_>,
        face: &Face,
        time_secs: f64,
        watcher: &mut Watcher,
    ) -> Result<()> {
        self.last = watcher.mesh(picture, face, self.last.as_ref())?;
        let Some(mesh) = &self.last else {
            return Ok(());
        };
        let is_due = time_secs >= self.expression_due_secs;
        if is_due {
            self.expression_due_secs = time_secs + EXPRESSION_EVERY_SECS - 1e-6;
        }
        let readings = watcher.readings(picture, (face, mesh), is_due)?;
        let at = taken_at(time_secs);
        Ok(self.meter.see(at, mesh, readings, &watcher.expression)?)
    }
}

/// Watches all of a video.
pub(super) fn watch(args: &TimelineArgs, watcher: &mut Watcher) -> Result<Watched> {
    let mut tracks = NumberedTracks::new()?;
    let mut meters: BTreeMap<u64, Meter> = BTreeMap::new();
    let mut watched = Watched {
        mesh_used: watcher.mesh_used(),
        tracks: Vec::new(),
        secs: 0.0,
        taken: Vec::new(),
        most_faces: 0,
        n_left_out: 0,
        problems: Vec::new(),
    };
    let mut left_out = std::collections::BTreeSet::new();
    each_frame(args, &mut watched.problems, |picture, time_secs| {
        let faces = watcher.analyzer.detect(picture.view(), &watcher.count)?;
        watched.taken.push(taken_at(time_secs));
        watched.secs = watched.secs.max(time_secs);
        watched.most_faces = watched.most_faces.max(faces.len());
        let numbers = tracks.step(&faces, time_secs, picture.size())?;
        for (face, number) in faces.iter().zip(numbers) {
            let Some(number) = number else {
                continue;
            };
            if !meters.contains_key(&number) && meters.len() >= MAX_TRACKS {
                left_out.insert(number);
                continue;
            }
            let meter = meters.entry(number).or_insert_with(Meter::new);
            meter.see(picture.view(), face, time_secs, watcher)?;
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
