//! What a campaign may begin with after a study: sums over participants, and nothing else.

use std::collections::BTreeMap;

use regard_decision::{BetaCounts, Learned, POLICY_STATE_FORMAT, PolicyState};
use regard_domain::CreativeId;
use serde::Serialize;

use super::plan::MIN_PARTICIPANTS;
use super::result::StudyResult;

/// Participants below which a message goes into no prior, whatever the plan of the study says: a prior leaves the study.
pub const MIN_PRIOR_CELL: u32 = MIN_PARTICIPANTS;

/// Answers are rounded to this part of the scale before they leave, so that one participant more or less is not read off.
const ROUND_TO: f64 = 0.05;

/// What is known of one message before it plays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyPrior {
    /// Which.
    pub creative: CreativeId,
    /// Mean stated liking, 0 not at all to 1 very much, rounded to twentieths.
    pub liking: f64,
    /// Plays that it counts as before it is weakened: as many as answered, down to a multiple of five.
    pub plays: u32,
}

/// What a campaign may begin with.
///
/// Made of stated answers alone. Movements of a fraction of a second have no way in: this room never sees them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StudyPriors {
    /// By message, in the order of the plan.
    pub messages: Vec<StudyPrior>,
    /// Messages about which too few answered.
    pub suppressed: Vec<CreativeId>,
    /// Participants that it takes.
    pub needed: u32,
}

impl StudyPriors {
    /// Of a study as it stands.
    pub fn of(result: &StudyResult) -> Self {
        let needed = result.min_participants.max(MIN_PRIOR_CELL);
        let (mut messages, mut suppressed) = (Vec::new(), Vec::new());
        for one in &result.creatives {
            match one.liking.as_ref().filter(|liking| liking.n >= needed) {
                Some(liking) => messages.push(StudyPrior {
                    creative: one.creative.clone(),
                    liking: (((liking.mean - 1.0) / 6.0) / ROUND_TO).round() * ROUND_TO,
                    plays: liking.n / MIN_PRIOR_CELL * MIN_PRIOR_CELL,
                }),
                None => suppressed.push(one.creative.clone()),
            }
        }
        Self {
            messages,
            suppressed,
            needed,
        }
    }

    /// As what `regard learned import` reads into a campaign with the policy `thompson`; nothing where every message was
    /// suppressed.
    pub fn to_policy_state(&self) -> Option<PolicyState> {
        let counts = |prior: &StudyPrior| BetaCounts {
            successes: prior.liking * f64::from(prior.plays),
            failures: (1.0 - prior.liking) * f64::from(prior.plays),
            updated: 0,
        };
        let actions: BTreeMap<CreativeId, BetaCounts> = self
            .messages
            .iter()
            .map(|prior| (prior.creative.clone(), counts(prior)))
            .collect();
        (!actions.is_empty()).then(|| PolicyState {
            format: POLICY_STATE_FORMAT,
            version: 0,
            learned: Learned::Thompson { actions },
            evidence: String::new(),
        })
    }
}
