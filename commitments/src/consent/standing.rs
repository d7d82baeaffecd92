//! What a question about consent is measured by: the promise then, the promise now, the law of the place.

use regard_domain::Timestamp;

use super::{Consent, ConsentPurpose, DpiaStanding};
use crate::change::Direction;
use crate::commitments::Custody;
use crate::digest::Digest;
use crate::profile::Profile;
use crate::refusal::{Refusal, RefusalCode};
use crate::signed::VerifiedCommitments;
use crate::written_release::{ReleaseSignature, ReleaseText};

/// The promises that a question about consent is measured by.
#[derive(Clone, Copy, Debug)]
pub struct PromiseStanding<'a> {
    /// The commitments in force.
    pub in_force: &'a VerifiedCommitments,
    /// Those under which the consent was given, as far as they are still known.
    pub taken_under: Option<&'a VerifiedCommitments>,
    /// The profile of the site.
    pub profile: &'a Profile,
    /// Hash of what an impact assessment of the configuration that runs is about, where that is known.
    pub assessed: Option<Digest>,
}

impl PromiseStanding<'_> {
    /// Whether a consent to this purpose may be asked for now, and what hangs on one may be used.
    ///
    /// # Errors
    /// `feature_not_in_profile`, `purpose_not_promised`, `no_alternative_path`, `dpia_missing`.
    pub fn may_ask_for(&self, purpose: ConsentPurpose, now: Timestamp) -> Result<(), Refusal> {
        let document = self.in_force.document();
        if let Some(kind) = purpose.recognition() {
            self.profile.may_recognize(kind)?;
        }
        if !document.consent_purposes.contains(&purpose) {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                format!(
                    "version {} of the commitments does not name purpose {purpose}",
                    document.version
                ),
                "add it to consent_purposes and sign a new version",
            ));
        }
        if purpose == ConsentPurpose::Identify {
            self.may_identify()?;
        }
        let needs_dpia =
            purpose == ConsentPurpose::Identify || document.custody == Custody::Controller;
        if needs_dpia {
            self.ask_for_dpia(now)?;
        }
        Ok(())
    }

    /// What identification needs besides consent and assessment: templates that the site may hold, and a way without it.
    fn may_identify(&self) -> Result<(), Refusal> {
        let document = self.in_force.document();
        if document.custody != Custody::Controller {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                "the commitments leave templates to the persons, and only templates that the site holds can be searched",
                "verify people by their tokens, or promise custody \"controller\" and say why",
            ));
        }
        if document.alternative_path.is_none() {
            return Err(Refusal::new(
                RefusalCode::NoAlternativePath,
                "the commitments name no equivalent way for those who do not want to be recognised",
                "say under alternative_path what people do instead, and see that it is as good",
            ));
        }
        Ok(())
    }

    /// Whether services may hold faces under an attestation of the privacy officer.
    ///
    /// # Errors
    /// `purpose_not_promised`, `dpia_missing`.
    pub fn may_hold_for_services(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.in_force.document().custody != Custody::Controller {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                "the commitments leave templates to the persons, and collections of services are held by the site",
                "promise custody \"controller\" and say why",
            ));
        }
        self.ask_for_dpia(now)
    }

    /// The release in writing that people sign here before a face is measured, in each language of the notice; nothing where
    /// the law of the place wants none.
    pub fn releases(&self) -> Vec<ReleaseText> {
        ReleaseText::all(self.in_force, self.profile)
    }

    /// The release that somebody signed who agrees to this purpose; nothing where the law of the place wants none, whatever
    /// was signed.
    ///
    /// # Errors
    /// `consent_missing` without a signature, and with one below another text than that of the commitments in force.
    pub fn released(
        &self,
        purpose: ConsentPurpose,
        signature: Option<&ReleaseSignature>,
    ) -> Result<Option<ReleaseText>, Refusal> {
        self.wants_release(purpose, signature.is_some())?;
        let Some(signature) = signature.filter(|_| self.needs_release(purpose)) else {
            return Ok(None);
        };
        let mut texts = self.releases().into_iter();
        let signed = texts.find(|text| text.digest() == signature.text());
        signed.map(Some).ok_or_else(|| {
            Refusal::new(
                RefusalCode::ConsentMissing,
                "the release that was signed is not the one of the commitments in force",
                "show the release anew and have the person sign it",
            )
        })
    }

    fn needs_release(&self, purpose: ConsentPurpose) -> bool {
        purpose.is_biometric() && self.profile.needs_written_release()
    }

    /// Whether the law of the place wants a release in writing that is not there.
    pub(super) fn wants_release(
        &self,
        purpose: ConsentPurpose,
        is_released: bool,
    ) -> Result<(), Refusal> {
        if self.needs_release(purpose) && !is_released {
            return Err(Refusal::new(
                RefusalCode::ConsentMissing,
                format!(
                    "profile {} wants a written release before a face is measured",
                    self.profile.name()
                ),
                "show the release and have the person sign it",
            ));
        }
        Ok(())
    }

    /// Whether there is an impact assessment that counts.
    pub(super) fn ask_for_dpia(&self, now: Timestamp) -> Result<(), Refusal> {
        let dpia = self.in_force.document().dpia.as_ref();
        let reason = match dpia.map(|dpia| dpia.standing(self.assessed, now)) {
            Some(DpiaStanding::Holds) => return Ok(()),
            Some(DpiaStanding::OfAnotherConfiguration) => {
                "the signed impact assessment is about another configuration"
            }
            Some(DpiaStanding::NotYetSigned | DpiaStanding::TooOld) | None => {
                "no signed impact assessment younger than 12 months"
            }
        };
        Err(Refusal::new(
            RefusalCode::DpiaMissing,
            reason,
            "assess the impact, have it signed, and name it under [dpia] in the commitments",
        ))
    }

    /// Whether data taken under `taken` may serve the purpose under the commitments in force: the promise was not
    /// weakened since.
    pub(super) fn reaches(&self, consent: &Consent) -> Result<(), Refusal> {
        if consent.commitments == self.in_force.digest() {
            return Ok(());
        }
        let taken = self
            .taken_under
            .filter(|taken| taken.digest() == consent.commitments);
        let (reason, newer) = match taken {
            None => (
                "the commitments it was given under are not known any more".to_owned(),
                self.in_force.document().version,
            ),
            Some(taken) => {
                let (old, new) = (taken.document(), self.in_force.document());
                // What cannot be compared counts as weaker.
                let weakened = old.changes_to(new).map_or(true, |all| {
                    all.iter().any(|c| c.direction == Direction::Weakens)
                });
                if !weakened {
                    return Ok(());
                }
                let reason = format!(
                    "it was given under version {}, and version {} weakens the promise",
                    old.version, new.version
                );
                (reason, new.version)
            }
        };
        Err(Refusal::new(
            RefusalCode::PurposeNotPromised,
            reason,
            format!("ask the person to agree to version {newer}"),
        ))
    }
}
