//! How often something is reported where nothing was.

/// False alarms a minute that are stated for a rate of frames: the upper end of the 95 % interval of what was measured on faces at
/// rest, of which `accuracy/micro-expressions.toml` and `docs/expression-over-time.md` tell the whole. It holds for a face that
/// is lit evenly, faces the camera and has at least 45 pixels between its outer eye corners; nothing is known about others.
pub fn false_alarms_per_minute(frames_per_sec: f64) -> f64 {
    STATED
        .iter()
        .rev()
        .find(|(from, _)| frames_per_sec >= *from)
        .map_or(f64::INFINITY, |(_, stated)| *stated)
}

/// Frames a second from which a rate is stated, and the rate.
const STATED: [(f64, f64); 4] = [(24.0, 7.0), (48.0, 3.5), (75.0, 3.0), (180.0, 7.0)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_what_was_measured_nothing_is_stated() {
        assert_eq!(false_alarms_per_minute(10.0), f64::INFINITY);
        assert!(
            STATED
                .iter()
                .all(|(from, stated)| false_alarms_per_minute(*from) == *stated)
        );
        assert!(false_alarms_per_minute(1e6).is_finite());
    }
}
