//! Files that stop answering at one write, as if the program had died there.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use regard_backends::{
    Batch, Changed, CollectedRow, CollectedStore, CommitReport, CreativeReport, DecisionCursor,
    Document, Fact, HeldKey, Integrity, InvitationRow, Invited, KeyChange, KeyStore, LedgerRow,
    MinuteAggregate, PendingEntry, PersonRow, Play, PlayCount, PolicyRow, PurposeKey, SealedRow,
    SealedSlots, Setting, SiteSecret, Store, StoreError, StudyRow, StudyStore, SweepReport,
};
use regard_commitments::{
    ConsentPurpose, Date, Detail, Digest, Epsilon, Kept, Leaf, LedgerEntry, Release,
    SignedCheckpoint, SignedCommitments, SiteKeyId, Spending, WrappedKey,
};
use regard_decision::{Decision, Outcome, PlayRow};
use regard_domain::{CampaignId, DecisionId, GalleryId, PersonId, ScreenId, StudyId, Timestamp};
use tokio::task::AbortHandle;

/// How often it is asked whether the program is dead.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where the program dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before anything of the write is on the disk.
    Before,
    /// When all of it is, and nobody has heard of that.
    After,
}

/// Counts writes, and dies at one of them: from then on nothing is read or written.
#[derive(Debug)]
pub(crate) struct Faults {
    dies_at: Option<(u32, Moment)>,
    n_writes: AtomicU32,
    is_dead: AtomicBool,
    /// Tasks that die with it.
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Faults {
    pub(crate) fn new(dies_at: Option<(u32, Moment)>) -> Arc<Self> {
        Arc::new(Self {
            dies_at,
            n_writes: AtomicU32::new(0),
            is_dead: AtomicBool::new(false),
            tasks: Mutex::default(),
        })
    }

    pub(crate) fn takes_along(&self, task: AbortHandle) {
        self.tasks.lock().unwrap().push(task);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// What a life comes to before the program dies; nothing where it dies first: an answer that nobody is left to give is not
    /// waited for.
    pub(crate) async fn until_death<T>(&self, life: impl Future<Output = T>) -> Option<T> {
        let death = async {
            while !self.is_dead() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            // Whoever is told of it at once says how.
            tokio::time::sleep(LOOK_EVERY).await;
        };
        tokio::select! {
            biased;
            lived = life => Some(lived),
            () = death => None,
        }
    }

    /// Writes until now.
    pub(crate) fn n_writes(&self) -> u32 {
        self.n_writes.load(Ordering::SeqCst)
    }

    /// Counts a write, and says whether the program dies at it.
    fn next(&self) -> Option<Moment> {
        let number = self.n_writes.fetch_add(1, Ordering::SeqCst);
        let dies = self.dies_at.filter(|(at, _)| *at == number);
        dies.map(|(_, moment)| moment)
    }

    /// A write that is waited for on the spot; `torn` is what is left where the program dies in the middle of it. Nothing
    /// where the program is dead.
    pub(crate) fn write_now<T>(&self, torn: impl FnOnce(), work: impl FnOnce() -> T) -> Option<T> {
        self.read().ok()?;
        let dies = self.next();
        if dies == Some(Moment::Before) {
            torn();
            self.die();
            return None;
        }
        let done = work();
        if dies == Some(Moment::After) {
            self.die();
            return None;
        }
        Some(done)
    }

    fn die(&self) -> StoreError {
        self.is_dead.store(true, Ordering::SeqCst);
        for task in self.tasks.lock().unwrap().drain(..) {
            task.abort();
        }
        StoreError::Closed
    }

    fn read(&self) -> Result<(), StoreError> {
        if self.is_dead() {
            Err(StoreError::Closed)
        } else {
            Ok(())
        }
    }

    async fn write<T, W: Future<Output = Result<T, StoreError>>>(
        &self,
        work: impl FnOnce() -> W,
    ) -> Result<T, StoreError> {
        self.read()?;
        let dies = self.next();
        if dies == Some(Moment::Before) {
            return Err(self.die());
        }
        let done = work().await;
        if dies == Some(Moment::After) {
            return Err(self.die());
        }
        done
    }
}

/// A store that dies.
pub(crate) struct CrashingStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) faults: Arc<Faults>,
}

