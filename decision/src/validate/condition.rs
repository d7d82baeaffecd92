//! Mistakes in a condition, and conditions that no message may have.

use regard_domain::{Expression, SensitiveCategory, sensitive_in_name};

use super::Faults;
use crate::{
    Bounds, Condition, FactTest, FactValue, FaultKind, facts::is_fact_name, lint::names_a_weakness,
};

/// The expressions fit to drive a decision.
const FIT: [Expression; 4] = [
    Expression::Happy,
    Expression::Neutral,
    Expression::Surprised,
    Expression::Angry,
];

/// If the fit expressions may share no more than this, the condition holds only for faces that
/// mostly show one of the others.
const LEAST_FIT_SHARE: f64 = 0.5;

pub(super) fn check(faults: &mut Faults, path: &str, condition: &Condition) {
    let count = (0.0, f64::from(u32::MAX));
    let bounds = [
        ("n_visitors", condition.n_visitors, count),
        ("n_looking", condition.n_looking, count),
        ("attention", condition.attention, (0.0, 1.0)),
        ("nearness", condition.nearness, (0.0, 1.0)),
        // A day: nobody stands before a screen for longer.
        ("dwell_secs", condition.dwell_secs, (0.0, 86_400.0)),
    ];
    for (name, bounds, range) in bounds {
        if let Some(bounds) = bounds {
            check_bounds(faults, &format!("{path}.{name}"), bounds, range);
        }
    }
    if let Some(hours) = condition.hour {
        if hours.from > 23 {
            let suggestion = "hours begin with 0 at midnight";
            faults.add(
                format!("{path}.hour.from"),
                "0 to 23",
                hours.from,
                suggestion,
            );
        }
        if hours.to > 24 || hours.to == hours.from {
            let expected = format!("0 to 24, but not {}", hours.from);
            let suggestion = "the hour at whose beginning it ends";
            faults.add(format!("{path}.hour.to"), expected, hours.to, suggestion);
        }
    }
    check_expressions(faults, &format!("{path}.expression"), condition);
    for (i, test) in condition.facts.iter().enumerate() {
        check_fact(faults, &format!("{path}.facts[{i}]"), test);
    }
}

fn check_bounds(faults: &mut Faults, path: &str, bounds: Bounds, (least, greatest): (f64, f64)) {
    if bounds.min.is_none() && bounds.max.is_none() {
        faults.add(path, "`min`, `max` or both", "neither", "remove the clause");
    }
    for (name, end) in [("min", bounds.min), ("max", bounds.max)] {
        if let Some(value) = end
            && !(least..=greatest).contains(&value)
        {
            let expected = format!("{least} to {greatest}");
            let suggestion = if greatest == 1.0 && value > 1.0 && value <= 100.0 {
                format!("{} percent is written {}", value, value / 100.0)
            } else {
                "leave it out for no bound".to_owned()
            };
            faults.add(format!("{path}.{name}"), expected, value, suggestion);
        }
    }
    if let (Some(min), Some(max)) = (bounds.min, bounds.max)
        && min > max
    {
        let expected = format!("{min} or more");
        faults.add(
            format!("{path}.max"),
            expected,
            max,
            "exchange `min` and `max`",
        );
    }
}

fn check_expressions(faults: &mut Faults, path: &str, condition: &Condition) {
    for (i, test) in condition.expression.iter().enumerate() {
        let path = format!("{path}[{i}]");
        match test.label {
            Expression::Happy | Expression::Neutral | Expression::Surprised | Expression::Angry => {
            }
            Expression::Sad | Expression::Fearful | Expression::Disgusted => faults.refuse(
                FaultKind::VulnerabilityTargeting,
                format!("{path}.label"),
                ("happy, neutral, surprised or angry", test.label.name()),
                "a message may not be aimed at faces that show distress, and this expression is \
                 read too unreliably to drive anything",
            ),
        }
        let bounds = Bounds {
            min: Some(test.min),
            max: Some(test.max),
        };
        check_bounds(faults, &path, bounds, (0.0, 1.0));
    }
    // Distress may also be circled by what it is not.
    let room: f64 = FIT
        .into_iter()
        .map(|label| {
            let of_label = condition.expression.iter().filter(|t| t.label == label);
            of_label.map(|t| t.max).fold(1.0, f64::min)
        })
        .sum();
    if room < LEAST_FIT_SHARE {
        faults.refuse(
            FaultKind::VulnerabilityTargeting,
            path,
            (
                "room for happy, neutral, surprised or angry",
                "maxima that leave none",
            ),
            "raise `max`: as it stands only faces that show distress meet this condition",
        );
    }
}

/// The sensitive category that the text a fact is compared with speaks of.
fn told(test: &FactTest) -> Option<SensitiveCategory> {
    match &test.equals {
        Some(FactValue::Text(text)) => sensitive_in_name(text),
        Some(FactValue::Flag(_) | FactValue::Number(_)) | None => None,
    }
}

fn check_fact(faults: &mut Faults, path: &str, test: &FactTest) {
    let name_path = format!("{path}.name");
    if !is_fact_name(&test.name) {
        let found = format!("{:?}", test.name);
        let expected = "1 to 128 of a-z, 0-9, '_', '-' and '.'";
        faults.add(name_path, expected, found, "such as weather.rain");
    } else if let Some(category) = sensitive_in_name(&test.name).or_else(|| told(test)) {
        faults.refuse(
            FaultKind::SensitiveInference,
            name_path,
            ("a fact about the world", &test.name),
            format!("nothing here may know or guess anybody's {category}; if the fact is about something else, give it another name"),
        );
    } else if names_a_weakness(&test.name) {
        faults.refuse(
            FaultKind::VulnerabilityTargeting,
            name_path,
            ("a fact about the world", &test.name),
            "a message may not be aimed at distress, fatigue, age, disability or poverty",
        );
    }
    if test.equals.is_none() && test.less.is_none() && test.greater.is_none() {
        faults.add(
            path,
            "`equals`, `less` or `greater`",
            "none",
            "say what it must be",
        );
    }
    for (name, end) in [("less", test.less), ("greater", test.greater)] {
        if let Some(value) = end
            && !value.is_finite()
        {
            faults.add(
                format!("{path}.{name}"),
                "a finite number",
                value,
                "leave it out",
            );
        }
    }
    if let (Some(less), Some(greater)) = (test.less, test.greater)
        && greater >= less
    {
        let expected = format!("more than {greater}");
        faults.add(
            format!("{path}.less"),
            expected,
            less,
            "exchange `less` and `greater`",
        );
    }
}
