//! What others ask of the conductor. One queue, one reader.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use regard_audience::Digest;
use regard_commitments::{Answer, EntryBody, Grant, Personalization, Sensing};
use regard_decision::{
    Acceptance, BadFact, Campaign, CampaignFault, CampaignStanding, Creative, FactValue, Facts,
    Outcome,
};
use regard_domain::{CameraId, CampaignId, PlayId, ScreenId, Sighting, SlotId, Timestamp, TrackId};
use regard_evaluation::EvidenceReport;
use tokio::sync::oneshot;

use crate::campaigns::CampaignChange;
use crate::conductor::Taken;
use crate::handle::EngineError;
use crate::view::{Heartbeat, Objection, OfferFor, PlayReport, Proposal};

/// Commands that wait. When full the sender is told that the engine is busy.
/// Origin: four cameras at 30 frames/s and a hundred players at 4 heartbeats/s fill a second of it.
const COMMAND_QUEUE_LEN: usize = 1_024;

pub(crate) enum Command {
    /// A camera thread asks for a grant.
    AskCamera {
        camera: CameraId,
        reply: SyncSender<Answer<Grant<Sensing>>>,
    },
    /// A camera opened its device.
    CameraOpened { camera: CameraId },
    /// A camera is closed; a fault in words if it was not the gate.
    CameraClosed {
        camera: CameraId,
        fault: Option<String>,
    },
    /// A frame was analysed; `sighting` only while a recording runs.
    Seen {
        camera: CameraId,
        digest: Digest,
        at: Timestamp,
        sighting: Option<Box<Sighting>>,
    },
    /// Nobody is seen on a camera any more: it closed, or sends nothing.
    Emptied {
        camera: CameraId,
        digest: Digest,
        at: Timestamp,
    },
    /// The notice is in view.
    Heartbeat {
        screen: ScreenId,
        heartbeat: Heartbeat,
    },
    /// A play is on the glass.
    Shown {
        screen: ScreenId,
        play: PlayId,
        player: String,
        at: Timestamp,
    },
    /// How long a play was on the glass.
    Play {
        screen: ScreenId,
        report: PlayReport,
    },
    /// Something came of a decision.
    Outcome {
        outcome: Outcome,
        reply: oneshot::Sender<(Acceptance, Option<Taken>)>,
    },
    /// A fact is set.
    SetFact {
        name: String,
        value: FactValue,
        expires_at: Option<Timestamp>,
        reply: oneshot::Sender<Result<(), BadFact>>,
    },
    /// A fact is taken back; answered is whether it was there.
    ForgetFact {
        name: String,
        reply: oneshot::Sender<bool>,
    },
    /// The facts are asked for.
    Facts {
        reply: oneshot::Sender<Vec<(String, FactValue)>>,
    },
    /// The campaigns are asked for.
    Campaigns {
        reply: oneshot::Sender<Vec<Campaign>>,
    },
    /// How the campaigns in force stand is asked for.
    Standings {
        reply: oneshot::Sender<Vec<CampaignStanding>>,
    },
    /// The campaigns are replaced.
    SetCampaigns {
        campaigns: Vec<Campaign>,
        reply: oneshot::Sender<Result<Vec<CampaignId>, Vec<CampaignFault>>>,
    },
    /// One campaign is changed; serialised here, so that two changes at once both count.
    ChangeCampaign {
        change: Box<CampaignChange>,
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
    /// What is known of a campaign is asked for.
    Evidence {
        campaign: CampaignId,
        reply: oneshot::Sender<Option<EvidenceReport>>,
    },
    /// What would fit is asked for.
    Offers {
        screen: ScreenId,
        whom: OfferFor,
        reply: oneshot::Sender<Option<Answer<Vec<Proposal>>>>,
    },
    /// A screen is to show something for some seconds that is no play; answered is until when, nothing
    /// where the ledger cannot be written.
    Preview {
        screen: ScreenId,
        preview: Box<(CampaignId, Creative, Option<SlotId>)>,
        duration: Duration,
        reply: oneshot::Sender<Option<Timestamp>>,
    },
    /// Somebody asks not to be looked at.
    Object {
        screen: ScreenId,
        duration: Duration,
        reply: oneshot::Sender<Objection>,
    },
    /// Somebody in front of a screen agrees to be looked at.
    Agree {
        screen: ScreenId,
        duration: Duration,
        reply: oneshot::Sender<Answer<Timestamp>>,
    },
    /// Somebody takes that back.
    Withdraw {
        screen: ScreenId,
        reply: oneshot::Sender<()>,
    },
    /// Who stands alone before a screen is asked for.
    Alone {
        screen: ScreenId,
        reply: oneshot::Sender<Option<TrackId>>,
    },
    /// Somebody was recognised: their wishes take part from now on.
    Welcome {
        screen: ScreenId,
        grant: Box<Grant<Personalization>>,
        wishes: Facts,
        reply: oneshot::Sender<bool>,
    },
    /// The ledger is told of something that was done outside the conductor.
    Enter { body: EntryBody },
    /// The ledger could not be written, or can be again.
    Ledger { writable: bool },
}

/// The writing end; cheap to clone.
#[derive(Clone)]
pub(crate) struct CommandSender(SyncSender<Command>);

impl CommandSender {
    /// Hands a command over without waiting.
    pub(crate) fn send(&self, command: Command) -> Result<(), EngineError> {
        self.0.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => EngineError::Busy,
            TrySendError::Disconnected(_) => EngineError::Stopped,
        })
    }

    /// Hands a command over, waiting for room: for threads of the engine whose word must arrive.
    pub(crate) fn send_waiting(&self, command: Command) -> Result<(), EngineError> {
        self.0.send(command).map_err(|_| EngineError::Stopped)
    }
}

/// A queue for commands.
pub(crate) fn command_queue() -> (CommandSender, Receiver<Command>) {
    let (sender, receiver) = sync_channel(COMMAND_QUEUE_LEN);
    (CommandSender(sender), receiver)
}
