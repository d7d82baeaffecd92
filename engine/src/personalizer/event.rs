//! What is asked for an event, and what is kept of it.

use std::collections::BTreeSet;
use std::time::Duration;

use regard_commitments::{Digest, Refusal, RefusalCode};
use regard_decision::{
    Candidate, Decision, FeatureSpace, LocalTime, Outcome, OutcomeKind, Policy, Reason, Trigger,
    names_a_weakness,
};
use regard_domain::{CampaignId, CreativeId, DecisionId, ScreenId, Timestamp, sensitive_in_name};

use super::{ACTIVATED, LEARNED, PERSONALIZER, PersonalizerError, SENT};
use crate::seed::{random_key, to_hex};

/// Most actions, and most slots, of one event: what the service it stands in for took.
const MAX_ACTIONS: usize = 50;

/// Longest id of an event, an action or a slot, in bytes.
const MAX_ID_LEN: usize = 256;

/// Most features of a context, of an action or of a slot.
const MAX_FEATURES: usize = 500;

/// Places that features are hashed into. Contexts have one more, which is 1 throughout. All products together are 252
/// weights: what was learned takes 350 kB on the disk, written with each reward.
const CONTEXT_PLACES: usize = 11;
const ACTION_PLACES: usize = 20;

/// Mark of a decision that waits to be activated.
const DEFERRED: &str = "deferred";

/// Mark that says of which event a slot is.
const EVENT_MARK: &str = "event:";

/// Name of the feature that holds with which probability the model would have chosen what the baseline chose.
pub(super) const BY_MODEL: &str = "by_model";

/// An action that may be picked.
#[derive(Clone, Debug, PartialEq)]
pub struct RankableAction {
    /// Its id.
    pub id: String,
    /// What it is like.
    pub features: Vec<(String, f32)>,
}

/// A slot of several.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotWish {
    /// Its id.
    pub id: String,
    /// What it is like.
    pub features: Vec<(String, f32)>,
    /// Actions that must not come there.
    pub excluded: BTreeSet<String>,
    /// What would come there without the service.
    pub baseline: String,
}

/// An event with one slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankWish {
    /// Its id; nothing: one is made.
    pub event: Option<String>,
    /// What is the case.
    pub context: Vec<(String, f32)>,
    /// What may be picked; the first that is not excluded is the baseline.
    pub actions: Vec<RankableAction>,
    /// Ids that must not be picked.
    pub excluded: BTreeSet<String>,
    /// Whether it counts only once it was activated.
    pub is_deferred: bool,
}

/// An event with several slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotsWish {
    /// Its id; nothing: one is made.
    pub event: Option<String>,
    /// What is the case.
    pub context: Vec<(String, f32)>,
    /// What may be picked.
    pub actions: Vec<RankableAction>,
    /// The slots, the first filled first.
    pub slots: Vec<SlotWish>,
    /// Whether it counts only once it was activated.
    pub is_deferred: bool,
}

/// What an event came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Its id.
    pub event: String,
    /// Every action with its probability: what was picked first, then by probability; those excluded stand where they
    /// stood, with probability 0.
    pub ranking: Vec<(String, f32)>,
    /// What was picked.
    pub reward_action: String,
}

/// What an event with several slots came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedSlots {
    /// Its id.
    pub event: String,
    /// Slot and action.
    pub slots: Vec<(String, String)>,
}

fn wish(text: impl Into<String>) -> PersonalizerError {
    PersonalizerError::Wish(text.into())
}

fn check_id(what: &str, id: &str) -> Result<(), PersonalizerError> {
    let is_good = (1..=MAX_ID_LEN).contains(&id.len());
    is_good
        .then_some(())
        .ok_or_else(|| wish(format!("the id of {what} has 1 to {MAX_ID_LEN} bytes")))
}

/// Features are numbers, few enough, and about nothing that nobody may learn from.
fn check_features(what: &str, features: &[(String, f32)]) -> Result<(), PersonalizerError> {
    if features.len() > MAX_FEATURES {
        return Err(wish(format!("{what} has at most {MAX_FEATURES} features")));
    }
    for (name, value) in features {
        if !value.is_finite() {
            return Err(wish(format!("a feature of {what} is not a number")));
        }
        let category = sensitive_in_name(name).or_else(|| sensitive_in_name(&name.to_lowercase()));
        if let Some(category) = category {
            return Err(PersonalizerError::Refused(Refusal::new(
                RefusalCode::SensitiveInference,
                format!("a feature of {what} is about somebody's {category}"),
                "leave it out; if it is about something else, give it another name",
            )));
        }
        if names_a_weakness(name) {
            return Err(PersonalizerError::Refused(Refusal::new(
                RefusalCode::VulnerabilityTargeting,
                format!(
                    "a feature of {what} is about distress, fatigue, age, disability or poverty"
                ),
                "leave it out; if it is about something else, give it another name",
            )));
        }
    }
    Ok(())
}

