//! What can be seen of a running engine from outside. Nothing here is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use regard_audience::LiveFace;
use regard_commitments::{Notice, Refusal};
use regard_decision::{Creative, Decision};
use regard_domain::{
    Audience, CameraId, CampaignId, CreativeId, FrameSize, Moment, PlayId, ScreenId, SlotId,
    Timestamp,
};

use crate::layout::Layout;
use crate::metrics::{DropReason, LatencyQuantiles};

/// What one camera sees at this instant, as data.
///
/// # Privacy
/// Boxes and points of faces in view, without track ids: for the console, never stored.
#[derive(Clone, Debug)]
pub struct LiveView {
    /// Which camera.
    pub camera: CameraId,
    /// Capture time of the frame.
    pub at: Timestamp,
    /// Its size in pixels.
    pub frame_size: FrameSize,
    /// The faces, in order of birth of their tracks.
    pub faces: Vec<LiveFace>,
    /// Everyone together, at the last moment.
    pub audience: Audience,
    /// The last moment.
    pub moment: Option<Arc<Moment>>,
}

/// What a screen is to show now, and what it must know to show it.
#[derive(Clone, Debug)]
pub struct ScreenView {
    /// Which screen.
    pub screen: ScreenId,
    /// The notice that has to be in view while the camera is open.
    pub notice: Arc<Notice>,
    /// Every message this screen may come to show, for preloading.
    pub creatives: Arc<Vec<(Option<CampaignId>, Creative)>>,
    /// The message to show, of a screen that is parted in its first slot; `None` only before the first decision.
    pub showing: Option<Arc<Showing>>,
    /// How the screen is parted into slots; nothing where one message has all of the glass.
    pub layout: Option<Arc<Layout>>,
    /// The messages of the slots after the first, in their order; `None` only before the first decision.
    pub beside: Vec<Option<Arc<Showing>>>,
    /// What is to be shown instead for some seconds; it is no play, and nobody is measured during it.
    pub preview: Option<Arc<ScreenPreview>>,
    /// Whether the camera that watches this screen's audience is open.
    pub camera_open: bool,
    /// Why it is not, when it was refused.
    pub refusal: Option<Refusal>,
}

impl ScreenView {
    /// What the slots show, in their order; of a screen that is not parted its one message.
    pub fn showings(&self) -> impl Iterator<Item = &Arc<Showing>> {
        self.showing.iter().chain(self.beside.iter().flatten())
    }

    /// Takes the message of a slot, by its place in the layout from 0.
    pub(crate) fn show(&mut self, place: usize, showing: Arc<Showing>) {
        let shown = match place.checked_sub(1) {
            None => Some(&mut self.showing),
            Some(place) => self.beside.get_mut(place),
        };
        if let Some(shown) = shown {
            *shown = Some(showing);
        }
    }
}

/// One decision on its way to, or on, a screen.
#[derive(Clone, Debug)]
pub struct Showing {
    /// The decision, as logged.
    pub decision: Decision,
    /// The message.
    pub creative: Creative,
    /// The play that begins with it; a player that shows it reports under this id.
    pub play: PlayId,
    /// Capture time of the frame that led to it; `None` when the audience was not the cause.
    pub captured_at: Option<Timestamp>,
}

/// A message that somebody wants to see on a screen before it is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenPreview {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// The message.
    pub creative: Creative,
    /// In which slot it is looked at; nothing: on all of the glass. What the other slots showed has ended either way.
    pub slot: Option<SlotId>,
    /// Until when it stays; the screen decides anew then.
    pub until: Timestamp,
}

/// What became of an objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The cameras that watch in front of the screen; all of them are shut. None: nothing looks there.
    pub cameras: Vec<CameraId>,
    /// Until when they stay shut.
    pub until: Timestamp,
}

/// How one camera is doing.
#[derive(Clone, Debug)]
pub struct CameraHealth {
    /// Which camera.
    pub camera: CameraId,
    /// Where its frames come from, without credentials.
    pub source: String,
    /// Whether it is open.
    pub open: bool,
    /// Why it is not: the refusal of the gate.
    pub refusal: Option<Refusal>,
    /// Why it is not: the fault of the device, in words.
    pub fault: Option<String>,
    /// What data of its audience may not serve now, and why.
    pub withheld: Vec<Refusal>,
    /// Until when somebody in front of it agreed to be looked at, where that is needed.
    pub agreed_until: Option<Timestamp>,
    /// Until when it stays shut because somebody asked not to be looked at.
    pub objected_until: Option<Timestamp>,
    /// Frames captured in the last second.
    pub captured_per_sec: f32,
    /// Frames analysed in the last second.
    pub analyzed_per_sec: f32,
    /// Frames dropped since start, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Whether the profile lets the console show its picture.
    pub picture_allowed: bool,
}

