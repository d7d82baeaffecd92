//! The file of keys: beside the store, and never in a backup of it.

mod secrets;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use regard_commitments::{
    ConsentPurpose, Kept, KeySlot, LedgerEntry, PersonTokenHash, SiteKeyId, WrappedKey,
};
use regard_domain::{PersonId, Timestamp};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::failure::from_sqlx;
use super::{
    SqliteOptions, connection, is_clean, make_private_file, make_private_folder, migrations,
};
use crate::keys::{
    Changed, HeldKey, KeyChange, KeyStore, PendingEntry, PersonRow, PurposeKey, SiteSecret,
};
use crate::{OpenError, StoreError};

/// Name of the file in the data folder.
pub(super) const FILE_NAME: &str = "keys.db";

/// The file of keys, one SQLite file in the data folder.
///
/// One connection reads and writes. What is destroyed is overwritten (`secure_delete`), and the log is emptied before
/// the call returns, so that no file holds it any more. What a disk does with blocks that are no file's any more is
/// beyond a program: rotating the key of the site makes them worthless.
///
/// The file takes no lock of its own: `regard keys rotate` works on it while the program runs.
#[derive(Debug)]
pub struct SqliteKeys {
    path: PathBuf,
    pool: SqlitePool,
}

impl SqliteKeys {
    /// Opens the file in a folder, and makes folder and file if need be.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        make_private_folder(folder)?;
        let path = folder.join(FILE_NAME);
        make_private_file(&path)?;
        migrations::check(&path, &migrations::KEYS).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_clean(connection)))
            .connect_with(connection(&path, SqliteOptions::default()))
            .await
            .map_err(|source| OpenError::Store {
                path: path.clone(),
                source: from_sqlx(source),
            })?;
        migrations::run(&pool, &migrations::KEYS).await?;
        Ok(Self { path, pool })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(from_sqlx)
    }

    /// Ends a change by which keys may have gone.
    async fn finish(
        &self,
        transaction: Transaction<'static, Sqlite>,
        was_there: bool,
    ) -> Result<Changed, StoreError> {
        transaction.commit().await.map_err(from_sqlx)?;
        // The change is done, whatever becomes of the log: that is told apart, not as a failure.
        let is_wiped = self.wipe().await.unwrap_or(false);
        Ok(Changed {
            was_there,
            is_wiped,
        })
    }
}

fn id(person: PersonId) -> Vec<u8> {
    person.as_bits().to_be_bytes().to_vec()
}

fn form(what: &'static str, why: &'static str) -> StoreError {
    StoreError::Form {
        what,
        source: why.into(),
    }
}

pub(super) fn person_of(bytes: &[u8]) -> Result<PersonId, StoreError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| form("person", "not 16 bytes"))?;
    Ok(PersonId::from_bits(u128::from_be_bytes(bytes)))
}

fn wrapped(site_key: &[u8], bytes: Vec<u8>) -> Result<WrappedKey, StoreError> {
    let site_key = <[u8; 16]>::try_from(site_key).map_err(|_| form("key", "not 16 bytes"))?;
    Ok(WrappedKey {
        site_key: SiteKeyId::from_bytes(site_key),
        bytes,
    })
}

fn purpose_of(text: &str) -> Result<ConsentPurpose, StoreError> {
    text.parse().map_err(|_| form("key", "no known purpose"))
}

async fn tell(
    connection: &mut SqliteConnection,
    entries: &[LedgerEntry],
) -> Result<(), StoreError> {
    for entry in entries {
        let text = String::from_utf8(entry.leaf_bytes()).map_err(|e| StoreError::Form {
            what: "ledger entry",
            source: e.into(),
        })?;
        sqlx::query("INSERT INTO pending (entry) VALUES (?)")
            .bind(text)
            .execute(&mut *connection)
            .await
            .map_err(from_sqlx)?;
    }
    Ok(())
}

