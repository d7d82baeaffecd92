//! A store that fails when told to, in front of one that works.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use regard_backends::{
    Batch, CollectedRow, CollectedStore, CommitReport, CreativeReport, DecisionCursor, Document,
    Fact, Integrity, InvitationRow, Invited, LedgerRow, MinuteAggregate, Play, PlayCount,
    PolicyRow, SealedRow, SealedSlots, Setting, Store, StoreError, StudyRow, StudyStore,
    SweepReport,
};
use regard_commitments::{
    Date, Detail, Digest, Epsilon, Kept, Leaf, Release, SignedCheckpoint, SignedCommitments,
    Spending,
};
use regard_decision::{Decision, Outcome, PlayRow};
use regard_domain::{CampaignId, DecisionId, GalleryId, PersonId, ScreenId, StudyId, Timestamp};

/// A disk that can be full. What a real full disk gives is a test of the store itself: the same error,
/// nothing written, and success as soon as there is room.
#[derive(Debug, Default)]
pub(crate) struct Disk(AtomicBool);

impl Disk {
    pub(crate) fn is_full(&self, full: bool) {
        self.0.store(full, Ordering::SeqCst);
    }

    fn pass(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::SeqCst) {
            Err(StoreError::Full)
        } else {
            Ok(())
        }
    }
}

/// The store of a test.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    /// Under the ledger.
    pub(crate) ledger: Disk,
    /// Under everything that is committed in groups.
    pub(crate) rows: Disk,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            ledger: Disk::default(),
            rows: Disk::default(),
        })
    }
}

#[async_trait]
impl CollectedStore for FaultyStore {
    async fn put_collected(&self, rows: &[Kept<CollectedRow>]) -> Result<(), StoreError> {
        self.rows.pass()?;
        self.inner.put_collected(rows).await
    }

    async fn collected(
        &self,
        after: Option<(&GalleryId, &str)>,
        limit: u32,
    ) -> Result<Vec<CollectedRow>, StoreError> {
        self.inner.collected(after, limit).await
    }

    async fn remove_collected(
        &self,
        collection: &GalleryId,
        items: Option<&[String]>,
    ) -> Result<u64, StoreError> {
        self.inner.remove_collected(collection, items).await
    }
}

#[async_trait]
impl StudyStore for FaultyStore {
    async fn put_study(&self, study: &Kept<StudyRow>) -> Result<(), StoreError> {
        self.rows.pass()?;
        self.inner.put_study(study).await
    }

    async fn studies(&self) -> Result<Vec<StudyRow>, StoreError> {
        self.inner.studies().await
    }

    async fn put_invitations(&self, rows: &[Kept<InvitationRow>]) -> Result<(), StoreError> {
        self.rows.pass()?;
        self.inner.put_invitations(rows).await
    }

    async fn invitation(
        &self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<StudyId>, StoreError> {
        self.inner.invitation(token, now).await
    }

    async fn spend_invitation(&self, token: Digest, now: Timestamp) -> Result<bool, StoreError> {
        self.rows.pass()?;
        self.inner.spend_invitation(token, now).await
    }

    async fn invited(&self, study: &StudyId) -> Result<Invited, StoreError> {
        self.inner.invited(study).await
    }

    async fn sealed_named(
        &self,
        kind: &str,
        name: &str,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        self.inner.sealed_named(kind, name, after, limit).await
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError> {
        self.rows.pass()?;
        self.inner.commit(batch).await
    }

    async fn append_ledger(&self, leaves: &[Kept<Leaf>]) -> Result<(), StoreError> {
        self.ledger.pass()?;
        self.inner.append_ledger(leaves).await
    }

    async fn ledger_len(&self) -> Result<u64, StoreError> {
        self.inner.ledger_len().await
    }

    async fn ledger_range(&self, range: Range<u64>) -> Result<Vec<LedgerRow>, StoreError> {
        self.inner.ledger_range(range).await
    }

    async fn put_checkpoint(&self, checkpoint: &Kept<SignedCheckpoint>) -> Result<(), StoreError> {
        self.ledger.pass()?;
        self.inner.put_checkpoint(checkpoint).await
    }

    async fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.inner.checkpoints().await
    }

    async fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.inner.latest_checkpoint().await
    }

    async fn put_commitments(
        &self,
        version: u32,
        signed: &Kept<SignedCommitments>,
    ) -> Result<(), StoreError> {
        self.inner.put_commitments(version, signed).await
    }

