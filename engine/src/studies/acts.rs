//! What participants do: sit down, hand in pictures, answer, get up.

use std::sync::{Arc, PoisonError};

use rand::seq::SliceRandom as _;
use regard_commitments::{Answer, ConsentPurpose, PersonToken, SignedReceipt, StudyInvitation};
use regard_domain::{CreativeId, SittingId, Timestamp};
use regard_evaluation::{Answers, StudyPlan};
use tokio::sync::{Mutex as TurnMutex, OwnedMutexGuard};

use super::seat::{Seat, SharedSeat, SittingMark, SittingSeen};
use super::{MAX_SITTINGS, Studies, StudyError};
use regard_commitments::{Custody, GivenBy, Refusal, RefusalCode};

/// What whoever was invited says of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participant {
    /// That they agree to be looked at for this study.
    pub agrees: bool,
    /// That they are of age.
    pub is_adult: bool,
}

/// Somebody who sat down.
pub struct Seated {
    /// Names the sitting to those who hand in its pictures.
    pub sitting: SittingId,
    /// The token of their record, shown this once: to look at, take back, erase.
    pub token: PersonToken,
    /// The receipt of their consent.
    pub receipt: SignedReceipt,
    /// What the study is.
    pub plan: StudyPlan,
    /// The messages in the order of this participant.
    pub order: Vec<CreativeId>,
    /// Until when they may sit.
    pub until: Timestamp,
}

impl Studies {
    /// Somebody who was invited agrees and sits down. The invitation is used up, their record is made, their consent is in the
    /// ledger before anything is looked at.
    ///
    /// # Errors
    /// [`StudyError::BadInvitation`]; [`StudyError::Refused`], also with `consent_missing` for those who do not agree and
    /// `minor_protection` for those who are not of age; [`StudyError::Busy`].
    pub async fn sit_down(&self, text: &str, who: Participant) -> Result<Seated, StudyError> {
        let plan = self.invited(text).await?;
        let invitation: StudyInvitation = text.parse().map_err(|_| StudyError::BadInvitation)?;
        self.may_sit(who)?;
        if !self
            .store
            .spend_invitation(invitation.hash(), self.now())
            .await?
        {
            return Err(StudyError::BadInvitation);
        }
        // In their own hands: no template is made of a participant, and the site can open what they gave for the sums.
        let enrolled = self
            .custodian
            .enroll_into(false, Some(Custody::InPersonsHands))
            .await?;
        match self.agree_and_sit(plan, &enrolled.token).await {
            Ok((sitting, until, receipt, seat)) => {
                let seat = seat.lock().await;
                Ok(Seated {
                    sitting,
                    receipt,
                    plan: seat.plan.clone(),
                    order: seat.order.clone(),
                    until,
                    token: enrolled.token,
                })
            }
            Err(error) => {
                // Nobody sits: nothing is left of them either.
                if let Err(left) = self.custodian.erase(enrolled.person).await {
                    tracing::error!(error = %left, "the record of a participant who did not sit down is still there");
                }
                Err(error)
            }
        }
    }

    fn may_sit(&self, who: Participant) -> Result<(), StudyError> {
        if !who.agrees {
            return Err(StudyError::Refused(Refusal::new(
                RefusalCode::ConsentMissing,
                "whoever takes part in a study agrees to be looked at for it",
                "agree, or close the page: nothing was looked at",
            )));
        }
        if !who.is_adult {
            return Err(StudyError::Refused(Refusal::new(
                RefusalCode::MinorProtection,
                "whoever takes part in a study is of age",
                "close the page: nothing was looked at",
            )));
        }
        self.gate().may(false)?;
        self.tidy();
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.len() >= MAX_SITTINGS {
            return Err(StudyError::Busy);
        }
        Ok(())
    }

    async fn agree_and_sit(
        &self,
        plan: StudyPlan,
        token: &PersonToken,
    ) -> Result<(SittingId, Timestamp, SignedReceipt, SharedSeat), StudyError> {
        const PURPOSE: ConsentPurpose = ConsentPurpose::Research;
        let custodian = &self.custodian;
        let who = custodian.authenticate(&token.reveal()).await?;
        let offer = custodian.offer(who.person(), PURPOSE)?;
        let receipt = custodian.agree(&who, offer.id, GivenBy::Person, None);
        let receipt = receipt.await?;
        let consent = match custodian.ask(who.person(), PURPOSE).await? {
            Answer::Granted(consent) => consent,
            Answer::Refused(refusal) => return Err(StudyError::Refused(refusal)),
        };
        let grant = self
            .ask(|gate, now, rng| gate.sit(&consent, now, rng))
            .await?;
        let mut rng = Self::rng()?;
        let mut order: Vec<CreativeId> = plan.stimuli.iter().map(|one| one.id.clone()).collect();
        if plan.randomize {
            order.shuffle(&mut rng);
        }
        let until = grant.valid_until();
        let seat: SharedSeat = Arc::new(TurnMutex::new(Seat::new(plan, order, consent, grant)));
        let sitting = SittingId::random(&mut rng);
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.insert(sitting, (until, Arc::clone(&seat)));
        Ok((sitting, until, receipt, seat))
    }

