//! Logs of choices, records of plays and wishes to rank that come from elsewhere.

use regard_commitments::{NoteSigner, SiteKeys, Zeroizing};
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

/// The key that seeds of records are signed with.
pub(crate) fn proof_signer() -> NoteSigner {
    let keys = SiteKeys::from_seed(Zeroizing::new([7; 32]));
    NoteSigner::new("fuzz", keys.ledger_key()).expect("a name without spaces")
}

/// A proof of play: one that holds is the one that was signed, to the last byte that says anything.
pub fn proof(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let Ok(proof) = regard_reports::verify_plays(text, &proof_signer().verifier()) else {
        return false;
    };
    let again = regard_reports::prove_plays(
        &proof.site,
        &proof.plays,
        Some(&proof.after),
        &proof_signer(),
    );
    let again = again.expect("what holds can be proven again");
    let again = regard_reports::verify_plays(&again, &proof_signer().verifier());
    assert_eq!(again.expect("and holds"), proof);
    true
}

/// What a client sends to have ranked: features become numbers with names, or nothing does.
pub fn ranking(data: &[u8]) -> bool {
    let Some(features) = regard_server::fuzz::rank_features(data) else {
        return false;
    };
    assert!(
        features
            .iter()
            .all(|(name, _)| name.len() <= data.len() + 64)
    );
    true
}
