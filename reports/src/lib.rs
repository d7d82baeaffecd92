//! Papers for people: signs to print, what the law wants written about an installation, and what plays did.
//!
//! In: the texts of a notice, an address for its code; facts about a configuration; plays with sums about them; curves of a video
//! that somebody analyses; studies added up. Out: bytes of SVG or PDF; papers as values and as pages; tables, signed records of
//! plays; studies as pages and papers. This room never reads a file, never looks at the clock, and sees nothing about anybody beyond
//! what whoever analyses a video of their own asked for.

mod collection;
mod font;
mod layout;
mod papers;
mod pdf;
mod plays;
mod sheet;
mod sign;
mod studies;
mod svg;
mod timeline;

pub use collection::{CollectionSummary, MIN_GROUP, SummarizedItem};
pub use papers::{
    BREACH_PERIOD, BreachFacts, BreachNature, CameraFact, CampaignFact, Facts, GuardFact, Happens,
    Item, LegalPaper, Look, Measurement, ModelFact, PAPERS_FORMAT, PaperChange, Papers, Point,
    Question, ScreenFact, ServiceFact, Source, Standing,
};
pub use plays::{
    DoohScreen, Grouping, NUMBERS, Number, PlayProof, PlayRecord, PlayTable, ProofFault,
    ReportPlay, ReportRow, openrtb, prove_plays, verify_plays,
};
pub use sheet::Paper;
pub use sign::{Sign, SignError, sign_pdf, sign_svg};
pub use studies::StudyPaper;
pub use timeline::{BLENDSHAPE_PREFIX, Timeline, TimelineCurve, TimelineEvent, TimelineTrack};
