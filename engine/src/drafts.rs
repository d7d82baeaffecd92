//! Campaigns before they are in force, who let them, and what was in force before.

use regard_backends::Document;
use regard_commitments::{Actor, Answer, Refusal};
use regard_decision::{Campaign, validate_placed};
use regard_domain::CampaignId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::campaigns::{CampaignChange, tag_of};
use crate::handle::{Engine, EngineError};

/// Names of the documents in the store.
const DRAFTS: &str = "campaign-drafts";
const VERSIONS: &str = "campaign-versions";

/// Most drafts at once.
const MAX_DRAFTS: usize = 200;

/// Versions remembered of each campaign. The oldest go.
const MAX_VERSIONS: usize = 20;

/// Most bytes of all versions together. The oldest go.
const MAX_VERSIONS_LEN: usize = 4 << 20;

/// Longest note, in bytes.
const MAX_NOTE_LEN: usize = 1_000;

/// A campaign that is not in force. It may have mistakes until it is submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignDraft {
    /// As it would be.
    pub campaign: Campaign,
    /// Counts its changes, from 1.
    pub revision: u32,
    /// When it was changed last.
    pub edited_at_micros: i64,
    /// Who changed it: a role and the public id of a token.
    pub edited_by: String,
    /// Who asked that it be let in force; nothing while it is worked on.
    pub submitted_by: Option<String>,
    /// What whoever sent it back said.
    pub note: Option<String>,
}

/// A campaign as it was in force from some time on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignVersion {
    /// Of which campaign.
    pub id: CampaignId,
    /// From 1, by campaign.
    pub number: u32,
    /// From when on.
    pub at_micros: i64,
    /// Who put it in force.
    pub by: String,
    /// As it was; nothing where it ended.
    pub campaign: Option<Campaign>,
}

/// Why a draft was not taken, changed or let in force.
#[derive(Debug, Error)]
pub enum DraftError {
    /// There is no such draft.
    #[error("there is no draft of campaign {0}")]
    Unknown(CampaignId),
    /// Somebody changed it meanwhile.
    #[error("the draft is at revision {0}")]
    Changed(u32),
    /// It was not submitted, or was changed since.
    #[error("the draft is not submitted")]
    NotSubmitted,
    /// Who asked may not be who lets.
    #[error("whoever submitted a draft neither approves it nor shows it")]
    SamePerson,
    /// There are too many, or a note is too long.
    #[error("there are at most {MAX_DRAFTS} drafts, and notes of {MAX_NOTE_LEN} bytes")]
    TooMuch,
    /// The commitments promise no such data.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// How somebody is called in drafts and versions.
fn called(actor: &Actor) -> String {
    match actor {
        Actor::Token { role, id } => format!("{role} {id}"),
        Actor::Machine {} => "this machine".to_owned(),
        Actor::Stranger {} => "a stranger".to_owned(),
    }
}

impl CampaignDraft {
    /// Whether somebody may act on it as another than the one who submitted it.
    ///
    /// # Errors
    /// [`DraftError::NotSubmitted`], [`DraftError::SamePerson`].
    pub fn check_other_person(&self, by: &Actor) -> Result<(), DraftError> {
        let submitted_by = self.submitted_by.as_ref();
        let submitted_by = submitted_by.ok_or(DraftError::NotSubmitted)?;
        // Where nobody logs in, as in the demonstration, nobody can be told apart.
        if *submitted_by == called(by) && !matches!(by, Actor::Machine {}) {
            return Err(DraftError::SamePerson);
        }
        Ok(())
    }
}

impl Engine {
    async fn document_of<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Vec<T>, DraftError> {
        let text = self.store().document(name).await;
        let text = text.map_err(EngineError::from)?;
        let read = text.map(|text| serde_json::from_str::<Vec<T>>(&text));
        match read {
            None => Ok(Vec::new()),
            Some(Ok(all)) => Ok(all),
            Some(Err(error)) => {
                tracing::warn!(name, %error, "what was kept cannot be read any more");
                Ok(Vec::new())
            }
        }
    }

    async fn keep_document<T: Serialize>(&self, name: &str, all: &[T]) -> Result<(), DraftError> {
        let document = Document {
            name: name.to_owned(),
            value: serde_json::to_string(all).expect("campaigns always print"),
        };
        match self.shared.retention.keep(document, self.now()) {
            Answer::Granted(kept) => {
                let put = self.store().put_document(&kept).await;
                Ok(put.map_err(EngineError::from)?)
            }
            Answer::Refused(refusal) => Err(DraftError::Refused(refusal)),
        }
    }

