//! Leave to look for movements of a fraction of a second in injected clips: from the gate, as a study has it.

use std::time::Duration;

use regard_commitments::{MicroExpressions, MovementClaim};
pub(super) use regard_testkit::sitting::{NOON, taken_at};

/// The key of a made-up participant at a made-up laboratory, for frames that come at `fps`. Where that is too slow for every
/// micro-expression, those of three frames and more are claimed.
pub(super) fn key(fps: f64) -> MicroExpressions {
    // A little more than three frames, which three gaps in whole microseconds may exceed.
    let shortest = Duration::from_secs_f64(3.0 / fps) + Duration::from_millis(1);
    let claim = MovementClaim::from(shortest).unwrap_or(MovementClaim::ALL);
    regard_testkit::sitting::sitting(claim, fps, 1).0
}
