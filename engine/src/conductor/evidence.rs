//! Experiments and guardrails: what is known of each message, and what stops one.

use std::collections::BTreeSet;

use regard_backends::OutcomeRow;
use regard_decision::{
    Campaign, ExperimentKind, GuardMetric, Outcome, OutcomeKind, PolicyConfig, PolicyUpdate,
};
use regard_domain::{CampaignId, CreativeId, DecisionId, PlayId, ScreenId, Timestamp};
use regard_evaluation::{Ablation, Evidence, EvidenceReport, Rewarded};

use super::{Conductor, Effect, HEARD, Row, Whom};

/// Key of the objections of one play: how often somebody asks does not matter, that somebody did does.
const OBJECTED: &str = "objection";

impl Conductor {
    /// Takes up what the experiment of a campaign knew before. A text that cannot be read is said and
    /// left out: the experiment begins anew.
    pub(crate) fn take_evidence(&mut self, campaign: &CampaignId, text: &str) {
        if text.is_empty() {
            return;
        }
        match serde_json::from_str::<Evidence>(text) {
            Ok(evidence) => {
                self.evidence.insert(campaign.clone(), evidence);
            }
            Err(error) => {
                tracing::warn!(%campaign, %error, "what its experiment knew cannot be read; it begins anew");
            }
        }
    }

    /// Policies of these campaigns began afresh: what was proven of those before says nothing of them.
    pub(crate) fn forget_comparisons(&mut self, afresh: &[CampaignId]) {
        for campaign in afresh {
            if let Some(evidence) = self.evidence.get_mut(campaign) {
                evidence.forget_comparison();
            }
        }
    }

    /// Experiments and guardrails follow the campaigns in force.
    pub(crate) fn follow_campaigns(&mut self) {
        let campaigns: Vec<_> = self.planner.campaigns().cloned().collect();
        self.evidence
            .retain(|id, _| campaigns.iter().any(|c| c.id == *id));
        for campaign in &campaigns {
            let is_contested = self.is_contested(campaign);
            let evidence = self.evidence.entry(campaign.id.clone()).or_default();
            evidence.follow(campaign, is_contested);
            for (creative, guardrail) in evidence.stopped() {
                self.planner.stop(&campaign.id, creative, guardrail);
            }
            let is_idle = evidence
                .ablation
                .as_ref()
                .is_some_and(Ablation::is_expression_idle);
            self.planner.set_expression_idle(&campaign.id, is_idle);
            self.planner.set_proven(&campaign.id, evidence.is_proven());
        }
    }

    /// Whether a campaign runs in several slots of one screen: what one of them shows the others do not get.
    pub(super) fn is_contested(&self, campaign: &Campaign) -> bool {
        let stages = self.stages.iter();
        let mut runs =
            stages.filter(|((screen, _), stage)| campaign.runs_at(screen, stage.slot.as_ref()));
        let mut screens = BTreeSet::new();
        runs.any(|((screen, _), _)| !screens.insert(screen))
    }

    /// All that is known of a campaign, as it is stored.
    pub(super) fn evidence_text(&self, campaign: &CampaignId) -> String {
        self.evidence
            .get(campaign)
            .filter(|evidence| **evidence != Evidence::default())
            .map_or_else(String::new, |evidence| {
                serde_json::to_string(evidence).expect("names and finite numbers always print")
            })
    }

    /// All that is known of a campaign, to be read; nothing when there is no such campaign.
    pub(crate) fn evidence(&self, campaign: &CampaignId) -> Option<EvidenceReport> {
        self.planner.campaign(campaign)?;
        let evidence = self.evidence.get(campaign);
        let none = Evidence::default();
        let is_apprentice = self.planner.is_apprentice(campaign);
        Some(evidence.unwrap_or(&none).report(is_apprentice))
    }

    /// The least probability that a campaign leaves a message, among all that it could come to: by weight in an experiment that
    /// shares plays so, else by what its policy explores.
    fn least_propensity(&self, campaign: &CampaignId) -> Option<f64> {
        let campaign = self.planner.campaign(campaign)?;
        let experiment = campaign.experiment.as_ref();
        let shown = f64::from(1.0 - experiment.map_or(0.0, |e| e.holdout));
        if experiment.is_some_and(|e| e.kind == ExperimentKind::Ab) {
            let weights = || campaign.creatives.iter().map(|c| f64::from(c.weight));
            let least = weights().fold(f64::INFINITY, f64::min);
            return Some(shown * least / weights().sum::<f64>());
        }
        let exploration = match campaign.policy {
            PolicyConfig::Fixed { .. } | PolicyConfig::Rules {} => 1.0,
            PolicyConfig::Thompson { exploration, .. }
            | PolicyConfig::Linucb { exploration, .. } => exploration,
            PolicyConfig::Epsilon(config)
            | PolicyConfig::Lints(config)
            | PolicyConfig::Squarecb(config)
            | PolicyConfig::Bootstrapped(config) => config.exploration,
        };
        let share = shown * f64::from(exploration);
        Some(share / campaign.creatives.len().max(1) as f64)
    }

