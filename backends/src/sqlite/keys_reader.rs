//! The file of keys looked at from outside.

use std::fs;
use std::path::Path;

use regard_domain::{PersonId, Timestamp};
use sqlx::{AssertSqlSafe, SqlitePool};

use super::failure::from_sqlx;
use super::keys::{FILE_NAME, person_of};
use super::migrations;
use super::reader::{Overdue, StoredValue, each_value, opened};
use crate::{OpenError, StoreError, form};

/// The file of keys of a data folder, to be read only, beside a running program: for whoever looks whether what is in it is
/// sealed and in time.
///
/// # Privacy
/// Gives wrapped keys and sealed files, and how many there are. Nothing of it opens without the key of the site.
#[derive(Debug)]
pub struct SqliteKeysReader {
    pool: SqlitePool,
}

/// Whose records and which of their consents have keys, and what the ledger is still to say of that.
///
/// # Privacy
/// Random ids that name persons; compared with what the ledger calls them, and shown to nobody.
#[derive(Debug, Default)]
pub struct HeldNames {
    /// Persons.
    pub persons: Vec<PersonId>,
    /// Consents, by person and the name of the purpose.
    pub consents: Vec<(PersonId, String)>,
    /// Entries that are written together with a change of keys, and have not gone into the ledger yet.
    pub pending: Vec<Vec<u8>>,
}

/// Tables, and the columns that say when a row's time is over.
const ENDS: [(&str, &str); 2] = [("persons", "keep_until"), ("purpose_keys", "ends_at")];

impl SqliteKeysReader {
    /// Opens the file in a folder; nothing where there is none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = folder.join(FILE_NAME);
        // Empty until the program has run.
        if fs::metadata(&path).map_or(0, |metadata| metadata.len()) == 0 {
            return Ok(None);
        }
        let pool = opened(&path, &migrations::KEYS).await?;
        Ok(Some(Self { pool }))
    }

    /// Persons and consents, and how many of them are past their time at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn overdue(&self, now: Timestamp) -> Result<Vec<Overdue>, StoreError> {
        let mut found = Vec::new();
        for (table, end) in ENDS {
            let sql = format!(
                "SELECT count(*), coalesce(sum({end} <= ?1), 0), min(iif({end} <= ?1, {end}, NULL)) FROM {table}"
            );
            let (n_rows, n_overdue, oldest): (i64, i64, Option<i64>) =
                sqlx::query_as(AssertSqlSafe(sql))
                    .bind(now.as_micros())
                    .fetch_one(&self.pool)
                    .await
                    .map_err(from_sqlx)?;
            found.push(Overdue {
                table: table.to_owned(),
                n_rows: form::unsigned("row count", n_rows)?,
                n_overdue: form::unsigned("row count", n_overdue)?,
                oldest_end: oldest.map(Timestamp::from_micros),
            });
        }
        Ok(found)
    }

    /// Who is held, and whose consents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn names(&self) -> Result<HeldNames, StoreError> {
        // What is still to be said is read first: what is said meanwhile is in the ledger then.
        let pending = sqlx::query_scalar("SELECT entry FROM pending ORDER BY number");
        let pending = pending.fetch_all(&self.pool).await.map_err(from_sqlx)?;
        let persons = sqlx::query_scalar::<_, Vec<u8>>("SELECT id FROM persons ORDER BY id");
        let persons = persons.fetch_all(&self.pool).await.map_err(from_sqlx)?;
        let consents = sqlx::query_as::<_, (Vec<u8>, String)>(
            "SELECT person, purpose FROM purpose_keys ORDER BY person, purpose",
        );
        let consents = consents.fetch_all(&self.pool).await.map_err(from_sqlx)?;
        let named = |(id, purpose): (Vec<u8>, String)| Ok((person_of(&id)?, purpose));
        Ok(HeldNames {
            persons: persons
                .iter()
                .map(|id| person_of(id))
                .collect::<Result<_, _>>()?,
            consents: consents.into_iter().map(named).collect::<Result<_, _>>()?,
            pending,
        })
    }

    /// Calls `see` with every stored value of at least `min_len` bytes.
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

    /// Closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
