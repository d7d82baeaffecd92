//! What was promised and learned survives; what was changed behind our back is noticed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regard_backends::{SqliteOptions, SqliteStore, Store};
use regard_commitments::{DataKind, EntryBody, LedgerEntry};
use regard_decision::{ContextSpec, FactFeature, FactValue, Obstacle};
use regard_engine::{Engine, EngineConfig, StartError, replay};

use crate::support::{Later, config, screen, showing, until};

async fn open(config: &EngineConfig) -> SqliteStore {
    SqliteStore::open(&config.data_dir, SqliteOptions::default())
        .await
        .unwrap()
}

async fn start_later(config: &EngineConfig, hours: u64) -> Engine {
    let clock = Arc::new(Later::by(Duration::from_secs(hours * 3_600)));
    let store = Arc::new(open(config).await);
    Engine::start_on(config.clone(), clock, store)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_continues_and_a_changed_promise_needs_a_new_version() {
    let folder = tempfile::tempdir().unwrap();
    let first = config(folder.path(), true);
    let engine = Engine::start(first.clone()).await.unwrap();
    assert!(until(|| showing(&engine).is_some_and(|m| m != "default")).await);
    engine.stop().await;

    let engine = Engine::start(first.clone()).await.unwrap();
    assert!(until(|| showing(&engine).is_some()).await);
    assert!(!engine.store().decisions(10, None).await.unwrap().is_empty());
    engine.stop().await;

    let mut weaker = first;
    weaker.commitments.controller.name = "Somebody else".to_owned();
    let refused = Engine::start(weaker).await;
    assert!(matches!(
        refused,
        Err(StartError::VersionTaken { version: 1 })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_goes_on_from_another_replays_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), true);
    config.time_zone = Some("Pacific/Auckland".to_owned());
    config.crowd.beat_hz = 7.0;
    config.crowd.look.begin_attention = 0.5;
    let degrees = FactFeature {
        name: "degrees".to_owned(),
        min: -10.0,
        max: 40.0,
    };
    config.context = ContextSpec::new(vec![degrees]).unwrap();
    let engine = Engine::start(config.clone()).await.unwrap();
    let warm = FactValue::Number(21.3);
    engine
        .set_fact("degrees".to_owned(), warm, None)
        .await
        .unwrap();
    let mut is_learned = false;
    for _ in 0..1_500 {
        is_learned = !engine.store().policies().await.unwrap().is_empty();
        if is_learned {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(is_learned);
    engine.stop().await;

    let recording = folder.path().join("recording.ndjson");
    config.recording = Some(recording.clone());
    let engine = Engine::start(config.clone()).await.unwrap();
    let began_at = engine.now();
    assert!(until(|| engine.metrics().decisions.values().sum::<u64>() >= 3).await);
    engine.stop().await;

    let store = open(&config).await;
    let logged = store.decisions_since(began_at).await.unwrap();
    let policies: BTreeMap<_, _> = store
        .policies()
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.campaign, row.state))
        .collect();
    store.close().await;
    let replayed = replay(BufReader::new(File::open(&recording).unwrap())).unwrap();
    // The first decision may have been taken before the engine was in our hands.
    let mut decided = replayed.decisions;
    decided.retain(|d| d.at >= began_at);
    decided.sort_by_key(|d| (d.at, d.id));
    assert_eq!(decided, logged);
    for (campaign, state) in replayed.policies {
        assert_eq!(Some(&state), policies.get(&campaign), "{campaign}");
    }
    assert!(
        decided.iter().any(|d| d.policy_version > 0),
        "nothing was remembered"
    );
}

async fn swept(folder: &Path) -> BTreeMap<DataKind, u64> {
    let store = SqliteStore::open(folder, SqliteOptions::default())
        .await
        .unwrap();
    let mut swept = BTreeMap::new();
    for row in store.ledger_range(0..u64::MAX).await.unwrap() {
        let entry = LedgerEntry::from_leaf_bytes(&row.bytes.unwrap()).unwrap();
        if let EntryBody::Swept { data, n_rows } = entry.body {
            *swept.entry(data).or_default() += n_rows;
        }
    }
    store.close().await;
    swept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_was_spent_stays_spent_when_its_plays_are_swept_and_the_ledger_tells_of_that()
{
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), true);
    config.campaigns[0].budget.max_plays_total = Some(1);
    let engine = start_later(&config, 0).await;
    assert!(until(|| showing(&engine).is_some_and(|m| m != "default")).await);
    engine.stop().await;
    assert_eq!(swept(&config.data_dir).await, BTreeMap::new());

    // Decisions are kept for 24 hours: the second run sweeps them, the third sees none of them.
    for hours in [30, 60] {
        let engine = start_later(&config, hours).await;
        let refused = || {
            let view = engine.screen(&screen()).unwrap().borrow().clone();
            view.showing.as_ref().is_some_and(|showing| {
                let excluded = &showing.decision.reason.excluded;
                excluded
                    .iter()
                    .any(|e| matches!(e.obstacle, Obstacle::BudgetTotal { limit: 1 }))
            })
        };
        assert!(
            until(refused).await,
            "after {hours} hours the budget began anew"
        );
        let n_visitors = || {
            let live = engine.live(&crate::support::camera()).unwrap();
            live.borrow()
                .as_ref()
                .map_or(0, |view| view.audience.n_visitors)
        };
        assert!(until(|| n_visitors() > 0).await);
        assert_eq!(showing(&engine).as_deref(), Some("default"));
        engine.stop().await;
        let swept = swept(&config.data_dir).await;
        let n = |kind| swept.get(&kind).copied().unwrap_or(0);
        assert!(
            n(DataKind::Decision) > 0 && n(DataKind::Play) > 0,
            "{swept:?}"
        );
        assert_eq!(n(DataKind::Content), 0, "{swept:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn campaigns_changed_while_it_ran_stay_until_the_configuration_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), true);
    let engine = Engine::start(config.clone()).await.unwrap();
    let mut campaigns = engine.campaigns().await.unwrap();
    campaigns[0].name = "Changed".to_owned();
    engine.set_campaigns(campaigns.clone()).await.unwrap();
    engine.stop().await;

    let engine = Engine::start(config.clone()).await.unwrap();
    assert_eq!(engine.campaigns().await.unwrap(), campaigns);
    engine.stop().await;

    config.campaigns[0].name = "Configured anew".to_owned();
    let engine = Engine::start(config.clone()).await.unwrap();
    assert_eq!(engine.campaigns().await.unwrap(), config.campaigns);
    engine.stop().await;
}
