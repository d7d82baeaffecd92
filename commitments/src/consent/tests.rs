use proptest::prelude::*;

use super::*;
use crate::{
    Commitments, KeepFor, Profile, ReleaseSignature, SiteKeys, VerifiedCommitments, Zeroizing,
};

const DAY: Duration = Duration::from_secs(86_400);

/// 2026-06-01.
const START: Timestamp = Timestamp::from_millis(1_780_272_000_000);

fn signed(change: impl FnOnce(&mut Commitments)) -> VerifiedCommitments {
    let mut document = Commitments::demo();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    change(&mut document);
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    document.sign(&key).verify(&key.verifying_key()).unwrap()
}

/// A laboratory in which people may be recognised.
fn profile(recognition: bool) -> Profile {
    let text = include_str!("../../data/profiles/lab.toml");
    let all = "recognition = [\"enroll\", \"verify\", \"identify\", \"library\", \"attested\"]";
    assert!(text.contains(all));
    let text = if recognition {
        text.to_owned()
    } else {
        text.replace(all, "recognition = []")
    };
    Profile::parse(&text).unwrap()
}

fn consent(purpose: ConsentPurpose, under: &VerifiedCommitments, days: u32) -> Consent {
    Consent {
        purpose,
        given_by: GivenBy::Person,
        given_at: START,
        expires_at: START.plus(DAY * days),
        version: under.document().version,
        commitments: under.digest(),
        receipt: Digest::of(&[purpose.as_str().as_bytes()]),
        is_released: false,
        ended: None,
    }
}

fn file() -> PersonFile {
    PersonFile::new(Custody::InPersonsHands, false, START)
}

fn refused(
    file: &PersonFile,
    purpose: ConsentPurpose,
    standing: &PromiseStanding<'_>,
    now: Timestamp,
) -> Option<RefusalCode> {
    let answer = file.ask(purpose, standing, now);
    let refusal = answer.refusal()?;
    assert!(!refusal.reason.is_empty() && !refusal.remedy.is_empty());
    Some(refusal.code)
}

/// Someone who agreed to everything for 10 days under these commitments, and the standing of that.
fn check(change: impl FnOnce(&mut PersonFile), after: Duration, expected: Option<RefusalCode>) {
    let (promise, profile) = (signed(|_| ()), profile(false));
    let standing = PromiseStanding {
        in_force: &promise,
        taken_under: None,
        profile: &profile,
        assessed: None,
    };
    let mut file = file();
    file.give(consent(ConsentPurpose::Learn, &promise, 10));
    change(&mut file);
    let found = refused(&file, ConsentPurpose::Learn, &standing, START.plus(after));
    assert_eq!(found, expected);
}

#[test]
fn a_consent_holds_until_it_runs_out() {
    check(|_| (), DAY * 9, None);
}

#[test]
fn consent_missing() {
    check(
        |file| *file = self::file(),
        DAY,
        Some(RefusalCode::ConsentMissing),
    );
}

#[test]
fn consent_expired() {
    check(|_| (), DAY * 10, Some(RefusalCode::ConsentExpired));
    let ended = |file: &mut PersonFile| {
        file.end(ConsentPurpose::Learn, EndReason::Expired, START);
    };
    check(ended, DAY, Some(RefusalCode::ConsentExpired));
}

#[test]
fn consent_withdrawn() {
    let withdraw = |file: &mut PersonFile| {
        assert!(
            file.end(ConsentPurpose::Learn, EndReason::Withdrawn, START)
                .is_some()
        );
        assert!(
            file.end(ConsentPurpose::Learn, EndReason::Withdrawn, START)
                .is_none()
        );
    };
    check(withdraw, DAY, Some(RefusalCode::ConsentWithdrawn));
    // Withdrawn stays withdrawn when the time would have been over too.
    check(withdraw, DAY * 20, Some(RefusalCode::ConsentWithdrawn));
}

#[test]
fn what_is_frozen_is_never_used() {
    let freeze = |file: &mut PersonFile| file.frozen_at = Some(START);
    check(freeze, DAY, Some(RefusalCode::ObjectionActive));
}

