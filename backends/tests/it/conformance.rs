//! The laws of [`Store`]. One suite; every implementation is run through it.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_backends::{
    Batch, CampaignInForce, DecisionCursor, DecisionRow, Integrity, MemoryStore, OutcomeKey,
    OutcomeRow, SealedRow, SealedSlots, SqliteOptions, SqliteStore, Store, StoreError, Sums,
};
use regard_commitments::{ConsentPurpose, DataKind, KeySlot, SignedCheckpoint};
use regard_decision::OutcomeKind;
use regard_domain::{DecisionId, PersonId, PlayId, Timestamp};

use crate::fixtures::{
    Keeper, START, decision, document, end_of, fact, later, leaf, leaves, minute, one_of_each,
    outcome, play_of, policy, setting, signed,
};

mod collected;
mod releases;
mod retention;
mod studies;

use collected::what_services_hold_is_kept_by_collection;
use releases::{a_budget_is_never_exceeded, a_release_is_made_once};
use retention::{
    a_budget_in_force_is_not_renewed_by_retention, a_shorter_end_counts,
    nothing_outlives_its_retention, totals_outlive_their_decisions,
};
use studies::{
    a_study_is_kept_until_its_end, an_invitation_is_good_once_and_until_its_end,
    what_participants_gave_is_found_by_study,
};

macro_rules! laws {
    ($($law:ident)+) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $law() {
                super::$law(&MemoryStore::new(100_000)).await;
            })+
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $law() {
                let folder = tempfile::tempdir().unwrap();
                let store = SqliteStore::open(folder.path(), SqliteOptions::default()).await.unwrap();
                super::$law(&store).await;
                if let Ok(found) = store.integrity_check().await {
                    assert_eq!(found, Integrity::Sound);
                }
            })+
        }
    };
}

laws! {
    what_was_committed_is_read_back
    the_same_batch_again_changes_nothing
    an_outcome_counts_once
    what_nothing_hangs_on_is_reported
    a_bad_row_never_holds_up_the_others
    decisions_come_in_pages
    totals_outlive_their_decisions
    a_budget_in_force_is_not_renewed_by_retention
    reports_agree_with_counting
    minutes_add_up_their_runs
    the_last_writing_counts
    the_ledger_has_no_gaps
    documents_never_change
    nothing_outlives_its_retention
    a_shorter_end_counts
    what_is_sealed_is_kept_by_person_and_key
    what_services_hold_is_kept_by_collection
    a_release_is_made_once
    a_budget_is_never_exceeded
    a_study_is_kept_until_its_end
    an_invitation_is_good_once_and_until_its_end
    what_participants_gave_is_found_by_study
    a_closed_store_says_so
}

fn at_start_of_time() -> Timestamp {
    Timestamp::from_micros(i64::MIN)
}

fn always() -> std::ops::Range<Timestamp> {
    at_start_of_time()..Timestamp::from_micros(i64::MAX)
}