    /// A reward is weighed by the experiment of its campaign, and foretold and learned by the models that
    /// say whether the camera adds anything.
    pub(super) fn weigh(&mut self, update: &PolicyUpdate) {
        let id = &update.campaign;
        let (Some(campaign), Some(least)) = (self.planner.campaign(id), self.least_propensity(id))
        else {
            return;
        };
        let is_contested = self.is_contested(campaign);
        let evidence = self.evidence.entry(id.clone()).or_default();
        evidence.follow(campaign, is_contested);
        let play = Rewarded {
            creative: (!update.is_held_out).then_some(&update.creative),
            others: &update.others,
            segments: &update.segments,
            reward: f64::from(update.reward),
            propensity: f64::from(update.propensity),
        };
        evidence.rewarded(play, least, campaign.creatives.len());
        let weight = update.apprentice_weight.map(f64::from);
        if weight.is_some_and(|weight| evidence.compared(weight, f64::from(update.reward))) {
            tracing::info!(campaign = %id, "the policy would have earned at least what its baseline earned");
            self.planner.set_proven(id, true);
        }
        if !update.is_held_out {
            self.foretell(update);
        }
    }

    /// The models that say whether the camera adds anything foretell a reward and learn it, whatever policy chose the message.
    fn foretell(&mut self, update: &PolicyUpdate) {
        let id = &update.campaign;
        let Some((space, features)) = self.planner.encoded(id, &update.creative) else {
            return;
        };
        let names = self.planner.feature_names();
        let evidence = self.evidence.entry(id.clone()).or_default();
        let ablation = evidence
            .ablation
            .get_or_insert_with(|| Ablation::new(names, space));
        ablation.adapt(names, space);
        let was_idle = ablation.is_expression_idle();
        let message = (&update.creative, features);
        if let Err(error) = ablation.observe(message, &update.features, update.reward) {
            tracing::debug!(%error, "a reward was not foretold");
        }
        if ablation.is_expression_idle() && !was_idle {
            tracing::info!(campaign = %id, "what faces show adds nothing here; these features are switched off");
            self.planner.set_expression_idle(id, true);
        }
    }

    /// Guardrails hear what the meter measured of a play that ended.
    pub(super) fn hear_of_play(
        &mut self,
        message: (&CampaignId, &CreativeId),
        outcomes: &[Outcome],
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let mut has_heard = false;
        for metric in [GuardMetric::NegativeExpression, GuardMetric::TurningAway] {
            let of_metric = outcomes.iter().find(|o| o.kind == metric.outcome());
            if let Some(outcome) = of_metric {
                has_heard |= self.hear(message, metric, f64::from(outcome.value));
            }
        }
        if has_heard {
            self.keep_learned(message.0, at, effects);
        }
    }

    /// Guardrails hear whether anything was said against plays whose window closed, each once.
    pub(super) fn hear_of_settled(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for settled in self.attributor.take_settled() {
            if settled.is_held_out {
                continue;
            }
            let message = (&settled.campaign, &settled.creative);
            let mut has_heard = false;
            for (metric, happened) in [
                (GuardMetric::Complaints, settled.complained),
                (GuardMetric::Objections, settled.objected),
            ] {
                has_heard |= self.hear(message, metric, f64::from(u8::from(happened)));
            }
            if has_heard {
                effects.push(Effect::Keep(Row::Outcome(OutcomeRow(Outcome {
                    decision: settled.decision,
                    kind: OutcomeKind::Custom(HEARD.to_owned()),
                    value: 1.0,
                    at: now,
                    key: String::new(),
                }))));
                self.keep_learned(message.0, now, effects);
            }
        }
    }

    /// Says whether a guardrail looks at this; one that is broken stops the message.
    fn hear(
        &mut self,
        (campaign, creative): (&CampaignId, &CreativeId),
        metric: GuardMetric,
        value: f64,
    ) -> bool {
        let Some(configured) = self.planner.campaign(campaign) else {
            return false;
        };
        if !configured.guardrails.iter().any(|g| g.metric == metric) {
            return false;
        }
        let evidence = self.evidence.entry(campaign.clone()).or_default();
        if let Some(broken) = evidence.heard(configured, creative, metric, value) {
            let name = broken.metric.name();
            tracing::warn!(%campaign, %creative, guardrail = name, "a guardrail stopped this message");
            self.planner.stop(campaign, creative, name);
        }
        true
    }

