use std::time::Duration;

use proptest::prelude::*;
use regard_domain::{ActId, GalleryId};

use super::*;
use crate::{Commitments, ConsentPurpose, Custody, EntryBody, Profile, RefusalCode, subject};

mod contexts;
mod site;

use site::{DAY, NOON, ONE, OTHER, Site, code, keys, main, search, signed};

#[test]
fn a_verification_is_about_one_person_and_dies_with_their_consent() {
    let mut site = Site::new();
    let (consent, line) = site.agreed(ONE, ConsentPurpose::Verify);
    let presenting = site.verify(&consent).granted().unwrap();
    let key = site.admit(&presenting, Liveness::Passed).granted().unwrap();
    assert_eq!(key.person(), ONE);
    assert!(key.is_about(ONE) && !key.is_about(OTHER) && !key.opens(&main()));
    assert_eq!(key.grant().kind(), Some(RecognitionKind::Verify));
    assert!(presenting.sensing().count().is_some() && presenting.sensing().expression().is_none());
    assert!(key.is_live_at(site.now));
    line.cut();
    assert!(!key.is_live() && !key.is_live_at(site.now) && !presenting.sensing().is_live());
    assert_eq!(
        code(&site.verify(&consent)),
        Some(RefusalCode::ConsentWithdrawn)
    );
    assert_eq!(
        code(&site.admit(&presenting, Liveness::Passed)),
        Some(RefusalCode::ConsentWithdrawn),
        "begun before, and ended meanwhile"
    );
}

#[test]
fn a_consent_to_one_thing_is_none_to_another() {
    let mut site = Site::new();
    let act = site.acts_to_enroll(ONE);
    for purpose in ConsentPurpose::ALL {
        let (consent, _) = site.agreed(ONE, *purpose);
        let verified = code(&site.verify(&consent));
        let is_verify = *purpose == ConsentPurpose::Verify;
        assert_eq!(verified.is_none(), is_verify, "{purpose}: {verified:?}");
        let library = site
            .gate
            .ask_library(&consent, site.now, &mut site.rng)
            .outcome;
        let is_library = *purpose == ConsentPurpose::AnalyzeLibrary;
        assert_eq!(code(&library).is_none(), is_library, "{purpose}");
    }
    let (learn, _) = site.agreed(ONE, ConsentPurpose::Learn);
    assert_eq!(
        code(&site.enroll(&[learn], Some(act))),
        Some(RefusalCode::ConsentMissing)
    );
    assert_eq!(
        code(&site.enroll(&[], None)),
        Some(RefusalCode::ConsentMissing)
    );
    // Consents of two persons enrol neither.
    let consents = [ONE, OTHER].map(|person| site.agreed(person, ConsentPurpose::Verify).0);
    let act = site.acts_to_enroll(ONE);
    assert_eq!(
        code(&site.enroll(&consents, Some(act))),
        Some(RefusalCode::ConsentMissing)
    );
}

#[test]
fn act_missing() {
    let mut site = Site::new();
    let gallery = site.armed();
    let missing = Some(RefusalCode::ActMissing);
    assert_eq!(code(&site.identify(&gallery, None)), missing);
    assert_eq!(
        code(&site.identify(&gallery, Some(ActId::from_bits(5)))),
        missing,
        "of one's own"
    );
    let act = site.acts(&gallery);
    assert_eq!(code(&site.identify(&gallery, Some(act))), None);
    assert_eq!(
        code(&site.identify(&gallery, Some(act))),
        missing,
        "used once already"
    );
    let act = site.acts(&gallery);
    site.now = site.now.plus(Duration::from_secs(60));
    assert_eq!(
        code(&site.identify(&gallery, Some(act))),
        missing,
        "too old"
    );
    // An act is for its gallery; tried on another it is used up.
    let other = GalleryId::new("other").unwrap();
    site.gate.arm(&other, site.now).unwrap();
    let act = site.acts(&gallery);
    assert_eq!(code(&site.identify(&other, Some(act))), missing);
    assert_eq!(code(&site.identify(&gallery, Some(act))), missing);
    // Enrolling is an act too, of the very person.
    let (consent, _) = site.agreed(ONE, ConsentPurpose::Verify);
    assert_eq!(
        code(&site.enroll(std::slice::from_ref(&consent), None)),
        missing
    );
    let theirs = site.acts_to_enroll(OTHER);
    assert_eq!(
        code(&site.enroll(std::slice::from_ref(&consent), Some(theirs))),
        missing
    );
    let own = site.acts_to_enroll(ONE);
    assert_eq!(code(&site.enroll(&[consent], Some(own))), None);
}

