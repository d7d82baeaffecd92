//! The certificate of an authority, where one issues it.

use std::path::PathBuf;

use regard_commitments::UtcText;
use regard_domain::{Clock as _, Timestamp};
use regard_engine::SystemClock;
use regard_server::AcmeStanding;

use super::Check;
use crate::config::CERTIFICATES;
use crate::printable::{on_one_line, shown};

const AREA: &str = "certificate";

/// How it stands with it in the data folder that the environment names, or that is here; nothing where no authority issues one.
pub(super) fn all() -> Vec<Check> {
    let data = std::env::var_os("REGARD_DATA_DIR").filter(|name| !name.is_empty());
    let folder = PathBuf::from(data.unwrap_or_else(|| "data".into())).join(CERTIFICATES);
    match AcmeStanding::read(&folder) {
        Ok(None) => Vec::new(),
        Ok(Some(standing)) => vec![check(&standing, SystemClock::new().now())],
        Err(error) => vec![Check::bad(
            AREA,
            "ACME",
            format!("{}: {}", shown(&folder), on_one_line(&error)),
            "give this user the right to read it; regard serve writes it anew",
        )],
    }
}

/// To the minute.
fn minute(micros: i64) -> String {
    let text = UtcText::new(Timestamp::from_micros(micros)).to_string();
    format!("{}Z", text.get(..16).unwrap_or(&text))
}

fn check(standing: &AcmeStanding, now: Timestamp) -> Check {
    let name = format!("ACME {}", standing.domains.join(", "));
    let next = minute(standing.next_try_at_micros);
    let until = match standing.valid_until_micros {
        None => format!("none issued yet by {}", standing.directory),
        Some(until) if until <= now.as_micros() => format!("expired at {}", minute(until)),
        Some(until) => format!("valid until {}", minute(until)),
    };
    match (&standing.last_error, standing.valid_until_micros) {
        (Some(error), _) => Check::bad(
            AREA,
            name,
            format!(
                "{until}; tries that failed: {}, the last by: {error}; next try at {next}",
                standing.n_failures
            ),
            standing
                .remedy
                .clone()
                .unwrap_or_else(|| "ask whoever runs the authority".to_owned()),
        ),
        (None, Some(valid)) if valid > now.as_micros() => {
            Check::good(AREA, name, format!("{until}; renewed at {next}"))
        }
        (None, _) => Check::bad(
            AREA,
            name,
            until,
            "start regard serve: it asks the authority by itself",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn how_it_stands_is_told_with_what_to_do() {
        // 2026-06-01T12:00Z.
        let noon = Timestamp::from_micros(1_780_315_200_000_000);
        let hour_micros = 3_600_000_000;
        let well = AcmeStanding {
            directory: "https://ca.lan/dir".to_owned(),
            domains: vec!["a.lan".to_owned(), "b.lan".to_owned()],
            valid_until_micros: Some(noon.as_micros() + 3 * hour_micros),
            next_try_at_micros: noon.as_micros() + hour_micros,
            ..AcmeStanding::default()
        };
        let told = check(&well, noon);
        assert_eq!(
            (told.state, told.name.as_str()),
            (State::Good, "ACME a.lan, b.lan")
        );
        assert_eq!(
            told.detail,
            "valid until 2026-06-01T15:00Z; renewed at 2026-06-01T13:00Z"
        );

        let failing = AcmeStanding {
            n_failures: 2,
            last_error: Some("the authority refuses".to_owned()),
            remedy: Some("wait".to_owned()),
            ..well.clone()
        };
        let told = check(&failing, noon);
        assert_eq!(
            (told.state, told.remedy.as_deref()),
            (State::Bad, Some("wait"))
        );
        assert_eq!(
            told.detail,
            "valid until 2026-06-01T15:00Z; tries that failed: 2, the last by: the authority refuses; next try at \
             2026-06-01T13:00Z"
        );

        let later = noon.plus(std::time::Duration::from_secs(4 * 3_600));
        let told = check(&well, later);
        assert_eq!(
            (told.state, told.detail.as_str()),
            (State::Bad, "expired at 2026-06-01T15:00Z")
        );
        assert!(told.remedy.is_some());

        let none = AcmeStanding {
            valid_until_micros: None,
            ..well
        };
        let told = check(&none, noon);
        assert_eq!(told.detail, "none issued yet by https://ca.lan/dir");
        assert_eq!(told.state, State::Bad);
    }
}
