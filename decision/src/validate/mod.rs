//! Finds every mistake in the campaigns at once.

use std::collections::BTreeSet;

use regard_domain::sensitive_in_name;

use crate::{
    ApprenticeEnd, Campaign, CampaignFault, Creative, FaultKind, LearnerConfig, PolicyConfig,
    RewardRule,
};

mod condition;
mod creative;
mod experiment;
mod slots;

pub use slots::{validate_placed, validate_slots};

/// Longest name, in bytes; fits one line of the console.
const MAX_NAME_LEN: usize = 200;

/// Most messages of a campaign: a decision looks at each.
const MAX_CREATIVES: usize = 200;

/// Least exploration: below it importance weights exceed what any log can average out.
const MIN_EXPLORATION: f32 = 0.001;

/// Least count of a prior; below it the density is infinite at the ends.
const MIN_PRIOR: f32 = 0.5;

/// Greatest count of a prior; past it a campaign would not learn within months.
const MAX_PRIOR: f32 = 100_000.0;

/// Longest reward window: the day during which decisions are surely still stored.
const MAX_WINDOW_SECS: u32 = 24 * 3600;

/// Collects mistakes.
#[derive(Default)]
struct Faults(Vec<CampaignFault>);

impl Faults {
    fn add(
        &mut self,
        path: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
        suggestion: impl Into<String>,
    ) {
        self.refuse(FaultKind::Invalid, path, (expected, found), suggestion);
    }

    fn refuse(
        &mut self,
        kind: FaultKind,
        path: impl Into<String>,
        (expected, found): (impl Into<String>, impl ToString),
        suggestion: impl Into<String>,
    ) {
        self.0.push(CampaignFault {
            path: path.into(),
            kind,
            expected: expected.into(),
            found: found.to_string(),
            suggestion: suggestion.into(),
        });
    }

    /// A finite number in a range.
    fn number(&mut self, path: &str, value: f32, (min, max): (f32, f32), suggestion: &str) {
        if !(min..=max).contains(&value) {
            let expected = if max == f32::MAX {
                format!("a number from {min}")
            } else {
                format!("a number from {min} to {max}")
            };
            self.add(path, expected, value, suggestion);
        }
    }

    fn name(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() {
            self.add(path, "some text", "nothing", "give it a name");
        } else if text.len() > MAX_NAME_LEN {
            let found = format!("{} bytes", text.len());
            self.add(
                path,
                format!("up to {MAX_NAME_LEN} bytes"),
                found,
                "shorten it",
            );
        }
    }
}

/// All mistakes of all campaigns and of the default message (path `default_message`), in order.
/// Besides impossible values these are refusals: rules aimed at distress and flashes
/// (`vulnerability_targeting`), rules about what is sensitive (`sensitive_inference`), and messages with a significant effect (`significant_effect`).
pub fn validate(campaigns: &[Campaign], default_message: &Creative) -> Vec<CampaignFault> {
    let mut faults = Faults::default();
    let mut ids = BTreeSet::new();
    for (i, campaign) in campaigns.iter().enumerate() {
        let path = format!("campaign[{i}]");
        if !ids.insert(&campaign.id) {
            let path = format!("{path}.id");
            faults.add(
                path,
                "an id of its own",
                &campaign.id,
                "rename one of the two",
            );
        }
        check_campaign(&mut faults, &path, campaign);
    }
    let path = "default_message";
    creative::check(&mut faults, path, default_message);
    if !default_message.when.is_empty() {
        let path = format!("{path}.when");
        faults.add(
            path,
            "no condition",
            "one",
            "it is shown when nothing else is: remove `when`",
        );
    }
    if default_message.caps != crate::FrequencyCap::default() {
        let path = format!("{path}.caps");
        faults.add(
            path,
            "no caps",
            "some",
            "it is shown when nothing else is: remove `caps`",
        );
    }
    faults.0
}

/// Least weight: smaller ones lose their precision beside 1.
const MIN_WEIGHT: f32 = 0.001;

