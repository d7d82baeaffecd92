//! The whole path from a frame to what its faces show, beside MediaPipe and OpenCV, by turns and on one core.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use regard_audience::{Crowd, CrowdSettings};
use regard_commitments::{Answer, Grant, LibraryDeclaration, Sensing, ask_library};
use regard_domain::{BBox, CameraId, Face, FrameSize, Sighting, Timestamp};
use regard_inference::{Catalog, Native, Rten, Runtime, flush_to_zero};
use regard_testkit::turns::{Python, lower_quartile, median};
use regard_testkit::wall::{CLIP_FPS, CLIP_SIZE, FaceWall, clip_jpegs};
use regard_vision::{
    AnalyzerOptions, DetectorOptions, FaceAnalyzer, Keys, PixelPool, RgbView, Views, WantedSize,
    decode_jpeg,
};
use serde::Serialize;
use tempfile::NamedTempFile;

/// How long each case runs on all together, at least.
const TIME_PER_CASE: Duration = Duration::from_secs(12);

/// How often all of the picture is searched. Origin: the engine's rate.
const SEARCH_EVERY: Duration = Duration::from_millis(95);

/// Frames that are not counted.
const WARM_UP_FRAMES: usize = 5;

/// Pictures of the made-up wall.
const WALL_PICTURES: usize = 12;

/// One contestant of one case.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    case: &'static str,
    who: String,
    /// Median of a frame.
    millis: f64,
    /// Mean of all but the slowest twentieth: what a frame takes where some are read and others are not.
    mean_millis: f64,
    /// A quarter of the frames took less: nearer to what it takes with nothing else at work.
    lower_quartile_millis: f64,
    /// Median of the ratios on the same frames, ours over this.
    ours_over_this: f64,
    n: usize,
}

/// What a frame goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Detected anew, tracked, expression and pose read, on every frame.
    Everything,
    /// As the live loop does it: all of the picture searched every tenth of a second and in between only where faces
    /// are expected, expression and mesh ten times a second, the face and its mirror image by turns, the pose from five
    /// points in between.
    Loop,
    /// Detected in a picture reduced to that side.
    Detection(u32),
}

/// RGB frames of one size, in memory and in a file.
struct Frames {
    size: FrameSize,
    pixels: Vec<Vec<u8>>,
    file: NamedTempFile,
}

impl Frames {
    fn new(size: FrameSize, pixels: Vec<Vec<u8>>) -> Result<Self> {
        let mut file = NamedTempFile::new()?;
        for frame in &pixels {
            file.write_all(frame)?;
        }
        Ok(Self { size, pixels, file })
    }

    /// The committed clip of one face.
    fn clip() -> Result<Self> {
        let pool = PixelPool::new();
        let decode = |jpeg: &&[u8]| {
            let picture = decode_jpeg(jpeg, WantedSize::Whole, &pool)?;
            anyhow::Ok(picture.pixels().to_vec())
        };
        let pixels: Result<Vec<_>> = clip_jpegs().iter().map(decode).collect();
        Self::new(CLIP_SIZE, pixels?)
    }

    /// A made-up picture of full HD with one face.
    fn full_hd() -> Result<Self> {
        let wall = FaceWall::full_hd(1);
        let pixels: Result<Vec<_>, _> = (0..WALL_PICTURES).map(|i| wall.picture(i)).collect();
        Self::new(wall.size(), pixels?)
    }

    fn view(&self, index: usize) -> Option<RgbView<'_>> {
        RgbView::new(&self.pixels[index % self.pixels.len()], self.size)
    }

    fn args(&self, kind: &str) -> Vec<String> {
        let file = self.file.path().display().to_string();
        let sides = [self.size.width, self.size.height];
        let sides = sides.iter().map(ToString::to_string);
        [kind.to_owned(), file].into_iter().chain(sides).collect()
    }
}

fn grant(camera: &CameraId) -> Result<Grant<Sensing>> {
    match ask_library(&LibraryDeclaration::own_media(camera.clone())) {
        Answer::Granted(grant) => Ok(grant),
        Answer::Refused(refusal) => anyhow::bail!("refused: {refusal:?}"),
    }
}

