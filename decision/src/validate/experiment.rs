//! Mistakes in experiments and guardrails.

use std::collections::BTreeSet;

use super::{Faults, condition};
use crate::Campaign;

/// Most of the plays that may be held out: past it a campaign is mostly not shown.
const MAX_HOLDOUT: f32 = 0.5;

/// What intervals and guardrails may miss.
const ERRORS: (f32, f32) = (1e-6, 0.5);

/// Most segments: each makes the intervals of all wider.
const MAX_SEGMENTS: usize = 16;

/// A play held out shows the default message for as long as the message would have lasted; a window that closes before that
/// hears less of what was held out than of what was shown, and every uplift looks greater than it is.
pub(super) fn check_window(faults: &mut Faults, path: &str, campaign: &Campaign) {
    let held_out = campaign
        .experiment
        .as_ref()
        .is_some_and(|e| e.holdout > 0.0);
    let longest = campaign.creatives.iter().map(|c| c.duration_millis).max();
    let least = longest.unwrap_or(0).div_ceil(1000);
    if held_out && campaign.reward.window_secs < least {
        let expected =
            format!("at least {least} seconds, the longest play, where plays are held out");
        faults.add(
            format!("{path}.reward.window_secs"),
            expected,
            campaign.reward.window_secs,
            "lengthen it, or hold nothing out",
        );
    }
}

pub(super) fn check(faults: &mut Faults, path: &str, campaign: &Campaign) {
    if let Some(experiment) = &campaign.experiment {
        let path = format!("{path}.experiment");
        let holdout = format!("{path}.holdout");
        faults.number(
            &holdout,
            experiment.holdout,
            (0.0, MAX_HOLDOUT),
            "0.1 is usual",
        );
        let error = format!("{path}.error");
        faults.number(&error, experiment.error, ERRORS, "0.05 is usual");
        if experiment.segments.len() > MAX_SEGMENTS {
            let expected = format!("up to {MAX_SEGMENTS} segments");
            let found = experiment.segments.len();
            let suggestion = "each makes all intervals wider: keep those that matter";
            faults.add(format!("{path}.segment"), expected, found, suggestion);
        }
        let mut names = BTreeSet::new();
        for (i, segment) in experiment.segments.iter().enumerate() {
            let path = format!("{path}.segment[{i}]");
            faults.name(&format!("{path}.name"), &segment.name);
            if crate::names_a_weakness(&segment.name) {
                faults.refuse(
                    crate::FaultKind::VulnerabilityTargeting,
                    format!("{path}.name"),
                    ("a name that does not tell weak people apart", &segment.name),
                    "nobody is told apart by distress, fatigue, age, disability or poverty",
                );
            }
            if !names.insert(&segment.name) {
                let path = format!("{path}.name");
                faults.add(
                    path,
                    "a name of its own",
                    &segment.name,
                    "rename one of the two",
                );
            }
            condition::check(faults, &format!("{path}.when"), &segment.when);
        }
    }
    let mut metrics = BTreeSet::new();
    for (i, guardrail) in campaign.guardrails.iter().enumerate() {
        let path = format!("{path}.guardrail[{i}]");
        let name = guardrail.metric.name();
        if !metrics.insert(guardrail.metric) {
            let suggestion = "keep the stricter of the two";
            faults.add(
                format!("{path}.metric"),
                "each metric once",
                name,
                suggestion,
            );
        }
        // A bound of 0 is broken by the first play that is not perfect, one of 1 by none.
        let range = (0.001, 0.999);
        faults.number(
            &format!("{path}.at_most"),
            guardrail.at_most,
            range,
            "0.05 is usual",
        );
        let error = format!("{path}.error");
        faults.number(&error, guardrail.error, ERRORS, "0.01 is usual");
    }
}
