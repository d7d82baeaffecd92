//! The store that lasts: one SQLite file in the data folder.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use regard_commitments::{
    Date, Detail, Epsilon, Kept, Leaf, Release, SignedCheckpoint, SignedCommitments, Spending,
};
use regard_decision::{Decision, Outcome, PlayRow};
use regard_domain::{CampaignId, DecisionId, PersonId, ScreenId, Timestamp};
use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool, Transaction,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use self::documents::Named;
pub use self::keys_reader::{HeldNames, SqliteKeysReader};
pub use self::reader::{Overdue, SqliteReader, StoredValue};
use crate::{
    Batch, CommitReport, CreativeReport, DecisionCursor, Document, Fact, Integrity, LedgerRow,
    MinuteAggregate, OpenError, Play, PlayCount, PolicyRow, SealedRow, SealedSlots, Setting, Store,
    StoreError, SweepReport,
};

mod cache;
mod collected;
mod documents;
mod failure;
mod keys;
mod keys_reader;
mod maintenance;
mod migrations;
#[cfg(test)]
mod plans;
mod reader;
mod reads;
mod releases;
mod sealed;
mod studies;
mod tables;
mod writes;

pub use cache::{CacheState, CachedValue, SqliteCache};
pub use keys::SqliteKeys;
pub use tables::{SqliteColumn, SqliteTables, SqliteValue};

/// How long a connection waits for another's lock before it gives up. Our own writers queue for the one connection; this is for
/// an owner's `sqlite3` shell or a backup, which hold locks for milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reading connections: console, API and reports at once on a machine of two cores; each costs up to 2 MB of page cache.
const N_READERS: u32 = 3;

/// Size of a page in bytes: SQLite's own default, written out because [`SqliteOptions::max_bytes`] counts with it.
const PAGE_BYTES: u64 = 4096;

/// Name of the file in the data folder.
const FILE_NAME: &str = "regard.db";

/// Name of the file whose lock says that a process works in the folder.
const LOCK_NAME: &str = "regard.lock";

/// How to open a store.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteOptions {
    /// Bytes the file may grow to; beyond, writing gives [`StoreError::Full`]. No lid of its own when not given.
    pub max_bytes: Option<u64>,
}

/// The store that lasts: one SQLite file, write-ahead log beside it.
///
/// One connection writes, a few read; readers never wait for the writer. Every commit is flushed to the disk before it is acknowledged
/// (`synchronous=FULL`), so that the end of the process loses nothing acknowledged, and loss of power nothing
/// either if the disk is honest about flushing. What is removed is overwritten with zeros (`secure_delete`).
///
/// File and log are readable by the owner of the process only. The folder is made so too when it did not exist.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held while the store is open; the system lets it go when the process ends, however it ends.
    lock: Mutex<Option<File>>,
}

impl SqliteStore {
    /// Opens the store in a folder, and makes folder and store if need be.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while another process has it open; [`OpenError::Newer`] and [`OpenError::Foreign`]
    /// before anything is changed.
    pub async fn open(folder: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        make_private_folder(folder)?;
        let lock = lock_file(&folder.join(LOCK_NAME), folder)?;
        let path = folder.join(FILE_NAME);
        make_private_file(&path)?;
        let failed = |source: sqlx::Error| OpenError::Store {
            path: path.clone(),
            source: failure::from_sqlx(source),
        };
        migrations::check(&path, &migrations::MAIN).await?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_clean(connection)))
            .connect_with(connection(&path, options))
            .await
            .map_err(failed)?;
        migrations::run(&writer, &migrations::MAIN).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(N_READERS)
            .connect_with(connection(&path, options).pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self {
            path,
            writer,
            readers,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to write. A transaction that is dropped is rolled back.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // Immediate: the lock is taken now, and not in the midst, where waiting for it could fail.
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failure::from_sqlx)
    }
}

