//! Time of one decision: 10 messages, 20 features. The budget is 20 µs.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up may stop")]

use divan::{Bencher, black_box};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use regard_decision::{
    Action, Campaign, Context, ContextSpec, Creative, FactFeature, FixedOrder, LocalTime, Planner,
    Policy, PolicyConfig, new_policy,
};
use regard_domain::{Audience, CreativeId, ExpressionDistribution, ScreenId, Timestamp};

fn main() {
    divan::main();
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
const FIXED: PolicyConfig = PolicyConfig::Fixed {
    order: FixedOrder::RoundRobin,
};

/// 13 features of every context and 7 facts.
fn spec() -> ContextSpec {
    let fact = |i| FactFeature {
        name: format!("fact{i}"),
        min: 0.0,
        max: 1.0,
    };
    ContextSpec::new((0..7).map(fact).collect()).unwrap()
}

fn ids() -> Vec<CreativeId> {
    let id = |i| CreativeId::new(format!("creative-{i}")).unwrap();
    (0..10).map(id).collect()
}

fn features(seed: usize) -> Vec<f32> {
    (0..20)
        .map(|i| ((seed * 31 + i * 17) % 97) as f32 / 97.0)
        .collect()
}

fn learned(config: PolicyConfig, ids: &[CreativeId]) -> Box<dyn Policy> {
    let mut policy = new_policy(config, spec().feature_names());
    for i in 0..1000 {
        let reward = ((i * 37) % 100) as f32 / 100.0;
        policy.update(&ids[i % 10], &features(i), reward).unwrap();
    }
    policy
}

#[divan::bench(args = [FIXED, THOMPSON, LINUCB])]
fn choose(bencher: Bencher, config: PolicyConfig) {
    let ids = ids();
    let policy = learned(config, &ids);
    let actions: Vec<Action<'_>> = ids
        .iter()
        .map(|creative| Action::featured(creative, &[]))
        .collect();
    let features = features(5);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    bencher.bench_local(|| policy.choose(black_box(&features), &actions, &mut rng));
}

#[divan::bench(args = [THOMPSON, LINUCB])]
fn update(bencher: Bencher, config: PolicyConfig) {
    let ids = ids();
    let mut policy = learned(config, &ids);
    let features = features(5);
    bencher.bench_local(|| policy.update(&ids[3], black_box(&features), 0.5));
}

#[divan::bench(args = [FIXED, THOMPSON, LINUCB])]
fn decide(bencher: Bencher, config: PolicyConfig) {
    let json = format!(
        r#"{{"id":"c","name":"C","policy":{}}}"#,
        serde_json::to_string(&config).unwrap()
    );
    let mut campaign: Campaign = serde_json::from_str(&json).unwrap();
    campaign.creatives = ids()
        .into_iter()
        .map(|id| Creative::text(id, "Hello", ""))
        .collect();
    let default = Creative::text("default".parse().unwrap(), "Welcome", "");
    let mut planner = Planner::new(vec![campaign], default, spec()).unwrap();
    let audience = Audience {
        n_visitors: 2,
        n_looking: 1,
        attention: 0.6,
        expression: Some(ExpressionDistribution::uniform()),
        dwell_secs: 4.0,
        nearness: 0.2,
    };
    let local = LocalTime::new(2026, 11, 21, 12, 0).unwrap();
    let screen = ScreenId::new("entrance").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut millis = 0;
    bencher.bench_local(|| {
        millis += 10_000;
        let context: Context = planner.context(&audience, local);
        planner.decide(&screen, &context, Timestamp::from_millis(millis), &mut rng)
    });
}
