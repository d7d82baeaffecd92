//! When a message changes, and when it must not.

use regard_decision::{Decision, Director, Obstacle, Planner, Trigger};
use regard_domain::{CreativeId, MomentCause, SlotId};

use crate::support::{at, audience, campaign, noon, planner, rng, screen};

struct Stage {
    planner: Planner,
    director: Director,
    rng: rand_chacha::ChaCha8Rng,
}

impl Stage {
    fn new(toml: &str) -> Self {
        Self {
            planner: planner(toml),
            director: Director::new(screen()),
            rng: rng(3),
        }
    }

    fn at(&mut self, millis: i64, n_visitors: u32, happy: f32) -> Option<Decision> {
        let context = self.planner.context(&audience(n_visitors, happy), noon());
        let cause = MomentCause::Beat;
        self.director.consider(
            &mut self.planner,
            &context,
            cause,
            at(millis),
            &mut self.rng,
        )
    }

    /// What is chosen and why, if anything changes.
    fn change(&mut self, millis: i64, n_visitors: u32, happy: f32) -> Option<(String, Trigger)> {
        let decision = self.at(millis, n_visitors, happy)?;
        Some((decision.creative.to_string(), decision.reason.trigger))
    }
}

fn to(creative: &str, trigger: Trigger) -> Option<(String, Trigger)> {
    Some((creative.to_owned(), trigger))
}

fn smile_campaign() -> String {
    let smile = "when = { expression = [{ label = 'happy', min = 0.6 }] }\nmin_show_millis = 1000";
    let anyone =
        "when = { n_visitors = { min = 1 } }\nmin_show_millis = 1000\nduration_millis = 5000";
    campaign(
        "k",
        "policy = { kind = 'rules' }",
        &[("smile", smile), ("anyone", anyone)],
    )
}

#[test]
fn the_message_follows_the_audience_at_once_but_not_before_its_least_time() {
    let mut stage = Stage::new(&smile_campaign());
    assert_eq!(stage.change(0, 0, 0.0), to("welcome", Trigger::Start));
    assert_eq!(stage.change(500, 0, 0.0), None);
    assert_eq!(
        stage.change(2037, 1, 0.1),
        to("anyone", Trigger::BetterEligible)
    );
    // Smiles within the least time: nothing; the first moment after it, at once.
    assert_eq!(stage.change(2500, 1, 0.9), None);
    assert_eq!(stage.change(3036, 1, 0.1), None);
    // One clause each: the smile is no better than what is shown, so it waits for the end.
    assert_eq!(stage.change(3100, 1, 0.9), None);
    assert_eq!(
        stage.change(7037, 1, 0.9),
        to("smile", Trigger::DurationElapsed)
    );
    assert_eq!(
        stage.change(8100, 1, 0.2),
        to("anyone", Trigger::ConditionEnded)
    );
    assert_eq!(stage.change(8200, 0, 0.0), None);
    assert_eq!(
        stage.change(9100, 0, 0.0),
        to("welcome", Trigger::ConditionEnded)
    );
}

#[test]
fn a_more_specific_message_interrupts() {
    let mut stage = Stage::new(&smile_campaign().replace("n_visitors = { min = 1 }", ""));
    assert_eq!(stage.change(0, 1, 0.1), to("anyone", Trigger::Start));
    assert_eq!(stage.change(999, 1, 0.9), None);
    assert_eq!(
        stage.change(1000, 1, 0.9),
        to("smile", Trigger::BetterEligible)
    );
}

#[test]
fn a_value_that_hovers_at_its_bound_does_not_flicker() {
    let mut stage = Stage::new(&smile_campaign());
    assert_eq!(stage.change(0, 1, 0.61), to("smile", Trigger::Start));
    assert_eq!(stage.change(1500, 1, 0.58), None);
    assert_eq!(stage.change(1600, 1, 0.56), None);
    assert_eq!(
        stage.change(1700, 1, 0.54),
        to("anyone", Trigger::ConditionEnded)
    );
}

