//! Ledger, checkpoints, commitments and settings: each writing is a transaction of its own, on the disk when it returns.

use std::ops::Range;

use regard_commitments::{Digest, Kept, Leaf, SignedCheckpoint, SignedCommitments};
use regard_domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::failure::from_sqlx;
use crate::{LedgerRow, Setting, StoreError, form};

/// Entries of the ledger in order.
pub(super) const LEDGER_RANGE: &str =
    "SELECT idx, hash, bytes FROM ledger WHERE idx >= ? AND idx < ? ORDER BY idx";

pub(super) async fn append_ledger(
    mut transaction: Transaction<'_, Sqlite>,
    leaves: &[Kept<Leaf>],
) -> Result<(), StoreError> {
    let mut expected = ledger_len_in(&mut transaction).await?;
    for kept in leaves {
        let leaf = kept.row();
        if leaf.index != expected {
            return Err(StoreError::LedgerGap {
                expected,
                found: leaf.index,
            });
        }
        sqlx::query("INSERT INTO ledger (idx, hash, bytes, keep_until) VALUES (?, ?, ?, ?)")
            .bind(form::signed("ledger entry", leaf.index)?)
            .bind(leaf.hash.as_bytes().as_slice())
            .bind(leaf.bytes.as_slice())
            .bind(kept.keep_until().as_micros())
            .execute(&mut *transaction)
            .await
            .map_err(from_sqlx)?;
        expected += 1;
    }
    transaction.commit().await.map_err(from_sqlx)
}

pub(super) async fn ledger_len(readers: &SqlitePool) -> Result<u64, StoreError> {
    let mut connection = readers.acquire().await.map_err(from_sqlx)?;
    ledger_len_in(&mut connection).await
}

/// Dense from 0, so the highest index says how many.
async fn ledger_len_in(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let len = sqlx::query_scalar("SELECT coalesce(max(idx) + 1, 0) FROM ledger")
        .fetch_one(connection)
        .await
        .map_err(from_sqlx)?;
    form::unsigned("ledger length", len)
}

pub(super) async fn ledger_range(
    readers: &SqlitePool,
    range: Range<u64>,
) -> Result<Vec<LedgerRow>, StoreError> {
    // No entry can lie beyond what SQL can count.
    let bound = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
    let rows: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(LEDGER_RANGE)
        .bind(bound(range.start))
        .bind(bound(range.end))
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.into_iter()
        .map(|(index, hash, bytes)| {
            let hash = <[u8; 32]>::try_from(hash).map_err(|_| StoreError::Form {
                what: "ledger hash",
                source: "not 32 bytes".into(),
            })?;
            Ok(LedgerRow {
                index: form::unsigned("ledger entry", index)?,
                hash: Digest::from_bytes(hash),
                bytes,
            })
        })
        .collect()
}

pub(super) async fn put_checkpoint(
    mut transaction: Transaction<'_, Sqlite>,
    checkpoint: &Kept<SignedCheckpoint>,
) -> Result<(), StoreError> {
    let SignedCheckpoint { size, note } = checkpoint.row();
    let len = ledger_len_in(&mut transaction).await?;
    if *size > len {
        return Err(StoreError::LedgerGap {
            expected: len,
            found: *size,
        });
    }
    let written = sqlx::query(
        "INSERT INTO checkpoints (size, note, keep_until) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET keep_until = max(keep_until, excluded.keep_until) WHERE note = excluded.note",
    )
    .bind(form::signed("checkpoint", *size)?)
    .bind(note)
    .bind(checkpoint.keep_until().as_micros())
    .execute(&mut *transaction)
    .await
    .map_err(from_sqlx)?
    .rows_affected();
    unless_other(written, "checkpoint", *size)?;
    transaction.commit().await.map_err(from_sqlx)
}

pub(super) async fn checkpoints(readers: &SqlitePool) -> Result<Vec<SignedCheckpoint>, StoreError> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT size, note FROM checkpoints ORDER BY size")
            .fetch_all(readers)
            .await
            .map_err(from_sqlx)?;
    rows.into_iter().map(checkpoint).collect()
}

