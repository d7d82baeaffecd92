use serde_json::{Value, json};

use super::*;

mod crashes;

fn campaign(more: &Value) -> Vec<Campaign> {
    let message = |id: &str| {
        json!({
            "id": id, "name": id, "content": {"kind": "text", "title": id},
            "min_show_millis": 1000, "duration_millis": 8000,
        })
    };
    let messages: Vec<Value> = ["tea", "bread", "book", "shoes"].map(message).into();
    let mut campaign = json!({
        "id": "k", "name": "K", "policy": {"kind": "lints"},
        "reward": {"window_secs": 60},
        "creatives": messages,
    });
    for (key, value) in more.as_object().unwrap() {
        campaign[key] = value.clone();
    }
    vec![serde_json::from_value(campaign).unwrap()]
}

fn config(campaigns: Vec<Campaign>, hours: u64) -> SimulationConfig {
    SimulationConfig {
        campaigns,
        default_message: Creative::text("welcome".parse().unwrap(), "Welcome", ""),
        context: ContextSpec::default(),
        // 8 November 2027, 9 in the morning.
        begins_at: Timestamp::from_millis(1_825_664_400_000),
        lasts: Duration::from_secs(hours * 3_600),
        time_zone: "UTC".to_owned(),
        slots: Vec::new(),
        tastes: Tastes {
            seed: 3,
            visitors_per_hour: 400.0,
            annoying: Vec::new(),
        },
        seed: 1,
    }
}

#[test]
fn a_learner_loses_less_than_chance_and_the_same_seed_does_the_same() {
    let learner = config(campaign(&json!({})), 3);
    let even = json!({"policy": {"kind": "epsilon", "exploration": 1.0}});
    let even = config(campaign(&even), 3);
    let simulated = simulate(&learner).unwrap();
    let regret = simulated.regret();
    let of_even = simulate(&even).unwrap().regret();
    assert!(regret.len() > 500, "{}", regret.len());
    let a_play = |regret: &[f64]| regret[regret.len() - 1] / regret.len() as f64;
    let (learned, evenly) = (a_play(&regret), a_play(&of_even));
    assert!(learned < 0.75 * evenly, "{learned} against {evenly}");
    assert!(simulated.n_rewards > 300 && simulated.rewards > 0.0);
    assert_eq!(simulate(&learner).unwrap().plays, simulated.plays);
    let report = &simulated.evidence[&"k".parse().unwrap()];
    let ablation = report.ablation.as_ref().unwrap();
    // Kinds of visitors are told apart by what a camera sees.
    assert!(
        ablation.camera_gain > 0.0 && !ablation.is_expression_idle,
        "{ablation:?}"
    );
}

/// Whether the camera helps is asked whatever the policy is, also where it does not look at the audience, and where nobody looks
/// at what faces show.
#[test]
fn every_policy_is_asked_whether_the_camera_helps() {
    let asked = |more: &Value| {
        let simulated = simulate(&config(campaign(more), 2)).unwrap();
        let report = &simulated.evidence[&"k".parse().unwrap()];
        let ablation = report
            .ablation
            .clone()
            .expect("of every campaign with rewards");
        assert!(ablation.n_plays > 50, "{more}: {ablation:?}");
        ablation
    };
    for kind in ["fixed", "rules", "thompson", "linucb"] {
        let ablation = asked(&json!({"policy": {"kind": kind}}));
        assert!(ablation.n_with_expression > 50, "{kind}: {ablation:?}");
    }
    for kind in ["fixed", "lints"] {
        let ablation = asked(&json!({"policy": {"kind": kind}, "expression": "off"}));
        assert_eq!(ablation.n_with_expression, 0, "{kind}: {ablation:?}");
        assert!(!ablation.is_expression_idle, "{kind}: {ablation:?}");
    }
}

/// A policy that learns beside the rules acts when it is sure that it earns at least as much, and not before.
#[test]
fn an_apprentice_acts_once_it_is_proven_and_not_before() {
    let with = |ends: &str| {
        let policy = json!({"kind": "lints", "exploration": 0.5, "apprentice_plays": 100, "apprentice_ends": ends, "apprentice_margin": 0.0});
        let mut config = config(campaign(&json!({ "policy": policy })), 12);
        // The rules choose what comes first: of these tastes the message that pleases least.
        config.campaigns[0].creatives.swap(0, 2);
        config
    };
    let id: CampaignId = "k".parse().unwrap();
    let never = simulate(&with("never")).unwrap();
    let beside = never.evidence[&id].apprentice.clone().unwrap();
    assert!(beside.is_apprentice && beside.n_plays > 500, "{beside:?}");
    let is_first = |play: &&SimulatedPlay| play.creative.as_str() == "book";
    let n_first = never.plays.iter().filter(is_first).count();
    // Half by the rules, and an eighth of each by chance.
    let share = n_first as f64 / never.plays.len() as f64;
    assert!((share - 0.625).abs() < 0.06, "{share}");
    let proven = simulate(&with("proven")).unwrap();
    let report = proven.evidence[&id].apprentice.clone().unwrap();
    assert_eq!(
        report.proven_after.is_none(),
        report.is_apprentice,
        "{report:?}"
    );
    // The same street and the same draws: up to the proof nothing differs.
    let after = beside
        .proven_after
        .expect("tastes that differ by kind of visitor are learned");
    assert_eq!(report.proven_after, Some(after));
    // Nobody saw some of the plays that were compared.
    let begins = usize::try_from(after / 2).unwrap();
    assert!(begins > 15, "not before it is sure: {after}");
    assert_eq!(never.plays[..begins], proven.plays[..begins]);
    assert_ne!(never.plays, proven.plays);
    assert!(proven.regret().last() < never.regret().last());
}

