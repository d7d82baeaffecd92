//! Inner parts that read foreign bytes, for `fuzz/` alone.

use regard_domain::Timestamp;

use crate::{assets, routes};

/// Extension of the kind of file that these bytes begin like, if it is one that is served.
pub fn asset_kind(head: &[u8]) -> Option<&'static str> {
    assets::AssetKind::of(head).map(assets::AssetKind::extension)
}

/// The drawing made harmless, if that can be done.
pub fn harmless_drawing(svg: &[u8]) -> Option<Vec<u8>> {
    assets::sanitize(svg).ok()
}

/// Capture time and JPEG of a message from a browser's camera.
pub fn frame_message(message: &[u8], now: Timestamp) -> Option<(Timestamp, &[u8])> {
    routes::split_frame_message(message, now)
}
