//! A disk that fills up in the midst of a run, under the ledger or under everything else.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regard_backends::{SqliteOptions, SqliteStore, Store};
use regard_commitments::{Custody, EntryBody, LedgerEntry};
use regard_decision::{Obstacle, Trigger};
use regard_domain::{CameraId, GalleryId, ScreenId};
use regard_engine::{
    AttestationWish, CameraConfig, Engine, EngineConfig, Heartbeat, ScreenConfig, SystemClock,
    replay,
};
use regard_vision::{CameraPlacement, SourceSpec};

use crate::faulty_store::FaultyStore;
use crate::recognition;
use crate::support::{config, screen, showing, until};

async fn open(config: &EngineConfig) -> SqliteStore {
    SqliteStore::open(&config.data_dir, SqliteOptions::default())
        .await
        .unwrap()
}

async fn start(config: EngineConfig) -> (Engine, Arc<FaultyStore>) {
    let store = FaultyStore::new(Arc::new(open(&config).await));
    let engine = Engine::start_on(config, Arc::new(SystemClock::new()), store.clone())
        .await
        .unwrap();
    (engine, store)
}

fn second_screen() -> ScreenId {
    ScreenId::new("second").unwrap()
}

/// A second screen that nobody plays yet, with a camera of its own: as soon as its notice is in view, the
/// gate has something to write into the ledger.
fn with_second_screen(folder: &Path) -> EngineConfig {
    let mut config = config(folder, true);
    let camera = CameraId::new("second").unwrap();
    config.cameras.push(CameraConfig {
        camera: camera.clone(),
        source: SourceSpec::Push {
            name: "second".to_owned(),
        },
        placement: CameraPlacement::default(),
        full_resolution: false,
    });
    config.screens.push(ScreenConfig {
        screen: second_screen(),
        camera: Some(camera),
        in_process: false,
        layout: None,
    });
    config
}

fn notice_in_view(engine: &Engine, screen: &ScreenId) {
    let heartbeat = Heartbeat {
        player: "test".to_owned(),
        notice_hash: engine.notice().hash().to_string(),
        in_view: true,
    };
    engine.heartbeat(screen, heartbeat).unwrap();
}

fn is_open(engine: &Engine) -> bool {
    engine.screen(&screen()).unwrap().borrow().camera_open
}

