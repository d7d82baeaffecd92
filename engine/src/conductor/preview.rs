//! What takes a screen for some seconds without being a play.

use regard_backends::OutcomeRow;
use regard_decision::{Outcome, OutcomeKind};
use regard_domain::{DecisionId, ScreenId, Timestamp};

use super::{Conductor, Effect, HEARD, Row};

impl Conductor {
    /// Something that is no message takes the screen until then, all slots of it. The play before it ends there and teaches nothing: neither
    /// its policy nor its guardrails hear how an audience took a message that was pulled away. Nothing is measured and nothing
    /// decided for the screen meanwhile; what it shows next is decided anew.
    pub(crate) fn preview(
        &mut self,
        screen: &ScreenId,
        until: Timestamp,
        now: Timestamp,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut all_cut_short = Vec::new();
        for stage in self.slots_of_mut(screen) {
            let is_first = stage.previewed_until.replace(until).is_none();
            if !is_first {
                continue; // Another preview in place of one: the play before has ended.
            }
            // What was measured of the play so far is left out with it.
            let _ = stage.meter.end(now);
            let awaited = stage.director.current().map(|decision| decision.id);
            let glass = stage.on_glass.take();
            let cut_short = glass
                .as_ref()
                .map(|glass| DecisionId::from_bits(glass.play.as_bits()));
            effects.extend(glass.map(|glass| glass.ends(now)));
            // One that was decided and did not reach the glass yet will not.
            let awaited = awaited.filter(|decision| Some(*decision) != cut_short);
            all_cut_short.extend(cut_short.into_iter().chain(awaited));
        }
        for decision in all_cut_short {
            if !self.attributor.dismiss(decision) {
                continue;
            }
            // Said, so that it is not learned after a restart either.
            effects.push(Effect::Keep(Row::Outcome(OutcomeRow(Outcome {
                decision,
                kind: OutcomeKind::Custom(HEARD.to_owned()),
                value: 0.0,
                at: now,
                key: String::new(),
            }))));
        }
        effects
    }

