//! Faces as clients of Rekognition know them.

use regard_domain::Expression;
use regard_engine::{CollectedFace, Look, Looked, LookedFace};
use serde_json::{Value, json};

use super::fault::Fault;
use crate::compat::uuid_of;

/// Version of the face model, as clients know versions. What it is really, `regard doctor` says.
pub(super) const MODEL_VERSION: &str = "1.0";

/// The least score of a face that counts as found for sure.
const SURE_SCORE: f32 = 0.7;

/// What a client asked for of each face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    emotions: bool,
}

impl Attributes {
    /// From the list of attributes.
    ///
    /// # Errors
    /// `AccessDeniedException` where gender is asked for by name.
    pub(super) fn of(names: Option<&[String]>) -> Result<Self, Fault> {
        const KNOWN: [&str; 14] = [
            "DEFAULT",
            "ALL",
            "AGE_RANGE",
            "BEARD",
            "EMOTIONS",
            "EYE_DIRECTION",
            "EYEGLASSES",
            "EYES_OPEN",
            "GENDER",
            "MOUTH_OPEN",
            "MUSTACHE",
            "FACE_OCCLUDED",
            "SMILE",
            "SUNGLASSES",
        ];
        let names = names.unwrap_or_default();
        if let Some(unknown) = names
            .iter()
            .position(|name| !KNOWN.contains(&name.as_str()))
        {
            let message = format!("attributes[{unknown}] is none of {}", KNOWN.join(", "));
            return Err(Fault::invalid(message));
        }
        let has = |name: &str| names.iter().any(|known| known == name);
        if has("GENDER") {
            return Err(Fault::denied(
                "sensitive_inference: nobody's gender is guessed here; leave GENDER out",
            ));
        }
        Ok(Self {
            emotions: has("ALL") || has("EMOTIONS") || has("SMILE"),
        })
    }

    /// What is to be looked at; what faces show only where it may be.
    pub(super) const fn look(self, may_express: bool, chips: bool) -> Look {
        Look {
            pose: true,
            quality: true,
            expression: self.emotions && may_express,
            chips,
        }
    }
}

/// A share of the detector as a percentage.
pub(super) fn confidence(score: f32) -> f32 {
    (score * 100.0).clamp(0.0, 100.0)
}

fn bbox_json([left, top, width, height]: [f32; 4]) -> Value {
    json!({ "Left": left, "Top": top, "Width": width, "Height": height })
}

/// The box of a face.
pub(super) fn bounding_box(looked: &Looked, seen: &LookedFace) -> Value {
    bbox_json(looked.in_unit(seen))
}

/// What is found out about a face of a picture.
pub(super) fn face_detail(looked: &Looked, seen: &LookedFace) -> Value {
    const TYPES: [&str; 5] = ["eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"];
    let (width, height) = (looked.size.width as f32, looked.size.height as f32);
    let points = TYPES.iter().zip(seen.face.landmarks_in_frame.0);
    let landmarks: Vec<Value> = points
        .map(|(kind, point)| json!({ "Type": kind, "X": point.x / width, "Y": point.y / height }))
        .collect();
    let mut detail = json!({
        "BoundingBox": bounding_box(looked, seen),
        "Confidence": confidence(seen.face.score.get()),
        "Landmarks": landmarks,
    });
    if let Some(pose) = seen.pose {
        detail["Pose"] =
            json!({ "Roll": pose.roll_deg, "Yaw": pose.yaw_deg, "Pitch": pose.pitch_deg });
    }
    if let Some(quality) = &seen.quality {
        let of = |name| f32::from(quality.value(name));
        detail["Quality"] = json!({ "Brightness": of("light"), "Sharpness": of("sharpness") });
    }
    if let Some(shown) = seen.expression {
        let mut emotions: Vec<(&str, f32)> = Expression::ALL
            .into_iter()
            .map(|one| (emotion(one), shown.probability(one) * 100.0))
            .collect();
        emotions.sort_by(|a, b| b.1.total_cmp(&a.1));
        let emotions: Vec<Value> = emotions
            .into_iter()
            .map(|(kind, percent)| json!({ "Type": kind, "Confidence": percent }))
            .collect();
        detail["Emotions"] = json!(emotions);
    }
    detail
}

/// What Rekognition calls what a face shows.
const fn emotion(expression: Expression) -> &'static str {
    match expression {
        Expression::Neutral => "CALM",
        Expression::Happy => "HAPPY",
        Expression::Sad => "SAD",
        Expression::Angry => "ANGRY",
        Expression::Fearful => "FEAR",
        Expression::Disgusted => "DISGUSTED",
        Expression::Surprised => "SURPRISED",
    }
}

/// A face of another picture that was compared.
pub(super) fn compared_face(looked: &Looked, seen: &LookedFace) -> Value {
    // The same members but those that tell of more than the picture.
    let mut face = face_detail(looked, seen);
    if let Some(members) = face.as_object_mut() {
        members.remove("Emotions");
    }
    face
}

/// A face of a collection.
pub(super) fn face_json(face: &CollectedFace) -> Value {
    let mut json = json!({
        "FaceId": uuid_of(face.id.as_bits()),
        "BoundingBox": bbox_json(face.bbox_in_unit),
        "ImageId": uuid_of(face.picture.as_bits()),
        "Confidence": confidence(face.score),
        "IndexFacesModelVersion": MODEL_VERSION,
    });
    if let Some(external) = &face.external {
        json["ExternalImageId"] = json!(external);
    }
    if let Some(user) = &face.name {
        json["UserId"] = json!(user);
    }
    json
}

/// Why a face is not good enough; nothing: it is.
pub(super) fn faults_of(seen: &LookedFace, floor: Option<u8>) -> Vec<&'static str> {
    let Some(floor) = floor else {
        return Vec::new();
    };
    let mut reasons = Vec::new();
    if seen.face.score.get() < SURE_SCORE {
        reasons.push("LOW_CONFIDENCE");
    }
    for name in seen.quality.iter().flat_map(|quality| quality.below(floor)) {
        let reason = match name {
            "pose" => "EXTREME_POSE",
            "sharpness" => "LOW_SHARPNESS",
            "light" | "uniformity" => "LOW_BRIGHTNESS",
            "size" => "SMALL_BOUNDING_BOX",
            _ => "LOW_FACE_QUALITY",
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gender_by_name_is_denied_and_all_is_not() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Attributes::of(Some(&names))
        };
        assert!(of(&["ALL"]).unwrap().emotions && !of(&["DEFAULT"]).unwrap().emotions);
        assert!(of(&["AGE_RANGE"]).is_ok());
        for names in [&["GENDER"][..], &["ALL", "GENDER"]] {
            let said = format!("{:?}", of(names).unwrap_err());
            assert!(said.contains("AccessDenied") && said.contains("sensitive_inference"));
        }
        let said = format!("{:?}", of(&["RACE"]).unwrap_err());
        assert!(said.contains("InvalidParameterException"), "{said}");
        assert!(!of(&["ALL"]).unwrap().look(false, true).expression);
    }
}
