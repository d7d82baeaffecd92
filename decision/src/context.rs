//! What a decision may know: the audience as a whole, the hour, and facts about the world.

use std::{borrow::Cow, collections::BTreeSet, f64::consts::TAU, sync::Arc};

use regard_commitments::{Grant, Personalization};
use regard_domain::{Audience, Expression, SensitiveCategory, SlotId, sensitive_in_name};
use serde::{Deserialize, Serialize};

use crate::{BadFact, FactValue, Facts, LocalTime, facts::PERSON_PREFIX};

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

/// Which facts and slots are features, after [`BASE_FEATURES`] and in this order. Names are shared
/// between the contexts made from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextSpec {
    facts: Vec<FactFeature>,
    slots: BTreeSet<SlotId>,
    names: Arc<[String]>,
}

impl Default for ContextSpec {
    fn default() -> Self {
        Self::unchecked(Vec::new(), BTreeSet::new())
    }
}

/// Most facts that may be features: the cost of `linucb` grows with the square of their number.
pub const MAX_FACT_FEATURES: usize = 32;

/// Most names of slots that may be features, for the same reason. Screens that are parted alike share
/// theirs.
pub const MAX_SLOT_FEATURES: usize = 12;

/// What the features of slots begin with.
const SLOT_PREFIX: &str = "slot.";

/// Why facts or slots cannot be features.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadContextSpec {
    /// More than 32.
    #[error("at most {MAX_FACT_FEATURES} facts can be features, not {0}")]
    TooMany(usize),
    /// More than 12 names of slots.
    #[error(
        "slots can have at most {MAX_SLOT_FEATURES} different ids, all screens together, not {0}; \
         call slots that are alike the same on every screen"
    )]
    TooManySlots(usize),
    /// Not the name of a fact, reserved, or listed twice.
    #[error("{0:?} is not a fact name, is reserved, or is listed twice")]
    Name(String),
    /// It speaks of somebody's race, religion, health, orientation or politics.
    #[error(
        "sensitive_inference: {name:?} speaks of {category}, which nothing may be learned from"
    )]
    Sensitive {
        /// Its name.
        name: String,
        /// Which category.
        category: SensitiveCategory,
    },
    /// It speaks of somebody's distress, fatigue, age, disability or poverty: what a policy learns it aims at.
    #[error(
        "vulnerability_targeting: {0:?} speaks of a weakness, which no policy may learn to aim at"
    )]
    Weakness(String),
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
                || fact.name.starts_with(PERSON_PREFIX)
                || facts[..i].iter().any(|f| f.name == fact.name);
            if bad_name {
                return Err(BadContextSpec::Name(fact.name.clone()));
            }
            if let Some(category) = sensitive_in_name(&fact.name) {
                let name = fact.name.clone();
                return Err(BadContextSpec::Sensitive { name, category });
            }
            if crate::lint::names_a_weakness(&fact.name) {
                return Err(BadContextSpec::Weakness(fact.name.clone()));
            }
            let span = fact.max - fact.min;
            if !(fact.min.is_finite() && fact.max.is_finite() && span.is_finite() && span > 0.0) {
                return Err(BadContextSpec::Range(fact.name.clone()));
            }
        }
        Ok(Self::unchecked(facts, BTreeSet::new()))
    }

    /// With these slots as features, in place of any before: `slot.ID` is 1 in the slot of that id and 0
    /// elsewhere, so that policies can learn that one place is seen more than another.
    ///
    /// # Errors
    /// [`BadContextSpec::TooManySlots`].
    pub fn with_slots(self, slots: BTreeSet<SlotId>) -> Result<Self, BadContextSpec> {
        if slots.len() > MAX_SLOT_FEATURES {
            return Err(BadContextSpec::TooManySlots(slots.len()));
        }
        Ok(Self::unchecked(self.facts, slots))
    }

    fn unchecked(facts: Vec<FactFeature>, slots: BTreeSet<SlotId>) -> Self {
        let base = BASE_FEATURES.iter().map(ToString::to_string);
        let of_facts = facts.iter().map(|f| format!("fact.{}", f.name));
        let of_slots = slots.iter().map(slot_feature);
        let names = base.chain(of_facts).chain(of_slots).collect();
        Self {
            facts,
            slots,
            names,
        }
    }

    /// The facts that are features, in order; [`ContextSpec::new`] makes the same of them again.
    pub fn facts(&self) -> &[FactFeature] {
        &self.facts
    }

    /// Names of all features, in order.
    pub fn feature_names(&self) -> &[String] {
        &self.names
    }
}

/// Name of the feature of a slot.
fn slot_feature(slot: &SlotId) -> String {
    format!("{SLOT_PREFIX}{slot}")
}

