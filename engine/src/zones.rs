//! Zones that the owner drew out of a camera's picture: in force at once, kept over a restart, counted by version.

use std::collections::BTreeMap;
use std::sync::Arc;

use regard_backends::{Document, Store, StoreError};
use regard_commitments::{Answer, Refusal, RetentionGate, StaffZone};
use regard_domain::{CameraId, Face, FrameSize, Timestamp, Zone};
use regard_vision::Mask;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::EngineConfig;
use crate::handle::{Engine, EngineError};

/// Zones of one camera at once: a shop has fewer tills than that in one view.
pub const MAX_ZONES: usize = 16;

/// What the names of documents that hold zones begin with.
const NAME_PREFIX: &str = "zones.";

/// The zones of one camera, as they were drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnZones {
    /// How often they were changed: 0 before anybody drew one.
    pub version: u32,
    /// The zones.
    pub zones: Vec<Zone>,
}

/// Why zones were not changed.
#[derive(Debug, Error)]
pub enum ZonesError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Somebody else changed them meanwhile.
    #[error("the zones were changed meanwhile: they are at version {now}, not {based_on}")]
    Changed {
        /// The version in force.
        now: u32,
        /// The version that the change was made from.
        based_on: u32,
    },
    /// More than there is room for.
    #[error("{0} zones; a camera has at most {MAX_ZONES}")]
    TooMany(usize),
}

/// Zones that were kept and cannot be read: the camera is not to be opened without them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the zones drawn for camera {camera} cannot be read")]
pub struct ZonesDamaged {
    /// Which camera.
    pub camera: CameraId,
}

/// What of the picture of one camera is not looked at, by whoever said so.
#[derive(Clone, Debug)]
pub(crate) struct Hidden {
    drawn: Arc<DrawnZones>,
    /// The last mask that was made, with the staff zones it was made from: sizes and promises seldom change.
    made: Option<(Vec<StaffZone>, Arc<Mask>)>,
}

/// What one frame is looked at without.
#[derive(Clone, Debug)]
pub(crate) struct HiddenNow {
    drawn: Arc<DrawnZones>,
    staff: Vec<StaffZone>,
    /// Nothing when nothing is hidden.
    mask: Option<Arc<Mask>>,
}

impl Hidden {
    /// These zones are in force from now on.
    pub(crate) fn new(drawn: Arc<DrawnZones>) -> Self {
        Self { drawn, made: None }
    }

    /// The zones that were drawn.
    pub(crate) fn drawn(&self) -> &Arc<DrawnZones> {
        &self.drawn
    }

    /// What a frame of that size is looked at without.
    pub(crate) fn of(&mut self, staff: &[StaffZone], size: FrameSize) -> HiddenNow {
        let drawn = Arc::clone(&self.drawn);
        let mask = (!drawn.zones.is_empty() || !staff.is_empty()).then(|| {
            let known = self
                .made
                .as_ref()
                .filter(|(of, mask)| of == staff && mask.size() == size);
            if let Some((_, mask)) = known {
                return Arc::clone(mask);
            }
            let promised: Vec<Zone> = staff.iter().filter_map(zone_of).collect();
            let mask = Arc::new(Mask::new(drawn.zones.iter().chain(&promised), size));
            self.made = Some((staff.to_vec(), Arc::clone(&mask)));
            mask
        });
        HiddenNow {
            drawn,
            staff: staff.to_vec(),
            mask,
        }
    }

    /// Whether what a frame was looked at without is still what is in force.
    pub(crate) fn is_still(&self, now: &HiddenNow) -> bool {
        Arc::ptr_eq(&self.drawn, &now.drawn)
    }
}

/// A staff zone of the commitments; each that they allow is one.
fn zone_of(staff: &StaffZone) -> Option<Zone> {
    Zone::rectangle(staff.left, staff.top, staff.width, staff.height).ok()
}

impl HiddenNow {
    /// What is to be painted over before anything looks.
    pub(crate) fn mask(&self) -> Option<&Mask> {
        self.mask.as_deref()
    }

    /// The faces whose middle is in none of the zones: who stands there is not tracked, not counted and not read, even where
    /// part of the face is seen from outside.
    pub(crate) fn leave_out(&self, mut faces: Vec<Face>, size: FrameSize) -> Vec<Face> {
        let (width, height) = (size.width.max(1) as f32, size.height.max(1) as f32);
        faces.retain(|face| {
            let middle = face.bbox_in_frame.center();
            let (x, y) = (middle.x / width, middle.y / height);
            !self.staff.iter().any(|zone| zone.contains_in_unit(x, y))
                && !self
                    .drawn
                    .zones
                    .iter()
                    .any(|zone| zone.contains_in_unit(x, y))
        });
        faces
    }
}

fn name_of(camera: &CameraId) -> String {
    format!("{NAME_PREFIX}{camera}")
}

/// The zones that are kept for each camera of a configuration.
///
/// # Errors
/// [`StoreError`]; the inner error when what is kept cannot be read.
pub(crate) async fn kept(
    config: &EngineConfig,
    store: &dyn Store,
) -> Result<Result<BTreeMap<CameraId, DrawnZones>, ZonesDamaged>, StoreError> {
    let mut all = BTreeMap::new();
    for camera in config.cameras.iter().map(|one| &one.camera) {
        let Some(text) = store.document(&name_of(camera)).await? else {
            continue;
        };
        let Ok(drawn) = serde_json::from_str(&text) else {
            return Ok(Err(ZonesDamaged {
                camera: camera.clone(),
            }));
        };
        all.insert(camera.clone(), drawn);
    }
    Ok(Ok(all))
}

