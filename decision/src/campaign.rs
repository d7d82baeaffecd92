//! A campaign: messages of one sender, with their schedule, budget, policy and idea of success.

use std::collections::BTreeSet;

use regard_domain::{CampaignId, CreativeId, ScreenId, SlotId};
use serde::{Deserialize, Serialize};

use crate::facts::PERSON_PREFIX;
use crate::{Creative, Experiment, ExpressionUse, Guardrail, PolicyConfig, RewardRule, Schedule};

/// How often a campaign may play, all screens together. What is left out does not restrict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Most plays on one calendar day of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_plays_per_day: Option<u64>,
    /// Most plays ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_plays_total: Option<u64>,
    /// How the plays of a day are spread over it.
    #[serde(skip_serializing_if = "Pacing::is_asap")]
    pub pacing: Pacing,
}

/// How the plays of a day are spread over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pacing {
    /// As soon as they fit.
    #[default]
    Asap,
    /// Evenly over the time that the schedule leaves of the day; needs `max_plays_per_day`.
    Even,
}

impl Pacing {
    const fn is_asap(&self) -> bool {
        matches!(self, Self::Asap)
    }
}

/// One campaign, as configured. [`validate`](fn@crate::validate) says whether it can run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Unique on the site.
    pub id: CampaignId,
    /// For reading.
    pub name: String,
    /// The eligible campaign of the greatest priority wins.
    #[serde(default)]
    pub priority: i32,
    /// Share among eligible campaigns of the same priority.
    #[serde(default = "one")]
    pub weight: f32,
    /// Whether it may run at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where it runs; empty means on every screen.
    #[serde(default)]
    pub screens: BTreeSet<ScreenId>,
    /// In which slots of screens that are parted into several; empty means in every slot, and on screens
    /// that are not parted. A campaign that names slots runs in those alone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub slots: BTreeSet<SlotId>,
    /// When it runs.
    #[serde(default)]
    pub schedule: Schedule,
    /// How often it may play.
    #[serde(default)]
    pub budget: Budget,
    /// How a message is picked among those that fit.
    #[serde(default)]
    pub policy: PolicyConfig,
    /// What counts as success.
    #[serde(default)]
    pub reward: RewardRule,
    /// What the campaign wants to find out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
    /// What stops a message of it by itself.
    #[serde(
        default,
        rename = "guardrail",
        alias = "guardrails",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub guardrails: Vec<Guardrail>,
    /// Whether its policy sees what faces show.
    #[serde(default)]
    pub expression: ExpressionUse,
    /// What the viewer gains, in the sender's words; shown on the privacy page.
    #[serde(default)]
    pub viewer_benefit: String,
    /// Whom a person asks about a message that was chosen by their own wishes: a name and how to reach them, on the privacy page.
    /// Needed where a message asks for what a person wishes (`person.…`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub human_contact: String,
    /// The messages, in order.
    #[serde(default, rename = "creative", alias = "creatives")]
    pub creatives: Vec<Creative>,
}

fn one() -> f32 {
    1.0
}

fn yes() -> bool {
    true
}

impl Campaign {
    /// A campaign of that id, called by it, without messages: as a file has it that says nothing else.
    pub fn named(id: CampaignId) -> Self {
        Self {
            name: id.to_string(),
            id,
            priority: 0,
            weight: one(),
            enabled: yes(),
            screens: BTreeSet::new(),
            slots: BTreeSet::new(),
            schedule: Schedule::default(),
            budget: Budget::default(),
            policy: PolicyConfig::default(),
            reward: RewardRule::default(),
            experiment: None,
            guardrails: Vec::new(),
            expression: ExpressionUse::default(),
            viewer_benefit: String::new(),
            human_contact: String::new(),
            creatives: Vec::new(),
        }
    }

    /// Whether any message of it asks for what a person wishes.
    pub fn is_personal(&self) -> bool {
        let mut tests = self.creatives.iter().flat_map(|c| &c.when.facts);
        tests.any(|test| test.name.starts_with(PERSON_PREFIX))
    }

    /// Whether it may run in a slot; nothing: on a screen that is not parted.
    pub fn runs_in(&self, slot: Option<&SlotId>) -> bool {
        self.slots.is_empty() || slot.is_some_and(|slot| self.slots.contains(slot))
    }

    /// Whether it may run on a screen, in this slot of it; nothing: where the screen is not parted.
    pub fn runs_at(&self, screen: &ScreenId, slot: Option<&SlotId>) -> bool {
        (self.screens.is_empty() || self.screens.contains(screen)) && self.runs_in(slot)
    }

    /// The message of that id.
    pub fn creative(&self, id: &CreativeId) -> Option<&Creative> {
        self.creatives.iter().find(|c| c.id == *id)
    }
}