#[test]
fn a_higher_priority_interrupts_and_a_passed_over_one_does_not() {
    let vip = campaign(
        "vip",
        "priority = 5",
        &[(
            "crowd",
            "when = { n_visitors = { min = 3 } }\ncaps = { min_gap_millis = 60000 }",
        )],
    );
    // A policy that may choose either: the more specific one was passed over when it lost.
    let plain = campaign(
        "plain",
        "policy = { kind = 'thompson' }",
        &[("a", ""), ("b", "when = { n_visitors = { min = 1 } }")],
    );
    let mut stage = Stage::new(&(vip + &plain));
    let mut interrupted = 0;
    for i in 0..200 {
        let start = i * 100_000;
        // Ends whatever was shown before.
        stage.at(start, 1, 0.0);
        let shown = stage.director.current().unwrap().creative.clone();
        for step in 1..40 {
            interrupted += u32::from(stage.at(start + step * 200, 1, 0.0).is_some());
        }
        assert_eq!(stage.director.current().unwrap().creative, shown);
    }
    assert_eq!(interrupted, 0);
    let now = 200 * 100_000;
    stage.at(now, 1, 0.0);
    assert_eq!(stage.change(now + 1000, 3, 0.0), None);
    assert_eq!(
        stage.change(now + 2000, 3, 0.0),
        to("crowd", Trigger::BetterEligible)
    );
    let (next, trigger) = stage.change(now + 12_000, 3, 0.0).unwrap();
    assert_eq!(trigger, Trigger::DurationElapsed);
    assert_ne!(next, "crowd", "its gap has not passed");
}

#[test]
fn a_withdrawn_message_goes_at_once() {
    let mut stage = Stage::new(&smile_campaign());
    assert_eq!(stage.change(0, 1, 0.9), to("smile", Trigger::Start));
    let mut campaigns = crate::support::campaigns(&smile_campaign());
    campaigns[0].creatives.remove(0);
    assert_eq!(
        stage.planner.set_campaigns(campaigns.clone()),
        Ok(Vec::new())
    );
    assert_eq!(stage.change(10, 1, 0.9), to("anyone", Trigger::Withdrawn));
    campaigns[0].enabled = false;
    assert!(stage.planner.set_campaigns(campaigns).is_ok());
    assert_eq!(stage.change(20, 1, 0.9), to("welcome", Trigger::Withdrawn));
}

#[test]
fn a_clock_set_back_does_not_freeze_the_screen() {
    let mut stage = Stage::new(&smile_campaign());
    assert_eq!(
        stage.change(10_000_000, 1, 0.1),
        to("anyone", Trigger::Start)
    );
    assert_eq!(stage.change(0, 1, 0.1), None);
    assert_eq!(
        stage.change(5000, 1, 0.1),
        to("anyone", Trigger::DurationElapsed)
    );
    assert_eq!(stage.director.ends_at(), Some(at(10_000)));
}

#[test]
fn without_a_ledger_only_the_default_message_is_shown_at_once_and_says_so() {
    let mut stage = Stage::new(&smile_campaign());
    assert_eq!(stage.change(0, 1, 0.9), to("smile", Trigger::Start));
    stage.planner.set_ledger_writable(false);
    // Within the least time of what is shown, whatever the audience does.
    let decision = stage.at(10, 1, 0.9).unwrap();
    assert!(decision.is_default && decision.campaign.is_none());
    assert_eq!(
        (decision.policy.as_str(), decision.propensity),
        ("default", 1.0)
    );
    assert_eq!(decision.reason.trigger, Trigger::LedgerUnwritable);
    let obstacles: Vec<&Obstacle> = decision
        .reason
        .excluded
        .iter()
        .map(|e| &e.obstacle)
        .collect();
    assert_eq!(obstacles, [&Obstacle::LedgerUnwritable]);
    for millis in [20, 2_000, 60_000] {
        assert_eq!(stage.change(millis, 1, 0.9), None, "{millis}");
    }
    // A screen that comes up meanwhile begins with the default message too.
    let mut late = Director::new(screen());
    let context = stage.planner.context(&audience(1, 0.9), noon());
    let first = late
        .consider(
            &mut stage.planner,
            &context,
            MomentCause::Beat,
            at(61_000),
            &mut stage.rng,
        )
        .unwrap();
    assert!(first.is_default);
    assert_eq!(
        first.reason.excluded[0].obstacle,
        Obstacle::LedgerUnwritable
    );

    stage.planner.set_ledger_writable(true);
    assert_eq!(
        stage.change(70_000, 1, 0.9),
        to("smile", Trigger::BetterEligible)
    );
}

/// A screen of two slots, each with its director.
struct Parted {
    planner: Planner,
    directors: [Director; 2],
    rng: rand_chacha::ChaCha8Rng,
}

impl Parted {
    fn new(toml: &str) -> Self {
        Self {
            planner: planner(toml),
            directors: [Director::new(screen()), Director::new(screen())],
            rng: rng(3),
        }
    }

