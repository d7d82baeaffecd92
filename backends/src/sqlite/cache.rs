//! What was worked out earlier, by key: a file that may be thrown away at any time.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::failure::from_sqlx;
use super::{SqliteOptions, connection, lock_file, make_private_file, migrations};
use crate::{OpenError, StoreError};

/// What an entry takes besides its value: its row, its places in two indexes, what pages leave empty.
const BYTES_BESIDE: u64 = 256;

/// Entries that are forgotten at a time.
const N_FORGOTTEN: i64 = 256;

/// How a cache was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheState {
    /// There was none.
    New,
    /// So many entries are in it.
    Found(u64),
    /// It was damaged, and is empty now; why.
    Rebuilt(String),
}

/// A value of a cache.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedValue {
    /// What was put in; may be about people.
    pub bytes: Vec<u8>,
    /// Whether that was before this opening.
    pub is_from_before: bool,
}

impl fmt::Debug for CachedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CachedValue({} bytes withheld)", self.bytes.len())
    }
}

/// A file of values by keys, for one process at a time, with a lid: beyond it go the entries that were not used for the
/// longest, counted in openings.
///
/// What was committed outlives the end of the process, and a loss of power never leaves half of a value. Nothing is lost with
/// the file that could not be worked out again, so it is not flushed at each commit.
///
/// The file is readable by its owner only, and what is forgotten is overwritten: values may be about people.
#[derive(Debug)]
pub struct SqliteCache {
    path: PathBuf,
    connection: SqliteConnection,
    /// Held while the cache is open; the system lets it go when the process ends, however it ends.
    file: File,
    max_bytes: u64,
    n_bytes: u64,
    /// Which opening this is.
    use_number: i64,
    is_in_transaction: bool,
}

impl SqliteCache {
    /// Opens the file, and makes it where there is none; one of ours that is damaged is begun anew.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while another process has it; [`OpenError::Foreign`] and [`OpenError::Newer`] before anything is
    /// changed.
    pub async fn open(path: &Path, max_bytes: u64) -> Result<(Self, CacheState), OpenError> {
        let failed = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        let is_new = std::fs::metadata(path).is_err();
        if is_new {
            make_private_file(path)?;
        }
        let mut file = lock_file(path, path)?;
        let (opened, state) = match open_connection(path).await {
            Ok(opened) if is_new => (opened, CacheState::New),
            Ok(opened) => {
                let n_entries = opened.n_entries;
                (opened, CacheState::Found(n_entries))
            }
            Err(error) => {
                let Some(reason) = damage(&error) else {
                    return Err(error);
                };
                let mut head = Vec::new();
                (&file).take(100).read_to_end(&mut head).map_err(failed)?;
                if !migrations::CACHE.is_told_by(&head) {
                    return Err(OpenError::Foreign {
                        path: path.to_owned(),
                    });
                }
                empty(path, &mut file).map_err(failed)?;
                (open_connection(path).await?, CacheState::Rebuilt(reason))
            }
        };
        let mut cache = Self::of(opened, path.to_owned(), file, max_bytes);
        cache.forget().await.map_err(|source| OpenError::Store {
            path: path.to_owned(),
            source,
        })?;
        Ok((cache, state))
    }

    fn of(opened: Opened, path: PathBuf, file: File, max_bytes: u64) -> Self {
        Self {
            path,
            connection: opened.connection,
            file,
            max_bytes,
            n_bytes: opened.n_bytes,
            use_number: opened.use_number,
            is_in_transaction: false,
        }
    }

