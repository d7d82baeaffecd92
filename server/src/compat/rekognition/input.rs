//! What clients send, checked as the service model says: boto3 checks lengths and no patterns, others nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regard_commitments::Zeroizing;
use regard_domain::TemplateId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::fault::Fault;
use crate::compat::{MAX_PICTURE_BYTES, face_id};

/// Face ids in one request, and most faces found.
pub(super) const MAX_FACE_IDS: usize = 4_096;

/// Reads the body of a request.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let body = if body.is_empty() { b"{}" } else { body };
    // What serde says may quote what was sent.
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Fault::unreadable(format!(
            "the body is not of the form expected: line {line}, column {column}"
        ))
    })
}

/// A picture: bytes in base64, or where they lie in S3, which is out of reach here.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Image {
    #[serde(deserialize_with = "wiped")]
    bytes: Option<Zeroizing<String>>,
    s3_object: Option<serde_json::Value>,
}

/// A text that is overwritten when it goes.
fn wiped<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Image(withheld)")
    }
}

impl Image {
    /// The bytes of a JPEG or PNG.
    pub(crate) fn bytes(self) -> Result<Vec<u8>, Fault> {
        if self.s3_object.is_some() {
            return Err(Fault::no_s3(
                "Unable to get object metadata from S3: there is no S3 here, send Bytes",
            ));
        }
        let text = self
            .bytes
            .ok_or_else(|| Fault::invalid("Request has invalid parameters: Image has no Bytes"))?;
        if text.is_empty() {
            return Err(failed("image.bytes", "length greater than or equal to 1"));
        }
        // Four characters stand for three bytes.
        if text.len() / 4 * 3 > MAX_PICTURE_BYTES + 2 {
            return Err(too_large());
        }
        let bytes = STANDARD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| Fault::unreadable("Bytes is not base64"))?;
        if bytes.len() > MAX_PICTURE_BYTES {
            return Err(too_large());
        }
        match bytes.as_slice() {
            [0xFF, 0xD8, 0xFF, ..] | [0x89, b'P', b'N', b'G', ..] => Ok(bytes),
            _ => Err(Fault::bad_format("Request has invalid image format")),
        }
    }
}

fn too_large() -> Fault {
    Fault::too_large(format!(
        "Image size is too large: at most {MAX_PICTURE_BYTES} bytes"
    ))
}

/// A value that breaks a rule of the model. The value itself is not said again.
fn failed(member: &str, rule: &str) -> Fault {
    Fault::invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have {rule}"
    ))
}

