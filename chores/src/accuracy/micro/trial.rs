//! One injected clip: made, looked at, compared with what was put in.

use anyhow::{Context, Result, anyhow};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use regard_commitments::MicroExpressions;
use regard_domain::Timestamp;
use regard_testkit::injection::{Injection, InjectionPlan, SensorNoise};
use regard_vision::{MicroMovement, MicroReport, MicroSpotter, RgbView, SpottingMeans};

use super::clips::{Eyes, Stretch};
use super::sitting::{NOON, key, taken_at};

/// Meshes a second that the spotter gets, where it gets by with them.
const MESHES_PER_SEC: f64 = 5.0;

/// Least share of overlap with which a spotted movement counts as the one that was put in: as the challenges of MEGC count.
const LEAST_OVERLAP: f64 = 0.5;

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) fps: f64,
    pub(super) secs: f64,
    pub(super) seed: u64,
    /// Heights of what is put in; nothing is where there are none.
    pub(super) heights: Option<(f32, f32)>,
    pub(super) means: SpottingMeans,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Each that was put in: its height, its seconds, and whether it was spotted.
    pub(super) put_in: Vec<(f32, f64, bool)>,
    /// Each that was spotted: its score, its probability, and whether it was put in.
    pub(super) spotted: Vec<(f32, f32, bool)>,
    /// Of those put in: whether the height of something spotted falls into it, whatever its ends.
    pub(super) n_touched: u64,
    pub(super) watched_secs: f64,
}

/// Runs a trial.
pub(super) fn run(trial: &Trial, stretch: &Stretch, eyes: &mut Eyes<'_>) -> Result<Outcome> {
    let n_frames = (trial.secs * trial.fps) as u64;
    let mut rng = ChaCha20Rng::seed_from_u64(trial.seed);
    let injections = trial.heights.map_or_else(Vec::new, |heights| {
        let plan = InjectionPlan {
            n_frames,
            fps: trial.fps,
            lengths: (3, 12),
            heights,
            rests_secs: (0.9, 1.6),
        };
        plan.draw(&stretch.places, &mut rng)
    });
    let key = key(trial.fps);
    let mut spotter = MicroSpotter::with_means(&key, trial.means);
    let every = (trial.fps / MESHES_PER_SEC).round().max(1.0) as u64;
    let size = stretch.clip.size();
    for index in 0..n_frames {
        let noise = (SensorNoise::WEBCAM, trial.seed);
        let rgb = stretch.clip.frame(index, trial.fps, &injections, noise);
        let view = RgbView::new(&rgb, size).context("a whole frame")?;
        let mesh = if index % every == 0 || spotter.wants_mesh() {
            eyes.face(view, (0, None))?.map(|(_, mesh)| mesh)
        } else {
            None
        };
        spotter.see(view, taken_at(index, trial.fps), mesh.as_ref())?;
    }
    said(&spotter, &key, &injections, trial.fps)
}

/// What a spotter says, compared with what was put in.
fn said(
    spotter: &MicroSpotter,
    key: &MicroExpressions,
    injections: &[Injection],
    fps: f64,
) -> Result<Outcome> {
    let report = spotter
        .spotted()
        .map_err(|refusal| anyhow!("refused: {}", refusal.reason))?;
    let Some(report) = report else {
        return Ok(compared(injections, &[], fps, 0.0));
    };
    let report: &MicroReport = report.open(key, NOON).context("the sitting goes on")?;
    Ok(compared(
        injections,
        &report.movements,
        fps,
        report.watched_secs,
    ))
}

/// Pairs what was spotted with what was put in, each with one other at most, greatest overlap first.
fn compared(
    injections: &[Injection],
    spotted: &[MicroMovement],
    fps: f64,
    watched_secs: f64,
) -> Outcome {
    // Frames, each as long as the gap to the next.
    let frame = |at: Timestamp| (at.as_micros() - NOON.as_micros()) as f64 * 1e-6 * fps;
    let overlap = |one: &Injection, other: &MicroMovement| {
        let (a, b) = (one.from as f64, (one.from + one.n_frames) as f64);
        let (c, d) = (frame(other.onset), frame(other.offset) + 1.0);
        (b.min(d) - a.max(c)).max(0.0) / (b.max(d) - a.min(c))
    };
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (i, one) in injections.iter().enumerate() {
        for (k, other) in spotted.iter().enumerate() {
            pairs.push((overlap(one, other), i, k));
        }
    }
    pairs.retain(|(share, ..)| *share >= LEAST_OVERLAP);
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut is_found = vec![false; injections.len()];
    let mut is_true = vec![false; spotted.len()];
    for (_, i, k) in pairs {
        if !is_found[i] && !is_true[k] {
            (is_found[i], is_true[k]) = (true, true);
        }
    }
    let touched = injections.iter().filter(|one| {
        let (a, b) = (one.from as f64 - 1.0, (one.from + one.n_frames) as f64);
        spotted
            .iter()
            .any(|other| (a..=b).contains(&frame(other.apex)))
    });
    Outcome {
        put_in: injections
            .iter()
            .zip(&is_found)
            .map(|(one, found)| (one.height, one.n_frames as f64 / fps, *found))
            .collect(),
        spotted: spotted
            .iter()
            .zip(&is_true)
            .map(|(one, is_true)| (one.score, one.probability, *is_true))
            .collect(),
        n_touched: touched.count() as u64,
        watched_secs,
    }
}
