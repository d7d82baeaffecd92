use std::collections::BTreeSet;

use super::*;
use crate::{
    Category, ConsentPurpose, LegalBasis, ProcessingPurpose, Recipient, Scope, Scopes, SiteKeys,
    Zeroizing,
};

fn notice(document: &Commitments) -> Notice {
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let verified = document.sign(&key).verify(&key.verifying_key()).unwrap();
    Notice::of(&verified, &Profile::named(&document.profile).unwrap())
}

#[test]
fn every_language_has_every_word_and_leaves_nothing_open() {
    let mut document = Commitments::demo();
    document.scopes = Scope::ALL.into_iter().collect::<Scopes>();
    document
        .categories
        .extend([Category::MicroExpression, Category::AgeBracket]);
    document.purposes.insert(ProcessingPurpose::Research);
    document.recipients = vec![Recipient {
        name: "Acme".into(),
        purpose: "hosting".into(),
    }];
    for basis in [
        LegalBasis::Consent,
        LegalBasis::PublicTask,
        LegalBasis::LegitimateInterest,
    ] {
        document.legal_basis = basis;
        let notice = notice(&document);
        assert_eq!(notice.texts.len(), Language::ALL.len());
        for text in &notice.texts {
            let all = format!("{} {} {}", text.title, text.lines.join(" "), text.more);
            assert!(!all.contains(['{', '}']), "{all}");
            for part in [
                "The person running",
                "whoever sits",
                "Regard demonstration",
                "Acme",
                "/privacy",
            ] {
                assert!(all.contains(part), "{part} in {all}");
            }
            assert!(text.lines.iter().all(|line| line.len() > 10));
            assert!(text.lab_banner.is_some());
            let easy = &text.easy;
            let all = [easy.lines.join(" "), easy.ask.join(" ")].join(" ") + &easy.object;
            assert!(!all.contains(['{', '}']), "{all}");
            assert!(
                all.contains("whoever sits") && all.contains(&text.authority),
                "{all}"
            );
            // Short sentences: at most fourteen words each.
            for line in easy.lines.iter().chain([&easy.object]) {
                let sentences = line.split(['.', '?']).map(|s| s.split_whitespace().count());
                assert!(sentences.max() <= Some(14), "{line}");
            }
        }
    }
}

#[test]
fn it_says_what_the_commitments_say() {
    let english = &notice(&Commitments::demo()).texts[0];
    assert_eq!(english.language.tag(), "en");
    assert_eq!(
        english.lines,
        [
            "The person running this demonstration is responsible for this camera (Regard demonstration). Contact: whoever sits at this computer.",
            "A camera looks at how many faces are there, whether they are turned to the screen and what expression they show. No picture is kept, nobody is recognised, and no face is measured for identity.",
            "Purpose: to measure the audience, to choose the message shown and to learn which messages serve which audience.",
            "Legal basis: legitimate interest (GDPR 6(1)(f)).",
            "Only records without persons are kept, for 7 days at the longest.",
            "Nothing is passed on.",
            "You may object, ask what is held, have it corrected or erased, and complain to the data protection authority.",
        ]
    );
}

#[test]
fn where_people_may_be_recognised_it_does_not_say_that_nobody_is() {
    let mut document = Commitments::demo();
    document.consent_purposes = BTreeSet::from([ConsentPurpose::Learn]);
    let nobody = notice(&document);
    document.consent_purposes.insert(ConsentPurpose::Verify);
    let some = notice(&document);
    for (before, after) in nobody.texts.iter().zip(&some.texts) {
        let differ: Vec<usize> = (0..before.lines.len())
            .filter(|at| before.lines[*at] != after.lines[*at])
            .collect();
        assert_eq!(differ, [1], "{:?}", after.lines);
        assert_ne!(before.easy.lines, after.easy.lines);
        for line in &after.easy.lines {
            assert!(line.split_whitespace().count() <= 14, "{line}");
        }
    }
    assert!(some.texts[0].lines[1].contains("Only those who enrolled and agreed"));
    // What the profile does not allow is not announced either.
    document.profile = "fr-public".into();
    let street = notice(&document);
    let text = &street.texts[0];
    assert!(!text.lines[1].contains("enrolled"), "{:?}", text.lines);
}

#[test]
fn any_change_of_the_promise_changes_the_hash() {
    let demo = Commitments::demo();
    let hash = notice(&demo).hash();
    assert_eq!(notice(&demo).hash(), hash);
    let mut other = demo.clone();
    other
        .retention
        .insert(DataKind::Play, "25 hours".parse().unwrap());
    assert_ne!(
        notice(&other).hash(),
        hash,
        "not even in the text, but in the commitments"
    );
    let mut eu = demo;
    eu.profile = "eu".into();
    let eu = notice(&eu);
    assert!(!eu.is_lab && eu.texts.iter().all(|text| text.lab_banner.is_none()));
}

#[test]
fn scopes_that_the_profile_does_not_allow_are_not_announced() {
    let mut document = Commitments::demo();
    document.profile = "eu".into();
    document.scopes = document.scopes.with(Scope::AgeGuard);
    document.categories.insert(Category::AgeBracket);
    let text = &notice(&document).texts[0];
    assert!(!text.lines[1].contains("minor"));
    assert!(!text.easy.lines.join(" ").contains("child"));
}

#[test]
fn values_are_never_read_as_templates() {
    assert_eq!(fill("{a}{b}", &[("a", "{b}"), ("b", "x")]), "{b}x");
    assert_eq!(fill("a { b", &[]), "a { b");
    assert_eq!(fill("{unknown}", &[]), "{unknown}");
}

#[test]
fn where_nothing_is_kept_it_says_so() {
    let mut document = Commitments::demo();
    document.retention.clear();
    document.consent_purposes.clear();
    let english = &notice(&document).texts[0];
    assert_eq!(english.lines[4], "Nothing about the audience is kept.");
}
