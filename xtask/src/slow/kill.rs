//! `kill -9`, again and again.

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::{cargo, must};

/// Rounds of a sample, and of the whole.
const ROUNDS: (u32, u32) = (8, 200);

/// Kills the program while it decides, and while people come and go; in another test, its store alone.
pub(super) fn kill(is_short: bool) -> Result<Outcome> {
    let (rounds, seed) = (if is_short { ROUNDS.0 } else { ROUNDS.1 }, tool::seed());
    let mut command = cargo();
    command
        // All packages, as in `cargo xtask test`: nothing is built twice.
        .args(["test", "--workspace", "--locked", "--test", "it"])
        .args(["--", "kill::", "--nocapture"])
        .env("REGARD_KILL_ROUNDS", rounds.to_string())
        .env("REGARD_KILL_SEED", seed.to_string());
    if !is_short {
        command.env("REGARD_SLOW", "1");
    }
    must("kill -9 of the program and of its store", &mut command)?;
    Ok(Outcome::Done(format!("{rounds} rounds each, seed {seed}")))
}
