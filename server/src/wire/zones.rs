//! Zones as JSON.

use regard_engine::DrawnZones;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The zones of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ZonesBody {
    /// How often they were changed.
    version: u32,
    /// For each zone its corners, `[x, y]` in thousandths of the picture's width and height, from the top left.
    #[schema(value_type = Vec<Vec<Vec<u16>>>)]
    zones: Vec<Vec<[u16; 2]>>,
}

impl ZonesBody {
    pub(crate) fn of(drawn: &DrawnZones) -> Self {
        let zones = drawn.zones.iter().map(|zone| zone.corners().to_vec());
        Self {
            version: drawn.version,
            zones: zones.collect(),
        }
    }
}

/// Zones to be in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZonesWanted {
    /// The version they were drawn on: 0 where there was none.
    pub(crate) based_on: u32,
    /// For each zone its corners, 3 to 32, `[x, y]` in thousandths of the picture's width and height, from the top left.
    #[schema(value_type = Vec<Vec<Vec<u16>>>)]
    pub(crate) zones: Vec<Vec<[u16; 2]>>,
}
