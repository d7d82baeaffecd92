//! Studies: leave to look at participants who agreed to that, in pictures that they hand in themselves; and leave of its own to
//! look for movements of a fraction of a second in their faces.
//!
//! What a person shows without knowing is never an input or a reward of a decision (AI Act 5(1)(a)). So nothing of it is found
//! without [`MicroExpressions`], which this gate alone gives, to one participant, for the purpose `research`; and what is found
//! is [`StudyOnly`], which converts into nothing and opens with that participant's key alone.

mod invitation;
mod pooled;
mod rate;
mod study_only;

use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use regard_domain::Timestamp;

pub use self::invitation::{BadInvitation, StudyInvitation};
pub use self::pooled::{MovementSums, SealedMovements};
pub use self::rate::{LONGEST_MOVEMENT, MeasuredRate, MovementClaim, SHORTEST_MOVEMENT};
pub use self::study_only::StudyOnly;

use crate::commitments::ProcessingPurpose;
use crate::consent::{ConsentPurpose, LiveConsent};
use crate::digest::Digest;
use crate::erasure::subject;
use crate::grant::{Grant, Lifeline, Scoped, Sensing, SensingTerms};
use crate::ledger::{EntryBody, LedgerEntry};
use crate::profile::Profile;
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::scope::{MicroExpressionScope, Scope, Scopes};
use crate::sensing::Ruled;
use crate::signed::VerifiedCommitments;
use crate::told::ToldRefusals;

/// How long one sitting of a participant may last: longer than anybody looks at messages in one go.
const SITTING: Duration = Duration::from_secs(2 * 3_600);

/// Leave to look for micro-expressions of one participant, in pictures that they hand in by an act of their own.
///
/// # Privacy
/// Does not print whom it is about. Dies with the consent, wherever it is held.
#[derive(Clone)]
pub struct MicroExpressions {
    scoped: Scoped<MicroExpressionScope>,
    claim: MovementClaim,
    /// Of this sitting, so that what was found in it opens with it alone.
    sitting: Digest,
}

impl fmt::Debug for MicroExpressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MicroExpressions({:?}, rest withheld)", self.claim)
    }
}

impl MicroExpressions {
    /// The grant of detectors, pose and expression for these pictures, as far as the site promised them.
    pub fn sensing(&self) -> &Grant<Sensing> {
        self.scoped.grant()
    }

    /// The shortest movement that may be claimed.
    pub const fn claim(&self) -> MovementClaim {
        self.claim
    }

    /// Whether the consent holds and the sitting goes on. Ask before each frame.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.scoped.grant().is_live_at(now)
    }

    /// Whether frames still come fast enough: a camera that was fast may become slow.
    ///
    /// # Errors
    /// `fps_too_low_for_microexpression`; slower movements may still be looked at, under the scope `expression`.
    pub fn keeps_up(&self, rate: MeasuredRate) -> Result<(), Refusal> {
        self.claim.check(rate)
    }
}

/// Says whether micro-expressions may be looked for.
///
/// # Privacy
/// Sees no face: a consent, a rate of frames, the time.
#[derive(Debug)]
pub struct StudyGate {
    commitments: VerifiedCommitments,
    profile: Profile,
    /// What everything hangs on while the ledger can be written.
    recorded: Lifeline,
    is_ledger_out: bool,
    told: ToldRefusals,
}

impl StudyGate {
    /// The gate of these commitments.
    pub fn new(commitments: VerifiedCommitments, profile: Profile) -> Self {
        Self {
            commitments,
            profile,
            recorded: Lifeline::default(),
            is_ledger_out: false,
            told: ToldRefusals::default(),
        }
    }

