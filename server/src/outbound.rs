//! Where this program calls out to: addresses of the configuration, and nothing else.
//!
//! Everything that leaves by HTTP goes through here, or by the same rules through what asks an authority for certificates
//! (`acme/carrier.rs`). No redirect is followed, no proxy of the environment is used, and an
//! address is one that was read from the configuration: nothing that a request brings can make the program call anybody.

use std::fmt;
use std::io::Read as _;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// Longest time for one call, from the name of the host to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read: what is called answers in a few words.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// A text that is no address to call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "expected http:// or https://, a host, and neither user name nor password, such as \"https://signage.example.org/hook\""
)]
pub struct BadOutboundUrl;

/// An address that may be called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboundUrl {
    text: String,
    host: String,
    port: u16,
}

impl OutboundUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Name or number of the host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether what is said on the way is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether it is this machine itself.
    pub fn is_here(&self) -> bool {
        let number = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || number.is_ok_and(|ip| ip.is_loopback())
    }

    /// A page of the same host below this address. `path` begins with a slash and is written with percent signs.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let text = format!("{}{path}", self.text.trim_end_matches('/'));
        Self {
            text,
            ..self.clone()
        }
    }
}

impl fmt::Display for OutboundUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for OutboundUrl {
    type Err = BadOutboundUrl;
    fn from_str(text: &str) -> Result<Self, BadOutboundUrl> {
        let uri: axum::http::Uri = text.parse().map_err(|_| BadOutboundUrl)?;
        let usual = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(BadOutboundUrl),
        };
        let authority = uri.authority().ok_or(BadOutboundUrl)?;
        if authority.as_str().contains('@') || text.contains('#') {
            return Err(BadOutboundUrl);
        }
        let host = authority.host().trim_start_matches('[');
        let host = host.trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(usual);
        if host.is_empty() || port == 0 {
            return Err(BadOutboundUrl);
        }
        Ok(Self {
            text: text.to_owned(),
            host,
            port,
        })
    }
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    /// Nobody answered in time, or not as HTTP.
    #[error("nobody answered as was expected")]
    NoAnswer(#[source] Box<ureq::Error>),
    /// The answer is no success.
    #[error("the answer was {0}")]
    Status(u16),
    /// The program ends.
    #[error("the program ends")]
    Ending,
}

/// Calls addresses of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Caller(ureq::Agent);

/// Names and values of headers.
pub(crate) type Headers = Vec<(&'static str, String)>;

impl Default for Caller {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("regard/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(config.into())
    }
}

impl Caller {
    /// Posts JSON.
    ///
    /// # Errors
    /// [`CallError`]; also for an answer that is no success.
    pub(crate) async fn post(
        &self,
        url: &OutboundUrl,
        headers: Headers,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, CallError> {
        self.post_as("application/json", url, headers, body).await
    }

    /// Posts a body of another kind.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub(crate) async fn post_as(
        &self,
        kind: &'static str,
        url: &OutboundUrl,
        headers: Headers,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, CallError> {
        let (agent, url) = (self.0.clone(), url.to_string());
        let call = move || {
            let mut request = agent.post(&url).header("content-type", kind);
            for (name, value) in &headers {
                request = request.header(*name, value);
            }
            ended(request.send(&body[..]))
        };
        tokio::task::spawn_blocking(call)
            .await
            .unwrap_or(Err(CallError::Ending))
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub(crate) async fn get(
        &self,
        url: &OutboundUrl,
        headers: Headers,
    ) -> Result<Vec<u8>, CallError> {
        let (agent, url) = (self.0.clone(), url.to_string());
        let call = move || {
            let mut request = agent.get(&url);
            for (name, value) in &headers {
                request = request.header(*name, value);
            }
            ended(request.call())
        };
        tokio::task::spawn_blocking(call)
            .await
            .unwrap_or(Err(CallError::Ending))
    }
}

fn ended(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Vec<u8>, CallError> {
    let answer = answer.map_err(|error| CallError::NoAnswer(Box::new(error)))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(CallError::Status(status.as_u16()));
    }
    let mut bytes = Vec::new();
    let reader = answer.into_body().into_reader();
    // What comes after is nothing that was asked for; what cannot be read is as if it were not there.
    let _ = reader.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests;