async fn what_was_committed_is_read_back(store: &dyn Store) {
    let keeper = Keeper::new();
    let report = store
        .commit(&one_of_each(&keeper, 1, later(1_000)))
        .await
        .unwrap();
    assert_eq!(report.written, 7);
    let made = decision(1, later(1), "summer", "a");
    assert_eq!(store.decision(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(
        store.decision(DecisionId::from_bits(2)).await.unwrap(),
        None
    );
    assert_eq!(
        store.decisions(9, None).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert_eq!(
        store.decisions_since(later(1)).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert_eq!(store.decisions_since(later(2)).await.unwrap(), []);
    assert_eq!(
        store.outcomes_of(made.id).await.unwrap(),
        [outcome(1, OutcomeKind::AttentionSeconds, "m", 2.0)]
    );
    assert_eq!(
        store.outcomes_since(later(1)).await.unwrap(),
        BTreeMap::from([(
            made.id,
            vec![outcome(1, OutcomeKind::AttentionSeconds, "m", 2.0)]
        )])
    );
    assert_eq!(
        store.outcomes_since(later(2)).await.unwrap(),
        BTreeMap::new()
    );
    let plays = store.plays_since(None, later(1)).await.unwrap();
    assert_eq!(plays.len(), 1);
    assert_eq!(plays[0].start, play_of(&made));
    assert_eq!(plays[0].ended_at, Some(later(6)));
    assert_eq!(plays[0].shown_millis, 5_000);
    let elsewhere = "exit".parse().unwrap();
    assert_eq!(
        store.plays_since(Some(&elsewhere), START).await.unwrap(),
        []
    );
    assert_eq!(
        store
            .plays_since(Some(&made.screen), START)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(store.policies().await.unwrap(), [policy("c1", 1)]);
    assert_eq!(store.facts().await.unwrap(), [fact("f1", Some(0.1))]);
    let mut expected = minute(1, 1, 1);
    expected.run = 0;
    assert_eq!(store.minutes(always()).await.unwrap(), [expected]);
}

async fn the_same_batch_again_changes_nothing(store: &dyn Store) {
    let keeper = Keeper::new();
    let batch = one_of_each(&keeper, 1, later(1_000));
    store.commit(&batch).await.unwrap();
    let before = everything(store).await;
    let report = store.commit(&batch).await.unwrap();
    assert_eq!(report.repeated, 2);
    assert_eq!(report.repeated_outcomes.len(), 1);
    assert_eq!(everything(store).await, before);
}

/// All that can be read, as text.
pub(crate) async fn everything(store: &dyn Store) -> Vec<String> {
    vec![
        format!("{:?}", store.decisions(u32::MAX, None).await.unwrap()),
        format!("{:?}", store.campaign_totals().await.unwrap()),
        format!(
            "{:?}",
            store.plays_since(None, at_start_of_time()).await.unwrap()
        ),
        format!("{:?}", store.play_counts(later(3)).await.unwrap()),
        format!("{:?}", store.play_rows(later(2)..later(40)).await.unwrap()),
        format!(
            "{:?}",
            store.creative_report(later(2)..later(40)).await.unwrap()
        ),
        format!("{:?}", store.policies().await.unwrap()),
        format!("{:?}", store.minutes(always()).await.unwrap()),
        format!("{:?}", store.facts().await.unwrap()),
        format!("{:?}", store.setting("token").await.unwrap()),
        format!("{:?}", store.ledger_range(0..u64::MAX).await.unwrap()),
        format!("{:?}", store.checkpoints().await.unwrap()),
        format!("{:?}", store.latest_commitments().await.unwrap()),
    ]
}

async fn an_outcome_counts_once(store: &dyn Store) {
    let keeper = Keeper::new();
    let made = decision(1, START, "summer", "a");
    let scan =
        |key: &str, value| keeper.long(OutcomeRow(outcome(1, OutcomeKind::Scan, key, value)));
    let mut batch = Batch::new();
    batch
        .decision(keeper.long(DecisionRow(made.clone())))
        .outcome(scan("phone", 1.0))
        .outcome(scan("phone", 5.0))
        .outcome(scan("tablet", 1.0));
    let report = store.commit(&batch).await.unwrap();
    let repeated = OutcomeKey {
        decision: made.id,
        kind: "scan".to_owned(),
        key: "phone".to_owned(),
    };
    assert_eq!(report.repeated_outcomes, [repeated]);
    let values: Vec<f32> = store
        .outcomes_of(made.id)
        .await
        .unwrap()
        .iter()
        .map(|o| o.value)
        .collect();
    assert_eq!(values, [1.0, 1.0]);
    let since = store.outcomes_since(START).await.unwrap();
    assert_eq!(since[&made.id], store.outcomes_of(made.id).await.unwrap());
}

async fn what_nothing_hangs_on_is_reported(store: &dyn Store) {
    let keeper = Keeper::new();
    let lost = outcome(9, OutcomeKind::Scan, "k", 1.0);
    let mut batch = Batch::new();
    batch
        .play_end(keeper.long(end_of(8, later(1), 10)))
        .outcome(keeper.long(OutcomeRow(lost.clone())));
    let report = store.commit(&batch).await.unwrap();
    assert_eq!(report.orphaned_ends, [PlayId::from_bits(8)]);
    assert_eq!(report.orphaned_outcomes, [OutcomeKey::of(&lost)]);
    assert_eq!(report.written, 0);
    assert_eq!(store.outcomes_of(lost.decision).await.unwrap(), []);
}

async fn a_bad_row_never_holds_up_the_others(store: &dyn Store) {
    let keeper = Keeper::new();
    let mut bad = decision(1, START, "summer", "a");
    bad.propensity = f32::NAN;
    let good = decision(2, START, "summer", "a");
    let mut batch = Batch::new();
    batch
        .decision(keeper.long(DecisionRow(bad)))
        .decision(keeper.long(DecisionRow(good.clone())))
        .play_start(keeper.long(play_of(&good)))
        .play_end(keeper.long(end_of(2, later(1), u64::MAX)))
        .outcome(keeper.long(OutcomeRow(outcome(
            2,
            OutcomeKind::Dwell,
            "k",
            f32::INFINITY,
        ))));
    let report = store.commit(&batch).await.unwrap();
    let kinds: Vec<_> = report.unreadable.iter().map(|(what, _)| *what).collect();
    assert_eq!(kinds, ["decision", "play", "outcome"]);
    assert_eq!(store.decisions(9, None).await.unwrap(), [good]);
}

async fn decisions_come_in_pages(store: &dyn Store) {
    let keeper = Keeper::new();
    let seed = 11;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::new();
    let mut batch = Batch::new();
    for _ in 0..57 {
        // Few instants, so that most decisions share theirs with others.
        let made = decision(rng.random(), later(rng.random_range(0..6)), "", "a");
        batch.decision(keeper.long(DecisionRow(made.clone())));
        all.push(made);
    }
    store.commit(&batch).await.unwrap();
    all.sort_by_key(|d| std::cmp::Reverse((d.at, d.id)));
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = store.decisions(10, before).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(DecisionCursor {
            at: last.at,
            id: last.id,
        });
        found.extend(page);
    }
    assert_eq!(found, all);
    let mut since = store.decisions_since(later(3)).await.unwrap();
    since.reverse();
    all.retain(|d| d.at >= later(3));
    assert_eq!(since, all);
}

async fn reports_agree_with_counting(store: &dyn Store) {
    let keeper = Keeper::new();
    let seed = 5;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batch = Batch::new();
    // (campaign, creative) → plays, milliseconds, values of attention.
    let mut expected: BTreeMap<(&str, &str), (u64, u64, Vec<f64>)> = BTreeMap::new();
    let mut looked = 0;
    for id in 0..200_u128 {
        let campaign = ["", "summer", "winter"][rng.random_range(0..3)];
        let creative = ["a", "b"][rng.random_range(0..2)];
        let (at, shown) = (later(rng.random_range(0..100)), rng.random_range(0..9_000));
        let made = decision(id, at, campaign, creative);
        batch
            .play_start(keeper.long(play_of(&made)))
            .play_end(keeper.long(end_of(id, at, shown)))
            .decision(keeper.long(DecisionRow(made)));
        let within = (later(20)..later(70)).contains(&at);
        let line = expected.entry((campaign, creative)).or_default();
        if within {
            line.0 += 1;
            line.1 += shown;
        }
        if rng.random_bool(0.5) {
            let value = rng.random_range(0..40) as f32 / 4.0;
            let row = OutcomeRow(outcome(id, OutcomeKind::AttentionSeconds, "m", value));
            batch.outcome(keeper.long(row));
            if within {
                line.2.push(value.into());
                looked += 1;
            }
        }
    }
    store.commit(&batch).await.unwrap();
    let report = store.creative_report(later(20)..later(70)).await.unwrap();
    assert_eq!(report.len(), expected.len());
    for (line, ((campaign, creative), (plays, shown, values))) in report.iter().zip(expected) {
        let name = line.campaign.as_ref().map_or("", |c| c.as_str());
        assert_eq!((name, line.creative.as_str()), (campaign, creative));
        assert_eq!((line.plays, line.shown_millis), (plays, shown));
        let sums = Sums {
            n: values.len() as u64,
            sum: values.iter().sum(),
            sum_squares: values.iter().map(|v| v * v).sum(),
        };
        assert_eq!(line.outcomes, [("attention_seconds".to_owned(), sums)]);
    }
    let rows = store.play_rows(later(20)..later(70)).await.unwrap();
    let total: u64 = report.iter().map(|line| line.plays).sum();
    assert_eq!(rows.len() as u64, total);
    assert_eq!(
        rows.iter().filter(|r| r.attention_secs.is_some()).count(),
        looked
    );
    let counts = store.play_counts(START).await.unwrap();
    assert_eq!(counts.iter().map(|c| c.plays).sum::<u64>(), 200);
    assert!(counts.is_sorted());
}

async fn minutes_add_up_their_runs(store: &dyn Store) {
    let keeper = Keeper::new();
    let mut batch = Batch::new();
    // The first run writes twice, the second time with more; u64::MAX has the sign bit of SQL.
    for (run, entered) in [(1, 2), (1, 3), (u64::MAX, 4)] {
        batch.minute(keeper.long(minute(0, run, entered)));
    }
    batch.minute(keeper.long(minute(1, 1, 1)));
    store.commit(&batch).await.unwrap();
    let found = store.minutes(START..later(60)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].entered, found[0].peak_visitors), (7, 4));
    assert_eq!(found[0].visitor_secs, 9.0);
    assert_eq!(found[0].expression_secs[6], 6.0);
    let visits = found[0].visits;
    assert_eq!(
        (visits.visits, visits.looks, visits.expressions[1]),
        (7, 4, 2)
    );
    assert_eq!(store.minutes(START..later(61)).await.unwrap().len(), 2);
}

async fn the_last_writing_counts(store: &dyn Store) {
    let keeper = Keeper::new();
    let mut batch = Batch::new();
    batch
        .policy(keeper.long(policy("x", 7)))
        .fact(keeper.long(fact("rain", Some(1.0))))
        .fact(keeper.long(fact("queue", Some(2.0))));
    store.commit(&batch).await.unwrap();
    batch.clear();
    // A policy that was reset begins again at version 0.
    batch
        .policy(keeper.long(policy("x", 0)))
        .fact(keeper.long(fact("rain", None)));
    store.commit(&batch).await.unwrap();
    assert_eq!(store.policies().await.unwrap(), [policy("x", 0)]);
    assert_eq!(store.facts().await.unwrap(), [fact("queue", Some(2.0))]);
    for value in ["one", "two"] {
        store
            .put_setting(&keeper.long(setting("token", value)))
            .await
            .unwrap();
    }
    assert_eq!(store.setting("token").await.unwrap().unwrap(), "two");
    assert!(store.remove_setting("token").await.unwrap());
    assert!(!store.remove_setting("token").await.unwrap());
    assert_eq!(store.setting("token").await.unwrap(), None);
    // Digits and signs that SQL's own patterns would take for more than themselves.
    for name in ["token.b", "token.a", "token%", "tokens", "Token.c"] {
        let row = keeper.long(setting(name, "hash"));
        store.put_setting(&row).await.unwrap();
    }
    let names = async |prefix: &str| -> Vec<String> {
        let found = store.settings(prefix).await.unwrap();
        found.into_iter().map(|s| s.name).collect()
    };
    assert_eq!(names("token.").await, ["token.a", "token.b"]);
    assert_eq!(names("token%").await, ["token%"]);
    assert!(names("none").await.is_empty());
    assert_eq!(names("").await.len(), 5);
    for value in ["one", "two"] {
        store
            .put_document(&keeper.long(document("token", value)))
            .await
            .unwrap();
    }
    assert_eq!(store.document("token").await.unwrap().unwrap(), "two");
    assert_eq!(
        store.setting("token").await.unwrap(),
        None,
        "each has its own names"
    );
}

async fn the_ledger_has_no_gaps(store: &dyn Store) {
    let keeper = Keeper::new();
    assert_eq!(store.ledger_len().await.unwrap(), 0);
    store.append_ledger(&leaves(&keeper, 0..3)).await.unwrap();
    for (offered, at) in [(4..5, 4), (2..4, 2), (0..1, 0)] {
        let refused = store.append_ledger(&leaves(&keeper, offered)).await;
        match refused {
            Err(StoreError::LedgerGap { expected: 3, found }) => assert_eq!(found, at),
            other => panic!("{other:?}"),
        }
    }
    // A gap in the midst: the entries before it are not kept either.
    let mut torn = leaves(&keeper, 3..5);
    torn.extend(leaves(&keeper, 6..7));
    assert!(store.append_ledger(&torn).await.is_err());
    assert_eq!(store.ledger_len().await.unwrap(), 3);
    store.append_ledger(&[]).await.unwrap();
    store.append_ledger(&leaves(&keeper, 3..5)).await.unwrap();
    let rows = store.ledger_range(1..99).await.unwrap();
    assert_eq!(
        rows.iter().map(|r| r.index).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    for row in rows {
        assert_eq!(row.bytes, Some(leaf(row.index).bytes));
        assert_eq!(row.hash, leaf(row.index).hash);
    }
}

async fn documents_never_change(store: &dyn Store) {
    let keeper = Keeper::new();
    let note = |size, text: &str| {
        keeper.long(SignedCheckpoint {
            size,
            note: text.to_owned(),
        })
    };
    store.append_ledger(&leaves(&keeper, 0..2)).await.unwrap();
    assert!(matches!(
        store.put_checkpoint(&note(3, "x")).await,
        Err(StoreError::LedgerGap {
            expected: 2,
            found: 3
        })
    ));
    for checkpoint in [note(2, "b"), note(1, "a"), note(1, "a")] {
        store.put_checkpoint(&checkpoint).await.unwrap();
    }
    assert!(matches!(
        store.put_checkpoint(&note(1, "other")).await,
        Err(StoreError::Conflict { number: 1, .. })
    ));
    let notes: Vec<_> = store.checkpoints().await.unwrap();
    assert_eq!(
        notes,
        [note(1, "a").row().clone(), note(2, "b").row().clone()]
    );
    assert_eq!(
        store.latest_checkpoint().await.unwrap(),
        notes.last().cloned()
    );

    assert_eq!(store.latest_commitments().await.unwrap(), None);
    for version in [2, 1, 2] {
        let kept = keeper.long(signed(version));
        store.put_commitments(version, &kept).await.unwrap();
    }
    let changed = store.put_commitments(2, &keeper.long(signed(3))).await;
    assert!(matches!(
        changed,
        Err(StoreError::Conflict { number: 2, .. })
    ));
    assert_eq!(store.commitments(1).await.unwrap(), Some(signed(1)));
    assert_eq!(store.commitments(3).await.unwrap(), None);
    assert_eq!(store.latest_commitments().await.unwrap(), Some(signed(2)));
}

async fn what_is_sealed_is_kept_by_person_and_key(store: &dyn Store) {
    let keeper = Keeper::new();
    let learn = KeySlot::Purpose(ConsentPurpose::Learn);
    let row = |person: u128, kind: &str, name: &str, slot| SealedRow {
        person: PersonId::from_bits(person),
        kind: kind.to_owned(),
        name: name.to_owned(),
        slot,
        at: later(1),
        body: format!("{person} {kind} {name}").into_bytes(),
    };
    let rows = [
        row(8, "receipt", "a", KeySlot::Record),
        row(7, "receipt", "b", KeySlot::Record),
        row(7, "receipt", "a", KeySlot::Record),
        row(7, "preferences", "", learn),
    ];
    let kept: Vec<_> = rows
        .iter()
        .map(|r| keeper.until(r.clone(), later(50)))
        .collect();
    store.put_sealed(&kept).await.unwrap();
    let of = |person| store.sealed_of(PersonId::from_bits(person));
    let expected = [rows[3].clone(), rows[2].clone(), rows[1].clone()];
    assert_eq!(of(7).await.unwrap(), expected);
    assert_eq!(of(9).await.unwrap(), []);
    let persons = |after: Option<u128>, limit| {
        store.sealed_persons(None, after.map(PersonId::from_bits), limit)
    };
    let ids = |all: Vec<PersonId>| all.iter().map(|p| p.as_bits()).collect::<Vec<_>>();
    assert_eq!(ids(persons(None, 9).await.unwrap()), [7, 8]);
    assert_eq!(ids(persons(None, 1).await.unwrap()), [7]);
    assert_eq!(ids(persons(Some(7), 9).await.unwrap()), [8]);
    let with = |kind, after: Option<u128>, limit| {
        store.sealed_persons(Some(kind), after.map(PersonId::from_bits), limit)
    };
    assert_eq!(ids(with("receipt", None, 9).await.unwrap()), [7, 8]);
    assert_eq!(ids(with("receipt", None, 1).await.unwrap()), [7]);
    assert_eq!(ids(with("receipt", Some(7), 9).await.unwrap()), [8]);
    assert_eq!(ids(with("preferences", None, 9).await.unwrap()), [7]);
    assert_eq!(ids(with("preferences", Some(7), 9).await.unwrap()), []);
    assert_eq!(ids(with("receipts", None, 9).await.unwrap()), []);
    // The same place takes the newer.
    let mut newer = row(7, "preferences", "", learn);
    newer.body = b"newer".to_vec();
    store
        .put_sealed(&[keeper.until(newer.clone(), later(99))])
        .await
        .unwrap();
    assert_eq!(of(7).await.unwrap()[0], newer);
    let person = PersonId::from_bits(7);
    // One thing alone goes, and once.
    let kept = keeper.until(row(7, "template", "a", learn), later(50));
    store.put_sealed(&[kept]).await.unwrap();
    let gone = async |kind, name| store.remove_sealed_row(person, kind, name).await.unwrap();
    assert!(!gone("template", "b").await && !gone("preferences", "a").await);
    assert!(gone("template", "a").await && !gone("template", "a").await);
    assert_eq!(of(7).await.unwrap().len(), 3);
    assert_eq!(
        store
            .remove_sealed(person, SealedSlots::Of(learn))
            .await
            .unwrap(),
        1
    );
    assert_eq!(of(7).await.unwrap(), expected[1..]);
    assert_eq!(
        store.remove_sealed(person, SealedSlots::All).await.unwrap(),
        2
    );
    assert_eq!(
        store.remove_sealed(person, SealedSlots::All).await.unwrap(),
        0
    );
    assert_eq!(of(8).await.unwrap().len(), 1);
    assert_eq!(
        store.sweep(later(50)).await.unwrap().removed[&DataKind::Person],
        1
    );
    assert_eq!(of(8).await.unwrap(), []);
}

async fn a_closed_store_says_so(store: &dyn Store) {
    store.close().await;
    assert!(matches!(
        store.commit(&Batch::new()).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(store.facts().await, Err(StoreError::Closed)));
    store.close().await;
}
