use super::*;

#[test]
fn names_agree_with_serialization_and_are_there_once() {
    let mut ids: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    for &rule in Rule::ALL {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.id());
        assert!(
            !rule.article().is_empty() && rule.title().ends_with('.'),
            "{rule}"
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Rule::ALL.len());
}

#[test]
fn what_no_test_shows_is_open_and_says_what_is_missing() {
    let all = Rule::ALL.iter().map(|rule| (rule.id(), rule.keeping()));
    let codes = RefusalCode::ALL
        .iter()
        .map(|code| (code.as_str(), code.keeping()));
    for (name, keeping) in all.chain(codes) {
        let is_open = keeping.standing() == Standing::Open;
        assert_eq!(is_open, keeping.tests.is_empty(), "{name}");
        assert!(!is_open || !keeping.missing.is_empty(), "{name}");
        assert!(is_open || !keeping.code.is_empty(), "{name}");
    }
}
