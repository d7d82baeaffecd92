//! Campaigns as the owner changed them while the program ran: kept, and in force again after a restart.

use std::sync::Arc;

use regard_backends::{Batch, CampaignInForce, Document, Store, StoreError};
use regard_commitments::{Answer, Digest, RetentionGate};
use regard_decision::{Campaign, Planner, validate_slots};
use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::EngineConfig;

/// Name of the document in the store.
pub(crate) const NAME: &str = "campaigns";

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Changed {
    /// SHA-256 of the campaigns in the configuration that were changed; when the owner changes the
    /// configuration, that is the newer word.
    configured: Digest,
    /// The campaigns in force.
    campaigns: Vec<Campaign>,
}

/// Which campaigns a configuration has.
pub(crate) fn digest(configured: &[Campaign]) -> Digest {
    // The order of fields is that of the type, so that the same campaigns give the same text.
    let text = serde_json::to_vec(configured).unwrap_or_default();
    Digest::of(&[&text])
}

/// The campaigns to begin with: those in force when the last run ended, if they were changed while it
/// ran and the configuration was not changed since.
pub(crate) async fn in_force(
    config: &EngineConfig,
    store: &dyn Store,
    retention: &RetentionGate,
    now: Timestamp,
) -> Result<Vec<Campaign>, StoreError> {
    let Some(text) = store.document(NAME).await? else {
        return Ok(config.campaigns.clone());
    };
    match changed(&text, config) {
        Ok(campaigns) => {
            // Writing it again prolongs its time, as long as the installation runs now and then.
            keep_text(text, store, retention, now).await?;
            for fault in validate_slots(&campaigns, &[], &config.slots()) {
                tracing::warn!(%fault, "screens are parted otherwise than when this campaign was let in force");
            }
            Ok(campaigns)
        }
        Err(Outdated::Configured) => {
            tracing::info!("the configuration has other campaigns than before; these are in force");
            Ok(config.campaigns.clone())
        }
        Err(Outdated::Unfit) => {
            tracing::warn!(
                "the campaigns that were changed while the program ran cannot be used any more; those of \
                 the configuration are in force"
            );
            Ok(config.campaigns.clone())
        }
    }
}

/// Why campaigns that were kept are not in force.
pub(crate) enum Outdated {
    /// The configuration has others than when they were changed.
    Configured,
    /// They cannot be used any more.
    Unfit,
}

/// The campaigns of a kept document, if they are in force under this configuration.
pub(crate) fn changed(text: &str, config: &EngineConfig) -> Result<Vec<Campaign>, Outdated> {
    let changed: Option<Changed> = serde_json::from_str(text).ok();
    let changed = changed
        .filter(|c| c.configured == digest(&config.campaigns))
        .ok_or(Outdated::Configured)?;
    let fits = Planner::new(
        changed.campaigns.clone(),
        config.default_message.clone(),
        config.context.clone(),
    );
    match fits {
        Ok(_) => Ok(changed.campaigns),
        Err(_) => Err(Outdated::Unfit),
    }
}

/// The document of campaigns that are in force in place of those that are configured.
pub(crate) fn document(campaigns: Vec<Campaign>, configured: Digest) -> Document {
    let changed = Changed {
        configured,
        campaigns,
    };
    Document {
        name: NAME.to_owned(),
        value: serde_json::to_string(&changed).unwrap_or_default(),
    }
}

/// Keeps the campaigns in force, durably.
///
/// # Errors
/// [`StoreError`]; they are in force all the same, until the program ends.
pub(crate) async fn keep(
    campaigns: Vec<Campaign>,
    configured: Digest,
    store: &Arc<dyn Store>,
    retention: &RetentionGate,
    now: Timestamp,
) -> Result<(), StoreError> {
    let document = document(campaigns, configured);
    keep_text(document.value, &**store, retention, now).await
}

async fn keep_text(
    value: String,
    store: &dyn Store,
    retention: &RetentionGate,
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = NAME.to_owned();
    match retention.keep(Document { name, value }, now) {
        Answer::Granted(kept) => store.put_document(&kept).await,
        Answer::Refused(refusal) => {
            tracing::warn!(%refusal, "campaigns changed while the program runs are lost when it ends");
            Ok(())
        }
    }
}

/// Says which campaigns are in force, before anything is swept: their budgets outlive the decisions
/// they were counted from.
pub(crate) async fn prolong_budgets(
    config: &EngineConfig,
    retention: &RetentionGate,
    store: &dyn Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for campaign in &config.campaigns {
        let row = CampaignInForce {
            campaign: campaign.id.clone(),
        };
        match retention.keep(row, now) {
            Answer::Granted(kept) => {
                batch.campaign(kept);
            }
            Answer::Refused(refusal) if campaign.budget.max_plays_total.is_some() => {
                tracing::warn!(campaign = %campaign.id, %refusal, "its budget is forgotten with its decisions");
            }
            Answer::Refused(_) => {}
        }
    }
    store.commit(&batch).await?;
    Ok(())
}
