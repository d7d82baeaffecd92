//! Arguments of `regard campaign`.

use std::path::PathBuf;

use clap::Subcommand;
use regard_domain::{CampaignId, CreativeId, ScreenId, SlotId};

use super::{ListFormat, RemoteArgs};

/// A campaign of an installation that runs.
#[derive(Subcommand)]
pub(crate) enum CampaignCommand {
    /// Lists the campaigns: how those in force stand, drafts, and those that were in force.
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Writes a campaign as a file: its draft, where there is none what is in force.
    Show {
        /// Which.
        #[arg(value_name = "CAMPAIGN")]
        campaign: CampaignId,
        /// What is in force, whatever the draft says.
        #[arg(long)]
        in_force: bool,
        #[command(flatten)]
        remote: RemoteArgs,
        /// TOML for people, or JSON for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Says what is wrong with the campaigns of a file, which words to look at, and what to remark. Exits with 2 where one
    /// has mistakes.
    Check {
        /// TOML as `regard campaigns export` writes it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Exit with 2 where there is anything to look at.
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        remote: RemoteArgs,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Keeps the campaigns of a file as drafts. They may have mistakes as long as nobody submits them.
    Save {
        /// TOML as `regard campaigns export` writes it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only where the draft is at this revision; 0: only where there is none. For a file with one campaign.
        #[arg(long, value_name = "N")]
        revision: Option<u32>,
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Asks that a draft be let in force. It must be without mistakes.
    Submit(OneCampaign),
    /// Lets a draft in force that somebody with another token submitted.
    Approve(OneCampaign),
    /// Sends a draft back, with a word about it.
    Reject {
        /// What is to be changed.
        #[arg(long, value_name = "TEXT")]
        note: String,
        #[command(flatten)]
        one: OneCampaign,
    },
    /// Throws a draft away.
    Discard(OneCampaign),
    /// Lists what was in force of a campaign, or takes one of them as a draft.
    Versions {
        /// Take this version as the draft.
        #[arg(long, value_name = "NUMBER")]
        draft: Option<u32>,
        #[command(flatten)]
        one: OneCampaign,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Says what is known of a campaign in force: how its policy does beside its baseline, its experiment, its guardrails, and
    /// whether the camera helps.
    Evidence {
        #[command(flatten)]
        one: OneCampaign,
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Shows a message of a draft on a screen for some seconds, marked as a preview. It is no play and not counted.
    Preview {
        /// Which message.
        #[arg(long, value_name = "MESSAGE")]
        message: CreativeId,
        /// On which screen.
        #[arg(long, value_name = "SCREEN")]
        screen: ScreenId,
        /// In which slot of it; where none is named, on all of the glass.
        #[arg(long, value_name = "SLOT")]
        slot: Option<SlotId>,
        /// For how long, 1 to 30.
        #[arg(long, value_name = "SECONDS", default_value_t = 8)]
        seconds: u32,
        #[command(flatten)]
        one: OneCampaign,
    },
}

/// One campaign, and where it is.
#[derive(clap::Args)]
pub(crate) struct OneCampaign {
    /// Which.
    #[arg(value_name = "CAMPAIGN")]
    pub(crate) campaign: CampaignId,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}
