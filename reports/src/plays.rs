//! What plays did: tables with intervals by message, screen, slot, hour or segment, as CSV, SVG, a page, a paper; proof of play; and
//! what ad exchanges ask.

mod chart;
mod openrtb;
mod page;
mod paper;
mod proof;
mod table;

pub use openrtb::{DoohScreen, openrtb};
pub use proof::{PlayProof, PlayRecord, ProofFault, prove_plays, verify_plays};
pub use table::{Grouping, NUMBERS, Number, PlayTable, ReportPlay, ReportRow};
