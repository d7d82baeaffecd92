//! How often something is reported where nothing was.

/// False alarms a minute that are stated for a rate of frames and a face of so many pixels between its outer eye corners: the
/// upper end of the 95 % interval of what was measured, of which `accuracy/micro-expressions.toml`, `micro-expressions-real.toml` and
/// `docs/expression-over-time.md` tell the whole: below 48 frames a second on a man who talks, above that on faces at rest alone.
/// Nothing for slower frames and smaller faces: what was measured does not hold for them.
/// It holds for a face that is lit evenly and faces the camera.
pub(super) fn false_alarms_per_minute(frames_per_sec: f64, eyes_px: f32) -> Option<f64> {
    let stated = STATED
        .iter()
        .rev()
        .find(|(from, _)| frames_per_sec >= *from);
    stated
        .filter(|_| eyes_px >= LEAST_EYES_PX)
        .map(|(_, stated)| *stated)
}

/// Frames a second from which a rate is stated, and the rate; between two that were measured (25, 50, 100 and 200 frames a second)
/// the greater, which above 100 is that of 200. Films of 24, 48 and 96 frames a second run at 1000 of 1001 of that, and their times
/// are of whole microseconds.
const STATED: [(f64, f64); 4] = [(23.97, 16.0), (47.95, 3.5), (95.9, 3.0), (104.0, 7.0)];

/// Least pixels between the outer eye corners. Origin: faces of 48 and more keep to what is stated, of 40 do not.
const LEAST_EYES_PX: f32 = 45.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_what_was_measured_nothing_is_stated() {
        assert_eq!(false_alarms_per_minute(10.0, 90.0), None);
        assert_eq!(false_alarms_per_minute(100.0, 40.0), None);
        assert!(
            STATED
                .iter()
                .all(|(from, stated)| false_alarms_per_minute(*from, 48.0) == Some(*stated))
        );
        // Neither rate was measured: what holds at the one beside it where there are more.
        assert_eq!(false_alarms_per_minute(75.0, 60.0), Some(3.5));
        assert_eq!(false_alarms_per_minute(100.0, 60.0), Some(3.0));
        assert_eq!(false_alarms_per_minute(120.0, 60.0), Some(7.0));
        assert_eq!(false_alarms_per_minute(1e6, 60.0), Some(7.0));
        // A film, of which a frame lasts 41,667 microseconds, and one for television.
        assert_eq!(false_alarms_per_minute(1e6 / 41_667.0, 60.0), Some(16.0));
        assert_eq!(
            false_alarms_per_minute(24_000.0 / 1_001.0, 60.0),
            Some(16.0)
        );
    }
}