#[test]
fn an_act_that_was_shown_is_used_up_though_nothing_came_of_it() {
    let mut site = Site::new();
    let act = site.acts(&main());
    assert_eq!(
        code(&site.identify(&main(), Some(act))),
        Some(RefusalCode::FeatureNotInProfile),
        "not armed"
    );
    site.armed();
    assert_eq!(
        code(&site.identify(&main(), Some(act))),
        Some(RefusalCode::ActMissing)
    );
}

#[test]
fn disarming_ends_what_runs_at_once() {
    let mut site = Site::new();
    let gallery = site.armed();
    let act = site.acts(&gallery);
    let presenting = site.identify(&gallery, Some(act)).granted().unwrap();
    let key = site.admit(&presenting, Liveness::Passed).granted().unwrap();
    assert!(
        key.opens(&gallery) && !key.opens(&GalleryId::new("other").unwrap()) && !key.is_about(ONE)
    );
    assert!(site.gate.disarm(&gallery) && !site.gate.is_armed(&gallery));
    assert!(!key.is_live());
    assert!(!site.gate.disarm(&gallery));
    let act = site.acts(&gallery);
    assert_eq!(
        code(&site.identify(&gallery, Some(act))),
        Some(RefusalCode::FeatureNotInProfile)
    );
    site.armed();
    assert!(!key.is_live(), "armed again, what was ended stays so");
}

#[test]
fn no_alternative_path() {
    let mut site = Site::under("lab", |d| d.alternative_path = None);
    let refusal = site.gate.arm(&main(), NOON).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NoAlternativePath);
    let act = site.acts(&main());
    assert_eq!(
        code(&site.identify(&main(), Some(act))),
        Some(RefusalCode::NoAlternativePath)
    );
    let (consent, _) = site.agreed(ONE, ConsentPurpose::Verify);
    assert_eq!(
        code(&site.verify(&consent)),
        None,
        "a claim can be verified without"
    );
}

#[test]
fn dpia_missing() {
    let mut site = Site::new();
    site.armed();
    site.now = "2027-05-01".parse::<crate::Date>().unwrap().start();
    let act = site.acts(&main());
    assert_eq!(
        code(&site.identify(&main(), Some(act))),
        Some(RefusalCode::DpiaMissing),
        "a year later"
    );
    assert_eq!(
        site.gate.arm(&main(), site.now).unwrap_err().code,
        RefusalCode::DpiaMissing
    );
}

#[test]
fn liveness_failed() {
    let mut site = Site::new();
    let gallery = site.armed();
    let act = site.acts(&gallery);
    let identifying = site.identify(&gallery, Some(act)).granted().unwrap();
    let (consent, _) = site.agreed(ONE, ConsentPurpose::Verify);
    let verifying = site.verify(&consent).granted().unwrap();
    let act = site.acts_to_enroll(ONE);
    let enrolling = site.enroll(&[consent], Some(act)).granted().unwrap();
    for liveness in [Liveness::Failed, Liveness::Unchecked] {
        let failed = Some(RefusalCode::LivenessFailed);
        assert_eq!(code(&site.admit(&identifying, liveness)), failed);
        assert_eq!(code(&site.admit(&verifying, liveness)), failed);
        assert_eq!(code(&site.admit(&enrolling, liveness)), failed);
    }
    let told = site.entries.iter().filter(|body| {
        matches!(
            body,
            EntryBody::RecognitionRefused {
                code: RefusalCode::LivenessFailed,
                number: Some(_),
                ..
            }
        )
    });
    assert_eq!(told.count(), 6);
    // The next pictures may show it.
    assert_eq!(code(&site.admit(&enrolling, Liveness::Passed)), None);
}

