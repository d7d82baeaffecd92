//! Recognised persons in the context of a decision.

use regard_domain::TrackId;

use super::site::{NOON, ONE, OTHER, Site, code};
use crate::recognition::Liveness;
use crate::{ConsentPurpose, LiveConsent, Recognized, RefusalCode};

#[test]
fn a_recognised_person_enters_a_context_until_the_track_ends() {
    let mut site = Site::new();
    let (verify, verify_line) = site.agreed(ONE, ConsentPurpose::Verify);
    let (personal, personal_line) = site.agreed(ONE, ConsentPurpose::Personalize);
    let (foreign, _) = site.agreed(OTHER, ConsentPurpose::Personalize);
    let presenting = site.verify(&verify).granted().unwrap();
    let key = site.admit(&presenting, Liveness::Passed).granted().unwrap();
    let who = Recognized::Verified(&key);
    let track = TrackId::from_bits(9);
    let ask = |site: &mut Site, consent: &LiveConsent, track| {
        let ruled = site
            .gate
            .ask_personalization(&who, consent, track, site.now);
        site.note(ruled)
    };
    let grant = ask(&mut site, &personal, track).granted().unwrap();
    assert_eq!((grant.person(), grant.track()), (ONE, track));
    assert_eq!(
        code(&ask(&mut site, &foreign, track)),
        Some(RefusalCode::ConsentMissing)
    );
    assert_eq!(
        code(&ask(&mut site, &verify, track)),
        Some(RefusalCode::ConsentMissing)
    );
    // It outlives the key, which is short, and not the track.
    assert!(grant.is_live_at(key.grant().valid_until()));
    site.gate.track_ended(TrackId::from_bits(8));
    assert!(grant.is_live());
    site.gate.track_ended(track);
    assert!(!grant.is_live());
    // Either consent ends it.
    let again = ask(&mut site, &personal, TrackId::from_bits(10))
        .granted()
        .unwrap();
    verify_line.cut();
    assert!(!again.is_live());
    assert_eq!(
        code(&ask(&mut site, &personal, track)),
        Some(RefusalCode::ConsentMissing)
    );
    personal_line.cut();
    assert_eq!(
        code(&ask(&mut site, &personal, track)),
        Some(RefusalCode::ConsentWithdrawn)
    );
    let said = format!("{grant:?}");
    assert!(!said.contains(&ONE.to_string()), "{said}");
}

#[test]
fn somebody_who_was_found_enters_a_context_only_as_themselves() {
    let mut site = Site::new();
    let gallery = site.armed();
    let act = site.acts(&gallery);
    let presenting = site.identify(&gallery, Some(act)).granted().unwrap();
    let key = site.admit(&presenting, Liveness::Passed).granted().unwrap();
    let (identify, line) = site.agreed(ONE, ConsentPurpose::Identify);
    let (personal, _) = site.agreed(ONE, ConsentPurpose::Personalize);
    let (foreign, _) = site.agreed(OTHER, ConsentPurpose::Personalize);
    let track = TrackId::from_bits(1);
    let who = Recognized::Identified(&key, &identify);
    let now = site.now;
    let refused = site
        .gate
        .ask_personalization(&who, &foreign, track, now)
        .outcome;
    assert_eq!(code(&refused), Some(RefusalCode::ConsentMissing));
    let grant = site
        .gate
        .ask_personalization(&who, &personal, track, now)
        .outcome
        .granted()
        .unwrap();
    line.cut();
    assert!(!grant.is_live());
    let refused = site
        .gate
        .ask_personalization(&who, &personal, track, now)
        .outcome;
    assert_eq!(code(&refused), Some(RefusalCode::ConsentWithdrawn));
}

#[test]
fn tracks_with_a_person_have_a_lid() {
    let mut site = Site::new();
    let (verify, _) = site.agreed(ONE, ConsentPurpose::Verify);
    let (personal, _) = site.agreed(ONE, ConsentPurpose::Personalize);
    let presenting = site.verify(&verify).granted().unwrap();
    let key = site.admit(&presenting, Liveness::Passed).granted().unwrap();
    let grants: Vec<_> = (0..=1_000_u128)
        .map(|track| {
            let who = Recognized::Verified(&key);
            let ruled =
                site.gate
                    .ask_personalization(&who, &personal, TrackId::from_bits(track), NOON);
            ruled.outcome.granted().unwrap()
        })
        .collect();
    assert!(!grants[0].is_live() && grants[1].is_live() && grants[1_000].is_live());
}
