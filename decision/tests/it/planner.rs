//! What a decision is, and what it says of itself.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regard_decision::{
    Decision, FactValue, Obstacle, PolicyState, PolicyStateError, PolicyUpdate, Trigger,
};
use regard_domain::ScreenId;

use crate::support::{at, campaign, campaigns, context, planner, rng, screen};

#[test]
fn nothing_eligible_means_the_default_message_for_sure() {
    let mut planner = planner(&campaign("k", "enabled = false", &[("a", "")]));
    let context = context(&planner, 1, 0.5);
    let decision = planner.decide(&screen(), &context, at(0), &mut rng(1));
    assert!(decision.is_default && decision.campaign.is_none());
    assert_eq!(
        (decision.creative.as_str(), decision.propensity),
        ("welcome", 1.0)
    );
    assert_eq!(
        (decision.policy.as_str(), decision.policy_version),
        ("default", 0)
    );
    assert_eq!(decision.candidates.len(), 1);
    assert_eq!(decision.reason.excluded[0].obstacle, Obstacle::Disabled);
    assert_eq!(decision.features.len(), 13);
    assert_eq!(planner.creative(&decision).unwrap().name, "Welcome");
}

#[test]
fn every_obstacle_is_named() {
    let toml = [
        campaign("a", "priority = 9\nscreens = ['exit']", &[("x", "")]),
        campaign(
            "b",
            "priority = 8\nschedule = { to = '2026-11-19' }",
            &[("x", "")],
        ),
        campaign(
            "c",
            "priority = 7\nbudget = { max_plays_total = 1 }",
            &[("x", "")],
        ),
        campaign(
            "d",
            "priority = 6\nbudget = { max_plays_per_day = 1 }",
            &[("x", "")],
        ),
        campaign(
            "e",
            "priority = 5",
            &[
                ("gap", "caps = { min_gap_millis = 5000 }"),
                ("hour", "caps = { max_per_hour = 1 }"),
                ("day", "caps = { max_per_day = 1 }"),
                (
                    "smile",
                    "when = { expression = [{ label = 'happy', min = 0.9 }] }",
                ),
                ("free", ""),
            ],
        ),
        campaign("f", "priority = 4", &[("x", "")]),
    ]
    .concat();
    let mut planner = planner(&toml);
    let context = context(&planner, 1, 0.5);
    let mut rng = rng(1);
    let decisions: Vec<Decision> = (0..6)
        .map(|i| planner.decide(&screen(), &context, at(i * 100), &mut rng))
        .collect();
    let chosen: Vec<&str> = decisions.iter().map(|d| d.creative.as_str()).collect();
    assert_eq!(chosen, ["x", "x", "gap", "hour", "day", "free"]);
    let reason = &decisions[5].reason;
    assert_eq!(reason.trigger, Trigger::Asked);
    let said: Vec<String> = reason
        .excluded
        .iter()
        .map(|e| {
            let creative = e.creative.as_ref().map_or("", |c| c.as_str());
            format!("{} {creative}: {}", e.campaign, e.obstacle)
        })
        .collect();
    assert_eq!(
        said,
        [
            "a : not on this screen",
            "b : not at this time",
            "c : all 1 plays are used up",
            "d : all 1 plays of the day are used up",
            "e gap: shown less than 5000 ms ago",
            "e hour: shown 1 times within the hour",
            "e day: shown 1 times today",
            "e smile: expression.happy 0.5, wanted from 0.9",
            "f : outranked by priority 5",
        ]
    );
    let json = serde_json::to_string(&decisions[5]).unwrap();
    assert_eq!(
        serde_json::from_str::<Decision>(&json).unwrap(),
        decisions[5]
    );
    // Another screen has its own caps but the same budgets.
    let other = ScreenId::new("exit").unwrap();
    let there = planner.eligible(&other, &context, at(1000));
    let first = &there.eligible[0];
    assert_eq!((first.campaign.as_str(), first.priority), ("a", 9));
    assert_eq!(there.eligible[1].creative.as_str(), "gap");
}

#[test]
fn equal_priorities_share_by_weight_and_the_propensity_is_the_product() {
    let toml = campaign(
        "a",
        "weight = 3\npolicy = { kind = 'thompson' }",
        &[("x", ""), ("y", "")],
    ) + &campaign("b", "weight = 1", &[("z", ""), ("never", "")]);
    let mut planner = planner(&toml);
    let context = context(&planner, 1, 0.5);
    let mut rng = rng(21);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let n_draws = 10_000;
    for i in 0..n_draws {
        let decision = planner.decide(&screen(), &context, at(i * 1000), &mut rng);
        let sum: f32 = decision.candidates.iter().map(|c| c.propensity).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        let own = decision
            .candidates
            .iter()
            .find(|c| c.creative == decision.creative);
        assert_eq!(own.unwrap().propensity, decision.propensity);
        *counts.entry(decision.creative.to_string()).or_default() += 1;
    }
    for (creative, share) in [("x", 0.375), ("y", 0.375), ("z", 0.25), ("never", 0.0)] {
        let found = f64::from(*counts.get(creative).unwrap_or(&0)) / n_draws as f64;
        // Four standard errors of 10,000 draws are at most .02.
        assert!((found - share).abs() < 0.02, "{creative}: {found}");
    }
}

