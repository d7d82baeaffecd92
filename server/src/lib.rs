//! The web side: player pages, console, privacy pages, JSON API, event streams.
//!
//! In: HTTP requests, and an engine to ask. Out: pages, JSON, events, and what players and people
//! report, handed to the engine. This room never sees a track id, pixels of a camera other than the
//! preview the engine hands out in profile `lab`, or SQL; it loads nothing from other hosts,
//! listens on loopback unless told otherwise, and calls nobody but the addresses of the configuration.

mod access;
mod acme;
mod app;
mod assets;
mod certificate;
mod classifier;
mod compat;
mod config;
mod connectors;
mod csp;
mod extract;
mod guard;
mod idempotency;
mod listener;
mod metrics;
mod outbound;
mod pages;
mod person_auth;
mod plays;
mod plots;
mod presence;
mod problem;
mod qr;
mod recognition_problem;
mod routes;
mod server;
mod tls;
mod webhooks;
mod wire;

pub use acme::{
    AcmeChallenge, AcmeConfig, AcmeRoots, AcmeStanding, BadAcmeRoots, BadExternalAccount,
    ExternalAccount,
};
pub use assets::{SNIFF_LEN, message_kind};
pub use classifier::{Classifier, ClassifierAnswer, ClassifyError, NamedClassifier};
pub use compat::{
    BadKeyHash, CompatConfig, CompreFaceKind, CompreFaceService, KeyHash, RekognitionConfig,
    RekognitionKey,
};
pub use config::{AdminToken, SandboxState, ServerConfig};
pub use connectors::{Connectors, MqttConfig, Password, SignageConfig, SignageTarget};
pub use outbound::{BadOutboundUrl, OutboundUrl};
pub use plays::{in_words, play_records, report_plays};
pub use server::{BindError, Bound, Server};
pub use tls::{TlsError, TlsFiles};
pub use webhooks::{WebhookConfig, WebhookEvent, webhook_url};
pub use wire::{MadeToken, StatisticsBody, TokenBody};

/// Inner parts that read foreign bytes, for `fuzz/` alone.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