#[test]
fn purpose_not_promised() {
    let profile = profile(false);
    let older = signed(|_| ());
    let mut file = file();
    file.give(consent(ConsentPurpose::Learn, &older, 10));
    let ask = |newer: &VerifiedCommitments, taken_under: Option<&VerifiedCommitments>| {
        let standing = PromiseStanding {
            in_force: newer,
            taken_under,
            profile: &profile,
            assessed: None,
        };
        refused(&file, ConsentPurpose::Learn, &standing, START.plus(DAY))
    };
    let keep = |period: &str| period.parse::<KeepFor>().unwrap();
    let stronger = signed(|d| {
        d.version = 2;
        d.retention
            .insert(crate::DataKind::Decision, keep("1 hour"));
    });
    let weaker = signed(|d| {
        d.version = 2;
        d.retention
            .insert(crate::DataKind::Decision, keep("60 days"));
    });
    let unnamed = signed(|d| {
        d.version = 2;
        d.consent_purposes.remove(&ConsentPurpose::Learn);
    });
    let not_promised = Some(RefusalCode::PurposeNotPromised);
    assert_eq!(ask(&stronger, Some(&older)), None);
    assert_eq!(ask(&weaker, Some(&older)), not_promised);
    assert_eq!(ask(&unnamed, Some(&older)), not_promised);
    // What it was given under is not known, or another document is passed off as that.
    assert_eq!(ask(&stronger, None), not_promised);
    assert_eq!(ask(&stronger, Some(&stronger)), not_promised);
    // Agreed anew.
    file.give(consent(ConsentPurpose::Learn, &weaker, 10));
    let standing = PromiseStanding {
        in_force: &weaker,
        taken_under: None,
        profile: &profile,
        assessed: None,
    };
    assert_eq!(
        refused(&file, ConsentPurpose::Learn, &standing, START),
        None
    );
}

/// A site that holds templates itself, says why, and has assessed what that means.
fn holding(document: &mut Commitments) {
    document.custody = Custody::Controller;
    document.custody_justification = Some("an access gate with a guard beside it".to_owned());
    document.alternative_path = Some("the guard looks at the card".to_owned());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-05-01".parse().unwrap(),
        configuration: None,
    });
}

/// Somebody whose template the site holds.
fn held() -> PersonFile {
    PersonFile::new(Custody::Controller, false, START)
}

#[test]
fn feature_not_in_profile() {
    let promise = signed(holding);
    for (recognition, expected) in [
        (false, Some(RefusalCode::FeatureNotInProfile)),
        (true, None),
    ] {
        let profile = profile(recognition);
        let standing = PromiseStanding {
            in_force: &promise,
            taken_under: None,
            profile: &profile,
            assessed: None,
        };
        for purpose in ConsentPurpose::ALL.iter().filter(|p| p.is_biometric()) {
            let mut file = held();
            file.give(consent(*purpose, &promise, 10));
            assert_eq!(
                refused(&file, *purpose, &standing, START),
                expected,
                "{purpose}"
            );
        }
    }
}

#[test]
fn dpia_missing() {
    let profile = profile(true);
    let ask = |purpose, signed_on: Option<&str>, custody| {
        let promise = signed(|d| {
            holding(d);
            d.custody = custody;
            // Without one the document itself is refused under custody "controller".
            d.dpia = signed_on.map(|day| Dpia {
                reference: "DPIA 7".to_owned(),
                signed_by: "the officer".to_owned(),
                signed_on: day.parse().unwrap(),
                configuration: None,
            });
        });
        let standing = PromiseStanding {
            in_force: &promise,
            taken_under: None,
            profile: &profile,
            assessed: None,
        };
        let mut file = held();
        file.give(consent(purpose, &promise, 10));
        refused(&file, purpose, &standing, START)
    };
    let missing = Some(RefusalCode::DpiaMissing);
    let (identify, controller) = (ConsentPurpose::Identify, Custody::Controller);
    assert_eq!(ask(identify, Some("2025-06-01"), controller), missing);
    assert_eq!(ask(identify, Some("2025-06-02"), controller), None);
    let unsigned = ask(identify, Some("2026-06-02"), controller);
    assert_eq!(unsigned, missing, "not signed yet");
    assert_eq!(
        ask(ConsentPurpose::Verify, None, Custody::InPersonsHands),
        None
    );
    assert_eq!(
        ask(ConsentPurpose::Learn, Some("2024-06-02"), controller),
        missing
    );
}