/// A text of letters, digits and some marks, from 1 to a length.
fn slug(member: &str, text: Option<&str>, max: usize, marks: &str) -> Result<String, Fault> {
    let Some(text) = text else {
        return Err(failed(member, "a value: it must not be null"));
    };
    if text.is_empty() || text.len() > max {
        return Err(failed(member, &format!("length between 1 and {max}")));
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    {
        return Err(failed(member, &format!("only letters, digits and {marks}")));
    }
    Ok(text.to_owned())
}

/// The id of a collection.
pub(super) fn collection(text: Option<&str>) -> Result<String, Fault> {
    slug("collectionId", text, 255, "_.-")
}

/// The id of a user.
pub(super) fn user(text: Option<&str>) -> Result<String, Fault> {
    slug("userId", text, 128, "_.-:")
}

/// What the client calls a picture.
pub(super) fn external(text: Option<&str>) -> Result<Option<String>, Fault> {
    text.map(|text| slug("externalImageId", Some(text), 255, "_.-:"))
        .transpose()
}

/// What makes a request the same one when it is sent again.
pub(super) fn request_token(text: Option<&str>) -> Result<Option<String>, Fault> {
    text.map(|text| slug("clientRequestToken", Some(text), 64, "-_"))
        .transpose()
}

/// The id of a face.
pub(super) fn face(text: Option<&str>) -> Result<TemplateId, Fault> {
    let id = text.and_then(face_id);
    id.ok_or_else(|| failed("faceId", "the form of a UUID in lower case"))
}

/// The ids of some faces, each once.
pub(super) fn faces(texts: Option<&[String]>, max: usize) -> Result<Vec<TemplateId>, Fault> {
    let texts = texts.unwrap_or_default();
    if texts.is_empty() || texts.len() > max {
        return Err(failed("faceIds", &format!("length between 1 and {max}")));
    }
    let mut ids = Vec::with_capacity(texts.len());
    let mut known = std::collections::BTreeSet::new();
    for text in texts {
        let id = face(Some(text))?;
        if known.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// A whole number within bounds.
pub(super) fn number(
    member: &str,
    value: Option<i64>,
    (least, most): (usize, usize),
    default: usize,
) -> Result<usize, Fault> {
    let Some(value) = value else {
        return Ok(default);
    };
    let number = usize::try_from(value).ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| failed(member, &format!("value between {least} and {most}")))
}

/// A percentage.
pub(super) fn percent(member: &str, value: Option<f64>, default: f32) -> Result<f32, Fault> {
    match value {
        None => Ok(default),
        Some(value) if (0.0..=100.0).contains(&value) => Ok(value as f32),
        Some(_) => Err(failed(member, "value between 0 and 100")),
    }
}

/// The least quality of a face, by the names of the service; nothing: each is good enough.
pub(super) fn quality(text: Option<&str>, default: &str) -> Result<Option<u8>, Fault> {
    match text.unwrap_or(default) {
        "NONE" => Ok(None),
        "LOW" => Ok(Some(10)),
        // As for a probe that can be taken again.
        "AUTO" | "MEDIUM" => Ok(Some(25)),
        // As for an enrolment at the site.
        "HIGH" => Ok(Some(50)),
        _ => Err(failed(
            "qualityFilter",
            "a value of NONE, AUTO, LOW, MEDIUM, HIGH",
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(json: &str) -> Result<Vec<u8>, Fault> {
        read::<Image>(json.as_bytes())?.bytes()
    }

    #[test]
    fn pictures_are_jpeg_or_png_and_not_too_large() {
        let base64 = |bytes: &[u8]| format!("{{\"Bytes\": \"{}\"}}", STANDARD.encode(bytes));
        let png = [0x89, b'P', b'N', b'G', 0];
        assert_eq!(image(&base64(&png)).unwrap(), png);
        let mut large = vec![0; MAX_PICTURE_BYTES + 1];
        large[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        assert!(image(&base64(&large[..MAX_PICTURE_BYTES])).is_ok());
        for (json, kind) in [
            ("{}".to_owned(), "InvalidParameterException"),
            ("{\"Bytes\": \"\"}".to_owned(), "InvalidParameterException"),
            ("{\"Bytes\": \"?\"}".to_owned(), "SerializationException"),
            ("{\"Bytes\": 7}".to_owned(), "SerializationException"),
            ("{\"S3Object\": {}}".to_owned(), "InvalidS3ObjectException"),
            (base64(b"GIF89a"), "InvalidImageFormatException"),
            (base64(&large), "ImageTooLargeException"),
        ] {
            let said = format!("{:?}", image(&json).unwrap_err());
            assert!(said.contains(kind), "{kind}: {said}");
        }
    }

    #[test]
    fn patterns_are_those_of_the_model() {
        assert!(collection(Some("My_photos.2-x")).is_ok());
        for bad in [
            None,
            Some(""),
            Some("a b"),
            Some("é"),
            Some("a:b"),
            Some("a/b"),
        ] {
            assert!(collection(bad).is_err(), "{bad:?}");
        }
        assert!(collection(Some(&"x".repeat(255))).is_ok());
        assert!(collection(Some(&"x".repeat(256))).is_err());
        assert!(user(Some("a:b")).is_ok() && user(Some(&"x".repeat(129))).is_err());
        assert!(face(Some("00000000-0000-0000-0000-00000000000A")).is_err());
        assert!(percent("p", Some(f64::NAN), 1.0).is_err());
        assert!(percent("p", Some(100.1), 1.0).is_err());
        assert!(number("n", Some(-1), (0, 9), 1).is_err());
        assert!(quality(Some("BEST"), "NONE").is_err());
        let id = "00000000-0000-0000-0000-00000000000a".to_owned();
        assert_eq!(faces(Some(&[id.clone(), id]), 2).unwrap().len(), 1);
        assert!(faces(Some(&[]), 2).is_err() && faces(None, 2).is_err());
    }

    proptest! {
        #[test]
        fn any_body_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Image>(&bytes).map(Image::bytes);
        }

        #[test]
        fn what_is_wrong_is_not_said_again(text in "[^a-zA-Z0-9_.:' -]{4,40}") {
            if let Err(fault) = collection(Some(&text)) {
                let said = format!("{fault:?}");
                prop_assert!(!said.contains(&text));
            }
        }
    }
}