fn check_actions(
    context: &[(String, f32)],
    actions: &[RankableAction],
) -> Result<(), PersonalizerError> {
    if !(1..=MAX_ACTIONS).contains(&actions.len()) {
        return Err(wish(format!("there are 1 to {MAX_ACTIONS} actions")));
    }
    check_features("the context", context)?;
    let mut ids = BTreeSet::new();
    for action in actions {
        check_id("an action", &action.id)?;
        check_features("an action", &action.features)?;
        if !ids.insert(&action.id) {
            return Err(wish("each action has an id of its own"));
        }
    }
    Ok(())
}

impl RankWish {
    pub(super) fn check(&self) -> Result<(), PersonalizerError> {
        check_actions(&self.context, &self.actions)?;
        let is_left = self.actions.iter().any(|a| !self.excluded.contains(&a.id));
        is_left
            .then_some(())
            .ok_or_else(|| wish("every action is excluded"))
    }
}

impl SlotsWish {
    pub(super) fn check(&self) -> Result<(), PersonalizerError> {
        check_actions(&self.context, &self.actions)?;
        if !(1..=MAX_ACTIONS).contains(&self.slots.len()) {
            return Err(wish(format!("there are 1 to {MAX_ACTIONS} slots")));
        }
        if self.slots.len() > self.actions.len() {
            return Err(wish("there are at least as many actions as slots"));
        }
        let (mut ids, mut baselines) = (BTreeSet::new(), BTreeSet::new());
        for slot in &self.slots {
            check_id("a slot", &slot.id)?;
            check_features("a slot", &slot.features)?;
            if !ids.insert(&slot.id) {
                return Err(wish("each slot has an id of its own"));
            }
            let is_known = self.actions.iter().any(|a| a.id == slot.baseline);
            if !is_known || slot.excluded.contains(&slot.baseline) {
                return Err(wish(
                    "the baseline of a slot is one of the actions, and not excluded",
                ));
            }
            if !baselines.insert(&slot.baseline) {
                return Err(wish("each slot has a baseline of its own"));
            }
        }
        Ok(())
    }
}

/// The id that was given, or a new one.
pub(super) fn named(event: Option<&str>) -> Result<String, PersonalizerError> {
    match event {
        Some(event) => {
            check_id("an event", event)?;
            Ok(event.to_owned())
        }
        None => {
            let random = random_key().map_err(|error| wish(error.to_string()))?;
            Ok(to_hex(&random)[..32].to_owned())
        }
    }
}

/// The number of an event, or of one of its slots, in the log.
pub(super) fn id_of(event: &str, slot: Option<&str>) -> DecisionId {
    let length = (event.len() as u64).to_be_bytes();
    let slot = slot.map_or_else(Vec::new, |slot| [b"/", slot.as_bytes()].concat());
    let digest = Digest::of(&[
        b"regard personalizer event",
        &length,
        event.as_bytes(),
        &slot,
    ]);
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest.as_bytes()[..16]);
    DecisionId::from_bits(u128::from_be_bytes(bits))
}

/// How an action is called in the log: as it is, or by a hash where it is no id of ours.
pub(super) fn slug(id: &str) -> CreativeId {
    CreativeId::new(id).unwrap_or_else(|_| {
        let digest = Digest::of(&[b"regard personalizer action", id.as_bytes()]);
        let text = format!("x-{}", &to_hex(digest.as_bytes())[..32]);
        CreativeId::new(text).expect("hexadecimal digits are an id")
    })
}

/// A reward as policies take it.
pub(super) fn within_unit(reward: f32) -> f32 {
    f32::midpoint(reward.clamp(-1.0, 1.0), 1.0)
}

/// Where features go.
pub(super) struct Places {
    context: FeatureSpace,
    pub(super) space: FeatureSpace,
}

fn hashed(places: usize) -> Vec<String> {
    (0..places).map(|i| format!("#{i}/{places}")).collect()
}