#[test]
fn no_alternative_path() {
    let profile = profile(true);
    let ask = |purpose, way: Option<&str>| {
        let promise = signed(|d| {
            holding(d);
            d.alternative_path = way.map(str::to_owned);
        });
        let standing = PromiseStanding {
            in_force: &promise,
            taken_under: None,
            profile: &profile,
            assessed: None,
        };
        let mut file = held();
        file.give(consent(purpose, &promise, 10));
        refused(&file, purpose, &standing, START)
    };
    let identify = ConsentPurpose::Identify;
    let missing = Some(RefusalCode::NoAlternativePath);
    assert_eq!(ask(identify, None), missing);
    assert_eq!(ask(identify, Some("the guard looks at the card")), None);
    assert_eq!(ask(ConsentPurpose::Verify, None), None);
}

#[test]
fn what_persons_keep_themselves_is_never_searched() {
    let profile = profile(true);
    let promise = signed(holding);
    let standing = PromiseStanding {
        in_force: &promise,
        taken_under: None,
        profile: &profile,
        assessed: None,
    };
    for (custody, expected) in [
        (
            Custody::InPersonsHands,
            Some(RefusalCode::PurposeNotPromised),
        ),
        (Custody::Shared, Some(RefusalCode::PurposeNotPromised)),
        (Custody::Controller, None),
    ] {
        let mut file = PersonFile::new(custody, false, START);
        file.give(consent(ConsentPurpose::Identify, &promise, 10));
        file.give(consent(ConsentPurpose::Verify, &promise, 10));
        let found = refused(&file, ConsentPurpose::Identify, &standing, START);
        assert_eq!(found, expected, "{custody:?}");
        assert_eq!(
            refused(&file, ConsentPurpose::Verify, &standing, START),
            None
        );
    }
}

#[test]
fn bipa_written_release() {
    let illinois = Profile::named("us-il").unwrap();
    let promise = signed(|d| d.profile = "us-il".to_owned());
    let standing = PromiseStanding {
        in_force: &promise,
        taken_under: None,
        profile: &illinois,
        assessed: None,
    };
    let ask = |purpose, is_released| {
        let mut file = file();
        let given = consent(purpose, &promise, 10);
        file.give(Consent {
            is_released,
            ..given
        });
        refused(&file, purpose, &standing, START)
    };
    let missing = Some(RefusalCode::ConsentMissing);
    assert_eq!(ask(ConsentPurpose::Verify, false), missing);
    assert_eq!(ask(ConsentPurpose::Verify, true), None);
    assert_eq!(
        ask(ConsentPurpose::Learn, false),
        None,
        "no face is measured"
    );
    // What is signed is the text of the commitments in force, in any of its languages.
    let signed = |text| ReleaseSignature::new(text, "Ada Lovelace", true).unwrap();
    let code = |purpose, signature: Option<&ReleaseSignature>| {
        let released = standing.released(purpose, signature);
        released.map_err(|refusal| refusal.code)
    };
    let texts = standing.releases();
    assert_eq!(texts.len(), promise.document().notice.languages.len());
    for text in texts {
        let signature = signed(text.digest());
        assert_eq!(
            code(ConsentPurpose::Verify, Some(&signature)),
            Ok(Some(text))
        );
        assert_eq!(code(ConsentPurpose::Learn, Some(&signature)), Ok(None));
    }
    let other = signed(Digest::of(&[b"another text"]));
    for signature in [None, Some(&other)] {
        assert_eq!(
            code(ConsentPurpose::Verify, signature),
            Err(RefusalCode::ConsentMissing)
        );
    }
    let europe = Profile::named("eu").unwrap();
    let standing = PromiseStanding {
        profile: &europe,
        ..standing
    };
    assert!(standing.releases().is_empty());
    assert_eq!(standing.released(ConsentPurpose::Verify, None), Ok(None));
}

#[test]
fn minor_protection() {
    let mut minor = file();
    minor.is_minor = true;
    let refusal = minor.may_agree(GivenBy::Person).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::MinorProtection);
    assert!(minor.may_agree(GivenBy::Guardian).is_ok());
    assert!(file().may_agree(GivenBy::Person).is_ok());
    // A consent that a minor gave by themselves serves nothing, however it came to be kept.
    let (promise, profile) = (signed(|_| ()), profile(false));
    let standing = PromiseStanding {
        in_force: &promise,
        taken_under: None,
        profile: &profile,
        assessed: None,
    };
    let given = consent(ConsentPurpose::Learn, &promise, 10);
    for (given_by, expected) in [
        (GivenBy::Person, Some(RefusalCode::MinorProtection)),
        (GivenBy::Guardian, None),
    ] {
        minor.give(Consent {
            given_by,
            ..given.clone()
        });
        let found = refused(&minor, ConsentPurpose::Learn, &standing, START);
        assert_eq!(found, expected);
    }
}