    /// The drafts, in order of id.
    ///
    /// # Errors
    /// [`DraftError::Engine`].
    pub async fn drafts(&self) -> Result<Vec<CampaignDraft>, DraftError> {
        self.document_of(DRAFTS).await
    }

    /// One draft.
    ///
    /// # Errors
    /// [`DraftError::Unknown`], [`DraftError::Engine`].
    pub async fn draft(&self, id: &CampaignId) -> Result<CampaignDraft, DraftError> {
        let drafts = self.drafts().await?;
        let draft = drafts.into_iter().find(|d| d.campaign.id == *id);
        draft.ok_or_else(|| DraftError::Unknown(id.clone()))
    }

    /// Keeps a draft; of one that is there, `revision` is the one that was changed. It is no longer submitted then.
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn put_draft(
        &self,
        campaign: Campaign,
        revision: Option<u32>,
        by: &Actor,
    ) -> Result<CampaignDraft, DraftError> {
        let _order = self.shared.changing.lock().await;
        let mut drafts = self.drafts().await?;
        let place = drafts.iter().position(|d| d.campaign.id == campaign.id);
        let before = place.map_or(0, |place| drafts[place].revision);
        if revision.is_some_and(|revision| revision != before) {
            return Err(DraftError::Changed(before));
        }
        let draft = CampaignDraft {
            campaign,
            revision: before + 1,
            edited_at_micros: self.now().as_micros(),
            edited_by: called(by),
            submitted_by: None,
            note: None,
        };
        match place {
            Some(place) => drafts[place] = draft.clone(),
            None if drafts.len() >= MAX_DRAFTS => return Err(DraftError::TooMuch),
            None => drafts.push(draft.clone()),
        }
        drafts.sort_by(|a, b| a.campaign.id.cmp(&b.campaign.id));
        self.keep_document(DRAFTS, &drafts).await?;
        Ok(draft)
    }

