//! The contract every store keeps; `tests/it/conformance.rs` says it as laws.

use std::{collections::BTreeMap, ops::Range};

use async_trait::async_trait;
use regard_commitments::{
    DataKind, Date, Detail, Epsilon, Kept, Leaf, Release, SignedCheckpoint, SignedCommitments,
    Spending,
};
use regard_decision::{Decision, Outcome, PlayRow};
use regard_domain::{CampaignId, DecisionId, PersonId, ScreenId, Timestamp};

use crate::{
    Batch, CollectedStore, CommitReport, CreativeReport, DecisionCursor, Document, Fact, LedgerRow,
    MinuteAggregate, Play, PlayCount, PolicyRow, SealedRow, SealedSlots, Setting, StoreError,
    StudyStore,
};

/// What a sweep removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Rows removed of each kind of data; kinds with none are left out.
    pub removed: BTreeMap<DataKind, u64>,
    /// Whether nothing is left of them in any file of the store. If not (someone was reading all the while), their bytes
    /// stay in the write-ahead log until the next sweep.
    pub is_wiped: bool,
    /// Why the sweep ended before its end, after it had removed something; the rest is left to the next.
    pub fault: Option<String>,
}

impl SweepReport {
    /// Rows removed, all kinds together.
    pub fn total(&self) -> u64 {
        self.removed.values().sum()
    }

    /// Counts rows of a kind; none leaves no trace.
    pub(crate) fn count(&mut self, kind: DataKind, n_rows: u64) {
        if n_rows > 0 {
            *self.removed.entry(kind).or_default() += n_rows;
        }
    }
}

/// Whether a store is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Nothing is wrong.
    Sound,
    /// What is wrong, one line each, at most a hundred.
    Damaged(Vec<String>),
}

/// Where rows are kept.
///
/// Every call is all or nothing. What a writing call has acknowledged survives the death of the process; with
/// [`SqliteStore`](crate::SqliteStore) also the loss of power, as far as the disk tells the truth about flushing.
///
/// # Privacy
/// Rows hold random ids and sums, never a face, an embedding or a name; what belongs to a person is sealed under a key that
/// lies elsewhere ([`KeyStore`](crate::KeyStore)). Each was granted its time by the Retention gate, and
/// [`sweep`](Self::sweep) ends it.
#[async_trait]
pub trait Store: CollectedStore + StudyStore {
    /// Writes all rows of a batch in one transaction. Offering the same batch again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then none of the rows was written.
    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError>;

    /// Appends leaves to the ledger; when this returns they are on the disk.
    ///
    /// # Errors
    /// [`StoreError::LedgerGap`] unless the indices go on, one by one, where the ledger ends.
    async fn append_ledger(&self, leaves: &[Kept<Leaf>]) -> Result<(), StoreError>;

    /// Number of entries in the ledger, which is the index of the next.
    async fn ledger_len(&self) -> Result<u64, StoreError>;

    /// Entries with an index in the range, in order; fewer where the ledger ends. An entry whose time is over keeps its place and hash.
    async fn ledger_range(&self, range: Range<u64>) -> Result<Vec<LedgerRow>, StoreError>;

    /// Keeps a signed checkpoint, durably. The same once more prolongs its time.
    ///
    /// # Errors
    /// [`StoreError::LedgerGap`] when it covers more entries than there are,
    /// [`StoreError::Conflict`] when another one of that size is there.
    async fn put_checkpoint(&self, checkpoint: &Kept<SignedCheckpoint>) -> Result<(), StoreError>;

    /// All checkpoints, smallest first.
    async fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, StoreError>;

    /// The checkpoint that covers most entries.
    async fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError>;

    /// Keeps a version of the commitments, durably. The same once more prolongs its time: what is in force is put again at each start.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when that version is there with other content.
    async fn put_commitments(
        &self,
        version: u32,
        signed: &Kept<SignedCommitments>,
    ) -> Result<(), StoreError>;

    /// One version of the commitments.
    async fn commitments(&self, version: u32) -> Result<Option<SignedCommitments>, StoreError>;

    /// The highest version of the commitments.
    async fn latest_commitments(&self) -> Result<Option<SignedCommitments>, StoreError>;

    /// Up to `limit` decisions, newest first, those of one instant by descending id; after `before` in that order if given.
    async fn decisions(
        &self,
        limit: u32,
        before: Option<DecisionCursor>,
    ) -> Result<Vec<Decision>, StoreError>;

    /// Decisions made at or after `since`, in order of time and id.
    async fn decisions_since(&self, since: Timestamp) -> Result<Vec<Decision>, StoreError>;

    /// Decisions ever made for each campaign, those swept since included. A campaign that was neither decided for during the
    /// retention of decisions nor said to be in force ([`CampaignInForce`](crate::CampaignInForce)) during that of content is forgotten.
    async fn campaign_totals(&self) -> Result<BTreeMap<CampaignId, u64>, StoreError>;

