//! Studies and invitations to them.

use async_trait::async_trait;
use regard_commitments::{Digest, Kept};
use regard_domain::{PersonId, StudyId, Timestamp};

use super::SqliteStore;
use super::failure::from_sqlx;
use super::sealed::{id, person_in};
use crate::{InvitationRow, Invited, SealedRow, StoreError, StudyRow, StudyStore, form};

/// What is sealed under one kind and name.
pub(super) const SEALED_NAMED: &str = "SELECT person, slot, at, body FROM sealed WHERE kind = ? AND name = ? AND person > ? ORDER BY person LIMIT ?";

/// How many were invited to a study, and how many of them came.
pub(super) const INVITED: &str =
    "SELECT count(*), count(spent_at) FROM invitations WHERE study = ?";

fn study_in(text: String) -> Result<StudyId, StoreError> {
    StudyId::new(text).map_err(|source| StoreError::Form {
        what: "study",
        source: source.into(),
    })
}

#[async_trait]
impl StudyStore for SqliteStore {
    async fn put_study(&self, study: &Kept<StudyRow>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let row = study.row();
        sqlx::query(
            "INSERT INTO studies (study, plan, is_open, at, keep_until) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET plan = excluded.plan, is_open = excluded.is_open, at = excluded.at, keep_until = excluded.keep_until",
        )
        .bind(row.study.as_str())
        .bind(&row.plan)
        .bind(row.is_open)
        .bind(row.at.as_micros())
        .bind(study.keep_until().as_micros())
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn studies(&self) -> Result<Vec<StudyRow>, StoreError> {
        let rows: Vec<(String, String, bool, i64)> =
            sqlx::query_as("SELECT study, plan, is_open, at FROM studies ORDER BY study")
                .fetch_all(&self.readers)
                .await
                .map_err(from_sqlx)?;
        rows.into_iter()
            .map(|(study, plan, is_open, at)| {
                Ok(StudyRow {
                    study: study_in(study)?,
                    plan,
                    is_open,
                    at: Timestamp::from_micros(at),
                })
            })
            .collect()
    }

    async fn put_invitations(&self, rows: &[Kept<InvitationRow>]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for kept in rows {
            let row = kept.row();
            sqlx::query(
                "INSERT INTO invitations (token, study, at, keep_until) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(row.token.as_bytes().as_slice())
            .bind(row.study.as_str())
            .bind(row.at.as_micros())
            .bind(kept.keep_until().as_micros())
            .execute(&mut *transaction)
            .await
            .map_err(from_sqlx)?;
        }
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn invitation(
        &self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<StudyId>, StoreError> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT study FROM invitations WHERE token = ? AND spent_at IS NULL AND keep_until > ?",
        )
        .bind(token.as_bytes().as_slice())
        .bind(now.as_micros())
        .fetch_optional(&self.readers)
        .await
        .map_err(from_sqlx)?;
        found.map(study_in).transpose()
    }

    async fn spend_invitation(&self, token: Digest, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let spent = sqlx::query(
            "UPDATE invitations SET spent_at = ? WHERE token = ? AND spent_at IS NULL AND keep_until > ?",
        )
        .bind(now.as_micros())
        .bind(token.as_bytes().as_slice())
        .bind(now.as_micros())
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
        transaction.commit().await.map_err(from_sqlx)?;
        Ok(spent > 0)
    }

    async fn invited(&self, study: &StudyId) -> Result<Invited, StoreError> {
        let (n_sent, n_spent): (i64, i64) = sqlx::query_as(INVITED)
            .bind(study.as_str())
            .fetch_one(&self.readers)
            .await
            .map_err(from_sqlx)?;
        Ok(Invited {
            n_sent: form::unsigned("invitations", n_sent)?,
            n_spent: form::unsigned("invitations", n_spent)?,
        })
    }

    async fn sealed_named(
        &self,
        kind: &str,
        name: &str,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let rows: Vec<(Vec<u8>, String, i64, Vec<u8>)> = sqlx::query_as(SEALED_NAMED)
            .bind(kind)
            .bind(name)
            .bind(after.map(id).unwrap_or_default())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(from_sqlx)?;
        rows.into_iter()
            .map(|(person, slot, at, body)| {
                Ok(SealedRow {
                    person: person_in(person)?,
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    slot: slot.parse().map_err(|_| StoreError::Form {
                        what: "sealed row",
                        source: "no known purpose".into(),
                    })?,
                    at: Timestamp::from_micros(at),
                    body,
                })
            })
            .collect()
    }
}
