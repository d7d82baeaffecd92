//! Measures what an audience did during a play.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use regard_domain::{CameraId, DecisionId, Expression, Moment, Timestamp};

use crate::{Outcome, OutcomeKind};

/// How long before a play its smiles are compared with.
const BEFORE: Duration = Duration::from_secs(1);

/// For how long a moment speaks: ten beats. When no other follows, the camera is blind and
/// nothing is known.
const MAX_GAP: Duration = Duration::from_secs(1);

/// Moments remembered for the comparison: one second of the beat, and twenty times as many that
/// come of entries, exits and looks. The oldest go.
const MAX_TRAIL: usize = 200;

/// Key of the outcomes of a meter: a decision has one play and a play one meter.
const METER_KEY: &str = "meter";

/// What a moment says, until the next one.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    n_looking: u32,
    n_visitors: u32,
    is_attention_measured: bool,
    /// Mean probability of a smile.
    smile: Option<f32>,
    /// Mean probability of an angry expression.
    anger: Option<f32>,
}

/// Sums over one play, as one camera saw it; all in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    covered: f64,
    /// Someone was in view.
    occupied: f64,
    /// Someone's attention was measured.
    attention_measured: f64,
    /// Times those who looked.
    looked: f64,
    smile_measured: f64,
    /// Times the probability of a smile.
    smiled: f64,
    /// Times the probability of an angry expression, over the same seconds.
    angered: f64,
}

#[derive(Debug, Default)]
struct Feed {
    trail: VecDeque<Sample>,
    sums: Sums,
    /// Up to where the last sample was counted.
    counted_to: Option<Timestamp>,
}

impl Feed {
    fn count_to(&mut self, at: Timestamp) {
        let (Some(sample), Some(from)) = (self.trail.back(), self.counted_to) else {
            return;
        };
        let speaks_to = sample.at.plus(MAX_GAP);
        let secs = at.min(speaks_to).saturating_since(from).as_secs_f64();
        self.counted_to = Some(at.max(from));
        let sums = &mut self.sums;
        sums.covered += secs;
        if sample.n_visitors > 0 {
            sums.occupied += secs;
        }
        if sample.is_attention_measured {
            sums.attention_measured += secs;
            sums.looked += secs * f64::from(sample.n_looking);
        }
        if let Some(smile) = sample.smile {
            sums.smile_measured += secs;
            sums.smiled += secs * f64::from(smile);
            sums.angered += secs * f64::from(sample.anger.unwrap_or(0.0));
        }
    }

    fn push(&mut self, sample: Sample) {
        self.trail.push_back(sample);
        if self.trail.len() > MAX_TRAIL {
            self.trail.pop_front();
        }
        while self.trail.len() > 1
            && self
                .trail
                .front()
                .is_some_and(|s| sample.at.saturating_since(s.at) > BEFORE + MAX_GAP)
        {
            self.trail.pop_front();
        }
    }
}

#[derive(Debug)]
struct Play {
    decision: DecisionId,
    /// Mean probability of a smile in the second before; nothing when no face was measured.
    smile_before: Option<f64>,
    anger_before: f64,
    /// Mean number of those looking in the second before; nothing when attention was not measured.
    looking_before: Option<f64>,
}

/// Measures the plays of one screen from the moments of its cameras.
///
/// - `attention_seconds`: looking visitors, integrated over the play, all cameras together;
/// - `smile_lift`: mean probability of a smile over the play less the mean of the moments in the
///   second before, over faces that were measured;
/// - `dwell`: seconds with anyone in view, of the camera that saw most;
/// - `negative_lift`: as the smile, for an angry expression;
/// - `turned_away`: part of those looking in the second before that no longer look in the last.
///
/// What was not measured is not reported: no attention without that analysis, no lift without
/// faces both before and in the play, nothing at all while the cameras were blind. A moment
/// speaks until the next, for a second at most.
///
/// # Privacy
/// Numbers about everyone in view; two seconds of them are remembered. Smiles are means over the
/// smoothed expression of whole plays, never what passes within a fraction of a second.
#[derive(Debug, Default)]
pub struct PlayMeter {
    feeds: BTreeMap<CameraId, Feed>,
    play: Option<Play>,
}