/// How one screen is doing.
#[derive(Clone, Debug)]
pub struct ScreenHealth {
    /// Which screen.
    pub screen: ScreenId,
    /// Whether its notice is reported in view.
    pub alive: bool,
    /// Who plays it: `in-process`, or the id the browser gave itself.
    pub player: Option<String>,
    /// How often somebody in front of it asked not to be looked at within the last hour.
    pub n_objections_last_hour: usize,
    /// Whether that is so often that the operator should look into it. Nobody is refused for it.
    pub objections_repeated: bool,
}

/// How the engine is doing.
#[derive(Clone, Debug)]
pub struct Health {
    /// Since start.
    pub uptime_secs: f32,
    /// The cameras, in the order of the configuration.
    pub cameras: Vec<CameraHealth>,
    /// The screens, in the order of the configuration.
    pub screens: Vec<ScreenHealth>,
    /// The model runtime in use.
    pub runtime: String,
    /// From capture to glass.
    pub latency: LatencyQuantiles,
    /// Memory of the process, in bytes; 0 where the system does not tell.
    pub resident_bytes: u64,
    /// How often the gates refused since start, by code; a run of the same refusal counts once.
    pub refusals: BTreeMap<String, u64>,
    /// How often somebody asked not to be looked at within the last hour.
    pub n_objections_last_hour: usize,
    /// Why rows are not being recorded, such as a full disk; `None` while they are. The screens go on.
    pub recording_fault: Option<String>,
    /// Rows that wait to be written.
    pub rows_queued: usize,
    /// Rows that were lost because the store failed for too long.
    pub rows_lost: u64,
    /// Entries in the ledger.
    pub ledger_len: u64,
    /// Why the ledger cannot be written; `None` while it can. If it cannot, every camera is closed and
    /// every screen shows the default message alone, until it can again.
    pub ledger_fault: Option<String>,
    /// Version of the commitments in force.
    pub commitments_version: u32,
    /// Name of the profile in force.
    pub profile: String,
}

impl Health {
    /// Before anything has run.
    pub(crate) fn starting(runtime: String, profile: &str, commitments_version: u32) -> Self {
        Self {
            uptime_secs: 0.0,
            cameras: Vec::new(),
            screens: Vec::new(),
            runtime,
            latency: LatencyQuantiles::default(),
            resident_bytes: 0,
            refusals: BTreeMap::new(),
            n_objections_last_hour: 0,
            recording_fault: None,
            rows_queued: 0,
            rows_lost: 0,
            ledger_len: 0,
            ledger_fault: None,
            commitments_version,
            profile: profile.to_owned(),
        }
    }
}

/// Audience of one camera in one second, for the curves of the console.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryPoint {
    /// Beginning of the second.
    pub at: Timestamp,
    /// Mean number of visitors.
    pub n_visitors: f32,
    /// Mean attention of those measured; `None` when nobody was.
    pub attention: Option<f32>,
    /// Mean probabilities in the order of `Expression::ALL`; `None` when nobody was measured.
    pub expression: Option<[f32; 7]>,
}

/// A player's report that the notice is in view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which player; chosen by itself, at most 64 characters count.
    pub player: String,
    /// Hash of the notice it shows.
    pub notice_hash: String,
    /// Whether that notice and the page are in view.
    pub in_view: bool,
}

/// A player's report about a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlayReport {
    /// Which play.
    pub play: PlayId,
    /// Milliseconds on the glass so far.
    pub shown_millis: u64,
    /// Whether it ended.
    pub ended: bool,
}

/// Whom an offer is to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OfferFor {
    /// The audience that is there now.
    Present,
    /// An audience that is described.
    Described(Audience),
    /// Somebody who was recognised before the screen and agreed that messages are chosen for them.
    Person,
}

/// A message that fits, with what its campaign's policy expects of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which message.
    pub creative: CreativeId,
    /// Expected reward, in `[0, 1]` as a rule; a linear model may say a little more or less.
    pub mean: f64,
    /// Standard deviation of the belief about it.
    pub deviation: f64,
}
