//! An installation that runs, spoken to as any other program would.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use thiserror::Error;
use ureq::http::Request;

use crate::args::RemoteArgs;

/// How long an answer is waited for: a photograph of a good phone takes a second to be looked at.
const PATIENCE: Duration = Duration::from_secs(60);

/// Largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 << 20;

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// Whoever runs the site, with the token that was named, if one was.
    Site,
    /// A person with the token of their record.
    Person(&'a str),
}

/// What an installation said instead of what it was asked for.
#[derive(Debug, Error)]
#[error("{text}")]
struct Refused {
    code: String,
    text: String,
}

/// Whether an installation said no, under this code.
pub(crate) fn is_refused(error: &anyhow::Error, code: &str) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.code == code)
}

/// An installation that runs.
pub(crate) struct Remote {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

/// The first line of a file that holds a secret.
pub(crate) fn secret_in(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let first = text.lines().next().unwrap_or_default().trim().to_owned();
    if first.is_empty() {
        bail!("{} has no first line", file.display());
    }
    Ok(first)
}

impl Remote {
    pub(crate) fn new(args: &RemoteArgs) -> Result<Self> {
        let token = args.token_file.as_deref().map(secret_in).transpose()?;
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("regard/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            url: args.url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Sends something and gives the bytes of a good answer.
    fn bytes(
        &self,
        asker: Asker<'_>,
        (method, path): (&str, &str),
        (kind, body): (&str, Vec<u8>),
        if_match: Option<&str>,
    ) -> Result<Vec<u8>> {
        let url = format!("{}{path}", self.url);
        let mut request = Request::builder().method(method).uri(&url);
        let authorization = match (asker, &self.token) {
            (Asker::Person(token), _) => Some(format!("Person {token}")),
            (Asker::Site, Some(token)) => Some(format!("Bearer {token}")),
            (Asker::Site, None) => None,
        };
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(tag) = if_match {
            request = request.header("if-match", tag);
        }
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let request = request.body(body).context("the request cannot be sent")?;
        let mut answer = self.agent.run(request).with_context(|| url.clone())?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(MAX_ANSWER);
        let bytes = body.read_to_vec().with_context(|| url.clone())?;
        if status.is_success() {
            return Ok(bytes);
        }
        let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let said = |name: &str| json[name].as_str().map(str::to_owned);
        let mistakes = json["mistakes"].as_array().into_iter().flatten();
        let mistakes: String = mistakes
            .filter_map(Value::as_str)
            .map(|mistake| format!("\n  {mistake}"))
            .collect();
        let (Some(code), Some(detail)) = (said("code"), said("detail")) else {
            bail!("{url} answered {status}");
        };
        let remedy = said("remedy").map(|remedy| format!("; {remedy}"));
        let remedy = remedy.unwrap_or_default();
        let text = format!("{detail} ({code}){remedy}{mistakes}");
        Err(Refused { code, text }.into())
    }

    /// Sends something and gives the JSON of a good answer; nothing where it has none.
    ///
    /// # Errors
    /// When the installation cannot be reached, or says no: then in its own words.
    pub(crate) fn ask(
        &self,
        asker: Asker<'_>,
        request: (&str, &str),
        body: (&str, Vec<u8>),
    ) -> Result<Value> {
        let bytes = self.bytes(asker, request, body, None)?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The JSON that whoever runs the site is shown.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.ask(Asker::Site, ("GET", path), ("", Vec::new()))
    }

    /// The bytes of a good answer, whatever they are.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        self.bytes(Asker::Site, ("GET", path), ("", Vec::new()), None)
    }

    /// Sends JSON as whoever runs the site; where a tag is given, only to what it stands for.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) fn send_if_match(
        &self,
        request: (&str, &str),
        body: &Value,
        tag: Option<&str>,
    ) -> Result<Value> {
        let body = ("application/json", serde_json::to_vec(body)?);
        let bytes = self.bytes(Asker::Site, request, body, tag)?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) fn send(
        &self,
        asker: Asker<'_>,
        (method, path): (&str, &str),
        body: &Value,
    ) -> Result<Value> {
        let bytes = serde_json::to_vec(body)?;
        self.ask(asker, (method, path), ("application/json", bytes))
    }
}
