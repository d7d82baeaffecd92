//! When the message of a screen may change.

use std::{collections::BTreeSet, time::Duration};

use rand::CryptoRng;
use regard_domain::{CampaignId, CreativeId, MomentCause, ScreenId, Timestamp};

use crate::{
    Context, Decision, Planner, Trigger,
    condition::SHOWN_SLACK,
    planner::{Draft, Occasion},
};

/// A message of a campaign.
type Key = (CampaignId, CreativeId);

#[derive(Debug)]
struct Showing {
    decision: Decision,
    /// Priority of the campaign and clauses of the condition; nothing for the default message.
    rank: Option<(i32, usize)>,
    since: Timestamp,
    min_show: Duration,
    duration: Duration,
    /// Messages of greater rank that were eligible when this one was chosen, and ever since. They
    /// had their chance; only one that newly becomes eligible may interrupt.
    passed_over: BTreeSet<Key>,
}

/// Watches one screen and says when its message changes.
///
/// Considered on every moment, it decides at once, without waiting for a beat, when
/// - nothing is shown yet, or what is shown was withdrawn;
/// - the ledger cannot be written and what is shown is not the default message;
/// - the audience, the hour or the schedule no longer admit what is shown;
/// - a message of higher priority, or of the same priority with more clauses, has become eligible
///   and its policy may choose it;
/// - the play has lasted its duration.
///
/// Against flicker: all but these wait until the message was shown for `min_show_millis`
/// (and happen on the first moment after, if they still hold); measured ratios may slip 0.05
/// beyond the bounds that admitted a message before its condition counts as ended; and a message
/// that was passed over interrupts only after it ceased to be eligible, by the same margin.
///
/// The default message stays until something is eligible.
///
/// Of a screen that is parted into slots there is one director a slot, considered in the order of the
/// slots, each without what others have ([`Director::taken_beside`]): an earlier slot goes before a later
/// one, but takes nothing from it that has not had its least time.
#[derive(Debug)]
pub struct Director {
    screen: ScreenId,
    showing: Option<Showing>,
}

impl Director {
    /// A director of a screen that shows nothing yet.
    pub const fn new(screen: ScreenId) -> Self {
        Self {
            screen,
            showing: None,
        }
    }

    /// The screen.
    pub const fn screen(&self) -> &ScreenId {
        &self.screen
    }

    /// The screen shows nothing of ours any more: it decides anew when it is next considered.
    pub fn restart(&mut self) {
        self.showing = None;
    }

    /// The decision that is shown.
    pub fn current(&self) -> Option<&Decision> {
        self.showing.as_ref().map(|showing| &showing.decision)
    }

