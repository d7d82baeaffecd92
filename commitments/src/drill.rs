//! Every refusal that the gates of this room give, asked for with a made-up case: so that an audit can show that the program
//! that runs refuses, and not only that a program once did in its tests.
//!
//! The cases are made of the demonstration's commitments, a key that signs nothing else, and times of a made-up day. They
//! touch nothing of an installation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::CryptoRng;
use regard_domain::{CameraId, GalleryId, PersonId, ScreenId, Timestamp};

use crate::commitments::{Commitments, Custody, StaffRule, VenueKind};
use crate::consent::{
    Consent, ConsentPurpose, Dpia, EndReason, GivenBy, LiveConsent, PersonFile, PromiseStanding,
};
use crate::digest::Digest;
use crate::grant::Lifeline;
use crate::keys::SiteKeys;
use crate::library::{LibraryDeclaration, ask_library};
use crate::profile::Profile;
use crate::recognition::{AttestedCall, AttestedSource, Liveness, RecognitionGate};
use crate::refusal::{Answer, RefusalCode};
use crate::scope::{Scope, Scopes};
use crate::sensing::{CameraSetup, SensingGate};
use crate::signed::VerifiedCommitments;
use crate::study::{MeasuredRate, MovementClaim, StudyGate};
use crate::{AudienceKind, ProcessingPurpose, Zeroizing};

/// 2026-06-01T12:00:00Z, later than the demonstration's commitments begin to hold.
const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

const DAY: Duration = Duration::from_secs(86_400);

const SOMEBODY: PersonId = PersonId::from_bits(1);

/// What the gates of this room answer to the cases that they must refuse: by the code that the case asks for, what was
/// answered; nothing where it was granted. Codes of which other rooms are the gate are not in it.
///
/// # Panics
/// When the demonstration's commitments do not sign or verify; tests do it.
pub fn drill(rng: &mut dyn CryptoRng) -> BTreeMap<RefusalCode, Option<RefusalCode>> {
    let mut answers = BTreeMap::new();
    cameras(&mut answers);
    consents(&mut answers);
    recognition(&mut answers, rng);
    let untold = LibraryDeclaration {
        lawfully_held: false,
        ..LibraryDeclaration::own_media(camera())
    };
    let answer = code(&ask_library(&untold));
    answers.insert(RefusalCode::UntargetedCollection, answer);
    answers.insert(RefusalCode::FpsTooLowForMicroexpression, study(rng));
    answers
}

type Answers = BTreeMap<RefusalCode, Option<RefusalCode>>;

fn code<G>(answer: &Answer<G>) -> Option<RefusalCode> {
    answer.refusal().map(|refusal| refusal.code)
}

fn camera() -> CameraId {
    CameraId::new("drill").expect("a name of lower-case letters")
}

fn screen() -> ScreenId {
    ScreenId::new("drill").expect("a name of lower-case letters")
}

fn promised(change: impl FnOnce(&mut Commitments)) -> VerifiedCommitments {
    let mut document = Commitments::demo();
    change(&mut document);
    let key = SiteKeys::from_seed(Zeroizing::new([0x5a; 32])).commitments_key();
    let signed = document.sign(&key).verify(&key.verifying_key());
    signed.expect("what was just signed")
}

fn lab() -> Profile {
    Profile::named("lab").expect("a profile of the program")
}

/// The gate of a camera under a notice that its screen has just reported, unless `is_shown` is false.
fn watched(
    profile: &str,
    is_shown: bool,
    change: impl FnOnce(&mut Commitments),
) -> Option<SensingGate> {
    let promise = promised(|document| {
        document.profile = profile.to_owned();
        change(document);
    });
    let mut gate = SensingGate::new(promise, Profile::named(profile).ok()?).ok()?;
    gate.register(CameraSetup {
        camera: camera(),
        screens: BTreeSet::from([screen()]),
        masks_staff_zones: false,
    });
    if is_shown {
        let notice = gate.notice_hash();
        gate.heartbeat(&screen(), notice, NOON);
    }
    Some(gate)
}

/// What keeps a camera shut, or else what withholds this scope.
fn asked(gate: Option<SensingGate>, scope: Scope) -> Option<RefusalCode> {
    let ruled = gate?.ask(&camera(), Scopes::NONE.with(scope), NOON);
    match ruled.outcome {
        Answer::Refused(refusal) => Some(refusal.code),
        Answer::Granted(grant) => {
            let withheld = grant.withheld().iter().find(|(of, _)| *of == scope);
            withheld.map(|(_, refusal)| refusal.code)
        }
    }
}

