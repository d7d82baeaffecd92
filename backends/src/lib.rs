//! Where rows are kept: the [`Store`] trait and what stands behind it.
//!
//! In: rows that carry how long they may be kept ([`Kept`](regard_commitments::Kept)), ledger entries, signed documents.
//! Out: the same, read back, and sums over them for reports and limits. [`SqliteStore`] is the one that lasts;
//! [`MemoryStore`] is for tests and for the time the disk is full. [`SqliteReader`] looks at a store from outside.
//!
//! Beside the store lies the [`KeyStore`] with the wrapped keys of persons, in a file of its own that no backup holds.
//!
//! This room alone knows SQL. It never reads a clock, never decides how long a row may be kept, never takes a row
//! without that, and never spawns a task: who groups rows into batches and when is the engine's affair.
//!
//! There is no message bus yet: one machine needs none. It comes with the second machine, as a trait beside [`Store`].

mod batch;
mod collected;
mod error;
mod form;
mod keys;
mod memory;
mod row;
mod sqlite;
mod store;
mod sums;

pub use batch::{Batch, CommitReport, OutcomeKey};
pub use collected::{CollectedRow, CollectedStore};
pub use error::{OpenError, StoreError};
pub use keys::{
    Changed, HeldKey, KeyChange, KeyStore, PendingEntry, PersonRow, PurposeKey, SiteSecret,
};
pub use memory::{MemoryKeys, MemoryStore};
pub use row::{
    CampaignInForce, CreativeReport, DecisionCursor, DecisionRow, Document, Fact, LedgerRow,
    MinuteAggregate, OutcomeRow, Play, PlayCount, PlayEnd, PlayStart, PolicyRow, SealedRow,
    SealedSlots, Setting, Sums,
};
pub use sqlite::{
    Overdue, SqliteKeys, SqliteKeysReader, SqliteOptions, SqliteReader, SqliteStore, StoredValue,
};
pub use store::{Integrity, Store, SweepReport};
