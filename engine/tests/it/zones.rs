//! Zones that the owner draws out of the picture: nothing in them is ever looked at.

use std::sync::Arc;
use std::time::Duration;

use regard_backends::{Document, SqliteOptions, SqliteStore, Store};
use regard_commitments::{Answer, Commitments, DataKind, Profile, RetentionGate, SigningKey};
use regard_domain::{Clock, Zone};
use regard_engine::{
    Engine, EngineConfig, EngineError, MAX_ZONES, StartError, SystemClock, ZonesError,
};

use crate::support::{Later, PATIENCE, camera, config, until};

fn whole() -> Zone {
    Zone::rectangle(0, 0, 1_000, 1_000).unwrap()
}

fn sees_someone(engine: &Engine) -> bool {
    let live = engine.live(&camera()).unwrap();
    let live = live.borrow();
    live.as_ref().is_some_and(|view| !view.faces.is_empty())
}

/// Whether nobody is seen in any of so many looks.
async fn sees_nobody(engine: &Engine, n_looks: usize) -> bool {
    let mut live = engine.live(&camera()).unwrap();
    let mut looks = 0;
    while looks < n_looks {
        live.changed().await.unwrap();
        let view = live.borrow_and_update().clone();
        if let Some(view) = view {
            looks += 1;
            if !view.faces.is_empty() || view.audience.n_visitors != 0 {
                return false;
            }
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_a_zone_is_never_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(config(folder.path(), true)).await.unwrap();
    assert!(until(|| sees_someone(&engine)).await);
    // The man in the clip sits in the middle: a zone at the edge leaves him alone.
    let edge = Zone::rectangle(0, 0, 20, 1_000).unwrap();
    let drawn = engine.set_zones(&camera(), vec![edge], 0).await.unwrap();
    assert_eq!(drawn.version, 1);
    assert!(until(|| sees_someone(&engine)).await);

    let drawn = engine.set_zones(&camera(), vec![whole()], 1).await.unwrap();
    assert_eq!(engine.zones(&camera()).unwrap(), drawn);
    // A track that nobody is found for any more is given up within two seconds.
    assert!(until(|| !sees_someone(&engine)).await);
    assert!(sees_nobody(&engine, 30).await);

    engine.set_zones(&camera(), Vec::new(), 2).await.unwrap();
    assert!(until(|| sees_someone(&engine)).await);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_are_in_force_from_the_first_frame_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), true);
    let engine = Engine::start(config.clone()).await.unwrap();
    engine.set_zones(&camera(), vec![whole()], 0).await.unwrap();
    engine.stop().await;
    let engine = Engine::start(config.clone()).await.unwrap();
    let drawn = engine.zones(&camera()).unwrap();
    assert_eq!((drawn.version, &drawn.zones[..]), (1, &[whole()][..]));
    assert!(sees_nobody(&engine, 30).await);
    engine.stop().await;

    // What cannot be read is not taken for nothing: the program does not start.
    let store = open(&config).await;
    let document = Document {
        name: "zones.test".to_owned(),
        value: "{\"version\":1,\"zones\":[[[0,0],[2000,0],[0,9]]]}".to_owned(),
    };
    let Answer::Granted(kept) = retention(&config).keep(document, SystemClock::new().now()) else {
        panic!("the demonstration keeps what its owner puts in");
    };
    store.put_document(&kept).await.unwrap();
    store.close().await;
    let refused = Engine::start(config).await;
    assert!(matches!(refused, Err(StartError::Zones(_))));
}

async fn open(config: &EngineConfig) -> SqliteStore {
    SqliteStore::open(&config.data_dir, SqliteOptions::default())
        .await
        .unwrap()
}

fn retention(config: &EngineConfig) -> RetentionGate {
    let key = SigningKey::from_bytes(&[7; 32]);
    let signed = config.commitments.sign(&key);
    let verified = signed.verify(&key.verifying_key()).unwrap();
    let profile = Profile::named(&config.commitments.profile).unwrap();
    RetentionGate::new(&verified, &profile).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_none_is_lost_and_there_is_a_lid() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(config(folder.path(), false)).await.unwrap();
    let set = |zones: Vec<Zone>, based_on: u32| {
        let engine = engine.clone();
        async move { engine.set_zones(&camera(), zones, based_on).await }
    };
    assert!(matches!(
        set(vec![whole(); MAX_ZONES + 1], 0).await,
        Err(ZonesError::TooMany(17))
    ));
    let both = tokio::join!(set(vec![whole()], 0), set(Vec::new(), 0));
    let n_done = usize::from(both.0.is_ok()) + usize::from(both.1.is_ok());
    assert_eq!(n_done, 1, "{both:?}");
    assert!(matches!(
        set(Vec::new(), 0).await,
        Err(ZonesError::Changed {
            now: 1,
            based_on: 0
        })
    ));
    let other = "other".parse().unwrap();
    assert!(matches!(
        engine.set_zones(&other, Vec::new(), 0).await,
        Err(ZonesError::Engine(EngineError::UnknownCamera(_)))
    ));
    engine.stop().await;
}

/// The period of what the owner puts in counts from the last day that the zones were in force.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_in_force_do_not_end_with_their_period() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), false);
    let period = "30 days".parse().unwrap();
    config
        .commitments
        .retention
        .insert(DataKind::Content, period);
    let engine = Engine::start(config.clone()).await.unwrap();
    engine.set_zones(&camera(), vec![whole()], 0).await.unwrap();
    engine.stop().await;

    let clock = Arc::new(Later::by(Duration::from_secs(20 * 86_400)));
    let store: Arc<dyn Store> = Arc::new(open(&config).await);
    let engine = Engine::start_on(config, clock, Arc::clone(&store))
        .await
        .unwrap();
    assert_eq!(engine.zones(&camera()).unwrap().zones, [whole()]);
    // On day 49 what was kept on day 0 is gone, and what the engine wrote again on day 20 is not.
    let day_49 = engine.now().plus(Duration::from_secs(29 * 86_400));
    let began = std::time::Instant::now();
    loop {
        store.sweep(day_49).await.unwrap();
        if store.document("zones.test").await.unwrap().is_some() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "they are written again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.stop().await;
}

/// Without a promise to keep what the owner puts in, zones would not hold at the next start: they are refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_that_cannot_be_kept_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), false);
    config.commitments = Commitments::demo();
    config.commitments.retention.remove(&DataKind::Content);
    let engine = Engine::start(config).await.unwrap();
    let refused = engine.set_zones(&camera(), vec![whole()], 0).await;
    assert!(matches!(
        refused,
        Err(ZonesError::Engine(EngineError::Refused(_)))
    ));
    assert_eq!(engine.zones(&camera()).unwrap().version, 0);
    engine.stop().await;
}