    /// Ends sittings whose leave has ended: of consents that were taken back nothing is left here either.
    fn tidy(&self) {
        let now = self.now();
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|_, (until, seat)| {
            let is_live = seat.try_lock().map_or(true, |seat| seat.is_live_at(now));
            now < *until && is_live
        });
    }

    fn seat(&self, sitting: SittingId) -> Result<SharedSeat, StudyError> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, seat) = seats.get(&sitting).ok_or(StudyError::UnknownSitting)?;
        Ok(Arc::clone(seat))
    }

    /// The seat of a sitting whose leave holds, for one act at a time, in the order in which they come.
    async fn live(&self, sitting: SittingId) -> Result<OwnedMutexGuard<Seat>, StudyError> {
        let seat = self.seat(sitting)?.lock_owned().await;
        // Whoever waited for their turn may have got up meanwhile.
        if seat.is_live_at(self.now()) && self.goes_on(sitting) {
            return Ok(seat);
        }
        drop(seat);
        self.tidy();
        Err(StudyError::UnknownSitting)
    }

    /// Whether there is such a sitting.
    pub fn goes_on(&self, sitting: SittingId) -> bool {
        self.seat(sitting).is_ok()
    }

    /// Looks at a picture of a participant: JPEG, PNG, WebP, GIF or BMP. `taken_at` is what the camera's own clock says, in
    /// milliseconds.
    ///
    /// # Privacy
    /// The bytes are decoded in memory, looked at, and gone when it returns.
    ///
    /// # Errors
    /// [`StudyError::UnknownSitting`], [`StudyError::Looking`].
    pub async fn picture(
        &self,
        sitting: SittingId,
        bytes: Vec<u8>,
        taken_at: f64,
    ) -> Result<SittingSeen, StudyError> {
        let mut seat = self.live(sitting).await?;
        let now = self.now();
        let looked = self
            .recognizer
            .on_bench(move |bench| seat.look(bench, &bytes, (taken_at, now)));
        Ok(looked.await??)
    }

    /// Says what the participant sees from now on, by the clock that pictures are timed with.
    ///
    /// # Errors
    /// [`StudyError::UnknownSitting`], [`StudyError::OutOfTurn`].
    pub async fn mark(
        &self,
        sitting: SittingId,
        mark: SittingMark,
        at_millis: f64,
    ) -> Result<SittingSeen, StudyError> {
        let mut seat = self.live(sitting).await?;
        // The end of a message goes through all frames of it in search of movements.
        let marked = tokio::task::spawn_blocking(move || {
            let is_tried_out = seat.mark(mark, at_millis);
            (seat, is_tried_out)
        });
        let (mut seat, is_tried_out) = marked.await.map_err(|_| StudyError::Ended)?;
        if is_tried_out? {
            self.look_for_movements(&mut seat).await;
        }
        if let Some(refusal) = seat.take_untold() {
            self.tell_refusal(&refusal).await;
        }
        Ok(seat.seen(0))
    }

    /// Asks the gate for movements of a fraction of a second where the study wants them; without leave the rest goes on.
    async fn look_for_movements(&self, seat: &mut Seat) {
        let asked = match seat.movement_question() {
            None => return,
            Some(asked) => {
                let consent = seat.consent.clone();
                self.ask(|gate, now, rng| gate.ask(&consent, asked, now, rng))
                    .await
            }
        };
        seat.movements_answered(asked.map_err(|error| match error {
            StudyError::Refused(refusal) => Some(refusal),
            other => {
                tracing::error!(error = %other, "leave for movements could not be asked for");
                None
            }
        }));
    }

    /// Has the ledger say that movements were refused during a message.
    async fn tell_refusal(&self, refusal: &Refusal) {
        let entries = self.gate().note(refusal, self.now());
        if entries.is_empty() {
            return;
        }
        // What was refused was not done: where the ledger cannot be written, the sitting ends of that, and not of this.
        if self.scribe.note(entries).await.is_err() {
            tracing::error!(
                code = refusal.code.as_str(),
                "a refusal in a study could not be recorded"
            );
        }
    }

    /// Takes down what a participant answered about a message.
    ///
    /// # Errors
    /// [`StudyError::UnknownSitting`], [`StudyError::OutOfTurn`] before the message was seen, [`StudyError::Answer`].
    pub async fn answer(
        &self,
        sitting: SittingId,
        creative: &CreativeId,
        answers: Answers,
    ) -> Result<(), StudyError> {
        self.live(sitting).await?.answer(creative, answers)
    }

    /// The participant gets up: what was measured and answered is sealed under their key. Whether there was anything to keep.
    ///
    /// # Errors
    /// [`StudyError::UnknownSitting`], also where they took their consent back meanwhile: then nothing is kept.
    pub async fn get_up(&self, sitting: SittingId) -> Result<bool, StudyError> {
        let seat = self.live(sitting).await?;
        let Some(given) = seat.sitting() else {
            self.give_up(sitting);
            return Ok(false);
        };
        let plain = regard_commitments::Zeroizing::new(
            serde_json::to_vec(&given).map_err(|_| StudyError::Ended)?,
        );
        self.custodian
            .put_sitting(&seat.consent, &seat.plan.id, &plain)
            .await?;
        if let Some((found, leave)) = seat.moved() {
            let kept = self
                .custodian
                .put_movements(&seat.consent, &seat.plan.id, (&found, leave));
            kept.await?;
        }
        // Only now: where the store fails, they may get up once more.
        self.give_up(sitting);
        Ok(true)
    }

    /// Ends a sitting without anything being kept of it.
    pub fn give_up(&self, sitting: SittingId) {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.remove(&sitting);
    }
}
