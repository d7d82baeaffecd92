//! The order of the stages: cameras, analysis, decisions, screens, and what is kept of it.
//!
//! In: a configuration. Out: a running [`Engine`], seen and steered through its handle. This room
//! alone reads the clock, spawns threads, and writes what the others compute. It never looks at a
//! frame itself, never decides what may be looked at, and never knows SQL or HTTP.

mod access;
mod analysis;
mod assembly;
mod backup;
mod calendar;
mod camera;
mod campaigns;
mod chronicle;
mod clock;
mod collections;
mod command;
mod conductor;
mod config;
mod custody;
mod drafts;
mod fault;
mod galleries;
mod greeter;
mod handle;
mod history;
mod inquiry;
mod kept_campaigns;
mod keys;
mod lane;
mod layout;
mod memory;
mod metrics;
mod minute;
mod overview;
mod paper_desk;
mod papers;
mod personalizer;
mod players;
mod podium;
mod previews;
mod private_file;
mod queue;
mod recognition;
mod recorder;
mod recording;
mod remembered;
mod replay;
mod screen;
mod seed;
mod simulation;
mod spot;
mod start;
mod statistics;
mod stopper;
mod studies;
mod sweeper;
mod uses;
mod view;
mod welcome;
mod zones;

pub use access::{
    BadToken, Installation, InstallationError, NewToken, SittingError, Token, TokenRecord,
};
pub use backup::{BackedUp, BackupError, Restored, back_up, restore};
pub use calendar::{Calendar, UnknownTimeZone};
pub use campaigns::CampaignChange;
pub use chronicle::ChronicleError;
pub use clock::{SystemClock, WallClock};
pub use collections::{
    Caller, CollectedFace, CollectionError, CollectionInfo, Collections, FoundFace, Leave,
    MAX_FOUND, MAX_NAME_LEN, NewFaces, PictureFault, Probe,
};
pub use config::{
    CameraConfig, EngineConfig, GalleryConfig, GalleryKind, HAS_GALLERY_INDEX, INDEX_BEYOND,
    MarkedSpot, RecognitionConfig, ScreenConfig, SiteKeyConfig,
};
pub use custody::{
    Agreement, Authenticated, BadTokenUri, ClaimedFace, Custodian, CustodyError, Enrolled,
    ExportedFace, FaceNote, FaceQualityNote, KeptFace, KeyPlace, MAX_FACES, MAX_ROSTER_PAGE,
    MakeTemplate, MergeFault, Offer, OpenedFace, PersonConsent, PersonExport, PersonNote, Rekeyed,
    Rotated, SiteKeyFile, SweptKeys, TOKEN_SCHEME, TokenError, TokenProbe, TokenUri, WishSource,
    Wishes, own_gallery, rotate,
};
pub use drafts::{CampaignDraft, CampaignVersion, DraftError};
pub use galleries::{Galleries, GalleryAnswer, GalleryIndex, RecordMerge, SearchError};
pub use handle::{Engine, EngineError};
pub use keys::{KeyError, existing_site_keys, site_keys};
pub use layout::{BadLayout, Layout, MAX_SLOTS, MIN_SLOT_PERCENT, SlotArea};
pub use memory::resident_bytes;
pub use metrics::{
    DropReason, LATENCY_BOUNDS_SECS, LatencyHistogram, LatencyQuantiles, MetricsSnapshot,
};
pub use overview::{CampaignLine, DraftLine, DraftStanding};
pub use paper_desk::PaperVersion;
pub use papers::{
    MadePapers, PAPERS_FOLDER, PaperMaker, campaigns_in_force, copy_name as papers_copy_name,
};
pub use personalizer::{
    BadPersonalizerSettings, LearningMode, PERSONALIZER, Personalizer, PersonalizerError,
    PersonalizerReport, PersonalizerSettings, RankWish, RankableAction, Ranked, RankedSlots,
    Rewarded, SlotWish, SlotsWish,
};
pub use previews::{MAX_PREVIEW, PreviewError};
pub use private_file::{create_private_folder, write_private};
pub use recognition::{
    Attempt, AttemptOutcome, AttestationWish, CaptureBegun, CaptureFeedback, CaptureId,
    CaptureMode, CaptureOutcome, CaptureStep, Claim, ComparedFace, FoundVisitor, GalleryStanding,
    KindStanding, KnownAttestation, Look, Looked, LookedFace, MAX_ATTEMPTS_TOLD, MAX_LOOKED,
    MAX_PICTURE_BYTES, PictureQuality, RecognitionError, Recognizer, SearchBegun, SearchId,
    SearchedPicture, StudioError, VerifiedClaim, Visitor,
};
pub use recording::{RECORDING_FORMAT, RecordingError};
pub use regard_vision::{FilmFlashes, VideoError, look_for_flashes};
pub use replay::{Replayed, replay};
pub use screen::notice_text;
pub use seed::{from_hex, random_key, to_hex};
pub use simulation::{
    Simulated, SimulatedPlay, SimulationConfig, SimulationError, Tastes, simulate,
};
pub use start::StartError;
pub use statistics::{LibraryFault, NoiseError, PrivacyBudget, Statistician, StatisticsError};
pub use studies::{
    AnsweredWrong, INVITATION_PERIOD, MAX_INVITATIONS, MovementStanding, Participant, Seated,
    SittingMark, SittingSeen, Studies, StudyError, StudyNote, StudyReport,
};
pub use view::{
    CameraHealth, Health, Heartbeat, HistoryPoint, LiveView, Objection, OfferFor, PlayReport,
    Proposal, ScreenHealth, ScreenPreview, ScreenView, Showing,
};
pub use welcome::WelcomeError;
pub use zones::{DrawnZones, MAX_ZONES, ZonesDamaged, ZonesError};

use regard_commitments::{Refusal, RefusalCode};

/// Why the camera's picture is not shown.
fn picture_refusal() -> Refusal {
    Refusal::new(
        RefusalCode::FeatureNotInProfile,
        "the picture of the camera is shown under profile lab only",
        "look at the audience as data, or run under profile lab on own premises with volunteers",
    )
}
