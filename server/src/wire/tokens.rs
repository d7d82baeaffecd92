//! Tokens as JSON.

use std::collections::BTreeSet;

use regard_commitments::Role;
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_engine::TokenRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTokenBody {
    /// `admin`, `operator`, `analyst`, `privacy_officer`, `screen` or `device`.
    #[schema(value_type = String)]
    pub(crate) role: Role,
    /// The screens it plays; for role `screen`, and there at least one.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(crate) screens: BTreeSet<ScreenId>,
    /// The cameras whose frames it hands in; for role `device`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(crate) cameras: BTreeSet<CameraId>,
    /// Days it lives, 1 to 3653. Left out: 365 for people, without end for screens and devices.
    #[serde(default)]
    pub(crate) days: Option<u32>,
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TokenBody {
    id: String,
    role: &'static str,
    screens: Vec<String>,
    cameras: Vec<String>,
    /// `live`, `expired` or `revoked`.
    state: &'static str,
    made_at_micros: i64,
    /// Nothing: until it is revoked.
    expires_at_micros: Option<i64>,
    revoked_at_micros: Option<i64>,
}

impl TokenBody {
    /// What is known of `record` at `now`.
    pub fn of(record: &TokenRecord, now: Timestamp) -> Self {
        Self {
            id: record.id.to_string(),
            role: record.role.as_str(),
            screens: record.screens.iter().map(ToString::to_string).collect(),
            cameras: record.cameras.iter().map(ToString::to_string).collect(),
            state: record.state(now),
            made_at_micros: record.made_at.as_micros(),
            expires_at_micros: record.expires_at.map(Timestamp::as_micros),
            revoked_at_micros: record.revoked_at.map(Timestamp::as_micros),
        }
    }
}

/// A token that was made just now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MadeToken {
    /// Its text: a secret, shown this once.
    pub token: String,
    /// What is kept of it.
    pub record: TokenBody,
}
