//! How well the tracker follows: pedestrians of the MOT challenge, and made-up faces.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use regard_audience::{Detection, TrackState, Tracker, TrackerSettings};
use regard_domain::{CameraId, FrameSize, Score, Timestamp};
use regard_testkit::mot::{MotBox, MotSummary, parse_mot, score_mot};
use regard_testkit::passersby::Scene;

use super::Report;

/// Frame period of TUD-Campus: 25 frames/s, as its `seqinfo.ini` says.
const TUD_FRAME_MILLIS: i64 = 40;

/// Frame size of TUD-Campus, from the same file.
const TUD_FRAME_SIZE: FrameSize = FrameSize {
    width: 640,
    height: 480,
};

/// Height of a pedestrian in metres. Nothing but this differs from the settings for faces.
const PEDESTRIAN_METERS: f32 = 1.7;

/// Keeps identities of different films apart.
const FILM_STRIDE: u32 = 100_000;

/// Scores the tracker on `tracking/TUD-Campus` under `data`; nothing when it is not there.
pub(crate) fn tud_campus(data: &Path) -> Result<Option<Report>> {
    let folder = data.join("tracking/TUD-Campus");
    if !folder.join("det.txt").is_file() || !folder.join("gt.txt").is_file() {
        return Ok(None);
    }
    let read = |name: &str| {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        parse_mot(&text).with_context(|| format!("{}: not in MOT form", path.display()))
    };
    let (detections, truth) = (read("det.txt")?, read("gt.txt")?);
    let last = truth.iter().chain(&detections).map(|b| b.frame).max();
    let mut frames: BTreeMap<u32, Vec<Detection>> = (1..=last.unwrap_or(0))
        .map(|frame| (frame, Vec::new()))
        .collect();
    for b in &detections {
        frames.entry(b.frame).or_default().push(Detection {
            bbox_in_frame: b.bbox,
            score: Score::clamped(b.score),
        });
    }
    let settings = TrackerSettings {
        subject_height_meters: PEDESTRIAN_METERS,
        ..TrackerSettings::default()
    };
    let frames = frames.iter().map(|(frame, detections)| {
        let at = Timestamp::from_millis(i64::from(*frame) * TUD_FRAME_MILLIS);
        (*frame, at, detections.clone())
    });
    let output = follow(settings, TUD_FRAME_SIZE, frames)?;
    Ok(Some(report(
        "tracking-tud-campus",
        &score_mot(&truth, &output),
    )))
}

/// Scores the tracker on ten made-up streets of ten people each, at a frame rate.
pub(crate) fn street(fps: u16) -> Result<Report> {
    let camera = CameraId::new("street")?;
    let (mut truth, mut output) = (Vec::new(), Vec::new());
    for seed in 0..10_u32 {
        let seed64 = u64::from(seed);
        let film = Scene::street(seed64, 10, f32::from(fps), 40.0).film(&camera, seed64);
        let size = film
            .sightings
            .first()
            .context("a film has frames")?
            .frame_size;
        let frames = film.sightings.iter().zip(1_u32..).map(|(sighting, frame)| {
            let detections = sighting
                .faces
                .iter()
                .map(|face| Detection {
                    bbox_in_frame: face.bbox_in_frame,
                    score: face.score,
                })
                .collect();
            (frame, sighting.captured_at, detections)
        });
        let followed = follow(TrackerSettings::default(), size, frames)?;
        let apart = |b: &MotBox| MotBox {
            frame: b.frame + seed * FILM_STRIDE,
            id: b.id + u64::from(seed * FILM_STRIDE),
            ..*b
        };
        truth.extend(film.truth.iter().map(apart));
        output.extend(followed.iter().map(apart));
    }
    let name = format!("tracking-street-{fps}fps");
    Ok(report(&name, &score_mot(&truth, &output)))
}

/// What the tracker says is there: confirmed tracks seen in the frame, where the filter has them.
fn follow(
    settings: TrackerSettings,
    size: FrameSize,
    frames: impl Iterator<Item = (u32, Timestamp, Vec<Detection>)>,
) -> Result<Vec<MotBox>> {
    let mut tracker = Tracker::new(settings)?;
    // Ids are random; their values have no part in the score.
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let mut output = Vec::new();
    for (frame, at, detections) in frames {
        tracker.step(&detections, at, size, &mut rng)?;
        for track in tracker.tracks() {
            if let (TrackState::Confirmed, Some(id), Some(bbox)) =
                (track.state(), track.number(), track.bbox_in_frame())
            {
                output.push(MotBox {
                    frame,
                    id,
                    bbox,
                    score: track.score().get(),
                });
            }
        }
    }
    Ok(output)
}

fn report(name: &str, m: &MotSummary) -> Report {
    let metrics = [
        ("mota", m.mota),
        ("motp_iou", m.motp_iou),
        ("idf1", m.idf1),
        ("hota", m.hota),
        ("n_false_positives", m.n_false_positives as f64),
        ("n_misses", m.n_misses as f64),
        ("n_switches", m.n_switches as f64),
    ];
    Report {
        name: name.to_owned(),
        metrics: metrics
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        n: m.n_objects,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SORT on the same detections: MOTA 62.7 with 6 switches (Bewley et al. 2016 as published
    /// with motmetrics).
    #[test]
    fn not_below_sort_on_tud_campus() {
        let Some(report) = tud_campus(&super::super::data_dir()).unwrap() else {
            println!("skipped: no tracking/TUD-Campus under REGARD_EVAL_DATA");
            return;
        };
        assert!(report.metrics["mota"] >= 0.627, "{report:?}");
        assert!(report.metrics["n_switches"] <= 6.0, "{report:?}");
    }

    #[test]
    fn faces_in_a_street_keep_their_numbers() {
        let report = street(30).unwrap();
        assert!(report.metrics["idf1"] >= 0.95, "{report:?}");
        assert!(report.metrics["n_switches"] <= 10.0, "{report:?}");
    }
}
