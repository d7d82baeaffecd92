//! `regard campaign evidence`: what is known of a campaign in force.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::args::{ListFormat, OneCampaign};
use crate::exit;
use crate::remote::Remote;

pub(super) fn print(one: &OneCampaign, format: ListFormat) -> Result<ExitCode> {
    let path = format!("/v1/campaigns/{}/evidence", one.campaign);
    let found = Remote::new(&one.remote)?.get(&path)?;
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&found)?,
        ListFormat::Text => text_of(&found),
    };
    exit::print(text.trim_end())
}

fn number(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "–".to_owned(), |number| format!("{number:.3}"))
}

fn range(interval: &Value) -> String {
    format!(
        "{} to {}",
        number(&interval["low"]),
        number(&interval["high"])
    )
}

/// What is known, for people.
fn text_of(report: &Value) -> String {
    let mut text = String::new();
    if report["apprentice"].is_object() {
        say_apprentice(&report["apprentice"], &mut text);
    }
    if report["ablation"].is_object() {
        say_camera(&report["ablation"], &mut text);
    }
    let all = |name: &str| report[name].as_array().map_or(&[][..], Vec::as_slice);
    // Writing to a string cannot fail.
    for arm in all("arms") {
        let name = arm["creative"].as_str().unwrap_or("held out");
        let segment = arm["segment"].as_str();
        let segment = segment.map_or(String::new(), |segment| format!(" in {segment}"));
        let _ = write!(
            text,
            "{name}{segment}: {} plays, reward {} ({})",
            arm["n_plays"],
            number(&arm["mean"]),
            range(&arm["interval"])
        );
        if arm["uplift"].is_object() {
            let _ = write!(text, ", adds {} to none", range(&arm["uplift"]));
        }
        text.push('\n');
    }
    for guard in all("guardrails") {
        let metric = guard["metric"].as_str().unwrap_or_default();
        let stands = match guard["stopped_after"].as_u64() {
            Some(plays) => format!("stopped after {plays} plays"),
            None => format!("p {}", number(&guard["p_value"])),
        };
        let _ = writeln!(
            text,
            "guardrail {} at {}: {} over {} plays, at most {}; {stands}",
            metric.replace('_', " "),
            guard["creative"].as_str().unwrap_or_default(),
            number(&guard["mean"]),
            guard["n_plays"],
            number(&guard["at_most"])
        );
    }
    if text.is_empty() {
        text.push_str(
            "nothing is known yet: no apprentice, experiment, guardrail or learned reward",
        );
    }
    text
}

fn say_apprentice(report: &Value, text: &mut String) {
    let is_apprentice = report["is_apprentice"].as_bool().unwrap_or_default();
    text.push_str(if is_apprentice {
        "apprentice: the rules choose, the policy learns beside them\n"
    } else {
        "no apprentice any more: the policy chooses by itself\n"
    });
    let verdict = match report["verdict"].as_str() {
        Some("at_least_as_good") => "it would have earned at least what its baseline earned",
        Some("worse") => "it would have earned less than its baseline",
        _ => "it is not known to do at least as well as its baseline",
    };
    let _ = writeln!(text, "  {verdict}");
    if report["n_plays"].as_u64().unwrap_or_default() > 0 {
        let _ = writeln!(
            text,
            "  over {} plays the rules earned {} a play, the policy would have earned {}: {} more ({} with 95 %)",
            report["n_plays"],
            number(&report["baseline"]),
            number(&report["policy"]),
            number(&report["gain"]),
            range(&report["gain_interval"])
        );
    }
    if !is_apprentice {
        return;
    }
    let _ = match report["ends"].as_str() {
        Some("proven") => writeln!(
            text,
            "  it chooses by itself when that is sure, with a margin of {}",
            number(&report["margin"])
        ),
        Some("never") => writeln!(
            text,
            "  it chooses by itself when somebody changes the campaign"
        ),
        _ => writeln!(
            text,
            "  it chooses by itself after {} rewards",
            report["plays_before"]
        ),
    };
}

