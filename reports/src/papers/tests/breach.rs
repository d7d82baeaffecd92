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

/// The values of a fact of a paper, wherever it stands in it.
fn values(paper: &LegalPaper, id: &str) -> Vec<String> {
    let items = paper.points.iter().flat_map(|point| &point.items);
    let found = items.filter_map(|item| match item {
        Item::Fact { id: of, values, .. } if of == id => Some(values.clone()),
        Item::Fact { .. } | Item::Table { .. } | Item::Note { .. } | Item::Ask { .. } => None,
    });
    found.flatten().collect()
}

/// Illinois, where somebody can have their face verified.
fn illinois() -> Facts {
    facts(|d| {
        d.profile = "us-il".to_owned();
        d.consent_purposes
            .insert(regard_commitments::ConsentPurpose::Verify);
    })
}

#[test]
fn releases_are_a_category_of_their_own_where_people_sign_them() {
    let facts_of = |facts: &Facts, kind| {
        let papers = papers_of(facts);
        values(papers.paper(kind).unwrap(), "signed_releases")
    };
    for kind in [
        PaperKind::Record,
        PaperKind::TransparencyNotice,
        PaperKind::ImpactAssessment,
    ] {
        assert!(facts_of(&facts(|_| ()), kind).is_empty(), "{kind}");
        // Where nobody's face is measured, nobody signs.
        let nobody = facts(|d| {
            d.profile = "us-il".to_owned();
            d.consent_purposes
                .retain(|purpose| purpose.recognition().is_none());
        });
        assert!(facts_of(&nobody, kind).is_empty(), "{kind}");
        let said = facts_of(&illinois(), kind).join("\n");
        assert!(said.contains("the only name of a person"), "{kind}: {said}");
    }
}

#[test]
fn a_breach_says_that_something_cannot_be_among_it_only_where_the_site_holds_none() {
    let cannot = |facts: &Facts, breach: &BreachFacts| {
        let papers = Papers::of_breach(facts, breach, &BTreeMap::new()).unwrap();
        values(&papers.papers[0], "no_pictures").join("\n")
    };
    let plain = cannot(&facts(|_| ()), &breach_facts(1));
    for word in ["Pictures", "Templates", "Names"] {
        assert!(plain.contains(word), "{plain}");
    }
    let held = facts(|d| d.custody = regard_commitments::Custody::Shared);
    let said = cannot(&held, &breach_facts(1));
    assert!(
        !said.contains("Templates") && said.contains("Names"),
        "{said}"
    );
    let mut collected = breach_facts(1);
    collected.tables.push(("collected".to_owned(), 7));
    let said = cannot(&facts(|_| ()), &collected);
    assert!(!said.contains("Templates"), "{said}");
    let papers = Papers::of_breach(&facts(|_| ()), &collected, &BTreeMap::new()).unwrap();
    let subjects = values(&papers.papers[0], "subjects").join("\n");
    assert!(subjects.contains("7 faces"), "{subjects}");
    let said = cannot(&illinois(), &breach_facts(1));
    assert!(
        !said.contains("Names") && said.contains("Pictures"),
        "{said}"
    );
}