#[test]
fn purposes_print_parse_and_serialize_alike() {
    for purpose in ConsentPurpose::ALL {
        assert_eq!(purpose.to_string().parse(), Ok(*purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
        assert!(!purpose.categories().is_empty());
    }
    assert!("marketing".parse::<ConsentPurpose>().is_err());
}

#[test]
fn nothing_of_a_person_prints() {
    let promise = signed(|_| ());
    let mut file = file();
    file.give(consent(ConsentPurpose::Learn, &promise, 10));
    assert_eq!(format!("{file:?}"), "PersonFile(withheld)");
    let printed = format!("{:?}", file.consent(ConsentPurpose::Learn));
    assert!(
        !printed.contains(&promise.digest().to_string()),
        "{printed}"
    );
}

/// What can happen to a consent.
#[derive(Clone, Debug)]
enum Event {
    Give(u32),
    Withdraw,
    Wait(u32),
    Freeze(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (1_u32..20).prop_map(Event::Give),
        Just(Event::Withdraw),
        (0_u32..15).prop_map(Event::Wait),
        any::<bool>().prop_map(Event::Freeze),
    ]
}

proptest! {
    /// The oracle knows four facts about one purpose, and no rule of this module.
    #[test]
    fn the_answer_is_that_of_four_facts(events in proptest::collection::vec(event(), 0..30)) {
        let (promise, profile) = (signed(|_| ()), profile(false));
        let standing = PromiseStanding { in_force: &promise, taken_under: None, profile: &profile, assessed: None };
        let mut file = file();
        let (mut day, mut until, mut withdrawn, mut frozen) = (0_u32, None::<u32>, false, false);
        for event in events {
            let now = START.plus(DAY * day);
            match event {
                Event::Give(days) => {
                    let mut given = consent(ConsentPurpose::Learn, &promise, day + days);
                    given.given_at = now;
                    file.give(given);
                    (until, withdrawn) = (Some(day + days), false);
                }
                Event::Withdraw => {
                    file.end(ConsentPurpose::Learn, EndReason::Withdrawn, now);
                    withdrawn |= until.is_some();
                }
                Event::Wait(days) => day += days,
                Event::Freeze(is_frozen) => {
                    file.frozen_at = is_frozen.then_some(now);
                    frozen = is_frozen;
                }
            }
            let expected = match until {
                None => Some(RefusalCode::ConsentMissing),
                Some(_) if withdrawn => Some(RefusalCode::ConsentWithdrawn),
                Some(until) if day >= until => Some(RefusalCode::ConsentExpired),
                Some(_) if frozen => Some(RefusalCode::ObjectionActive),
                Some(_) => None,
            };
            let now = START.plus(DAY * day);
            prop_assert_eq!(refused(&file, ConsentPurpose::Learn, &standing, now), expected);
            prop_assert_eq!(refused(&file, ConsentPurpose::Research, &standing, now), Some(RefusalCode::ConsentMissing));
        }
    }
}

#[test]
fn an_assessment_counts_for_the_configuration_it_is_about() {
    let profile = profile(true);
    let (this, other) = (Digest::of(&[b"this"]), Digest::of(&[b"other"]));
    let ask = |about: Option<Digest>, running: Option<Digest>| {
        let promise = signed(|d| {
            holding(d);
            if let Some(dpia) = &mut d.dpia {
                dpia.configuration = about;
            }
        });
        let standing = PromiseStanding {
            in_force: &promise,
            taken_under: None,
            profile: &profile,
            assessed: running,
        };
        standing
            .may_ask_for(ConsentPurpose::Identify, START)
            .err()
            .map(|refusal| refusal.code)
    };
    let missing = Some(RefusalCode::DpiaMissing);
    assert_eq!(ask(Some(this), Some(this)), None);
    assert_eq!(ask(Some(this), Some(other)), missing);
    assert_eq!(ask(Some(this), None), missing, "nobody knows what runs");
    assert_eq!(ask(None, Some(this)), None, "a paper of the owner's own");
}
