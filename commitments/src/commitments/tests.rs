use super::*;

/// Line and message of each mistake in the demo's text with one change.
fn mistakes(from: &str, to: &str) -> Vec<(usize, String)> {
    let text = Commitments::demo_text();
    assert!(text.contains(from), "{from}");
    match Commitments::parse(&text.replacen(from, to, 1)) {
        Ok(_) => Vec::new(),
        Err(error) => error
            .mistakes
            .into_iter()
            .map(|m| (m.line, m.message))
            .collect(),
    }
}

/// The line of the demo's text, from 1, in which something stands.
fn line_of(what: &str) -> usize {
    let text = Commitments::demo_text();
    text[..text.find(what).unwrap()].matches('\n').count() + 1
}

#[test]
fn the_demo_is_valid() {
    let demo = Commitments::demo();
    assert_eq!((demo.version, demo.profile.as_str()), (1, "lab"));
    assert_eq!(demo.scopes, Scopes::AUDIENCE);
    assert!(!demo.declarations.is_workplace_or_education());
    assert!(!demo.declarations.expects_children());
    assert_eq!(demo.retention[&DataKind::Decision].hours(), 24);
}

#[test]
fn the_example_is_valid_and_declares_nothing_for_the_owner() {
    let example = Commitments::parse(Commitments::example_text()).unwrap();
    assert_eq!(example.profile, "eu");
    assert_eq!(example.declarations.audience, AudienceKind::Undeclared);
    assert_eq!(example.declarations.staff, StaffRule::Undeclared);
    let with_recipient = Commitments::example_text()
        .replace("# [[rec", "[[rec")
        .replace("# name = ", "name = ")
        .replace("# purpose = ", "purpose = ");
    assert_eq!(
        Commitments::parse(&with_recipient)
            .unwrap()
            .recipients
            .len(),
        1
    );
}

/// Text of the demo, what takes its place, a text in the line of the mistake, part of the message.
type MistakeCase = (&'static str, &'static str, &'static str, &'static str);

const MISTAKES: &[MistakeCase] = &[
    ("version = 1", "version = 0", "version = 1", "at least 1"),
    ("version = 1", "version = \"x\"", "version = 1", "u32"),
    (
        "\"2026-01-01\"",
        "\"2026-02-30\"",
        "effective_from",
        "is not a day",
    ),
    (
        "\"legitimate_interest\"",
        "\"because\"",
        "legal_basis",
        "unknown variant `because`",
    ),
    (
        "scopes = [\"count\", ",
        "scopes = [",
        "scopes = [",
        "must have \"count\"",
    ),
    (
        "\"face_position\", ",
        "",
        "categories = [",
        "\"count\" handles a category",
    ),
    (
        "purposes = [",
        "purposes = [] # ",
        "purposes = [",
        "at least one purpose",
    ),
    (
        "[site]",
        "[site]\ncolour = 1",
        "id = \"demo\"",
        "unknown field `colour`",
    ),
    (
        "name = \"Regard demonstration\"",
        "name = \" \"",
        "name = \"Regard",
        "1 to 400 characters",
    ),
    (
        "id = \"demo\"",
        "id = \"De mo\"",
        "id = \"demo\"",
        "is not 1 to 64",
    ),
    (
        "\"/privacy\"",
        "\"//evil.example\"",
        "privacy_path",
        "must be a path",
    ),
    (
        "\"/privacy\"",
        "\"/a/../b\"",
        "privacy_path",
        "must be a path",
    ),
    (
        "\"/privacy\"",
        "\"/<script>\"",
        "privacy_path",
        "must be a path",
    ),
    (
        "languages = [",
        "languages = [] # ",
        "languages",
        "at least one language",
    ),
    (
        "decision = \"24 hours\"",
        "decision = \"1 year\"",
        "decision =",
        "is not a period",
    ),
    (
        "decision = \"24 hours\"",
        "decision = \"0 days\"",
        "decision =",
        "is not a period",
    ),
    (
        "[retention]",
        "[retention]\nledger = \"1 days\"",
        "[retention]",
        "period of their own",
    ),
    (
        "{ rule = \"no_staff_in_view\" }\nwork",
        "{ rule = \"hours\", hours = [] }\nwork",
        "staff = {",
        "at least one pair",
    ),
    (
        "{ rule = \"no_staff_in_view\" }\nwork",
        "{ rule = \"zones\", zones = [{ camera = \"a\", left = 900, top = 0, width = 101, height = 1 }] }\nwork",
        "staff = {",
        "within the picture",
    ),
    (
        "{ rule = \"no_staff_in_view\" }\nwork",
        "{ rule = \"hours\", hours = [{ from = \"8:00\", until = \"09:00\" }] }\nwork",
        "staff = {",
        "is not a time of day",
    ),
];

#[test]
fn each_mistake_names_its_line() {
    for &(from, to, place, expected) in MISTAKES {
        let line = line_of(place);
        let found = mistakes(from, to);
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert_eq!(found[0].0, line, "{to}: {found:?}");
        assert!(found[0].1.contains(expected), "{to}: {found:?}");
    }
}

#[test]
fn all_mistakes_of_content_are_told_at_once() {
    let text = Commitments::demo_text()
        .replacen("version = 1", "version = 0", 1)
        .replacen("\"/privacy\"", "\"privacy\"", 1)
        .replacen("\"Regard demonstration\"", "\"\"", 1);
    let error = Commitments::parse(&text).unwrap_err();
    let lines: Vec<usize> = error.mistakes.iter().map(|m| m.line).collect();
    assert_eq!(
        lines,
        [
            line_of("version ="),
            line_of("name = "),
            line_of("privacy_path")
        ]
    );
    assert!(
        error
            .to_string()
            .starts_with("commitments are not valid: line 4, column 1: version")
    );
}

#[test]
fn micro_expression_is_for_research_only() {
    let with_scope = Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1);
    assert!(Commitments::parse(&with_scope).is_err());
    let with_purpose = with_scope.replacen("purposes = [", "purposes = [\"research\", ", 1);
    assert!(Commitments::parse(&with_purpose).is_ok());
}

#[test]
fn the_canonical_text_comes_back_and_does_not_depend_on_order() {
    let demo = Commitments::demo();
    let canonical = demo.canonical();
    assert!(
        canonical.starts_with(r#"{"categories":["face_position","attention","#),
        "{canonical}"
    );
    assert_eq!(
        serde_json::from_str::<Commitments>(&canonical).unwrap(),
        demo
    );
    let reordered = Commitments::demo_text().replacen(
        "[\"count\", \"attention\", \"expression\"]",
        "[\"expression\", \"count\", \"attention\"]",
        1,
    );
    assert_eq!(
        Commitments::parse(&reordered).unwrap().canonical(),
        canonical
    );
}

#[test]
fn hours_may_run_over_midnight() {
    let hours = |from: &str, until: &str| StaffHours {
        from: DayMinute::try_from(from.to_owned()).unwrap(),
        until: DayMinute::try_from(until.to_owned()).unwrap(),
    };
    for (from, until, minute, inside) in [
        ("08:00", "09:00", 480, true),
        ("08:00", "09:00", 540, false),
        ("22:00", "06:00", 1_439, true),
        ("22:00", "06:00", 359, true),
        ("22:00", "06:00", 360, false),
        ("00:00", "00:00", 700, true),
    ] {
        assert_eq!(
            hours(from, until).contains(minute),
            inside,
            "{from} {until} {minute}"
        );
    }
    for bad in ["24:00", "12:60", "1:00", "+1:00", "12", "12:00:00", "1é:00"] {
        assert!(DayMinute::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}
