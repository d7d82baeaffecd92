use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_domain::PersonId;

use super::*;
use crate::{
    Commitments, Consent, Custody, GivenBy, PersonFile, PromiseStanding, SiteKeys, VenueKind,
    Zeroizing,
};

/// 2026-06-01T12:00:00Z.
const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);
const DAY: Duration = Duration::from_secs(86_400);
const FAST: u64 = 100;

fn promise(change: impl FnOnce(&mut Commitments)) -> VerifiedCommitments {
    let text = Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1)
        .replacen("purposes = [", "purposes = [\"research\", ", 1);
    let mut document = Commitments::parse(&text).unwrap();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    change(&mut document);
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    document.sign(&key).verify(&key.verifying_key()).unwrap()
}

fn agreed(promise: &VerifiedCommitments, purpose: ConsentPurpose) -> (LiveConsent, Lifeline) {
    let profile = Profile::named("lab").unwrap();
    let mut file = PersonFile::new(Custody::InPersonsHands, false, NOON);
    file.give(Consent {
        purpose,
        given_by: GivenBy::Person,
        given_at: NOON,
        expires_at: NOON.plus(DAY),
        version: promise.document().version,
        commitments: promise.digest(),
        receipt: Digest::of(&[b"receipt"]),
        is_released: true,
        ended: None,
    });
    let standing = PromiseStanding {
        in_force: promise,
        taken_under: None,
        profile: &profile,
        assessed: None,
    };
    let agreed = file.ask(purpose, &standing, NOON).granted().unwrap();
    let line = Lifeline::default();
    (
        LiveConsent::new(PersonId::from_bits(1), agreed, line.clone()),
        line,
    )
}

fn rate(frames_per_sec: u64) -> MeasuredRate {
    let taken: Vec<Timestamp> = (0..100)
        .map(|i| NOON.plus(Duration::from_micros(i * 1_000_000 / frames_per_sec)))
        .collect();
    MeasuredRate::of(&taken).unwrap()
}

struct Site {
    promise: VerifiedCommitments,
    gate: StudyGate,
}

impl Site {
    fn new(profile: &str, change: impl FnOnce(&mut Commitments)) -> Self {
        let promise = promise(change);
        Self {
            gate: StudyGate::new(promise.clone(), Profile::named(profile).unwrap()),
            promise,
        }
    }

    fn lab() -> Self {
        Self::new("lab", |_| ())
    }

    fn ask(
        &mut self,
        consent: &LiveConsent,
        frames_per_sec: u64,
    ) -> Ruled<Answer<MicroExpressions>> {
        let asked = (MovementClaim::ALL, rate(frames_per_sec));
        let mut rng = StdRng::seed_from_u64(frames_per_sec);
        self.gate.ask(consent, asked, NOON, &mut rng)
    }

    /// The code of the refusal, which the ledger is told of.
    fn refused(&mut self, consent: &LiveConsent, frames_per_sec: u64) -> Option<RefusalCode> {
        let ruled = self.ask(consent, frames_per_sec);
        let code = ruled.outcome.refusal()?.code;
        let told = EntryBody::StudyRefused { code, n_untold: 0 };
        assert_eq!(ruled.entries[0].body, told);
        Some(code)
    }
}

