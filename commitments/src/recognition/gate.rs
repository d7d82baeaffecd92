//! The gate itself: what it asks for before it gives a key, and how it takes keys back.

mod persons;
mod services;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use rand::CryptoRng;
use regard_domain::{ActId, GalleryId, PersonId, Timestamp, TrackId};

use super::act::{Act, ActBook, ActFor, ActKind, ENROLL_ACT_TTL};
use super::key::{Presenting, RecognitionKey, RecognitionTerms};
use super::kind::{
    Enrollment, Identification, LibrarySearch, Liveness, NeedsLiveness, RecognitionKind,
    Verification,
};
use crate::consent::{ConsentPurpose, LiveConsent, PromiseStanding, missing};
use crate::digest::Digest;
use crate::erasure::subject;
use crate::grant::{Grant, Lifeline, Recognition, SensingTerms};
use crate::ledger::{EntryBody, LedgerEntry};
use crate::profile::Profile;
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::scope::{Scope, Scopes};
use crate::sensing::Ruled;
use crate::signed::VerifiedCommitments;
use crate::told::ToldRefusals;

/// How long the key of a verification holds: a challenge and two tries at it.
const VERIFY_TTL: Duration = Duration::from_secs(120);

/// How long the key of an identification holds: as long as the act behind it stands.
const IDENTIFY_TTL: Duration = Duration::from_secs(60);

/// How long the key to a library holds: a night's run over a million photographs. It dies sooner with the consent.
const LIBRARY_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Galleries armed at once.
const MAX_ARMED: usize = 1_000;

/// How settings begin that say which galleries are armed.
pub const GALLERY_SETTING_PREFIX: &str = "gallery.armed.";

/// The name of a gallery in the ledger: whoever chose its name may have put a person's into it.
pub fn gallery_subject(gallery: &GalleryId) -> Digest {
    Digest::of(&[b"regard gallery v1\0", gallery.as_str().as_bytes()])
}

/// Says whether a face may be recognised, as which kind, and about whom; and whether somebody who was may enter a context.
///
/// # Privacy
/// Sees no face: consents, acts, galleries by name, random ids.
#[derive(Debug)]
pub struct RecognitionGate {
    commitments: VerifiedCommitments,
    profile: Profile,
    /// What an impact assessment of the configuration that runs is about.
    assessed: Option<Digest>,
    armed: BTreeMap<GalleryId, Lifeline>,
    acts: ActBook,
    attested: BTreeMap<Digest, Lifeline>,
    tracks: BTreeMap<TrackId, (Timestamp, Lifeline)>,
    /// What everything hangs on while the ledger can be written.
    recorded: Lifeline,
    is_ledger_out: bool,
    told: ToldRefusals,
    refusals: BTreeMap<(RecognitionKind, RefusalCode), u64>,
}

impl RecognitionGate {
    /// The gate of these commitments; no gallery is armed yet.
    pub fn new(
        commitments: VerifiedCommitments,
        profile: Profile,
        assessed: Option<Digest>,
    ) -> Self {
        Self {
            commitments,
            profile,
            assessed,
            armed: BTreeMap::new(),
            acts: ActBook::default(),
            attested: BTreeMap::new(),
            tracks: BTreeMap::new(),
            recorded: Lifeline::default(),
            is_ledger_out: false,
            told: ToldRefusals::default(),
            refusals: BTreeMap::new(),
        }
    }