impl PlayMeter {
    /// A meter that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes every moment of the screen's cameras, whether or not anything plays. One that is
    /// older than its camera's last is ignored.
    pub fn observe(&mut self, moment: &Moment) {
        let feed = self.feeds.entry(moment.camera.clone()).or_default();
        if feed.trail.back().is_some_and(|last| moment.at < last.at) {
            return;
        }
        let audience = moment.audience();
        feed.count_to(moment.at);
        if self.play.is_some() {
            // A play that began before the first moment counts from it.
            let counted_to = feed.counted_to.map_or(moment.at, |at| at.max(moment.at));
            feed.counted_to = Some(counted_to);
        }
        feed.push(Sample {
            at: moment.at,
            n_looking: audience.n_looking,
            n_visitors: audience.n_visitors,
            is_attention_measured: moment.visitors.iter().any(|v| v.attention.is_some()),
            smile: audience
                .expression
                .map(|d| d.probability(Expression::Happy)),
            anger: audience
                .expression
                .map(|d| d.probability(Expression::Angry)),
        });
    }

    /// Forgets all that was measured; the play that is on ends without outcomes.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A play begins; returns what came of the one that it ends.
    pub fn begin(&mut self, decision: DecisionId, at: Timestamp) -> Vec<Outcome> {
        let outcomes = self.end(at);
        let looking_before = self.looking_until(at);
        let (mut n, mut sum, mut anger) = (0_u32, 0.0_f64, 0.0_f64);
        for feed in self.feeds.values_mut() {
            feed.sums = Sums::default();
            feed.counted_to = Some(at);
            let before = feed
                .trail
                .iter()
                .filter(|s| s.at <= at && at.saturating_since(s.at) <= BEFORE);
            for (smile, sample) in before.filter_map(|s| Some((s.smile?, s))) {
                n += 1;
                sum += f64::from(smile);
                anger += f64::from(sample.anger.unwrap_or(0.0));
            }
        }
        let smile_before = (n > 0).then(|| sum / f64::from(n));
        self.play = Some(Play {
            decision,
            smile_before,
            anger_before: anger / f64::from(n.max(1)),
            looking_before,
        });
        outcomes
    }

    /// Mean number of those looking in the second up to now, all cameras together; nothing when
    /// attention was not measured.
    fn looking_until(&self, at: Timestamp) -> Option<f64> {
        let of_feed = |feed: &Feed| {
            let recent = feed.trail.iter().filter(|s| {
                s.is_attention_measured && s.at <= at && at.saturating_since(s.at) <= BEFORE
            });
            let (n, sum) = recent.fold((0_u32, 0_u32), |(n, sum), s| (n + 1, sum + s.n_looking));
            (n > 0).then(|| f64::from(sum) / f64::from(n))
        };
        self.feeds.values().filter_map(of_feed).reduce(|a, b| a + b)
    }

