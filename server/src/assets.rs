//! Pictures, films and pages that messages name, and uploads. Only what was recognised by its bytes
//! is ever served, and only under the hash of its bytes.

mod films;
mod gif;
mod library;
mod serve;
mod sniff;
mod svg;

pub(crate) use library::{AssetError, AssetLibrary, AssetRef};
pub(crate) use serve::response;
pub(crate) use sniff::AssetKind;
pub use sniff::{SNIFF_LEN, message_kind};
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use svg::sanitize;

/// Whether the bytes are a drawing that a parser reads.
#[cfg(test)]
pub(crate) fn is_drawing(svg: &[u8]) -> bool {
    sanitize(svg).is_ok()
}