    /// When the play has lasted its time; the engine may wake then without a moment. Nothing for
    /// the default message, which has no end of its own.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let showing = self.showing.as_ref()?;
        showing.rank?;
        Some(showing.since.plus(showing.duration))
    }

    /// Messages that the slot at this place, from 0, does not get, of the directors of a screen in the order of
    /// its slots: those that slots before it show, and those that slots after it show and that have not been
    /// there for their least time. The default message is none of them; it stands wherever nothing else is
    /// left.
    pub fn taken_beside<'a>(
        slots: impl IntoIterator<Item = &'a Self>,
        place: usize,
        now: Timestamp,
    ) -> Vec<(CampaignId, CreativeId)> {
        let others = slots.into_iter().enumerate().filter(|(i, _)| *i != place);
        let taken = others.filter_map(|(i, director)| {
            let showing = director.showing.as_ref()?;
            let must_stay = now.saturating_since(showing.since) < showing.min_show;
            let decision = &showing.decision;
            let message = (decision.campaign.clone()?, decision.creative.clone());
            (i < place || must_stay).then_some(message)
        });
        taken.collect()
    }

    /// Decides if the message may change now; otherwise nothing. The same message may be chosen
    /// anew: that is another play.
    pub fn consider<R: CryptoRng + ?Sized>(
        &mut self,
        planner: &mut Planner,
        context: &Context,
        cause: MomentCause,
        now: Timestamp,
        rng: &mut R,
    ) -> Option<Decision> {
        self.consider_beside(&[], planner, context, (cause, now), rng)
    }

    /// As [`Director::consider`], in a slot, without the messages that are taken, see
    /// [`Director::taken_beside`]. One that shows what a slot before it took decides anew.
    pub fn consider_beside<R: CryptoRng + ?Sized>(
        &mut self,
        taken: &[(CampaignId, CreativeId)],
        planner: &mut Planner,
        context: &Context,
        (cause, now): (MomentCause, Timestamp),
        rng: &mut R,
    ) -> Option<Decision> {
        let draft = planner.draft_without(taken, &self.screen, context, now);
        let trigger = self.trigger(planner, (&draft, taken), context, now)?;
        let occasion = Occasion {
            screen: &self.screen,
            context,
            now,
            trigger,
            cause: Some(cause),
        };
        let eligible = planner.eligible(&self.screen, context, now).eligible;
        let decision = planner.settle(draft, &occasion, rng);
        let creative = planner
            .creative(&decision)
            .unwrap_or_else(|| planner.default_message());
        let campaign = decision.campaign.as_ref().or(decision.held_out.as_ref());
        let priority = campaign
            .and_then(|id| planner.campaign(id))
            .map(|c| c.priority);
        // The default message that stands for a play held out keeps its place for as long as it lasts.
        let rank = priority.map(|priority| (priority, creative.when.n_clauses()));
        let greater = eligible
            .into_iter()
            .filter(|e| Some((e.priority, e.n_clauses)) > rank)
            .map(|e| (e.campaign, e.creative));
        self.showing = Some(Showing {
            decision: decision.clone(),
            rank,
            since: now,
            min_show: Duration::from_millis(creative.min_show_millis.into()),
            duration: Duration::from_millis(creative.duration_millis.into()),
            passed_over: greater.collect(),
        });
        Some(decision)
    }

    /// Whether what is shown is no longer configured, or its campaign was switched off.
    pub fn is_withdrawn(&self, planner: &Planner) -> bool {
        let decision = self.showing.as_ref().map(|showing| &showing.decision);
        decision.is_some_and(|decision| {
            let campaign = decision.campaign.as_ref();
            campaign.is_some_and(|id| !is_configured(planner, id, &decision.creative))
        })
    }

    /// Why the message may change now, if it may.
    fn trigger(
        &mut self,
        planner: &Planner,
        (draft, taken): (&Draft, &[Key]),
        context: &Context,
        now: Timestamp,
    ) -> Option<Trigger> {
        let Some(showing) = &mut self.showing else {
            return Some(Trigger::Start);
        };
        let screen = &self.screen;
        let admits =
            |key: &Key| planner.still_admits(screen, (&key.0, &key.1), context, SHOWN_SLACK);
        showing.passed_over.retain(admits);
        // A clock that was set back must not freeze the screen: the play counts from there.
        showing.since = showing.since.min(now);
        let shown_for = now.saturating_since(showing.since);
        let Some(campaign) = &showing.decision.campaign else {
            if showing.decision.held_out.is_some() && planner.is_ledger_writable() {
                let is_over = shown_for >= showing.duration;
                return is_over.then_some(Trigger::DurationElapsed);
            }
            let has_waited = shown_for >= showing.min_show || context.is_personal();
            let may_change = has_waited && !draft.is_default();
            return may_change.then_some(Trigger::BetterEligible);
        };
        if !planner.is_ledger_writable() {
            return Some(Trigger::LedgerUnwritable);
        }
        if !is_configured(planner, campaign, &showing.decision.creative) {
            return Some(Trigger::Withdrawn);
        }
        let is_taken = |key: &Key| key.0 == *campaign && key.1 == showing.decision.creative;
        if taken.iter().any(is_taken) {
            return Some(Trigger::GaveWay);
        }
        // What was chosen by somebody's wishes goes with them, whatever time it had; and they need not wait for theirs.
        if showing.decision.is_personal != context.is_personal() {
            let key = (campaign.clone(), showing.decision.creative.clone());
            if showing.decision.is_personal && !admits(&key) {
                return Some(Trigger::ConditionEnded);
            }
            if context.is_personal() && has_new_rival(showing, planner, draft) {
                return Some(Trigger::BetterEligible);
            }
        }
        if shown_for < showing.min_show {
            return None;
        }
        if !admits(&(campaign.clone(), showing.decision.creative.clone())) {
            return Some(Trigger::ConditionEnded);
        }
        if has_new_rival(showing, planner, draft) {
            return Some(Trigger::BetterEligible);
        }
        (shown_for >= showing.duration).then_some(Trigger::DurationElapsed)
    }
}

/// Whether a message may be shown at all: its campaign is there, switched on, and has it.
fn is_configured(planner: &Planner, campaign: &CampaignId, creative: &CreativeId) -> bool {
    let campaign = planner.campaign(campaign).filter(|c| c.enabled);
    campaign.is_some_and(|c| c.creative(creative).is_some())
}

/// Whether a message of greater rank has become eligible that its policy may choose.
fn has_new_rival(showing: &Showing, planner: &Planner, draft: &Draft) -> bool {
    planner.campaigns().any(|campaign| {
        campaign.creatives.iter().any(|creative| {
            Some((campaign.priority, creative.when.n_clauses())) > showing.rank
                && draft.propensity(&campaign.id, &creative.id) > 0.0
                && !showing
                    .passed_over
                    .contains(&(campaign.id.clone(), creative.id.clone()))
        })
    })
}