    /// The play ends; returns what came of it, nothing when none was on.
    pub fn end(&mut self, at: Timestamp) -> Vec<Outcome> {
        let Some(play) = self.play.take() else {
            return Vec::new();
        };
        let looking_after = self.looking_until(at);
        let mut sums = Sums::default();
        let mut dwell = 0.0_f64;
        for feed in self.feeds.values_mut() {
            feed.count_to(at);
            feed.counted_to = None;
            let of_feed = std::mem::take(&mut feed.sums);
            dwell = dwell.max(of_feed.occupied);
            sums.covered += of_feed.covered;
            sums.occupied += of_feed.occupied;
            sums.attention_measured += of_feed.attention_measured;
            sums.looked += of_feed.looked;
            sums.smile_measured += of_feed.smile_measured;
            sums.smiled += of_feed.smiled;
            sums.angered += of_feed.angered;
        }
        let mut outcomes = Vec::with_capacity(5);
        let mut report = |kind, value: f64| {
            outcomes.push(Outcome {
                decision: play.decision,
                kind,
                value: value as f32,
                at,
                key: METER_KEY.to_owned(),
            });
        };
        if sums.covered > 0.0 {
            // Nobody there is an answer: nobody looked.
            if sums.occupied == 0.0 || sums.attention_measured > 0.0 {
                report(OutcomeKind::AttentionSeconds, sums.looked);
            }
            report(OutcomeKind::Dwell, dwell);
        }
        if let Some(before) = play.smile_before
            && sums.smile_measured > 0.0
        {
            report(
                OutcomeKind::SmileLift,
                sums.smiled / sums.smile_measured - before,
            );
            report(
                OutcomeKind::NegativeLift,
                sums.angered / sums.smile_measured - play.anger_before,
            );
        }
        // Who looked and is no longer there has turned away too.
        if let Some(before) = play.looking_before.filter(|n| *n > 0.0)
            && sums.covered > 0.0
        {
            let share = 1.0 - looking_after.unwrap_or(0.0) / before;
            report(OutcomeKind::TurnedAway, share.clamp(0.0, 1.0));
        }
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{Attention, ExpressionDistribution, MomentCause, TrackId, Visitor};

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    /// Visitors as (looks, probability of a smile).
    fn moment(millis: i64, visitors: &[(bool, f32)]) -> Moment {
        let visitor = |(i, (is_looking, smile)): (usize, &(bool, f32))| {
            let weights = [1.0 - smile, *smile, 0.0, 0.0, 0.0, 0.0, 0.0];
            let expression = ExpressionDistribution::from_weights(weights);
            Visitor {
                track: TrackId::from_bits(i as u128),
                number: i as u64 + 1,
                dwell_secs: 1.0,
                is_looking: *is_looking,
                looked_secs: 0.0,
                attention: Some(Attention::clamped(0.5)),
                expression,
                expression_label: expression.unwrap().label(0.5),
                face_height_ratio: 0.2,
            }
        };
        Moment {
            camera: CameraId::new("cam").unwrap(),
            at: at(millis),
            sequence: 0,
            cause: MomentCause::Beat,
            visitors: visitors.iter().enumerate().map(visitor).collect(),
        }
    }

    fn value(outcomes: &[Outcome], kind: &OutcomeKind) -> Option<f32> {
        outcomes.iter().find(|o| o.kind == *kind).map(|o| o.value)
    }

    #[test]
    fn looks_smiles_and_presence_are_integrated() {
        let mut meter = PlayMeter::new();
        for i in 0..10 {
            meter.observe(&moment(i * 100, &[(false, 0.2)]));
        }
        assert_eq!(meter.begin(DecisionId::from_bits(1), at(1000)), []);
        for i in 10..20 {
            meter.observe(&moment(i * 100, &[(true, 0.2), (true, 0.6)]));
        }
        for i in 20..30 {
            meter.observe(&moment(i * 100, &[(true, 0.6)]));
        }
        for i in 30..40 {
            meter.observe(&moment(i * 100, &[]));
        }
        let outcomes = meter.begin(DecisionId::from_bits(2), at(4000));
        // 2 visitors for 1 s and 1 for another; smiles .4 and .6, against .2 before.
        for (kind, expected) in [
            (OutcomeKind::AttentionSeconds, 3.0),
            (OutcomeKind::Dwell, 2.0),
            (OutcomeKind::SmileLift, 0.3),
        ] {
            let found = value(&outcomes, &kind).unwrap();
            assert!((found - expected).abs() < 1e-4, "{kind}: {found}");
        }
        assert!(
            outcomes
                .iter()
                .all(|o| o.decision == DecisionId::from_bits(1))
        );
        let next = meter.end(at(4500));
        assert_eq!(value(&next, &OutcomeKind::AttentionSeconds), Some(0.0));
        assert_eq!(value(&next, &OutcomeKind::SmileLift), None);
        assert_eq!(meter.end(at(5000)), []);
    }

    #[test]
    fn a_change_between_beats_is_counted_to_the_moment() {
        let mut meter = PlayMeter::new();
        meter.observe(&moment(0, &[(false, 0.0)]));
        meter.begin(DecisionId::from_bits(1), at(50));
        meter.observe(&moment(80, &[(true, 0.0)]));
        meter.observe(&moment(60, &[]));
        let outcomes = meter.end(at(95));
        let looked = value(&outcomes, &OutcomeKind::AttentionSeconds).unwrap();
        assert!((looked - 0.015).abs() < 1e-6, "{looked}");
        assert!((value(&outcomes, &OutcomeKind::Dwell).unwrap() - 0.045).abs() < 1e-6);
    }

    #[test]
    fn a_blind_camera_says_nothing() {
        let mut meter = PlayMeter::new();
        meter.observe(&moment(0, &[(true, 0.0)]));
        meter.begin(DecisionId::from_bits(1), at(500));
        let looked = value(&meter.end(at(60_000)), &OutcomeKind::AttentionSeconds).unwrap();
        assert!((looked - 0.5).abs() < 1e-6, "{looked}");
        meter.begin(DecisionId::from_bits(2), at(60_000));
        assert_eq!(meter.end(at(70_000)), []);
    }

    #[test]
    fn attention_that_was_not_measured_is_not_zero() {
        let mut meter = PlayMeter::new();
        let mut unmeasured = moment(0, &[(false, 0.5)]);
        unmeasured.visitors[0].attention = None;
        meter.begin(DecisionId::from_bits(1), at(0));
        meter.observe(&unmeasured);
        let outcomes = meter.end(at(500));
        assert_eq!(value(&outcomes, &OutcomeKind::AttentionSeconds), None);
        assert!((value(&outcomes, &OutcomeKind::Dwell).unwrap() - 0.5).abs() < 1e-6);
    }
}
