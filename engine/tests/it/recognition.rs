//! Faces from the picture to the answer: enrolled, verified, identified, by somebody who follows the challenges, and by pictures
//! that cannot.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regard_backends::{SqliteOptions, SqliteStore};
use regard_commitments::{
    ActKind, Assertion, AssertionFor, Commitments, ConsentPurpose, Custody, Dpia, EntryBody,
    GivenBy, LedgerEntry, RecognitionKind, RefusalCode,
};
use regard_domain::{Clock, Timestamp, TrackId};
use regard_engine::{
    Authenticated, CaptureBegun, CaptureMode, CaptureOutcome, CaptureStep, Claim, CustodyError,
    Engine, EngineConfig, Enrolled, RecognitionError, Visitor,
};
use regard_identity::TargetRate;
use regard_testkit::actor::Actor;
use tempfile::TempDir;

use crate::support;

/// Time between two frames: as slow as a challenge allows, so that there are few.
const FRAME: Duration = Duration::from_millis(125);

static ACTOR: OnceLock<Actor> = OnceLock::new();

const LIVE: CaptureMode = CaptureMode::Live {
    is_in_hand: true,
    can_color: true,
};

/// Time that goes with the frames.
struct FilmClock(AtomicI64);

impl FilmClock {
    fn wait(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FilmClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct World {
    engine: Engine,
    clock: Arc<FilmClock>,
    actor: &'static Actor,
    folder: TempDir,
}

fn promise(custody: Custody) -> Commitments {
    let mut document = Commitments::demo();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    document.custody = custody;
    document.custody_justification = Some("an access gate with a guard beside it".to_owned());
    document.alternative_path = Some("the guard looks at the card".to_owned());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-05-01".parse().unwrap(),
        configuration: None,
    });
    document
}

pub(crate) fn config(folder: &TempDir, custody: Custody) -> EngineConfig {
    EngineConfig {
        commitments: promise(custody),
        cameras: Vec::new(),
        screens: Vec::new(),
        campaigns: Vec::new(),
        ..support::config(folder.path(), false)
    }
}

