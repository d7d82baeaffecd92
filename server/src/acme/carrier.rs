//! What carries requests to the authority: to the host of its directory and to no other, encrypted, without detours.

use std::future::Future;
use std::io::Read as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{RETRY_AFTER, USER_AGENT};
use axum::http::response::Parts;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri};
use instant_acme::{BodyWrapper, BytesResponse, Error as ClientError, HttpClient};
use thiserror::Error;
use ureq::tls::{RootCerts, TlsConfig};

use crate::{AcmeConfig, OutboundUrl};

/// Longest time for one request: authorities sign before they answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most bytes of an answer; a chain of certificates has some ten thousand.
const MAX_ANSWER_BYTES: u64 = 256 << 10;

/// Most bytes of a request; orders and signing requests have some thousand.
const MAX_REQUEST_BYTES: usize = 256 << 10;

/// Longest time for which an authority is left alone because it says so. It is asked once a day then.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// Who asks.
const AGENT: &str = concat!("regard/", env!("CARGO_PKG_VERSION"));

/// Why a request was not answered.
#[derive(Debug, Error)]
pub(super) enum CarryError {
    /// Nobody answered in time, or nobody who is vouched for.
    #[error("nobody answered as was expected")]
    NoAnswer(#[source] Box<ureq::Error>),
    /// The answer has no end.
    #[error("the answer has more than {} bytes, or broke off", MAX_ANSWER_BYTES)]
    Long,
    /// The directory leads to another host.
    #[error("the directory leads to {0}, a host or port that the configuration does not name")]
    Elsewhere(String),
    /// The program ends.
    #[error("the program ends")]
    Ending,
}

impl CarryError {
    /// What to do about it.
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => {
                "see that directory under [server.tls.acme] is right, that this machine reaches it, and that its \
                 certificate is signed by ca, or by a public authority where no ca is named"
            }
            Self::Long | Self::Ending => "wait: it is asked again",
            Self::Elsewhere(_) => {
                "name a directory whose addresses are all on its own host and port: no other host is called"
            }
        }
    }
}

/// How long the authority wants to be left alone, if it said so.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<Duration>>>);

