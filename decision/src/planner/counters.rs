//! How often what was shown where.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use regard_domain::{CampaignId, CreativeId, ScreenId, Timestamp};

use crate::{Campaign, Creative, LocalDate, LocalTime, Obstacle, Pacing};

const HOUR: Duration = Duration::from_secs(3600);

/// After this a start matters to no cap: the longest day of a site and some more.
const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);

/// How long starts are remembered: the hour that caps look at, and another in case the clock is
/// set back by as much.
const REMEMBERED: Duration = Duration::from_secs(2 * 3600);

/// Starts of one message on one screen that are remembered; the greatest cap. The oldest go.
pub(crate) const MAX_STARTS: usize = 3600;

/// Days that are counted at once: today, yesterday, and tomorrow in case the clock is set back.
/// The earliest goes.
const N_DAYS: usize = 3;

/// Counts by day.
#[derive(Debug, Default)]
struct DayCounts(Vec<(LocalDate, u64)>);

impl DayCounts {
    fn get(&self, date: LocalDate) -> u64 {
        let found = self.0.iter().find(|(day, _)| *day == date);
        found.map_or(0, |(_, n)| *n)
    }

    fn count(&mut self, date: LocalDate) {
        if let Some((_, n)) = self.0.iter_mut().find(|(day, _)| *day == date) {
            *n += 1;
            return;
        }
        self.0.push((date, 1));
        self.0.sort_unstable();
        if self.0.len() > N_DAYS {
            self.0.remove(0);
        }
    }
}

/// Starts of one message on one screen.
#[derive(Debug, Default)]
struct Starts {
    recent: VecDeque<Timestamp>,
    latest: Option<Timestamp>,
    days: DayCounts,
    /// Where the message stands in the round; see [`Counters::turn`].
    pass: f64,
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.saturating_since(b).max(b.saturating_since(a))
}

impl Starts {
    /// Whether `limit` starts lie within an hour of now, before or after.
    fn fill_an_hour(&self, now: Timestamp, limit: u32) -> bool {
        let within = self
            .recent
            .iter()
            .rev()
            .filter(|at| apart(now, **at) < HOUR);
        within.take(limit as usize).count() >= limit as usize
    }

    fn within_gap(&self, now: Timestamp, gap: Duration) -> bool {
        self.latest.is_some_and(|latest| {
            let set_back = latest.saturating_since(now);
            // A clock set back a little must not shorten the gap; one set back for good starts anew.
            if set_back.is_zero() {
                now.saturating_since(latest) < gap
            } else {
                set_back < REMEMBERED
            }
        })
    }

    fn count(&mut self, now: Timestamp, date: LocalDate) {
        self.recent.push_back(now);
        self.recent
            .retain(|at| now.saturating_since(*at) < REMEMBERED);
        if self.recent.len() > MAX_STARTS {
            self.recent.pop_front();
        }
        self.latest = match self.latest {
            Some(latest)
                if latest.saturating_since(now) > Duration::ZERO
                    && latest.saturating_since(now) < REMEMBERED =>
            {
                Some(latest)
            }
            Some(_) | None => Some(now),
        };
        self.days.count(date);
    }
}

/// A campaign on one screen.
#[derive(Debug, Default)]
struct OnScreen {
    /// How far the round has gone.
    pass: f64,
    creatives: BTreeMap<CreativeId, Starts>,
}

#[derive(Debug, Default)]
struct Plays {
    total: u64,
    days: DayCounts,
}

/// All counters of a planner.
#[derive(Debug, Default)]
pub(super) struct Counters {
    campaigns: BTreeMap<CampaignId, Plays>,
    screens: BTreeMap<ScreenId, BTreeMap<CampaignId, OnScreen>>,
}

impl Counters {
    fn on_screen(&self, screen: &ScreenId, campaign: &CampaignId) -> Option<&OnScreen> {
        self.screens.get(screen)?.get(campaign)
    }

    /// What the budget says against another play.
    pub(super) fn budget_obstacle(
        &self,
        campaign: &Campaign,
        local: LocalTime,
    ) -> Option<Obstacle> {
        let plays = self.campaigns.get(&campaign.id)?;
        if let Some(limit) = campaign.budget.max_plays_total
            && plays.total >= limit
        {
            return Some(Obstacle::BudgetTotal { limit });
        }
        let limit = campaign.budget.max_plays_per_day?;
        let n_today = plays.days.get(local.date);
        if n_today >= limit {
            return Some(Obstacle::BudgetDay { limit });
        }
        match campaign.budget.pacing {
            Pacing::Asap => None,
            Pacing::Even => {
                let due = (limit as f64 * campaign.schedule.share_of_day(local)).ceil() as u64;
                (n_today >= due).then_some(Obstacle::Pacing { due })
            }
        }
    }

    /// Plays of a campaign ever, and on this day.
    pub(super) fn plays(&self, campaign: &CampaignId, today: LocalDate) -> (u64, u64) {
        let plays = self.campaigns.get(campaign);
        plays.map_or((0, 0), |plays| (plays.total, plays.days.get(today)))
    }

