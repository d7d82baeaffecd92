//! `regard campaign`: drafts, versions and previews of an installation that runs.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use regard_commitments::UtcText;
use regard_decision::Campaign;
use regard_domain::{CampaignId, Timestamp};
use serde_json::{Value, json};

use crate::args::{CampaignCommand, ListFormat, OneCampaign, RemoteArgs};
use crate::campaigns::{CampaignFile, campaigns_in};
use crate::exit;
use crate::remote::{Asker, Remote, is_refused};

mod evidence;

pub(crate) fn campaign(command: &CampaignCommand) -> Result<ExitCode> {
    match command {
        CampaignCommand::List { remote, format } => list(remote, *format),
        CampaignCommand::Show {
            campaign,
            in_force,
            remote,
            format,
        } => show(campaign, *in_force, (remote, *format)),
        CampaignCommand::Check {
            file,
            strict,
            remote,
            format,
        } => check(file, *strict, (remote, *format)),
        CampaignCommand::Save {
            file,
            revision,
            remote,
        } => save(file, *revision, remote),
        CampaignCommand::Submit(one) => {
            act(one, "submit", &Value::Null)?;
            exit::print(&format!(
                "{} waits for somebody with another token: `regard campaign approve {}`",
                one.campaign, one.campaign
            ))
        }
        CampaignCommand::Approve(one) => {
            act(one, "approve", &Value::Null)?;
            exit::print(&format!("{} is in force", one.campaign))
        }
        CampaignCommand::Reject { note, one } => {
            act(one, "reject", &json!({ "note": note }))?;
            exit::print(&format!("the draft of {} was sent back", one.campaign))
        }
        CampaignCommand::Discard(one) => {
            let path = format!("/v1/drafts/{}", one.campaign);
            let nothing = ("", Vec::new());
            Remote::new(&one.remote)?.ask(Asker::Site, ("DELETE", &path), nothing)?;
            exit::print(&format!("the draft of {} is gone", one.campaign))
        }
        CampaignCommand::Versions { draft, one, format } => versions(one, *draft, *format),
        CampaignCommand::Evidence { one, format } => evidence::print(one, *format),
        CampaignCommand::Preview {
            message,
            screen,
            slot,
            seconds,
            one,
        } => {
            let mut wish = json!({ "screen": screen, "creative": message, "seconds": seconds });
            let mut place = format!("on screen {screen}");
            if let Some(slot) = slot {
                wish["slot"] = slot.as_str().into();
                place = format!("in slot {slot} of screen {screen}");
            }
            act(one, "preview", &wish)?;
            exit::print(&format!(
                "{message} of {} is {place} for {seconds} s, marked as a preview; it is not counted",
                one.campaign
            ))
        }
    }
}

/// Does something with a draft.
fn act(one: &OneCampaign, what: &str, body: &Value) -> Result<Value> {
    let path = format!("/v1/drafts/{}/{what}", one.campaign);
    let remote = Remote::new(&one.remote)?;
    let request = ("POST", path.as_str());
    if body.is_null() {
        return remote.ask(Asker::Site, request, ("", Vec::new()));
    }
    remote.send(Asker::Site, request, body)
}

fn list(remote: &RemoteArgs, format: ListFormat) -> Result<ExitCode> {
    let found = Remote::new(remote)?.get("/v1/campaign-overview")?;
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&found)?,
        ListFormat::Text => {
            let lines = found.as_array().into_iter().flatten().map(line_of);
            let lines: Vec<String> = lines.collect();
            if lines.is_empty() {
                "no campaigns; `regard campaign save FILE` keeps a draft".to_owned()
            } else {
                lines.join("\n")
            }
        }
    };
    exit::print(&text)
}

fn words_of(value: &Value) -> String {
    value.as_str().unwrap_or("not in force").replace('_', " ")
}

fn line_of(campaign: &Value) -> String {
    let text = |name: &str| campaign[name].as_str().unwrap_or_default();
    let mut line = format!(
        "{}  {}  {} plays, {} today  {}",
        text("id"),
        words_of(&campaign["standing"]),
        campaign["n_plays"],
        campaign["n_plays_today"],
        text("name")
    );
    // Writing to a string cannot fail.
    for (message, guardrail) in campaign["stopped"].as_object().into_iter().flatten() {
        let by = guardrail.as_str().unwrap_or_default();
        let _ = write!(line, "\n  {message} stopped by guardrail {by}");
    }
    let draft = &campaign["draft"];
    if draft.is_object() {
        let by = draft["submitted_by"]
            .as_str()
            .or(draft["edited_by"].as_str());
        let standing = match draft["standing"].as_str() {
            Some("waiting") => "waiting for approval".to_owned(),
            _ => words_of(&draft["standing"]),
        };
        let _ = write!(
            line,
            "\n  draft {}: {standing}, by {}",
            draft["revision"],
            by.unwrap_or_default()
        );
        if let Some(note) = draft["note"].as_str() {
            let _ = write!(line, ": {note}");
        }
    }
    line
}

fn show(
    id: &CampaignId,
    in_force: bool,
    (remote, format): (&RemoteArgs, ListFormat),
) -> Result<ExitCode> {
    let remote = Remote::new(remote)?;
    let draft = if in_force {
        None
    } else {
        draft_of(&remote, id)?
    };
    let found = match draft {
        Some(mut draft) => draft["campaign"].take(),
        None => remote.get(&format!("/v1/campaigns/{id}"))?,
    };
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&found)?,
        ListFormat::Text => {
            let campaign: Campaign = serde_json::from_value(found)
                .context("the installation answered with another form of campaign")?;
            let file = CampaignFile {
                campaigns: vec![campaign],
            };
            toml::to_string(&file)?.trim_end().to_owned()
        }
    };
    exit::print(&text)
}

