//! A service that ranks what others offer and learns from what came of it: no camera, no screen, no campaign.
//!
//! Whoever asks sends a context, actions and their features; what is kept of these are sums in hashed places, never the
//! words themselves. An event is a decision of the log under campaign and screen [`PERSONALIZER`], so that
//! `regard evaluate --campaign personalizer` says what another policy would have earned. Decision, reward and what was learned
//! from it are on the disk before they are acknowledged; a reward and its lesson in one transaction, so that it counts once.

mod compare;
mod event;
mod rewards;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_backends::{Batch, DecisionRow, PolicyRow, Store, StoreError};
use regard_commitments::{Answer, Digest, Kept, Refusal, RetentionGate};
use regard_decision::{Action, Policy, PolicyState, new_policy_over, restore_policy_over};
use regard_domain::{CampaignId, Clock, CreativeId, DecisionId, Timestamp};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::calendar::Calendar;
use crate::conductor::LEARNED;

pub use compare::{PersonalizerReport, Rewarded};
pub use event::{RankWish, RankableAction, Ranked, RankedSlots, SlotWish, SlotsWish};
pub use settings::{BadPersonalizerSettings, LearningMode, PersonalizerSettings};

use event::{Open, Placed, Places, id_of};

/// Campaign and screen of every event in the log.
pub const PERSONALIZER: &str = "personalizer";

/// Outcome that holds a reward as it was sent, −1 to 1.
const SENT: &str = "reward_sent";

/// Outcome that says that a deferred event was activated.
const ACTIVATED: &str = "activated";

/// Events that wait for their reward, about 300 bytes each. When full, the one that was ranked first closes with what it has.
const MAX_OPEN: usize = 100_000;

/// How often it is looked which events are over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why something was not done.
#[derive(Debug, Error)]
pub enum PersonalizerError {
    /// What was asked cannot be answered.
    #[error("{0}")]
    Wish(String),
    /// A feature would tell a policy what nobody may learn.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Nobody ever ranked this event, or it is no longer kept.
    #[error("there is no event of that id")]
    UnknownEvent,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] BadPersonalizerSettings),
    /// The store failed; nothing was done.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
}

/// What it is made of.
pub(crate) struct PersonalizerParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) retention: RetentionGate,
    pub(crate) calendar: Calendar,
    pub(crate) clock: Arc<dyn Clock>,
}

struct State {
    settings: PersonalizerSettings,
    policy: Box<dyn Policy>,
    /// What is on the disk of it.
    written: PolicyState,
    learned_at: Option<Timestamp>,
    open: BTreeMap<DecisionId, Open>,
    /// The same in the order in which they end.
    ends: BTreeSet<(Timestamp, DecisionId)>,
}

/// Ranks, and learns from rewards.
pub struct Personalizer {
    parts: PersonalizerParts,
    places: Places,
    campaign: CampaignId,
    state: Mutex<State>,
}

impl Personalizer {
    /// Goes on from what is stored.
    pub(crate) async fn open(parts: PersonalizerParts) -> Result<Self, StoreError> {
        let places = Places::new();
        let campaign = CampaignId::new(PERSONALIZER).expect("this text is an id");
        let settings = settings::read(&*parts.store).await?;
        let stored = parts.store.policies().await?;
        let stored = stored.into_iter().find(|row| row.campaign == campaign);
        let policy = stored.as_ref().and_then(|row| {
            restore_policy_over(settings.policy, &places.space, &row.state)
                .inspect_err(|error| tracing::warn!(%error, "what was learned from rewards of others cannot be read; it begins anew"))
                .ok()
        });
        let policy = policy.unwrap_or_else(|| new_policy_over(settings.policy, &places.space));
        let mut state = State {
            written: policy.state(),
            policy,
            learned_at: stored.map(|row| row.at),
            settings,
            open: BTreeMap::new(),
            ends: BTreeSet::new(),
        };
        reopen(&parts, &campaign, &mut state).await?;
        Ok(Self {
            parts,
            places,
            campaign,
            state: Mutex::new(state),
        })
    }

    /// How it is set.
    pub async fn settings(&self) -> PersonalizerSettings {
        self.state.lock().await.settings.clone()
    }

