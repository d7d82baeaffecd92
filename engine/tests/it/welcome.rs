//! Somebody who was recognised stands before a screen: it shows what they wish, for as long as they are there and agree.

use std::sync::Arc;

use regard_commitments::{ActKind, ConsentPurpose, EntryBody, GivenBy, LedgerEntry, RefusalCode};
use regard_decision::{Campaign, Creative, FactValue, Outcome, OutcomeKind};
use regard_domain::{Audience, CreativeId};
use regard_engine::{
    Authenticated, CaptureBegun, CaptureMode, CaptureOutcome, CaptureStep, Claim, Engine,
    EngineConfig, EngineError, KeptFace, OfferFor, RecognitionError, VerifiedClaim, Visitor,
    WelcomeError,
};
use regard_identity::TargetRate;
use regard_testkit::actor::Actor;
use serde_json::json;

use crate::support::{campaigns, config, screen, showing, until};

/// Longer than the test waits: nothing changes because a message has had its time.
const LONG_MILLIS: u32 = 600_000;

fn site(folder: &std::path::Path) -> EngineConfig {
    let mut config = config(folder, true);
    let purposes = [ConsentPurpose::Verify, ConsentPurpose::Personalize];
    config.commitments.consent_purposes = purposes.into_iter().collect();
    let mut general = campaigns();
    for creative in &mut general[0].creatives {
        creative.min_show_millis = LONG_MILLIS;
        creative.duration_millis = LONG_MILLIS;
    }
    let yours = json!({"id": "yours", "name": "Yours", "priority": 9, "human_contact": "Whoever is at the till"});
    let mut yours: Campaign = serde_json::from_value(yours).unwrap();
    let mut coffee = Creative::text(CreativeId::new("coffee").unwrap(), "Coffee", "");
    coffee.min_show_millis = LONG_MILLIS;
    coffee.duration_millis = LONG_MILLIS;
    coffee.when =
        serde_json::from_value(json!({"facts": [{"name": "person.coffee", "equals": true}]}))
            .unwrap();
    coffee.features = [("hot".to_owned(), 1.0)].into();
    yours.creatives = vec![coffee];
    // Outranked by what is for everybody whenever anybody is there: nothing of it is ever shown, it makes offers alone.
    let offer = |id: &str, feature: &str| {
        let mut creative = Creative::text(CreativeId::new(id).unwrap(), id, "");
        creative.features = [(feature.to_owned(), 1.0)].into();
        creative.when = serde_json::from_value(json!({"n_visitors": {"min": 1}})).unwrap();
        creative
    };
    let shelf =
        json!({"id": "shelf", "name": "Shelf", "priority": -5, "policy": {"kind": "lints"}});
    let mut shelf: Campaign = serde_json::from_value(shelf).unwrap();
    shelf.creatives = vec![offer("salad", "cold"), offer("soup", "hot")];
    config.campaigns = [general, vec![yours, shelf]].concat();
    config
}