    /// What changes in which slot, and why.
    fn at(&mut self, millis: i64, n_visitors: u32) -> Vec<(&'static str, Decision)> {
        let whole = self.planner.context(&audience(n_visitors, 0.0), noon());
        let mut changes = Vec::new();
        for (place, slot) in ["main", "side"].into_iter().enumerate() {
            let taken = Director::taken_beside(&self.directors, place, at(millis));
            let context = whole.clone().in_slot(&slot.parse().unwrap());
            let occasion = (MomentCause::Beat, at(millis));
            let decided = self.directors[place].consider_beside(
                &taken,
                &mut self.planner,
                &context,
                occasion,
                &mut self.rng,
            );
            changes.extend(decided.map(|decision| (slot, decision)));
        }
        changes
    }

    fn changes(&mut self, millis: i64, n_visitors: u32) -> Vec<(&'static str, String, Trigger)> {
        let told = |(slot, decision): (&'static str, Decision)| {
            (slot, decision.creative.to_string(), decision.reason.trigger)
        };
        self.at(millis, n_visitors).into_iter().map(told).collect()
    }
}

#[test]
fn an_earlier_slot_takes_what_a_later_one_shows_and_no_message_is_shown_twice() {
    let top = campaign(
        "top",
        "priority = 5",
        &[(
            "crowd",
            "when = { n_visitors = { min = 3 } }\nmin_show_millis = 1000",
        )],
    );
    let pair =
        "when = { n_visitors = { min = 2 } }\nmin_show_millis = 5000\nduration_millis = 90000";
    let plain = campaign(
        "plain",
        "policy = { kind = 'fixed' }",
        &[("pair", pair), ("anyone", "min_show_millis = 1000")],
    );
    let mut parted = Parted::new(&(top + &plain));
    let to = |slot: &'static str, creative: &str, trigger| (slot, creative.to_owned(), trigger);
    assert_eq!(
        parted.changes(0, 3),
        [
            to("main", "crowd", Trigger::Start),
            to("side", "pair", Trigger::Start)
        ]
    );
    assert!(parted.changes(500, 3).is_empty());
    // One left. What the second must still show the first does not take.
    let changed = parted.at(2_000, 2);
    let [(slot, decision)] = &changed[..] else {
        panic!("{changed:?}")
    };
    assert_eq!(*slot, "main");
    assert_eq!(decision.creative.as_str(), "anyone");
    assert_eq!(decision.reason.trigger, Trigger::ConditionEnded);
    let mut excluded = decision.reason.excluded.iter();
    let other = excluded.find(|one| one.obstacle == Obstacle::OtherSlot);
    let other = other.unwrap().creative.as_ref().map(CreativeId::as_str);
    assert_eq!(other, Some("pair"));
    // It was passed over: it waits for its turn, and then the first goes before the second.
    assert!(parted.changes(6_000, 2).is_empty());
    assert_eq!(
        parted.changes(12_000, 2),
        [
            to("main", "pair", Trigger::DurationElapsed),
            to("side", "anyone", Trigger::GaveWay)
        ]
    );
    // What comes while the first must stay goes to the second, once that one's least time is over …
    assert!(parted.changes(12_500, 3).is_empty());
    assert_eq!(
        parted.changes(13_000, 3),
        [to("side", "crowd", Trigger::BetterEligible)]
    );
    // … until the first takes it.
    assert!(parted.changes(16_900, 3).is_empty());
    assert_eq!(
        parted.changes(17_000, 3),
        [
            to("main", "crowd", Trigger::BetterEligible),
            to("side", "pair", Trigger::GaveWay)
        ]
    );
}

#[test]
fn a_campaign_runs_in_the_slots_it_names_and_nowhere_else() {
    let mut parted = Parted::new(&campaign("strip", "slots = ['side']", &[("a", "")]));
    let changed = parted.at(0, 1);
    let creatives: Vec<&str> = changed.iter().map(|(_, d)| d.creative.as_str()).collect();
    assert_eq!(creatives, ["welcome", "a"]);
    let why = &changed[0].1.reason.excluded[0];
    assert_eq!(
        (why.creative.as_ref(), &why.obstacle),
        (None, &Obstacle::NotInSlot)
    );
    let slot = changed[1].1.slot.as_ref().map(SlotId::as_str);
    assert_eq!(slot, Some("side"));
    // On a screen that is not parted it does not run either.
    let mut whole = Stage::new(&campaign("strip", "slots = ['side']", &[("a", "")]));
    let decision = whole.at(0, 1, 0.0).unwrap();
    assert!(decision.is_default && decision.slot.is_none());
    assert_eq!(decision.reason.excluded[0].obstacle, Obstacle::NotInSlot);
}