    /// What the caps say against another start.
    pub(super) fn cap_obstacle(
        &self,
        (screen, campaign): (&ScreenId, &CampaignId),
        creative: &Creative,
        now: Timestamp,
        today: LocalDate,
    ) -> Option<Obstacle> {
        let starts = self
            .on_screen(screen, campaign)?
            .creatives
            .get(&creative.id)?;
        let caps = &creative.caps;
        if let Some(limit_millis) = caps.min_gap_millis
            && starts.within_gap(now, Duration::from_millis(limit_millis))
        {
            return Some(Obstacle::Gap { limit_millis });
        }
        if let Some(limit) = caps.max_per_hour
            && starts.fill_an_hour(now, limit)
        {
            return Some(Obstacle::CapHour { limit });
        }
        let limit = caps.max_per_day?;
        (starts.days.get(today) >= u64::from(limit)).then_some(Obstacle::CapDay { limit })
    }

    /// Where a message stands in the round of its screen; the lowest comes next. A message that
    /// could not come for a while joins where the round is and does not catch up.
    ///
    /// # Source
    /// Stride scheduling: Waldspurger and Weihl 1995.
    pub(super) fn turn(
        &self,
        screen: &ScreenId,
        campaign: &CampaignId,
        creative: &CreativeId,
    ) -> f64 {
        self.on_screen(screen, campaign).map_or(0.0, |on_screen| {
            let starts = on_screen.creatives.get(creative);
            starts.map_or(on_screen.pass, |s| s.pass.max(on_screen.pass))
        })
    }

    /// Counts a play that begins.
    pub(super) fn count(
        &mut self,
        (screen, campaign, creative): (&ScreenId, &CampaignId, &CreativeId),
        weight: f32,
        now: Timestamp,
        today: LocalDate,
    ) {
        let plays = self.campaigns.entry(campaign.clone()).or_default();
        plays.total += 1;
        plays.days.count(today);
        let turn = self.turn(screen, campaign, creative);
        let campaigns = self.screens.entry(screen.clone()).or_default();
        let on_screen = campaigns.entry(campaign.clone()).or_default();
        on_screen.pass = turn;
        let starts = on_screen.creatives.entry(creative.clone()).or_default();
        starts.pass = turn + 1.0 / f64::from(weight);
        starts.count(now, today);
    }

    /// Forgets starts of messages that are no longer configured and can no longer weigh on a cap,
    /// because two days lie between them and the last start of anything. Totals of campaigns stay:
    /// a budget is not renewed by switching a campaign off and on.
    pub(super) fn forget_except(
        &mut self,
        is_configured: impl Fn(&CampaignId, &CreativeId) -> bool,
    ) {
        let starts = self.screens.values().flat_map(BTreeMap::values);
        let starts = starts.flat_map(|on_screen| on_screen.creatives.values());
        let Some(newest) = starts.filter_map(|s| s.latest).max() else {
            return;
        };
        for campaigns in self.screens.values_mut() {
            for (campaign, on_screen) in campaigns.iter_mut() {
                on_screen.creatives.retain(|creative, starts| {
                    let is_old = |at| newest.saturating_since(at) > TWO_DAYS;
                    is_configured(campaign, creative) || !starts.latest.is_none_or(is_old)
                });
            }
            campaigns.retain(|_, on_screen| !on_screen.creatives.is_empty());
        }
    }

    /// Sets how often a campaign ever played, if that is more than was counted here.
    pub(super) fn raise_total(&mut self, campaign: &CampaignId, total: u64) {
        let plays = self.campaigns.entry(campaign.clone()).or_default();
        plays.total = plays.total.max(total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_starts_of_what_is_gone_are_forgotten_and_no_others() {
        let (screen, campaign) = (ScreenId::new("s").unwrap(), CampaignId::new("k").unwrap());
        let [gone, recent, kept] =
            ["gone", "recent", "kept"].map(|id| CreativeId::new(id).unwrap());
        let today = LocalDate::new(2026, 1, 1).unwrap();
        let mut counters = Counters::default();
        let days = |n: i64| Timestamp::from_millis(n * 86_400_000);
        for (creative, at) in [(&gone, days(0)), (&kept, days(0)), (&recent, days(3))] {
            counters.count((&screen, &campaign, creative), 1.0, at, today);
        }
        counters.forget_except(|_, creative| *creative == kept);
        let left = &counters.on_screen(&screen, &campaign).unwrap().creatives;
        assert_eq!(left.keys().collect::<Vec<_>>(), [&kept, &recent]);
        assert_eq!(counters.campaigns[&campaign].total, 3);
    }

    #[test]
    fn a_round_follows_the_weights_and_nobody_catches_up() {
        let ids: Vec<CreativeId> = ["a", "b", "c"]
            .map(|id| CreativeId::new(id).unwrap())
            .into();
        let weights = [2.0, 1.0, 1.0];
        let (screen, campaign) = (ScreenId::new("s").unwrap(), CampaignId::new("k").unwrap());
        let today = LocalDate::new(2026, 1, 1).unwrap();
        let mut counters = Counters::default();
        let mut show = |among: &[usize]| {
            let next = *among
                .iter()
                .min_by(|i, j| {
                    let turn = |i: usize| counters.turn(&screen, &campaign, &ids[i]);
                    turn(**i).total_cmp(&turn(**j))
                })
                .unwrap();
            let key = (&screen, &campaign, &ids[next]);
            counters.count(key, weights[next], Timestamp::from_millis(0), today);
            next
        };
        let mut n = [0; 3];
        for _ in 0..400 {
            n[show(&[0, 1, 2])] += 1;
        }
        assert_eq!(n, [200, 100, 100]);
        for _ in 0..100 {
            show(&[0, 1]);
        }
        let late: Vec<usize> = (0..4).map(|_| show(&[0, 1, 2])).collect();
        assert!(late.iter().filter(|i| **i == 2).count() <= 2, "{late:?}");
    }
}
