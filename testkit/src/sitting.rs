//! A made-up participant of a study at a made-up laboratory, and what the gate lets one look for in their face.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use regard_commitments::{
    Commitments, Consent, ConsentPurpose, Custody, Digest, GivenBy, Lifeline, LiveConsent,
    MeasuredRate, MicroExpressions, MovementClaim, PersonFile, Profile, PromiseStanding, SiteKeys,
    StudyGate, Zeroizing,
};
use regard_domain::{PersonId, Timestamp};

/// When it is: 2026-06-01T12:00:00Z.
pub const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

/// When the frame of that number is taken.
pub fn taken_at(index: u64, fps: f64) -> Timestamp {
    NOON.plus(Duration::from_secs_f64(index as f64 / fps))
}

/// The key of a participant whose frames come at `fps`, and what cuts it off; `seed` tells sittings apart.
///
/// # Panics
/// When the gate refuses it.
pub fn sitting(claim: MovementClaim, fps: f64, seed: u64) -> (MicroExpressions, Lifeline) {
    let text = Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1)
        .replacen("purposes = [", "purposes = [\"research\", ", 1);
    let mut document = Commitments::parse(&text).expect("the demo's text with more in it");
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    let signer = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let promise = document.sign(&signer).verify(&signer.verifying_key());
    let promise = promise.expect("just signed");
    let profile = Profile::named("lab").expect("it is built in");
    let mut file = PersonFile::new(Custody::InPersonsHands, false, NOON);
    file.give(Consent {
        purpose: ConsentPurpose::Research,
        given_by: GivenBy::Person,
        given_at: NOON,
        expires_at: NOON.plus(Duration::from_secs(86_400)),
        version: promise.document().version,
        commitments: promise.digest(),
        receipt: Digest::of(&[b"receipt"]),
        is_released: true,
        ended: None,
    });
    let standing = PromiseStanding {
        in_force: &promise,
        taken_under: None,
        profile: &profile,
        assessed: None,
    };
    let agreed = file.ask(ConsentPurpose::Research, &standing, NOON);
    let agreed = agreed.granted().expect("they agreed");
    let line = Lifeline::default();
    let consent = LiveConsent::new(PersonId::from_bits(1), agreed, line.clone());
    let taken: Vec<Timestamp> = (0..100).map(|i| taken_at(i, fps)).collect();
    let rate = MeasuredRate::of(&taken).expect("frames come one after the other");
    let mut gate = StudyGate::new(promise.clone(), profile);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let asked = gate.ask(&consent, (claim, rate), NOON, &mut rng);
    let key = asked.outcome.granted();
    (key.expect("a laboratory may, and the frames suffice"), line)
}
