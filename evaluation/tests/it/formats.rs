//! Logs of three forms are read, and a policy is evaluated on them.

use regard_decision::{LearnerConfig, PolicyConfig};
use regard_evaluation::{
    BadLog, Diagnosis, Estimator, Log, LogFormat, Settings, Target, estimates_svg, evaluate,
    to_dsjson, to_ndjson,
};

/// An event as the service that `dsjson` comes from writes it.
const EVENT: &str = r#"{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,
"Timestamp":"2019-01-01T00:00:00Z","Version":"1","EventId":"e1","a":[2,1],
"c":{"User":{"age":3,"from":"Paris"},"_multi":[{"_tag":"one","A":{"id":1}},{"_tag":"two","A":{"id":2,"new":true}}]},
"p":[0.8,0.2],"VWState":{"m":"m"}}"#;

fn made_up(n: usize) -> Log {
    let line = |i: usize| {
        let sunny = i % 2;
        let chosen = (i / 2) % 2;
        let reward = u8::from(chosen == sunny);
        format!(
            r#"{{"context":{{"sunny":{sunny}}},"options":[{{"id":"a","propensity":0.5}},{{"id":"b","propensity":0.5}}],"chosen":{chosen},"propensity":0.5,"reward":{reward}}}"#
        )
    };
    let text: Vec<String> = (0..n).map(line).collect();
    LogFormat::Regard.read(&text.join("\n")).unwrap()
}

#[test]
fn dsjson_is_read_and_what_is_written_is_read_again() {
    let text = EVENT.replace('\n', "");
    assert_eq!(LogFormat::guess(&text), LogFormat::Dsjson);
    // Lines without a label are events of other kinds.
    let log = LogFormat::Dsjson
        .read(&format!("{text}\n{{\"EventId\":\"e1\"}}\n"))
        .unwrap();
    let play = &log.plays()[0];
    assert_eq!((play.chosen, play.propensity, play.reward), (1, 0.8, 1.0));
    assert_eq!(play.context["User.age"], 3.0);
    assert_eq!(play.context["User.from=Paris"], 1.0);
    assert_eq!(play.options[1].id, "two");
    assert_eq!(play.options[1].features["A.new"], 1.0);
    assert_eq!(play.options[0].propensity, Some(0.2));
    let again = LogFormat::Dsjson.read(&to_dsjson(&log)).unwrap();
    let (a, b) = (&again.plays()[0], play);
    assert_eq!(
        (a.chosen, a.propensity, a.reward),
        (b.chosen, b.propensity, b.reward)
    );
    assert_eq!(
        a.options.iter().map(|o| o.propensity).collect::<Vec<_>>(),
        [Some(0.2), Some(0.8)]
    );
    let ours = to_ndjson(&log);
    assert_eq!(LogFormat::guess(&ours), LogFormat::Regard);
    assert_eq!(LogFormat::Regard.read(&ours).unwrap(), log);
}

#[test]
fn the_open_bandit_table_is_read() {
    let text = "\
,timestamp,item_id,position,click,propensity_score,user_feature_0
0,2019-11-24,14,3,0,0.5,81ce
1,2019-11-24,2,1,1,0.5,03a5
";
    assert_eq!(LogFormat::guess(text), LogFormat::OpenBandit);
    let log = LogFormat::OpenBandit.read(text).unwrap();
    let play = &log.plays()[1];
    assert_eq!(play.options[play.chosen].id, "2");
    assert_eq!((play.reward, play.propensity), (1.0, 0.5));
    assert_eq!(play.context["user_feature_0=03a5"], 1.0);
    assert!(play.options.iter().all(|o| o.propensity == Some(0.5)));
}

#[test]
fn impossible_logs_are_refused_by_name() {
    let text = EVENT.replace('\n', "");
    for (change, to) in [
        ("0.8", "1.5"),
        ("\"_label_cost\":-1", "\"_label_cost\":-7"),
        ("[0.8,0.2]", "[0.8,0.8]"),
    ] {
        let bad = LogFormat::Dsjson.read(&text.replace(change, to));
        assert!(
            matches!(bad, Err(BadLog::Play { play: 1, .. })),
            "{change}: {bad:?}"
        );
    }
    assert!(matches!(
        LogFormat::Regard.read("{}"),
        Err(BadLog::Line { line: 1, .. })
    ));
    assert!(matches!(
        LogFormat::OpenBandit.read("a,b\n1,2\n"),
        Err(BadLog::Column("item_id"))
    ));
    assert!(matches!(LogFormat::Regard.read(""), Err(BadLog::Empty)));
}

#[test]
fn a_learner_is_found_to_be_better_than_the_log_it_learned_from() {
    let log = made_up(400);
    let learner = Target::Policy(PolicyConfig::Lints(LearnerConfig::default()));
    let evaluation = evaluate(&log, &learner, Settings::default()).unwrap();
    assert!((evaluation.logged - 0.5).abs() < 1e-9);
    for estimate in &evaluation.estimates {
        // The model of rewards is linear and does not see that it depends on both.
        let is_model_alone = matches!(estimate.estimator, Estimator::Dm);
        assert!(is_model_alone || estimate.value > 0.9, "{estimate:?}");
        if let Some(interval) = estimate.bootstrap {
            assert!(
                interval.low > 0.8 && interval.contains(estimate.value),
                "{estimate:?}"
            );
        }
    }
    assert!(
        evaluation.diagnosis.warnings.is_empty(),
        "{:?}",
        evaluation.diagnosis
    );
    let svg = estimates_svg(&evaluation).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Switch-DR"));
    let own = evaluate(&log, &Target::Logged, Settings::default()).unwrap();
    assert!((own.estimates[0].value - 0.5).abs() < 1e-9);
    let always = evaluate(&log, &Target::Always("a".into()), Settings::default()).unwrap();
    assert!((always.estimates[0].value - 0.5).abs() < 1e-9);
}

#[test]
fn wrong_probabilities_are_noticed() {
    let log = made_up(400);
    let mut plays = log.plays().to_vec();
    for play in &mut plays {
        play.propensity = if play.chosen == 0 { 0.9 } else { 0.1 };
        play.options[0].propensity = Some(0.9);
        play.options[1].propensity = Some(0.1);
    }
    let log = Log::new(plays).unwrap();
    let evaluation = evaluate(&log, &Target::Uniform, Settings::default()).unwrap();
    let Diagnosis {
        warnings,
        worst_option,
        ..
    } = evaluation.diagnosis;
    assert!(worst_option.unwrap().1.abs() > 10.0);
    assert!(
        warnings.iter().any(|w| w.contains("logged probabilities")),
        "{warnings:?}"
    );
}