    /// Asks to look at a participant, in pictures that they hand in by an act of their own: where they look, and what their face
    /// shows, as far as the site promised it. No movement of a fraction of a second.
    ///
    /// # Errors
    /// As an answer: `ledger_unavailable`, `feature_not_in_profile`, `purpose_not_promised`, `workplace_or_education`,
    /// `consent_missing`, `consent_withdrawn`, `consent_expired`.
    pub fn sit(
        &mut self,
        consent: &LiveConsent,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<Grant<Sensing>>> {
        if let Err(refusal) = self.rule_sitting(consent, now) {
            return self.refuse(refusal, now);
        }
        let (grant, _, entry) = self.seat(self.scopes_beside(), consent, now, rng);
        Ruled {
            outcome: Answer::Granted(grant),
            entries: vec![entry],
        }
    }

    /// A grant under a fresh number, and what the ledger is to say of it.
    fn seat(
        &self,
        scopes: Scopes,
        consent: &LiveConsent,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> (Grant<Sensing>, Digest, LedgerEntry) {
        let until = consent.until().min(now.plus(SITTING));
        let lifelines = vec![consent.lifeline().clone(), self.recorded.clone()];
        let terms = SensingTerms::of_own_pictures(scopes, self.commitments.digest());
        let grant = Grant::issue(terms, until, lifelines);
        let mut random = [0; 32];
        rng.fill_bytes(&mut random);
        let number = Digest::of(&[b"regard sitting v1\0", &random]);
        let body = EntryBody::StudyGranted {
            subject: subject(consent.person()),
            receipt: consent.receipt(),
            number,
            until,
        };
        (grant, number, LedgerEntry { at: now, body })
    }

    /// Asks to look for movements in the face of a participant. `rate`: how fast their frames were seen to come, nothing where too
    /// few came to say; what a camera says of itself does not count.
    ///
    /// # Errors
    /// As an answer: `ledger_unavailable`, `feature_not_in_profile`, `purpose_not_promised`, `workplace_or_education`,
    /// `consent_missing`, `consent_withdrawn`, `consent_expired`, `fps_too_low_for_microexpression`.
    pub fn ask(
        &mut self,
        consent: &LiveConsent,
        (claim, rate): (MovementClaim, impl Into<Option<MeasuredRate>>),
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<MicroExpressions>> {
        let ruled = self.rule(consent, claim, rate.into(), now);
        if let Err(refusal) = ruled {
            return self.refuse(refusal, now);
        }
        let scopes = self.scopes_beside().with(Scope::MicroExpression);
        let (grant, sitting, entry) = self.seat(scopes, consent, now, rng);
        let Some(scoped) = grant.micro_expression() else {
            unreachable!("the scopes of a study hold its own");
        };
        Ruled {
            outcome: Answer::Granted(MicroExpressions {
                scoped,
                claim,
                sitting,
            }),
            entries: vec![entry],
        }
    }

    fn refuse<T>(&mut self, refusal: Refusal, now: Timestamp) -> Ruled<Answer<T>> {
        let entries = self.note(&refusal, now);
        Ruled {
            outcome: Answer::Refused(refusal),
            entries,
        }
    }

    /// What the ledger is to say of a refusal that a sitting met outside this gate: pictures that do not do, or a camera that was
    /// fast when leave was given and became slow.
    #[must_use]
    pub fn note(&mut self, refusal: &Refusal, now: Timestamp) -> Vec<LedgerEntry> {
        if self.is_ledger_out {
            return Vec::new();
        }
        let code = refusal.code;
        self.told
            .entry(now, |n_untold| EntryBody::StudyRefused { code, n_untold })
    }

    /// Whether participants could be looked at here at all, and for movements of a fraction of a second.
    ///
    /// # Errors
    /// `ledger_unavailable`, `feature_not_in_profile`, `purpose_not_promised`, `workplace_or_education`.
    pub fn may(&self, with_movements: bool) -> Result<(), Refusal> {
        self.rule_site()?;
        if with_movements {
            self.rule_movements()?;
        }
        Ok(())
    }

    fn rule(
        &self,
        consent: &LiveConsent,
        claim: MovementClaim,
        rate: Option<MeasuredRate>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.rule_ledger()?;
        self.rule_movements()?;
        self.rule_place()?;
        consent.serves(ConsentPurpose::Research, now)?;
        let rate = rate.ok_or_else(|| {
            Refusal::new(
                RefusalCode::FpsTooLowForMicroexpression,
                "too few pictures came to measure how fast they come",
                "use a faster camera or connection; what lasts longer is looked at all the same",
            )
        })?;
        claim.check(rate)
    }

    fn rule_sitting(&self, consent: &LiveConsent, now: Timestamp) -> Result<(), Refusal> {
        self.rule_site()?;
        consent.serves(ConsentPurpose::Research, now)
    }

    fn rule_movements(&self) -> Result<(), Refusal> {
        let scope = Scope::MicroExpression;
        if !self.profile.allowed_scopes().contains(scope) {
            return Err(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                format!("profile {} does not allow {scope}", self.profile.name()),
                "choose a profile that allows it, and sign commitments for that profile",
            ));
        }
        let document = self.commitments.document();
        let is_promised = document.scopes.contains(scope)
            && document.purposes.contains(&ProcessingPurpose::Research);
        if !is_promised {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                format!(
                    "version {} of the commitments does not name {scope} for research",
                    document.version
                ),
                "add the scope and the purpose, and sign a new version",
            ));
        }
        Ok(())
    }

