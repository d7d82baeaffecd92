//! Calls of services under an attestation, and the benches where their pictures are looked at.

use std::sync::PoisonError;

use regard_commitments::{
    Act, ActKind, AttestedCall, AttestedUse, RecognitionKey, RecognitionKind, VerifiedAttestation,
};
use regard_domain::{GalleryId, Timestamp};

use super::attempts::AttemptOutcome;
use super::studio::Bench;
use super::{RecognitionError, Recognizer};

/// Leave for one call of a service.
pub(crate) struct AttestedLeave {
    pub(crate) key: RecognitionKey<AttestedUse>,
    /// When the attestation behind it runs out.
    pub(crate) until: Timestamp,
}

impl Recognizer {
    /// The attestation of a service about a collection, the one that holds longest where there are several.
    fn attestation_of(&self, service: &str, collection: &GalleryId) -> Option<VerifiedAttestation> {
        let held = self
            .attestations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let about = held.values().map(|known| &known.verified).filter(|known| {
            let stated = known.attestation();
            stated.service == service && stated.collection == *collection
        });
        about
            .max_by_key(|known| (known.attestation().expires_at.at(), known.digest()))
            .cloned()
    }

    /// Asks for one call of a service; an act that is named is used up.
    pub(crate) async fn ask_attested(
        &self,
        service: &str,
        call: &AttestedCall,
    ) -> Result<AttestedLeave, RecognitionError> {
        let attestation = self.attestation_of(service, &call.collection);
        let asked = self
            .ask(|gate, now, rng| gate.ask_attested(attestation.as_ref(), call, now, rng))
            .await?;
        let key = asked.into_result().map_err(RecognitionError::from);
        let key = self.begun_or_noted(RecognitionKind::Attested, key)?;
        self.note_attempt(RecognitionKind::Attested, AttemptOutcome::Accepted, &[]);
        let until = attestation.map_or(self.now(), |known| known.attestation().expires_at.at());
        Ok(AttestedLeave { key, until })
    }

    /// Somebody acts, and a service tells of it: they want to be found in its collection. Good once, for a minute.
    ///
    /// # Errors
    /// [`RecognitionError`]; an act is not taken where services hold no collections.
    pub async fn act_for_service(
        &self,
        collection: &GalleryId,
        kind: ActKind,
    ) -> Result<Act, RecognitionError> {
        self.gate().may(RecognitionKind::Attested, self.now())?;
        self.ask(|gate, now, rng| gate.act_before(collection, kind, now, rng))
            .await
    }

    /// Does work on a bench, away from the threads that answer requests.
    pub(crate) async fn on_bench<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, RecognitionError> {
        Ok(self.studio.work(work).await?)
    }
}