/// Why the wishes of a person did not enter a context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// The grant is no longer live.
    #[error("the grant for personal messages was revoked")]
    Revoked,
    /// A wish is not a fact.
    #[error("a wish cannot be taken")]
    Wish(#[from] BadFact),
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
    slot: Option<SlotId>,
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
            slot: None,
            is_personal: false,
        }
    }

    /// Adds what a person who agreed to it wishes to see: each wish becomes the fact
    /// `person.<name>`, which conditions may test. Wishes are never features, so that no policy
    /// learns about a person, and the log shows that a wish was met but not its value.
    ///
    /// # Privacy
    /// The only way by which anything about one person enters a decision; needs
    /// `Grant<Personalization>`. No name and no `PersonId` comes along.
    ///
    /// # Errors
    /// [`PersonError`]; the context is lost then, and the caller decides for the audience as a
    /// whole with a new one.
    pub fn with_person(
        mut self,
        wishes: &Facts,
        key: &Grant<Personalization>,
    ) -> Result<Self, PersonError> {
        if !key.is_live() {
            return Err(PersonError::Revoked);
        }
        for (name, value) in wishes.iter() {
            let name = format!("{PERSON_PREFIX}{name}");
            self.facts.set_unreserved(&name, value.clone())?;
        }
        self.is_personal = true;
        Ok(self)
    }

    /// The same for one slot of a screen that is parted into several: its feature is 1 and that of every
    /// other slot 0.
    #[must_use]
    pub fn in_slot(mut self, slot: &SlotId) -> Self {
        let own = slot_feature(slot);
        for (name, value) in self.names.iter().zip(&mut self.features) {
            if name.starts_with(SLOT_PREFIX) {
                *value = f32::from(u8::from(*name == own));
            }
        }
        self.slot = Some(slot.clone());
        self
    }

    /// For which slot of the screen it is; nothing where the message has all of the glass.
    pub const fn slot(&self) -> Option<&SlotId> {
        self.slot.as_ref()
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

    /// The features; where expression is not to be seen, as if it was not measured.
    pub fn features_seen(&self, sees_expression: bool) -> Cow<'_, [f32]> {
        if sees_expression {
            return Cow::Borrowed(&self.features);
        }
        let mut features = self.features.clone();
        for (name, value) in self.names.iter().zip(&mut features) {
            if is_expression_feature(name) {
                *value = 0.0;
            }
        }
        Cow::Owned(features)
    }

    /// [`Context::features_seen`] with their names.
    pub fn named_features_seen(&self, sees_expression: bool) -> Vec<(String, f32)> {
        let values = self.features_seen(sees_expression).into_owned();
        self.names.iter().cloned().zip(values).collect()
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

/// Whether the feature of that name tells what faces show.
pub fn is_expression_feature(name: &str) -> bool {
    matches!(name, "happy" | "neutral" | "surprised" | "angry")
}

/// Whether the feature of that name comes of a camera.
pub fn is_camera_feature(name: &str) -> bool {
    is_expression_feature(name)
        || matches!(
            name,
            "n_visitors" | "looking_share" | "attention" | "dwell" | "nearness"
        )
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
    values.extend(spec.slots.iter().map(|_| 0.0));
    // A reading that is not a number must not poison what is learned; 0 means unknown throughout.
    for value in &mut values {
        if !value.is_finite() {
            *value = 0.0;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use regard_domain::ExpressionDistribution;

    use super::*;

    #[test]
    fn what_is_sensitive_or_a_weakness_is_no_feature() {
        let spec = |name: &str| {
            ContextSpec::new(vec![FactFeature {
                name: name.to_owned(),
                min: 0.0,
                max: 1.0,
            }])
        };
        for name in ["visitor.religion", "skin_tone", "health"] {
            let refused = spec(name).unwrap_err();
            assert!(
                matches!(refused, BadContextSpec::Sensitive { .. }),
                "{name}"
            );
            assert!(
                refused.to_string().starts_with("sensitive_inference"),
                "{refused}"
            );
        }
        for name in ["viewer.age", "crowd.stress"] {
            let refused = spec(name).unwrap_err();
            assert!(matches!(refused, BadContextSpec::Weakness(_)), "{name}");
            assert!(
                refused.to_string().starts_with("vulnerability_targeting"),
                "{refused}"
            );
        }
        assert!(spec("screen.orientation").is_ok() && spec("page.views").is_ok());
    }

    #[test]
    fn a_slot_has_a_feature_of_its_own_and_screens_without_slots_have_what_they_had() {
        let slots = |names: &[&str]| -> BTreeSet<SlotId> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let plain = ContextSpec::default();
        let spec = plain.clone().with_slots(slots(&["side", "main"])).unwrap();
        let n = plain.feature_names().len();
        assert_eq!(spec.feature_names()[..n], *plain.feature_names());
        assert_eq!(spec.feature_names()[n..], ["slot.main", "slot.side"]);
        assert_eq!(plain.clone().with_slots(BTreeSet::new()).unwrap(), plain);

        let local = LocalTime::new(2026, 11, 21, 6, 0).unwrap();
        let of = |spec| Context::from_audience(&Audience::EMPTY, local, &Facts::new(), spec);
        let whole = of(&spec);
        assert_eq!(whole.features()[n..], [0.0, 0.0]);
        assert_eq!(whole.slot(), None);
        let side = whole.clone().in_slot(&"side".parse().unwrap());
        assert_eq!(side.features()[n..], [0.0, 1.0]);
        assert_eq!(side.features()[..n], *of(&plain).features());
        // Another slot takes its place; one that is no feature has none.
        let main = side.clone().in_slot(&"main".parse().unwrap());
        assert_eq!(main.features()[n..], [1.0, 0.0]);
        let strip = side.in_slot(&"strip".parse().unwrap());
        assert_eq!(strip.features()[n..], [0.0, 0.0]);
        assert_eq!(strip.slot().map(SlotId::as_str), Some("strip"));

        let many = (0..=MAX_SLOT_FEATURES).map(|i| format!("s{i}").parse().unwrap());
        let many: BTreeSet<SlotId> = many.collect();
        assert_eq!(
            plain.with_slots(many).unwrap_err(),
            BadContextSpec::TooManySlots(MAX_SLOT_FEATURES + 1)
        );
    }

    #[test]
    fn features_have_the_documented_order_and_ranges() {
        let spec = ContextSpec::new(vec![FactFeature {
            name: "celsius".into(),
            min: -10.0,
            max: 30.0,
        }])
        .unwrap();
        let mut facts = Facts::new();
        facts.set("celsius", FactValue::Number(20.0)).unwrap();
        let weights = [0.2, 0.5, 0.0, 0.1, 0.0, 0.0, 0.2];
        let audience = Audience {
            n_visitors: 3,
            n_looking: 1,
            attention: 0.4,
            expression: ExpressionDistribution::from_weights(weights),
            dwell_secs: 10.0,
            nearness: 0.3,
        };
        let local = LocalTime::new(2026, 11, 21, 6, 0).unwrap();
        let context = Context::from_audience(&audience, local, &facts, &spec);
        let expected = [
            ("bias", 1.0),
            ("n_visitors", 0.5),
            ("looking_share", 1.0 / 3.0),
            ("attention", 0.4),
            ("happy", 0.5),
            ("neutral", 0.2),
            ("surprised", 0.2),
            ("angry", 0.1),
            ("dwell", 0.5),
            ("nearness", 0.3),
            ("hour_sin", 1.0),
            ("hour_cos", 0.0),
            ("weekend", 1.0),
            ("fact.celsius", 0.75),
        ];
        let found = context.named_features();
        assert_eq!(found.len(), expected.len());
        for ((name, value), (wanted_name, wanted)) in found.iter().zip(expected) {
            assert_eq!(name, wanted_name);
            assert!((value - wanted).abs() < 1e-6, "{name} {value}");
        }
    }

    #[test]
    fn what_is_not_a_number_becomes_unknown() {
        let audience = Audience {
            attention: f32::NAN,
            dwell_secs: f32::INFINITY,
            ..Audience::EMPTY
        };
        let local = LocalTime::new(2026, 11, 20, 0, 0).unwrap();
        let spec = ContextSpec::default();
        let context = Context::from_audience(&audience, local, &Facts::new(), &spec);
        assert!(context.features().iter().all(|v| v.is_finite()));
        assert_eq!(context.features()[3], 0.0);
    }

    #[test]
    fn specs_are_checked() {
        let fact = |name: &str, min, max| FactFeature {
            name: name.into(),
            min,
            max,
        };
        for bad in [
            vec![fact("a", 1.0, 1.0)],
            vec![fact("a", 0.0, f64::INFINITY)],
            vec![fact("a", f64::MIN, f64::MAX)],
            vec![fact("a", 0.0, 1.0), fact("a", 0.0, 2.0)],
            vec![fact("person.a", 0.0, 1.0)],
            vec![fact("A", 0.0, 1.0)],
            (0..33).map(|i| fact(&format!("f{i}"), 0.0, 1.0)).collect(),
        ] {
            assert!(ContextSpec::new(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
