//! What a decision may know: the audience as a whole, the hour, and facts about the world.

use std::{f64::consts::TAU, sync::Arc};

use regard_domain::{Audience, Expression};
use serde::{Deserialize, Serialize};

use crate::{FactValue, Facts, LocalTime};

/// Names of the features every context has, in order. All lie in `[0, 1]` but the two of the
/// hour, which lie in `[-1, 1]`.
pub const BASE_FEATURES: [&str; 13] = [
    // Always 1.
    "bias",
    // n / (n + 3): 0 for nobody, one half for three, 1 for a crowd.
    "n_visitors",
    // Share of the visitors that look; 0 when nobody is there.
    "looking_share",
    // Mean attention.
    "attention",
    // Mean probabilities of the expressions fit to drive a decision; all 0 while unmeasured.
    "happy",
    "neutral",
    "surprised",
    "angry",
    // s / (s + 10) for the longest dwell in seconds.
    "dwell",
    // Greatest face height over frame height.
    "nearness",
    // The hour as a point on a circle, so that midnight is near 23:00.
    "hour_sin",
    "hour_cos",
    // 1 on Saturday and Sunday.
    "weekend",
];

/// Visitors at which the count feature is one half: the size of a small group.
const HALF_VISITORS: f32 = 3.0;

/// Seconds at which the dwell feature is one half: one slot of a signage loop.
const HALF_DWELL_SECS: f32 = 10.0;

/// A numeric fact that policies may learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactFeature {
    /// Name of the fact.
    pub name: String,
    /// Value that becomes 0; values below too.
    pub min: f64,
    /// Value that becomes 1; values above too.
    pub max: f64,
}

impl FactFeature {
    fn scaled(&self, facts: &Facts) -> f32 {
        let number = facts.get(&self.name).and_then(FactValue::as_number);
        number.map_or(0.0, |n| {
            ((n - self.min) / (self.max - self.min)).clamp(0.0, 1.0) as f32
        })
    }
}

/// Which facts are features, after [`BASE_FEATURES`] and in this order. Names are shared between
/// the contexts made from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextSpec {
    facts: Vec<FactFeature>,
    names: Arc<[String]>,
}

impl Default for ContextSpec {
    fn default() -> Self {
        Self::unchecked(Vec::new())
    }
}

/// Most facts that may be features: the cost of `linucb` grows with the square of their number.
pub const MAX_FACT_FEATURES: usize = 32;

/// Why facts cannot be features.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadContextSpec {
    /// More than 32.
    #[error("at most {MAX_FACT_FEATURES} facts can be features, not {0}")]
    TooMany(usize),
    /// Not the name of a fact, reserved, or listed twice.
    #[error("{0:?} is not a fact name, is reserved, or is listed twice")]
    Name(String),
    /// The range is empty or not finite.
    #[error("the range of {0:?} is empty or not finite")]
    Range(String),
}

impl ContextSpec {
    /// Checks the facts and takes them.
    ///
    /// # Errors
    /// [`BadContextSpec`] says which fact cannot be a feature.
    pub fn new(facts: Vec<FactFeature>) -> Result<Self, BadContextSpec> {
        if facts.len() > MAX_FACT_FEATURES {
            return Err(BadContextSpec::TooMany(facts.len()));
        }
        for (i, fact) in facts.iter().enumerate() {
            let bad_name = !crate::facts::is_fact_name(&fact.name)
                || fact.name.starts_with(crate::facts::PERSON_PREFIX)
                || facts[..i].iter().any(|f| f.name == fact.name);
            if bad_name {
                return Err(BadContextSpec::Name(fact.name.clone()));
            }
            let span = fact.max - fact.min;
            if !(fact.min.is_finite() && fact.max.is_finite() && span.is_finite() && span > 0.0) {
                return Err(BadContextSpec::Range(fact.name.clone()));
            }
        }
        Ok(Self::unchecked(facts))
    }

    fn unchecked(facts: Vec<FactFeature>) -> Self {
        let base = BASE_FEATURES.iter().map(ToString::to_string);
        let of_facts = facts.iter().map(|f| format!("fact.{}", f.name));
        let names = base.chain(of_facts).collect();
        Self { facts, names }
    }

    /// Names of all features, in order.
    pub fn feature_names(&self) -> &[String] {
        &self.names
    }
}

/// What a decision may know.
///
/// # Privacy
/// Means over everyone in view and facts about the world. Nothing about one person gets in but by
/// [`Context::with_person`], which takes a `Grant<Personalization>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    audience: Audience,
    local: LocalTime,
    facts: Facts,
    names: Arc<[String]>,
    features: Vec<f32>,
    is_personal: bool,
}

impl Context {
    /// The context of an audience at a time of the site, with the facts as stated.
    pub fn from_audience(
        audience: &Audience,
        local: LocalTime,
        facts: &Facts,
        spec: &ContextSpec,
    ) -> Self {
        Self {
            audience: *audience,
            local,
            facts: facts.clone(),
            names: Arc::clone(&spec.names),
            features: features(audience, local, facts, spec),
            is_personal: false,
        }
    }

    /// The audience as a whole.
    pub const fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The time at the site.
    pub const fn local(&self) -> LocalTime {
        self.local
    }

    /// A fact, if it was stated.
    pub fn fact(&self, name: &str) -> Option<&FactValue> {
        self.facts.get(name)
    }

    /// The features, in the order of [`ContextSpec::feature_names`].
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// Names of the features.
    pub fn feature_names(&self) -> &[String] {
        &self.names
    }

    /// Features with their names, as they are logged.
    pub fn named_features(&self) -> Vec<(String, f32)> {
        let values = self.features.iter().copied();
        self.names.iter().cloned().zip(values).collect()
    }

    /// Whether wishes of a person who agreed to it are part of this context.
    pub const fn is_personal(&self) -> bool {
        self.is_personal
    }
}

fn features(audience: &Audience, local: LocalTime, facts: &Facts, spec: &ContextSpec) -> Vec<f32> {
    let n_visitors = audience.n_visitors as f32;
    let looking_share = audience.n_looking as f32 / n_visitors.max(1.0);
    let dwell_secs = audience.dwell_secs.max(0.0);
    let angle = f64::from(local.time.minutes()) / (24.0 * 60.0) * TAU;
    let mut values = Vec::with_capacity(spec.names.len());
    values.extend([
        1.0,
        n_visitors / (n_visitors + HALF_VISITORS),
        looking_share.min(1.0),
        audience.attention.clamp(0.0, 1.0),
        audience.expression_probability(Expression::Happy),
        audience.expression_probability(Expression::Neutral),
        audience.expression_probability(Expression::Surprised),
        audience.expression_probability(Expression::Angry),
        dwell_secs / (dwell_secs + HALF_DWELL_SECS),
        audience.nearness.clamp(0.0, 1.0),
        angle.sin() as f32,
        angle.cos() as f32,
        f32::from(u8::from(local.weekday().is_weekend())),
    ]);
    values.extend(spec.facts.iter().map(|fact| fact.scaled(facts)));
    // A reading that is not a number must not poison what is learned; 0 means unknown throughout.
    for value in &mut values {
        if !value.is_finite() {
            *value = 0.0;
        }
    }
    values
}
