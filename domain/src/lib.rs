//! The words every room speaks: geometry, time, ids and the values that pass from stage to stage.
//!
//! In: nothing. Out: types whose every value is valid. This room never does I/O, never reads the
//! clock, never draws at random by itself and depends on nothing of ours.

mod expression;
mod face;
mod geometry;
mod ids;
mod interval;
mod moment;
mod scalar;
mod sensitive;
mod time;
mod zone;

pub use expression::{Expression, ExpressionDistribution, ExpressionLabel};
pub use face::{Face, FaceReadings, Landmarks, Sighting};
pub use geometry::{BBox, FrameSize, HeadPose, Point, SimilarityTransform};
pub use ids::{
    ActId, BadId, CameraId, CampaignId, CreativeId, DecisionId, GalleryId, PersonId, PictureId,
    PlayId, ScreenId, SiteId, SittingId, SlotId, StudyId, TemplateId, TrackId,
};
pub use interval::{
    NORMAL_975, betting, clopper_pearson, counted_of, skewed, student, student_quantile, wilson,
};
pub use moment::{Audience, Moment, MomentCause, Visitor};
pub use scalar::{Attention, Probability, Score};
pub use sensitive::{SensitiveCategory, sensitive_in_label, sensitive_in_name};
pub use time::{Clock, Timestamp};
pub use zone::{BadZone, Zone};
