//! One go at being enrolled, verified or identified: pictures come in, each is looked at once, and what is kept of them is a few
//! aligned crops until the checks for prints and replays have spoken.

use std::time::Duration;

use rand::CryptoRng;
use regard_commitments::{Grant, Liveness as Checked, Sensing};
use regard_domain::{Face, Timestamp};
use regard_vision::{
    AnalysisError, CameraHold, ColorChallenge, ColorStep, CueMeter, FaceChip, FaceLight, FaceMesh,
    FaceQuality, HeadView, Keys, Liveness, LivenessFault, PassiveCheck, Photo, QualityComponent,
    QualityGate, QualityHint, RgbView, TurnChallenge, TurnDirection, TurnStep,
};

use super::studio::Bench;
use crate::custody::FaceQualityNote;

/// Good pictures that are gathered before the challenges; the template is made of these.
const N_GOOD: usize = 3;

/// Crops kept of the challenges, to see that the face was the same throughout.
const MAX_LATER: usize = 4;

/// Time between two photographs as the turn challenge counts it: whoever takes them one by one is in no hurry.
const PHOTO_STEP: Duration = Duration::from_millis(100);

/// How often each photograph is shown to the turn challenge, which wants to see a turn in several frames.
const PHOTO_REPEATS: usize = 2;

/// How pictures come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureMode {
    /// Frame after frame of a camera.
    Live {
        /// Whether it is held in a hand or stands.
        is_in_hand: bool,
        /// Whether a screen before the face shows colours when it is asked to.
        can_color: bool,
    },
    /// Photographs, one by one: ahead, then each turn.
    Photos,
}

impl CaptureMode {
    const fn hold(self) -> CameraHold {
        match self {
            Self::Live {
                is_in_hand: false, ..
            } => CameraHold::Fixed,
            Self::Live { .. } | Self::Photos => CameraHold::InHand,
        }
    }
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureStep {
    /// Look into the camera.
    LookAhead,
    /// Turn the head.
    Turn(TurnDirection),
    /// Show these colours, and say when the first is on the screen.
    Colors(Vec<ColorStep>),
    /// Nothing more: what came of it can be asked for.
    Done,
}

/// What a picture told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureFeedback {
    /// Faces in it.
    pub n_faces: usize,
    /// Quality of the one face, from 0 to 100, where it was judged.
    pub quality: Option<u8>,
    /// What would make the picture better, the most urgent first.
    pub hints: Vec<QualityHint>,
    /// What is to be done now.
    pub step: CaptureStep,
    /// Of the good pictures wanted, how many there are.
    pub good: (usize, usize),
    /// Of the turns wanted, how many are done.
    pub turns: (usize, usize),
    /// Why it failed, if it did.
    pub faults: Vec<LivenessFault>,
}

/// What was gathered of one face, for the gate to look at and then to be embedded.
///
/// # Privacy
/// Holds aligned crops of one face until it is dropped; they are overwritten then.
pub(super) struct Gathered {
    /// What the checks for prints and replays say.
    pub(super) liveness: Checked,
    /// Which failed.
    pub(super) faults: Vec<LivenessFault>,
    /// What was asked of the visitor, as assertions name it.
    pub(super) challenges: &'static [&'static str],
    /// How good the pictures are that a template is made of: the worst of them.
    pub(super) quality: Option<FaceQualityNote>,
    /// Crops that a template, or a probe, is made of.
    pub(super) best: Vec<FaceChip>,
    /// Crops of the challenges, to see that the face was the same throughout.
    pub(super) later: Vec<FaceChip>,
}

#[derive(Debug)]
enum Stage {
    /// Good pictures are gathered.
    Framing,
    Turning,
    Coloring,
    Ended(Result<(), Vec<LivenessFault>>),
}

/// The pictures of one go.
///
/// # Privacy
/// Holds aligned crops of one face until it is dropped, at most for minutes; they are overwritten then.
pub(super) struct Capture {
    mode: CaptureMode,
    stage: Stage,
    turn: TurnChallenge,
    color: Option<ColorChallenge>,
    passive: PassiveCheck,
    meter: CueMeter,
    /// Crops of the good pictures.
    best: Vec<FaceChip>,
    n_good: usize,
    /// Of the good pictures, how good the worst is, and in what.
    worst: Option<FaceQualityNote>,
    later: Vec<FaceChip>,
    ahead: Option<HeadView>,
    /// Time of the last picture; of photographs as the challenge counts it.
    at: Option<Timestamp>,
}

