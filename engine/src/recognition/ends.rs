//! How goes begin and what they come to: enrolled, verified, identified.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use regard_commitments::{
    ActKind, Answer, Assertion, AssertionFor, AssertionTerms, ConsentPurpose, Grant, Liveness,
    NeedsLiveness, Personalization, Presenting, Recognition, RecognitionKey, RecognitionKind,
    Recognized, Refusal, RefusalCode,
};
use regard_domain::{ActId, PersonId, Timestamp, TrackId};
use regard_identity::{
    EMBEDDING_DIMENSION, Embedding, GalleryTransform, Similarity, TargetRate, Template,
};
use regard_vision::FaceChip;

use super::attempts::AttemptOutcome;
use super::capture::{CaptureMode, Gathered};
use super::going::{
    CaptureBegun, CaptureId, CaptureOutcome, FoundVisitor, Goal, Going, Opened, VerifiedClaim,
};
use super::{RecognitionError, Recognizer};
use crate::custody::{Authenticated, ClaimedFace, OpenedFace, own_gallery};
use crate::galleries::{Galleries, GalleryAnswer, SearchError};

/// The false match rate at which the face of the challenges has to be that of the good pictures. Origin: one in a hundred
/// strangers would pass for somebody who has just turned their head; whoever swaps faces has to pass the challenges besides.
const SAME_FACE_RATE: f64 = 1e-2;

/// Wrong claims for one person before further ones wait, and how long those count.
const MAX_WRONG_CLAIMS: usize = 5;
const WRONG_CLAIM_WINDOW: Duration = Duration::from_secs(600);

/// Persons for whom wrong claims are counted at once. When full the oldest count goes.
const MAX_COUNTED: usize = 10_000;

