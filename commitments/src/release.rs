//! What leaves the site about people: sums over a day, with noise, once.
//!
//! The unit of privacy is one visit: one track of one camera. Somebody who comes twice, or whom two cameras see, is two
//! visits. Each visit is clamped, counts in one cell alone, and so moves each statistic by no more than its sensitivity;
//! noise is added to every cell that the day, the site's cameras and the calendar name, whether or not anyone came.

mod table;
mod visit_sums;

use std::fmt;
use std::str::FromStr;

use regard_domain::{CameraId, Expression, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::date::Date;
use crate::epsilon::Epsilon;
use crate::refusal::{Refusal, RefusalCode};
use crate::retention::{DataKind, Retained};

pub use visit_sums::{MAX_ATTENTION_MILLIS, MAX_DWELL_MILLIS, MAX_LOOKS, VisitFacts, VisitSums};

/// Visits, noise included, below which nothing is told of a cell. Decided on what is released anyhow, so that it costs
/// nothing. Origin: the least cell that statistical offices publish without a look is commonly ten.
pub const MIN_CELL_VISITS: u64 = 10;

/// How finely a day is told. Each is a release of its own, with its own price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The whole day in front of each camera.
    Day,
    /// Each hour of it.
    Hours,
}

/// A text that names no detail.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a detail; expected day or hours")]
pub struct BadDetail(String);

impl Detail {
    /// The refusal of a release of this detail about a day of whose budget so much is spent.
    pub fn refusal(self, day: Date, spent: Epsilon, granted: Epsilon) -> Refusal {
        let cost = self.cost();
        Refusal::new(
            RefusalCode::PrivacyBudgetSpent,
            format!(
                "{spent} of the {granted} that may be told about {day} is spent, and \"{self}\" costs {cost}"
            ),
            "read what was released about that day, or sign commitments with a larger epsilon_per_day under [statistics]",
        )
    }
}

impl Detail {
    /// Every one, the coarse first.
    pub const ALL: [Self; 2] = [Self::Day, Self::Hours];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hours => "hours",
        }
    }

    /// What its release costs of the budget of the day. Both together cost 1, the budget that profiles begin with; hours
    /// get the greater part, as each has fewer visits to hide the same noise in.
    pub const fn cost(self) -> Epsilon {
        match self {
            Self::Day => Epsilon::from_micros(400_000),
            Self::Hours => Epsilon::from_micros(600_000),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Detail {
    type Err = BadDetail;
    fn from_str(text: &str) -> Result<Self, BadDetail> {
        let known = Self::ALL.into_iter().find(|detail| detail.as_str() == text);
        known.ok_or_else(|| BadDetail(text.chars().take(40).collect()))
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Visits that ended.
    Visits,
    /// Visits with at least one look.
    Lookers,
    /// Looks.
    Looks,
    /// Milliseconds of looking.
    AttentionMillis,
    /// Milliseconds in view.
    DwellMillis,
    /// Visits by the expression that was shown longest.
    Expressions,
}

impl Statistic {
    /// Every one, in order.
    pub const ALL: [Self; 6] = [
        Self::Visits,
        Self::Lookers,
        Self::Looks,
        Self::AttentionMillis,
        Self::DwellMillis,
        Self::Expressions,
    ];

    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visits => "visits",
            Self::Lookers => "lookers",
            Self::Looks => "looks",
            Self::AttentionMillis => "attention_millis",
            Self::DwellMillis => "dwell_millis",
            Self::Expressions => "expressions",
        }
    }

    /// By how much one visit more or less moves it at most, all cells together (the L1 distance).
    pub const fn sensitivity(self) -> u64 {
        match self {
            Self::Visits | Self::Lookers | Self::Expressions => 1,
            Self::Looks => MAX_LOOKS,
            Self::AttentionMillis => MAX_ATTENTION_MILLIS,
            Self::DwellMillis => MAX_DWELL_MILLIS,
        }
    }

    /// Its part of the price of a release, in hundredths. Visits get most: the means of the others are shares of them.
    const fn percent(self) -> u64 {
        match self {
            Self::Visits => 25,
            Self::Expressions => 20,
            Self::Lookers | Self::AttentionMillis | Self::DwellMillis => 15,
            Self::Looks => 10,
        }
    }

    /// What is spent on it by a release.
    pub const fn epsilon(self, detail: Detail) -> Epsilon {
        detail.cost().percent(self.percent())
    }

    fn values(self, sums: &VisitSums) -> Vec<u64> {
        match self {
            Self::Visits => vec![sums.visits],
            Self::Lookers => vec![sums.lookers],
            Self::Looks => vec![sums.looks],
            Self::AttentionMillis => vec![sums.attention_millis],
            Self::DwellMillis => vec![sums.dwell_millis],
            Self::Expressions => sums.expressions.to_vec(),
        }
    }
}

/// True sums of one cell: one camera, one hour or the whole day.
///
/// # Privacy
/// Sums over everyone; exact, so that they stay on the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// In front of which camera.
    pub camera: CameraId,
    /// Hours since the local day began, from 0; nothing for the whole day. A day on which the clock is put back has 25.
    pub hour: Option<u8>,
    /// What was counted.
    pub sums: VisitSums,
}

/// Values that noise is to be added to, and what they may tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoiseQuery {
    /// The true values.
    pub values: Vec<i64>,
    /// By how much one visit more or less moves them at most, all together.
    pub sensitivity: u64,
    /// What may be spent on them.
    pub epsilon: Epsilon,
}

/// Adds noise. Stands outside of this room, as chance does.
pub trait Noise {
    /// Why it could not.
    type Error;