/// A file of keys that dies.
pub(crate) struct CrashingKeys {
    pub(crate) inner: Arc<dyn KeyStore>,
    pub(crate) faults: Arc<Faults>,
}

#[async_trait]
impl KeyStore for CrashingKeys {
    async fn create(
        &self,
        person: &Kept<PersonRow>,
        tells: &LedgerEntry,
    ) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.create(person, tells)).await
    }

    async fn person(&self, person: PersonId) -> Result<Option<PersonRow>, StoreError> {
        self.faults.read()?;
        self.inner.person(person).await
    }

    async fn purpose_key(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Option<PurposeKey>, StoreError> {
        self.faults.read()?;
        self.inner.purpose_key(person, purpose).await
    }

    async fn change(&self, change: &KeyChange) -> Result<Changed, StoreError> {
        self.faults.write(|| self.inner.change(change)).await
    }

    async fn erase(&self, person: PersonId, tells: &LedgerEntry) -> Result<Changed, StoreError> {
        self.faults.write(|| self.inner.erase(person, tells)).await
    }

    async fn pending(&self, limit: u32) -> Result<Vec<PendingEntry>, StoreError> {
        self.faults.read()?;
        self.inner.pending(limit).await
    }

    async fn settle(&self, numbers: &[i64]) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.settle(numbers)).await
    }

    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<PurposeKey>, StoreError> {
        self.faults.read()?;
        self.inner.ended(now, limit).await
    }

    async fn past(&self, now: Timestamp, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        self.faults.read()?;
        self.inner.past(now, limit).await
    }

    async fn persons(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        self.faults.read()?;
        self.inner.persons(after, limit).await
    }

    async fn n_persons(&self) -> Result<u64, StoreError> {
        self.faults.read()?;
        self.inner.n_persons().await
    }

    async fn retire(&self, site_key: SiteKeyId, tells: &LedgerEntry) -> Result<(), StoreError> {
        self.faults
            .write(|| self.inner.retire(site_key, tells))
            .await
    }

    async fn wrapped_under(
        &self,
        site_key: SiteKeyId,
        limit: u32,
    ) -> Result<Vec<HeldKey>, StoreError> {
        self.faults.read()?;
        self.inner.wrapped_under(site_key, limit).await
    }

    async fn rewrap(&self, keys: &[(HeldKey, WrappedKey)]) -> Result<u64, StoreError> {
        self.faults.write(|| self.inner.rewrap(keys)).await
    }

    async fn secrets(&self, prefix: &str) -> Result<Vec<SiteSecret>, StoreError> {
        self.faults.read()?;
        self.inner.secrets(prefix).await
    }

    async fn put_secret(&self, secret: &SiteSecret) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.put_secret(secret)).await
    }

    async fn drop_secrets(
        &self,
        names: &[String],
        tells: &[LedgerEntry],
    ) -> Result<Changed, StoreError> {
        self.faults
            .write(|| self.inner.drop_secrets(names, tells))
            .await
    }

    async fn rewrap_secrets(
        &self,
        secrets: &[(SiteSecret, WrappedKey)],
    ) -> Result<u64, StoreError> {
        self.faults
            .write(|| self.inner.rewrap_secrets(secrets))
            .await
    }

    async fn wipe(&self) -> Result<bool, StoreError> {
        self.faults.write(|| self.inner.wipe()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[async_trait]
impl CollectedStore for CrashingStore {
    async fn put_collected(&self, rows: &[Kept<CollectedRow>]) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.put_collected(rows)).await
    }

    async fn collected(
        &self,
        after: Option<(&GalleryId, &str)>,
        limit: u32,
    ) -> Result<Vec<CollectedRow>, StoreError> {
        self.faults.read()?;
        self.inner.collected(after, limit).await
    }

    async fn remove_collected(
        &self,
        collection: &GalleryId,
        items: Option<&[String]>,
    ) -> Result<u64, StoreError> {
        self.faults
            .write(|| self.inner.remove_collected(collection, items))
            .await
    }
}

