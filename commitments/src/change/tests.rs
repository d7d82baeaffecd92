use super::*;
use crate::Date;

fn edited(replacements: &[(&str, &str)]) -> Commitments {
    let mut text = Commitments::demo_text().replacen("version = 1", "version = 2", 1);
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    Commitments::parse(&text).unwrap()
}

fn changes(replacements: &[(&str, &str)]) -> Vec<Change> {
    Commitments::demo()
        .changes_to(&edited(replacements))
        .unwrap()
}

/// Every change there and back: what weakens one way must not weaken the other, unless nobody can tell.
fn both_ways(replacements: &[(&str, &str)]) -> (Vec<Direction>, Vec<Direction>) {
    let (older, newer) = (Commitments::demo(), edited(replacements));
    let back = Commitments {
        version: 3,
        ..older.clone()
    };
    let directions = |changes: Vec<Change>| changes.into_iter().map(|c| c.direction).collect();
    (
        directions(older.changes_to(&newer).unwrap()),
        directions(newer.changes_to(&back).unwrap()),
    )
}

#[test]
fn a_new_number_and_day_change_nothing() {
    assert_eq!(changes(&[]), []);
    let mut later = edited(&[]);
    later.effective_from = "2030-01-01".parse::<Date>().unwrap();
    assert_eq!(Commitments::demo().changes_to(&later), Ok(Vec::new()));
}

#[test]
fn longer_retention_weakens_and_says_how_long() {
    let weaker = changes(&[("decision = \"24 hours\"", "decision = \"30 days\"")]);
    assert_eq!(
        weaker,
        [Change {
            field: "retention.decision".to_owned(),
            direction: Direction::Weakens,
            text: "Rows of kind decision are kept for 30 days instead of 24 hours.".to_owned(),
        }]
    );
}

#[test]
fn each_field_has_its_direction_both_ways() {
    use Direction::{Neutral, Strengthens, Weakens};
    let cases: [(&str, &str, Direction, Direction); 9] = [
        ("\"message_learning\"", "\"research\"", Weakens, Weakens),
        (", \"message_learning\"]", "]", Strengthens, Weakens),
        (
            "scopes = [\"count\", \"attention\", \"expression\"]",
            "scopes = [\"count\"]",
            Strengthens,
            Weakens,
        ),
        ("decision = \"24 hours\"\n", "", Strengthens, Weakens),
        (
            "profile = \"lab\"",
            "profile = \"eu\"",
            Strengthens,
            Weakens,
        ),
        (
            "legal_basis = \"legitimate_interest\"",
            "legal_basis = \"consent\"",
            Strengthens,
            Weakens,
        ),
        (
            "custody = \"in_persons_hands\"",
            "custody = \"shared\"",
            Weakens,
            Strengthens,
        ),
        (
            "staff = { rule = \"no_staff_in_view\" }",
            "staff = { rule = \"undeclared\" }",
            Strengthens,
            Weakens,
        ),
        (
            "audience = \"general_audience\"",
            "audience = \"adults\"",
            Neutral,
            Neutral,
        ),
    ];
    for (from, to, there, back) in cases {
        let (found, found_back) = both_ways(&[(from, to)]);
        assert_eq!(
            found.iter().max(),
            Some(&there),
            "{from} -> {to}: {found:?}"
        );
        assert_eq!(
            found_back.iter().max(),
            Some(&back),
            "{to} -> {from}: {found_back:?}"
        );
    }
}

#[test]
fn somebody_else_who_answers_or_receives_weakens() {
    let mut newer = edited(&[]);
    newer.controller.name = "Another company".into();
    newer.recipients = vec![crate::Recipient {
        name: "Acme".into(),
        purpose: "hosting".into(),
    }];
    let found = Commitments::demo().changes_to(&newer).unwrap();
    let fields: Vec<&str> = found.iter().map(|c| c.field.as_str()).collect();
    assert_eq!(fields, ["controller.name", "recipients"]);
    assert!(found.iter().all(|c| c.direction == Direction::Weakens));
    let back = Commitments {
        version: 3,
        ..Commitments::demo()
    };
    let gone = newer.changes_to(&back).unwrap();
    assert_eq!(gone[1].direction, Direction::Strengthens);
}

#[test]
fn staff_zones_are_added_not_moved() {
    let zone = |left: u16| crate::StaffZone {
        camera: regard_domain::CameraId::new("webcam").unwrap(),
        left,
        top: 0,
        width: 100,
        height: 1_000,
    };
    let with = |zones: Vec<crate::StaffZone>, version: u32| {
        let mut document = Commitments {
            version,
            ..Commitments::demo()
        };
        document.declarations.staff = StaffRule::Zones { zones };
        document
    };
    let one = with(vec![zone(0)], 1);
    let more = one.changes_to(&with(vec![zone(0), zone(500)], 2)).unwrap();
    assert_eq!(more[0].direction, Direction::Strengthens);
    let moved = one.changes_to(&with(vec![zone(10)], 2)).unwrap();
    assert_eq!(moved[0].direction, Direction::Weakens);
}