/// Greatest weight, for the same reason.
const MAX_WEIGHT: f32 = 1_000_000.0;

const WEIGHT_RANGE: (f32, f32) = (MIN_WEIGHT, MAX_WEIGHT);

fn check_campaign(faults: &mut Faults, path: &str, campaign: &Campaign) {
    faults.name(&format!("{path}.name"), &campaign.name);
    faults.number(
        &format!("{path}.weight"),
        campaign.weight,
        WEIGHT_RANGE,
        "1 is usual; to stop a campaign set enabled = false",
    );
    check_said(faults, path, campaign);
    check_schedule(faults, path, campaign);
    check_budget(faults, path, campaign);
    check_names(faults, path, campaign);
    check_policy(faults, path, campaign.policy);
    experiment::check(faults, path, campaign);
    experiment::check_window(faults, path, campaign);
    check_reward(faults, path, &campaign.reward);
    check_creatives(faults, path, campaign);
}

/// What is said to people about the campaign.
fn check_said(faults: &mut Faults, path: &str, campaign: &Campaign) {
    if campaign.viewer_benefit.len() > MAX_NAME_LEN {
        let found = format!("{} bytes", campaign.viewer_benefit.len());
        let path = format!("{path}.viewer_benefit");
        faults.add(
            path,
            format!("up to {MAX_NAME_LEN} bytes"),
            found,
            "say it in one sentence",
        );
    }
    if campaign.is_personal() && campaign.human_contact.trim().is_empty() {
        faults.refuse(
            FaultKind::SignificantEffect,
            format!("{path}.human_contact"),
            (
                "a person to ask, where a message is chosen by somebody's own wishes",
                "nobody",
            ),
            "say who it is and how to reach them: it stands on the privacy page",
        );
    } else if campaign.human_contact.len() > MAX_NAME_LEN {
        let found = format!("{} bytes", campaign.human_contact.len());
        let expected = format!("up to {MAX_NAME_LEN} bytes");
        faults.add(
            format!("{path}.human_contact"),
            expected,
            found,
            "shorten it",
        );
    }
}

fn check_budget(faults: &mut Faults, path: &str, campaign: &Campaign) {
    let budgets = [
        ("max_plays_per_day", campaign.budget.max_plays_per_day),
        ("max_plays_total", campaign.budget.max_plays_total),
    ];
    for (name, _) in budgets.iter().filter(|(_, limit)| *limit == Some(0)) {
        let path = format!("{path}.budget.{name}");
        faults.add(
            path,
            "at least 1",
            0,
            "to stop a campaign set enabled = false",
        );
    }
    if campaign.budget.pacing == crate::Pacing::Even && campaign.budget.max_plays_per_day.is_none()
    {
        let suggestion = "say how many plays a day are to be spread";
        let path = format!("{path}.budget.max_plays_per_day");
        faults.add(path, "a number, for pacing = \"even\"", "none", suggestion);
    }
}

fn check_creatives(faults: &mut Faults, path: &str, campaign: &Campaign) {
    match campaign.creatives.len() {
        0 => {
            let path = format!("{path}.creative");
            faults.add(
                path,
                "at least one message",
                "none",
                "add [[campaign.creative]]",
            );
        }
        n if n > MAX_CREATIVES => {
            let path = format!("{path}.creative");
            faults.add(
                path,
                format!("up to {MAX_CREATIVES} messages"),
                n,
                "split the campaign",
            );
        }
        _ => {}
    }
    let mut ids = BTreeSet::new();
    for (i, creative) in campaign.creatives.iter().enumerate() {
        let path = format!("{path}.creative[{i}]");
        if !ids.insert(&creative.id) {
            let path = format!("{path}.id");
            faults.add(
                path,
                "an id of its own",
                &creative.id,
                "rename one of the two",
            );
        }
        creative::check(faults, &path, creative);
    }
}

/// The campaign of the log that the ranking service has.
const RANKING: &str = "personalizer";

