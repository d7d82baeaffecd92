//! What somebody took up before, and what that says of what else they may take up.

use std::collections::BTreeMap;

use regard_commitments::{Grant, Personalization};
use regard_domain::{CampaignId, CreativeId, ScreenId, Timestamp};

use super::Planner;
use crate::{Context, Creative, FactValue, Facts, PersonError, Prediction};

/// How the names of a person's facts begin that say how often they took a message up; its id follows.
pub const TOOK_PREFIX: &str = "took.";

/// Variance of what one person expects of a message around what the audience does: tastes differ by a fifth of the reward. Chosen, not
/// measured; about as far apart as those of the made-up visitors of the simulator.
const SPREAD: f64 = 0.04;

/// Variance of a reward of one in two, as the models of rewards begin with.
const NOISE: f64 = 0.25;

/// Times that one message was taken up which count; more say nothing new.
const MAX_TIMES: f64 = 20.0;

/// What a message is like, as a direction: its features and who it is, scaled to length 1.
#[derive(Clone)]
struct Direction(BTreeMap<String, f64>);

impl Direction {
    fn of(creative: &Creative) -> Self {
        let features = creative.features.iter();
        let mut parts: BTreeMap<String, f64> = features
            .map(|(name, value)| (name.clone(), f64::from(*value)))
            .collect();
        parts.insert(format!("id.{}", creative.id), 1.0);
        let length = parts.values().map(|v| v * v).sum::<f64>().sqrt();
        for value in parts.values_mut() {
            *value /= length;
        }
        Self(parts)
    }

    /// Cosine of the angle between two: 1 for the same message, 0 where they have nothing in common.
    fn likeness(&self, other: &Self) -> f64 {
        let common = self.0.iter();
        let common = common.filter_map(|(name, value)| Some(value * other.0.get(name)?));
        common.sum()
    }
}

/// What somebody took up before, as far as it says what else they may take up: a Gaussian process over what messages are
/// like, in which each time that a message was taken up counts as a play that earned all it could. What they were shown
/// and did not take up is not kept and not known, so that this orders messages; it foretells no rate.
///
/// # Privacy
/// Made of a person's own history under their `Grant<Personalization>`, by [`Planner::own_taste`] alone, for one answer; it is
/// neither stored nor printed, and no policy learns from it.
///
/// # Source
/// Rasmussen and Williams 2006, algorithm 2.1, with a linear kernel of length-1 features.
pub struct OwnTaste {
    taken: Vec<Direction>,
    /// Lower Cholesky factor of the covariance of what was seen, row by row.
    factor: Vec<f64>,
    /// The factor's inverse times ones.
    ones: Vec<f64>,
}

impl OwnTaste {
    /// Of messages and how often each was taken up.
    fn of(seen: Vec<(Direction, f64)>) -> Self {
        let n = seen.len();
        let mut factor = vec![0.0; n * n];
        for (i, (direction, times)) in seen.iter().enumerate() {
            for (j, (other, _)) in seen[..=i].iter().enumerate() {
                let noise = if i == j { NOISE / times } else { 0.0 };
                let known: f64 = (0..j).map(|k| factor[i * n + k] * factor[j * n + k]).sum();
                let rest = SPREAD.mul_add(direction.likeness(other), noise) - known;
                factor[i * n + j] = if i == j {
                    // The noise alone keeps it above 0.
                    rest.max(f64::MIN_POSITIVE).sqrt()
                } else {
                    rest / factor[j * n + j]
                };
            }
        }
        let ones = forward(&factor, &vec![1.0; n]);
        Self {
            taken: seen.into_iter().map(|(direction, _)| direction).collect(),
            factor,
            ones,
        }
    }

    /// Which part of what a message could still earn it is expected to earn more before this person, below 0 of what it earns less,
    /// −1 to 1; and the variance of what they expect of it.
    fn shift(&self, creative: &Creative) -> (f64, f64) {
        let direction = Direction::of(creative);
        let covariances: Vec<f64> = self
            .taken
            .iter()
            .map(|taken| SPREAD * taken.likeness(&direction))
            .collect();
        let reduced = forward(&self.factor, &covariances);
        let part: f64 = reduced.iter().zip(&self.ones).map(|(a, b)| a * b).sum();
        let known: f64 = reduced.iter().map(|v| v * v).sum();
        (part.clamp(-1.0, 1.0), (SPREAD - known).max(0.0))
    }
}

