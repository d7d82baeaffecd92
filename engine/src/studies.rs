//! Studies as they run: participants are invited, agree, sit down before their own camera, look, answer; what they gave is
//! added up, for as long as they agree.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use regard_backends::{InvitationRow, Invited, Store, StoreError, StudyRow};
use regard_commitments::{
    Answer, MovementSums, Profile, Refusal, RefusalCode, RetentionGate, Ruled, SealedMovements,
    StudyGate, StudyInvitation,
};
use regard_domain::{Clock, CreativeId, SittingId, StudyId, Timestamp};
use regard_evaluation::{
    Band, Curve, MIN_PARTICIPANTS, MovementRefusals, PlanFault, Sitting, StudyPlan, StudyResult,
    analyze_study,
};
use thiserror::Error;

use crate::custody::{Custodian, CustodyError, MOVEMENTS_KIND, SITTING_KIND, Scribe};
use crate::recognition::{RecognitionError, Recognizer};
use crate::seed::fresh_rng;

mod acts;
mod seat;

pub use acts::{Participant, Seated};
pub use seat::{AnsweredWrong, MovementStanding, SittingMark, SittingSeen};

use seat::SharedSeat;

/// Invitations made at once: a panel.
pub const MAX_INVITATIONS: usize = 1_000;

/// Studies that are kept at once.
const MAX_STUDIES: usize = 200;

/// How long an invitation is good where nothing is said.
pub const INVITATION_PERIOD: Duration = Duration::from_secs(30 * 86_400);

/// Sittings at once: each sends what its camera gives, 30 to 120 pictures a second. When full, whoever comes is asked to come again.
const MAX_SITTINGS: usize = 32;

