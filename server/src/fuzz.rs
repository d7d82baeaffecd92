//! Inner parts that read foreign bytes, for `fuzz/` alone.

use regard_domain::{Timestamp, Zone};
use serde_json::Value;

use crate::wire::zones::ZonesWanted;
use crate::{assets, compat, pages, routes};

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

/// Zones that somebody wants, if all of them are zones.
pub fn zones(body: &[u8]) -> Option<Vec<Zone>> {
    let wanted: ZonesWanted = serde_json::from_slice(body).ok()?;
    let zones = wanted
        .zones
        .into_iter()
        .map(|corners| Zone::new(corners).ok());
    zones.collect()
}

/// What a person typed as their preferences, if it can be read.
pub fn preferences(text: &str) -> Option<Value> {
    pages::read_preferences(text)
}

/// Whether this is a header with a signature of version 4.
pub fn signature(text: &str) -> bool {
    compat::rekognition::sigv4::parse(text).is_some()
}

/// The parameters of a query, as clients of CompreFace write it.
pub fn client_query(query: &str) -> std::collections::BTreeMap<String, String> {
    compat::compreface::request::params_of(query)
}

/// The bytes of a picture in a request of the Rekognition interface.
pub fn picture_in_json(body: &[u8]) -> Option<Vec<u8>> {
    let image: compat::rekognition::input::Image = compat::rekognition::input::read(body).ok()?;
    image.bytes().ok()
}

/// Preferences as a person finds them in the form.
pub fn preferences_text(preferences: &Value) -> String {
    pages::preferences_text(preferences)
}

/// Named numbers of all features that a client of the ranking service sends, if that can be ranked at all.
pub fn rank_features(body: &[u8]) -> Option<Vec<(String, f32)>> {
    routes::rank_features(body)
}
