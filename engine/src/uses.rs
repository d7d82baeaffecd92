//! What data of an audience may serve now.

use regard_commitments::{Answer, ProcessingPurpose, Refusal, SensingGate};
use regard_domain::{CameraId, Timestamp};
use serde::{Deserialize, Serialize};

/// What may be done with what is known of an audience: what the commitments name and the profile allows, where
/// needed while somebody who is there has agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uses {
    /// Counts and sums are kept.
    pub(crate) measurement: bool,
    /// Messages are chosen for the audience; else as if nobody were there.
    pub(crate) selection: bool,
    /// Policies learn from what comes of a message.
    pub(crate) learning: bool,
}

impl Uses {
    /// Everything.
    #[cfg(test)]
    pub(crate) const ALL: Self = Self {
        measurement: true,
        selection: true,
        learning: true,
    };

    /// What the gate allows now, and the refusals of the rest.
    pub(crate) fn of(
        gate: &SensingGate,
        camera: Option<&CameraId>,
        now: Timestamp,
    ) -> (Self, Vec<Refusal>) {
        let mut withheld = Vec::new();
        let mut may = |purpose| match gate.may_serve(camera, purpose, now) {
            Answer::Granted(()) => true,
            Answer::Refused(refusal) => {
                withheld.push(refusal);
                false
            }
        };
        let uses = Self {
            measurement: may(ProcessingPurpose::AudienceMeasurement),
            selection: may(ProcessingPurpose::MessageSelection),
            learning: may(ProcessingPurpose::MessageLearning),
        };
        (uses, withheld)
    }
}

/// The uses of each camera, and of screens that no camera watches.
pub(crate) type UsesByCamera = std::collections::BTreeMap<Option<CameraId>, Uses>;
