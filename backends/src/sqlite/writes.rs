//! The group commit.

use regard_commitments::Kept;
use regard_domain::{CampaignId, DecisionId, PlayId, SlotId};
use sqlx::{Sqlite, SqliteConnection, Transaction, query::Query, sqlite::SqliteArguments};

use super::failure::from_sqlx;
use crate::{
    Batch, CampaignInForce, CommitReport, DecisionRow, Fact, MinuteAggregate, OutcomeKey,
    OutcomeRow, PlayEnd, PlayStart, PolicyRow, StoreError,
};

/// Writes the rows in the order in which one may need the other.
pub(super) async fn commit(
    mut transaction: Transaction<'_, Sqlite>,
    batch: &Batch,
) -> Result<CommitReport, StoreError> {
    let mut report = CommitReport::default();
    let connection = &mut *transaction;
    for row in &batch.decisions {
        decision(connection, row, &mut report).await?;
    }
    for row in &batch.play_starts {
        play_start(connection, row, &mut report).await?;
    }
    for row in &batch.play_ends {
        play_end(connection, row, &mut report).await?;
    }
    for row in &batch.outcomes {
        outcome(connection, row, &mut report).await?;
    }
    for row in &batch.policies {
        policy(connection, row, &mut report).await?;
    }
    for row in &batch.minutes {
        minute(connection, row, &mut report).await?;
    }
    for row in &batch.facts {
        fact(connection, row, &mut report).await?;
    }
    for row in &batch.campaigns {
        campaign(connection, row, &mut report).await?;
    }
    transaction.commit().await.map_err(from_sqlx)?;
    Ok(report)
}

/// The id as it is stored: 16 bytes, most significant first.
pub(super) fn bytes_of_decision(id: DecisionId) -> Vec<u8> {
    id.as_bits().to_be_bytes().to_vec()
}

/// The id as it is stored: 16 bytes, most significant first.
pub(super) fn bytes_of_play(id: PlayId) -> Vec<u8> {
    id.as_bits().to_be_bytes().to_vec()
}

async fn decision(
    connection: &mut SqliteConnection,
    kept: &Kept<DecisionRow>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let DecisionRow(row) = kept.row();
    let Some(body) = report.body("decision", row) else {
        return Ok(());
    };
    let insert = sqlx::query(
        "INSERT INTO decisions (id, at, campaign, creative, body, keep_until)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(bytes_of_decision(row.id))
    .bind(row.at.as_micros())
    .bind(row.campaign.as_ref().map(CampaignId::as_str))
    .bind(row.creative.as_str())
    .bind(body)
    .bind(kept.keep_until().as_micros());
    let written = n_written(insert, connection).await?;
    report.count_or_repeat(written);
    if written == 0 {
        return Ok(());
    }
    let Some(campaign) = &row.campaign else {
        return Ok(());
    };
    let count = sqlx::query(
        "INSERT INTO totals (campaign, n_decisions, keep_until) VALUES (?, 1, ?)
         ON CONFLICT DO UPDATE SET n_decisions = n_decisions + 1, keep_until = max(keep_until, excluded.keep_until)",
    )
    .bind(campaign.as_str())
    .bind(kept.keep_until().as_micros());
    n_written(count, connection).await?;
    Ok(())
}

async fn play_start(
    connection: &mut SqliteConnection,
    kept: &Kept<PlayStart>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let row = kept.row();
    let insert = sqlx::query(
        "INSERT INTO plays (id, screen, slot, campaign, creative, started_at, ended_at, shown_millis, keep_until)
         VALUES (?, ?, ?, ?, ?, ?, NULL, 0, ?) ON CONFLICT DO NOTHING",
    )
    .bind(bytes_of_play(row.id))
    .bind(row.screen.as_str())
    .bind(row.slot.as_ref().map(SlotId::as_str))
    .bind(row.campaign.as_ref().map(CampaignId::as_str))
    .bind(row.creative.as_str())
    .bind(row.at.as_micros())
    .bind(kept.keep_until().as_micros());
    report.count_or_repeat(n_written(insert, connection).await?);
    Ok(())
}

async fn play_end(
    connection: &mut SqliteConnection,
    kept: &Kept<PlayEnd>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let row = kept.row();
    let Some(shown_millis) = report.signed("play", row.shown_millis) else {
        return Ok(());
    };
    let update = sqlx::query(
        "UPDATE plays SET ended_at = ?, shown_millis = ?, keep_until = min(keep_until, ?) WHERE id = ?",
    )
    .bind(row.at.as_micros())
    .bind(shown_millis)
    .bind(kept.keep_until().as_micros())
    .bind(bytes_of_play(row.id));
    let written = n_written(update, connection).await?;
    if written == 0 {
        report.orphaned_ends.push(row.id);
    }
    report.written += written;
    Ok(())
}

async fn outcome(
    connection: &mut SqliteConnection,
    kept: &Kept<OutcomeRow>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let OutcomeRow(row) = kept.row();
    let Some(body) = report.body("outcome", row) else {
        return Ok(());
    };
    let key = OutcomeKey::of(row);
    let id = bytes_of_decision(row.decision);
    let is_known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM outcomes WHERE decision = ? AND kind = ? AND key = ?)",
    )
    .bind(&id)
    .bind(&key.kind)
    .bind(&key.key)
    .fetch_one(&mut *connection)
    .await
    .map_err(from_sqlx)?;
    if is_known {
        report.repeated_outcomes.push(key);
        return Ok(());
    }
    let insert = sqlx::query(
        "INSERT INTO outcomes (decision, kind, key, at, value, campaign, creative, decided_at, body, keep_until)
         SELECT id, ?, ?, ?, ?, campaign, creative, at, ?, ? FROM decisions WHERE id = ?",
    )
    .bind(&key.kind)
    .bind(&key.key)
    .bind(row.at.as_micros())
    .bind(f64::from(row.value))
    .bind(body)
    .bind(kept.keep_until().as_micros())
    .bind(id);
    let written = n_written(insert, connection).await?;
    if written == 0 {
        report.orphaned_outcomes.push(key);
    }
    report.written += written;
    Ok(())
}