#[test]
fn feature_not_in_profile() {
    for name in Profile::names() {
        let mut site = Site::under(name, |_| ());
        let profile = Profile::named(name).unwrap();
        for kind in RecognitionKind::ALL {
            let found = site.gate.may(*kind, NOON).err().map(|refusal| refusal.code);
            let expected =
                (!profile.recognition().contains(kind)).then_some(RefusalCode::FeatureNotInProfile);
            assert_eq!(found, expected, "{name} {kind}");
        }
        let armed = site.gate.arm(&main(), NOON);
        assert_eq!(
            armed.is_ok(),
            profile.recognition().contains(&RecognitionKind::Identify),
            "{name}"
        );
    }
}

#[test]
fn purpose_not_promised() {
    let mut site = Site::under("lab", |d| {
        d.consent_purposes = [ConsentPurpose::Learn].into();
    });
    for kind in [
        RecognitionKind::Verify,
        RecognitionKind::Identify,
        RecognitionKind::Library,
    ] {
        assert_eq!(
            site.gate.may(kind, NOON).unwrap_err().code,
            RefusalCode::PurposeNotPromised,
            "{kind}"
        );
    }
    let hands = |d: &mut Commitments| d.custody = Custody::InPersonsHands;
    site = Site::under("lab", hands);
    for kind in [RecognitionKind::Identify, RecognitionKind::Attested] {
        assert_eq!(
            site.gate.may(kind, NOON).unwrap_err().code,
            RefusalCode::PurposeNotPromised,
            "{kind}"
        );
    }
    assert!(site.gate.may(RecognitionKind::Verify, NOON).is_ok());
}

#[test]
fn a_service_needs_an_attestation_of_its_collection() {
    let mut site = Site::new();
    let attested = site.attested(|_| ());
    let act = Some(site.acts(&main()));
    let with_act = AttestedCall { act, ..search() };
    let key = site.call(Some(&attested), &with_act).granted().unwrap();
    assert!(key.opens(&main()) && key.gallery() == &main() && !key.is_about(ONE));
    let enrolls = AttestedCall {
        searches: false,
        ..search()
    };
    assert_eq!(code(&site.call(Some(&attested), &enrolls)), None);
    assert_eq!(
        code(&site.call(None, &search())),
        Some(RefusalCode::ConsentMissing)
    );
    let other = AttestedCall {
        collection: GalleryId::new("other").unwrap(),
        ..enrolls.clone()
    };
    assert_eq!(
        code(&site.call(Some(&attested), &other)),
        Some(RefusalCode::UntargetedCollection)
    );
    // A search is somebody's act: named, or by the clause of the attestation.
    assert_eq!(
        code(&site.call(Some(&attested), &search())),
        Some(RefusalCode::ActMissing)
    );
    assert_eq!(
        code(&site.call(Some(&attested), &with_act)),
        Some(RefusalCode::ActMissing),
        "used once"
    );
    let clause = site.attested(|terms| terms.uploads_are_acts = true);
    assert_eq!(code(&site.call(Some(&clause), &search())), None);
    // Taken back, it lets nobody in, and what runs under it ends.
    assert!(key.is_live());
    site.gate.attestation_ended(attested.digest());
    assert!(!key.is_live());
    assert_eq!(
        code(&site.call(Some(&attested), &enrolls)),
        Some(RefusalCode::ConsentWithdrawn)
    );
    // It runs out.
    site.now = NOON.plus(DAY * 30);
    assert_eq!(
        code(&site.call(Some(&clause), &search())),
        Some(RefusalCode::ConsentExpired)
    );
}

