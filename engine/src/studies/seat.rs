//! One participant before their camera: what is on, what was seen, what was answered. In memory alone, until they get up.

use std::collections::BTreeMap;
use std::sync::Arc;

use regard_commitments::{
    Grant, LiveConsent, MeasuredRate, MicroExpressions, MovementClaim, Refusal, Sensing, StudyOnly,
};
use regard_domain::{CreativeId, Expression, ExpressionDistribution, Face, Timestamp};
use regard_evaluation::{
    Answers, Curve, GRID_MILLIS, Glance, Neutral, Recorder, SITTING_FORMAT, Sitting, StudyPlan,
    Watched,
};
use regard_vision::{AnalysisError, FaceMesh, MicroSpotter, Photo, RgbView};
use thiserror::Error;
use tokio::sync::Mutex as TurnMutex;

use super::{MovedByMessage, StudyError};
use crate::recognition::{Bench, RecognitionError, StudioError};

/// How often expression is read, in milliseconds. Origin: ten times a second, as for audiences.
const EXPRESSION_EVERY_MILLIS: f64 = 95.0;

/// Times of frames that a rate is measured over: two seconds at a hundred a second.
const MAX_TIMES: usize = 240;

/// Readings at rest below which there is no neutral to relate to.
const MIN_NEUTRAL_READINGS: u32 = 3;

/// Part of a message that must have been on for it to count as seen to its end.
const MIN_SEEN: f64 = 0.9;

/// Pictures of one sitting: two hours at 120 a second. Further ones are not looked at.
const MAX_PICTURES: u32 = 864_000;

/// One participant, at whom one picture at a time is looked.
pub(super) type SharedSeat = Arc<TurnMutex<Seat>>;

/// An answer that fits no question of the study, or a message that was not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the answer fits no question, or is out of its range")]
pub struct AnsweredWrong;

/// What is on from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SittingMark {
    /// The camera is tried out.
    Check,
    /// It was tried out: the rate of its frames is measured now.
    Checked,
    /// The rest before the first message.
    Rest,
    /// A message.
    Message(CreativeId),
    /// What was on is over.
    End,
}

/// How it stands with movements of a fraction of a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovementStanding {
    /// The study does not want them.
    NotAsked,
    /// The camera was not tried out yet.
    Unknown,
    /// They are looked for.
    Granted,
    /// They are not, and the rest goes on.
    Refused(Refusal),
}

/// What a picture or a mark came to, for the participant.
#[derive(Clone, Debug, PartialEq)]
pub struct SittingSeen {
    /// Faces in the picture; 0 for a mark.
    pub n_faces: usize,
    /// Frames a second that can be counted on, once measured.
    pub frames_per_sec: Option<f64>,
    /// Whether enough was seen at rest.
    pub has_neutral: bool,
    /// Messages seen to their end.
    pub n_watched: usize,
    /// How it stands with movements of a fraction of a second.
    pub movements: MovementStanding,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Between,
    Check,
    Rest { began: f64 },
    Message { creative: CreativeId, began: f64 },
}

/// One participant before their camera.
///
/// # Privacy
/// Numbers about one face, in memory; no picture. Dies with the consent.
pub(super) struct Seat {
    pub(super) plan: StudyPlan,
    pub(super) order: Vec<CreativeId>,
    pub(super) consent: LiveConsent,
    grant: Grant<Sensing>,
    part: Part,
    recorder: Recorder,
    neutral: Neutral,
    /// When the last frames were taken, by the participant's clock.
    times: Vec<Timestamp>,
    rate: Option<MeasuredRate>,
    expression_at: f64,
    /// Our own time at the last picture.
    last_now: Timestamp,
    n_pictures: u32,
    n_shown: usize,
    watched: BTreeMap<CreativeId, Watched>,
    movements: MovementStanding,
    micro: Option<MicroExpressions>,
    /// Watches for them during a message.
    spotter: Option<MicroSpotter>,
    moved: MovedByMessage,
    /// Messages during which frames came too slowly for movements, though they had come fast enough before.
    slowed: Vec<CreativeId>,
    /// Why, until the ledger is told.
    untold: Option<Refusal>,
}