fn say_camera(report: &Value, text: &mut String) {
    let is_idle = report["is_expression_idle"].as_bool().unwrap_or_default();
    let has_seen = report["n_with_expression"].as_u64().unwrap_or_default() > 0;
    text.push_str(if is_idle {
        "camera: what faces show adds nothing here, these features are switched off\n"
    } else if !has_seen {
        "camera: what faces show was seen before no play, nothing can be said about it\n"
    } else {
        "camera: whether what faces show adds anything goes on being asked\n"
    });
    let _ = writeln!(
        text,
        "  over {} plays it gains {} in squared error over time and place ({}), expression {} ({}) over {}",
        report["n_plays"],
        number(&report["camera_gain"]),
        range(&report["camera_interval"]),
        number(&report["expression_gain"]),
        range(&report["expression_interval"]),
        report["n_with_expression"]
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_apprentice_says_where_it_stands() {
        let mut report = json!({
            "arms": [], "guardrails": [], "ablation": null,
            "apprentice": {
                "is_apprentice": true, "ends": "proven", "plays_before": 200, "margin": 0.0, "n_plays": 0,
                "baseline": null, "policy": null, "gain": null, "gain_interval": {"low": -1.0, "high": 1.0},
                "verdict": "not_known", "proven_after": null,
            },
        });
        let text = text_of(&report);
        assert!(
            text.contains("the rules choose") && text.contains("when that is sure"),
            "{text}"
        );
        assert!(!text.contains("a play"), "{text}");
        let one = &mut report["apprentice"];
        one["n_plays"] = json!(812);
        one["baseline"] = json!(0.421);
        one["policy"] = json!(0.735);
        one["gain"] = json!(0.314);
        one["gain_interval"] = json!({"low": 0.21, "high": 0.4});
        one["verdict"] = json!("at_least_as_good");
        one["is_apprentice"] = json!(false);
        let text = text_of(&report);
        assert!(text.starts_with("no apprentice any more"), "{text}");
        assert!(
            text.contains("over 812 plays the rules earned 0.421 a play, the policy would have earned 0.735: 0.314 more (0.210 to 0.400 with 95 %)"),
            "{text}"
        );
    }

    #[test]
    fn what_is_known_of_the_camera_is_said() {
        let range = json!({"low": -0.5, "high": 0.5});
        let mut report = json!({
            "ablation": {
                "n_plays": 90, "n_with_expression": 0, "explained": [0.0, 0.1, 0.1], "is_expression_idle": false,
                "camera_gain": 0.02, "camera_interval": {"low": 0.01, "high": 0.03},
                "expression_gain": 0.0, "expression_interval": range,
            },
        });
        let text = text_of(&report);
        assert!(text.contains("nothing can be said about it"), "{text}");
        assert!(
            text.contains("over 90 plays it gains 0.020 in squared error over time and place (0.010 to 0.030), expression 0.000 (-0.500 to 0.500) over 0"),
            "{text}"
        );
        report["ablation"]["n_with_expression"] = json!(80);
        assert!(text_of(&report).contains("goes on being asked"));
        report["ablation"]["is_expression_idle"] = json!(true);
        assert!(text_of(&report).contains("these features are switched off"));
    }

    #[test]
    fn arms_and_guardrails_have_a_line_each_and_nothing_is_said_so() {
        let report = json!({
            "arms": [
                {"creative": null, "segment": null, "n_plays": 70, "mean": 0.2, "interval": {"low": 0.1, "high": 0.3}, "uplift": null},
                {"creative": "tea", "segment": "groups", "n_plays": 300, "mean": 0.5, "interval": {"low": 0.4, "high": 0.6}, "uplift": {"low": 0.1, "high": 0.5}},
            ],
            "guardrails": [{"creative": "tea", "metric": "turning_away", "at_most": 0.5, "n_plays": 40, "mean": 0.9, "p_value": 0.001, "stopped_after": 22}],
            "ablation": null, "apprentice": null,
        });
        let text = text_of(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "held out: 70 plays, reward 0.200 (0.100 to 0.300)",
                "tea in groups: 300 plays, reward 0.500 (0.400 to 0.600), adds 0.100 to 0.500 to none",
                "guardrail turning away at tea: 0.900 over 40 plays, at most 0.500; stopped after 22 plays",
            ]
        );
        assert!(text_of(&json!({})).contains("nothing is known yet"));
    }
}
