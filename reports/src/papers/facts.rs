//! What papers are made of: plain facts about an installation, read elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use regard_commitments::{
    Answer, CameraSetup, Date, MAX_AGREEMENT, Profile, PromiseFault, Refusal, Scope, Scopes,
    SensingGate, StaffRule, VerifiedCommitments,
};
use regard_domain::{CameraId, ScreenId, Timestamp};

/// One installation as it is configured.
///
/// # Privacy
/// Names of devices, campaigns and of those who sign; nothing about anybody who is looked at.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Version of the program.
    pub program: String,
    /// The day the papers are made on, at the site.
    pub made_on: Date,
    /// The instant they are made at, by which it is judged how they stand.
    pub made_at: Timestamp,
    /// The time zone of the site, in which its hours and days are meant.
    pub time_zone: String,
    /// What the site promises.
    pub promise: VerifiedCommitments,
    /// Its jurisdiction profile.
    pub profile: Profile,
    /// Its cameras.
    pub cameras: Vec<CameraFact>,
    /// Its screens.
    pub screens: Vec<ScreenFact>,
    /// The campaigns in force.
    pub campaigns: Vec<CampaignFact>,
    /// Facts set by the owner that policies learn from.
    pub features: Vec<String>,
    /// Networks that this program can load.
    pub models: Vec<ModelFact>,
    /// Which runtime computes them.
    pub runtime: String,
    /// What was measured of the program.
    pub measurements: Vec<Measurement>,
    /// Other programs that may hold and compare faces here, each under an attestation of the privacy officer.
    pub services: Vec<ServiceFact>,
    /// Where templates that are searched lie outside this machine's memory, without secrets; nothing: nowhere.
    pub gallery: Option<String>,
    /// How the installation is reached and guarded.
    pub guard: GuardFact,
}

/// A service whose interface is switched on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceFact {
    /// Its name, as attestations have it.
    pub service: String,
    /// By which interface it calls.
    pub interface: String,
    /// Its collection; nothing where attestations name them.
    pub collection: Option<String>,
    /// Where its pictures come from, in words.
    pub pictures: String,
}

/// A camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraFact {
    /// Its id.
    pub id: CameraId,
    /// Where its frames come from, without secrets.
    pub source: String,
    /// Whether frames are also searched in full resolution.
    pub full_resolution: bool,
    /// Screens that carry its notice.
    pub screens: BTreeSet<ScreenId>,
}

/// A screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenFact {
    /// Its id.
    pub id: ScreenId,
    /// The camera that watches its audience.
    pub camera: Option<CameraId>,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignFact {
    /// Its id.
    pub id: String,
    /// Whether it may run.
    pub is_enabled: bool,
    /// How a message is picked.
    pub policy: String,
    /// How many messages it has.
    pub n_messages: usize,
    /// What its messages react to: names of clauses of conditions, such as `n_looking` or `expression: happy`.
    pub reacts_to: BTreeSet<String>,
    /// What counts as success.
    pub rewards: BTreeSet<String>,
    /// What the viewer gains, in the sender's words.
    pub viewer_benefit: String,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFact {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub role: String,
    /// Whether the closed loop uses it, where its analysis is allowed.
    pub is_used: bool,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// Where it comes from.
    pub origin: String,
    /// What the input has to hold.
    pub input: String,
    /// What comes out.
    pub output: String,
    /// What it was trained on.
    pub training_data: String,
    /// Terms of that data.
    pub training_data_terms: String,
    /// Whether the people in it agreed.
    pub consent_of_subjects: String,
    /// What is known of its error by groups of people; nothing where it was not measured so.
    pub error_by_group: Option<String>,
    /// Its model card: headings and what they say, tables as lines.
    pub card: Vec<(String, String)>,
}

impl ModelFact {
    /// What its card says under a heading that begins so.
    pub fn card_says(&self, heading: &str) -> Option<&str> {
        let mut found = self
            .card
            .iter()
            .filter(|(name, _)| name.starts_with(heading));
        found.next().map(|(_, text)| text.as_str())
    }
}

/// A measurement of the program on named data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Its name, which names the data.
    pub name: String,
    /// How many items were measured.
    pub n: u64,
    /// Metric and value, in order.
    pub values: Vec<(String, String)>,
    /// Metric and the bound that a change of the program must keep.
    pub bounds: Vec<(String, String)>,
}

/// How the installation is reached and guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardFact {
    /// Whether others than this machine can reach it.
    pub is_remote: bool,
    /// How connections are encrypted, in words.
    pub encryption: String,
    /// The address that people outside use.
    pub public_url: Option<String>,
    /// How files, ports and calls are limited, in words.
    pub sandbox: String,
    /// Where the key is that wraps the keys of persons, in words.
    pub site_key: String,
    /// The key that checkpoints of the ledger are checked with.
    pub ledger_key: Option<String>,
}