async fn wraps(connection: &mut SqliteConnection, key: &WrappedKey) -> Result<(), StoreError> {
    let retired: i64 = sqlx::query_scalar("SELECT count(*) FROM retired WHERE site_key = ?")
        .bind(key.site_key.as_bytes().as_slice())
        .fetch_one(connection)
        .await
        .map_err(from_sqlx)?;
    if retired > 0 {
        return Err(StoreError::RetiredKey);
    }
    Ok(())
}

/// Overwritten first: even a page that is not freed holds zeros then.
async fn destroy(
    connection: &mut SqliteConnection,
    person: PersonId,
    purpose: ConsentPurpose,
) -> Result<(), StoreError> {
    for sql in [
        "UPDATE purpose_keys SET wrapped = zeroblob(length(wrapped)) WHERE person = ? AND purpose = ?",
        "DELETE FROM purpose_keys WHERE person = ? AND purpose = ?",
    ] {
        sqlx::query(sql)
            .bind(id(person))
            .bind(purpose.as_str())
            .execute(&mut *connection)
            .await
            .map_err(from_sqlx)?;
    }
    Ok(())
}

async fn put(connection: &mut SqliteConnection, row: &PurposeKey) -> Result<(), StoreError> {
    wraps(connection, &row.key).await?;
    destroy(connection, row.person, row.purpose).await?;
    sqlx::query(
        "INSERT INTO purpose_keys (person, purpose, site_key, wrapped, is_shared, ends_at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(id(row.person))
    .bind(row.purpose.as_str())
    .bind(row.key.site_key.as_bytes().as_slice())
    .bind(row.key.bytes.as_slice())
    .bind(row.is_shared)
    .bind(row.ends_at.as_micros())
    .execute(connection)
    .await
    .map_err(from_sqlx)?;
    Ok(())
}

type PurposeColumns = (Vec<u8>, String, Vec<u8>, Vec<u8>, bool, i64);

fn purpose_key(row: PurposeColumns) -> Result<PurposeKey, StoreError> {
    let (person, purpose, site_key, bytes, is_shared, ends_at) = row;
    Ok(PurposeKey {
        person: person_of(&person)?,
        purpose: purpose_of(&purpose)?,
        key: wrapped(&site_key, bytes)?,
        is_shared,
        ends_at: Timestamp::from_micros(ends_at),
    })
}

#[async_trait]
impl KeyStore for SqliteKeys {
    async fn create(
        &self,
        person: &Kept<PersonRow>,
        tells: &LedgerEntry,
    ) -> Result<(), StoreError> {
        let row = person.row();
        let mut transaction = self.begin().await?;
        wraps(&mut transaction, &row.key).await?;
        let written = sqlx::query(
            "INSERT INTO persons (id, token, site_key, wrapped, file, keep_until) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(id(row.person))
        .bind(row.token.as_bytes().as_slice())
        .bind(row.key.site_key.as_bytes().as_slice())
        .bind(row.key.bytes.as_slice())
        .bind(row.file.as_slice())
        .bind(person.keep_until().as_micros())
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
        if written == 0 {
            return Err(StoreError::Taken);
        }
        tell(&mut transaction, std::slice::from_ref(tells)).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn person(&self, person: PersonId) -> Result<Option<PersonRow>, StoreError> {
        let row: Option<(Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT token, site_key, wrapped, file FROM persons WHERE id = ?")
                .bind(id(person))
                .fetch_optional(&self.pool)
                .await
                .map_err(from_sqlx)?;
        let Some((token, site_key, bytes, file)) = row else {
            return Ok(None);
        };
        let token = <[u8; 32]>::try_from(token).map_err(|_| form("person", "not 32 bytes"))?;
        Ok(Some(PersonRow {
            person,
            token: PersonTokenHash::from_bytes(token),
            key: wrapped(&site_key, bytes)?,
            file,
        }))
    }

    async fn purpose_key(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Option<PurposeKey>, StoreError> {
        let row: Option<PurposeColumns> = sqlx::query_as(
            "SELECT person, purpose, site_key, wrapped, is_shared, ends_at FROM purpose_keys
             WHERE person = ? AND purpose = ?",
        )
        .bind(id(person))
        .bind(purpose.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(from_sqlx)?;
        row.map(purpose_key).transpose()
    }

    async fn change(&self, change: &KeyChange) -> Result<Changed, StoreError> {
        let mut transaction = self.begin().await?;
        let found = sqlx::query(
            "UPDATE persons SET file = ?, keep_until = max(keep_until, coalesce(?, keep_until)) WHERE id = ?",
        )
        .bind(change.file.as_slice())
        .bind(change.keep_until.map(Timestamp::as_micros))
        .bind(id(change.person))
        .execute(&mut *transaction)
        .await
        .map_err(from_sqlx)?
        .rows_affected();
        if found == 0 {
            return Ok(Changed {
                was_there: false,
                is_wiped: true,
            });
        }
        for purpose in &change.destroy {
            destroy(&mut transaction, change.person, *purpose).await?;
        }
        if let Some(row) = &change.put {
            put(&mut transaction, row).await?;
        }
        tell(&mut transaction, &change.tells).await?;
        self.finish(transaction, true).await
    }

    async fn erase(&self, person: PersonId, tells: &LedgerEntry) -> Result<Changed, StoreError> {
        let mut transaction = self.begin().await?;
        for sql in [
            "UPDATE purpose_keys SET wrapped = zeroblob(length(wrapped)) WHERE person = ?",
            "DELETE FROM purpose_keys WHERE person = ?",
            "UPDATE persons SET wrapped = zeroblob(length(wrapped)), file = zeroblob(length(file)), \
             token = zeroblob(length(token)) WHERE id = ?",
        ] {
            sqlx::query(sql)
                .bind(id(person))
                .execute(&mut *transaction)
                .await
                .map_err(from_sqlx)?;
        }
        let found = sqlx::query("DELETE FROM persons WHERE id = ?")
            .bind(id(person))
            .execute(&mut *transaction)
            .await
            .map_err(from_sqlx)?
            .rows_affected();
        if found > 0 {
            tell(&mut transaction, std::slice::from_ref(tells)).await?;
        }
        self.finish(transaction, found > 0).await
    }

    async fn pending(&self, limit: u32) -> Result<Vec<PendingEntry>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT number, entry FROM pending ORDER BY number LIMIT ?")
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(from_sqlx)?;
        rows.into_iter()
            .map(|(number, text)| {
                let entry = LedgerEntry::from_leaf_bytes(text.as_bytes());
                let entry = entry.map_err(|e| StoreError::Form {
                    what: "ledger entry",
                    source: e.into(),
                })?;
                Ok(PendingEntry { number, entry })
            })
            .collect()
    }

    async fn settle(&self, numbers: &[i64]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for number in numbers {
            sqlx::query("DELETE FROM pending WHERE number = ?")
                .bind(number)
                .execute(&mut *transaction)
                .await
                .map_err(from_sqlx)?;
        }
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<PurposeKey>, StoreError> {
        let rows: Vec<PurposeColumns> = sqlx::query_as(
            "SELECT person, purpose, site_key, wrapped, is_shared, ends_at FROM purpose_keys
             WHERE ends_at <= ? ORDER BY ends_at, person, purpose LIMIT ?",
        )
        .bind(now.as_micros())
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(from_sqlx)?;
        rows.into_iter().map(purpose_key).collect()
    }

    async fn past(&self, now: Timestamp, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT id FROM persons WHERE keep_until <= ? ORDER BY keep_until, id LIMIT ?",
        )
        .bind(now.as_micros())
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(from_sqlx)?;
        rows.iter().map(|bytes| person_of(bytes)).collect()
    }

    async fn persons(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        // The empty text of bytes comes before all others.
        let rows: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT id FROM persons WHERE id > ? ORDER BY id LIMIT ?")
                .bind(after.map(id).unwrap_or_default())
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(from_sqlx)?;
        rows.iter().map(|bytes| person_of(bytes)).collect()
    }

    async fn n_persons(&self) -> Result<u64, StoreError> {
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM persons")
            .fetch_one(&self.pool)
            .await
            .map_err(from_sqlx)?;
        crate::form::unsigned("count of persons", n)
    }

    async fn retire(&self, site_key: SiteKeyId, tells: &LedgerEntry) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let retired =
            sqlx::query("INSERT INTO retired (site_key) VALUES (?) ON CONFLICT DO NOTHING")
                .bind(site_key.as_bytes().as_slice())
                .execute(&mut *transaction)
                .await
                .map_err(from_sqlx)?
                .rows_affected();
        if retired > 0 {
            tell(&mut transaction, std::slice::from_ref(tells)).await?;
        }
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn wrapped_under(
        &self,
        site_key: SiteKeyId,
        limit: u32,
    ) -> Result<Vec<HeldKey>, StoreError> {
        let rows: Vec<(Vec<u8>, String, Vec<u8>, bool)> = sqlx::query_as(
            "SELECT id, 'record', wrapped, 0 FROM persons WHERE site_key = ?1
             UNION ALL SELECT person, purpose, wrapped, is_shared FROM purpose_keys WHERE site_key = ?1 LIMIT ?2",
        )
        .bind(site_key.as_bytes().as_slice())
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(from_sqlx)?;
        rows.into_iter()
            .map(|(person, slot, bytes, is_shared)| {
                Ok(HeldKey {
                    person: person_of(&person)?,
                    slot: slot.parse().map_err(|_| form("key", "no known purpose"))?,
                    key: WrappedKey { site_key, bytes },
                    is_shared,
                })
            })
            .collect()
    }

    async fn rewrap(&self, keys: &[(HeldKey, WrappedKey)]) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut n_rewrapped = 0;
        for (held, new) in keys {
            let query = match held.slot {
                KeySlot::Record => sqlx::query(
                    "UPDATE persons SET site_key = ?, wrapped = ? WHERE id = ? AND wrapped = ?",
                ),
                KeySlot::Purpose(_) => sqlx::query(
                    "UPDATE purpose_keys SET site_key = ?, wrapped = ? WHERE person = ? AND wrapped = ? AND purpose = ?",
                ),
            };
            let mut query = query
                .bind(new.site_key.as_bytes().as_slice())
                .bind(new.bytes.as_slice())
                .bind(id(held.person))
                .bind(held.key.bytes.as_slice());
            if let KeySlot::Purpose(purpose) = held.slot {
                query = query.bind(purpose.as_str());
            }
            let done = query.execute(&mut *transaction).await.map_err(from_sqlx)?;
            n_rewrapped += done.rows_affected();
        }
        transaction.commit().await.map_err(from_sqlx)?;
        Ok(n_rewrapped)
    }

    async fn secrets(&self, prefix: &str) -> Result<Vec<SiteSecret>, StoreError> {
        secrets::list(&self.pool, prefix).await
    }

    async fn put_secret(&self, secret: &SiteSecret) -> Result<(), StoreError> {
        secrets::put(self.begin().await?, secret).await
    }

    async fn drop_secrets(
        &self,
        names: &[String],
        tells: &[LedgerEntry],
    ) -> Result<Changed, StoreError> {
        let mut transaction = self.begin().await?;
        let found = secrets::destroy(&mut transaction, names).await?;
        if found > 0 {
            tell(&mut transaction, tells).await?;
        }
        self.finish(transaction, found > 0).await
    }

    async fn rewrap_secrets(
        &self,
        secrets: &[(SiteSecret, WrappedKey)],
    ) -> Result<u64, StoreError> {
        secrets::rewrap(self.begin().await?, secrets).await
    }

    async fn wipe(&self) -> Result<bool, StoreError> {
        super::maintenance::checkpoint(&self.pool).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
