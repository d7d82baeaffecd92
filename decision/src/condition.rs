//! What must be true of the audience, the hour and the facts for a message to be fit.

use std::{borrow::Cow, fmt};

use regard_domain::Expression;
use serde::{Deserialize, Serialize};

use crate::{Context, FactValue, facts::PERSON_PREFIX};

/// A range of numbers, both ends included; an end left out does not restrict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
}

impl Bounds {
    /// From this value upwards.
    pub const fn at_least(min: f64) -> Self {
        Self {
            min: Some(min),
            max: None,
        }
    }

    /// Up to this value.
    pub const fn at_most(max: f64) -> Self {
        Self {
            min: None,
            max: Some(max),
        }
    }

    fn holds(&self, value: f64, slack: f64) -> bool {
        self.min.is_none_or(|min| value >= min - slack)
            && self.max.is_none_or(|max| value <= max + slack)
    }
}

/// How probable one expression must be on average over the audience.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpressionTest {
    /// Which expression; only `happy`, `neutral`, `surprised` and `angry` pass validation.
    pub label: Expression,
    /// Least mean probability, in `[0, 1]`.
    #[serde(default)]
    pub min: f64,
    /// Greatest mean probability, in `[0, 1]`; 1 when left out.
    #[serde(default = "one")]
    pub max: f64,
}

fn one() -> f64 {
    1.0
}

/// Hours of the day, the first included and the last excluded; past midnight when `to <= from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HourRange {
    /// First hour, 0 to 23.
    pub from: u8,
    /// First hour that no longer belongs, 0 to 24.
    pub to: u8,
}

impl HourRange {
    fn holds(self, hour: u8) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }
}

/// What a fact must be. A fact nobody stated fails every test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactTest {
    /// Name of the fact.
    pub name: String,
    /// The exact value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<FactValue>,
    /// The fact is a number below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub less: Option<f64>,
    /// The fact is a number above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greater: Option<f64>,
}

impl FactTest {
    fn holds(&self, found: Option<&FactValue>) -> bool {
        let Some(found) = found else { return false };
        let number = found.as_number();
        self.equals.as_ref().is_none_or(|wanted| wanted == found)
            && self
                .less
                .is_none_or(|less| number.is_some_and(|n| n < less))
            && self
                .greater
                .is_none_or(|greater| number.is_some_and(|n| n > greater))
    }
}

/// When a message is fit. Every clause that is present must hold; without clauses it always is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// How many people are in view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_visitors: Option<Bounds>,
    /// How many of them look at the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_looking: Option<Bounds>,
    /// Mean attention, in `[0, 1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Bounds>,
    /// Mean probabilities of expressions. While no face was measured such a clause fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expression: Vec<ExpressionTest>,
    /// Greatest face height over frame height, in `[0, 1]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearness: Option<Bounds>,
    /// Longest dwell in view, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_secs: Option<Bounds>,
    /// Hours of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<HourRange>,
    /// Facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactTest>,
}

/// How far measured values may fall outside their bounds while the message they admitted is
/// shown: twice the frame-to-frame noise of a smoothed probability, so that a value that hovers at
/// a bound does not make the screen flicker.
pub(crate) const SHOWN_SLACK: f64 = 0.05;

impl Condition {
    /// No clause: always fit.
    pub fn is_empty(&self) -> bool {
        self.n_clauses() == 0
    }

    /// How many clauses there are; more clauses make a more specific condition.
    pub fn n_clauses(&self) -> usize {
        let bounds = [
            self.n_visitors,
            self.n_looking,
            self.attention,
            self.nearness,
            self.dwell_secs,
        ];
        bounds.iter().flatten().count()
            + usize::from(self.hour.is_some())
            + self.expression.len()
            + self.facts.len()
    }

    /// Whether every clause holds.
    pub fn holds(&self, context: &Context) -> bool {
        self.holds_within(context, 0.0)
    }

    /// Whether every clause holds when measured ratios (attention, expression, nearness) may lie
    /// outside their bounds by `slack`. Counts, times and facts are exact.
    pub(crate) fn holds_within(&self, context: &Context, slack: f64) -> bool {
        let audience = context.audience();
        let within = |bounds: Option<Bounds>, value: f64, slack: f64| {
            bounds.is_none_or(|b| b.holds(value, slack))
        };
        within(self.n_visitors, audience.n_visitors.into(), 0.0)
            && within(self.n_looking, audience.n_looking.into(), 0.0)
            && within(self.attention, audience.attention.into(), slack)
            && within(self.nearness, audience.nearness.into(), slack)
            && within(self.dwell_secs, audience.dwell_secs.into(), 0.0)
            && self.hour.is_none_or(|h| h.holds(context.local().hour()))
            && self.expression.iter().all(|test| {
                expression_bounds(test).holds_some(found_expression(context, test.label), slack)
            })
            && self
                .facts
                .iter()
                .all(|test| test.holds(context.fact(&test.name)))
    }

