//! Whether a log can carry an estimate at all.

use serde::Serialize;

use crate::estimate::Sample;
use crate::log::Log;

/// Least effective plays below which an estimate says little.
///
/// # Source
/// A mean of so few coin tosses has an interval of ±.1.
const FEW_EFFECTIVE: f64 = 100.0;

/// Deviations by which what should be 1 or 0 may miss it: once in 10,000 logs by chance, for each check.
const SUSPICIOUS: f64 = 3.9;

/// What the weights of a log say about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Plays.
    pub n_plays: usize,
    /// Plays that the weights leave: `(Σw)² / Σw²` (Kish 1965).
    pub effective_plays: f64,
    /// Mean weight; 1 when the logged probabilities are those that were drawn by.
    pub mean_weight: f64,
    /// How many of its standard errors it lies from 1.
    pub mean_weight_off_by: f64,
    /// Greatest weight.
    pub max_weight: f64,
    /// Part of the other policy's choices that the log could never make.
    pub unsupported: f64,
    /// The option whose frequency misses its logged probabilities most, and by how many standard
    /// errors; nothing when the log does not tell all probabilities.
    pub worst_option: Option<(String, f64)>,
    /// What to beware of, in words.
    pub warnings: Vec<String>,
}

impl Diagnosis {
    /// Looks at a log and the samples made of it.
    pub fn of(log: &Log, samples: &[Sample]) -> Self {
        let n = samples.len().max(1) as f64;
        let weights: Vec<f64> = samples.iter().map(Sample::weight).collect();
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        let mean_weight = sum / n;
        let variance = (squares / n - mean_weight * mean_weight).max(0.0);
        let error = (variance / n).sqrt();
        let off_by = if error > 0.0 {
            (mean_weight - 1.0) / error
        } else {
            0.0
        };
        let unsupported = log.plays().iter().zip(samples).map(|(play, sample)| {
            let cannot = play.options.iter().zip(&sample.target);
            let cannot = cannot.filter(|(option, _)| option.propensity == Some(0.0));
            cannot.map(|(_, p)| p).sum::<f64>()
        });
        let unsupported = unsupported.sum::<f64>() / n;
        let mut diagnosis = Self {
            n_plays: samples.len(),
            effective_plays: if squares > 0.0 {
                sum * sum / squares
            } else {
                0.0
            },
            mean_weight,
            mean_weight_off_by: off_by,
            max_weight: weights.iter().copied().fold(0.0, f64::max),
            unsupported,
            worst_option: worst_option(log),
            warnings: Vec::new(),
        };
        diagnosis.warnings = diagnosis.warn();
        diagnosis
    }

    fn warn(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.effective_plays < FEW_EFFECTIVE {
            warnings.push(format!(
                "only {:.0} effective plays of {}: the policies differ too much, or the log is too short",
                self.effective_plays, self.n_plays
            ));
        }
        if self.unsupported > 0.0 {
            warnings.push(format!(
                "{:.1} % of the choices could never be made when the log was: estimates leave them out (IPS) or rest on the model (DM, DR)",
                self.unsupported * 100.0
            ));
        }
        if self.mean_weight_off_by.abs() > SUSPICIOUS && self.unsupported == 0.0 {
            warnings.push(format!(
                "weights have a mean of {:.3}, {:.1} standard errors from 1: the logged probabilities are not those that were drawn by",
                self.mean_weight, self.mean_weight_off_by
            ));
        }
        if let Some((id, off_by)) = &self.worst_option
            && off_by.abs() > SUSPICIOUS
        {
            warnings.push(format!(
                "{id} was chosen {:.1} standard errors off its logged probabilities",
                off_by
            ));
        }
        warnings
    }
}

fn worst_option(log: &Log) -> Option<(String, f64)> {
    let mut by_option = std::collections::BTreeMap::<&str, (f64, f64)>::new();
    for play in log.plays() {
        for (k, option) in play.options.iter().enumerate() {
            let p = option.propensity?;
            let (excess, variance) = by_option.entry(&option.id).or_default();
            *excess += f64::from(u8::from(k == play.chosen)) - p;
            *variance += p * (1.0 - p);
        }
    }
    let off_by = |(excess, variance): (f64, f64)| excess / variance.max(1e-12).sqrt();
    // Below nine expected changes of mind the normal approximation does not hold.
    let known = by_option
        .into_iter()
        .filter(|(_, (_, variance))| *variance >= 9.0);
    known
        .map(|(id, sums)| (id.to_owned(), off_by(sums)))
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
}
