//! The program through its command line.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod acme;
mod analyze;
mod audit;
mod bulk;
mod campaign;
mod commitments;
mod compat;
mod config;
mod custody;
mod doctor;
mod dumps;
mod faces;
mod fake_camera;
mod keys;
mod kill;
mod learn;
mod ledger;
mod media;
mod models;
mod papers;
mod personalizer;
mod pipes;
mod plays;
mod program;
mod running;
mod sandbox;
mod serve;
mod site;
mod small_movements;
mod statistics;
mod timeline;
mod tokens;
