//! Tells others what happens on the screens: signage players, an MQTT broker, and webhooks. Everything goes to addresses of the
//! configuration, and nothing says who was there.

mod mqtt;
mod signage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use regard_domain::{CampaignId, CreativeId, DecisionId, ScreenId, SlotId};
use regard_engine::{Engine, ScreenView, Showing};
use serde_json::json;
use tokio::sync::watch;

use crate::outbound::Caller;
use crate::webhooks::{WebhookEvent, Webhooks};

pub use mqtt::MqttConfig;
pub use signage::{Password, SignageConfig, SignageTarget};

use mqtt::Mqtt;
use signage::Signage;

/// How often it is looked what a minute brought, and whether a guardrail stopped a message.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Who is told of what begins on the screens.
#[derive(Clone, Debug, Default)]
pub struct Connectors {
    /// Players and managers of other signage.
    pub signage: Vec<SignageConfig>,
    /// A broker.
    pub mqtt: Option<MqttConfig>,
}

impl Connectors {
    /// Every host and port that is called.
    pub fn hosts(&self) -> Vec<(String, u16)> {
        let urls = self.signage.iter().map(|one| one.target.url());
        let mut hosts: Vec<(String, u16)> = urls
            .map(|url| (url.host().to_owned(), url.port()))
            .collect();
        let broker = self.mqtt.iter().map(|mqtt| &mqtt.broker);
        hosts.extend(broker.map(|broker| (broker.host.clone(), broker.port)));
        hosts
    }

    fn is_empty(&self) -> bool {
        self.signage.is_empty() && self.mqtt.is_none()
    }
}

/// What began on a screen, as others are told: nothing about who was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) decision: DecisionId,
    pub(crate) screen: ScreenId,
    /// In which slot; nothing where the screen is not parted.
    pub(crate) slot: Option<SlotId>,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) creative: CreativeId,
    pub(crate) duration_millis: u32,
}

impl Begun {
    fn of(showing: &Showing) -> Self {
        let decision = &showing.decision;
        Self {
            decision: decision.id,
            screen: decision.screen.clone(),
            slot: decision.slot.clone(),
            campaign: decision.campaign.clone(),
            creative: showing.creative.id.clone(),
            duration_millis: showing.creative.duration_millis,
        }
    }
}

/// Tells others until dropped.
pub(crate) async fn run(engine: Engine, connectors: Connectors, webhooks: Arc<Webhooks>) {
    let is_heard =
        webhooks.wants(WebhookEvent::Decision) || webhooks.wants(WebhookEvent::Guardrail);
    if connectors.is_empty() && !is_heard {
        return std::future::pending().await;
    }
    let caller = Caller::default();
    let signage: Vec<Signage> = connectors
        .signage
        .iter()
        .map(|config| Signage::new(config.clone(), caller.clone()))
        .collect();
    let site = engine.commitments().document().site.id.to_string();
    let mqtt = connectors.mqtt.as_ref();
    let mqtt = mqtt.map(|config| Arc::new(Mqtt::new(config, &site, &engine)));
    let speaking = async {
        match &mqtt {
            Some(mqtt) => mqtt.run().await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(
        watch_screens(&engine, &webhooks, &signage, mqtt.as_deref()),
        watch_time(&engine, &webhooks, mqtt.as_deref()),
        speaking,
    );
}

async fn watch_screens(
    engine: &Engine,
    webhooks: &Webhooks,
    signage: &[Signage],
    mqtt: Option<&Mqtt>,
) {
    let views = engine
        .screens()
        .into_iter()
        .filter_map(|screen| engine.screen(&screen).ok());
    let watched: FuturesUnordered<_> = views
        .map(|view| watch_screen(engine, view, webhooks, signage, mqtt))
        .collect();
    watched.collect::<Vec<()>>().await;
    // Without screens, or when the engine has stopped, there is nothing to tell.
    std::future::pending::<()>().await;
}

async fn watch_screen(
    engine: &Engine,
    mut view: watch::Receiver<Arc<ScreenView>>,
    webhooks: &Webhooks,
    signage: &[Signage],
    mqtt: Option<&Mqtt>,
) {
    let mut told: BTreeMap<Option<SlotId>, DecisionId> = BTreeMap::new();
    loop {
        let now = Arc::clone(&view.borrow_and_update());
        for showing in now.showings() {
            let begun = Begun::of(showing);
            if told.insert(begun.slot.clone(), begun.decision) == Some(begun.decision) {
                continue;
            }
            let mut data = json!({
                "decision": begun.decision.to_string(),
                "screen": begun.screen.to_string(),
                "campaign": begun.campaign.as_ref().map(ToString::to_string),
                "creative": begun.creative.to_string(),
            });
            if let Some(slot) = &begun.slot {
                data["slot"] = slot.to_string().into();
            }
            webhooks.happened(WebhookEvent::Decision, data, engine.now());
            if let Some(mqtt) = mqtt {
                mqtt.begun(&begun);
            }
            // Signage knows of one message on a screen, and hears of that of the first slot.
            let first = now.showing.as_ref();
            if !first.is_some_and(|first| Arc::ptr_eq(first, showing)) {
                continue;
            }
            for one in signage.iter().filter(|one| *one.screen() == begun.screen) {
                if let Err(error) = one.begun(&begun).await {
                    tracing::warn!(screen = %begun.screen, %error, "a player was not told");
                }
            }
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}

async fn watch_time(engine: &Engine, webhooks: &Webhooks, mqtt: Option<&Mqtt>) {
    let mut beat = tokio::time::interval(LOOK_EVERY);
    let mut stopped: BTreeMap<CampaignId, usize> = BTreeMap::new();
    let mut is_first = true;
    loop {
        beat.tick().await;
        if let Some(mqtt) = mqtt {
            mqtt.minute(engine).await;
        }
        if !webhooks.wants(WebhookEvent::Guardrail) {
            continue;
        }
        for campaign in engine.campaigns().await.unwrap_or_default() {
            if campaign.guardrails.is_empty() {
                continue;
            }
            let Ok(evidence) = engine.evidence(campaign.id.clone()).await else {
                continue;
            };
            let broken: Vec<_> = evidence
                .guardrails
                .iter()
                .filter(|guard| guard.stopped_after.is_some())
                .collect();
            let before = stopped.insert(campaign.id.clone(), broken.len());
            if is_first || before.unwrap_or(0) >= broken.len() {
                continue;
            }
            for guard in broken {
                let data = json!({
                    "campaign": campaign.id.to_string(),
                    "creative": guard.creative.to_string(),
                    "guardrail": guard.metric.name(),
                    "stopped_after_plays": guard.stopped_after,
                });
                webhooks.happened(WebhookEvent::Guardrail, data, engine.now());
            }
        }
        is_first = false;
    }
}
