//! Suites that every implementation of a contract passes.

pub mod gallery;
pub mod shards;