    /// Somebody before a screen asked not to be looked at: that counts against what it shows, in every slot, for nobody can
    /// tell which it was.
    pub(crate) fn objected(&mut self, screen: &ScreenId, now: Timestamp) -> Vec<Effect> {
        let glasses = self.slots_of(screen).filter_map(|s| s.on_glass.as_ref());
        let messages = glasses.filter(|glass| glass.message.is_some());
        let plays: Vec<PlayId> = messages.map(|glass| glass.play).collect();
        if plays.is_empty() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for play in plays {
            let outcome = Outcome {
                decision: DecisionId::from_bits(play.as_bits()),
                kind: OutcomeKind::Objection,
                value: 1.0,
                at: now,
                key: OBJECTED.to_owned(),
            };
            effects.extend(self.outcome(outcome, now).1);
        }
        self.consider(Whom::Ended, None, now, &mut effects);
        effects
    }
}

#[cfg(test)]
mod tests {
    use regard_decision::{ContextSpec, Creative, Planner};
    use serde_json::json;

    use super::*;
    use crate::calendar::Calendar;
    use crate::conductor::Seat;
    use crate::remembered::{Memory, Remembered};

    const NOON: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    /// A campaign whose policy has to prove itself; with features of its messages it has one model for all of them.
    fn campaign(name: &str, has_features: bool) -> Campaign {
        let message = |id: &str| {
            let features = if has_features {
                json!({"hot": 1.0})
            } else {
                json!({})
            };
            json!({"id": id, "name": id, "content": {"kind": "text", "title": id}, "features": features})
        };
        let policy = json!({"kind": "lints", "exploration": 0.5, "apprentice_ends": "proven"});
        let messages = ["a", "b"].map(message);
        let campaign = json!({"id": "k", "name": name, "policy": policy, "creatives": messages});
        serde_json::from_value(campaign).unwrap()
    }

    fn conductor(campaign: Campaign, remembered: &Remembered) -> Conductor {
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        let planner = Planner::new(vec![campaign], default, ContextSpec::default()).unwrap();
        let seat = Seat {
            screen: "window".parse().unwrap(),
            camera: None,
            slots: Vec::new(),
        };
        let uses = [(None, crate::uses::Uses::ALL)].into();
        let calendar = Calendar::new(Some("UTC")).unwrap();
        remembered.conductor(planner, calendar, &[seat], uses, [3; 32])
    }

    /// A conductor whose policy has learned and was proven, and what is stored of that.
    fn proven() -> (Conductor, Remembered) {
        let mut conductor = conductor(campaign("K", false), &Remembered::default());
        let id: CampaignId = "k".parse().unwrap();
        let update = PolicyUpdate {
            decision: DecisionId::from_bits(1),
            campaign: id.clone(),
            creative: "a".parse().unwrap(),
            features: vec![0.0; conductor.planner.feature_names().len()],
            reward: 1.0,
            is_held_out: false,
            propensity: 0.75,
            segments: Vec::new(),
            others: Vec::new(),
            apprentice_weight: None,
        };
        conductor.planner.apply(&update).unwrap();
        let mut evidence = Evidence::default();
        evidence.follow(&campaign("K", false), false);
        let mut plays = [(1.5, 1.0), (0.5, 0.0)].into_iter().cycle().take(4_000);
        assert!(plays.any(|(weight, reward)| evidence.compared(weight, reward)));
        let text = serde_json::to_string(&evidence).unwrap();
        conductor.take_evidence(&id, &text);
        conductor.follow_campaigns();
        let mut effects = Vec::new();
        conductor.keep_learned(&id, NOON, &mut effects);
        let mut remembered = Remembered::default();
        for effect in effects {
            if let Effect::Keep(Row::Policy(row)) = effect {
                remembered.add(Memory::Policy { row: Box::new(row) });
            }
        }
        (conductor, remembered)
    }

    fn acts(conductor: &Conductor) -> bool {
        let id: CampaignId = "k".parse().unwrap();
        let report = conductor.evidence(&id).unwrap().apprentice.unwrap();
        assert_eq!(report.is_apprentice, report.proven_after.is_none());
        assert_eq!(report.is_apprentice, conductor.planner.is_apprentice(&id));
        !report.is_apprentice
    }

    #[test]
    fn what_was_proven_of_a_policy_says_nothing_of_one_that_begins_afresh() {
        let (mut now, remembered) = proven();
        assert!(acts(&now));
        // Another name is no other policy.
        let afresh = now.set_campaigns(vec![campaign("Other", false)]).unwrap();
        assert!(afresh.is_empty() && acts(&now));
        // Models of each message do not fit one that they share: nothing is left of what was learned.
        let afresh = now.set_campaigns(vec![campaign("Other", true)]).unwrap();
        assert_eq!(afresh.len(), 1);
        assert!(!acts(&now), "untried, and yet it would choose");
        // Neither after a restart with what was stored before.
        assert!(acts(&conductor(campaign("K", false), &remembered)));
        assert!(!acts(&conductor(campaign("K", true), &remembered)));
    }
}
