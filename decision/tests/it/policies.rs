//! Laws of the policies: probabilities, draws, and what survives a restart.

use proptest::prelude::*;
use regard_decision::{
    Action, FixedOrder, Learned, LearnerConfig, Policy, PolicyConfig, PolicyState,
    PolicyStateError, new_policy, restore_policy,
};
use regard_domain::CreativeId;

use crate::support::rng;

const N_FEATURES: usize = 5;

fn names() -> Vec<String> {
    (0..N_FEATURES).map(|i| format!("f{i}")).collect()
}

fn ids(n: usize) -> Vec<CreativeId> {
    (0..n)
        .map(|i| CreativeId::new(format!("c{i}")).unwrap())
        .collect()
}

fn actions(ids: &[CreativeId]) -> Vec<Action<'_>> {
    let action = |creative| Action {
        creative,
        has_condition: false,
        weight: 1.0,
        turn: 0.0,
        features: &[],
    };
    ids.iter().map(action).collect()
}

fn config() -> impl Strategy<Value = PolicyConfig> {
    prop_oneof![
        (
            0..4_u8,
            0.001_f32..=1.0,
            0.1_f32..10.0,
            prop::option::of(20.0_f32..500.0)
        )
            .prop_map(|(kind, exploration, ridge, half_life_plays)| {
                let config = LearnerConfig {
                    exploration,
                    ridge,
                    half_life_plays,
                    ..LearnerConfig::default()
                };
                match kind {
                    0 => PolicyConfig::Epsilon(config),
                    1 => PolicyConfig::Lints(config),
                    2 => PolicyConfig::Squarecb(config),
                    _ => PolicyConfig::Bootstrapped(config),
                }
            }),
        (0.001_f32..=1.0, 0.5_f32..5.0, 0.5_f32..5.0).prop_map(|(exploration, s, f)| {
            PolicyConfig::Thompson {
                exploration,
                prior_success: s,
                prior_failure: f,
            }
        }),
        (0.001_f32..=1.0, 0.0_f32..3.0, 0.01_f32..10.0).prop_map(|(exploration, alpha, ridge)| {
            PolicyConfig::Linucb {
                exploration,
                alpha,
                ridge,
            }
        }),
    ]
}

/// Plays as (message, features, reward); some messages are never asked about.
fn plays() -> impl Strategy<Value = Vec<(usize, [f32; N_FEATURES], f32)>> {
    let play = (
        0..8_usize,
        prop::array::uniform5(-1.0_f32..1.0),
        0.0_f32..=1.0,
    );
    prop::collection::vec(play, 0..60)
}

fn taught(config: PolicyConfig, plays: &[(usize, [f32; N_FEATURES], f32)]) -> Box<dyn Policy> {
    let mut policy = new_policy(config, &names());
    for (action, features, reward) in plays {
        policy.update(&ids(8)[*action], features, *reward).unwrap();
    }
    policy
}

proptest! {
    #[test]
    fn exploring_propensities_are_positive_and_sum_to_one(
        config in config(), plays in plays(), n in 1..7_usize,
        features in prop::array::uniform5(-1.0_f32..1.0),
    ) {
        let policy = taught(config, &plays);
        prop_assert_eq!(policy.version(), plays.len() as u64);
        let ids = ids(n);
        let p = policy.propensities(&features, &actions(&ids));
        prop_assert_eq!(p.len(), n);
        prop_assert!(p.iter().all(|p| *p > 0.0), "{:?}", p);
        let sum: f64 = p.iter().copied().map(f64::from).sum();
        prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }

    #[test]
    fn a_state_that_went_through_text_decides_the_same(
        config in config(), plays in plays(), later in plays(),
        features in prop::array::uniform5(-1.0_f32..1.0), seed: u64,
    ) {
        let mut policy = taught(config, &plays);
        let text = policy.state().to_json();
        let state = PolicyState::from_json(&text).unwrap();
        let mut restored = restore_policy(config, &names(), &state).unwrap();
        let ids = ids(8);
        for (action, x, reward) in &later {
            policy.update(&ids[*action], x, *reward).unwrap();
            restored.update(&ids[*action], x, *reward).unwrap();
        }
        prop_assert_eq!(restored.version(), policy.version());
        let (mut rng_a, mut rng_b) = (rng(seed), rng(seed));
        for _ in 0..5 {
            let a = policy.choose(&features, &actions(&ids), &mut rng_a);
            let b = restored.choose(&features, &actions(&ids), &mut rng_b);
            prop_assert_eq!(a, b);
        }
        prop_assert_eq!(policy.state(), restored.state());
    }
}

