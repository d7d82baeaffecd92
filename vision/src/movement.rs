//! How a face moves over time: signals after the manner of action units, curves, movements with onset, apex and offset, smiles
//! by their dynamics; and, for studies alone, movements of a fraction of a second.
//!
//! A facial movement is not an emotion. Everything here is a change relative to the person's own face at rest, in parts of the
//! face's own size; nothing is compared between people.

mod affect;
mod align;
mod baseline;
mod fit;
mod measure;
mod meter;
mod micro;
mod segment;
mod series;
mod smile;
mod unit;

pub use self::fit::Phases;
pub use self::meter::{
    CurvePoint, ExpressionCurves, MAX_MOVEMENT_SAMPLES, MovementMeter, MovementReadings,
};
pub use self::micro::{
    MicroMovement, MicroPlace, MicroReport, MicroSpotter, MicroTrace, SpottingMeans,
};
pub use self::segment::Movement;
pub use self::smile::{Smile, SmileKind};
pub use self::unit::{ActionUnit, FaceRegion, UnitValues};
