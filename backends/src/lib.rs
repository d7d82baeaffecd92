//! Where rows are kept: the [`Store`] trait and what stands behind it.
//!
//! In: rows that carry how long they may be kept ([`Kept`](regard_commitments::Kept)), ledger entries, signed documents.
//! Out: the same, read back, and sums over them for reports and limits. [`SqliteStore`] is the one that lasts;
//! [`MemoryStore`] is for tests and for the time the disk is full. [`SqliteReader`] looks at a store from outside.
//!
//! With the feature `postgres`, `PgGallery` is a gallery of faces in a database, wherever that is; with `shards`,
//! `RemoteShard` and `ShardServer` put parts of one on several machines.
//!
//! Beside the store lies the [`KeyStore`] with the wrapped keys of persons, in a file of its own that no backup holds.
//!
//! [`Broker`] speaks MQTT with whatever broker the configuration names, encrypted where that is asked.
//!
//! This room alone knows SQL and brokers. It never reads a clock, never decides how long a row may be kept, never takes a row
//! without that, and never spawns a task: who groups rows into batches and when is the engine's affair.
//!
//! There is no message bus between machines yet: one machine needs none. It comes with the second machine, as a trait
//! beside [`Store`].

mod batch;
mod broker;
mod collected;
mod error;
mod form;
mod keys;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
#[cfg(feature = "shards")]
mod shards;
mod sqlite;
mod store;
mod studies;
mod sums;

pub use batch::{Batch, CommitReport, OutcomeKey};
pub use broker::{
    BadBrokerAddress, BadBrokerTls, Broker, BrokerAddress, BrokerConfig, BrokerError, BrokerLine,
    BrokerTls, LineError, ShownCertificate, Word,
};
pub use collected::{CollectedRow, CollectedStore};
pub use error::{OpenError, StoreError};
pub use keys::{
    Changed, HeldKey, KeyChange, KeyStore, PendingEntry, PersonRow, PurposeKey, SiteSecret,
};
pub use memory::{MemoryKeys, MemoryStore};
#[cfg(feature = "postgres")]
pub use postgres::{BadPgAddress, PgAddress, PgGallery, PgOpenError, PgProbe};
pub use row::{
    CampaignInForce, CreativeReport, DecisionCursor, DecisionRow, Document, Fact, LedgerRow,
    MinuteAggregate, OutcomeRow, Play, PlayCount, PlayEnd, PlayStart, PolicyRow, SealedRow,
    SealedSlots, Setting, Sums,
};
#[cfg(feature = "shards")]
pub use shards::{RemoteShard, ShardSecret, ShardServer};
pub use sqlite::{
    CacheState, CachedValue, HeldNames, Overdue, SqliteCache, SqliteColumn, SqliteKeys,
    SqliteKeysReader, SqliteOptions, SqliteReader, SqliteStore, SqliteTables, SqliteValue,
    StoredValue,
};
pub use store::{Integrity, Store, SweepReport};
pub use studies::{InvitationRow, Invited, StudyRow, StudyStore};
