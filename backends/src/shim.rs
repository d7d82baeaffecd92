//! Stand-ins until the room commitments has these words.
#![allow(missing_docs)]
use regard_commitments::{DataKind, Digest, Retained};
use regard_domain::*;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub index: u64,
    pub at: Timestamp,
    pub bytes: Vec<u8>,
    pub hash: Digest,
}
impl Retained for Leaf {
    const KIND: DataKind = DataKind::Ledger;
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    pub size: u64,
    pub note: String,
}
impl Retained for SignedCheckpoint {
    const KIND: DataKind = DataKind::Ledger;
}
