//! One visitor over time, as far as motion tells.

use regard_domain::{BBox, Score, Timestamp, TrackId};

use crate::kalman::BoxFilter;

/// How sure a track is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrackState {
    /// Seen, but not yet often or clearly enough to count.
    Tentative,
    /// Somebody is there, seen in the last frame.
    Confirmed,
    /// Somebody was there; not seen now, may be resumed by motion within two seconds.
    Lost,
}

/// The detections of one visitor over time.
///
/// # Privacy
/// A position and a random id that is forgotten when the track ends; nothing about the face.
#[derive(Clone, Debug)]
pub struct Track {
    pub(crate) id: TrackId,
    pub(crate) number: Option<u64>,
    pub(crate) state: TrackState,
    pub(crate) filter: BoxFilter,
    pub(crate) score: Score,
    pub(crate) born_at: Timestamp,
    pub(crate) seen_at: Timestamp,
    pub(crate) n_hits: u32,
}

impl Track {
    /// Random id, never given out again.
    pub fn id(&self) -> TrackId {
        self.id
    }

    /// Running number in order of confirmation, from 1; `None` while tentative.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// How sure the track is.
    pub fn state(&self) -> TrackState {
        self.state
    }

    /// Where the filter believes the visitor is, at the time of the last step, in frame pixels.
    pub fn bbox_in_frame(&self) -> Option<BBox> {
        self.filter.bbox()
    }

    /// Score of the last detection.
    pub fn score(&self) -> Score {
        self.score
    }

    /// Capture time of the first detection.
    pub fn born_at(&self) -> Timestamp {
        self.born_at
    }

    /// Capture time of the last detection.
    pub fn seen_at(&self) -> Timestamp {
        self.seen_at
    }

    /// How many detections it has had.
    pub fn n_hits(&self) -> u32 {
        self.n_hits
    }
}
