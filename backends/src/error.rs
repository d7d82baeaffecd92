//! What can fail, told apart as far as the caller acts differently.

use std::{error::Error, io, path::PathBuf};

/// Cause of a failure whose kind does not matter to the caller.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Reading or writing failed. Nothing of the call was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room left on the disk or in the quota. Recording stops, the screen goes on; the same call may succeed later.
    #[error("the disk is full")]
    Full,
    /// The file contradicts itself. It needs `regard doctor` or a backup.
    #[error("the store is damaged")]
    Corrupt {
        /// What the engine said.
        source: Cause,
    },
    /// Ledger entries or checkpoints must continue where the ledger ends.
    #[error("the ledger continues at index {expected}, not at {found}")]
    LedgerGap {
        /// Index of the next entry.
        expected: u64,
        /// Index that was offered.
        found: u64,
    },
    /// A document, checkpoint or entry that must never change is there already with other content.
    #[error("{what} {number} is there already with other content")]
    Conflict {
        /// Which kind of thing.
        what: &'static str,
        /// Its number: version, size or index.
        number: u64,
    },
    /// A person of that id is there already.
    #[error("the id is taken")]
    Taken,
    /// The key of the site that wrapped this wraps nothing new any more; wrap it with the current one.
    #[error("the key of the site was replaced meanwhile")]
    RetiredKey,
    /// A row could not be written as, or read from, its stored form.
    #[error("a stored {what} cannot be read or written")]
    Form {
        /// Which kind of row.
        what: &'static str,
        /// Why.
        source: Cause,
    },
    /// The store has been closed, or its file was taken away.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the store failed")]
    Other {
        /// What the engine said.
        source: Cause,
    },
}

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works in this folder.
    #[error("another process uses {}", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// A newer program wrote the file; this one must not touch it.
    #[error("{} has schema {found}, this program knows up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The file is an SQLite database of some other program.
    #[error("{} is not a store of this program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A migration failed; the file is as it was.
    #[error("failed to bring the store to schema {to}")]
    Migrate {
        /// The schema that could not be reached.
        to: i64,
        /// Why.
        source: StoreError,
    },
    /// The folder or a file in it cannot be used.
    #[error("failed to use {}", path.display())]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine refused the file.
    #[error("failed to open {}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}
