//! Leave to look for movements of a fraction of a second in injected clips: from the gate, as a study has it.

use std::time::Duration;

use anyhow::{Context, Result};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use regard_commitments::{
    Commitments, Consent, ConsentPurpose, Custody, Digest, GivenBy, Lifeline, LiveConsent,
    MeasuredRate, MicroExpressions, MovementClaim, PersonFile, Profile, PromiseStanding, SiteKeys,
    StudyGate, Zeroizing,
};
use regard_domain::{PersonId, Timestamp};

/// When the made-up sitting is: 2026-06-01T12:00:00Z.
pub(super) const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

/// The key of a made-up participant at a made-up laboratory, for frames that come at `fps`. Where that is too slow for every
/// micro-expression, those of three frames and more are claimed.
pub(super) fn key(fps: f64) -> Result<MicroExpressions> {
    let text = Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1)
        .replacen("purposes = [", "purposes = [\"research\", ", 1);
    let mut document = Commitments::parse(&text)?;
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    let signer = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let promise = document.sign(&signer).verify(&signer.verifying_key())?;
    let profile = Profile::named("lab")?;
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
    let agreed = file
        .ask(ConsentPurpose::Research, &standing, NOON)
        .granted()
        .context("the made-up consent does not hold")?;
    let consent = LiveConsent::new(PersonId::from_bits(1), agreed, Lifeline::default());
    // A little more than three frames, which three gaps in whole microseconds may exceed.
    let shortest = Duration::from_secs_f64(3.0 / fps) + Duration::from_millis(1);
    let claim = MovementClaim::from(shortest).unwrap_or(MovementClaim::ALL);
    let taken: Vec<Timestamp> = (0..100).map(|i| taken_at(i, fps)).collect();
    let rate = MeasuredRate::of(&taken).context("frames come one after the other")?;
    let mut gate = StudyGate::new(promise.clone(), profile);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    gate.ask(&consent, (claim, rate), NOON, &mut rng)
        .outcome
        .granted()
        .context("the gate refuses the made-up sitting")
}

/// When a frame is taken.
pub(super) fn taken_at(index: u64, fps: f64) -> Timestamp {
    NOON.plus(Duration::from_secs_f64(index as f64 / fps))
}