/// Names by which nothing may be called: what is measured and told apart by them could be a decision about somebody.
fn check_names(faults: &mut Faults, path: &str, campaign: &Campaign) {
    if campaign.id.as_str() == RANKING {
        let expected = format!("another id than {RANKING:?}, which is that of the ranking service");
        faults.add(format!("{path}.id"), expected, &campaign.id, "rename it");
    }
    let mut name = |path: String, name: &str| {
        if crate::names_a_significant_effect(name) {
            faults.refuse(
                FaultKind::SignificantEffect,
                path,
                (
                    "a name of what a message does to a screen, not to somebody",
                    name,
                ),
                "nothing here may change anybody's price, credit, work, insurance or access",
            );
        }
    };
    for (i, term) in campaign.reward.terms.iter().enumerate() {
        if let crate::OutcomeKind::Custom(kind) = &term.kind {
            name(format!("{path}.reward.terms[{i}].kind"), kind);
        }
    }
    let experiment = campaign.experiment.iter();
    for (i, segment) in experiment.flat_map(|e| &e.segments).enumerate() {
        name(
            format!("{path}.experiment.segment[{i}].name"),
            &segment.name,
        );
    }
    for (i, creative) in campaign.creatives.iter().enumerate() {
        for feature in creative.features.keys() {
            name(format!("{path}.creative[{i}].features"), feature);
        }
        for (j, test) in creative.when.facts.iter().enumerate() {
            name(
                format!("{path}.creative[{i}].when.facts[{j}].name"),
                &test.name,
            );
        }
    }
}

fn check_schedule(faults: &mut Faults, path: &str, campaign: &Campaign) {
    let schedule = &campaign.schedule;
    if let (Some(from), Some(to)) = (schedule.from, schedule.to)
        && from > to
    {
        let path = format!("{path}.schedule.to");
        faults.add(
            path,
            format!("{from} or later"),
            to,
            "exchange `from` and `to`",
        );
    }
    for (i, part) in schedule.dayparts.iter().enumerate() {
        let path = format!("{path}.schedule.dayparts[{i}]");
        if part.start == part.end {
            let suggestion = "for the whole day remove the daypart";
            faults.add(
                format!("{path}.end"),
                "another time than the start",
                part.end,
                suggestion,
            );
        }
        if part.start == crate::TimeOfDay::END_OF_DAY {
            let path = format!("{path}.start");
            faults.add(
                path,
                "a time from 00:00 to 23:59",
                part.start,
                "write 00:00",
            );
        }
    }
}

fn check_policy(faults: &mut Faults, path: &str, policy: PolicyConfig) {
    let path = format!("{path}.policy");
    let explored = |faults: &mut Faults, exploration| {
        let range = (MIN_EXPLORATION, 1.0);
        faults.number(
            &format!("{path}.exploration"),
            exploration,
            range,
            "0.05 is usual",
        );
    };
    match policy {
        PolicyConfig::Fixed { .. } | PolicyConfig::Rules {} => {}
        PolicyConfig::Thompson {
            exploration,
            prior_success,
            prior_failure,
        } => {
            explored(faults, exploration);
            for (name, value) in [("success", prior_success), ("failure", prior_failure)] {
                let range = (MIN_PRIOR, MAX_PRIOR);
                faults.number(&format!("{path}.prior_{name}"), value, range, "1 is usual");
            }
        }
        PolicyConfig::Linucb {
            exploration,
            alpha,
            ridge,
        } => {
            explored(faults, exploration);
            // Rewards lie in [0, 1]: a bound a hundred times as wide never learns.
            faults.number(
                &format!("{path}.alpha"),
                alpha,
                (0.0, 100.0),
                "0.5 is usual",
            );
            // A ridge near 0 makes the first inverse overflow; a huge one never learns.
            faults.number(&format!("{path}.ridge"), ridge, (1e-3, 1e6), "1 is usual");
        }
        PolicyConfig::Epsilon(config)
        | PolicyConfig::Lints(config)
        | PolicyConfig::Squarecb(config)
        | PolicyConfig::Bootstrapped(config) => {
            explored(faults, config.exploration);
            check_learner(faults, &path, &policy, config);
        }
    }
}

