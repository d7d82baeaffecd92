//! What happens to those who enrolled, and on the screens, told to programs that the configuration names, signed, until they
//! have heard it.
//!
//! What the ledger has is read from there, from the place where the last told event stands: nothing is lost when a receiver,
//! or this program, is away for a while, and everything comes in its order. What stands in no ledger (that somebody was
//! verified, that a message began or was stopped) is told from memory.

mod event;
mod post;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_commitments::{Digest, LedgerEntry, subject};
use regard_domain::{PersonId, Timestamp};
use regard_engine::{Engine, random_key, to_hex};
use serde_json::Value;
use tokio::sync::watch;

use crate::outbound::{Caller, OutboundUrl};

use event::Told;
pub use event::WebhookEvent;
pub(crate) use post::text_of as secret_text;

/// How often the ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Entries read at once.
const CHUNK: u64 = 100;

/// Longest pause after deliveries that failed; it doubles until then.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Events of no ledger that wait to be told to a receiver. When full the oldest is not told any more.
const MAX_WAITING: usize = 1_000;

/// Why nothing was told: the store could not be read or written.
const STORE: &str = "store_unavailable";

/// How settings begin that say how far each receiver has heard.
const SETTING_PREFIX: &str = "webhook.heard.";

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Its name: 1 to 64 of `a-z`, `0-9`, `-`, `_`.
    pub id: String,
    /// Where events are sent: https, or http on this machine. Nothing is sent anywhere else, not even when told to.
    pub url: OutboundUrl,
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
    /// What stands in no ledger, by receiver.
    waiting: BTreeMap<String, VecDeque<Told>>,
}

/// The receivers and how far they have heard.
pub(crate) struct Webhooks {
    configs: Vec<WebhookConfig>,
    state: Mutex<State>,
    caller: Caller,
}

impl Webhooks {
    pub(crate) fn new(configs: Vec<WebhookConfig>) -> Self {
        Self {
            configs,
            state: Mutex::default(),
            caller: Caller::default(),
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

    /// Whether anybody wants to hear of this.
    pub(crate) fn wants(&self, event: WebhookEvent) -> bool {
        self.configs
            .iter()
            .any(|config| config.events.contains(&event))
    }

    /// Somebody was verified.
    pub(crate) fn verified(&self, person: PersonId, number: Digest, now: Timestamp) {
        self.put(&Told::verified(subject(person), number, now));
    }

    /// Something happened on a screen.
    ///
    /// # Privacy
    /// `data` leaves the site: no track, no person, nothing about anybody by themselves.
    pub(crate) fn happened(&self, event: WebhookEvent, data: Value, now: Timestamp) {
        if !self.wants(event) {
            return;
        }
        let Ok(id) = random_key() else {
            return; // The system gives no random bytes: everything else says so too.
        };
        let id = format!("event-{}", &to_hex(&id)[..32]);
        self.put(&Told::now(id, event, data, now));
    }

    fn put(&self, told: &Told) {
        let mut state = self.state();
        for config in &self.configs {
            if config.events.contains(&told.event) {
                let waiting = state.waiting.entry(config.id.clone()).or_default();
                if waiting.len() >= MAX_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(told.clone());
            }
        }
    }

    fn next_waiting(&self, id: &str) -> Option<Told> {
        self.state().waiting.get(id)?.front().cloned()
    }

    /// It may have given way to newer ones meanwhile.
    fn told_waiting(&self, id: &str, told: &Told) {
        if let Some(waiting) = self.state().waiting.get_mut(id)
            && waiting.front().is_some_and(|first| first.id == told.id)
        {
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
        let (mut pause, mut next) = (LOOK_EVERY, None);
        loop {
            tokio::select! {
                () = over(&mut ending) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.round(config, engine, &mut next).await {
                Ok(()) => LOOK_EVERY,
                Err(fault) => {
                    self.failed(&config.id, fault, engine.now());
                    tracing::warn!(webhook = config.id, fault, "a webhook was not told");
                    (pause * 2).min(LONGEST_PAUSE)
                }
            };
        }
    }

    /// Tells a receiver all there is to tell now, in its order. `heard` is how far it has heard, once that was read.
    async fn round(
        &self,
        config: &WebhookConfig,
        engine: &Engine,
        heard: &mut Option<u64>,
    ) -> Result<(), &'static str> {
        let store = engine.store();
        let name = format!("{SETTING_PREFIX}{}", config.id);
        let next = match heard {
            Some(next) => next,
            None => {
                let next = first_unheard(engine, &name).await?;
                heard.insert(next)
            }
        };
        while let Some(told) = self.next_waiting(&config.id) {
            self.deliver(config, engine, &told).await?;
            self.told_waiting(&config.id, &told);
        }
        loop {
            let rows = store
                .ledger_range(*next..*next + CHUNK)
                .await
                .map_err(|_| STORE)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let entry = row.bytes.as_deref().map(LedgerEntry::from_leaf_bytes);
                let told = entry.and_then(|entry| Told::of(&entry.ok()?, *next));
                if let Some(told) = told.filter(|told| config.events.contains(&told.event)) {
                    self.deliver(config, engine, &told).await?;
                    keep(engine, &name, *next + 1).await?;
                }
                *next += 1;
            }
            keep(engine, &name, *next).await?;
        }
    }

    async fn deliver(
        &self,
        config: &WebhookConfig,
        engine: &Engine,
        told: &Told,
    ) -> Result<(), &'static str> {
        let name = secret_name(&config.id);
        let secret = engine.custodian().shared_secret(&name).await;
        let secret = secret.map_err(|_| "custody_unavailable")?;
        let secret = secret.ok_or("secret_missing")?;
        post::post(&self.caller, &config.url, &secret, told, engine.now()).await?;
        self.heard(&config.id);
        Ok(())
    }
}

/// Resolves when the server is to end; a sender that is gone means the same.
async fn over(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|is_ending| *is_ending).await;
}