#[async_trait]
impl StudyStore for CrashingStore {
    async fn put_study(&self, study: &Kept<StudyRow>) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.put_study(study)).await
    }

    async fn studies(&self) -> Result<Vec<StudyRow>, StoreError> {
        self.faults.read()?;
        self.inner.studies().await
    }

    async fn put_invitations(&self, rows: &[Kept<InvitationRow>]) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.put_invitations(rows)).await
    }

    async fn invitation(
        &self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<StudyId>, StoreError> {
        self.faults.read()?;
        self.inner.invitation(token, now).await
    }

    async fn spend_invitation(&self, token: Digest, now: Timestamp) -> Result<bool, StoreError> {
        self.faults
            .write(|| self.inner.spend_invitation(token, now))
            .await
    }

    async fn invited(&self, study: &StudyId) -> Result<Invited, StoreError> {
        self.faults.read()?;
        self.inner.invited(study).await
    }

    async fn sealed_named(
        &self,
        kind: &str,
        name: &str,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        self.faults.read()?;
        self.inner.sealed_named(kind, name, after, limit).await
    }
}

#[async_trait]
impl Store for CrashingStore {
    async fn commit(&self, batch: &Batch) -> Result<CommitReport, StoreError> {
        self.faults.write(|| self.inner.commit(batch)).await
    }

