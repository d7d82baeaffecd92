//! Between the server and the player.

use regard_commitments::{Notice, Refusal};
use regard_decision::{Content, Creative as Message, Fit};
use regard_domain::{CampaignId, DecisionId, PlayId, ScreenId};
use regard_engine::Layout;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::pages::words;
use crate::problem::chain;

/// The notice in one language.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct NoticeBody {
    /// Language tag.
    language: &'static str,
    /// What it is.
    title: String,
    /// Who, what, why, ground, how long, rights.
    lines: Vec<String>,
    /// Where to read more.
    more: String,
    /// What to say while the camera is open.
    camera_on: &'static str,
    /// What to say while it is closed.
    camera_off: &'static str,
    /// What to say when nobody tells whether it is open.
    camera_unknown: &'static str,
    /// That this is a laboratory.
    banner: Option<String>,
}

/// Event `notice`: what has to be in view.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct NoticeEvent {
    /// Hash of the notice; heartbeats repeat it.
    hash: String,
    /// In every language promised, in that order.
    texts: Vec<NoticeBody>,
    /// Whether this is a laboratory.
    lab: bool,
    /// The profile in force.
    profile: String,
}

/// The notice for a screen.
pub(crate) fn notice(notice: &Notice, profile: &str) -> NoticeEvent {
    let texts = notice.texts.iter().map(|text| {
        let words = words(text.language);
        NoticeBody {
            language: text.language.tag(),
            title: text.title.clone(),
            lines: text.lines.clone(),
            more: text.more.clone(),
            camera_on: words.camera_on,
            camera_off: words.camera_off,
            camera_unknown: words.camera_unknown,
            banner: text.lab_banner.clone(),
        }
    });
    NoticeEvent {
        hash: notice.hash().to_string(),
        texts: texts.collect(),
        lab: notice.is_lab,
        profile: profile.to_owned(),
    }
}

/// Event `place`, every half minute: where the second layer of the notice is for whoever stands here now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PlaceEvent {
    /// The page.
    privacy_path: String,
    /// Its code, as a drawing.
    qr_path: String,
}

impl PlaceEvent {
    /// For the screen that shows this code.
    pub(crate) fn new(screen: &ScreenId, code: &str) -> Self {
        Self {
            privacy_path: format!("/screen/{screen}/here/{code}"),
            // Another address for another code, so that nothing keeps the old drawing.
            qr_path: format!("/screen/{screen}/qr.svg?code={code}"),
        }
    }
}

/// Where a slot lies on the part of the glass that is for messages, in percent from the left and the top.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SlotBody {
    /// Its id; decisions carry it.
    slot: String,
    /// Left edge.
    left: u8,
    /// Top edge.
    top: u8,
    /// Width.
    width: u8,
    /// Height.
    height: u8,
}

/// Event `layout`: how a screen is parted into slots.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct LayoutEvent {
    /// The slots, in the order in which they choose.
    slots: Vec<SlotBody>,
}

impl LayoutEvent {
    /// Of this layout.
    pub(crate) fn new(layout: &Layout) -> Self {
        let slots = layout.areas().iter().map(|area| SlotBody {
            slot: area.slot.to_string(),
            left: area.left_percent,
            top: area.top_percent,
            width: area.width_percent,
            height: area.height_percent,
        });
        Self {
            slots: slots.collect(),
        }
    }
}

/// A message as a player needs it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Creative {
    /// Of which campaign; nothing for the default message.
    pub(crate) campaign: Option<String>,
    /// Which message.
    pub(crate) id: String,
    /// `text`, `image`, `video` or `html`.
    kind: &'static str,
    /// The large line of words.
    title: Option<String>,
    /// The smaller lines.
    body: Option<String>,
    /// Ground as `#rrggbb`.
    background: Option<String>,
    /// Letters as `#rrggbb`.
    color: Option<String>,
    /// Where the picture, film or page is; nothing when it cannot be served.
    url: Option<String>,
    /// The message in words.
    alt: Option<String>,
    /// In which language it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// Where a scan of its code leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_url: Option<String>,
    /// `cover` or `contain`.
    fit: &'static str,
    /// How long one play lasts.
    duration_millis: u32,
    /// How long it stays at least.
    pub(crate) min_show_millis: u32,
    /// Length of the cross-fade.
    transition_millis: u32,
}