/// The messages that are offered, the most promising first, with their expectations; nothing where it is refused for want of a
/// consent.
async fn offered(engine: &Engine, whom: OfferFor) -> Option<Vec<(String, f64)>> {
    match engine.offers(screen(), whom).await {
        Ok(offers) => {
            let offers = offers.iter().map(|o| (o.creative.to_string(), o.mean));
            Some(offers.collect())
        }
        Err(EngineError::Refused(refusal)) => {
            assert_eq!(refusal.code, RefusalCode::ConsentMissing);
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// What is offered to somebody whom the screen has welcomed just now, while they are seen.
async fn offered_to(engine: &Engine, claim: &VerifiedClaim) -> Vec<(String, f64)> {
    for _ in 0..100 {
        welcomed(engine, claim).await;
        let offers = offered(engine, OfferFor::Person).await;
        if let Some(offers) = offers.filter(|offers| !offers.is_empty()) {
            return offers;
        }
    }
    panic!("nothing was ever offered");
}

/// From the next visit on what they took up makes what is like it more promising, for them alone.
async fn offers_follow_what_they_took(engine: &Engine, claim: &VerifiedClaim) {
    let theirs = offered_to(engine, claim).await;
    let like_theirs = Audience {
        n_visitors: 1,
        ..Audience::EMPTY
    };
    let everybody = offered(engine, OfferFor::Described(like_theirs)).await;
    let everybody = everybody.unwrap();
    let names = |offers: &[(String, f64)]| -> Vec<String> {
        offers.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&everybody), ["salad", "soup"], "{everybody:?}");
    assert_eq!(names(&theirs), ["soup", "salad"], "{theirs:?}");
    assert!(theirs[0].1 > everybody[1].1 && theirs[1].1 <= everybody[0].1);
}

/// Welcomes somebody, as soon as they are alone: the clip begins anew now and then, and nobody is there for a moment.
async fn welcomed(engine: &Engine, claim: &VerifiedClaim) {
    for _ in 0..100 {
        match engine.welcome(&screen(), Visitor::Verified(claim)).await {
            Err(WelcomeError::NotAlone) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            done => return done.unwrap(),
        }
    }
    panic!("nobody was ever alone");
}

/// Shows the photographs that are asked for.
pub(crate) async fn photographs(engine: &Engine, begun: &CaptureBegun, actor: &Actor) {
    let mut step = begun.step.clone();
    for _ in 0..12 {
        let picture = match &step {
            CaptureStep::LookAhead => actor.turned("ahead"),
            CaptureStep::Turn(direction) => actor.turned(direction.as_str()),
            CaptureStep::Colors(_) => panic!("photographs are not lit"),
            CaptureStep::Done => return,
        };
        let seen = engine.recognizer().picture(begun.id, picture, None).await;
        let seen = seen.unwrap();
        assert_eq!(seen.faults, [], "{step:?}");
        step = seen.step;
    }
    panic!("the challenge did not end: {step:?}");
}

pub(crate) async fn agree(engine: &Engine, who: &Authenticated, purpose: ConsentPurpose) {
    let custodian = engine.custodian();
    let offer = custodian.offer(who.person(), purpose).unwrap();
    let agreed = custodian.agree(who, offer.id, GivenBy::Person, None);
    agreed.await.unwrap();
}

/// The face of somebody who agreed, by photographs.
pub(crate) async fn face_enrolled(
    engine: &Engine,
    who: &Arc<Authenticated>,
    actor: &Actor,
) -> KeptFace {
    let recognizer = engine.recognizer();
    let begun = recognizer
        .begin_enroll(Arc::clone(who), ActKind::Terminal, CaptureMode::Photos)
        .await
        .unwrap();
    photographs(engine, &begun, actor).await;
    match recognizer.finish(begun.id).await.unwrap() {
        CaptureOutcome::Enrolled(kept) => kept,
        other => panic!("{other:?}"),
    }
}

async fn verified(engine: &Engine, token: &str, actor: &Actor) -> Box<VerifiedClaim> {
    let recognizer = engine.recognizer();
    let claim = Claim::FaceToken(token);
    let rate = TargetRate::ONE_IN_1_000;
    let begun = recognizer.begin_verify(claim, rate, None, CaptureMode::Photos);
    let begun = begun.await.unwrap();
    photographs(engine, &begun, actor).await;
    match recognizer.finish(begun.id).await.unwrap() {
        CaptureOutcome::Verified(claim) => claim,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_who_they_are_is_shown_what_they_wish_until_they_take_it_back() {
    let (folder, actor) = (tempfile::tempdir().unwrap(), Actor::new());
    let engine = Engine::start(site(folder.path())).await.unwrap();
    let custodian = engine.custodian();
    let one = custodian.enroll(false).await.unwrap();
    let who = Arc::new(custodian.authenticate(&one.token.reveal()).await.unwrap());
    agree(&engine, &who, ConsentPurpose::Verify).await;
    let kept = face_enrolled(&engine, &who, &actor).await;
    let token = kept.token.unwrap();
    // The man of the clip is before the screen; the woman shows who she is in the meantime.
    let general = || matches!(showing(&engine).as_deref(), Some("someone" | "also"));
    assert!(until(general).await);
    let claim = verified(&engine, token.reveal(), &actor).await;
    let refused = engine.welcome(&screen(), Visitor::Verified(&claim)).await;
    match refused {
        Err(WelcomeError::Recognition(RecognitionError::Refused(refusal))) => {
            assert_eq!(refusal.code, RefusalCode::ConsentMissing);
        }
        other => panic!("{other:?}"),
    }
    assert!(general(), "nothing changes without a consent to it");
    agree(&engine, &who, ConsentPurpose::Personalize).await;
    let wishes = json!({"coffee": true, "religion": "any"});
    custodian.correct(&who, &wishes).await.unwrap();
    assert_eq!(offered(&engine, OfferFor::Person).await, None);
    welcomed(&engine, &claim).await;
    let coffee = || showing(&engine).as_deref() == Some("coffee");
    assert!(until(coffee).await, "{:?}", showing(&engine));
    let known = custodian.own_wishes(&who).await.unwrap();
    let names: Vec<&str> = known
        .sources
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["coffee", "visits"], "and nothing sensitive");
    // They scan its code: that is their own history from now on.
    let shown = engine.screen(&screen()).unwrap().borrow().showing.clone();
    let scan = || Outcome {
        decision: shown.as_ref().unwrap().decision.id,
        kind: OutcomeKind::Scan,
        value: 1.0,
        at: engine.now(),
        key: "scan".to_owned(),
    };
    for _ in 0..2 {
        engine.outcome(scan()).await.unwrap();
    }
    let known = custodian.own_wishes(&who).await.unwrap();
    let took = known.facts.get("took.coffee");
    assert_eq!(took, Some(&FactValue::Number(1.0)), "once a decision");
    offers_follow_what_they_took(&engine, &claim).await;
    assert!(custodian.forget_wish(&who, "took.coffee").await.unwrap());
    assert!(custodian.forget_wish(&who, "visits").await.unwrap());
    assert!(!custodian.forget_wish(&who, "visits").await.unwrap());
    // Taken back, the screen is everybody's again, though the message has not had its time.
    custodian
        .withdraw(one.person, ConsentPurpose::Personalize)
        .await
        .unwrap();
    assert_eq!(
        offered(&engine, OfferFor::Person).await,
        None,
        "nothing of them is used once the withdrawal is acknowledged"
    );
    assert!(until(|| !coffee()).await);
    let refused = engine.welcome(&screen(), Visitor::Verified(&claim)).await;
    assert!(refused.is_err());
    let rows = engine.store().ledger_range(0..u64::MAX).await.unwrap();
    let granted = rows
        .into_iter()
        .filter_map(|row| LedgerEntry::from_leaf_bytes(&row.bytes?).ok())
        .filter(|entry| matches!(entry.body, EntryBody::PersonalizationGranted { .. }));
    assert!(granted.count() >= 1);
    engine.stop().await;
}
