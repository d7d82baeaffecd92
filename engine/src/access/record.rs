//! What is kept of a token.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use regard_backends::{Store, StoreError};
use regard_commitments::{Role, TokenId};
use regard_domain::{CameraId, ScreenId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::token::Token;

/// What the names of settings that hold tokens begin with.
const SETTING_PREFIX: &str = "token.";

/// Screens or cameras one token may name: more than any machine this is made for drives.
const MAX_SCOPE: usize = 256;

/// Longest life that can be given: ten years.
const MAX_LIFETIME: Duration = Duration::from_secs(3_653 * 86_400);

/// How long a token of somebody lives when nobody says: one year, as its row does in the example commitments.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(365 * 86_400);

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What its holder may do.
    pub role: Role,
    /// The screens it plays; for role `screen` alone, and there at least one.
    pub screens: BTreeSet<ScreenId>,
    /// The cameras whose frames it hands in; for role `device` alone.
    pub cameras: BTreeSet<CameraId>,
    /// How long it lives. Left out: a year for people; without end for screens and devices, which nobody
    /// stands beside when it ends.
    pub lifetime: Option<Duration>,
}

/// What cannot be made.
#[derive(Debug, Error)]
pub enum BadToken {
    /// A screen that plays nothing.
    #[error("a token of role screen names the screens it is for")]
    NoScreen,
    /// A role that is for all or nothing.
    #[error("only tokens of role screen name screens, only those of role device name cameras")]
    Scope,
    /// Too many.
    #[error("a token names at most {MAX_SCOPE} screens or cameras")]
    TooMany,
    /// Too short or too long a life.
    #[error("a token lives from 1 hour to 3653 days")]
    Lifetime,
    /// The machine gives no random bytes.
    #[error("the system gives no random bytes")]
    NoEntropy(#[source] io::Error),
}

/// What is kept of a token.
///
/// # Privacy
/// No secret and no name: who holds the token the owner knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// Its public id.
    pub id: TokenId,
    /// What its holder may do.
    pub role: Role,
    /// The screens it plays.
    pub screens: BTreeSet<ScreenId>,
    /// The cameras whose frames it hands in.
    pub cameras: BTreeSet<CameraId>,
    /// Since when.
    pub made_at: Timestamp,
    /// Until when; nothing: until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Argon2id hash of its text, in the PHC form.
    pub verifier: String,
}

impl NewToken {
    /// For the role alone: no screens, no cameras, the usual life.
    pub const fn of(role: Role) -> Self {
        Self {
            role,
            screens: BTreeSet::new(),
            cameras: BTreeSet::new(),
            lifetime: None,
        }
    }

    fn check(&self) -> Result<(), BadToken> {
        let fits = (self.screens.is_empty() || self.role == Role::Screen)
            && (self.cameras.is_empty() || self.role == Role::Device);
        if !fits {
            return Err(BadToken::Scope);
        }
        if self.role == Role::Screen && self.screens.is_empty() {
            return Err(BadToken::NoScreen);
        }
        if self.screens.len().max(self.cameras.len()) > MAX_SCOPE {
            return Err(BadToken::TooMany);
        }
        let bounds = Duration::from_secs(3_600)..=MAX_LIFETIME;
        match self.lifetime {
            Some(lifetime) if !bounds.contains(&lifetime) => Err(BadToken::Lifetime),
            Some(_) | None => Ok(()),
        }
    }

    /// Makes it: what is shown once, and what is kept. Takes as long as [`Token::verifier`].
    ///
    /// # Errors
    /// [`BadToken`].
    pub fn make(self, now: Timestamp) -> Result<(Token, TokenRecord), BadToken> {
        self.check()?;
        let usual = (!self.role.is_of_a_thing()).then_some(DEFAULT_LIFETIME);
        let lifetime = self.lifetime.or(usual);
        self.made(lifetime, now)
    }

