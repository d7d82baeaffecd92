//! Tests that want the machine to themselves: what they promise is told in seconds.

use anyhow::Result;

use super::Outcome;
use crate::run::{cargo, must};

/// Test programs, and whose names they run.
const TESTS: [(&str, &str); 2] = [("it", "held_up::"), ("browser", "recognised::")];

/// Runs them one after the other.
pub(super) fn alone(is_short: bool) -> Result<Outcome> {
    if is_short {
        return Ok(Outcome::Skipped("only without --short".to_owned()));
    }
    for (program, name) in TESTS {
        let mut command = cargo();
        command.args(["test", "--locked", "--workspace", "--test", program, "--"]);
        command.args([name, "--test-threads=1", "--nocapture"]);
        command.env("REGARD_SLOW", "1");
        must(name, &mut command)?;
    }
    Ok(Outcome::Done("tokens held up, the marked place".to_owned()))
}