async fn policy(
    connection: &mut SqliteConnection,
    kept: &Kept<PolicyRow>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let Some(body) = report.body("policy", kept.row()) else {
        return Ok(());
    };
    let write = sqlx::query(
        "INSERT INTO policies (campaign, body, keep_until) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET body = excluded.body, keep_until = excluded.keep_until",
    );
    let key = write.bind(kept.row().campaign.as_str());
    put(connection, key, body, kept, report).await
}

async fn minute(
    connection: &mut SqliteConnection,
    kept: &Kept<MinuteAggregate>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let row = kept.row();
    let Some(body) = report.body("minute", row) else {
        return Ok(());
    };
    let write = sqlx::query(
        "INSERT INTO minutes (minute, camera, run, body, keep_until) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET body = excluded.body, keep_until = excluded.keep_until",
    );
    let key = write
        .bind(row.minute.as_micros())
        .bind(row.camera.as_str())
        // All 64 bits are random; SQL sees some of them as negative, which changes nothing.
        .bind(row.run.cast_signed());
    put(connection, key, body, kept, report).await
}

async fn fact(
    connection: &mut SqliteConnection,
    kept: &Kept<Fact>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let Some(body) = report.body("fact", kept.row()) else {
        return Ok(());
    };
    let write = sqlx::query(
        "INSERT INTO facts (name, body, keep_until) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET body = excluded.body, keep_until = excluded.keep_until",
    );
    let key = write.bind(&kept.row().name);
    put(connection, key, body, kept, report).await
}

/// Runs a query that writes; how many rows it touched.
async fn n_written(
    query: Query<'_, Sqlite, SqliteArguments>,
    connection: &mut SqliteConnection,
) -> Result<u64, StoreError> {
    let done = query.execute(connection).await.map_err(from_sqlx)?;
    Ok(done.rows_affected())
}

/// Writes a row whose newest body counts, once its key is bound.
async fn put<T>(
    connection: &mut SqliteConnection,
    key: Query<'_, Sqlite, SqliteArguments>,
    body: String,
    kept: &Kept<T>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let write = key.bind(body).bind(kept.keep_until().as_micros());
    report.written += n_written(write, connection).await?;
    Ok(())
}

/// Prolongs the total of a campaign in force; a campaign that never played has none.
async fn campaign(
    connection: &mut SqliteConnection,
    kept: &Kept<CampaignInForce>,
    report: &mut CommitReport,
) -> Result<(), StoreError> {
    let update =
        sqlx::query("UPDATE totals SET keep_until = ? WHERE campaign = ? AND keep_until < ?")
            .bind(kept.keep_until().as_micros())
            .bind(kept.row().campaign.as_str())
            .bind(kept.keep_until().as_micros());
    report.written += n_written(update, connection).await?;
    Ok(())
}
