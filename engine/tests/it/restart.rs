//! What was promised and learned survives; what was changed behind our back is noticed.

use regard_engine::{Engine, StartError};

use crate::support::{config, showing, until};

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
