//! `regard simulate`: made-up audiences walk past; what each policy loses while it learns.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use regard_decision::{Campaign, ContextSpec, Creative, PolicyConfig};
use regard_domain::{SlotId, Timestamp};
use regard_engine::{Layout, Simulated, SimulationConfig, Tastes, simulate};
use regard_evaluation::{RegretCurve, regret_svg};
use serde::Serialize;

use crate::args::{ListFormat, SimulateArgs};
use crate::config;
use crate::evaluate;
use crate::exit;
use crate::printable::shown;
use crate::speech::complain;
use crate::whole_file::write_whole;

/// Longest simulation, in days: it takes minutes a policy.
const MAX_DAYS: f64 = 400.0;

/// Policies that are compared where none is named.
const ALL: [&str; 8] = [
    "fixed order=\"round_robin\"",
    "rules",
    "epsilon",
    "thompson",
    "linucb",
    "lints",
    "squarecb",
    "bootstrapped",
];

/// A Monday in November, 6 in the morning in UTC: any day does.
const BEGINS_AT_MILLIS: i64 = 1_826_863_200_000;

/// Six messages to try policies on.
const EXAMPLE: &str = include_str!("simulate/example.toml");

#[derive(Serialize)]
struct Row {
    policy: String,
    n_plays: usize,
    n_unseen_plays: u64,
    n_visitors: u64,
    n_rewards: u64,
    mean_reward: f64,
    regret: f64,
    regret_a_play: f64,
    regret_a_play_in_last_quarter: f64,
    n_plays_until_settled: Option<usize>,
    stopped: Vec<String>,
    /// Of campaigns whose policy begins beside a baseline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    apprentices: Vec<String>,
    times_real_time: f64,
    /// Regret after each hundredth of the plays.
    curve: Vec<f64>,
}

struct Scene {
    campaigns: Vec<Campaign>,
    default_message: Creative,
    context: ContextSpec,
    slots: Vec<SlotId>,
}

/// Runs the loop on made-up audiences, once for each policy.
pub(crate) fn run(args: &SimulateArgs) -> Result<ExitCode> {
    ensure!(
        args.days > 0.0 && args.days <= MAX_DAYS,
        "--days is above 0 and up to {MAX_DAYS}"
    );
    ensure!(
        args.visitors > 0.0 && args.visitors <= 10_000.0,
        "--visitors is above 0 and up to 10000 an hour"
    );
    let scene = scene(args)?;
    let names: Vec<String> = if args.policies.is_empty() {
        ALL.map(str::to_owned).into()
    } else {
        args.policies.clone()
    };
    let (mut rows, mut curves) = (Vec::new(), Vec::new());
    for name in names {
        let policy = evaluate::policy(&name)?;
        let began_at = Instant::now();
        let simulated = one(&scene, policy, args)?;
        let took = began_at.elapsed().as_secs_f64();
        rows.push(row(&name, &simulated, args.days * 86_400.0 / took));
        curves.push(RegretCurve {
            name,
            regret: simulated.regret(),
        });
    }
    if let Some(file) = &args.plot {
        write_whole(file, regret_svg(&curves)?)?;
    }
    match args.format {
        ListFormat::Json => exit::print(&serde_json::to_string_pretty(&rows)?),
        ListFormat::Text => exit::print(&in_words(&rows, args)),
    }
}

fn scene(args: &SimulateArgs) -> Result<Scene> {
    #[derive(serde::Deserialize)]
    struct File {
        campaign: Vec<Campaign>,
    }
    let Some(file) = &args.config else {
        let File { campaign } = toml::from_str(EXAMPLE).context("the built-in example")?;
        return Ok(Scene {
            campaigns: campaign,
            default_message: Creative::text("welcome".parse()?, "Welcome", ""),
            context: ContextSpec::default(),
            slots: Vec::new(),
        });
    };
    let site = match config::load(file) {
        Ok(site) => site,
        Err(mistakes) => {
            for mistake in &mistakes {
                complain(format_args!("{mistake}"));
            }
            bail!("{} has {} mistakes", shown(file), mistakes.len());
        }
    };
    let engine = site.engine_config(std::path::Path::new("unused"));
    let mut campaigns = engine.campaigns;
    let mut slots = Vec::new();
    if let Some(id) = &args.screen {
        let screen = engine.screens.iter().find(|one| one.screen == *id);
        let screen = screen.with_context(|| format!("{} has no screen {id}", shown(file)))?;
        slots.extend(screen.layout.iter().flat_map(Layout::slots).cloned());
        campaigns.retain(|c| c.screens.is_empty() || c.screens.contains(id));
    } else {
        campaigns.iter_mut().for_each(|c| c.slots.clear());
    }
    // The one screen there is.
    campaigns.iter_mut().for_each(|c| c.screens.clear());
    Ok(Scene {
        campaigns,
        default_message: engine.default_message,
        context: engine.context,
        slots,
    })
}

