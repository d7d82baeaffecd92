//! Cameras that wait until somebody in front of them agrees.

use std::time::Duration;

use regard_domain::{CameraId, Timestamp};

use super::{CameraState, Revocation, Ruled, SensingGate};
use crate::commitments::ProcessingPurpose;
use crate::ledger::{EntryBody, LedgerEntry};
use crate::profile::Profile;
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::scope::Scopes;
use crate::word::word;

/// The longest that one agreement opens a camera. Origin: longer than anybody stands before a screen; whoever
/// stays agrees again, and whoever comes after was not asked.
pub const MAX_AGREEMENT: Duration = Duration::from_mins(5);

/// What people in front of a camera said about being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Nobody agreed yet.
    Never,
    /// Somebody did, until then.
    Until(Timestamp),
    /// Whoever had agreed left.
    Over,
    /// Somebody took it back.
    Withdrawn,
}

impl Agreement {
    /// Whether it holds now.
    ///
    /// # Errors
    /// The refusal, where it does not.
    pub(super) fn check(self, now: Timestamp) -> Result<(), Refusal> {
        let (code, reason) = match self {
            Self::Until(end) if now < end => return Ok(()),
            Self::Never => (
                RefusalCode::ConsentMissing,
                "nobody in front of the camera has agreed",
            ),
            Self::Until(_) | Self::Over => (
                RefusalCode::ConsentExpired,
                "the agreement of whoever was in front of the camera is over",
            ),
            Self::Withdrawn => (
                RefusalCode::ConsentWithdrawn,
                "somebody in front of the camera took their agreement back",
            ),
        };
        Err(Refusal::new(
            code,
            reason,
            "scan the code on the screen and agree",
        ))
    }
}

impl CameraState {
    /// When the agreement ends on which one of these scopes rests; `None` where none rests on one.
    pub(super) fn agreement_bounds(&self, scopes: Scopes, profile: &Profile) -> Option<Timestamp> {
        let open = profile.allowed_scopes();
        match self.agreement {
            Agreement::Until(end) if scopes.iter().any(|scope| !open.contains(scope)) => Some(end),
            _ => None,
        }
    }
}

impl SensingGate {
    /// Somebody in front of a camera agreed to be looked at, until then, at most [`MAX_AGREEMENT`] from `now`.
    /// The answer says until when it holds. Agreeing opens nothing by itself: ask again.
    ///
    /// That they stand there, and not elsewhere, is for the caller to make sure.
    pub fn agree(
        &mut self,
        camera: &CameraId,
        until: Timestamp,
        now: Timestamp,
    ) -> Ruled<Answer<Timestamp>> {
        let refused = |reason: String, remedy: &str| {
            Answer::Refused(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                reason,
                remedy,
            ))
        };
        if self.profile.consented_scopes().is_empty() {
            let reason = format!("profile {} waits for no agreement", self.profile.name());
            let outcome = refused(reason, "nothing needs to be done");
            return self.ruled(outcome, Vec::new());
        }
        let until = until.min(now.plus(MAX_AGREEMENT));
        let Some(state) = self.cameras.get_mut(camera) else {
            let outcome = refused(
                format!("there is no camera {camera}"),
                "scan the code on the screen",
            );
            return self.ruled(outcome, Vec::new());
        };
        let until = match state.agreement {
            Agreement::Until(earlier) => earlier.max(until),
            Agreement::Never | Agreement::Over | Agreement::Withdrawn => until,
        };
        state.agreement = Agreement::Until(until);
        let entry = LedgerEntry {
            at: now,
            body: EntryBody::Agreed {
                camera: camera.clone(),
                until,
            },
        };
        self.ruled(Answer::Granted(until), vec![entry])
    }

    /// Somebody takes an agreement back: what rests on it closes at once.
    pub fn withdraw_agreement(
        &mut self,
        camera: &CameraId,
        now: Timestamp,
    ) -> Ruled<Vec<Revocation>> {
        self.end_agreement(camera, Agreement::Withdrawn, now)
    }

    /// Nobody is in front of the camera any more: whoever comes next was not asked.
    pub fn agreement_over(&mut self, camera: &CameraId, now: Timestamp) -> Ruled<Vec<Revocation>> {
        self.end_agreement(camera, Agreement::Over, now)
    }

    /// Whether data about the audience may serve that purpose now: what is seen through this camera, or,
    /// where there is none, what comes of messages otherwise, such as scans of their codes.
    pub fn may_serve(
        &self,
        camera: Option<&CameraId>,
        purpose: ProcessingPurpose,
        now: Timestamp,
    ) -> Answer<()> {
        let document = self.commitments.document();
        let named = word(&purpose);
        if !document.purposes.contains(&purpose) {
            return Answer::Refused(Refusal::new(
                RefusalCode::PurposeNotPromised,
                format!(
                    "version {} of the commitments does not name \"{named}\"",
                    document.version,
                ),
                format!("add \"{named}\" to purposes and sign a new version"),
            ));
        }
        if self.profile.allows_purpose(purpose, false) {
            return Answer::Granted(());
        }
        if !self.profile.allows_purpose(purpose, true) {
            return Answer::Refused(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                format!("profile {} does not allow \"{named}\"", self.profile.name(),),
                "choose a profile that allows it, and sign commitments for that profile",
            ));
        }
        let agreement = camera
            .and_then(|camera| self.cameras.get(camera))
            .map_or(Agreement::Never, |state| state.agreement);
        match agreement.check(now) {
            Ok(()) => Answer::Granted(()),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    /// Until when somebody in front of a camera agreed to be looked at; `None` where nobody does.
    pub fn agreed_until(&self, camera: &CameraId, now: Timestamp) -> Option<Timestamp> {
        match self.cameras.get(camera)?.agreement {
            Agreement::Until(end) if now < end => Some(end),
            _ => None,
        }
    }

    fn end_agreement(
        &mut self,
        camera: &CameraId,
        how: Agreement,
        now: Timestamp,
    ) -> Ruled<Vec<Revocation>> {
        let Some(state) = self.cameras.get_mut(camera) else {
            return self.ruled(Vec::new(), Vec::new());
        };
        if !matches!(state.agreement, Agreement::Until(_)) {
            return self.ruled(Vec::new(), Vec::new());
        }
        state.agreement = how;
        let ended = LedgerEntry {
            at: now,
            body: EntryBody::AgreementEnded {
                camera: camera.clone(),
            },
        };
        let mut ruled = self.tick(now);
        let entries = self.ruled((), vec![ended]).entries;
        ruled.entries.splice(0..0, entries);
        ruled
    }
}
