//! The handle on a running engine: all that the server and the command line can do with it.

mod facts;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regard_backends::{Setting, Store, StoreError};
use regard_commitments::{
    Answer, Digest, DpiaStanding, Notice, PlaceCodes, Profile, Refusal, RefusalCode, RetentionGate,
    Scope, VerifiedCommitments,
};
use regard_decision::{Acceptance, BadFact, Campaign, CampaignFault, Creative, Outcome};
use regard_domain::{CameraId, CampaignId, Clock, PlayId, ScreenId, Timestamp};
use regard_vision::{PushError, PushQueue};
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use crate::analysis::AnalysisLane;
use crate::calendar::Calendar;
use crate::campaigns::CampaignChange;
use crate::collections::Collections;
use crate::command::{Command, CommandSender};
use crate::custody::Custodian;
use crate::history::History;
use crate::kept_campaigns;
use crate::metrics::{LatencyQuantiles, Metrics, MetricsSnapshot};
use crate::paper_desk::PaperDesk;
use crate::personalizer::Personalizer;
use crate::players::Players;
use crate::recognition::Recognizer;
use crate::statistics::Statistician;
use crate::stopper::Stopper;
use crate::studies::Studies;
use crate::view::{Health, Heartbeat, HistoryPoint, LiveView, Objection, PlayReport, ScreenView};

/// Why the engine did not do what it was asked.
#[derive(Debug, Error)]
pub enum EngineError {
    /// There is no such screen.
    #[error("there is no screen {0}")]
    UnknownScreen(ScreenId),
    /// There is no such camera.
    #[error("there is no camera {0}")]
    UnknownCamera(CameraId),
    /// The gate says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// More was asked at once than fits into its queue; ask again.
    #[error("the engine is busy")]
    Busy,
    /// It has stopped.
    #[error("the engine has stopped")]
    Stopped,
    /// The fact cannot be taken.
    #[error("the fact was not taken")]
    Fact(#[source] BadFact),
    /// The campaigns cannot be taken; every mistake is listed.
    #[error("the campaigns have {} mistakes", .0.len())]
    Campaigns(Vec<CampaignFault>),
    /// There is no such campaign.
    #[error("there is no campaign {0}")]
    UnknownCampaign(CampaignId),
    /// There is a campaign of that id already.
    #[error("there is a campaign {0} already")]
    CampaignExists(CampaignId),
    /// The campaign is another than the change was made for.
    #[error("campaign {0} was changed meanwhile")]
    CampaignChanged(CampaignId),
    /// The ledger cannot be written, so that nothing may be done that it must tell of.
    #[error("the ledger cannot be written")]
    LedgerUnavailable,
    /// The store failed.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// The frame was not taken.
    #[error("the frame was not taken")]
    Push(#[source] PushError),
}

/// A running engine. Cheap to clone; the engine stops when [`Engine::stop`] is called.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// What the threads of an engine and its handles share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commands: CommandSender,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: watch::Receiver<Arc<Health>>,
    pub(crate) screens: BTreeMap<ScreenId, watch::Receiver<Arc<ScreenView>>>,
    pub(crate) cameras: BTreeMap<CameraId, CameraOutlet>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) commitments: VerifiedCommitments,
    pub(crate) retention: RetentionGate,
    pub(crate) notice: Arc<Notice>,
    /// Which camera watches the audience of each screen.
    pub(crate) watched_by: BTreeMap<ScreenId, Option<CameraId>>,
    pub(crate) profile: Profile,
    pub(crate) place_codes: PlaceCodes,
    pub(crate) picture_allowed: bool,
    pub(crate) calendar: Calendar,
    pub(crate) stopper: Stopper,
    pub(crate) players: Arc<Players>,
    /// Which campaigns the configuration has.
    pub(crate) configured: Digest,
    /// Held while campaigns or zones are changed and kept, so that the last word is the last one kept.
    pub(crate) changing: tokio::sync::Mutex<()>,
    pub(crate) custodian: Arc<Custodian>,
    pub(crate) recognizer: Arc<Recognizer>,
    pub(crate) collections: Arc<Collections>,
    pub(crate) statistician: Arc<Statistician>,
    pub(crate) papers: Arc<PaperDesk>,
    pub(crate) personalizer: Arc<Personalizer>,
    pub(crate) studies: Arc<Studies>,
}

/// Where one camera's results can be seen.
pub(crate) struct CameraOutlet {
    pub(crate) lane: Arc<AnalysisLane>,
    pub(crate) live: watch::Receiver<Option<Arc<LiveView>>>,
    pub(crate) preview: watch::Receiver<Option<Arc<[u8]>>>,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) pushed: Option<PushQueue>,
}