/// Whether an analysis happens at a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happens {
    /// While the notice is in view.
    WithNotice,
    /// While the notice is in view, but not at the hours of staff.
    OutsideStaffHours,
    /// While somebody in front of the camera has agreed.
    AfterAgreement,
    /// Not at all: it is refused.
    Never,
    /// Not at all: the program has no such analysis.
    NotBuilt,
}

impl Happens {
    /// Whether it ever does.
    pub const fn is_ever(self) -> bool {
        match self {
            Self::WithNotice | Self::OutsideStaffHours | Self::AfterAgreement => true,
            Self::Never | Self::NotBuilt => false,
        }
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WithNotice => "while the notice is in view",
            Self::OutsideStaffHours => "while the notice is in view, outside the hours of staff",
            Self::AfterAgreement => "only while somebody in front of the camera has agreed",
            Self::Never => "never",
            Self::NotBuilt => "never: this program has no such analysis",
        }
    }
}

/// What the gate says about one analysis at one camera, were the notice in view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The camera.
    pub camera: CameraId,
    /// The analysis.
    pub scope: Scope,
    /// Whether it happens.
    pub happens: Happens,
    /// Why it does not.
    pub refusal: Option<Refusal>,
}

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// Scopes, and why each is refused.
type Answers = Vec<(Scope, Option<Refusal>)>;

impl Facts {
    /// What may be looked at, asked of the gate itself: camera by camera, in the order of [`Scope::ALL`].
    ///
    /// # Errors
    /// Where the commitments do not fit their profile.
    pub fn looks(&self) -> Result<Vec<Look>, PromiseFault> {
        let mut looks = Vec::new();
        for camera in &self.cameras {
            let unasked = self.ask(camera, false)?;
            let agreed = self.ask(camera, true)?;
            for ((scope, refusal), (_, refused_still)) in unasked.into_iter().zip(agreed) {
                let (happens, refusal) = match (refusal, refused_still) {
                    // The engine asks for no more than these.
                    _ if !Scopes::AUDIENCE.contains(scope) => (Happens::NotBuilt, None),
                    (None, _) if self.waits_for_staff(scope) => (Happens::OutsideStaffHours, None),
                    (None, _) => (Happens::WithNotice, None),
                    (refusal, None) => (Happens::AfterAgreement, refusal),
                    (Some(_), refusal) => (Happens::Never, refusal),
                };
                looks.push(Look {
                    camera: camera.id.clone(),
                    scope,
                    happens,
                    refusal,
                });
            }
        }
        Ok(looks)
    }

    fn waits_for_staff(&self, scope: Scope) -> bool {
        let staff = &self.promise.document().declarations.staff;
        scope == Scope::Expression && matches!(staff, StaffRule::Hours { .. })
    }

    /// What the gate says at a camera whose notice is in view; staff are absent if they ever are.
    fn ask(&self, camera: &CameraFact, has_agreed: bool) -> Result<Answers, PromiseFault> {
        let promised = self.promise.document().effective_from;
        let day = promised.start().max(self.made_on.start());
        let minute = Duration::from_secs(u64::from(self.minute_without_staff()) * 60);
        let at = day.plus(minute);
        let mut gate = SensingGate::new(self.promise.clone(), self.profile.clone())?;
        gate.set_utc_offset_secs(0);
        gate.register(CameraSetup {
            camera: camera.id.clone(),
            screens: camera.screens.clone(),
            masks_staff_zones: true,
        });
        for screen in &camera.screens {
            gate.heartbeat(screen, gate.notice_hash(), at);
        }
        if has_agreed {
            // Where nobody can agree, the answer stays what it was.
            let _ = gate.agree(&camera.id, at.plus(MAX_AGREEMENT), at);
        }
        let answer = gate.ask(&camera.id, Scopes::AUDIENCE, at).outcome;
        let of = |scope: Scope| match &answer {
            Answer::Refused(refusal) => Some(refusal.clone()),
            Answer::Granted(grant) => {
                let mut withheld = grant.withheld().iter();
                withheld
                    .find(|(other, _)| *other == scope)
                    .map(|(_, refusal)| refusal.clone())
            }
        };
        Ok(Scope::ALL
            .into_iter()
            .map(|scope| (scope, of(scope)))
            .collect())
    }

    /// A minute of the day at which no staff are declared to be in view; the first one if there is none.
    fn minute_without_staff(&self) -> u16 {
        let StaffRule::Hours { hours } = &self.promise.document().declarations.staff else {
            return 0;
        };
        let is_free = |minute: &u16| !hours.iter().any(|span| span.contains(*minute));
        (0..DAY_MINUTES).find(is_free).unwrap_or(0)
    }
}
