//! A store looked at from outside.

use std::{collections::BTreeMap, fs, io, ops::Range, path::Path};

use regard_commitments::{Date, Release, SignedCheckpoint, SignedCommitments};
use regard_decision::{Decision, Outcome};
use regard_domain::{DecisionId, PersonId, ScreenId, Timestamp};
use sqlx::{
    AssertSqlSafe, Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{
    BUSY_TIMEOUT, FILE_NAME, documents, failure::from_sqlx, keys::person_of, migrations, reads,
    releases,
};
use crate::{LedgerRow, MinuteAggregate, OpenError, Play, PolicyRow, StoreError, form};

/// The store of a data folder, to be read only: nothing in it is locked, made, moved or removed, so that
/// it works beside a running program. It may be of an older schema.
#[derive(Debug)]
pub struct SqliteReader {
    pool: SqlitePool,
}

/// Rows of one table whose time is over and that are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// The table.
    pub table: String,
    /// Rows in it.
    pub n_rows: u64,
    /// Of these, past their time.
    pub n_overdue: u64,
    /// The earliest end among them.
    pub oldest_end: Option<Timestamp>,
}

/// A stored value that was asked for by its look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The value: bytes as they are, texts as UTF-8.
    pub bytes: Vec<u8>,
}

impl SqliteReader {
    /// Opens the store in a folder.
    ///
    /// # Errors
    /// [`OpenError::Io`] where there is none; [`OpenError::Newer`], [`OpenError::Foreign`].
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE_NAME);
        let io_failed = |source: io::Error| OpenError::Io {
            path: path.clone(),
            source,
        };
        fs::metadata(&path).map_err(io_failed)?;
        let pool = opened(&path, &migrations::MAIN).await?;
        Ok(Self { pool })
    }

    /// Number of entries in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ledger_len(&self) -> Result<u64, StoreError> {
        documents::ledger_len(&self.pool).await
    }

    /// Entries with an index in the range, in order; fewer where the ledger ends.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ledger_range(&self, range: Range<u64>) -> Result<Vec<LedgerRow>, StoreError> {
        documents::ledger_range(&self.pool, range).await
    }

    /// All checkpoints, smallest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, StoreError> {
        documents::checkpoints(&self.pool).await
    }

    /// One version of the commitments.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commitments(&self, version: u32) -> Result<Option<SignedCommitments>, StoreError> {
        documents::commitments(&self.pool, version).await
    }

    /// The highest version of the commitments.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest_commitments(&self) -> Result<Option<SignedCommitments>, StoreError> {
        documents::latest_commitments(&self.pool).await
    }

    /// Decisions made since then, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decisions_since(&self, since: Timestamp) -> Result<Vec<Decision>, StoreError> {
        reads::decisions_since(&self.pool, since).await
    }

    /// Plays of one screen, or of all, that began at or after `since`; in order of time and id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn plays_since(
        &self,
        screen: Option<&ScreenId>,
        since: Timestamp,
    ) -> Result<Vec<Play>, StoreError> {
        reads::plays_since(&self.pool, screen, since).await
    }

    /// What came of decisions made since then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outcomes_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError> {
        reads::outcomes_since(&self.pool, since).await
    }

    /// What policies have learned, in order of campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError> {
        reads::policies(&self.pool).await
    }

    /// A document by its name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        documents::named(&self.pool, documents::Named::Document, name).await
    }

    /// Minutes that begin within the time, in order of minute and camera.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn minutes(
        &self,
        during: Range<Timestamp>,
    ) -> Result<Vec<MinuteAggregate>, StoreError> {
        reads::minutes(&self.pool, during).await
    }

    /// What was released about a day or later ones, in order of day and detail; nothing where the store is older than
    /// releases.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn releases_since(&self, day: Date) -> Result<Vec<Release>, StoreError> {
        if !self.tables().await?.iter().any(|table| table == "releases") {
            return Ok(Vec::new());
        }
        releases::since(&self.pool, day).await
    }

    /// Every table whose rows have an end, in order of name, and how many are past it at `now`. Of the
    /// ledger, whose places stay for good, the entries whose bytes are still there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn overdue(&self, now: Timestamp) -> Result<Vec<Overdue>, StoreError> {
        let mut found = Vec::new();
        for table in self.tables().await? {
            let columns = self.columns(&table).await?;
            if !columns.iter().any(|column| column == "keep_until") {
                continue;
            }
            let kept = if table == "ledger" {
                " WHERE bytes IS NOT NULL"
            } else {
                ""
            };
            let sql = format!(
                "SELECT count(*), coalesce(sum(keep_until <= ?1), 0), min(iif(keep_until <= ?1, keep_until, NULL))
                 FROM {}{kept}",
                quoted(&table)
            );
            let row = sqlx::query(AssertSqlSafe(sql))
                .bind(now.as_micros())
                .fetch_one(&self.pool)
                .await
                .map_err(from_sqlx)?;
            let count = |at: usize| row.try_get(at).map_err(from_sqlx);
            let oldest: Option<i64> = row.try_get(2).map_err(from_sqlx)?;
            found.push(Overdue {
                n_rows: form::unsigned("row count", count(0)?)?,
                n_overdue: form::unsigned("row count", count(1)?)?,
                oldest_end: oldest.map(Timestamp::from_micros),
                table,
            });
        }
        Ok(found)
    }

    /// Tables whose rows have no end, in order of name. There should be none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn endless_tables(&self) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        for table in self.tables().await? {
            let columns = self.columns(&table).await?;
            if !columns.iter().any(|column| column == "keep_until") {
                found.push(table);
            }
        }
        Ok(found)
    }

    /// Calls `see` with every stored value of at least `min_len` bytes, table by table: for whoever
    /// looks for what must not be there. Memory grows with the largest value alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn each_value(
        &self,
        min_len: u32,
        see: impl FnMut(&StoredValue),
    ) -> Result<(), StoreError> {
        each_value(&self.pool, min_len, see).await
    }

    /// Persons of whom something sealed is kept, each once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sealed_persons(&self) -> Result<Vec<PersonId>, StoreError> {
        let ids = sqlx::query_scalar::<_, Vec<u8>>("SELECT DISTINCT person FROM sealed");
        let ids = ids.fetch_all(&self.pool).await.map_err(from_sqlx)?;
        ids.iter().map(|id| person_of(id)).collect()
    }

    async fn tables(&self) -> Result<Vec<String>, StoreError> {
        tables(&self.pool).await
    }

    async fn columns(&self, table: &str) -> Result<Vec<String>, StoreError> {
        columns(&self.pool, table).await
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A file opened to be read only.
pub(super) async fn opened(
    path: &Path,
    schema: &migrations::Schema,
) -> Result<SqlitePool, OpenError> {
    migrations::check_read_only(path, schema).await?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .busy_timeout(BUSY_TIMEOUT);
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .map_err(|source| OpenError::Store {
            path: path.to_owned(),
            source: from_sqlx(source),
        })
}

/// Every stored value of at least `min_len` bytes, table by table.
pub(super) async fn each_value(
    pool: &SqlitePool,
    min_len: u32,
    mut see: impl FnMut(&StoredValue),
) -> Result<(), StoreError> {
    use futures::TryStreamExt as _;
    for table in tables(pool).await? {
        for column in columns(pool, &table).await? {
            let name = quoted(&column);
            let sql = format!(
                "SELECT CAST({name} AS BLOB) FROM {}
                 WHERE typeof({name}) IN ('blob', 'text') AND length(CAST({name} AS BLOB)) >= ?",
                quoted(&table)
            );
            let mut rows = sqlx::query_scalar::<_, Vec<u8>>(AssertSqlSafe(sql))
                .bind(min_len)
                .fetch(pool);
            while let Some(bytes) = rows.try_next().await.map_err(from_sqlx)? {
                see(&StoredValue {
                    table: table.clone(),
                    column: column.clone(),
                    bytes,
                });
            }
        }
    }
    Ok(())
}

async fn tables(pool: &SqlitePool) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
    )
    .fetch_all(pool)
    .await
    .map_err(from_sqlx)
}

async fn columns(pool: &SqlitePool, table: &str) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar("SELECT name FROM pragma_table_info(?) ORDER BY cid")
        .bind(table)
        .fetch_all(pool)
        .await
        .map_err(from_sqlx)
}

/// A name of the schema within a statement: it may have been chosen by whoever changed the file.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
