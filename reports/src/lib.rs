//! Papers for people: signs to print, and what the law wants written about an installation.
//!
//! In: the texts of a notice, an address for its code; facts about a configuration. Out: bytes of SVG or PDF; papers as
//! values and as pages. This room never reads a file, never looks at the clock, and sees nothing about anybody.

mod font;
mod papers;
mod pdf;
mod sheet;
mod sign;
mod svg;

pub use papers::{
    BREACH_PERIOD, BreachFacts, BreachNature, CameraFact, CampaignFact, Facts, GuardFact, Happens,
    Item, LegalPaper, Look, Measurement, ModelFact, PAPERS_FORMAT, PaperChange, Papers, Point,
    Question, ScreenFact, Source, Standing,
};
pub use sheet::Paper;
pub use sign::{Sign, SignError, sign_pdf, sign_svg};
