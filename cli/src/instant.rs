//! Instants as people type them.

use regard_commitments::UtcText;
use regard_domain::Timestamp;

/// An instant in UTC: a day, a minute, a second or finer, `2026-06-01`, `2026-06-01T12:00Z`, `2026-06-01T12:00:30.5Z`.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    let bad = || {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} is not an instant in UTC such as \"2026-06-01T12:00Z\"")
    };
    let (day, time) = match text.strip_suffix('Z').and_then(|rest| rest.split_once('T')) {
        Some((day, time)) => (day, time),
        None => (text, "00:00"),
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let clock = match clock.len() {
        5 => format!("{clock}:00"),
        _ => clock.to_owned(),
    };
    if fraction.len() > 6 {
        return Err(bad());
    }
    let whole = format!("{day}T{clock}.{fraction:0<6}Z");
    whole.parse::<UtcText>().map(UtcText::at).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_type_them() {
        let noon = 1_780_315_200_000_000;
        for (text, micros) in [
            ("2026-06-01T12:00Z", noon),
            ("2026-06-01T12:00:00Z", noon),
            ("2026-06-01T12:00:00.000000Z", noon),
            ("2026-06-01T12:00:30.5Z", noon + 30_500_000),
            ("2026-06-01", noon - 12 * 3_600_000_000),
        ] {
            assert_eq!(instant(text), Ok(Timestamp::from_micros(micros)), "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "2026-06-31T12:00Z",
            "2026-06-01T12:00",
            "2026-06-01T12Z",
            "2026-06-01T12:00:00.0000001Z",
            "2026-06-01T12:00+02:00",
        ] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }
}
