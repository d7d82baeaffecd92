//! The key that work must show. Only the gates of this room make one.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use regard_domain::{CameraId, Timestamp};

use crate::commitments::StaffZone;
use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::scope::{
    AgeGuardScope, AttentionScope, CountScope, ExpressionScope, MicroExpressionScope, Scope,
    ScopeMarker, Scopes,
};
use crate::{Digest, Profile};

mod sealed {
    pub trait Sealed {}
}

/// What a grant is for. Sealed: the four of this room and no others.
pub trait Purpose: sealed::Sealed {
    /// The stable name.
    const NAME: &'static str;
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Purpose for $name {
            const NAME: &'static str = $text;
        }
    )+};
}

purposes! {
    /// A camera opens and frames are analysed within a scope.
    Sensing = "sensing";
    /// A face chip becomes an embedding.
    Recognition = "recognition";
    /// A person enters a context.
    Personalization = "personalization";
    /// A row is written; its grant is [`crate::Kept`].
    Retention = "retention";
}

/// Where the pictures under a sensing grant come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOrigin {
    /// A live camera, under a notice that its screens keep alive.
    LiveCamera,
    /// Stored media that an operator gave.
    Library,
}

/// What all clones of one grant share.
#[derive(Debug)]
pub(crate) struct GrantState {
    camera: CameraId,
    origin: GrantOrigin,
    scopes: Scopes,
    withheld: Vec<(Scope, Refusal)>,
    staff_zones: Vec<StaffZone>,
    commitments: Option<Digest>,
    revoked: AtomicBool,
    /// Microseconds since the epoch from which the grant is dead although nobody revoked it.
    valid_until: AtomicI64,
}

/// Leave to work for one purpose. Cheap to clone; all clones die together.
///
/// # Privacy
/// Holds no personal data; work that sees frames or faces takes it as a parameter.
pub struct Grant<P: Purpose> {
    state: Arc<GrantState>,
    purpose: PhantomData<fn() -> P>,
}

impl<P: Purpose> Clone for Grant<P> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            purpose: PhantomData,
        }
    }
}

impl<P: Purpose> fmt::Debug for Grant<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("purpose", &P::NAME)
            .field("camera", &self.state.camera)
            .field("scopes", &self.state.scopes)
            .field("is_live", &self.is_live())
            .finish()
    }
}

impl<P: Purpose> Grant<P> {
    /// Whether the gate has not revoked it. Ask before each frame: a dead grant means stop.
    pub fn is_live(&self) -> bool {
        !self.state.revoked.load(Ordering::Acquire)
    }
}

/// What a sensing gate puts into a grant.
pub(crate) struct SensingTerms {
    pub(crate) camera: CameraId,
    pub(crate) origin: GrantOrigin,
    pub(crate) scopes: Scopes,
    pub(crate) withheld: Vec<(Scope, Refusal)>,
    pub(crate) staff_zones: Vec<StaffZone>,
    pub(crate) commitments: Option<Digest>,
    pub(crate) valid_until: Timestamp,
}

impl Grant<Sensing> {
    pub(crate) fn issue(terms: SensingTerms) -> Self {
        Self {
            state: Arc::new(GrantState {
                camera: terms.camera,
                origin: terms.origin,
                scopes: terms.scopes,
                withheld: terms.withheld,
                staff_zones: terms.staff_zones,
                commitments: terms.commitments,
                revoked: AtomicBool::new(false),
                valid_until: AtomicI64::new(terms.valid_until.as_micros()),
            }),
            purpose: PhantomData,
        }
    }

    pub(crate) fn revoke(&self) {
        self.state.revoked.store(true, Ordering::Release);
    }

    pub(crate) fn extend_to(&self, until: Timestamp) {
        self.state
            .valid_until
            .store(until.as_micros(), Ordering::Release);
    }

