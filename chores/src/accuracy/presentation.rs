//! How often attacks pass for a person (APCER) and persons for an attack (BPCER), kind by kind.
//!
//! Attacks are made up: pictures of people held before the camera of the made-up stage as a print or on a screen, or fed past it, with
//! the answer to the screen's colours absent, another's, or late. What is looked at is what a camera would see: each frame
//! goes through detector and mesh. Samples of real attacks are single pictures and say less.
//!
//! Source: ISO/IEC 30107-3 for the words.

mod samples;
mod scene;
mod species;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use regard_domain::wilson;
use regard_vision::{AnalyzerOptions, FaceAnalyzer};

use self::scene::Scene;
use self::species::Species;
use super::{Report, looking};

/// People whose pictures are shown; the intervals are those of so few.
const N_SITTERS: usize = 16;

/// What the checks said of one attempt, and of all that was asked in it together.
const CHECKS: [&str; 4] = ["passive", "turn", "colors", "all"];

/// The made-up attacks on pictures of LFW under `data`; nothing where that is not there.
pub(super) fn run(data: &Path) -> Result<Option<Report>> {
    let folder = data.join("lfw/images");
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut analyzer = looking::analyzer(AnalyzerOptions::LIVE)?;
    let sitters = scene::sitters(&folder, N_SITTERS, &mut analyzer)?;
    let mut metrics = BTreeMap::new();
    let mut n = 0;
    for species in Species::ALL {
        let mut passed = [0_u64; CHECKS.len()];
        for (number, sitter) in sitters.iter().enumerate() {
            let seed = (number * Species::ALL.len() + species as usize) as u64;
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let scene = Scene::new(sitter, species, number);
            let [passive, turn, colors] = attempt(&scene, &mut analyzer, &mut rng)?;
            let answers = [passive, turn, colors, passive && turn && colors];
            for (count, is_passed) in passed.iter_mut().zip(answers) {
                *count += u64::from(is_passed);
            }
            n += 1;
        }
        tell(species, passed, sitters.len() as u64, &mut metrics);
    }
    Ok(Some(Report {
        name: "presentation-attacks".to_owned(),
        metrics,
        n,
    }))
}

/// The samples of real attacks under `data`, where they are.
pub(super) fn samples(data: &Path) -> Result<Option<Report>> {
    samples::run(data)
}

/// Whether each of the three checks was passed.
fn attempt(
    scene: &Scene<'_>,
    analyzer: &mut FaceAnalyzer,
    rng: &mut ChaCha20Rng,
) -> Result<[bool; 3]> {
    Ok([
        scene.passive(analyzer)?,
        scene.turn(analyzer, rng)?,
        scene.colors(analyzer, rng)?,
    ])
}

/// Shares with the upper end of their interval: what so few attempts leave possible.
fn tell(
    species: Species,
    passed: [u64; CHECKS.len()],
    n: u64,
    metrics: &mut BTreeMap<String, f64>,
) {
    for (check, passed) in CHECKS.into_iter().zip(passed) {
        let (rate, errors) = match species {
            Species::Live => ("bpcer", n - passed),
            _ => ("apcer", passed),
        };
        let name = match species {
            Species::Live => format!("{rate}_{check}"),
            _ => format!("{rate}_{}_{check}", species.as_str()),
        };
        let (_, high) = wilson(errors, n);
        metrics.insert(format!("{name}_high"), high);
        metrics.insert(name, errors as f64 / n as f64);
    }
}
