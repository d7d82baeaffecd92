//! Messages that are looked at before they are in force.

use regard_commitments::Notice;
use regard_decision::Creative as Message;
use regard_domain::{CampaignId, CreativeId, ScreenId, SlotId};
use regard_engine::ScreenPreview;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::decision::Scan;
use super::screen::{Creative, creative};
use crate::app::App;
use crate::pages::words;

/// A message as a screen would show it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PreviewedCreative {
    /// The message.
    creative: Creative,
    /// The code that leads where the message says; nothing when it leads nowhere. It leads straight there.
    #[serde(skip_serializing_if = "Option::is_none")]
    scan: Option<Scan>,
}

impl PreviewedCreative {
    /// The message, its asset made ready to be served.
    pub(crate) async fn new(app: &App, campaign: &CampaignId, message: &Message) -> Self {
        Self {
            creative: creative(app, Some(campaign), message).await,
            scan: Scan::of_preview(message),
        }
    }
}

/// Messages of a campaign as a screen would show them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Previewed {
    /// In the order of the campaign.
    pub(crate) creatives: Vec<PreviewedCreative>,
}

/// That this is a preview, in one language.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PreviewMark {
    /// Language tag.
    language: &'static str,
    /// What stands above the message.
    text: &'static str,
}

/// Event `preview`: a message that somebody wants to see on this screen. It is no play: nothing is reported of it. The next
/// `decision` ends it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PreviewEvent {
    /// Changes with each preview.
    id: String,
    /// The message and its code.
    #[serde(flatten)]
    message: PreviewedCreative,
    /// In which slot it is looked at; nothing: on all of the glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    /// Until when it stays.
    until_micros: i64,
    /// What says that it is a preview, in every language of the notice.
    marks: Vec<PreviewMark>,
}

impl PreviewEvent {
    /// As a player needs it.
    pub(crate) async fn new(app: &App, preview: &ScreenPreview, notice: &Notice) -> Self {
        let mark = |language| PreviewMark {
            text: words(language).preview,
            language: language.tag(),
        };
        let until_micros = preview.until.as_micros();
        Self {
            id: format!("preview-{until_micros}"),
            message: PreviewedCreative::new(app, &preview.campaign, &preview.creative).await,
            slot: preview.slot.as_ref().map(ToString::to_string),
            until_micros,
            marks: notice
                .texts
                .iter()
                .map(|text| mark(text.language))
                .collect(),
        }
    }
}

/// Where a message of a draft is to be looked at.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPreview {
    /// On which screen.
    #[schema(value_type = String)]
    pub(crate) screen: ScreenId,
    /// Which message of the draft.
    #[schema(value_type = String)]
    pub(crate) creative: CreativeId,
    /// In which slot of the screen; left out: on all of the glass.
    #[schema(value_type = Option<String>)]
    pub(crate) slot: Option<SlotId>,
    /// For how long, 1 to 30 seconds; left out: 8.
    #[schema(minimum = 1, maximum = 30)]
    pub(crate) seconds: Option<u32>,
}

/// A preview that runs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PreviewRuns {
    /// Until when.
    pub(crate) until_micros: i64,
}
