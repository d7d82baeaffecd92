//! Services that compare faces in a collection under an attestation of the privacy officer.

use std::time::Duration;

use rand::CryptoRng;
use regard_domain::Timestamp;

use super::{RecognitionGate, Terms, act_missing, keyed};
use crate::digest::Digest;
use crate::recognition::act::ActFor;
use crate::recognition::attestation::{AttestedCall, AttestedSource, VerifiedAttestation};
use crate::recognition::key::RecognitionKey;
use crate::recognition::kind::{AttestedUse, RecognitionKind};
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::sensing::Ruled;

/// How long the key of one call of a service holds.
const ATTESTED_TTL: Duration = Duration::from_secs(60);

impl RecognitionGate {
    /// Asks for one call of a service under an attestation; without one there is no consent to show.
    pub fn ask_attested(
        &mut self,
        attestation: Option<&VerifiedAttestation>,
        call: &AttestedCall,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<RecognitionKey<AttestedUse>>> {
        let ruled = self.rule_attested(attestation, call, now);
        let given = self.give(RecognitionKind::Attested, ruled, now, rng);
        keyed(given)
    }

    fn rule_attested(
        &mut self,
        attestation: Option<&VerifiedAttestation>,
        call: &AttestedCall,
        now: Timestamp,
    ) -> Result<Terms, Refusal> {
        if call.source == AttestedSource::Camera {
            return Err(Refusal::new(
                RefusalCode::NoReidentification,
                "faces from a camera are those of whoever passes, and nobody passing asked to be told apart",
                "have people act: identify them in an armed gallery that they enrolled in",
            ));
        }
        self.may(RecognitionKind::Attested, now)?;
        let act = call.act.map(|id| {
            let what = ActFor::Gallery(call.collection.clone());
            self.take_act(Some(id), &what, now)
        });
        let attestation = attestation.ok_or_else(|| {
            Refusal::new(
                RefusalCode::ConsentMissing,
                "neither a consent nor an attestation of the privacy officer covers this collection",
                "enrol people by an act of theirs, or have the privacy officer attest the collection",
            )
        })?;
        let stated = attestation.attestation();
        if stated.collection != call.collection {
            return Err(Refusal::new(
                RefusalCode::UntargetedCollection,
                "the attestation is about another collection",
                "have the privacy officer attest this one",
            ));
        }
        if !attestation.holds_at(now) {
            return Err(Refusal::new(
                RefusalCode::ConsentExpired,
                "the attestation has run out",
                "have the privacy officer attest the collection anew",
            ));
        }
        let line = self.attested.entry(attestation.digest()).or_default();
        if !line.holds() {
            return Err(Refusal::new(
                RefusalCode::ConsentWithdrawn,
                "the attestation was taken back",
                "have the privacy officer attest the collection anew",
            ));
        }
        let lifelines = vec![line.clone()];
        let act = match act {
            Some(act) => Some(act?),
            None if call.searches && !stated.uploads_are_acts => return Err(act_missing()),
            None => None,
        };
        Ok(Terms {
            gallery: Some(call.collection.clone()),
            act,
            attestation: Some(attestation.digest()),
            lifelines,
            ..Terms::until(now.plus(ATTESTED_TTL).min(stated.expires_at.at()))
        })
    }

    /// An attestation was taken back: calls under it end, and no more are let in.
    pub fn attestation_ended(&mut self, attestation: Digest) {
        self.attested.entry(attestation).or_default().cut();
    }

    /// Whether an attestation was taken back.
    pub fn is_attestation_ended(&self, attestation: Digest) -> bool {
        self.attested
            .get(&attestation)
            .is_some_and(|line| !line.holds())
    }
}
