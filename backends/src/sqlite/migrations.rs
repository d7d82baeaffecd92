//! The schema, forward only.

use std::path::Path;

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions,
};

use super::failure::from_sqlx;
use crate::{OpenError, StoreError};

/// The schema of one kind of file.
pub(super) struct Schema {
    /// Each brings the schema from its place in the list to the next. What has been released never changes; new ones go to the end.
    steps: &'static [&'static str],
    /// Marks the file as ours (`PRAGMA application_id`).
    application_id: i64,
}

/// The store.
pub(super) const MAIN: Schema = Schema {
    steps: MIGRATIONS,
    // `REGD` in ASCII.
    application_id: 0x5245_4744,
};

/// The file of keys.
pub(super) const KEYS: Schema = Schema {
    steps: &[
        include_str!("../../migrations/keys/0001_keys.sql"),
        include_str!("../../migrations/keys/0002_secrets.sql"),
    ],
    // `REGK` in ASCII.
    application_id: 0x5245_474b,
};

/// What was worked out earlier.
pub(super) const CACHE: Schema = Schema {
    steps: &[include_str!("../../migrations/cache/0001_cache.sql")],
    // `REGC` in ASCII.
    application_id: 0x5245_4743,
};

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_rows_and_ledger.sql"),
    include_str!("../../migrations/0002_checkpoints_by_end.sql"),
    include_str!("../../migrations/0003_documents.sql"),
    include_str!("../../migrations/0004_sealed.sql"),
    include_str!("../../migrations/0005_releases.sql"),
    include_str!("../../migrations/0006_collected.sql"),
    include_str!("../../migrations/0007_studies.sql"),
    include_str!("../../migrations/0008_slots.sql"),
];

/// Refuses a file that is newer than this program or not ours, before anything in it is changed.
pub(super) async fn check(path: &Path, schema: &Schema) -> Result<(), OpenError> {
    check_file(path, schema, false).await
}

/// The same, without as much as touching the file.
pub(super) async fn check_read_only(path: &Path, schema: &Schema) -> Result<(), OpenError> {
    check_file(path, schema, true).await
}

async fn check_file(path: &Path, schema: &Schema, is_read_only: bool) -> Result<(), OpenError> {
    let failed = |error| OpenError::Store {
        path: path.to_owned(),
        source: from_sqlx(error),
    };
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(is_read_only)
        .connect()
        .await
        .map_err(failed)?;
    let found = identity(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    if !found.is_empty && found.application_id != schema.application_id {
        return Err(OpenError::Foreign {
            path: path.to_owned(),
        });
    }
    if found.version > schema.known() {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: found.version,
            known: schema.known(),
        });
    }
    Ok(())
}

/// Brings the schema up to date; each step is a transaction.
pub(super) async fn run(writer: &SqlitePool, schema: &Schema) -> Result<(), OpenError> {
    for (from, sql) in (0_i64..).zip(schema.steps) {
        step(writer, schema.application_id, from, sql)
            .await
            .map_err(|source| OpenError::Migrate {
                to: from + 1,
                source,
            })?;
    }
    Ok(())
}

async fn step(
    writer: &SqlitePool,
    application_id: i64,
    from: i64,
    sql: &'static str,
) -> Result<(), StoreError> {
    let mut transaction = writer
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(from_sqlx)?;
    let found = identity(&mut transaction).await.map_err(from_sqlx)?;
    if found.version > from {
        return Ok(());
    }
    sqlx::raw_sql(sql)
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    // Pragmas take no parameters; both values are our own numbers.
    let marks = format!(
        "PRAGMA application_id = {application_id}; PRAGMA user_version = {}",
        from + 1
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(marks))
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?;
    transaction.commit().await.map_err(from_sqlx)
}

impl Schema {
    /// Whether the first bytes of a file say that it was one of these, whatever became of the rest.
    ///
    /// # Source
    /// <https://www.sqlite.org/fileformat.html>, 1.3: the application id is at offset 68, the greatest byte first.
    pub(super) fn is_told_by(&self, head: &[u8]) -> bool {
        let id = head.get(68..72).and_then(|bytes| bytes.try_into().ok());
        head.starts_with(b"SQLite format 3\0")
            && id.map(i32::from_be_bytes).map(i64::from) == Some(self.application_id)
    }

    /// The newest version that this program knows.
    fn known(&self) -> i64 {
        i64::try_from(self.steps.len()).expect("a handful of migrations")
    }
}

struct Identity {
    application_id: i64,
    version: i64,
    is_empty: bool,
}

async fn identity(connection: &mut SqliteConnection) -> Result<Identity, sqlx::Error> {
    let application_id = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await?;
    let version = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await?;
    Ok(Identity {
        application_id,
        version,
        is_empty: tables == 0,
    })
}
