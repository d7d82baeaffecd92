//! The server through its door: a real engine, a real socket on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod acme;
mod api;
mod attacks;
mod campaigns;
mod client;
mod compat;
mod connectors;
mod drafts;
mod guards;
mod here;
mod ledger;
mod own;
mod pages;
mod papers;
mod persons;
mod ranking;
mod recognition;
mod releases;
mod reports;
mod slots;
mod statistics;
mod streams;
mod studies;
mod tls;
mod uploads;
mod world;
mod year;
mod zones;
