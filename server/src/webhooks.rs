//! What happens to those who enrolled, told to programs that the configuration names, signed, until they have heard it.
//!
//! What is told is read from the ledger, from the place where the last told event stands: nothing is lost when a receiver, or
//! this program, is away for a while, and everything comes in its order. That somebody was verified stands in no ledger; it
//! is told from memory.

mod event;
mod post;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_commitments::{Digest, LedgerEntry, subject};
use regard_domain::{PersonId, Timestamp};
use regard_engine::{Engine, EngineError};
use tokio::sync::watch;

use event::Told;
pub use event::WebhookEvent;
pub(crate) use post::text_of as secret_text;

/// How often the ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Entries read at once.
const CHUNK: u64 = 100;

/// Longest pause after deliveries that failed; it doubles until then.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Verifications that wait to be told. When full the oldest is not told any more.
const MAX_WAITING: usize = 1_000;

/// How settings begin that say how far each receiver has heard.
const SETTING_PREFIX: &str = "webhook.heard.";

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Its name: 1 to 64 of `a-z`, `0-9`, `-`, `_`.
    pub id: String,
    /// Where events are sent: https, or http on this machine. Nothing is sent anywhere else, not even when told to.
    pub url: String,
    /// Which events.
    pub events: BTreeSet<WebhookEvent>,
}

/// How a receiver stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hearing {
    /// Events that it took since the start.
    pub(crate) n_told: u64,
    /// Deliveries that failed since the start.
    pub(crate) n_failed: u64,
    /// Since when it takes nothing.
    pub(crate) failing_since: Option<Timestamp>,
    /// Why, in a word.
    pub(crate) fault: Option<&'static str>,
}

#[derive(Default)]
struct State {
    hearing: BTreeMap<String, Hearing>,
    verified: BTreeMap<String, VecDeque<Told>>,
}

/// The receivers and how far they have heard.
pub(crate) struct Webhooks {
    configs: Vec<WebhookConfig>,
    state: Mutex<State>,
}

impl Webhooks {
    pub(crate) fn new(configs: Vec<WebhookConfig>) -> Self {
        Self {
            configs,
            state: Mutex::default(),
        }
    }

