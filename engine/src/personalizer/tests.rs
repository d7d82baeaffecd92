use regard_backends::MemoryStore;
use regard_commitments::{Commitments, Profile, RefusalCode, SiteKeys, Zeroizing};
use regard_decision::OutcomeKind;

use super::*;
use crate::custody::tests::world::VirtualClock;

struct World {
    store: Arc<dyn Store>,
    clock: Arc<VirtualClock>,
}

impl World {
    fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new(100_000)),
            clock: VirtualClock::new(),
        }
    }

    /// The service, after a start or a restart.
    async fn begin(&self) -> Personalizer {
        let document = Commitments::demo();
        let key = SiteKeys::from_seed(Zeroizing::new([5; 32])).commitments_key();
        let promise = document.sign(&key).verify(&key.verifying_key()).unwrap();
        let profile = Profile::named(&document.profile).unwrap();
        let parts = PersonalizerParts {
            store: Arc::clone(&self.store),
            retention: RetentionGate::new(&promise, &profile).unwrap(),
            calendar: Calendar::new(Some("UTC")).unwrap(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
        };
        Personalizer::open(parts).await.unwrap()
    }

    async fn learned(&self, event: &str) -> Option<f32> {
        let outcomes = self.store.outcomes_of(id_of(event, None)).await.unwrap();
        let kind = OutcomeKind::Custom(LEARNED.to_owned());
        outcomes.iter().find(|o| o.kind == kind).map(|o| o.value)
    }

    /// Version of the policy on the disk.
    async fn version(&self) -> u64 {
        let policies = self.store.policies().await.unwrap();
        let of_it = policies
            .iter()
            .find(|p| p.campaign.as_str() == PERSONALIZER);
        of_it.map_or(0, |row| row.state.version)
    }
}

fn action(id: &str) -> RankableAction {
    RankableAction {
        id: id.to_owned(),
        features: vec![(format!("kind={id}"), 1.0)],
    }
}

fn wish(event: &str) -> RankWish {
    RankWish {
        event: Some(event.to_owned()),
        context: vec![("time=morning".to_owned(), 1.0)],
        actions: ["Coffee", "tea", "Grüner Tee"].map(action).into(),
        ..RankWish::default()
    }
}

#[tokio::test]
async fn an_event_is_ranked_once_and_asked_again_answers_the_same() {
    let world = World::new();
    let service = world.begin().await;
    let first = service.rank(wish("e")).await.unwrap();
    let total: f32 = first.ranking.iter().map(|(_, p)| p).sum();
    assert!(
        (total - 1.0).abs() < 1e-5 && first.ranking.len() == 3,
        "{first:?}"
    );
    assert_eq!(first.ranking[0].0, first.reward_action);
    service.reward("e", 1.0).await.unwrap();
    // Meanwhile it learned, and the program was started anew.
    assert_eq!(world.begin().await.rank(wish("e")).await.unwrap(), first);
    let mut other = wish("e");
    other.actions = vec![action("cocoa")];
    let error = service.rank(other).await.unwrap_err();
    assert!(matches!(error, PersonalizerError::Wish(_)), "{error}");
    // Nothing of what was sent is in the log, only sums in hashed places.
    let decision = world
        .store
        .decision(id_of("e", None))
        .await
        .unwrap()
        .unwrap();
    let text = serde_json::to_string(&decision).unwrap();
    assert!(
        !text.contains("morning") && !text.contains("Coffee"),
        "{text}"
    );
}

#[tokio::test]
async fn excluded_actions_keep_their_place_and_are_never_picked() {
    let world = World::new();
    let service = world.begin().await;
    for n in 0..50 {
        let mut wish = wish(&format!("e{n}"));
        wish.excluded.insert("Coffee".to_owned());
        let ranked = service.rank(wish).await.unwrap();
        assert_eq!(ranked.ranking[0], ("Coffee".to_owned(), 0.0));
        assert_eq!(ranked.ranking[1].0, ranked.reward_action);
        assert_ne!(ranked.reward_action, "Coffee");
    }
}

