//! The camera is open only while the notice is in view.

use std::time::{Duration, Instant};

use regard_commitments::RefusalCode;
use regard_engine::{Engine, Heartbeat};

use crate::support::{camera, config, screen, until};

fn heartbeat(engine: &Engine, hash: &str) {
    let heartbeat = Heartbeat {
        player: "test".to_owned(),
        notice_hash: hash.to_owned(),
        in_view: true,
    };
    engine.heartbeat(&screen(), heartbeat).unwrap();
}

fn is_open(engine: &Engine) -> bool {
    engine.screen(&screen()).unwrap().borrow().camera_open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_notice_the_camera_stays_shut_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(config(folder.path(), false)).await.unwrap();
    let refused = || {
        let view = engine.screen(&screen()).unwrap();
        let view = view.borrow();
        view.refusal.as_ref().map(|r| r.code) == Some(RefusalCode::NoticeMissing)
    };
    assert!(until(refused).await);
    heartbeat(&engine, "00");
    heartbeat(&engine, &"0".repeat(64));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!is_open(&engine), "another notice does not count");
    assert_eq!(engine.metrics().frames, 0, "no frame was taken");

    let hash = engine.notice().hash().to_string();
    assert!(
        until(|| {
            heartbeat(&engine, &hash);
            is_open(&engine)
        })
        .await,
        "the notice opens the camera"
    );
    let silent_since = Instant::now();
    assert!(until(|| !is_open(&engine)).await);
    // The promise is one second from the last heartbeat; the allowance is for a busy machine.
    assert!(
        silent_since.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        silent_since.elapsed()
    );
    let frames = engine.metrics().frames;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        engine.metrics().frames,
        frames,
        "no frame after the camera closed"
    );
    assert!(
        engine.live(&camera()).unwrap().borrow().is_none(),
        "nothing is left to be seen"
    );
    engine.stop().await;
}