    /// The first token of an installation, which has no end: its owner must be able to come in.
    ///
    /// # Errors
    /// [`BadToken::NoEntropy`].
    pub fn first_admin(now: Timestamp) -> Result<(Token, TokenRecord), BadToken> {
        Self::of(Role::Admin).made(None, now)
    }

    fn made(
        self,
        lifetime: Option<Duration>,
        now: Timestamp,
    ) -> Result<(Token, TokenRecord), BadToken> {
        let token = Token::random(self.role).map_err(BadToken::NoEntropy)?;
        let record = TokenRecord {
            id: token.id().clone(),
            role: self.role,
            screens: self.screens,
            cameras: self.cameras,
            made_at: now,
            expires_at: lifetime.map(|lifetime| now.plus(lifetime)),
            revoked_at: None,
            verifier: token.verifier().map_err(BadToken::NoEntropy)?,
        };
        Ok((token, record))
    }
}

impl TokenRecord {
    /// Whether it opens anything.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// `live`, `expired` or `revoked`.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match self.revoked_at {
            Some(_) => "revoked",
            None if self.is_live(now) => "live",
            None => "expired",
        }
    }

    /// Name of the setting that holds it.
    pub(crate) fn setting_name(&self) -> String {
        format!("{SETTING_PREFIX}{}", self.id)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers under names")
    }
}

/// Every token that is kept, in order of id. One that cannot be read opens nothing.
pub(crate) async fn read_all(store: &dyn Store) -> Result<Vec<TokenRecord>, StoreError> {
    let mut records = Vec::new();
    for setting in store.settings(SETTING_PREFIX).await? {
        match serde_json::from_str(&setting.value) {
            Ok(record) => records.push(record),
            Err(error) => {
                tracing::warn!(setting = setting.name, %error, "a token cannot be read and opens nothing");
            }
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_token_ends_and_is_revoked() {
        let (_, mut record) = NewToken {
            lifetime: Some(DAY),
            ..NewToken::of(Role::Analyst)
        }
        .make(NOW)
        .unwrap();
        let end = NOW.plus(DAY);
        let before = Timestamp::from_micros(end.as_micros() - 1);
        assert!(record.is_live(before) && !record.is_live(end));
        assert_eq!(
            (record.state(before), record.state(end)),
            ("live", "expired")
        );
        record.revoked_at = Some(NOW);
        assert_eq!((record.is_live(NOW), record.state(NOW)), (false, "revoked"));
        let json = record.to_json();
        assert_eq!(serde_json::from_str::<TokenRecord>(&json).unwrap(), record);
    }

    #[test]
    fn what_makes_no_sense_is_not_made() {
        let screens = BTreeSet::from([ScreenId::new("window").unwrap()]);
        let cameras = BTreeSet::from([CameraId::new("door").unwrap()]);
        let check = |change: fn(&mut NewToken)| {
            let mut new = NewToken {
                screens: screens.clone(),
                ..NewToken::of(Role::Screen)
            };
            change(&mut new);
            new.check().map_err(|error| error.to_string())
        };
        assert_eq!(check(|_| ()), Ok(()));
        assert!(
            check(|new| new.screens.clear())
                .unwrap_err()
                .contains("names the screens")
        );
        assert!(
            check(|new| new.role = Role::Admin)
                .unwrap_err()
                .contains("only tokens")
        );
        assert!(
            check(|new| new.lifetime = Some(Duration::ZERO))
                .unwrap_err()
                .contains("1 hour")
        );
        assert!(
            check(|new| new.lifetime = Some(MAX_LIFETIME * 2))
                .unwrap_err()
                .contains("1 hour")
        );
        let device = NewToken {
            cameras,
            ..NewToken::of(Role::Device)
        };
        assert!(device.check().is_ok());
        let analyst = NewToken {
            role: Role::Analyst,
            ..device
        };
        assert!(matches!(analyst.check(), Err(BadToken::Scope)));
    }
}
