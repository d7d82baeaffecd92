//! From the wish of one among a million persons to the answer: `cargo bench -p regard-engine --bench custody`.
//!
//! A whole engine on a real disk: its custodian, its ledger, its sweeps. A withdrawal or an erasure is measured from the call to
//! the answer, so with everything it waits for: the key destroyed and overwritten, the log emptied, the rows removed, the entry
//! in the ledger with its signature. Making the other 999 800 records is not counted; the start of the engine over them is
//! told. Ends with an error when one act takes a second.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and fails by panicking"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use regard_audience::CrowdSettings;
use regard_commitments::{Commitments, ConsentPurpose, GivenBy};
use regard_decision::{ContextSpec, Creative};
use regard_domain::CreativeId;
use regard_engine::{Engine, EngineConfig, Enrolled, SiteKeyConfig};
use regard_inference::RuntimeChoice;

#[path = "../../backends/benches/shared/million.rs"]
mod million;

/// Acts measured of each kind.
const N_ACTS: usize = 100;

/// So many others come and agree, one after the other without a pause, while somebody takes back.
const N_OTHERS: usize = 16;

/// From the wish to the destroyed key, at the most.
const BUDGET: Duration = Duration::from_secs(1);

fn config(folder: &Path) -> EngineConfig {
    EngineConfig {
        data_dir: folder.to_owned(),
        commitments: Commitments::demo(),
        cameras: Vec::new(),
        screens: Vec::new(),
        campaigns: Vec::new(),
        default_message: Creative::text(CreativeId::new("default").unwrap(), "Regard", ""),
        context: ContextSpec::default(),
        time_zone: Some("UTC".to_owned()),
        crowd: CrowdSettings::default(),
        n_workers: Some(1),
        runtime: RuntimeChoice::Auto,
        models: None,
        detector_long_side_px: 320,
        site_key: SiteKeyConfig::default(),
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: None,
    }
}

async fn started(folder: &Path) -> (Engine, Duration) {
    let began = Instant::now();
    let engine = Engine::start(config(folder)).await.unwrap();
    (engine, began.elapsed())
}

/// Somebody who agreed that what they do is learned from.
async fn enrolled(engine: &Engine) -> Enrolled {
    let custodian = engine.custodian();
    let one = custodian.enroll(false).await.unwrap();
    let who = custodian.authenticate(&one.token.reveal()).await.unwrap();
    let offer = custodian.offer(one.person, ConsentPurpose::Learn).unwrap();
    let receipt = custodian.agree(&who, offer.id, GivenBy::Person, None).await;
    receipt.unwrap();
    one
}

/// How long each of these takes to take back what they agreed to.
async fn withdrawals(engine: &Engine, persons: &[Enrolled]) -> Vec<Duration> {
    let custodian = engine.custodian();
    let mut times = Vec::with_capacity(persons.len());
    for one in persons {
        let began = Instant::now();
        let withdrawn = custodian.withdraw(one.person, ConsentPurpose::Learn);
        withdrawn.await.unwrap();
        times.push(began.elapsed());
    }
    times
}

/// The same while others come.
async fn withdrawals_under_load(engine: &Engine, persons: &[Enrolled]) -> Vec<Duration> {
    let is_over = Arc::new(AtomicBool::new(false));
    let come = |engine: Engine, is_over: Arc<AtomicBool>| async move {
        while !is_over.load(Ordering::Relaxed) {
            enrolled(&engine).await;
        }
    };
    let others: Vec<_> = (0..N_OTHERS)
        .map(|_| tokio::spawn(come(engine.clone(), Arc::clone(&is_over))))
        .collect();
    let times = withdrawals(engine, persons).await;
    is_over.store(true, Ordering::Relaxed);
    for other in others {
        other.await.unwrap();
    }
    times
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[part * (times.len() - 1) / 100].as_secs_f64() * 1e3;
    println!(
        "{what}: median {:.1} ms, 95 % within {:.1} ms, worst of {} {:.1} ms",
        at(50),
        at(95),
        times.len(),
        at(100)
    );
    assert!(
        times[times.len() - 1] < BUDGET,
        "{what} took longer than {BUDGET:?}"
    );
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, empty) = started(folder.path()).await;
    // The ledger tells of somebody erased, so that every later start looks whether they came back.
    let gone = enrolled(&engine).await;
    engine.custodian().erase(gone.person).await.unwrap();
    engine.stop().await;
    million::fill(folder.path()).await;
    let (engine, full) = started(folder.path()).await;
    println!(
        "{} persons; start of the engine {:.2} s, without them {:.2} s",
        million::N_PERSONS,
        full.as_secs_f64(),
        empty.as_secs_f64()
    );

    let mut persons = Vec::new();
    let mut comings = Vec::new();
    for _ in 0..3 * N_ACTS {
        let began = Instant::now();
        persons.push(enrolled(&engine).await);
        comings.push(began.elapsed());
    }
    report("enrolling and agreeing", comings);
    let (withdrawing, others) = persons.split_at(N_ACTS);
    let (under_load, erasing) = others.split_at(N_ACTS);
    report(
        "withdrawal, to the destroyed key and its entry in the ledger",
        withdrawals(&engine, withdrawing).await,
    );
    report(
        "the same while 16 others come and agree without a pause",
        withdrawals_under_load(&engine, under_load).await,
    );
    let custodian = engine.custodian();
    let mut erasures = Vec::new();
    for one in erasing {
        let began = Instant::now();
        let proof = custodian.erase(one.person).await.unwrap();
        erasures.push(began.elapsed());
        assert!(proof.verify(None).is_ok());
    }
    report("erasure, to the proof", erasures);
    engine.stop().await;
}