    /// Every clause with what was found.
    pub fn clauses(&self, context: &Context) -> Vec<Clause> {
        let mut clauses = Vec::with_capacity(self.n_clauses());
        self.visit(context, &mut |clause| {
            clauses.push(clause);
            true
        });
        clauses
    }

    /// The first clause that does not hold.
    pub fn first_unmet(&self, context: &Context) -> Option<Clause> {
        let mut unmet = None;
        self.visit(context, &mut |clause| {
            let goes_on = clause.holds;
            if !goes_on {
                unmet = Some(clause);
            }
            goes_on
        });
        unmet
    }

    /// Hands out the clauses one by one until told to stop.
    fn visit(&self, context: &Context, each: &mut dyn FnMut(Clause) -> bool) {
        let audience = context.audience();
        let measured = [
            (
                "n_visitors",
                self.n_visitors,
                f64::from(audience.n_visitors),
            ),
            ("n_looking", self.n_looking, f64::from(audience.n_looking)),
            ("attention", self.attention, f64::from(audience.attention)),
            ("nearness", self.nearness, f64::from(audience.nearness)),
            (
                "dwell_secs",
                self.dwell_secs,
                f64::from(audience.dwell_secs),
            ),
        ];
        for (name, bounds, value) in measured {
            if let Some(bounds) = bounds
                && !each(Clause::numeric(name, bounds, Some(value)))
            {
                return;
            }
        }
        if let Some(hours) = self.hour {
            let hour = context.local().hour();
            let clause = Clause {
                name: "hour".into(),
                min: Some(hours.from.into()),
                max: Some(hours.to.into()),
                equals: None,
                found: Some(FactValue::Number(hour.into())),
                holds: hours.holds(hour),
            };
            if !each(clause) {
                return;
            }
        }
        for test in &self.expression {
            let name = expression_clause_name(test.label);
            let found = found_expression(context, test.label);
            if !each(Clause::numeric(name, expression_bounds(test), found)) {
                return;
            }
        }
        for test in &self.facts {
            let found = context.fact(&test.name);
            // Clauses are logged; what a person wished is not.
            let shown = found.filter(|_| !test.name.starts_with(PERSON_PREFIX));
            let clause = Clause {
                name: format!("facts.{}", test.name).into(),
                min: test.greater,
                max: test.less,
                equals: test.equals.clone(),
                found: shown.cloned(),
                holds: test.holds(found),
            };
            if !each(clause) {
                return;
            }
        }
    }
}

impl Bounds {
    fn holds_some(&self, value: Option<f64>, slack: f64) -> bool {
        value.is_some_and(|v| self.holds(v, slack))
    }
}

fn expression_bounds(test: &ExpressionTest) -> Bounds {
    Bounds {
        min: Some(test.min),
        max: (test.max < 1.0).then_some(test.max),
    }
}

fn found_expression(context: &Context, label: Expression) -> Option<f64> {
    let distribution = context.audience().expression?;
    Some(distribution.probability(label).into())
}

const fn expression_clause_name(label: Expression) -> &'static str {
    match label {
        Expression::Neutral => "expression.neutral",
        Expression::Happy => "expression.happy",
        Expression::Sad => "expression.sad",
        Expression::Angry => "expression.angry",
        Expression::Fearful => "expression.fearful",
        Expression::Disgusted => "expression.disgusted",
        Expression::Surprised => "expression.surprised",
    }
}

/// One clause of a condition, with what was found when it was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clause {
    /// Name of the clause, such as `attention`, `expression.happy` or `facts.weather.rain`.
    pub name: Cow<'static, str>,
    /// Lower end; excluded for facts, included otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Upper end; excluded for facts and hours, included otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Exact value wanted of a fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<FactValue>,
    /// What was found; nothing when it was not measured or stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<FactValue>,
    /// Whether it holds.
    pub holds: bool,
}

