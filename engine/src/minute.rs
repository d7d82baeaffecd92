//! What a camera saw in each minute, as sums over everyone.

use std::collections::BTreeMap;

use regard_audience::Visit;
use regard_backends::MinuteAggregate;
use regard_commitments::{VisitFacts, VisitSums};
use regard_domain::{CameraId, Expression, ExpressionLabel, Moment, Timestamp};

const MINUTE_MICROS: i64 = 60_000_000;

/// Longest time between two moments that counts as watched. Origin: moments come at 10 Hz;
/// half a second is five missed ones, more is a gap.
const MAX_GAP_SECS: f32 = 0.5;

/// How long what a visitor showed is remembered after they were seen last, in seconds. Origin: a track ends after two
/// seconds without its face; whoever is gone longer left while nobody was allowed to count.
const MAX_UNSEEN_SECS: f32 = 10.0;

/// What one visitor in view has shown so far.
///
/// # Privacy
/// Of one visitor, in memory, under their number; gone with the visit.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Seconds of each expression that was sure enough to have a name.
    secs: [f64; Expression::ALL.len()],
    seen_at: Timestamp,
}

impl Shown {
    /// The expression shown longest, the earlier in order of two; nothing where none was.
    fn longest(&self) -> Option<Expression> {
        let shown = Expression::ALL.into_iter().zip(self.secs);
        let shown = shown.filter(|(_, secs)| *secs > 0.0);
        shown
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(expression, _)| expression)
    }
}

/// The minute that is running on one camera.
#[derive(Debug)]
pub(crate) struct MinuteTally {
    camera: CameraId,
    row: Option<MinuteAggregate>,
    last_at: Option<Timestamp>,
    highest_number: u64,
    run: u64,
    /// By number of the visitors in view; as many as are.
    shown: BTreeMap<u64, Shown>,
}

impl MinuteTally {
    /// Nothing seen yet.
    pub(crate) fn new(camera: CameraId) -> Self {
        Self {
            camera,
            row: None,
            last_at: None,
            highest_number: 0,
            run: 0,
            shown: BTreeMap::new(),
        }
    }

    /// A stay ended.
    pub(crate) fn left(&mut self, visit: &Visit) {
        let shown = self.shown.remove(&visit.number);
        if let Some(row) = &mut self.row {
            row.left += 1;
            row.looks += visit.n_looks;
            row.visits.add(&VisitSums::of(&VisitFacts {
                n_looks: visit.n_looks,
                looked_secs: visit.looked_secs,
                dwell_secs: visit.dwell_secs,
                expression: shown.and_then(|shown| shown.longest()),
            }));
        }
    }

    /// Adds a moment; gives the minute before when a new one began with it.
    pub(crate) fn observe(&mut self, moment: &Moment) -> Option<MinuteAggregate> {
        let minute_micros = moment.at.as_micros().div_euclid(MINUTE_MICROS) * MINUTE_MICROS;
        let minute = Timestamp::from_micros(minute_micros);
        let done = self.row.take_if(|row| row.minute != minute);
        let gap_secs = self.last_at.map_or(0.0, |last| moment.at.secs_since(last));
        let watched_secs = if gap_secs <= MAX_GAP_SECS {
            gap_secs
        } else {
            0.0
        };
        self.last_at = Some(moment.at);
        if self.run == 0 {
            self.run = u64::try_from(moment.at.as_micros()).unwrap_or(1);
        }
        let fresh = MinuteAggregate::empty(self.camera.clone(), minute, self.run);
        let row = self.row.get_or_insert(fresh);
        let secs = f64::from(watched_secs);
        row.observed_millis += (secs * 1e3).round() as u64;
        let n_visitors = u32::try_from(moment.visitors.len()).unwrap_or(u32::MAX);
        row.peak_visitors = row.peak_visitors.max(n_visitors);
        for visitor in &moment.visitors {
            if visitor.number > self.highest_number {
                self.highest_number = visitor.number;
                row.entered += 1;
            }
            row.visitor_secs += secs;
            row.looking_secs += if visitor.is_looking { secs } else { 0.0 };
            row.attention_secs += visitor.attention.map_or(0.0, |a| f64::from(a.get()) * secs);
            for distribution in visitor.expression.iter() {
                for (sum, p) in row.expression_secs.iter_mut().zip(distribution.as_array()) {
                    *sum += f64::from(*p) * secs;
                }
            }
            let nothing = Shown {
                secs: [0.0; Expression::ALL.len()],
                seen_at: moment.at,
            };
            let shown = self.shown.entry(visitor.number).or_insert(nothing);
            shown.seen_at = moment.at;
            if let ExpressionLabel::Known(expression) = visitor.expression_label {
                shown.secs[expression as usize] += secs;
            }
        }
        self.shown
            .retain(|_, shown| moment.at.secs_since(shown.seen_at) <= MAX_UNSEEN_SECS);
        done
    }