    async fn change_draft<A>(
        &self,
        id: &CampaignId,
        change: impl FnOnce(&mut CampaignDraft) -> Result<A, DraftError>,
    ) -> Result<A, DraftError> {
        let _order = self.shared.changing.lock().await;
        let mut drafts = self.drafts().await?;
        let draft = drafts.iter_mut().find(|d| d.campaign.id == *id);
        let draft = draft.ok_or_else(|| DraftError::Unknown(id.clone()))?;
        let answer = change(draft)?;
        self.keep_document(DRAFTS, &drafts).await?;
        Ok(answer)
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn remove_draft(&self, id: &CampaignId) -> Result<(), DraftError> {
        let _order = self.shared.changing.lock().await;
        let mut drafts = self.drafts().await?;
        let n = drafts.len();
        drafts.retain(|draft| draft.campaign.id != *id);
        if drafts.len() == n {
            return Err(DraftError::Unknown(id.clone()));
        }
        self.keep_document(DRAFTS, &drafts).await
    }

    /// Asks that a draft be let in force. It must be without mistakes, beside the campaigns in force.
    ///
    /// # Errors
    /// [`DraftError`]; every mistake within [`EngineError::Campaigns`].
    pub async fn submit_draft(&self, id: &CampaignId, by: &Actor) -> Result<(), DraftError> {
        let draft = self.draft(id).await?;
        let revision = draft.revision;
        let in_force = self.campaigns().await?;
        let mut all = in_force.clone();
        all.retain(|campaign| campaign.id != *id);
        all.insert(0, draft.campaign);
        let screens = self.screens();
        let default = self.default_message(screens.first().ok_or(EngineError::Stopped)?)?;
        let faults = validate_placed(&all, &default, &in_force, &self.slots());
        if !faults.is_empty() {
            return Err(EngineError::Campaigns(faults).into());
        }
        let by = called(by);
        self.change_draft(id, |draft| {
            if draft.revision != revision {
                return Err(DraftError::Changed(draft.revision));
            }
            draft.submitted_by = Some(by);
            draft.note = None;
            Ok(())
        })
        .await
    }

    /// Sends a draft back, with a word about it.
    ///
    /// # Errors
    /// [`DraftError`].
    pub async fn reject_draft(&self, id: &CampaignId, note: String) -> Result<(), DraftError> {
        if note.len() > MAX_NOTE_LEN {
            return Err(DraftError::TooMuch);
        }
        self.change_draft(id, |draft| {
            draft.submitted_by.take().ok_or(DraftError::NotSubmitted)?;
            draft.note = Some(note);
            Ok(())
        })
        .await
    }

    /// Lets a draft in force that somebody else submitted.
    ///
    /// # Errors
    /// [`DraftError`]; nothing has changed then.
    pub async fn approve_draft(&self, id: &CampaignId, by: &Actor) -> Result<Campaign, DraftError> {
        let draft = self.draft(id).await?;
        draft.check_other_person(by)?;
        let known = self.campaigns().await?;
        let change = if known.iter().any(|campaign| campaign.id == *id) {
            CampaignChange::Replace(draft.campaign.clone())
        } else {
            CampaignChange::Add(draft.campaign.clone())
        };
        self.change_campaign(change).await?;
        self.keep_versions(by).await?;
        self.remove_draft(id).await?;
        Ok(draft.campaign)
    }

    /// Remembers what is in force now, where that is not the last that is remembered.
    ///
    /// # Errors
    /// [`DraftError`]; the campaigns are in force all the same.
    pub async fn keep_versions(&self, by: &Actor) -> Result<(), DraftError> {
        let in_force = self.campaigns().await?;
        let _order = self.shared.changing.lock().await;
        let mut versions: Vec<CampaignVersion> = self.document_of(VERSIONS).await?;
        let n_before = versions.len();
        let at_micros = self.now().as_micros();
        let mut ids: Vec<CampaignId> = versions.iter().map(|v| v.id.clone()).collect();
        ids.extend(in_force.iter().map(|c| c.id.clone()));
        ids.sort();
        ids.dedup();
        for id in ids {
            let last = versions.iter().rev().find(|v| v.id == id);
            let now = in_force.iter().find(|c| c.id == id);
            if last.map(|v| v.campaign.as_ref()) == Some(now) {
                continue;
            }
            let number = last.map_or(1, |v| v.number + 1);
            versions.push(CampaignVersion {
                number,
                at_micros,
                by: called(by),
                campaign: now.cloned(),
                id,
            });
        }
        if versions.len() == n_before {
            return Ok(());
        }
        self.keep_document(VERSIONS, &pruned(versions)).await
    }

    /// What was in force of every campaign, the oldest first.
    pub(crate) async fn all_versions(&self) -> Result<Vec<CampaignVersion>, DraftError> {
        self.document_of(VERSIONS).await
    }

    /// What was in force of a campaign, the oldest first.
    ///
    /// # Errors
    /// [`DraftError::Engine`].
    pub async fn versions(&self, id: &CampaignId) -> Result<Vec<CampaignVersion>, DraftError> {
        let mut versions = self.all_versions().await?;
        versions.retain(|version| version.id == *id);
        Ok(versions)
    }

    /// What stands for a campaign as it is: it changes with it.
    pub fn campaign_tag(&self, campaign: &Campaign) -> String {
        tag_of(campaign)
    }
}

fn pruned(mut versions: Vec<CampaignVersion>) -> Vec<CampaignVersion> {
    let mut seen: std::collections::BTreeMap<CampaignId, usize> = std::collections::BTreeMap::new();
    let mut room = MAX_VERSIONS_LEN;
    versions.reverse();
    versions.retain(|version| {
        let n = seen.entry(version.id.clone()).or_default();
        *n += 1;
        let length = serde_json::to_vec(version).map_or(0, |text| text.len());
        room = room.saturating_sub(length);
        *n <= MAX_VERSIONS && room > 0
    });
    versions.reverse();
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_campaign_the_last_twenty_are_remembered() {
        let version = |id: &str, number| CampaignVersion {
            id: id.parse().unwrap(),
            number,
            at_micros: 0,
            by: String::new(),
            campaign: None,
        };
        let all: Vec<_> = (1..=30)
            .map(|n| version("a", n))
            .chain([version("b", 1)])
            .collect();
        let left = pruned(all);
        assert_eq!(left.len(), 21);
        assert_eq!((left[0].number, left[19].number), (11, 30));
    }
}
