//! The audience at this instant, as data.

use std::collections::BTreeMap;

use regard_audience::{LiveFace, TrackState};
use regard_domain::{Expression, ExpressionDistribution, HeadPose, MomentCause};
use regard_engine::LiveView;
use serde::Serialize;
use utoipa::ToSchema;

/// Size of a frame in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct FrameSize {
    width: u32,
    height: u32,
}

/// A box in frame pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct BBox {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

/// Where a face is turned, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Pose {
    yaw_deg: f32,
    pitch_deg: f32,
    roll_deg: f32,
}

impl From<HeadPose> for Pose {
    fn from(pose: HeadPose) -> Self {
        Self {
            yaw_deg: pose.yaw_deg,
            pitch_deg: pose.pitch_deg,
            roll_deg: pose.roll_deg,
        }
    }
}

/// What a face shows; never what anyone feels.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ExpressionBody {
    /// The likeliest, or `uncertain`; for the audience the likeliest.
    label: &'static str,
    /// Seven probabilities with sum 1.
    probabilities: BTreeMap<&'static str, f32>,
}

impl ExpressionBody {
    fn new(label: &'static str, distribution: &ExpressionDistribution) -> Self {
        let of = |e: Expression| (e.name(), distribution.probability(e));
        Self {
            label,
            probabilities: Expression::ALL.into_iter().map(of).collect(),
        }
    }
}

/// One face on the stage.
///
/// # Privacy
/// Geometry of this instant and a running number; no track id.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct FaceBody {
    /// Running number of the visitor; nothing while tentative.
    number: Option<u64>,
    /// `tentative`, `confirmed` or `lost`.
    state: &'static str,
    /// In frame pixels.
    bbox: BBox,
    /// Raw detector output.
    score: f32,
    /// Left eye, right eye, nose, left and right mouth corner; left of the image.
    landmarks: Option<[[f32; 2]; 5]>,
    /// In `[0, 1]`.
    attention: Option<f32>,
    /// Whether the visitor looks at the screen.
    is_looking: bool,
    /// Seconds looked so far.
    looked_secs: f32,
    /// Seconds in view.
    dwell_secs: f32,
    /// Where the face is turned.
    head_pose: Option<Pose>,
    /// What it shows.
    expression: Option<ExpressionBody>,
}

/// Everyone together.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct AudienceBody {
    n_visitors: u32,
    n_looking: u32,
    /// Mean of those measured; nothing when nobody was.
    attention: Option<f32>,
    expression: Option<ExpressionBody>,
    /// Longest in view.
    dwell_secs: f32,
    /// Greatest face height over frame height.
    nearness: f32,
}

/// Event `live`: what one camera sees.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Live {
    camera: String,
    at_micros: i64,
    frame: FrameSize,
    faces: Vec<FaceBody>,
    audience: AudienceBody,
}

/// The view of a camera.
pub(crate) fn live(view: &LiveView) -> Live {
    Live {
        camera: view.camera.to_string(),
        at_micros: view.at.as_micros(),
        frame: FrameSize {
            width: view.frame_size.width,
            height: view.frame_size.height,
        },
        faces: view.faces.iter().map(|one| face(one, view)).collect(),
        audience: audience(view),
    }
}

fn face(face: &LiveFace, view: &LiveView) -> FaceBody {
    let visitors = view.moment.iter().flat_map(|moment| &moment.visitors);
    let looked_secs = visitors
        .filter(|v| Some(v.number) == face.number)
        .map(|v| v.looked_secs)
        .next();
    let bbox = &face.bbox_in_frame;
    FaceBody {
        number: face.number,
        state: match face.state {
            TrackState::Tentative => "tentative",
            TrackState::Confirmed => "confirmed",
            TrackState::Lost => "lost",
        },
        bbox: BBox {
            left: bbox.left(),
            top: bbox.top(),
            width: bbox.width(),
            height: bbox.height(),
        },
        score: face.score.get(),
        landmarks: face
            .landmarks_in_frame
            .map(|points| points.0.map(|p| [p.x, p.y])),
        attention: face.attention.map(regard_domain::Attention::get),
        is_looking: face.is_looking,
        looked_secs: looked_secs.unwrap_or(0.0),
        dwell_secs: face.dwell_secs,
        head_pose: face.head_pose.map(Pose::from),
        expression: face
            .expression
            .map(|distribution| ExpressionBody::new(face.expression_label.name(), &distribution)),
    }
}

fn audience(view: &LiveView) -> AudienceBody {
    let audience = &view.audience;
    let visitors = view.moment.iter().flat_map(|moment| &moment.visitors);
    let is_measured = visitors
        .into_iter()
        .any(|visitor| visitor.attention.is_some());
    AudienceBody {
        n_visitors: audience.n_visitors,
        n_looking: audience.n_looking,
        attention: is_measured.then_some(audience.attention),
        expression: audience
            .expression
            .map(|d| ExpressionBody::new(d.likeliest().0.name(), &d)),
        dwell_secs: audience.dwell_secs,
        nearness: audience.nearness,
    }
}

/// One visitor of a moment, without the track id.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct VisitorBody {
    number: u64,
    dwell_secs: f32,
    is_looking: bool,
    looked_secs: f32,
    attention: Option<f32>,
    expression: Option<ExpressionBody>,
    face_height_ratio: f32,
}

/// The audience of one camera at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Moment {
    camera: String,
    at_micros: i64,
    sequence: u64,
    /// `beat`, `entered`, `left`, `looked` or `looked_away`.
    cause: &'static str,
    visitors: Vec<VisitorBody>,
    audience: AudienceBody,
}

/// The last moment of a camera, once there was one.
pub(crate) fn moment(view: &LiveView) -> Option<Moment> {
    let moment = view.moment.as_ref()?;
    let visitors = moment.visitors.iter().map(|visitor| VisitorBody {
        number: visitor.number,
        dwell_secs: visitor.dwell_secs,
        is_looking: visitor.is_looking,
        looked_secs: visitor.looked_secs,
        attention: visitor.attention.map(regard_domain::Attention::get),
        expression: visitor
            .expression
            .map(|d| ExpressionBody::new(visitor.expression_label.name(), &d)),
        face_height_ratio: visitor.face_height_ratio,
    });
    Some(Moment {
        camera: moment.camera.to_string(),
        at_micros: moment.at.as_micros(),
        sequence: moment.sequence,
        cause: match moment.cause {
            MomentCause::Beat => "beat",
            MomentCause::Entered => "entered",
            MomentCause::Left => "left",
            MomentCause::Looked => "looked",
            MomentCause::LookedAway => "looked_away",
        },
        visitors: visitors.collect(),
        audience: audience(view),
    })
}