/// Whose face is claimed to be before the camera.
pub enum Claim<'a> {
    /// The person of a face token, a text.
    FaceToken(&'a str),
    /// Whoever showed the token of their record.
    Own(&'a Authenticated),
    /// A person by id, where the site holds templates.
    Person(PersonId),
}

/// Somebody who was recognised.
#[derive(Clone, Copy)]
pub enum Visitor<'a> {
    /// By a claim that was true.
    Verified(&'a VerifiedClaim),
    /// In the gallery.
    Found(&'a FoundVisitor),
}

fn nobody() -> Refusal {
    Refusal::new(
        RefusalCode::ConsentMissing,
        "nobody was recognised",
        "decide for the audience as a whole",
    )
}

impl Recognizer {
    /// Begins to enrol the face of somebody who agreed and now acts.
    ///
    /// # Errors
    /// [`RecognitionError`].
    pub async fn begin_enroll(
        &self,
        who: Arc<Authenticated>,
        act: ActKind,
        mode: CaptureMode,
    ) -> Result<CaptureBegun, RecognitionError> {
        let begun = self.enroll_begun(who, act, mode).await;
        self.begun_or_noted(RecognitionKind::Enroll, begun)
    }

    async fn enroll_begun(
        &self,
        who: Arc<Authenticated>,
        act: ActKind,
        mode: CaptureMode,
    ) -> Result<CaptureBegun, RecognitionError> {
        let person = who.person();
        let consents = self.custodian.face_consents(person).await?;
        let act = self
            .ask(|gate, now, rng| gate.act_of_enrolling(person, act, now, rng))
            .await?;
        let asked = self
            .ask(|gate, now, rng| gate.ask_enroll(&consents, Some(act.id), now, rng))
            .await?;
        let presenting = asked.into_result()?;
        self.begin(Goal::Enroll { who, presenting }, mode)
    }

    /// Begins to look into a claim.
    ///
    /// # Errors
    /// [`RecognitionError`]; [`RecognitionError::TooManyWrongClaims`] for a while after too many for one person.
    pub async fn begin_verify(
        &self,
        claim: Claim<'_>,
        target: TargetRate,
        wanted: Option<AssertionFor>,
        mode: CaptureMode,
    ) -> Result<CaptureBegun, RecognitionError> {
        let goal = self.verify_goal(claim, target, wanted).await;
        let begun = goal.and_then(|goal| self.begin(goal, mode));
        self.begun_or_noted(RecognitionKind::Verify, begun)
    }

    pub(super) async fn verify_goal(
        &self,
        claim: Claim<'_>,
        target: TargetRate,
        wanted: Option<AssertionFor>,
    ) -> Result<Goal, RecognitionError> {
        const PURPOSE: ConsentPurpose = ConsentPurpose::Verify;
        let claimed = match claim {
            Claim::FaceToken(text) => self.custodian.claimed_by_token(text, PURPOSE).await?,
            Claim::Own(who) => self.custodian.claimed_by_person(who, PURPOSE).await?,
            Claim::Person(person) => self.custodian.claimed_by_id(person, PURPOSE).await?,
        };
        let claimed = claimed.into_result()?;
        if self.n_wrong_claims(claimed.consent.person()) >= MAX_WRONG_CLAIMS {
            return Err(RecognitionError::TooManyWrongClaims);
        }
        let consent = claimed.consent.clone();
        let asked = self
            .ask(|gate, now, rng| gate.ask_verify(&consent, now, rng))
            .await?;
        Ok(Goal::Verify {
            presenting: asked.into_result()?,
            claimed,
            target,
            wanted,
        })
    }

    /// Begins to look for somebody in the site's gallery after an act of theirs, which is used up.
    ///
    /// # Errors
    /// [`RecognitionError`].
    pub async fn begin_identify(
        &self,
        act: Option<ActId>,
        target: TargetRate,
        mode: CaptureMode,
    ) -> Result<CaptureBegun, RecognitionError> {
        let goal = self.identify_goal(act, target).await;
        let begun = goal.and_then(|goal| self.begin(goal, mode));
        self.begun_or_noted(RecognitionKind::Identify, begun)
    }

    pub(super) async fn identify_goal(
        &self,
        act: Option<ActId>,
        target: TargetRate,
    ) -> Result<Goal, RecognitionError> {
        let asked = self
            .ask(|gate, now, rng| gate.ask_identify(&own_gallery(), act, now, rng))
            .await?;
        let presenting = asked.into_result()?;
        Ok(Goal::Identify { presenting, target })
    }

    /// Ends a go without anything coming of it; its crops are overwritten.
    pub fn give_up(&self, id: CaptureId) {
        if let Some(given_up) = self.goings.end(id) {
            self.note_attempt(given_up.kind, AttemptOutcome::GivenUp, &[]);
        }
    }

    /// What a go came to. It is over then, whatever the answer.
    ///
    /// # Errors
    /// [`RecognitionError::Unfinished`] while the challenges go on, which end nothing; [`RecognitionError::Refused`] with
    /// `liveness_failed` where they were not passed.
    pub async fn finish(&self, id: CaptureId) -> Result<CaptureOutcome, RecognitionError> {
        let now = self.now();
        self.tidy_goings(now);
        let opened = self
            .goings
            .end(id)
            .ok_or(RecognitionError::UnknownCapture)?;
        let is_over = {
            let mut going = opened.going.lock().await;
            going.capture.look_after(now);
            going.capture.verdict().is_some()
        };
        if !is_over {
            self.goings.put_back(id, opened);
            return Err(RecognitionError::Unfinished);
        }
        let going = match Arc::try_unwrap(opened.going) {
            Ok(going) => going,
            // A picture of it is being looked at.
            Err(going) => {
                self.goings.put_back(id, Opened { going, ..opened });
                return Err(RecognitionError::Unfinished);
            }
        };
        let Going { goal, capture, .. } = going.into_inner();
        self.come_to(goal, capture.gathered()).await
    }

    /// What a goal comes to with what was gathered for it; noted as an attempt.
    pub(super) async fn come_to(
        &self,
        goal: Goal,
        gathered: Gathered,
    ) -> Result<CaptureOutcome, RecognitionError> {
        let (kind, faults) = (goal.kind(), gathered.faults.clone());
        let ended = self.ended(goal, gathered).await;
        self.note_end(kind, &ended, &faults);
        ended
    }

    pub(super) async fn ended(
        &self,
        goal: Goal,
        gathered: Gathered,
    ) -> Result<CaptureOutcome, RecognitionError> {
        match goal {
            Goal::Enroll { who, presenting } => {
                self.finish_enroll(&who, presenting, gathered).await
            }
            Goal::Verify {
                claimed,
                presenting,
                target,
                wanted,
            } => {
                let claim = (claimed, target, wanted);
                self.finish_verify(claim, presenting, gathered).await
            }
            Goal::Identify { presenting, target } => {
                self.finish_identify(presenting, target, gathered).await
            }
        }
    }

    /// The key that was asked for, and the face in the pictures, once the checks have passed and it is one face throughout.
    async fn admitted<K: NeedsLiveness>(
        &self,
        presenting: Presenting<K>,
        gathered: Gathered,
    ) -> Result<(RecognitionKey<K>, Embedding), RecognitionError> {
        self.count_faults(&gathered.faults);
        let liveness = gathered.liveness;
        let asked = self
            .ask(|gate, now, _| gate.admit(&presenting, liveness, now))
            .await?;
        let key = asked.into_result()?;
        match self.embedded(gathered.best, gathered.later, &key).await? {
            Some(embedding) => Ok((key, embedding)),
            None => {
                let asked = self
                    .ask(|gate, now, _| gate.admit(&presenting, Liveness::Failed, now))
                    .await?;
                Err(RecognitionError::Refused(match asked {
                    Answer::Refused(refusal) => refusal,
                    Answer::Granted(_) => Refusal::new(
                        RefusalCode::LivenessFailed,
                        "the face changed while it was looked at",
                        "begin anew",
                    ),
                }))
            }
        }
    }

    /// The face of the good pictures, as the mean of their embeddings; nothing when the face of the challenges was another one.
    async fn embedded<K: NeedsLiveness>(
        &self,
        best: Vec<FaceChip>,
        later: Vec<FaceChip>,
        key: &RecognitionKey<K>,
    ) -> Result<Option<Embedding>, RecognitionError> {
        let grant = key.grant().clone();
        let n_best = best.len();
        let embeddings = self
            .studio
            .work(move |bench| {
                let chips: Vec<&FaceChip> = best.iter().chain(&later).collect();
                bench.embed(&chips, &grant)
            })
            .await?
            .map_err(|error| RecognitionError::Studio(error.into()))?;
        let (good, others) = embeddings.split_at(n_best);
        let Some(mean) = mean_of(good) else {
            return Ok(None);
        };
        let rate = TargetRate::new(SAME_FACE_RATE).expect("one in a hundred is a rate");
        let least = self.scale.threshold(rate).similarity;
        for one in good.iter().chain(others) {
            let similarity = mean.similarity(one, key.grant())?;
            if similarity < least {
                return Ok(None);
            }
        }
        Ok(Some(mean))
    }

    async fn finish_enroll(
        &self,
        who: &Authenticated,
        presenting: Presenting<regard_commitments::Enrollment>,
        gathered: Gathered,
    ) -> Result<CaptureOutcome, RecognitionError> {
        let quality = gathered.quality.clone();
        let (key, face) = self.admitted(presenting, gathered).await?;
        let make = |secret: &[u8; 32]| {
            let transform = GalleryTransform::from_key(secret, EMBEDDING_DIMENSION)?;
            Some(transform.template(&face)?.to_bytes())
        };
        let kept = self
            .custodian
            .keep_face(who, &key, (&make, quality.as_ref()))
            .await?;
        Ok(CaptureOutcome::Enrolled(kept))
    }

    async fn finish_verify(
        &self,
        (claimed, target, wanted): (ClaimedFace, TargetRate, Option<AssertionFor>),
        presenting: Presenting<regard_commitments::Verification>,
        gathered: Gathered,
    ) -> Result<CaptureOutcome, RecognitionError> {
        let challenges = gathered.challenges;
        let person = claimed.consent.person();
        let admitted = self.admitted(presenting, gathered).await;
        let (key, face) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                self.wrong_claim(person);
                return Err(error);
            }
        };
        let similarity = nearest(&claimed.faces, &face, key.grant())?;
        let compared = self.scale.verify(similarity, target);
        let assertion = match wanted.filter(|_| compared.is_match) {
            Some(wanted) => Some(self.assertion(person, &wanted, challenges, target)?),
            None => None,
        };
        if compared.is_match {
            self.right_claim(person);
        } else {
            self.wrong_claim(person);
        }
        Ok(CaptureOutcome::Verified(Box::new(VerifiedClaim {
            compared,
            person,
            assertion,
            key,
        })))
    }

    async fn finish_identify(
        &self,
        presenting: Presenting<regard_commitments::Identification>,
        target: TargetRate,
        gathered: Gathered,
    ) -> Result<CaptureOutcome, RecognitionError> {
        let (key, face) = self.admitted(presenting, gathered).await?;
        let (search, now) = (key.to_search(), self.now());
        let look =
            move |galleries: &Galleries| galleries.search(&own_gallery(), &face, 1, &search, now);
        let told = match self.galleries.apart(look).await {
            // Nobody has enrolled: nobody is found.
            Err(SearchError::Unknown) => GalleryAnswer::of_nobody(),
            told => told?,
        };
        let mut found = self.scale.identify(&told.answer, target);
        let mut consent = None;
        if let Some(hit) = found.known {
            let record = told.records.first().copied().unwrap_or(hit.person);
            // Asked once more on the disk: whoever took theirs back a moment ago is nobody.
            consent = self.custodian.ask_found(hit.person, record).await?;
            if consent.is_none() {
                found.known = None;
            }
        }
        Ok(CaptureOutcome::Identified(Box::new(FoundVisitor {
            found,
            key,
            consent,
        })))
    }

    /// Lets somebody who was recognised enter the context of decisions, for as long as their track goes on and they agree.
    ///
    /// # Errors
    /// [`RecognitionError::Refused`] without a living consent to `personalise`.
    pub async fn personalize(
        &self,
        visitor: Visitor<'_>,
        track: TrackId,
    ) -> Result<Grant<Personalization>, RecognitionError> {
        let person = match visitor {
            Visitor::Verified(claim) if claim.compared.is_match => claim.person,
            Visitor::Found(FoundVisitor {
                found,
                consent: Some(_),
                ..
            }) => found.known.ok_or_else(nobody)?.person,
            Visitor::Verified(_) | Visitor::Found(_) => return Err(nobody().into()),
        };
        let consent = self
            .custodian
            .ask(person, ConsentPurpose::Personalize)
            .await?
            .into_result()?;
        let asked = self
            .ask(|gate, now, _| {
                let who = match visitor {
                    Visitor::Verified(claim) => Recognized::Verified(&claim.key),
                    Visitor::Found(found) => match &found.consent {
                        Some(identified) => Recognized::Identified(&found.key, identified),
                        // Looked at above: nobody was found without.
                        None => Recognized::Identified(&found.key, &consent),
                    },
                };
                gate.ask_personalization(&who, &consent, track, now)
            })
            .await?;
        Ok(asked.into_result()?)
    }

    /// A visitor is gone: whoever they were recognised as enters no context any more.
    pub fn track_ended(&self, track: TrackId) {
        self.gate().track_ended(track);
    }

    fn assertion(
        &self,
        person: PersonId,
        wanted: &AssertionFor,
        challenges: &[&'static str],
        target: TargetRate,
    ) -> Result<String, RecognitionError> {
        let mut rng = Self::rng()?;
        let number = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        let fmr = format!("{:e}", target.get());
        let terms = AssertionTerms {
            issuer: &self.issuer,
            person,
            wanted,
            number,
            challenges,
            fmr: &fmr,
        };
        Ok(Assertion::new(&terms, self.now()).sign(&self.assertions_key))
    }

    fn n_wrong_claims(&self, person: PersonId) -> usize {
        let now = self.now();
        let mut claims = self.wrong_claims();
        let Some(times) = claims.get_mut(&person) else {
            return 0;
        };
        times.retain(|at| now.saturating_since(*at) < WRONG_CLAIM_WINDOW);
        times.len()
    }

    fn wrong_claim(&self, person: PersonId) {
        let now = self.now();
        let mut claims = self.wrong_claims();
        if claims.len() >= MAX_COUNTED && !claims.contains_key(&person) {
            let oldest = claims
                .iter()
                .min_by_key(|(id, times)| (times.last().copied(), **id));
            if let Some(id) = oldest.map(|(id, _)| *id) {
                claims.remove(&id);
            }
        }
        let times: &mut Vec<Timestamp> = claims.entry(person).or_default();
        times.retain(|at| now.saturating_since(*at) < WRONG_CLAIM_WINDOW);
        times.push(now);
    }

    fn right_claim(&self, person: PersonId) {
        self.wrong_claims().remove(&person);
    }
}

/// The direction between several embeddings of one face.
fn mean_of(embeddings: &[Embedding]) -> Option<Embedding> {
    let first = embeddings.first()?;
    let mut sum = vec![0.0; first.values().len()];
    for embedding in embeddings {
        for (sum, value) in sum.iter_mut().zip(embedding.values()) {
            *sum += value;
        }
    }
    Embedding::new(sum, first.model())
}

/// How near a face is to the nearest of somebody's templates.
pub(super) fn nearest(
    faces: &[OpenedFace],
    face: &Embedding,
    key: &Grant<Recognition>,
) -> Result<Similarity, RecognitionError> {
    let mut best: Option<Similarity> = None;
    for one in faces {
        let template = Template::from_bytes(&one.template)?;
        let transform = GalleryTransform::from_key(&one.diversifier, EMBEDDING_DIMENSION);
        let transform = transform.ok_or(regard_identity::TemplateFault::OtherTransform)?;
        let similarity = template.verify(face, &transform, key)?;
        if best.is_none_or(|best| similarity > best) {
            best = Some(similarity);
        }
    }
    best.ok_or(RecognitionError::Template(
        regard_identity::TemplateFault::NotATemplate,
    ))
}
