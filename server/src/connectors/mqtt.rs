//! A broker of the house: what is on each screen, and sums over whole minutes, found by Home Assistant by itself.
//!
//! # Source
//! Home Assistant, MQTT discovery: retained configurations under `homeassistant/<component>/<node>/<object>/config`,
//! availability with a last will.

use regard_backends::{Broker, BrokerAddress, BrokerConfig, BrokerLine, BrokerTls, Word};
use regard_commitments::Zeroizing;
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_engine::Engine;
use serde_json::json;
use tokio::sync::Mutex;

use super::Begun;
use crate::problem;

const MINUTE_MICROS: i64 = 60_000_000;

/// Which broker, and under which topics.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    /// Where it is.
    pub broker: BrokerAddress,
    /// Who vouches for it, where the connection is encrypted; nothing: whoever the system trusts.
    pub tls: Option<BrokerTls>,
    /// User name and password, where it asks.
    pub user: Option<(String, Zeroizing<String>)>,
    /// What topics of discovery begin with; `homeassistant` unless Home Assistant was told otherwise.
    pub discovery_prefix: String,
}

impl MqttConfig {
    /// Whether others on the way can read the password.
    pub fn tells_password_openly(&self) -> bool {
        self.user.is_some() && !self.broker.is_encrypted && !self.broker.is_here()
    }
}

/// A number of a camera that is told each minute.
struct Sensor {
    object: &'static str,
    name: &'static str,
    unit: &'static str,
    icon: &'static str,
}

/// Sums and means over a minute, and nothing shorter: a number each second would follow who is there.
const SENSORS: [Sensor; 3] = [
    Sensor {
        object: "visitors",
        name: "Visitors",
        unit: "people",
        icon: "mdi:account-multiple",
    },
    Sensor {
        object: "looks",
        name: "Looks",
        unit: "looks",
        icon: "mdi:eye",
    },
    Sensor {
        object: "attention",
        name: "Attention",
        unit: "%",
        icon: "mdi:gauge",
    },
];

/// Speaks to the broker.
pub(super) struct Mqtt {
    broker: Broker,
    line: Mutex<BrokerLine>,
    prefix: String,
    node: String,
    screens: Vec<ScreenId>,
    cameras: Vec<CameraId>,
}

impl Mqtt {
    pub(super) fn new(config: &MqttConfig, site: &str, engine: &Engine) -> Self {
        let node = format!("regard_{}", site.replace('-', "_"));
        let user = config.user.as_ref();
        let (broker, line) = Broker::new(BrokerConfig {
            address: config.broker.clone(),
            tls: config.tls.clone(),
            client_id: node.clone(),
            user: user.map(|(name, password)| (name.clone(), password.to_string())),
            last_will: Word {
                topic: format!("{node}/availability"),
                payload: "offline".to_owned(),
                retain: true,
            },
        });
        Self {
            broker,
            line: Mutex::new(line),
            prefix: config.discovery_prefix.clone(),
            node,
            screens: engine.screens(),
            cameras: engine.cameras(),
        }
    }

    fn say(&self, topic: String, payload: String, retain: bool) {
        let word = Word {
            topic,
            payload,
            retain,
        };
        if let Err(error) = self.broker.say(word) {
            tracing::debug!(%error, "the broker was not told");
        }
    }

    /// Looks after the connection until dropped; after each connection everything that should be known is said again.
    pub(super) async fn run(&self) {
        let mut line = self.line.lock().await;
        let mut told = None;
        loop {
            match line.next_connection().await {
                Ok(()) => {
                    tracing::info!("the broker listens");
                    told = None;
                    self.introduce();
                }
                Err(error) => {
                    let error = problem::chain(&error);
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(error, "the broker does not listen; it is tried again");
                        told = Some(error);
                    }
                    tokio::time::sleep(BrokerLine::RETRY_PAUSE).await;
                }
            }
        }
    }

    /// What Home Assistant needs to find everything by itself.
    fn introduce(&self) {
        let node = &self.node;
        let device = json!({
            "identifiers": [node],
            "name": "Regard",
            "manufacturer": "Regard",
            "sw_version": env!("CARGO_PKG_VERSION"),
        });
        let entity = |id: String, name: String, state: String, more: serde_json::Value| {
            let mut config = json!({
                "name": name,
                "unique_id": format!("{node}_{id}"),
                "object_id": format!("{node}_{id}"),
                "state_topic": state,
                "availability_topic": format!("{node}/availability"),
                "device": device,
            });
            if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
                config.extend(more.clone());
            }
            let topic = format!("{}/sensor/{node}/{id}/config", self.prefix);
            self.say(topic, config.to_string(), true);
        };
        for screen in &self.screens {
            let id = format!("{}_message", screen.as_str().replace('-', "_"));
            let name = format!("Message on {screen}");
            let more = json!({ "icon": "mdi:monitor" });
            entity(id, name, format!("{node}/screen/{screen}/message"), more);
        }
        for camera in &self.cameras {
            for sensor in &SENSORS {
                let id = format!("{}_{}", camera.as_str().replace('-', "_"), sensor.object);
                let name = format!("{} at {camera}", sensor.name);
                let more = json!({
                    "icon": sensor.icon,
                    "unit_of_measurement": sensor.unit,
                    "state_class": "measurement",
                    "expire_after": 300,
                });
                entity(
                    id,
                    name,
                    format!("{node}/camera/{camera}/{}", sensor.object),
                    more,
                );
            }
        }
        self.say(format!("{node}/availability"), "online".to_owned(), true);
    }

    /// What is on a screen now.
    pub(super) fn begun(&self, begun: &Begun) {
        let topic = format!("{}/screen/{}/message", self.node, begun.screen);
        self.say(topic, begun.creative.to_string(), true);
    }

    /// What the last whole minute brought in front of each camera.
    pub(super) async fn minute(&self, engine: &Engine) {
        let now = engine.now().as_micros();
        let end = now - now.rem_euclid(MINUTE_MICROS);
        let during = Timestamp::from_micros(end - MINUTE_MICROS)..Timestamp::from_micros(end);
        let Ok(minutes) = engine.store().minutes(during).await else {
            return;
        };
        for minute in minutes {
            let shown = |part: f64, whole: f64| {
                if whole > 0.0 {
                    (100.0 * part / whole).round()
                } else {
                    0.0
                }
            };
            let values = [
                f64::from(minute.entered),
                f64::from(minute.looks),
                shown(minute.attention_secs, minute.visitor_secs),
            ];
            for (sensor, value) in SENSORS.iter().zip(values) {
                let topic = format!("{}/camera/{}/{}", self.node, minute.camera, sensor.object);
                self.say(topic, value.to_string(), false);
            }
        }
    }
}
