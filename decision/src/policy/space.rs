//! What a model sees of an audience and of a message.

use std::collections::BTreeSet;

use regard_domain::CreativeId;

use crate::Creative;

/// Most weights of a model that messages share: its covariance then takes 2 MB, and a play teaches
/// it within a millisecond. What does not fit is hashed.
const MAX_SHARED_WEIGHTS: usize = 512;

/// Least places that names are hashed into.
const MIN_BINS: usize = 4;

/// How models tell messages apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelShape {
    /// `shared` where any message has features, else `own`.
    #[default]
    Auto,
    /// Each message has a model of its own, over the context alone.
    Own,
    /// One model for all, over the products of the features of message and context: what is learned of one
    /// message counts for others like it, also for new ones.
    Shared,
}

/// The features of messages and of contexts, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureSpace {
    pub(super) context: Vec<String>,
    pub(super) action: ActionNames,
}

/// What is known of messages besides who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ActionNames {
    /// By name, each in a place of its own.
    Explicit(Vec<String>),
    /// Hashed into so many places.
    Hashed(usize),
}

impl Default for ActionNames {
    fn default() -> Self {
        Self::Explicit(Vec::new())
    }
}

impl FeatureSpace {
    /// Contexts with these features, messages without any.
    pub fn of_context(context: &[String]) -> Self {
        Self {
            context: context.to_vec(),
            action: ActionNames::default(),
        }
    }

    /// Contexts and messages with these features; those of messages are hashed when a model of all
    /// products would have more than 512 weights.
    pub fn new(context: &[String], action: Vec<String>) -> Self {
        if let Some(bins) = hashed_bins(&action) {
            let action = ActionNames::Hashed(bins);
            let context = context.to_vec();
            return Self { context, action };
        }
        let n_context = context.len().max(1);
        let fits = (1 + action.len()) * n_context <= MAX_SHARED_WEIGHTS;
        let bins = (MAX_SHARED_WEIGHTS / n_context)
            .saturating_sub(1)
            .max(MIN_BINS);
        let action = if fits {
            ActionNames::Explicit(action)
        } else {
            ActionNames::Hashed(bins)
        };
        Self {
            context: context.to_vec(),
            action,
        }
    }

    /// The space of these messages. Where any has features, so has each its name, so that messages
    /// that look alike can still differ; where not, only names tell them apart.
    pub(crate) fn of_creatives(context: &[String], creatives: &[Creative]) -> Self {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for creative in creatives {
            names.extend(creative.features.keys().cloned());
        }
        if names.is_empty() {
            return Self::of_context(context);
        }
        names.extend(creatives.iter().map(|c| id_feature(&c.id)));
        Self::new(context, names.into_iter().collect())
    }

    /// The features of a message, as its model takes them.
    pub(crate) fn encode(&self, creative: &Creative) -> Vec<f32> {
        let own = id_feature(&creative.id);
        let of_id = (own.as_str(), 1.0);
        let features = creative.features.iter().map(|(n, v)| (n.as_str(), *v));
        self.place(features.chain([of_id]))
    }

    /// Named values in their places; names that have none are left out.
    pub fn place<'a>(&self, features: impl Iterator<Item = (&'a str, f32)>) -> Vec<f32> {
        match &self.action {
            ActionNames::Explicit(names) => {
                let mut values = vec![0.0; names.len()];
                for (name, value) in features {
                    if let Some(place) = names.iter().position(|n| n == name) {
                        values[place] += value;
                    }
                }
                values
            }
            ActionNames::Hashed(bins) => {
                let mut values = vec![0.0; *bins];
                for (name, value) in features {
                    let hash = fnv1a(name);
                    // One bit for the sign, so that what falls together cancels on average
                    // (Weinberger et al. 2009).
                    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
                    values[(hash % *bins as u64) as usize] += sign * value;
                }
                values
            }
        }
    }

    /// How many features a message has.
    pub(super) fn n_action(&self) -> usize {
        match &self.action {
            ActionNames::Explicit(names) => names.len(),
            ActionNames::Hashed(bins) => *bins,
        }
    }

    /// Names of the places of a message's features, as they are stored.
    pub fn action_names(&self) -> Vec<String> {
        match &self.action {
            ActionNames::Explicit(names) => names.clone(),
            ActionNames::Hashed(bins) => (0..*bins).map(|i| format!("#{i}/{bins}")).collect(),
        }
    }
}

/// The number of places, where names are those that [`FeatureSpace::action_names`] gives hashed ones.
fn hashed_bins(names: &[String]) -> Option<usize> {
    let (first, bins) = names.first()?.split_once('/')?;
    let bins: usize = bins.parse().ok()?;
    (first == "#0" && bins == names.len()).then_some(bins)
}

fn id_feature(id: &CreativeId) -> String {
    format!("id.{id}")
}

/// Fowler, Noll and Vo's hash 1a of 64 bits, finished as in MurmurHash3 so that each bit counts.
fn fnv1a(text: &str) -> u64 {
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}
