//! Plays as the store has them, put together with what came of them.

use std::collections::BTreeMap;
use std::ops::Range;

use regard_backends::Play;
use regard_commitments::UtcText;
use regard_decision::{Decision, Outcome, OutcomeKind};
use regard_domain::{DecisionId, Timestamp};
use regard_reports::{PlayRecord, ReportPlay};

/// An instant to the minute, for people.
pub fn in_words(at: Timestamp) -> String {
    let text = UtcText::new(at).to_string();
    text.get(..16).map_or_else(
        || text.clone(),
        |day| format!("{} UTC", day.replace('T', " ")),
    )
}

/// Plays that began within the time and ended, each with what was measured of it.
pub fn report_plays(
    plays: &[Play],
    decisions: &[Decision],
    outcomes: &BTreeMap<DecisionId, Vec<Outcome>>,
    during: &Range<Timestamp>,
) -> Vec<ReportPlay> {
    let decided: BTreeMap<DecisionId, &Decision> = decisions.iter().map(|d| (d.id, d)).collect();
    let ended = plays
        .iter()
        .filter(|play| during.contains(&play.start.at) && play.ended_at.is_some());
    ended
        .map(|play| {
            let id = DecisionId::from_bits(play.start.id.as_bits());
            let came = outcomes.get(&id).map_or(&[][..], Vec::as_slice);
            let measured =
                |kind: OutcomeKind| came.iter().find(|o| o.kind == kind).map(|o| o.value);
            let count = |kind: OutcomeKind| {
                let n = came.iter().filter(|o| o.kind == kind).count();
                u32::try_from(n).unwrap_or(u32::MAX)
            };
            let decision = decided.get(&id);
            ReportPlay {
                screen: play.start.screen.to_string(),
                slot: play.start.slot.as_ref().map(ToString::to_string),
                campaign: play.start.campaign.as_ref().map(ToString::to_string),
                creative: play.start.creative.to_string(),
                hour: decision.map_or(0, |d| d.local.hour()),
                segments: decision.map_or_else(Vec::new, |d| d.segments.clone()),
                shown_secs: (play.shown_millis as f64 / 1e3) as f32,
                dwell_secs: measured(OutcomeKind::Dwell),
                attention_secs: measured(OutcomeKind::AttentionSeconds),
                smile_lift: measured(OutcomeKind::SmileLift),
                n_scans: count(OutcomeKind::Scan),
                n_conversions: count(OutcomeKind::Conversion),
            }
        })
        .collect()
}

/// Plays that ended, as proof of play has them.
pub fn play_records(plays: &[Play], during: &Range<Timestamp>) -> Vec<PlayRecord> {
    let ended = plays.iter().filter(|play| during.contains(&play.start.at));
    let records = ended.filter_map(|play| {
        Some(PlayRecord {
            play: play.start.id.to_string(),
            screen: play.start.screen.to_string(),
            slot: play.start.slot.as_ref().map(ToString::to_string),
            campaign: play.start.campaign.as_ref().map(ToString::to_string),
            creative: play.start.creative.to_string(),
            began_at_micros: play.start.at.as_micros(),
            ended_at_micros: play.ended_at?.as_micros(),
            shown_millis: play.shown_millis,
        })
    });
    records.collect()
}
