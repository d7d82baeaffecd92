//! The release program for a while; its memory stays bounded and does not grow.

use anyhow::Result;

use super::Outcome;
use crate::run::{chores, must};

/// Minutes: as long as the promise about memory reaches.
const MINUTES: f64 = 20.0;

/// Soaks the demonstration, then five faces at 1920 x 1080.
pub(super) fn soak(is_short: bool) -> Result<Outcome> {
    if is_short {
        // The release program alone takes minutes to build, and a minute says nothing about growth.
        return Ok(Outcome::Skipped("only without --short".to_owned()));
    }
    for source in ["demo", "1080p"] {
        let mut soak = chores();
        soak.args(["soak", "--check", "--source", source]);
        soak.args(["--minutes", &MINUTES.to_string()]);
        must("soak", &mut soak)?;
    }
    Ok(Outcome::Done(format!(
        "{MINUTES} minutes each of demo and 1080p"
    )))
}