    /// One decision.
    async fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError>;

    /// What came of a decision, in order of time, kind and key.
    async fn outcomes_of(&self, decision: DecisionId) -> Result<Vec<Outcome>, StoreError>;

    /// What came of every decision made at or after `since`, each as [`outcomes_of`](Self::outcomes_of) gives it; decisions of which
    /// nothing came are left out.
    async fn outcomes_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError>;

    /// Plays of one screen, or of all, that began at or after `since`; in order of time and id.
    async fn plays_since(
        &self,
        screen: Option<&ScreenId>,
        since: Timestamp,
    ) -> Result<Vec<Play>, StoreError>;

    /// How often each message was shown on each screen since then, in order of screen, campaign, creative.
    /// Reaches back as far as plays are kept.
    async fn play_counts(&self, since: Timestamp) -> Result<Vec<PlayCount>, StoreError>;

    /// The newest state of every policy, in order of campaign.
    async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError>;

    /// Plays begun within the time with what was measured of them, in order of time and id: rows for `regard_decision::play_stats`.
    async fn play_rows(&self, during: Range<Timestamp>) -> Result<Vec<PlayRow>, StoreError>;

    /// What each message did, summed in the store, so that a year costs no memory: plays begun within the time, outcomes of decisions taken within it; in order of campaign and creative.
    async fn creative_report(
        &self,
        during: Range<Timestamp>,
    ) -> Result<Vec<CreativeReport>, StoreError>;

    /// Minutes that begin within the time, the runs of each added up (`run` is 0 then), in order of minute and camera.
    async fn minutes(&self, during: Range<Timestamp>) -> Result<Vec<MinuteAggregate>, StoreError>;

    /// All facts, in order of name.
    async fn facts(&self) -> Result<Vec<Fact>, StoreError>;

    /// Removes every row whose time is over at `now`, in many small transactions, so that commits get in between.
    /// Afterwards nothing that was there when it began outlives its retention.
    ///
    /// # Errors
    /// [`StoreError`] when nothing was removed; what fails later stands in the report, which tells what was.
    async fn sweep(&self, now: Timestamp) -> Result<SweepReport, StoreError>;

    /// A setting of the installation, such as the hash of the admin token; nothing when it was never set or its time is over.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// All settings whose name begins so, in order of name.
    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>, StoreError>;

    /// Sets or replaces a setting, durably. Its time counts from the latest writing.
    async fn put_setting(&self, setting: &Kept<Setting>) -> Result<(), StoreError>;

    /// Removes a setting, durably; whether it was there.
    async fn remove_setting(&self, name: &str) -> Result<bool, StoreError>;

    /// What the owner put in under this name; nothing when that never was or its time is over.
    async fn document(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets or replaces what the owner put in, durably. Its time counts from the latest writing.
    async fn put_document(&self, document: &Kept<Document>) -> Result<(), StoreError>;

    /// Keeps a release and what it cost, durably and at once, if what was spent on its day with it stays within `budget`. Of
    /// the same day and detail the first counts. Of several at the same time each sees what the others have spent.
    async fn put_release(
        &self,
        release: &Kept<Release>,
        budget: Epsilon,
    ) -> Result<Spending, StoreError>;

    /// What was released about a day.
    async fn release(&self, day: Date, detail: Detail) -> Result<Option<Release>, StoreError>;

    /// What was released about a day or later ones, in order of day and detail.
    async fn releases_since(&self, day: Date) -> Result<Vec<Release>, StoreError>;

    /// Keeps what was sealed for persons, durably and all at once; each takes the place of what was there of that
    /// person, kind and name.
    async fn put_sealed(&self, rows: &[Kept<SealedRow>]) -> Result<(), StoreError>;

    /// What is sealed for a person, in order of kind and name.
    async fn sealed_of(&self, person: PersonId) -> Result<Vec<SealedRow>, StoreError>;

    /// Removes what is sealed for a person, durably; how many rows.
    async fn remove_sealed(&self, person: PersonId, slots: SealedSlots) -> Result<u64, StoreError>;

    /// Removes one thing that is sealed for a person, durably; whether it was there.
    async fn remove_sealed_row(
        &self,
        person: PersonId,
        kind: &str,
        name: &str,
    ) -> Result<bool, StoreError>;

    /// Persons for whom something is sealed, of one kind where one is named, after the given one in order of id. Cheap also where few
    /// of many have it.
    async fn sealed_persons(
        &self,
        kind: Option<&str>,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError>;

    /// Checks the whole store: its pages, its indices, and that the ledger has no gap. Takes seconds per gigabyte.
    async fn integrity_check(&self) -> Result<Integrity, StoreError>;

    /// Gives free room back to the disk. Takes as much room again while it runs, and keeps writers waiting.
    async fn vacuum(&self) -> Result<(), StoreError>;

    /// Finishes what runs and closes; later calls give [`StoreError::Closed`].
    async fn close(&self);
}
