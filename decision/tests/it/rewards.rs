//! Rewards arrive late, twice and in any order, and count once.

use proptest::prelude::*;
use regard_decision::{
    Acceptance, Attributor, Decision, Outcome, OutcomeKind, PolicyUpdate, RewardRule, RewardTerm,
};
use regard_domain::DecisionId;

use crate::support::{at, campaign, context, planner, rng, screen};

fn decisions(n: i64) -> Vec<Decision> {
    let mut planner = planner(&campaign("k", "", &[("a", "")]));
    let context = context(&planner, 1, 0.5);
    let mut rng = rng(9);
    (0..n)
        .map(|i| planner.decide(&screen(), &context, at(i), &mut rng))
        .collect()
}

fn outcome(decision: DecisionId, kind: OutcomeKind, value: f32, key: &str) -> Outcome {
    Outcome {
        decision,
        kind,
        value,
        at: at(0),
        key: key.to_owned(),
    }
}

fn term(kind: OutcomeKind, weight: f32, saturates_at: Option<f32>) -> RewardTerm {
    RewardTerm {
        kind,
        weight,
        saturates_at,
    }
}

fn rule(missing_is_zero: bool) -> RewardRule {
    RewardRule {
        terms: vec![
            term(OutcomeKind::AttentionSeconds, 1.0, None),
            term(OutcomeKind::SmileLift, 1.0, Some(0.5)),
            term(OutcomeKind::Scan, 2.0, None),
        ],
        missing_is_zero,
        window_secs: 600,
    }
}

fn reward(missing_is_zero: bool, outcomes: &[(OutcomeKind, f32)]) -> Option<f32> {
    let decision = &decisions(1)[0];
    let mut attributor = Attributor::new();
    assert!(
        attributor
            .open(decision, &rule(missing_is_zero), 10_000)
            .is_empty()
    );
    for (i, (kind, value)) in outcomes.iter().enumerate() {
        let outcome = outcome(decision.id, kind.clone(), *value, &i.to_string());
        assert_eq!(attributor.accept(outcome, at(1)), Acceptance::Counted);
    }
    assert!(attributor.due(at(599_999)).is_empty());
    let updates = attributor.due(at(600_000));
    assert_eq!(attributor.n_open(), 0);
    assert!(
        updates
            .iter()
            .all(|u| u.decision == decision.id && u.features.len() == 13)
    );
    updates.first().map(|u| u.reward)
}

#[test]
fn outcomes_become_one_reward() {
    use OutcomeKind::{AttentionSeconds, Scan, SmileLift};
    for (outcomes, zeros, left_out) in [
        (vec![], Some(0.0), None),
        (vec![(AttentionSeconds, 5.0)], Some(0.125), Some(0.5)),
        (vec![(AttentionSeconds, 50.0)], Some(0.25), Some(1.0)),
        (
            vec![(AttentionSeconds, 3.0), (AttentionSeconds, 2.0)],
            Some(0.125),
            Some(0.5),
        ),
        (vec![(SmileLift, -0.5)], Some(0.0), Some(0.0)),
        (
            vec![(SmileLift, 0.5), (SmileLift, 0.0)],
            Some(0.125),
            Some(0.5),
        ),
        (
            vec![(Scan, 1.0), (AttentionSeconds, 5.0)],
            Some(0.625),
            Some(2.5 / 3.0),
        ),
        (
            vec![(OutcomeKind::Custom("tap".into()), 1.0)],
            Some(0.0),
            None,
        ),
    ] {
        assert_eq!(reward(true, &outcomes), zeros, "{outcomes:?}");
        assert_eq!(reward(false, &outcomes), left_out, "{outcomes:?}");
    }
}