/// Solves a lower triangular system.
fn forward(factor: &[f64], right: &[f64]) -> Vec<f64> {
    let n = right.len();
    let mut solved: Vec<f64> = Vec::with_capacity(n);
    for (i, value) in right.iter().enumerate() {
        let row = &factor[i * n..=i * n + i];
        let known: f64 = solved.iter().zip(row).map(|(x, l)| x * l).sum();
        solved.push((value - known) / row[i]);
    }
    solved
}

impl Planner {
    /// What somebody took up of the messages in force: their facts `took.MESSAGE`. Messages that are no longer there say nothing.
    ///
    /// # Privacy
    /// Needs their `Grant<Personalization>`, and says nothing once it has ended.
    ///
    /// # Errors
    /// [`PersonError::Revoked`].
    pub fn own_taste(
        &self,
        history: &Facts,
        key: &Grant<Personalization>,
    ) -> Result<OwnTaste, PersonError> {
        if !key.is_live() {
            return Err(PersonError::Revoked);
        }
        Ok(OwnTaste::of(self.taken_of(history)))
    }

    fn taken_of(&self, history: &Facts) -> Vec<(Direction, f64)> {
        let taken = history.iter().filter_map(|(name, value)| {
            let id = name.strip_prefix(TOOK_PREFIX)?;
            let times = match value {
                FactValue::Number(times) if *times >= 1.0 => times.min(MAX_TIMES),
                FactValue::Number(_) | FactValue::Flag(_) | FactValue::Text(_) => return None,
            };
            let mut all = self.campaigns().flat_map(|c| &c.creatives);
            let creative = all.find(|creative| creative.id.as_str() == id)?;
            Some((Direction::of(creative), times))
        });
        taken.collect()
    }

