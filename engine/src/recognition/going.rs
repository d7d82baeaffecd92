//! The goes that run: whom each is about, what it is to come to, and its end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use regard_commitments::{
    AssertionFor, Enrollment, Grant, Identification, LiveConsent, Presenting, RecognitionKind,
    Sensing, Verification,
};
use regard_domain::{ActId, PersonId, Timestamp};
use regard_identity::{Identification as Found, TargetRate, Verification as Compared};
use regard_vision::{Photo, PhotoError};
use tokio::sync::Mutex as TurnMutex;

use super::attempts::AttemptOutcome;
use super::capture::{Capture, CaptureFeedback, CaptureMode, CaptureStep};
use super::{RecognitionError, Recognizer};
use crate::custody::{Authenticated, ClaimedFace, KeptFace};
use regard_commitments::RecognitionKey;

/// Goes that run at once: each holds a few hundred kilobytes of crops. When full, whoever begins is told to try again.
const MAX_CAPTURES: usize = 64;

/// Largest picture taken, in bytes: a photograph of a good phone.
pub const MAX_PICTURE_BYTES: usize = 12 << 20;

/// Pictures taken in one go; further ones are not looked at. Origin: 15 a second for four minutes.
const MAX_PICTURES: u32 = 3_600;

/// Farther behind or ahead of us than this the clock of a camera is not believed.
const MAX_LAG: Duration = Duration::from_secs(2);

/// Name of one go: random, and whoever names it may go on with it.
pub type CaptureId = ActId;

/// A go that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureBegun {
    /// Its name.
    pub id: CaptureId,
    /// Until when it may go on.
    pub until: Timestamp,
    /// What is to be done first.
    pub step: CaptureStep,
}

/// What a go is to come to.
pub(super) enum Goal {
    /// A template of somebody who agreed.
    Enroll {
        who: Arc<Authenticated>,
        presenting: Presenting<Enrollment>,
    },
    /// Whether a claim is true.
    Verify {
        claimed: ClaimedFace,
        presenting: Presenting<Verification>,
        target: TargetRate,
        wanted: Option<AssertionFor>,
    },
    /// Who it is.
    Identify {
        presenting: Presenting<Identification>,
        target: TargetRate,
    },
}

impl Goal {
    pub(super) fn sensing(&self) -> &Grant<Sensing> {
        match self {
            Self::Enroll { presenting, .. } => presenting.sensing(),
            Self::Verify { presenting, .. } => presenting.sensing(),
            Self::Identify { presenting, .. } => presenting.sensing(),
        }
    }

    /// Of which kind it is.
    pub(super) const fn kind(&self) -> RecognitionKind {
        match self {
            Self::Enroll { .. } => RecognitionKind::Enroll,
            Self::Verify { .. } => RecognitionKind::Verify,
            Self::Identify { .. } => RecognitionKind::Identify,
        }
    }

    fn until(&self) -> Timestamp {
        match self {
            Self::Enroll { presenting, .. } => presenting.valid_until(),
            Self::Verify { presenting, .. } => presenting.valid_until(),
            Self::Identify { presenting, .. } => presenting.valid_until(),
        }
    }
}

/// What a go came to.
#[derive(Debug)]
pub enum CaptureOutcome {
    /// A face was enrolled.
    Enrolled(KeptFace),
    /// A claim was looked into.
    Verified(Box<VerifiedClaim>),
    /// A gallery was searched.
    Identified(Box<FoundVisitor>),
}

/// Whether a face is that of the person who was claimed.
///
/// # Privacy
/// Says something about a person, for those who asked.
pub struct VerifiedClaim {
    /// The decision, with its error rates.
    pub compared: Compared,
    /// Whom it was compared with.
    pub person: PersonId,
    /// What other applications are told, where they asked and the claim is true.
    pub assertion: Option<String>,
    /// The leave it was done under.
    pub key: RecognitionKey<Verification>,
}

impl fmt::Debug for VerifiedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedClaim(withheld)")
    }
}

/// Who was found, or nobody.
///
/// # Privacy
/// Names a person by a random id, for those who asked.
pub struct FoundVisitor {
    /// The decision, with its error rates.
    pub found: Found,
    /// The leave it was done under.
    pub key: RecognitionKey<Identification>,
    /// The consent of whoever was found.
    pub consent: Option<LiveConsent>,
}

impl fmt::Debug for FoundVisitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FoundVisitor(withheld)")
    }
}

/// One go.
pub(super) struct Going {
    pub(super) goal: Goal,
    pub(super) capture: Capture,
    n_pictures: u32,
    /// How far our clock is ahead of the camera's, in microseconds; known from its first picture on.
    ahead_micros: Option<i64>,
}

/// One go, at which one picture at a time is looked.
type SharedGoing = Arc<TurnMutex<Going>>;

/// The goes that run.
#[derive(Default)]
pub(super) struct Goings {
    open: Mutex<BTreeMap<CaptureId, Opened>>,
}

/// One of them, when its leave ends, and of which kind it is.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) until: Timestamp,
    pub(super) kind: RecognitionKind,
    pub(super) going: SharedGoing,
}

