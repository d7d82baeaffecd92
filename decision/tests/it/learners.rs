//! Laws of the policies that learn a linear model.

use regard_decision::{
    Action, ApprenticeEnd, Attributor, ContextSpec, Creative, FeatureSpace, LearnerConfig,
    ModelShape, Planner, Policy, PolicyConfig, PolicyState, PolicyStateError, PolicyUpdate,
    RewardRule, Workspace, new_policy_over, restore_policy_over,
};
use regard_domain::{CreativeId, SlotId};

use crate::support::{at, campaign, campaigns, context, planner, rng, screen};

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

fn id(text: &str) -> CreativeId {
    CreativeId::new(text).unwrap()
}

fn action<'a>(creative: &'a CreativeId, features: &'a [f32]) -> Action<'a> {
    Action {
        creative,
        has_condition: false,
        weight: 1.0,
        turn: 0.0,
        features,
    }
}

fn config() -> LearnerConfig {
    LearnerConfig::default()
}

/// Teaches that messages with feature 0 please contexts with feature 1, and only these.
fn taught(config: PolicyConfig, space: &FeatureSpace) -> Box<dyn Policy> {
    let mut policy = new_policy_over(config, space);
    let (warm, cold) = (id("warm"), id("cold"));
    for t in 0..400_usize {
        let is_sunny = t % 2 == 0;
        let is_warm = t % 3 == 0;
        let context = [1.0, f32::from(u8::from(is_sunny))];
        let features = [f32::from(u8::from(is_warm)), f32::from(u8::from(!is_warm))];
        let reward = f32::from(u8::from(is_warm == is_sunny));
        let creative = if is_warm { &warm } else { &cold };
        policy
            .update_with((creative, &features), &context, reward)
            .unwrap();
    }
    policy
}

fn all_kinds(config: LearnerConfig) -> [PolicyConfig; 4] {
    [
        PolicyConfig::Epsilon(config),
        PolicyConfig::Lints(config),
        PolicyConfig::Squarecb(config),
        PolicyConfig::Bootstrapped(config),
    ]
}

#[test]
fn what_was_learned_of_one_message_counts_for_others_like_it() {
    let space = FeatureSpace::new(&names("c", 2), names("a", 2));
    let (new_warm, new_cold) = (id("new-warm"), id("new-cold"));
    for config in all_kinds(config()) {
        let policy = taught(config, &space);
        for (context, expected) in [([1.0, 1.0], 0), ([1.0, 0.0], 1)] {
            let actions = [
                action(&new_warm, &[1.0, 0.0]),
                action(&new_cold, &[0.0, 1.0]),
            ];
            let p = policy.propensities(&context, &actions);
            assert!(p[expected] > 0.8, "{}: {context:?} {p:?}", policy.kind());
        }
    }
}

#[test]
fn predictions_come_near_the_truth_and_say_how_near() {
    let space = FeatureSpace::new(&names("c", 2), names("a", 2));
    let policy = taught(PolicyConfig::Lints(config()), &space);
    let new = id("new");
    let warm = [action(&new, &[1.0, 0.0])];
    let sunny = policy.predict(&[1.0, 1.0], &warm).unwrap()[0];
    assert!((sunny.mean - 1.0).abs() < 0.08, "{sunny:?}");
    let unlike = [action(&new, &[-1.0, -1.0])];
    let unlike = policy.predict(&[1.0, 1.0], &unlike).unwrap()[0];
    assert!(
        unlike.deviation > 1.5 * sunny.deviation,
        "{unlike:?} {sunny:?}"
    );
    assert_eq!(policy.predict(&[1.0], &warm), None);
}