    fn rule_site(&self) -> Result<(), Refusal> {
        self.rule_ledger()?;
        let document = self.commitments.document();
        let version = document.version;
        for scope in [Scope::Count, Scope::Attention] {
            if !self.may_be_looked_at(scope) {
                return Err(Refusal::new(
                    RefusalCode::FeatureNotInProfile,
                    format!("profile {} does not allow {scope}", self.profile.name()),
                    "choose a profile that allows it, and sign commitments for that profile",
                ));
            }
            if !document.scopes.contains(scope) {
                return Err(Refusal::new(
                    RefusalCode::PurposeNotPromised,
                    format!("version {version} of the commitments does not name {scope}"),
                    "add the scope, and sign a new version",
                ));
            }
        }
        if !document
            .consent_purposes
            .contains(&ConsentPurpose::Research)
        {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                format!(
                    "version {version} of the commitments does not name research among what people may agree to"
                ),
                "add \"research\" to consent_purposes, and sign a new version",
            ));
        }
        self.rule_place()
    }

    /// Whether the profile lets somebody be looked at so who agreed to it: where it waits for people to agree, participants
    /// did.
    fn may_be_looked_at(&self, scope: Scope) -> bool {
        let (open, agreed) = (
            self.profile.allowed_scopes(),
            self.profile.consented_scopes(),
        );
        open.contains(scope) || agreed.contains(scope)
    }

    fn rule_ledger(&self) -> Result<(), Refusal> {
        if self.is_ledger_out {
            return Err(Refusal::new(
                RefusalCode::LedgerUnavailable,
                "the ledger cannot be written, and what cannot be recorded is not done",
                "free disk space or repair the data folder",
            ));
        }
        Ok(())
    }

    fn rule_place(&self) -> Result<(), Refusal> {
        if self
            .commitments
            .document()
            .declarations
            .is_workplace_or_education()
        {
            return Err(Refusal::new(
                RefusalCode::WorkplaceOrEducation,
                "people at work or in education are looked at",
                "invite participants to where neither is the case",
            ));
        }
        Ok(())
    }

    /// What may be looked at but movements: as much of counting, attention and expression as the site promised.
    fn scopes_beside(&self) -> Scopes {
        let promised = &self.commitments.document().scopes;
        let may = |scope: &Scope| self.may_be_looked_at(*scope) && promised.contains(*scope);
        Scopes::AUDIENCE.iter().filter(may).collect()
    }

    /// The ledger cannot be written: every sitting ends, and none begins until [`Self::ledger_available`].
    pub fn ledger_unavailable(&mut self) {
        self.is_ledger_out = true;
        self.recorded.cut();
    }

    /// The ledger can be written again.
    pub fn ledger_available(&mut self) {
        if self.is_ledger_out {
            self.is_ledger_out = false;
            self.recorded = Lifeline::default();
        }
    }
}

#[cfg(test)]
mod tests;