/// A smile, and a smile less the four unpleasant expressions: what a face shows, not what anybody feels.
fn smile_and_valence(shown: &ExpressionDistribution) -> (f32, f32) {
    let smile = shown.probability(Expression::Happy);
    let unpleasant = [
        Expression::Sad,
        Expression::Angry,
        Expression::Fearful,
        Expression::Disgusted,
    ];
    let against: f32 = unpleasant.iter().map(|one| shown.probability(*one)).sum();
    (smile, smile - against)
}

impl Seat {
    pub(super) fn new(
        plan: StudyPlan,
        order: Vec<CreativeId>,
        consent: LiveConsent,
        grant: Grant<Sensing>,
    ) -> Self {
        let movements = match plan.movements {
            Some(_) => MovementStanding::Unknown,
            None => MovementStanding::NotAsked,
        };
        Self {
            plan,
            order,
            consent,
            grant,
            part: Part::Between,
            recorder: Recorder::default(),
            neutral: Neutral::default(),
            times: Vec::new(),
            rate: None,
            expression_at: f64::NEG_INFINITY,
            last_now: Timestamp::from_micros(0),
            n_pictures: 0,
            n_shown: 0,
            watched: BTreeMap::new(),
            movements,
            micro: None,
            spotter: None,
            moved: MovedByMessage::new(),
            slowed: Vec::new(),
            untold: None,
        }
    }

    pub(super) fn is_live_at(&self, now: Timestamp) -> bool {
        self.grant.is_live_at(now) && self.consent.is_live_at(now)
    }

    pub(super) fn seen(&self, n_faces: usize) -> SittingSeen {
        SittingSeen {
            n_faces,
            frames_per_sec: self.rate.map(MeasuredRate::frames_per_sec),
            has_neutral: self.neutral.n_readings >= MIN_NEUTRAL_READINGS,
            n_watched: self.watched.len(),
            movements: self.movements.clone(),
        }
    }

    /// Looks at one picture. Of several faces the largest is the participant's; of the others nothing is read.
    pub(super) fn look(
        &mut self,
        bench: &mut Bench,
        bytes: &[u8],
        (taken_at, now): (f64, Timestamp),
    ) -> Result<SittingSeen, RecognitionError> {
        self.n_pictures += 1;
        if self.n_pictures > MAX_PICTURES {
            return Err(RecognitionError::TooManyPictures);
        }
        let time = time_of(taken_at).ok_or(RecognitionError::ClockSkew)?;
        self.last_now = now;
        let photo = Photo::from_bytes(bytes)?;
        let failed = |error: AnalysisError| RecognitionError::Studio(StudioError::from(error));
        let ended = || failed(AnalysisError::GrantEnded);
        let count = self.grant.count().ok_or_else(ended)?;
        let frame = photo.view();
        let mut faces = bench.analyzer.detect(frame, &count).map_err(failed)?;
        faces.sort_by(|a, b| b.bbox_in_frame.area().total_cmp(&a.bbox_in_frame.area()));
        let n_faces = faces.len();
        faces.truncate(1);
        if self.part == Part::Check {
            self.note_time(time);
        }
        let mut glance = Glance {
            at_millis: taken_at,
            attention: None,
            smile_and_valence: None,
        };
        let is_before_message = matches!(self.part, Part::Message { .. });
        if faces.is_empty() && is_before_message {
            // Nobody before the screen attends to it.
            glance.attention = Some(0.0);
            if let Some(spotter) = &mut self.spotter {
                spotter.lose();
            }
        } else if !faces.is_empty() && self.part != Part::Between {
            // Between messages, at the questions, nothing is read: it would be kept for nothing.
            self.read(bench, (frame, time), &faces, &mut glance)
                .map_err(failed)?;
        }
        // Taken back while it was looked at: nothing comes of it.
        if !self.is_live_at(now) {
            return Err(ended());
        }
        self.record(glance);
        Ok(self.seen(n_faces))
    }

