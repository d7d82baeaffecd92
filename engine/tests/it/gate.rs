//! The camera is open only while the notice is in view.

use std::sync::Arc;
use std::time::{Duration, Instant};

use regard_backends::{SqliteOptions, SqliteStore};
use regard_commitments::{
    DayMinute, EntryBody, LedgerEntry, RefusalCode, Scope, Scopes, StaffHours, StaffRule,
};
use regard_domain::Clock;
use regard_engine::{Engine, Heartbeat, SystemClock};

use crate::support::{Later, camera, config, screen, until};

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

/// Scopes given and withheld, in the order in which the ledger has them.
async fn grants(engine: &Engine) -> Vec<(Scopes, Vec<RefusalCode>)> {
    let rows = engine.store().ledger_range(0..1_000).await.unwrap();
    let entries = rows.into_iter().filter_map(|row| row.bytes);
    let bodies = entries.map(|bytes| LedgerEntry::from_leaf_bytes(&bytes).unwrap().body);
    bodies
        .filter_map(|body| match body {
            EntryBody::Granted {
                scopes, withheld, ..
            } => Some((scopes, withheld.into_values().collect())),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_are_analysed_again_when_staff_have_gone() {
    const DAY_MICROS: i64 = 86_400_000_000;
    /// A quarter of a minute before noon.
    const BEFORE_NOON_MICROS: i64 = DAY_MICROS / 2 - 15_000_000;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), true);
    let minute = |text: &str| DayMinute::try_from(text.to_owned()).unwrap();
    config.commitments.declarations.staff = StaffRule::Hours {
        hours: vec![StaffHours {
            from: minute("11:00"),
            until: minute("12:00"),
        }],
    };
    let of_day = SystemClock::new().now().as_micros().rem_euclid(DAY_MICROS);
    let wait = (BEFORE_NOON_MICROS - of_day).rem_euclid(DAY_MICROS);
    let clock = Arc::new(Later::by(Duration::from_micros(wait.unsigned_abs())));
    std::fs::create_dir_all(&config.data_dir).unwrap();
    let store = SqliteStore::open(&config.data_dir, SqliteOptions::default());
    let store = Arc::new(store.await.unwrap());
    let engine = Engine::start_on(config, clock, store).await.unwrap();
    let has_expression = || {
        let live = engine.live(&camera()).unwrap();
        let live = live.borrow();
        live.as_ref()
            .is_some_and(|view| view.faces.iter().any(|face| face.expression.is_some()))
    };
    assert!(until(has_expression).await, "{:?}", grants(&engine).await);
    let grants = grants(&engine).await;
    let (first, withheld) = &grants[0];
    assert!(!first.contains(Scope::Expression));
    assert_eq!(withheld, &[RefusalCode::StaffInView]);
    assert!(grants.last().unwrap().0.contains(Scope::Expression));
    engine.stop().await;
}

/// A site of the Netherlands: shut until somebody agrees.
fn netherlands(folder: &std::path::Path) -> regard_engine::EngineConfig {
    let mut config = config(folder, true);
    config.commitments.profile = "nl".to_owned();
    config.commitments.legal_basis = regard_commitments::LegalBasis::Consent;
    let profile = regard_commitments::Profile::named("nl").unwrap();
    for (kind, period) in &mut config.commitments.retention {
        if let Some(longest) = profile.max_retention(*kind) {
            *period = (*period).min(longest);
        }
    }
    config
}

async fn entries(engine: &Engine) -> Vec<EntryBody> {
    let rows = engine.store().ledger_range(0..1_000).await.unwrap();
    let bytes = rows.into_iter().filter_map(|row| row.bytes);
    bytes
        .map(|bytes| LedgerEntry::from_leaf_bytes(&bytes).unwrap().body)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gated_camera_opens_when_somebody_agrees_and_shuts_when_they_no_longer_do() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(netherlands(folder.path())).await.unwrap();
    let refused = |code| {
        let view = engine.screen(&screen()).unwrap();
        let view = view.borrow();
        view.refusal.as_ref().map(|r| r.code) == Some(code)
    };
    assert!(until(|| refused(RefusalCode::ConsentMissing)).await);
    assert_eq!(engine.metrics().frames, 0, "no frame before anybody agreed");

    let now = engine.now();
    let end = engine
        .agree(&screen(), Duration::from_secs(3_600))
        .await
        .unwrap();
    let agreed_for = end.saturating_since(now);
    assert!(agreed_for <= regard_commitments::MAX_AGREEMENT + Duration::from_secs(5));
    assert!(until(|| is_open(&engine)).await);
    // Only now is the message chosen for who is there.
    let someone = || {
        matches!(
            crate::support::showing(&engine).as_deref(),
            Some("someone" | "also")
        )
    };
    assert!(until(someone).await);

    engine.withdraw_agreement(&screen()).await.unwrap();
    assert!(!is_open(&engine), "shut before the answer");
    assert!(until(|| refused(RefusalCode::ConsentWithdrawn)).await);
    let default = || crate::support::showing(&engine).as_deref() == Some("default");
    assert!(until(default).await);
    let frames = engine.metrics().frames;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(engine.metrics().frames, frames);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agreement_is_over_when_nobody_is_there_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = netherlands(folder.path());
    // A camera that sees nobody: frames would have to be pushed.
    config.cameras[0].source = regard_vision::SourceSpec::Push {
        name: "browser".to_owned(),
    };
    let engine = Engine::start(config).await.unwrap();
    engine
        .agree(&screen(), Duration::from_secs(300))
        .await
        .unwrap();
    assert!(until(|| is_open(&engine)).await);
    assert!(
        until(|| !is_open(&engine)).await,
        "long before five minutes"
    );
    let refusal = engine.screen(&screen()).unwrap().borrow().refusal.clone();
    assert_eq!(refusal.map(|r| r.code), Some(RefusalCode::ConsentExpired));
    // The eye is shut first, and the ledger told then.
    let is_end = |entry: &EntryBody| matches!(entry, EntryBody::AgreementEnded { .. });
    let mut said = entries(&engine).await;
    for _ in 0..100 {
        if said.iter().any(is_end) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        said = entries(&engine).await;
    }
    assert!(said.iter().any(|e| matches!(e, EntryBody::Agreed { .. })));
    assert!(said.iter().any(is_end));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objection_shuts_the_camera_at_once_and_stands_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(config(folder.path(), true)).await.unwrap();
    assert!(until(|| is_open(&engine)).await);
    let now = engine.now();
    let objection = engine
        .object(&screen(), Duration::from_secs(86_400))
        .await
        .unwrap();
    assert!(!is_open(&engine), "shut before the answer");
    assert_eq!(objection.cameras, [camera()]);
    let shut_for = objection.until.saturating_since(now);
    assert!(shut_for <= regard_commitments::MAX_OBJECTION + Duration::from_secs(5));
    // Pressing again prolongs, and never shortens.
    let again = engine
        .object(&screen(), Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(again.until, objection.until);
    let health = engine.health();
    let counted = || health.borrow().n_objections_last_hour == 2;
    assert!(until(counted).await);
    let entries = entries(&engine).await;
    assert!(
        entries
            .iter()
            .any(|e| matches!(e, EntryBody::Objected { .. }))
    );
    // Where no agreement is waited for, none is taken.
    let refused = engine.agree(&screen(), Duration::from_secs(60)).await;
    let Err(regard_engine::EngineError::Refused(refusal)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refusal.code, RefusalCode::FeatureNotInProfile);
    engine.stop().await;
}
