//! Other signage: what begins on a screen here becomes a criterion, or an asset, there.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regard_commitments::Zeroizing;
use regard_domain::ScreenId;
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

/// A message holds a little longer than it lasts, so that nothing flickers between two.
fn criteria(begun: &Begun) -> [Criterion; 2] {
    let ttl = u64::from(begun.duration_millis).div_ceil(1000) + 5;
    let campaign = begun.campaign.as_ref().map(ToString::to_string);
    [
        Criterion {
            metric: METRIC,
            value: begun.creative.to_string(),
            ttl,
        },
        Criterion {
            metric: CAMPAIGN_METRIC,
            value: campaign.unwrap_or_default(),
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
mod tests {
    use super::*;
    use crate::outbound::tests::listener;

    fn begun() -> Begun {
        Begun {
            decision: regard_domain::DecisionId::from_bits(1),
            screen: "window".parse().unwrap(),
            campaign: Some("spring".parse().unwrap()),
            creative: "coffee".parse().unwrap(),
            duration_millis: 10_000,
        }
    }

    fn signage(target: SignageTarget) -> Signage {
        let screen = "window".parse().unwrap();
        Signage::new(SignageConfig { screen, target }, Caller::default())
    }

    #[tokio::test]
    async fn a_xibo_player_gets_criteria() {
        let (url, requests) = listener(vec![("204 No Content", "")]);
        signage(SignageTarget::XiboPlayer { url })
            .begun(&begun())
            .await
            .unwrap();
        let request = requests.recv().unwrap();
        assert_eq!(request.head[0], "post /criteria http/1.1");
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let expected = serde_json::json!([
            { "metric": "regard_message", "value": "coffee", "ttl": 15 },
            { "metric": "regard_campaign", "value": "spring", "ttl": 15 },
        ]);
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn a_xibo_cms_gets_them_as_a_form_with_its_token() {
        let (url, requests) = listener(vec![
            (
                "200 OK",
                r#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#,
            ),
            ("204 No Content", ""),
        ]);
        let target = SignageTarget::XiboCms {
            url,
            display_group: 7,
            client_id: "id".to_owned(),
            client_secret: Password::from("se&cret".to_owned()),
        };
        signage(target).begun(&begun()).await.unwrap();
        let asked = requests.recv().unwrap();
        assert_eq!(asked.head[0], "post /api/authorize/access_token http/1.1");
        let text = String::from_utf8(asked.body).unwrap();
        assert!(text.contains("client%5Fsecret=se%26cret"), "{text}");
        let told = requests.recv().unwrap();
        assert_eq!(told.head[0], "post /api/displaygroup/criteria/7 http/1.1");
        assert!(told.head.contains(&"authorization: bearer abc".to_owned()));
        let text = String::from_utf8(told.body).unwrap();
        assert!(
            text.starts_with("criteriaUpdates%5B0%5D%5Bmetric%5D=regard%5Fmessage&"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn anthias_shows_the_asset_of_a_message_and_hears_of_no_other() {
        let (url, requests) = listener(vec![("200 OK", "\"Asset switched\"")]);
        let target = SignageTarget::Anthias {
            url,
            assets: BTreeMap::from([("coffee".to_owned(), "4c8d".to_owned())]),
            user: Some(("u".to_owned(), Password::from("p".to_owned()))),
        };
        let signage = signage(target);
        let other = Begun {
            creative: "tea".parse().unwrap(),
            ..begun()
        };
        signage.begun(&other).await.unwrap();
        signage.begun(&begun()).await.unwrap();
        let request = requests.recv().unwrap();
        assert_eq!(
            request.head[0],
            "get /api/v2/assets/control/asset&4c8d http/1.1"
        );
        assert!(
            request
                .head
                .contains(&"authorization: basic dtpw".to_owned()),
            "{:?}",
            request.head
        );
        assert!(requests.try_recv().is_err());
    }
}