    /// Whether it is live and the notice was seen recently enough at `now`. Stricter than
    /// [`Grant::is_live`]: it also fails when the gate's own tick has stopped.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.is_live() && now.as_micros() < self.state.valid_until.load(Ordering::Acquire)
    }

    /// The camera, or the name under which stored media are analysed.
    pub fn camera(&self) -> &CameraId {
        &self.state.camera
    }

    /// Where the pictures come from.
    pub fn origin(&self) -> GrantOrigin {
        self.state.origin
    }

    /// What may be looked at.
    pub fn scopes(&self) -> Scopes {
        self.state.scopes
    }

    /// What was asked for and not given, and why; in the order of [`Scope::ALL`].
    pub fn withheld(&self) -> &[(Scope, Refusal)] {
        &self.state.withheld
    }

    /// Where staff stand: faces centered there are left out, before anything else is done with them.
    pub fn staff_zones(&self) -> &[StaffZone] {
        &self.state.staff_zones
    }

    /// Hash of the commitments it was given under; `None` for stored media.
    pub fn commitments(&self) -> Option<Digest> {
        self.state.commitments
    }

    /// The key of detectors and trackers.
    pub fn count(&self) -> Option<Scoped<CountScope>> {
        self.scoped()
    }

    /// The key of head pose and gaze.
    pub fn attention(&self) -> Option<Scoped<AttentionScope>> {
        self.scoped()
    }

    /// The key of expression networks.
    pub fn expression(&self) -> Option<Scoped<ExpressionScope>> {
        self.scoped()
    }

    /// The key of micro-expression analysis.
    pub fn micro_expression(&self) -> Option<Scoped<MicroExpressionScope>> {
        self.scoped()
    }

    /// The key of the age guard.
    pub fn age_guard(&self) -> Option<Scoped<AgeGuardScope>> {
        self.scoped()
    }

    fn scoped<S: ScopeMarker>(&self) -> Option<Scoped<S>> {
        self.scopes().contains(S::SCOPE).then(|| Scoped {
            grant: self.clone(),
            scope: PhantomData,
        })
    }
}

impl Grant<Recognition> {
    /// Leave to embed the faces of an evaluation set, without anybody having enrolled.
    ///
    /// # Privacy
    /// For `cargo xtask accuracy`, benches and tests alone: a rule in `xtask/tests/rooms.rs` fails the build of
    /// any room that says this name. No person is behind it, so nothing made under it is ever stored.
    pub fn for_evaluation() -> Self {
        Self {
            state: Arc::new(GrantState {
                camera: CameraId::new("evaluation").expect("the name is a slug"),
                origin: GrantOrigin::Library,
                scopes: Scopes::NONE,
                withheld: Vec::new(),
                staff_zones: Vec::new(),
                commitments: None,
                revoked: AtomicBool::new(false),
                valid_until: AtomicI64::new(i64::MAX),
            }),
            purpose: PhantomData,
        }
    }
}

/// Leave for one kind of analysis; lives and dies with the grant it was taken from.
pub struct Scoped<S: ScopeMarker> {
    grant: Grant<Sensing>,
    scope: PhantomData<fn() -> S>,
}

impl<S: ScopeMarker> Scoped<S> {
    /// Whether the grant behind it is live.
    pub fn is_live(&self) -> bool {
        self.grant.is_live()
    }

    /// The camera it is for.
    pub fn camera(&self) -> &CameraId {
        self.grant.camera()
    }

    /// The grant it was taken from.
    pub fn grant(&self) -> &Grant<Sensing> {
        &self.grant
    }
}

impl<S: ScopeMarker> Clone for Scoped<S> {
    fn clone(&self) -> Self {
        Self {
            grant: self.grant.clone(),
            scope: PhantomData,
        }
    }
}

impl<S: ScopeMarker> fmt::Debug for Scoped<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scoped<{}>({})", S::SCOPE, self.camera())
    }
}

/// Asks to turn faces into embeddings. Nobody can enrol yet, so the answer is always a refusal:
/// `feature_not_in_profile` where the profile has recognition off, else `consent_missing`.
pub fn ask_recognition(profile: &Profile) -> Answer<Grant<Recognition>> {
    Answer::Refused(if profile.recognition() {
        Refusal::new(
            RefusalCode::ConsentMissing,
            "nobody has enrolled at this site",
            "enrol by an act of the person, with consent for recognition",
        )
    } else {
        Refusal::new(
            RefusalCode::FeatureNotInProfile,
            format!("recognition is off in profile {}", profile.name()),
            "choose a profile that allows recognition, and publish new commitments",
        )
    })
}

/// Asks to let a person enter a decision. Nobody can enrol yet, so the answer is always a refusal
/// (as for [`ask_recognition`]), and decisions are made for the audience as a whole.
pub fn ask_personalization(profile: &Profile) -> Answer<Grant<Personalization>> {
    match ask_recognition(profile) {
        Answer::Refused(refusal) => Answer::Refused(refusal),
        Answer::Granted(_) => Answer::Refused(Refusal::new(
            RefusalCode::ConsentMissing,
            "no consent for personalization",
            "ask the person",
        )),
    }
}
