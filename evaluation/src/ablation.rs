//! Whether what the camera sees helps to foretell rewards at all.

use regard_decision::{
    Action, FeatureSpace, LearnerConfig, Policy, PolicyConfig, PolicyState, UpdateError,
    is_camera_feature, is_expression_feature, new_policy_over, restore_policy_over,
};
use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;
use crate::sequence::{BettingSequence, BoundTest};

/// Part of the variance of rewards that is worth looking at faces for: the half of what a feature
/// explains that shifts a reward of one in two by a tenth.
const WORTH: f64 = 0.02;

/// How probably features may be switched off that are worth more.
const ERROR: f64 = 0.01;

/// What a model sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// Hour, weekday, facts, and the message.
    TimeAndPlace,
    /// The same, and of the camera all but what faces show.
    WithoutExpression,
    /// Everything.
    All,
}

impl Sight {
    const ALL: [Self; 3] = [Self::TimeAndPlace, Self::WithoutExpression, Self::All];

    fn sees(self, feature: &str) -> bool {
        match self {
            Self::TimeAndPlace => !is_camera_feature(feature),
            Self::WithoutExpression => !is_expression_feature(feature),
            Self::All => true,
        }
    }
}

/// Three models learn beside each other from every play and foretell its reward before they learn it:
/// from time and place, from these and the camera without expression, from everything. The
/// differences of their squared errors are followed by sequences that may be looked at any time.
///
/// It asks nothing of the policy that chose: rewards are foretold from what was known when the message was chosen, by whatever.
/// A play before which no face was measured says nothing about expression; there everything is all but expression.
#[derive(Debug)]
pub struct Ablation {
    names: Vec<String>,
    space: FeatureSpace,
    models: [Box<dyn Policy>; 3],
    record: Record,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    n: u64,
    /// Plays before which no face was measured, or what faces show was not to be seen.
    #[serde(default)]
    n_unseen: u64,
    /// Squared errors of the models, and of the mean so far.
    squares: [f64; 3],
    squares_of_mean: f64,
    rewards: f64,
    /// Gains in squared error, from −1 to 1 scaled to 0 to 1: by the camera, and by expression.
    camera: BettingSequence,
    expression: BettingSequence,
    /// Tests of the gains being worth looking for: what is worth it, less the gain.
    camera_worth: BoundTest,
    expression_worth: BoundTest,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    names: Vec<String>,
    action_names: Vec<String>,
    models: [PolicyState; 3],
    record: Record,
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AblationReport {
    /// Plays foretold.
    pub n_plays: u64,
    /// Those of them before which it was seen what faces show: what is said of expression is of these alone.
    pub n_with_expression: u64,
    /// Part of the variance of rewards that each model foretold, before it learned them: from time
    /// and place, without expression, from everything. Below 0: worse than the mean.
    pub explained: [f64; 3],
    /// Gain in squared error by the camera over time and place alone.
    pub camera_gain: f64,
    /// Where it lies.
    pub camera_interval: Interval,
    /// Gain by what faces show over all the rest.
    pub expression_gain: f64,
    /// Where it lies.
    pub expression_interval: Interval,
    /// Whether it is sure that the camera, or what faces show, adds nothing worth it.
    pub is_expression_idle: bool,
}

/// From −1 to `1 + WORTH` to 0 to 1.
fn scaled_loss(loss: f64) -> f64 {
    (1.0 + loss) / (2.0 + WORTH)
}

fn config() -> PolicyConfig {
    PolicyConfig::Epsilon(LearnerConfig::default())
}

fn masked(sight: Sight, names: &[String], features: &[f32]) -> Vec<f32> {
    let value = |(name, value): (&String, &f32)| if sight.sees(name) { *value } else { 0.0 };
    names.iter().zip(features).map(value).collect()
}

impl Ablation {
    /// Nothing seen yet, over contexts with these features and messages of this space.
    pub fn new(names: &[String], space: &FeatureSpace) -> Self {
        let worth = || BoundTest::new(scaled_loss(0.0), ERROR / 2.0);
        Self {
            names: names.to_vec(),
            space: space.clone(),
            models: Sight::ALL.map(|_| new_policy_over(config(), space)),
            record: Record {
                n: 0,
                n_unseen: 0,
                squares: [0.0; 3],
                squares_of_mean: 0.0,
                rewards: 0.0,
                camera: BettingSequence::new(ERROR),
                expression: BettingSequence::new(ERROR),
                camera_worth: worth(),
                expression_worth: worth(),
            },
        }
    }