/// Whether a connection that comes back may be used again.
///
/// On a full disk, and on some failures of the disk, SQLite ends the transaction by itself; the driver then fails to roll back
/// what is no more, and counts itself in a transaction for good. Such a connection is closed and a new one opened.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // The answer comes after the rollback that may be on its way.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn connection(path: &Path, options: SqliteOptions) -> SqliteConnectOptions {
    let connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(u32::try_from(PAGE_BYTES).expect("4096 fits"))
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON")
        // A damaged or foreign schema must not run functions of its own choosing.
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        // What is sorted does not go to the temporary folder of the machine: nothing is written outside ours.
        .pragma("temp_store", "MEMORY")
        .busy_timeout(BUSY_TIMEOUT);
    match options.max_bytes {
        Some(bytes) => connection.pragma(
            "max_page_count",
            (bytes / PAGE_BYTES).clamp(1, i64::MAX as u64).to_string(),
        ),
        None => connection,
    }
}

/// Opens a file, made where there is none, and locks it; `used` is what another process then uses.
fn lock_file(path: &Path, used: &Path) -> Result<File, OpenError> {
    let io_failed = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    let file = private_file().open(path).map_err(io_failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse {
            folder: used.to_owned(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(io_failed(source)),
    }
}

/// SQLite gives its log and index files the permissions of the main file, so it is enough to be first.
fn make_private_file(path: &Path) -> Result<(), OpenError> {
    private_file()
        .open(path)
        .and_then(|file| {
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                file.set_permissions(fs::Permissions::from_mode(0o600))?;
            }
            drop(file);
            Ok(())
        })
        .map_err(|source| OpenError::Io {
            path: path.to_owned(),
            source,
        })
}

fn private_file() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// A folder that is there already may be shared with other things of the owner: it keeps its permissions.
fn make_private_folder(folder: &Path) -> Result<(), OpenError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    let made: io::Result<()> = builder.create(folder);
    made.map_err(|source| OpenError::Io {
        path: folder.to_owned(),
        source,
    })
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError> {
        writes::commit(self.begin().await?, batch).await
    }

    async fn append_ledger(&self, leaves: &[Kept<Leaf>]) -> Result<(), StoreError> {
        documents::append_ledger(self.begin().await?, leaves).await
    }

    async fn ledger_len(&self) -> Result<u64, StoreError> {
        documents::ledger_len(&self.readers).await
    }

    async fn ledger_range(&self, range: Range<u64>) -> Result<Vec<LedgerRow>, StoreError> {
        documents::ledger_range(&self.readers, range).await
    }

    async fn put_checkpoint(&self, checkpoint: &Kept<SignedCheckpoint>) -> Result<(), StoreError> {
        documents::put_checkpoint(self.begin().await?, checkpoint).await
    }

    async fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, StoreError> {
        documents::checkpoints(&self.readers).await
    }

    async fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        documents::latest_checkpoint(&self.readers).await
    }

    async fn put_commitments(
        &self,
        version: u32,
        signed: &Kept<SignedCommitments>,
    ) -> Result<(), StoreError> {
        documents::put_commitments(self.begin().await?, version, signed).await
    }

    async fn commitments(&self, version: u32) -> Result<Option<SignedCommitments>, StoreError> {
        documents::commitments(&self.readers, version).await
    }

    async fn latest_commitments(&self) -> Result<Option<SignedCommitments>, StoreError> {
        documents::latest_commitments(&self.readers).await
    }

    async fn decisions(
        &self,
        limit: u32,
        before: Option<DecisionCursor>,
    ) -> Result<Vec<Decision>, StoreError> {
        reads::decisions(&self.readers, limit, before).await
    }

    async fn decisions_since(&self, since: Timestamp) -> Result<Vec<Decision>, StoreError> {
        reads::decisions_since(&self.readers, since).await
    }

    async fn campaign_totals(&self) -> Result<BTreeMap<CampaignId, u64>, StoreError> {
        reads::campaign_totals(&self.readers).await
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        reads::decision(&self.readers, id).await
    }

    async fn outcomes_of(&self, decision: DecisionId) -> Result<Vec<Outcome>, StoreError> {
        reads::outcomes_of(&self.readers, decision).await
    }

    async fn outcomes_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError> {
        reads::outcomes_since(&self.readers, since).await
    }

    async fn plays_since(
        &self,
        screen: Option<&ScreenId>,
        since: Timestamp,
    ) -> Result<Vec<Play>, StoreError> {
        reads::plays_since(&self.readers, screen, since).await
    }

    async fn play_counts(&self, since: Timestamp) -> Result<Vec<PlayCount>, StoreError> {
        reads::play_counts(&self.readers, since).await
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError> {
        reads::policies(&self.readers).await
    }

    async fn play_rows(&self, during: Range<Timestamp>) -> Result<Vec<PlayRow>, StoreError> {
        reads::play_rows(&self.readers, during).await
    }

    async fn creative_report(
        &self,
        during: Range<Timestamp>,
    ) -> Result<Vec<CreativeReport>, StoreError> {
        reads::creative_report(&self.readers, during).await
    }

    async fn minutes(&self, during: Range<Timestamp>) -> Result<Vec<MinuteAggregate>, StoreError> {
        reads::minutes(&self.readers, during).await
    }

    async fn facts(&self) -> Result<Vec<Fact>, StoreError> {
        reads::facts(&self.readers).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<SweepReport, StoreError> {
        maintenance::sweep(self, now).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        documents::named(&self.readers, Named::Setting, name).await
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>, StoreError> {
        documents::settings(&self.readers, prefix).await
    }

    async fn put_setting(&self, setting: &Kept<Setting>) -> Result<(), StoreError> {
        let row = setting.row();
        let text = (row.name.as_str(), row.value.as_str());
        let transaction = self.begin().await?;
        documents::put_named(transaction, Named::Setting, text, setting.keep_until()).await
    }

    async fn remove_setting(&self, name: &str) -> Result<bool, StoreError> {
        documents::remove_setting(self.begin().await?, name).await
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        documents::named(&self.readers, Named::Document, name).await
    }

    async fn put_document(&self, document: &Kept<Document>) -> Result<(), StoreError> {
        let row = document.row();
        let text = (row.name.as_str(), row.value.as_str());
        let transaction = self.begin().await?;
        documents::put_named(transaction, Named::Document, text, document.keep_until()).await
    }

    async fn put_release(
        &self,
        release: &Kept<Release>,
        budget: Epsilon,
    ) -> Result<Spending, StoreError> {
        releases::put(self.begin().await?, release, budget).await
    }

    async fn release(&self, day: Date, detail: Detail) -> Result<Option<Release>, StoreError> {
        releases::one(&self.readers, day, detail).await
    }

    async fn releases_since(&self, day: Date) -> Result<Vec<Release>, StoreError> {
        releases::since(&self.readers, day).await
    }

    async fn put_sealed(&self, rows: &[Kept<SealedRow>]) -> Result<(), StoreError> {
        sealed::put(self.begin().await?, rows).await
    }

    async fn sealed_of(&self, person: PersonId) -> Result<Vec<SealedRow>, StoreError> {
        sealed::of(&self.readers, person).await
    }

    async fn remove_sealed(&self, person: PersonId, slots: SealedSlots) -> Result<u64, StoreError> {
        sealed::remove(self, person, slots).await
    }

    async fn remove_sealed_row(
        &self,
        person: PersonId,
        kind: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        sealed::remove_row(self, person, kind, name).await
    }

    async fn sealed_persons(
        &self,
        kind: Option<&str>,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        sealed::persons(&self.readers, kind, after, limit).await
    }

    async fn integrity_check(&self) -> Result<Integrity, StoreError> {
        maintenance::integrity_check(&self.readers).await
    }

    async fn vacuum(&self) -> Result<(), StoreError> {
        maintenance::vacuum(&self.writer).await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(lock.take());
    }
}