#[test]
fn no_reidentification() {
    let mut site = Site::new();
    let clause = site.attested(|terms| terms.uploads_are_acts = true);
    for searches in [true, false] {
        let act = Some(site.acts(&main()));
        let camera = AttestedCall {
            source: AttestedSource::Camera,
            searches,
            act,
            collection: main(),
        };
        assert_eq!(
            code(&site.call(Some(&clause), &camera)),
            Some(RefusalCode::NoReidentification)
        );
    }
}

#[test]
fn an_attestation_holds_for_a_year_at_most_and_is_the_sites_own() {
    let site = Site::new();
    let terms = |days: u32| AttestationTerms {
        number: 1,
        service: "s",
        purpose: "p",
        collection: main(),
        lawful_source: "l",
        uploads_are_acts: false,
        signed_by: "o",
        officer: None,
        valid_for: DAY * days,
    };
    for (days, good) in [(0, false), (1, true), (365, true), (366, false)] {
        let issued = Attestation::issue(terms(days), &site.promise, NOON);
        assert_eq!(issued.is_ok(), good, "{days}");
    }
    let silent = AttestationTerms {
        lawful_source: " ",
        ..terms(1)
    };
    assert!(matches!(
        Attestation::issue(silent, &site.promise, NOON),
        Err(AttestationFault::Text("lawful_source"))
    ));
    let hands = signed(|d| d.custody = Custody::InPersonsHands);
    assert!(matches!(
        Attestation::issue(terms(1), &hands, NOON),
        Err(AttestationFault::OtherCustody)
    ));
    let key = keys().attestations_key();
    let good = Attestation::issue(terms(365), &site.promise, NOON).unwrap();
    let text = good.sign(&key);
    assert_eq!(
        text.verify(&key.verifying_key()).unwrap().attestation(),
        &good
    );
    // Another key of the same site, a longer time put in, another custody.
    assert!(text.verify(&keys().receipts_key().verifying_key()).is_err());
    let mut longer = good.clone();
    longer.expires_at = crate::UtcText::new(NOON.plus(DAY * 366));
    assert!(longer.sign(&key).verify(&key.verifying_key()).is_err());
    let mut other = good.clone();
    other.custody = Custody::Shared;
    assert!(other.sign(&key).verify(&key.verifying_key()).is_err());
    for cut in [0, 10, text.as_str().len() - 1] {
        let cut = SignedAttestation::from_text(&text.as_str()[..cut]);
        assert!(cut.verify(&key.verifying_key()).is_err());
    }
}

#[test]
fn without_a_ledger_nothing_is_recognised() {
    let mut site = Site::new();
    let gallery = site.armed();
    let (consent, _) = site.agreed(ONE, ConsentPurpose::Verify);
    let presenting = site.verify(&consent).granted().unwrap();
    let key = site.admit(&presenting, Liveness::Passed).granted().unwrap();
    site.gate.ledger_unavailable();
    assert!(!key.is_live());
    let out = Some(RefusalCode::LedgerUnavailable);
    assert_eq!(code(&site.verify(&consent)), out);
    let act = site.acts(&gallery);
    assert_eq!(code(&site.identify(&gallery, Some(act))), out);
    site.gate.ledger_available();
    assert!(!key.is_live(), "what was ended stays so");
    assert_eq!(code(&site.verify(&consent)), None);
}

