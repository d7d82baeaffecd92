//! `regard learned`: what policies have learned, taken along to another campaign or site.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use regard_backends::PolicyRow;
use regard_decision::{Planner, PolicyState};
use regard_domain::CampaignId;
use regard_engine::Installation;

use crate::args::{ImportArgs, InstallationArgs, LearnedCommand, data_dir_beside};
use crate::config;
use crate::exit;
use crate::ledger;
use crate::printable::shown;
use crate::speech::complain;
use crate::work::block_on;

/// Largest state read, in bytes: a thousand messages of forty features.
const MAX_STATE_BYTES: u64 = 64 << 20;

/// Exports or imports.
pub(crate) fn learned(command: &LearnedCommand) -> Result<ExitCode> {
    match command {
        LearnedCommand::Export {
            campaign,
            installation,
        } => export(campaign, installation),
        LearnedCommand::Import(args) => import(args),
    }
}

fn export(campaign: &CampaignId, installation: &InstallationArgs) -> Result<ExitCode> {
    let data = installation.data_dir();
    let rows = block_on(async {
        let reader = ledger::open(&data).await?;
        let rows = reader.policies().await;
        reader.close().await;
        rows.with_context(|| shown(&data))
    })?;
    let row = rows.into_iter().find(|row| row.campaign == *campaign);
    let Some(mut row) = row else {
        bail!(
            "{}: campaign {campaign} has learned nothing yet",
            shown(&data)
        );
    };
    // What its experiment found out belongs to that campaign alone.
    row.state.evidence.clear();
    exit::print(&row.state.to_json())
}

fn import(args: &ImportArgs) -> Result<ExitCode> {
    let bytes = fs::metadata(&args.file)
        .with_context(|| shown(&args.file))?
        .len();
    ensure!(
        bytes <= MAX_STATE_BYTES,
        "{}: longer than {MAX_STATE_BYTES} bytes",
        shown(&args.file)
    );
    let text = fs::read_to_string(&args.file).with_context(|| shown(&args.file))?;
    let state = PolicyState::from_json(text.trim()).with_context(|| shown(&args.file))?;
    let site = match config::load(&args.config) {
        Ok(site) => site,
        Err(mistakes) => {
            for mistake in &mistakes {
                complain(format_args!("{mistake}"));
            }
            bail!("{} has {} mistakes", shown(&args.config), mistakes.len());
        }
    };
    let data = data_dir_beside(args.data.as_deref(), site.folder());
    let engine = site.engine_config(&data);
    let planner = Planner::new(engine.campaigns, engine.default_message, engine.context);
    let mut planner = planner
        .map_err(|faults| anyhow::anyhow!("the campaigns have {} mistakes", faults.len()))?;
    planner
        .begin_with(&args.campaign, &state, args.strength)
        .with_context(|| format!("campaign {}", args.campaign))?;
    let state = planner
        .policy_state(&args.campaign)
        .context("the campaign has no policy")?;
    block_on(async {
        let mut installation = Installation::open(&data).await?;
        let row = PolicyRow {
            campaign: args.campaign.clone(),
            at: installation.now(),
            state,
        };
        let kept = installation.keep_learned(row).await;
        installation.close().await;
        Ok(kept?)
    })?;
    exit::print(&format!(
        "campaign {} begins with what was learned in {}, at a strength of {}",
        args.campaign,
        shown(&args.file),
        args.strength
    ))
}
