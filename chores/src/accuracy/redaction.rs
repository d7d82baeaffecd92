//! Whether anybody is left after covering: on every frame of clips with moving faces, by two detectors; and whether who agreed stays.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_commitments::{CountScope, Grant, Recognition, Scoped};
use regard_domain::{Face, Point};
use regard_identity::{Embedder, Embedding, MatchScale, Similarity, TargetRate};
use regard_inference::{Catalog, LoadOptions, Native, Rten, Runtime};
use regard_library::{Bounds, CompareFault, Comparer, Keeper, RedactOptions, Redactor};
use regard_vision::{
    AnalyzerOptions, Detector, DetectorOptions, FaceAnalyzer, FaceChip, Photo, Picture, PixelPool,
    VideoKind, VideoOptions, open_video, picture_of,
};

use super::Report;
use super::looking::{analyzer, grant};

/// As others look for faces: at full resolution, from the score that the model card calls a face.
const FULL: DetectorOptions = DetectorOptions {
    full_resolution: true,
    ..DetectorOptions::PHOTO
};

/// A frame of the demo's clip in which the man is seen from a recording of another day, and which of its frames show a woman.
const KNOWN_FRAME: usize = 163;
const OTHERS: std::ops::Range<usize> = 48..117;

struct Judges {
    own: FaceAnalyzer,
    /// A detector that was trained anew, where its file is.
    independent: Option<Detector>,
    count: Scoped<CountScope>,
    embedder: Embedder,
    key: Grant<Recognition>,
}

impl Judges {
    fn new() -> Result<Self> {
        let options = AnalyzerOptions {
            detector: FULL,
            ..AnalyzerOptions::PHOTO
        };
        let load = LoadOptions { threads: 1 };
        let file = env::var_os("REGARD_MODELS")
            .map(|folder| PathBuf::from(folder).join("yunet_n_dynamic.onnx"));
        let independent = match file.and_then(|file| std::fs::read(file).ok()) {
            // Its graph computes shapes as it runs, which the native runtime leaves to others.
            Some(bytes) => Some(Detector::new(Rten.load(&bytes, &load)?, FULL)),
            None => {
                println!("skipped: yunet_n_dynamic.onnx is not under REGARD_MODELS");
                None
            }
        };
        Ok(Self {
            own: analyzer(options)?,
            independent,
            count: grant()?.count().context("no scope to count")?,
            embedder: Embedder::load(&Native::new(), &Catalog::open(None)?, &load)?,
            key: Grant::<Recognition>::for_evaluation(),
        })
    }

    fn faces(&mut self, picture: &Picture) -> Result<Vec<Face>> {
        Ok(self.own.detect(picture.view(), &self.count)?)
    }

    fn independent(&mut self, picture: &Picture) -> Result<Vec<Face>> {
        match &mut self.independent {
            Some(detector) => Ok(detector.detect(picture.view(), &self.count)?),
            None => Ok(Vec::new()),
        }
    }

    fn embedding(&mut self, picture: &Picture, face: &Face) -> Result<Option<Embedding>> {
        let chip = FaceChip::cut(picture.view(), face, &self.count)?;
        let Some(chip) = chip else {
            return Ok(None);
        };
        Ok(Some(self.embedder.embed(&chip, &self.key)?))
    }
}

/// Compares under leave for evaluation.
struct EvaluationKeeper {
    judges: Judges,
    person: Embedding,
}

impl EvaluationKeeper {
    fn similarity(&mut self, jpeg: &[u8]) -> Result<Option<Similarity>> {
        let picture = Photo::from_bytes(jpeg)?.into_picture();
        let size = picture.size();
        let middle = Point::new(size.width as f32 / 2.0, size.height as f32 / 2.0);
        let faces = self.judges.faces(&picture)?;
        let nearest = faces.into_iter().min_by(|a, b| {
            let far = |face: &Face| face.bbox_in_frame.center().distance(middle);
            far(a).total_cmp(&far(b))
        });
        let Some(face) = nearest else {
            return Ok(None);
        };
        let Some(embedding) = self.judges.embedding(&picture, &face)? else {
            return Ok(None);
        };
        Ok(self.person.similarity(&embedding, &self.judges.key).ok())
    }
}

impl Comparer for EvaluationKeeper {
    fn similarities(&mut self, crops: &[Vec<u8>]) -> Result<Vec<Option<Similarity>>, CompareFault> {
        let all: Result<Vec<_>> = crops.iter().map(|crop| self.similarity(crop)).collect();
        all.map_err(|error| CompareFault::Asked(error.into()))
    }
}

impl Keeper for EvaluationKeeper {
    fn bounds(&self) -> Bounds {
        Bounds::for_faces(&MatchScale::built_in(), TargetRate::ONE_IN_100_000, 1)
    }
}

fn pictures(path: &Path) -> Result<Vec<Picture>> {
    let pool = PixelPool::new();
    let mut all = Vec::new();
    for frame in open_video(path, &VideoOptions::default())? {
        all.push(picture_of(frame?, &pool)?);
    }
    Ok(all)
}

#[derive(Default)]
struct Sums {
    n_clips: u64,
    n_frames: u64,
    n_faces: u64,
    n_faces_independent: u64,
    n_left: u64,
    n_left_independent: u64,
    n_found_again: u64,
}

