//! What the policy that is recommended loses in the worlds of the simulator. The ceilings are 1.05 times what VowpalWabbit's best
//! lost on the same streams (`cargo xtask bench policies`, `docs/policies.md`), so that no change of ours goes past it unseen.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use regard_decision::{LearnerConfig, PolicyConfig};
use regard_evaluation::World;

use super::Report;

/// How often a policy plays each stream, with other draws each time: of one it may be lucky.
const DRAWS: u64 = 5;

/// Mean regret of `lints` with its defaults over the streams of each world.
pub(super) fn regret() -> Result<Report> {
    let mut metrics = BTreeMap::new();
    let mut n = 0;
    for world in World::ALL {
        let mut sum = 0.0;
        let seeds = World::seeds();
        let n_plays = (seeds.end - seeds.start) * DRAWS;
        for seed in seeds {
            let stream = world.stream(seed);
            for draw in 0..DRAWS {
                let policy = PolicyConfig::Lints(LearnerConfig::default());
                let contest = stream.play(policy, seed * DRAWS + draw);
                sum += contest.with_context(|| world.name())?.regret();
            }
        }
        metrics.insert(format!("{}_regret", world.name()), sum / n_plays as f64);
        n += n_plays;
    }
    Ok(Report {
        name: "policies-regret".to_owned(),
        metrics,
        n,
    })
}
