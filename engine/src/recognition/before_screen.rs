//! Recognition before a camera of the site itself, after an act there: a face token that is held up, or standing on the marked
//! place. What is gathered are cues of a living face and nothing that is asked for: good for a message, not for an assertion.

use std::time::Duration;

use regard_commitments::{ActKind, ConsentPurpose, Grant, Liveness, RecognitionKind, Sensing};
use regard_domain::Timestamp;
use regard_vision::LivenessFault;

use super::attempts::{Attempt, AttemptOutcome, outcome_of};
use super::capture::Gathered;
use super::going::{CaptureOutcome, Goal};
use super::{Claim, RecognitionError, Recognizer};
use crate::spot::{SpotAct, SpotGathered};

/// Somebody acted before a camera, and leave was given to look whether it is them.
pub(crate) struct Approached(Goal);

impl Approached {
    /// The leave under which their face may be cut out.
    pub(crate) fn sensing(&self) -> Grant<Sensing> {
        self.0.sensing().clone()
    }
}

/// What kind of recognition an act is the beginning of.
pub(crate) const fn kind_of(act: &SpotAct) -> RecognitionKind {
    match act {
        SpotAct::Shown(_) => RecognitionKind::Verify,
        SpotAct::Stood => RecognitionKind::Identify,
    }
}

impl Recognizer {
    /// Loads what embeds faces, so that the first who comes does not wait for it.
    pub(crate) async fn warm(&self) {
        let loaded = self.studio.work(super::Bench::load_embedder).await;
        if !matches!(loaded, Ok(Ok(()))) {
            tracing::warn!(
                "the face network could not be loaded; nobody is recognised before a screen"
            );
        }
    }

    /// Asks for leave to look whether whoever acted is the one who agreed.
    ///
    /// # Errors
    /// [`RecognitionError`]; a refusal without a living consent to `personalise`, before any face is looked at: nothing else
    /// is to come of it.
    pub(crate) async fn approach(&self, act: &SpotAct) -> Result<Approached, RecognitionError> {
        match act {
            SpotAct::Shown(text) => {
                let target = self.config.verify_fmr;
                let goal = self
                    .verify_goal(Claim::FaceToken(text), target, None)
                    .await?;
                if let Goal::Verify { claimed, .. } = &goal {
                    let person = claimed.consent.person();
                    let asked = self.custodian.ask(person, ConsentPurpose::Personalize);
                    asked.await?.into_result()?;
                }
                Ok(Approached(goal))
            }
            SpotAct::Stood => {
                let act = self.act(ActKind::Spot).await?;
                let goal = self.identify_goal(Some(act.id), self.config.identify_fpir);
                goal.await.map(Approached)
            }
        }
    }

    /// What it comes to with what was gathered under that leave.
    ///
    /// # Errors
    /// [`RecognitionError`].
    pub(crate) async fn arrive(
        &self,
        approached: Approached,
        gathered: SpotGathered,
    ) -> Result<CaptureOutcome, RecognitionError> {
        let liveness = if gathered.faults.is_empty() {
            Liveness::Passed
        } else {
            Liveness::Failed
        };
        let gathered = Gathered {
            liveness,
            faults: gathered.faults,
            challenges: &[],
            quality: None,
            best: gathered.chips,
            later: Vec::new(),
        };
        self.ended(approached.0, gathered).await
    }

    /// Notes what came of an act before a camera, what spoke against a living face, and how long that took.
    pub(crate) fn note_act(
        &self,
        kind: RecognitionKind,
        came_to: Result<AttemptOutcome, &RecognitionError>,
        faults: Vec<LivenessFault>,
        (acted_at, now): (Timestamp, Timestamp),
    ) {
        let took: Duration = now.saturating_since(acted_at);
        self.attempts.note(Attempt {
            at: now,
            kind,
            outcome: came_to.unwrap_or_else(outcome_of),
            faults,
            took: Some(took),
        });
    }
}
