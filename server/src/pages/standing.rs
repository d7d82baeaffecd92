//! What somebody in front of a screen may do about being looked at, as the privacy page shows it.

use regard_commitments::{Presence, Profile};
use regard_domain::{CameraId, ScreenId, Timestamp};
use regard_engine::Health;

use super::words::Words;

/// Where the reader of the page stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In front of the screen, or of its sign.
    At {
        /// What the code shows.
        presence: Presence,
        /// The code.
        code: String,
    },
    /// Perhaps there, with a code that is too old.
    CodeExpired,
}

/// Why what was asked did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mistake {
    /// The code is too old for that.
    CodeExpired,
    /// The sign was used too often.
    SignUsedUp,
    /// A gate refused.
    Refused,
}

/// The reader in front of a screen.
#[derive(Clone, Debug)]
pub(crate) struct Here<'a> {
    pub(crate) screen: &'a ScreenId,
    /// The camera that looks at its audience.
    pub(crate) camera: Option<CameraId>,
    pub(crate) standing: Standing,
    pub(crate) mistake: Option<Mistake>,
    pub(crate) now: Timestamp,
}

/// The part of the page.
pub(super) struct HerePart {
    /// What to say first when something did not happen.
    pub(super) mistake: Option<&'static str>,
    /// How things are, in sentences.
    pub(super) state: Vec<String>,
    /// Where the forms go; nothing without a code that counts.
    pub(super) forms: Option<String>,
    pub(super) may_object: bool,
    pub(super) may_agree: bool,
    pub(super) may_withdraw: bool,
    /// Where somebody in front of the screen enrols.
    pub(super) enroll: Option<String>,
    /// Where somebody who enrolled shows it, in front of the screen.
    pub(super) verify: Option<String>,
}

/// Minutes left, rounded up.
fn minutes_left(until: Timestamp, now: Timestamp) -> u64 {
    until.saturating_since(now).as_secs().div_ceil(60).max(1)
}

impl Here<'_> {
    pub(super) fn part(&self, profile: &Profile, health: &Health, w: &'static Words) -> HerePart {
        let camera = self.camera.as_ref();
        let watching = health.cameras.iter().find(|c| Some(&c.camera) == camera);
        let live = |until: Option<Timestamp>| until.filter(|until| *until > self.now);
        let objected = live(watching.and_then(|c| c.objected_until));
        let agreed = live(watching.and_then(|c| c.agreed_until));
        let lasting = |text: &str, until| {
            text.replace("{minutes}", &minutes_left(until, self.now).to_string())
        };
        let mut state = Vec::new();
        if watching.is_none() {
            state.push(w.nothing_looks.to_owned());
        }
        state.extend(objected.map(|until| lasting(w.objected, until)));
        state.extend(agreed.map(|until| lasting(w.agreed, until)));
        let (forms, by_sign) = match &self.standing {
            Standing::At { presence, code } => (
                Some(format!("/screen/{}/here/{code}", self.screen)),
                *presence == Presence::AtSign,
            ),
            Standing::CodeExpired => (None, false),
        };
        let waits = !profile.consented_scopes().is_empty();
        let mistake = match (self.mistake, &self.standing) {
            (_, Standing::CodeExpired) | (Some(Mistake::CodeExpired), _) => Some(w.code_expired),
            (Some(Mistake::SignUsedUp), _) => Some(w.sign_used_up),
            (Some(Mistake::Refused), _) => Some(w.not_now),
            (None, Standing::At { .. }) => None,
        };
        let enroll = match &self.standing {
            Standing::At {
                presence: Presence::AtScreen { .. },
                code,
            } => Some(format!("/enroll?screen={}&code={code}", self.screen)),
            Standing::At { .. } | Standing::CodeExpired => None,
        };
        let verify = enroll
            .as_ref()
            .map(|link| link.replace("/enroll?", "/verify?"));
        let is_watched = watching.is_some();
        HerePart {
            mistake,
            state,
            may_object: is_watched && forms.is_some(),
            may_agree: is_watched && waits && agreed.is_none() && forms.is_some() && !by_sign,
            may_withdraw: is_watched && agreed.is_some() && forms.is_some(),
            forms,
            enroll,
            verify,
        }
    }
}
