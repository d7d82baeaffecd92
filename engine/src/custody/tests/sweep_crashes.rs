//! The program dies at every write of a sweep, once before it and once after. Whatever was past its time is used by nobody
//! meanwhile and gone after the next sweep, and nothing else goes with it.

use std::sync::Arc;

use regard_backends::Setting;
use regard_commitments::{
    Answer, Commitments, EndReason, EntryBody, Profile, RetentionGate, subject,
};
use regard_domain::Clock as _;

use super::crashing::{Faults, Moment};
use super::world::{Run, VirtualClock, copy_of, signed};
use super::{DAY, LEARN, PERSONALIZE};
use crate::custody::{CustodyError, Enrolled};

/// More writes than a start and a sweep make.
const MAX_WRITES: u32 = 200;

/// A row of the store whose time ends with that of whoever came first.
const SETTING: &str = "token.drill";

/// Three people on a day on which the consent of one and the time of another are over.
struct Before {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    stays: Enrolled,
    ends: Enrolled,
    goes: Enrolled,
}

impl Before {
    async fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
        let run = Run::begin(folder.path(), &clock).await;
        let goes = run.enroll().await;
        run.agree(&goes, LEARN, None).await.unwrap();
        let promise = signed(&Commitments::demo());
        let profile = Profile::named(&promise.document().profile).unwrap();
        let retention = RetentionGate::new(&promise, &profile).unwrap();
        let setting = Setting {
            name: SETTING.to_owned(),
            value: "{}".to_owned(),
        };
        let Answer::Granted(kept) = retention.keep(setting, clock.now()) else {
            panic!("the demonstration keeps settings");
        };
        run.store.put_setting(&kept).await.unwrap();
        clock.wait(DAY * 25);
        let (stays, ends) = (run.enroll().await, run.enroll().await);
        run.agree(&stays, LEARN, None).await.unwrap();
        run.agree(&ends, PERSONALIZE, Some(DAY * 5)).await.unwrap();
        let likes = serde_json::json!({"language": "nl"});
        let who = run.who(&ends).await.unwrap();
        run.custodian.correct(&who, &likes).await.unwrap();
        // The demonstration keeps persons and settings for thirty days.
        clock.wait(DAY * 6);
        run.end().await;
        Self {
            folder,
            clock,
            stays,
            ends,
            goes,
        }
    }
}

async fn sweep(run: &Run, clock: &VirtualClock) -> Result<(), CustodyError> {
    run.custodian.sweep().await?;
    run.store.sweep(clock.now()).await?;
    Ok(())
}

/// Nobody uses what is past its time, swept or not; whoever has time is there.
async fn nobody_uses_it(run: &Run, before: &Before, place: &str) {
    let refused = run.refused(before.ends.person, PERSONALIZE).await;
    assert!(refused.is_some(), "{place}");
    assert_eq!(
        run.refused(before.stays.person, LEARN).await,
        None,
        "{place}"
    );
    let who = run.who(&before.stays).await.unwrap();
    assert!(run.custodian.export(&who).await.is_ok(), "{place}");
    assert!(run.who(&before.ends).await.is_ok(), "{place}");
}

async fn all_of_it_is_gone(run: &Run, before: &Before, place: &str) {
    let now = before.clock.now();
    assert!(run.keys.ended(now, 9).await.unwrap().is_empty(), "{place}");
    assert!(run.keys.past(now, 9).await.unwrap().is_empty(), "{place}");
    assert!(run.keys.pending(9).await.unwrap().is_empty(), "{place}");
    assert!(run.who(&before.goes).await.is_err(), "{place}");
    let sealed = run.store.sealed_of(before.goes.person).await.unwrap();
    assert!(sealed.is_empty(), "{place}");
    let key = run.keys.purpose_key(before.ends.person, PERSONALIZE).await;
    assert!(key.unwrap().is_none(), "{place}");
    let who = run.who(&before.ends).await.unwrap();
    let export = run.custodian.export(&who).await.unwrap();
    assert_eq!(export.preferences, None, "{place}");
    assert_eq!(run.store.setting(SETTING).await.unwrap(), None, "{place}");
    let erased = EntryBody::Erased {
        subject: subject(before.goes.person),
    };
    assert!(run.says(|body| *body == erased).await > 0, "{place}");
    let expired = |body: &EntryBody| {
        matches!(body, EntryBody::ConsentEnded { subject: of, why: EndReason::Expired, .. }
            if *of == subject(before.ends.person))
    };
    assert!(run.says(expired).await > 0, "{place}");
    let others = |body: &EntryBody| matches!(body, EntryBody::Erased { subject: of } if *of != subject(before.goes.person));
    assert_eq!(run.says(others).await, 0, "{place}");
}

async fn die_and_look(before: &Before, number: u32, moment: Moment) -> bool {
    let (folder, clock) = (copy_of(before.folder.path()), &before.clock);
    let faults = Faults::new(Some((number, moment)));
    let place = format!("{number} {moment:?}");
    let begun = Run::begin_with(folder.path(), clock, &Commitments::demo(), &faults).await;
    if let Ok(run) = begun {
        let swept = sweep(&run, clock).await;
        assert!(swept.is_ok() || faults.is_dead(), "{place}: {swept:?}");
        run.end().await;
    }
    let run = Run::begin(folder.path(), clock).await;
    nobody_uses_it(&run, before, &place).await;
    sweep(&run, clock).await.unwrap();
    nobody_uses_it(&run, before, &place).await;
    all_of_it_is_gone(&run, before, &place).await;
    run.end().await;
    faults.is_dead()
}

#[tokio::test]
async fn a_sweep_comes_to_its_end_wherever_the_program_dies() {
    let before = Before::new().await;
    for moment in [Moment::Before, Moment::After] {
        let mut number = 0;
        while die_and_look(&before, number, moment).await {
            number += 1;
            assert!(number < MAX_WRITES);
        }
        assert!(number > 6, "{number} writes: fewer than a sweep makes");
    }
}
