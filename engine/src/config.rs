//! What an engine is started with.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use regard_audience::CrowdSettings;
use regard_backends::{PgAddress, ShardSecret};
use regard_commitments::Commitments;
use regard_decision::{Campaign, ContextSpec, Creative};
use regard_domain::{CameraId, ScreenId, SlotId};
use regard_identity::TargetRate;
use regard_inference::RuntimeChoice;
use regard_vision::{CameraPlacement, SourceSpec};

use crate::custody::TokenUri;
use crate::layout::Layout;
use crate::papers::PaperMaker;

/// One camera.
#[derive(Clone, Debug)]
pub struct CameraConfig {
    /// Its id.
    pub camera: CameraId,
    /// Where its frames come from.
    pub source: SourceSpec,
    /// Where it hangs as seen from the screen.
    pub placement: CameraPlacement,
    /// Whether frames are also searched in full resolution, for faces from 24 pixels up at 1080p: a piece of
    /// the picture with each search, ten a second, so that all of full HD has its turn in two and a half seconds.
    pub full_resolution: bool,
}

/// One screen.
#[derive(Clone, Debug)]
pub struct ScreenConfig {
    /// Its id.
    pub screen: ScreenId,
    /// The camera that watches its audience, if any.
    pub camera: Option<CameraId>,
    /// Whether the program plays it itself while no browser does.
    pub in_process: bool,
    /// How it is parted into slots; nothing where one message has all of the glass.
    pub layout: Option<Layout>,
}

impl ScreenConfig {
    /// The slots it is parted into, in order; none where it is not.
    pub(crate) fn slots(&self) -> Vec<SlotId> {
        let slots = self.layout.iter().flat_map(Layout::slots);
        slots.cloned().collect()
    }
}

/// Where the key is that wraps the keys of persons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteKeyConfig {
    /// Its file, made where there is none; `custody.key` in the data folder when none is named, where whoever takes the
    /// disk takes the key too.
    pub file: Option<PathBuf>,
    /// A file whose first line is the passphrase that the key is encrypted with; of a key in a token its PIN, where the
    /// address names no other.
    pub passphrase_file: Option<PathBuf>,
    /// The key lies in a PKCS#11 token, and the file says which; a key that is made is made there.
    pub token: Option<TokenUri>,
}

/// What keeps those who may be found, and how they are looked for. Answers are the same from all but for whom an index misses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GalleryKind {
    /// The memory of this process; everybody is compared.
    #[default]
    Exact,
    /// The memory of this process; beyond some size an index of neighbours is asked first, and whom it names compared exactly. Needs
    /// [`HAS_GALLERY_INDEX`].
    Neighbours {
        /// Templates up to which everybody is compared all the same.
        beyond: usize,
    },
    /// The memory of other machines, each with a part of those who enrolled; everybody is compared. The parts are filled anew at each
    /// start, and after each time that one failed.
    Parts {
        /// Where they are; which person is in which part follows from their number and order.
        addresses: Vec<SocketAddr>,
        /// What they share with this site alone.
        secret: ShardSecret,
    },
    /// A database with the extension `vector`; everybody is compared, there. What it holds is put right against the consents of
    /// this site at each start, and after each time that it failed.
    Database(PgAddress),
}

/// Templates beyond which an index of neighbours is asked, where nobody says otherwise: a comparison with everybody takes longer than
/// 15 ms of one core there.
pub const INDEX_BEYOND: usize = 2_000_000;

/// How many can be found in a gallery, and how they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GalleryConfig {
    /// Most templates in one gallery, about 220 bytes each. When full, enrolments are refused.
    pub max_templates: usize,
    /// What keeps them.
    pub kind: GalleryKind,
}

impl Default for GalleryConfig {
    /// A million, 220 MB; in memory, everybody compared.
    fn default() -> Self {
        Self {
            max_templates: 1_000_000,
            kind: GalleryKind::default(),
        }
    }
}

/// Whether this program was built with the index of neighbours (feature `hnsw`).
pub const HAS_GALLERY_INDEX: bool = cfg!(feature = "hnsw");

/// A place before a camera that is marked for those who want to be recognised there, as shares of the picture's sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkedSpot {
    /// Left edge, from 0 to 1.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl MarkedSpot {
    /// Whether a point lies in it.
    pub fn contains(&self, x: f32, y: f32) -> bool {
        (self.left..self.left + self.width).contains(&x)
            && (self.top..self.top + self.height).contains(&y)
    }
}

/// At which error rates faces of those who agreed are recognised, where whoever asks says nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct RecognitionConfig {
    /// False match rate at which claims (1:1) are decided.
    pub verify_fmr: TargetRate,
    /// Share of searches by strangers that find somebody at most (1:N).
    pub identify_fpir: TargetRate,
    /// Whether the gallery of visitors is armed at every start, as far as promise and profile allow.
    pub arms_gallery: bool,
    /// Whether cameras before screens read face tokens that are held up to them.
    pub reads_tokens: bool,
    /// Places that are marked for those who want to be recognised by standing there, by camera.
    pub spots: Vec<(CameraId, MarkedSpot)>,
    /// How many can be found, and how.
    pub gallery: GalleryConfig,
}

impl Default for RecognitionConfig {
    /// One in ten thousand false claims, one in a thousand false finds, nothing armed.
    fn default() -> Self {
        Self {
            verify_fmr: TargetRate::ONE_IN_10_000,
            identify_fpir: TargetRate::ONE_IN_1_000,
            arms_gallery: false,
            reads_tokens: false,
            spots: Vec::new(),
            gallery: GalleryConfig::default(),
        }
    }
}

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Where everything is kept. Created when it is not there.
    pub data_dir: PathBuf,
    /// What the site promises; signed with the site's key at start.
    pub commitments: Commitments,
    /// The cameras, in the order of the configuration.
    pub cameras: Vec<CameraConfig>,
    /// The screens, in the order of the configuration.
    pub screens: Vec<ScreenConfig>,
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
    /// The message when no campaign has one.
    pub default_message: Creative,
    /// Which facts policies learn from.
    pub context: ContextSpec,
    /// Name of the site's time zone; none: the machine's.
    pub time_zone: Option<String>,
    /// Tracking and moments.
    pub crowd: CrowdSettings,
    /// Analysis threads; none: one a core.
    pub n_workers: Option<usize>,
    /// Which model runtime.
    pub runtime: RuntimeChoice,
    /// A folder with further model files.
    pub models: Option<PathBuf>,
    /// Longer side of the picture that faces are looked for in, in pixels.
    pub detector_long_side_px: u32,
    /// Where the key is that wraps the keys of persons.
    pub site_key: SiteKeyConfig,
    /// Recognition of those who asked for it; what may be is in the commitments.
    pub recognition: RecognitionConfig,
    /// Makes the papers that the law asks for; nothing: none are made, and an impact assessment of a certain
    /// configuration does not count.
    pub papers: Option<PaperMaker>,
    /// A file to record what the engine is told in, for replay. It must not be there yet.
    pub recording: Option<PathBuf>,
}

impl EngineConfig {
    /// The slots of all screens, each once: policies see in which of them they choose.
    pub fn slots(&self) -> BTreeSet<SlotId> {
        self.screens.iter().flat_map(ScreenConfig::slots).collect()
    }
}
