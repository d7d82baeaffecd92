//! Signed messages to other programs.
//!
//! Form and signature are those of the Standard Webhooks, so that libraries of a dozen languages check them: the body is
//! `{"type", "at_micros", "data"}`, the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` carry
//! `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64. What could not be delivered is tried again, later and
//! later; each address has its own queue, so that one that fails holds up no other.
//!
//! # Source
//! Standard Webhooks 1.0.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use regard_commitments::Zeroizing;
use regard_domain::Timestamp;
use regard_engine::{random_key, to_hex};
use serde::Serialize;
use sha2::Sha256;
use thiserror::Error;
use tokio::sync::Notify;

use crate::outbound::{CallError, Caller, OutboundUrl};

/// Messages of one address that wait. When full the oldest goes and is counted as lost.
const MAX_WAITING: usize = 1_000;

/// Pauses before a message is tried again; after the last it is lost. Together about half an hour, which outlives a restart of
/// whatever listens.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(1_500),
];

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Least and greatest bytes of a secret, as the standard has them.
const SECRET_LEN: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that messages are signed with.
///
/// # Privacy
/// Wiped when dropped, and never printed.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(withheld)")
    }
}

/// A text that is no secret of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected whsec_ and 24 to 64 random bytes in base64")]
pub struct BadWebhookSecret;

impl FromStr for WebhookSecret {
    type Err = BadWebhookSecret;
    fn from_str(text: &str) -> Result<Self, BadWebhookSecret> {
        let text = text
            .trim()
            .strip_prefix(SECRET_PREFIX)
            .ok_or(BadWebhookSecret)?;
        let bytes = STANDARD.decode(text).map_err(|_| BadWebhookSecret)?;
        SECRET_LEN
            .contains(&bytes.len())
            .then(|| Self(Zeroizing::new(bytes)))
            .ok_or(BadWebhookSecret)
    }
}

/// One address that is told of things.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// Where to.
    pub url: OutboundUrl,
    /// What messages are signed with.
    pub secret: WebhookSecret,
    /// Which kinds of messages; empty means all.
    pub events: BTreeSet<String>,
}

/// The header `webhook-signature` of a message.
fn signature(secret: &[u8], id: &str, timestamp_secs: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp_secs}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    /// Microseconds since 1970-01-01 in UTC, as everywhere in the API.
    at_micros: i64,
    data: &'a serde_json::Value,
}

/// A message on its way.
#[derive(Clone)]
struct Message {
    id: String,
    at: Timestamp,
    body: Arc<[u8]>,
}

struct Post {
    config: WebhookConfig,
    waiting: Mutex<VecDeque<Message>>,
    wake: Notify,
}

impl Post {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How deliveries went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct WebhookCounts {
    /// Messages that arrived.
    pub(crate) delivered: u64,
    /// Tries that failed.
    pub(crate) failed: u64,
    /// Messages that were given up.
    pub(crate) lost: u64,
}

/// Tells addresses of the configuration what happens. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Webhooks {
    posts: Arc<[Arc<Post>]>,
    counts: Arc<[AtomicU64; 3]>,
    caller: Caller,
}

impl Webhooks {
    /// For these addresses; nothing is sent before [`Self::run`].
    pub(crate) fn new(configs: &[WebhookConfig]) -> Self {
        let post = |config: &WebhookConfig| {
            Arc::new(Post {
                config: config.clone(),
                waiting: Mutex::default(),
                wake: Notify::new(),
            })
        };
        Self {
            posts: configs.iter().map(post).collect(),
            ..Self::default()
        }
    }

    /// Whether anybody wants to hear of this kind.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.posts.iter().any(|post| wants(&post.config, kind))
    }

    /// How deliveries went so far.
    pub(crate) fn counts(&self) -> WebhookCounts {
        let [delivered, failed, lost] =
            [0, 1, 2].map(|i: usize| self.counts[i].load(Ordering::Relaxed));
        WebhookCounts {
            delivered,
            failed,
            lost,
        }
    }

    /// Hands a message to everyone who wants its kind, without waiting.
    ///
    /// # Privacy
    /// `data` leaves the site: no track, no person, nothing about anybody by themselves.
    pub(crate) fn tell(&self, kind: &str, data: &serde_json::Value, at: Timestamp) {
        if !self.wants(kind) {
            return;
        }
        let Ok(id) = random_key() else {
            return; // The system gives no random bytes: everything else says so too.
        };
        let envelope = Envelope {
            kind,
            at_micros: at.as_micros(),
            data,
        };
        let message = Message {
            id: format!("msg_{}", &to_hex(&id)[..32]),
            at,
            body: serde_json::to_vec(&envelope).unwrap_or_default().into(),
        };
        for post in self.posts.iter().filter(|p| wants(&p.config, kind)) {
            let mut waiting = post.waiting();
            if waiting.len() >= MAX_WAITING {
                waiting.pop_front();
                self.counts[2].fetch_add(1, Ordering::Relaxed);
            }
            waiting.push_back(message.clone());
            drop(waiting);
            post.wake.notify_one();
        }
    }

    /// Delivers until dropped.
    pub(crate) async fn run(&self) {
        let deliveries = self.posts.iter().map(|post| self.deliver(post, &PAUSES));
        futures::future::join_all(deliveries).await;
    }

    async fn deliver(&self, post: &Post, pauses: &[Duration]) {
        loop {
            let next = post.waiting().front().cloned();
            let Some(message) = next else {
                post.wake.notified().await;
                continue;
            };
            let has_arrived = self.try_again_and_again(post, &message, pauses).await;
            let place = if has_arrived { 0 } else { 2 };
            self.counts[place].fetch_add(1, Ordering::Relaxed);
            // Meanwhile it may have given way to newer ones.
            let mut waiting = post.waiting();
            if waiting.front().is_some_and(|first| first.id == message.id) {
                waiting.pop_front();
            }
        }
    }

    async fn try_again_and_again(
        &self,
        post: &Post,
        message: &Message,
        pauses: &[Duration],
    ) -> bool {
        let mut pauses = pauses.iter();
        loop {
            let error = match self.send(&post.config, message).await {
                Ok(()) => return true,
                Err(error) => error,
            };
            self.counts[1].fetch_add(1, Ordering::Relaxed);
            let host = post.config.url.host();
            // 410 Gone asks that nothing more be sent, 4xx that this be not sent again.
            let is_final = matches!(
                error,
                CallError::Ending | CallError::Status(400 | 410 | 413)
            );
            let Some(pause) = pauses.next().filter(|_| !is_final) else {
                tracing::warn!(host, %error, "a webhook was given up");
                return false;
            };
            tracing::debug!(host, %error, "a webhook failed; it is tried again");
            tokio::time::sleep(*pause).await;
        }
    }

    async fn send(&self, config: &WebhookConfig, message: &Message) -> Result<(), CallError> {
        let secs = message.at.as_micros().div_euclid(1_000_000);
        let signature = signature(&config.secret.0, &message.id, secs, &message.body);
        let headers = vec![
            ("webhook-id", message.id.clone()),
            ("webhook-timestamp", secs.to_string()),
            ("webhook-signature", signature),
        ];
        let body = message.body.to_vec();
        self.caller.post(&config.url, headers, body).await?;
        Ok(())
    }
}

fn wants(config: &WebhookConfig, kind: &str) -> bool {
    config.events.is_empty() || config.events.contains(kind)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::listener;
