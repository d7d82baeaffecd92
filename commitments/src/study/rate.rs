//! How fast frames come, and what may be claimed of movements at that rate.

use std::time::Duration;

use regard_domain::Timestamp;

use crate::refusal::{Refusal, RefusalCode};

/// The shortest movement of a face that can be claimed: a twenty-fifth of a second.
///
/// # Source
/// Ekman & Friesen 1969, and the data sets recorded since: micro-expressions last 1/25 to 1/2 s.
pub const SHORTEST_MOVEMENT: Duration = Duration::from_millis(40);

/// The longest that is still called a micro-expression: half a second.
pub const LONGEST_MOVEMENT: Duration = Duration::from_millis(500);

/// Frames that fall into the shortest movement, wherever it begins: one where it sets in, one at its height, one where it fades.
/// Fewer show that something moved, and not that it came and went.
const MIN_FRAMES: u64 = 3;

/// Gaps between frames that a measurement needs: of forty, the two longest may be chance.
const MIN_GAPS: usize = 40;

/// Share of the gaps that are as long as the one that counts, or shorter: a movement may fall into a gap.
const GAP_PERCENTILE: usize = 95;

/// How fast frames really come, by the times at which they were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeasuredRate {
    /// Microseconds that 95 % of the gaps are no longer than; at least 1.
    gap_micros: u64,
}

impl MeasuredRate {
    /// Measures the rate of frames taken one after the other. Nothing where there are fewer than 41, or where one was not taken
    /// after the one before.
    pub fn of(taken: &[Timestamp]) -> Option<Self> {
        let gaps = taken.windows(2).map(|pair| {
            let gap = pair[1].as_micros().checked_sub(pair[0].as_micros())?;
            u64::try_from(gap).ok().filter(|gap| *gap > 0)
        });
        let mut gaps: Vec<u64> = gaps.collect::<Option<_>>()?;
        if gaps.len() < MIN_GAPS {
            return None;
        }
        gaps.sort_unstable();
        let at = (gaps.len() * GAP_PERCENTILE).div_ceil(100) - 1;
        Some(Self {
            gap_micros: gaps[at],
        })
    }

    /// Frames a second that can be counted on.
    pub fn frames_per_sec(self) -> f64 {
        1e6 / self.gap_micros as f64
    }
}

/// What is claimed of the movements that are looked for: how short the shortest may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MovementClaim {
    shortest_micros: u64,
}

impl MovementClaim {
    /// Every micro-expression, from a twenty-fifth of a second on. Needs 75 frames a second.
    pub const ALL: Self = Self {
        shortest_micros: SHORTEST_MOVEMENT.as_micros() as u64,
    };

    /// Those from this length on; nothing below a twenty-fifth or above half a second.
    pub fn from(shortest: Duration) -> Option<Self> {
        let shortest_micros = u64::try_from(shortest.as_micros()).ok()?;
        (SHORTEST_MOVEMENT..=LONGEST_MOVEMENT)
            .contains(&shortest)
            .then_some(Self { shortest_micros })
    }

    /// The shortest movement that is claimed.
    pub const fn shortest(self) -> Duration {
        Duration::from_micros(self.shortest_micros)
    }

    /// Frames a second below which it cannot be made.
    pub fn min_frames_per_sec(self) -> f64 {
        MIN_FRAMES as f64 * 1e6 / self.shortest_micros as f64
    }

    /// Whether it can be made at this rate.
    ///
    /// # Errors
    /// `fps_too_low_for_microexpression`.
    pub fn check(self, rate: MeasuredRate) -> Result<(), Refusal> {
        // Where it holds, so many frames fall into each stretch of that length; where it does not, fewer into some. Times are in
        // whole microseconds, so that a gap may be less by one than it reads.
        if (rate.gap_micros - 1).saturating_mul(MIN_FRAMES) < self.shortest_micros {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalCode::FpsTooLowForMicroexpression,
            format!(
                "frames come {:.1} times a second, and movements of {} ms need {:.1}",
                rate.frames_per_sec(),
                self.shortest_micros / 1_000,
                self.min_frames_per_sec()
            ),
            "use a faster camera in more light, claim longer movements only, or look at expressions",
        ))
    }
}