impl World {
    async fn new(custody: Custody) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // 2026-06-01.
        let clock = Arc::new(FilmClock(AtomicI64::new(1_780_272_000_000_000)));
        Self::on(folder, clock, custody).await
    }

    async fn on(folder: TempDir, clock: Arc<FilmClock>, custody: Custody) -> Self {
        let config = config(&folder, custody);
        std::fs::create_dir_all(&config.data_dir).unwrap();
        let store = SqliteStore::open(&config.data_dir, SqliteOptions::default());
        let store = Arc::new(store.await.unwrap());
        let clock_of = Arc::clone(&clock) as Arc<dyn Clock>;
        let engine = Engine::start_on(config, clock_of, store).await.unwrap();
        Self {
            engine,
            clock,
            actor: ACTOR.get_or_init(Actor::new),
            folder,
        }
    }

    async fn again(self, custody: Custody) -> Self {
        let Self {
            engine,
            clock,
            folder,
            ..
        } = self;
        engine.stop().await;
        Self::on(folder, clock, custody).await
    }

    async fn come(&self, purposes: &[ConsentPurpose]) -> (Enrolled, Arc<Authenticated>) {
        let custodian = self.engine.custodian();
        let one = custodian.enroll(false).await.unwrap();
        let who = custodian.authenticate(&one.token.reveal()).await.unwrap();
        for purpose in purposes {
            let offer = custodian.offer(one.person, *purpose).unwrap();
            let agreed = custodian.agree(&who, offer.id, GivenBy::Person, None);
            agreed.await.unwrap();
        }
        (one, Arc::new(who))
    }

    /// Follows the challenges to their end with what the actor does.
    async fn film(&self, begun: &CaptureBegun) -> Vec<String> {
        let recognizer = self.engine.recognizer();
        let mut step = begun.step.clone();
        let (mut number, mut colors_at) = (0, None);
        while self.engine.now() < begun.until {
            self.clock.wait(FRAME);
            let now = self.engine.now();
            let picture = match &step {
                CaptureStep::LookAhead => self.actor.alive(number),
                CaptureStep::Turn(direction) => self.actor.turned(direction.as_str()),
                CaptureStep::Colors(colors) => {
                    let began = *colors_at.get_or_insert(now);
                    if began == now {
                        recognizer.colors_began(begun.id, now).await.unwrap();
                    }
                    let shown = now.saturating_since(began).saturating_sub(FRAME);
                    let at = shown.as_millis() / colors[0].lasts.as_millis();
                    let color = colors.get(at as usize).map_or([60; 3], |step| step.color);
                    self.actor.lit(color)
                }
                CaptureStep::Done => return Vec::new(),
            };
            number += 1;
            let seen = recognizer
                .picture(begun.id, picture, Some(now))
                .await
                .unwrap();
            step = seen.step;
            if !seen.faults.is_empty() {
                return seen.faults.iter().map(ToString::to_string).collect();
            }
        }
        panic!("the time was over at {step:?}");
    }

    async fn enroll(&self, who: &Arc<Authenticated>) -> regard_engine::KeptFace {
        let recognizer = self.engine.recognizer();
        let begun = recognizer
            .begin_enroll(Arc::clone(who), ActKind::Qr, LIVE)
            .await
            .unwrap();
        assert_eq!(self.film(&begun).await, Vec::<String>::new());
        match recognizer.finish(begun.id).await.unwrap() {
            CaptureOutcome::Enrolled(kept) => kept,
            other => panic!("{other:?}"),
        }
    }

    async fn entries(&self) -> Vec<EntryBody> {
        let rows = self.engine.store().ledger_range(0..u64::MAX).await.unwrap();
        let bytes = rows.into_iter().filter_map(|row| row.bytes);
        bytes
            .map(|bytes| LedgerEntry::from_leaf_bytes(&bytes).unwrap().body)
            .collect()
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, RecognitionError>) -> RefusalCode {
    match result {
        Err(RecognitionError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_enrols_into_their_own_hands_and_is_verified_by_their_token() {
    let world = World::new(Custody::InPersonsHands).await;
    let recognizer = world.engine.recognizer();
    let (one, who) = world.come(&[ConsentPurpose::Verify]).await;
    let kept = world.enroll(&who).await;
    let token = kept.token.expect("a token");
    let wanted = AssertionFor::new("till", "n-0").unwrap();
    let begin = || {
        let claim = Claim::FaceToken(token.reveal());
        recognizer.begin_verify(claim, TargetRate::ONE_IN_10_000, Some(wanted.clone()), LIVE)
    };
    let begun = begin().await.unwrap();
    assert!(matches!(
        recognizer.finish(begun.id).await,
        Err(RecognitionError::Unfinished)
    ));
    assert_eq!(world.film(&begun).await, Vec::<String>::new());
    let CaptureOutcome::Verified(claim) = recognizer.finish(begun.id).await.unwrap() else {
        panic!("a claim was looked into");
    };
    assert!(claim.compared.is_match && claim.person == one.person);
    assert!(
        claim.compared.similarity.get() > 0.8,
        "{:?}",
        claim.compared
    );
    let key = recognizer.assertions_key();
    let said = Assertion::verify(
        claim.assertion.as_ref().unwrap(),
        &key,
        &wanted,
        world.engine.now(),
    )
    .unwrap();
    assert_eq!(said.amr, ["face", "turn", "colors"]);
    assert!(matches!(
        recognizer.finish(begun.id).await,
        Err(RecognitionError::UnknownCapture)
    ));
    // With a consent to that, they enter a context while their track goes on.
    let track = TrackId::from_bits(1);
    let without = recognizer
        .personalize(Visitor::Verified(&claim), track)
        .await;
    assert_eq!(refused(without), RefusalCode::ConsentMissing);
    let custodian = world.engine.custodian();
    let offer = custodian
        .offer(one.person, ConsentPurpose::Personalize)
        .unwrap();
    custodian
        .agree(&who, offer.id, GivenBy::Person, None)
        .await
        .unwrap();
    let grant = recognizer
        .personalize(Visitor::Verified(&claim), track)
        .await
        .unwrap();
    assert!(grant.is_live_at(world.engine.now()) && grant.person() == one.person);
    recognizer.track_ended(track);
    assert!(!grant.is_live());
    // Taken back in the middle of a go, it leads nowhere.
    let begun = begin().await.unwrap();
    assert_eq!(world.film(&begun).await, Vec::<String>::new());
    custodian
        .withdraw(one.person, ConsentPurpose::Verify)
        .await
        .unwrap();
    assert!(matches!(
        recognizer.finish(begun.id).await,
        Err(RecognitionError::UnknownCapture)
    ));
    assert_eq!(refused(begin().await), RefusalCode::ConsentWithdrawn);
    let entries = world.entries().await;
    let n_granted = entries
        .iter()
        .filter(|body| matches!(body, EntryBody::RecognitionGranted { .. }))
        .count();
    assert_eq!(n_granted, 3, "one to enrol, two to verify");
    world.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_failed() {
    let world = World::new(Custody::InPersonsHands).await;
    let recognizer = world.engine.recognizer();
    let (_, who) = world.come(&[ConsentPurpose::Verify]).await;
    // A portrait held before the camera looks ahead, and never anywhere else.
    let begun = recognizer
        .begin_enroll(Arc::clone(&who), ActKind::Qr, LIVE)
        .await
        .unwrap();
    let mut faults = Vec::new();
    for _ in 0..60 {
        world.clock.wait(FRAME);
        let now = world.engine.now();
        let portrait = world.actor.stranger();
        let seen = recognizer
            .picture(begun.id, portrait, Some(now))
            .await
            .unwrap();
        faults = seen.faults;
        if !faults.is_empty() {
            break;
        }
    }
    assert!(
        !faults.is_empty(),
        "a still picture does not pass for a person"
    );
    assert_eq!(
        refused(recognizer.finish(begun.id).await),
        RefusalCode::LivenessFailed
    );
    // A recording of the man does what it does, not what it is asked.
    let begun = recognizer
        .begin_enroll(Arc::clone(&who), ActKind::Qr, LIVE)
        .await
        .unwrap();
    let mut faults = Vec::new();
    for number in 0..150 {
        world.clock.wait(FRAME);
        let now = world.engine.now();
        let frame = world.actor.alive(number);
        let seen = recognizer
            .picture(begun.id, frame, Some(now))
            .await
            .unwrap();
        faults = seen.faults;
        if !faults.is_empty() {
            break;
        }
    }
    assert!(!faults.is_empty(), "a recording does not follow");
    assert_eq!(
        refused(recognizer.finish(begun.id).await),
        RefusalCode::LivenessFailed
    );
    assert!(!recognizer.liveness_faults().is_empty());
    let told = world.entries().await;
    let n_told = told.iter().filter(|body| {
        matches!(
            body,
            EntryBody::RecognitionRefused {
                code: RefusalCode::LivenessFailed,
                number: Some(_),
                ..
            }
        )
    });
    assert_eq!(n_told.count(), 2);
    assert!(
        !told
            .iter()
            .any(|body| matches!(body, EntryBody::TemplateMade { .. }))
    );
    world.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enrolled_is_found_after_an_act_and_nobody_else() {
    let world = World::new(Custody::Controller).await;
    let (one, who) = world
        .come(&[ConsentPurpose::Identify, ConsentPurpose::Verify])
        .await;
    world.enroll(&who).await;
    let recognizer = world.engine.recognizer();
    let rate = TargetRate::ONE_IN_1_000;
    assert_eq!(
        refused(recognizer.begin_identify(None, rate, LIVE).await),
        RefusalCode::FeatureNotInProfile
    );
    recognizer.arm(true).await.unwrap();
    assert_eq!(
        refused(recognizer.begin_identify(None, rate, LIVE).await),
        RefusalCode::ActMissing
    );
    // Armed stays armed, over a restart too.
    let world = world.again(Custody::Controller).await;
    let recognizer = world.engine.recognizer();
    let act = recognizer.act(ActKind::Button).await.unwrap();
    let begun = recognizer
        .begin_identify(Some(act.id), rate, LIVE)
        .await
        .unwrap();
    assert_eq!(world.film(&begun).await, Vec::<String>::new());
    let CaptureOutcome::Identified(visitor) = recognizer.finish(begun.id).await.unwrap() else {
        panic!("a gallery was searched");
    };
    assert_eq!(visitor.found.known.map(|hit| hit.person), Some(one.person));
    assert_eq!(
        refused(recognizer.begin_identify(Some(act.id), rate, LIVE).await),
        RefusalCode::ActMissing
    );
    // By id and by record alike, where the site holds templates.
    let claim = Claim::Person(one.person);
    let begun = recognizer
        .begin_verify(claim, rate, None, LIVE)
        .await
        .unwrap();
    recognizer.give_up(begun.id);
    let claim = Claim::Own(&who);
    let begun = recognizer
        .begin_verify(claim, rate, None, LIVE)
        .await
        .unwrap();
    assert_eq!(world.film(&begun).await, Vec::<String>::new());
    let CaptureOutcome::Verified(claim) = recognizer.finish(begun.id).await.unwrap() else {
        panic!("a claim was looked into");
    };
    assert!(claim.compared.is_match && claim.assertion.is_none());
    // Gone from the gallery, they are nobody, although the act was theirs.
    world
        .engine
        .custodian()
        .withdraw(one.person, ConsentPurpose::Identify)
        .await
        .unwrap();
    let act = recognizer.act(ActKind::Spot).await.unwrap();
    let begun = recognizer
        .begin_identify(Some(act.id), rate, LIVE)
        .await
        .unwrap();
    assert_eq!(world.film(&begun).await, Vec::<String>::new());
    let CaptureOutcome::Identified(visitor) = recognizer.finish(begun.id).await.unwrap() else {
        panic!("a gallery was searched");
    };
    assert!(visitor.found.known.is_none() && visitor.consent.is_none());
    let nobody = recognizer
        .personalize(Visitor::Found(&visitor), TrackId::from_bits(1))
        .await;
    assert_eq!(refused(nobody), RefusalCode::ConsentMissing);
    recognizer.arm(false).await.unwrap();
    let act = recognizer.act(ActKind::Button).await.unwrap();
    assert_eq!(
        refused(recognizer.begin_identify(Some(act.id), rate, LIVE).await),
        RefusalCode::FeatureNotInProfile
    );
    world.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn photographs_do_where_there_is_no_live_camera() {
    let world = World::new(Custody::Shared).await;
    let recognizer = world.engine.recognizer();
    let (_, who) = world.come(&[ConsentPurpose::Verify]).await;
    let begun = recognizer
        .begin_enroll(Arc::clone(&who), ActKind::Terminal, CaptureMode::Photos)
        .await
        .unwrap();
    let mut step = begun.step.clone();
    let mut n_photos = 0;
    while step != CaptureStep::Done {
        let picture = match &step {
            CaptureStep::LookAhead => world.actor.turned("ahead"),
            CaptureStep::Turn(direction) => world.actor.turned(direction.as_str()),
            other => panic!("{other:?}"),
        };
        // Whoever takes photographs takes their time.
        world.clock.wait(Duration::from_secs(20));
        let seen = recognizer.picture(begun.id, picture, None).await.unwrap();
        assert_eq!(seen.faults, [], "after {n_photos} photographs: {seen:?}");
        (step, n_photos) = (seen.step, n_photos + 1);
        assert!(n_photos < 10);
    }
    assert_eq!(n_photos, 4, "one ahead and three turns");
    let outcome = recognizer.finish(begun.id).await.unwrap();
    assert!(matches!(outcome, CaptureOutcome::Enrolled(kept) if kept.custody == Custody::Shared));
    // One photograph four times is no turn of a head.
    let begun = recognizer
        .begin_enroll(Arc::clone(&who), ActKind::Terminal, CaptureMode::Photos)
        .await
        .unwrap();
    for _ in 0..4 {
        let picture = world.actor.turned("ahead");
        recognizer.picture(begun.id, picture, None).await.unwrap();
    }
    assert!(matches!(
        recognizer.finish(begun.id).await,
        Err(RecognitionError::Unfinished)
    ));
    world.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_looked_at_with_suspicion() {
    let world = World::new(Custody::InPersonsHands).await;
    let recognizer = world.engine.recognizer();
    let (_, who) = world.come(&[ConsentPurpose::Verify]).await;
    let begun = recognizer
        .begin_enroll(Arc::clone(&who), ActKind::Qr, LIVE)
        .await
        .unwrap();
    let bad = recognizer
        .picture(begun.id, b"no picture".to_vec(), None)
        .await;
    assert!(matches!(bad, Err(RecognitionError::Picture(_))));
    let now = world.engine.now();
    let good = world.actor.alive(0);
    recognizer
        .picture(begun.id, good.clone(), Some(now))
        .await
        .unwrap();
    // A clock that was believed once is held to it.
    let skewed = Some(now.plus(Duration::from_secs(60)));
    let late = recognizer.picture(begun.id, good.clone(), skewed).await;
    assert!(matches!(late, Err(RecognitionError::ClockSkew)));
    let claimed = recognizer
        .begin_verify(
            Claim::FaceToken("RGT1:ABC"),
            TargetRate::ONE_IN_1_000,
            None,
            LIVE,
        )
        .await;
    assert!(matches!(
        claimed,
        Err(RecognitionError::Custody(CustodyError::FaceToken(_)))
    ));
    // What nobody goes on with is over, with its crops.
    world.clock.wait(Duration::from_secs(601));
    let over = recognizer.picture(begun.id, good, None).await;
    assert!(matches!(over, Err(RecognitionError::UnknownCapture)));
    let kinds = recognizer.kinds();
    let on: Vec<RecognitionKind> = kinds
        .iter()
        .filter(|kind| kind.refusal.is_none())
        .map(|kind| kind.kind)
        .collect();
    use RecognitionKind::{Enroll, Library, Verify};
    assert_eq!(
        on,
        [Enroll, Verify, Library],
        "what needs templates of the site's own is off"
    );
    world.engine.stop().await;
}
