//! What is told about a day, with noise.

use std::collections::BTreeMap;

use regard_commitments::{
    MIN_CELL_VISITS, NoiseLevel, NoisedSums, Release, ReleasedCell, Statistic,
};
use regard_domain::{CameraId, Expression, ScreenId};
use regard_engine::PrivacyBudget;
use serde::Serialize;
use utoipa::ToSchema;

/// How far the noise of one number reaches.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct NoiseBody {
    /// By how much one visit moves it at most, all cells together; longer visits count as if they were that long.
    sensitivity: f64,
    /// What was spent on it.
    epsilon: String,
    /// In 95 of 100 cells the noise is no larger than this.
    margin_95: f64,
}

/// The numbers of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SumsBody {
    /// Visits that ended. Somebody who comes twice, or whom two cameras see, is two visits.
    visits: u64,
    /// Visits with at least one look.
    lookers: u64,
    /// Looks.
    looks: u64,
    /// Seconds of looking, all visits together.
    attention_secs: f64,
    /// Seconds of looking a visit.
    mean_attention_secs: f64,
    /// Seconds in view, all visits together.
    dwell_secs: f64,
    /// Seconds in view a visit.
    mean_dwell_secs: f64,
    /// Visits by the expression that was shown longest. The rest showed none for sure.
    #[schema(value_type = BTreeMap<String, u64>)]
    expressions: BTreeMap<&'static str, u64>,
}

/// One camera, one hour or the whole day.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CellBody {
    camera: String,
    /// The screens whose audience it watches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    screens: Vec<String>,
    /// Hours since the local day began; nothing for the whole day.
    hour: Option<u8>,
    /// Nothing where too few came to tell.
    sums: Option<SumsBody>,
}

/// What was told about a day. Made once; whoever asks again gets the same.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatisticsBody {
    /// Which day, in the calendar of the site.
    day: String,
    /// `day` or `hours`.
    detail: &'static str,
    /// When it was made.
    made_at_micros: i64,
    /// What it may tell about one visit: it changes the probability of any conclusion by the factor e^epsilon at most.
    epsilon: String,
    /// The probability with which that may fail: never.
    delta: &'static str,
    /// What is protected: one visit, that is one track of one camera.
    unit: &'static str,
    /// How the noise is distributed.
    mechanism: &'static str,
    /// Visits, noise included, below which a cell is not told.
    min_cell_visits: u64,
    /// By number.
    #[schema(value_type = BTreeMap<String, NoiseBody>)]
    noise: BTreeMap<&'static str, NoiseBody>,
    cells: Vec<CellBody>,
}

fn secs(millis: u64) -> f64 {
    millis as f64 / 1e3
}

/// Its name here, and what its unit is in the unit here.
const fn named(statistic: Statistic) -> (&'static str, f64) {
    match statistic {
        Statistic::Visits => ("visits", 1.0),
        Statistic::Lookers => ("lookers", 1.0),
        Statistic::Looks => ("looks", 1.0),
        Statistic::AttentionMillis => ("attention_secs", 1e3),
        Statistic::DwellMillis => ("dwell_secs", 1e3),
        Statistic::Expressions => ("expressions", 1.0),
    }
}

fn noise(level: &NoiseLevel) -> (&'static str, NoiseBody) {
    let (name, units) = named(level.statistic);
    let body = NoiseBody {
        sensitivity: level.sensitivity as f64 / units,
        epsilon: level.epsilon.to_string(),
        margin_95: level.margin_95 as f64 / units,
    };
    (name, body)
}

fn sums(sums: &NoisedSums) -> SumsBody {
    let names = Expression::ALL.map(Expression::name);
    SumsBody {
        visits: sums.visits,
        lookers: sums.lookers,
        looks: sums.looks,
        attention_secs: secs(sums.attention_millis),
        mean_attention_secs: secs(sums.mean_attention_millis),
        dwell_secs: secs(sums.dwell_millis),
        mean_dwell_secs: secs(sums.mean_dwell_millis),
        expressions: names.into_iter().zip(sums.expressions).collect(),
    }
}

impl StatisticsBody {
    /// A release, and which screens each camera watches for, where that is known.
    pub fn of(release: &Release, screens: &BTreeMap<CameraId, Vec<ScreenId>>) -> Self {
        let cell = |cell: &ReleasedCell| CellBody {
            camera: cell.camera.to_string(),
            screens: screens
                .get(&cell.camera)
                .into_iter()
                .flatten()
                .map(ToString::to_string)
                .collect(),
            hour: cell.hour,
            sums: cell.sums.as_ref().map(sums),
        };
        Self {
            day: release.day.to_string(),
            detail: release.detail.as_str(),
            made_at_micros: release.at.as_micros(),
            epsilon: release.epsilon.to_string(),
            delta: "0",
            unit: "visit",
            mechanism: "discrete Laplace",
            min_cell_visits: MIN_CELL_VISITS,
            noise: release.noise.iter().map(noise).collect(),
            cells: release.cells.iter().map(cell).collect(),
        }
    }
}

/// What was told, without the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReleaseLine {
    /// About which day.
    day: String,
    /// `day` or `hours`.
    detail: &'static str,
    made_at_micros: i64,
    epsilon: String,
}

/// What may be told about one day, and what was.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct BudgetBody {
    /// About which day: yesterday, which is told of today.
    day: String,
    /// What its releases cost so far.
    spent: String,
    /// What they may cost together, by the commitments in force.
    granted: String,
}

/// The budget, and the releases of the last month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StatisticsList {
    /// Nothing while the clock stands outside of the calendar.
    budget: Option<BudgetBody>,
    /// In order of day and detail.
    releases: Vec<ReleaseLine>,
}

impl StatisticsList {
    pub(crate) fn of(budget: Option<PrivacyBudget>, releases: &[Release]) -> Self {
        let line = |release: &Release| ReleaseLine {
            day: release.day.to_string(),
            detail: release.detail.as_str(),
            made_at_micros: release.at.as_micros(),
            epsilon: release.epsilon.to_string(),
        };
        Self {
            budget: budget.map(|budget| BudgetBody {
                day: budget.day.to_string(),
                spent: budget.spent.to_string(),
                granted: budget.granted.to_string(),
            }),
            releases: releases.iter().map(line).collect(),
        }
    }
}