    /// Screens whose preview has had its time, all where no time is given, decide anew when they are next considered.
    pub(super) fn end_previews(&mut self, now: Option<Timestamp>) {
        for stage in self.stages.values_mut() {
            let is_over = |until: Timestamp| now.is_none_or(|now| until <= now);
            if stage.previewed_until.is_some_and(is_over) {
                stage.previewed_until = None;
                stage.director.restart();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use regard_backends::PlayEnd;
    use regard_decision::{ContextSpec, Creative, Decision, Planner};
    use serde_json::json;

    use super::*;
    use crate::calendar::Calendar;
    use crate::conductor::{LEARNED, Seat};
    use crate::view::{PlayReport, Showing};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis)
    }

    fn screen() -> ScreenId {
        "window".parse().unwrap()
    }

    fn conductor() -> Conductor {
        let campaigns = json!([{
            "id": "k", "name": "K", "policy": {"kind": "thompson"},
            "reward": {"window_secs": 30, "missing_is_zero": true},
            "guardrail": [{"metric": "complaints", "at_most": 0.5}],
            "creatives": [{"id": "a", "name": "a", "duration_millis": 5000, "content": {"kind": "text", "title": "A"}}],
        }]);
        let campaigns = serde_json::from_value(campaigns).unwrap();
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        let planner = Planner::new(campaigns, default, ContextSpec::default()).unwrap();
        let seat = Seat {
            screen: screen(),
            camera: None,
            slots: Vec::new(),
        };
        let uses = [(None, crate::uses::Uses::ALL)].into();
        let calendar = Calendar::new(Some("UTC")).unwrap();
        Conductor::new(calendar, planner, &[seat], uses, [3; 32])
    }

    #[derive(Default)]
    struct Heard {
        shown: Vec<Arc<Showing>>,
        ends: Vec<PlayEnd>,
        outcomes: Vec<Outcome>,
    }

    impl Heard {
        fn take(&mut self, effects: Vec<Effect>) {
            for effect in effects {
                match effect {
                    Effect::Show { showing, .. } => self.shown.push(showing),
                    Effect::Keep(Row::PlayEnd(end)) => self.ends.push(end),
                    Effect::Keep(Row::Outcome(row)) => self.outcomes.push(row.0),
                    Effect::Keep(_) | Effect::OnGlass { .. } => {}
                }
            }
        }

        fn said(&self, name: &str, decision: &Decision) -> usize {
            let kind = OutcomeKind::Custom(name.to_owned());
            let of = |outcome: &&Outcome| outcome.kind == kind && outcome.decision == decision.id;
            self.outcomes.iter().filter(of).count()
        }
    }

    #[test]
    fn a_preview_is_no_play_and_the_play_it_cuts_short_teaches_nothing() {
        let (mut conductor, mut heard) = (conductor(), Heard::default());
        heard.take(conductor.tick(at(0)));
        let first = Arc::clone(&heard.shown[0]);
        assert_eq!(first.decision.campaign.as_ref().unwrap().as_str(), "k");
        heard.take(conductor.shown(&screen(), first.play, at(10)));
        heard.take(conductor.preview(&screen(), at(7_000), at(2_010)));
        assert_eq!(heard.ends.len(), 1);
        assert_eq!(
            (heard.ends[0].id, heard.ends[0].shown_millis),
            (first.play, 2_000)
        );
        assert_eq!(heard.said(HEARD, &first.decision), 1);
        // The play would have had its time at 5 s: nothing is decided, and a player that comes back begins no play.
        for millis in (2_100..7_000).step_by(100) {
            heard.take(conductor.tick(at(millis)));
            heard.take(conductor.shown(&screen(), first.play, at(millis)));
        }
        assert_eq!((heard.shown.len(), heard.ends.len()), (1, 1));
        // A preview in place of one goes on until its own end.
        heard.take(conductor.preview(&screen(), at(8_000), at(6_990)));
        heard.take(conductor.tick(at(7_000)));
        assert_eq!((heard.shown.len(), heard.ends.len()), (1, 1));
        heard.take(conductor.tick(at(8_000)));
        assert_eq!(heard.shown.len(), 2, "decided anew");
        let second = Arc::clone(&heard.shown[1]);
        heard.take(conductor.shown(&screen(), second.play, at(8_010)));
        // What comes later of the play that was cut short is taken, and teaches nothing.
        let report = PlayReport {
            play: first.play,
            shown_millis: 1_990,
            ended: true,
        };
        heard.take(conductor.play(&screen(), report, at(8_020)));
        let mut now = 8_100;
        while now < 60_000 {
            heard.take(conductor.tick(at(now)));
            now += 100;
        }
        assert_eq!(heard.said(LEARNED, &first.decision), 0);
        assert_eq!(heard.said(LEARNED, &second.decision), 1);
        assert_eq!(heard.said(HEARD, &second.decision), 1);
        assert_eq!(heard.said(HEARD, &first.decision), 1, "by no guardrail");
    }

    #[test]
    fn what_was_cut_short_is_not_learned_after_a_restart_either() {
        let (mut before, mut heard) = (conductor(), Heard::default());
        heard.take(before.tick(at(0)));
        let first = heard.shown[0].decision.clone();
        // Not even on the glass yet.
        heard.take(before.preview(&screen(), at(3_000), at(5)));
        assert!(heard.ends.is_empty());
        let kept = heard.outcomes.clone();
        assert_eq!(kept.len(), 1);
        let (mut after, mut heard) = (conductor(), Heard::default());
        after.resume(&[(first.clone(), kept)]);
        for millis in (60_000..62_000).step_by(100) {
            heard.take(after.tick(at(millis)));
        }
        assert_eq!(heard.said(LEARNED, &first), 0);
    }

    #[test]
    fn a_preview_gives_way_when_the_ledger_cannot_be_written() {
        let (mut conductor, mut heard) = (conductor(), Heard::default());
        heard.take(conductor.tick(at(0)));
        heard.take(conductor.preview(&screen(), at(30_000), at(1_000)));
        heard.take(conductor.ledger(false, at(1_500)));
        assert_eq!(heard.shown.len(), 2);
        assert!(heard.shown[1].decision.is_default);
    }
}
