//! Stand-ins until the room commitments has these words.
#![allow(missing_docs)]
use regard_domain::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    pub index: u64,
    pub at: Timestamp,
    pub body: String,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub size: u64,
    pub text: String,
}
