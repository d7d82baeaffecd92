//! What the messages of a day did.

use regard_decision::{Count, Mean, PlayStats};
use serde::Serialize;
use utoipa::ToSchema;

/// Level of the intervals.
const CONFIDENCE: f64 = 0.95;

/// A mean with its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Interval {
    /// Nothing when nothing was measured.
    pub(crate) mean: Option<f64>,
    /// Lower end; nothing where too few values are known to tell.
    pub(crate) low: Option<f64>,
    /// Upper end.
    pub(crate) high: Option<f64>,
    /// How many plays were measured.
    pub(crate) n: u64,
}

impl From<Option<Mean>> for Interval {
    fn from(mean: Option<Mean>) -> Self {
        mean.map_or_else(Self::default, |mean| Self {
            mean: Some(mean.mean),
            low: mean.interval.map(|(low, _)| low),
            high: mean.interval.map(|(_, high)| high),
            n: mean.n,
        })
    }
}

/// A count over all plays with its interval; plays that were not measured are estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct CountInterval {
    /// Nothing when nothing was measured.
    pub(crate) count: Option<f64>,
    /// Lower end.
    pub(crate) low: Option<f64>,
    /// Upper end.
    pub(crate) high: Option<f64>,
    /// How many plays were measured.
    pub(crate) n: u64,
}

impl From<Option<Count>> for CountInterval {
    fn from(count: Option<Count>) -> Self {
        count.map_or_else(Self::default, |count| Self {
            count: Some(count.count),
            low: Some(count.interval.0),
            high: Some(count.interval.1),
            n: count.n_measured,
        })
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReportRow {
    /// Nothing for the default message.
    pub(crate) campaign: Option<String>,
    pub(crate) creative: String,
    /// How often it was shown.
    pub(crate) plays: u64,
    /// How long altogether.
    pub(crate) shown_secs: f64,
    /// Opportunities to see: plays with anyone in view.
    pub(crate) opportunities: CountInterval,
    /// Seconds looked at a play, summed over visitors.
    pub(crate) attention_secs: Interval,
    /// Mean probability of a smile less that before, a play.
    pub(crate) smile_lift: Interval,
    /// Seconds with anyone in view a play.
    pub(crate) dwell_secs: Interval,
}

/// What the messages of the present day of the site did.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Report {
    /// When the day began.
    since_micros: i64,
    /// By campaign and message, the default message first.
    pub(crate) rows: Vec<ReportRow>,
    /// Level of the intervals.
    confidence: f64,
    /// `exact`, or `withheld` where what was measured of people is left out: plays and their time count screens.
    people: &'static str,
}

impl Report {
    /// What counts screens alone.
    pub(crate) fn without_people(mut self) -> Self {
        for row in &mut self.rows {
            row.opportunities = CountInterval::default();
            row.attention_secs = Interval::default();
            row.smile_lift = Interval::default();
            row.dwell_secs = Interval::default();
        }
        self.people = "withheld";
        self
    }
}

/// The report of statistics.
pub(crate) fn report(since: regard_domain::Timestamp, stats: &[PlayStats]) -> Report {
    let rows = stats.iter().map(|one| ReportRow {
        campaign: one.campaign.as_ref().map(ToString::to_string),
        creative: one.creative.to_string(),
        plays: one.n_plays,
        shown_secs: one.shown_secs,
        opportunities: one.opportunities.into(),
        attention_secs: one.attention_secs.into(),
        smile_lift: one.smile_lift.into(),
        dwell_secs: one.dwell_secs.into(),
    });
    Report {
        since_micros: since.as_micros(),
        rows: rows.collect(),
        confidence: CONFIDENCE,
        people: "exact",
    }
}