#[test]
fn a_learner_loses_less_than_chance_in_slots_too() {
    let parted = |more: &Value| {
        let mut config = config(campaign(more), 6);
        let slots: [SlotId; 2] = ["main", "side"].map(|id| id.parse().unwrap());
        config.slots = slots.into();
        config
    };
    let even = json!({"policy": {"kind": "epsilon", "exploration": 1.0}});
    let (learner, even) = (parted(&json!({})), parted(&even));
    let (learned, evenly) = (simulate(&learner).unwrap(), simulate(&even).unwrap());
    assert_eq!(simulate(&learner).unwrap().plays, learned.plays);
    let mean = |of: &Simulated, slot: &str, value: fn(&SimulatedPlay) -> f64| {
        let is_in = |play: &&SimulatedPlay| play.slot.as_ref().is_some_and(|s| s.as_str() == slot);
        let values: Vec<f64> = of.plays.iter().filter(is_in).map(value).collect();
        assert!(values.len() > 300, "{slot}: {}", values.len());
        values.iter().sum::<f64>() / values.len() as f64
    };
    let regret = |of: &Simulated| mean(of, "main", |play| play.best - play.expected);
    let (of_learned, of_evenly) = (regret(&learned), regret(&evenly));
    assert!(of_learned < of_evenly, "{of_learned} against {of_evenly}");
    // The second slot catches the eye half as often.
    let expected = |slot: &str| mean(&evenly, slot, |play| play.expected);
    assert!(expected("side") < expected("main"));
}

/// Least mean turning away at which `book`, made to annoy, plays: that of a long run of the same street in which nothing
/// stops it, less three standard errors of values in `[0, 1]`.
fn annoyance(tastes: &Tastes) -> f64 {
    let more = json!({
        "policy": {"kind": "epsilon", "exploration": 1.0},
        "guardrail": [{"metric": "turning_away", "at_most": 0.999}],
    });
    let mut config = config(campaign(&more), 15);
    config.tastes = tastes.clone();
    let simulated = simulate(&config).unwrap();
    let report = &simulated.evidence[&"k".parse().unwrap()];
    let book = report
        .guardrails
        .iter()
        .find(|g| g.creative.as_str() == "book");
    let book = book.unwrap();
    let (mean, n) = (book.mean.unwrap(), book.n_plays as f64);
    assert!(n > 500.0 && book.stopped_after.is_none(), "{book:?}");
    mean - 3.0 * (mean * (1.0 - mean) / n).sqrt()
}

#[test]
fn a_message_made_to_annoy_is_stopped_within_the_promise_and_no_other() {
    let more = json!({
        "policy": {"kind": "epsilon", "exploration": 1.0},
        "guardrail": [
            {"metric": "turning_away", "at_most": 0.75},
            {"metric": "negative_expression", "at_most": 0.05},
        ],
    });
    let mut config = config(campaign(&more), 5);
    config.tastes.annoying = vec!["book".parse().unwrap()];
    let mean = annoyance(&config.tastes);
    let guardrail = &config.campaigns[0].guardrails[0];
    let promised = regard_evaluation::stopped_within(guardrail, mean, 0.001);
    let promised = promised.unwrap_or_else(|| panic!("nothing is promised at a mean of {mean}"));
    let simulated = simulate(&config).unwrap();
    let stopped: Vec<&str> = simulated
        .stopped
        .iter()
        .map(|(_, c, _)| c.as_str())
        .collect();
    assert_eq!(stopped, ["book"], "{:?}", simulated.evidence);
    let report = &simulated.evidence[&"k".parse().unwrap()];
    let guard = report
        .guardrails
        .iter()
        .find(|g| g.stopped_after.is_some())
        .unwrap();
    let after = guard.stopped_after.unwrap();
    // Of plays that nobody looked at when they began, nothing is heard of who turned away.
    let book = |play: &&SimulatedPlay| play.creative.as_str() == "book";
    let n_shown = simulated.plays.iter().filter(book).count() as u64 + simulated.n_unseen;
    assert!(
        after <= promised && n_shown >= after,
        "{after} of {promised}, {n_shown}"
    );
    let last = simulated.plays.iter().rposition(|p| book(&p)).unwrap();
    assert!(
        last < simulated.plays.len() / 2,
        "{last} of {}",
        simulated.plays.len()
    );
}

#[test]
fn an_experiment_tells_what_messages_add_to_none() {
    let more = json!({
        "experiment": {
            "kind": "ab", "holdout": 0.2,
            "segment": [{"name": "groups", "when": {"n_visitors": {"min": 2}}}],
        },
    });
    let simulated = simulate(&config(campaign(&more), 5)).unwrap();
    let report = &simulated.evidence[&"k".parse().unwrap()];
    let held_out = report
        .arms
        .iter()
        .find(|arm| arm.creative.is_none())
        .unwrap();
    assert!(
        held_out.n_plays > 60 && held_out.uplift.is_none(),
        "{held_out:?}"
    );
    let all: Vec<_> = report
        .arms
        .iter()
        .filter(|a| a.creative.is_some() && a.segment.is_none())
        .collect();
    assert_eq!(all.len(), 4);
    let n: Vec<u64> = all.iter().map(|a| a.n_plays).collect();
    assert!(
        n.iter().max().unwrap() < &(2 * n.iter().min().unwrap()),
        "{n:?}"
    );
    // Some message is surely looked at more than the default one.
    assert!(all.iter().any(|a| a.uplift.unwrap().low > 0.0), "{all:?}");
    assert!(
        report
            .arms
            .iter()
            .any(|a| a.segment.as_deref() == Some("groups"))
    );
}
