//! Whether templates of two galleries can be told to be of one person.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use regard_identity::{EMBEDDING_DIMENSION, GalleryTransform, Template};

use super::lfw::Set;
use crate::accuracy::Report;

/// Pairs of galleries.
const N_GALLERIES: u8 = 12;

/// Classes of similarities. Origin: some hundred pairs in each of those that matter.
const N_CLASSES: usize = 40;

/// The measure of the standard: 0 for templates that cannot be linked, 1 for those that always can.
///
/// The same picture is enrolled in two galleries, which is the attacker's best case. What is left at equal keys is the control
/// at the upper end; pairs of strangers, halved at random, that at the lower: how much the measure sees in nothing.
pub(super) fn run(set: &Set) -> Result<Report> {
    let transform =
        |key: u8| GalleryTransform::from_key(&[key; 32], EMBEDDING_DIMENSION).context("in range");
    let faces: Vec<_> = set.faces.iter().collect();
    let (mut mated, mut strangers, mut same_key) = (Vec::new(), Vec::new(), Vec::new());
    for gallery in 0..N_GALLERIES {
        let (here, there) = (transform(2 * gallery)?, transform(2 * gallery + 1)?);
        for (at, ((name, _), face)) in faces.iter().enumerate() {
            let own = here.template(face).context("one dimension")?;
            let other = there.template(face).context("one dimension")?;
            mated.push(cosine(&own, &other));
            same_key.push(cosine(&own, &here.template(face).context("one dimension")?));
            // The next person in the list, and the one half-way round.
            for step in [1, faces.len() / 2] {
                let ((other_name, _), stranger) = faces[(at + step) % faces.len()];
                if other_name != name {
                    let stranger = there.template(stranger).context("one dimension")?;
                    strangers.push(cosine(&own, &stranger));
                }
            }
        }
    }
    let (even, odd): (Vec<_>, Vec<_>) = strangers.iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let values =
        |half: Vec<(usize, &f64)>| -> Vec<f64> { half.into_iter().map(|(_, v)| *v).collect() };
    let metrics = BTreeMap::from([
        ("d_sys".to_owned(), d_sys(&mated, &strangers)),
        (
            "d_sys_of_nothing".to_owned(),
            d_sys(&values(even), &values(odd)),
        ),
        ("d_sys_equal_keys".to_owned(), d_sys(&same_key, &strangers)),
    ]);
    Ok(Report {
        name: "recognition-unlinkability".to_owned(),
        metrics,
        n: mated.len() as u64,
    })
}

/// As an attacker compares who does not know that the two are turned differently.
fn cosine(a: &Template, b: &Template) -> f64 {
    let product = |x: &[i8], y: &[i8]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(p, q)| f64::from(*p) * f64::from(*q))
            .sum()
    };
    let (a, b) = (a.values(), b.values());
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

/// D↔sys with even odds.
///
/// # Source
/// Gomez-Barrero et al. 2018, "General framework to evaluate unlinkability in biometric template protection systems",
/// equations 5 to 7; taken over by ISO/IEC 30136.
fn d_sys(mated: &[f64], strangers: &[f64]) -> f64 {
    let ends = mated.iter().chain(strangers);
    let low = ends.clone().copied().fold(f64::INFINITY, f64::min);
    let high = ends.copied().fold(f64::NEG_INFINITY, f64::max);
    let width = ((high - low) / N_CLASSES as f64).max(f64::MIN_POSITIVE);
    let shares = |values: &[f64]| {
        let mut shares = [0.0; N_CLASSES];
        for value in values {
            let class = ((value - low) / width) as usize;
            shares[class.min(N_CLASSES - 1)] += 1.0 / values.len() as f64;
        }
        shares
    };
    let pairs = shares(mated).into_iter().zip(shares(strangers));
    pairs
        .filter(|(m, s)| m > s)
        .map(|(m, s)| m * (2.0 * m / (m + s) - 1.0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measure_runs_from_nought_to_one() {
        let ramp: Vec<f64> = (0..4_000).map(|i| f64::from(i) / 4_000.0).collect();
        assert!(d_sys(&ramp, &ramp) < 1e-9);
        let apart: Vec<f64> = ramp.iter().map(|v| v + 2.0).collect();
        assert!((d_sys(&apart, &ramp) - 1.0).abs() < 1e-9);
        // Half of the mated where no stranger is, half as the strangers: m = s/2 there, so only the first half counts.
        let half: Vec<f64> = ramp
            .iter()
            .enumerate()
            .map(|(i, v)| if i % 2 == 0 { *v } else { v + 1.0 })
            .collect();
        assert!((d_sys(&half, &ramp) - 0.5).abs() < 0.02);
    }
}
