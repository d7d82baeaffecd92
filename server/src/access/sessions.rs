//! Browsers that logged in. What a browser holds is random; what it stands for is known here alone.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use regard_commitments::TokenId;
use regard_domain::Timestamp;
use regard_engine::{from_hex, random_key, to_hex};
use sha2::{Digest, Sha256};

use super::book::Pass;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "regard_session";

/// What the names of settings that hold sessions of screens begin with.
pub(super) const SETTING_PREFIX: &str = "session.";

/// How long a session of somebody lasts: one working day.
const MAX_AGE: Duration = Duration::from_secs(12 * 3_600);

/// How long it lasts without a request; an open console asks every few seconds.
const MAX_IDLE: Duration = Duration::from_secs(2 * 3_600);

/// How long browsers are asked to keep the cookie of a screen; they cut it at 400 days.
const THING_AGE: Duration = Duration::from_secs(400 * 86_400);

/// Sessions at once. When full the one that was silent longest ends.
const MAX_SESSIONS: usize = 1_000;

/// SHA-256 of what a browser holds: whoever reads it here cannot use it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey([u8; 32]);

impl SessionKey {
    pub(super) fn of_cookie(cookie: &str) -> Self {
        Self(Sha256::digest(cookie.as_bytes()).into())
    }

    /// Name of the setting that holds it.
    pub(super) fn setting_name(&self) -> String {
        format!("{SETTING_PREFIX}{}", self.as_text())
    }

    /// The key in the name of a setting.
    pub(super) fn of_setting(name: &str) -> Option<Self> {
        let digits = name.strip_prefix(SETTING_PREFIX)?;
        from_hex(digits).map(|bytes| Self(*bytes))
    }

    /// In hexadecimal digits.
    pub(super) fn as_text(&self) -> String {
        to_hex(&self.0)
    }
}

struct Session {
    token: TokenId,
    began_at: Timestamp,
    seen_at: Timestamp,
    /// Of a screen or device, which lasts as long as its token.
    is_of_a_thing: bool,
}

impl Session {
    fn is_live(&self, now: Timestamp) -> bool {
        self.is_of_a_thing
            || (now.saturating_since(self.began_at) < MAX_AGE
                && now.saturating_since(self.seen_at) < MAX_IDLE)
    }
}

/// The sessions. Looked up by a hash, so that comparing tells nothing of what others hold.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<SessionKey, Session>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, BTreeMap<SessionKey, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session: what the browser is to hold, and its key here. Always a new one, whatever the
    /// browser came with.
    pub(crate) fn begin(&self, pass: &Pass, now: Timestamp) -> io::Result<(String, SessionKey)> {
        let cookie = to_hex(&random_key()?);
        let key = SessionKey::of_cookie(&cookie);
        self.take_up(key, pass, now);
        Ok((cookie, key))
    }

    /// Puts a session in.
    pub(crate) fn take_up(&self, key: SessionKey, pass: &Pass, now: Timestamp) {
        let mut all = self.all();
        all.retain(|_, session| session.is_live(now));
        while all.len() >= MAX_SESSIONS {
            let silent = all.iter().min_by_key(|(_, session)| session.seen_at);
            let Some(key) = silent.map(|(key, _)| *key) else {
                break;
            };
            all.remove(&key);
        }
        let session = Session {
            token: pass.id.clone(),
            began_at: now,
            seen_at: now,
            is_of_a_thing: pass.role.is_of_a_thing(),
        };
        all.insert(key, session);
    }

    /// The session a request belongs to, and the token it began with; it is seen now.
    pub(crate) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<(SessionKey, TokenId)> {
        let mut all = self.all();
        for cookie in cookies(headers, COOKIE) {
            let key = SessionKey::of_cookie(cookie);
            if let Some(session) = all.get_mut(&key).filter(|session| session.is_live(now)) {
                session.seen_at = now;
                return Some((key, session.token.clone()));
            }
        }
        None
    }

    /// Whether a session goes on.
    pub(crate) fn is_live(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.all()
            .get(key)
            .is_some_and(|session| session.is_live(now))
    }

    /// Ends a session; whether there was one.
    pub(crate) fn end(&self, key: &SessionKey) -> bool {
        self.all().remove(key).is_some()
    }

    /// Ends every session of a token.
    pub(crate) fn end_all_of(&self, token: &TokenId) -> Vec<SessionKey> {
        let mut all = self.all();
        let of_token = all.iter().filter(|(_, session)| session.token == *token);
        let keys: Vec<SessionKey> = of_token.map(|(key, _)| *key).collect();
        for key in &keys {
            all.remove(key);
        }
        keys
    }
}

