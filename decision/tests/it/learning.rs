//! Policies that learn earn more than chance does.

use rand::RngExt;
use regard_decision::{Action, PolicyConfig, new_policy};
use regard_domain::CreativeId;

use crate::support::rng;

const N_ROUNDS: u32 = 3000;

/// Mean reward over a simulated campaign; `chance` gives the probability of success of each of
/// three messages for a kind of audience, 0 or 1.
fn mean_reward(config: PolicyConfig, chance: [[f64; 2]; 3], seed: u64) -> f64 {
    let ids = ["a", "b", "c"].map(|id| CreativeId::new(id).unwrap());
    let actions = ids.each_ref().map(|creative| Action {
        creative,
        has_condition: false,
        weight: 1.0,
        turn: 0.0,
        features: &[],
    });
    let mut policy = new_policy(config, &["bias".into(), "kind".into()]);
    let mut rng = rng(seed);
    let mut total = 0.0;
    for _ in 0..N_ROUNDS {
        let kind = usize::from(rng.random_bool(0.5));
        let features = [1.0, kind as f32];
        let choice = policy.choose(&features, &actions, &mut rng).unwrap();
        let reward = f32::from(u8::from(rng.random_bool(chance[choice.index][kind])));
        policy
            .update(&ids[choice.index], &features, reward)
            .unwrap();
        total += f64::from(reward);
    }
    total / f64::from(N_ROUNDS)
}

const THOMPSON: PolicyConfig = PolicyConfig::Thompson {
    exploration: 0.05,
    prior_success: 1.0,
    prior_failure: 1.0,
};
const LINUCB: PolicyConfig = PolicyConfig::Linucb {
    exploration: 0.05,
    alpha: 0.5,
    ridge: 1.0,
};

/// Chance earns .35 here and the best message .6. An exploring policy gives 5 % of its plays to
/// chance, so .5 leaves room for learning and none for chance: 17 standard errors.
#[test]
fn the_best_of_three_messages_is_found() {
    let chance = [[0.1; 2], [0.35; 2], [0.6; 2]];
    for seed in 0..5 {
        for config in [THOMPSON, LINUCB] {
            let mean = mean_reward(config, chance, seed);
            assert!(mean > 0.5, "seed {seed}, {config:?}: {mean}");
        }
    }
    let uniform = PolicyConfig::Thompson {
        exploration: 1.0,
        prior_success: 1.0,
        prior_failure: 1.0,
    };
    let mean = mean_reward(uniform, chance, 0);
    assert!((mean - 0.35).abs() < 0.04, "chance: {mean}");
}

/// No single message earns more than .4 here; one for each audience earns .7.
#[test]
fn linucb_learns_which_audience_likes_what() {
    let chance = [[0.7, 0.1], [0.1, 0.7], [0.3, 0.3]];
    for seed in 0..5 {
        let mean = mean_reward(LINUCB, chance, seed);
        assert!(mean > 0.6, "seed {seed}: {mean}");
        let blind = mean_reward(THOMPSON, chance, seed);
        assert!(blind < 0.5, "seed {seed}: {blind}");
    }
}