    /// The value of that key, if it is there.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]: [`SqliteCache::rebuild`] helps.
    pub async fn get(&mut self, key: &[u8; 32]) -> Result<Option<CachedValue>, StoreError> {
        let found: Option<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT entries.id, made, used, value FROM entries JOIN contents ON contents.id = entries.id WHERE key = ?",
        )
        .bind(key.as_slice())
        .fetch_optional(&mut self.connection)
        .await
        .map_err(from_sqlx)?;
        let Some((id, made, used, bytes)) = found else {
            return Ok(None);
        };
        if used != self.use_number {
            self.begin().await?;
            sqlx::query("UPDATE entries SET used = ? WHERE id = ?")
                .bind(self.use_number)
                .bind(id)
                .execute(&mut self.connection)
                .await
                .map_err(from_sqlx)?;
        }
        Ok(Some(CachedValue {
            bytes,
            is_from_before: made != self.use_number,
        }))
    }

    /// Keeps a value, in the place of one that was there; it lasts from the next [`SqliteCache::commit`] on. A value larger than
    /// the whole cache is not kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]: [`SqliteCache::rebuild`] helps.
    pub async fn put(&mut self, key: &[u8; 32], value: &[u8]) -> Result<(), StoreError> {
        let n_bytes = value.len() as u64 + BYTES_BESIDE;
        if n_bytes > self.max_bytes {
            return Ok(());
        }
        self.begin().await?;
        let there: Option<(i64, i64)> =
            sqlx::query_as("SELECT id, n_bytes FROM entries WHERE key = ?")
                .bind(key.as_slice())
                .fetch_optional(&mut self.connection)
                .await
                .map_err(from_sqlx)?;
        if let Some(there) = there {
            self.remove(&[there]).await?;
        }
        // Values are smaller than what an address can hold, which is less than half of this.
        let stored = i64::try_from(n_bytes).unwrap_or(i64::MAX);
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO entries (key, made, used, n_bytes) VALUES (?, ?, ?, ?) RETURNING id",
        )
        .bind(key.as_slice())
        .bind(self.use_number)
        .bind(self.use_number)
        .bind(stored)
        .fetch_one(&mut self.connection)
        .await
        .map_err(from_sqlx)?;
        sqlx::query("INSERT INTO contents (id, value) VALUES (?, ?)")
            .bind(id)
            .bind(value)
            .execute(&mut self.connection)
            .await
            .map_err(from_sqlx)?;
        self.n_bytes += n_bytes;
        self.forget().await
    }

    /// Makes what was put last, whatever becomes of the process.
    ///
    /// # Errors
    /// When it cannot be written; [`StoreError::Corrupt`]: [`SqliteCache::rebuild`] helps.
    pub async fn commit(&mut self) -> Result<(), StoreError> {
        if self.is_in_transaction {
            self.run("COMMIT").await?;
            self.is_in_transaction = false;
        }
        Ok(())
    }

    /// Empties a cache that turned out to be damaged.
    ///
    /// # Errors
    /// When that is not possible either.
    pub async fn rebuild(self) -> Result<Self, OpenError> {
        let Self {
            path,
            connection,
            mut file,
            max_bytes,
            ..
        } = self;
        // It may not be able to end well any more.
        let _ = connection.close().await;
        empty(&path, &mut file).map_err(|source| OpenError::Io {
            path: path.clone(),
            source,
        })?;
        let opened = open_connection(&path).await?;
        Ok(Self::of(opened, path, file, max_bytes))
    }

    /// Commits, gives room back to the disk, and closes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn close(mut self) -> Result<(), StoreError> {
        self.commit().await?;
        self.run("PRAGMA incremental_vacuum").await?;
        self.connection.close().await.map_err(from_sqlx)
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.is_in_transaction {
            self.run("BEGIN IMMEDIATE").await?;
            self.is_in_transaction = true;
        }
        Ok(())
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::raw_sql(statement)
            .execute(&mut self.connection)
            .await
            .map_err(from_sqlx)?;
        Ok(())
    }

    /// Lets go of what was not used for the longest, until the rest is within the lid.
    async fn forget(&mut self) -> Result<(), StoreError> {
        while self.n_bytes > self.max_bytes {
            self.begin().await?;
            let oldest: Vec<(i64, i64)> =
                sqlx::query_as("SELECT id, n_bytes FROM entries ORDER BY used, id LIMIT ?")
                    .bind(N_FORGOTTEN)
                    .fetch_all(&mut self.connection)
                    .await
                    .map_err(from_sqlx)?;
            let mut n_over = self.n_bytes - self.max_bytes;
            let n_gone = oldest
                .iter()
                .position(|(_, n_bytes)| {
                    n_over = n_over.saturating_sub(n_bytes.unsigned_abs());
                    n_over == 0
                })
                .map_or(oldest.len(), |last| last + 1);
            if n_gone == 0 {
                // Nothing is in it, so nothing takes room.
                self.n_bytes = 0;
                break;
            }
            self.remove(&oldest[..n_gone]).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, entries: &[(i64, i64)]) -> Result<(), StoreError> {
        for (id, n_bytes) in entries {
            for sql in [
                "DELETE FROM contents WHERE id = ?",
                "DELETE FROM entries WHERE id = ?",
            ] {
                sqlx::query(sql)
                    .bind(id)
                    .execute(&mut self.connection)
                    .await
                    .map_err(from_sqlx)?;
            }
            self.n_bytes = self.n_bytes.saturating_sub(n_bytes.unsigned_abs());
        }
        Ok(())
    }
}

/// A file that was opened, and what is in it.
struct Opened {
    connection: SqliteConnection,
    n_entries: u64,
    n_bytes: u64,
    use_number: i64,
}

async fn open_connection(path: &Path) -> Result<Opened, OpenError> {
    let failed = |error| OpenError::Store {
        path: path.to_owned(),
        source: from_sqlx(error),
    };
    migrations::check(path, &migrations::CACHE).await?;
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options(path))
        .await
        .map_err(failed)?;
    migrations::run(&pool, &migrations::CACHE).await?;
    let mut connection = pool.acquire().await.map_err(failed)?.detach();
    let (n_entries, n_bytes): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(sum(n_bytes), 0) FROM entries")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
    let use_number = sqlx::query_scalar("UPDATE uses SET n = n + 1 RETURNING n")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    Ok(Opened {
        connection,
        n_entries: n_entries.unsigned_abs(),
        n_bytes: n_bytes.unsigned_abs(),
        use_number,
    })
}

fn options(path: &Path) -> SqliteConnectOptions {
    connection(path, SqliteOptions::default())
        // It is there, and locked.
        .create_if_missing(false)
        // Whole after a loss of power, if older.
        .synchronous(SqliteSynchronous::Normal)
}

/// What is damaged, where that is why it cannot be opened.
fn damage(error: &OpenError) -> Option<String> {
    let source = match error {
        OpenError::Store { source, .. } | OpenError::Migrate { source, .. } => source,
        OpenError::InUse { .. }
        | OpenError::Newer { .. }
        | OpenError::Foreign { .. }
        | OpenError::Io { .. } => return None,
    };
    match source {
        StoreError::Corrupt { source } => Some(source.to_string()),
        StoreError::Full
        | StoreError::LedgerGap { .. }
        | StoreError::Conflict { .. }
        | StoreError::Taken
        | StoreError::RetiredKey
        | StoreError::Form { .. }
        | StoreError::Closed
        | StoreError::Other { .. } => None,
    }
}

/// Takes everything out of the file, which stays locked, and away what lies beside it.
fn empty(path: &Path, file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    for ending in ["-wal", "-shm", "-journal"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