    /// The values of each query with noise of the discrete Laplace distribution, and never more spent on all of them
    /// together than `total`.
    ///
    /// # Errors
    /// When there is no chance to be had, or the price would be exceeded; nothing may be shown then.
    fn add(&self, queries: &[NoiseQuery], total: Epsilon) -> Result<Vec<Vec<i64>>, Self::Error>;
}

/// How far the noise of a statistic reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseLevel {
    /// Of which statistic.
    pub statistic: Statistic,
    /// By how much one visit moves it at most.
    pub sensitivity: u64,
    /// What was spent on it.
    pub epsilon: Epsilon,
    /// In 95 of 100 cells the noise is no larger than this.
    pub margin_95: u64,
}

impl NoiseLevel {
    fn of(statistic: Statistic, detail: Detail) -> Self {
        let (sensitivity, epsilon) = (statistic.sensitivity(), statistic.epsilon(detail));
        let scale = sensitivity as f64 / epsilon.as_f64();
        Self {
            statistic,
            sensitivity,
            epsilon,
            // P(|X| > m) is at most e^(-m/scale) for the discrete Laplace distribution: 5 % at ln 20 scales.
            margin_95: (scale * 20_f64.ln()).ceil() as u64,
        }
    }
}

/// What is told of a cell: noised, never negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoisedSums {
    /// Visits that ended.
    pub visits: u64,
    /// Visits with at least one look.
    pub lookers: u64,
    /// Looks.
    pub looks: u64,
    /// Milliseconds of looking, all visits together.
    pub attention_millis: u64,
    /// Milliseconds of looking a visit: the one above by the visits above.
    pub mean_attention_millis: u64,
    /// Milliseconds in view, all visits together.
    pub dwell_millis: u64,
    /// Milliseconds in view a visit.
    pub mean_dwell_millis: u64,
    /// Visits by the expression shown longest, in the order of `Expression::ALL`; the rest of the visits showed none for sure.
    pub expressions: [u64; Expression::ALL.len()],
}

/// A cell as it was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedCell {
    /// In front of which camera.
    pub camera: CameraId,
    /// Hours since the local day began; nothing for the whole day.
    pub hour: Option<u8>,
    /// The numbers; nothing where too few came to tell.
    pub sums: Option<NoisedSums>,
}

/// What was told of a day. Made once; whoever asks again gets the same.
///
/// # Privacy
/// ε-differentially private with δ = 0, for one visit more or less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Which day, in the calendar of the site.
    pub day: Date,
    /// How finely.
    pub detail: Detail,
    /// When it was made.
    pub at: Timestamp,
    /// What it cost.
    pub epsilon: Epsilon,
    /// How far the noise reaches, by statistic.
    pub noise: Vec<NoiseLevel>,
    /// The cells, by camera and hour; all of them, whether or not anyone came.
    pub cells: Vec<ReleasedCell>,
}

impl Retained for Release {
    const KIND: DataKind = DataKind::Release;
}

/// Whether a release found room in the budget of its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spending {
    /// It is kept and paid.
    Paid,
    /// One of that day and detail was made before: this one counts.
    MadeBefore(Box<Release>),
    /// It would cost more than is left; so much is spent.
    Exceeds(Epsilon),
}

impl Release {
    /// Adds noise to the sums of a day.
    ///
    /// `cells` must have every cell of the day, the empty ones too: which cells there are must not depend on who came.
    ///
    /// # Errors
    /// Those of the noise.
    pub fn make<N: Noise>(
        (day, detail): (Date, Detail),
        at: Timestamp,
        cells: &[Cell],
        noise: &N,
    ) -> Result<Self, N::Error> {
        let query = |statistic: Statistic| NoiseQuery {
            values: cells
                .iter()
                .flat_map(|cell| statistic.values(&cell.sums))
                .map(|value| i64::try_from(value).unwrap_or(i64::MAX))
                .collect(),
            sensitivity: statistic.sensitivity(),
            epsilon: statistic.epsilon(detail),
        };
        let queries = Statistic::ALL.map(query);
        let noised = noise.add(&queries, detail.cost())?;
        let value = |statistic: Statistic, place: usize| {
            let values = noised.get(statistic as usize);
            let value = values.and_then(|values| values.get(place));
            // What is below nothing is nothing: of what was released anyhow, so that it costs nothing.
            value.map_or(0, |value| u64::try_from(*value).unwrap_or(0))
        };
        let told = |place: usize| {
            let of = |statistic| value(statistic, place);
            let visits = of(Statistic::Visits);
            let (attention, dwell) = (of(Statistic::AttentionMillis), of(Statistic::DwellMillis));
            (visits >= MIN_CELL_VISITS).then(|| NoisedSums {
                visits,
                lookers: of(Statistic::Lookers),
                looks: of(Statistic::Looks),
                attention_millis: attention,
                mean_attention_millis: attention / visits,
                dwell_millis: dwell,
                mean_dwell_millis: dwell / visits,
                expressions: std::array::from_fn(|i| {
                    value(Statistic::Expressions, place * Expression::ALL.len() + i)
                }),
            })
        };
        let released = cells.iter().enumerate().map(|(place, cell)| ReleasedCell {
            camera: cell.camera.clone(),
            hour: cell.hour,
            sums: told(place),
        });
        Ok(Self {
            day,
            detail,
            at,
            epsilon: detail.cost(),
            noise: Statistic::ALL
                .map(|statistic| NoiseLevel::of(statistic, detail))
                .to_vec(),
            cells: released.collect(),
        })
    }

    /// What was spent on releases, all together.
    pub fn spent<'a>(releases: impl IntoIterator<Item = &'a Self>) -> Epsilon {
        releases
            .into_iter()
            .fold(Epsilon::ZERO, |sum, release| sum.plus(release.epsilon))
    }
}

#[cfg(test)]
mod tests;