    /// The minute as far as it has gone, when the camera closes.
    pub(crate) fn finish(&mut self) -> Option<MinuteAggregate> {
        self.last_at = None;
        self.row.take()
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{Attention, ExpressionLabel, MomentCause, TrackId, Visitor};

    use super::*;

    fn moment(millis: i64, n: u64) -> Moment {
        let visitor = |number| Visitor {
            track: TrackId::from_bits(u128::from(number)),
            number,
            dwell_secs: 0.0,
            is_looking: true,
            looked_secs: 0.0,
            attention: Attention::new(0.5),
            expression: None,
            expression_label: ExpressionLabel::Uncertain,
            face_height_ratio: 0.1,
        };
        Moment {
            camera: CameraId::new("c").unwrap(),
            at: Timestamp::from_millis(millis),
            sequence: 0,
            cause: MomentCause::Beat,
            visitors: (1..=n).map(visitor).collect(),
        }
    }

    fn visit(number: u64, n_looks: u32, dwell_secs: f32) -> Visit {
        Visit {
            track: TrackId::from_bits(u128::from(number)),
            number,
            entered_at: Timestamp::from_millis(0),
            left_at: Timestamp::from_millis(0),
            dwell_secs,
            looked_secs: 2.5,
            n_looks,
        }
    }

    #[test]
    fn a_visit_counts_once_clamped_with_what_it_showed_longest() {
        let mut tally = MinuteTally::new(CameraId::new("c").unwrap());
        for i in 0..30 {
            let mut moment = moment(i * 100, 2);
            let shown = if i < 10 {
                Expression::Surprised
            } else {
                Expression::Happy
            };
            moment.visitors[0].expression_label = ExpressionLabel::Known(shown);
            assert_eq!(tally.observe(&moment), None);
        }
        tally.left(&visit(1, 2, 3.0));
        tally.left(&visit(2, 99, 1e6));
        // One that was never seen in a moment counts too, and shows nothing.
        tally.left(&visit(3, 0, 0.5));
        assert!(tally.shown.is_empty());
        let row = tally.finish().unwrap();
        let expected = VisitSums {
            visits: 3,
            lookers: 2,
            looks: 2 + regard_commitments::MAX_LOOKS,
            attention_millis: 3 * 2_500,
            dwell_millis: 3_500 + regard_commitments::MAX_DWELL_MILLIS,
            expressions: [0, 1, 0, 0, 0, 0, 0],
        };
        assert_eq!(row.visits, expected);
        assert_eq!((row.left, row.looks), (3, 101));
    }

    #[test]
    fn whoever_left_unseen_is_forgotten() {
        let mut tally = MinuteTally::new(CameraId::new("c").unwrap());
        let _ = tally.observe(&moment(0, 5));
        let _ = tally.observe(&moment(9_000, 1));
        assert_eq!(tally.shown.len(), 5);
        let _ = tally.observe(&moment(11_000, 1));
        assert_eq!(tally.shown.len(), 1);
    }

    #[test]
    fn seconds_add_up_and_gaps_do_not_count() {
        let mut tally = MinuteTally::new(CameraId::new("c").unwrap());
        let mut rows = Vec::new();
        for i in 0..=600 {
            rows.extend(tally.observe(&moment(i * 100, 2)));
        }
        rows.extend(tally.observe(&moment(90_000, 2)));
        rows.extend(tally.finish());
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].entered, rows[0].peak_visitors), (2, 2));
        assert!(
            (rows[0].visitor_secs - 2.0 * 59.9).abs() < 1e-3,
            "{}",
            rows[0].visitor_secs
        );
        assert!((rows[0].attention_secs - 59.9).abs() < 1e-3);
        assert_eq!(rows[1].entered, 0);
        assert!(
            (rows[1].visitor_secs - 0.2).abs() < 1e-3,
            "{}",
            rows[1].visitor_secs
        );
    }
}