/// However often it is sent, and whenever the program dies: the log and the model agree.
#[tokio::test]
async fn a_reward_counts_once() {
    let world = World::new();
    for n in 0..20 {
        let event = format!("e{n}");
        let service = world.begin().await;
        service.rank(wish(&event)).await.unwrap();
        drop(service);
        let service = world.begin().await;
        for _ in 0..3 {
            service.reward(&event, 0.5).await.unwrap();
        }
        drop(service);
        let service = world.begin().await;
        service.reward(&event, -1.0).await.unwrap();
        assert_eq!(world.learned(&event).await, Some(0.75));
        assert_eq!(world.version().await, n + 1);
        assert_eq!(service.state.lock().await.policy.version(), n + 1);
    }
    let service = world.begin().await;
    let unknown = service.reward("never", 1.0).await;
    assert!(matches!(unknown, Err(PersonalizerError::UnknownEvent)));
    assert!(service.reward("e0", 1.5).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_written_is_not_learned() {
    let world = World::new();
    let service = world.begin().await;
    service.rank(wish("e")).await.unwrap();
    let before = service.state.lock().await.policy.state();
    world.store.close().await;
    assert!(matches!(
        service.reward("e", 1.0).await,
        Err(PersonalizerError::Store(_))
    ));
    assert_eq!(service.state.lock().await.policy.state(), before);
}

#[tokio::test]
async fn without_a_reward_the_default_counts_when_the_wait_is_over() {
    let world = World::new();
    let service = world.begin().await;
    service.rank(wish("e")).await.unwrap();
    world.clock.wait(Duration::from_secs(599));
    service.tick().await.unwrap();
    assert_eq!(world.learned("e").await, None);
    drop(service);
    world.clock.wait(Duration::from_secs(2));
    let service = world.begin().await;
    service.tick().await.unwrap();
    assert_eq!(world.learned("e").await, Some(0.5), "a reward of 0");
    // Too late: it is taken without a word, and changes nothing.
    service.reward("e", 1.0).await.unwrap();
    assert_eq!(world.version().await, 1);
}

#[tokio::test]
async fn a_deferred_event_counts_only_once_it_was_activated() {
    let world = World::new();
    let service = world.begin().await;
    let deferred = |event: &str| RankWish {
        is_deferred: true,
        ..wish(event)
    };
    for event in ["never", "before", "after"] {
        service.rank(deferred(event)).await.unwrap();
    }
    service.activate("before").await.unwrap();
    service.reward("before", 1.0).await.unwrap();
    service.reward("after", 1.0).await.unwrap();
    service.reward("never", 1.0).await.unwrap();
    assert_eq!(world.learned("after").await, None);
    drop(service);
    let service = world.begin().await;
    service.activate("after").await.unwrap();
    world.clock.wait(Duration::from_secs(601));
    service.tick().await.unwrap();
    let learned = [
        world.learned("before").await,
        world.learned("after").await,
        world.learned("never").await,
    ];
    assert_eq!(learned, [Some(1.0), Some(1.0), None]);
    assert!(service.activate("unknown").await.is_err());
}

#[tokio::test]
async fn rewards_may_add_up_and_are_learned_at_the_end() {
    let world = World::new();
    let service = world.begin().await;
    let settings = PersonalizerSettings {
        sums_rewards: true,
        ..service.settings().await
    };
    service.set(settings).await.unwrap();
    service.rank(wish("e")).await.unwrap();
    for value in [0.25, 0.25, -0.1] {
        service.reward("e", value).await.unwrap();
    }
    drop(service);
    let service = world.begin().await;
    world.clock.wait(Duration::from_secs(601));
    service.tick().await.unwrap();
    let learned = world.learned("e").await.unwrap();
    assert!((learned - 0.7).abs() < 1e-6, "{learned}");
}

#[tokio::test]
async fn an_apprentice_shows_the_baseline_learns_and_says_how_it_compares() {
    let world = World::new();
    let service = world.begin().await;
    let settings = PersonalizerSettings {
        mode: LearningMode::Apprentice,
        ..PersonalizerSettings::default()
    };
    service.set(settings).await.unwrap();
    for n in 0..200 {
        let event = format!("e{n}");
        let ranked = service.rank(wish(&event)).await.unwrap();
        assert_eq!(ranked.reward_action, "Coffee");
        assert_eq!(ranked.ranking[0].1, 1.0);
        service.reward(&event, 0.4).await.unwrap();
    }
    let report = service.report().await.unwrap();
    assert_eq!((report.n_events, report.n_rewarded), (200, 200));
    assert!(
        (report.baseline.mean.unwrap() - 0.4).abs() < 1e-6,
        "{report:?}"
    );
    // The model, which saw nothing else earn anything, would mostly do the same.
    assert!(report.agreement.unwrap() > 0.5, "{report:?}");
}

#[tokio::test]
async fn it_learns_what_fits_and_beats_its_baseline() {
    let world = World::new();
    let service = world.begin().await;
    let mut hits = 0;
    for n in 0..600 {
        let event = format!("e{n}");
        let is_morning = n % 2 == 0;
        let mut wish = wish(&event);
        wish.context = vec![(
            format!("time={}", if is_morning { "morning" } else { "evening" }),
            1.0,
        )];
        let ranked = service.rank(wish).await.unwrap();
        let fits = if is_morning { "Coffee" } else { "tea" };
        let hit = ranked.reward_action == fits;
        hits += u32::from(hit && n >= 300);
        service
            .reward(&event, f32::from(u8::from(hit)))
            .await
            .unwrap();
    }
    // A fifth explores, of which a third hits too: at best 0.8 + 0.2 / 3.
    assert!(hits >= 240, "{hits} of 300");
    let report = service.report().await.unwrap();
    assert_eq!(
        report.verdict, "the service earns more than its baseline",
        "{report:?}"
    );
}

#[tokio::test]
async fn several_slots_get_different_actions() {
    let world = World::new();
    let service = world.begin().await;
    let slot = |id: &str, baseline: &str| SlotWish {
        id: id.to_owned(),
        features: vec![("size=large".to_owned(), 1.0)],
        excluded: BTreeSet::from(["Grüner Tee".to_owned()]),
        baseline: baseline.to_owned(),
    };
    let wish = SlotsWish {
        event: Some("e".to_owned()),
        context: Vec::new(),
        actions: ["Coffee", "tea", "Grüner Tee"].map(action).into(),
        slots: vec![slot("main", "Coffee"), slot("side", "tea")],
        is_deferred: false,
    };
    let ranked = service.rank_slots(wish.clone()).await.unwrap();
    let picked: BTreeSet<&str> = ranked.slots.iter().map(|(_, a)| a.as_str()).collect();
    assert_eq!(picked, BTreeSet::from(["Coffee", "tea"]));
    assert_eq!(service.rank_slots(wish.clone()).await.unwrap(), ranked);
    service.reward_slot("e", Some("side"), 1.0).await.unwrap();
    assert_eq!(world.version().await, 1);
    assert!(
        service
            .reward_slot("e", Some("nowhere"), 1.0)
            .await
            .is_err()
    );
    let mut twice = wish;
    twice.slots[1].baseline = "Coffee".to_owned();
    assert!(service.rank_slots(twice).await.is_err());
}

#[tokio::test]
async fn what_nobody_may_learn_is_refused_by_its_code() {
    let world = World::new();
    let service = world.begin().await;
    for (feature, code) in [
        ("user.religion=x", RefusalCode::SensitiveInference),
        ("user.age=35", RefusalCode::VulnerabilityTargeting),
        ("profile=elderly", RefusalCode::VulnerabilityTargeting),
    ] {
        let mut wish = wish("e");
        wish.context.push((feature.to_owned(), 1.0));
        match service.rank(wish).await {
            Err(PersonalizerError::Refused(refusal)) => assert_eq!(refusal.code, code, "{feature}"),
            other => panic!("{feature}: {other:?}"),
        }
    }
    let mut none = wish("e");
    none.excluded = none.actions.iter().map(|a| a.id.clone()).collect();
    assert!(service.rank(none).await.is_err());
    assert!(service.rank(wish(&"x".repeat(257))).await.is_err());
}