impl Clause {
    fn numeric(name: &'static str, bounds: Bounds, found: Option<f64>) -> Self {
        Self {
            name: name.into(),
            min: bounds.min,
            max: bounds.max,
            equals: None,
            found: found.map(FactValue::Number),
            holds: bounds.holds_some(found, 0.0),
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name)?;
        match &self.found {
            // Hundredths where there are any: a count stays a whole number.
            Some(FactValue::Number(number)) => write!(f, "{}", (number * 100.0).round() / 100.0)?,
            Some(found) => write!(f, "{found}")?,
            None => f.write_str("unknown")?,
        }
        if let Some(wanted) = &self.equals {
            write!(f, ", wanted {wanted}")?;
        }
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, ", wanted {min} to {max}"),
            (Some(min), None) => write!(f, ", wanted from {min}"),
            (None, Some(max)) => write!(f, ", wanted up to {max}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{Audience, ExpressionDistribution};

    use super::*;
    use crate::{ContextSpec, Facts, LocalTime};

    fn context(attention: f32, smile: Option<f32>) -> Context {
        let expression = smile.and_then(|p| {
            ExpressionDistribution::from_weights([1.0 - p, p, 0.0, 0.0, 0.0, 0.0, 0.0])
        });
        let audience = Audience {
            n_visitors: 2,
            n_looking: 1,
            attention,
            expression,
            dwell_secs: 3.0,
            nearness: 0.2,
        };
        let mut facts = Facts::new();
        facts.set("rain", FactValue::Flag(true)).unwrap();
        facts.set("celsius", FactValue::Number(21.5)).unwrap();
        let local = LocalTime::new(2026, 11, 20, 23, 10).unwrap();
        Context::from_audience(&audience, local, &facts, &ContextSpec::default())
    }

    fn check(toml: &str, holds: bool) {
        let condition: Condition = toml::from_str(toml).unwrap();
        let context = context(0.5, Some(0.7));
        assert_eq!(condition.holds(&context), holds, "{toml}");
        assert_eq!(condition.first_unmet(&context).is_none(), holds, "{toml}");
        let clauses = condition.clauses(&context);
        assert_eq!(clauses.len(), condition.n_clauses(), "{toml}");
        assert_eq!(clauses.iter().all(|c| c.holds), holds, "{toml}");
    }

    #[test]
    fn clauses_hold_or_not() {
        for (toml, holds) in [
            ("", true),
            ("n_visitors = { min = 2, max = 2 }", true),
            ("n_visitors = { min = 3 }", false),
            ("n_looking = { max = 0 }", false),
            ("attention = { min = 0.5 }", true),
            ("attention = { max = 0.49 }", false),
            ("nearness = { min = 0.3 }", false),
            ("dwell_secs = { min = 2, max = 4 }", true),
            ("hour = { from = 22, to = 2 }", true),
            ("hour = { from = 8, to = 23 }", false),
            ("expression = [{ label = 'happy', min = 0.6 }]", true),
            ("expression = [{ label = 'happy', max = 0.6 }]", false),
            ("expression = [{ label = 'angry', min = 0.1 }]", false),
            ("facts = [{ name = 'rain', equals = true }]", true),
            ("facts = [{ name = 'rain', equals = 'true' }]", false),
            (
                "facts = [{ name = 'celsius', greater = 20, less = 21.5 }]",
                false,
            ),
            ("facts = [{ name = 'celsius', greater = 20 }]", true),
            ("facts = [{ name = 'unknown', less = 1 }]", false),
        ] {
            check(toml, holds);
        }
    }

    #[test]
    fn an_unmeasured_expression_satisfies_nothing() {
        let condition: Condition =
            toml::from_str("expression = [{ label = 'happy', max = 0.2 }]").unwrap();
        assert!(!condition.holds(&context(0.5, None)));
        let unmet = condition.first_unmet(&context(0.5, None)).unwrap();
        assert_eq!(
            unmet.to_string(),
            "expression.happy unknown, wanted 0 to 0.2"
        );
    }

    #[test]
    fn clauses_are_written_as_people_count() {
        let condition: Condition =
            toml::from_str("n_visitors = { min = 3 }\nattention = { min = 0.9 }").unwrap();
        let clauses = condition.clauses(&context(0.456, None));
        let told: Vec<String> = clauses.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "n_visitors 2, wanted from 3",
                "attention 0.46, wanted from 0.9"
            ]
        );
    }

    #[test]
    fn slack_loosens_ratios_only() {
        let condition: Condition = toml::from_str("attention = { min = 0.5 }").unwrap();
        assert!(!condition.holds(&context(0.46, None)));
        assert!(condition.holds_within(&context(0.46, None), SHOWN_SLACK));
        assert!(!condition.holds_within(&context(0.44, None), SHOWN_SLACK));
        let count: Condition = toml::from_str("n_visitors = { min = 2.01 }").unwrap();
        assert!(!count.holds_within(&context(0.5, None), SHOWN_SLACK));
    }
}
