//! Several messages on one screen, on the real clip.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use regard_backends::{SqliteOptions, SqliteStore, Store};
use regard_domain::{CampaignId, CreativeId, SlotId, Timestamp};
use regard_engine::{Engine, Layout, SlotArea, replay};

use crate::support::{config, screen, until};

/// Two halves.
fn halves() -> Layout {
    let areas = [("left", 0), ("right", 50)].map(|(slot, left_percent)| SlotArea {
        slot: slot.parse().unwrap(),
        left_percent,
        top_percent: 0,
        width_percent: 50,
        height_percent: 100,
    });
    Layout::new(areas.into()).unwrap()
}

type Message = (Option<CampaignId>, CreativeId);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_play_side_by_side_and_the_run_replays_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), true);
    config.screens[0].layout = Some(halves());
    let recording = folder.path().join("recording.ndjson");
    config.recording = Some(recording.clone());
    let engine = Engine::start(config.clone()).await.unwrap();
    let began_at = engine.now();
    // Both messages of the campaign at once, each in one slot: the clip has somebody most of the time.
    let mut seen: BTreeSet<Vec<Message>> = BTreeSet::new();
    let both = until(|| {
        let view = engine.screen(&screen()).unwrap();
        let view = view.borrow();
        let slots: Vec<Option<&SlotId>> =
            view.showings().map(|s| s.decision.slot.as_ref()).collect();
        assert!(
            slots.len() < 2
                || slots
                    .iter()
                    .flatten()
                    .map(|s| s.as_str())
                    .eq(["left", "right"]),
            "{slots:?}"
        );
        let messages: Vec<Message> = view
            .showings()
            .map(|s| (s.decision.campaign.clone(), s.creative.id.clone()))
            .collect();
        let of_campaign = messages.iter().filter(|(campaign, _)| campaign.is_some());
        let is_both = of_campaign.clone().count() == 2;
        let apart: BTreeSet<_> = of_campaign.collect();
        assert!(!is_both || apart.len() == 2, "{messages:?}");
        seen.insert(messages);
        is_both
    })
    .await;
    assert!(both, "{seen:?}");
    // What is on the glass is kept with its slot.
    let mut played: BTreeMap<Option<SlotId>, usize> = BTreeMap::new();
    for _ in 0..1_500 {
        let plays = engine.store().plays_since(None, Timestamp::from_micros(0));
        let plays = plays.await.unwrap();
        played.clear();
        for play in plays.iter().filter(|play| play.start.campaign.is_some()) {
            *played.entry(play.start.slot.clone()).or_default() += 1;
        }
        if played.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let slots: Vec<_> = played.keys().flatten().map(SlotId::as_str).collect();
    assert_eq!(slots, ["left", "right"]);
    engine.stop().await;

    let store = SqliteStore::open(&config.data_dir, SqliteOptions::default());
    let store = store.await.unwrap();
    let logged = store.decisions_since(began_at).await.unwrap();
    store.close().await;
    let mut decided = replay(BufReader::new(File::open(&recording).unwrap()))
        .unwrap()
        .decisions;
    decided.retain(|d| d.at >= began_at);
    decided.sort_by_key(|d| (d.at, d.id));
    assert_eq!(decided, logged);
    assert!(
        decided
            .iter()
            .all(|d| d.screen == screen() && d.slot.is_some())
    );
    let seen = |slot: &str| {
        let name = format!("slot.{slot}");
        decided
            .iter()
            .any(|d| d.features.contains(&(name.clone(), 1.0)))
    };
    assert!(
        seen("left") && seen("right"),
        "policies see where they choose"
    );
}

/// Twelve names of slots are the most that policies learn from.
#[tokio::test]
async fn more_names_of_slots_than_policies_take_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), false);
    let template = config.screens[0].clone();
    config.screens = (0..3_u8)
        .map(|n| {
            let areas = (0..5_u8).map(|i| SlotArea {
                slot: format!("s{n}-{i}").parse().unwrap(),
                left_percent: i * 20,
                top_percent: 0,
                width_percent: 20,
                height_percent: 100,
            });
            let mut screen = template.clone();
            screen.screen = format!("screen{n}").parse().unwrap();
            screen.layout = Some(Layout::new(areas.collect()).unwrap());
            screen
        })
        .collect();
    let refused = Engine::start(config).await;
    assert!(matches!(refused, Err(regard_engine::StartError::Slots(_))));
}
