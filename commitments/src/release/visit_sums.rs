//! What one visit adds to the sums, and no more.

use regard_domain::Expression;
use serde::{Deserialize, Serialize};

// What is stored has been clamped to these already. Whoever lowers one waits until the rows of the day before are gone:
// until then the sensitivity would be too small for them.

/// Most looks of one visit that count. Origin: more than nine in ten visits in front of a screen have one or two.
pub const MAX_LOOKS: u64 = 5;

/// Longest looking of one visit that counts, in milliseconds. Origin: messages last ten to fifteen seconds.
pub const MAX_ATTENTION_MILLIS: u64 = 15_000;

/// Longest stay of one visit that counts, in milliseconds. Origin: whoever passes is in view for some seconds, whoever
/// waits for minutes; the noise grows with this number.
pub const MAX_DWELL_MILLIS: u64 = 60_000;

/// A visit that ended, as far as it is counted.
///
/// # Privacy
/// Of one visitor, without id or time; lives until it is added to the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VisitFacts {
    /// Looks.
    pub n_looks: u32,
    /// Seconds of looking, all looks together.
    pub looked_secs: f32,
    /// Seconds in view.
    pub dwell_secs: f32,
    /// The expression that was shown longest; nothing where none was sure enough, or none was analysed.
    pub expression: Option<Expression>,
}

/// Sums over visits, each clamped.
///
/// # Privacy
/// Sums over everyone; no track, no person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitSums {
    /// Visits that ended.
    pub visits: u64,
    /// Visits with at least one look.
    pub lookers: u64,
    /// Looks, at most [`MAX_LOOKS`] a visit.
    pub looks: u64,
    /// Milliseconds of looking, at most [`MAX_ATTENTION_MILLIS`] a visit.
    pub attention_millis: u64,
    /// Milliseconds in view, at most [`MAX_DWELL_MILLIS`] a visit.
    pub dwell_millis: u64,
    /// Visits by the expression shown longest, in the order of [`Expression::ALL`]; at most one a visit.
    pub expressions: [u64; Expression::ALL.len()],
}

/// Whole milliseconds up to a limit; what is no number is nothing.
fn clamped_millis(secs: f32, most: u64) -> u64 {
    // The cast saturates, takes what is below 0 as 0, and what is no number too.
    ((f64::from(secs) * 1e3).round() as u64).min(most)
}

impl VisitSums {
    /// What one visit adds.
    pub fn of(visit: &VisitFacts) -> Self {
        let looks = u64::from(visit.n_looks).min(MAX_LOOKS);
        let shown = |expression: Expression| u64::from(visit.expression == Some(expression));
        Self {
            visits: 1,
            lookers: u64::from(looks > 0),
            looks,
            attention_millis: clamped_millis(visit.looked_secs, MAX_ATTENTION_MILLIS),
            dwell_millis: clamped_millis(visit.dwell_secs, MAX_DWELL_MILLIS),
            expressions: Expression::ALL.map(shown),
        }
    }

    /// Adds the sums over other visits.
    pub fn add(&mut self, other: &Self) {
        let Self {
            visits,
            lookers,
            looks,
            attention_millis,
            dwell_millis,
            expressions,
        } = self;
        for (sum, more) in [
            (visits, other.visits),
            (lookers, other.lookers),
            (looks, other.looks),
            (attention_millis, other.attention_millis),
            (dwell_millis, other.dwell_millis),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in expressions.iter_mut().zip(other.expressions) {
            *sum = sum.saturating_add(more);
        }
    }
}