#[test]
fn a_changed_promise_needs_a_new_number_and_the_same_site() {
    let older = Commitments::demo();
    let mut newer = edited(&[("decision = \"24 hours\"", "decision = \"20 hours\"")]);
    newer.version = 1;
    let error = older.changes_to(&newer).unwrap_err();
    assert!(
        error.to_string().contains("give the new one version 2"),
        "{error}"
    );
    newer.version = 2;
    newer.site.id = regard_domain::SiteId::new("elsewhere").unwrap();
    assert!(matches!(
        older.changes_to(&newer),
        Err(NotAVersion::OtherSite { .. })
    ));
}

#[test]
fn every_field_of_the_document_is_compared() {
    // A field added to the document without a word here would pass unseen: each is changed in turn, as JSON.
    let mut older = Commitments::demo();
    older.custody_justification = Some("a reason".to_owned());
    older.dpia = Some(crate::Dpia {
        reference: "a number".to_owned(),
        signed_by: "an officer".to_owned(),
        signed_on: "2026-01-01".parse().unwrap(),
        configuration: None,
    });
    older.statistics = Some(crate::StatisticsTerms {
        epsilon_per_day: "0.5".parse().unwrap(),
    });
    let json = serde_json::to_value(&older).unwrap();
    let changed: [(&str, serde_json::Value); 15] = [
        ("/profile", "eu".into()),
        ("/purposes", serde_json::json!(["audience_measurement"])),
        ("/legal_basis", "consent".into()),
        ("/scopes", serde_json::json!(["count"])),
        (
            "/categories",
            serde_json::json!(["face_position", "attention", "expression", "age_bracket"]),
        ),
        ("/custody", "shared".into()),
        ("/consent_purposes", serde_json::json!(["learn"])),
        ("/custody_justification", "another reason".into()),
        ("/dpia/reference", "another number".into()),
        ("/site/name", "Elsewhere".into()),
        ("/controller/contact", "the door".into()),
        ("/declarations/venue", "school".into()),
        ("/notice/languages", serde_json::json!(["nl"])),
        ("/retention", serde_json::json!({})),
        ("/statistics/epsilon_per_day", "0.6".into()),
    ];
    let covered: std::collections::BTreeSet<&str> = changed
        .iter()
        .map(|(path, _)| path.split('/').nth(1).unwrap_or_default())
        .collect();
    for field in json.as_object().unwrap().keys() {
        let known = ["version", "effective_from", "recipients"].contains(&field.as_str());
        assert!(
            known || covered.contains(field.as_str()),
            "{field} is compared by no case"
        );
    }
    for (path, value) in changed {
        let mut other = json.clone();
        *other.pointer_mut(path).unwrap() = value;
        *other.pointer_mut("/version").unwrap() = 2.into();
        let newer: Commitments = serde_json::from_value(other).unwrap();
        assert!(!older.changes_to(&newer).unwrap().is_empty(), "{path}");
    }
}

#[test]
fn more_to_tell_weakens_and_the_budget_of_the_profile_counts_where_none_is_named() {
    let with = |version: u32, epsilon: Option<&str>| {
        let mut document = Commitments {
            version,
            ..Commitments::demo()
        };
        document.statistics = epsilon.map(|epsilon| crate::StatisticsTerms {
            epsilon_per_day: epsilon.parse().unwrap(),
        });
        document
    };
    for (from, to, expected) in [
        (Some("0.5"), Some("1"), Some(Direction::Weakens)),
        (Some("1"), Some("0.5"), Some(Direction::Strengthens)),
        (None, Some("1.5"), Some(Direction::Weakens)),
        (None, Some("0"), Some(Direction::Strengthens)),
        (Some("2"), None, Some(Direction::Strengthens)),
        (None, Some("1"), None),
        (None, None, None),
    ] {
        let changes = with(1, from).changes_to(&with(2, to)).unwrap();
        let found: Vec<_> = changes
            .iter()
            .map(|c| (c.field.as_str(), c.direction))
            .collect();
        let expected: Vec<_> = expected
            .map(|d| ("statistics.epsilon_per_day", d))
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{from:?} -> {to:?}");
    }
    let changes = with(1, Some("0.5")).changes_to(&with(2, None)).unwrap();
    assert_eq!(
        changes[0].text,
        "Sums that leave the site may tell 1 about one visit of a day instead of 0.5 (epsilon)."
    );
}

#[test]
fn a_further_purpose_to_agree_to_weakens_nothing_and_a_lost_assessment_does() {
    let mut older = Commitments::demo();
    older.dpia = Some(crate::Dpia {
        reference: "a number".to_owned(),
        signed_by: "an officer".to_owned(),
        signed_on: "2026-01-01".parse().unwrap(),
        configuration: None,
    });
    let mut newer = Commitments {
        version: 2,
        ..older.clone()
    };
    newer.consent_purposes.insert(crate::ConsentPurpose::Verify);
    let directions = |newer: &Commitments| -> Vec<Direction> {
        let changes = older.changes_to(newer).unwrap();
        changes.into_iter().map(|c| c.direction).collect()
    };
    assert_eq!(directions(&newer), [Direction::Neutral]);
    newer.dpia = None;
    assert_eq!(directions(&newer), [Direction::Neutral, Direction::Weakens]);
}
