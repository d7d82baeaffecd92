//! Where the wrapped keys of persons are kept, apart from everything they open.

use async_trait::async_trait;
use regard_commitments::{
    ConsentPurpose, DataKind, Kept, KeySlot, LedgerEntry, PersonTokenHash, Retained, SiteKeyId,
    WrappedKey,
};
use regard_domain::{PersonId, Timestamp};

use crate::StoreError;

/// A person: the hash of their token, the wrapped key of their record, and their file sealed under it.
///
/// # Privacy
/// Nothing of it can be read without the key of the site but the random id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Random id.
    pub person: PersonId,
    /// Hash of the token that the person holds.
    pub token: PersonTokenHash,
    /// The wrapped key of the record.
    pub key: WrappedKey,
    /// Their file, sealed.
    pub file: Vec<u8>,
}

impl Retained for PersonRow {
    const KIND: DataKind = DataKind::Person;
}

/// The wrapped key of what hangs on one consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeKey {
    /// Whose.
    pub person: PersonId,
    /// What for.
    pub purpose: ConsentPurpose,
    /// The wrapped key.
    pub key: WrappedKey,
    /// Whether it takes the person's secret too to unwrap it.
    pub is_shared: bool,
    /// The instant at which the consent runs out.
    pub ends_at: Timestamp,
}

/// A change of one person's record; all of it or nothing.
#[derive(Clone, Debug)]
pub struct KeyChange {
    /// Whose.
    pub person: PersonId,
    /// Their file as it is now, sealed.
    pub file: Vec<u8>,
    /// Until when the person may be kept, if that is later than before.
    pub keep_until: Option<Timestamp>,
    /// A key to put in, in place of one for the same purpose, which is destroyed.
    pub put: Option<PurposeKey>,
    /// Keys to destroy.
    pub destroy: Vec<ConsentPurpose>,
    /// What the ledger is to say about it.
    pub tells: Vec<LedgerEntry>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Whether the person was there. If not, nothing was done.
    pub was_there: bool,
    /// Whether no byte of a destroyed key is left in any file of the store. If not (another program was reading all the
    /// while), they go with the next change.
    pub is_wiped: bool,
}

/// What the ledger is still to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEntry {
    /// Its number.
    pub number: i64,
    /// The entry.
    pub entry: LedgerEntry,
}

/// A wrapped key with its place, for those that wrap it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldKey {
    /// Whose.
    pub person: PersonId,
    /// Which of theirs.
    pub slot: KeySlot,
    /// The wrapped key.
    pub key: WrappedKey,
    /// Whether it takes the person's secret too to unwrap it.
    pub is_shared: bool,
}

/// A wrapped secret of the site, such as the one that diversifies a gallery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSecret {
    /// Its name.
    pub name: String,
    /// The wrapped secret.
    pub key: WrappedKey,
}

/// Where the wrapped keys of persons are kept; `tests/it/keys.rs` says its laws.
///
/// Every call is all or nothing, and what a writing call has acknowledged survives the death of the process and the
/// loss of power. No backup holds what is kept here: a key that is destroyed here opens nothing any more, wherever
/// copies of what it sealed may lie.
///
/// # Privacy
/// Holds random ids, hashes, wrapped keys and sealed files.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Takes a person in.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the id is there, [`StoreError::RetiredKey`] when the site key wraps nothing new.
    async fn create(&self, person: &Kept<PersonRow>, tells: &LedgerEntry)
    -> Result<(), StoreError>;

    /// A person.
    async fn person(&self, person: PersonId) -> Result<Option<PersonRow>, StoreError>;

    /// The key of what hangs on one consent.
    async fn purpose_key(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Option<PurposeKey>, StoreError>;

    /// Changes one person's record; keys that go are overwritten and gone from every file when it returns.
    ///
    /// # Errors
    /// [`StoreError::RetiredKey`] when a key is put in that a retired site key wrapped.
    async fn change(&self, change: &KeyChange) -> Result<Changed, StoreError>;

    /// Destroys all keys of a person and their file.
    async fn erase(&self, person: PersonId, tells: &LedgerEntry) -> Result<Changed, StoreError>;

    /// What the ledger is still to say, oldest first.
    async fn pending(&self, limit: u32) -> Result<Vec<PendingEntry>, StoreError>;

    /// The ledger has said it.
    async fn settle(&self, numbers: &[i64]) -> Result<(), StoreError>;

    /// Consents whose time is over at `now`, in order of that.
    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<PurposeKey>, StoreError>;

    /// Persons who may not be kept any longer at `now`, in order of that.
    async fn past(&self, now: Timestamp, limit: u32) -> Result<Vec<PersonId>, StoreError>;

    /// Persons after the given one in order of id.
    async fn persons(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError>;

    /// How many persons there are.
    async fn n_persons(&self) -> Result<u64, StoreError>;

    /// Says that a key of the site wraps nothing new from now on. Once more, it says nothing.
    async fn retire(&self, site_key: SiteKeyId, tells: &LedgerEntry) -> Result<(), StoreError>;

    /// Keys that this key of the site wrapped.
    async fn wrapped_under(
        &self,
        site_key: SiteKeyId,
        limit: u32,
    ) -> Result<Vec<HeldKey>, StoreError>;

    /// Puts keys wrapped again in the place of those they were; how many. One that was destroyed or replaced
    /// meanwhile stays so.
    async fn rewrap(&self, keys: &[(HeldKey, WrappedKey)]) -> Result<u64, StoreError>;

    /// Secrets of the site whose names begin so, in order of name.
    async fn secrets(&self, prefix: &str) -> Result<Vec<SiteSecret>, StoreError>;

    /// Puts a secret of the site in.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when there is one of that name, [`StoreError::RetiredKey`] when the site key wraps nothing new.
    async fn put_secret(&self, secret: &SiteSecret) -> Result<(), StoreError>;

    /// Destroys secrets of the site; they are overwritten and gone from every file when it returns.
    async fn drop_secrets(
        &self,
        names: &[String],
        tells: &[LedgerEntry],
    ) -> Result<Changed, StoreError>;

    /// Puts secrets wrapped again in the place of those they were; how many. One that was destroyed or replaced
    /// meanwhile stays so.
    async fn rewrap_secrets(&self, secrets: &[(SiteSecret, WrappedKey)])
    -> Result<u64, StoreError>;

    /// Empties the log into the file and the log of what was in it; whether that went through.
    async fn wipe(&self) -> Result<bool, StoreError>;

    /// Finishes what runs and closes; later calls give [`StoreError::Closed`].
    async fn close(&self);
}
