//! `regard evaluate`: what another policy would have earned, from a log.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use regard_decision::{Decision, Outcome, OutcomeKind, PolicyConfig};
use regard_domain::{CampaignId, DecisionId, Timestamp};
use regard_evaluation::{
    Evaluation, Interval, Log, LogFormat, LoggedPlay, Offered, Settings, Target, estimates_svg,
    evaluate, to_dsjson,
};
use serde::Serialize;

use crate::args::{EvaluateArgs, ListFormat};
use crate::exit;
use crate::ledger;
use crate::printable::shown;
use crate::whole_file::write_whole;
use crate::work::block_on;

/// Largest log read, in bytes: a million plays of ten messages.
const MAX_LOG_BYTES: u64 = 2 << 30;

/// Name of the outcome that holds the reward a policy learned.
const LEARNED: &str = "reward";

/// Evaluates policies on a log and says how sure that is.
pub(crate) fn run(args: &EvaluateArgs) -> Result<ExitCode> {
    ensure!(
        args.confidence > 50.0 && args.confidence < 100.0,
        "--confidence is above 50 and below 100 percent"
    );
    let log = match (&args.log, &args.campaign) {
        (Some(file), _) => read(file)?,
        (None, Some(campaign)) => stored(&args.installation.data_dir(), campaign)?,
        (None, None) => bail!("name a log or a campaign"),
    };
    let settings = Settings {
        n_folds: usize::from(args.folds),
        error: 1.0 - args.confidence / 100.0,
        seed: args.seed,
    };
    let mut rows = Vec::new();
    for name in &args.policies {
        let target = target(name)?;
        let evaluation = evaluate(&log, &target, settings).with_context(|| name.clone())?;
        rows.push(Row {
            policy: name,
            evaluation,
        });
    }
    if let (Some(file), Some(row)) = (&args.plot, rows.last()) {
        write_whole(file, estimates_svg(&row.evaluation)?)?;
    }
    if let Some(file) = &args.dsjson {
        let log = if args.campaign.is_some() {
            in_tenths(&log)?
        } else {
            log
        };
        write_whole(file, to_dsjson(&log))?;
    }
    match args.format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(&rows)?),
        ListFormat::Text => exit::print(&in_words(&rows, args.confidence)),
    }
}

#[derive(Serialize)]
struct Row<'a> {
    policy: &'a str,
    #[serde(flatten)]
    evaluation: Evaluation,
}

fn read(file: &Path) -> Result<Log> {
    let bytes = fs::metadata(file).with_context(|| shown(file))?.len();
    ensure!(
        bytes <= MAX_LOG_BYTES,
        "{}: {bytes} bytes; logs of up to {MAX_LOG_BYTES} bytes are read: take a part of it",
        shown(file)
    );
    let text = fs::read_to_string(file).with_context(|| shown(file))?;
    LogFormat::guess(&text)
        .read(&text)
        .with_context(|| shown(file))
}

/// What an installation knows of a campaign: its decisions with the rewards that were learned.
fn stored(data: &Path, campaign: &CampaignId) -> Result<Log> {
    let (decisions, outcomes) = block_on(async {
        let reader = ledger::open(data).await?;
        let since = Timestamp::from_micros(0);
        let decisions = reader.decisions_since(since).await;
        let outcomes = reader.outcomes_since(since).await;
        reader.close().await;
        Ok((
            decisions.with_context(|| shown(data))?,
            outcomes.with_context(|| shown(data))?,
        ))
    })?;
    let plays = decisions
        .iter()
        .filter(|d| d.campaign.as_ref() == Some(campaign))
        .filter_map(|d| play(d, &outcomes));
    Log::new(plays.collect()).with_context(|| format!("campaign {campaign} in {}", shown(data)))
}

fn play(decision: &Decision, outcomes: &BTreeMap<DecisionId, Vec<Outcome>>) -> Option<LoggedPlay> {
    let learned = OutcomeKind::Custom(LEARNED.to_owned());
    let reward = outcomes
        .get(&decision.id)?
        .iter()
        .find(|o| o.kind == learned)?;
    let of_campaign = decision
        .candidates
        .iter()
        .filter(|c| c.campaign == decision.campaign);
    let candidates: Vec<_> = of_campaign.collect();
    let total: f64 = candidates.iter().map(|c| f64::from(c.propensity)).sum();
    let option = |propensity: f32| Some(f64::from(propensity) / total);
    let offered = candidates.iter().map(|c| Offered {
        id: c.creative.to_string(),
        propensity: option(c.propensity),
        features: BTreeMap::new(),
    });
    let chosen = candidates
        .iter()
        .position(|c| c.creative == decision.creative)?;
    // 1 throughout, which says nothing.
    let context = decision.features.iter().filter(|(name, _)| name != "bias");
    Some(LoggedPlay {
        event: decision.id.to_string(),
        context: context.cloned().collect(),
        options: offered.collect(),
        chosen,
        propensity: option(decision.propensity)?,
        reward: f64::from(reward.value),
    })
}

/// What leaves the installation row by row tells of its audience in tenths.
fn in_tenths(log: &Log) -> Result<Log> {
    let mut plays = log.plays().to_vec();
    for value in plays.iter_mut().flat_map(|play| play.context.values_mut()) {
        *value = (*value * 10.0).round() / 10.0;
    }
    Ok(Log::new(plays)?)
}

/// What is meant by the name of a policy.
fn target(text: &str) -> Result<Target> {
    Ok(match text.split_once(':') {
        Some(("always", message)) => Target::Always(message.to_owned()),
        _ => match text {
            "logged" => Target::Logged,
            "uniform" => Target::Uniform,
            _ => Target::Policy(policy(text)?),
        },
    })
}

/// A policy as in a campaign: its kind, then settings, such as `lints ridge=2`.
pub(crate) fn policy(text: &str) -> Result<PolicyConfig> {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let mut toml = format!("kind = {kind:?}\n");
    for word in words {
        toml += word;
        toml.push('\n');
    }
    toml::from_str(&toml).with_context(|| {
        format!("{text:?} is no policy; fixed, rules, epsilon, thompson, linucb, lints, squarecb, bootstrapped are, with settings as in a campaign")
    })
}

fn in_words(rows: &[Row<'_>], confidence: f64) -> String {
    let mut text = String::new();
    let interval = |interval: Option<Interval>| {
        interval.map_or_else(String::new, |i| format!("{:.4} to {:.4}", i.low, i.high))
    };
    for row in rows {
        let Evaluation {
            logged,
            estimates,
            diagnosis,
            ..
        } = &row.evaluation;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}: {} plays, which earned {logged:.4} each",
            row.policy, diagnosis.n_plays
        );
        let _ = writeln!(
            text,
            "  {:<10} {:>8}  {:<18} {:<18} {:<18}",
            "estimator", "value", "bootstrap", "Bernstein", "at any time"
        );
        for estimate in estimates {
            let line = format!(
                "  {:<10} {:>8.4}  {:<18} {:<18} {:<18}",
                estimate.estimator.name(),
                estimate.value,
                interval(estimate.bootstrap),
                interval(estimate.bernstein),
                interval(estimate.anytime)
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let _ = writeln!(
            text,
            "  {:.0} effective plays, weights up to {:.1}, mean {:.3}",
            diagnosis.effective_plays, diagnosis.max_weight, diagnosis.mean_weight
        );
        for warning in &diagnosis.warnings {
            let _ = writeln!(text, "  beware: {warning}");
        }
        text.push('\n');
    }
    let _ = write!(
        text,
        "Intervals of {confidence} %. Estimators without intervals lean on a model of rewards and may be off by more than chance."
    );
    text
}