/// Large numbers would drown the others: past 1 their logarithm counts.
fn tamed(value: f32) -> f32 {
    if value.abs() <= 1.0 {
        value
    } else {
        value.signum() * (1.0 + value.abs().ln())
    }
}

impl Places {
    pub(super) fn new() -> Self {
        let names: Vec<String> = std::iter::once("bias".to_owned())
            .chain((0..CONTEXT_PLACES).map(|i| format!("c{i}")))
            .collect();
        Self {
            context: FeatureSpace::new(&[], hashed(CONTEXT_PLACES)),
            space: FeatureSpace::new(&names, hashed(ACTION_PLACES)),
        }
    }

    pub(super) fn context(&self, features: &[(String, f32)]) -> Vec<f32> {
        let features = features.iter().map(|(n, v)| (n.as_str(), tamed(*v)));
        let mut placed = vec![1.0];
        placed.extend(self.context.place(features));
        placed
    }

    pub(super) fn action(&self, action: &RankableAction, slot: &[(String, f32)]) -> Vec<f32> {
        let own = format!("id={}", action.id);
        let of_slot: Vec<(String, f32)> = slot
            .iter()
            .map(|(name, value)| (format!("slot.{name}"), *value))
            .collect();
        let features = action.features.iter().chain(&of_slot);
        let features = features.map(|(n, v)| (n.as_str(), tamed(*v)));
        self.space.place(features.chain([(own.as_str(), 1.0)]))
    }
}

/// What the policy saw of an event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) context: Vec<f32>,
    pub(super) action: Vec<f32>,
}

/// An event that waits for its reward.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Open {
    /// The number of the event as a whole.
    pub(super) event: DecisionId,
    pub(super) closes_at: Timestamp,
    pub(super) is_active: bool,
    /// Sum of the rewards that came and are not learned.
    pub(super) sent: Option<f32>,
    pub(super) n_sent: u32,
    pub(super) action: CreativeId,
    pub(super) placed: Placed,
}

impl Open {
    /// As it was when the program ended; nothing where it was learned from.
    pub(super) fn again(decision: &Decision, came: &[Outcome], wait: Duration) -> Option<Self> {
        let named = |name: &'static str| {
            let kind = OutcomeKind::Custom(name.to_owned());
            came.iter().filter(move |outcome| outcome.kind == kind)
        };
        if named(LEARNED).next().is_some() {
            return None;
        }
        let value = |name: String| {
            let found = decision.features.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| *value)
        };
        let context: Option<Vec<f32>> = std::iter::once(Some(1.0))
            .chain((0..CONTEXT_PLACES).map(|i| value(format!("c{i}"))))
            .collect();
        let action: Option<Vec<f32>> = (0..ACTION_PLACES).map(|i| value(format!("a{i}"))).collect();
        let n_sent = named(SENT).count();
        let is_deferred = decision.segments.iter().any(|s| s == DEFERRED);
        let mut marks = decision.segments.iter();
        let event = marks.find_map(|mark| mark.strip_prefix(EVENT_MARK)?.parse().ok());
        Some(Self {
            event: event.unwrap_or(decision.id),
            closes_at: decision.at.plus(wait),
            is_active: !is_deferred || named(ACTIVATED).next().is_some(),
            sent: (n_sent > 0).then(|| named(SENT).map(|outcome| outcome.value).sum()),
            n_sent: u32::try_from(n_sent).unwrap_or(u32::MAX),
            action: decision.creative.clone(),
            placed: Placed {
                context: context?,
                action: action?,
            },
        })
    }
}

/// A slot as it is filled.
pub(super) struct Seat<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) features: &'a [(String, f32)],
    pub(super) excluded: &'a BTreeSet<String>,
    pub(super) baseline: Option<&'a String>,
}

impl<'a> Seat<'a> {
    pub(super) fn only(wish: &'a RankWish) -> Self {
        Self {
            id: None,
            features: &[],
            excluded: &wish.excluded,
            baseline: None,
        }
    }

    pub(super) fn of(slot: &'a SlotWish) -> Self {
        Self {
            id: Some(&slot.id),
            features: &slot.features,
            excluded: &slot.excluded,
            baseline: Some(&slot.baseline),
        }
    }
}

/// What a slot came to.
pub(super) struct Chosen {
    /// Place of what was picked among all actions.
    pub(super) index: usize,
    /// Places of those that could be picked.
    pub(super) left: Vec<usize>,
    /// Place of what was picked among those.
    pub(super) place: usize,
    /// Place of the baseline among those.
    pub(super) baseline: usize,
    pub(super) creatives: Vec<CreativeId>,
    pub(super) features: Vec<Vec<f32>>,
    pub(super) propensities: Vec<f32>,
    /// Probabilities if the model chose.
    pub(super) by_model: Vec<f32>,
}