fn cameras(answers: &mut Answers) {
    let shown = |change: fn(&mut Commitments)| watched("lab", true, change);
    let expression = |change: fn(&mut Commitments)| asked(shown(change), Scope::Expression);
    let unwatched = watched("lab", false, |_| ());
    answers.insert(RefusalCode::NoticeMissing, asked(unwatched, Scope::Count));
    let out = shown(|_| ()).map(|mut gate| {
        gate.ledger_unavailable(NOON);
        gate
    });
    answers.insert(RefusalCode::LedgerUnavailable, asked(out, Scope::Count));
    let blind = shown(|_| ()).map(|mut gate| {
        let until = NOON.plus(Duration::from_secs(60));
        // The entries of a drill belong into no ledger.
        let _ = gate.blind(&camera(), until, NOON);
        gate
    });
    answers.insert(RefusalCode::ObjectionActive, asked(blind, Scope::Count));
    let office = expression(|document| document.declarations.venue = VenueKind::Office);
    answers.insert(RefusalCode::WorkplaceOrEducation, office);
    let staff = expression(|document| document.declarations.staff = StaffRule::Undeclared);
    answers.insert(RefusalCode::StaffInView, staff);
    let children = expression(|document| {
        document.declarations.audience = AudienceKind::ChildrenExpected;
    });
    answers.insert(RefusalCode::MinorProtection, children);
    let silent = expression(|document| {
        document.scopes = document.scopes.without(Scope::Expression);
    });
    answers.insert(RefusalCode::PurposeNotPromised, silent);
    let street = watched("fr-public", true, |_| ());
    let street = asked(street, Scope::AgeGuard);
    answers.insert(RefusalCode::FeatureNotInProfile, street);
}

fn consent(purpose: ConsentPurpose, under: &VerifiedCommitments) -> Consent {
    Consent {
        purpose,
        given_by: GivenBy::Person,
        given_at: NOON,
        expires_at: NOON.plus(DAY),
        version: under.document().version,
        commitments: under.digest(),
        receipt: Digest::of(&[b"regard drill"]),
        is_released: true,
        ended: None,
    }
}

/// A site that may recognise people after an act of theirs.
fn recognizing(change: impl FnOnce(&mut Commitments)) -> VerifiedCommitments {
    promised(|document| {
        document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
        document.custody = Custody::Controller;
        document.custody_justification = Some("a drill".to_owned());
        document.alternative_path = Some("a drill".to_owned());
        document.dpia = Some(Dpia {
            reference: "a drill".to_owned(),
            signed_by: "nobody".to_owned(),
            signed_on: "2026-05-01".parse().expect("a date"),
            configuration: None,
        });
        change(document);
    })
}

fn standing<'a>(promise: &'a VerifiedCommitments, profile: &'a Profile) -> PromiseStanding<'a> {
    PromiseStanding {
        in_force: promise,
        taken_under: None,
        profile,
        assessed: None,
    }
}

fn consents(answers: &mut Answers) {
    let (promise, profile) = (recognizing(|_| ()), lab());
    let ask = |file: &PersonFile, now| {
        let standing = standing(&promise, &profile);
        code(&file.ask(ConsentPurpose::Learn, &standing, now))
    };
    let mut file = PersonFile::new(Custody::Controller, false, NOON);
    answers.insert(RefusalCode::ConsentMissing, ask(&file, NOON));
    file.give(consent(ConsentPurpose::Learn, &promise));
    let late = NOON.plus(DAY);
    answers.insert(RefusalCode::ConsentExpired, ask(&file, late));
    file.end(ConsentPurpose::Learn, EndReason::Withdrawn, NOON);
    answers.insert(RefusalCode::ConsentWithdrawn, ask(&file, NOON));
    let identify = |promise: &VerifiedCommitments| {
        let asked = standing(promise, &profile).may_ask_for(ConsentPurpose::Identify, NOON);
        asked.err().map(|refusal| refusal.code)
    };
    let no_way = recognizing(|document| document.alternative_path = None);
    answers.insert(RefusalCode::NoAlternativePath, identify(&no_way));
    let unassessed = recognizing(|document| {
        if let Some(dpia) = &mut document.dpia {
            dpia.signed_on = "2025-06-01".parse().expect("a date");
        }
    });
    answers.insert(RefusalCode::DpiaMissing, identify(&unassessed));
}