#[test]
fn features_are_matched_by_name_when_messages_come_and_go() {
    let space = FeatureSpace::new(&names("c", 2), names("a", 2));
    let config = PolicyConfig::Lints(config());
    let state = taught(config, &space).state();
    let with_more = ["new".to_owned(), "a1".to_owned(), "a0".to_owned()];
    let wider = FeatureSpace::new(&names("c", 2), with_more.to_vec());
    let policy = restore_policy_over(config, &wider, &state).unwrap();
    let any = id("any");
    let mean = |policy: &dyn Policy, features: &[f32]| {
        policy
            .predict(&[1.0, 1.0], &[action(&any, features)])
            .unwrap()[0]
            .mean
    };
    let before = restore_policy_over(config, &space, &state).unwrap();
    let (a, b) = (
        mean(&*policy, &[0.0, 0.0, 1.0]),
        mean(&*before, &[1.0, 0.0]),
    );
    assert!((a - b).abs() < 1e-9, "{a} {b}");
    let own = LearnerConfig {
        model: ModelShape::Own,
        ..LearnerConfig::default()
    };
    let other_shape = restore_policy_over(PolicyConfig::Lints(own), &space, &state);
    assert_eq!(other_shape.err(), Some(PolicyStateError::Shape));
}

#[test]
fn many_features_are_hashed_and_still_learned() {
    let many = names("a", 600);
    let space = FeatureSpace::new(&names("c", 2), many);
    let place = |name: &str| space.place([(name, 1.0)].into_iter());
    let mut policy = new_policy_over(PolicyConfig::Epsilon(config()), &space);
    let any = id("any");
    for t in 0..300_usize {
        let name = format!("a{}", t % 30);
        let reward = f32::from(u8::from(t % 30 == 7));
        policy
            .update_with((&any, &place(&name)), &[1.0, 0.5], reward)
            .unwrap();
    }
    let mean = |name: &str| {
        let features = place(name);
        policy
            .predict(&[1.0, 0.5], &[action(&any, &features)])
            .unwrap()[0]
            .mean
    };
    assert!(
        mean("a7") > 0.5 && mean("a8") < 0.4,
        "{} {}",
        mean("a7"),
        mean("a8")
    );
}

#[test]
fn an_apprentice_follows_the_rules_until_it_has_learned() {
    let config = LearnerConfig {
        apprentice_plays: 10,
        exploration: 0.1,
        ..config()
    };
    let space = FeatureSpace::of_context(&names("c", 1));
    let ids = [id("a"), id("b"), id("c")];
    let mut actions = ids.each_ref().map(|id| action(id, &[]));
    actions[1].has_condition = true;
    for config in all_kinds(config) {
        let mut policy = new_policy_over(config, &space);
        for t in 0..10 {
            let p = policy.propensities(&[1.0], &actions);
            assert!((p[1] - 0.9333).abs() < 1e-3, "{t}: {p:?}");
            assert!(p[0] > 0.0 && p[2] > 0.0);
            let reward = if t % 3 == 2 { 1.0 } else { 0.0 };
            policy.update(&ids[t % 3], &[1.0], reward).unwrap();
        }
        let p = policy.propensities(&[1.0], &actions);
        assert!(p[1] < 0.9, "{}: {p:?}", policy.kind());
    }
}

#[test]
fn an_apprentice_that_has_to_prove_itself_waits_for_that() {
    let config = LearnerConfig {
        apprentice_plays: 5,
        apprentice_ends: ApprenticeEnd::Proven,
        exploration: 0.1,
        ..config()
    };
    let never = LearnerConfig {
        apprentice_ends: ApprenticeEnd::Never,
        ..config
    };
    let space = FeatureSpace::of_context(&names("c", 1));
    let ids = [id("a"), id("b"), id("c")];
    let actions = ids.each_ref().map(|id| action(id, &[]));
    for (proves, never) in all_kinds(config).into_iter().zip(all_kinds(never)) {
        let [mut proves, mut never] = [proves, never].map(|one| new_policy_over(one, &space));
        for policy in [&mut proves, &mut never] {
            for _ in 0..5 {
                assert_eq!(policy.as_apprentice(&[1.0], &actions), None, "too early");
                policy.update(&ids[2], &[1.0], 1.0).unwrap();
            }
            let p = policy.propensities(&[1.0], &actions);
            assert!((p[0] - 0.9333).abs() < 1e-3, "the rules choose: {p:?}");
        }
        let own = proves.as_apprentice(&[1.0], &actions).unwrap();
        assert!((own.iter().sum::<f32>() - 1.0).abs() < 1e-5 && own[2] > own[0]);
        assert!(own.iter().all(|p| *p > 0.0), "{own:?}");
        assert!(proves.is_apprentice() && never.is_apprentice());
        proves.set_proven(true);
        never.set_proven(true);
        assert_eq!(proves.propensities(&[1.0], &actions), own);
        assert_eq!(proves.as_apprentice(&[1.0], &actions), None);
        assert!(!proves.is_apprentice() && never.is_apprentice());
        assert!(never.as_apprentice(&[1.0], &actions).is_some());
    }
}