#[test]
fn what_only_the_meter_measures_is_rewarded_when_the_play_ends() {
    let decision = &decisions(1)[0];
    let mut attributor = Attributor::new();
    attributor.open(decision, &RewardRule::default(), 10_000);
    let looked = outcome(decision.id, OutcomeKind::AttentionSeconds, 2.5, "meter");
    assert_eq!(
        attributor.accept(looked.clone(), at(9000)),
        Acceptance::Counted
    );
    assert!(attributor.due(at(9000)).is_empty());
    attributor.play_ended(decision.id);
    let updates = attributor.due(at(9001));
    assert_eq!(updates.iter().map(|u| u.reward).collect::<Vec<_>>(), [0.25]);
    // The window stays open for the rest, but the reward was given.
    let scan = outcome(decision.id, OutcomeKind::Scan, 1.0, "s");
    assert_eq!(
        attributor.accept(scan.clone(), at(10_000)),
        Acceptance::Counted
    );
    assert_eq!(
        attributor.accept(scan.clone(), at(10_000)),
        Acceptance::Duplicate
    );
    assert!(attributor.due(at(600_000)).is_empty());
    assert_eq!(attributor.accept(scan, at(600_001)), Acceptance::Late);
    assert!(
        attributor
            .open(decision, &RewardRule::default(), 10_000)
            .is_empty()
    );
    assert_eq!(attributor.n_open(), 0, "what was closed stays closed");
}

#[test]
fn late_unknown_and_impossible_outcomes_are_told_apart() {
    let decision = &decisions(1)[0];
    let mut attributor = Attributor::new();
    attributor.open(decision, &rule(true), 10_000);
    let scan = |key: &str| outcome(decision.id, OutcomeKind::Scan, 1.0, key);
    assert_eq!(attributor.accept(scan(""), at(1)), Acceptance::Invalid);
    assert_eq!(
        attributor.accept(scan(&"k".repeat(129)), at(1)),
        Acceptance::Invalid
    );
    let nan = outcome(decision.id, OutcomeKind::Scan, f32::NAN, "k");
    assert_eq!(attributor.accept(nan, at(1)), Acceptance::Invalid);
    let stranger = outcome(DecisionId::from_bits(1), OutcomeKind::Scan, 1.0, "k");
    assert_eq!(attributor.accept(stranger, at(1)), Acceptance::Unknown);
    assert_eq!(attributor.accept(scan("k"), at(600_000)), Acceptance::Late);
    for i in 0..1024 {
        assert_eq!(
            attributor.accept(scan(&i.to_string()), at(1)),
            Acceptance::Counted
        );
    }
    assert_eq!(attributor.accept(scan("k"), at(1)), Acceptance::Full);
}

#[test]
fn when_full_the_first_closes_with_what_it_has() {
    let decisions = decisions(8641);
    let mut attributor = Attributor::new();
    let mut updates: Vec<PolicyUpdate> = Vec::new();
    for decision in &decisions {
        updates.extend(attributor.open(decision, &rule(true), 10_000));
    }
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].decision, decisions[0].id);
    assert_eq!(attributor.n_open(), 8640);
}

proptest! {
    /// The oracle takes each (decision, kind, key) once, from the list as it was before anything
    /// was doubled or shuffled.
    #[test]
    fn each_outcome_counts_once_in_any_order(
        scans in prop::collection::btree_map((0..4_usize, 0..5_u8), 0.0_f32..0.4, 0..20),
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..80),
    ) {
        let decisions = decisions(4);
        let rule = RewardRule { terms: vec![term(OutcomeKind::Scan, 1.0, Some(2.0))], ..rule(true) };
        let mut attributor = Attributor::new();
        for decision in &decisions {
            attributor.open(decision, &rule, 10_000);
        }
        let all: Vec<_> = scans.iter().collect();
        let mut sent: Vec<usize> = (0..all.len()).collect();
        for (index, twice) in &order {
            if all.is_empty() {
                break;
            }
            let i = index.index(all.len());
            if *twice { sent.push(i) } else { sent.swap(i, 0) }
        }
        let mut n_counted = 0;
        for i in sent {
            let ((decision, key), value) = all[i];
            let scan = outcome(decisions[*decision].id, OutcomeKind::Scan, *value, &key.to_string());
            n_counted += u32::from(attributor.accept(scan, at(5)) == Acceptance::Counted);
        }
        prop_assert_eq!(n_counted as usize, all.len());
        let updates = attributor.due(at(700_000));
        prop_assert_eq!(updates.len(), 4);
        prop_assert!(attributor.due(at(700_000)).is_empty());
        for (i, decision) in decisions.iter().enumerate() {
            let of_decision = scans.iter().filter(|((d, _), _)| *d == i);
            let sum: f64 = of_decision.map(|(_, value)| f64::from(*value)).sum();
            let update = updates.iter().find(|u| u.decision == decision.id).unwrap();
            prop_assert_eq!(update.reward, (sum / 2.0).min(1.0) as f32);
        }
    }
}
