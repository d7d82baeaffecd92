//! A site whose gate is asked.

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use regard_domain::{ActId, GalleryId, PersonId, Timestamp};

use crate::recognition::{
    ActKind, Attestation, AttestationTerms, AttestedCall, AttestedSource, AttestedUse, Enrollment,
    Identification, Liveness, NeedsLiveness, Presenting, RecognitionGate, RecognitionKey,
    Verification, VerifiedAttestation,
};
use crate::{
    Answer, Commitments, Consent, ConsentPurpose, Custody, Digest, Dpia, EntryBody, GivenBy,
    Lifeline, LiveConsent, PersonFile, Profile, PromiseStanding, RefusalCode, Ruled, SiteKeys,
    VerifiedCommitments, Zeroizing,
};

pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// 2026-06-01T12:00:00Z.
pub(super) const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);
pub(super) const ONE: PersonId = PersonId::from_bits(1);
pub(super) const OTHER: PersonId = PersonId::from_bits(2);

pub(super) fn keys() -> SiteKeys {
    SiteKeys::from_seed(Zeroizing::new([1; 32]))
}

pub(super) fn signed(change: impl FnOnce(&mut Commitments)) -> VerifiedCommitments {
    let mut document = Commitments::demo();
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    document.custody = Custody::Controller;
    document.custody_justification = Some("an access gate with a guard beside it".to_owned());
    document.alternative_path = Some("the guard looks at the card".to_owned());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-05-01".parse().unwrap(),
        configuration: None,
    });
    change(&mut document);
    let key = keys().commitments_key();
    document.sign(&key).verify(&key.verifying_key()).unwrap()
}

/// A site, its gate, and people who agreed.
pub(super) struct Site {
    pub(super) promise: VerifiedCommitments,
    profile: Profile,
    pub(super) gate: RecognitionGate,
    pub(super) rng: StdRng,
    pub(super) now: Timestamp,
    pub(super) entries: Vec<EntryBody>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::under("lab", |_| ())
    }

    pub(super) fn under(profile: &str, change: impl FnOnce(&mut Commitments)) -> Self {
        let promise = signed(|document| {
            document.profile = profile.to_owned();
            change(document);
        });
        let profile = Profile::named(profile).unwrap();
        Self {
            gate: RecognitionGate::new(promise.clone(), profile.clone(), None),
            promise,
            profile,
            rng: StdRng::seed_from_u64(1),
            now: NOON,
            entries: Vec::new(),
        }
    }

    /// A consent that was given and holds, and the line that ends it.
    pub(super) fn agreed(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> (LiveConsent, Lifeline) {
        let mut file = PersonFile::new(Custody::Controller, false, NOON);
        file.give(Consent {
            purpose,
            given_by: GivenBy::Person,
            given_at: NOON,
            expires_at: NOON.plus(DAY * 10),
            version: self.promise.document().version,
            commitments: self.promise.digest(),
            receipt: Digest::of(&[purpose.as_str().as_bytes()]),
            is_released: true,
            ended: None,
        });
        let standing = PromiseStanding {
            in_force: &self.promise,
            taken_under: None,
            profile: &self.profile,
            assessed: None,
        };
        let agreed = file.ask(purpose, &standing, NOON).granted().unwrap();
        let line = Lifeline::default();
        (LiveConsent::new(person, agreed, line.clone()), line)
    }

    pub(super) fn note<T>(&mut self, ruled: Ruled<T>) -> T {
        self.entries
            .extend(ruled.entries.into_iter().map(|e| e.body));
        ruled.outcome
    }

    pub(super) fn acts(&mut self, gallery: &GalleryId) -> ActId {
        let ruled = self
            .gate
            .act_before(gallery, ActKind::Button, self.now, &mut self.rng);
        self.note(ruled).id
    }

    pub(super) fn acts_to_enroll(&mut self, person: PersonId) -> ActId {
        let ruled = self
            .gate
            .act_of_enrolling(person, ActKind::Qr, self.now, &mut self.rng);
        self.note(ruled).id
    }

    pub(super) fn verify(&mut self, consent: &LiveConsent) -> Answer<Presenting<Verification>> {
        let ruled = self.gate.ask_verify(consent, self.now, &mut self.rng);
        self.note(ruled)
    }

    pub(super) fn identify(
        &mut self,
        gallery: &GalleryId,
        act: Option<ActId>,
    ) -> Answer<Presenting<Identification>> {
        let ruled = self
            .gate
            .ask_identify(gallery, act, self.now, &mut self.rng);
        self.note(ruled)
    }

    pub(super) fn enroll(
        &mut self,
        consents: &[LiveConsent],
        act: Option<ActId>,
    ) -> Answer<Presenting<Enrollment>> {
        let ruled = self.gate.ask_enroll(consents, act, self.now, &mut self.rng);
        self.note(ruled)
    }

    pub(super) fn admit<K: NeedsLiveness>(
        &mut self,
        presenting: &Presenting<K>,
        liveness: Liveness,
    ) -> Answer<RecognitionKey<K>> {
        let ruled = self.gate.admit(presenting, liveness, self.now);
        self.note(ruled)
    }

    pub(super) fn armed(&mut self) -> GalleryId {
        let gallery = main();
        self.gate.arm(&gallery, self.now).unwrap();
        gallery
    }

    pub(super) fn attested(
        &self,
        change: impl FnOnce(&mut AttestationTerms<'_>),
    ) -> VerifiedAttestation {
        let mut terms = AttestationTerms {
            number: 7,
            service: "lost-badges",
            purpose: "find the owner of a found badge",
            collection: main(),
            lawful_source: "staff photographs, works agreement of 2025",
            uploads_are_acts: false,
            signed_by: "the officer",
            officer: None,
            valid_for: DAY * 30,
        };
        change(&mut terms);
        let key = keys().attestations_key();
        let attestation = Attestation::issue(terms, &self.promise, NOON).unwrap();
        attestation.sign(&key).verify(&key.verifying_key()).unwrap()
    }

    pub(super) fn call(
        &mut self,
        attestation: Option<&VerifiedAttestation>,
        call: &AttestedCall,
    ) -> Answer<RecognitionKey<AttestedUse>> {
        let ruled = self
            .gate
            .ask_attested(attestation, call, self.now, &mut self.rng);
        self.note(ruled)
    }
}

pub(super) fn main() -> GalleryId {
    GalleryId::new("main").unwrap()
}

pub(super) fn search() -> AttestedCall {
    AttestedCall {
        collection: main(),
        source: AttestedSource::Upload,
        searches: true,
        act: None,
    }
}

pub(super) fn code<T>(answer: &Answer<T>) -> Option<RefusalCode> {
    let refusal = answer.refusal()?;
    assert!(!refusal.reason.is_empty() && !refusal.remedy.is_empty());
    Some(refusal.code)
}
