//! One probe against many, some of whom it is not: false positives and false negatives of whole searches.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use regard_commitments::{Grant, Recognition};
use regard_domain::{PersonId, TemplateId};
use regard_identity::{
    EMBEDDING_DIMENSION, Embedding, Enrolment, ExactGallery, Gallery, GalleryLimits,
    GalleryTransform, MatchScale, SearchAnswer, TargetRate,
};

use super::lfw::{PictureName, Set};
use crate::accuracy::Report;

/// Gallery sizes; the set has some 900 people with two pictures.
const SIZES: [usize; 3] = [100, 300, 800];

/// False positive identification rate aimed at.
const TARGET: f64 = 0.01;

/// Enrols one picture each of so many people who have two or more, and searches for their other pictures and for everybody
/// else. Thresholds are those of the stored scale, which DevTrain made: the people of DevTest are new to it.
pub(super) fn run(train: &Set, test: &Set) -> Result<Report> {
    let mut people: BTreeMap<&str, Vec<&Embedding>> = BTreeMap::new();
    let faces = train.faces.iter().chain(&test.faces);
    let mut all: Vec<(&PictureName, &Embedding)> = faces.collect();
    all.sort_by_key(|(name, _)| *name);
    for ((name, _), face) in &all {
        people.entry(name).or_default().push(face);
    }
    let several: Vec<&str> = people
        .iter()
        .filter(|(_, faces)| faces.len() > 1)
        .map(|(name, _)| *name)
        .collect();
    let mut metrics = BTreeMap::new();
    let mut n = 0;
    for size in SIZES {
        // Spread over the alphabet, so that both sets are in it.
        let step = several.len() as f64 / size as f64;
        let enrolled: BTreeSet<&str> = (0..size)
            .map(|at| several[(at as f64 * step) as usize])
            .collect();
        let counts = search(&people, &enrolled)?;
        n = n.max(counts.n_enrolled + counts.n_strangers);
        let mut put = |what: &str, value: f64| {
            metrics.insert(format!("n{size}_{what}"), value);
        };
        put(
            "fpir_at_1e-2",
            share(counts.false_positives, counts.n_strangers),
        );
        put(
            "fnir_at_1e-2",
            share(counts.false_negatives, counts.n_enrolled),
        );
        put(
            "wrong_person",
            share(counts.wrong_person, counts.n_enrolled),
        );
        put("rank_1", share(counts.rank_1, counts.n_enrolled));
    }
    Ok(Report {
        name: "recognition-open-set".to_owned(),
        metrics,
        n,
    })
}

#[derive(Default)]
struct Counts {
    n_enrolled: u64,
    n_strangers: u64,
    rank_1: u64,
    wrong_person: u64,
    false_negatives: u64,
    false_positives: u64,
}

fn share(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}

fn search(people: &BTreeMap<&str, Vec<&Embedding>>, enrolled: &BTreeSet<&str>) -> Result<Counts> {
    let transform =
        GalleryTransform::from_key(&[8; 32], EMBEDDING_DIMENSION).context("in range")?;
    let model = people
        .values()
        .flatten()
        .next()
        .context("no faces")?
        .model();
    let mut gallery = ExactGallery::new(transform, model, GalleryLimits::default());
    for (at, name) in enrolled.iter().enumerate() {
        let values = gallery.transform().template(people[name][0]);
        gallery.insert(Enrolment {
            template: TemplateId::from_bits(at as u128),
            person: PersonId::from_bits(at as u128),
            picture: None,
            values: values.context("one dimension")?,
        })?;
    }
    let (scale, key) = (
        MatchScale::built_in(),
        Grant::<Recognition>::for_evaluation(),
    );
    let target = TargetRate::new(TARGET).context("a rate in range")?;
    let mut counts = Counts::default();
    for (name, faces) in people {
        let own = enrolled.iter().position(|e| e == name);
        let own = own.map(|at| PersonId::from_bits(at as u128));
        let probes = &faces[usize::from(own.is_some())..];
        let answers: Vec<SearchAnswer> = gallery.search_batch(probes, 1, &key)?;
        for answer in answers {
            let found = scale.identify(&answer, target).known.map(|hit| hit.person);
            let first = answer.hits.first().map(|hit| hit.person);
            match own {
                Some(own) => {
                    counts.n_enrolled += 1;
                    counts.rank_1 += u64::from(first == Some(own));
                    counts.false_negatives += u64::from(found != Some(own));
                    counts.wrong_person += u64::from(found.is_some_and(|p| p != own));
                }
                None => {
                    counts.n_strangers += 1;
                    counts.false_positives += u64::from(found.is_some());
                }
            }
        }
    }
    Ok(counts)
}