impl Heard {
    /// What it said last.
    pub(super) fn wait(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to an answer. A date instead of seconds is as good as nothing: the usual pause follows.
    fn listen(&self, answer: &Parts) {
        let is_busy = matches!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        if !is_busy {
            return;
        }
        let wait = asked_wait(answer).map(|wait| wait.min(LONGEST_WAIT));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = wait;
    }
}

/// How long an answer asks to wait, where it says it in seconds.
fn asked_wait(answer: &Parts) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Asks for no longer wait than a day: the client of the protocol adds it to the time of day, and does not survive a sum that
/// no clock has room for.
fn shorten_wait(answer: &mut Parts) {
    if asked_wait(answer).is_some_and(|wait| wait > LONGEST_WAIT) {
        let longest = HeaderValue::from(LONGEST_WAIT.as_secs());
        answer.headers.insert(RETRY_AFTER, longest);
    }
}

/// Carries requests to one authority.
#[derive(Clone)]
pub(super) struct Carrier {
    agent: ureq::Agent,
    directory: OutboundUrl,
    heard: Heard,
}

impl Carrier {
    /// To the authority of a configuration; `heard` learns how long it wants to be left alone.
    pub(super) fn new(config: &AcmeConfig, heard: Heard) -> Self {
        let roots = match &config.roots {
            Some(roots) => RootCerts::Specific(Arc::clone(&roots.0)),
            None => RootCerts::WebPki,
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .https_only(true)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Self {
            agent: agent.into(),
            directory: config.directory.clone(),
            heard,
        }
    }

    /// Whether an address is on the host and port that the configuration names.
    fn check(&self, uri: &Uri) -> Result<(), CarryError> {
        let named: Result<OutboundUrl, _> = uri.to_string().parse();
        let is_named = named.is_ok_and(|url| {
            url.is_encrypted()
                && url.host().eq_ignore_ascii_case(self.directory.host())
                && url.port() == self.directory.port()
        });
        if is_named {
            return Ok(());
        }
        let authority = uri.authority().map(ToString::to_string);
        Err(CarryError::Elsewhere(authority.unwrap_or_default()))
    }

    async fn carry(
        self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, ClientError> {
        let (mut parts, body) = request.into_parts();
        self.check(&parts.uri).map_err(failed)?;
        let body = axum::body::to_bytes(axum::body::Body::new(body), MAX_REQUEST_BYTES).await;
        let body = body.map_err(|error| ClientError::Other(Box::new(error)))?;
        let asks = HeaderValue::from_static(AGENT);
        parts.headers.insert(USER_AGENT, asks);
        let agent = self.agent.clone();
        let call = move || -> Result<(Parts, Bytes), CarryError> {
            let answer = if parts.method == Method::POST {
                agent.run(Request::from_parts(parts, &body[..]))
            } else {
                agent.run(Request::from_parts(parts, ()))
            };
            let answer = answer.map_err(|error| CarryError::NoAnswer(Box::new(error)))?;
            let (parts, body) = answer.into_parts();
            let mut bytes = Vec::new();
            let mut reader = body.into_reader().take(MAX_ANSWER_BYTES + 1);
            reader
                .read_to_end(&mut bytes)
                .map_err(|_| CarryError::Long)?;
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_ANSWER_BYTES {
                return Err(CarryError::Long);
            }
            Ok((parts, Bytes::from(bytes)))
        };
        let answer = tokio::task::spawn_blocking(call).await;
        let (mut parts, bytes) = answer.unwrap_or(Err(CarryError::Ending)).map_err(failed)?;
        self.heard.listen(&parts);
        shorten_wait(&mut parts);
        Ok(BytesResponse {
            parts,
            body: Box::new(bytes),
        })
    }
}

fn failed(error: CarryError) -> ClientError {
    ClientError::Other(Box::new(error))
}

impl HttpClient for Carrier {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, ClientError>> + Send>> {
        Box::pin(self.clone().carry(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_host_of_the_directory_is_called() {
        let directory = "https://ca.lan:9000/acme/directory".parse().unwrap();
        let config = AcmeConfig::new(directory, vec!["a.lan".to_owned()], "acme".into());
        let carrier = Carrier::new(&config, Heard::default());
        let check = |url: &str| carrier.check(&url.parse().unwrap()).is_ok();
        assert!(check("https://ca.lan:9000/acme/new-order"));
        assert!(check("https://CA.lan:9000/x?y"));
        for url in [
            "https://ca.lan/acme/new-order",
            "http://ca.lan:9000/acme/new-order",
            "https://ca.lan.example:9000/",
            "https://user@ca.lan:9000/",
            "https://192.0.2.7:9000/",
            "/acme/new-order",
        ] {
            assert!(!check(url), "{url}");
        }
    }

    #[test]
    fn how_long_to_wait_is_heard_from_those_who_are_busy() {
        let check = |status: u16, after: Option<&str>| {
            let mut answer = axum::http::Response::builder().status(status);
            if let Some(after) = after {
                answer = answer.header(RETRY_AFTER, after);
            }
            let heard = Heard::default();
            heard.listen(&answer.body(()).unwrap().into_parts().0);
            heard.wait().map(|wait| wait.as_secs())
        };
        assert_eq!(check(429, Some("3600")), Some(3_600));
        assert_eq!(check(503, Some(" 7 ")), Some(7));
        assert_eq!(check(429, None), None);
        assert_eq!(check(429, Some("Fri, 31 Dec 1999 23:59:59 GMT")), None);
        assert_eq!(check(429, Some("18446744073709551615")), Some(86_400));
        // While an order is looked at the client itself waits as it is told.
        assert_eq!(check(200, Some("3600")), None);
    }

    #[test]
    fn no_wait_is_handed_on_that_no_clock_has_room_for() {
        let check = |after: &str| {
            let answer = axum::http::Response::builder().header(RETRY_AFTER, after);
            let mut parts = answer.body(()).unwrap().into_parts().0;
            shorten_wait(&mut parts);
            parts.headers[RETRY_AFTER].to_str().unwrap().to_owned()
        };
        for kept in ["5", "86400", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"] {
            assert_eq!(check(kept), kept);
        }
        for long in ["86401", "18446744073709551615"] {
            assert_eq!(check(long), "86400");
        }
    }
}
