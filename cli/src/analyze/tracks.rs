//! Which faces of a video belong together.

use std::collections::BTreeMap;

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::StdRng;
use regard_audience::{Detection, Tracker, TrackerSettings};
use regard_domain::{Face, FrameSize, Timestamp, TrackId};

/// The tracks of one video, numbered from 1 in order of appearance.
///
/// A face that is seen once has a track of its own. Who is out of sight for more than two seconds
/// comes back as a new track: nobody is recognised.
pub(crate) struct NumberedTracks {
    tracker: Tracker,
    numbers: BTreeMap<TrackId, u64>,
    n_given: u64,
    last_at: Option<Timestamp>,
    rng: StdRng,
}

impl NumberedTracks {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            tracker: Tracker::new(TrackerSettings::default())?,
            numbers: BTreeMap::new(),
            n_given: 0,
            last_at: None,
            // Its ids are replaced by numbers and never seen, so they need not be hard to guess.
            rng: StdRng::seed_from_u64(0),
        })
    }

    /// The number of each face's track, in the order given; nothing for faces beyond those that the
    /// tracker looks at.
    pub(crate) fn step(
        &mut self,
        faces: &[Face],
        time_secs: f64,
        size: FrameSize,
    ) -> Result<Vec<Option<u64>>> {
        let detections: Vec<Detection> = faces
            .iter()
            .map(|face| Detection {
                bbox_in_frame: face.bbox_in_frame,
                score: face.score,
            })
            .collect();
        // Two frames of one time, as some containers have them, are told apart by a microsecond.
        let earliest = self
            .last_at
            .map_or(i64::MIN, |last| last.as_micros().saturating_add(1));
        let at = Timestamp::from_micros(((time_secs * 1e6).round() as i64).max(earliest));
        self.last_at = Some(at);
        let step = self.tracker.step(&detections, at, size, &mut self.rng)?;
        for track in &step.ended {
            self.numbers.remove(&track.id());
        }
        Ok(step
            .tracks
            .iter()
            .map(|track| track.map(|id| self.number_of(id)))
            .collect())
    }

    fn number_of(&mut self, id: TrackId) -> u64 {
        *self.numbers.entry(id).or_insert_with(|| {
            self.n_given += 1;
            self.n_given
        })
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{BBox, FaceReadings, Landmarks, Point, Score};

    use super::*;

    fn face(left: f32) -> Face {
        Face {
            bbox_in_frame: BBox::new(left, 50.0, 40.0, 40.0).unwrap(),
            score: Score::clamped(0.95),
            landmarks_in_frame: Landmarks([Point::new(left, 50.0); 5]),
            readings: FaceReadings::default(),
        }
    }

    #[test]
    fn numbers_come_in_order_of_appearance_and_are_not_used_again() {
        let mut tracks = NumberedTracks::new().unwrap();
        let size = FrameSize {
            width: 400,
            height: 200,
        };
        let mut step = |time: f64, lefts: &[f32]| {
            let faces: Vec<Face> = lefts.iter().map(|left| face(*left)).collect();
            tracks.step(&faces, time, size).unwrap()
        };
        assert_eq!(step(0.0, &[100.0]), [Some(1)]);
        assert_eq!(step(0.04, &[300.0, 101.0]), [Some(2), Some(1)]);
        // The same time twice is no error.
        assert_eq!(step(0.04, &[102.0, 301.0]), [Some(1), Some(2)]);
        assert_eq!(step(0.08, &[]), []);
        assert_eq!(step(5.0, &[100.0]), [Some(3)]);
    }
}