impl Chosen {
    /// As it is logged; the baseline is the first candidate.
    pub(super) fn decision(
        &self,
        id: DecisionId,
        (at, local): (Timestamp, LocalTime),
        open: &Open,
        policy: &dyn Policy,
    ) -> Decision {
        let campaign = CampaignId::new(PERSONALIZER).expect("this text is an id");
        let mut places: Vec<usize> = (0..self.left.len()).collect();
        places.sort_by_key(|place| *place != self.baseline);
        let candidate = |place: usize| Candidate {
            campaign: Some(campaign.clone()),
            creative: self.creatives[place].clone(),
            propensity: self.propensities[place],
            held_out: None,
            by_apprentice: None,
        };
        let named = |name: char, values: &[f32]| {
            let values = values.iter().enumerate();
            let named = values.map(|(i, value)| (format!("{name}{i}"), *value));
            named.collect::<Vec<_>>()
        };
        let mut features = named('c', &open.placed.context[1..]);
        features.extend(named('a', &open.placed.action));
        features.push((BY_MODEL.to_owned(), self.by_model[self.place]));
        let deferred = (!open.is_active).then(|| DEFERRED.to_owned());
        let event = format!("{EVENT_MARK}{}", open.event);
        Decision {
            id,
            at,
            local,
            screen: ScreenId::new(PERSONALIZER).expect("this text is an id"),
            slot: None,
            candidates: places.into_iter().map(candidate).collect(),
            campaign: Some(campaign.clone()),
            creative: self.creatives[self.place].clone(),
            is_default: false,
            policy: policy.kind().to_owned(),
            policy_version: policy.version(),
            propensity: self.propensities[self.place],
            features,
            held_out: None,
            segments: deferred.into_iter().chain([event]).collect(),
            is_personal: false,
            reason: Reason {
                trigger: Trigger::Asked,
                cause: None,
                met: Vec::new(),
                excluded: Vec::new(),
            },
        }
    }
}

/// What the slots of an event came to, by place of the action.
#[derive(Default)]
pub(super) struct Choices(Vec<(usize, Vec<(usize, f32)>)>);

impl Choices {
    pub(super) fn push(&mut self, chosen: &Chosen) {
        let places = chosen.left.iter().copied();
        let all = places.zip(chosen.propensities.iter().copied());
        self.0.push((chosen.index, all.collect()));
    }

    /// What was stored of the same event; other actions than then cannot be answered.
    pub(super) fn push_stored(
        &mut self,
        decision: &Decision,
        actions: &[RankableAction],
    ) -> Result<(), PersonalizerError> {
        let place = |creative: &CreativeId| {
            let found = actions.iter().position(|a| slug(&a.id) == *creative);
            found.ok_or_else(|| wish("this event was ranked before, with other actions"))
        };
        let mut all = Vec::with_capacity(decision.candidates.len());
        for candidate in &decision.candidates {
            all.push((place(&candidate.creative)?, candidate.propensity));
        }
        all.sort_by_key(|(place, _)| *place);
        self.0.push((place(&decision.creative)?, all));
        Ok(())
    }

    pub(super) fn into_ranked(self, event: String, wish: &RankWish) -> Ranked {
        let (index, all) = self.0.into_iter().next().unwrap_or_default();
        let mut order = all.clone();
        order.sort_by(|a, b| {
            let first = (a.0 != index).cmp(&(b.0 != index));
            first.then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
        });
        let mut ranking: Vec<(String, f32)> = order
            .into_iter()
            .map(|(place, p)| (wish.actions[place].id.clone(), p))
            .collect();
        for (place, action) in wish.actions.iter().enumerate() {
            if all.iter().all(|(known, _)| *known != place) {
                ranking.insert(place.min(ranking.len()), (action.id.clone(), 0.0));
            }
        }
        Ranked {
            event,
            ranking,
            reward_action: wish.actions[index].id.clone(),
        }
    }

    pub(super) fn into_slots(self, event: String, wish: &SlotsWish) -> RankedSlots {
        let filled = wish.slots.iter().zip(self.0);
        let slots =
            filled.map(|(slot, (index, _))| (slot.id.clone(), wish.actions[index].id.clone()));
        RankedSlots {
            event,
            slots: slots.collect(),
        }
    }
}
