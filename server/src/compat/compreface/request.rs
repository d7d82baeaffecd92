//! What a client of CompreFace sent, as far as it can be made out: the real ones write queries in odd ways.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use regard_commitments::Zeroizing;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::compat::{MAX_BODY_BYTES, MAX_PICTURE_BYTES};

/// Parts of a form that are read; further ones are not.
const MAX_PARTS: usize = 20;

/// Longest value of a form field that is no picture, in bytes.
const MAX_FIELD_BYTES: usize = 1_000;

/// Names of parts that are pictures.
const PICTURES: [&str; 3] = ["file", "source_image", "target_image"];

/// A body that was read.
///
/// # Privacy
/// Holds the picture of somebody until it is taken or dropped, overwritten then; does not print.
pub(super) struct Asked {
    params: BTreeMap<String, String>,
    pictures: BTreeMap<String, Zeroizing<Vec<u8>>>,
    json: Zeroizing<Vec<u8>>,
}

/// A value with `+` and `%` undone.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The parameters of a query. A second `?` counts as `&`, and empty ones are passed over; of several the last counts.
pub(crate) fn params_of(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split(['&', '?']).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// The bytes in base64, with or without the head of a data URL.
pub(super) fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = match text.split_once(";base64,") {
        Some((head, rest)) if head.starts_with("data:") => rest,
        _ => text,
    };
    STANDARD.decode(text.trim()).ok().map(Zeroizing::new)
}

impl Asked {
    /// Reads a request to its end.
    pub(super) async fn read(request: Request) -> Result<Self, Fault> {
        let mut asked = Self {
            params: params_of(request.uri().query().unwrap_or_default()),
            pictures: BTreeMap::new(),
            json: Zeroizing::default(),
        };
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
        if is_form {
            asked.read_form(request).await?;
        } else {
            let bytes = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES).await;
            asked.json = Zeroizing::new(bytes.map_err(|_| cut())?.to_vec());
        }
        Ok(asked)
    }

    async fn read_form(&mut self, request: Request) -> Result<(), Fault> {
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|_| cut())?;
        for _ in 0..MAX_PARTS {
            let Some(part) = form.next_field().await.map_err(|_| cut())? else {
                return Ok(());
            };
            let Some(name) = part.name().map(str::to_owned) else {
                continue;
            };
            let bytes = Zeroizing::new(part.bytes().await.map_err(|_| cut())?.to_vec());
            if PICTURES.contains(&name.as_str()) {
                self.pictures.insert(name, bytes);
            } else if bytes.len() <= MAX_FIELD_BYTES {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.params.entry(name).or_insert(text);
            }
        }
        Ok(())
    }

    /// A picture: a part of a form, or base64 in a JSON body. It is taken, and gone with whoever took it.
    pub(super) fn picture(&mut self, name: &str) -> Result<Vec<u8>, Fault> {
        let missing = || Fault::no_part(format!("Required part '{name}' is not present."));
        let mut bytes = match self.pictures.remove(name) {
            Some(bytes) => bytes,
            None if self.json.is_empty() => return Err(missing()),
            None => {
                let body: BTreeMap<String, serde_json::Value> = self.json()?;
                let text = body.get(name).and_then(serde_json::Value::as_str);
                from_base64(text.ok_or_else(missing)?)
                    .ok_or_else(|| Fault::other("the picture is not base64"))?
            }
        };
        if bytes.len() > MAX_PICTURE_BYTES {
            let most = MAX_PICTURE_BYTES >> 20;
            return Err(Fault::other(format!(
                "Maximum upload size of {most}MB exceeded"
            )));
        }
        Ok(std::mem::take(&mut *bytes))
    }

    /// The JSON body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        // What serde says may quote what was sent.
        let bad = |_| Fault::other("Required request body is missing or not of the form expected");
        serde_json::from_slice(&self.json).map_err(bad)
    }

    /// A parameter; one without text counts as missing.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let text = self.params.get(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether a parameter is there, whatever its text.
    pub(super) fn has(&self, name: &str) -> bool {
        self.params.contains_key(name)
    }

    /// A whole number, at least `least`.
    pub(super) fn number(&self, name: &str, least: usize, default: usize) -> Result<usize, Fault> {
        let Some(text) = self.param(name) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|number| *number >= least);
        number.ok_or_else(|| {
            Fault::constraint(format!("{name} must be greater than or equal to {least}"))
        })
    }

    /// A share from 0 to 1.
    pub(super) fn share(&self, name: &str) -> Result<Option<f32>, Fault> {
        let Some(text) = self.param(name) else {
            return Ok(None);
        };
        let share = text
            .parse()
            .ok()
            .filter(|share| (0.0..=1.0).contains(share));
        match share {
            Some(share) => Ok(Some(share)),
            None => Err(Fault::constraint(format!(
                "{name} must be between 0.0 and 1.0"
            ))),
        }
    }

    /// A yes or no, however it is spelled.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.param(name).map_or(default, |text| {
            ["true", "1", "yes", "on"].contains(&text.to_ascii_lowercase().as_str())
        })
    }
}