/// Why something about a study was not done. No message names anyone.
#[derive(Debug, Error)]
pub enum StudyError {
    /// A rule says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// What belongs to persons.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// A picture.
    #[error(transparent)]
    Looking(#[from] RecognitionError),
    /// The store failed.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// The plan; every mistake is listed.
    #[error("the plan has {} mistakes", .0.len())]
    Plan(Vec<PlanFault>),
    /// There is no such study.
    #[error("there is no study {0}")]
    Unknown(StudyId),
    /// There is a study of that name already.
    #[error("there is a study {0} already")]
    Exists(StudyId),
    /// It is closed.
    #[error("study {0} is closed")]
    Closed(StudyId),
    /// As many studies as are kept.
    #[error("there are {MAX_STUDIES} studies already")]
    TooMany,
    /// More invitations at once than are made.
    #[error("{n} invitations at once, and 1 to {MAX_INVITATIONS} are made")]
    Invitations {
        /// How many were asked for.
        n: usize,
    },
    /// The invitation was never made, was used, has run out, or is to a study that is closed.
    #[error("the invitation is not good, or not any more")]
    BadInvitation,
    /// There is no such sitting: it is over, or never was.
    #[error("there is no sitting of that name that goes on")]
    UnknownSitting,
    /// As many sit as there is room for.
    #[error("as many participants sit as there is room for")]
    Busy,
    /// What was said of the sitting does not fit to where it is.
    #[error("the sitting is not where that says")]
    OutOfTurn,
    /// An answer that fits no question.
    #[error("an answer fits no question of the study")]
    Answer(#[from] AnsweredWrong),
    /// A stored plan.
    #[error("the plan of study {0} is damaged")]
    Damaged(StudyId),
    /// The work ended before its time.
    #[error("the report was not made to its end")]
    Ended,
}

impl From<Refusal> for StudyError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A study as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyNote {
    /// What it is.
    pub plan: StudyPlan,
    /// Whether participants may still sit down.
    pub is_open: bool,
    /// When it was set up.
    pub at: Timestamp,
    /// How many were invited.
    pub invited: Invited,
}

/// Movements that were spotted of one participant: how many, by their probabilities, in each step of each message.
type MovedByMessage = BTreeMap<CreativeId, Curve>;

/// A study, added up.
#[derive(Debug)]
pub struct StudyReport {
    /// What was attended to, shown and said.
    pub result: StudyResult,
    /// Movements of a fraction of a second, a step, by message; where the study wants them and enough participants gave some.
    pub movements: Option<MovementSums<Vec<(CreativeId, Band)>>>,
    /// Participants of whom they were not looked for, or not throughout.
    pub refused_movements: MovementRefusals,
}

/// What is behind the studies.
pub(crate) struct StudiesParts {
    pub(crate) gate: StudyGate,
    pub(crate) custodian: Arc<Custodian>,
    pub(crate) recognizer: Arc<Recognizer>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) retention: RetentionGate,
    pub(crate) profile: Profile,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scribe: Scribe,
}

/// The studies of the site.
///
/// # Privacy
/// Looks at participants in pictures that they hand in themselves, each under their consent to research, and keeps no picture.
/// What they gave is sealed under their own key; only sums over enough of them come out.
pub struct Studies {
    gate: Mutex<StudyGate>,
    custodian: Arc<Custodian>,
    recognizer: Arc<Recognizer>,
    store: Arc<dyn Store>,
    retention: RetentionGate,
    profile: Profile,
    clock: Arc<dyn Clock>,
    scribe: Scribe,
    /// Each with when its leave ends.
    seats: Mutex<BTreeMap<SittingId, (Timestamp, SharedSeat)>>,
    /// Held while studies are changed, so that of two changes none is lost.
    changing: tokio::sync::Mutex<()>,
}

impl Studies {
    pub(crate) fn new(parts: StudiesParts) -> Self {
        Self {
            gate: Mutex::new(parts.gate),
            custodian: parts.custodian,
            recognizer: parts.recognizer,
            store: parts.store,
            retention: parts.retention,
            profile: parts.profile,
            clock: parts.clock,
            scribe: parts.scribe,
            seats: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn rng() -> Result<StdRng, StudyError> {
        Ok(fresh_rng().map_err(RecognitionError::NoEntropy)?)
    }

    fn gate(&self) -> MutexGuard<'_, StudyGate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the gate, and has the ledger say what it answered before anything comes of it.
    async fn ask<T>(
        &self,
        question: impl FnOnce(&mut StudyGate, Timestamp, &mut StdRng) -> Ruled<Answer<T>>,
    ) -> Result<T, StudyError> {
        let mut rng = Self::rng()?;
        let Ruled { outcome, entries } = question(&mut self.gate(), self.now(), &mut rng);
        if !entries.is_empty() {
            self.scribe.note(entries).await.map_err(|_| {
                Refusal::new(
                    RefusalCode::LedgerUnavailable,
                    "the ledger cannot be written, and what cannot be recorded is not done",
                    "make room on the disk, or see in health why not",
                )
            })?;
        }
        match outcome {
            Answer::Granted(leave) => Ok(leave),
            Answer::Refused(refusal) => Err(StudyError::Refused(refusal)),
        }
    }

    /// The ledger can be written, or cannot: then nobody is looked at, and what runs ends.
    pub(crate) fn ledger_writable(&self, is_writable: bool) {
        if is_writable {
            self.gate().ledger_available();
        } else {
            self.gate().ledger_unavailable();
        }
    }

    /// Ends the writing of entries.
    pub(crate) fn stop(&self) {
        self.scribe.close();
    }

    /// Sets a study up.
    ///
    /// # Errors
    /// [`StudyError::Plan`] with every mistake; [`StudyError::Exists`]; [`StudyError::Refused`] where the site may not look at
    /// participants, or where fewer than five are to be told of outside of a laboratory.
    pub async fn make(&self, plan: &StudyPlan) -> Result<(), StudyError> {
        let faults = plan.faults();
        if !faults.is_empty() {
            return Err(StudyError::Plan(faults));
        }
        self.gate().may(plan.movements.is_some())?;
        if plan.min_participants < MIN_PARTICIPANTS && self.profile.name() != "lab" {
            return Err(StudyError::Refused(Refusal::new(
                RefusalCode::FeatureNotInProfile,
                format!(
                    "min_participants is {}, and profile {} tells of no fewer than {MIN_PARTICIPANTS}",
                    plan.min_participants,
                    self.profile.name()
                ),
                format!("say {MIN_PARTICIPANTS} or more, or run under profile lab with volunteers"),
            )));
        }
        let _order = self.changing.lock().await;
        let known = self.store.studies().await?;
        if known.iter().any(|row| row.study == plan.id) {
            return Err(StudyError::Exists(plan.id.clone()));
        }
        if known.len() >= MAX_STUDIES {
            return Err(StudyError::TooMany);
        }
        self.put(plan, true, self.now()).await
    }

    async fn put(&self, plan: &StudyPlan, is_open: bool, at: Timestamp) -> Result<(), StudyError> {
        let text = serde_json::to_string(plan).map_err(|_| StudyError::Damaged(plan.id.clone()))?;
        let row = StudyRow {
            study: plan.id.clone(),
            plan: text,
            is_open,
            at,
        };
        let kept = self.retention.keep(row, self.now()).into_result()?;
        Ok(self.store.put_study(&kept).await?)
    }

    async fn row(&self, study: &StudyId) -> Result<(StudyRow, StudyPlan), StudyError> {
        let rows = self.store.studies().await?;
        let row = rows.into_iter().find(|row| row.study == *study);
        let row = row.ok_or_else(|| StudyError::Unknown(study.clone()))?;
        let plan = plan_of(&row)?;
        Ok((row, plan))
    }

    /// All studies, in order of name.
    ///
    /// # Errors
    /// [`StudyError`].
    pub async fn list(&self) -> Result<Vec<StudyNote>, StudyError> {
        let mut notes = Vec::new();
        for row in self.store.studies().await? {
            notes.push(self.noted(plan_of(&row)?, &row).await?);
        }
        Ok(notes)
    }

    async fn noted(&self, plan: StudyPlan, row: &StudyRow) -> Result<StudyNote, StudyError> {
        Ok(StudyNote {
            invited: self.store.invited(&row.study).await?,
            plan,
            is_open: row.is_open,
            at: row.at,
        })
    }

    /// A study as it stands.
    ///
    /// # Errors
    /// [`StudyError::Unknown`].
    pub async fn study(&self, study: &StudyId) -> Result<StudyNote, StudyError> {
        let (row, plan) = self.row(study).await?;
        self.noted(plan, &row).await
    }

    /// Makes invitations, each good once. The site keeps their hashes alone.
    ///
    /// # Errors
    /// [`StudyError::Unknown`], [`StudyError::Closed`], [`StudyError::Invitations`].
    pub async fn invite(
        &self,
        study: &StudyId,
        n: usize,
        good_for: Duration,
    ) -> Result<Vec<StudyInvitation>, StudyError> {
        if !(1..=MAX_INVITATIONS).contains(&n) {
            return Err(StudyError::Invitations { n });
        }
        let (row, plan) = self.row(study).await?;
        if !row.is_open {
            return Err(StudyError::Closed(study.clone()));
        }
        self.gate().may(plan.movements.is_some())?;
        let (now, mut rng) = (self.now(), Self::rng()?);
        let made: Vec<StudyInvitation> =
            (0..n).map(|_| StudyInvitation::random(&mut rng)).collect();
        let mut rows = Vec::with_capacity(n);
        for one in &made {
            let row = InvitationRow {
                token: one.hash(),
                study: study.clone(),
                at: now,
            };
            let kept = self.retention.keep(row, now).into_result()?;
            rows.push(kept.no_later_than(now.plus(good_for)));
        }
        self.store.put_invitations(&rows).await?;
        Ok(made)
    }

    /// Closes a study: nobody sits down any more. Those who sit go on, and the report stays.
    ///
    /// # Errors
    /// [`StudyError::Unknown`].
    pub async fn close(&self, study: &StudyId) -> Result<(), StudyError> {
        let _order = self.changing.lock().await;
        let (row, plan) = self.row(study).await?;
        self.put(&plan, false, row.at).await
    }

    /// Adds a study up, over those whose consent holds now: whoever withdrew or erased their record a moment ago is not in it. Movements of a
    /// fraction of a second are opened only where they are to be shown.
    ///
    /// # Errors
    /// [`StudyError::Unknown`].
    pub async fn report(
        &self,
        study: &StudyId,
        with_movements: bool,
    ) -> Result<StudyReport, StudyError> {
        let (_, plan) = self.row(study).await?;
        let records = self.custodian.study_records(SITTING_KIND, study).await?;
        let mut sittings = Vec::with_capacity(records.len());
        for record in &records {
            // What does not open any more was destroyed between the reads.
            let Ok(plain) = record
                .key
                .open(&record.place(SITTING_KIND, study), &record.body)
            else {
                continue;
            };
            let sitting: Sitting = serde_json::from_slice(&plain)
                .map_err(|_| StudyError::Custody(CustodyError::Damaged))?;
            if record.consent.is_live_at(self.now()) {
                sittings.push(sitting);
            }
        }
        let movements = match plan.movements.filter(|_| with_movements) {
            Some(_) => self.movements(&plan).await?,
            None => None,
        };
        let refused_movements = MovementRefusals::of(&sittings);
        let made = tokio::task::spawn_blocking(move || analyze_study(&plan, &sittings));
        Ok(StudyReport {
            result: made.await.map_err(|_| StudyError::Ended)?,
            movements,
            refused_movements,
        })
    }

    /// Movements of a fraction of a second by message, as bands over participants.
    async fn movements(
        &self,
        plan: &StudyPlan,
    ) -> Result<Option<MovementSums<Vec<(CreativeId, Band)>>>, StudyError> {
        let records = self
            .custodian
            .study_records(MOVEMENTS_KIND, &plan.id)
            .await?;
        let sealed: Vec<SealedMovements<'_>> = records
            .iter()
            .map(|record| SealedMovements {
                consent: &record.consent,
                key: &record.key,
                place: record.place(MOVEMENTS_KIND, &plan.id),
                body: &record.body,
            })
            .collect();
        let least = plan.min_participants;
        let bands = |found: &[MovedByMessage]| {
            let of = |creative: &CreativeId| {
                let curves: Vec<&Curve> =
                    found.iter().filter_map(|one| one.get(creative)).collect();
                // How much somebody moves has no bound.
                Band::over(&curves, least, None)
            };
            let stimuli = plan.stimuli.iter();
            stimuli.map(|one| (one.id.clone(), of(&one.id))).collect()
        };
        let summed = self
            .gate()
            .sum_movements(&sealed, (least, self.now()), bands);
        Ok(summed.granted().flatten())
    }

    /// The study that an invitation is to, while it is good.
    ///
    /// # Errors
    /// [`StudyError::BadInvitation`], whatever is wrong with it.
    pub async fn invited(&self, text: &str) -> Result<StudyPlan, StudyError> {
        let invitation: StudyInvitation = text.parse().map_err(|_| StudyError::BadInvitation)?;
        let study = self.store.invitation(invitation.hash(), self.now()).await?;
        let study = study.ok_or(StudyError::BadInvitation)?;
        let (row, plan) = self.row(&study).await?;
        row.is_open.then_some(plan).ok_or(StudyError::BadInvitation)
    }

    /// Why no participant could be looked at now; without movements of a fraction of a second the rest goes on.
    pub fn refusal(&self) -> Option<Refusal> {
        self.gate().may(false).err()
    }
}

fn plan_of(row: &StudyRow) -> Result<StudyPlan, StudyError> {
    serde_json::from_str(&row.plan).map_err(|_| StudyError::Damaged(row.study.clone()))
}
