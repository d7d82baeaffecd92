//! The report of a breach.

use super::*;

fn breach_facts(hours_ago: i64) -> BreachFacts {
    let now = Timestamp::from_millis(1_780_315_200_000);
    BreachFacts {
        known_since: Timestamp::from_millis(now.as_millis() - hours_ago * 3_600_000),
        now,
        happened: (None, None),
        nature: BTreeSet::from([BreachNature::Confidentiality]),
        n_persons: 3,
        n_enrolled: 5,
        n_erased: 2,
        consents: BTreeMap::from([(regard_commitments::ConsentPurpose::Learn, 2)]),
        tables: vec![("plays".to_owned(), 41)],
    }
}

pub(super) fn breach_of(hours_ago: i64) -> Papers {
    Papers::of_breach(&facts(|_| ()), &breach_facts(hours_ago), &BTreeMap::new()).unwrap()
}

#[test]
fn the_clock_of_a_breach_runs_for_72_hours() {
    let standing = |hours_ago| breach_of(hours_ago).papers[0].standing[0].clone();
    let asks_why = |hours_ago| {
        breach_of(hours_ago)
            .questions()
            .iter()
            .any(|question| question.id == "breach_delay")
    };
    assert_eq!(
        standing(0).text,
        "72 h 0 min left: the authority is to be told by 2026-06-04T12:00:00.000000Z."
    );
    assert!(standing(71).is_good && standing(71).text.starts_with("1 h 0 min left"));
    assert!(standing(72).is_good && !asks_why(72));
    assert!(!standing(75).is_good && standing(75).text.starts_with("Late by 3 h 0 min"));
    assert!(asks_why(75));
}

#[test]
fn a_breach_is_told_in_counts() {
    let json = serde_json::to_string(&breach_of(1)).unwrap();
    for expected in [
        "people who enrolled: 3",
        "5 enrolled so far, 2 erased",
        "\"learn\",\"2\"",
        "\"plays\",\"41\"",
    ] {
        assert!(json.contains(expected), "{expected}");
    }
}
