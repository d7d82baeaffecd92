//! A job of `regard analyze` that is killed again and again.

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::{cargo, must};

/// Files and kills of a sample, and of the whole.
const SHORT: (u32, u32) = (500, 10);
const WHOLE: (u32, u32) = (20_000, 100);

/// Compares the tables of a job that was killed with those of one that was not, byte for byte; one file in a hundred is damaged.
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
    Ok(Outcome::Done(format!(
        "{n_kills} kills on {n_files} files, seed {seed}"
    )))
}
