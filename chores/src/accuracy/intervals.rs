//! How often the intervals of estimates hold the truth, on simulated logs.

use std::collections::BTreeMap;

use regard_evaluation::{
    Coverage, coverage_of_estimates, coverage_of_experiments, coverage_of_reports,
    coverage_while_peeking,
};

use super::Report;

/// Logs of each kind, as the promise has it.
const N_LOGS: u64 = 1_000;

/// Plays of a log.
const N_PLAYS: usize = 400;

/// Plays of a report: some of a morning, and of a week.
const N_REPORTED: [usize; 2] = [30, 400];

/// Part of the logs whose interval held the truth, for each interval; after one look at the end, and for
/// those that may be looked at any time, after every play.
pub(super) fn coverage() -> Report {
    let estimates = coverage_of_estimates(N_LOGS, N_PLAYS, 2);
    let peeking = coverage_while_peeking(N_LOGS, N_PLAYS, 2);
    let experiments = coverage_of_experiments(N_LOGS, N_PLAYS, 2);
    let reports = N_REPORTED.map(|n_plays| coverage_of_reports(N_LOGS, n_plays, 2));
    let name = |row: &Coverage| row.name.to_lowercase().replace([' ', ',', '.'], "_");
    let metrics: BTreeMap<String, f64> = estimates
        .iter()
        .chain(&peeking)
        .chain(&experiments)
        .chain(reports.iter().flatten())
        .map(|row| (name(row).replace("__", "_"), row.share()))
        .collect();
    Report {
        name: "interval-coverage".to_owned(),
        metrics,
        n: N_LOGS,
    }
}
