//! The whole engine dies at every write of what a privacy officer and an admin do, once before it and once after: attestations,
//! armed galleries, campaigns, settings such as tokens are kept in. What was acknowledged holds after the next start.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regard_audience::CrowdSettings;
use regard_backends::{SqliteOptions, SqliteStore};
use regard_commitments::{Custody, Digest, EntryBody, LedgerEntry, PaperKind};
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CampaignId, Clock, CreativeId};
use regard_inference::RuntimeChoice;

use super::crashing::{CrashingStore, Faults, Moment};
use super::faces::promise;
use super::world::VirtualClock;
use super::{DAY, world};
use crate::custody::own_gallery;
use crate::{
    AttestationWish, CampaignChange, Engine, EngineConfig, MadePapers, PaperMaker,
    RecognitionConfig, SiteKeyConfig,
};

/// More writes than a start and the acts below make.
const MAX_WRITES: u32 = 200;

/// How long an engine whose files answer no more is given to hear that it shall end.
const PATIENCE: Duration = Duration::from_millis(50);

fn spring() -> CampaignId {
    CampaignId::new("spring").unwrap()
}

fn config(folder: &Path) -> EngineConfig {
    let message = Creative::text(CreativeId::new("m").unwrap(), "m", "");
    let text = r#"{"id": "spring", "name": "Spring"}"#;
    let mut campaign: Campaign = serde_json::from_str(text).unwrap();
    campaign.creatives = vec![message.clone()];
    EngineConfig {
        data_dir: world::data(folder),
        commitments: promise(Custody::Controller),
        cameras: Vec::new(),
        screens: Vec::new(),
        campaigns: vec![campaign],
        default_message: message,
        context: ContextSpec::default(),
        time_zone: Some("UTC".to_owned()),
        crowd: CrowdSettings::default(),
        n_workers: Some(1),
        runtime: RuntimeChoice::Rten,
        models: None,
        detector_long_side_px: 320,
        site_key: SiteKeyConfig::default(),
        recognition: RecognitionConfig::default(),
        papers: Some(PaperMaker::new(|campaigns, _, _| {
            let text = format!("{} campaigns", campaigns.len());
            let digest = Digest::of(&[text.as_bytes()]);
            MadePapers {
                papers: BTreeMap::from([(PaperKind::Record, digest)]),
                assessed: digest,
                text,
            }
        })),
        recording: None,
    }
}

/// An engine on the files of a folder, which stop answering where the faults say.
pub(crate) async fn begin(
    folder: &Path,
    clock: &Arc<VirtualClock>,
    faults: &Arc<Faults>,
) -> Result<Engine, crate::StartError> {
    let config = config(folder);
    std::fs::create_dir_all(&config.data_dir).unwrap();
    let store = SqliteStore::open(&config.data_dir, SqliteOptions::default());
    let store = Arc::new(CrashingStore {
        inner: Arc::new(store.await.unwrap()),
        faults: Arc::clone(faults),
    });
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let files = Arc::clone(&store.inner);
    let begun = Engine::start_on(config, clock, store).await;
    if begun.is_err() {
        files.close().await;
    }
    begun
}

pub(crate) async fn end(engine: Engine, faults: &Faults) {
    let store = Arc::clone(engine.store());
    if faults.is_dead() {
        // It waits for them; whoever kills a program does not.
        let _ = tokio::time::timeout(PATIENCE, engine.stop()).await;
    } else {
        engine.stop().await;
    }
    store.close().await;
}

/// What was acknowledged.
#[derive(Debug, Default)]
struct Told {
    is_armed: Option<bool>,
    attested: Option<Digest>,
    is_taken_back: bool,
    is_removed: bool,
    is_set: bool,
}

pub(crate) type Failed = Box<dyn std::error::Error>;