/// What was seen of the one face in a picture.
struct Look<'a> {
    frame: RgbView<'a>,
    /// All faces that were found: the one.
    faces: &'a [Face],
    face: &'a Face,
    mesh: Option<FaceMesh>,
    view: Option<HeadView>,
}

impl Capture {
    pub(super) fn new(mode: CaptureMode, rng: &mut dyn CryptoRng) -> Self {
        let can_color = matches!(
            mode,
            CaptureMode::Live {
                can_color: true,
                ..
            }
        );
        Self {
            mode,
            stage: Stage::Framing,
            turn: TurnChallenge::new(rng),
            color: can_color.then(|| ColorChallenge::new(rng)),
            passive: PassiveCheck::new(mode.hold()),
            meter: CueMeter::new(),
            best: Vec::new(),
            n_good: 0,
            worst: None,
            later: Vec::new(),
            ahead: None,
            at: None,
        }
    }

    /// What is to be done now.
    pub(super) fn step(&self) -> CaptureStep {
        match &self.stage {
            Stage::Framing => CaptureStep::LookAhead,
            Stage::Turning => match self.turn.step() {
                TurnStep::LookAhead => CaptureStep::LookAhead,
                TurnStep::Turn(direction) => CaptureStep::Turn(direction),
                TurnStep::Done => CaptureStep::Done,
            },
            Stage::Coloring => {
                let steps = self.color.iter().flat_map(ColorChallenge::steps);
                CaptureStep::Colors(steps.collect())
            }
            Stage::Ended(_) => CaptureStep::Done,
        }
    }

    /// What the checks found; nothing while they go on.
    pub(super) fn verdict(&self) -> Option<Result<(), &[LivenessFault]>> {
        match &self.stage {
            Stage::Ended(Ok(())) => Some(Ok(())),
            Stage::Ended(Err(faults)) => Some(Err(faults)),
            Stage::Framing | Stage::Turning | Stage::Coloring => None,
        }
    }