pub(super) async fn latest_checkpoint(
    readers: &SqlitePool,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let row: Option<(i64, String)> =
        sqlx::query_as("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")
            .fetch_optional(readers)
            .await
            .map_err(from_sqlx)?;
    row.map(checkpoint).transpose()
}

fn checkpoint((size, note): (i64, String)) -> Result<SignedCheckpoint, StoreError> {
    Ok(SignedCheckpoint {
        size: form::unsigned("checkpoint", size)?,
        note,
    })
}

pub(super) async fn put_commitments(
    mut transaction: Transaction<'_, Sqlite>,
    version: u32,
    signed: &Kept<SignedCommitments>,
) -> Result<(), StoreError> {
    let written = sqlx::query(
        "INSERT INTO commitments (version, body, keep_until) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET keep_until = max(keep_until, excluded.keep_until) WHERE body = excluded.body",
    )
    .bind(version)
    .bind(form::write("commitments", signed.row())?)
    .bind(signed.keep_until().as_micros())
    .execute(&mut *transaction)
    .await
    .map_err(from_sqlx)?
    .rows_affected();
    unless_other(written, "commitments version", version.into())?;
    transaction.commit().await.map_err(from_sqlx)
}

pub(super) async fn commitments(
    readers: &SqlitePool,
    version: u32,
) -> Result<Option<SignedCommitments>, StoreError> {
    let body = sqlx::query_scalar("SELECT body FROM commitments WHERE version = ?")
        .bind(version)
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    optional("commitments", body)
}

pub(super) async fn latest_commitments(
    readers: &SqlitePool,
) -> Result<Option<SignedCommitments>, StoreError> {
    let body = sqlx::query_scalar("SELECT body FROM commitments ORDER BY version DESC LIMIT 1")
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    optional("commitments", body)
}

/// Tables of texts with a name, by what they hold.
#[derive(Clone, Copy)]
pub(super) enum Named {
    Setting,
    Document,
}

pub(super) async fn named(
    readers: &SqlitePool,
    table: Named,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let sql = match table {
        Named::Setting => "SELECT value FROM settings WHERE name = ?",
        Named::Document => "SELECT value FROM documents WHERE name = ?",
    };
    sqlx::query_scalar(sql)
        .bind(name)
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)
}

pub(super) async fn settings(
    readers: &SqlitePool,
    prefix: &str,
) -> Result<Vec<Setting>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, value FROM settings WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
    )
    .bind(prefix)
    .fetch_all(readers)
    .await
    .map_err(from_sqlx)?;
    let setting = |(name, value)| Setting { name, value };
    Ok(rows.into_iter().map(setting).collect())
}

pub(super) async fn put_named(
    mut transaction: Transaction<'_, Sqlite>,
    table: Named,
    (name, value): (&str, &str),
    keep_until: Timestamp,
) -> Result<(), StoreError> {
    let sql = match table {
        Named::Setting => {
            "INSERT INTO settings (name, value, keep_until) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET value = excluded.value, keep_until = excluded.keep_until"
        }
        Named::Document => {
            "INSERT INTO documents (name, value, keep_until) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET value = excluded.value, keep_until = excluded.keep_until"
        }
    };
    sqlx::query(sql)
        .bind(name)
        .bind(value)
        .bind(keep_until.as_micros())
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    transaction.commit().await.map_err(from_sqlx)
}

pub(super) async fn remove_setting(
    mut transaction: Transaction<'_, Sqlite>,
    name: &str,
) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM settings WHERE name = ?")
        .bind(name)
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
    transaction.commit().await.map_err(from_sqlx)?;
    Ok(removed > 0)
}

/// Nothing written means that something else has its place.
fn unless_other(written: u64, what: &'static str, number: u64) -> Result<(), StoreError> {
    match written {
        0 => Err(StoreError::Conflict { what, number }),
        _ => Ok(()),
    }
}

fn optional<T: Serialize + DeserializeOwned>(
    what: &'static str,
    body: Option<String>,
) -> Result<Option<T>, StoreError> {
    body.map(|body| form::read(what, &body)).transpose()
}
