//! The table of `bench loop`.

use super::case::CaseReport;

/// The names of the columns.
pub(super) fn head(is_browser: bool) -> String {
    let player = if is_browser {
        "Chromium plays"
    } else {
        "the screen inside the program plays"
    };
    format!(
        "\nfrom capture to the acknowledged change, in milliseconds; {player}\n{:<20} {:>5} {:>5} {:>5} {:>5} {:>7}  {:>5} {:>5} {:>5}  {:>6} {:>6} {:>6}  {:>5} {:>6}  dropped",
        "case",
        "p50",
        "p95",
        "p99",
        "<150",
        "changes",
        "a50",
        "a95",
        "a99",
        "due",
        "taken",
        "done",
        "cpu %",
        "MB"
    )
}

/// One case.
pub(super) fn line(report: &CaseReport) -> String {
    let (screen, analysed) = (&report.to_screen, &report.to_analysed);
    let dropped: Vec<String> = report
        .dropped
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(reason, n)| format!("{reason} {n}"))
        .collect();
    let dropped = if dropped.is_empty() {
        "none".to_owned()
    } else {
        dropped.join(", ")
    };
    format!(
        "{:<20} {:>5.0} {:>5.0} {:>5.0} {:>5.0} {:>7}  {:>5.0} {:>5.0} {:>5.0}  {:>6} {:>6} {:>6}  {:>5.0} {:>6.0}  {dropped}",
        report.name,
        screen.p50_millis,
        screen.p95_millis,
        screen.p99_millis,
        report.within_promise_percent,
        screen.n,
        analysed.p50_millis,
        analysed.p95_millis,
        analysed.p99_millis,
        report.frames_due,
        report.frames_captured,
        report.frames_analysed,
        report.cpu_percent,
        report.max_resident_mb,
    )
}

/// What the columns mean.
pub(super) const fn foot() -> &'static str {
    "p50 … p99: capture to the change acknowledged by the player; <150: percent within 150 ms; changes: how many that rests on\n\
     a50 … a99: capture to the frame analysed; due: frames the sources had; taken: captured; done: analysed\n\
     cpu %: of one core, of this process alone; MB: greatest resident memory (10^6 bytes)\n\
     Rules that follow the audience's attention and expression change the message as often as a screen may."
}
