//! Somebody holds up their face token to the camera of a screen, or stands on the marked place: within a second they are a person to
//! it. Somebody else with the same token is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use regard_commitments::{ConsentPurpose, Custody, Dpia};
use regard_decision::{Campaign, Creative};
use regard_domain::{Clock as _, CreativeId};
use regard_engine::{
    Attempt, AttemptOutcome, Authenticated, Engine, EngineConfig, KeptFace, MarkedSpot, SystemClock,
};
use regard_testkit::actor::Actor;
use regard_testkit::clip;
use regard_vision::SourceSpec;
use serde_json::json;

use crate::support::{camera, config, showing, until};
use crate::welcome::{agree, face_enrolled};

/// Longer than the test waits: nothing changes because a message has had its time.
const LONG_MILLIS: u32 = 600_000;

/// The promise, from the act of somebody who stands there to the person that their track gains.
const PROMISED: Duration = Duration::from_secs(1);

/// Whether nothing else is at work, as `cargo xtask slow alone` says: a check for a living face wants seven frames a second.
#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn has_the_machine() -> bool {
    let has_it = std::env::var_os("REGARD_SLOW").is_some();
    if !has_it {
        println!("skipped: it wants the machine to itself; cargo xtask slow alone");
    }
    has_it
}

fn site(folder: &std::path::Path, custody: Custody) -> EngineConfig {
    let mut config = config(folder, true);
    let promise = &mut config.commitments;
    promise.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    promise.custody = custody;
    promise.custody_justification = Some("an access gate with a guard beside it".to_owned());
    promise.alternative_path = Some("the guard looks at the card".to_owned());
    promise.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-05-01".parse().unwrap(),
        configuration: None,
    });
    config.cameras[0].source = SourceSpec::Push {
        name: "browser".to_owned(),
    };
    let message = |id: &str, when: serde_json::Value| {
        let mut creative = Creative::text(CreativeId::new(id).unwrap(), id, "");
        creative.min_show_millis = LONG_MILLIS;
        creative.duration_millis = LONG_MILLIS;
        creative.when = serde_json::from_value(when).unwrap();
        creative
    };
    let campaign = |id: &str, priority: u32| -> Campaign {
        let head = json!({"id": id, "name": id, "priority": priority, "human_contact": "the till"});
        serde_json::from_value(head).unwrap()
    };
    let (mut all, mut yours) = (campaign("all", 1), campaign("yours", 9));
    all.creatives = vec![message("everybody", json!({}))];
    let likes = json!({"facts": [{"name": "person.coffee", "equals": true}]});
    yours.creatives = vec![message("coffee", likes)];
    config.campaigns = vec![all, yours];
    config
}

/// A camera that shows frames over and over until it is dropped.
struct Film {
    ends: Arc<AtomicBool>,
    hand: Option<std::thread::JoinHandle<()>>,
}

impl Film {
    fn of(engine: &Engine, frames: Vec<Vec<u8>>) -> Self {
        Self::turning(engine, [frames.clone(), frames], &Arc::default())
    }

    /// One film until the switch is set, and from then on the other, at the same frame: nobody jumps.
    fn turning(
        engine: &Engine,
        [before, after]: [Vec<Vec<u8>>; 2],
        switch: &Arc<AtomicBool>,
    ) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let (engine, is_over) = (engine.clone(), Arc::clone(&ends));
        let is_turned = Arc::clone(switch);
        let hand = std::thread::spawn(move || {
            for (before, after) in before.iter().zip(&after).cycle() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let is_turned = is_turned.load(Ordering::SeqCst);
                let frame = if is_turned { after } else { before };
                // Nothing is taken while the camera is closed.
                let _ = engine.push_frame(&camera(), frame.clone(), SystemClock::new().now());
                std::thread::sleep(Duration::from_millis(1_000 / clip::FPS as u64));
            }
        });
        Self {
            ends,
            hand: Some(hand),
        }
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        if let Some(hand) = self.hand.take() {
            let _ = hand.join();
        }
    }
}

/// Somebody who enrolled by photographs and likes coffee.
async fn enrolled(
    engine: &Engine,
    actor: &Actor,
    purposes: &[ConsentPurpose],
) -> (Arc<Authenticated>, KeptFace) {
    let custodian = engine.custodian();
    let one = custodian.enroll(false).await.unwrap();
    let who = Arc::new(custodian.authenticate(&one.token.reveal()).await.unwrap());
    for purpose in purposes {
        agree(engine, &who, *purpose).await;
    }
    let kept = face_enrolled(engine, &who, actor).await;
    custodian
        .correct(&who, &json!({"coffee": true}))
        .await
        .unwrap();
    (who, kept)
}

