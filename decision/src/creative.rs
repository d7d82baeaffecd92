//! One message: what is shown, for how long, to whom it fits and how often it may come.

use std::collections::BTreeMap;

use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// What a message consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Content {
    /// Words on a plain ground.
    Text {
        /// The large line.
        title: String,
        /// The smaller lines.
        #[serde(default)]
        body: String,
        /// Ground as `#rrggbb`.
        #[serde(default = "black")]
        background: String,
        /// Letters as `#rrggbb`.
        #[serde(default = "white")]
        color: String,
    },
    /// A picture.
    Image {
        /// Path of the asset, relative to the asset folder.
        asset: String,
    },
    /// A silent film.
    Video {
        /// Path of the asset, relative to the asset folder.
        asset: String,
    },
    /// A page, shown in a sandboxed frame. Exactly one of the two is given.
    Html {
        /// Path of the asset, relative to the asset folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asset: Option<String>,
        /// The page itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inline: Option<String>,
    },
}

fn black() -> String {
    "#000000".to_owned()
}

fn white() -> String {
    "#ffffff".to_owned()
}

/// How a picture or film fills a screen of another shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it is seen, with bars.
    #[default]
    Contain,
    /// The screen is full, edges are cut.
    Cover,
}

/// How often a message may come on one screen. There are no caps per person: nobody is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrequencyCap {
    /// Most starts within any 3600 seconds, 1 to 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_hour: Option<u32>,
    /// Most starts on one calendar day of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_day: Option<u32>,
    /// Least milliseconds from one start to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_gap_millis: Option<u64>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creative {
    /// Unique within its campaign.
    pub id: CreativeId,
    /// For reading.
    pub name: String,
    /// What is shown.
    pub content: Content,
    /// How long one play lasts.
    #[serde(default = "default_duration_millis")]
    pub duration_millis: u32,
    /// How long it stays at least, whatever the audience does.
    #[serde(default = "default_min_show_millis")]
    pub min_show_millis: u32,
    /// The message in words, for those who cannot see it. May be left out for text.
    #[serde(default)]
    pub alt_text: String,
    /// In which language it speaks, as a tag of BCP 47 such as `en` or `pt-BR`; players say it to those who have the screen
    /// read aloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whom and when it fits.
    #[serde(default)]
    pub when: Condition,
    /// How often it may come.
    #[serde(default)]
    pub caps: FrequencyCap,
    /// Share among its siblings under the policy `fixed` with order `round_robin`.
    #[serde(default = "one")]
    pub weight: f32,
    /// Length of the cross-fade; 0 cuts.
    #[serde(default = "default_transition_millis")]
    pub transition_millis: u32,
    /// How it fills the screen.
    #[serde(default)]
    pub fit: Fit,
    /// The advertiser's declaration that showing it changes somebody's price, credit or access.
    /// Such a message is refused (`significant_effect`).
    #[serde(default)]
    pub changes_price_or_access: bool,
    /// Where a scan of the message's code leads, `http` or `https`; without it the message carries no code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_url: Option<String>,
    /// What it is like, for policies that learn what messages have in common: name to a number from
    /// −1 to 1, such as `{ coffee = 1, warm_colors = 0.6 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<String, f32>,
}

fn one() -> f32 {
    1.0
}

/// Common length of a slot in a digital-signage loop.
fn default_duration_millis() -> u32 {
    10_000
}

/// Long enough to read a short line (about five words at 150 words a minute).
fn default_min_show_millis() -> u32 {
    2_000
}

fn default_transition_millis() -> u32 {
    300
}

impl Creative {
    /// A message of words only, with the defaults of a configuration file.
    pub fn text(id: CreativeId, title: impl Into<String>, body: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            id,
            name: title.clone(),
            content: Content::Text {
                title,
                body: body.into(),
                background: black(),
                color: white(),
            },
            duration_millis: default_duration_millis(),
            min_show_millis: default_min_show_millis(),
            alt_text: String::new(),
            language: None,
            when: Condition::default(),
            caps: FrequencyCap::default(),
            weight: one(),
            transition_millis: default_transition_millis(),
            fit: Fit::default(),
            changes_price_or_access: false,
            target_url: None,
            features: BTreeMap::new(),
        }
    }
}
