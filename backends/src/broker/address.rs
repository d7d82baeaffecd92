//! Where a broker is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustls::pki_types::ServerName;
use thiserror::Error;

/// The port of MQTT without encryption.
const PLAIN_PORT: u16 = 1_883;

/// The port of MQTT over TLS.
const ENCRYPTED_PORT: u16 = 8_883;

/// Host and port of a broker, and whether what is said on the way is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Name or number of the host, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
}

/// A text that is no address of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "expected mqtts:// or mqtt://, a host and perhaps a port, such as \"mqtts://broker.example:8883\""
)]
pub struct BadBrokerAddress;

impl BrokerAddress {
    /// Whether it is this machine itself.
    pub fn is_here(&self) -> bool {
        let number = self.host.parse::<IpAddr>();
        self.host == "localhost" || number.is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for BrokerAddress {
    type Err = BadBrokerAddress;
    fn from_str(text: &str) -> Result<Self, BadBrokerAddress> {
        let (rest, is_encrypted) = match text.split_once("://") {
            Some(("mqtts", rest)) => (rest, true),
            Some(("mqtt", rest)) => (rest, false),
            _ => return Err(BadBrokerAddress),
        };
        let usual = if is_encrypted {
            ENCRYPTED_PORT
        } else {
            PLAIN_PORT
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| BadBrokerAddress)?)
            }
            _ => (rest, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
        let is_good = !host.is_empty() && port != 0 && host.bytes().all(is_host);
        // A certificate has to be for this name, so it has to be one.
        if !is_good || (is_encrypted && ServerName::try_from(host).is_err()) {
            return Err(BadBrokerAddress);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            is_encrypted,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_host_and_perhaps_a_port() {
        for (text, host, port, is_encrypted, is_here) in [
            ("mqtt://broker.lan", "broker.lan", 1_883, false, false),
            ("mqtts://broker.lan", "broker.lan", 8_883, true, false),
            ("mqtt://[::1]:1884/", "::1", 1_884, false, true),
            ("mqtts://[::1]", "::1", 8_883, true, true),
            (
                "mqtts://192.168.1.5:8884",
                "192.168.1.5",
                8_884,
                true,
                false,
            ),
            ("mqtt://localhost", "localhost", 1_883, false, true),
            ("mqtt://127.0.0.2", "127.0.0.2", 1_883, false, true),
        ] {
            let address: BrokerAddress = text.parse().expect("an address");
            assert_eq!(
                (address.host.as_str(), address.port, address.is_encrypted),
                (host, port, is_encrypted),
                "{text}"
            );
            assert_eq!(address.is_here(), is_here, "{text}");
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
        for bad in [
            "",
            "broker",
            "mqtt:broker",
            "http://broker",
            "mqtt://",
            "mqtts://",
            "mqtt://a:0",
            "mqtt://u@b",
            "mqtt://a b",
            "mqtts://a..b",
            "mqtts://mqtt://a",
        ] {
            assert_eq!(bad.parse::<BrokerAddress>(), Err(BadBrokerAddress), "{bad}");
        }
    }
}
