//! Attestations of the privacy officer: made, kept, taken back.

use std::sync::PoisonError;
use std::time::Duration;

use rand::Rng as _;
use regard_backends::Setting;
use regard_commitments::{
    Answer, Attestation, AttestationTerms, Digest, EntryBody, LedgerEntry, Refusal, RefusalCode,
    SignedAttestation, TokenId, VerifiedAttestation, gallery_subject,
};
use regard_domain::GalleryId;

use super::{RecognitionError, Recognizer};

/// How settings begin that hold attestations.
const SETTING_PREFIX: &str = "attestation.";

/// Attestations that may hold at once: more than a site has services.
const MAX_ATTESTATIONS: usize = 100;

/// What is to be attested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationWish {
    /// The service that works under it.
    pub service: String,
    /// What faces are compared for.
    pub purpose: String,
    /// The collection.
    pub collection: GalleryId,
    /// Where the pictures come from, and on which ground they are held.
    pub lawful_source: String,
    /// Whether pictures that are sent are acts of the persons in them.
    pub uploads_are_acts: bool,
    /// Who attests it.
    pub signed_by: String,
    /// With which token.
    pub officer: Option<TokenId>,
    /// For how long, at most 365 days.
    pub valid_for: Duration,
}

/// An attestation that was made here and not taken back.
#[derive(Clone, Debug)]
pub struct KnownAttestation {
    /// What it says.
    pub verified: VerifiedAttestation,
    /// Its signed text.
    pub signed: SignedAttestation,
}

impl Recognizer {
    /// Attests a collection: the officer's statement is signed, kept, and in the ledger before it counts.
    ///
    /// # Errors
    /// [`RecognitionError`].
    pub async fn attest(
        &self,
        wish: AttestationWish,
    ) -> Result<KnownAttestation, RecognitionError> {
        let now = self.now();
        self.gate()
            .may(regard_commitments::RecognitionKind::Attested, now)?;
        if self.attestations().len() >= MAX_ATTESTATIONS {
            return Err(RecognitionError::Refused(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                format!("{MAX_ATTESTATIONS} attestations hold already"),
                "take one back that is not needed",
            )));
        }
        let mut rng = Self::rng()?;
        let number = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let terms = AttestationTerms {
            number,
            service: &wish.service,
            purpose: &wish.purpose,
            collection: wish.collection.clone(),
            lawful_source: &wish.lawful_source,
            uploads_are_acts: wish.uploads_are_acts,
            signed_by: &wish.signed_by,
            officer: wish.officer.clone(),
            valid_for: wish.valid_for,
        };
        let attestation = Attestation::issue(terms, self.custodian.commitments(), now)?;
        let signed = attestation.sign(&self.attestations_key);
        let verified = signed.verify(&self.attestations_key.verifying_key())?;
        let body = EntryBody::AttestationMade {
            attestation: verified.digest(),
            collection: gallery_subject(&wish.collection),
            until: attestation.expires_at.at(),
        };
        self.tell(vec![LedgerEntry { at: now, body }]).await?;
        let known = KnownAttestation { verified, signed };
        self.keep(&known).await?;
        let mut held = self
            .attestations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        held.insert(known.verified.digest(), known.clone());
        Ok(known)
    }

    async fn keep(&self, known: &KnownAttestation) -> Result<(), RecognitionError> {
        let setting = Setting {
            name: format!("{SETTING_PREFIX}{}", known.verified.digest()),
            value: known.signed.as_str().to_owned(),
        };
        let kept = match self.retention.keep(setting, self.now()) {
            Answer::Granted(kept) => kept,
            Answer::Refused(refusal) => return Err(RecognitionError::Refused(refusal)),
        };
        let until = known.verified.attestation().expires_at.at();
        Ok(self.store.put_setting(&kept.no_later_than(until)).await?)
    }

    /// Takes an attestation back: what works under it ends at once; whether there was one.
    ///
    /// # Errors
    /// [`RecognitionError`] where the ledger cannot be told; nothing works under it then until the program ends, and it can
    /// be taken back again until the ledger tells of it.
    pub async fn end_attestation(&self, digest: Digest) -> Result<bool, RecognitionError> {
        let held = || {
            self.attestations
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if !held().contains_key(&digest) {
            return Ok(false);
        }
        self.gate().attestation_ended(digest);
        let body = EntryBody::AttestationEnded {
            attestation: digest,
        };
        let entry = LedgerEntry {
            at: self.now(),
            body,
        };
        self.tell(vec![entry]).await?;
        held().remove(&digest);
        let name = format!("{SETTING_PREFIX}{digest}");
        if let Err(error) = self.store.remove_setting(&name).await {
            // It is over whatever the files say: the next start reads so in the ledger, and removes it.
            tracing::warn!(%error, "the text of an attestation that was taken back is removed at the next start");
        }
        Ok(true)
    }

    /// The attestations that hold, in order of their hash.
    pub fn attestations(&self) -> Vec<KnownAttestation> {
        let now = self.now();
        let held = self
            .attestations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        held.values()
            .filter(|known| known.verified.holds_at(now))
            .cloned()
            .collect()
    }

    /// Takes up the attestations that held when the program ended.
    pub(super) async fn take_up_attestations(&self) -> Result<(), RecognitionError> {
        let key = self.attestations_key.verifying_key();
        for setting in self.store.settings(SETTING_PREFIX).await? {
            let signed = SignedAttestation::from_text(setting.value);
            let Ok(verified) = signed.verify(&key) else {
                tracing::warn!("an attestation that was kept is not one of this site any more");
                self.store.remove_setting(&setting.name).await?;
                continue;
            };
            if self.gate().is_attestation_ended(verified.digest()) {
                // It came back with an older file.
                self.store.remove_setting(&setting.name).await?;
                continue;
            }
            let known = KnownAttestation { verified, signed };
            self.keep(&known).await?;
            let mut held = self
                .attestations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            held.insert(known.verified.digest(), known);
        }
        Ok(())
    }
}
