//! What may be set from outside, checked once.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A setting out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("setting {name} must be {expected}")]
pub struct BadSettings {
    /// Which setting.
    pub name: &'static str,
    /// What would have been good.
    pub expected: &'static str,
}

fn check(good: bool, name: &'static str, expected: &'static str) -> Result<(), BadSettings> {
    if good {
        Ok(())
    } else {
        Err(BadSettings { name, expected })
    }
}

/// Height of a detected face from hairline to chin, in metres: the mean of adults in
/// anthropometric surveys is 0.18 to 0.19 for the face, detectors draw a fifth more.
const FACE_HEIGHT_METERS: f32 = 0.22;

/// How faces become tracks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackerSettings {
    /// Detections from this score up are associated first and may begin a track.
    pub high_score: f32,
    /// Detections below this score are ignored; between the two they only continue a track.
    pub low_score: f32,
    /// A track begun by a detection of at least this score is confirmed at once.
    pub sure_score: f32,
    /// Otherwise a track is confirmed after so many detections.
    pub confirming_hits: u32,
    /// Height of what is tracked, in metres, above 0: relates speed to box heights.
    pub subject_height_meters: f32,
}

impl Default for TrackerSettings {
    /// Detector scores as YuNet's. At 30 frames/s three detections take 67 ms. On ten made-up
    /// streets of 40 s, believing every detection lets some 85 ghosts in; two or three detections,
    /// or a first score of 0.9, let none in. On TUD-Campus a sure score of 0.9 or 0.95 gives MOTA
    /// .674; 0.8, or never trusting a single detection, gives .652.
    fn default() -> Self {
        Self {
            high_score: 0.6,
            low_score: 0.3,
            sure_score: 0.9,
            confirming_hits: 3,
            subject_height_meters: FACE_HEIGHT_METERS,
        }
    }
}

impl TrackerSettings {
    /// The settings if each is in its range.
    ///
    /// # Errors
    /// [`BadSettings`] with the first setting that is not.
    pub fn checked(self) -> Result<Self, BadSettings> {
        let unit = 0.0..=1.0;
        check(unit.contains(&self.low_score), "low_score", "in [0, 1]")?;
        check(
            unit.contains(&self.high_score) && self.high_score >= self.low_score,
            "high_score",
            "in [low_score, 1]",
        )?;
        // Above 1 means that no single detection is ever enough.
        check(
            self.sure_score >= self.high_score,
            "sure_score",
            "at least high_score",
        )?;
        check(self.confirming_hits >= 1, "confirming_hits", "at least 1")?;
        check(
            (0.01..=10.0).contains(&self.subject_height_meters),
            "subject_height_meters",
            "in [0.01, 10] metres",
        )?;
        Ok(self)
    }
}

/// When someone counts as looking. Hysteresis: it takes more to begin than to go on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookSettings {
    /// Smoothed attention from which a look may begin, in `[0, 1]`.
    pub begin_attention: f32,
    /// Smoothed attention below which a look may end, in `[0, begin_attention]`.
    pub end_attention: f32,
    /// Seconds the attention must stay up before the look has begun.
    pub begin_after_secs: f32,
    /// Seconds the attention must stay down, or unmeasured, before the look has ended.
    pub end_after_secs: f32,
}

impl Default for LookSettings {
    fn default() -> Self {
        Self {
            begin_attention: 0.6,
            end_attention: 0.4,
            begin_after_secs: 0.1,
            end_after_secs: 0.3,
        }
    }
}

/// Everything about a [`crate::Crowd`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrowdSettings {
    /// Tracking.
    pub tracker: TrackerSettings,
    /// Looking.
    pub look: LookSettings,
    /// Time constant of the expression filter, in seconds.
    pub expression_time_constant_secs: f32,
    /// Time constant of the attention filter, in seconds.
    pub attention_time_constant_secs: f32,
    /// Probability below which an expression is called uncertain, in `[0, 1]`.
    pub expression_floor: f32,
    /// How often a moment is emitted when nothing happens, in Hz.
    pub beat_hz: f32,
    /// How often the expression of a track is due, in Hz.
    pub expression_hz: f32,
    /// How often the mesh of a track is due, in Hz.
    pub mesh_hz: f32,
}

impl Default for CrowdSettings {
    fn default() -> Self {
        Self {
            tracker: TrackerSettings::default(),
            look: LookSettings::default(),
            expression_time_constant_secs: 0.25,
            attention_time_constant_secs: 0.15,
            expression_floor: 0.5,
            beat_hz: 10.0,
            expression_hz: 10.0,
            mesh_hz: 10.0,
        }
    }
}

impl CrowdSettings {
    /// The settings if each is in its range.
    ///
    /// # Errors
    /// [`BadSettings`] with the first setting that is not.
    pub fn checked(self) -> Result<Self, BadSettings> {
        self.tracker.checked()?;
        let unit = 0.0..=1.0;
        let secs = 0.0..=10.0;
        let hz = 0.1..=120.0;
        let look = self.look;
        check(
            unit.contains(&look.begin_attention),
            "begin_attention",
            "in [0, 1]",
        )?;
        check(
            (0.0..=look.begin_attention).contains(&look.end_attention),
            "end_attention",
            "in [0, begin_attention]",
        )?;
        for (value, name) in [
            (look.begin_after_secs, "begin_after_secs"),
            (look.end_after_secs, "end_after_secs"),
            (
                self.expression_time_constant_secs,
                "expression_time_constant_secs",
            ),
            (
                self.attention_time_constant_secs,
                "attention_time_constant_secs",
            ),
        ] {
            check(secs.contains(&value), name, "in [0, 10] seconds")?;
        }
        check(
            unit.contains(&self.expression_floor),
            "expression_floor",
            "in [0, 1]",
        )?;
        for (value, name) in [
            (self.beat_hz, "beat_hz"),
            (self.expression_hz, "expression_hz"),
            (self.mesh_hz, "mesh_hz"),
        ] {
            check(hz.contains(&value), name, "in [0.1, 120] Hz")?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let check = |change: fn(&mut CrowdSettings), name: &str| {
            let mut settings = CrowdSettings::default();
            assert!(settings.checked().is_ok());
            change(&mut settings);
            assert_eq!(settings.checked().unwrap_err().name, name);
        };
        check(|s| s.tracker.low_score = f32::NAN, "low_score");
        check(|s| s.tracker.high_score = 0.1, "high_score");
        check(|s| s.tracker.sure_score = 0.5, "sure_score");
        check(|s| s.tracker.confirming_hits = 0, "confirming_hits");
        check(|s| s.look.end_attention = 0.7, "end_attention");
        check(|s| s.look.begin_after_secs = -1.0, "begin_after_secs");
        check(|s| s.expression_floor = 1.5, "expression_floor");
        check(|s| s.beat_hz = 0.0, "beat_hz");
    }
}
