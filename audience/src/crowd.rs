//! Everyone in front of one camera: what is due on whom, and the moments.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rand::CryptoRng;
use regard_domain::{
    BBox, CameraId, Face, FrameSize, Moment, MomentCause, Sighting, Timestamp, TrackId,
};

use crate::looking::LookChange;
use crate::rhythm::Rhythm;
use crate::stay::Stay;
use crate::{
    BadSettings, CrowdSettings, Detection, LiveFace, StepError, Track, TrackState, Tracker, Visit,
};

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
    /// What is due on the face.
    pub due: Due,
    /// How often the expression of the track was read before.
    pub n_expressions: u32,
}

/// The faces of one frame with their tracks; hand it back to [`Crowd::digest`].
#[derive(Clone, Debug, PartialEq)]
pub struct Association {
    at: Timestamp,
    frame_size: FrameSize,
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

    /// Says that what was due on a face has not been done, for want of time; it stays due.
    /// What is not postponed counts as done, even when the analyser found nothing.
    pub fn postpone(&mut self, face: usize) {
        for entry in self.faces.iter_mut().filter(|entry| entry.face == face) {
            entry.due = Due::default();
        }
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
///
/// Bounded by [`crate::MAX_TRACKS`]: there is one stay to a track.
#[derive(Clone, Debug)]
pub struct Crowd {
    camera: CameraId,
    settings: CrowdSettings,
    tracker: Tracker,
    stays: BTreeMap<TrackId, Stay>,
    beat: Rhythm,
    n_begun: u32,
    n_moments: u64,
    /// What has happened since the last moment.
    cause: Option<MomentCause>,
    visits: Vec<Visit>,
    at: Option<Timestamp>,
    is_digested: bool,
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
            stays: BTreeMap::new(),
            beat: Rhythm::of_hz(settings.beat_hz),
            settings,
            n_begun: 0,
            n_moments: 0,
            cause: None,
            visits: Vec::new(),
            at: None,
            is_digested: true,
        })
    }

    /// First half of a frame: tells which face belongs to which track and what is due on it.
    /// Readings in the sighting are not looked at yet. Frames without faces count too.
    ///
    /// # Errors
    /// [`StepError`] when the frame is late or of another camera; nothing has changed then.
    pub fn associate(
        &mut self,
        sighting: &Sighting,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Association, StepError> {
        if sighting.camera != self.camera {
            return Err(StepError::OtherCamera);
        }
        let (at, frame_size) = (sighting.captured_at, sighting.frame_size);
        let order = canonical_order(&sighting.faces);
        let detections: Vec<Detection> = order
            .iter()
            .map(|index| Detection {
                bbox_in_frame: sighting.faces[*index].bbox_in_frame,
                score: sighting.faces[*index].score,
            })
            .collect();
        let step = self.tracker.step(&detections, at, frame_size, rng)?;
        self.at = Some(at);
        self.is_digested = false;
        self.leave(&step.ended);
        if !step.confirmed.is_empty() {
            self.note(MomentCause::Entered);
        }
        let face_of: BTreeMap<TrackId, usize> = step
            .tracks
            .iter()
            .zip(&order)
            .filter_map(|(track, face)| Some(((*track)?, *face)))
            .collect();
        let faces = self.see(sighting, &face_of);
        Ok(Association {
            at,
            frame_size,
            faces,
        })
    }

    /// The tracks that have a face in this frame, with what is due.
    fn see(&mut self, sighting: &Sighting, face_of: &BTreeMap<TrackId, usize>) -> Vec<FaceTrack> {
        let at = sighting.captured_at;
        let mut faces = Vec::with_capacity(face_of.len());
        for track in self.tracker.tracks() {
            let Some(index) = face_of.get(&track.id()).copied() else {
                continue;
            };
            let face = &sighting.faces[index];
            let (settings, phase) = (&self.settings, self.n_begun);
            let stay = self.stays.entry(track.id()).or_insert_with(|| {
                self.n_begun = phase.wrapping_add(1);
                Stay::begin(face, at, settings, phase)
            });
            stay.see(face, sighting.frame_size, at);
            faces.push(FaceTrack {
                face: index,
                track: track.id(),
                number: track.number(),
                state: track.state(),
                due: stay.due(at),
                n_expressions: stay.n_expressions(),
            });
        }
        faces
    }

    /// Second half: takes the faces of the same sighting, now with readings, and tells what came
    /// of the frame. Any association but that of the last frame, or one already digested, changes
    /// nothing.
    pub fn digest(&mut self, association: &Association, faces: &[Face]) -> Digest {
        let at = association.at;
        if self.at != Some(at) || self.is_digested {
            return Digest::default();
        }
        self.is_digested = true;
        for entry in &association.faces {
            let Some(stay) = self.stays.get_mut(&entry.track) else {
                continue;
            };
            stay.done(entry.due, at);
            if let Some(face) = faces.get(entry.face) {
                stay.read(&face.readings, at);
            }
        }
        self.update_looks(at);
        self.emit(at)
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

    /// The camera closed, or has been silent for two seconds: everyone leaves. A moment with
    /// nobody in it comes out if somebody was.
    pub fn close(&mut self, at: Timestamp) -> Digest {
        let at = self.at.map_or(at, |last| at.max(last));
        let ended = self.tracker.close();
        self.leave(&ended);
        self.is_digested = true;
        if self.cause.is_none() && self.visits.is_empty() {
            return Digest::default();
        }
        self.emit(at)
    }

    /// Where each track is expected at `at`, in order of birth; for detection in regions.
    pub fn predicted_boxes(&self, at: Timestamp) -> Vec<(TrackId, BBox)> {
        self.tracker.predicted_boxes(at)
    }

    /// The faces as the console draws them, as of the last frame, in order of birth.
    pub fn live_faces(&self) -> Vec<LiveFace> {
        let Some(at) = self.at else {
            return Vec::new();
        };
        self.tracker
            .tracks()
            .iter()
            .filter_map(|track| {
                let stay = self.stays.get(&track.id())?;
                Some(stay.live_face(track, track.bbox_in_frame()?, at))
            })
            .collect()
    }

    fn leave(&mut self, ended: &[Track]) {
        for track in ended {
            let stay = self.stays.remove(&track.id());
            if let (Some(stay), Some(number)) = (stay, track.number()) {
                self.visits.push(stay.visit(track.id(), number));
                self.note(MomentCause::Left);
            }
        }
    }

    fn update_looks(&mut self, at: Timestamp) {
        let mut causes = Vec::new();
        for track in self.tracker.tracks() {
            let change = self
                .stays
                .get_mut(&track.id())
                .and_then(|stay| stay.update_look(at));
            // What a tentative track does is nobody's look yet; it counts when they enter.
            causes.extend(match (change, track.state()) {
                (None, _) | (_, TrackState::Tentative) => None,
                (Some(LookChange::Began), TrackState::Confirmed | TrackState::Lost) => {
                    Some(MomentCause::Looked)
                }
                (Some(LookChange::Ended), TrackState::Confirmed | TrackState::Lost) => {
                    Some(MomentCause::LookedAway)
                }
            });
        }
        for cause in causes {
            self.note(cause);
        }
    }

    /// Remembers why the next moment is emitted; the most telling cause stays.
    fn note(&mut self, cause: MomentCause) {
        let rank = |cause: MomentCause| match cause {
            MomentCause::Entered => 4,
            MomentCause::Left => 3,
            MomentCause::Looked => 2,
            MomentCause::LookedAway => 1,
            MomentCause::Beat => 0,
        };
        let keeps = self.cause.is_some_and(|old| rank(old) >= rank(cause));
        if !keeps {
            self.cause = Some(cause);
        }
    }

    fn emit(&mut self, at: Timestamp) -> Digest {
        let mut visits = std::mem::take(&mut self.visits);
        visits.sort_by_key(|visit| visit.number);
        let is_beat = self.beat.is_due(at);
        let cause = match self.cause.take() {
            Some(cause) => cause,
            None if is_beat => MomentCause::Beat,
            None => {
                return Digest {
                    moment: None,
                    visits,
                };
            }
        };
        // An event does not move the beat, unless it falls on one.
        if is_beat {
            self.beat.done(at);
        }
        let mut visitors: Vec<_> = self
            .tracker
            .tracks()
            .iter()
            .filter_map(|track| {
                let stay = self.stays.get(&track.id())?;
                Some(stay.visitor(track.id(), track.number()?, at))
            })
            .collect();
        visitors.sort_by_key(|visitor| visitor.number);
        let sequence = self.n_moments;
        self.n_moments += 1;
        Digest {
            moment: Some(Moment {
                camera: self.camera.clone(),
                at,
                sequence,
                cause,
                visitors,
            }),
            visits,
        }
    }
}

/// Indices of the faces by what they are, not by where they stood. The tracker does the same by
/// score and box; the landmarks settle what ties are left.
fn canonical_order(faces: &[Face]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..faces.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (
            &faces[*a].landmarks_in_frame.0,
            &faces[*b].landmarks_in_frame.0,
        );
        a.iter()
            .zip(b)
            .map(|(p, q)| p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    order
}
