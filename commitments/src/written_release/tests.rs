use std::collections::BTreeSet;

use super::*;
use crate::{Recipient, SiteKeys, Zeroizing};

fn releases(profile: &str, change: impl FnOnce(&mut Commitments)) -> Vec<ReleaseText> {
    let mut document = Commitments::demo();
    document.profile = profile.to_owned();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    change(&mut document);
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let promise = document.sign(&key).verify(&key.verifying_key()).unwrap();
    ReleaseText::all(&promise, &Profile::named(profile).unwrap())
}

#[test]
fn every_language_says_all_that_the_law_wants_and_leaves_nothing_open() {
    let recipient = Recipient {
        name: "Acme".to_owned(),
        purpose: "hosting".to_owned(),
    };
    for (way, recipients) in [(None, vec![]), (Some("the guard looks"), vec![recipient])] {
        let texts = releases("us-il", |document| {
            document.alternative_path = way.map(str::to_owned);
            document.recipients = recipients;
        });
        let languages: Vec<Language> = texts.iter().map(|text| text.language).collect();
        assert_eq!(languages, Language::ALL);
        for text in &texts {
            let all = text.to_text();
            assert!(!all.contains(['{', '}']), "{all}");
            let wanted = [
                "The person running this demonstration",
                "whoever sits at this computer",
                "30 ",
                "/privacy",
            ];
            for part in wanted.into_iter().chain(way) {
                assert!(all.contains(part), "{part} in {all}");
            }
            assert_eq!(all.contains("Acme"), way.is_some());
            for purpose in [
                ConsentPurpose::Verify,
                ConsentPurpose::Identify,
                ConsentPurpose::AnalyzeLibrary,
            ] {
                let words = Words::of(text.language);
                let named = words.named(purpose);
                assert!(named != purpose.as_str() && all.contains(named), "{all}");
            }
            assert!(!text.name_label.is_empty());
        }
        let hashes: BTreeSet<Digest> = texts.iter().map(ReleaseText::digest).collect();
        assert_eq!(hashes.len(), Language::ALL.len());
    }
}

#[test]
fn it_is_there_where_the_law_wants_it_and_a_face_can_be_measured() {
    for profile in Profile::names() {
        let is_wanted = profile == "us-il";
        assert_eq!(
            releases(profile, |_| ()).is_empty(),
            !is_wanted,
            "{profile}"
        );
    }
    let learning = releases("us-il", |document| {
        document.consent_purposes = BTreeSet::from([ConsentPurpose::Learn]);
    });
    assert!(learning.is_empty(), "no face is measured");
    let verifying = releases("us-il", |document| {
        document.consent_purposes = BTreeSet::from([ConsentPurpose::Verify]);
    });
    let english = verifying[0].to_text();
    assert!(english.contains("the one whose token is shown"));
    assert!(!english.contains("collection of photographs"));
    // Another version of the promises is another text.
    let next = releases("us-il", |document| document.version += 1);
    assert_ne!(next[0].digest(), releases("us-il", |_| ())[0].digest());
}

#[test]
fn a_signature_is_a_name_and_a_tick() {
    let text = Digest::of(&[b"text"]);
    let code = |name: &str, is_ticked| {
        let signed = ReleaseSignature::new(text, name, is_ticked);
        signed.err().map(|refusal| refusal.code)
    };
    let missing = Some(RefusalCode::ConsentMissing);
    assert_eq!(code(" Ada Lovelace ", true), None);
    assert_eq!(code("Ada Lovelace", false), missing);
    let long = "a".repeat(MAX_SIGNATURE_LEN + 1);
    for bad in ["", "  ", "Ada\nLovelace", &long] {
        assert_eq!(code(bad, true), missing);
    }
    let signed = ReleaseSignature::new(text, " Ada Lovelace ", true).unwrap();
    assert_eq!(signed.name, "Ada Lovelace");
    assert!(!format!("{signed:?}").contains("Ada"));
}