/// A body that ends before its end, or is none.
fn cut() -> Fault {
    Fault::other("the request body cannot be read to its end")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_of_the_real_clients_are_read() {
        for (query, expected) in [
            (
                "&limit=0&status=True",
                vec![("limit", "0"), ("status", "True")],
            ),
            (
                "subject=Jo+%C3%89?det_prob_threshold=0.8",
                vec![("det_prob_threshold", "0.8"), ("subject", "Jo É")],
            ),
            (
                "det_prob_threshold=0.5?face_plugins=landmarks?status=true",
                vec![
                    ("det_prob_threshold", "0.5"),
                    ("face_plugins", "landmarks"),
                    ("status", "true"),
                ],
            ),
            ("subject=a%26b%3F", vec![("subject", "a&b?")]),
            ("", vec![]),
        ] {
            let found = params_of(query);
            let found: Vec<_> = found
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            assert_eq!(found, expected, "{query}");
        }
    }

    async fn form(body: &str) -> Result<Asked, Fault> {
        let request = Request::builder()
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
            .body(Body::from(body.to_owned()));
        Asked::read(request.unwrap()).await
    }

    #[tokio::test]
    async fn parts_are_pictures_or_parameters() {
        let body = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\nbytes\r\n\
                    --cut\r\nContent-Disposition: form-data; name=\"limit\"\r\n\r\n2\r\n--cut--\r\n";
        let mut asked = form(body).await.unwrap();
        assert_eq!(asked.picture("file").unwrap(), b"bytes");
        assert!(asked.picture("file").is_err(), "it was taken");
        assert_eq!(asked.number("limit", 0, 9).unwrap(), 2);
        // Cut anywhere, it is an error or lacks what was cut off, and never something else.
        for end in 0..body.len() {
            if let Ok(mut asked) = form(&body[..end]).await {
                let whole = asked.picture("file").is_ok_and(|bytes| bytes == b"bytes");
                assert!(whole || asked.pictures.is_empty(), "{end}");
            }
        }
    }

    #[tokio::test]
    async fn values_out_of_range_say_so() {
        let request = Request::builder()
            .uri("/?limit=-1&page=x&det_prob_threshold=1.5&status=True&prediction_count=0&n=NaN")
            .body(Body::empty());
        let asked = Asked::read(request.unwrap()).await.unwrap();
        assert!(asked.number("limit", 0, 0).is_err() && asked.number("page", 0, 0).is_err());
        assert!(asked.number("prediction_count", 1, 1).is_err());
        assert!(asked.share("det_prob_threshold").is_err() && asked.share("n").is_err());
        assert!(asked.flag("status", false) && !asked.flag("other", false));
    }

    proptest! {
        #[test]
        fn any_query_is_read(query in "\\PC{0,200}") {
            let _ = params_of(&query);
        }

        #[test]
        fn bytes_come_back_from_base64(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let text = STANDARD.encode(&bytes);
            prop_assert_eq!(from_base64(&text).unwrap().to_vec(), bytes.clone());
            prop_assert_eq!(from_base64(&format!("data:image/png;base64,{text}")).unwrap().to_vec(), bytes);
        }
    }
}
