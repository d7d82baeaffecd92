//! Other signage: what begins on a screen here becomes a criterion, or an asset, there.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regard_commitments::Zeroizing;
use regard_domain::{CampaignId, ScreenId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Begun;
use crate::outbound::{CallError, Caller, OutboundUrl};

/// What the message of a screen is called among the criteria of a schedule.
const METRIC: &str = "regard_message";
const CAMPAIGN_METRIC: &str = "regard_campaign";

/// A secret of another system.
///
/// # Privacy
/// Wiped when dropped, and never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(withheld)")
    }
}

/// What is told.
#[derive(Clone, Debug)]
pub enum SignageTarget {
    /// A Xibo player in the same network: `POST /criteria`.
    XiboPlayer {
        /// Address of its embedded server, such as `http://192.168.1.20:9696`.
        url: OutboundUrl,
    },
    /// A Xibo CMS: `POST /api/displaygroup/criteria/{id}`.
    XiboCms {
        /// Its address.
        url: OutboundUrl,
        /// Which displays.
        display_group: u32,
        /// The application that was made for this.
        client_id: String,
        /// Its secret.
        client_secret: Password,
    },
    /// An Anthias player: `GET /api/v2/assets/control/asset&ID`.
    Anthias {
        /// Its address.
        url: OutboundUrl,
        /// The asset of each message; messages without one are not told.
        assets: BTreeMap<String, String>,
        /// User name and password, where it asks.
        user: Option<(String, Password)>,
    },
}

impl SignageTarget {
    /// Where it is.
    pub const fn url(&self) -> &OutboundUrl {
        match self {
            Self::XiboPlayer { url } | Self::XiboCms { url, .. } | Self::Anthias { url, .. } => url,
        }
    }
}

/// A screen, and who is told what begins on it.
#[derive(Clone, Debug)]
pub struct SignageConfig {
    /// Which screen.
    pub screen: ScreenId,
    /// Who is told.
    pub target: SignageTarget,
}

/// Why nobody was told.
#[derive(Debug, Error)]
pub(crate) enum SignageError {
    #[error("the call failed: {0}")]
    Call(#[from] CallError),
    #[error("there was no token in the answer")]
    Token,
}

pub(super) struct Signage {
    config: SignageConfig,
    caller: Caller,
}

#[derive(Serialize)]
struct Criterion {
    metric: &'static str,
    value: String,
    /// Seconds for which it holds.
    ttl: u64,
}

/// What the campaign is called where there is none: the name of no campaign, which ends the one before. A Xibo CMS refuses a
/// call with an empty value, and with it the message.
const NO_CAMPAIGN: &str = "-";

/// What the id `0` is called, which a Xibo CMS takes for an empty value and refuses; no id begins so.
const ZERO: &str = "-0";

/// The value of a criterion that says an id.
fn value_of(id: Option<&str>) -> String {
    match id {
        None => NO_CAMPAIGN,
        Some("0") => ZERO,
        Some(id) => id,
    }
    .to_owned()
}

/// A message holds a little longer than it lasts, so that nothing flickers between two.
fn criteria(begun: &Begun) -> [Criterion; 2] {
    let ttl = u64::from(begun.duration_millis).div_ceil(1000) + 5;
    let campaign = begun.campaign.as_ref().map(CampaignId::as_str);
    [
        Criterion {
            metric: METRIC,
            value: value_of(Some(begun.creative.as_str())),
            ttl,
        },
        Criterion {
            metric: CAMPAIGN_METRIC,
            value: value_of(campaign),
            ttl,
        },
    ]
}

fn form(pairs: &[(String, String)]) -> Vec<u8> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Signage {
    pub(super) const fn new(config: SignageConfig, caller: Caller) -> Self {
        Self { config, caller }
    }

    pub(super) const fn screen(&self) -> &ScreenId {
        &self.config.screen
    }

    /// Tells what began.
    pub(super) async fn begun(&self, begun: &Begun) -> Result<(), SignageError> {
        match &self.config.target {
            SignageTarget::XiboPlayer { url } => {
                let body = serde_json::to_vec(&criteria(begun)).unwrap_or_default();
                self.caller
                    .post(&url.below("/criteria"), Vec::new(), body)
                    .await?;
            }
            SignageTarget::XiboCms {
                url,
                display_group,
                client_id,
                client_secret,
            } => {
                let token = self.token(url, client_id, client_secret).await?;
                let pairs = criteria(begun)
                    .into_iter()
                    .enumerate()
                    .flat_map(|(i, one)| {
                        let name = |field: &str| format!("criteriaUpdates[{i}][{field}]");
                        [
                            (name("metric"), one.metric.to_owned()),
                            (name("value"), one.value),
                            (name("ttl"), one.ttl.to_string()),
                        ]
                    });
                let url = url.below(&format!("/api/displaygroup/criteria/{display_group}"));
                let headers = vec![("authorization", format!("Bearer {token}"))];
                let body = form(&pairs.collect::<Vec<_>>());
                self.caller.post_as(FORM, &url, headers, body).await?;
            }
            SignageTarget::Anthias { url, assets, user } => {
                let Some(asset) = assets.get(begun.creative.as_str()) else {
                    return Ok(());
                };
                let asset = utf8_percent_encode(asset, NON_ALPHANUMERIC);
                let url = url.below(&format!("/api/v2/assets/control/asset&{asset}"));
                let headers = user.iter().map(|(name, password)| {
                    let both = format!("{name}:{}", *password.0);
                    ("authorization", format!("Basic {}", base64_of(&both)))
                });
                self.caller.get(&url, headers.collect()).await?;
            }
        }
        Ok(())
    }

    async fn token(
        &self,
        url: &OutboundUrl,
        client_id: &str,
        client_secret: &Password,
    ) -> Result<String, SignageError> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: String,
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let body = form(&[
            pair("grant_type", "client_credentials"),
            pair("client_id", client_id),
            pair("client_secret", &client_secret.0),
        ]);
        let url = url.below("/api/authorize/access_token");
        let answer = self.caller.post_as(FORM, &url, Vec::new(), body).await?;
        let answer: Result<Answer, _> = serde_json::from_slice(&answer);
        answer
            .map(|answer| answer.access_token)
            .map_err(|_| SignageError::Token)
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[cfg(test)]
mod tests;
