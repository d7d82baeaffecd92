//! The audience: faces of one camera become tracks, tracks become moments.
//!
//! In: the faces of a frame (`Sighting`), then what the analysers read in them. Out: which face
//! belongs to which track and what is due on it, a `Moment` ten times a second and whenever
//! someone enters, leaves, looks or looks away, and a `Visit` when someone has left.
//! This room alone gives out track ids. It never sees a pixel or an embedding, never resumes a
//! track by appearance, after two seconds or after it left the frame, never reads the clock,
//! never draws chance of its own and does no I/O.

mod assignment;
mod crowd;
mod kalman;
mod live;
mod looking;
mod rhythm;
mod settings;
mod smoothing;
mod stay;
mod track;
mod tracker;

pub use crowd::{Association, Crowd, Digest, Due, FaceTrack};
pub use live::LiveFace;
pub use settings::{BadSettings, CrowdSettings, LookSettings, TrackerSettings};
pub use stay::Visit;
pub use track::{Track, TrackState};
pub use tracker::{Detection, MAX_DETECTIONS, MAX_TRACKS, Step, StepError, Tracker};
