//! How long it takes to destroy a key among a million persons: `cargo bench -p regard-backends --bench custody`.
//!
//! The rows are synthetic and made in bulk; making them is not counted. Each measured call is what a withdrawal or an
//! erasure waits for: the change on the disk, the log emptied, the sealed rows removed. Ends with an error past the budget.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and fails by panicking"
)]

use std::time::{Duration, Instant};

use regard_backends::{
    KeyChange, KeyStore, SealedSlots, SqliteKeys, SqliteOptions, SqliteStore, Store,
};
use regard_commitments::{ConsentPurpose, Digest, EntryBody, KeySlot, LedgerEntry};
use regard_domain::Timestamp;

#[path = "shared/million.rs"]
mod million;

use million::{N_PERSONS, fill, person};

/// Acts measured of each kind.
const N_ACTS: usize = 200;

/// From the wish to the destroyed key, at the most.
const BUDGET: Duration = Duration::from_secs(1);

fn tells(number: u32) -> LedgerEntry {
    LedgerEntry {
        at: Timestamp::from_millis(1),
        body: EntryBody::Erased {
            subject: Digest::of(&[&number.to_be_bytes()]),
        },
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: median {:.1} ms, worst of {} {:.1} ms",
        median.as_secs_f64() * 1e3,
        times.len(),
        worst.as_secs_f64() * 1e3
    );
    assert!(worst < BUDGET, "{what} took longer than {BUDGET:?}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default())
        .await
        .unwrap();
    let keys = SqliteKeys::open(folder.path()).await.unwrap();
    let began = Instant::now();
    fill(folder.path()).await;
    assert!(keys.wipe().await.unwrap());
    println!(
        "{} persons, made in {:.0} s",
        keys.n_persons().await.unwrap(),
        began.elapsed().as_secs_f64()
    );

    let step = N_PERSONS / u32::try_from(2 * N_ACTS).unwrap();
    let mut chosen = (0..N_PERSONS).step_by(usize::try_from(step).unwrap());
    let mut withdrawals = Vec::new();
    for number in chosen.by_ref().take(N_ACTS) {
        let began = Instant::now();
        let change = KeyChange {
            person: person(number),
            file: vec![7; 600],
            keep_until: None,
            put: None,
            destroy: vec![ConsentPurpose::Learn],
            tells: vec![tells(number)],
        };
        let changed = keys.change(&change).await.unwrap();
        assert!(changed.was_there && changed.is_wiped);
        let slots = SealedSlots::Of(KeySlot::Purpose(ConsentPurpose::Learn));
        assert_eq!(store.remove_sealed(person(number), slots).await.unwrap(), 1);
        withdrawals.push(began.elapsed());
    }
    report("withdrawal to destroyed key and removed rows", withdrawals);
    let mut erasures = Vec::new();
    for number in chosen.take(N_ACTS) {
        let began = Instant::now();
        let changed = keys.erase(person(number), &tells(number)).await.unwrap();
        assert!(changed.was_there && changed.is_wiped);
        assert_eq!(
            store
                .remove_sealed(person(number), SealedSlots::All)
                .await
                .unwrap(),
            1
        );
        erasures.push(began.elapsed());
    }
    report("erasure of a person", erasures);
}