/// The draft of a campaign, if there is one.
fn draft_of(remote: &Remote, id: &CampaignId) -> Result<Option<Value>> {
    match remote.get(&format!("/v1/drafts/{id}")) {
        Ok(draft) => Ok(Some(draft)),
        Err(error) if is_refused(&error, "unknown_draft") => Ok(None),
        Err(error) => Err(error),
    }
}

fn check(
    file: &Path,
    strict: bool,
    (remote, format): (&RemoteArgs, ListFormat),
) -> Result<ExitCode> {
    let remote = Remote::new(remote)?;
    let (mut all, mut text) = (Vec::new(), String::new());
    let (mut n_mistakes, mut n_found) = (0, 0);
    for campaign in campaigns_in(file)? {
        let body = serde_json::to_value(&campaign)?;
        let said = remote.send(Asker::Site, ("POST", "/v1/campaigns/check"), &body)?;
        let of = |name: &str| said[name].as_array().map_or(&[][..], Vec::as_slice);
        n_mistakes += of("mistakes").len();
        n_found += of("mistakes").len() + of("findings").len() + of("remarks").len();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}", campaign.id, campaign.name);
        let field = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        for one in of("mistakes") {
            let [path, expected, found, remedy] =
                ["path", "expected", "found", "suggestion"].map(|name| field(one, name));
            let path = path.trim_start_matches("campaign[0].");
            let kind = one["kind"].as_str().filter(|kind| *kind != "invalid");
            let kind = kind.map_or(String::new(), |kind| format!("{kind}: "));
            let _ = writeln!(
                text,
                "  mistake: {kind}{path}: expected {expected}, found {found}; {remedy}"
            );
        }
        for one in of("findings") {
            let [path, words, code, advice] =
                ["path", "words", "code", "advice"].map(|name| field(one, name));
            let _ = writeln!(text, "  {path}: \"{words}\" ({code}): {advice}");
        }
        for one in of("remarks") {
            let [path, check, advice] = ["path", "check", "advice"].map(|name| field(one, name));
            let _ = writeln!(text, "  {path}: {check}: {advice}");
        }
        if ["mistakes", "findings", "remarks"]
            .iter()
            .all(|name| of(name).is_empty())
        {
            text.push_str("  nothing to look at\n");
        }
        all.push(json!({ "campaign": campaign.id, "said": said }));
    }
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&all)?,
        ListFormat::Text => text.trim_end().to_owned(),
    };
    let printed = exit::print(&text)?;
    let is_bad = n_mistakes > 0 || (strict && n_found > 0);
    Ok(if is_bad {
        ExitCode::from(exit::SOME_BAD)
    } else {
        printed
    })
}

fn save(file: &Path, revision: Option<u32>, remote: &RemoteArgs) -> Result<ExitCode> {
    let campaigns = campaigns_in(file)?;
    ensure!(
        revision.is_none() || campaigns.len() == 1,
        "--revision is for a file with one campaign; this one has {}",
        campaigns.len()
    );
    let remote = Remote::new(remote)?;
    let mut lines = Vec::with_capacity(campaigns.len());
    for campaign in &campaigns {
        let kept = keep(&remote, campaign, revision)?;
        lines.push(format!("draft {} of {}", kept["revision"], campaign.id));
    }
    exit::print(&lines.join("\n"))
}

fn keep(remote: &Remote, campaign: &Campaign, revision: Option<u32>) -> Result<Value> {
    let path = format!("/v1/drafts/{}", campaign.id);
    let body = serde_json::to_value(campaign)?;
    let revision = revision.map(|revision| format!("\"{revision}\""));
    remote.send_if_match(("PUT", &path), &body, revision.as_deref())
}

fn versions(one: &OneCampaign, draft: Option<u32>, format: ListFormat) -> Result<ExitCode> {
    let id = &one.campaign;
    let remote = Remote::new(&one.remote)?;
    let found = remote.get(&format!("/v1/campaigns/{id}/versions"))?;
    let versions = found.as_array().cloned().unwrap_or_default();
    if let Some(number) = draft {
        let mut versions = versions.iter();
        let version = versions.find(|version| version["number"] == number);
        let version =
            version.with_context(|| format!("campaign {id} has no version {number} any more"))?;
        if version["campaign"].is_null() {
            bail!("version {number} of campaign {id} is its end");
        }
        let campaign: Campaign = serde_json::from_value(version["campaign"].clone())
            .context("the installation answered with another form of campaign")?;
        let kept = keep(&remote, &campaign, None)?;
        return exit::print(&format!(
            "version {number} of {id} is draft {}",
            kept["revision"]
        ));
    }
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&versions)?,
        ListFormat::Text if versions.is_empty() => format!("{id} was never in force"),
        ListFormat::Text => {
            let lines = versions.iter().map(|version| {
                let what = version["campaign"]["name"].as_str().unwrap_or("ended");
                let at = version["at_micros"].as_i64().unwrap_or_default();
                let at = UtcText::new(Timestamp::from_micros(at));
                let by = version["by"].as_str().unwrap_or_default();
                format!("{}  {at}  by {by}  {what}", version["number"])
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    exit::print(&text)
}