    /// As [`Planner::predict`] for somebody whose own taste is known: what they took up makes it, and what is like it, more
    /// promising; what is not known of them makes every expectation less sure.
    pub fn predict_for(
        &self,
        taste: &OwnTaste,
        campaign: &CampaignId,
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
    ) -> Option<Vec<(CreativeId, Prediction)>> {
        let mut ranked = self.predict(campaign, screen, context, now)?;
        let messages = self.campaign(campaign)?;
        for (id, prediction) in &mut ranked {
            let Some(creative) = messages.creative(id) else {
                continue;
            };
            let (part, variance) = taste.shift(creative);
            // What is taken up earned all it could; the audience's expectation is where that begins from.
            let could = if part < 0.0 {
                prediction.mean
            } else {
                1.0 - prediction.mean
            };
            prediction.mean += could.clamp(0.0, 1.0) * part;
            prediction.deviation = prediction.deviation.hypot(variance.sqrt());
        }
        ranked.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean).then_with(|| a.0.cmp(&b.0)));
        Some(ranked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Campaign, ContextSpec};

    fn message(id: &str, features: &[(&str, f32)]) -> Creative {
        let mut creative = Creative::text(id.parse().unwrap(), id, "");
        let features = features.iter().map(|(name, v)| ((*name).to_owned(), *v));
        creative.features = features.collect();
        creative
    }

    fn planner() -> Planner {
        let mut campaign = Campaign::named("shelf".parse().unwrap());
        campaign.policy = serde_json::from_value(serde_json::json!({"kind": "lints"})).unwrap();
        campaign.creatives = vec![
            message("espresso", &[("coffee", 1.0)]),
            message("latte", &[("coffee", 1.0), ("milk", 0.5)]),
            message("salad", &[("green", 1.0)]),
        ];
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        Planner::new(vec![campaign], default, ContextSpec::default()).unwrap()
    }

    fn history(took: &[(&str, f64)]) -> Facts {
        let mut facts = Facts::new();
        for (name, times) in took {
            facts.set(name, FactValue::Number(*times)).unwrap();
        }
        facts
    }

    fn shifts(took: &[(&str, f64)]) -> [(f64, f64); 3] {
        let planner = planner();
        let taste = OwnTaste::of(planner.taken_of(&history(took)));
        let campaign = planner.campaigns().next().unwrap();
        [0, 1, 2].map(|i| taste.shift(&campaign.creatives[i]))
    }

    #[test]
    fn without_a_history_nothing_is_shifted() {
        let took = [("visits", 9.0), ("took.gone", 3.0), ("took.latte", 0.0)];
        for (part, variance) in shifts(&took) {
            assert_eq!((part, variance), (0.0, SPREAD));
        }
    }

    /// By hand: one message taken up `n` times is a mean of `n` plays.
    #[test]
    fn what_was_taken_up_counts_by_how_often_and_for_what_is_like_it() {
        let [espresso, latte, salad] = shifts(&[("took.espresso", 3.0)]);
        let expected = SPREAD / (SPREAD + NOISE / 3.0);
        assert!((espresso.0 - expected).abs() < 1e-12, "{espresso:?}");
        assert!((espresso.1 - SPREAD * (1.0 - expected)).abs() < 1e-12);
        // (coffee, id) against (coffee, milk, id): 1 / (√2 · √2.25).
        let likeness = 1.0 / (2.0_f64 * 2.25).sqrt();
        assert!((latte.0 - likeness * expected).abs() < 1e-6, "{latte:?}");
        assert_eq!((salad.0, salad.1), (0.0, SPREAD));
        assert!(shifts(&[("took.espresso", 9.0)])[0].0 > espresso.0);
        assert_eq!(
            shifts(&[("took.espresso", 1e9)]),
            shifts(&[("took.espresso", MAX_TIMES)])
        );
    }

    /// Against the two equations solved by hand.
    #[test]
    fn two_messages_are_weighed_together() {
        let [espresso, ..] = shifts(&[("took.espresso", 2.0), ("took.latte", 4.0)]);
        let like = SPREAD / (2.0_f64 * 2.25).sqrt();
        let (a, d) = (SPREAD + NOISE / 2.0, SPREAD + NOISE / 4.0);
        let determinant = a * d - like * like;
        let (first, second) = ((d - like) / determinant, (a - like) / determinant);
        let expected = SPREAD * first + like * second;
        assert!((espresso.0 - expected).abs() < 1e-6, "{espresso:?}");
    }

    #[test]
    fn a_history_orders_offers_and_leaves_the_policy_as_it_was() {
        let planner = planner();
        let screen = "window".parse().unwrap();
        let local = crate::LocalTime::new(2026, 11, 20, 9, 0).unwrap();
        let context = planner.context(&regard_domain::Audience::EMPTY, local);
        let now = Timestamp::from_millis(1_795_176_000_000);
        let id = "shelf".parse().unwrap();
        let before = planner.policy_state(&id);
        let plain = planner.predict(&id, &screen, &context, now).unwrap();
        let order = |ranked: &[(CreativeId, Prediction)]| -> Vec<String> {
            ranked.iter().map(|(id, _)| id.to_string()).collect()
        };
        assert_eq!(order(&plain), ["espresso", "latte", "salad"], "by name");
        let taste = OwnTaste::of(planner.taken_of(&history(&[("took.salad", 2.0)])));
        let own = planner.predict_for(&taste, &id, &screen, &context, now);
        let own = own.unwrap();
        assert_eq!(order(&own), ["salad", "espresso", "latte"]);
        assert!(own[0].1.mean > plain[0].1.mean && own[0].1.mean <= 1.0);
        // Less is known of a person than of the audience.
        assert!(own[1].1.deviation > plain[0].1.deviation);
        assert_eq!(planner.policy_state(&id), before);
    }

    /// Everybody takes the espresso, and whoever takes it too: that earns no more than all it could.
    #[test]
    fn what_everybody_takes_is_expected_to_earn_no_more_than_a_reward() {
        let mut planner = planner();
        let id: CampaignId = "shelf".parse().unwrap();
        let local = crate::LocalTime::new(2026, 11, 20, 9, 0).unwrap();
        let context = planner.context(&regard_domain::Audience::EMPTY, local);
        for (creative, reward) in [("espresso", 1.0), ("salad", 0.0)].repeat(200) {
            let update = crate::PolicyUpdate {
                decision: regard_domain::DecisionId::from_bits(1),
                campaign: id.clone(),
                creative: creative.parse().unwrap(),
                features: context.features().to_vec(),
                reward,
                is_held_out: false,
                propensity: 0.5,
                segments: Vec::new(),
                others: Vec::new(),
                apprentice_weight: None,
            };
            planner.apply(&update).unwrap();
        }
        let screen = "window".parse().unwrap();
        let now = Timestamp::from_millis(1_795_176_000_000);
        let plain = planner.predict(&id, &screen, &context, now).unwrap();
        let took = [("took.espresso", 20.0), ("took.salad", 20.0)];
        let taste = OwnTaste::of(planner.taken_of(&history(&took)));
        let own = planner.predict_for(&taste, &id, &screen, &context, now);
        for (creative, prediction) in own.unwrap() {
            let before = plain.iter().find(|(id, _)| *id == creative);
            let before = before.unwrap().1.mean;
            assert!(prediction.mean >= before, "{creative}: {prediction:?}");
            let most = before.max(1.0);
            assert!(prediction.mean <= most + 1e-9, "{creative}: {prediction:?}");
        }
    }
}
