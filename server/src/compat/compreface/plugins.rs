//! What clients ask for beside where faces are, and what they get.

use std::collections::BTreeMap;

use regard_engine::{Engine, Look, LookedFace};
use serde::Serialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::request::Asked;

/// What a client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) landmarks: bool,
    pub(super) pose: bool,
    pub(super) calculator: bool,
    pub(super) expression: bool,
    age: bool,
    gender: bool,
    mask: bool,
    /// Whether the answer says which networks worked, and for how long.
    pub(super) status: bool,
}

impl Wanted {
    /// From the parameters `face_plugins` and `status`.
    pub(super) fn of(asked: &Asked) -> Result<Self, Fault> {
        let mut wanted = Self {
            status: asked.flag("status", false),
            ..Self::default()
        };
        let slugs = asked.param("face_plugins").unwrap_or_default();
        for slug in slugs
            .split(',')
            .map(str::trim)
            .filter(|slug| !slug.is_empty())
        {
            let flag = match slug {
                "landmarks" | "landmarks2d106" => &mut wanted.landmarks,
                "pose" => &mut wanted.pose,
                "calculator" => &mut wanted.calculator,
                "expression" => &mut wanted.expression,
                "age" => &mut wanted.age,
                "gender" => &mut wanted.gender,
                "mask" => &mut wanted.mask,
                "detector" => continue,
                _ => {
                    return Err(Fault::constraint(
                        "face_plugins must be of calculator, age, gender, landmarks, pose, mask, expression",
                    ));
                }
            };
            *flag = true;
        }
        Ok(wanted)
    }

    /// What is to be looked at; expressions only where they may be.
    pub(super) fn look(&self, engine: &Engine, chips: bool) -> Look {
        Look {
            pose: self.pose,
            quality: false,
            expression: self.expression && engine.expression_in_pictures().is_none(),
            chips,
        }
    }

    /// Which network does what; of what is not done, why.
    pub(super) fn versions(&self, engine: &Engine, embeds: bool) -> BTreeMap<&'static str, String> {
        let unavailable = |reason: &str| format!("unavailable: {reason}");
        let mut versions = BTreeMap::from([("detector", "yunet-2023mar".to_owned())]);
        if embeds {
            versions.insert("calculator", "sface-2021dec-int8".to_owned());
        } else if self.calculator {
            let reason = "this service compares nobody";
            versions.insert("calculator", unavailable(reason));
        }
        for (is_wanted, slug, network) in [
            (self.landmarks, "landmarks", "yunet-2023mar"),
            (self.pose, "pose", "mediapipe-face-mesh-468"),
        ] {
            if is_wanted {
                versions.insert(slug, network.to_owned());
            }
        }
        for (is_wanted, slug, reason) in [
            (self.age, "age", "the age guard is off"),
            (
                self.gender,
                "gender",
                "sensitive_inference: nobody's gender is guessed here",
            ),
            (self.mask, "mask", "no network for it is installed"),
        ] {
            if is_wanted {
                versions.insert(slug, unavailable(reason));
            }
        }
        if self.expression {
            let said = match engine.expression_in_pictures() {
                None => "faceapi-expression, fer-mini-xception".to_owned(),
                Some(refusal) => unavailable(refusal.code.as_str()),
            };
            versions.insert("expression", said);
        }
        versions
    }
}

/// How long parts of the work took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Times {
    /// Finding faces, and what else was looked at.
    pub(super) detector: f64,
    /// Comparing them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calculator: Option<f64>,
}

/// A face as clients of CompreFace know it.
pub(super) fn face_json(seen: &LookedFace, wanted: &Wanted, times: &Times) -> Value {
    let bbox = seen.face.bbox_in_frame;
    let mut face = json!({ "box": {
        "probability": seen.face.score.get(),
        "x_min": bbox.left().round() as i64,
        "y_min": bbox.top().round() as i64,
        "x_max": bbox.right().round() as i64,
        "y_max": bbox.bottom().round() as i64,
    }});
    if wanted.landmarks {
        let points = seen.face.landmarks_in_frame.0;
        let points = points.map(|point| [point.x.round() as i64, point.y.round() as i64]);
        face["landmarks"] = json!(points);
    }
    if let Some(pose) = seen.pose.filter(|_| wanted.pose) {
        face["pose"] =
            json!({ "pitch": pose.pitch_deg, "roll": pose.roll_deg, "yaw": pose.yaw_deg });
    }
    if let Some(shown) = seen.expression.filter(|_| wanted.expression) {
        let (likeliest, probability) = shown.likeliest();
        face["expression"] = json!({ "value": likeliest.name(), "probability": probability });
    }
    if wanted.status {
        face["execution_time"] = json!(times);
    }
    face
}

/// The answer of a call that looked at pictures.
pub(super) fn result_json(
    result: &[Value],
    wanted: &Wanted,
    engine: &Engine,
    embeds: bool,
) -> Value {
    let mut answer = json!({ "result": result });
    if wanted.status {
        answer["plugins_versions"] = json!(wanted.versions(engine, embeds));
    }
    answer
}
