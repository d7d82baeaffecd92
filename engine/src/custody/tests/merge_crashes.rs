//! The program dies at every write by which records are made one, or two again, once before it and once after.

use std::path::Path;
use std::sync::Arc;

use regard_commitments::Custody;
use regard_domain::PersonId;

use super::CustodyError;
use super::crashing::{Faults, Moment};
use super::faces::{IDENTIFY, begin, face, promise};
use super::world::{Run, VirtualClock, copy_of};
use crate::custody::Enrolled;

/// More writes than the acts below make.
const MAX_WRITES: u32 = 200;

/// Who was there before, by the number of their face from 1 on: the fifth answers as the sixth, the seventh as the eighth.
struct Before {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    people: Vec<Enrolled>,
}

impl Before {
    async fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
        let run = begin(folder.path(), &clock, Custody::Controller).await;
        let mut people = Vec::new();
        for number in 1..=8 {
            people.push(run.come(&[IDENTIFY], &face(number)).await.0);
        }
        let this = Self {
            folder,
            clock,
            people,
        };
        for (from, into) in [(5, 6), (7, 8)] {
            let merged = run.custodian.merge(this.id(from), this.id(into)).await;
            merged.unwrap();
        }
        run.end().await;
        this
    }

    /// Whose face that is.
    fn id(&self, number: usize) -> PersonId {
        self.people[number - 1].person
    }

    async fn run(&self, folder: &Path, faults: &Arc<Faults>) -> Result<Run, CustodyError> {
        let document = promise(Custody::Controller);
        Run::begin_with(folder, &self.clock, &document, faults).await
    }
}

/// How far each act came: nothing when it was not begun, and whether it was acknowledged.
#[derive(Default)]
struct Told {
    /// The first answers as the second.
    merged: Option<bool>,
    /// The fifth answers for itself.
    undone: Option<bool>,
    /// The eighth may not be found any more.
    withdrawn: Option<bool>,
    /// The third answers as the fourth.
    merged_again: Option<bool>,
    /// The third is erased, and the fourth with it.
    erased: Option<bool>,
}

/// Does one thing, and notes how far it came.
macro_rules! act {
    ($told:ident . $what:ident, $work:expr) => {{
        $told.$what = Some(false);
        $work.await?;
        $told.$what = Some(true);
    }};
}

async fn live(run: &Run, before: &Before, told: &mut Told) -> Result<(), CustodyError> {
    let custodian = &run.custodian;
    act!(told.merged, custodian.merge(before.id(1), before.id(2)));
    act!(told.undone, custodian.undo_merge(before.id(5), true));
    act!(told.withdrawn, custodian.withdraw(before.id(8), IDENTIFY));
    act!(
        told.merged_again,
        custodian.merge(before.id(3), before.id(4))
    );
    act!(told.erased, custodian.erase(before.id(3)));
    Ok(())
}

fn check(run: &Run, before: &Before, told: &Told, place: &str) {
    let found = |number: usize| run.found(&face(number as u64));
    let is = |number: usize| Some(before.id(number));
    // Of two that are there both ways, the one or the other.
    let either = |number: usize, one: usize, other: usize, came: Option<bool>| {
        let found = found(number);
        match came {
            None => assert_eq!(found, is(one), "{place}: {number}"),
            Some(true) => assert_eq!(found, is(other), "{place}: {number}"),
            Some(false) => assert!(found == is(one) || found == is(other), "{place}: {number}"),
        }
    };
    either(1, 1, 2, told.merged);
    assert_eq!(found(2), is(2), "{place}");
    either(5, 6, 5, told.undone);
    assert_eq!(found(6), is(6), "{place}");
    either(7, 8, 7, told.withdrawn);
    match (told.withdrawn, found(8)) {
        // Not withdrawn: the seventh answers as the eighth still.
        (None | Some(false), Some(_)) => {
            assert_eq!((found(7), found(8)), (is(8), is(8)), "{place}");
        }
        (Some(_), None) => assert_eq!(found(7), is(7), "{place}"),
        (withdrawn, found) => panic!("{place}: {withdrawn:?} {}", found.is_some()),
    }
    match (told.erased, found(3), found(4)) {
        (None, third, fourth) => {
            assert_eq!(fourth, is(4), "{place}");
            let came = told.merged_again;
            assert!(third == is(4) && came.is_some() || third == is(3) && came != Some(true));
        }
        (Some(true), third, fourth) => assert_eq!((third, fourth), (None, None), "{place}"),
        // The fourth goes first.
        (Some(false), third, None) => assert!(third.is_none() || third == is(3), "{place}"),
        (Some(false), third, fourth) => assert_eq!((third, fourth), (is(4), is(4)), "{place}"),
    }
}

