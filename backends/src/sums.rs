//! Adding up, the same for every store.

use std::collections::BTreeMap;

use regard_decision::{OutcomeKind, PlayRow};
use regard_domain::{CampaignId, CreativeId, PlayId};

use crate::{CreativeReport, MinuteAggregate, Sums};

impl Sums {
    /// Adds one measurement.
    pub fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
        self.sum_squares += value * value;
    }

    /// Adds those of another stretch.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.sum_squares += other.sum_squares;
    }

    /// Mean; nothing of nothing.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }

    /// Unbiased variance of one measurement; nothing of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        let n = self.n as f64;
        // Rounding can make the difference of two near numbers negative.
        (self.n > 1).then(|| ((self.sum_squares - self.sum * self.sum / n) / (n - 1.0)).max(0.0))
    }
}

/// Collects what several queries say about each message.
#[derive(Default)]
pub(crate) struct ReportBuilder(BTreeMap<(Option<CampaignId>, CreativeId), Line>);

#[derive(Default)]
struct Line {
    plays: u64,
    shown_millis: u64,
    outcomes: BTreeMap<String, Sums>,
}

impl ReportBuilder {
    pub(crate) fn plays(
        &mut self,
        campaign: Option<CampaignId>,
        creative: CreativeId,
        plays: u64,
        shown_millis: u64,
    ) {
        let line = self.0.entry((campaign, creative)).or_default();
        line.plays += plays;
        line.shown_millis += shown_millis;
    }

    pub(crate) fn outcome(
        &mut self,
        campaign: Option<CampaignId>,
        creative: CreativeId,
        kind: String,
        sums: Sums,
    ) {
        let line = self.0.entry((campaign, creative)).or_default();
        line.outcomes.entry(kind).or_default().merge(&sums);
    }

    pub(crate) fn finish(self) -> Vec<CreativeReport> {
        self.0
            .into_iter()
            .map(|((campaign, creative), line)| CreativeReport {
                campaign,
                creative,
                plays: line.plays,
                shown_millis: line.shown_millis,
                outcomes: line.outcomes.into_iter().collect(),
            })
            .collect()
    }
}

/// Puts what was measured to the play it was measured in.
#[derive(Default)]
pub(crate) struct PlayRows {
    last_id: Option<PlayId>,
    rows: Vec<PlayRow>,
}

impl PlayRows {
    pub(crate) fn last_id(&self) -> Option<PlayId> {
        self.last_id
    }

    pub(crate) fn begin(
        &mut self,
        id: PlayId,
        campaign: Option<CampaignId>,
        creative: CreativeId,
        shown_millis: u64,
    ) {
        self.last_id = Some(id);
        self.rows.push(PlayRow {
            campaign,
            creative,
            shown_secs: (shown_millis as f64 / 1_000.0) as f32,
            attention_secs: None,
            smile_lift: None,
            dwell_secs: None,
            n_scans: 0,
            n_conversions: 0,
        });
    }

    /// To the play begun last. Several of one kind add up; a kind that no report has is left out.
    pub(crate) fn measure(&mut self, kind: &OutcomeKind, value: f64) {
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        let add =
            |sum: &mut Option<f32>| *sum = Some(sum.map_or(value as f32, |s| s + value as f32));
        // One stands for one; a report of half a scan is none, and saturates at 0.
        let n = value.round() as u32;
        match kind {
            OutcomeKind::AttentionSeconds => add(&mut row.attention_secs),
            OutcomeKind::SmileLift => add(&mut row.smile_lift),
            OutcomeKind::Dwell => add(&mut row.dwell_secs),
            OutcomeKind::Scan => row.n_scans = row.n_scans.saturating_add(n),
            OutcomeKind::Conversion => row.n_conversions = row.n_conversions.saturating_add(n),
            OutcomeKind::NegativeLift
            | OutcomeKind::TurnedAway
            | OutcomeKind::Complaint
            | OutcomeKind::Objection
            | OutcomeKind::Custom(_) => {}
        }
    }

    pub(crate) fn finish(self) -> Vec<PlayRow> {
        self.rows
    }
}

/// Adds up the runs of each minute and camera; rows come in order of minute and camera.
pub(crate) fn over_runs(rows: Vec<MinuteAggregate>) -> Vec<MinuteAggregate> {
    let mut merged: Vec<MinuteAggregate> = Vec::with_capacity(rows.len());
    for mut row in rows {
        match merged.last_mut() {
            Some(last) if last.minute == row.minute && last.camera == row.camera => {
                merge(last, &row);
            }
            Some(_) | None => {
                row.run = 0;
                merged.push(row);
            }
        }
    }
    merged
}

fn merge(into: &mut MinuteAggregate, row: &MinuteAggregate) {
    into.observed_millis = into.observed_millis.saturating_add(row.observed_millis);
    into.entered = into.entered.saturating_add(row.entered);
    into.left = into.left.saturating_add(row.left);
    into.looks = into.looks.saturating_add(row.looks);
    // Runs follow each other: they are never in view of the same people at once.
    into.peak_visitors = into.peak_visitors.max(row.peak_visitors);
    into.visitor_secs += row.visitor_secs;
    into.looking_secs += row.looking_secs;
    into.attention_secs += row.attention_secs;
    for (sum, secs) in into.expression_secs.iter_mut().zip(row.expression_secs) {
        *sum += secs;
    }
    into.visits.add(&row.visits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_the_definition() {
        let values = [1.0, 4.0, 4.0, 7.0];
        let mut sums = Sums::default();
        values.into_iter().for_each(|v| sums.add(v));
        assert_eq!(sums.mean(), Some(4.0));
        let by_definition: f64 = values.iter().map(|v| (v - 4.0_f64).powi(2)).sum::<f64>() / 3.0;
        assert!((sums.variance().unwrap() - by_definition).abs() < 1e-12);
        assert_eq!(Sums::default().mean(), None);
        assert_eq!(Sums { n: 1, ..sums }.variance(), None);
    }
}
