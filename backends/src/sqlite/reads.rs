//! What the console, the API and the reports ask for.

use std::{collections::BTreeMap, ops::Range};

use regard_decision::{Decision, Outcome, OutcomeKind, PlayRow};
use regard_domain::{CampaignId, DecisionId, PlayId, ScreenId, SlotId, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::{
    Row, Sqlite, SqlitePool,
    query::QueryScalar,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{failure::from_sqlx, writes::bytes_of_decision};
use crate::{
    CreativeReport, DecisionCursor, Fact, MinuteAggregate, Play, PlayCount, PlayStart, PolicyRow,
    StoreError, Sums, form,
    sums::{self, PlayRows, ReportBuilder},
};

// Named, so that `plans` can ask how each is answered.

/// The newest decisions.
pub(super) const NEWEST: &str = "SELECT body FROM decisions ORDER BY at DESC, id DESC LIMIT ?";

/// The page of decisions after one that was seen.
pub(super) const BEFORE: &str =
    "SELECT body FROM decisions WHERE (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?";

/// Decisions of a stretch of time, taken up at start.
pub(super) const DECISIONS_SINCE: &str = "SELECT body FROM decisions WHERE at >= ? ORDER BY at, id";

/// One decision.
pub(super) const DECISION: &str = "SELECT body FROM decisions WHERE id = ?";

/// What came of one decision.
pub(super) const OUTCOMES_OF: &str =
    "SELECT body FROM outcomes WHERE decision = ? ORDER BY at, kind, key";

/// Plays of one screen or all; with every column, for a store that is only read may be of a schema without slots.
pub(super) const PLAYS_SINCE: &str = "SELECT * FROM plays WHERE started_at >= ?1 AND (?2 IS NULL OR screen = ?2) ORDER BY started_at, id";

/// How often what was shown where.
pub(super) const PLAY_COUNTS: &str =
    "SELECT screen, campaign, creative, count(*) AS plays, sum(shown_millis) AS shown_millis, max(started_at) AS last_at
         FROM plays WHERE started_at >= ? GROUP BY screen, campaign, creative ORDER BY screen, campaign, creative";

/// Plays with what was measured of them.
pub(super) const PLAY_ROWS: &str = "SELECT id, p.campaign, p.creative, shown_millis, kind, value
         FROM plays AS p LEFT JOIN outcomes ON decision = id
         WHERE started_at >= ? AND started_at < ? ORDER BY started_at, id, at, kind, key";

/// Plays of each message.
pub(super) const PLAY_SUMS: &str =
    "SELECT campaign, creative, count(*) AS plays, sum(shown_millis) AS shown_millis FROM plays
         WHERE started_at >= ? AND started_at < ? GROUP BY campaign, creative";

/// Outcomes of each message.
pub(super) const OUTCOME_SUMS: &str =
    "SELECT campaign, creative, kind, count(*) AS n, sum(value) AS sum, sum(value * value) AS sum_squares FROM outcomes
         WHERE decided_at >= ? AND decided_at < ? GROUP BY campaign, creative, kind";

/// Minutes of a stretch of time.
pub(super) const MINUTES: &str =
    "SELECT body FROM minutes WHERE minute >= ? AND minute < ? ORDER BY minute, camera, run";

/// What came of the decisions of a stretch of time, put to each decision.
pub(super) const OUTCOMES_SINCE: &str =
    "SELECT body FROM outcomes WHERE decided_at >= ? ORDER BY decision, at, kind, key";

pub(super) async fn decisions(
    readers: &SqlitePool,
    limit: u32,
    before: Option<DecisionCursor>,
) -> Result<Vec<Decision>, StoreError> {
    let query = match before {
        None => sqlx::query_scalar(NEWEST),
        Some(cursor) => sqlx::query_scalar(BEFORE)
            .bind(cursor.at.as_micros())
            .bind(bytes_of_decision(cursor.id)),
    };
    bodies(query.bind(limit), readers, "decision").await
}

pub(super) async fn decisions_since(
    readers: &SqlitePool,
    since: Timestamp,
) -> Result<Vec<Decision>, StoreError> {
    let query = sqlx::query_scalar(DECISIONS_SINCE).bind(since.as_micros());
    bodies(query, readers, "decision").await
}

pub(super) async fn campaign_totals(
    readers: &SqlitePool,
) -> Result<BTreeMap<CampaignId, u64>, StoreError> {
    let rows = sqlx::query("SELECT campaign, n_decisions FROM totals")
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.iter()
        .map(|row| Ok((slug(row, "campaign")?, count(row, "n_decisions")?)))
        .collect()
}

pub(super) async fn decision(
    readers: &SqlitePool,
    id: DecisionId,
) -> Result<Option<Decision>, StoreError> {
    let body: Option<String> = sqlx::query_scalar(DECISION)
        .bind(bytes_of_decision(id))
        .fetch_optional(readers)
        .await
        .map_err(from_sqlx)?;
    body.map(|body| form::read("decision", &body)).transpose()
}

pub(super) async fn outcomes_of(
    readers: &SqlitePool,
    decision: DecisionId,
) -> Result<Vec<Outcome>, StoreError> {
    let query = sqlx::query_scalar(OUTCOMES_OF).bind(bytes_of_decision(decision));
    bodies(query, readers, "outcome").await
}

pub(super) async fn outcomes_since(
    readers: &SqlitePool,
    since: Timestamp,
) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError> {
    let query = sqlx::query_scalar(OUTCOMES_SINCE).bind(since.as_micros());
    let mut found: BTreeMap<DecisionId, Vec<Outcome>> = BTreeMap::new();
    for outcome in bodies::<Outcome>(query, readers, "outcome").await? {
        found.entry(outcome.decision).or_default().push(outcome);
    }
    Ok(found)
}

pub(super) async fn plays_since(
    readers: &SqlitePool,
    screen: Option<&ScreenId>,
    since: Timestamp,
) -> Result<Vec<Play>, StoreError> {
    let rows = sqlx::query(PLAYS_SINCE)
        .bind(since.as_micros())
        .bind(screen.map(ScreenId::as_str))
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.iter().map(play).collect()
}

fn play(row: &SqliteRow) -> Result<Play, StoreError> {
    let ended_at: Option<i64> = column(row, "ended_at")?;
    Ok(Play {
        start: PlayStart {
            id: PlayId::from_bits(bits(row, "id")?),
            screen: slug(row, "screen")?,
            slot: slot(row)?,
            campaign: campaign(row)?,
            creative: slug(row, "creative")?,
            at: Timestamp::from_micros(column(row, "started_at")?),
        },
        ended_at: ended_at.map(Timestamp::from_micros),
        shown_millis: count(row, "shown_millis")?,
    })
}

pub(super) async fn play_counts(
    readers: &SqlitePool,
    since: Timestamp,
) -> Result<Vec<PlayCount>, StoreError> {
    let rows = sqlx::query(PLAY_COUNTS)
        .bind(since.as_micros())
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    rows.iter()
        .map(|row| {
            Ok(PlayCount {
                screen: slug(row, "screen")?,
                campaign: campaign(row)?,
                creative: slug(row, "creative")?,
                plays: count(row, "plays")?,
                shown_millis: count(row, "shown_millis")?,
                last_at: Timestamp::from_micros(column(row, "last_at")?),
            })
        })
        .collect()
}

pub(super) async fn policies(readers: &SqlitePool) -> Result<Vec<PolicyRow>, StoreError> {
    let query = sqlx::query_scalar("SELECT body FROM policies ORDER BY campaign");
    bodies(query, readers, "policy").await
}

pub(super) async fn play_rows(
    readers: &SqlitePool,
    during: Range<Timestamp>,
) -> Result<Vec<PlayRow>, StoreError> {
    let rows = sqlx::query(PLAY_ROWS)
        .bind(during.start.as_micros())
        .bind(during.end.as_micros())
        .fetch_all(readers)
        .await
        .map_err(from_sqlx)?;
    let mut plays = PlayRows::default();
    for row in &rows {
        let id = PlayId::from_bits(bits(row, "id")?);
        if plays.last_id() != Some(id) {
            let creative = slug(row, "creative")?;
            plays.begin(id, campaign(row)?, creative, count(row, "shown_millis")?);
        }
        let kind: Option<String> = column(row, "kind")?;
        if let Some(kind) = kind {
            let kind = OutcomeKind::try_from(kind).map_err(|e| StoreError::Form {
                what: "kind of outcome",
                source: e.into(),
            })?;
            plays.measure(&kind, column(row, "value")?);
        }
    }
    Ok(plays.finish())
}

pub(super) async fn creative_report(
    readers: &SqlitePool,
    during: Range<Timestamp>,
) -> Result<Vec<CreativeReport>, StoreError> {
    let mut builder = ReportBuilder::default();
    // One transaction, so that plays and outcomes are of the same instant.
    let mut transaction = readers.begin().await.map_err(from_sqlx)?;
    let plays = sqlx::query(PLAY_SUMS)
        .bind(during.start.as_micros())
        .bind(during.end.as_micros())
        .fetch_all(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    for row in &plays {
        let (campaign, creative) = (campaign(row)?, slug(row, "creative")?);
        builder.plays(
            campaign,
            creative,
            count(row, "plays")?,
            count(row, "shown_millis")?,
        );
    }
    let outcomes = sqlx::query(OUTCOME_SUMS)
        .bind(during.start.as_micros())
        .bind(during.end.as_micros())
        .fetch_all(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    for row in &outcomes {
        let (campaign, creative) = (campaign(row)?, slug(row, "creative")?);
        let kind: String = column(row, "kind")?;
        let sums = Sums {
            n: count(row, "n")?,
            sum: column(row, "sum")?,
            sum_squares: column(row, "sum_squares")?,
        };
        builder.outcome(campaign, creative, kind, sums);
    }
    Ok(builder.finish())
}

pub(super) async fn minutes(
    readers: &SqlitePool,
    during: Range<Timestamp>,
) -> Result<Vec<MinuteAggregate>, StoreError> {
    let query = sqlx::query_scalar(MINUTES)
        .bind(during.start.as_micros())
        .bind(during.end.as_micros());
    bodies(query, readers, "minute").await.map(sums::over_runs)
}

pub(super) async fn facts(readers: &SqlitePool) -> Result<Vec<Fact>, StoreError> {
    let query = sqlx::query_scalar("SELECT body FROM facts ORDER BY name");
    let mut facts: Vec<Fact> = bodies(query, readers, "fact").await?;
    facts.retain(|fact| fact.value.is_some());
    Ok(facts)
}

/// The rows of a query for bodies, as what they were written from.
async fn bodies<T: DeserializeOwned>(
    query: QueryScalar<'_, Sqlite, String, SqliteArguments>,
    readers: &SqlitePool,
    what: &'static str,
) -> Result<Vec<T>, StoreError> {
    let bodies = query.fetch_all(readers).await.map_err(from_sqlx)?;
    bodies.iter().map(|body| form::read(what, body)).collect()
}

fn column<'r, T>(row: &'r SqliteRow, name: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(name).map_err(from_sqlx)
}

fn campaign(row: &SqliteRow) -> Result<Option<CampaignId>, StoreError> {
    let text: Option<String> = column(row, "campaign")?;
    text.map(|text| checked_slug("campaign", text)).transpose()
}

/// In which slot a play was; nothing too where the store knows of none yet.
fn slot(row: &SqliteRow) -> Result<Option<SlotId>, StoreError> {
    if row.try_column("slot").is_err() {
        return Ok(None);
    }
    let text: Option<String> = column(row, "slot")?;
    text.map(|text| checked_slug("slot", text)).transpose()
}

fn count(row: &SqliteRow, name: &'static str) -> Result<u64, StoreError> {
    form::unsigned(name, column(row, name)?)
}

fn bits(row: &SqliteRow, name: &'static str) -> Result<u128, StoreError> {
    let bytes: &[u8] = column(row, name)?;
    let bytes: [u8; 16] = bytes.try_into().map_err(|e| StoreError::Form {
        what: name,
        source: Box::new(e),
    })?;
    Ok(u128::from_be_bytes(bytes))
}

fn slug<T>(row: &SqliteRow, name: &'static str) -> Result<T, StoreError>
where
    T: TryFrom<String, Error = regard_domain::BadId>,
{
    checked_slug(name, column(row, name)?)
}

fn checked_slug<T>(what: &'static str, text: String) -> Result<T, StoreError>
where
    T: TryFrom<String, Error = regard_domain::BadId>,
{
    T::try_from(text).map_err(|e| StoreError::Form {
        what,
        source: Box::new(e),
    })
}