    async fn commitments(&self, version: u32) -> Result<Option<SignedCommitments>, StoreError> {
        self.inner.commitments(version).await
    }

    async fn latest_commitments(&self) -> Result<Option<SignedCommitments>, StoreError> {
        self.inner.latest_commitments().await
    }

    async fn decisions(
        &self,
        limit: u32,
        before: Option<DecisionCursor>,
    ) -> Result<Vec<Decision>, StoreError> {
        self.inner.decisions(limit, before).await
    }

    async fn decisions_since(&self, since: Timestamp) -> Result<Vec<Decision>, StoreError> {
        self.inner.decisions_since(since).await
    }

    async fn campaign_totals(&self) -> Result<BTreeMap<CampaignId, u64>, StoreError> {
        self.inner.campaign_totals().await
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        self.inner.decision(id).await
    }

    async fn outcomes_of(&self, decision: DecisionId) -> Result<Vec<Outcome>, StoreError> {
        self.inner.outcomes_of(decision).await
    }

    async fn outcomes_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError> {
        self.inner.outcomes_since(since).await
    }

    async fn plays_since(
        &self,
        screen: Option<&ScreenId>,
        since: Timestamp,
    ) -> Result<Vec<Play>, StoreError> {
        self.inner.plays_since(screen, since).await
    }

    async fn play_counts(&self, since: Timestamp) -> Result<Vec<PlayCount>, StoreError> {
        self.inner.play_counts(since).await
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError> {
        self.inner.policies().await
    }

    async fn play_rows(&self, during: Range<Timestamp>) -> Result<Vec<PlayRow>, StoreError> {
        self.inner.play_rows(during).await
    }

    async fn creative_report(
        &self,
        during: Range<Timestamp>,
    ) -> Result<Vec<CreativeReport>, StoreError> {
        self.inner.creative_report(during).await
    }

    async fn minutes(&self, during: Range<Timestamp>) -> Result<Vec<MinuteAggregate>, StoreError> {
        self.inner.minutes(during).await
    }

    async fn facts(&self) -> Result<Vec<Fact>, StoreError> {
        self.inner.facts().await
    }

    async fn sweep(&self, now: Timestamp) -> Result<SweepReport, StoreError> {
        self.inner.sweep(now).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.inner.setting(name).await
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>, StoreError> {
        self.inner.settings(prefix).await
    }

    async fn put_setting(&self, setting: &Kept<Setting>) -> Result<(), StoreError> {
        self.inner.put_setting(setting).await
    }

    async fn remove_setting(&self, name: &str) -> Result<bool, StoreError> {
        self.inner.remove_setting(name).await
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.inner.document(name).await
    }

    async fn put_document(&self, document: &Kept<Document>) -> Result<(), StoreError> {
        self.inner.put_document(document).await
    }

    async fn put_release(
        &self,
        release: &Kept<Release>,
        budget: Epsilon,
    ) -> Result<Spending, StoreError> {
        self.inner.put_release(release, budget).await
    }

    async fn release(&self, day: Date, detail: Detail) -> Result<Option<Release>, StoreError> {
        self.inner.release(day, detail).await
    }

    async fn releases_since(&self, day: Date) -> Result<Vec<Release>, StoreError> {
        self.inner.releases_since(day).await
    }

    async fn put_sealed(&self, rows: &[Kept<SealedRow>]) -> Result<(), StoreError> {
        self.rows.pass()?;
        self.inner.put_sealed(rows).await
    }

    async fn sealed_of(&self, person: PersonId) -> Result<Vec<SealedRow>, StoreError> {
        self.inner.sealed_of(person).await
    }

    async fn remove_sealed(&self, person: PersonId, slots: SealedSlots) -> Result<u64, StoreError> {
        self.inner.remove_sealed(person, slots).await
    }

    async fn remove_sealed_row(
        &self,
        person: PersonId,
        kind: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        self.inner.remove_sealed_row(person, kind, name).await
    }

    async fn sealed_persons(
        &self,
        kind: Option<&str>,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        self.inner.sealed_persons(kind, after, limit).await
    }

    async fn integrity_check(&self) -> Result<Integrity, StoreError> {
        self.inner.integrity_check().await
    }

    async fn vacuum(&self) -> Result<(), StoreError> {
        self.inner.vacuum().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
