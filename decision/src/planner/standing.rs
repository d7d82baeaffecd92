//! How the campaigns in force stand: running, to come, over, stopped.

use std::collections::BTreeMap;

use regard_domain::{CampaignId, CreativeId};
use serde::Serialize;

use super::Planner;
use crate::{LocalTime, Obstacle};

/// How a campaign in force stands today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It runs on the days, at the hours and before the audiences that it is for.
    Live,
    /// Its first day is yet to come.
    Scheduled,
    /// Its last day is over, or all its plays are used up.
    Ended,
    /// Guardrails stopped every message of it.
    Stopped,
    /// It is switched off.
    SwitchedOff,
}

/// A campaign in force, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CampaignStanding {
    /// Which campaign.
    pub campaign: CampaignId,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// Messages that guardrails stopped, and which guardrail.
    pub stopped: BTreeMap<CreativeId, String>,
    /// Plays that began ever, on all screens.
    pub n_plays: u64,
    /// Plays that began on this day of the site.
    pub n_plays_today: u64,
}

impl Planner {
    /// How the campaigns stand, in their order. What was decided counts as a play.
    pub fn standings(&self, local: LocalTime) -> Vec<CampaignStanding> {
        let of = |slot: &super::Slot| {
            let campaign = &slot.campaign;
            let schedule = &campaign.schedule;
            let budget = self.counters.budget_obstacle(campaign, local);
            let is_used_up = matches!(budget, Some(Obstacle::BudgetTotal { .. }));
            let are_all_stopped = !campaign.creatives.is_empty()
                && campaign
                    .creatives
                    .iter()
                    .all(|creative| slot.stopped.contains_key(&creative.id));
            // A daypart past midnight belongs to the day it began on: the last day is over when no minute of it is left.
            let is_over = schedule.to.is_some_and(|to| local.date > to) && !schedule.holds(local);
            let standing = if is_over || is_used_up {
                Standing::Ended
            } else if !campaign.enabled {
                Standing::SwitchedOff
            } else if are_all_stopped {
                Standing::Stopped
            } else if schedule.from.is_some_and(|from| local.date < from) {
                Standing::Scheduled
            } else {
                Standing::Live
            };
            let (n_plays, n_plays_today) = self.counters.plays(&campaign.id, local.date);
            CampaignStanding {
                campaign: campaign.id.clone(),
                name: campaign.name.clone(),
                standing,
                stopped: slot.stopped.clone(),
                n_plays,
                n_plays_today,
            }
        };
        self.slots.iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{Audience, Timestamp};
    use serde_json::{Value, json};

    use super::*;
    use crate::{ContextSpec, Creative};

    #[test]
    fn each_campaign_says_how_it_stands() {
        let campaign = |id: &str, more: &Value| {
            let message =
                json!({"id": "a", "name": "a", "content": {"kind": "text", "title": "A"}});
            let mut campaign = json!({"id": id, "name": id, "creative": [message]});
            for (key, value) in more.as_object().unwrap() {
                campaign[key] = value.clone();
            }
            campaign
        };
        let campaigns = json!([
            campaign("live", &json!({"schedule": {"to": "2026-11-20"}})),
            campaign(
                "over",
                &json!({"schedule": {"to": "2026-11-19"}, "enabled": false})
            ),
            campaign(
                "late",
                &json!({"schedule": {"to": "2026-11-19", "dayparts": [{"start": "22:00", "end": "10:00"}]}})
            ),
            campaign("next", &json!({"schedule": {"from": "2026-11-21"}})),
            campaign("off", &json!({"enabled": false})),
            campaign("bad", &json!({})),
            campaign(
                "spent",
                &json!({"priority": 9, "budget": {"max_plays_total": 2}})
            ),
        ]);
        let campaigns = serde_json::from_value(campaigns).unwrap();
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        let mut planner = Planner::new(campaigns, default, ContextSpec::default()).unwrap();
        let local = LocalTime::new(2026, 11, 20, 9, 0).unwrap();
        planner.stop(&"bad".parse().unwrap(), &"a".parse().unwrap(), "complaints");
        let mut rng = <rand_chacha::ChaCha20Rng as rand::SeedableRng>::from_seed([1; 32]);
        for millis in [0, 20_000] {
            let context = planner.context(&Audience::EMPTY, local);
            let now = Timestamp::from_millis(1_790_000_000_000 + millis);
            planner.decide(&"window".parse().unwrap(), &context, now, &mut rng);
        }
        let standings = planner.standings(local);
        let told: Vec<_> = standings
            .iter()
            .map(|one| (one.campaign.as_str(), one.standing, one.n_plays))
            .collect();
        use Standing::{Ended, Live, Scheduled, Stopped, SwitchedOff};
        assert_eq!(
            told,
            [
                ("spent", Ended, 2),
                ("bad", Stopped, 0),
                ("late", Live, 0),
                ("live", Live, 0),
                ("next", Scheduled, 0),
                ("off", SwitchedOff, 0),
                ("over", Ended, 0),
            ]
        );
        assert_eq!(standings[1].stopped.len(), 1);
        assert_eq!(standings[0].n_plays_today, 2);
    }
}
