//! A sitting of a study at an installation that does not run: somebody's own pictures, analysed under the consent they gave here.

use std::path::Path;

use regard_backends::{KeyStore as _, OpenError, SqliteKeys, StoreError};
use regard_commitments::{
    Answer, Consent, ConsentPurpose, Digest, Lifeline, LiveConsent, MeasuredRate, MicroExpressions,
    MovementClaim, PersonFile, PromiseStanding, Refusal, RefusalCode, StudyGate,
    VerifiedCommitments,
};
use regard_domain::PersonId;
use thiserror::Error;

use super::offline::Installation;
use crate::config::SiteKeyConfig;
use crate::custody::{CustodyError, SiteKeyFile, file_of, person_of};
use crate::keys::KeyError;
use crate::seed::fresh_rng;

/// Why a sitting could not be asked for. A refusal of the gate is an answer, and none of these.
#[derive(Debug, Error)]
pub enum SittingError {
    /// Where the keys of persons are kept.
    #[error("the file of keys could not be opened")]
    Keys(#[from] OpenError),
    /// What belongs to the participant.
    #[error("the participant's record cannot be used")]
    Custody(#[from] CustodyError),
    /// The key of the site.
    #[error("the key of the site cannot be read")]
    SiteKey(#[from] KeyError),
    /// The store or the ledger.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
}

impl Installation {
    /// Asks the gate of studies for leave to look for movements of a fraction of a second in pictures of the person whose token
    /// this is, and has the ledger say the answer; durable when it returns. While this installation is held nobody can
    /// withdraw, so a sitting is short: let go of it as soon as the pictures are looked at.
    ///
    /// # Privacy
    /// Opens the participant's file to read one consent of it.
    ///
    /// # Errors
    /// [`SittingError`]; a refusal of the gate is an answer.
    pub async fn sit(
        &mut self,
        data_dir: &Path,
        (token, site_key): (&str, &SiteKeyConfig),
        (claim, rate): (MovementClaim, Option<MeasuredRate>),
    ) -> Result<Answer<MicroExpressions>, SittingError> {
        let keys = SqliteKeys::open(data_dir).await?;
        let consent = self
            .research_consent(&keys, token, (site_key, data_dir))
            .await;
        keys.close().await;
        let consent = match consent? {
            Answer::Granted(consent) => consent,
            Answer::Refused(refusal) => {
                self.tell_refusal(&refusal).await?;
                return Ok(Answer::Refused(refusal));
            }
        };
        let now = self.now();
        let mut gate = StudyGate::new(self.promise().clone(), self.profile().clone());
        let mut rng = fresh_rng().map_err(KeyError::NoEntropy)?;
        let ruled = gate.ask(&consent, (claim, rate), now, &mut rng);
        // The ledger first: what is not recorded is not done.
        self.enter(&ruled.entries, now).await?;
        Ok(ruled.outcome)
    }

    /// Has the ledger say that a sitting met a refusal outside the gate: pictures that show others, or that came too slowly while
    /// they were looked at. Durable when it returns.
    ///
    /// # Errors
    /// [`SittingError::Store`].
    pub async fn tell_refusal(&mut self, refusal: &Refusal) -> Result<(), SittingError> {
        let now = self.now();
        let mut gate = StudyGate::new(self.promise().clone(), self.profile().clone());
        let entries = gate.note(refusal, now);
        Ok(self.enter(&entries, now).await?)
    }

    async fn research_consent(
        &self,
        keys: &SqliteKeys,
        token: &str,
        (site_key, data_dir): (&SiteKeyConfig, &Path),
    ) -> Result<Answer<LiveConsent>, SittingError> {
        let purpose = ConsentPurpose::Research;
        let person: PersonId = person_of(keys, token).await?;
        let ring = SiteKeyFile::open(site_key, data_dir)?.ring();
        let file: PersonFile = file_of(keys, &ring, person).await?;
        let taken_under = match file.consent(purpose) {
            Some(consent) => self.taken_under(consent).await?,
            None => None,
        };
        let standing = PromiseStanding {
            in_force: self.promise(),
            taken_under: taken_under.as_ref(),
            profile: self.profile(),
            assessed: None,
        };
        let agreed = match file.ask(purpose, &standing, self.now()) {
            Answer::Granted(agreed) => agreed,
            Answer::Refused(refusal) => return Ok(Answer::Refused(refusal)),
        };
        let has_key = keys.purpose_key(person, purpose).await?.is_some();
        if !has_key || self.says_ended(agreed.receipt()) {
            return Ok(Answer::Refused(withdrawn(purpose)));
        }
        Ok(Answer::Granted(LiveConsent::new(
            person,
            agreed,
            Lifeline::default(),
        )))
    }

    /// The commitments that a consent was given under, where they are older than those in force.
    async fn taken_under(
        &self,
        consent: &Consent,
    ) -> Result<Option<VerifiedCommitments>, StoreError> {
        let digest: Digest = consent.commitments;
        if digest == self.promise().digest() {
            return Ok(None);
        }
        let stored = self.store().commitments(consent.version).await?;
        Ok(stored.and_then(|signed| signed.verify(self.promise().key()).ok()))
    }
}

fn withdrawn(purpose: ConsentPurpose) -> Refusal {
    Refusal::new(
        RefusalCode::ConsentWithdrawn,
        format!("the consent to {purpose} was withdrawn"),
        "ask the person to agree anew",
    )
}
