//! Persons who opened their own page. What their browser holds is random; whose record it stands for is known here alone.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use regard_commitments::ErasureProof;
use regard_domain::Timestamp;
use regard_engine::{Authenticated, random_key, to_hex};

use super::acquainted::Acquainted;
use super::lockout::Lockout;
use super::sessions::{SessionKey, cookies};

/// Name of the cookie: another than that of the console, so that neither passes for the other.
pub(crate) const OWN_COOKIE: &str = "regard_own";

/// How long a page stays open without a request; the page says so. Origin: time to read it all twice, on a phone that may be
/// handed on.
pub(crate) const MAX_OWN_IDLE: Duration = Duration::from_mins(20);

/// How long it stays open at the longest.
pub(crate) const MAX_OWN_AGE: Duration = Duration::from_hours(2);

/// Pages open at once. When full the one that was silent longest ends: its reader shows the token again.
const MAX_OPEN: usize = 200;

/// What a page stands for.
#[derive(Clone)]
pub(crate) enum Own {
    /// The record of somebody who showed its token.
    Record(Arc<Authenticated>),
    /// A record that is gone, and the proof for whose it was.
    Erased(Arc<ErasureProof>),
}

struct Open {
    own: Own,
    began_at: Timestamp,
    seen_at: Timestamp,
}

impl Open {
    fn is_live(&self, now: Timestamp) -> bool {
        now.saturating_since(self.began_at) < MAX_OWN_AGE
            && now.saturating_since(self.seen_at) < MAX_OWN_IDLE
    }
}

/// The open pages of persons, in memory alone: they end with the program.
///
/// The token comes in the body of one form and stands in no address, so that no log, no history and no `Referer` has it.
/// From then on the browser shows a random cookie that no script reads and that goes to `/me` of this server alone.
///
/// # Privacy
/// Holds what opens a record for as long as its page is open.
#[derive(Default)]
pub(crate) struct OwnPages {
    open: Mutex<BTreeMap<SessionKey, Open>>,
    /// Who has shown too many wrong tokens of persons. Apart from the one of the console: nobody is kept from the console by
    /// what somebody else mistypes here.
    pub(crate) lockout: Lockout,
    /// Whose tokens were right a while ago.
    pub(crate) acquainted: Acquainted,
}

impl OwnPages {
    fn live(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<SessionKey, Open>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // What opens a record is not held longer than its page is open.
        open.retain(|_, one| one.is_live(now));
        open
    }

    /// Opens a page: what the browser is to hold. Always something new, whatever it came with.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn begin(&self, own: Own, now: Timestamp) -> io::Result<String> {
        let cookie = to_hex(&random_key()?);
        let mut open = self.live(now);
        while open.len() >= MAX_OPEN {
            let silent = open.iter().min_by_key(|(_, one)| one.seen_at);
            let Some(key) = silent.map(|(key, _)| *key) else {
                break;
            };
            open.remove(&key);
        }
        let one = Open {
            own,
            began_at: now,
            seen_at: now,
        };
        open.insert(SessionKey::of_cookie(&cookie), one);
        Ok(cookie)
    }

    /// The page a request belongs to; it is seen now.
    pub(crate) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<(SessionKey, Own)> {
        let mut open = self.live(now);
        for cookie in cookies(headers, OWN_COOKIE) {
            let key = SessionKey::of_cookie(cookie);
            if let Some(one) = open.get_mut(&key) {
                one.seen_at = now;
                return Some((key, one.own.clone()));
            }
        }
        None
    }

    /// The record behind a page was erased: what opened it goes, everywhere, and the page keeps the proof.
    pub(crate) fn erased(&self, key: &SessionKey, proof: ErasureProof, now: Timestamp) {
        let mut open = self.live(now);
        let person = proof.person;
        open.retain(|known, one| match &one.own {
            Own::Record(who) => known == key || who.person() != person,
            Own::Erased(_) => true,
        });
        if let Some(one) = open.get_mut(key) {
            one.own = Own::Erased(Arc::new(proof));
        }
    }

    /// Closes a page.
    pub(crate) fn end(&self, key: &SessionKey, now: Timestamp) {
        self.live(now).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use regard_domain::PersonId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn own(person: u128) -> Own {
        Own::Erased(Arc::new(ErasureProof {
            format: String::new(),
            person: PersonId::from_bits(person),
            entry: String::new(),
            index: 0,
            inclusion: Vec::new(),
            checkpoint: String::new(),
            key: String::new(),
        }))
    }

    fn headers(cookie: &str) -> HeaderMap {
        let text = format!("regard_session=x; {OWN_COOKIE}={cookie}");
        HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_page_closes_when_idle_when_old_and_when_told() {
        let pages = OwnPages::default();
        let held = headers(&pages.begin(own(1), NOW).unwrap());
        let at = |mins: u64| NOW.plus(Duration::from_mins(mins));
        assert!(pages.of(&headers("x"), NOW).is_none());
        for mins in (0..120).step_by(19) {
            assert!(pages.of(&held, at(mins)).is_some(), "{mins}");
        }
        assert!(pages.of(&held, at(120)).is_none());
        let held = headers(&pages.begin(own(1), NOW).unwrap());
        assert!(pages.of(&held, at(20)).is_none());
        assert!(
            pages.open.lock().unwrap().is_empty(),
            "nothing of it is held"
        );
        let held = headers(&pages.begin(own(1), NOW).unwrap());
        let (key, _) = pages.of(&held, NOW).unwrap();
        assert!(
            pages.of(&headers(&key.as_text()), NOW).is_none(),
            "the key is no cookie"
        );
        pages.end(&key, NOW);
        assert!(pages.of(&held, NOW).is_none());
    }

    #[test]
    fn there_is_a_lid_and_the_silent_go_first() {
        let pages = OwnPages::default();
        let at = |n: usize| NOW.plus(Duration::from_millis(n as u64));
        let held: Vec<_> = (0..=MAX_OPEN)
            .map(|n| pages.begin(own(1), at(n)).unwrap())
            .collect();
        let later = at(MAX_OPEN + 1);
        assert!(pages.of(&headers(&held[0]), later).is_none());
        assert!(pages.of(&headers(&held[1]), later).is_some());
        assert_eq!(pages.open.lock().unwrap().len(), MAX_OPEN);
    }
}