/// The weight of a play is what the policy would have done over what was done, among the messages of the campaign, whatever
/// else was held out or competed.
#[test]
fn plays_of_an_apprentice_carry_their_weight() {
    let head = "policy = { kind = 'lints', exploration = 0.3, apprentice_ends = 'proven' }\n\
                experiment = { kind = 'bandit', holdout = 0.25 }";
    let messages = [("a", ""), ("b", ""), ("c", "")];
    let apprentice: regard_domain::CampaignId = "k".parse().unwrap();
    let mut planner = planner(&(campaign("k", head, &messages) + &campaign("z", "", &[("z", "")])));
    assert!(planner.is_apprentice(&apprentice) && !planner.is_apprentice(&"z".parse().unwrap()));
    let context = context(&planner, 1, 0.5);
    let mut rng = rng(5);
    let mut n_weighed = 0;
    for t in 0..60 {
        let decision = planner.decide(&screen(), &context, at(t), &mut rng);
        let of_it: Vec<_> = decision
            .candidates
            .iter()
            .filter(|c| c.campaign.as_ref() == Some(&apprentice))
            .collect();
        let own: f32 = of_it.iter().map(|c| c.by_apprentice.unwrap()).sum();
        assert!((own - 1.0).abs() < 1e-5);
        let share: f32 = of_it.iter().map(|c| c.propensity).sum();
        let mut attributor = Attributor::new();
        attributor.open(&decision, &RewardRule::default(), 10_000);
        let update = attributor.due(at(700_000)).pop().unwrap();
        if decision.campaign.as_ref() != Some(&apprentice) {
            assert_eq!(update.apprentice_weight, None);
            continue;
        }
        n_weighed += 1;
        let chosen = of_it.iter().find(|c| c.creative == decision.creative);
        let chosen = chosen.unwrap();
        let weight = f64::from(chosen.by_apprentice.unwrap())
            / (f64::from(chosen.propensity) / f64::from(share));
        let found = f64::from(update.apprentice_weight.unwrap());
        assert!((found - weight).abs() < 1e-3 * weight, "{found} {weight}");
    }
    assert!(n_weighed > 10, "{n_weighed}");
    planner.set_proven(&apprentice, true);
    assert!(!planner.is_apprentice(&apprentice));
    let decision = planner.decide(&screen(), &context, at(61), &mut rng);
    assert!(
        decision
            .candidates
            .iter()
            .all(|c| c.by_apprentice.is_none())
    );
}

#[test]
fn a_prior_counts_as_much_as_its_strength_says() {
    let head = "policy = { kind = 'thompson' }";
    let messages: [(&str, &str); 2] = [("a", ""), ("b", "")];
    let (teacher, pupil) = (
        campaign("t", head, &messages),
        campaign("p", head, &messages),
    );
    let mut planner = planner(&(teacher + &pupil));
    let text = r#"{"format":1,"version":40,"learned":{"kind":"thompson","actions":
        {"a":{"successes":30.0,"failures":10.0,"updated":40}}}}"#;
    let state = PolicyState::from_json(text).unwrap();
    let to = "p".parse().unwrap();
    planner.begin_with(&to, &state, 0.1).unwrap();
    let weakened = planner.policy_state(&to).unwrap().to_json();
    assert!(
        weakened.contains(r#""successes":3.0,"failures":1.0"#),
        "{weakened}"
    );
    for strength in [0.0, 1.5, f64::NAN] {
        assert!(planner.begin_with(&to, &state, strength).is_err());
    }
}