/// Longest half-life and apprenticeship, in plays: a screen for years.
const MAX_PLAYS: f32 = 1e8;

fn check_learner(faults: &mut Faults, path: &str, policy: &PolicyConfig, config: LearnerConfig) {
    let ridge = format!("{path}.ridge");
    faults.number(&ridge, config.ridge, (1e-3, 1e6), "1 is usual");
    if let Some(half_life) = config.half_life_plays {
        // What fades faster than within ten plays is never learned.
        let path = format!("{path}.half_life_plays");
        let suggestion = "leave it out where tastes do not change";
        faults.number(&path, half_life, (10.0, MAX_PLAYS), suggestion);
    }
    let apprentice = config.apprentice_plays as f32;
    let apprentice_path = format!("{path}.apprentice_plays");
    faults.number(
        &apprentice_path,
        apprentice,
        (0.0, MAX_PLAYS),
        "200 is usual",
    );
    let margin = config.apprentice_margin;
    let margin_path = format!("{path}.apprentice_margin");
    faults.number(
        &margin_path,
        margin,
        (0.0, 0.5),
        "0: not less than the baseline",
    );
    if margin > 0.0 && config.apprentice_ends != ApprenticeEnd::Proven {
        faults.add(
            margin_path,
            "nothing: it belongs to `apprentice_ends = \"proven\"`",
            margin,
            "remove it",
        );
    }
    let of_one_kind = [
        ("width", "lints", config.width, 0.5),
        ("sharpness", "squarecb", config.sharpness, 10.0),
    ];
    for (name, kind, value, usual) in of_one_kind {
        let path = format!("{path}.{name}");
        match value {
            Some(value) if policy.kind() == kind => {
                let suggestion = format!("{usual} is usual");
                faults.number(&path, value, (1e-3, 1e4), &suggestion);
            }
            Some(value) => {
                let expected = format!("nothing: it belongs to {kind}");
                faults.add(path, expected, value, "remove it");
            }
            None => {}
        }
    }
}

fn check_reward(faults: &mut Faults, path: &str, rule: &RewardRule) {
    let path = format!("{path}.reward");
    if rule.terms.is_empty() {
        let path = format!("{path}.terms");
        faults.add(
            path,
            "at least one term",
            "none",
            "remove `terms` to count attention seconds",
        );
    }
    let mut kinds = BTreeSet::new();
    for (i, term) in rule.terms.iter().enumerate() {
        let path = format!("{path}.terms[{i}]");
        if !kinds.insert(&term.kind) {
            let path = format!("{path}.kind");
            faults.add(
                path,
                "each kind once",
                &term.kind,
                "add the weights up in one term",
            );
        }
        if let crate::OutcomeKind::Custom(name) = &term.kind
            && let Some(category) = sensitive_in_name(name)
        {
            faults.refuse(
                FaultKind::SensitiveInference,
                format!("{path}.kind"),
                ("an outcome that tells nothing about anybody", &term.kind),
                format!("nothing may learn from anybody's {category}; if it is something else, give it another name"),
            );
        }
        if term.kind.is_harm() {
            faults.refuse(
                FaultKind::VulnerabilityTargeting,
                format!("{path}.kind"),
                ("what does people good", &term.kind),
                "what annoys is never a success; guard against it with [[campaign.guardrail]]",
            );
        }
        faults.number(
            &format!("{path}.weight"),
            term.weight,
            WEIGHT_RANGE,
            "1 is usual",
        );
        if let Some(value) = term.saturates_at {
            let path = format!("{path}.saturates_at");
            faults.number(
                &path,
                value,
                (1e-6, f32::MAX),
                "the value that earns full marks",
            );
        }
    }
    if !(1..=MAX_WINDOW_SECS).contains(&rule.window_secs) {
        let expected = format!("1 to {MAX_WINDOW_SECS} seconds");
        faults.add(
            format!("{path}.window_secs"),
            expected,
            rule.window_secs,
            "600 is usual",
        );
    }
}

#[cfg(test)]
mod tests;
