//! Movements of a fraction of a second: for studies, with the consent of whoever is looked at, and for nothing else.
//!
//! Each frame, small windows of the face are found again in a crop that goes with the head; what the head does is subtracted; what
//! is left of each window over time is searched for pulses that come and go within half a second. What is found is
//! [`regard_commitments::StudyOnly`].

mod flow;
mod place;
mod pulse;
mod rate;
mod rigid;
mod spot;
mod spotter;
mod traces;
mod tracker;

pub use self::place::MicroPlace;
pub use self::spot::MicroMovement;
pub use self::spotter::{MicroReport, MicroSpotter, MicroTrace, SpottingMeans};