async fn live(engine: &Engine, told: &mut Told) -> Result<(), Failed> {
    let recognizer = engine.recognizer();
    recognizer.arm(true).await?;
    told.is_armed = Some(true);
    let wish = AttestationWish {
        service: "badges".to_owned(),
        purpose: "find the owner of a found badge".to_owned(),
        collection: own_gallery(),
        lawful_source: "staff photographs".to_owned(),
        uploads_are_acts: false,
        signed_by: "the officer".to_owned(),
        officer: None,
        valid_for: DAY * 30,
    };
    let known = recognizer.attest(wish).await?;
    told.attested = Some(known.verified.digest());
    engine.put_setting("token.drill", "{}".to_owned()).await?;
    told.is_set = true;
    engine
        .change_campaign(CampaignChange::Remove(spring()))
        .await?;
    told.is_removed = true;
    recognizer.end_attestation(known.verified.digest()).await?;
    told.is_taken_back = true;
    told.is_armed = None;
    recognizer.arm(false).await?;
    told.is_armed = Some(false);
    Ok(())
}

async fn check(engine: &Engine, told: &Told, place: &str) {
    let recognizer = engine.recognizer();
    if let Some(is_armed) = told.is_armed {
        let galleries = recognizer.galleries().await;
        assert_eq!(galleries[0].is_armed, is_armed, "{place}");
    }
    let held = recognizer.attestations();
    let rows = engine.store().ledger_range(0..u64::MAX).await.unwrap();
    let said: Vec<EntryBody> = rows
        .iter()
        .filter_map(|row| LedgerEntry::from_leaf_bytes(row.bytes.as_ref()?).ok())
        .map(|entry| entry.body)
        .collect();
    for known in &held {
        // What holds is in the ledger, and was not taken back there.
        let digest = known.verified.digest();
        assert!(
            said.iter().any(
                |body| matches!(body, EntryBody::AttestationMade { attestation, .. } if *attestation == digest)
            ),
            "{place}"
        );
        assert!(
            !said.contains(&EntryBody::AttestationEnded {
                attestation: digest
            }),
            "{place}"
        );
    }
    if let Some(digest) = told.attested {
        let holds = held.iter().any(|known| known.verified.digest() == digest);
        let is_ended = said.contains(&EntryBody::AttestationEnded {
            attestation: digest,
        });
        assert_eq!(holds, !is_ended, "{place}");
        assert!(!told.is_taken_back || is_ended, "{place}");
    }
    if told.is_set {
        let setting = engine.store().setting("token.drill").await.unwrap();
        assert_eq!(setting.as_deref(), Some("{}"), "{place}");
    }
    // The papers that the ledger told of last are those of what runs, and their copy is there.
    let version = &engine.paper_versions()[0];
    assert_eq!(
        Some(version.all),
        engine.papers().map(|made| made.all()),
        "{place}"
    );
    assert!(engine.paper_copy(version).unwrap().is_some(), "{place}");
    if told.is_removed {
        assert!(engine.campaigns().await.unwrap().is_empty(), "{place}");
    }
}

/// Lives on the files of a new folder until they answer no more, and checks what is there afterwards. Whether it came to that.
pub(crate) async fn die_and_look<T: Default>(
    (number, moment): (u32, Moment),
    live: impl AsyncFnOnce(&Engine, &mut T) -> Result<(), Failed>,
    check: impl AsyncFnOnce(&Engine, &T, &str),
) -> bool {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let faults = Faults::new(Some((number, moment)));
    let mut told = T::default();
    let place = format!("{number} {moment:?}");
    if let Ok(engine) = begin(folder.path(), &clock, &faults).await {
        let lived = faults.until_death(live(&engine, &mut told)).await;
        let is_whole = matches!(lived, Some(Ok(())));
        assert!(is_whole || faults.is_dead(), "{place}: {lived:?}");
        end(engine, &faults).await;
    }
    let after = Faults::new(None);
    let engine = begin(folder.path(), &clock, &after).await.unwrap();
    check(&engine, &told, &place).await;
    end(engine, &after).await;
    faults.is_dead()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_officers_and_admins_did_holds_wherever_the_program_dies() {
    for moment in [Moment::Before, Moment::After] {
        let mut number = 0;
        while die_and_look((number, moment), live, check).await {
            number += 1;
            assert!(number < MAX_WRITES);
        }
        assert!(number > 10, "{number} writes: fewer than these acts make");
    }
}