#[test]
fn fps_too_low_for_microexpression() {
    let mut site = Site::lab();
    let (consent, _) = agreed(&site.promise, ConsentPurpose::Research);
    let too_low = Some(RefusalCode::FpsTooLowForMicroexpression);
    for (frames_per_sec, expected) in [
        (25, too_low),
        (30, too_low),
        (60, too_low),
        (74, too_low),
        (75, None),
        (100, None),
        (200, None),
    ] {
        assert_eq!(
            site.refused(&consent, frames_per_sec),
            expected,
            "{frames_per_sec}"
        );
    }
    // Longer movements can be claimed of slower cameras, and of none that is slower than three frames in half a second.
    let longer = MovementClaim::from(Duration::from_millis(120)).unwrap();
    assert!(longer.check(rate(25)).is_ok() && longer.check(rate(24)).is_err());
    let longest = MovementClaim::from(LONGEST_MOVEMENT).unwrap();
    assert!(longest.check(rate(6)).is_ok() && longest.check(rate(5)).is_err());
    assert_eq!(MovementClaim::ALL.min_frames_per_sec(), 75.0);
    for millis in [0, 39, 501] {
        assert_eq!(MovementClaim::from(Duration::from_millis(millis)), None);
    }
    // Too few pictures to say how fast they come are too few.
    let mut rng = StdRng::seed_from_u64(1);
    let unmeasured: (_, Option<MeasuredRate>) = (MovementClaim::ALL, None);
    let ruled = site.gate.ask(&consent, unmeasured, NOON, &mut rng);
    assert_eq!(ruled.entries.len(), 1, "the ledger is told");
    assert_eq!(ruled.outcome.refusal().map(|r| r.code), too_low);
    // A camera that becomes slow is noticed while it runs, and the ledger is told of that too.
    let key = site.ask(&consent, FAST).outcome.granted().unwrap();
    assert!(key.keeps_up(rate(FAST)).is_ok());
    let refusal = key.keeps_up(rate(30)).unwrap_err();
    assert_eq!(Some(refusal.code), too_low);
    let told = site.gate.note(&refusal, NOON);
    let code = refusal.code;
    assert_eq!(told[0].body, EntryBody::StudyRefused { code, n_untold: 0 });
    site.gate.ledger_unavailable();
    assert!(site.gate.note(&refusal, NOON).is_empty());
}

/// By counting: at a rate that passes, three frames fall into every stretch of the claimed length, wherever it begins; at one
/// microsecond of gap more, fewer fall into some.
#[test]
fn three_frames_fall_into_every_movement_that_is_claimed() {
    let fewest = |gap: u64, length: u64| {
        let frames: Vec<u64> = (0..60).map(|i| i * gap).collect();
        let inside = |begin: u64| {
            let during = begin..begin + length;
            frames.iter().filter(|at| during.contains(at)).count()
        };
        (gap..2 * gap + 2).map(inside).min()
    };
    for (length, gap) in [(40_u64, 13_u64), (40, 12), (120, 40), (500, 166), (41, 13)] {
        let passes = gap * 3 <= length;
        assert_eq!(fewest(gap, length).unwrap() >= 3, passes, "{length} {gap}");
        assert!(fewest(length / 3 + 1, length).unwrap() < 3, "{length}");
    }
}

#[test]
fn frames_that_do_not_come_in_time_count() {
    let taken = |slow_every: usize| -> Vec<Timestamp> {
        let mut at = NOON;
        (0..201)
            .map(|i| {
                let slow = i % slow_every == 0;
                at = at.plus(Duration::from_millis(if slow { 50 } else { 5 }));
                at
            })
            .collect()
    };
    // One gap in fifty is chance, one in ten is how this camera is.
    assert_eq!(
        MeasuredRate::of(&taken(50)).unwrap().frames_per_sec(),
        200.0
    );
    assert_eq!(MeasuredRate::of(&taken(10)).unwrap().frames_per_sec(), 20.0);
    let good = taken(50);
    assert_eq!(MeasuredRate::of(&good[..40]), None, "too few");
    let mut doubled = good.clone();
    doubled[7] = doubled[6];
    assert_eq!(MeasuredRate::of(&doubled), None, "two frames at once");
    doubled.swap(9, 10);
    assert_eq!(MeasuredRate::of(&doubled), None, "backwards");
}

#[test]
fn micro_expressions_are_for_participants_of_studies_alone() {
    let mut site = Site::lab();
    for purpose in ConsentPurpose::ALL {
        let is_study = *purpose == ConsentPurpose::Research;
        if *purpose == ConsentPurpose::Identify {
            // Wants more of the site than this one has.
            continue;
        }
        let (consent, _) = agreed(&site.promise, *purpose);
        let expected = (!is_study).then_some(RefusalCode::ConsentMissing);
        assert_eq!(site.refused(&consent, FAST), expected, "{purpose}");
    }
    let (consent, line) = agreed(&site.promise, ConsentPurpose::Research);
    let ruled = site.ask(&consent, FAST);
    let key = ruled.outcome.granted().unwrap();
    assert!(matches!(
        ruled.entries[0].body,
        EntryBody::StudyGranted { until, .. } if until == NOON.plus(SITTING)
    ));
    assert!(key.is_live_at(NOON) && !key.is_live_at(NOON.plus(SITTING)));
    assert!(key.sensing().micro_expression().is_some() && key.sensing().age_guard().is_none());
    let found = key.found(0.7_f32);
    assert_eq!(found.open(&key, NOON), Some(&0.7));
    assert_eq!(format!("{found:?}"), "StudyOnly(withheld)");
    // Another sitting of the same person does not open it, nor anything after they took it back.
    let other = site.ask(&consent, FAST + 1).outcome.granted().unwrap();
    assert_eq!(found.open(&other, NOON), None);
    line.cut();
    assert!(!key.is_live_at(NOON) && found.open(&key, NOON).is_none());
    let withdrawn = Some(RefusalCode::ConsentWithdrawn);
    assert_eq!(site.refused(&consent, FAST), withdrawn);
}

