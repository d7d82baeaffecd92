//! Ledger, checkpoints, commitments and settings: each writing is a transaction of its own, on the disk when it returns.

use std::ops::Range;

use regard_commitments::{Kept, SignedCommitments};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::failure::from_sqlx;
use crate::{
    Setting, StoreError, form,
    shim::{Checkpoint, LedgerEntry},
};

pub(super) async fn append_ledger(
    mut transaction: Transaction<'_, Sqlite>,
    entries: &[LedgerEntry],
) -> Result<(), StoreError> {
    let mut expected = ledger_len_in(&mut transaction).await?;
    for entry in entries {
        if entry.index != expected {
            return Err(StoreError::LedgerGap {
                expected,
                found: entry.index,
            });
        }
        sqlx::query("INSERT INTO ledger (idx, body) VALUES (?, ?)")
            .bind(form::signed("ledger entry", entry.index)?)
            .bind(form::write("ledger entry", entry)?)
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
) -> Result<Vec<LedgerEntry>, StoreError> {
    // No entry can lie beyond what SQL can count.
    let bound = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
    let bodies: Vec<String> =
        sqlx::query_scalar("SELECT body FROM ledger WHERE idx >= ? AND idx < ? ORDER BY idx")
            .bind(bound(range.start))
            .bind(bound(range.end))
            .fetch_all(readers)
            .await
            .map_err(from_sqlx)?;
    bodies
        .iter()
        .map(|body| form::read("ledger entry", body))
        .collect()
}

pub(super) async fn put_checkpoint(
    mut transaction: Transaction<'_, Sqlite>,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    let len = ledger_len_in(&mut transaction).await?;
    if checkpoint.size > len {
        return Err(StoreError::LedgerGap {
            expected: len,
            found: checkpoint.size,
        });
    }
    let old = sqlx::query_scalar("SELECT body FROM checkpoints WHERE size = ?")
        .bind(form::signed("checkpoint", checkpoint.size)?)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    let body = form::write("checkpoint", checkpoint)?;
    if is_there("checkpoint", checkpoint.size, old, &body)? {
        return Ok(());
    }
    sqlx::query("INSERT INTO checkpoints (size, body) VALUES (?, ?)")
        .bind(form::signed("checkpoint", checkpoint.size)?)
        .bind(body)
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    transaction.commit().await.map_err(from_sqlx)
}

pub(super) async fn checkpoints(readers: &SqlitePool) -> Result<Vec<Checkpoint>, StoreError> {
    let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM checkpoints ORDER BY size")
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    bodies
        .iter()
        .map(|body| form::read("checkpoint", body))
        .collect()
}

pub(super) async fn latest_checkpoint(
    readers: &SqlitePool,
) -> Result<Option<Checkpoint>, StoreError> {
    let body = sqlx::query_scalar("SELECT body FROM checkpoints ORDER BY size DESC LIMIT 1")
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    optional("checkpoint", body)
}

pub(super) async fn put_commitments(
    mut transaction: Transaction<'_, Sqlite>,
    version: u32,
    signed: &SignedCommitments,
) -> Result<(), StoreError> {
    let old = sqlx::query_scalar("SELECT body FROM commitments WHERE version = ?")
        .bind(version)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    let body = form::write("commitments", signed)?;
    if is_there("commitments version", version.into(), old, &body)? {
        return Ok(());
    }
    sqlx::query("INSERT INTO commitments (version, body) VALUES (?, ?)")
        .bind(version)
        .bind(body)
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
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

pub(super) async fn setting(
    readers: &SqlitePool,
    name: &str,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT value FROM settings WHERE name = ?")
        .bind(name)
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)
}

pub(super) async fn put_setting(
    mut transaction: Transaction<'_, Sqlite>,
    setting: &Kept<Setting>,
) -> Result<(), StoreError> {
    let row = setting.row();
    sqlx::query(
        "INSERT INTO settings (name, value, keep_until) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET value = excluded.value, keep_until = excluded.keep_until",
    )
    .bind(&row.name)
    .bind(&row.value)
    .bind(setting.keep_until().as_micros())
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

/// Whether the same document is there already; another one in its place is a conflict.
fn is_there(
    what: &'static str,
    number: u64,
    old: Option<String>,
    body: &str,
) -> Result<bool, StoreError> {
    match old {
        None => Ok(false),
        Some(old) if old == body => Ok(true),
        Some(_) => Err(StoreError::Conflict { what, number }),
    }
}

fn optional<T: Serialize + DeserializeOwned>(
    what: &'static str,
    body: Option<String>,
) -> Result<Option<T>, StoreError> {
    body.map(|body| form::read(what, &body)).transpose()
}
