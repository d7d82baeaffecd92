//! Retention, checking, and giving back room.

use regard_commitments::DataKind;
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

/// Every table whose rows have an end, in order of name: what kind of data it holds, and how to remove a chunk of it.
pub(super) const SWEEPS: [(DataKind, &str); 17] = [
    (
        DataKind::Ledger,
        "DELETE FROM checkpoints WHERE size IN (SELECT size FROM checkpoints WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Person,
        "DELETE FROM collected WHERE rowid IN (SELECT rowid FROM collected WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Commitments,
        "DELETE FROM commitments WHERE version IN (SELECT version FROM commitments WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Decision,
        "DELETE FROM decisions WHERE rowid IN (SELECT rowid FROM decisions WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Fact,
        "DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts WHERE keep_until <= ? LIMIT ?)",
    ),
    // The place and the hash stay: without them no later entry could be proven.
    (
        DataKind::Ledger,
        "UPDATE ledger SET bytes = NULL WHERE idx IN
         (SELECT idx FROM ledger WHERE bytes IS NOT NULL AND keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Content,
        "DELETE FROM invitations WHERE rowid IN (SELECT rowid FROM invitations WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::MinuteAggregate,
        "DELETE FROM minutes WHERE rowid IN (SELECT rowid FROM minutes WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Outcome,
        "DELETE FROM outcomes WHERE rowid IN (SELECT rowid FROM outcomes WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Play,
        "DELETE FROM plays WHERE rowid IN (SELECT rowid FROM plays WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::PolicyState,
        "DELETE FROM policies WHERE rowid IN (SELECT rowid FROM policies WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Release,
        "DELETE FROM releases WHERE rowid IN (SELECT rowid FROM releases WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Person,
        "DELETE FROM sealed WHERE rowid IN (SELECT rowid FROM sealed WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Credential,
        "DELETE FROM settings WHERE rowid IN (SELECT rowid FROM settings WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Content,
        "DELETE FROM studies WHERE rowid IN (SELECT rowid FROM studies WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Content,
        "DELETE FROM totals WHERE rowid IN (SELECT rowid FROM totals WHERE keep_until <= ? LIMIT ?)",
    ),
    (
        DataKind::Content,
        "DELETE FROM documents WHERE rowid IN (SELECT rowid FROM documents WHERE keep_until <= ? LIMIT ?)",
    ),
];

pub(super) async fn sweep(store: &SqliteStore, now: Timestamp) -> Result<SweepReport, StoreError> {
    let mut report = SweepReport::default();
    match sweep_all(store, now, &mut report).await {
        Err(error) if report.removed.is_empty() => return Err(error),
        Err(error) => report.fault = Some(error.to_string()),
        Ok(()) => {}
    }
    Ok(report)
}

async fn sweep_all(
    store: &SqliteStore,
    now: Timestamp,
    report: &mut SweepReport,
) -> Result<(), StoreError> {
    for (kind, sql) in SWEEPS {
        loop {
            let removed = sweep_chunk(store, sql, now).await?;
            report.count(kind, removed);
            if removed < SWEEP_CHUNK.unsigned_abs() {
                break;
            }
        }
    }
    sqlx::query(FREED_PAGES)
        .execute(&store.writer)
        .await
        .map_err(from_sqlx)?;
    report.is_wiped = checkpoint(&store.writer).await?;
    Ok(())
}

async fn sweep_chunk(
    store: &SqliteStore,
    sql: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut transaction = store.begin().await?;
    let removed = sqlx::query(sql)
        .bind(now.as_micros())
        .bind(SWEEP_CHUNK)
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
    transaction.commit().await.map_err(from_sqlx)?;
    Ok(removed)
}

/// Moves the log into the file and empties it; whether that went through (a long read can be in the way).
pub(super) async fn checkpoint(writer: &SqlitePool) -> Result<bool, StoreError> {
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
