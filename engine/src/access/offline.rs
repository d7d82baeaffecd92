//! An installation that does not run: its tokens can be changed, and its ledger told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regard_backends::{
    Batch, OpenError, PolicyRow, Setting, SqliteOptions, SqliteStore, Store, StoreError,
};
use regard_commitments::{
    Actor, AdminAct, Answer, Digest, EntryBody, LedgerEntry, NoteError, NoteSigner, Profile,
    ProfileError, PromiseFault, Refusal, RetentionGate, SignatureFault, VerifiedCommitments,
    ledger_origin,
};
use regard_decision::Campaign;
use regard_domain::{Clock, Timestamp};
use thiserror::Error;

use super::record::{self, TokenRecord};
use crate::chronicle::{Chronicle, ChronicleError};
use crate::clock::SystemClock;
use crate::kept_campaigns;
use crate::keys::{self, KeyError};

/// Why an installation cannot be changed.
#[derive(Debug, Error)]
pub enum InstallationError {
    /// Nothing was ever started there.
    #[error("{} holds no installation; start it once with: regard serve", .0.display())]
    NothingThere(PathBuf),
    /// The store could not be opened; perhaps the program runs.
    #[error("the store could not be opened")]
    Open(#[from] OpenError),
    /// The store could not be read or written.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// The site's key.
    #[error("the site's key cannot be used")]
    Key(#[from] KeyError),
    /// No commitments are kept.
    #[error("no commitments are in force; start it once with: regard serve")]
    NoCommitments,
    /// The commitments kept were not signed with the site's key.
    #[error("the commitments kept cannot be believed")]
    Signature(#[from] SignatureFault),
    /// The profile is unknown.
    #[error("the profile of the commitments cannot be used")]
    Profile(#[from] ProfileError),
    /// The commitments promise what the profile does not allow.
    #[error("the commitments do not fit their profile")]
    Promise(#[from] PromiseFault),
    /// The ledger's name.
    #[error("the ledger cannot be signed")]
    Note(#[from] NoteError),
    /// The ledger was changed or cannot be read.
    #[error("the ledger cannot be continued")]
    Ledger(#[from] ChronicleError),
    /// The commitments promise no such data.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// An installation that does not run, held so that it cannot start meanwhile.
pub struct Installation {
    store: Arc<dyn Store>,
    retention: RetentionGate,
    chronicle: Chronicle,
    clock: SystemClock,
    promise: VerifiedCommitments,
    profile: Profile,
}

impl Installation {
    /// Takes hold of the installation in a data folder.
    ///
    /// # Errors
    /// [`InstallationError`]; [`OpenError::InUse`] within it while the program runs.
    pub async fn open(data_dir: &Path) -> Result<Self, InstallationError> {
        if !keys::is_there(data_dir) {
            return Err(InstallationError::NothingThere(data_dir.to_owned()));
        }
        let store = SqliteStore::open(data_dir, SqliteOptions::default()).await?;
        let store: Arc<dyn Store> = Arc::new(store);
        let keys = keys::open_or_create(data_dir)?;
        let signed = store.latest_commitments().await?;
        let signed = signed.ok_or(InstallationError::NoCommitments)?;
        let verified = signed.verify(&keys.commitments_key().verifying_key())?;
        let profile = Profile::named(&verified.document().profile)?;
        let retention = RetentionGate::new(&verified, &profile)?;
        let origin = ledger_origin(&verified.document().site.id);
        let signer = NoteSigner::new(origin, keys.ledger_key())?;
        let chronicle = Chronicle::open(Arc::clone(&store), signer, retention.clone()).await?;
        Ok(Self {
            store,
            retention,
            chronicle,
            clock: SystemClock::new(),
            promise: verified,
            profile,
        })
    }

    /// The promise in force.
    pub(super) const fn promise(&self) -> &VerifiedCommitments {
        &self.promise
    }

    /// What the law of the place allows.
    pub(super) const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The store.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether the ledger says that the consent of this receipt ended before its time.
    pub(super) fn says_ended(&self, receipt: Digest) -> bool {
        self.chronicle.said().ended.contains_key(&receipt)
    }

    /// Has the ledger say something; durable when it returns.
    pub(super) async fn enter(
        &mut self,
        entries: &[LedgerEntry],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.chronicle.append(entries, now).await?;
        self.chronicle.checkpoint(now).await
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Every token that is kept, in order of id.
    ///
    /// # Errors
    /// [`InstallationError::Store`].
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, InstallationError> {
        Ok(record::read_all(&*self.store).await?)
    }

    /// Keeps a token and enters in the ledger what was done with it; durable when it returns.
    ///
    /// # Errors
    /// [`InstallationError::Store`], [`InstallationError::Refused`].
    pub async fn keep_token(
        &mut self,
        record: &TokenRecord,
        act: AdminAct,
    ) -> Result<(), InstallationError> {
        let now = self.now();
        let setting = Setting {
            name: record.setting_name(),
            value: record.to_json(),
        };
        let kept = match self.retention.keep(setting, now) {
            Answer::Granted(kept) => kept,
            Answer::Refused(refusal) => return Err(InstallationError::Refused(refusal)),
        };
        let entry = LedgerEntry {
            at: now,
            body: EntryBody::Administered {
                act,
                by: Actor::Machine {},
                subject: Digest::of(&[record.id.as_str().as_bytes()]),
            },
        };
        // The ledger first: an act that nobody hears of must not be.
        self.chronicle.append(&[entry], now).await?;
        self.store.put_setting(&kept).await?;
        Ok(self.chronicle.checkpoint(now).await?)
    }

    /// Keeps what a campaign is to begin with and enters in the ledger that it was changed; durable when it
    /// returns.
    ///
    /// # Errors
    /// [`InstallationError::Store`], [`InstallationError::Refused`].
    pub async fn keep_learned(&mut self, row: PolicyRow) -> Result<(), InstallationError> {
        let now = self.now();
        let subject = Digest::of(&[row.state.to_json().as_bytes()]);
        let mut batch = Batch::new();
        match self.retention.keep(row, now) {
            Answer::Granted(kept) => batch.policy(kept),
            Answer::Refused(refusal) => return Err(InstallationError::Refused(refusal)),
        };
        self.tell_of_campaigns(subject, now).await?;
        self.store.commit(&batch).await?;
        Ok(self.chronicle.checkpoint(now).await?)
    }

    /// Has the ledger say that campaigns were changed. It comes first: an act that nobody hears of must not be.
    async fn tell_of_campaigns(
        &mut self,
        subject: Digest,
        now: Timestamp,
    ) -> Result<(), InstallationError> {
        let entry = LedgerEntry {
            at: now,
            body: EntryBody::Administered {
                act: AdminAct::CampaignsChanged,
                by: Actor::Machine {},
                subject,
            },
        };
        Ok(self.chronicle.append(&[entry], now).await?)
    }

    /// Keeps campaigns that are to be in force when the program starts, as long as its configuration has `configured`, and enters
    /// in the ledger that they were changed; durable when it returns. Whether they have mistakes is for the caller to see.
    ///
    /// # Errors
    /// [`InstallationError::Store`], [`InstallationError::Refused`].
    pub async fn keep_campaigns(
        &mut self,
        campaigns: Vec<Campaign>,
        configured: &[Campaign],
    ) -> Result<(), InstallationError> {
        let now = self.now();
        let document = kept_campaigns::document(campaigns, kept_campaigns::digest(configured));
        let subject = Digest::of(&[document.value.as_bytes()]);
        let kept = match self.retention.keep(document, now) {
            Answer::Granted(kept) => kept,
            Answer::Refused(refusal) => return Err(InstallationError::Refused(refusal)),
        };
        self.tell_of_campaigns(subject, now).await?;
        self.store.put_document(&kept).await?;
        Ok(self.chronicle.checkpoint(now).await?)
    }

    /// Every entry of the ledger, for tests.
    #[cfg(test)]
    pub(crate) async fn ledger_rows(&self) -> Vec<Vec<u8>> {
        let rows = self
            .store
            .ledger_range(0..u64::MAX)
            .await
            .unwrap_or_default();
        rows.into_iter().filter_map(|row| row.bytes).collect()
    }

    /// Lets go of it.
    pub async fn close(self) {
        self.store.close().await;
    }
}