/// The consent of somebody made up, which holds.
fn agreed(
    purpose: ConsentPurpose,
    promise: &VerifiedCommitments,
    profile: &Profile,
) -> Option<LiveConsent> {
    let mut file = PersonFile::new(Custody::Controller, false, NOON);
    file.give(consent(purpose, promise));
    let agreed = file.ask(purpose, &standing(promise, profile), NOON);
    let agreed = agreed.granted()?;
    Some(LiveConsent::new(SOMEBODY, agreed, Lifeline::default()))
}

fn recognition(answers: &mut Answers, rng: &mut dyn CryptoRng) {
    let (promise, profile) = (recognizing(|_| ()), lab());
    let mut gate = RecognitionGate::new(promise.clone(), profile.clone(), None);
    let gallery = GalleryId::new("drill").expect("a name of lower-case letters");
    let armed = gate.arm(&gallery, NOON);
    let unasked = gate.ask_identify(&gallery, None, NOON, rng).outcome;
    let act = armed.map_or_else(|refusal| Some(refusal.code), |()| code(&unasked));
    answers.insert(RefusalCode::ActMissing, act);
    let crowd = AttestedCall {
        collection: gallery,
        source: AttestedSource::Camera,
        searches: true,
        act: None,
    };
    let crowd = gate.ask_attested(None, &crowd, NOON, rng).outcome;
    answers.insert(RefusalCode::NoReidentification, code(&crowd));
    let consent = agreed(ConsentPurpose::Verify, &promise, &profile);
    let presenting = consent.map(|consent| gate.ask_verify(&consent, NOON, rng).outcome);
    let still = match presenting {
        Some(Answer::Granted(presenting)) => {
            code(&gate.admit(&presenting, Liveness::Failed, NOON).outcome)
        }
        Some(Answer::Refused(refusal)) => Some(refusal.code),
        None => None,
    };
    answers.insert(RefusalCode::LivenessFailed, still);
}

/// What a study is told whose camera takes 30 frames a second.
fn study(rng: &mut dyn CryptoRng) -> Option<RefusalCode> {
    let promise = promised(|document| {
        document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
        document.scopes = document.scopes.with(Scope::MicroExpression);
        document.purposes.insert(ProcessingPurpose::Research);
        document
            .categories
            .insert(crate::Category::MicroExpression);
    });
    let profile = lab();
    let consent = agreed(ConsentPurpose::Research, &promise, &profile)?;
    let taken: Vec<Timestamp> = (0..60)
        .map(|frame| NOON.plus(Duration::from_micros(frame * 33_333)))
        .collect();
    let rate = MeasuredRate::of(&taken)?;
    let mut gate = StudyGate::new(promise, profile);
    let ruled = gate.ask(&consent, (MovementClaim::ALL, rate), NOON, rng);
    code(&ruled.outcome)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    /// Of which other rooms are the gate.
    const ELSEWHERE: [RefusalCode; 5] = [
        RefusalCode::SensitiveInference,
        RefusalCode::VulnerabilityTargeting,
        RefusalCode::SignificantEffect,
        RefusalCode::LicenceUnknown,
        RefusalCode::PrivacyBudgetSpent,
    ];

    #[test]
    fn each_case_is_refused_by_its_name() {
        let answers = drill(&mut StdRng::seed_from_u64(1));
        for (code, answered) in &answers {
            assert_eq!(*answered, Some(*code), "{code}");
        }
        for code in RefusalCode::ALL {
            let is_here = answers.contains_key(code);
            assert_ne!(is_here, ELSEWHERE.contains(code), "{code}");
        }
    }

    /// A case that only looks as if it were one shows nothing: each is granted without what makes it one.
    #[test]
    fn the_cases_without_what_is_wrong_with_them_are_granted() {
        for scope in [Scope::Count, Scope::Attention, Scope::Expression] {
            assert_eq!(asked(watched("lab", true, |_| ()), scope), None, "{scope}");
        }
        let (promise, profile) = (recognizing(|_| ()), lab());
        let standing = standing(&promise, &profile);
        assert!(standing.may_ask_for(ConsentPurpose::Identify, NOON).is_ok());
        for purpose in ConsentPurpose::ALL {
            assert!(agreed(*purpose, &promise, &profile).is_some(), "{purpose}");
        }
    }
}
