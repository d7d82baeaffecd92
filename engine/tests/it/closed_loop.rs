//! See, decide, show, learn.

use std::fs::File;
use std::io::BufReader;

use regard_engine::{Engine, replay};

use crate::support::{camera, config, showing, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_face_changes_the_message_is_acknowledged_logged_and_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), true);
    let recording = folder.path().join("recording.ndjson");
    config.recording = Some(recording.clone());
    let engine = Engine::start(config).await.unwrap();

    assert!(
        until(|| showing(&engine).is_some_and(|m| m != "default")).await,
        "nobody was seen"
    );
    assert!(
        until(|| engine.latency().n >= 1).await,
        "no change reached the glass"
    );
    let live = engine.live(&camera()).unwrap();
    let view = live.borrow().clone().unwrap();
    assert!(!view.faces.is_empty());
    assert!(
        engine.preview(&camera()).unwrap().is_some(),
        "profile lab shows the picture"
    );
    // The reward window is a second: a policy state means that attention was measured and learned.
    let learned = || async { !engine.store().policies().await.unwrap().is_empty() };
    for _ in 0..1_500 {
        if learned().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(learned().await, "nothing was learned");
    let metrics = engine.metrics();
    assert!(metrics.frames > 0 && metrics.frame_to_screen.count > 0);
    assert_eq!(metrics.cameras_open, 1);

    engine.stop().await;
    let replayed = replay(BufReader::new(File::open(&recording).unwrap())).unwrap();
    let again = replay(BufReader::new(File::open(&recording).unwrap())).unwrap();
    assert_eq!(replayed, again, "a replay repeats itself bit for bit");
    assert!(!replayed.moments.is_empty());
    let store = regard_backends::SqliteStore::open(
        &folder.path().join("data"),
        regard_backends::SqliteOptions::default(),
    )
    .await
    .unwrap();
    use regard_backends::Store;
    let mut logged = store.decisions(10_000, None).await.unwrap();
    logged.reverse();
    let mut decided = replayed.decisions.clone();
    // The log is ordered by time and id; decisions of one instant may stand the other way round.
    decided.sort_by_key(|d| (d.at, d.id));
    assert_eq!(
        decided, logged,
        "the replay decides what was decided, bit for bit"
    );
    store.close().await;
}
