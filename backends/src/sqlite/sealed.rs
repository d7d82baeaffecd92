//! What is sealed for persons, and copies of the whole file.

use std::path::Path;

use regard_commitments::Kept;
use regard_domain::{PersonId, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool, Transaction};

use super::failure::from_sqlx;
use super::{BUSY_TIMEOUT, FILE_NAME, SqliteStore, maintenance, make_private_file, migrations};
use crate::row::{SealedRow, SealedSlots};
use crate::{OpenError, StoreError};

pub(super) fn id(person: PersonId) -> Vec<u8> {
    person.as_bits().to_be_bytes().to_vec()
}

pub(super) async fn put(
    mut transaction: Transaction<'_, Sqlite>,
    rows: &[Kept<SealedRow>],
) -> Result<(), StoreError> {
    for kept in rows {
        let row = kept.row();
        sqlx::query(
            "INSERT INTO sealed (person, kind, name, slot, at, body, keep_until) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET slot = excluded.slot, at = excluded.at, body = excluded.body, keep_until = excluded.keep_until",
        )
        .bind(id(row.person))
        .bind(&row.kind)
        .bind(&row.name)
        .bind(row.slot.as_str())
        .bind(row.at.as_micros())
        .bind(row.body.as_slice())
        .bind(kept.keep_until().as_micros())
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    }
    transaction.commit().await.map_err(from_sqlx)
}

pub(super) async fn of(
    readers: &SqlitePool,
    person: PersonId,
) -> Result<Vec<SealedRow>, StoreError> {
    let rows: Vec<(String, String, String, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT kind, name, slot, at, body FROM sealed WHERE person = ? ORDER BY kind, name",
    )
    .bind(id(person))
    .fetch_all(readers)
    .await
    .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|(kind, name, slot, at, body)| {
            let slot = slot.parse().map_err(|_| StoreError::Form {
                what: "sealed row",
                source: "no known purpose".into(),
            })?;
            Ok(SealedRow {
                person,
                kind,
                name,
                slot,
                at: Timestamp::from_micros(at),
                body,
            })
        })
        .collect()
}

pub(super) async fn remove(
    store: &SqliteStore,
    person: PersonId,
    slots: SealedSlots,
) -> Result<u64, StoreError> {
    let mut transaction = store.begin().await?;
    let query = match slots {
        SealedSlots::All => sqlx::query("DELETE FROM sealed WHERE person = ?").bind(id(person)),
        SealedSlots::Of(slot) => sqlx::query("DELETE FROM sealed WHERE person = ? AND slot = ?")
            .bind(id(person))
            .bind(slot.as_str()),
    };
    let removed = query
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
    transaction.commit().await.map_err(from_sqlx)?;
    if removed > 0 {
        // Readers may be in the way of emptying the log; what is in it is sealed under a key that is gone.
        let _ = maintenance::checkpoint(&store.writer).await;
    }
    Ok(removed)
}

pub(super) async fn remove_row(
    store: &SqliteStore,
    person: PersonId,
    kind: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let mut transaction = store.begin().await?;
    let removed = sqlx::query("DELETE FROM sealed WHERE person = ? AND kind = ? AND name = ?")
        .bind(id(person))
        .bind(kind)
        .bind(name)
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
    transaction.commit().await.map_err(from_sqlx)?;
    if removed > 0 {
        // The key of what was removed may live on: its bytes leave the log too, unless readers are in the way.
        let _ = maintenance::checkpoint(&store.writer).await;
    }
    Ok(removed > 0)
}

/// Goes through the index of the primary key alone: a million rows of other kinds take a fraction of a second, not a question each.
pub(super) async fn persons(
    readers: &SqlitePool,
    kind: Option<&str>,
    after: Option<PersonId>,
    limit: u32,
) -> Result<Vec<PersonId>, StoreError> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT DISTINCT person FROM sealed WHERE (?1 IS NULL OR kind = ?1) AND person > ?2 ORDER BY person LIMIT ?3",
    )
    .bind(kind)
    .bind(after.map(id).unwrap_or_default())
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(from_sqlx)?;
    rows.into_iter().map(person_in).collect()
}

pub(super) fn person_in(bytes: Vec<u8>) -> Result<PersonId, StoreError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| StoreError::Form {
        what: "sealed row",
        source: "not 16 bytes".into(),
    })?;
    Ok(PersonId::from_bits(u128::from_be_bytes(bytes)))
}

impl SqliteStore {
    /// Copies the store of a folder into one file, as it is at one instant, whether or not a program works in it meanwhile.
    /// The copy has no log beside it and can be opened as it is.
    ///
    /// # Privacy
    /// What belongs to persons is in it as it is in the store: sealed. Their keys are not in it.
    ///
    /// # Errors
    /// [`OpenError`]; also when there is no store in the folder, or the file is there and not empty.
    pub async fn copy(folder: &Path, to: &Path) -> Result<(), OpenError> {
        let path = folder.join(FILE_NAME);
        let failed = |error| OpenError::Store {
            path: path.clone(),
            source: from_sqlx(error),
        };
        // Opening creates what is not there, and there is nothing to copy then.
        std::fs::metadata(&path).map_err(|source| OpenError::Io {
            path: path.clone(),
            source,
        })?;
        migrations::check(&path, &migrations::MAIN).await?;
        // The copy is made into a file that only its owner can read from the first byte on.
        make_private_file(to)?;
        let mut connection = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .connect()
            .await
            .map_err(failed)?;
        let name = to.to_str().ok_or_else(|| OpenError::Io {
            path: to.to_owned(),
            source: std::io::Error::other("the path is not UTF-8"),
        })?;
        sqlx::query("VACUUM INTO ?")
            .bind(name)
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        connection.close().await.map_err(failed)
    }
}
