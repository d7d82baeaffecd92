//! All campaigns at a glance: in force, drafted, and those that were in force.

use std::collections::{BTreeMap, BTreeSet};

use regard_decision::{CampaignStanding, Standing};
use regard_domain::{CampaignId, CreativeId};
use serde::Serialize;

use crate::command::Command;
use crate::drafts::{CampaignDraft, CampaignVersion, DraftError};
use crate::handle::Engine;

/// How far a draft has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftStanding {
    /// Somebody works on it.
    Draft,
    /// It waits for somebody else to let it in force.
    Waiting,
    /// It was sent back, with a word about it.
    SentBack,
}

/// A draft as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DraftLine {
    /// How far it has come.
    pub standing: DraftStanding,
    /// Counts its changes, from 1.
    pub revision: u32,
    /// When it was changed last.
    pub edited_at_micros: i64,
    /// Who changed it: a role and the public id of a token.
    pub edited_by: String,
    /// Who asked that it be let in force.
    pub submitted_by: Option<String>,
    /// What whoever sent it back said.
    pub note: Option<String>,
}

impl From<CampaignDraft> for DraftLine {
    fn from(draft: CampaignDraft) -> Self {
        let standing = match (&draft.submitted_by, &draft.note) {
            (Some(_), _) => DraftStanding::Waiting,
            (None, Some(_)) => DraftStanding::SentBack,
            (None, None) => DraftStanding::Draft,
        };
        Self {
            standing,
            revision: draft.revision,
            edited_at_micros: draft.edited_at_micros,
            edited_by: draft.edited_by,
            submitted_by: draft.submitted_by,
            note: draft.note,
        }
    }
}

/// One campaign at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignLine {
    /// Which campaign.
    pub id: CampaignId,
    /// What it is called: in force, else in its draft, else when it was last in force.
    pub name: String,
    /// How it stands; nothing where it was never in force.
    pub standing: Option<Standing>,
    /// Whether it is in force now. One that was taken out of force has ended.
    pub is_in_force: bool,
    /// Messages that guardrails stopped, and which guardrail.
    pub stopped: BTreeMap<CreativeId, String>,
    /// Plays ever and today, of one in force.
    pub n_plays: u64,
    /// Plays on this day of the site.
    pub n_plays_today: u64,
    /// Its draft, if there is one.
    pub draft: Option<DraftLine>,
    /// How many versions of it are remembered.
    pub n_versions: usize,
}

impl Engine {
    /// All campaigns at a glance, those in force first in their order, then the others in order of id.
    ///
    /// # Errors
    /// [`DraftError::Engine`].
    pub async fn campaign_overview(&self) -> Result<Vec<CampaignLine>, DraftError> {
        let standings = self.ask(|reply| Command::Standings { reply }).await?;
        let drafts = self.drafts().await?;
        Ok(lines_of(standings, drafts, &self.all_versions().await?))
    }
}

fn lines_of(
    standings: Vec<CampaignStanding>,
    drafts: Vec<CampaignDraft>,
    versions: &[CampaignVersion],
) -> Vec<CampaignLine> {
    let n_versions = |id: &CampaignId| versions.iter().filter(|v| v.id == *id).count();
    let mut drafts: BTreeMap<CampaignId, CampaignDraft> = drafts
        .into_iter()
        .map(|draft| (draft.campaign.id.clone(), draft))
        .collect();
    let mut lines: Vec<CampaignLine> = Vec::new();
    for one in standings {
        lines.push(CampaignLine {
            n_versions: n_versions(&one.campaign),
            draft: drafts.remove(&one.campaign).map(DraftLine::from),
            id: one.campaign,
            name: one.name,
            standing: Some(one.standing),
            is_in_force: true,
            stopped: one.stopped,
            n_plays: one.n_plays,
            n_plays_today: one.n_plays_today,
        });
    }
    let in_force: BTreeSet<CampaignId> = lines.iter().map(|line| line.id.clone()).collect();
    let mut others: BTreeSet<CampaignId> = drafts.keys().cloned().collect();
    others.extend(versions.iter().map(|version| version.id.clone()));
    for id in others.difference(&in_force) {
        let was = versions.iter().rev().filter(|version| version.id == *id);
        let last = was.filter_map(|version| version.campaign.as_ref()).next();
        let draft = drafts.remove(id);
        let name = draft.as_ref().map(|draft| &draft.campaign).or(last);
        lines.push(CampaignLine {
            name: name.map_or_else(|| id.to_string(), |campaign| campaign.name.clone()),
            standing: last.map(|_| Standing::Ended),
            is_in_force: false,
            stopped: BTreeMap::new(),
            n_plays: 0,
            n_plays_today: 0,
            draft: draft.map(DraftLine::from),
            n_versions: n_versions(id),
            id: id.clone(),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use regard_decision::Campaign;

    use super::*;

    fn campaign(id: &str) -> Campaign {
        Campaign::named(id.parse().unwrap())
    }

    fn draft(id: &str, submitted: bool, note: Option<&str>) -> CampaignDraft {
        CampaignDraft {
            campaign: campaign(id),
            revision: 1,
            edited_at_micros: 0,
            edited_by: "operator a".to_owned(),
            submitted_by: submitted.then(|| "operator a".to_owned()),
            note: note.map(str::to_owned),
        }
    }

    #[test]
    fn every_campaign_has_one_line_and_says_how_it_stands() {
        let standing = CampaignStanding {
            campaign: "live".parse().unwrap(),
            name: "Live".to_owned(),
            standing: Standing::Live,
            stopped: BTreeMap::new(),
            n_plays: 7,
            n_plays_today: 2,
        };
        let version = |id: &str, number, campaign| CampaignVersion {
            id: id.parse().unwrap(),
            number,
            at_micros: 0,
            by: String::new(),
            campaign,
        };
        let drafts = vec![
            draft("live", true, None),
            draft("new", false, None),
            draft("sent", false, Some("shorter")),
        ];
        let versions = [
            version("live", 1, Some(campaign("live"))),
            version("old", 1, Some(campaign("old"))),
            version("old", 2, None),
        ];
        let lines = lines_of(vec![standing], drafts, &versions);
        let told: Vec<_> = lines
            .iter()
            .map(|line| {
                let draft = line.draft.as_ref().map(|draft| draft.standing);
                (line.id.as_str(), line.standing, draft, line.is_in_force)
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "live",
                    Some(Standing::Live),
                    Some(DraftStanding::Waiting),
                    true
                ),
                ("new", None, Some(DraftStanding::Draft), false),
                ("old", Some(Standing::Ended), None, false),
                ("sent", None, Some(DraftStanding::SentBack), false),
            ]
        );
        assert_eq!((lines[0].n_plays, lines[2].n_versions), (7, 2));
    }
}
