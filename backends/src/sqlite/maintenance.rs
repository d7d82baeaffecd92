//! Retention, checking, and giving back room.

use regard_domain::Timestamp;
use sqlx::{Row, SqlitePool};

use super::{SqliteStore, failure::from_sqlx};
use crate::{Integrity, StoreError, SweepReport};

/// Rows removed in one transaction: a few milliseconds, so that a commit of decisions never waits for long.
const SWEEP_CHUNK: i64 = 500;

/// Free pages given back to the disk in one sweep, 16 MiB: the rest is used again or waits for the next sweep.
const FREED_PAGES: &str = "PRAGMA incremental_vacuum(4096)";

/// Lines of damage reported.
const MAX_DAMAGES: usize = 100;

/// Every kind of row with an end, in order of name, and how to remove a chunk of it.
const SWEEPS: [(&str, &str); 11] = [
    (
        "checkpoints",
        "DELETE FROM checkpoints WHERE size IN (SELECT size FROM checkpoints WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "commitments",
        "DELETE FROM commitments WHERE version IN (SELECT version FROM commitments WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "decisions",
        "DELETE FROM decisions WHERE rowid IN (SELECT rowid FROM decisions WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "facts",
        "DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts WHERE keep_until <= ? LIMIT ?)",
    ),
    // The place and the hash stay: without them no later entry could be proven.
    (
        "ledger",
        "UPDATE ledger SET bytes = NULL WHERE idx IN
         (SELECT idx FROM ledger WHERE bytes IS NOT NULL AND keep_until <= ? LIMIT ?)",
    ),
    (
        "minutes",
        "DELETE FROM minutes WHERE rowid IN (SELECT rowid FROM minutes WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "outcomes",
        "DELETE FROM outcomes WHERE rowid IN (SELECT rowid FROM outcomes WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "plays",
        "DELETE FROM plays WHERE rowid IN (SELECT rowid FROM plays WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "policies",
        "DELETE FROM policies WHERE rowid IN (SELECT rowid FROM policies WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "settings",
        "DELETE FROM settings WHERE rowid IN (SELECT rowid FROM settings WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        "totals",
        "DELETE FROM totals WHERE rowid IN (SELECT rowid FROM totals WHERE keep_until <= ? LIMIT ?)",
    ),
];

pub(super) async fn sweep(store: &SqliteStore, now: Timestamp) -> Result<SweepReport, StoreError> {
    let mut report = SweepReport::default();
    for (kind, sql) in SWEEPS {
        let removed = sweep_kind(store, sql, now).await?;
        if removed > 0 {
            report.removed.push((kind, removed));
        }
    }
    sqlx::query(FREED_PAGES)
        .execute(&store.writer)
        .await
        .map_err(from_sqlx)?;
    report.is_wiped = checkpoint(&store.writer).await?;
    Ok(report)
}

async fn sweep_kind(
    store: &SqliteStore,
    sql: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let mut transaction = store.begin().await?;
        let removed = sqlx::query(sql)
            .bind(now.as_micros())
            .bind(SWEEP_CHUNK)
            .execute(&mut *transaction)
            .await
            .map_err(from_sqlx)?
            .rows_affected();
        transaction.commit().await.map_err(from_sqlx)?;
        total += removed;
        if removed < SWEEP_CHUNK.unsigned_abs() {
            return Ok(total);
        }
    }
}

/// Moves the log into the file and empties it; whether that went through (a long read can be in the way).
async fn checkpoint(writer: &SqlitePool) -> Result<bool, StoreError> {
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(writer)
        .await
        .map_err(from_sqlx)?;
    let busy: i64 = row.try_get(0).map_err(from_sqlx)?;
    Ok(busy == 0)
}

pub(super) async fn integrity_check(readers: &SqlitePool) -> Result<Integrity, StoreError> {
    let mut damages: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(100)")
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    damages.retain(|line| line != "ok");
    let (entries, gap): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(max(idx) + 1, 0) - count(*) FROM ledger")
            .fetch_one(readers)
            .await
            .map_err(from_sqlx)?;
    if gap != 0 {
        damages.push(format!("the ledger lacks {gap} entries"));
    }
    let beyond: i64 = sqlx::query_scalar("SELECT count(*) FROM checkpoints WHERE size > ?")
        .bind(entries)
        .fetch_one(readers)
        .await
        .map_err(from_sqlx)?;
    if beyond != 0 {
        damages.push(format!("{beyond} checkpoints cover more than the ledger"));
    }
    damages.truncate(MAX_DAMAGES);
    Ok(if damages.is_empty() {
        Integrity::Sound
    } else {
        Integrity::Damaged(damages)
    })
}

pub(super) async fn vacuum(writer: &SqlitePool) -> Result<(), StoreError> {
    sqlx::query("VACUUM")
        .execute(writer)
        .await
        .map_err(from_sqlx)?;
    checkpoint(writer).await.map(|_| ())
}
