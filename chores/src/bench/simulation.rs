//! How much faster than real time made-up audiences walk past the loop.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use xtask::run::release_binary;

/// Simulated time over real time, at least, for every policy. Origin: the promise of `regard simulate`.
const GOAL: f64 = 1_000.0;

/// How long audiences walk past, in days.
const DAYS: &str = "1";

/// What `regard simulate` tells of one policy; the rest of it is left.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Row {
    policy: String,
    n_plays: u64,
    times_real_time: f64,
}

impl Row {
    /// The goal this policy misses, in words.
    pub(super) fn missed_goal(&self) -> Option<String> {
        // Nothing was simulated where nothing was played, however fast.
        (self.n_plays == 0 || self.times_real_time < GOAL).then(|| {
            format!(
                "simulation: {} at {:.0} times real time ({} plays), promised {GOAL}",
                self.policy, self.times_real_time, self.n_plays
            )
        })
    }
}

/// One simulated day of the built-in example for each policy, by the program itself, on one core.
pub(super) fn simulate() -> Result<Vec<Row>> {
    let program = release_binary("regard-cli", "regard")?;
    let output = Command::new(program)
        .args(["simulate", "--days", DAYS, "--format", "json"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("regard simulate could not be started")?;
    ensure!(
        output.status.success(),
        "regard simulate failed ({})",
        output.status
    );
    let rows: Vec<Row> =
        serde_json::from_slice(&output.stdout).context("what regard simulate printed")?;
    // Of no policy no goal is missed.
    ensure!(!rows.is_empty(), "regard simulate told of no policy");
    println!("{:<28} {:>8} {:>16}", "policy", "plays", "× real time");
    for row in &rows {
        println!(
            "{:<28} {:>8} {:>16.0}",
            row.policy, row.n_plays, row.times_real_time
        );
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_slower_than_promised_or_plays_nothing_misses_the_goal() {
        let missed = |n_plays, times_real_time| {
            let policy = "lints".to_owned();
            let row = Row {
                policy,
                n_plays,
                times_real_time,
            };
            row.missed_goal().is_some()
        };
        assert!(!missed(2_000, 1_000.0) && !missed(2_000, 4_321.0));
        assert!(missed(2_000, 999.0) && missed(0, 4_321.0));
        let told = r#"[{"policy": "rules", "n_plays": 7, "regret": 0.5, "times_real_time": 12.5}]"#;
        let rows: Vec<Row> = serde_json::from_str(told).expect("rows as the program prints them");
        assert_eq!(rows[0].times_real_time, 12.5);
    }
}