/// Our own path on one runtime.
struct Own {
    name: String,
    analyzer: FaceAnalyzer,
    crowd: Crowd,
    camera: CameraId,
    grant: Grant<Sensing>,
    rng: ChaCha20Rng,
    n_frames: u64,
    searched_at: Option<Timestamp>,
    path: Path,
}

impl Own {
    fn new(name: &str, runtime: Arc<dyn Runtime>, path: Path) -> Result<Self> {
        let camera = CameraId::new("bench")?;
        let mut options = AnalyzerOptions::LIVE;
        if let Path::Detection(long_side_px) = path {
            options.detector = DetectorOptions {
                long_side_px,
                ..DetectorOptions::LIVE
            };
        }
        let catalog = Arc::new(Catalog::open(None)?);
        Ok(Self {
            name: name.to_owned(),
            analyzer: FaceAnalyzer::new(runtime, catalog, options),
            crowd: Crowd::new(camera.clone(), CrowdSettings::default())?,
            grant: grant(&camera)?,
            camera,
            rng: ChaCha20Rng::seed_from_u64(1),
            n_frames: 0,
            searched_at: None,
            path,
        })
    }

    /// One frame; the milliseconds it took.
    fn turn(&mut self, frame: RgbView<'_>) -> Result<f64> {
        let began = Instant::now();
        let granted = "own media are granted";
        let count = self.grant.count().context(granted)?;
        match self.path {
            Path::Detection(_) => {
                self.analyzer.detect(frame, &count)?;
            }
            Path::Everything => {
                let attention = self.grant.attention().context(granted)?;
                let expression = self.grant.expression().context(granted)?;
                let keys = Keys {
                    count: &count,
                    attention: Some(&attention),
                    expression: Some(&expression),
                };
                let faces = self.analyzer.analyze(frame, &keys)?;
                let sighting = self.sighting(frame, faces);
                let association = self.crowd.associate(&sighting, &mut self.rng)?;
                self.crowd.digest(&association, &sighting.faces);
            }
            Path::Loop => self.loop_turn(frame)?,
        }
        self.n_frames += 1;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

impl Own {
    /// What was seen in a frame that comes as often as the clip has them.
    fn sighting(&self, frame: RgbView<'_>, faces: Vec<Face>) -> Sighting {
        Sighting {
            camera: self.camera.clone(),
            frame_index: self.n_frames,
            captured_at: self.at(),
            frame_size: frame.size(),
            faces,
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis((self.n_frames * 1_000 / u64::from(CLIP_FPS)).cast_signed())
    }

    /// The engine's own order, at its own rates.
    fn loop_turn(&mut self, frame: RgbView<'_>) -> Result<()> {
        let granted = "own media are granted";
        let count = self.grant.count().context(granted)?;
        let attention = self.grant.attention().context(granted)?;
        let expression = self.grant.expression().context(granted)?;
        let at = self.at();
        let is_search = self
            .searched_at
            .is_none_or(|searched| at.saturating_since(searched) >= SEARCH_EVERY);
        let faces = if is_search {
            self.searched_at = Some(at);
            self.analyzer.detect(frame, &count)?
        } else {
            let expected = self.crowd.predicted_boxes(at);
            let expected: Vec<BBox> = expected.into_iter().map(|(_, bbox)| bbox).collect();
            self.analyzer.detect_around(frame, &expected, &count)?
        };
        let sighting = self.sighting(frame, faces);
        let association = self.crowd.associate(&sighting, &mut self.rng)?;
        let mut faces = sighting.faces;
        for track in association.faces() {
            let one = std::slice::from_mut(&mut faces[track.face]);
            if track.due.expression {
                let views = Views::in_turn(track.n_expressions);
                let read = self
                    .analyzer
                    .expressions_of(frame, one, views, &expression)?;
                one[0].readings.expression = read.into_iter().next();
            }
            let keys = Keys {
                count: &count,
                attention: track.due.mesh.then_some(&attention),
                expression: None,
            };
            self.analyzer.read(frame, one, &keys)?;
            if one[0].readings.head_pose.is_none() {
                one[0].readings.head_pose = self.analyzer.quick_head_pose(&one[0], &attention);
            }
        }
        self.crowd.digest(&association, &faces);
        Ok(())
    }
}

/// One that takes turns, with what was measured.
enum Contestant {
    Own(Box<Own>),
    Rival(String, Python),
}

impl Contestant {
    fn name(&self) -> String {
        match self {
            Self::Own(own) => own.name.clone(),
            Self::Rival(name, python) => format!("{name} {}", python.version()),
        }
    }

    fn turn(&mut self, frame: RgbView<'_>) -> Result<f64> {
        match self {
            Self::Own(own) => own.turn(frame),
            Self::Rival(_, python) => python.turn(),
        }
    }
}

/// Compares the paths and prints a table; our own alone where the rivals are not there.
pub(super) fn compare() -> Result<Vec<Row>> {
    flush_to_zero();
    println!(
        "\nthe whole face path on one core, milliseconds a frame; in brackets ours over the other, of the medians over the same frames"
    );
    let clip = Frames::clip()?;
    let mut rows = Vec::new();
    let rivals = [("mediapipe", "mediapipe, numpy"), ("opencv", "cv2, numpy")];
    let name = "demo clip 400x300: detect, track, expression, pose, all of it on every frame";
    rows.extend(case((name, &clip, Path::Everything), &rivals)?);
    let name = "demo clip 400x300: the same at the rates of the live loop";
    rows.extend(case((name, &clip, Path::Loop), &rivals[..1])?);
    let wall = Frames::full_hd()?;
    let name = "1920x1080: resized and detected at 640x360";
    let rivals = [("opencv-640", "cv2, numpy")];
    rows.extend(case((name, &wall, Path::Detection(640)), &rivals)?);
    Ok(rows)
}

fn case(
    (name, frames, path): (&'static str, &Frames, Path),
    rivals: &[(&str, &str)],
) -> Result<Vec<Row>> {
    let native = Own::new("native", Arc::new(Native::new()), path)?;
    let rten = Own::new("rten", Arc::new(Rten), path)?;
    let mut all: Vec<(Contestant, Vec<f64>)> = [native, rten]
        .map(|own| (Contestant::Own(Box::new(own)), Vec::new()))
        .into();
    println!("{name}");
    for (kind, modules) in rivals {
        if !Python::has(modules) {
            println!(
                "  skipped: {kind}: pip install its package, and name that Python in REGARD_PYTHON"
            );
            continue;
        }
        match Python::start("faces_turns.py", &frames.args(kind)) {
            Ok(python) => all.push((Contestant::Rival((*kind).to_owned(), python), Vec::new())),
            Err(error) => println!("  skipped: {kind}: {error:#}; see tools/bench/faces_turns.py"),
        }
    }
    let began = Instant::now();
    for index in 0.. {
        if index > WARM_UP_FRAMES + frames.pixels.len() / 4 && began.elapsed() > TIME_PER_CASE {
            break;
        }
        let frame = frames.view(index).context("frames fill their size")?;
        for (contestant, millis) in &mut all {
            let taken = contestant.turn(frame)?;
            if index >= WARM_UP_FRAMES {
                millis.push(taken);
            }
        }
    }
    let own = all[0].1.clone();
    let rows = all.iter().map(|(contestant, millis)| {
        let ratios = own.iter().zip(millis).map(|(own, other)| own / other);
        Row {
            case: name,
            who: contestant.name(),
            millis: median(millis.clone()),
            mean_millis: mean(millis.clone()),
            lower_quartile_millis: lower_quartile(millis.clone()),
            ours_over_this: median(ratios.collect()),
            n: millis.len(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    for row in &rows {
        println!(
            "  {:<22} median {:>6.2} ({:.2})  mean {:>6.2} ({:.2})  lower quartile {:>6.2} ({:.2})  n {}",
            row.who,
            row.millis,
            row.ours_over_this,
            row.mean_millis,
            rows[0].mean_millis / row.mean_millis,
            row.lower_quartile_millis,
            rows[0].lower_quartile_millis / row.lower_quartile_millis,
            row.n
        );
    }
    Ok(rows)
}

/// The mean of all but the slowest twentieth, which something else delayed; `NaN` for none.
fn mean(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.truncate(values.len() - values.len() / 20);
    values.iter().sum::<f64>() / values.len() as f64
}
