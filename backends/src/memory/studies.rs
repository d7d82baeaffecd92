//! Studies and invitations to them.

use async_trait::async_trait;
use regard_commitments::{Digest, Kept};
use regard_domain::{PersonId, StudyId, Timestamp};

use super::MemoryStore;
use crate::{InvitationRow, Invited, SealedRow, StoreError, StudyRow, StudyStore};

/// An invitation with when it was used and when its time is over.
#[derive(Clone, Debug)]
pub(super) struct HeldInvitation {
    row: InvitationRow,
    spent_at: Option<Timestamp>,
    keep_until: Timestamp,
}

impl HeldInvitation {
    fn is_good(&self, now: Timestamp) -> bool {
        self.spent_at.is_none() && now < self.keep_until
    }
}

#[async_trait]
impl StudyStore for MemoryStore {
    async fn put_study(&self, study: &Kept<StudyRow>) -> Result<(), StoreError> {
        self.write(|rooms| {
            let row = study.row();
            rooms
                .studies
                .put(row.study.clone(), row.clone(), study.keep_until());
            Ok(())
        })
    }

    async fn studies(&self) -> Result<Vec<StudyRow>, StoreError> {
        self.read(|rooms| rooms.studies.values().cloned().collect())
    }

    async fn put_invitations(&self, rows: &[Kept<InvitationRow>]) -> Result<(), StoreError> {
        self.write(|rooms| {
            for kept in rows {
                let row = kept.row();
                if !rooms.invitations.contains(&row.token) {
                    let held = HeldInvitation {
                        row: row.clone(),
                        spent_at: None,
                        keep_until: kept.keep_until(),
                    };
                    rooms.invitations.put(row.token, held, kept.keep_until());
                }
            }
            Ok(())
        })
    }

    async fn invitation(
        &self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<StudyId>, StoreError> {
        self.read(|rooms| {
            let found = rooms.invitations.get(&token);
            let good = found.filter(|held| held.is_good(now));
            good.map(|held| held.row.study.clone())
        })
    }

    async fn spend_invitation(&self, token: Digest, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|rooms| {
            let Some((held, _)) = rooms.invitations.get_mut(&token) else {
                return Ok(false);
            };
            let is_good = held.is_good(now);
            if is_good {
                held.spent_at = Some(now);
            }
            Ok(is_good)
        })
    }

    async fn invited(&self, study: &StudyId) -> Result<Invited, StoreError> {
        self.read(|rooms| {
            let of_it = rooms
                .invitations
                .values()
                .filter(|held| held.row.study == *study);
            of_it.fold(Invited::default(), |sum, held| Invited {
                n_sent: sum.n_sent + 1,
                n_spent: sum.n_spent + u64::from(held.spent_at.is_some()),
            })
        })
    }

    async fn sealed_named(
        &self,
        kind: &str,
        name: &str,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        self.read(|rooms| {
            let rows = rooms.sealed.values().filter(|row| {
                row.kind == kind && row.name == name && after.is_none_or(|after| row.person > after)
            });
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            rows.take(limit).cloned().collect()
        })
    }
}
