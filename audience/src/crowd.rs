//! Everyone in front of one camera: what is due on whom, and the moments.

use rand::CryptoRng;
use regard_domain::{BBox, CameraId, Face, FrameSize, Moment, Sighting, Timestamp, TrackId};

use crate::{BadSettings, CrowdSettings, LiveFace, StepError, TrackState, Tracker, Visit};

/// Which of the heavier analyses are due on a face now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The expression.
    pub expression: bool,
    /// The mesh, and head pose and attention from it; otherwise the five points must do.
    pub mesh: bool,
}

/// One face of a frame and the track it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceTrack {
    /// Index of the face in the sighting.
    pub face: usize,
    /// The track.
    pub track: TrackId,
    /// Running number of the visitor; `None` while tentative.
    pub number: Option<u64>,
    /// How sure the track is, after this frame.
    pub state: TrackState,
    /// What is due on the face. Faces due first have waited longest.
    pub due: Due,
}

/// The faces of one frame with their tracks; hand it back to [`Crowd::digest`].
#[derive(Clone, Debug, PartialEq)]
pub struct Association {
    at: Timestamp,
    faces: Vec<FaceTrack>,
}

impl Association {
    /// The faces that belong to a track, in order of birth of the tracks.
    pub fn faces(&self) -> &[FaceTrack] {
        &self.faces
    }

    /// Capture time of the frame.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

/// What came of a frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    /// The moment, when one is due.
    pub moment: Option<Moment>,
    /// Stays that ended, in order of entry.
    pub visits: Vec<Visit>,
}

/// Everyone in front of one camera.
#[derive(Clone, Debug)]
pub struct Crowd {
    camera: CameraId,
    settings: CrowdSettings,
    tracker: Tracker,
    frame_size: Option<FrameSize>,
}

impl Crowd {
    /// Nobody in front of a camera.
    ///
    /// # Errors
    /// [`BadSettings`] when a setting is out of range.
    pub fn new(camera: CameraId, settings: CrowdSettings) -> Result<Self, BadSettings> {
        let settings = settings.checked()?;
        Ok(Self {
            camera,
            tracker: Tracker::new(settings.tracker)?,
            settings,
            frame_size: None,
        })
    }

    /// First half of a frame: tells which face belongs to which track and what is due on it.
    /// Readings in the sighting are not looked at yet.
    ///
    /// # Errors
    /// [`StepError`] when the frame is late or of another camera; nothing has changed then.
    pub fn associate(
        &mut self,
        sighting: &Sighting,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Association, StepError> {
        let _ = (&self.camera, self.settings, rng);
        self.frame_size = Some(sighting.frame_size);
        Ok(Association {
            at: sighting.captured_at,
            faces: Vec::new(),
        })
    }

    /// Second half: takes the faces of the same sighting, now with readings, and tells what came
    /// of the frame. An association older than the last one is ignored.
    pub fn digest(&mut self, association: &Association, faces: &[Face]) -> Digest {
        let _ = (association, faces);
        Digest::default()
    }

    /// Both halves at once, for faces that carry their readings already: replay and tests.
    ///
    /// # Errors
    /// As [`Self::associate`].
    pub fn observe(
        &mut self,
        sighting: &Sighting,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Digest, StepError> {
        let association = self.associate(sighting, rng)?;
        Ok(self.digest(&association, &sighting.faces))
    }

    /// The camera closed: everyone leaves. The moment, with nobody in it, is due when someone was.
    pub fn close(&mut self, at: Timestamp) -> Digest {
        let _ = (at, self.tracker.close());
        Digest::default()
    }

    /// Where each track is expected at `at`, in order of birth; for detection in regions.
    pub fn predicted_boxes(&self, at: Timestamp) -> Vec<(TrackId, BBox)> {
        self.tracker.predicted_boxes(at)
    }

    /// The faces as the console draws them, in order of birth.
    pub fn live_faces(&self) -> Vec<LiveFace> {
        Vec::new()
    }
}
