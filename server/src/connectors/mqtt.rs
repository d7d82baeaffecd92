//! A broker of the house: what is on each screen and in each of its slots, and sums over whole minutes, found by Home Assistant by itself.
//!
//! # Source
//! Home Assistant, MQTT discovery: retained configurations under `homeassistant/<component>/<node>/<object>/config`,
//! availability with a last will.

use regard_backends::{Broker, BrokerAddress, BrokerConfig, BrokerLine, BrokerTls, Word};
use regard_commitments::Zeroizing;
use regard_domain::{CameraId, ScreenId, SlotId, Timestamp};
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

/// What is spoken of: under which names, and where.
struct Names {
    /// What topics of discovery begin with.
    prefix: String,
    /// What all other topics begin with.
    node: String,
    /// The screens, each with its slots in their order; none where it is not parted.
    screens: Vec<(ScreenId, Vec<SlotId>)>,
    cameras: Vec<CameraId>,
}

/// A name that may stand in an id of Home Assistant.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

impl Names {
    /// Topic of the message of a screen; of one that is parted, of its first slot.
    fn of_screen(&self, screen: &ScreenId) -> String {
        format!("{}/screen/{screen}/message", self.node)
    }

    /// Topic of the message of a slot.
    fn of_slot(&self, screen: &ScreenId, slot: &SlotId) -> String {
        format!("{}/screen/{screen}/slot/{slot}/message", self.node)
    }

    /// Tells Home Assistant of a sensor: its id, its name, the topic of its state, and what more there is to say.
    fn introduction(&self, id: &str, name: &str, state: &str, more: &serde_json::Value) -> Word {
        let node = &self.node;
        let mut config = json!({
            "name": name,
            "unique_id": format!("{node}_{id}"),
            "object_id": format!("{node}_{id}"),
            "state_topic": state,
            "availability_topic": format!("{node}/availability"),
            "device": {
                "identifiers": [node],
                "name": "Regard",
                "manufacturer": "Regard",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
        });
        if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
            config.extend(more.clone());
        }
        Word {
            topic: format!("{}/sensor/{node}/{id}/config", self.prefix),
            payload: config.to_string(),
            retain: true,
        }
    }

    /// What Home Assistant needs to find everything by itself. Of a parted screen there is a sensor for each slot beside that of the
    /// screen, which is the one that screens without slots have.
    fn introductions(&self) -> Vec<Word> {
        let mut words = Vec::new();
        let message = json!({ "icon": "mdi:monitor" });
        for (screen, slots) in &self.screens {
            let id = plain(screen.as_str());
            let name = format!("Message on {screen}");
            let state = self.of_screen(screen);
            words.push(self.introduction(&format!("{id}_message"), &name, &state, &message));
            for slot in slots {
                let id = format!("{id}_slot_{}_message", plain(slot.as_str()));
                let name = format!("Message on {screen}, {slot}");
                let state = self.of_slot(screen, slot);
                words.push(self.introduction(&id, &name, &state, &message));
            }
        }
        for camera in &self.cameras {
            for sensor in &SENSORS {
                let id = format!("{}_{}", plain(camera.as_str()), sensor.object);
                let name = format!("{} at {camera}", sensor.name);
                let state = format!("{}/camera/{camera}/{}", self.node, sensor.object);
                let more = json!({
                    "icon": sensor.icon,
                    "unit_of_measurement": sensor.unit,
                    "state_class": "measurement",
                    "expire_after": 300,
                });
                words.push(self.introduction(&id, &name, &state, &more));
            }
        }
        words
    }

    /// What is on a screen now, or in a slot of it; what is in its first slot is on the screen too, for whoever knows of no slots.
    fn begun(&self, begun: &Begun) -> Vec<Word> {
        let slots = self.screens.iter().find(|(id, _)| *id == begun.screen);
        let first = slots.and_then(|(_, slots)| slots.first());
        let of_slot = begun.slot.iter();
        let mut topics: Vec<String> = of_slot
            .map(|slot| self.of_slot(&begun.screen, slot))
            .collect();
        if begun.slot.as_ref() == first {
            topics.push(self.of_screen(&begun.screen));
        }
        let word = |topic: String| Word {
            topic,
            payload: begun.creative.to_string(),
            retain: true,
        };
        topics.into_iter().map(word).collect()
    }
}

/// Speaks to the broker.
pub(super) struct Mqtt {
    broker: Broker,
    line: Mutex<BrokerLine>,
    names: Names,
}

impl Mqtt {
    pub(super) fn new(config: &MqttConfig, site: &str, engine: &Engine) -> Self {
        let node = format!("regard_{}", plain(site));
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
        let slots = |screen: ScreenId| {
            let layout = engine.layout(&screen).ok().flatten();
            let slots = layout.iter().flat_map(|layout| layout.slots());
            let slots: Vec<SlotId> = slots.cloned().collect();
            (screen, slots)
        };
        Self {
            broker,
            line: Mutex::new(line),
            names: Names {
                prefix: config.discovery_prefix.clone(),
                node,
                screens: engine.screens().into_iter().map(slots).collect(),
                cameras: engine.cameras(),
            },
        }
    }