impl Goings {
    fn put(
        &self,
        goal: Goal,
        mode: CaptureMode,
        rng: &mut StdRng,
    ) -> Result<CaptureBegun, RecognitionError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_CAPTURES {
            return Err(RecognitionError::Busy);
        }
        let (id, until, kind) = (CaptureId::random(rng), goal.until(), goal.kind());
        let capture = Capture::new(mode, rng);
        let begun = CaptureBegun {
            id,
            until,
            step: capture.step(),
        };
        let going = Going {
            goal,
            capture,
            n_pictures: 0,
            ahead_micros: None,
        };
        let going = Arc::new(TurnMutex::new(going));
        open.insert(id, Opened { until, kind, going });
        Ok(begun)
    }

    fn get(&self, id: CaptureId, now: Timestamp) -> Option<SharedGoing> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = open.get(&id)?;
        (now < opened.until).then(|| Arc::clone(&opened.going))
    }

    pub(super) fn end(&self, id: CaptureId) -> Option<Opened> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&id)
    }

    /// Puts one back that is not over.
    pub(super) fn put_back(&self, id: CaptureId, opened: Opened) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(id, opened);
    }

    /// Ends those whose leave has ended: consents that were taken back leave no crop behind. Of which kinds they were.
    fn tidy(&self, now: Timestamp) -> Vec<RecognitionKind> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ended = Vec::new();
        open.retain(|_, opened| {
            let going = opened.going.try_lock();
            let is_live = going.map_or(true, |going| going.goal.sensing().is_live());
            let stays = now < opened.until && is_live;
            if !stays {
                ended.push(opened.kind);
            }
            stays
        });
        ended
    }
}

impl Going {
    /// When a picture was taken, by our clock; nothing when the camera's clock cannot be believed.
    fn time_of(&mut self, claimed: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let Some(claimed) = claimed else {
            return Some(now);
        };
        let ahead = *self
            .ahead_micros
            .get_or_insert(now.as_micros().saturating_sub(claimed.as_micros()));
        let at = Timestamp::from_micros(claimed.as_micros().saturating_add(ahead));
        let is_near = now.saturating_since(at) <= MAX_LAG && at.saturating_since(now) <= MAX_LAG;
        is_near.then_some(at)
    }
}

impl Recognizer {
    pub(super) fn begin(
        &self,
        goal: Goal,
        mode: CaptureMode,
    ) -> Result<CaptureBegun, RecognitionError> {
        self.tidy_goings(self.now());
        self.goings.put(goal, mode, &mut Self::rng()?)
    }

    /// Ends goes whose time or leave has run out, and notes that they did.
    pub(super) fn tidy_goings(&self, now: Timestamp) {
        for kind in self.goings.tidy(now) {
            self.note_attempt(kind, AttemptOutcome::RanOut, &[]);
        }
    }

    /// Looks at a picture of a go: JPEG, PNG, WebP, GIF, BMP or TIFF, upright or with its EXIF orientation. `taken_at` is what
    /// the camera's own clock says.
    ///
    /// # Privacy
    /// The bytes are decoded in memory, looked at, and gone when it returns.
    ///
    /// # Errors
    /// [`RecognitionError::UnknownCapture`], [`RecognitionError::Picture`], [`RecognitionError::Studio`].
    pub async fn picture(
        &self,
        id: CaptureId,
        bytes: Vec<u8>,
        taken_at: Option<Timestamp>,
    ) -> Result<CaptureFeedback, RecognitionError> {
        let now = self.now();
        let going = self.goings.get(id, now);
        let going = going.ok_or(RecognitionError::UnknownCapture)?;
        if bytes.len() > MAX_PICTURE_BYTES {
            return Err(RecognitionError::Picture(PhotoError::FileTooLarge {
                bytes: bytes.len() as u64,
                max_bytes: MAX_PICTURE_BYTES as u64,
            }));
        }
        // One picture of a go at a time, in the order in which they came.
        let mut going = going.lock_owned().await;
        let at = going
            .time_of(taken_at, now)
            .ok_or(RecognitionError::ClockSkew)?;
        going.n_pictures += 1;
        if going.n_pictures > MAX_PICTURES {
            return Err(RecognitionError::TooManyPictures);
        }
        self.studio
            .work(move |bench| {
                let photo = Photo::from_bytes(&bytes)?;
                let going = &mut *going;
                let sensing = going.goal.sensing().clone();
                let taken = going.capture.take(bench, &photo, &sensing, at);
                taken.map_err(|error| RecognitionError::Studio(error.into()))
            })
            .await?
    }

    /// The screen before the face shows the first of the colours since then, by the clock of the camera.
    ///
    /// # Errors
    /// [`RecognitionError::UnknownCapture`], [`RecognitionError::ClockSkew`].
    pub async fn colors_began(&self, id: CaptureId, at: Timestamp) -> Result<(), RecognitionError> {
        let now = self.now();
        let going = self.goings.get(id, now);
        let going = going.ok_or(RecognitionError::UnknownCapture)?;
        let mut going = going.lock().await;
        let at = going
            .time_of(Some(at), now)
            .ok_or(RecognitionError::ClockSkew)?;
        going.capture.colors_began(at);
        Ok(())
    }
}
