//! Who may act on an installation, and the acts that the ledger tells of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $each:literal])+ $variant:ident = $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[doc = $each])+ $variant,)+
        }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it means, in sentences.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($each),+).trim(),)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// What somebody, or something, may do on an installation.
    Role {
        /// Everything, tokens included.
        Admin = "admin";
        /// Runs the site: campaigns, messages, facts, screens.
        Operator = "operator";
        /// Reads plays, and sums about people with noise; no row, no change.
        Analyst = "analyst";
        /// Reads everything that is kept, row by row; attests the collections of services, and changes nothing else.
        PrivacyOfficer = "privacy_officer";
        /// Plays the messages of its screens and reports the notice in view.
        Screen = "screen";
        /// Hands in what a machine measures: frames of its cameras, facts, outcomes.
        Device = "device";
    }
}

named! {
    /// An act of somebody who runs the installation.
    AdminAct {
        /// A token was made. Subject: its id.
        TokenMade = "token_made";
        /// A token was revoked. Subject: its id.
        TokenRevoked = "token_revoked";
        /// An address or a token was locked out after wrong tokens. Subject: either, under a key that
        /// nobody has once the program ended.
        LockedOut = "locked_out";
        /// Campaigns were changed. Subject: what was sent.
        CampaignsChanged = "campaigns_changed";
        /// A draft was shown on a screen for some seconds, marked as a preview. Subject: screen, campaign and message.
        CampaignPreviewed = "campaign_previewed";
        /// A picture, film or page was uploaded. Subject: its name, which is the hash of its bytes.
        AssetUploaded = "asset_uploaded";
        /// The ranking service was set anew, or told to forget. Subject: what was sent.
        RankingChanged = "ranking_changed";
        /// Facts were set. Subject: their names.
        FactsSet = "facts_set";
        /// Zones that are never looked at were drawn or taken away. Subject: the camera, their version, and the zones.
        ZonesChanged = "zones_changed";
        /// Rows were read one by one. Subject: the address that was asked.
        RowsRead = "rows_read";
        /// A gallery was armed: it can be searched after an act. Subject: its name.
        GalleryArmed = "gallery_armed";
        /// A gallery was disarmed. Subject: its name.
        GalleryDisarmed = "gallery_disarmed";
        /// A gallery was turned over to a fresh secret. Subject: its name.
        GalleryRekeyed = "gallery_rekeyed";
        /// Somebody at a desk was looked for in a gallery by pictures of theirs, at their wish. Subject: the act, and the reason:
        /// lost_token, rights or mistaken.
        GallerySearched = "gallery_searched";
        /// Two records of somebody were to answer as one, at their wish. Subject: both records.
        RecordsMerged = "records_merged";
        /// A record was to answer for itself again. Subject: the record.
        MergeUndone = "merge_undone";
        /// Two records were said to be of two people. Subject: both records.
        RecordsToldApart = "records_told_apart";
        /// A collection of a service was attested. Subject: the attestation.
        CollectionAttested = "collection_attested";
        /// An attestation was taken back. Subject: the attestation.
        AttestationWithdrawn = "attestation_withdrawn";
        /// A face that somebody enrolled was removed. Subject: its template.
        FaceRemoved = "face_removed";
        /// A secret was made that a receiver of events checks signatures with. Subject: the receiver's name.
        WebhookSecretMade = "webhook_secret_made";
        /// A study was set up. Subject: its plan.
        StudyMade = "study_made";
        /// Participants of a study were invited. Subject: its name.
        StudyInvited = "study_invited";
        /// A study was closed. Subject: its name.
        StudyClosed = "study_closed";
    }
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a role; expected admin, operator, analyst, privacy_officer, screen or device"
)]
pub struct BadRole(String);

/// Longest part of a bad text that an error repeats, in characters.
const MAX_QUOTED_LEN: usize = 32;

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        let known = Self::ALL.iter().find(|role| role.as_str() == text);
        known
            .copied()
            .ok_or_else(|| BadRole(text.chars().take(MAX_QUOTED_LEN).collect()))
    }
}

impl Role {
    /// Whether it belongs to a thing that stands somewhere, not to somebody who logs in: its tokens say
    /// which screens or cameras they are for.
    pub const fn is_of_a_thing(self) -> bool {
        match self {
            Self::Screen | Self::Device => true,
            Self::Admin | Self::Operator | Self::Analyst | Self::PrivacyOfficer => false,
        }
    }
}

/// Public name of a token: 12 random hexadecimal digits. Says nothing of its secret nor of its holder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(String);

/// A text that is no id of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the id of a token, which is 12 lower-case hexadecimal digits")]
pub struct BadTokenId;

impl TokenId {
    /// Digits of an id. 48 bits: among a thousand tokens two alike come up once in 500 million sites.
    pub const LEN: usize = 12;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = BadTokenId;
    fn from_str(text: &str) -> Result<Self, BadTokenId> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == Self::LEN && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadTokenId)
        }
    }
}

impl TryFrom<String> for TokenId {
    type Error = BadTokenId;
    fn try_from(text: String) -> Result<Self, BadTokenId> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who did something on the installation.
///
/// # Privacy
/// A token is named by its random id; who holds it the owner knows, and the ledger does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// Whoever uses the machine itself: its command line, or the console of a demonstration.
    Machine {},
    /// The holder of a token.
    Token {
        /// With which role.
        role: Role,
        /// Which token.
        id: TokenId,
    },
    /// Somebody unknown, from outside.
    Stranger {},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serialization_and_come_back() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        for act in AdminAct::ALL {
            assert_eq!(serde_json::to_value(act).unwrap(), act.as_str());
        }
        assert_eq!(
            "root".parse::<Role>().unwrap_err().to_string(),
            "\"root\" is not a role; expected admin, operator, analyst, privacy_officer, screen or device"
        );
    }

    #[test]
    fn an_id_is_twelve_digits_and_nothing_else() {
        for (text, good) in [
            ("0123456789ab", true),
            ("0123456789aB", false),
            ("0123456789a", false),
            ("0123456789abc", false),
            ("0123456789a\n", false),
            ("ééé", false),
        ] {
            assert_eq!(text.parse::<TokenId>().is_ok(), good, "{text:?}");
        }
    }
}
