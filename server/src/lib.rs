//! The web side: player pages, console, privacy pages, JSON API, event streams.
//!
//! In: HTTP requests, and an engine to ask. Out: pages, JSON, events, and what players and people
//! report, handed to the engine. This room never sees a track id, pixels of a camera other than the
//! preview the engine hands out in profile `lab`, or SQL; it loads nothing from other hosts and
//! listens on loopback unless told otherwise.

mod config;

pub use config::ServerConfig;
