//! Papers for people: signs to print.
//!
//! In: the texts of a notice, an address for its code. Out: bytes of SVG or PDF. This room never reads a file,
//! never looks at the clock, and sees nothing about anybody.

mod font;
mod pdf;
mod sheet;
mod sign;
mod svg;

pub use sheet::Paper;
pub use sign::{Sign, SignError, sign_pdf, sign_svg};