    /// Whether it goes on over these features and messages; models match messages by name.
    pub fn adapt(&mut self, names: &[String], space: &FeatureSpace) {
        if self.names == names && self.space == *space {
            return;
        }
        let fresh = Self::new(names, space);
        let models = self.models.each_ref().map(|model| {
            let kept = restore_policy_over(config(), space, &model.state());
            kept.unwrap_or_else(|_| new_policy_over(config(), space))
        });
        let record = self.record.clone();
        *self = Self {
            models,
            record,
            ..fresh
        };
    }

    /// A play with this context and message earned this; foretold, then learned.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing was learned then.
    pub fn observe(
        &mut self,
        (creative, of_message): (&CreativeId, &[f32]),
        features: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError> {
        if features.len() != self.names.len() {
            return Err(UpdateError::Features {
                expected: self.names.len(),
                found: features.len(),
            });
        }
        let reward_before = (self.record.rewards + 0.5) / (self.record.n as f64 + 1.0);
        let truth = f64::from(reward);
        let mut errors = [0.0; 3];
        for ((sight, model), error) in Sight::ALL.iter().zip(&mut self.models).zip(&mut errors) {
            let seen = masked(*sight, &self.names, features);
            let action = Action::featured(creative, of_message);
            let foretold = model.predict(&seen, &[action]);
            let foretold = foretold.map_or(reward_before, |all| all[0].mean.clamp(0.0, 1.0));
            *error = (truth - foretold).powi(2);
            model.update_with((creative, of_message), &seen, reward)?;
        }
        let is_face = |(name, value): (&String, &f32)| is_expression_feature(name) && *value != 0.0;
        let is_seen = self.names.iter().zip(features).any(is_face);
        if !is_seen {
            errors[2] = errors[1];
        }
        let record = &mut self.record;
        record.n += 1;
        record.rewards += truth;
        record.squares_of_mean += (truth - reward_before).powi(2);
        for (sum, error) in record.squares.iter_mut().zip(errors) {
            *sum += error;
        }
        let [without, plain, all] = errors;
        let scaled = |gain: f64| (1.0 + gain) / 2.0;
        record.camera.observe(scaled(without - all));
        if !is_seen {
            record.n_unseen += 1;
            return Ok(());
        }
        record.expression.observe(scaled(plain - all));
        let worth = WORTH * (truth - reward_before).powi(2);
        record
            .camera_worth
            .observe(scaled_loss(worth - (without - all)));
        record
            .expression_worth
            .observe(scaled_loss(worth - (plain - all)));
        Ok(())
    }

    /// Whether it is sure that the camera, or what faces show, adds nothing worth it.
    pub const fn is_expression_idle(&self) -> bool {
        self.record.camera_worth.is_broken() || self.record.expression_worth.is_broken()
    }

    /// What is known now.
    pub fn report(&self) -> AblationReport {
        let record = &self.record;
        let n_with_expression = record.n - record.n_unseen;
        let gain = |without: usize, n: u64| {
            (record.squares[without] - record.squares[2]) / n.max(1) as f64
        };
        let interval = |sequence: &BettingSequence| {
            let Interval { low, high } = sequence.interval();
            Interval {
                low: 2.0 * low - 1.0,
                high: 2.0 * high - 1.0,
            }
        };
        let of_mean = record.squares_of_mean.max(f64::MIN_POSITIVE);
        AblationReport {
            n_plays: record.n,
            n_with_expression,
            explained: record.squares.map(|squares| {
                if record.n == 0 {
                    0.0
                } else {
                    1.0 - squares / of_mean
                }
            }),
            camera_gain: gain(0, record.n),
            camera_interval: interval(&record.camera),
            expression_gain: gain(1, n_with_expression),
            expression_interval: interval(&record.expression),
            is_expression_idle: self.is_expression_idle(),
        }
    }
}

impl Clone for Ablation {
    fn clone(&self) -> Self {
        let copy = |model: &dyn Policy| {
            let kept = restore_policy_over(config(), &self.space, &model.state());
            kept.unwrap_or_else(|_| new_policy_over(config(), &self.space))
        };
        Self {
            names: self.names.clone(),
            space: self.space.clone(),
            models: self.models.each_ref().map(|model| copy(&**model)),
            record: self.record.clone(),
        }
    }
}

impl PartialEq for Ablation {
    fn eq(&self, other: &Self) -> bool {
        let states = |one: &Self| one.models.each_ref().map(|model| model.state());
        self.names == other.names && self.record == other.record && states(self) == states(other)
    }
}

impl Serialize for Ablation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            names: self.names.clone(),
            action_names: self.space.action_names(),
            models: self.models.each_ref().map(|model| model.state()),
            record: self.record.clone(),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ablation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let space = FeatureSpace::new(&stored.names, stored.action_names);
        let mut models = Vec::with_capacity(3);
        for state in &stored.models {
            let model = restore_policy_over(config(), &space, state);
            models.push(model.map_err(serde::de::Error::custom)?);
        }
        let models = <[Box<dyn Policy>; 3]>::try_from(models);
        Ok(Self {
            models: models.map_err(|_| serde::de::Error::custom("not three models"))?,
            names: stored.names,
            space,
            record: stored.record,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Plays of one message whose reward follows the smile by so much; the seed is here.
    fn watched(by_smile: f64, n_plays: usize) -> Ablation {
        played(4, by_smile, true, n_plays)
    }

    /// The same for what feature it follows, with faces or with only those that are not measured.
    fn played(feature: usize, by_it: f64, has_faces: bool, n_plays: usize) -> Ablation {
        let names = [
            "bias",
            "hour_sin",
            "n_visitors",
            "attention",
            "happy",
            "neutral",
        ];
        let names: Vec<String> = names.map(str::to_owned).into();
        let space = FeatureSpace::of_context(&names);
        let mut ablation = Ablation::new(&names, &space);
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let message = CreativeId::new("m").expect("this text is an id");
        for _ in 0..n_plays {
            let mut features = vec![1.0];
            features.extend((1..names.len()).map(|_| rng.random::<f32>()));
            if !has_faces {
                features[4..].fill(0.0);
            }
            let chance = 0.5 + by_it * (f64::from(features[feature]) - 0.5);
            let reward = f32::from(u8::from(rng.random::<f64>() < chance));
            let observed = ablation.observe((&message, &[]), &features, reward);
            observed.expect("a play of this space");
            if ablation.is_expression_idle() {
                break;
            }
        }
        ablation
    }

    #[test]
    fn what_adds_nothing_is_switched_off_and_what_adds_something_is_not() {
        let report = watched(0.0, 40_000).report();
        assert!(report.is_expression_idle, "{report:?}");
        assert!(report.n_plays > 100, "not before it is sure: {report:?}");
        let report = watched(0.9, 10_000).report();
        assert!(!report.is_expression_idle, "{report:?}");
        assert!(report.expression_interval.low > 0.0, "{report:?}");
    }

    #[test]
    fn where_no_face_is_measured_the_rest_of_the_camera_is_asked_about_alone() {
        let report = played(3, 0.9, false, 4_000).report();
        assert_eq!((report.n_plays, report.n_with_expression), (4_000, 0));
        assert!(report.camera_interval.low > 0.0, "{report:?}");
        assert_eq!(report.expression_gain, 0.0);
        let asked = report.expression_interval;
        assert!(asked.low <= -1.0 && asked.high >= 1.0, "{report:?}");
        // Of a camera that tells nothing, too: faces that nobody saw are not found useless.
        let report = played(3, 0.0, false, 4_000).report();
        assert!(!report.is_expression_idle, "{report:?}");
        assert!(report.camera_interval.contains(0.0), "{report:?}");
    }

    #[test]
    fn what_an_earlier_version_stored_was_all_with_faces() {
        let ablation = watched(0.5, 50);
        let mut stored = serde_json::to_value(&ablation).expect("finite numbers print");
        let record = stored["record"].as_object_mut();
        let unseen = record.and_then(|record| record.remove("n_unseen"));
        assert_eq!(unseen, Some(0.into()));
        let again: Ablation = serde_json::from_value(stored).expect("what was written is read");
        assert_eq!(again.report(), ablation.report());
        assert_eq!(again.report().n_with_expression, 50);
    }

    #[test]
    fn what_was_known_is_known_after_it_was_stored() {
        let ablation = watched(0.5, 200);
        let text = serde_json::to_string(&ablation).expect("finite numbers print");
        let again: Ablation = serde_json::from_str(&text).expect("what was written is read");
        assert_eq!(again.report(), ablation.report());
    }
}