#[test]
fn draws_come_as_often_as_their_propensities_say() {
    let n_draws = 40_000;
    for (seed, config) in [
        (
            11,
            PolicyConfig::Thompson {
                exploration: 0.1,
                prior_success: 1.0,
                prior_failure: 1.0,
            },
        ),
        (
            12,
            PolicyConfig::Linucb {
                exploration: 0.3,
                alpha: 0.5,
                ridge: 1.0,
            },
        ),
    ] {
        let plays: Vec<_> = (0..30)
            .map(|i| (i % 3, [1.0, 0.1, 0.2, 0.0, 0.3], (i % 4) as f32 / 4.0))
            .collect();
        let policy = taught(config, &plays);
        let ids = ids(4);
        let features = [1.0, 0.5, 0.0, 0.0, 0.0];
        let mut rng = rng(seed);
        let mut counts = [0_u32; 4];
        let mut logged = Vec::new();
        for _ in 0..n_draws {
            let choice = policy.choose(&features, &actions(&ids), &mut rng).unwrap();
            assert_eq!(choice.propensity, choice.propensities[choice.index]);
            counts[choice.index] += 1;
            logged = choice.propensities;
        }
        // Pearson's statistic; 16.27 is the 99.9 % quantile with 3 degrees of freedom.
        let statistic: f64 = counts
            .iter()
            .zip(&logged)
            .map(|(n, p)| {
                let expected = f64::from(*p) * f64::from(n_draws);
                (f64::from(*n) - expected).powi(2) / expected
            })
            .sum();
        assert!(statistic < 16.27, "seed {seed}: {counts:?} {logged:?}");
    }
}

#[test]
fn a_policy_without_actions_chooses_nothing() {
    for config in [
        PolicyConfig::default(),
        PolicyConfig::Rules {},
        PolicyConfig::Fixed {
            order: FixedOrder::RoundRobin,
        },
        PolicyConfig::Thompson {
            exploration: 0.1,
            prior_success: 1.0,
            prior_failure: 1.0,
        },
        PolicyConfig::Linucb {
            exploration: 0.3,
            alpha: 0.5,
            ridge: 1.0,
        },
    ] {
        let policy = new_policy(config, &names());
        assert_eq!(policy.choose(&[0.0; N_FEATURES], &[], &mut rng(1)), None);
    }
}

#[test]
fn rules_prefer_conditions_and_fixed_goes_in_order() {
    let ids = ids(3);
    let mut three = actions(&ids);
    three[1].has_condition = true;
    three[2].has_condition = true;
    three[0].turn = 2.0;
    three[1].turn = 1.0;
    three[2].turn = 1.0;
    let p = |config| new_policy(config, &names()).propensities(&[0.0; N_FEATURES], &three);
    assert_eq!(p(PolicyConfig::Rules {}), [0.0, 1.0, 0.0]);
    assert_eq!(p(PolicyConfig::default()), [1.0, 0.0, 0.0]);
    assert_eq!(
        p(PolicyConfig::Fixed {
            order: FixedOrder::RoundRobin
        }),
        [0.0, 1.0, 0.0]
    );
}

#[test]
fn impossible_rewards_teach_nothing() {
    let config = PolicyConfig::Linucb {
        exploration: 0.3,
        alpha: 0.5,
        ridge: 1.0,
    };
    let mut policy = new_policy(config, &names());
    let id = &ids(1)[0];
    let x = [0.5; N_FEATURES];
    assert!(policy.update(id, &x, 1.1).is_err());
    assert!(policy.update(id, &x, f32::NAN).is_err());
    assert!(policy.update(id, &x[1..], 0.5).is_err());
    assert!(
        policy
            .update(id, &[f32::INFINITY, 0.0, 0.0, 0.0, 0.0], 0.5)
            .is_err()
    );
    assert_eq!(policy.state(), new_policy(config, &names()).state());
}

#[test]
fn a_state_of_something_else_is_refused() {
    let linucb = PolicyConfig::Linucb {
        exploration: 0.3,
        alpha: 0.5,
        ridge: 1.0,
    };
    let state = taught(linucb, &[(0, [0.1; N_FEATURES], 1.0)]).state();
    let restore = |config, names: &[String], state: &PolicyState| {
        restore_policy(config, names, state).map(|p| p.version())
    };
    assert_eq!(restore(linucb, &names(), &state), Ok(1));
    let kind = restore(PolicyConfig::Rules {}, &names(), &state);
    assert_eq!(
        kind,
        Err(PolicyStateError::Kind {
            expected: "rules",
            found: "linucb"
        })
    );
    let mut other = names();
    other[2] = "renamed".into();
    assert_eq!(
        restore(linucb, &other, &state),
        Err(PolicyStateError::Features { at: 2 })
    );
    assert_eq!(
        restore(linucb, &names()[..4], &state),
        Err(PolicyStateError::Features { at: 4 })
    );
    let ridge = PolicyConfig::Linucb {
        exploration: 0.3,
        alpha: 0.5,
        ridge: 2.0,
    };
    assert_eq!(
        restore(ridge, &names(), &state),
        Err(PolicyStateError::Ridge)
    );
    let mut damaged = state.clone();
    if let Learned::Linucb { actions, .. } = &mut damaged.learned {
        actions
            .values_mut()
            .for_each(|model| model.inverse[0] = -1.0);
    }
    let numbers = restore(linucb, &names(), &damaged);
    assert!(matches!(numbers, Err(PolicyStateError::Numbers { .. })));
    let future = state.to_json().replacen("\"format\":2", "\"format\":3", 1);
    assert_eq!(
        PolicyState::from_json(&future),
        Err(PolicyStateError::Format {
            expected: 2,
            found: 3
        })
    );
    for text in ["", "{}", "[]", "{\"format\":1}", &state.to_json()[..40]] {
        let read = PolicyState::from_json(text);
        assert!(
            matches!(read, Err(PolicyStateError::Unreadable(_))),
            "{text}"
        );
    }
}