fn one(scene: &Scene, policy: PolicyConfig, args: &SimulateArgs) -> Result<Simulated> {
    let mut campaigns = scene.campaigns.clone();
    for campaign in &mut campaigns {
        campaign.policy = policy;
    }
    let config = SimulationConfig {
        campaigns,
        default_message: scene.default_message.clone(),
        context: scene.context.clone(),
        begins_at: Timestamp::from_millis(BEGINS_AT_MILLIS),
        lasts: Duration::from_secs_f64(args.days * 86_400.0),
        time_zone: "UTC".to_owned(),
        slots: scene.slots.clone(),
        tastes: Tastes {
            seed: args.seed,
            visitors_per_hour: args.visitors,
            annoying: args.annoying.clone(),
        },
        seed: args.seed,
    };
    Ok(simulate(&config)?)
}

fn row(name: &str, simulated: &Simulated, times_real_time: f64) -> Row {
    let regret = simulated.regret();
    let n = regret.len();
    let last = regret.last().copied().unwrap_or(0.0);
    let at = |i: usize| {
        if i == 0 {
            0.0
        } else {
            regret.get(i - 1).copied().unwrap_or(last)
        }
    };
    let quarter = n - n / 4;
    let late = (last - at(quarter)) / (n - quarter).max(1) as f64;
    // Settled: from here on no hundred plays lose more than a quarter more than the last quarter does.
    let bound = late.mul_add(1.25, 0.01) * 100.0;
    let is_over = |i: &usize| at((i + 100).min(n)) - at(*i) > bound;
    let settled = (0..n.saturating_sub(100)).rev().find(is_over);
    Row {
        policy: name.to_owned(),
        n_plays: n,
        n_unseen_plays: simulated.n_unseen,
        n_visitors: simulated.n_visitors,
        n_rewards: simulated.n_rewards,
        mean_reward: simulated.rewards / simulated.n_rewards.max(1) as f64,
        regret: last,
        regret_a_play: last / n.max(1) as f64,
        regret_a_play_in_last_quarter: late,
        n_plays_until_settled: settled.map_or(Some(0), |i| (i + 100 < quarter).then_some(i + 100)),
        stopped: simulated
            .stopped
            .iter()
            .map(|(campaign, creative, by)| format!("{campaign}/{creative} by {by}"))
            .collect(),
        apprentices: simulated
            .evidence
            .iter()
            .filter_map(|(campaign, report)| {
                let apprentice = report.apprentice.as_ref()?;
                let found = match apprentice.proven_after {
                    Some(n) => format!("sure to earn at least as much after {n} plays compared"),
                    None => format!("not proven in {} plays compared", apprentice.n_plays),
                };
                Some(format!("{campaign} {found}"))
            })
            .collect(),
        times_real_time,
        curve: (0..=100).map(|i| at(i * n / 100)).collect(),
    }
}

fn in_words(rows: &[Row], args: &SimulateArgs) -> String {
    let mut text = String::new();
    if let Some(row) = rows.first() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} days, {} visitors, about {} plays with somebody there\n",
            args.days, row.n_visitors, row.n_plays
        );
    }
    let _ = writeln!(
        text,
        "{:<28} {:>8} {:>8} {:>12} {:>14} {:>9} {:>10}",
        "policy", "reward", "regret", "a play", "last quarter", "settled", "× real time"
    );
    for row in rows {
        let settled = match row.n_plays_until_settled {
            Some(n) => n.to_string(),
            None => "not yet".to_owned(),
        };
        let _ = writeln!(
            text,
            "{:<28} {:>8.4} {:>8.1} {:>12.4} {:>14.4} {:>9} {:>10.0}",
            row.policy,
            row.mean_reward,
            row.regret,
            row.regret_a_play,
            row.regret_a_play_in_last_quarter,
            settled,
            row.times_real_time
        );
        for stopped in &row.stopped {
            let _ = writeln!(text, "  stopped: {stopped}");
        }
        for apprentice in &row.apprentices {
            let _ = writeln!(text, "  apprentice: {apprentice}");
        }
    }
    let best = rows.iter().min_by(|a, b| a.regret.total_cmp(&b.regret));
    if let Some(best) = best {
        let a_day = best.n_plays as f64 / args.days;
        let _ = write!(
            text,
            "\n{} loses least. {}",
            best.policy,
            match best.n_plays_until_settled {
                Some(n) => format!(
                    "It settles after {n} plays: {:.1} days here, {:.1} with half the visitors.",
                    n as f64 / a_day,
                    2.0 * n as f64 / a_day
                ),
                None => "It has not settled: run it for longer, with fewer messages, or on more screens.".to_owned(),
            }
        );
    }
    text
}