/// The values of a cookie.
pub(super) fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(move |(known, value)| (known == name).then_some(value))
}

/// The first value of a cookie.
pub(crate) fn cookie_of<'h>(headers: &'h HeaderMap, name: &'h str) -> Option<&'h str> {
    cookies(headers, name).next()
}

/// How long a browser is asked to keep the cookie of a session.
pub(crate) fn max_age(pass: &Pass) -> Duration {
    if pass.role.is_of_a_thing() {
        THING_AGE
    } else {
        MAX_AGE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use regard_commitments::Role;
    use regard_engine::TokenRecord;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn pass(role: Role) -> Pass {
        Arc::new(TokenRecord {
            id: "0123456789ab".parse().unwrap(),
            role,
            screens: Default::default(),
            cameras: Default::default(),
            made_at: NOW,
            expires_at: None,
            revoked_at: None,
            verifier: String::new(),
        })
    }

    fn headers(cookie: &str) -> HeaderMap {
        let text = format!("other=1; {COOKIE}={cookie}");
        HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_session_ends_when_idle_when_old_and_when_told() {
        let sessions = Sessions::default();
        let (cookie, key) = sessions.begin(&pass(Role::Admin), NOW).unwrap();
        let held = headers(&cookie);
        assert!(sessions.of(&held, NOW).is_some());
        assert!(sessions.of(&headers("x"), NOW).is_none());
        assert!(
            sessions.of(&headers(&key.as_text()), NOW).is_none(),
            "the key is no cookie"
        );
        let busy_at = |hours: u64| NOW.plus(Duration::from_secs(hours * 3_600));
        for hour in 1..12 {
            assert!(sessions.of(&held, busy_at(hour)).is_some(), "{hour}");
        }
        assert!(sessions.of(&held, busy_at(12)).is_none());
        let (cookie, _) = sessions.begin(&pass(Role::Admin), NOW).unwrap();
        assert!(sessions.of(&headers(&cookie), busy_at(2)).is_none());
        let (cookie, key) = sessions.begin(&pass(Role::Admin), NOW).unwrap();
        assert!(sessions.end(&key) && !sessions.end(&key));
        assert!(sessions.of(&headers(&cookie), NOW).is_none());
    }

    #[test]
    fn a_screen_stays_and_goes_with_its_token() {
        let sessions = Sessions::default();
        let (cookie, key) = sessions.begin(&pass(Role::Screen), NOW).unwrap();
        let in_a_year = NOW.plus(Duration::from_secs(365 * 86_400));
        assert!(sessions.of(&headers(&cookie), in_a_year).is_some());
        assert_eq!(SessionKey::of_setting(&key.setting_name()), Some(key));
        assert_eq!(SessionKey::of_setting("session.x"), None);
        assert_eq!(sessions.end_all_of(&pass(Role::Screen).id), [key]);
        assert!(sessions.of(&headers(&cookie), NOW).is_none());
    }

    #[test]
    fn there_is_a_lid_and_the_silent_go_first() {
        let sessions = Sessions::default();
        let at = |n: usize| NOW.plus(Duration::from_millis(n as u64));
        let held: Vec<String> = (0..=MAX_SESSIONS)
            .map(|n| sessions.begin(&pass(Role::Admin), at(n)).unwrap().0)
            .collect();
        let later = at(MAX_SESSIONS + 1);
        assert!(sessions.of(&headers(&held[0]), later).is_none());
        assert!(sessions.of(&headers(&held[1]), later).is_some());
        assert_eq!(sessions.all().len(), MAX_SESSIONS);
    }
}