async fn entries(store: &dyn Store) -> Vec<EntryBody> {
    let rows = store.ledger_range(0..u64::MAX).await.unwrap();
    let bytes = rows.into_iter().filter_map(|row| row.bytes);
    bytes
        .map(|bytes| LedgerEntry::from_leaf_bytes(&bytes).unwrap().body)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_ledger_cameras_close_and_screens_show_the_default_message_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = with_second_screen(folder.path());
    let recording = folder.path().join("recording.ndjson");
    config.recording = Some(recording.clone());
    let (engine, store) = start(config.clone()).await;
    let plays_a_campaign = || showing(&engine).is_some_and(|m| m != "default");
    assert!(until(plays_a_campaign).await);

    store.ledger.is_full(true);
    let fault = || engine.health().borrow().ledger_fault.clone();
    let closed = until(|| {
        notice_in_view(&engine, &second_screen());
        fault().is_some() && !is_open(&engine)
    });
    assert!(closed.await, "the camera stays open without a ledger");
    assert_eq!(fault().as_deref(), Some("the disk is full"));
    let view = engine.screen(&screen()).unwrap().borrow().clone();
    let decision = &view.showing.as_ref().unwrap().decision;
    assert!(decision.is_default && decision.policy == "default");
    // It was the ledger, unless the message had just ended by itself.
    let excluded = &decision.reason.excluded;
    assert!(
        decision.reason.trigger == Trigger::LedgerUnwritable
            || decision.reason.trigger == Trigger::ConditionEnded,
        "{:?}",
        decision.reason
    );
    if decision.reason.trigger == Trigger::LedgerUnwritable {
        assert_eq!(excluded[0].obstacle, Obstacle::LedgerUnwritable);
    }
    // Nothing of a campaign is decided for meanwhile, though the notice is in view.
    let n_decisions = engine.metrics().decisions;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(engine.metrics().decisions, n_decisions);
    assert!(!is_open(&engine));

    store.ledger.is_full(false);
    assert!(
        until(|| fault().is_none() && is_open(&engine)).await,
        "it comes back by itself"
    );
    assert!(until(plays_a_campaign).await);
    engine.stop().await;

    let store = open(&config).await;
    let entries = entries(&store).await;
    let interrupted = |e: &EntryBody| matches!(e, EntryBody::Interrupted { .. });
    assert_eq!(entries.iter().filter(|e| interrupted(e)).count(), 1);
    assert!(matches!(entries.first(), Some(EntryBody::Started { .. })));
    assert!(matches!(entries.last(), Some(EntryBody::Stopped {})));
    let mut logged = store.decisions(10_000, None).await.unwrap();
    logged.sort_by_key(|d| (d.at, d.id));
    store.close().await;
    let replayed = replay(BufReader::new(File::open(&recording).unwrap())).unwrap();
    let mut decided = replayed.decisions;
    decided.sort_by_key(|d| (d.at, d.id));
    assert_eq!(decided, logged, "the outage is part of the recording");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_recording_and_not_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), true);
    let (engine, store) = start(config.clone()).await;
    assert!(until(|| showing(&engine).is_some_and(|m| m != "default")).await);

    store.rows.is_full(true);
    let n_decided = || engine.metrics().decisions.values().sum::<u64>();
    let health = || engine.health().borrow().clone();
    assert!(until(|| health().recording_fault.is_some()).await);
    assert_eq!(
        health().recording_fault.as_deref(),
        Some("the disk is full")
    );
    let before = n_decided();
    assert!(
        until(|| n_decided() >= before + 2).await,
        "the screen stands still"
    );
    assert!(is_open(&engine) && health().ledger_fault.is_none());
    assert!(until(|| health().rows_queued > 0).await);

    store.rows.is_full(false);
    assert!(until(|| health().recording_fault.is_none()).await);
    engine.stop().await;
    let n_decided = n_decided();
    let store = open(&config).await;
    let logged = store.decisions(10_000, None).await.unwrap();
    assert_eq!(logged.len() as u64, n_decided, "nothing was lost");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_with_rows_unwritten_did_not_stop_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), true);
    let (engine, store) = start(config.clone()).await;
    assert!(until(|| showing(&engine).is_some()).await);
    store.rows.is_full(true);
    assert!(until(|| engine.health().borrow().recording_fault.is_some()).await);
    engine.stop().await;
    let store = open(&config).await;
    let entries = entries(&store).await;
    assert!(!entries.iter().any(|e| matches!(e, EntryBody::Stopped {})));
    store.close().await;
}

/// Taking an attestation back ends what works under it at once, and is asked for again until the ledger tells of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attestation_that_the_ledger_could_not_end_is_ended_again() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, store) = start(recognition::config(&folder, Custody::Controller)).await;
    let recognizer = engine.recognizer();
    let wish = AttestationWish {
        service: "badges".to_owned(),
        purpose: "find the owner of a found badge".to_owned(),
        collection: GalleryId::new("badges").unwrap(),
        lawful_source: "staff photographs".to_owned(),
        uploads_are_acts: false,
        signed_by: "the officer".to_owned(),
        officer: None,
        valid_for: Duration::from_secs(86_400),
    };
    let digest = recognizer.attest(wish).await.unwrap().verified.digest();
    store.ledger.is_full(true);
    assert!(recognizer.end_attestation(digest).await.is_err());
    store.ledger.is_full(false);
    assert!(recognizer.end_attestation(digest).await.unwrap());
    assert!(recognizer.attestations().is_empty());
    assert!(!recognizer.end_attestation(digest).await.unwrap());
    engine.stop().await;
}