    /// Sets it, durably. Of another policy what was learned is taken up where it can be.
    ///
    /// # Errors
    /// [`PersonalizerError`]; nothing has changed then.
    pub async fn set(
        &self,
        settings: PersonalizerSettings,
    ) -> Result<PersonalizerSettings, PersonalizerError> {
        settings.check()?;
        let mut state = self.state.lock().await;
        let now = self.parts.clock.now();
        let settings = PersonalizerSettings {
            edited_at_micros: now.as_micros(),
            ..settings
        };
        let space = &self.places.space;
        let kept = self.kept(settings.document(), now)?;
        self.parts.store.put_document(&kept).await?;
        if settings.policy != state.settings.policy {
            let learned = restore_policy_over(settings.policy, space, &state.policy.state());
            state.policy = learned.unwrap_or_else(|_| new_policy_over(settings.policy, space));
        }
        state.settings = settings.clone();
        Ok(settings)
    }

    /// Forgets all that was learned, durably.
    ///
    /// # Errors
    /// [`PersonalizerError`]; nothing has changed then.
    pub async fn forget(&self) -> Result<(), PersonalizerError> {
        let mut state = self.state.lock().await;
        let fresh = new_policy_over(state.settings.policy, &self.places.space);
        let now = self.parts.clock.now();
        let mut batch = Batch::new();
        batch.policy(self.kept(self.policy_row(fresh.state(), now), now)?);
        self.parts.store.commit(&batch).await?;
        state.written = fresh.state();
        state.policy = fresh;
        state.learned_at = None;
        Ok(())
    }

    /// When it learned last.
    pub async fn learned_at(&self) -> Option<Timestamp> {
        self.state.lock().await.learned_at
    }

    fn kept<T: regard_commitments::Retained>(
        &self,
        row: T,
        now: Timestamp,
    ) -> Result<Kept<T>, PersonalizerError> {
        match self.parts.retention.keep(row, now) {
            Answer::Granted(kept) => Ok(kept),
            Answer::Refused(refusal) => Err(PersonalizerError::Refused(refusal)),
        }
    }

    fn policy_row(&self, state: PolicyState, at: Timestamp) -> PolicyRow {
        PolicyRow {
            campaign: self.campaign.clone(),
            at,
            state,
        }
    }

    /// Ranks the actions of an event. Asked again with the same id and the same actions it answers the same.
    ///
    /// # Privacy
    /// Of context and features only sums in hashed places are kept.
    ///
    /// # Errors
    /// [`PersonalizerError`]; nothing was ranked then.
    pub async fn rank(&self, wish: RankWish) -> Result<Ranked, PersonalizerError> {
        wish.check()?;
        let event = event::named(wish.event.as_deref())?;
        let slots = [event::Seat::only(&wish)];
        let choices = self
            .choose(
                &event,
                &wish.context,
                &wish.actions,
                &slots,
                wish.is_deferred,
            )
            .await?;
        Ok(choices.into_ranked(event, &wish))
    }

    /// Picks an action for each of several slots that are seen together; none is picked twice.
    ///
    /// # Errors
    /// As [`Self::rank`].
    pub async fn rank_slots(&self, wish: SlotsWish) -> Result<RankedSlots, PersonalizerError> {
        wish.check()?;
        let event = event::named(wish.event.as_deref())?;
        let slots: Vec<event::Seat<'_>> = wish.slots.iter().map(event::Seat::of).collect();
        let choices = self
            .choose(
                &event,
                &wish.context,
                &wish.actions,
                &slots,
                wish.is_deferred,
            )
            .await?;
        Ok(choices.into_slots(event, &wish))
    }

