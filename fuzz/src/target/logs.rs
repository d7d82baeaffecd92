//! Logs of choices that come from elsewhere.

use regard_evaluation::{LogFormat, Settings, Target, evaluate, to_dsjson, to_ndjson};

/// A log in any of the three forms: what is read is written and read again as the same, and a policy
/// can be evaluated on it.
pub fn log(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let Ok(log) = LogFormat::guess(text).read(text) else {
        return false;
    };
    let again = LogFormat::Regard
        .read(&to_ndjson(&log))
        .expect("what was written can be read");
    assert_eq!(again, log);
    let of_vw = LogFormat::Dsjson
        .read(&to_dsjson(&log))
        .expect("what was written can be read");
    for (a, b) in of_vw.plays().iter().zip(log.plays()) {
        assert_eq!(
            (a.chosen, a.propensity, a.reward),
            (b.chosen, b.propensity, b.reward)
        );
    }
    let settings = Settings {
        n_folds: 2,
        ..Settings::default()
    };
    if let Ok(evaluation) = evaluate(&log, &Target::Uniform, settings) {
        for estimate in evaluation.estimates {
            assert!(estimate.value.is_finite());
            for interval in [estimate.bootstrap, estimate.bernstein, estimate.anytime] {
                assert!(interval.is_none_or(|i| i.low <= i.high));
            }
        }
    }
    true
}