    /// Reads the participant's face: where it is turned, now and then what it shows, and what moves in it where that was let.
    fn read(
        &mut self,
        bench: &mut Bench,
        (frame, time): (RgbView<'_>, Timestamp),
        faces: &[Face],
        glance: &mut Glance,
    ) -> Result<(), AnalysisError> {
        let analyzer = &mut bench.analyzer;
        let attention = self.grant.attention().ok_or(AnalysisError::GrantEnded)?;
        let meshes = analyzer.meshes(frame, faces, &attention)?;
        let mesh = meshes.into_iter().flatten().next();
        let quick = || analyzer.quick_head_pose(faces.first()?, &attention);
        let pose = mesh.as_ref().and_then(FaceMesh::head_pose).or_else(quick);
        glance.attention = pose.map(|pose| analyzer.attention(&pose, &attention).get());
        if let Some(spotter) = &mut self.spotter {
            spotter.see(frame, time, mesh.as_ref())?;
        }
        let is_due = glance.at_millis - self.expression_at >= EXPRESSION_EVERY_MILLIS;
        if let Some(key) = self.grant.expression().filter(|_| is_due) {
            let shown = analyzer.expressions(frame, faces, &key)?;
            glance.smile_and_valence = shown.first().map(smile_and_valence);
            self.expression_at = glance.at_millis;
        }
        Ok(())
    }

    fn note_time(&mut self, time: Timestamp) {
        if self.times.len() >= MAX_TIMES {
            self.times.remove(0);
        }
        self.times.push(time);
    }

    fn record(&mut self, glance: Glance) {
        let began = match &self.part {
            Part::Between | Part::Check => return,
            Part::Rest { began } | Part::Message { began, .. } => *began,
        };
        self.recorder.add(Glance {
            at_millis: glance.at_millis - began,
            ..glance
        });
    }

    /// Goes on to what is on now; whether the camera was tried out.
    pub(super) fn mark(&mut self, mark: SittingMark, at: f64) -> Result<bool, StudyError> {
        if !at.is_finite() {
            return Err(StudyError::OutOfTurn);
        }
        match (mark, self.part.clone()) {
            (SittingMark::Check, Part::Between | Part::Check) => {
                self.times.clear();
                self.part = Part::Check;
            }
            (SittingMark::Checked, Part::Check) => {
                self.rate = MeasuredRate::of(&self.times);
                self.part = Part::Between;
                return Ok(true);
            }
            (SittingMark::Rest, Part::Between) if self.n_shown == 0 => {
                self.begin(Part::Rest { began: at });
            }
            (SittingMark::End, Part::Rest { .. }) => {
                self.neutral = self.recorder.neutral();
                self.part = Part::Between;
            }
            (SittingMark::Message(creative), Part::Between)
                if self.order.get(self.n_shown) == Some(&creative) =>
            {
                self.n_shown += 1;
                self.spotter = self.micro.as_ref().map(MicroSpotter::new);
                self.begin(Part::Message {
                    creative,
                    began: at,
                });
            }
            (SittingMark::End, Part::Message { creative, began }) => {
                self.part = Part::Between;
                self.end_movements(&creative, (began, at));
                self.end_message(creative, at - began);
            }
            _ => return Err(StudyError::OutOfTurn),
        }
        Ok(false)
    }

    fn begin(&mut self, part: Part) {
        self.recorder = Recorder::default();
        self.part = part;
    }

    fn end_message(&mut self, creative: CreativeId, lasted: f64) {
        let Some(stimulus) = self.plan.stimulus(&creative) else {
            return;
        };
        if lasted >= MIN_SEEN * f64::from(stimulus.duration_millis) {
            let watched = self
                .recorder
                .watched(stimulus.duration_millis, &self.neutral);
            self.watched.insert(creative, watched);
        }
    }

    /// What was spotted during a message, by step; of a message during which frames came too slowly nothing.
    fn end_movements(&mut self, creative: &CreativeId, (began, ended): (f64, f64)) {
        let (Some(spotter), Some(key)) = (self.spotter.take(), &self.micro) else {
            return;
        };
        let found = match spotter.spotted() {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(refusal) => {
                self.slowed.push(creative.clone());
                self.untold = Some(refusal);
                return;
            }
        };
        let (Some(began), Some(ended)) = (time_of(began), time_of(ended)) else {
            return;
        };
        let Some(report) = found.open(key, self.last_now) else {
            return;
        };
        let Some(stimulus) = self.plan.stimulus(creative) else {
            return;
        };
        let mut steps = vec![Some(0.0); Curve::n_steps(stimulus.duration_millis)];
        for movement in &report.movements {
            let is_in = began <= movement.apex && movement.apex < ended;
            let after = movement.apex.saturating_since(began).as_millis();
            let step = usize::try_from(after / u128::from(GRID_MILLIS)).unwrap_or(usize::MAX);
            if let Some(sum) = steps
                .get_mut(step)
                .and_then(Option::as_mut)
                .filter(|_| is_in)
            {
                *sum += movement.probability;
            }
        }
        self.moved.insert(creative.clone(), Curve(steps));
    }

    /// The refusal that the last message met, once: the ledger is to be told.
    pub(super) fn take_untold(&mut self) -> Option<Refusal> {
        self.untold.take()
    }

    /// Movements that were spotted, closed under the leave of this sitting, and that leave.
    pub(super) fn moved(&self) -> Option<(StudyOnly<MovedByMessage>, &MicroExpressions)> {
        let key = self.micro.as_ref()?;
        let kept: MovedByMessage = self
            .moved
            .iter()
            .filter(|(creative, _)| self.watched.contains_key(*creative))
            .map(|(creative, curve)| (creative.clone(), curve.clone()))
            .collect();
        (!kept.is_empty()).then(|| (key.found(kept), key))
    }

    pub(super) fn answer(
        &mut self,
        creative: &CreativeId,
        answers: Answers,
    ) -> Result<(), StudyError> {
        let plan = &self.plan;
        if !answers
            .iter()
            .all(|(question, answer)| answer.fits(plan, question))
        {
            return Err(StudyError::Answer(AnsweredWrong));
        }
        let is_shown = self
            .order
            .iter()
            .take(self.n_shown)
            .any(|one| one == creative);
        if !is_shown || matches!(&self.part, Part::Message { creative: on, .. } if on == creative) {
            return Err(StudyError::OutOfTurn);
        }
        // Of a message that was not seen to its end nothing is kept, what was answered neither.
        if let Some(watched) = self.watched.get_mut(creative) {
            watched.answers = answers;
        }
        Ok(())
    }

    /// What is to be asked of the gate about movements: the claim, and how fast frames come where enough came to say.
    pub(super) fn movement_question(&self) -> Option<(MovementClaim, Option<MeasuredRate>)> {
        let wish = self.plan.movements?;
        let shortest = std::time::Duration::from_millis(u64::from(wish.shortest_millis));
        let claim = MovementClaim::from(shortest)?;
        Some((claim, self.rate))
    }

    pub(super) fn movements_answered(&mut self, answer: Result<MicroExpressions, Option<Refusal>>) {
        self.movements = match answer {
            Ok(leave) => {
                self.micro = Some(leave);
                MovementStanding::Granted
            }
            Err(Some(refusal)) => MovementStanding::Refused(refusal),
            Err(None) => MovementStanding::Unknown,
        };
    }

    /// What is kept of it; nothing where no message was seen to its end.
    pub(super) fn sitting(&self) -> Option<Sitting> {
        if self.watched.is_empty() {
            return None;
        }
        Some(Sitting {
            format: SITTING_FORMAT,
            study: self.plan.id.clone(),
            order: self.order.clone(),
            frames_per_sec: self.rate.map_or(0.0, |rate| rate.frames_per_sec() as f32),
            neutral: self.neutral,
            watched: self.watched.clone(),
            movements_refused: match &self.movements {
                MovementStanding::Refused(refusal) => Some(refusal.code.to_string()),
                MovementStanding::NotAsked
                | MovementStanding::Unknown
                | MovementStanding::Granted => None,
            },
            slowed: self
                .slowed
                .iter()
                .filter(|creative| self.watched.contains_key(*creative))
                .cloned()
                .collect(),
        })
    }
}

/// An instant of a camera's clock; nothing for what is no time.
fn time_of(millis: f64) -> Option<Timestamp> {
    /// A hundred million years, which a sum of two still fits.
    const MOST: f64 = 3e15;
    (millis.abs() <= MOST).then(|| Timestamp::from_micros((millis * 1e3) as i64))
}
