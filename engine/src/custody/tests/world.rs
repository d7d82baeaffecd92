//! A custodian on real files, a virtual clock, and a ledger that is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use regard_backends::{KeyStore, SqliteKeys, SqliteOptions, SqliteStore, Store};
use regard_commitments::{
    Answer, Commitments, ConsentPurpose, EntryBody, GivenBy, LedgerEntry, NoteSigner, Profile,
    RefusalCode, RetentionGate, SignedReceipt, SiteKeys, VerifiedCommitments, Zeroizing,
    ledger_origin,
};
use regard_domain::{Clock, PersonId, Timestamp};
use regard_identity::ModelTag;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::crashing::{CrashingKeys, CrashingStore, Faults};
use crate::chronicle::{Chronicle, ChronicleState};
use crate::command::{Command, command_queue};
use crate::config::{GalleryConfig, GalleryKind, SiteKeyConfig};
use crate::custody::{
    Authenticated, Custodian, CustodyError, CustodyParts, Enrolled, Scribe, SiteKeyFile,
};
use crate::galleries::{Galleries, installation};

/// 2026-06-01.
const START: i64 = 1_780_272_000_000_000;

/// The network that the faces of these tests come from.
pub(crate) const FACE_MODEL: ModelTag = ModelTag::from_bits(1);

/// Time that goes when it is told to.
pub(crate) struct VirtualClock(AtomicI64);

