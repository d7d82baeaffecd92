//! Records of one person that answer as one: found as one, two again whenever either ends, and never of two people.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use regard_commitments::{Custody, EntryBody, GivenBy, RefusalCode};
use regard_domain::{Clock as _, PersonId};

use super::faces::{IDENTIFY, VERIFY, begin, face};
use super::world::{Run, VirtualClock, data};
use super::{CustodyError, DAY};
use crate::custody::{Enrolled, MAX_FACES, MergeFault, own_gallery};
use crate::galleries::RecordMerge;

impl Run {
    async fn merged(&self, from: PersonId, into: PersonId) -> RecordMerge {
        self.custodian.merge(from, into).await.unwrap()
    }

    /// Why two records are not made one.
    async fn not_merged(&self, from: PersonId, into: PersonId) -> String {
        let said = self
            .says(|body| matches!(body, EntryBody::RecordsMerged { .. }))
            .await;
        let error = self.custodian.merge(from, into).await.unwrap_err();
        let told = self
            .says(|body| matches!(body, EntryBody::RecordsMerged { .. }))
            .await;
        assert_eq!(told, said, "{error}");
        match error {
            CustodyError::Refused(refusal) => refusal.code.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Who is found by each of the first faces.
    fn found_by<const N: usize>(&self) -> [Option<PersonId>; N] {
        let mut number = 0;
        [(); N].map(|()| {
            number += 1;
            self.found(&face(number))
        })
    }

    /// Persons and templates in the gallery.
    fn size(&self) -> (u64, u64) {
        let sizes = self.custodian.galleries.sizes(self.custodian.now());
        let own = sizes.iter().find(|(id, _, _)| *id == own_gallery());
        own.map_or((0, 0), |(_, n_persons, n_templates)| {
            (*n_persons, *n_templates)
        })
    }
}

/// A site with people of one face each, as many as were asked for.
struct Site {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    people: Vec<Enrolled>,
}

impl Site {
    async fn of(n: u64) -> (Self, Run) {
        let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
        let run = begin(folder.path(), &clock, Custody::Controller).await;
        let mut people = Vec::new();
        for number in 1..=n {
            people.push(run.come(&[IDENTIFY], &face(number)).await.0);
        }
        let this = Self {
            folder,
            clock,
            people,
        };
        (this, run)
    }

    fn ids<const N: usize>(&self) -> [PersonId; N] {
        let ids: Vec<PersonId> = self.people.iter().map(|one| one.person).collect();
        ids.try_into().unwrap()
    }

    async fn begin(&self) -> Run {
        begin(self.folder.path(), &self.clock, Custody::Controller).await
    }
}

#[tokio::test]
async fn two_records_are_found_as_one_and_as_before_once_that_is_undone() {
    let (site, run) = Site::of(3).await;
    let [a, b, c] = site.ids();
    let merge = run.merged(a, b).await;
    assert_eq!((merge.from, merge.into, merge.at), (a, b, site.clock.now()));
    let merged = [Some(b), Some(b), Some(c)];
    assert_eq!((run.found_by(), run.size()), (merged, (2, 3)));
    let told = |body: &EntryBody| matches!(body, EntryBody::RecordsMerged { .. });
    assert_eq!(run.says(told).await, 1);
    run.custodian.rekey_gallery().await.unwrap();
    assert_eq!(run.found_by(), merged, "turned over");
    run.end().await;
    let run = site.begin().await;
    assert_eq!((run.found_by(), run.size()), (merged, (2, 3)), "restarted");
    // Each says it to its person; the third record says nothing of it.
    for (one, n) in site.people.iter().zip([1, 1, 0]) {
        let who = run.who(one).await.unwrap();
        let export = run.custodian.export(&who).await.unwrap();
        let export = serde_json::to_value(export).unwrap();
        assert_eq!(export["merges"].as_array().unwrap().len(), n);
        if n > 0 {
            assert_eq!(export["merges"][0]["from"], a.to_string());
            assert_eq!(export["merges"][0]["into"], b.to_string());
        }
    }
    let roster = run.custodian.roster(None, 9).await.unwrap();
    for note in roster {
        assert_eq!(note.answers_as, (note.person == a).then_some(b));
    }
    // A face that is enrolled later is found as the one they are, too.
    run.enroll_face(&site.people[0], &face(4)).await.unwrap();
    assert_eq!(run.found_by(), [Some(b), Some(b), Some(c), Some(b)]);
    run.custodian.undo_merge(a, false).await.unwrap();
    let apart = [Some(a), Some(b), Some(c), Some(a)];
    assert_eq!((run.found_by(), run.size()), (apart, (3, 4)));
    let again = run.custodian.undo_merge(a, false).await.unwrap_err();
    assert!(matches!(again, CustodyError::Merge(MergeFault::NotMerged)));
    run.end().await;
    let run = site.begin().await;
    assert_eq!((run.found_by(), run.size()), (apart, (3, 4)), "restarted");
    run.end().await;
}

#[tokio::test]
async fn of_three_records_each_is_as_before_once_what_joins_them_is_undone() {
    let (site, run) = Site::of(3).await;
    let [a, b, c] = site.ids();
    run.merged(a, b).await;
    // Of a record that answers as another one, that one is meant.
    let merge = run.merged(a, c).await;
    assert_eq!((merge.from, merge.into), (b, c));
    assert_eq!(run.found_by(), [Some(c); 3]);
    run.custodian.undo_merge(a, false).await.unwrap();
    assert_eq!(run.found_by(), [Some(a), Some(c), Some(c)]);
    let merge = run.merged(a, b).await;
    assert_eq!(
        (merge.from, merge.into),
        (a, c),
        "what the other answers as"
    );
    assert_eq!(run.found_by(), [Some(c); 3]);
    for from in [a, b] {
        run.custodian.undo_merge(from, false).await.unwrap();
    }
    assert_eq!(run.found_by(), [Some(a), Some(b), Some(c)]);
    // The one between them goes: nothing joins the others any more.
    run.merged(a, b).await;
    run.merged(b, c).await;
    run.custodian.withdraw(b, IDENTIFY).await.unwrap();
    assert_eq!(run.found_by(), [Some(a), None, Some(c)]);
    run.end().await;
    let run = site.begin().await;
    assert_eq!(run.found_by(), [Some(a), None, Some(c)]);
    run.end().await;
}

#[tokio::test]
async fn the_withdrawal_of_either_undoes_it() {
    for is_into in [false, true] {
        let (site, run) = Site::of(2).await;
        let [a, b] = site.ids();
        run.merged(a, b).await;
        let (goes, stays) = if is_into { (b, a) } else { (a, b) };
        let holds = run.custodian.ask(stays, IDENTIFY).await.unwrap();
        let holds = holds.granted().unwrap();
        assert!(holds.is_live_at(site.clock.now()));
        run.custodian.withdraw(goes, IDENTIFY).await.unwrap();
        let left = if is_into {
            [Some(a), None]
        } else {
            [None, Some(b)]
        };
        assert_eq!(run.found_by(), left, "{is_into}");
        // Whoever was found by the one face as the other record is asked for once more.
        assert!(!holds.is_live_at(site.clock.now()), "{is_into}");
        assert_eq!(run.refused(stays, IDENTIFY).await, None, "{is_into}");
        let told = |body: &EntryBody| matches!(body, EntryBody::MergeUndone { are_two: false, .. });
        assert_eq!(run.says(told).await, 1, "{is_into}");
        run.end().await;
        // Agreed anew they are two, until somebody asks again.
        let run = site.begin().await;
        let goes_again = &site.people[usize::from(is_into)];
        run.agree(goes_again, IDENTIFY, None).await.unwrap();
        run.enroll_face(goes_again, &face(if is_into { 2 } else { 1 }))
            .await
            .unwrap();
        assert_eq!(run.found_by(), [Some(a), Some(b)], "{is_into}");
        run.merged(a, b).await;
        assert_eq!(run.found_by(), [Some(b), Some(b)], "{is_into}");
        run.end().await;
    }
}

#[tokio::test]
async fn a_consent_that_runs_out_undoes_it_swept_or_not() {
    for (is_into, is_swept) in [(false, false), (true, false), (false, true), (true, true)] {
        let place = format!("{is_into} {is_swept}");
        let (site, run) = Site::of(2).await;
        let [a, b] = site.ids();
        let short = &site.people[usize::from(is_into)];
        run.agree(short, IDENTIFY, Some(DAY * 5)).await.unwrap();
        run.merged(a, b).await;
        assert_eq!(run.found_by(), [Some(b), Some(b)], "{place}");
        site.clock.wait(DAY * 5);
        let left = if is_into {
            [Some(a), None]
        } else {
            [None, Some(b)]
        };
        assert_eq!(run.found_by(), left, "{place}");
        if is_swept {
            run.custodian.sweep().await.unwrap();
        }
        run.agree(short, IDENTIFY, None).await.unwrap();
        let number = if is_into { 2 } else { 1 };
        run.enroll_face(short, &face(number)).await.unwrap();
        assert_eq!(run.found_by(), [Some(a), Some(b)], "{place}");
        run.end().await;
        let run = site.begin().await;
        assert_eq!(run.found_by(), [Some(a), Some(b)], "{place}");
        run.end().await;
    }
}

#[tokio::test]
async fn erasing_one_erases_both_and_nobody_else() {
    for erased in 0..2 {
        let (site, run) = Site::of(3).await;
        let [a, b, c] = site.ids();
        run.merged(a, b).await;
        let proof = run.custodian.erase([a, b][erased]).await.unwrap();
        assert!(proof.verify(None).is_ok());
        assert_eq!(run.found_by(), [None, None, Some(c)], "{erased}");
        let told = |body: &EntryBody| matches!(body, EntryBody::Erased { .. });
        assert_eq!(run.says(told).await, 2, "{erased}");
        run.end().await;
        let run = site.begin().await;
        assert_eq!(run.found_by(), [None, None, Some(c)], "{erased}");
        for one in &site.people[..2] {
            let gone = run.who(one).await;
            assert!(matches!(gone, Err(CustodyError::UnknownToken)));
        }
        assert_eq!(run.keys.n_persons().await.unwrap(), 1);
        run.end().await;
    }
}

#[tokio::test]
async fn one_whose_time_is_over_goes_alone() {
    let (site, run) = Site::of(2).await;
    let [a, b] = site.ids();
    run.merged(a, b).await;
    site.clock.wait(DAY * 20);
    run.agree(&site.people[0], IDENTIFY, None).await.unwrap();
    // The demonstration keeps persons for thirty days.
    site.clock.wait(DAY * 11);
    run.custodian.sweep().await.unwrap();
    assert_eq!(run.found_by(), [Some(a), None]);
    assert_eq!(run.keys.n_persons().await.unwrap(), 1);
    run.end().await;
    let run = site.begin().await;
    assert_eq!(run.found_by(), [Some(a), None]);
    let lonely = run.custodian.undo_merge(a, false).await.unwrap_err();
    assert!(matches!(lonely, CustodyError::Merge(MergeFault::NotMerged)));
    assert_eq!(run.not_merged(a, b).await, "consent_missing");
    run.end().await;
}

#[tokio::test]
async fn what_is_frozen_is_frozen_of_both() {
    let (site, run) = Site::of(2).await;
    let [a, b] = site.ids();
    run.merged(a, b).await;
    for one in [a, b] {
        run.custodian.freeze(one, true).await.unwrap();
        assert_eq!(run.found_by(), [None, None]);
        for other in [a, b] {
            let refused = run.refused(other, IDENTIFY).await;
            assert_eq!(refused, Some(RefusalCode::ObjectionActive));
        }
        run.custodian.freeze(one, false).await.unwrap();
        assert_eq!(run.found_by(), [Some(b), Some(b)]);
    }
    run.custodian.freeze(a, true).await.unwrap();
    run.custodian.undo_merge(a, false).await.unwrap();
    run.custodian.freeze(a, false).await.unwrap();
    assert_eq!(run.found_by(), [Some(a), None], "each lifts its own");
    run.end().await;
}

#[tokio::test]
async fn records_are_made_one_only_where_the_consents_to_both_hold() {
    let (site, run) = Site::of(2).await;
    let [a, b] = site.ids();
    let nobody = PersonId::from_bits(9);
    let without_consent = run.enroll().await.person;
    let without_face = run.enroll().await;
    run.agree(&without_face, IDENTIFY, None).await.unwrap();
    let verified = run.come(&[VERIFY], &face(7)).await.0.person;
    for (other, code) in [
        (nobody, "consent_missing"),
        (without_consent, "consent_missing"),
        (without_face.person, "consent_missing"),
        (verified, "consent_missing"),
        (a, "Merge(OneRecord)"),
    ] {
        assert_eq!(run.not_merged(a, other).await, code);
        assert_eq!(run.not_merged(other, a).await, code);
    }
    run.custodian.freeze(b, true).await.unwrap();
    assert_eq!(run.not_merged(a, b).await, "objection_active");
    run.custodian.freeze(b, false).await.unwrap();
    run.merged(a, b).await;
    for (from, into) in [(a, b), (b, a)] {
        assert_eq!(run.not_merged(from, into).await, "Merge(AlreadyOne)");
    }
    run.custodian.withdraw(b, IDENTIFY).await.unwrap();
    assert_eq!(run.not_merged(a, b).await, "consent_withdrawn");
    assert_eq!(run.not_merged(b, a).await, "consent_withdrawn");
    run.end().await;
    // Where nobody is found, nobody is found as one.
    let (folder, clock) = (tempfile::tempdir().unwrap(), VirtualClock::new());
    let run = begin(folder.path(), &clock, Custody::InPersonsHands).await;
    let a = run.come(&[VERIFY], &face(1)).await.0.person;
    let b = run.come(&[VERIFY], &face(2)).await.0.person;
    assert_eq!(run.not_merged(a, b).await, "consent_missing");
    run.end().await;
}

#[tokio::test]
async fn records_of_two_people_are_never_made_one() {
    let (site, run) = Site::of(4).await;
    let [a, b, c, d] = site.ids();
    let two = "Merge(TwoPeople)";
    // Seen in one picture.
    run.custodian.tell_apart(a, b).await.unwrap();
    run.custodian.tell_apart(b, a).await.unwrap();
    let told = |body: &EntryBody| matches!(body, EntryBody::ToldApart { .. });
    assert_eq!(run.says(told).await, 1);
    assert_eq!(run.not_merged(a, b).await, two);
    assert_eq!(run.not_merged(b, a).await, two);
    // Nor by way of a third record.
    run.merged(a, c).await;
    for (from, into) in [(c, b), (b, c), (a, b)] {
        assert_eq!(run.not_merged(from, into).await, two);
    }
    let merged = run.custodian.tell_apart(c, a).await.unwrap_err();
    assert!(matches!(
        merged,
        CustodyError::Merge(MergeFault::AlreadyOne)
    ));
    // Undone as a mistake, it is never done again; also not after a restart, and not by somebody else's record.
    run.custodian.undo_merge(a, true).await.unwrap();
    run.end().await;
    let run = site.begin().await;
    assert_eq!(run.not_merged(a, c).await, two);
    assert_eq!(run.not_merged(c, a).await, two);
    run.merged(d, c).await;
    assert_eq!(run.not_merged(a, d).await, two);
    assert_eq!(run.found_by(), [Some(a), Some(b), Some(c), Some(c)]);
    let who = run.who(&site.people[0]).await.unwrap();
    let export = run.custodian.export(&who).await.unwrap();
    assert_eq!((export.merges.len(), export.n_told_apart), (0, 2));
    for (one, other, fault) in [
        (a, a, MergeFault::OneRecord),
        (a, PersonId::from_bits(9), MergeFault::UnknownRecord),
        (PersonId::from_bits(9), a, MergeFault::UnknownRecord),
    ] {
        let error = run.custodian.tell_apart(one, other).await.unwrap_err();
        assert!(matches!(error, CustodyError::Merge(told) if told == fault));
    }
    run.end().await;
}

#[tokio::test]
async fn a_minors_record_is_one_with_another_minors_alone() {
    let (site, run) = Site::of(1).await;
    let [grown] = site.ids();
    let mut minors = Vec::new();
    for number in 2..4 {
        let minor = run.custodian.enroll(true).await.unwrap();
        let who = run.who(&minor).await.unwrap();
        let offer = run.custodian.offer(minor.person, IDENTIFY).unwrap();
        let agreed = run
            .custodian
            .agree(&who, offer.id, GivenBy::Guardian, None)
            .await;
        agreed.unwrap();
        run.enroll_face(&minor, &face(number)).await.unwrap();
        minors.push(minor.person);
    }
    assert_eq!(run.not_merged(minors[0], grown).await, "minor_protection");
    assert_eq!(run.not_merged(grown, minors[0]).await, "minor_protection");
    run.merged(minors[0], minors[1]).await;
    assert_eq!(run.not_merged(minors[0], grown).await, "minor_protection");
    run.end().await;
}

#[tokio::test]
async fn records_that_are_one_have_as_many_faces_as_one_person() {
    let (site, run) = Site::of(2).await;
    let [a, b] = site.ids();
    let most = MAX_FACES as u64;
    for number in 0..most - 2 {
        let one = &site.people[usize::from(number.is_multiple_of(2))];
        run.enroll_face(one, &face(100 + number)).await.unwrap();
    }
    run.merged(a, b).await;
    for one in &site.people {
        let more = run.enroll_face(one, &face(99)).await.unwrap_err();
        assert!(matches!(more, CustodyError::TooManyFaces { .. }));
    }
    run.custodian.undo_merge(a, false).await.unwrap();
    run.enroll_face(&site.people[0], &face(99)).await.unwrap();
    let more = run.custodian.merge(a, b).await.unwrap_err();
    assert!(matches!(more, CustodyError::TooManyFaces { .. }));
    run.end().await;
}

#[tokio::test]
async fn an_older_file_of_keys_brings_no_merge_back() {
    let (site, run) = Site::of(4).await;
    let [a, b, c, d] = site.ids();
    run.merged(a, b).await;
    run.merged(c, d).await;
    run.end().await;
    let keys = |folder: &Path| data(folder).join("keys.db");
    let kept = site.folder.path().join("kept.db");
    fs::copy(keys(site.folder.path()), &kept).unwrap();
    let run = site.begin().await;
    run.custodian.undo_merge(a, false).await.unwrap();
    run.custodian.withdraw(d, IDENTIFY).await.unwrap();
    run.end().await;
    for name in ["keys.db-wal", "keys.db-shm"] {
        let _ = fs::remove_file(data(site.folder.path()).join(name));
    }
    fs::copy(&kept, keys(site.folder.path())).unwrap();
    let run = site.begin().await;
    assert_eq!(run.found_by(), [Some(a), Some(b), Some(c), None]);
    run.end().await;
}

/// Between being found and being answered with, they became two.
#[tokio::test]
async fn whoever_was_found_as_another_record_is_nobody_once_that_is_undone() {
    for how in 0..5 {
        let (site, run) = Site::of(3).await;
        let [a, b, c] = site.ids();
        run.merged(a, b).await;
        let custodian = &run.custodian;
        for (person, record) in [(b, a), (b, b), (c, c)] {
            let holds = custodian.ask_found(person, record).await.unwrap();
            assert_eq!(holds.map(|consent| consent.person()), Some(person));
        }
        let holds = custodian.ask_found(b, a).await.unwrap().unwrap();
        match how {
            0 => {
                custodian.undo_merge(a, true).await.unwrap();
            }
            1 => {
                custodian.undo_own_merge(b, a, false).await.unwrap();
            }
            2 => custodian.withdraw(a, IDENTIFY).await.unwrap(),
            3 => custodian.freeze(a, true).await.unwrap(),
            _ => {
                custodian.erase(a).await.unwrap();
            }
        }
        assert!(!holds.is_live_at(site.clock.now()), "{how}");
        let found = custodian.ask_found(b, a).await.unwrap();
        assert!(found.is_none(), "{how}");
        let itself = custodian.ask_found(b, b).await.unwrap();
        assert_eq!(itself.is_some(), how < 3, "{how}");
        run.end().await;
    }
}

#[tokio::test]
async fn nobody_undoes_what_their_record_is_no_part_of() {
    let (site, run) = Site::of(3).await;
    let [a, b, c] = site.ids();
    run.merged(a, b).await;
    for (own, from) in [(c, a), (a, b), (c, c)] {
        let error = run.custodian.undo_own_merge(own, from, true).await;
        let error = error.unwrap_err();
        assert!(matches!(error, CustodyError::Merge(MergeFault::NotMerged)));
    }
    assert_eq!(run.found_by(), [Some(b), Some(b), Some(c)]);
    let undone = run.custodian.undo_own_merge(b, a, false).await.unwrap();
    assert_eq!((undone.from, undone.into), (a, b));
    run.end().await;
}

#[tokio::test]
async fn nothing_of_a_record_that_ended_stays_with_one_that_answered_as_it() {
    for is_over in [false, true] {
        let (site, run) = Site::of(2).await;
        let [a, b] = site.ids();
        run.merged(a, b).await;
        let file = run.custodian.open(a).await.unwrap().file;
        assert_eq!(file.merged_into.map(|merged| merged.person), Some(b));
        if is_over {
            site.clock.wait(DAY * 20);
            run.agree(&site.people[0], IDENTIFY, None).await.unwrap();
            site.clock.wait(DAY * 11);
            run.custodian.sweep().await.unwrap();
        } else {
            run.custodian.withdraw(b, IDENTIFY).await.unwrap();
        }
        let file = run.custodian.open(a).await.unwrap().file;
        assert_eq!(file.merged_into, None, "{is_over}");
        assert_eq!(run.found_by(), [Some(a), None], "{is_over}");
        run.end().await;
    }
}

#[tokio::test]
async fn what_hung_on_a_consent_that_ran_out_is_not_found_under_the_next_one() {
    let (site, run) = Site::of(1).await;
    let ([a], one) = (site.ids(), &site.people[0]);
    run.agree(one, IDENTIFY, Some(DAY * 5)).await.unwrap();
    assert_eq!((run.found_by(), run.size()), ([Some(a)], (1, 1)));
    site.clock.wait(DAY * 5);
    // Nobody is looked for, and nothing is swept, before they agree anew.
    run.agree(one, IDENTIFY, None).await.unwrap();
    assert_eq!((run.found_by(), run.size()), ([None], (0, 0)));
    run.enroll_face(one, &face(2)).await.unwrap();
    assert_eq!((run.found_by(), run.size()), ([None, Some(a)], (1, 1)));
    run.end().await;
}
