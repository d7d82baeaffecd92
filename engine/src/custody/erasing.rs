//! Erasure: the keys of a person are destroyed, wherever copies of what they opened may lie.

use regard_backends::SealedSlots;
use regard_commitments::{EntryBody, ErasureProof, subject};
use regard_domain::PersonId;

use super::{Custodian, CustodyError};

impl Custodian {
    /// Destroys a person's keys, and with that all that is sealed under them, wherever copies lie; those of records that answer as one
    /// with theirs too. The proof, of the record that was named, is theirs to take away.
    ///
    /// # Errors
    /// [`CustodyError::Unrecorded`]: all is destroyed, but the ledger could not say so yet.
    pub async fn erase(&self, person: PersonId) -> Result<ErasureProof, CustodyError> {
        let _order = self.changing.lock().await;
        // The record that was named last: where the program dies in between, its token is good for asking again.
        for one in self.galleries.merged_with(person).into_iter().rev() {
            self.destroy(one).await?;
        }
        let said = self.settle().await?;
        let body = EntryBody::Erased {
            subject: subject(person),
        };
        let written = said.iter().rev().find(|(said, _)| *said == body);
        written
            .and_then(|(_, leaf)| ErasureProof::new(person, leaf, self.scribe.verifier()))
            .ok_or(CustodyError::UnknownToken)
    }

    /// Destroys a person's keys in memory, on the disk, and removes what they opened. The ledger is still to say so. Records that
    /// answered as one with theirs answer for themselves.
    pub(super) async fn destroy(&self, person: PersonId) -> Result<bool, CustodyError> {
        self.kill(person, |_| true).await;
        self.ask_anew(self.galleries.merged_with(person));
        let entry = self.entry(EntryBody::Erased {
            subject: subject(person),
        });
        let changed = self.keys.erase(person, &entry).await?;
        self.part(person).await;
        if !changed.is_wiped {
            tracing::warn!(
                "another program reads the file of keys; what was destroyed leaves its log with the next change"
            );
        }
        if let Err(error) = self.store.remove_sealed(person, SealedSlots::All).await {
            tracing::error!(%error, "rows whose key is destroyed could not be removed yet");
        }
        Ok(changed.was_there)
    }
}
