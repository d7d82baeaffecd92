//! Error curves over all pairs of a set.

use std::collections::BTreeMap;

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use regard_commitments::{Grant, Recognition};

use super::lfw::Set;

/// Similarity below which pairs of strangers are only counted: a tenth of them lies above .2.
const TAIL_FROM: f64 = 0.2;

/// Similarities of all pairs of a set.
pub(super) struct Scores {
    /// Pairs of strangers above [`TAIL_FROM`], the nearest first, with the numbers of the two people.
    pub strangers: Vec<(f64, u32, u32)>,
    /// Pairs of strangers, all told.
    pub n_strangers: u64,
    /// Pairs of one person, the farthest first.
    pub same: Vec<(f64, u32)>,
    /// Pictures of each person.
    pub n_pictures: Vec<u64>,
    /// Mean and deviation over all pairs of strangers.
    pub strangers_mean: f64,
    pub strangers_deviation: f64,
    /// Similarities of pairs of strangers in a thousandth of all pairs, whatever they are.
    pub sample: Vec<f64>,
}

/// Share of strangers' pairs kept as a sample of the whole curve.
const SAMPLE_EVERY: u64 = 100;

impl Scores {
    /// Of all pairs of faces.
    pub(super) fn of(set: &Set) -> Result<Self> {
        let key = Grant::<Recognition>::for_evaluation();
        let faces: Vec<_> = set
            .faces
            .iter()
            .map(|((name, _), face)| (name.as_str(), face))
            .collect();
        Self::collect(&faces, |a, b| Ok(f64::from(a.similarity(b, &key)?.get())))
    }

    /// Of all pairs of things that belong to someone.
    pub(super) fn collect<T>(
        things: &[(&str, T)],
        similarity: impl Fn(&T, &T) -> Result<f64>,
    ) -> Result<Self> {
        let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let mut n_pictures = Vec::new();
        let mut whose = Vec::with_capacity(things.len());
        for (name, _) in things {
            let number = *numbers.entry(name).or_insert_with(|| {
                n_pictures.push(0);
                n_pictures.len() as u32 - 1
            });
            n_pictures[number as usize] += 1;
            whose.push(number);
        }
        let (mut strangers, mut same, mut sample) = (Vec::new(), Vec::new(), Vec::new());
        let (mut n, mut sum, mut squares) = (0_u64, 0.0, 0.0);
        for (i, (_, a)) in things.iter().enumerate() {
            for (j, (_, b)) in things.iter().enumerate().skip(i + 1) {
                let s = similarity(a, b)?;
                if whose[i] == whose[j] {
                    same.push((s, whose[i]));
                    continue;
                }
                n += 1;
                sum += s;
                squares += s * s;
                if s >= TAIL_FROM {
                    strangers.push((s, whose[i], whose[j]));
                }
                if n.is_multiple_of(SAMPLE_EVERY) {
                    sample.push(s);
                }
            }
        }
        strangers.sort_by(|a, b| b.0.total_cmp(&a.0));
        same.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mean = sum / n as f64;
        Ok(Self {
            strangers,
            n_strangers: n,
            same,
            n_pictures,
            strangers_mean: mean,
            strangers_deviation: (squares / n as f64 - mean * mean).sqrt(),
            sample,
        })
    }

    /// The least similarity at which at most this share of strangers' pairs match.
    pub(super) fn threshold(&self, fmr: f64) -> f64 {
        let rank = (fmr * self.n_strangers as f64) as usize;
        self.strangers
            .get(rank.saturating_sub(1))
            .map_or(TAIL_FROM, |(s, ..)| *s)
    }

    /// Share of strangers' pairs at or above a similarity (of at least [`TAIL_FROM`]).
    pub(super) fn fmr(&self, threshold: f64) -> f64 {
        let n = self.strangers.partition_point(|(s, ..)| *s >= threshold);
        n as f64 / self.n_strangers as f64
    }

    /// Share of pairs of one person below a similarity.
    pub(super) fn fnmr(&self, threshold: f64) -> f64 {
        let n = self.same.partition_point(|(s, _)| *s < threshold);
        n as f64 / self.same.len().max(1) as f64
    }

    /// How often each person is drawn when as many as there are are drawn with putting back: pairs of one person hang
    /// together, so that people are drawn anew and not pairs.
    pub(super) fn draw_people(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let n = self.n_pictures.len();
        let mut drawn = vec![0.0; n];
        for _ in 0..n {
            // The bias of the remainder is n / 2^64.
            drawn[(rng.next_u64() % n as u64) as usize] += 1.0;
        }
        drawn
    }

    /// Pairs of strangers when people are drawn so often.
    pub(super) fn n_strangers_of(&self, drawn: &[f64]) -> f64 {
        let counts = || self.n_pictures.iter().zip(drawn);
        let all: f64 = counts().map(|(n, w)| *n as f64 * w).sum();
        let own: f64 = counts().map(|(n, w)| (*n as f64 * w).powi(2)).sum();
        (all * all - own) / 2.0
    }

    /// Share of pairs of one person below a similarity, when people are drawn so often.
    pub(super) fn fnmr_of(&self, drawn: &[f64], threshold: f64) -> f64 {
        let (mut below, mut all) = (0.0, 0.0);
        for (s, person) in &self.same {
            let weight = drawn[*person as usize];
            all += weight;
            if *s < threshold {
                below += weight;
            }
        }
        below / f64::max(all, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn scores() -> Scores {
        // On a line: similarity is one less the distance.
        let things = [("a", 0.0), ("a", 0.05), ("b", 0.5), ("b", 0.6), ("c", 0.62)];
        Scores::collect(&things, |x, y| Ok(1.0 - (x - y as &f64).abs())).unwrap()
    }

    #[test]
    fn rates_are_counts() {
        let scores = scores();
        assert_eq!((scores.n_strangers, scores.same.len()), (8, 2));
        // The nearest strangers: .98 (b, c), .88 (b, c), .55 (a, b) ...
        assert_eq!(scores.fmr(0.9), 1.0 / 8.0);
        assert_eq!(scores.fmr(0.8), 2.0 / 8.0);
        assert!((scores.threshold(2.0 / 8.0) - 0.88).abs() < 1e-12);
        assert_eq!(scores.fnmr(0.92), 0.5);
    }

    #[test]
    fn drawing_everybody_once_is_the_set_itself() {
        let scores = scores();
        assert_eq!(scores.n_strangers_of(&[1.0; 3]), 8.0);
        assert_eq!(scores.fnmr_of(&[1.0; 3], 0.92), 0.5);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(scores.draw_people(&mut rng).iter().sum::<f64>(), 3.0);
    }
}