async fn die_and_look(before: &Before, number: u32, moment: Moment) -> bool {
    let folder = copy_of(before.folder.path());
    let faults = Faults::new(Some((number, moment)));
    let mut told = Told::default();
    let place = format!("{number} {moment:?}");
    if let Ok(run) = before.run(folder.path(), &faults).await {
        let lived = live(&run, before, &mut told).await;
        assert_eq!(lived.is_err(), faults.is_dead(), "{place}: {lived:?}");
        run.end().await;
    }
    let run = before.run(folder.path(), &Faults::new(None)).await.unwrap();
    run.custodian.sweep().await.unwrap();
    assert!(run.keys.pending(9).await.unwrap().is_empty(), "{place}");
    check(&run, before, &told, &place);
    for (from, into) in [(1, 2), (3, 4), (5, 6), (7, 8)] {
        let opened = run.custodian.open(before.id(from)).await;
        let is_written = opened.is_ok_and(|opened| opened.file.merged_into.is_some());
        let is_one = run.custodian.are_one(before.id(from), before.id(into));
        assert_eq!(is_written, is_one, "{place}: {from}");
    }
    go_on(&run, before, &told, &place).await;
    run.end().await;
    // And stays so.
    let run = before.run(folder.path(), &Faults::new(None)).await.unwrap();
    assert_eq!(run.found(&face(3)), None, "{place}");
    assert_eq!(run.found(&face(4)), None, "{place}");
    assert_eq!(run.found(&face(5)), Some(before.id(5)), "{place}");
    run.end().await;
    faults.is_dead()
}

/// Whatever was begun can be asked for again.
async fn go_on(run: &Run, before: &Before, told: &Told, place: &str) {
    let custodian = &run.custodian;
    if !custodian.are_one(before.id(1), before.id(2)) {
        let merged = custodian.merge(before.id(1), before.id(2)).await;
        assert!(merged.is_ok(), "{place}: {merged:?}");
    }
    assert_eq!(run.found(&face(1)), Some(before.id(2)), "{place}");
    if custodian.are_one(before.id(5), before.id(6)) {
        custodian.undo_merge(before.id(5), true).await.unwrap();
    }
    let again = custodian.merge(before.id(5), before.id(6)).await;
    assert!(again.is_err(), "{place}: known to be of two people");
    // By the token of the third alone, who goes last of the two, however far it came.
    if told.erased.is_none() && !custodian.are_one(before.id(3), before.id(4)) {
        custodian.merge(before.id(3), before.id(4)).await.unwrap();
    }
    if run.who(&before.people[2]).await.is_ok() {
        custodian.erase(before.id(3)).await.unwrap();
    }
    assert!(run.who(&before.people[3]).await.is_err(), "{place}");
}

#[tokio::test]
async fn the_laws_of_merged_records_hold_wherever_the_program_dies() {
    let before = Before::new().await;
    for moment in [Moment::Before, Moment::After] {
        let mut n_writes = 0;
        for number in 0..MAX_WRITES {
            n_writes = number;
            if !die_and_look(&before, number, moment).await {
                break;
            }
        }
        assert!(
            n_writes > 15 && n_writes + 10 < MAX_WRITES,
            "{n_writes} writes"
        );
    }
}