    /// The challenges that are asked, as assertions name them.
    fn challenges(&self) -> &'static [&'static str] {
        match (&self.color, self.mode) {
            (Some(_), _) => &["turn", "colors"],
            (None, CaptureMode::Live { .. }) => &["turn"],
            (None, CaptureMode::Photos) => &["turn_photos"],
        }
    }

    /// What came of it: the crops and what the checks say.
    pub(super) fn gathered(self) -> Gathered {
        let (liveness, faults) = match self.verdict() {
            Some(Ok(())) => (Checked::Passed, Vec::new()),
            Some(Err(faults)) => (Checked::Failed, faults.to_vec()),
            None => (Checked::Unchecked, Vec::new()),
        };
        Gathered {
            liveness,
            faults,
            challenges: self.challenges(),
            quality: self.worst,
            best: self.best,
            later: self.later,
        }
    }

    /// The screen began to show the first colour.
    pub(super) fn colors_began(&mut self, at: Timestamp) {
        if let (Stage::Coloring, Some(color)) = (&self.stage, &mut self.color) {
            color.begin(at);
        }
    }

    /// Looks at a picture.
    pub(super) fn take(
        &mut self,
        bench: &mut Bench,
        photo: &Photo,
        sensing: &Grant<Sensing>,
        at: Timestamp,
    ) -> Result<CaptureFeedback, AnalysisError> {
        let (Some(count), Some(attention)) = (sensing.count(), sensing.attention()) else {
            return Err(AnalysisError::GrantEnded);
        };
        let keys = Keys {
            count: &count,
            attention: Some(&attention),
            expression: None,
        };
        let frame = photo.view();
        let faces = bench.analyzer.detect(frame, &count)?;
        let mut feedback = self.feedback(faces.len());
        let [face] = &faces[..] else {
            if faces.len() > 1 {
                feedback.hints.push(QualityHint::OtherFaces);
            }
            self.nobody(at);
            return Ok(self.renewed(feedback));
        };
        let mesh = bench
            .analyzer
            .meshes(frame, std::slice::from_ref(face), &attention)?
            .pop()
            .flatten();
        let look = Look {
            frame,
            faces: &faces,
            face,
            view: mesh.as_ref().and_then(|mesh| HeadView::new(face, mesh)),
            mesh,
        };
        match self.stage {
            Stage::Framing => self.frame_up(bench, &look, &keys, at, &mut feedback)?,
            Stage::Turning => self.turn_on(&look, &keys, at)?,
            Stage::Coloring => self.color_on(&look, &keys, at)?,
            Stage::Ended(_) => {}
        }
        Ok(self.renewed(feedback))
    }

    fn feedback(&self, n_faces: usize) -> CaptureFeedback {
        CaptureFeedback {
            n_faces,
            quality: None,
            hints: Vec::new(),
            step: self.step(),
            good: (self.n_good, self.n_wanted()),
            turns: self.turn.progress(),
            faults: Vec::new(),
        }
    }

    /// The same with how things stand now.
    fn renewed(&self, feedback: CaptureFeedback) -> CaptureFeedback {
        let now = self.feedback(feedback.n_faces);
        let faults = match &self.stage {
            Stage::Ended(Err(faults)) => faults.clone(),
            _ => Vec::new(),
        };
        CaptureFeedback {
            quality: feedback.quality,
            hints: feedback.hints,
            faults,
            ..now
        }
    }

    const fn n_wanted(&self) -> usize {
        match self.mode {
            CaptureMode::Live { .. } => N_GOOD,
            CaptureMode::Photos => 1,
        }
    }

    /// A picture without exactly one face.
    fn nobody(&mut self, at: Timestamp) {
        if self.mode == CaptureMode::Photos {
            return;
        }
        match self.stage {
            Stage::Framing => self.passive.observe(at, None),
            Stage::Turning => self.turn.observe(at, None),
            Stage::Coloring => {
                if let Some(color) = &mut self.color {
                    color.observe(at, None);
                }
            }
            Stage::Ended(_) => {}
        }
        self.look_after(at);
    }

    fn frame_up(
        &mut self,
        bench: &mut Bench,
        look: &Look<'_>,
        keys: &Keys<'_>,
        at: Timestamp,
        feedback: &mut CaptureFeedback,
    ) -> Result<(), AnalysisError> {
        if self.n_good < self.n_wanted() {
            self.judge(bench, look, keys, feedback)?;
        }
        if self.mode == CaptureMode::Photos {
            if self.n_good > 0
                && let Some(view) = &look.view
            {
                self.stage = Stage::Turning;
                self.show_photo(&view.clone(), at);
            }
            return Ok(());
        }
        let mesh = look.mesh.as_ref().zip(keys.attention);
        let cue = self
            .meter
            .measure(look.frame, look.face, mesh, None, keys.count)?;
        self.passive.observe(at, Some(&cue));
        self.look_after(at);
        Ok(())
    }

    /// Whether a picture is good enough to make a template of, and what would make it better.
    fn judge(
        &mut self,
        bench: &mut Bench,
        look: &Look<'_>,
        keys: &Keys<'_>,
        feedback: &mut CaptureFeedback,
    ) -> Result<(), AnalysisError> {
        let quality = bench.analyzer.quality(look.frame, look.faces, 0, keys)?;
        feedback.quality = Some(quality.overall());
        feedback.hints = quality.hints().collect();
        let is_good = QualityGate::ENROLMENT.faults(&quality).is_empty() && look.view.is_some();
        if is_good && let Some(chip) = FaceChip::cut(look.frame, look.face, keys.count)? {
            self.n_good += 1;
            self.best.push(chip);
            self.note_quality(&quality);
            self.ahead.clone_from(&look.view);
        }
        Ok(())
    }

    fn note_quality(&mut self, quality: &FaceQuality) {
        let overall = quality.overall();
        if self
            .worst
            .as_ref()
            .is_none_or(|worst| overall < worst.overall)
        {
            let value = |component| quality.component(component).map_or(0, |found| found.value);
            let weakest = QualityComponent::ALL
                .into_iter()
                .min_by_key(|one| value(*one));
            self.worst = Some(FaceQualityNote {
                overall,
                weakest: weakest.map_or("", QualityComponent::as_str).to_owned(),
            });
        }
    }

    /// Shows a photograph to the turn challenge, as often as it wants to see a turn, and the first one in between.
    fn show_photo(&mut self, view: &HeadView, at: Timestamp) {
        let mut time = self.at.unwrap_or(at);
        let ahead = self.ahead.clone();
        let mut show = |turn: &mut TurnChallenge, view: &HeadView| {
            for _ in 0..PHOTO_REPEATS {
                time = time.plus(PHOTO_STEP);
                turn.observe(time, Some(view));
            }
        };
        show(&mut self.turn, view);
        if self.turn.step() == TurnStep::LookAhead
            && let Some(ahead) = &ahead
        {
            show(&mut self.turn, ahead);
        }
        self.at = Some(time);
        self.look_after(time);
    }

    fn turn_on(
        &mut self,
        look: &Look<'_>,
        keys: &Keys<'_>,
        at: Timestamp,
    ) -> Result<(), AnalysisError> {
        let is_photo = self.mode == CaptureMode::Photos;
        let is_ahead = self.turn.step() == TurnStep::LookAhead;
        // Of photographs each; of frames one before each turn.
        let is_wanted = is_photo || is_ahead && self.later.len() <= self.turn.progress().0;
        if is_wanted && self.later.len() < MAX_LATER {
            self.later
                .extend(FaceChip::cut(look.frame, look.face, keys.count)?);
        }
        match (&look.view, is_photo) {
            (Some(view), true) => self.show_photo(&view.clone(), at),
            (None, true) => {}
            (view, false) => {
                self.turn.observe(at, view.as_ref());
                self.look_after(at);
            }
        }
        Ok(())
    }

    fn color_on(
        &mut self,
        look: &Look<'_>,
        keys: &Keys<'_>,
        at: Timestamp,
    ) -> Result<(), AnalysisError> {
        let light = FaceLight::measure(look.frame, look.face, keys.count)?;
        if self.later.len() < MAX_LATER {
            self.later
                .extend(FaceChip::cut(look.frame, look.face, keys.count)?);
        }
        if let Some(color) = &mut self.color {
            color.observe(at, light.as_ref());
        }
        self.look_after(at);
        Ok(())
    }

    /// Goes on to the next stage where this one is over.
    pub(super) fn look_after(&mut self, now: Timestamp) {
        match self.stage {
            Stage::Framing if self.mode != CaptureMode::Photos => self.look_after_framing(now),
            Stage::Framing | Stage::Ended(_) => {}
            Stage::Turning => match self.turn.verdict(now) {
                Liveness::Pending => {}
                Liveness::Passed if self.color.is_some() => self.stage = Stage::Coloring,
                Liveness::Passed => self.stage = Stage::Ended(Ok(())),
                Liveness::Failed(faults) => self.stage = Stage::Ended(Err(faults)),
            },
            Stage::Coloring => {
                let verdict = self.color.as_ref().map(|color| color.verdict(now));
                match verdict {
                    Some(Liveness::Passed) => self.stage = Stage::Ended(Ok(())),
                    Some(Liveness::Failed(faults)) => self.stage = Stage::Ended(Err(faults)),
                    Some(Liveness::Pending) | None => {}
                }
            }
        }
    }

    fn look_after_framing(&mut self, now: Timestamp) {
        match self.passive.verdict(now) {
            Liveness::Passed if self.n_good >= self.n_wanted() => self.stage = Stage::Turning,
            Liveness::Pending | Liveness::Passed => {}
            Liveness::Failed(faults) => {
                // People move about until they stand right: that begins anew, and says nothing.
                let is_about = [LivenessFault::FaceLost, LivenessFault::TooFewFrames];
                if faults.iter().all(|fault| is_about.contains(fault)) {
                    self.passive = PassiveCheck::new(self.mode.hold());
                    self.n_good = 0;
                    self.worst = None;
                    self.best.clear();
                } else {
                    self.stage = Stage::Ended(Err(faults));
                }
            }
        }
    }
}