    fn say(&self, word: Word) {
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

    /// Says what there is, and that it is there.
    fn introduce(&self) {
        for word in self.names.introductions() {
            self.say(word);
        }
        self.say(Word {
            topic: format!("{}/availability", self.names.node),
            payload: "online".to_owned(),
            retain: true,
        });
    }

    /// What is on a screen now, or in a slot of it.
    pub(super) fn begun(&self, begun: &Begun) {
        for word in self.names.begun(begun) {
            self.say(word);
        }
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
                let node = &self.names.node;
                self.say(Word {
                    topic: format!("{node}/camera/{}/{}", minute.camera, sensor.object),
                    payload: value.to_string(),
                    retain: false,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// A screen that is not parted, and one in two slots.
    fn names() -> Names {
        let slots: [SlotId; 2] = ["main", "side-wall"].map(|slot| slot.parse().unwrap());
        Names {
            prefix: "homeassistant".to_owned(),
            node: "regard_shop".to_owned(),
            screens: vec![
                ("shop-door".parse().unwrap(), Vec::new()),
                ("window".parse().unwrap(), slots.to_vec()),
            ],
            cameras: vec!["entrance".parse().unwrap()],
        }
    }

    /// The introductions by the id of their sensor.
    fn introduced() -> Vec<(String, Value)> {
        let words = names().introductions();
        assert!(words.iter().all(|word| word.retain));
        let id = |topic: &str| {
            let rest = topic
                .strip_prefix("homeassistant/sensor/regard_shop/")
                .unwrap();
            rest.strip_suffix("/config").unwrap().to_owned()
        };
        let one = |word: &Word| {
            (
                id(&word.topic),
                serde_json::from_str(&word.payload).unwrap(),
            )
        };
        words.iter().map(one).collect()
    }

    #[test]
    fn every_slot_is_a_sensor_beside_that_of_its_screen() {
        let introduced = introduced();
        let states: Vec<(&str, &str)> = introduced
            .iter()
            .map(|(id, config)| (id.as_str(), config["state_topic"].as_str().unwrap()))
            .collect();
        assert_eq!(
            states,
            [
                ("shop_door_message", "regard_shop/screen/shop-door/message"),
                ("window_message", "regard_shop/screen/window/message"),
                (
                    "window_slot_main_message",
                    "regard_shop/screen/window/slot/main/message"
                ),
                (
                    "window_slot_side_wall_message",
                    "regard_shop/screen/window/slot/side-wall/message"
                ),
                ("entrance_visitors", "regard_shop/camera/entrance/visitors"),
                ("entrance_looks", "regard_shop/camera/entrance/looks"),
                (
                    "entrance_attention",
                    "regard_shop/camera/entrance/attention"
                ),
            ]
        );
        assert_eq!(introduced[3].1["name"], "Message on window, side-wall");
    }

    /// What Home Assistant asks of a configuration: ids of its own, of letters, digits and `_`, and a device that is the same.
    #[test]
    fn discovery_is_valid_and_of_a_screen_without_slots_as_it_was() {
        let introduced = introduced();
        let ids: BTreeSet<&str> = introduced
            .iter()
            .map(|(_, config)| config["unique_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), introduced.len());
        for (id, config) in &introduced {
            assert!(
                id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
                "{id}"
            );
            assert_eq!(config["unique_id"], format!("regard_shop_{id}"));
            assert_eq!(config["availability_topic"], "regard_shop/availability");
            assert_eq!(config["device"], introduced[0].1["device"]);
        }
        let expected = json!({
            "name": "Message on shop-door",
            "unique_id": "regard_shop_shop_door_message",
            "object_id": "regard_shop_shop_door_message",
            "state_topic": "regard_shop/screen/shop-door/message",
            "availability_topic": "regard_shop/availability",
            "device": {
                "identifiers": ["regard_shop"],
                "name": "Regard",
                "manufacturer": "Regard",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "icon": "mdi:monitor",
        });
        assert_eq!(introduced[0].1, expected);
    }

    #[test]
    fn what_begins_is_said_of_its_slot_and_of_the_first_slot_for_the_screen() {
        let said = |screen: &str, slot: Option<&str>| -> Vec<String> {
            let words = names().begun(&Begun {
                decision: regard_domain::DecisionId::from_bits(1),
                screen: screen.parse().unwrap(),
                slot: slot.map(|slot| slot.parse().unwrap()),
                campaign: None,
                creative: "coffee".parse().unwrap(),
                duration_millis: 10_000,
            });
            assert!(words.iter().all(|w| w.retain && w.payload == "coffee"));
            words.into_iter().map(|word| word.topic).collect()
        };
        assert_eq!(
            said("shop-door", None),
            ["regard_shop/screen/shop-door/message"]
        );
        assert_eq!(
            said("window", Some("main")),
            [
                "regard_shop/screen/window/slot/main/message",
                "regard_shop/screen/window/message",
            ]
        );
        assert_eq!(
            said("window", Some("side-wall")),
            ["regard_shop/screen/window/slot/side-wall/message"]
        );
    }
}