/// Longest time an answer of the engine is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    /// The engine's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The store, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Who keeps what belongs to persons: consents, receipts, keys.
    pub fn custodian(&self) -> &Arc<Custodian> {
        &self.shared.custodian
    }

    /// Who recognises those who asked for it.
    pub fn recognizer(&self) -> &Arc<Recognizer> {
        &self.shared.recognizer
    }

    /// The collections of faces that services hold under an attestation.
    pub fn collections(&self) -> &Arc<Collections> {
        &self.shared.collections
    }

    /// Who makes and keeps the noised numbers of each day.
    pub fn statistician(&self) -> &Arc<Statistician> {
        &self.shared.statistician
    }

    /// The studies of the site.
    pub fn studies(&self) -> &Arc<Studies> {
        &self.shared.studies
    }

    /// Who ranks what others offer.
    pub fn personalizer(&self) -> &Arc<Personalizer> {
        &self.shared.personalizer
    }

    /// Keeps a setting of the installation, such as the hash of the admin token, as long as the
    /// commitments allow. Setting it again at each start prolongs it.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when the commitments promise no such data; [`EngineError::Store`].
    pub async fn put_setting(&self, name: &str, value: String) -> Result<(), EngineError> {
        let setting = Setting {
            name: name.to_owned(),
            value,
        };
        match self.shared.retention.keep(setting, self.now()) {
            Answer::Granted(kept) => Ok(self.shared.store.put_setting(&kept).await?),
            Answer::Refused(refusal) => Err(EngineError::Refused(refusal)),
        }
    }

    /// The commitments in force.
    pub fn commitments(&self) -> &VerifiedCommitments {
        &self.shared.commitments
    }

    /// The notice that screens must show.
    pub fn notice(&self) -> &Arc<Notice> {
        &self.shared.notice
    }

    /// The cameras, in order of id.
    pub fn cameras(&self) -> Vec<CameraId> {
        self.shared.cameras.keys().cloned().collect()
    }

    /// The screens, in order of id.
    pub fn screens(&self) -> Vec<ScreenId> {
        self.shared.screens.keys().cloned().collect()
    }

    /// How the engine is doing; renewed every second.
    pub fn health(&self) -> watch::Receiver<Arc<Health>> {
        self.shared.health.clone()
    }

    /// Everything counted so far.
    pub fn metrics(&self) -> MetricsSnapshot {
        self.shared.metrics.snapshot()
    }

    /// From capture to glass.
    pub fn latency(&self) -> LatencyQuantiles {
        self.shared.metrics.latency()
    }

    /// What a screen is to show; changes as soon as a decision is taken.
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`].
    pub fn screen(
        &self,
        screen: &ScreenId,
    ) -> Result<watch::Receiver<Arc<ScreenView>>, EngineError> {
        let unknown = || EngineError::UnknownScreen(screen.clone());
        self.shared.screens.get(screen).cloned().ok_or_else(unknown)
    }

    /// The message of a screen where no campaign has any.
    pub(crate) fn default_message(&self, screen: &ScreenId) -> Result<Creative, EngineError> {
        let view = self.screen(screen)?;
        let default = view.borrow().creatives.first().map(|(_, c)| c.clone());
        default.ok_or(EngineError::Stopped)
    }

    /// The camera that looks at the audience of a screen, if one does.
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`].
    pub fn camera_of(&self, screen: &ScreenId) -> Result<Option<CameraId>, EngineError> {
        let unknown = || EngineError::UnknownScreen(screen.clone());
        self.shared
            .watched_by
            .get(screen)
            .cloned()
            .ok_or_else(unknown)
    }

    pub(crate) fn outlet(&self, camera: &CameraId) -> Result<&CameraOutlet, EngineError> {
        let unknown = || EngineError::UnknownCamera(camera.clone());
        self.shared.cameras.get(camera).ok_or_else(unknown)
    }

    /// What a camera sees, as data; `None` inside until its first frame, and while it is closed.
    ///
    /// # Errors
    /// [`EngineError::UnknownCamera`].
    pub fn live(
        &self,
        camera: &CameraId,
    ) -> Result<watch::Receiver<Option<Arc<LiveView>>>, EngineError> {
        Ok(self.outlet(camera)?.live.clone())
    }

    /// Whether the profile lets the console show the picture of the camera.
    pub fn picture_allowed(&self) -> bool {
        self.shared.picture_allowed
    }

    /// The last frame of a camera as JPEG; `None` while it is closed.
    ///
    /// # Privacy
    /// Only under a profile that allows the picture (`lab`).
    ///
    /// # Errors
    /// [`EngineError::Refused`] with `feature_not_in_profile` under any other profile;
    /// [`EngineError::UnknownCamera`].
    pub fn preview(&self, camera: &CameraId) -> Result<Option<Arc<[u8]>>, EngineError> {
        let outlet = self.outlet(camera)?;
        if !self.shared.picture_allowed {
            return Err(EngineError::Refused(crate::picture_refusal()));
        }
        Ok(outlet.preview.borrow().clone())
    }

    /// The audience of a camera second by second, since a time, at most the last 15 minutes.
    ///
    /// # Errors
    /// [`EngineError::UnknownCamera`].
    pub fn history(
        &self,
        camera: &CameraId,
        since: Timestamp,
    ) -> Result<Vec<HistoryPoint>, EngineError> {
        let history = &self.outlet(camera)?.history;
        Ok(history
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .since(since))
    }

    /// Hands in a frame of a browser's camera.
    ///
    /// # Privacy
    /// The frame is looked at under the grant of its camera, or thrown away when there is none.
    ///
    /// # Errors
    /// [`EngineError::UnknownCamera`] when the camera takes no pushed frames; [`EngineError::Push`]
    /// when the frame is too large or the camera closed.
    pub fn push_frame(
        &self,
        camera: &CameraId,
        jpeg: Vec<u8>,
        captured_at: Timestamp,
    ) -> Result<(), EngineError> {
        let unknown = || EngineError::UnknownCamera(camera.clone());
        let queue = self.outlet(camera)?.pushed.as_ref().ok_or_else(unknown)?;
        queue
            .push(jpeg, captured_at)
            .map(|_| ())
            .map_err(EngineError::Push)
    }

    /// Whether a camera takes frames of a browser.
    pub fn takes_pushed_frames(&self, camera: &CameraId) -> bool {
        self.outlet(camera).is_ok_and(|o| o.pushed.is_some())
    }

    /// A player says that the notice is in view.
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub fn heartbeat(&self, screen: &ScreenId, heartbeat: Heartbeat) -> Result<(), EngineError> {
        self.screen(screen)?;
        self.shared.commands.send(Command::Heartbeat {
            screen: screen.clone(),
            heartbeat,
        })
    }

    /// A player says that a play is on the glass since `at`.
    ///
    /// # Errors
    /// As [`Self::heartbeat`].
    pub fn shown(
        &self,
        screen: &ScreenId,
        play: PlayId,
        player: String,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        self.screen(screen)?;
        self.shared.commands.send(Command::Shown {
            screen: screen.clone(),
            play,
            player,
            at,
        })
    }

    /// A player says how long a play was on the glass.
    ///
    /// # Errors
    /// As [`Self::heartbeat`].
    pub fn play(&self, screen: &ScreenId, report: PlayReport) -> Result<(), EngineError> {
        self.screen(screen)?;
        self.shared.commands.send(Command::Play {
            screen: screen.clone(),
            report,
        })
    }

    pub(crate) async fn ask<A>(
        &self,
        command: impl FnOnce(oneshot::Sender<A>) -> Command,
    ) -> Result<A, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.shared.commands.send(command(reply))?;
        match tokio::time::timeout(ANSWER_PATIENCE, answer).await {
            Ok(answer) => answer.map_err(|_| EngineError::Stopped),
            Err(_) => Err(EngineError::Busy),
        }
    }

    /// Somebody asks not to be looked at: every camera that watches in front of the screen is shut for so
    /// long, at most [`MAX_OBJECTION`](regard_commitments::MAX_OBJECTION), and the answer comes when it is.
    ///
    /// That they stand there is for the caller to make sure, see [`Self::place_codes`].
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn object(
        &self,
        screen: &ScreenId,
        duration: Duration,
    ) -> Result<Objection, EngineError> {
        self.screen(screen)?;
        let screen = screen.clone();
        self.ask(|reply| Command::Object {
            screen,
            duration,
            reply,
        })
        .await
    }

    /// Somebody in front of a screen agrees to be looked at, for so long, at most
    /// [`MAX_AGREEMENT`](regard_commitments::MAX_AGREEMENT) or until they have left. Answers until when.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with `feature_not_in_profile` where no agreement is waited for;
    /// [`EngineError::UnknownScreen`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn agree(
        &self,
        screen: &ScreenId,
        duration: Duration,
    ) -> Result<Timestamp, EngineError> {
        self.screen(screen)?;
        let screen = screen.clone();
        let answer = self
            .ask(|reply| Command::Agree {
                screen,
                duration,
                reply,
            })
            .await?;
        match answer {
            Answer::Granted(until) => Ok(until),
            Answer::Refused(refusal) => Err(EngineError::Refused(refusal)),
        }
    }

    /// Somebody in front of a screen takes their agreement back. What rests on it is closed when this
    /// answers, and nothing more is learned from what was shown to them.
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn withdraw_agreement(&self, screen: &ScreenId) -> Result<(), EngineError> {
        self.screen(screen)?;
        let screen = screen.clone();
        self.ask(|reply| Command::Withdraw { screen, reply }).await
    }

    /// The codes that screens and signs of this site show.
    pub fn place_codes(&self) -> &PlaceCodes {
        &self.shared.place_codes
    }

    /// What the impact assessment that the commitments name is worth to the configuration that runs; nothing where they
    /// name none.
    pub fn assessment(&self) -> Option<DpiaStanding> {
        let dpia = self.shared.commitments.document().dpia.as_ref()?;
        Some(dpia.standing(self.shared.custodian.assessed(), self.now()))
    }

    /// The profile in force.
    pub fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    /// Something came of a decision.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn outcome(&self, outcome: Outcome) -> Result<Acceptance, EngineError> {
        let asked = self.ask(|reply| Command::Outcome { outcome, reply });
        let (acceptance, taken) = asked.await?;
        if let Some(taken) = taken
            && let Err(error) = self.custodian().count_taken(&taken).await
        {
            // Taken back meanwhile, or not to be kept: the outcome counts all the same.
            tracing::debug!(%error, "what somebody took up was not counted for them");
        }
        Ok(acceptance)
    }

    /// The campaigns in force.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, EngineError> {
        self.ask(|reply| Command::Campaigns { reply }).await
    }

    /// Replaces the campaigns. What was learned stays where policy and features are the same; returned
    /// are the campaigns whose policy had learned something and began afresh.
    ///
    /// # Errors
    /// [`EngineError::Campaigns`] with every mistake; nothing has changed then. [`EngineError::Store`]: they are in
    /// force, but only until the program ends.
    pub async fn set_campaigns(
        &self,
        campaigns: Vec<Campaign>,
    ) -> Result<Vec<CampaignId>, EngineError> {
        let _order = self.shared.changing.lock().await;
        self.check_slots(&campaigns, &self.campaigns().await?)?;
        let afresh = self
            .ask(|reply| Command::SetCampaigns { campaigns, reply })
            .await?
            .map_err(EngineError::Campaigns)?;
        self.keep_campaigns().await?;
        Ok(afresh)
    }

    /// Changes one campaign, or adds a message to it, at once for everyone: of two changes that come at
    /// the same time none is lost.
    ///
    /// # Errors
    /// [`EngineError::UnknownCampaign`], [`EngineError::CampaignExists`], [`EngineError::CampaignChanged`], [`EngineError::Campaigns`] with every
    /// mistake; nothing has changed then. [`EngineError::Store`]: it is in force, but only until the program ends.
    pub async fn change_campaign(&self, change: CampaignChange) -> Result<(), EngineError> {
        let _order = self.shared.changing.lock().await;
        let in_force = self.campaigns().await?;
        let changed = change.clone().apply(in_force.clone())?;
        self.check_slots(&changed, &in_force)?;
        self.ask(|reply| Command::ChangeCampaign {
            change: Box::new(change),
            reply,
        })
        .await??;
        self.keep_campaigns().await
    }

    /// Keeps the campaigns in force over a restart, durably.
    async fn keep_campaigns(&self) -> Result<(), EngineError> {
        let in_force = self.campaigns().await?;
        let Shared {
            configured,
            store,
            retention,
            ..
        } = &*self.shared;
        let changed = in_force.clone();
        kept_campaigns::keep(in_force, *configured, store, retention, self.now()).await?;
        self.renew_papers(changed).await;
        Ok(())
    }

    /// Why it is not told what faces show in pictures that services send; nothing where it is: while a camera of the site is
    /// open under a live notice, and what its audience shows may serve.
    pub fn expression_in_pictures(&self) -> Option<Refusal> {
        let refused = |code, reason, remedy| Some(Refusal::new(code, reason, remedy));
        if !self
            .shared
            .commitments
            .document()
            .scopes
            .contains(Scope::Expression)
        {
            return refused(
                RefusalCode::PurposeNotPromised,
                "the commitments do not name the analysis of expressions",
                "promise it, and say so in the notice",
            );
        }
        let health = self.shared.health.borrow();
        let open: Vec<_> = health.cameras.iter().filter(|camera| camera.open).collect();
        if open.is_empty() {
            return refused(
                RefusalCode::NoticeMissing,
                "no notice that tells of expressions is reported in view",
                "open a screen that shows it",
            );
        }
        if open.iter().all(|camera| !camera.withheld.is_empty()) {
            let first = open.iter().flat_map(|camera| &camera.withheld).next();
            return first.cloned();
        }
        None
    }

    /// When the present day began at the site.
    pub fn day_began_at(&self) -> Timestamp {
        self.shared.calendar.day_began_at(self.now())
    }

    /// Stops everything in order: cameras close, what was decided is written, plays are ended.
    /// Answers when all is written. A second call answers at once.
    pub async fn stop(&self) {
        self.shared.stopper.stop().await;
    }
}
