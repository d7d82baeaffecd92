//! Stand-ins until the rooms commitments and decision have these words.
#![allow(missing_docs)]
use regard_domain::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    row: T,
    keep_until: Timestamp,
}
impl<T> Kept<T> {
    pub fn new(row: T, keep_until: Timestamp) -> Self {
        Self { row, keep_until }
    }
    pub fn row(&self) -> &T {
        &self.row
    }
    pub fn keep_until(&self) -> Timestamp {
        self.keep_until
    }
}
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedCommitments {
    pub version: u64,
    pub body: String,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub id: DecisionId,
    pub at: Timestamp,
    pub screen: ScreenId,
    pub campaign: CampaignId,
    pub creative: CreativeId,
    pub propensity: f64,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub decision: DecisionId,
    pub kind: String,
    pub key: String,
    pub value: f64,
    pub at: Timestamp,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyState {
    pub weights: Vec<f64>,
}