/// The message, its asset made ready to be served.
pub(crate) async fn creative(
    app: &App,
    campaign: Option<&CampaignId>,
    message: &Message,
) -> Creative {
    let (kind, words, url) = match &message.content {
        Content::Text {
            title,
            body,
            background,
            color,
        } => (
            "text",
            Some([title, body, background, color].map(Clone::clone)),
            None,
        ),
        Content::Image { asset } => ("image", None, asset_url(app, asset).await),
        Content::Video { asset } => ("video", None, asset_url(app, asset).await),
        Content::Html {
            asset: Some(asset), ..
        } => ("html", None, asset_url(app, asset).await),
        Content::Html {
            asset: None,
            inline,
        } => ("html", None, page_url(app, inline.as_deref())),
    };
    let [title, body, background, color] =
        words.map_or([const { None }; 4], |words| words.map(Some));
    Creative {
        campaign: campaign.map(ToString::to_string),
        id: message.id.to_string(),
        kind,
        title,
        body,
        background,
        color,
        url,
        alt: Some(message.alt_text.clone()).filter(|text| !text.is_empty()),
        language: message.language.clone(),
        target_url: message.target_url.clone(),
        fit: match message.fit {
            Fit::Cover => "cover",
            Fit::Contain => "contain",
        },
        duration_millis: message.duration_millis,
        min_show_millis: message.min_show_millis,
        transition_millis: message.transition_millis,
    }
}

/// Reading and hashing a film takes a while: not on the threads that answer.
async fn asset_url(app: &App, asset: &str) -> Option<String> {
    let (assets, name) = (app.assets.clone(), asset.to_owned());
    let resolved = tokio::task::spawn_blocking(move || assets.resolve(&name))
        .await
        .ok()?;
    match resolved {
        Ok(asset) => Some(asset.url()),
        Err(error) => {
            tracing::warn!(asset, error = %chain(&error), "asset cannot be shown");
            None
        }
    }
}

fn page_url(app: &App, inline: Option<&str>) -> Option<String> {
    app.assets
        .inline_page(inline?)
        .map(|asset| asset.url())
        .ok()
}

/// Event `preload`: all that this screen may come to show.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Preload {
    /// The messages.
    pub(crate) creatives: Vec<Creative>,
}

/// A refusal: which rule, why here, what to do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RefusalBody {
    /// Stable code.
    code: &'static str,
    /// Where the rule stands.
    article: &'static str,
    /// What is the case here.
    reason: String,
    /// What to do about it.
    remedy: String,
}

impl From<&Refusal> for RefusalBody {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.as_str(),
            article: refusal.article,
            reason: refusal.reason.clone(),
            remedy: refusal.remedy.clone(),
        }
    }
}

/// Event `camera`: whether anyone is being looked at.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CameraState {
    /// Whether it is open.
    pub(crate) open: bool,
    /// Why not, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<RefusalBody>,
}

/// Event `ping`, every 2 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Ping {
    /// The engine's clock.
    pub(crate) now_micros: i64,
    /// Changes with the pages of this server; a player that sees a new one loads itself anew.
    pub(crate) build: &'static str,
}

/// Body of a heartbeat.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatBody {
    /// Which player.
    pub(crate) player: String,
    /// Hash of the notice it shows.
    pub(crate) notice_hash: String,
    /// Whether the notice is in view.
    pub(crate) notice_visible: bool,
    /// Whether the page is.
    pub(crate) visible: bool,
    /// The decision on the glass.
    #[schema(value_type = Option<String>)]
    #[expect(
        dead_code,
        reason = "part of the protocol: the player's word for later diagnosis"
    )]
    pub(crate) showing: Option<DecisionId>,
}

/// Body of a report that a message is on the glass.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShownBody {
    /// Which decision.
    #[schema(value_type = String)]
    #[expect(
        dead_code,
        reason = "a play and its decision have one number; readers of the log want both"
    )]
    pub(crate) decision: DecisionId,
    /// Which player.
    pub(crate) player: String,
    /// Which play.
    #[schema(value_type = String)]
    pub(crate) play: PlayId,
}

/// Body of a report about a play.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlayBody {
    /// Which play.
    #[schema(value_type = String)]
    pub(crate) play: PlayId,
    /// Which decision.
    #[schema(value_type = String)]
    #[expect(
        dead_code,
        reason = "a play and its decision have one number; readers of the log want both"
    )]
    pub(crate) decision: DecisionId,
    /// Milliseconds on the glass so far.
    pub(crate) shown_millis: u64,
    /// Whether it ended.
    pub(crate) ended: bool,
}
