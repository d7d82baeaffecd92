//! A job of `regard analyze` that is killed again and again, and one that goes on and on.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::{beside_us, cargo, chores, must};

/// Files and kills of a sample, and of the whole.
const SHORT: (u32, u32) = (500, 10);
const WHOLE: (u32, u32) = (20_000, 100);

/// Files of the job whose memory is watched.
const SHORT_FLAT: usize = 1_000;
const WHOLE_FLAT: usize = 100_000;

/// Compares the tables of a job that was killed with those of one that was not, byte for byte; one file in a hundred is damaged.
/// Then watches the memory of a job on many files.
pub(super) fn bulk(is_short: bool) -> Result<Outcome> {
    let (n_files, n_kills) = if is_short { SHORT } else { WHOLE };
    let seed = tool::seed();
    let mut command = cargo();
    command
        // All packages, as in `cargo xtask test`: nothing is built twice.
        .args(["test", "--workspace", "--locked", "--test", "it"])
        .args(["--", "bulk::kill::", "--nocapture"])
        .env("REGARD_BULK_FILES", n_files.to_string())
        .env("REGARD_BULK_KILLS", n_kills.to_string())
        .env("REGARD_KILL_SEED", seed.to_string());
    must("kill -9 of a job on many pictures", &mut command)?;
    let n_flat = if is_short { SHORT_FLAT } else { WHOLE_FLAT };
    let mut command = if is_short {
        // Built for the test above, and enough to see that it works.
        let mut command = Command::new(beside_us("chores")?);
        command.args(["bulk-memory", "--program"]);
        command.arg(beside_us("regard")?);
        command
    } else {
        let mut command = chores();
        command.arg("bulk-memory");
        command
    };
    command.args(["--files", &n_flat.to_string()]);
    must("the memory of a job on many files", &mut command)?;
    Ok(Outcome::Done(format!(
        "{n_kills} kills on {n_files} files, seed {seed}; the memory of a job on {n_flat}"
    )))
}
