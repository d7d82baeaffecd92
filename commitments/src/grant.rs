//! The key that work must show. Only the gates of this room make one.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use regard_domain::{CameraId, Timestamp};

use crate::Digest;
use crate::commitments::StaffZone;
use crate::personal::PersonalTerms;
use crate::recognition::RecognitionTerms;
use crate::refusal::Refusal;
use crate::scope::{
    AgeGuardScope, AttentionScope, CountScope, ExpressionScope, MicroExpressionScope, Scope,
    ScopeMarker, Scopes,
};

mod sealed {
    /// What the gate puts into a grant.
    pub trait Sealed {
        type Terms: std::fmt::Debug + Send + Sync + 'static;
    }
}

/// What a grant is for. Sealed: the four of this room and no others.
pub trait Purpose: sealed::Sealed {
    /// The stable name.
    const NAME: &'static str;
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $terms:ty;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {
            type Terms = $terms;
        }
        impl Purpose for $name {
            const NAME: &'static str = $text;
        }
    )+};
}

purposes! {
    /// A camera opens and frames are analysed within a scope.
    Sensing = "sensing", SensingTerms;
    /// A face chip becomes an embedding.
    Recognition = "recognition", RecognitionTerms;
    /// A person enters a context.
    Personalization = "personalization", PersonalTerms;
    /// A row is written; its grant is [`crate::Kept`].
    Retention = "retention", std::convert::Infallible;
}

/// Where the pictures under a sensing grant come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOrigin {
    /// A live camera, under a notice that its screens keep alive.
    LiveCamera,
    /// Stored media that an operator gave.
    Library,
    /// Pictures of themselves that a person hands in by an act of their own.
    OwnAct,
}

/// What all clones of one grant share.
#[derive(Debug)]
struct GrantState<T> {
    terms: T,
    revoked: AtomicBool,
    /// Microseconds since the epoch from which the grant is dead although nobody revoked it.
    valid_until: AtomicI64,
    /// What it hangs on: it dies with the first of these that is cut.
    lifelines: Vec<Lifeline>,
}

/// Something that grants hang on, such as a consent: whoever ends it cuts the line, and all of them are dead at once,
/// wherever they are held.
#[derive(Clone, Debug, Default)]
pub struct Lifeline(Arc<AtomicBool>);

impl Lifeline {
    /// Whether it was not cut.
    pub fn holds(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }

    /// Ends all that hangs on it.
    pub fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// A handle that keeps nothing alive: it is gone when nobody holds the line any more.
    pub fn watch(&self) -> LifelineWatch {
        LifelineWatch(Arc::downgrade(&self.0))
    }
}

/// Sees whether somebody still holds a lifeline.
#[derive(Clone, Debug)]
pub struct LifelineWatch(Weak<AtomicBool>);

impl LifelineWatch {
    /// The line, while somebody holds it.
    pub fn lifeline(&self) -> Option<Lifeline> {
        self.0.upgrade().map(Lifeline)
    }

    /// Whether somebody holds it.
    pub fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// Leave to work for one purpose. Cheap to clone; all clones die together.
///
/// # Privacy
/// Does not print whom it is about; work that sees frames, faces or persons takes it as a parameter.
pub struct Grant<P: Purpose> {
    state: Arc<GrantState<P::Terms>>,
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
            .field("terms", &self.state.terms)
            .field("is_live", &self.is_live())
            .finish()
    }
}

impl<P: Purpose> Grant<P> {
    pub(crate) fn issue(terms: P::Terms, valid_until: Timestamp, lifelines: Vec<Lifeline>) -> Self {
        Self {
            state: Arc::new(GrantState {
                terms,
                revoked: AtomicBool::new(false),
                valid_until: AtomicI64::new(valid_until.as_micros()),
                lifelines,
            }),
            purpose: PhantomData,
        }
    }

    pub(crate) fn terms(&self) -> &P::Terms {
        &self.state.terms
    }

    pub(crate) fn lifelines(&self) -> &[Lifeline] {
        &self.state.lifelines
    }

    pub(crate) fn revoke(&self) {
        self.state.revoked.store(true, Ordering::Release);
    }

    pub(crate) fn extend_to(&self, until: Timestamp) {
        self.state
            .valid_until
            .store(until.as_micros(), Ordering::Release);
    }

    /// Whether the gate has not revoked it, and nothing that it hangs on has ended. Ask before each frame: a dead grant
    /// means stop.
    pub fn is_live(&self) -> bool {
        !self.state.revoked.load(Ordering::Acquire)
            && self.state.lifelines.iter().all(Lifeline::holds)
    }

    /// Whether it is live and its time is not over. Stricter than [`Grant::is_live`]: a camera's grant also fails when the
    /// gate's own tick has stopped.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.is_live() && now.as_micros() < self.state.valid_until.load(Ordering::Acquire)
    }

    /// The instant from which it is dead although nobody revoked it.
    pub fn valid_until(&self) -> Timestamp {
        Timestamp::from_micros(self.state.valid_until.load(Ordering::Acquire))
    }
}

/// What a sensing gate puts into a grant.
pub struct SensingTerms {
    pub(crate) camera: CameraId,
    pub(crate) origin: GrantOrigin,
    pub(crate) scopes: Scopes,
    pub(crate) withheld: Vec<(Scope, Refusal)>,
    pub(crate) staff_zones: Vec<StaffZone>,
    pub(crate) commitments: Option<Digest>,
}

impl SensingTerms {
    /// For pictures of themselves that a person hands in by an act of their own: there is no camera of the site.
    pub(crate) fn of_own_pictures(scopes: Scopes, commitments: Digest) -> Self {
        Self {
            camera: CameraId::new("own-pictures").expect("lower-case letters and a dash"),
            origin: GrantOrigin::OwnAct,
            scopes,
            withheld: Vec::new(),
            staff_zones: Vec::new(),
            commitments: Some(commitments),
        }
    }
}

impl fmt::Debug for SensingTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.camera, self.scopes)
    }
}

impl Grant<Sensing> {
    /// The camera, or the name under which stored media are analysed.
    pub fn camera(&self) -> &CameraId {
        &self.terms().camera
    }

    /// Where the pictures come from.
    pub fn origin(&self) -> GrantOrigin {
        self.terms().origin
    }

    /// What may be looked at.
    pub fn scopes(&self) -> Scopes {
        self.terms().scopes
    }

    /// What was asked for and not given, and why; in the order of [`Scope::ALL`].
    pub fn withheld(&self) -> &[(Scope, Refusal)] {
        &self.terms().withheld
    }

    /// Where staff stand: faces centered there are left out, before anything else is done with them.
    pub fn staff_zones(&self) -> &[StaffZone] {
        &self.terms().staff_zones
    }

    /// Hash of the commitments it was given under; `None` for stored media.
    pub fn commitments(&self) -> Option<Digest> {
        self.terms().commitments
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
