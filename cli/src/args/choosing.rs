//! Arguments of `regard evaluate`, `regard simulate` and `regard learned`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use regard_domain::{CampaignId, CreativeId, ScreenId};

use super::{InstallationArgs, ListFormat};

#[derive(Args)]
pub(crate) struct EvaluateArgs {
    /// A log: lines of our own, VowpalWabbit's dsjson, or the Open Bandit Dataset's table. Which, its first line says.
    #[arg(long, value_name = "FILE", required_unless_present = "campaign")]
    pub(crate) log: Option<PathBuf>,
    /// Instead of a file: what an installation, running or not, has stored of this campaign.
    #[arg(long, value_name = "ID", conflicts_with = "log")]
    pub(crate) campaign: Option<CampaignId>,
    /// What to evaluate; may be given several times: logged, uniform, always:MESSAGE, or a policy with its settings as
    /// in a campaign, such as `lints` or `lints ridge=2 exploration=0.1`.
    #[arg(long = "policy", value_name = "POLICY", default_values = ["logged", "uniform", "lints"])]
    pub(crate) policies: Vec<String>,
    /// Folds that a policy and the model of rewards learn on.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=50))]
    pub(crate) folds: u8,
    /// How often intervals are to hold the truth, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    pub(crate) confidence: f64,
    /// Seed of the bootstrap.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
    /// Draw the estimates of the last policy named into this file, SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Write the log as VowpalWabbit's dsjson into this file. Contexts of an installation are written in tenths.
    #[arg(long, value_name = "FILE")]
    pub(crate) dsjson: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) installation: InstallationArgs,
}

#[derive(Args)]
pub(crate) struct SimulateArgs {
    /// Take campaigns and facts of this configuration; otherwise an example of six messages.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Let them walk past this screen of it, with its slots and what runs there; otherwise past one that is not parted, where all
    /// runs.
    #[arg(long, value_name = "SCREEN", requires = "config")]
    pub(crate) screen: Option<ScreenId>,
    /// Policies to compare, with their settings as in a campaign; otherwise every one.
    #[arg(long = "policy", value_name = "POLICY")]
    pub(crate) policies: Vec<String>,
    /// How long audiences walk past.
    #[arg(long, value_name = "DAYS", default_value_t = 3.0)]
    pub(crate) days: f64,
    /// Visitors an hour, from 6 to 22 o'clock.
    #[arg(long, value_name = "N", default_value_t = 120.0)]
    pub(crate) visitors: f64,
    /// A message that is made to annoy, to see guardrails at work.
    #[arg(long, value_name = "MESSAGE")]
    pub(crate) annoying: Vec<CreativeId>,
    /// Seed of tastes, arrivals and draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
    /// Draw the regret of each policy into this file, SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum LearnedCommand {
    /// Prints what the policy of a campaign has learned, as JSON, from an installation that runs or stands still.
    Export {
        /// Which campaign.
        #[arg(value_name = "CAMPAIGN")]
        campaign: CampaignId,
        #[command(flatten)]
        installation: InstallationArgs,
    },
    /// Begins a campaign with what another, or another site, has learned. The installation must not run.
    Import(ImportArgs),
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// Which campaign of the configuration begins with it.
    #[arg(value_name = "CAMPAIGN")]
    pub(crate) campaign: CampaignId,
    /// What `regard learned export` printed.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How much of it counts: 0.1 means as if it had been learned from a tenth of the plays.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub(crate) strength: f64,
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "regard.toml")]
    pub(crate) config: PathBuf,
    /// Where everything is kept; otherwise REGARD_DATA_DIR, or `data` beside the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}
