//! Through the door only: the laws of every store, and what is particular to the one that lasts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: a failure is a failed test, and seeds are printed"
)]

mod agreement;
mod broker;
mod conformance;
mod fixtures;
mod keys;
mod kill;
#[cfg(feature = "postgres")]
mod postgres;
mod reader;
#[cfg(feature = "shards")]
mod shards;
mod sqlite;
