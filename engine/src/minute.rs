//! What a camera saw in each minute, as sums over everyone.

use regard_audience::Visit;
use regard_backends::MinuteAggregate;
use regard_domain::{CameraId, Moment, Timestamp};

const MINUTE_MICROS: i64 = 60_000_000;

/// Longest time between two moments that counts as watched. Origin: moments come at 10 Hz;
/// half a second is five missed ones, more is a gap.
const MAX_GAP_SECS: f32 = 0.5;

/// The minute that is running on one camera.
#[derive(Debug)]
pub(crate) struct MinuteTally {
    camera: CameraId,
    row: Option<MinuteAggregate>,
    last_at: Option<Timestamp>,
    highest_number: u64,
    run: u64,
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
        }
    }

    /// A stay ended.
    pub(crate) fn left(&mut self, visit: &Visit) {
        if let Some(row) = &mut self.row {
            row.left += 1;
            row.looks += visit.n_looks;
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
        let fresh = empty_minute(self.camera.clone(), minute, self.run);
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
        }
        done
    }

    /// The minute as far as it has gone, when the camera closes.
    pub(crate) fn finish(&mut self) -> Option<MinuteAggregate> {
        self.last_at = None;
        self.row.take()
    }
}

fn empty_minute(camera: CameraId, minute: Timestamp, run: u64) -> MinuteAggregate {
    MinuteAggregate {
        camera,
        minute,
        run,
        observed_millis: 0,
        entered: 0,
        left: 0,
        looks: 0,
        peak_visitors: 0,
        visitor_secs: 0.0,
        looking_secs: 0.0,
        attention_secs: 0.0,
        expression_secs: [0.0; 7],
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
