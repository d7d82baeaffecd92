//! What recognition gets wrong, and what came of attempts, for those who run the site.

use regard_commitments::RefusalCode;
use regard_engine::Attempt;
use regard_identity::{MatchScale, SearchAnswer, TargetRate, Threshold};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ModeWire, RateWire, ThresholdWire};

/// Rates of false matches that claims can be decided at, the most frequent first.
pub(crate) const VERIFY_RATES: [f64; 4] = [1e-3, 1e-4, 1e-5, 1e-6];

/// How many are enrolled in the galleries that operating points are told for.
pub(crate) const SIZES: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// An operating point of one-to-one comparisons, or a row of the curve.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct OperatingPointWire {
    /// From where on two faces count as one person, and what that costs.
    pub(crate) threshold: ThresholdWire,
    /// 95 % interval of the similarity at which the false match rate is this one.
    pub(crate) low: f32,
    /// Its upper end.
    pub(crate) high: f32,
}

impl From<Threshold> for OperatingPointWire {
    fn from(threshold: Threshold) -> Self {
        let (low, high) = threshold.interval;
        Self {
            threshold: threshold.into(),
            low: low.get(),
            high: high.get(),
        }
    }
}

/// An operating point of searches.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct OpenSetPointWire {
    /// How many are enrolled.
    pub(crate) n_persons: u64,
    /// Of one comparison: the more are enrolled, the nearer somebody has to be.
    pub(crate) threshold: ThresholdWire,
    /// Share of searches by somebody who is not enrolled that find somebody all the same.
    pub(crate) fpir: RateWire,
    /// Share of searches by somebody who is enrolled that do not find them.
    pub(crate) fnir: RateWire,
}

impl OpenSetPointWire {
    /// The point for a gallery of that many.
    pub(crate) fn of(scale: &MatchScale, n_persons: u64, target: TargetRate) -> Self {
        let decided = scale.identify(&SearchAnswer::of_nobody(n_persons), target);
        Self {
            n_persons,
            threshold: decided.threshold.into(),
            fpir: decided.fpir.into(),
            fnir: decided.fnir.into(),
        }
    }
}

/// The error trade-off (DET) curve stored with the network, and the points at which is decided.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CurveWire {
    /// On which faces it was measured.
    pub(crate) measured_on: String,
    /// False match rate of claims where nobody says another.
    pub(crate) verify_fmr: f64,
    /// The same of searches.
    pub(crate) identify_fpir: f64,
    /// Rows of the curve, from frequent false matches to rare ones.
    pub(crate) rows: Vec<OperatingPointWire>,
    /// Claims, at each rate that can be asked for.
    pub(crate) verify: Vec<OperatingPointWire>,
    /// Searches at `identify_fpir`, by how many are enrolled.
    pub(crate) identify: Vec<OpenSetPointWire>,
}

impl CurveWire {
    /// The curve of a network at the rates of a site.
    pub(crate) fn of(scale: &MatchScale, fmr: TargetRate, fpir: TargetRate) -> Self {
        let rates = VERIFY_RATES.into_iter().filter_map(TargetRate::new);
        Self {
            measured_on: scale.data().to_owned(),
            verify_fmr: fmr.get(),
            identify_fpir: fpir.get(),
            rows: scale.rows().into_iter().map(Into::into).collect(),
            verify: rates.map(|rate| scale.threshold(rate).into()).collect(),
            identify: SIZES
                .iter()
                .map(|n| OpenSetPointWire::of(scale, *n, fpir))
                .collect(),
        }
    }
}

/// An attempt at recognition: of nobody in particular.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct AttemptWire {
    /// When it ended, microseconds since 1970-01-01 in UTC.
    pub(crate) at: i64,
    /// `enroll`, `verify`, `identify`, `library` or `attested`.
    pub(crate) kind: String,
    /// `accepted`, `not_matched`, `refused`, `given_up`, `ran_out` or `failed`.
    pub(crate) outcome: &'static str,
    /// The rule that said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// Checks for prints and replays that failed.
    pub(crate) faults: Vec<&'static str>,
    /// Milliseconds from the act before a camera of the site to the answer; null where pictures came from elsewhere.
    pub(crate) took_millis: Option<u64>,
}

impl From<Attempt> for AttemptWire {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: attempt.at.as_micros(),
            kind: attempt.kind.to_string(),
            outcome: attempt.outcome.as_str(),
            code: attempt.outcome.code().map(RefusalCode::as_str),
            faults: attempt.faults.iter().map(|fault| fault.as_str()).collect(),
            took_millis: attempt
                .took
                .map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// Attempts of the last day.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptsWire {
    /// The newest first. They are kept in memory for a day, 500 of a kind at most, and end with the program.
    pub(crate) attempts: Vec<AttemptWire>,
}

/// Parameters of a list of attempts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttemptsParams {
    /// How many, at most 500; 100 when left out.
    pub(crate) limit: Option<usize>,
}

/// Why somebody is looked for at a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SearchReason {
    /// They lost the token of their record.
    LostToken,
    /// They want to see, correct or erase what is held.
    Rights,
    /// They say that they were taken for somebody else, or not found.
    Mistaken,
}

impl SearchReason {
    /// The stable name, as the ledger's subject is made of it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::LostToken => "lost_token",
            Self::Rights => "rights",
            Self::Mistaken => "mistaken",
        }
    }
}

/// A search at the desk, for somebody who stands there and asked for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDeskSearch {
    /// Why.
    pub(crate) reason: SearchReason,
    /// Whether the person in the pictures is there and asked to be looked for.
    pub(crate) has_asked: bool,
    /// Share of searches by strangers that find somebody; left out: the site's.
    pub(crate) fpir: Option<f64>,
    /// How pictures will come; left out: photographs, one by one.
    #[serde(default = "photos")]
    pub(crate) mode: ModeWire,
}

const fn photos() -> ModeWire {
    ModeWire::Photos {}
}
