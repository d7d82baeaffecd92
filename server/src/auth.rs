//! The admin token, and the sessions that come of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use hmac::{Hmac, Mac};
use regard_domain::Timestamp;
use regard_engine::to_hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::problem::Problem;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "regard_session";

/// How long a session lasts: one working day.
pub(crate) const SESSION_LEN: Duration = Duration::from_secs(12 * 3_600);

/// Wrong tokens an address may send within [`WINDOW`]; the token has 128 bits or more, so this is
/// against noise rather than guessing.
const MAX_FAILURES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses remembered for their failures. When full all logins wait for the window to pass.
const MAX_ADDRESSES: usize = 1_024;

/// Whether this is the admin token, compared by hash in constant time.
pub(crate) fn is_admin_token(app: &App, token: &str) -> bool {
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    app.config
        .admin_token_hash
        .is_some_and(|known| bool::from(known.ct_eq(&hash)))
}

fn mac(key: &[u8; 32], expires_at_millis: i64, token_hash: &[u8; 32]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"regard session v1");
    mac.update(&expires_at_millis.to_be_bytes());
    // A new token ends all sessions of the old one.
    mac.update(token_hash);
    mac
}

/// A session for whoever just showed the token: when it ends, and a signature.
pub(crate) fn new_session(app: &App, now: Timestamp) -> Option<String> {
    let token_hash = app.config.admin_token_hash?;
    let expires_at = now.plus(SESSION_LEN).as_millis();
    let signature = mac(&app.config.session_key, expires_at, &token_hash)
        .finalize()
        .into_bytes();
    Some(format!("{expires_at}.{}", to_hex(&signature)))
}

fn is_live_session(app: &App, value: &str, now: Timestamp) -> bool {
    let parts = value
        .split_once('.')
        .and_then(|(at, sig)| Some((at.parse().ok()?, unhex(sig)?)));
    let (Some((expires_at, signature)), Some(hash)) = (parts, app.config.admin_token_hash) else {
        return false;
    };
    let is_genuine = mac(&app.config.session_key, expires_at, &hash)
        .verify_slice(&signature)
        .is_ok();
    is_genuine && now.as_millis() < expires_at
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok())
        .collect()
}

/// Whether the request carries the token or a live session.
pub(crate) fn is_admin(app: &App, headers: &HeaderMap) -> bool {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    if let Some(token) = authorization.and_then(|v| v.strip_prefix("Bearer ")) {
        return is_admin_token(app, token.trim());
    }
    let cookies = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|v| v.to_str().ok());
    let mut pairs = cookies
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.any(|(name, value)| name == COOKIE && is_live_session(app, value, app.engine.now()))
}

fn turned_away(request: &Request) -> Response {
    let wants_page = request.method() == Method::GET
        && request
            .headers()
            .get(header::ACCEPT)
            .is_some_and(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")));
    if wants_page {
        return Redirect::to(&format!("/login?next={}", request.uri().path())).into_response();
    }
    let mut response = Problem::new(
        StatusCode::UNAUTHORIZED,
        "token_missing",
        "this needs the admin token",
    )
    .remedy("send it as \"Authorization: Bearer TOKEN\" or log in at /login")
    .into_response();
    let scheme = header::HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    response
}

/// Lets in who may use the console.
pub(crate) async fn console(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.config.is_console_open() || is_admin(&app, request.headers()) {
        next.run(request).await
    } else {
        turned_away(&request)
    }
}

/// Lets in players: anyone on this machine; from elsewhere who logged in, for a heartbeat keeps a
/// camera open.
pub(crate) async fn player(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.config.listen.ip().is_loopback() || is_admin(&app, request.headers()) {
        next.run(request).await
    } else {
        turned_away(&request)
    }
}

/// Counts wrong tokens by address.
#[derive(Debug, Default)]
pub(crate) struct LoginLimiter {
    failures: Mutex<BTreeMap<IpAddr, (Timestamp, u32)>>,
}

impl LoginLimiter {
    /// Whether this address may try now.
    pub(crate) fn may_try(&self, from: IpAddr, now: Timestamp) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, (since, _)| now.saturating_since(*since) < WINDOW);
        match failures.get(&from) {
            Some((_, n)) => *n < MAX_FAILURES,
            None => failures.len() < MAX_ADDRESSES,
        }
    }

    /// A wrong token came from there.
    pub(crate) fn failed(&self, from: IpAddr, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.entry(from).or_insert((now, 0)).1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn five_wrong_tokens_and_a_pause() {
        let limiter = LoginLimiter::default();
        let [here, there] = [1, 2].map(|n| IpAddr::from(Ipv4Addr::new(10, 0, 0, n)));
        let start = Timestamp::from_millis(0);
        for _ in 0..MAX_FAILURES {
            assert!(limiter.may_try(here, start));
            limiter.failed(here, start);
        }
        assert!(!limiter.may_try(here, start));
        assert!(limiter.may_try(there, start));
        assert!(limiter.may_try(here, start.plus(WINDOW)));
    }

    #[test]
    fn hexadecimal_comes_back() {
        assert_eq!(unhex(&to_hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(unhex("é"), None);
    }
}
