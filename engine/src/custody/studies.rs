//! What participants of studies gave: sealed under the key that hangs on their consent to research, and gone with it.

use regard_commitments::{
    Answer, ConsentPurpose, DataKey, KeySlot, LiveConsent, MicroExpressions, SealedAs, StudyOnly,
};
use regard_domain::{PersonId, StudyId};
use serde::Serialize;

use super::{Custodian, CustodyError};

/// Kind of sittings among what is sealed under the key of purpose `research`; the name is that of the study.
pub(crate) const SITTING_KIND: &str = "sitting";

/// Kind of movements of a fraction of a second, likewise.
pub(crate) const MOVEMENTS_KIND: &str = "movements";

/// Rows read in one go.
const CHUNK: u32 = 200;

/// What one participant gave, still sealed, with the key and the consent under which it may be opened.
pub(crate) struct StudyRecord {
    pub(crate) person: PersonId,
    pub(crate) consent: LiveConsent,
    pub(crate) key: DataKey,
    pub(crate) body: Vec<u8>,
}

impl StudyRecord {
    /// Where it was sealed for.
    pub(crate) fn place<'a>(&self, kind: &'a str, study: &'a StudyId) -> SealedAs<'a> {
        SealedAs {
            person: self.person,
            kind,
            name: study.as_str(),
        }
    }
}

impl Custodian {
    /// Keeps what a participant gave for as long as they agree, in place of what they gave to the same study before.
    pub(crate) async fn put_sitting(
        &self,
        consent: &LiveConsent,
        study: &StudyId,
        plain: &[u8],
    ) -> Result<(), CustodyError> {
        self.put_study_row(consent, (SITTING_KIND, study), |key, place| {
            Ok(key.seal(place, plain, &mut Self::rng()?))
        })
        .await
    }

    /// Keeps movements that were found of a participant, likewise.
    pub(crate) async fn put_movements<T: Serialize + Sync>(
        &self,
        consent: &LiveConsent,
        study: &StudyId,
        (found, leave): (&StudyOnly<T>, &MicroExpressions),
    ) -> Result<(), CustodyError> {
        self.put_study_row(consent, (MOVEMENTS_KIND, study), |key, place| {
            let sealed = found.seal(leave, (key, place), self.now(), &mut Self::rng()?);
            // The sitting is over, or the consent: nothing is kept.
            sealed.ok_or(CustodyError::UnknownToken)
        })
        .await
    }

    async fn put_study_row(
        &self,
        consent: &LiveConsent,
        (kind, study): (&str, &StudyId),
        seal: impl FnOnce(&DataKey, &SealedAs<'_>) -> Result<Vec<u8>, CustodyError>,
    ) -> Result<(), CustodyError> {
        let _order = self.changing.lock().await;
        let person = consent.person();
        // A withdrawal before this has destroyed the key; one after it finds the row.
        let key = self
            .research_key(person)
            .await?
            .ok_or(CustodyError::UnknownToken)?;
        let place = SealedAs {
            person,
            kind,
            name: study.as_str(),
        };
        let row = regard_backends::SealedRow {
            person,
            kind: kind.to_owned(),
            name: study.to_string(),
            slot: KeySlot::Purpose(ConsentPurpose::Research),
            at: self.now(),
            body: seal(&key, &place)?,
        };
        let kept = self.retention.keep(row, self.now()).into_result()?;
        self.store
            .put_sealed(&[kept.no_later_than(consent.until())])
            .await?;
        Ok(())
    }

    async fn research_key(&self, person: PersonId) -> Result<Option<DataKey>, CustodyError> {
        const PURPOSE: ConsentPurpose = ConsentPurpose::Research;
        let held = self.keys.purpose_key(person, PURPOSE).await?;
        // What only its person opens is added to nothing.
        let Some(held) = held.filter(|held| !held.is_shared) else {
            return Ok(None);
        };
        self.with_ring(|ring| ring.unwrap((person, KeySlot::Purpose(PURPOSE)), &held.key, None))
            .map(Some)
    }

    /// What the participants of a study gave, of those whose consent holds now.
    pub(crate) async fn study_records(
        &self,
        kind: &str,
        study: &StudyId,
    ) -> Result<Vec<StudyRecord>, CustodyError> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let named = self.store.sealed_named(kind, study.as_str(), after, CHUNK);
            let rows = named.await?;
            let Some(last) = rows.last() else {
                return Ok(records);
            };
            after = Some(last.person);
            for row in rows {
                let consent = match self.ask(row.person, ConsentPurpose::Research).await? {
                    Answer::Granted(consent) => consent,
                    Answer::Refused(_) => continue,
                };
                let Some(key) = self.research_key(row.person).await? else {
                    continue;
                };
                records.push(StudyRecord {
                    person: row.person,
                    consent,
                    key,
                    body: row.body,
                });
            }
        }
    }
}