impl VirtualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START)))
    }

    pub(crate) fn wait(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// One run of the program.
pub(crate) struct Run {
    pub(crate) custodian: Custodian,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<dyn KeyStore>,
    chronicle: JoinHandle<()>,
    _heard: std::sync::mpsc::Receiver<Command>,
}

pub(crate) fn site_keys() -> SiteKeys {
    SiteKeys::from_seed(Zeroizing::new([5; 32]))
}

pub(crate) fn signed(document: &Commitments) -> VerifiedCommitments {
    let key = site_keys().commitments_key();
    document.sign(&key).verify(&key.verifying_key()).unwrap()
}

/// What the installation of these tests is called in a database.
pub(crate) fn this_installation(document: &Commitments) -> String {
    let receipts = site_keys().receipts_key().verifying_key();
    installation(&document.site.id, &receipts)
}

/// Where the key of the site is in these tests: outside the data folder.
pub(crate) fn site_key(folder: &Path) -> SiteKeyConfig {
    SiteKeyConfig {
        file: Some(outside(folder)),
        passphrase_file: None,
        token: None,
    }
}

pub(crate) fn outside(folder: &Path) -> PathBuf {
    folder.join("site-key")
}

pub(crate) fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

impl Run {
    pub(crate) async fn begin(folder: &Path, clock: &Arc<VirtualClock>) -> Self {
        let faults = Faults::new(None);
        let begun = Self::begin_with(folder, clock, &Commitments::demo(), &faults).await;
        begun.unwrap()
    }

    pub(crate) async fn begin_with(
        folder: &Path,
        clock: &Arc<VirtualClock>,
        document: &Commitments,
        faults: &Arc<Faults>,
    ) -> Result<Self, CustodyError> {
        Self::begin_in(folder, clock, document, faults, GalleryKind::Exact).await
    }

    /// The same with a gallery of some kind.
    pub(crate) async fn begin_in(
        folder: &Path,
        clock: &Arc<VirtualClock>,
        document: &Commitments,
        faults: &Arc<Faults>,
        kind: GalleryKind,
    ) -> Result<Self, CustodyError> {
        let config = GalleryConfig {
            kind,
            ..GalleryConfig::default()
        };
        let data = data(folder);
        let store = SqliteStore::open(&data, SqliteOptions::default())
            .await
            .unwrap();
        let keys = SqliteKeys::open(&data).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(CrashingStore {
            inner: Arc::new(store),
            faults: Arc::clone(faults),
        });
        let keys: Arc<dyn KeyStore> = Arc::new(CrashingKeys {
            inner: Arc::new(keys),
            faults: Arc::clone(faults),
        });
        let promise = signed(document);
        let profile = Profile::named(&document.profile).unwrap();
        let retention = RetentionGate::new(&promise, &profile).unwrap();
        let signer =
            NoteSigner::new(ledger_origin(&document.site.id), site_keys().ledger_key()).unwrap();
        if let Answer::Granted(kept) =
            retention.keep(document.sign(&site_keys().commitments_key()), clock.now())
        {
            store.put_commitments(document.version, &kept).await?;
        }
        let chronicle = Chronicle::open(Arc::clone(&store), signer, retention.clone());
        let chronicle = chronicle.await.map_err(|_| CustodyError::Damaged)?;
        let (lines, ends) = mpsc::unbounded_channel();
        let custodian = Custodian::new(CustodyParts {
            store: Arc::clone(&store),
            keys: Arc::clone(&keys),
            site_key: SiteKeyFile::open_or_create(&site_key(folder), &data)?,
            receipts: site_keys().receipts_key(),
            mint: site_keys().face_tokens(),
            promise,
            profile,
            retention,
            assessed: None,
            clock: Arc::clone(clock) as Arc<dyn Clock>,
            scribe: Scribe::new(lines, chronicle.verifier()),
            galleries: Arc::new(Galleries::new(config, this_installation(document))),
            face_model: FACE_MODEL,
        });
        custodian.reconcile(chronicle.said()).await?;
        custodian.fill_gallery().await?;
        let (commands, heard) = command_queue();
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let state = Arc::new(ChronicleState::default());
        let chronicle = tokio::spawn(chronicle.run(ends, state, commands, clock));
        faults.takes_along(chronicle.abort_handle());
        Ok(Self {
            custodian,
            store,
            keys,
            chronicle,
            _heard: heard,
        })
    }

    /// Ends in good order.
    pub(crate) async fn end(self) {
        self.custodian.stop().await;
        // Aborted when the files died.
        let _ = self.chronicle.await;
        self.store.close().await;
        self.custodian.close().await;
    }

    pub(crate) async fn enroll(&self) -> Enrolled {
        self.custodian.enroll(false).await.unwrap()
    }

    pub(crate) async fn who(&self, enrolled: &Enrolled) -> Result<Authenticated, CustodyError> {
        self.custodian.authenticate(&enrolled.token.reveal()).await
    }

    pub(crate) async fn agree(
        &self,
        enrolled: &Enrolled,
        purpose: ConsentPurpose,
        valid_for: Option<Duration>,
    ) -> Result<SignedReceipt, CustodyError> {
        let who = self.who(enrolled).await?;
        let offer = self.custodian.offer(enrolled.person, purpose)?;
        self.custodian
            .agree(&who, offer.id, GivenBy::Person, valid_for)
            .await
    }

    /// Why data may not serve a purpose; nothing when it may.
    pub(crate) async fn refused(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Option<RefusalCode> {
        let answer = self.custodian.ask(person, purpose).await.unwrap();
        answer.refusal().map(|refusal| refusal.code)
    }

    pub(crate) async fn entries(&self) -> Vec<LedgerEntry> {
        let rows = self.store.ledger_range(0..u64::MAX).await.unwrap();
        let bytes = rows.into_iter().filter_map(|row| row.bytes);
        bytes
            .map(|bytes| LedgerEntry::from_leaf_bytes(&bytes).unwrap())
            .collect()
    }

    pub(crate) async fn says(&self, is_meant: impl Fn(&EntryBody) -> bool) -> usize {
        let entries = self.entries().await;
        entries.iter().filter(|entry| is_meant(&entry.body)).count()
    }
}

/// Copies the files of a folder into another one.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A copy of an installation, with its site key, so that things can happen in it more than once.
pub(crate) fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(outside(folder), outside(copy.path())).unwrap();
    copy_files(&data(folder), &data(copy.path()));
    copy
}

/// Whether these bytes are in any file below the folder.
pub(crate) fn is_on_disk(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_on_disk(&path, bytes);
        }
        let content = std::fs::read(path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}
