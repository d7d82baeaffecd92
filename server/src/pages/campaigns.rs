//! The pages on which campaigns are made, looked at and let in force.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::HeaderMap;
use regard_commitments::Language;
use regard_decision::Standing;
use regard_domain::{ScreenId, SlotId};
use regard_engine::{CampaignLine, DraftLine, DraftStanding, MAX_PREVIEW, SlotArea};

use super::words::{CampaignWords, campaign_words, language_of, liked, words};

/// The language of a page for those who run the site: asked for, else what the browser likes, else English.
pub(crate) fn staff_language(asked: Option<&str>, headers: &HeaderMap) -> Language {
    let asked = asked.and_then(language_of);
    asked.or_else(|| liked(headers)).unwrap_or(Language::En)
}

fn languages() -> Vec<(&'static str, &'static str)> {
    let all = Language::ALL.iter();
    all.map(|one| (one.tag(), words(*one).language)).collect()
}

/// What both pages know of who looks and of the house.
#[derive(Clone, Copy)]
pub(crate) struct Maker {
    /// In which language.
    pub(crate) language: Language,
    /// Whether whoever looks may change campaigns.
    pub(crate) may_change: bool,
    /// Whether every change waits for somebody else.
    pub(crate) requires_approval: bool,
}

/// A draft in the list.
struct DraftCell {
    standing: &'static str,
    tone: &'static str,
    state: &'static str,
    revision: u32,
    by: String,
    note: Option<String>,
}

impl DraftCell {
    fn new(draft: DraftLine, w: &CampaignWords) -> Self {
        let (standing, tone, state) = match draft.standing {
            DraftStanding::Draft => ("draft", "", w.draft),
            DraftStanding::Waiting => ("waiting", "warn", w.waiting),
            DraftStanding::SentBack => ("sent_back", "bad", w.sent_back),
        };
        Self {
            standing,
            tone,
            state,
            revision: draft.revision,
            by: draft.submitted_by.unwrap_or(draft.edited_by),
            note: draft.note,
        }
    }
}

/// A campaign in the list.
struct CampaignRow {
    id: String,
    name: String,
    standing: &'static str,
    tone: &'static str,
    state: &'static str,
    stopped: Vec<(String, String)>,
    draft: Option<DraftCell>,
    n_plays: u64,
    n_plays_today: u64,
}

impl CampaignRow {
    fn new(line: CampaignLine, w: &CampaignWords) -> Self {
        let (standing, tone, state) = match line.standing {
            Some(Standing::Live) => ("live", "good", w.live),
            Some(Standing::Scheduled) => ("scheduled", "", w.scheduled),
            Some(Standing::Ended) => ("ended", "", w.ended),
            Some(Standing::Stopped) => ("stopped", "bad", w.stopped),
            Some(Standing::SwitchedOff) => ("switched_off", "warn", w.switched_off),
            None => ("none", "", w.never),
        };
        let stopped = line.stopped.into_iter();
        Self {
            id: line.id.to_string(),
            name: line.name,
            standing,
            tone,
            state,
            stopped: stopped.map(|(id, by)| (id.to_string(), by)).collect(),
            draft: line.draft.map(|draft| DraftCell::new(draft, w)),
            n_plays: line.n_plays,
            n_plays_today: line.n_plays_today,
        }
    }
}

/// The list of campaigns.
#[derive(Template)]
#[template(path = "campaigns.html")]
pub(crate) struct CampaignsPage {
    lang: &'static str,
    w: &'static CampaignWords,
    languages: Vec<(&'static str, &'static str)>,
    language_label: &'static str,
    site: String,
    may_change: bool,
    requires_approval: bool,
    rows: Vec<CampaignRow>,
}

impl CampaignsPage {
    /// The page of these campaigns.
    pub(crate) fn new(site: String, lines: Vec<CampaignLine>, maker: Maker) -> Self {
        let w = campaign_words(maker.language);
        let lines = lines.into_iter();
        Self {
            lang: maker.language.tag(),
            w,
            languages: languages(),
            language_label: words(maker.language).languages,
            site,
            may_change: maker.may_change,
            requires_approval: maker.requires_approval,
            rows: lines.map(|line| CampaignRow::new(line, w)).collect(),
        }
    }
}

/// Where a slot lies on the glass of its screen, in percent.
pub(crate) struct SlotPlace {
    screen: String,
    slot: String,
    left: u8,
    top: u8,
    width: u8,
    height: u8,
}

impl SlotPlace {
    /// The place of a slot of that screen.
    pub(crate) fn new(screen: &ScreenId, area: &SlotArea) -> Self {
        Self {
            screen: screen.to_string(),
            slot: area.slot.to_string(),
            left: area.left_percent,
            top: area.top_percent,
            width: area.width_percent,
            height: area.height_percent,
        }
    }
}

/// The form of one campaign; scripts fill it.
#[derive(Template)]
#[template(path = "campaign.html")]
pub(crate) struct CampaignPage {
    lang: &'static str,
    w: &'static CampaignWords,
    words: Vec<(&'static str, &'static str)>,
    languages: Vec<(&'static str, &'static str)>,
    language_label: &'static str,
    /// Of which campaign; empty for a new one.
    id: String,
    may_change: bool,
    requires_approval: bool,
    screens: Vec<String>,
    /// What campaigns may name; none where no screen is parted.
    slots: Vec<String>,
    places: Vec<SlotPlace>,
    weekdays: [(&'static str, &'static str); 7],
    longest: u64,
}

impl CampaignPage {
    /// The page of a campaign, a new one where no id is given, on a site with these screens and slots.
    pub(crate) fn new(
        id: String,
        screens: &[ScreenId],
        slots: &BTreeSet<SlotId>,
        places: Vec<SlotPlace>,
        maker: Maker,
    ) -> Self {
        let w = campaign_words(maker.language);
        Self {
            lang: maker.language.tag(),
            w,
            words: w.all(),
            languages: languages(),
            language_label: words(maker.language).languages,
            id,
            may_change: maker.may_change,
            requires_approval: maker.requires_approval,
            screens: screens.iter().map(ToString::to_string).collect(),
            slots: slots.iter().map(ToString::to_string).collect(),
            places,
            weekdays: [
                ("monday", w.mon),
                ("tuesday", w.tue),
                ("wednesday", w.wed),
                ("thursday", w.thu),
                ("friday", w.fri),
                ("saturday", w.sat),
                ("sunday", w.sun),
            ],
            longest: MAX_PREVIEW.as_secs(),
        }
    }
}
