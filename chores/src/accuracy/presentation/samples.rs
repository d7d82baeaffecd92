//! Single pictures of living faces and of prints and screens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use regard_domain::wilson;
use regard_inference::{Catalog, LoadOptions, Rten};
use regard_vision::{
    AnalyzerOptions, CameraHold, CueMeter, FaceAnalyzer, LivenessNetworks, PassiveAnswer, Photo,
};

use crate::accuracy::{Report, looking};

/// What a picture says.
struct Said {
    is_refused_by_texture: bool,
    /// Probability of a living face, where the networks are.
    network: Option<f32>,
}

/// A folder, and how living ones are told by their path.
type Source = (&'static str, fn(&Path) -> bool);

const SOURCES: [Source; 2] = [
    ("screen_replay", |path| {
        path.components().any(|part| part.as_os_str() == "live")
    }),
    // Names as their authors gave them: T for true, F for fake.
    ("silent_face", |path| {
        let name = path.file_stem().and_then(|stem| stem.to_str());
        name.is_some_and(|name| name.contains("_T"))
    }),
];

pub(super) fn run(data: &Path) -> Result<Option<Report>> {
    let folder = data.join("liveness");
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut analyzer = looking::analyzer(AnalyzerOptions::PHOTO)?;
    let mut networks = networks(data)?;
    if networks.is_none() {
        println!("skipped: the networks minifasnet-v2 and minifasnet-v1se are not there");
    }
    let (mut metrics, mut n) = (BTreeMap::new(), 0);
    for (name, is_live) in SOURCES {
        let (mut live, mut fake) = (Vec::new(), Vec::new());
        let mut n_missed = 0_u64;
        for path in pictures(&folder.join(name))? {
            n += 1;
            match look(&path, &mut analyzer, networks.as_mut())? {
                Some(said) if is_live(&path) => live.push(said),
                Some(said) => fake.push(said),
                None => n_missed += 1,
            }
        }
        let mut put = |what: &str, value: f64| {
            metrics.insert(format!("{name}_{what}"), value);
        };
        put("no_face", n_missed as f64);
        put("n_live", live.len() as f64);
        put("n_attacks", fake.len() as f64);
        rates(
            "texture",
            &live,
            &fake,
            |said| said.is_refused_by_texture,
            &mut put,
        );
        if networks.is_some() {
            let is_refused = |said: &Said| {
                refused(&PassiveAnswer {
                    network: said.network,
                    ..still_good()
                })
            };
            rates("networks", &live, &fake, is_refused, &mut put);
            put("networks_auc", auc(&live, &fake));
        }
    }
    Ok(Some(Report {
        name: "presentation-attacks-samples".to_owned(),
        metrics,
        n,
    }))
}

/// The pair of networks, from the folder that `REGARD_MODELS` names, else from the one beside the data.
fn networks(data: &Path) -> Result<Option<LivenessNetworks>> {
    let named = std::env::var_os("REGARD_MODELS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| data.join("../models"));
    let folder = folder.is_dir().then_some(folder);
    let catalog = Arc::new(Catalog::open(folder.as_deref())?);
    Ok(LivenessNetworks::load(
        // Built in, and reads what the native runtime does not.
        &Rten,
        &catalog,
        &LoadOptions::default(),
    )?)
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(found);
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(pictures(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn look(
    path: &Path,
    analyzer: &mut FaceAnalyzer,
    networks: Option<&mut LivenessNetworks>,
) -> Result<Option<Said>> {
    let grant = looking::grant()?;
    let count = grant.count().context("own media are granted")?;
    let photo = Photo::open(path).with_context(|| format!("{}", path.display()))?;
    let faces = analyzer.detect(photo.view(), &count)?;
    let Some(face) = faces.first() else {
        return Ok(None);
    };
    let network = match networks {
        Some(networks) => Some(networks.live_probability(photo.view(), face, &count)?),
        None => None,
    };
    let cue = CueMeter::new().measure(photo.view(), face, None, network, &count)?;
    let answer = PassiveAnswer {
        peak: cue.peak,
        ..still_good()
    };
    Ok(Some(Said {
        is_refused_by_texture: refused(&answer),
        network,
    }))
}

/// Somebody who moved and of whom nothing else is known: one picture says nothing of that.
fn still_good() -> PassiveAnswer {
    PassiveAnswer {
        change: 1.0,
        n_blinks: 1,
        ..PassiveAnswer::default()
    }
}

fn refused(answer: &PassiveAnswer) -> bool {
    !answer.faults(CameraHold::InHand).is_empty()
}

fn rates(
    what: &str,
    live: &[Said],
    fake: &[Said],
    is_refused: impl Fn(&Said) -> bool,
    put: &mut impl FnMut(&str, f64),
) {
    let count = |group: &[Said], refused: bool| {
        group
            .iter()
            .filter(|said| is_refused(said) == refused)
            .count() as u64
    };
    for (rate, errors, n) in [
        ("apcer", count(fake, false), fake.len() as u64),
        ("bpcer", count(live, true), live.len() as u64),
    ] {
        if n > 0 {
            put(&format!("{what}_{rate}"), errors as f64 / n as f64);
            put(&format!("{what}_{rate}_high"), wilson(errors, n).1);
        }
    }
}

/// Share of pairs in which the networks hold the living face for likelier.
fn auc(live: &[Said], fake: &[Said]) -> f64 {
    let of = |group: &[Said]| -> Vec<f32> { group.iter().filter_map(|s| s.network).collect() };
    let (live, fake) = (of(live), of(fake));
    let pairs = live.iter().flat_map(|l| fake.iter().map(move |f| (l, f)));
    let won: f64 = pairs
        .map(|(l, f)| match l.total_cmp(f) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    won / (live.len() * fake.len()).max(1) as f64
}