    fn standing(&self) -> PromiseStanding<'_> {
        PromiseStanding {
            in_force: &self.commitments,
            taken_under: None,
            profile: &self.profile,
            assessed: self.assessed,
        }
    }

    /// The configuration changed: what an assessment of it is about now.
    pub fn set_assessed(&mut self, assessed: Digest) {
        self.assessed = Some(assessed);
    }

    /// Whether a kind of recognition is switched on and may be: profile, promise, assessment, the way without it.
    ///
    /// # Errors
    /// `ledger_unavailable`, `feature_not_in_profile`, `purpose_not_promised`, `no_alternative_path`, `dpia_missing`.
    pub fn may(&self, kind: RecognitionKind, now: Timestamp) -> Result<(), Refusal> {
        if self.is_ledger_out {
            return Err(Refusal::new(
                RefusalCode::LedgerUnavailable,
                "the ledger cannot be written, and what cannot be recorded is not done",
                "make room on the disk, or see in health why not",
            ));
        }
        self.profile.may_recognize(kind)?;
        let standing = self.standing();
        match kind {
            RecognitionKind::Enroll => Ok(()),
            RecognitionKind::Verify => standing.may_ask_for(ConsentPurpose::Verify, now),
            RecognitionKind::Identify => standing.may_ask_for(ConsentPurpose::Identify, now),
            RecognitionKind::Library => standing.may_ask_for(ConsentPurpose::AnalyzeLibrary, now),
            RecognitionKind::Attested => standing.may_hold_for_services(now),
        }
    }

    /// Somebody who agreed acts: they want their face enrolled, now. The act stands for ten minutes and is good once.
    pub fn act_of_enrolling(
        &mut self,
        person: PersonId,
        kind: ActKind,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Act> {
        self.acted(kind, ActFor::Enrolling(person), now, rng)
    }

    /// Somebody acts: they want to be found in a gallery. The act stands for a minute and is good once.
    pub fn act_before(
        &mut self,
        gallery: &GalleryId,
        kind: ActKind,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Act> {
        self.acted(kind, ActFor::Gallery(gallery.clone()), now, rng)
    }

    fn acted(
        &mut self,
        kind: ActKind,
        what: ActFor,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Act> {
        let act = self.acts.put(kind, what, now, rng);
        let body = EntryBody::Acted {
            act: Act::digest(act.id),
            by: kind,
        };
        Ruled {
            outcome: act,
            entries: vec![LedgerEntry { at: now, body }],
        }
    }

    /// Asks to make templates of somebody's face, for the purposes they agreed to.
    pub fn ask_enroll(
        &mut self,
        consents: &[LiveConsent],
        act: Option<ActId>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<Presenting<Enrollment>>> {
        let ruled = self.rule_enroll(consents, act, now);
        self.present(RecognitionKind::Enroll, ruled, now, rng)
    }

    fn rule_enroll(
        &mut self,
        consents: &[LiveConsent],
        act: Option<ActId>,
        now: Timestamp,
    ) -> Result<Terms, Refusal> {
        self.may(RecognitionKind::Enroll, now)?;
        let biometric = consents
            .iter()
            .filter(|consent| consent.purpose().is_biometric());
        let first = biometric
            .clone()
            .next()
            .ok_or_else(|| missing(ConsentPurpose::Verify))?;
        let person = first.person();
        if consents.iter().any(|consent| consent.person() != person) {
            return Err(missing(first.purpose()));
        }
        for consent in biometric.clone() {
            consent.serves(consent.purpose(), now)?;
        }
        let act = self.take_act(act, &ActFor::Enrolling(person), now)?;
        let until = biometric.clone().map(LiveConsent::until).min();
        let until = until.unwrap_or(now).min(now.plus(ENROLL_ACT_TTL));
        Ok(Terms {
            person: Some(person),
            receipts: biometric.clone().map(LiveConsent::receipt).collect(),
            act: Some(act),
            lifelines: biometric
                .map(|consent| consent.lifeline().clone())
                .collect(),
            ..Terms::until(until)
        })
    }

    /// Asks whether a face is that of the person who claims to be the one that agreed.
    pub fn ask_verify(
        &mut self,
        consent: &LiveConsent,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<Presenting<Verification>>> {
        let ruled = self
            .may(RecognitionKind::Verify, now)
            .and_then(|()| consent.serves(ConsentPurpose::Verify, now))
            .map(|()| Terms::of_one(consent, now.plus(VERIFY_TTL)));
        self.present(RecognitionKind::Verify, ruled, now, rng)
    }

    /// Asks who of those who agreed to it is before the camera. The act is used up, whatever comes of it.
    pub fn ask_identify(
        &mut self,
        gallery: &GalleryId,
        act: Option<ActId>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<Presenting<Identification>>> {
        let ruled = self.rule_identify(gallery, act, now);
        self.present(RecognitionKind::Identify, ruled, now, rng)
    }

    fn rule_identify(
        &mut self,
        gallery: &GalleryId,
        act: Option<ActId>,
        now: Timestamp,
    ) -> Result<Terms, Refusal> {
        let act = self.take_act(act, &ActFor::Gallery(gallery.clone()), now);
        self.may(RecognitionKind::Identify, now)?;
        let Some(line) = self.armed.get(gallery) else {
            return Err(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                "this gallery is not armed",
                "an admin arms it: regard gallery arm",
            ));
        };
        let lifelines = vec![line.clone()];
        Ok(Terms {
            gallery: Some(gallery.clone()),
            act: Some(act?),
            lifelines,
            ..Terms::until(now.plus(IDENTIFY_TTL))
        })
    }

    /// Asks to look for somebody in a library of photographs, at their wish.
    pub fn ask_library(
        &mut self,
        consent: &LiveConsent,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<RecognitionKey<LibrarySearch>>> {
        let ruled = self
            .may(RecognitionKind::Library, now)
            .and_then(|()| consent.serves(ConsentPurpose::AnalyzeLibrary, now))
            .map(|()| Terms::of_one(consent, now.plus(LIBRARY_TTL)));
        let given = self.give(RecognitionKind::Library, ruled, now, rng);
        keyed(given)
    }

    /// Gives the key that was asked for once the checks for prints and replays have passed.
    pub fn admit<K: NeedsLiveness>(
        &mut self,
        presenting: &Presenting<K>,
        liveness: Liveness,
        now: Timestamp,
    ) -> Ruled<Answer<RecognitionKey<K>>> {
        let Some(kind) = presenting.grant.kind() else {
            unreachable!("an evaluation presents nothing");
        };
        let reason = match liveness {
            Liveness::Passed if presenting.is_live_at(now) => {
                return Ruled {
                    outcome: Answer::Granted(RecognitionKey::new(presenting.grant.clone())),
                    entries: Vec::new(),
                };
            }
            Liveness::Passed => {
                let refusal = if presenting.grant.is_live() {
                    Refusal::new(
                        RefusalCode::ActMissing,
                        "it took longer than the act stands",
                        "begin anew",
                    )
                } else {
                    Refusal::new(
                        RefusalCode::ConsentWithdrawn,
                        "what it stood on was taken back meanwhile",
                        "begin anew",
                    )
                };
                return self.refuse(kind, refusal, Some(presenting.number()), now);
            }
            Liveness::Failed => "the pictures do not show a live face",
            Liveness::Unchecked => "it could not be told whether the face is live",
        };
        let refusal = Refusal::new(
            RefusalCode::LivenessFailed,
            reason,
            "face the camera in even light and follow the challenge",
        );
        self.refuse(kind, refusal, Some(presenting.number()), now)
    }

    /// Lets a gallery be searched.
    ///
    /// # Errors
    /// As [`Self::may`] for [`RecognitionKind::Identify`].
    pub fn arm(&mut self, gallery: &GalleryId, now: Timestamp) -> Result<(), Refusal> {
        self.may(RecognitionKind::Identify, now)?;
        if self.armed.len() >= MAX_ARMED && !self.armed.contains_key(gallery) {
            return Err(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                format!("{MAX_ARMED} galleries are armed already"),
                "disarm one that is not searched",
            ));
        }
        self.armed.entry(gallery.clone()).or_default();
        Ok(())
    }

    /// Lets a gallery be searched no more, at once; whether it was armed.
    pub fn disarm(&mut self, gallery: &GalleryId) -> bool {
        let line = self.armed.remove(gallery);
        line.inspect(Lifeline::cut).is_some()
    }

    /// Whether a gallery may be searched after an act.
    pub fn is_armed(&self, gallery: &GalleryId) -> bool {
        self.armed.contains_key(gallery)
    }

    /// What a person began goes with them: acts of theirs stand no more.
    pub fn person_gone(&mut self, person: PersonId) {
        self.acts.forget(person);
    }

    /// The ledger cannot be written: every key is dead, and none is given until [`Self::ledger_available`].
    pub fn ledger_unavailable(&mut self) {
        self.is_ledger_out = true;
        self.recorded.cut();
    }

    /// The ledger can be written again.
    pub fn ledger_available(&mut self) {
        if self.is_ledger_out {
            self.is_ledger_out = false;
            self.recorded = Lifeline::default();
        }
    }

    /// How often each kind was refused by each code.
    pub fn refusals(&self) -> BTreeMap<(RecognitionKind, RefusalCode), u64> {
        self.refusals.clone()
    }

    fn take_act(
        &mut self,
        id: Option<ActId>,
        what: &ActFor,
        now: Timestamp,
    ) -> Result<Digest, Refusal> {
        id.and_then(|id| self.acts.take(id, what, now))
            .map(|act| Act::digest(act.id))
            .ok_or_else(act_missing)
    }

    fn present<K: NeedsLiveness>(
        &mut self,
        kind: RecognitionKind,
        ruled: Result<Terms, Refusal>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<Presenting<K>>> {
        let Ruled { outcome, entries } = self.give(kind, ruled, now, rng);
        let outcome = match outcome {
            Answer::Refused(refusal) => Answer::Refused(refusal),
            Answer::Granted(grant) => {
                let scopes = Scopes::NONE.with(Scope::Count).with(Scope::Attention);
                let terms = SensingTerms::of_own_pictures(scopes, self.commitments.digest());
                let lifelines = grant.lifelines().to_vec();
                Answer::Granted(Presenting {
                    sensing: Grant::issue(terms, grant.valid_until(), lifelines),
                    grant,
                    kind: PhantomData,
                })
            }
        };
        Ruled { outcome, entries }
    }

    fn give(
        &mut self,
        kind: RecognitionKind,
        ruled: Result<Terms, Refusal>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Ruled<Answer<Grant<Recognition>>> {
        let terms = match ruled {
            Ok(terms) => terms,
            Err(refusal) => return self.refuse(kind, refusal, None, now),
        };
        let mut random = [0; 32];
        rng.fill_bytes(&mut random);
        let number = Digest::of(&[b"regard grant v1\0", &random]);
        let body = EntryBody::RecognitionGranted {
            recognition: kind,
            number,
            subject: terms.person.map(subject),
            receipts: terms.receipts,
            gallery: terms.gallery.as_ref().map(gallery_subject),
            act: terms.act,
            attestation: terms.attestation,
            until: terms.until,
        };
        let held = RecognitionTerms {
            kind: Some(kind),
            number,
            person: terms.person,
            gallery: terms.gallery,
        };
        let mut lifelines = terms.lifelines;
        lifelines.push(self.recorded.clone());
        Ruled {
            outcome: Answer::Granted(Grant::issue(held, terms.until, lifelines)),
            entries: vec![LedgerEntry { at: now, body }],
        }
    }

    fn refuse<T>(
        &mut self,
        kind: RecognitionKind,
        refusal: Refusal,
        number: Option<Digest>,
        now: Timestamp,
    ) -> Ruled<Answer<T>> {
        *self.refusals.entry((kind, refusal.code)).or_default() += 1;
        let code = refusal.code;
        let entries = if self.is_ledger_out {
            Vec::new()
        } else {
            self.told
                .entry(now, |n_untold| EntryBody::RecognitionRefused {
                    recognition: kind,
                    code,
                    number,
                    n_untold,
                })
        };
        Ruled {
            outcome: Answer::Refused(refusal),
            entries,
        }
    }
}

/// What a key is given on.
struct Terms {
    person: Option<PersonId>,
    receipts: Vec<Digest>,
    gallery: Option<GalleryId>,
    act: Option<Digest>,
    attestation: Option<Digest>,
    lifelines: Vec<Lifeline>,
    until: Timestamp,
}

impl Terms {
    fn until(until: Timestamp) -> Self {
        Self {
            person: None,
            receipts: Vec::new(),
            gallery: None,
            act: None,
            attestation: None,
            lifelines: Vec::new(),
            until,
        }
    }

    fn of_one(consent: &LiveConsent, until: Timestamp) -> Self {
        Self {
            person: Some(consent.person()),
            receipts: vec![consent.receipt()],
            lifelines: vec![consent.lifeline().clone()],
            ..Self::until(until.min(consent.until()))
        }
    }
}

fn act_missing() -> Refusal {
    Refusal::new(
        RefusalCode::ActMissing,
        "no act of the person stands behind this, or it was used or is too old",
        "have the person scan the code, press the button or step onto the spot",
    )
}

/// The key of the type that belongs to the kind.
fn keyed<K: super::kind::RecognitionMarker>(
    given: Ruled<Answer<Grant<Recognition>>>,
) -> Ruled<Answer<RecognitionKey<K>>> {
    let outcome = match given.outcome {
        Answer::Granted(grant) => Answer::Granted(RecognitionKey::new(grant)),
        Answer::Refused(refusal) => Answer::Refused(refusal),
    };
    Ruled {
        outcome,
        entries: given.entries,
    }
}
