//! Installations to be audited, and what is put into their files behind their back.

use std::path::Path;

use regard_backends::{MinuteAggregate, SqliteOptions, SqliteStore, Store as _};
use regard_commitments::{
    Commitments, Kept, Ledger, LedgerEntry, MerkleTree, NoteSigner, Profile, Retained,
    RetentionGate, SiteKeys, VerifiedCommitments, ledger_origin,
};
use regard_domain::{CameraId, Timestamp};

use crate::running::Serve;
use crate::site;

/// An installation that ran once and stopped in good order.
pub(super) fn stopped() -> tempfile::TempDir {
    let folder = site::small();
    let serve = Serve::start(folder.path(), &[]);
    serve.stop();
    folder
}

/// The store of an installation, opened as its program opens it.
pub(super) fn with_store<T>(data: &Path, work: impl AsyncFnOnce(&SqliteStore) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(data, SqliteOptions::default())
            .await
            .unwrap();
        let done = work(&store).await;
        store.close().await;
        done
    })
}

fn keys(data: &Path) -> SiteKeys {
    regard_engine::existing_site_keys(data).unwrap()
}

pub(super) fn promised(data: &Path) -> VerifiedCommitments {
    let key = keys(data).commitments_key();
    Commitments::demo()
        .sign(&key)
        .verify(&key.verifying_key())
        .unwrap()
}

/// A row as the gate of the installation would have kept it at that time.
pub(super) fn kept<T: Retained>(data: &Path, row: T, at: Timestamp) -> Kept<T> {
    let gate = RetentionGate::new(&promised(data), &Profile::named("lab").unwrap()).unwrap();
    gate.keep(row, at).granted().unwrap()
}

/// Puts an entry at the end of the ledger, as the program does it.
pub(super) fn append(data: &Path, entry: &LedgerEntry) {
    let signer = NoteSigner::new(
        ledger_origin(&Commitments::demo().site.id),
        keys(data).ledger_key(),
    );
    let at = entry.at;
    with_store(data, async |store| {
        let mut tree = MerkleTree::new();
        for row in store.ledger_range(0..u64::MAX).await.unwrap() {
            tree.append(row.hash);
        }
        let mut ledger = Ledger::new(tree, signer.unwrap());
        let leaf = kept(data, ledger.append(entry), at);
        store.append_ledger(&[leaf]).await.unwrap();
        let signed = kept(data, ledger.checkpoint(), at);
        store.put_checkpoint(&signed).await.unwrap();
    });
}

pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_millis(since.as_millis() as i64)
}

pub(super) fn minute(at: Timestamp, observed_millis: u64) -> MinuteAggregate {
    MinuteAggregate {
        observed_millis,
        ..MinuteAggregate::empty(CameraId::new("entrance").unwrap(), at, 7)
    }
}

/// Whether nothing can vouch for what a check looks at once another fails: papers stand in the ledger, the words of the notice
/// come from the commitments.
pub(super) fn hangs_on(check: &str, failed: &str) -> bool {
    matches!(
        (check, failed),
        ("papers", "ledger") | ("notice_text", "commitments")
    )
}
