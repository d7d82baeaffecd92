//! A connection to an MQTT broker that comes back when it breaks.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rumqttc::{AsyncClient, ClientError, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use thiserror::Error;

/// How often the connection is looked after: a broker says the last will after one and a half of these.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Pause before a connection that broke is made again.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Words that wait for the connection. When full, whoever says more waits, or does without.
const MAX_WAITING: usize = 256;

/// The port of MQTT without encryption.
const DEFAULT_PORT: u16 = 1_883;

/// Host and port of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Name or number of the host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A text that is no address of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected mqtt://, a host and perhaps a port, such as \"mqtt://192.168.1.5:1883\"")]
pub struct BadBrokerAddress;

impl FromStr for BrokerAddress {
    type Err = BadBrokerAddress;
    fn from_str(text: &str) -> Result<Self, BadBrokerAddress> {
        let rest = text.strip_prefix("mqtt://").ok_or(BadBrokerAddress)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| BadBrokerAddress)?)
            }
            _ => (rest, DEFAULT_PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
        if host.is_empty() || port == 0 || !host.bytes().all(is_host) {
            return Err(BadBrokerAddress);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// Something that is said under a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The topic.
    pub topic: String,
    /// What is said.
    pub payload: String,
    /// Whether the broker says it to whoever comes later.
    pub retain: bool,
}

/// Which broker, and who speaks.
#[derive(Clone)]
pub struct BrokerConfig {
    /// Where it is.
    pub address: BrokerAddress,
    /// Under which name; two of the same name throw each other out.
    pub client_id: String,
    /// User name and password, where it asks.
    pub user: Option<(String, String)>,
    /// What the broker says when the connection breaks.
    pub last_will: Word,
}

impl fmt::Debug for BrokerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerConfig")
            .field("address", &self.address)
            .field("client_id", &self.client_id)
            .field("last_will", &self.last_will)
            .finish_non_exhaustive()
    }
}

/// Why nothing was said.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The connection is away, and too much waits for it.
    #[error("too much waits for the broker")]
    Full,
}

impl From<ClientError> for BrokerError {
    fn from(_: ClientError) -> Self {
        Self::Full
    }
}

/// The speaking end. Cheap to clone.
#[derive(Clone)]
pub struct Broker(AsyncClient);

/// The connection itself: nothing is said before somebody looks after it.
pub struct BrokerLine {
    events: EventLoop,
}

impl Broker {
    /// A connection to be; nothing is connected before [`BrokerLine::next_connection`].
    pub fn new(config: &BrokerConfig) -> (Self, BrokerLine) {
        let BrokerAddress { host, port } = &config.address;
        let mut options = MqttOptions::new(&config.client_id, host, *port);
        options.set_keep_alive(KEEP_ALIVE);
        if let Some((name, password)) = &config.user {
            options.set_credentials(name, password);
        }
        let Word {
            topic,
            payload,
            retain,
        } = config.last_will.clone();
        options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, retain));
        let (client, events) = AsyncClient::new(options, MAX_WAITING);
        (Self(client), BrokerLine { events })
    }

    /// Says something, without waiting; it is said again until the broker has it.
    ///
    /// # Errors
    /// [`BrokerError::Full`].
    pub fn say(&self, word: Word) -> Result<(), BrokerError> {
        let Word {
            topic,
            payload,
            retain,
        } = word;
        Ok(self
            .0
            .try_publish(topic, QoS::AtLeastOnce, retain, payload)?)
    }
}

impl BrokerLine {
    /// Carries what is said, and connects where that is needed; returns when a connection was just made, so that what
    /// everyone should know can be said again. Never ends otherwise.
    ///
    /// # Errors
    /// In words, when a connection broke or could not be made; it is made again at the next call, after a pause.
    pub async fn next_connection(&mut self) -> Result<(), String> {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// How long to wait after an error.
    pub const RETRY_PAUSE: Duration = RETRY_PAUSE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_host_and_perhaps_a_port() {
        let address = |text: &str| text.parse::<BrokerAddress>().map(|a| (a.host, a.port));
        assert_eq!(
            address("mqtt://broker.lan"),
            Ok(("broker.lan".to_owned(), 1_883))
        );
        assert_eq!(address("mqtt://[::1]:1884/"), Ok(("::1".to_owned(), 1_884)));
        for bad in [
            "",
            "broker",
            "mqtts://broker",
            "mqtt://",
            "mqtt://a:0",
            "mqtt://u@b",
            "mqtt://a b",
        ] {
            assert_eq!(address(bad), Err(BadBrokerAddress), "{bad}");
        }
    }
}