    pub(crate) fn configs(&self) -> &[WebhookConfig] {
        &self.configs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a receiver stands.
    pub(crate) fn hearing(&self, id: &str) -> Hearing {
        self.state().hearing.get(id).cloned().unwrap_or_default()
    }

    /// Somebody was verified.
    pub(crate) fn verified(&self, person: PersonId, number: Digest, now: Timestamp) {
        let told = Told::verified(subject(person), number, now);
        let mut state = self.state();
        for config in &self.configs {
            if config.events.contains(&WebhookEvent::Verified) {
                let waiting = state.verified.entry(config.id.clone()).or_default();
                if waiting.len() >= MAX_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(told.clone());
            }
        }
    }

    fn next_verified(&self, id: &str) -> Option<Told> {
        self.state().verified.get(id)?.front().cloned()
    }

    fn told_verified(&self, id: &str) {
        if let Some(waiting) = self.state().verified.get_mut(id) {
            waiting.pop_front();
        }
    }

    fn heard(&self, id: &str) {
        let mut state = self.state();
        let hearing = state.hearing.entry(id.to_owned()).or_default();
        hearing.n_told += 1;
        (hearing.failing_since, hearing.fault) = (None, None);
    }

    fn failed(&self, id: &str, fault: &'static str, now: Timestamp) {
        let mut state = self.state();
        let hearing = state.hearing.entry(id.to_owned()).or_default();
        hearing.n_failed += 1;
        hearing.failing_since.get_or_insert(now);
        hearing.fault = Some(fault);
    }

    /// Tells every receiver what happens, until the server ends.
    pub(crate) async fn run(self: Arc<Self>, engine: Engine, ending: watch::Receiver<bool>) {
        let tasks = self.configs.iter().cloned().map(|config| {
            let (all, engine, ending) = (Arc::clone(&self), engine.clone(), ending.clone());
            tokio::spawn(async move { all.tell(&config, &engine, ending).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            // It ends with the server; a panic of it is in the log.
            let _ = task.await;
        }
    }

    async fn tell(
        &self,
        config: &WebhookConfig,
        engine: &Engine,
        mut ending: watch::Receiver<bool>,
    ) {
        let mut pause = LOOK_EVERY;
        loop {
            tokio::select! {
                () = over(&mut ending) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.round(config, engine).await {
                Ok(()) => LOOK_EVERY,
                Err(fault) => {
                    self.failed(&config.id, fault, engine.now());
                    tracing::warn!(webhook = config.id, fault, "a webhook was not told");
                    (pause * 2).min(LONGEST_PAUSE)
                }
            };
        }
    }

    /// Tells a receiver all there is to tell now, in its order.
    async fn round(&self, config: &WebhookConfig, engine: &Engine) -> Result<(), &'static str> {
        const STORE: &str = "store_unavailable";
        let store = engine.store();
        let name = format!("{SETTING_PREFIX}{}", config.id);
        let heard = store.setting(&name).await.map_err(|_| STORE)?;
        let mut next = match heard.and_then(|value| value.parse().ok()) {
            Some(next) => next,
            None => {
                // A receiver that is new hears of what happens from now on.
                let len = store.ledger_len().await.map_err(|_| STORE)?;
                keep(engine, &name, len).await.map_err(|_| STORE)?;
                len
            }
        };
        while let Some(told) = self.next_verified(&config.id) {
            self.deliver(config, engine, &told).await?;
            self.told_verified(&config.id);
        }
        loop {
            let rows = store
                .ledger_range(next..next + CHUNK)
                .await
                .map_err(|_| STORE)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let entry = row.bytes.as_deref().map(LedgerEntry::from_leaf_bytes);
                let told = entry.and_then(|entry| Told::of(&entry.ok()?, next));
                if let Some(told) = told.filter(|told| config.events.contains(&told.event)) {
                    self.deliver(config, engine, &told).await?;
                    keep(engine, &name, next + 1).await.map_err(|_| STORE)?;
                }
                next += 1;
            }
            keep(engine, &name, next).await.map_err(|_| STORE)?;
        }
    }

    async fn deliver(
        &self,
        config: &WebhookConfig,
        engine: &Engine,
        told: &Told,
    ) -> Result<(), &'static str> {
        let name = secret_name(&config.id);
        let secret = engine.custodian().shared_secret(&name);
        let secret = secret.await.map_err(|_| "custody_unavailable")?;
        let secret = secret.ok_or("secret_missing")?;
        post::post(&config.url, &secret, told, engine.now()).await?;
        self.heard(&config.id);
        Ok(())
    }
}

/// Resolves when the server is to end; a sender that is gone means the same.
async fn over(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|is_ending| *is_ending).await;
}

async fn keep(engine: &Engine, name: &str, next: u64) -> Result<(), EngineError> {
    engine.put_setting(name, next.to_string()).await
}

/// What the secret of a receiver is called where it is sealed.
pub(crate) fn secret_name(id: &str) -> String {
    format!("webhook/{id}")
}

/// What to believe of an address that somebody names: https, or http on this machine.
///
/// # Errors
/// What is wrong, as a fragment after "error: ".
pub fn check_webhook_url(text: &str) -> Result<(), String> {
    let url: axum::http::Uri = text
        .parse()
        .map_err(|_| format!("{text:?} is not an address"))?;
    let host = url.host().unwrap_or_default();
    let is_here = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    let has_user = url
        .authority()
        .is_some_and(|all| all.as_str().contains('@'));
    match url.scheme_str() {
        _ if host.is_empty() || has_user => {
            Err(format!("{text:?} names no host, or a user besides"))
        }
        Some("https") => Ok(()),
        Some("http") if is_here => Ok(()),
        _ => Err(format!(
            "expected https, or http to this machine itself, found {text:?}"
        )),
    }
}

/// The port that a receiver is reached at.
pub fn webhook_port(url: &str) -> Option<u16> {
    let url: axum::http::Uri = url.parse().ok()?;
    url.port_u16().or(match url.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_receivers_or_those_on_this_machine_are_told() {
        for (url, good) in [
            ("https://hooks.example.org/regard", true),
            ("https://hooks.example.org:8443", true),
            ("http://127.0.0.1:9000/x", true),
            ("http://localhost:9000/x", true),
            ("http://[::1]:9000/x", true),
            ("http://hooks.example.org", false),
            ("https://user:secret@hooks.example.org", false),
            ("ftp://hooks.example.org", false),
            ("hooks.example.org", false),
            ("", false),
        ] {
            assert_eq!(check_webhook_url(url).is_ok(), good, "{url}");
        }
        assert_eq!(webhook_port("https://a.example/x"), Some(443));
        assert_eq!(webhook_port("http://localhost:9000/x"), Some(9_000));
    }

    #[test]
    fn verifications_wait_with_a_lid() {
        let config = |id: &str, event| WebhookConfig {
            id: id.to_owned(),
            url: String::new(),
            events: BTreeSet::from([event]),
        };
        let all = Webhooks::new(vec![
            config("one", WebhookEvent::Verified),
            config("two", WebhookEvent::Erased),
        ]);
        let now = Timestamp::from_millis(0);
        for n in 0..=MAX_WAITING as u128 {
            all.verified(PersonId::from_bits(n), Digest::of(&[&n.to_be_bytes()]), now);
        }
        assert!(all.next_verified("two").is_none());
        assert_eq!(all.state().verified["one"].len(), MAX_WAITING);
        let first = all.next_verified("one").unwrap();
        assert_eq!(
            first.person,
            subject(PersonId::from_bits(1)),
            "the oldest went"
        );
        all.told_verified("one");
        assert_ne!(all.next_verified("one").unwrap().person, first.person);
    }
}