    async fn append_ledger(&self, leaves: &[Kept<Leaf>]) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.append_ledger(leaves)).await
    }

    async fn ledger_len(&self) -> Result<u64, StoreError> {
        self.faults.read()?;
        self.inner.ledger_len().await
    }

    async fn ledger_range(&self, range: Range<u64>) -> Result<Vec<LedgerRow>, StoreError> {
        self.faults.read()?;
        self.inner.ledger_range(range).await
    }

    async fn put_checkpoint(&self, checkpoint: &Kept<SignedCheckpoint>) -> Result<(), StoreError> {
        self.faults
            .write(|| self.inner.put_checkpoint(checkpoint))
            .await
    }

    async fn checkpoints(&self) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.faults.read()?;
        self.inner.checkpoints().await
    }

    async fn latest_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.faults.read()?;
        self.inner.latest_checkpoint().await
    }

    async fn put_commitments(
        &self,
        version: u32,
        signed: &Kept<SignedCommitments>,
    ) -> Result<(), StoreError> {
        self.faults
            .write(|| self.inner.put_commitments(version, signed))
            .await
    }

    async fn commitments(&self, version: u32) -> Result<Option<SignedCommitments>, StoreError> {
        self.faults.read()?;
        self.inner.commitments(version).await
    }

    async fn latest_commitments(&self) -> Result<Option<SignedCommitments>, StoreError> {
        self.faults.read()?;
        self.inner.latest_commitments().await
    }

    async fn decisions(
        &self,
        limit: u32,
        before: Option<DecisionCursor>,
    ) -> Result<Vec<Decision>, StoreError> {
        self.faults.read()?;
        self.inner.decisions(limit, before).await
    }

    async fn decisions_since(&self, since: Timestamp) -> Result<Vec<Decision>, StoreError> {
        self.faults.read()?;
        self.inner.decisions_since(since).await
    }

    async fn campaign_totals(&self) -> Result<BTreeMap<CampaignId, u64>, StoreError> {
        self.faults.read()?;
        self.inner.campaign_totals().await
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<Decision>, StoreError> {
        self.faults.read()?;
        self.inner.decision(id).await
    }

    async fn outcomes_of(&self, decision: DecisionId) -> Result<Vec<Outcome>, StoreError> {
        self.faults.read()?;
        self.inner.outcomes_of(decision).await
    }

    async fn outcomes_since(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<DecisionId, Vec<Outcome>>, StoreError> {
        self.faults.read()?;
        self.inner.outcomes_since(since).await
    }

    async fn plays_since(
        &self,
        screen: Option<&ScreenId>,
        since: Timestamp,
    ) -> Result<Vec<Play>, StoreError> {
        self.faults.read()?;
        self.inner.plays_since(screen, since).await
    }

    async fn play_counts(&self, since: Timestamp) -> Result<Vec<PlayCount>, StoreError> {
        self.faults.read()?;
        self.inner.play_counts(since).await
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError> {
        self.faults.read()?;
        self.inner.policies().await
    }

    async fn play_rows(&self, during: Range<Timestamp>) -> Result<Vec<PlayRow>, StoreError> {
        self.faults.read()?;
        self.inner.play_rows(during).await
    }

    async fn creative_report(
        &self,
        during: Range<Timestamp>,
    ) -> Result<Vec<CreativeReport>, StoreError> {
        self.faults.read()?;
        self.inner.creative_report(during).await
    }

    async fn minutes(&self, during: Range<Timestamp>) -> Result<Vec<MinuteAggregate>, StoreError> {
        self.faults.read()?;
        self.inner.minutes(during).await
    }

    async fn facts(&self) -> Result<Vec<Fact>, StoreError> {
        self.faults.read()?;
        self.inner.facts().await
    }

    async fn sweep(&self, now: Timestamp) -> Result<SweepReport, StoreError> {
        self.faults.write(|| self.inner.sweep(now)).await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.faults.read()?;
        self.inner.setting(name).await
    }

    async fn settings(&self, prefix: &str) -> Result<Vec<Setting>, StoreError> {
        self.faults.read()?;
        self.inner.settings(prefix).await
    }

    async fn put_setting(&self, setting: &Kept<Setting>) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.put_setting(setting)).await
    }

    async fn remove_setting(&self, name: &str) -> Result<bool, StoreError> {
        self.faults.write(|| self.inner.remove_setting(name)).await
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.faults.read()?;
        self.inner.document(name).await
    }

    async fn put_document(&self, document: &Kept<Document>) -> Result<(), StoreError> {
        self.faults
            .write(|| self.inner.put_document(document))
            .await
    }

    async fn put_release(
        &self,
        release: &Kept<Release>,
        budget: Epsilon,
    ) -> Result<Spending, StoreError> {
        self.faults
            .write(|| self.inner.put_release(release, budget))
            .await
    }

    async fn release(&self, day: Date, detail: Detail) -> Result<Option<Release>, StoreError> {
        self.faults.read()?;
        self.inner.release(day, detail).await
    }

    async fn releases_since(&self, day: Date) -> Result<Vec<Release>, StoreError> {
        self.faults.read()?;
        self.inner.releases_since(day).await
    }

    async fn put_sealed(&self, rows: &[Kept<SealedRow>]) -> Result<(), StoreError> {
        self.faults.write(|| self.inner.put_sealed(rows)).await
    }

    async fn sealed_of(&self, person: PersonId) -> Result<Vec<SealedRow>, StoreError> {
        self.faults.read()?;
        self.inner.sealed_of(person).await
    }

    async fn remove_sealed(&self, person: PersonId, slots: SealedSlots) -> Result<u64, StoreError> {
        self.faults
            .write(|| self.inner.remove_sealed(person, slots))
            .await
    }

    async fn remove_sealed_row(
        &self,
        person: PersonId,
        kind: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        self.faults
            .write(|| self.inner.remove_sealed_row(person, kind, name))
            .await
    }

    async fn sealed_persons(
        &self,
        kind: Option<&str>,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        self.faults.read()?;
        self.inner.sealed_persons(kind, after, limit).await
    }

    async fn integrity_check(&self) -> Result<Integrity, StoreError> {
        self.faults.read()?;
        self.inner.integrity_check().await
    }

    async fn vacuum(&self) -> Result<(), StoreError> {
        self.faults.read()?;
        self.inner.vacuum().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