#[test]
fn no_profile_but_the_laboratory_allows_them_and_no_workplace() {
    for profile in ["eu", "fr-public", "fr-private", "nl", "es", "us-il"] {
        let mut site = Site::new(profile, |_| ());
        let (consent, _) = agreed(&site.promise, ConsentPurpose::Research);
        let expected = Some(RefusalCode::FeatureNotInProfile);
        assert_eq!(site.refused(&consent, FAST), expected, "{profile}");
    }
    let mut office = Site::new("lab", |document| {
        document.declarations.venue = VenueKind::Office;
    });
    let (consent, _) = agreed(&office.promise, ConsentPurpose::Research);
    let expected = Some(RefusalCode::WorkplaceOrEducation);
    assert_eq!(office.refused(&consent, FAST), expected);
    let mut silent = Site::new("lab", |document| {
        document.scopes = Scopes::AUDIENCE;
    });
    let (consent, _) = agreed(&silent.promise, ConsentPurpose::Research);
    let expected = Some(RefusalCode::PurposeNotPromised);
    assert_eq!(silent.refused(&consent, FAST), expected);
}

#[test]
fn without_a_ledger_no_sitting_goes_on() {
    let mut site = Site::lab();
    let (consent, _) = agreed(&site.promise, ConsentPurpose::Research);
    let key = site.ask(&consent, FAST).outcome.granted().unwrap();
    site.gate.ledger_unavailable();
    assert!(!key.is_live_at(NOON));
    let ruled = site.ask(&consent, FAST);
    let code = ruled.outcome.refusal().map(|refusal| refusal.code);
    assert_eq!(code, Some(RefusalCode::LedgerUnavailable));
    assert!(ruled.entries.is_empty());
    site.gate.ledger_available();
    assert!(site.ask(&consent, FAST).outcome.granted().is_some());
    assert!(!key.is_live_at(NOON), "a new sitting, not the old one");
}

#[test]
fn a_participant_is_looked_at_under_their_consent_alone_and_not_for_micro_expressions() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut site = Site::lab();
    let (consent, line) = agreed(&site.promise, ConsentPurpose::Research);
    let ruled = site.gate.sit(&consent, NOON, &mut rng);
    let grant = ruled.outcome.granted().unwrap();
    assert!(matches!(
        ruled.entries[0].body,
        EntryBody::StudyGranted { .. }
    ));
    assert!(grant.attention().is_some() && grant.expression().is_some());
    assert!(grant.micro_expression().is_none());
    assert!(!grant.is_live_at(NOON.plus(SITTING)));
    line.cut();
    assert!(!grant.is_live_at(NOON));
    let mut refused = |site: &mut Site, consent: &LiveConsent| {
        let ruled = site.gate.sit(consent, NOON, &mut rng);
        ruled.outcome.refusal().map(|refusal| refusal.code)
    };
    assert_eq!(
        refused(&mut site, &consent),
        Some(RefusalCode::ConsentWithdrawn)
    );
    let (other, _) = agreed(&site.promise, ConsentPurpose::Learn);
    assert_eq!(
        refused(&mut site, &other),
        Some(RefusalCode::ConsentMissing)
    );
    let (consent, _) = agreed(&site.promise, ConsentPurpose::Research);
    site.gate.ledger_unavailable();
    assert_eq!(
        refused(&mut site, &consent),
        Some(RefusalCode::LedgerUnavailable)
    );
    let mut blind = Site::new("lab", |document| document.scopes = Scopes::NONE);
    assert_eq!(
        refused(&mut blind, &consent),
        Some(RefusalCode::PurposeNotPromised)
    );
    let mut work = Site::new("lab", |document| {
        document.declarations.venue = VenueKind::Office;
    });
    assert_eq!(
        refused(&mut work, &consent),
        Some(RefusalCode::WorkplaceOrEducation)
    );
}