/// The first entry of the ledger that a receiver has not heard; one that is new hears of what happens from now on.
async fn first_unheard(engine: &Engine, name: &str) -> Result<u64, &'static str> {
    let store = engine.store();
    let heard = store.setting(name).await.map_err(|_| STORE)?;
    if let Some(next) = heard.and_then(|text| text.parse().ok()) {
        return Ok(next);
    }
    let len = store.ledger_len().await.map_err(|_| STORE)?;
    keep(engine, name, len).await?;
    Ok(len)
}

async fn keep(engine: &Engine, name: &str, next: u64) -> Result<(), &'static str> {
    let kept = engine.put_setting(name, next.to_string()).await;
    kept.map_err(|_| STORE)
}

/// What the secret of a receiver is called where it is sealed.
pub(crate) fn secret_name(id: &str) -> String {
    format!("webhook/{id}")
}

/// The address of a receiver: https, or http on this machine.
///
/// # Errors
/// What is wrong, as a fragment after "error: ".
pub fn webhook_url(text: &str) -> Result<OutboundUrl, String> {
    let url: OutboundUrl = text
        .parse()
        .map_err(|error: crate::BadOutboundUrl| format!("{error}, found {text:?}"))?;
    if url.is_encrypted() || url.is_here() {
        Ok(url)
    } else {
        Err(format!(
            "expected https, or http to this machine itself, found {text:?}"
        ))
    }
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
            assert_eq!(webhook_url(url).is_ok(), good, "{url}");
        }
    }

    #[test]
    fn what_stands_in_no_ledger_waits_with_a_lid() {
        let config = |id: &str, event| WebhookConfig {
            id: id.to_owned(),
            url: webhook_url("https://till.example").unwrap(),
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
        assert!(all.next_waiting("two").is_none());
        assert_eq!(all.state().waiting["one"].len(), MAX_WAITING);
        let first = all.next_waiting("one").unwrap();
        let second = Digest::of(&[&1_u128.to_be_bytes()]);
        assert_eq!(first.id, format!("grant-{second}"), "the oldest went");
        all.told_waiting("one", &first);
        all.told_waiting("one", &first);
        assert_eq!(all.state().waiting["one"].len(), MAX_WAITING - 1);
        assert!(!all.wants(WebhookEvent::Decision));
        all.happened(WebhookEvent::Decision, serde_json::json!({}), now);
        assert!(all.next_waiting("two").is_none());
    }
}