/// Covers the clips of `video` under `data`, as far as they are there, and the clip of the repository, and looks for whoever is left.
pub(crate) fn run(data: &Path) -> Result<Report> {
    let mut judges = Judges::new()?;
    let has_independent = judges.independent.is_some();
    let own = xtask::run::root().join("testkit/fixtures/clip/demo.mjpeg");
    let mut clips = vec![own.clone()];
    let folder = data.join("video");
    match std::fs::read_dir(&folder) {
        Ok(entries) => {
            let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            found.sort();
            let is_clip = |path: &PathBuf| VideoKind::sniff(path).is_ok_and(|k| k.is_some());
            clips.extend(found.into_iter().filter(is_clip));
        }
        Err(_) => println!("skipped: video is not under REGARD_EVAL_DATA"),
    }
    let scratch = tempfile::tempdir()?;
    let mut sums = Sums::default();
    for clip in &clips {
        let output = scratch.path().join("out.mkv");
        cover_one(clip, &output, &mut judges, &mut sums)?;
    }
    let mut metrics = BTreeMap::from([
        ("n_clips".to_owned(), sums.n_clips as f64),
        ("n_faces".to_owned(), sums.n_faces as f64),
        ("n_left".to_owned(), sums.n_left as f64),
        ("n_found_again".to_owned(), sums.n_found_again as f64),
    ]);
    if has_independent {
        metrics.insert(
            "n_faces_independent".to_owned(),
            sums.n_faces_independent as f64,
        );
        metrics.insert(
            "n_left_independent".to_owned(),
            sums.n_left_independent as f64,
        );
    }
    metrics.extend(keep_one(&own, scratch.path())?);
    Ok(Report {
        name: "redaction".to_owned(),
        metrics,
        n: sums.n_frames,
    })
}

fn redactor() -> Result<Redactor> {
    let runtime: Arc<dyn Runtime> = Arc::new(Native::new());
    let catalog = Arc::new(Catalog::open(None)?);
    // Which noise it is does not matter here, and shall be the same each time.
    let seeded = StdRng::seed_from_u64(1);
    Ok(Redactor::new(
        &runtime,
        &catalog,
        RedactOptions::default(),
        seeded,
    )?)
}

fn cover_one(clip: &Path, output: &Path, judges: &mut Judges, sums: &mut Sums) -> Result<()> {
    let kind = VideoKind::sniff(clip)?.context("a video")?;
    // What needs no ffmpeg is written without: nothing but our own coder stands between.
    let output = match kind {
        VideoKind::Mjpeg | VideoKind::Gif => output.with_extension("mjpeg"),
        VideoKind::Avi | VideoKind::Other => output.to_owned(),
    };
    let written = match kind {
        VideoKind::Gif => VideoKind::Mjpeg,
        kind => kind,
    };
    let (done, broken) = redactor()?.video_as(clip, (&output, written), None, &mut |_| {})?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    let (before, after) = (pictures(clip)?, pictures(&output)?);
    anyhow::ensure!(
        before.len() == after.len(),
        "{} frames became {}",
        before.len(),
        after.len()
    );
    sums.n_clips += 1;
    sums.n_found_again += done.n_found_again;
    for (before, after) in before.iter().zip(&after) {
        sums.n_frames += 1;
        sums.n_faces += judges.faces(before)?.len() as u64;
        sums.n_faces_independent += judges.independent(before)?.len() as u64;
        sums.n_left += judges.faces(after)?.len() as u64;
        sums.n_left_independent += judges.independent(after)?.len() as u64;
    }
    Ok(())
}

/// The man of the clip agrees, as another recording has him; the woman in it does not.
fn keep_one(clip: &Path, scratch: &Path) -> Result<BTreeMap<String, f64>> {
    let before = pictures(clip)?;
    let mut judges = Judges::new()?;
    let known = before.get(KNOWN_FRAME).context("the clip is shorter")?;
    let face = *judges
        .faces(known)?
        .first()
        .context("nobody in the frame")?;
    let person = judges.embedding(known, &face)?.context("no face points")?;
    let mut keeper = EvaluationKeeper { judges, person };
    let output = scratch.join("kept.mjpeg");
    let kind = VideoKind::Mjpeg;
    redactor()?.video((clip, kind), &output, Some(&mut keeper), &mut |_| {})?;
    let mut judges = Judges::new()?;
    let (mut n_theirs, mut n_theirs_left, mut n_others, mut n_others_left) = (0, 0, 0, 0);
    for (at, (before, after)) in before.iter().zip(&pictures(&output)?).enumerate() {
        let (was, is) = (judges.faces(before)?.len(), judges.faces(after)?.len());
        if OTHERS.contains(&at) {
            n_others += was;
            n_others_left += is;
        } else {
            n_theirs += was;
            n_theirs_left += is;
        }
    }
    Ok(BTreeMap::from([
        ("n_theirs".to_owned(), n_theirs as f64),
        (
            "theirs_seen".to_owned(),
            n_theirs_left as f64 / f64::from(u32::try_from(n_theirs.max(1))?),
        ),
        ("n_others".to_owned(), n_others as f64),
        ("n_others_seen".to_owned(), n_others_left as f64),
    ]))
}