#[test]
fn round_robin_goes_round_and_goes_on_after_a_restart() {
    let toml = campaign(
        "a",
        "policy = { kind = 'fixed', order = 'round_robin' }",
        &[("x", "weight = 2"), ("y", ""), ("z", "")],
    );
    let mut one = planner(&toml);
    let context = context(&one, 1, 0.5);
    let mut rng = rng(1);
    let mut decide = |planner: &mut regard_decision::Planner, i: i64| {
        planner.decide(&screen(), &context, at(i * 1000), &mut rng)
    };
    let log: Vec<Decision> = (0..7).map(|i| decide(&mut one, i)).collect();
    let n_x = log[..4]
        .iter()
        .filter(|d| d.creative.as_str() == "x")
        .count();
    assert_eq!(n_x, 2);
    assert!(log.iter().all(|d| d.propensity == 1.0));
    let mut two = planner(&toml);
    two.restore(&BTreeMap::new(), log.iter().rev().chain(&log));
    for i in 7..20 {
        assert_eq!(decide(&mut one, i).creative, decide(&mut two, i).creative);
    }
}

#[test]
fn learning_moves_from_one_planner_to_the_next_and_is_never_lost_unasked() {
    let toml = campaign(
        "k",
        "policy = { kind = 'thompson' }",
        &[("x", ""), ("y", "")],
    );
    let mut old = planner(&toml);
    let context = context(&old, 1, 0.5);
    let id = "k".parse().unwrap();
    let mut rng = rng(5);
    for i in 0..200 {
        let decision = old.decide(&screen(), &context, at(i * 1000), &mut rng);
        let update = PolicyUpdate {
            decision: decision.id,
            campaign: decision.campaign.unwrap(),
            reward: f32::from(u8::from(decision.creative.as_str() == "y")),
            creative: decision.creative,
            features: context.features().to_vec(),
            is_held_out: false,
            propensity: 1.0,
            segments: Vec::new(),
        };
        old.apply(&update).unwrap();
    }
    let text = old.policy_state(&id).unwrap().to_json();
    let state = PolicyState::from_json(&text).unwrap();
    let mut new = planner(&toml);
    new.load_policy(&id, &state).unwrap();
    let decision = new.decide(&screen(), &context, at(0), &mut rng);
    assert_eq!(decision.policy_version, 200);
    let y = decision
        .candidates
        .iter()
        .find(|c| c.creative.as_str() == "y")
        .unwrap();
    assert!(y.propensity > 0.9);

    let mut rules = planner(&toml.replace("thompson", "rules"));
    let refused = rules.load_policy(&id, &state);
    assert!(matches!(refused, Err(PolicyStateError::Kind { .. })));
    let unknown = new.load_policy(&"other".parse().unwrap(), &state);
    assert_eq!(unknown, Err(PolicyStateError::UnknownCampaign));
    // Another message or weight keeps what was learned; another policy does not, and says so.
    assert_eq!(
        new.set_campaigns(campaigns(&(toml.clone() + "weight = 2"))),
        Ok(vec![])
    );
    assert_eq!(new.policy_state(&id).unwrap().version, 200);
    let changed = campaigns(&toml.replace("thompson", "linucb"));
    assert_eq!(new.set_campaigns(changed), Ok(vec![id.clone()]));
    assert_eq!(new.policy_state(&id).unwrap().version, 0);
    assert!(new.reset_policy(&id));
}

proptest! {
    /// No grant, no person: whatever facts come in, nothing in a decision speaks of one. (No word of these letters is a
    /// sensitive trait's, which is refused for its own sake.)
    #[test]
    fn a_decision_without_a_grant_never_names_a_person(
        names in prop::collection::vec("(person\\.)?[k-q]{1,6}", 0..20), n_visitors in 0..5_u32,
    ) {
        let test = "when = { facts = [{ name = 'person.likes', equals = 'tea' }] }";
        let mut planner = planner(&campaign("k", "human_contact = 'Ms Lee'", &[("own", test), ("all", "")]));
        for name in &names {
            let taken = planner.set_fact(name, FactValue::Text("tea".into()));
            prop_assert_eq!(taken.is_err(), name.starts_with("person."));
        }
        prop_assert!(planner.set_fact("person.likes", FactValue::Text("tea".into())).is_err());
        let context = context(&planner, n_visitors, 0.4);
        let decision = planner.decide(&screen(), &context, at(0), &mut rng(1));
        prop_assert!(!decision.is_personal);
        prop_assert_eq!(decision.creative.as_str(), "all");
        prop_assert!(decision.features.iter().all(|(name, _)| !name.contains("person")));
        let json = serde_json::to_string(&decision).unwrap();
        prop_assert!(!json.contains("tea") || json.matches("tea").count() == 1, "{}", json);
    }
}

/// Once it was found that what faces show adds nothing, the policy chooses the same whatever they show, and the log has none of
/// it; a campaign that insists goes on seeing it.
#[test]
fn idle_expression_is_neither_seen_nor_logged() {
    for (insists, head) in [
        (false, "policy = { kind = 'lints' }"),
        (true, "policy = { kind = 'lints' }\nexpression = 'on'"),
    ] {
        let mut planner = planner(&campaign("k", head, &[("a", ""), ("b", "")]));
        let id = "k".parse().unwrap();
        assert!(planner.sees_expression(&id));
        planner.set_expression_idle(&id, true);
        assert_eq!(planner.sees_expression(&id), insists);
        let decisions = [0.0, 1.0].map(|happy| {
            let context = context(&planner, 2, happy);
            planner.decide(&screen(), &context, at(0), &mut rng(3))
        });
        let [sober, happy] = &decisions;
        let value = |d: &Decision| {
            let found = d.features.iter().find(|(name, _)| name == "happy");
            found.expect("a feature of that name").1
        };
        assert_eq!(
            (value(sober), value(happy)),
            (0.0, f32::from(u8::from(insists)))
        );
        if !insists {
            assert_eq!(sober.features, happy.features);
            assert_eq!(sober.candidates, happy.candidates);
        }
    }
}