    async fn choose(
        &self,
        event: &str,
        context: &[(String, f32)],
        actions: &[RankableAction],
        seats: &[event::Seat<'_>],
        is_deferred: bool,
    ) -> Result<event::Choices, PersonalizerError> {
        let mut state = self.state.lock().await;
        if let Some(before) = self.chosen_before(event, actions, seats).await? {
            return Ok(before);
        }
        let now = self.parts.clock.now();
        let placed = self.places.context(context);
        let mut taken = BTreeSet::new();
        let mut choices = event::Choices::default();
        let mut batch = Batch::new();
        let mut opened = Vec::new();
        for seat in seats {
            let chosen = self.fill(&state, (event, seat), (&placed, actions), &taken)?;
            taken.insert(chosen.index);
            let id = id_of(event, seat.id);
            let open = Open {
                event: id_of(event, None),
                closes_at: now.plus(Duration::from_secs(state.settings.reward_wait_secs.into())),
                is_active: !is_deferred,
                sent: None,
                n_sent: 0,
                action: chosen.creatives[chosen.place].clone(),
                placed: Placed {
                    context: placed.clone(),
                    action: chosen.features[chosen.place].clone(),
                },
            };
            let local = self.parts.calendar.local(now);
            let decision = chosen.decision(id, (now, local), &open, &*state.policy);
            batch.decision(self.kept(DecisionRow(decision), now)?);
            opened.push((id, open));
            choices.push(&chosen);
        }
        self.parts.store.commit(&batch).await?;
        for (id, open) in opened {
            state.ends.insert((open.closes_at, id));
            state.open.insert(id, open);
        }
        self.make_room(&mut state, now).await?;
        Ok(choices)
    }

    /// What this event came to before, if it was ranked before.
    async fn chosen_before(
        &self,
        event: &str,
        actions: &[RankableAction],
        seats: &[event::Seat<'_>],
    ) -> Result<Option<event::Choices>, PersonalizerError> {
        let mut choices = event::Choices::default();
        for seat in seats {
            let Some(decision) = self.parts.store.decision(id_of(event, seat.id)).await? else {
                return Ok(None);
            };
            choices.push_stored(&decision, actions)?;
        }
        Ok(Some(choices))
    }

    fn fill(
        &self,
        state: &State,
        (event, seat): (&str, &event::Seat<'_>),
        (context, actions): (&[f32], &[RankableAction]),
        taken: &BTreeSet<usize>,
    ) -> Result<event::Chosen, PersonalizerError> {
        let is_open = |i: &usize| !taken.contains(i) && !seat.excluded.contains(&actions[*i].id);
        let left: Vec<usize> = (0..actions.len()).filter(is_open).collect();
        let baseline = seat.baseline.and_then(|id| {
            let mut left = left.iter();
            left.position(|i| actions[*i].id == *id)
        });
        let baseline = baseline.unwrap_or(0);
        let creatives: Vec<CreativeId> =
            left.iter().map(|i| event::slug(&actions[*i].id)).collect();
        let features: Vec<Vec<f32>> = left
            .iter()
            .map(|i| self.places.action(&actions[*i], seat.features))
            .collect();
        if left.is_empty() {
            let wish =
                "no action is left: there must be more actions than are excluded or in other slots";
            return Err(PersonalizerError::Wish(wish.to_owned()));
        }
        let offered: Vec<Action<'_>> = creatives
            .iter()
            .zip(&features)
            .map(|(creative, features)| Action::featured(creative, features))
            .collect();
        let by_model = state.policy.propensities(context, &offered);
        let propensities = match state.settings.mode {
            LearningMode::Online => by_model.clone(),
            LearningMode::Apprentice | LearningMode::LoggingOnly => {
                let mut certain = vec![0.0; left.len()];
                certain[baseline] = 1.0;
                certain
            }
        };
        let seed = Digest::of(&[
            b"regard personalizer draw",
            &id_of(event, seat.id).as_bits().to_be_bytes(),
        ]);
        let mut rng = ChaCha20Rng::from_seed(*seed.as_bytes());
        let place = draw(&propensities, &mut rng);
        Ok(event::Chosen {
            index: left[place],
            left,
            place,
            baseline,
            creatives,
            features,
            propensities,
            by_model,
        })
    }
}

/// Opens events again that waited for their reward when the program ended.
async fn reopen(
    parts: &PersonalizerParts,
    campaign: &CampaignId,
    state: &mut State,
) -> Result<(), StoreError> {
    let wait = Duration::from_secs(state.settings.reward_wait_secs.into());
    let now = parts.clock.now();
    // Twice as long: what ended while nobody looked still gets its default reward.
    let since = Timestamp::from_micros(
        now.as_micros() - 2 * i64::try_from(wait.as_micros()).unwrap_or(i64::MAX / 4),
    );
    let decisions = parts.store.decisions_since(since).await?;
    let outcomes = parts.store.outcomes_since(since).await?;
    for decision in decisions {
        if decision.campaign.as_ref() != Some(campaign) {
            continue;
        }
        let came = outcomes.get(&decision.id).map_or(&[][..], Vec::as_slice);
        if let Some(open) = Open::again(&decision, came, wait) {
            state.ends.insert((open.closes_at, decision.id));
            state.open.insert(decision.id, open);
        }
    }
    Ok(())
}

/// Draws a place; the probabilities sum to 1.
fn draw(propensities: &[f32], rng: &mut ChaCha20Rng) -> usize {
    use rand::RngExt as _;
    let mut left = rng.random::<f64>() * propensities.iter().copied().map(f64::from).sum::<f64>();
    for (place, p) in propensities.iter().copied().map(f64::from).enumerate() {
        if left < p {
            return place;
        }
        left -= p;
    }
    // Rounding may leave a crumb: it belongs to the last that could be drawn at all.
    propensities.iter().rposition(|p| *p > 0.0).unwrap_or(0)
}
