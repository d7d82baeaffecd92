//! `regard campaigns`: the campaigns in force, looked at, written out, taken in.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use regard_decision::{Campaign, LintFinding, Remark, inspect, lint, validate_placed};
use regard_engine::{EngineConfig, Installation, campaigns_in_force};
use serde::{Deserialize, Serialize};

use crate::args::{CampaignsCommand, ListFormat, data_dir_beside};
use crate::exit;
use crate::ledger;
use crate::printable::shown;
use crate::site::load_site;
use crate::whole_file::write_whole;
use crate::work::block_on;

/// Largest file read, in bytes: a thousand campaigns.
const MAX_BYTES: u64 = 16 << 20;

/// A file of campaigns.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignFile {
    #[serde(rename = "campaign", default)]
    pub(crate) campaigns: Vec<Campaign>,
}

/// The campaigns of a file, mistakes and all.
///
/// # Errors
/// When the file cannot be read, is too long, is no file of campaigns, or has none.
pub(crate) fn campaigns_in(file: &Path) -> Result<Vec<Campaign>> {
    let bytes = fs::metadata(file).with_context(|| shown(file))?.len();
    ensure!(
        bytes <= MAX_BYTES,
        "{}: longer than {MAX_BYTES} bytes",
        shown(file)
    );
    let text = fs::read_to_string(file).with_context(|| shown(file))?;
    let taken: CampaignFile = toml::from_str(&text).with_context(|| shown(file))?;
    ensure!(
        !taken.campaigns.is_empty(),
        "{} has no [[campaign]]",
        shown(file)
    );
    Ok(taken.campaigns)
}

/// Looks at, writes out or takes in.
pub(crate) fn campaigns(command: &CampaignsCommand) -> Result<ExitCode> {
    match command {
        CampaignsCommand::Check {
            config,
            data,
            format,
            strict,
        } => {
            let (engine, _) = engine_of(config, data.as_deref())?;
            check(&in_force(&engine)?, *format, *strict)
        }
        CampaignsCommand::Export {
            config,
            data,
            output,
        } => {
            let (engine, _) = engine_of(config, data.as_deref())?;
            let file = CampaignFile {
                campaigns: in_force(&engine)?,
            };
            let text = toml::to_string(&file)?;
            match output {
                None => exit::print(text.trim_end()),
                Some(file) => {
                    write_whole(file, text)?;
                    exit::print(&format!("wrote {}", shown(file)))
                }
            }
        }
        CampaignsCommand::Import { file, config, data } => import(file, config, data.as_deref()),
    }
}

fn engine_of(config: &Path, data: Option<&Path>) -> Result<(EngineConfig, std::path::PathBuf)> {
    let site = load_site(config)?;
    let data = data_dir_beside(data, site.folder());
    Ok((site.engine_config(&data), data))
}

/// Those of the configuration where nothing was started yet.
fn in_force(engine: &EngineConfig) -> Result<Vec<Campaign>> {
    if !engine.data_dir.exists() {
        return Ok(engine.campaigns.clone());
    }
    block_on(async {
        let reader = ledger::open(&engine.data_dir).await?;
        let campaigns = campaigns_in_force(engine, &reader).await;
        reader.close().await;
        campaigns.with_context(|| shown(&engine.data_dir))
    })
}

#[derive(Serialize)]
struct Looked {
    campaign: String,
    name: String,
    findings: Vec<LintFinding>,
    remarks: Vec<Remark>,
}

fn check(campaigns: &[Campaign], format: ListFormat, strict: bool) -> Result<ExitCode> {
    let looked: Vec<Looked> = campaigns
        .iter()
        .map(|campaign| Looked {
            campaign: campaign.id.to_string(),
            name: campaign.name.clone(),
            findings: lint(campaign),
            // Files were found when the configuration was read; the running program looks into them.
            remarks: inspect(campaign, |_| Some(regard_decision::AssetFacts::default())),
        })
        .collect();
    let n: usize = looked
        .iter()
        .map(|one| one.findings.len() + one.remarks.len())
        .sum();
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&looked)?,
        ListFormat::Text => in_words(&looked),
    };
    let printed = exit::print(&text)?;
    Ok(if strict && n > 0 {
        ExitCode::from(exit::SOME_BAD)
    } else {
        printed
    })
}

fn in_words(looked: &[Looked]) -> String {
    let mut text = String::new();
    for one in looked {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}", one.campaign, one.name);
        for finding in &one.findings {
            let LintFinding {
                path,
                code,
                words,
                advice,
            } = finding;
            let _ = writeln!(text, "  {path}: \"{words}\" ({code}): {advice}");
        }
        for remark in &one.remarks {
            let _ = writeln!(
                text,
                "  {}: {}: {}",
                remark.path, remark.check, remark.advice
            );
        }
        if one.findings.is_empty() && one.remarks.is_empty() {
            text.push_str("  nothing to look at\n");
        }
    }
    text.trim_end().to_owned()
}

fn import(file: &Path, config: &Path, data: Option<&Path>) -> Result<ExitCode> {
    let taken = campaigns_in(file)?;
    let (engine, data) = engine_of(config, data)?;
    let before = in_force(&engine)?;
    let mut campaigns = before.clone();
    let n = taken.len();
    for campaign in taken {
        campaigns.retain(|known| known.id != campaign.id);
        campaigns.push(campaign);
    }
    let faults = validate_placed(
        &campaigns,
        &engine.default_message,
        &before,
        &engine.slots(),
    );
    if !faults.is_empty() {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::bail!(
            "the campaigns have {} mistakes:\n  {}",
            faults.len(),
            lines.join("\n  ")
        );
    }
    block_on(async {
        let mut installation = Installation::open(&data).await?;
        let kept = installation
            .keep_campaigns(campaigns, &engine.campaigns)
            .await;
        installation.close().await;
        Ok(kept?)
    })?;
    exit::print(&format!(
        "{n} campaigns of {} are in force when the program starts",
        shown(file)
    ))
}