/// Attempts before the camera, the newest first.
fn acts(engine: &Engine) -> Vec<Attempt> {
    let mut all = engine.recognizer().attempts(100);
    all.retain(|one| one.took.is_some());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_held_up_makes_its_owner_a_person_and_nobody_else() {
    if !has_the_machine() {
        return;
    }
    let (folder, man) = (tempfile::tempdir().unwrap(), Actor::man());
    let mut site = site(folder.path(), Custody::InPersonsHands);
    site.recognition.reads_tokens = true;
    let engine = Engine::start(site).await.unwrap();
    let purposes = [ConsentPurpose::Verify, ConsentPurpose::Personalize];
    let (who, kept) = enrolled(&engine, &man, &purposes).await;
    let token = kept.token.unwrap();
    let holding = |frames: Vec<Vec<u8>>, text: &str| -> Vec<Vec<u8>> {
        let frames = frames.iter();
        frames.map(|frame| clip::holding(frame, text)).collect()
    };
    let held_up = |frames: Vec<Vec<u8>>| holding(frames, token.reveal());

    // A stranger found the token.
    let woman = Actor::new();
    let film = Film::of(&engine, held_up((0..32).map(|n| woman.alive(n)).collect()));
    assert!(until(|| !acts(&engine).is_empty()).await);
    drop(film);
    let tried: Vec<AttemptOutcome> = acts(&engine).iter().map(|one| one.outcome).collect();
    assert!(
        tried
            .iter()
            .all(|outcome| *outcome == AttemptOutcome::NotMatched),
        "{tried:?}"
    );
    assert_ne!(showing(&engine).as_deref(), Some("coffee"));

    // Its owner comes, in another film than the one he enrolled by.
    let frames = &clip::frames()[clip::SECOND_FILM];
    // There and back: where the film began anew he would jump, and be somebody else.
    let frames: Vec<Vec<u8>> = frames.iter().chain(frames.iter().rev()).cloned().collect();
    // He stands there for a while, with a code that is no token beside him, before he holds it up, and goes on to stand there.
    let waiting = holding(frames.clone(), "https://example.org");
    let holds_up = Arc::new(AtomicBool::new(false));
    let film = Film::turning(&engine, [waiting, held_up(frames)], &holds_up);
    tokio::time::sleep(Duration::from_secs(6)).await;
    holds_up.store(true, Ordering::SeqCst);
    let coffee = || showing(&engine).as_deref() == Some("coffee");
    assert!(until(coffee).await, "{:?}", acts(&engine));
    // What it came to is noted when the screen already shows it.
    let accepted = || {
        let mut all = acts(&engine).into_iter();
        let accepted = all.find(|one| one.outcome == AttemptOutcome::Accepted);
        accepted.and_then(|one| one.took)
    };
    assert!(until(|| accepted().is_some()).await);
    let took = accepted().unwrap();
    println!("from the act to the person: {took:?}");
    assert!(took <= PROMISED, "{took:?}");
    let withdrawn = engine
        .custodian()
        .withdraw(who.person(), ConsentPurpose::Personalize);
    withdrawn.await.unwrap();
    assert!(until(|| !coffee()).await);
    drop(film);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stands_on_the_marked_place_is_found_where_they_agreed_to_it() {
    if !has_the_machine() {
        return;
    }
    let (folder, man) = (tempfile::tempdir().unwrap(), Actor::man());
    let mut site = site(folder.path(), Custody::Controller);
    let spot = MarkedSpot {
        left: 0.2,
        top: 0.2,
        width: 0.6,
        height: 0.7,
    };
    site.recognition.spots = vec![(camera(), spot)];
    site.recognition.arms_gallery = true;
    let engine = Engine::start(site).await.unwrap();
    let purposes = [ConsentPurpose::Identify, ConsentPurpose::Personalize];
    enrolled(&engine, &man, &purposes).await;
    let woman = Actor::new();
    let film = Film::of(&engine, (0..32).map(|n| woman.alive(n)).collect());
    assert!(until(|| !acts(&engine).is_empty()).await);
    drop(film);
    // Nobody is there for a while: who comes then is somebody else.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(acts(&engine)[0].outcome, AttemptOutcome::NotMatched);
    assert_ne!(showing(&engine).as_deref(), Some("coffee"));
    let film = Film::of(&engine, clip::frames()[clip::SECOND_FILM].to_vec());
    assert!(
        until(|| showing(&engine).as_deref() == Some("coffee")).await,
        "{:?}",
        acts(&engine)
    );
    drop(film);
    engine.stop().await;
}