async fn keep(
    camera: &CameraId,
    drawn: &DrawnZones,
    store: &dyn Store,
    (retention, now): (&RetentionGate, Timestamp),
) -> Result<Result<(), Refusal>, StoreError> {
    let value = serde_json::to_string(drawn).unwrap_or_default();
    let document = Document {
        name: name_of(camera),
        value,
    };
    match retention.keep(document, now) {
        Answer::Granted(kept) => store.put_document(&kept).await.map(Ok),
        Answer::Refused(refusal) => Ok(Err(refusal)),
    }
}

impl Engine {
    /// The zones drawn for a camera.
    ///
    /// # Errors
    /// [`EngineError::UnknownCamera`].
    pub fn zones(&self, camera: &CameraId) -> Result<Arc<DrawnZones>, EngineError> {
        let lane = &self.outlet(camera)?.lane;
        Ok(Arc::clone(lane.lane.lock().hidden.drawn()))
    }

    /// Writes the zones in force again, so that the end of a period never takes one away; called before rows past their
    /// time are removed.
    pub(crate) async fn prolong_zones(&self) {
        let shared = &self.shared;
        let _order = shared.changing.lock().await;
        for (camera, outlet) in &shared.cameras {
            let drawn = Arc::clone(outlet.lane.lane.lock().hidden.drawn());
            if drawn.version == 0 {
                continue;
            }
            let time = (&shared.retention, self.now());
            match keep(camera, &drawn, &*shared.store, time).await {
                Ok(Ok(())) => {}
                Ok(Err(refusal)) => {
                    tracing::error!(%camera, %refusal, "the zones of this camera are not kept over a restart");
                }
                Err(error) => {
                    tracing::error!(%camera, %error, "the zones of this camera were not prolonged");
                }
            }
        }
    }

    /// Draws zones out of a camera's picture, in place of those of version `based_on`. When it answers they are kept, and
    /// nothing more comes of any frame that was looked at with other zones.
    ///
    /// # Errors
    /// [`ZonesError`]; nothing has changed then.
    pub async fn set_zones(
        &self,
        camera: &CameraId,
        zones: Vec<Zone>,
        based_on: u32,
    ) -> Result<Arc<DrawnZones>, ZonesError> {
        let lane = Arc::clone(&self.outlet(camera)?.lane);
        if zones.len() > MAX_ZONES {
            return Err(ZonesError::TooMany(zones.len()));
        }
        let shared = &self.shared;
        let _order = shared.changing.lock().await;
        let now = lane.lane.lock().hidden.drawn().version;
        if now != based_on {
            return Err(ZonesError::Changed { now, based_on });
        }
        let drawn = Arc::new(DrawnZones {
            version: now.saturating_add(1),
            zones,
        });
        let time = (&shared.retention, self.now());
        let kept = keep(camera, &drawn, &*shared.store, time).await;
        kept.map_err(EngineError::from)?
            .map_err(EngineError::Refused)?;
        lane.lane.lock().hidden = Hidden::new(Arc::clone(&drawn));
        Ok(drawn)
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{BBox, FaceReadings, Landmarks, Point, Score};

    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 32,
        height: 18,
    };

    #[test]
    fn who_stands_in_a_zone_is_left_out() {
        let face = |left: f32| Face {
            bbox_in_frame: BBox::new(left, 40.0, 20.0, 20.0).unwrap(),
            score: Score::new(0.9).unwrap(),
            landmarks_in_frame: Landmarks([Point::new(left, 50.0); 5]),
            readings: FaceReadings::default(),
        };
        let size = FrameSize {
            width: 200,
            height: 100,
        };
        // The left half of the picture, in thousandths; the box's middle counts.
        let zone = StaffZone {
            camera: "till".parse().unwrap(),
            left: 0,
            top: 0,
            width: 500,
            height: 1_000,
        };
        let faces = vec![face(10.0), face(89.0), face(92.0), face(150.0)];
        // The same, promised and drawn.
        let drawn = |zones| Hidden::new(Arc::new(DrawnZones { version: 1, zones }));
        let left = |mut hidden: Hidden, staff: &[StaffZone]| {
            hidden.of(staff, size).leave_out(faces.clone(), size)
        };
        assert_eq!(left(drawn(Vec::new()), &[zone]), faces[2..]);
        let half = Zone::rectangle(0, 0, 500, 1_000).unwrap();
        assert_eq!(left(drawn(vec![half]), &[]), faces[2..]);
        assert_eq!(left(drawn(Vec::new()), &[]), faces);
    }

    #[test]
    fn a_mask_is_made_once_and_anew_when_anything_changes() {
        let zones = vec![Zone::rectangle(0, 0, 500, 500).unwrap()];
        let staff = [StaffZone {
            camera: "till".parse().unwrap(),
            left: 600,
            top: 0,
            width: 100,
            height: 100,
        }];
        let mut hidden = Hidden::new(Arc::new(DrawnZones { version: 1, zones }));
        let first = hidden.of(&[], SIZE);
        let again = hidden.of(&[], SIZE);
        assert!(std::ptr::eq(first.mask().unwrap(), again.mask().unwrap()));
        let with_staff = hidden.of(&staff, SIZE);
        assert_ne!(first.mask(), with_staff.mask());
        let larger = FrameSize {
            width: 64,
            height: 36,
        };
        assert_eq!(hidden.of(&staff, larger).mask().unwrap().size(), larger);
        assert!(hidden.is_still(&first));
        let next = Hidden::new(Arc::new(DrawnZones {
            version: 2,
            zones: Vec::new(),
        }));
        assert!(!next.is_still(&first));
        let nothing = Hidden::new(Arc::default()).of(&[], SIZE);
        assert!(nothing.mask().is_none());
    }
}