#[test]
fn the_ledger_is_told_of_every_act_grant_and_refusal_and_of_nobody() {
    let mut site = Site::new();
    let gallery = site.armed();
    let (consent, _) = site.agreed(ONE, ConsentPurpose::Verify);
    let act = site.acts(&gallery);
    let granted = site.identify(&gallery, Some(act)).granted().unwrap();
    assert!(site.identify(&gallery, None).granted().is_none());
    let verified = site.verify(&consent).granted().unwrap();
    let [
        EntryBody::Acted {
            act: told,
            by: ActKind::Button,
        },
        identified,
        refused,
        verify,
    ] = &site.entries[..]
    else {
        panic!("{:?}", site.entries)
    };
    assert_eq!(*told, Act::digest(act));
    assert!(
        matches!(identified, EntryBody::RecognitionGranted { recognition: RecognitionKind::Identify, number, subject: None, act: Some(act), gallery: Some(of), .. }
        if *number == granted.number() && act == told && *of == gallery_subject(&gallery))
    );
    assert!(matches!(
        refused,
        EntryBody::RecognitionRefused {
            recognition: RecognitionKind::Identify,
            code: RefusalCode::ActMissing,
            number: None,
            n_untold: 0
        }
    ));
    assert!(
        matches!(verify, EntryBody::RecognitionGranted { subject: Some(of), receipts, number, .. }
        if *of == subject(ONE) && receipts[..] == [consent.receipt()] && *number == verified.number())
    );
    for body in &site.entries {
        let text = serde_json::to_string(body).unwrap();
        assert!(
            !text.contains(&ONE.to_string())
                && !text.contains("\"main\"")
                && !text.contains(&act.to_string()),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<EntryBody>(&text).unwrap(), *body);
    }
}

#[test]
fn a_flood_of_refusals_is_told_in_counts() {
    let mut site = Site::new();
    for _ in 0..200 {
        assert!(site.identify(&main(), None).granted().is_none());
    }
    assert_eq!(site.entries.len(), 60);
    site.now = NOON.plus(Duration::from_secs(60));
    assert!(site.identify(&main(), None).granted().is_none());
    let last = site.entries.last().unwrap();
    assert!(
        matches!(last, EntryBody::RecognitionRefused { n_untold: 140, .. }),
        "{last:?}"
    );
    let counted: u64 = site.gate.refusals().values().sum();
    assert_eq!(counted, 201);
}

/// What can happen between an act and a search.
#[derive(Clone, Copy, Debug)]
enum Event {
    Act,
    Arm,
    Disarm,
    Wait(u32),
    Search,
    LedgerOut,
    LedgerBack,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Act),
        2 => Just(Event::Arm),
        1 => Just(Event::Disarm),
        2 => (0_u32..70).prop_map(Event::Wait),
        4 => Just(Event::Search),
        1 => Just(Event::LedgerOut),
        1 => Just(Event::LedgerBack),
    ]
}

proptest! {
    /// The oracle keeps a list of times at which acts were done, and two switches.
    #[test]
    fn a_gallery_is_searched_only_armed_and_once_an_act(events in proptest::collection::vec(event(), 0..60)) {
        let mut site = Site::new();
        let (mut acts, mut armed, mut out, mut secs) = (Vec::new(), false, false, 0_u32);
        let mut keys = Vec::new();
        for event in events {
            site.now = NOON.plus(Duration::from_secs(u64::from(secs)));
            match event {
                Event::Act => acts.push((secs, site.acts(&main()))),
                Event::Arm => armed |= site.gate.arm(&main(), site.now).is_ok(),
                Event::Disarm => { site.gate.disarm(&main()); armed = false; }
                Event::Wait(more) => secs += more,
                Event::LedgerOut => { site.gate.ledger_unavailable(); out = true; }
                Event::LedgerBack => { site.gate.ledger_available(); out = false; }
                Event::Search => {
                    let act = acts.pop();
                    let is_fresh = act.is_some_and(|(at, _)| secs - at < 60);
                    let answer = site.identify(&main(), act.map(|(_, id)| id));
                    let expected = if out { Some(RefusalCode::LedgerUnavailable) }
                        else if !armed { Some(RefusalCode::FeatureNotInProfile) }
                        else if !is_fresh { Some(RefusalCode::ActMissing) }
                        else { None };
                    prop_assert_eq!(code(&answer), expected);
                    keys.extend(answer.granted());
                }
            }
            if !armed || out {
                prop_assert!(keys.iter().all(|key: &Presenting<_>| !key.sensing().is_live()));
                keys.clear();
            }
        }
    }
}
