//! Bodies as the clients of the service know them.

use std::collections::BTreeSet;

use regard_commitments::{DataKind, UtcText, VerifiedCommitments};
use regard_decision::{LearnerConfig, PolicyConfig};
use regard_domain::Timestamp;
use regard_engine::{
    LearningMode, PersonalizerSettings, RankWish, RankableAction, Ranked, RankedSlots, SlotWish,
    SlotsWish,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::features::flatten;

/// What a client may leave out it may also send as nothing.
type Maybe<T> = Option<T>;

#[derive(Deserialize)]
struct ActionBody {
    id: String,
    features: Maybe<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankRequest {
    context_features: Maybe<Vec<Value>>,
    actions: Vec<ActionBody>,
    excluded_actions: Maybe<Vec<String>>,
    event_id: Maybe<String>,
    defer_activation: Maybe<bool>,
}

fn actions(bodies: Vec<ActionBody>) -> Result<Vec<RankableAction>, String> {
    let action = |body: ActionBody| {
        Ok(RankableAction {
            features: flatten(&body.features.unwrap_or_default())?,
            id: body.id,
        })
    };
    bodies.into_iter().map(action).collect()
}

impl RankRequest {
    pub(super) fn wish(self) -> Result<RankWish, String> {
        Ok(RankWish {
            event: self.event_id,
            context: flatten(&self.context_features.unwrap_or_default())?,
            actions: actions(self.actions)?,
            excluded: self
                .excluded_actions
                .unwrap_or_default()
                .into_iter()
                .collect(),
            is_deferred: self.defer_activation.unwrap_or(false),
        })
    }
}

#[derive(Serialize)]
struct RankedAction {
    id: String,
    probability: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RankResponse {
    ranking: Vec<RankedAction>,
    event_id: String,
    reward_action_id: String,
}

impl From<Ranked> for RankResponse {
    fn from(ranked: Ranked) -> Self {
        let action = |(id, probability)| RankedAction { id, probability };
        Self {
            ranking: ranked.ranking.into_iter().map(action).collect(),
            event_id: ranked.event,
            reward_action_id: ranked.reward_action,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct RewardRequest {
    pub(super) value: f32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlotBody {
    id: String,
    features: Maybe<Vec<Value>>,
    excluded_actions: Maybe<Vec<String>>,
    baseline_action: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MultiSlotRankRequest {
    context_features: Maybe<Vec<Value>>,
    actions: Vec<ActionBody>,
    slots: Vec<SlotBody>,
    event_id: Maybe<String>,
    defer_activation: Maybe<bool>,
}

impl MultiSlotRankRequest {
    pub(super) fn wish(self) -> Result<SlotsWish, String> {
        let slot = |body: SlotBody| {
            Ok::<_, String>(SlotWish {
                id: body.id,
                features: flatten(&body.features.unwrap_or_default())?,
                excluded: BTreeSet::from_iter(body.excluded_actions.unwrap_or_default()),
                baseline: body.baseline_action,
            })
        };
        Ok(SlotsWish {
            event: self.event_id,
            context: flatten(&self.context_features.unwrap_or_default())?,
            actions: actions(self.actions)?,
            slots: self.slots.into_iter().map(slot).collect::<Result<_, _>>()?,
            is_deferred: self.defer_activation.unwrap_or(false),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SlotResponse {
    id: String,
    reward_action_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MultiSlotRankResponse {
    slots: Vec<SlotResponse>,
    event_id: String,
}

impl From<RankedSlots> for MultiSlotRankResponse {
    fn from(ranked: RankedSlots) -> Self {
        let slot = |(id, reward_action_id)| SlotResponse {
            id,
            reward_action_id,
        };
        Self {
            slots: ranked.slots.into_iter().map(slot).collect(),
            event_id: ranked.event,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SlotReward {
    pub(super) slot_id: String,
    pub(super) value: f32,
}

#[derive(Deserialize)]
pub(crate) struct MultiSlotReward {
    pub(super) reward: Vec<SlotReward>,
}

/// How the service is set, in its words. What is left out stays.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServiceConfiguration {
    reward_wait_time: Maybe<String>,
    default_reward: Maybe<f32>,
    reward_aggregation: Maybe<String>,
    exploration_percentage: Maybe<f32>,
    model_export_frequency: Maybe<String>,
    log_mirror_enabled: Maybe<bool>,
    log_mirror_sas_uri: Maybe<String>,
    log_retention_days: Maybe<i32>,
    last_configuration_edit_date: Maybe<String>,
    is_auto_optimization_enabled: Maybe<bool>,
    learning_mode: Maybe<String>,
}

/// Finer code and words of a setting that cannot be.
type BadSetting = (&'static str, String);

fn mode_name(mode: LearningMode) -> &'static str {
    match mode {
        LearningMode::Online => "Online",
        LearningMode::Apprentice => "Apprentice",
        LearningMode::LoggingOnly => "LoggingOnly",
    }
}

fn date(micros: i64) -> String {
    UtcText::new(Timestamp::from_micros(micros)).to_string()
}

impl ServiceConfiguration {
    pub(super) fn of(settings: &PersonalizerSettings, promised: &VerifiedCommitments) -> Self {
        let kept = promised.document().retention.get(&DataKind::Decision);
        let days = kept.map(|period| i32::try_from(period.hours() / 24).unwrap_or(i32::MAX));
        let explored = settings.policy.learner();
        let aggregation = if settings.sums_rewards {
            "sum"
        } else {
            "earliest"
        };
        Self {
            reward_wait_time: Some(duration_text(settings.reward_wait_secs)),
            default_reward: Some(settings.default_reward),
            reward_aggregation: Some(aggregation.to_owned()),
            exploration_percentage: explored.map(|(_, config)| config.exploration),
            // What is learned counts at once.
            model_export_frequency: Some("PT0S".to_owned()),
            log_mirror_enabled: Some(false),
            log_mirror_sas_uri: None,
            log_retention_days: days,
            last_configuration_edit_date: Some(date(settings.edited_at_micros)),
            is_auto_optimization_enabled: Some(false),
            learning_mode: Some(mode_name(settings.mode).to_owned()),
        }
    }

    /// The settings before with what is said here.
    pub(super) fn settings(
        self,
        before: &PersonalizerSettings,
    ) -> Result<PersonalizerSettings, BadSetting> {
        let bad = |why: &str| ("InvalidServiceConfiguration", why.to_owned());
        if self.log_mirror_enabled == Some(true) || self.is_auto_optimization_enabled == Some(true)
        {
            return Err(bad(
                "logs are mirrored nowhere, and nothing is optimized by itself",
            ));
        }
        let mut settings = before.clone();
        if let Some(text) = &self.reward_wait_time {
            let wait = duration_secs(text);
            settings.reward_wait_secs = wait.ok_or_else(|| {
                (
                    "InvalidRewardWaitTime",
                    format!("{text:?} is no duration such as PT10M"),
                )
            })?;
        }
        settings.default_reward = self.default_reward.unwrap_or(before.default_reward);
        match self.reward_aggregation.as_deref() {
            None => {}
            Some(text) if text.eq_ignore_ascii_case("earliest") => settings.sums_rewards = false,
            Some(text) if text.eq_ignore_ascii_case("sum") => settings.sums_rewards = true,
            Some(_) => return Err(bad("rewards are aggregated as earliest or sum")),
        }
        if let Some(exploration) = self.exploration_percentage {
            settings.policy = explored(settings.policy, exploration);
        }
        let mode = self.learning_mode.as_deref();
        let known = [
            LearningMode::Online,
            LearningMode::Apprentice,
            LearningMode::LoggingOnly,
        ];
        let named = |text: &str| {
            known
                .into_iter()
                .find(|m| mode_name(*m).eq_ignore_ascii_case(text))
        };
        if let Some(text) = mode {
            settings.mode = named(text)
                .ok_or_else(|| bad("the learning mode is Online, Apprentice or LoggingOnly"))?;
        }
        let changes_rewards = settings.reward_wait_secs != before.reward_wait_secs
            || settings.default_reward.to_bits() != before.default_reward.to_bits()
            || settings.sums_rewards != before.sums_rewards;
        if settings.mode != before.mode && changes_rewards {
            let why = "change the learning mode by itself, and the rewards after it";
            return Err(("InvalidLearningModeServiceConfiguration", why.to_owned()));
        }
        Ok(settings)
    }
}

fn explored(policy: PolicyConfig, exploration: f32) -> PolicyConfig {
    let with = |config: LearnerConfig| LearnerConfig {
        exploration,
        ..config
    };
    match policy {
        PolicyConfig::Epsilon(config) => PolicyConfig::Epsilon(with(config)),
        PolicyConfig::Lints(config) => PolicyConfig::Lints(with(config)),
        PolicyConfig::Squarecb(config) => PolicyConfig::Squarecb(with(config)),
        PolicyConfig::Bootstrapped(config) => PolicyConfig::Bootstrapped(with(config)),
        other @ (PolicyConfig::Fixed { .. }
        | PolicyConfig::Rules {}
        | PolicyConfig::Thompson { .. }
        | PolicyConfig::Linucb { .. }) => other,
    }
}

/// How it chooses, in VowpalWabbit's words.
#[derive(Serialize, Deserialize)]
pub(crate) struct PolicyContract {
    name: String,
    arguments: String,
}

/// Options about how a model learns, which have no effect here; each is followed by a value.
const LEARNING_OPTIONS: &[&str] = &[
    "--cb_type",
    "--interactions",
    "--quadratic",
    "--cubic",
    "-q",
    "-l",
    "--learning_rate",
    "--power_t",
    "--initial_t",
    "--l1",
    "--l2",
    "-b",
    "--bit_precision",
    "--decay_learning_rate",
    "--passes",
    "--random_seed",
    "--cover_min",
];

/// The same without a value.
const LEARNING_SWITCHES: &[&str] = &[
    "--dsjson",
    "--ignore_linear",
    "--coin",
    "--adaptive",
    "--invariant",
    "--normalized",
];

/// Longest name and longest arguments, as the service had it.
const MAX_NAME_LEN: usize = 256;
const MAX_ARGUMENTS_LEN: usize = 1_024;

impl PolicyContract {
    pub(super) fn of(settings: &PersonalizerSettings) -> Self {
        let explored = settings.policy.learner();
        let explored = explored.map_or(0.2, |(_, config)| config.exploration);
        let kind = match settings.policy {
            PolicyConfig::Squarecb(_) => " --squarecb",
            PolicyConfig::Bootstrapped(_) => " --bag 16",
            PolicyConfig::Lints(_) => " --lints",
            PolicyConfig::Epsilon(_)
            | PolicyConfig::Fixed { .. }
            | PolicyConfig::Rules {}
            | PolicyConfig::Thompson { .. }
            | PolicyConfig::Linucb { .. } => "",
        };
        Self {
            name: settings.policy_name.clone(),
            arguments: format!("--cb_explore_adf{kind} --epsilon {explored}"),
        }
    }

    /// The settings before with this policy.
    pub(super) fn settings(
        self,
        before: &PersonalizerSettings,
    ) -> Result<PersonalizerSettings, String> {
        if self.name.len() > MAX_NAME_LEN || self.arguments.len() > MAX_ARGUMENTS_LEN {
            return Err(format!(
                "a name has at most {MAX_NAME_LEN} bytes, arguments {MAX_ARGUMENTS_LEN}"
            ));
        }
        let fresh = LearnerConfig {
            exploration: 0.2,
            ..LearnerConfig::default()
        };
        let mut policy = PolicyConfig::Epsilon(fresh);
        let (mut exploration, mut explores) = (None, false);
        let spaced = self.arguments.replace('=', " ");
        let mut words = spaced.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "--cb_explore_adf" => explores = true,
                "--epsilon" => {
                    let value = words.next().and_then(|text| text.parse::<f32>().ok());
                    exploration = Some(value.ok_or("--epsilon is followed by a number")?);
                }
                "--squarecb" => policy = PolicyConfig::Squarecb(fresh),
                "--lints" => policy = PolicyConfig::Lints(fresh),
                "--bag" => {
                    words.next().ok_or("--bag is followed by a number")?;
                    policy = PolicyConfig::Bootstrapped(fresh);
                }
                "--gamma_scale" | "--gamma_exponent" => {
                    words.next();
                }
                option if LEARNING_OPTIONS.contains(&option) => {
                    words.next();
                }
                option if LEARNING_SWITCHES.contains(&option) => {}
                other => return Err(format!("{other:?} is no option that is known here")),
            }
        }
        if !explores {
            return Err("the arguments begin with --cb_explore_adf".to_owned());
        }
        Ok(PersonalizerSettings {
            policy: explored(policy, exploration.unwrap_or(0.2)),
            policy_name: self.name,
            ..before.clone()
        })
    }
}

/// Since when there is a model, and when it learned last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelProperties {
    creation_time: String,
    last_modified_time: String,
}

impl ModelProperties {
    pub(super) fn of(settings: &PersonalizerSettings, learned_at: Option<Timestamp>) -> Self {
        let edited = settings.edited_at_micros;
        Self {
            creation_time: date(edited),
            last_modified_time: date(learned_at.map_or(edited, Timestamp::as_micros)),
        }
    }
}

/// Seconds of an ISO 8601 duration of days, hours, minutes and whole seconds.
fn duration_secs(text: &str) -> Option<u32> {
    let (days, time) = text
        .strip_prefix('P')?
        .split_once('T')
        .unwrap_or((text.get(1..)?, ""));
    let mut total: u32 = 0;
    let mut n_parts = 0;
    for (part, units) in [
        (days, &[('D', 86_400)][..]),
        (time, &[('H', 3_600), ('M', 60), ('S', 1)][..]),
    ] {
        let mut digits = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let (_, secs) = units.iter().find(|(unit, _)| *unit == c)?;
            let n: u32 = std::mem::take(&mut digits).parse().ok()?;
            total = total.checked_add(n.checked_mul(*secs)?)?;
            n_parts += 1;
        }
        if !digits.is_empty() {
            return None;
        }
    }
    (n_parts > 0).then_some(total)
}

fn duration_text(secs: u32) -> String {
    if secs.is_multiple_of(3_600) {
        format!("PT{}H", secs / 3_600)
    } else if secs.is_multiple_of(60) {
        format!("PT{}M", secs / 60)
    } else {
        format!("PT{secs}S")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, secs) in [
            ("PT10M", 600),
            ("PT4H", 14_400),
            ("P1D", 86_400),
            ("PT1H30M", 5_400),
            ("PT90S", 90),
        ] {
            assert_eq!(duration_secs(text), Some(secs), "{text}");
            assert_eq!(duration_secs(&duration_text(secs)), Some(secs));
        }
        for bad in [
            "",
            "P",
            "PT",
            "10M",
            "PT10",
            "PTM",
            "PT99999999H",
            "PT-1M",
            "P1H",
        ] {
            assert_eq!(duration_secs(bad), None, "{bad}");
        }
    }

    fn put(body: &str) -> Result<PersonalizerSettings, BadSetting> {
        let wished: ServiceConfiguration = serde_json::from_str(body).unwrap();
        wished.settings(&PersonalizerSettings::default())
    }

    #[test]
    fn what_is_left_out_stays_and_modes_change_by_themselves() {
        let settings = put(
            r#"{"rewardWaitTime":"PT4H","rewardAggregation":"sum","explorationPercentage":0.1}"#,
        )
        .unwrap();
        assert_eq!(
            (settings.reward_wait_secs, settings.sums_rewards),
            (14_400, true)
        );
        assert_eq!(settings.policy.learner().unwrap().1.exploration, 0.1);
        assert_eq!(
            put(r#"{"learningMode":"Apprentice"}"#).unwrap().mode,
            LearningMode::Apprentice
        );
        let both = put(r#"{"learningMode":"Apprentice","defaultReward":0.5}"#).unwrap_err();
        assert_eq!(both.0, "InvalidLearningModeServiceConfiguration");
        assert_eq!(
            put(r#"{"logMirrorEnabled":true}"#).unwrap_err().0,
            "InvalidServiceConfiguration"
        );
        assert_eq!(
            put(r#"{"rewardWaitTime":"soon"}"#).unwrap_err().0,
            "InvalidRewardWaitTime"
        );
    }

    #[test]
    fn policies_speak_vowpal_wabbit() {
        let read = |arguments: &str| {
            let contract = PolicyContract {
                name: "mine".to_owned(),
                arguments: arguments.to_owned(),
            };
            contract.settings(&PersonalizerSettings::default())
        };
        let default = "--cb_explore_adf --epsilon 0.20000000298023224 --power_t 0 -l 0.001 --cb_type mtr -q ::";
        for (arguments, kind) in [
            (default, "epsilon"),
            ("--cb_explore_adf --squarecb --gamma_scale 500", "squarecb"),
            ("--cb_explore_adf --bag 5", "bootstrapped"),
            ("--cb_explore_adf --lints --epsilon=0.05", "lints"),
        ] {
            let settings = read(arguments).unwrap();
            assert_eq!(settings.policy.kind(), kind, "{arguments}");
            let written = PolicyContract::of(&settings);
            let again = written.settings(&PersonalizerSettings::default()).unwrap();
            assert_eq!(again.policy, settings.policy);
        }
        for bad in [
            "",
            "--epsilon 0.1",
            "--cb_explore_adf --exec rm",
            "--cb_explore_adf --epsilon x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