#[test]
fn slots_of_one_screen_show_different_messages() {
    let head = "policy = { kind = 'lints' }";
    let messages = [("a", ""), ("b", ""), ("c", "")];
    let mut planner = planner(&campaign("k", head, &messages));
    let context = context(&planner, 1, 0.5);
    let slots: [SlotId; 4] = ["main", "side", "strip", "corner"].map(|id| id.parse().unwrap());
    let decisions = planner.decide_slots(&screen(), &context, at(0), &slots, &mut rng(5));
    assert!(
        decisions
            .iter()
            .map(|d| d.slot.as_ref())
            .eq(slots.iter().map(Some))
    );
    let mut shown: Vec<&str> = decisions.iter().map(|d| d.creative.as_str()).collect();
    assert!(decisions[3].is_default);
    for (i, decision) in decisions[..3].iter().enumerate() {
        assert_eq!(decision.candidates.len(), 3 - i);
        let sum: f32 = decision.candidates.iter().map(|c| c.propensity).sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }
    shown.sort_unstable();
    assert_eq!(shown, ["a", "b", "c", "welcome"]);
}

/// The same message is looked at in one slot and not in the other: the policy finds out by the feature of the slot.
#[test]
fn what_serves_in_one_slot_need_not_in_another() {
    let head = "policy = { kind = 'lints', exploration = 0.05 }";
    let toml = campaign("k", head, &[("a", ""), ("b", "")]);
    let slots: [SlotId; 2] = ["main", "side"].map(|id| id.parse().unwrap());
    let spec = ContextSpec::default();
    let spec = spec.with_slots(slots.iter().cloned().collect()).unwrap();
    let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
    let mut planner = Planner::new(campaigns(&toml), default, spec).unwrap();
    let mut rng = rng(11);
    let whole = context(&planner, 1, 0.5);
    for i in 0..400 {
        let slot = &slots[i % 2];
        let context = whole.clone().in_slot(slot);
        let decision = planner.decide(&screen(), &context, at(0), &mut rng);
        let serves = (slot.as_str() == "main") == (decision.creative.as_str() == "a");
        let update = PolicyUpdate {
            decision: decision.id,
            campaign: decision.campaign.clone().unwrap(),
            creative: decision.creative.clone(),
            features: decision.features.iter().map(|(_, value)| *value).collect(),
            reward: f32::from(u8::from(serves)),
            is_held_out: false,
            propensity: decision.propensity,
            segments: Vec::new(),
            others: Vec::new(),
            apprentice_weight: None,
        };
        planner.apply(&update).unwrap();
    }
    for (slot, best) in [("main", "a"), ("side", "b")] {
        let context = whole.clone().in_slot(&slot.parse().unwrap());
        let decision = planner.decide(&screen(), &context, at(0), &mut rng);
        let of_best = decision
            .candidates
            .iter()
            .find(|c| c.creative.as_str() == best);
        assert!(
            of_best.unwrap().propensity > 0.8,
            "{slot}: {:?}",
            decision.candidates
        );
    }
}

#[test]
fn a_decision_allocates_nothing_once_its_room_has_grown() {
    let space = FeatureSpace::new(&names("c", 11), names("a", 10));
    let ids: Vec<CreativeId> = (0..50).map(|i| id(&format!("m{i}"))).collect();
    let features: Vec<Vec<f32>> = (0..50)
        .map(|k| {
            (0..10)
                .map(|i| ((k * 7 + i * 3) % 10) as f32 / 10.0)
                .collect()
        })
        .collect();
    let actions: Vec<Action<'_>> = ids
        .iter()
        .zip(&features)
        .map(|(id, features)| action(id, features))
        .collect();
    for config in all_kinds(config()) {
        let mut policy = new_policy_over(config, &space);
        let context = [0.5; 11];
        policy
            .update_with((&ids[3], &features[3]), &context, 1.0)
            .unwrap();
        let (mut work, mut out) = (Workspace::default(), Vec::new());
        policy.propensities_into(&context, &actions, &mut work, &mut out);
        let counted = allocation_counter::measure(|| {
            for i in 0..20_u8 {
                let context = [f32::from(i) / 20.0; 11];
                policy.propensities_into(&context, &actions, &mut work, &mut out);
            }
        });
        assert_eq!(counted.count_total, 0, "{}", policy.kind());
    }
}
