//! The program dies at every write, once before it and once after. What was acknowledged holds, what was withdrawn stays
//! withdrawn, what was erased never comes back.

use std::path::Path;
use std::sync::Arc;

use regard_commitments::{Commitments, EntryBody, RefusalCode, subject};

use super::crashing::{Faults, Moment};
use super::world::{Run, VirtualClock};
use super::{DAY, LEARN, PERSONALIZE};
use crate::custody::{CustodyError, Enrolled};

/// More writes than the acts below make.
const MAX_WRITES: u32 = 200;

/// How far something came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    #[default]
    Never,
    Begun,
    Acknowledged,
}

/// What was tried, and what was acknowledged of it.
#[derive(Default)]
struct Told {
    stays: Option<Enrolled>,
    goes: Option<Enrolled>,
    learn: Came,
    personalize: Came,
    corrected: Came,
    withdrawn: Came,
    erased: Came,
}

/// Does one thing, and notes how far it came.
macro_rules! act {
    ($told:ident . $what:ident, $work:expr) => {{
        $told.$what = Came::Begun;
        $work.await?;
        $told.$what = Came::Acknowledged;
    }};
}

async fn live(run: &Run, told: &mut Told) -> Result<(), CustodyError> {
    told.stays = Some(run.custodian.enroll(false).await?);
    told.goes = Some(run.custodian.enroll(false).await?);
    let (Some(stays), Some(goes)) = (&told.stays, &told.goes) else {
        return Ok(());
    };
    let (stays_id, goes_id) = (stays.person, goes.person);
    let who = run.who(stays).await?;
    act!(
        told.learn,
        run.agree(told.stays.as_ref().unwrap(), LEARN, None)
    );
    act!(
        told.personalize,
        run.agree(told.stays.as_ref().unwrap(), PERSONALIZE, Some(DAY * 5))
    );
    let likes = serde_json::json!({"language": "nl"});
    act!(told.corrected, run.custodian.correct(&who, &likes));
    act!(told.withdrawn, run.custodian.withdraw(stays_id, LEARN));
    run.agree(told.goes.as_ref().unwrap(), LEARN, None).await?;
    act!(told.erased, run.custodian.erase(goes_id));
    Ok(())
}

/// Dies at one write, starts again, and looks. Whether it died at all.
async fn die_and_look(number: u32, moment: Moment) -> bool {
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let faults = Faults::new(Some((number, moment)));
    let mut told = Told::default();
    let begun = Run::begin_with(folder.path(), &clock, &Commitments::demo(), &faults).await;
    if let Ok(run) = begun {
        let lived = live(&run, &mut told).await;
        assert_eq!(
            lived.is_err(),
            faults.is_dead(),
            "{number} {moment:?}: {lived:?}"
        );
        run.end().await;
    }
    look(
        folder.path(),
        &clock,
        &told,
        &format!("{number} {moment:?}"),
    )
    .await;
    faults.is_dead()
}

async fn look(folder: &Path, clock: &Arc<VirtualClock>, told: &Told, place: &str) {
    let run = Run::begin(folder, clock).await;
    // The first beat of the sweeper, which also has the ledger say what it could not say before.
    run.custodian.sweep().await.unwrap();
    assert!(run.keys.pending(9).await.unwrap().is_empty(), "{place}");
    if let Some(stays) = &told.stays {
        let who = run.who(stays).await.unwrap();
        let learn = run.refused(stays.person, LEARN).await;
        match (told.learn, told.withdrawn) {
            (_, Came::Acknowledged) => {
                assert_eq!(learn, Some(RefusalCode::ConsentWithdrawn), "{place}");
            }
            (Came::Acknowledged, Came::Never) => assert_eq!(learn, None, "{place}"),
            (Came::Never, _) => assert_eq!(learn, Some(RefusalCode::ConsentMissing), "{place}"),
            (Came::Begun, _) | (_, Came::Begun) => {}
        }
        let personalize = run.refused(stays.person, PERSONALIZE).await;
        if told.personalize == Came::Acknowledged {
            assert_eq!(personalize, None, "{place}");
        }
        let export = run.custodian.export(&who).await.unwrap();
        if told.corrected == Came::Acknowledged {
            assert!(export.preferences.is_some(), "{place}");
        }
        for (refused, purpose) in [(learn, LEARN), (personalize, PERSONALIZE)] {
            let given = run.says(|body| {
                matches!(body, EntryBody::ConsentGiven { subject: of, purpose: what, .. }
                    if *of == subject(stays.person) && *what == purpose)
            });
            if refused.is_none() {
                assert!(
                    given.await > 0,
                    "{place}: a consent holds that the ledger does not know"
                );
            }
        }
    }
    if let Some(goes) = &told.goes {
        let tombstone = EntryBody::Erased {
            subject: subject(goes.person),
        };
        let is_gone = run.who(goes).await.is_err();
        let n_said = run.says(|body| *body == tombstone).await;
        assert_eq!(is_gone, n_said > 0, "{place}: {n_said}");
        match told.erased {
            Came::Acknowledged => assert!(is_gone, "{place}"),
            Came::Never => assert!(!is_gone, "{place}"),
            Came::Begun => {}
        }
        if is_gone {
            assert!(
                run.store.sealed_of(goes.person).await.unwrap().is_empty(),
                "{place}"
            );
        }
    }
    // Everything goes on.
    let next = run.enroll().await;
    run.agree(&next, LEARN, None).await.unwrap();
    assert_eq!(run.refused(next.person, LEARN).await, None, "{place}");
    run.end().await;
}

#[tokio::test]
async fn the_laws_hold_wherever_the_program_dies() {
    for moment in [Moment::Before, Moment::After] {
        let mut number = 0;
        while die_and_look(number, moment).await {
            number += 1;
            assert!(number < MAX_WRITES);
        }
        assert!(number > 30, "{number} writes: fewer than these acts make");
    }
}
