//! Caps and budgets hold under any sequence; the oracle counts the log.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use regard_decision::{Decision, Director, LocalTime, Trigger};
use regard_domain::{CampaignId, CreativeId, MomentCause, ScreenId, SlotId, Timestamp};

use crate::support::{audience, campaign, planner, rng};

/// Minutes since the first of November 2026 as the wall clock of a site in UTC shows them.
fn local(at: Timestamp) -> LocalTime {
    let minutes = at.as_millis() / 60_000;
    let (day, minute) = (minutes / 1440, minutes % 1440);
    LocalTime::new(
        2026,
        11,
        1 + day as u8,
        (minute / 60) as u8,
        (minute % 60) as u8,
    )
    .unwrap()
}

fn most_within(decisions: &[&Decision], window_millis: i64) -> usize {
    let starts: Vec<i64> = decisions.iter().map(|d| d.at.as_millis()).collect();
    let within = |from: &i64| {
        starts
            .iter()
            .filter(|at| (*from..*from + window_millis).contains(*at))
            .count()
    };
    starts.iter().map(within).max().unwrap_or(0)
}

fn most_a_day(decisions: &[&Decision]) -> usize {
    let mut days = BTreeMap::new();
    for decision in decisions {
        *days.entry(decision.local.date).or_insert(0) += 1;
    }
    days.into_values().max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn caps_are_never_exceeded(
        per_hour in 1..6_u32, per_day in 1..20_u32, gap in 0..400_000_i64,
        budget_day in 1..40_u32, budget_total in 1..100_u32,
        steps in prop::collection::vec((-60_000_i64..900_000, 0..2_usize), 1..300),
        restart_at in 0..300_usize, seed: u64,
    ) {
        let caps = format!("caps = {{ max_per_hour = {per_hour}, max_per_day = {per_day}, min_gap_millis = {gap} }}");
        let head = format!(
            "policy = {{ kind = 'thompson' }}\n\
             budget = {{ max_plays_per_day = {budget_day}, max_plays_total = {budget_total} }}"
        );
        let toml = campaign("k", &head, &[("a", &caps), ("b", "")]);
        let mut planner = planner(&toml);
        let mut rng = rng(seed);
        let screens = ["one", "two"].map(|id| ScreenId::new(id).unwrap());
        let mut log: Vec<Decision> = Vec::new();
        let mut millis = 0;
        for (i, (step, screen)) in steps.into_iter().enumerate() {
            if i == restart_at {
                // What a restart does: counters come back from the stored decisions.
                planner = crate::support::planner(&toml);
                let total = log.iter().filter(|d| !d.is_default).count() as u64;
                planner.restore(&BTreeMap::from([("k".parse().unwrap(), total)]), log.iter().rev());
            }
            millis = (millis + step).max(0);
            let now = Timestamp::from_millis(millis);
            let context = planner.context(&audience(1, 0.5), local(now));
            log.push(planner.decide(&screens[screen], &context, now, &mut rng));
        }
        let shown: Vec<&Decision> = log.iter().filter(|d| !d.is_default).collect();
        prop_assert!(shown.len() <= budget_total as usize);
        prop_assert!(most_a_day(&shown) <= budget_day as usize);
        for screen in &screens {
            let capped: Vec<&Decision> = shown
                .iter()
                .copied()
                .filter(|d| d.screen == *screen && d.creative.as_str() == "a")
                .collect();
            prop_assert!(most_within(&capped, 3_600_000) <= per_hour as usize);
            prop_assert!(most_a_day(&capped) <= per_day as usize);
            if gap > 0 {
                prop_assert!(most_within(&capped, gap) <= 1);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Caps and budgets are those of the screen and of the campaign: its slots share them, however they are asked.
    #[test]
    fn slots_together_exceed_no_cap_and_never_show_the_same_twice(
        per_hour in 1..6_u32, per_day in 1..20_u32, gap in 0..400_000_i64,
        budget_day in 1..40_u32, budget_total in 1..100_u32, n_slots in 1..5_usize,
        steps in prop::collection::vec((0..900_000_i64, any::<bool>(), 0..3_u32), 1..200), seed: u64,
    ) {
        let caps = format!("caps = {{ max_per_hour = {per_hour}, max_per_day = {per_day}, min_gap_millis = {gap} }}");
        let head = format!(
            "policy = {{ kind = 'thompson' }}\n\
             budget = {{ max_plays_per_day = {budget_day}, max_plays_total = {budget_total} }}"
        );
        let lasts = "duration_millis = 60000\nmin_show_millis = 1000";
        let crowd = "when = { n_visitors = { min = 2 } }";
        let toml = campaign("k", &head, &[("a", &format!("{caps}\n{lasts}")), ("b", lasts), ("c", crowd)]);
        let mut planner = planner(&toml);
        let mut rng = rng(seed);
        let screen = ScreenId::new("one").unwrap();
        let slots: Vec<SlotId> = (0..n_slots).map(|i| format!("s{i}").parse().unwrap()).collect();
        let mut directors: Vec<Director> = slots.iter().map(|_| Director::new(screen.clone())).collect();
        let mut log: Vec<Decision> = Vec::new();
        let mut millis = 0;
        for (step, is_in_order, n_visitors) in steps {
            millis += step;
            let now = Timestamp::from_millis(millis);
            let context = planner.context(&audience(n_visitors, 0.5), local(now));
            // Now and then one slot alone is looked at, as when its message has had its time.
            let first = if is_in_order { 0 } else { n_slots - 1 };
            for (i, slot) in slots.iter().enumerate().skip(first) {
                let taken = Director::taken_beside(&directors, i, now);
                let context = context.clone().in_slot(slot);
                let occasion = (MomentCause::Beat, now);
                let before = directors[i].current().map(|d| d.at);
                let decided = directors[i].consider_beside(&taken, &mut planner, &context, occasion, &mut rng);
                if let Some(decision) = &decided {
                    prop_assert_eq!(decision.slot.as_ref(), Some(slot));
                    let sum: f32 = decision.candidates.iter().map(|c| c.propensity).sum();
                    prop_assert!((sum - 1.0).abs() < 1e-4, "{}", sum);
                    // Not even for a slot before it does a message go before its least time.
                    if decision.reason.trigger == Trigger::GaveWay {
                        prop_assert!(now.saturating_since(before.unwrap()) >= Duration::from_secs(1));
                    }
                }
                log.extend(decided);
            }
            let shown: Vec<_> = directors.iter().filter_map(message).collect();
            let apart: std::collections::BTreeSet<_> = shown.iter().collect();
            prop_assert_eq!(shown.len(), apart.len(), "{:?}", shown);
        }
        let shown: Vec<&Decision> = log.iter().filter(|d| !d.is_default).collect();
        prop_assert!(shown.len() <= budget_total as usize);
        prop_assert!(most_a_day(&shown) <= budget_day as usize);
        let capped: Vec<&Decision> = shown.into_iter().filter(|d| d.creative.as_str() == "a").collect();
        prop_assert!(most_within(&capped, 3_600_000) <= per_hour as usize);
        prop_assert!(most_a_day(&capped) <= per_day as usize);
        if gap > 0 {
            prop_assert!(most_within(&capped, gap) <= 1);
        }
    }
}

/// What a slot shows, where it is a message of a campaign.
fn message(director: &Director) -> Option<(CampaignId, CreativeId)> {
    let decision = director.current()?;
    Some((decision.campaign.clone()?, decision.creative.clone()))
}

/// However often it is asked: by every minute no more plays than were due, and all of them by the end of the day.
#[test]
fn plays_are_spread_evenly_over_the_time_of_the_schedule() {
    let head = "budget = { max_plays_per_day = 40, pacing = 'even' }\n\
                schedule = { dayparts = [{ start = '08:00', end = '12:00' }, { start = '14:00', end = '18:00' }] }";
    let mut planner = planner(&campaign("k", head, &[("a", "")]));
    let mut rng = rng(7);
    let screen = ScreenId::new("one").unwrap();
    let mut n_shown = 0_u32;
    for minute in 0..1440 {
        let now = Timestamp::from_millis(minute * 60_000);
        for _ in 0..3 {
            let context = planner.context(&audience(1, 0.5), local(now));
            n_shown += u32::from(!planner.decide(&screen, &context, now, &mut rng).is_default);
        }
        let over = (minute + 1 - 480).clamp(0, 240) + (minute + 1 - 840).clamp(0, 240);
        let due = (40.0 * over as f64 / 480.0).ceil() as u32;
        assert!(n_shown <= due, "minute {minute}: {n_shown} of {due}");
        if over > 0 {
            assert!(n_shown + 1 >= due, "minute {minute}: {n_shown} of {due}");
        }
    }
    assert_eq!(n_shown, 40);
}
