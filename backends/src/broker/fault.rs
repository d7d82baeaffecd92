//! Why a connection to a broker broke or could not be made, in words that say what to do about it.

use std::io;

use rumqttc::ConnectReturnCode;
use rumqttc::mqttbytes;
use rustls::{AlertDescription, CertificateError};
use thiserror::Error;

use super::BrokerConfig;
use super::address::BrokerAddress;
use super::tls::{BadBrokerTls, BrokerTls};

/// Why a connection broke, or could not be made.
#[derive(Debug, Error)]
pub enum LineError {
    /// Nobody listens there, or nobody knows the name.
    #[error("{address} cannot be reached")]
    Unreachable {
        /// Which broker.
        address: BrokerAddress,
        /// Why.
        source: io::Error,
    },
    /// Nothing came in time.
    #[error("{address} does not answer")]
    Silent {
        /// Which broker.
        address: BrokerAddress,
    },
    /// It ended the connection before it said a word.
    #[error(
        "{address} ended the connection without a word; look whether that port is for connections {}",
        kind_of(.address)
    )]
    Closed {
        /// Which broker.
        address: BrokerAddress,
    },
    /// The connection broke.
    #[error("the connection to {address} broke")]
    Broken {
        /// Which broker.
        address: BrokerAddress,
        /// Why.
        source: io::Error,
    },
    /// Its certificate is not believed.
    #[error("the certificate of {address} is not trusted: {reason}; {remedy}")]
    Distrusted {
        /// Which broker.
        address: BrokerAddress,
        /// What is wrong with the certificate.
        reason: String,
        /// What can be done.
        remedy: &'static str,
    },
    /// It asks for a certificate, and there is none to show.
    #[error(
        "{address} asks for a certificate of this installation and there is none; name certificate and key under [mqtt.tls]"
    )]
    AsksForCertificate {
        /// Which broker.
        address: BrokerAddress,
    },
    /// It does not believe the certificate that it is shown.
    #[error(
        "{address} does not accept the certificate it is shown ({alert:?}); look whether the broker trusts who signed it, \
         and until when it is valid"
    )]
    CertificateRefused {
        /// Which broker.
        address: BrokerAddress,
        /// What it said.
        alert: AlertDescription,
    },
    /// No encryption can be agreed on.
    #[error(
        "no encryption can be agreed on with {address}; look whether that port is for connections with TLS"
    )]
    Handshake {
        /// Which broker.
        address: BrokerAddress,
        /// Why.
        source: rustls::Error,
    },
    /// Nothing can be encrypted as was asked.
    #[error("nothing can be encrypted")]
    Tls(#[from] BadBrokerTls),
    /// It does not want to hear of us.
    #[error("{address} refuses the connection: {reason}")]
    Refused {
        /// Which broker.
        address: BrokerAddress,
        /// What it said, and what can be done.
        reason: &'static str,
    },
    /// It speaks something else.
    #[error("{address} does not speak MQTT 3.1.1")]
    Garbled {
        /// Which broker.
        address: BrokerAddress,
        /// What was not understood.
        source: mqttbytes::Error,
    },
}

fn kind_of(address: &BrokerAddress) -> &'static str {
    if address.is_encrypted {
        "with TLS"
    } else {
        "without TLS"
    }
}

/// Whether the other end is gone.
fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

impl LineError {
    /// Whether encryption says what failed.
    pub(super) fn is_of_tls(error: &io::Error) -> bool {
        tls_error(error).is_some()
    }

    /// What it means that bytes could not be carried before the broker said a word.
    pub(super) fn of_opening(config: &BrokerConfig, error: io::Error) -> Self {
        match Self::of_wire(config, error) {
            Self::Broken { address, source } if is_end(&source) => Self::Closed { address },
            other => other,
        }
    }

    /// What it means that bytes could not be carried.
    pub(super) fn of_wire(config: &BrokerConfig, error: io::Error) -> Self {
        let address = config.address.clone();
        let Some(tls) = tls_error(&error) else {
            return Self::Broken {
                address,
                source: error,
            };
        };
        match tls {
            rustls::Error::InvalidCertificate(why) => {
                let (reason, remedy) = distrust(why);
                Self::Distrusted {
                    address,
                    reason,
                    remedy,
                }
            }
            rustls::Error::AlertReceived(alert) => Self::of_alert(config, *alert, tls),
            other => Self::Handshake {
                address,
                source: other.clone(),
            },
        }
    }

    /// What it means that what came is no packet, or not the one that belongs there.
    pub(super) fn of_packet(config: &BrokerConfig, source: mqttbytes::Error) -> Self {
        Self::Garbled {
            address: config.address.clone(),
            source,
        }
    }

    fn of_alert(config: &BrokerConfig, alert: AlertDescription, error: &rustls::Error) -> Self {
        let address = config.address.clone();
        let shows_certificate = config
            .tls
            .as_ref()
            .is_some_and(BrokerTls::shows_certificate);
        match alert {
            AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
                Self::AsksForCertificate { address }
            }
            // What TLS 1.2 says then.
            AlertDescription::HandshakeFailure if !shows_certificate => {
                Self::AsksForCertificate { address }
            }
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
                if shows_certificate =>
            {
                Self::CertificateRefused { address, alert }
            }
            _ => Self::Handshake {
                address,
                source: error.clone(),
            },
        }
    }

    /// What it means that the broker does not want the connection.
    pub(super) fn of_refusal(config: &BrokerConfig, code: ConnectReturnCode) -> Self {
        let reason = match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
                "user name or password are not those it knows, or this user may not connect; look at user and \
                 password_file under [mqtt]"
            }
            ConnectReturnCode::BadClientId => "it does not accept the name of this installation",
            ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
            ConnectReturnCode::ServiceUnavailable | ConnectReturnCode::Success => {
                "it cannot serve anybody now"
            }
        };
        Self::Refused {
            address: config.address.clone(),
            reason,
        }
    }
}

/// What is wrong with a certificate, and what can be done.
fn distrust(why: &CertificateError) -> (String, &'static str) {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "nobody who is trusted here has signed it".to_owned(),
            "name the certificate of who signed it as ca under [mqtt.tls]",
        ),
        CertificateError::NotValidForName => (
            "it is for another name".to_owned(),
            "write the broker's name as its certificate has it",
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            if presented.is_empty() {
                "it is for no name at all".to_owned()
            } else {
                format!("it is for another name: {}", presented.join(", "))
            },
            "write the broker's name as its certificate has it",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "it is valid no longer".to_owned(),
            "renew it, or set the clock of this machine",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "it is not valid yet".to_owned(),
            "set the clock of this machine",
        ),
        CertificateError::Revoked => ("it was revoked".to_owned(), "renew it"),
        other => (
            other.to_string(),
            "give the broker a certificate that is signed by an authority and names the host",
        ),
    }
}
