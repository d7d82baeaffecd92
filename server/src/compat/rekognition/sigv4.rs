//! Signatures of requests, version 4.
//!
//! # Source
//! "Signature Version 4 signing process", AWS General Reference; known answers from botocore in the tests.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use hmac::{Hmac, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regard_commitments::Zeroizing;
use regard_domain::Timestamp;
use regard_engine::to_hex;
use sha2::{Digest as _, Sha256};

use super::fault::Fault;

/// The one way of signing that is taken.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service that a signature is for.
const SERVICE: &str = "rekognition";

/// How far the clock of a client may be from ours, in seconds: five minutes, as AWS has it.
const MAX_SKEW_SECS: i64 = 300;

/// Longest header that is read, in bytes: an id, a scope, a few names and 64 digits.
const MAX_HEADER_LEN: usize = 2_000;

/// Headers that may be signed at most.
const MAX_SIGNED: usize = 50;

/// What is left as it is in a path or a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The header with the signature, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    /// Whose key signed it.
    pub(super) key_id: &'a str,
    date: &'a str,
    pub(super) region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Takes the header apart; nothing where it has another form.
pub(crate) fn parse(text: &str) -> Option<Authorization<'_>> {
    if text.len() > MAX_HEADER_LEN {
        return None;
    }
    let rest = text.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let mut parts = BTreeMap::new();
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        parts.insert(name, value);
    }
    let mut scope = parts.get("Credential")?.split('/');
    let (key_id, date) = (scope.next()?, scope.next()?);
    let (region, service) = (scope.next()?, scope.next()?);
    if scope.next()? != "aws4_request" || scope.next().is_some() || key_id.is_empty() {
        return None;
    }
    let signed_headers: Vec<&str> = parts.get("SignedHeaders")?.split(';').collect();
    let is_sorted = signed_headers.is_sorted_by(|a, b| a < b);
    let signature = *parts.get("Signature")?;
    let is_hex = signature.len() == 64
        && signature
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_sound = is_sorted && is_hex && signed_headers.len() <= MAX_SIGNED;
    is_sound.then_some(Authorization {
        key_id,
        date,
        region,
        service,
        signed_headers,
        signature,
    })
}

/// The parts of a request that are signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// Seconds since the epoch of a time such as `20150830T123600Z`.
fn secs_of(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let is_formed = bytes.len() == 16
        && bytes[8] == b'T'
        && bytes[15] == b'Z'
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| matches!(i, 8 | 15) || b.is_ascii_digit());
    if !is_formed {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !in_range {
        return None;
    }
    // Days from civil: Howard Hinnant, chrono-compatible low-level date algorithms.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn hmac(key: &[u8], text: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Runs of spaces become one; nothing stands around it.
fn trimmed(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A query in order, each part escaped in the one way.
fn canonical_query(query: &str) -> String {
    let escaped = |text: &str| {
        let plain = percent_decode_str(text).decode_utf8_lossy().into_owned();
        utf8_percent_encode(&plain, UNRESERVED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (escaped(name), escaped(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(n, v)| format!("{n}={v}")).collect();
    pairs.join("&")
}

/// The text whose hash is signed; nothing where a header that is signed is not there.
fn canonical(signed: &Signed<'_>, names: &[&str]) -> Option<String> {
    let mut headers = String::new();
    for name in names {
        let mut values = signed.headers.get_all(*name).iter().peekable();
        values.peek()?;
        let values: Vec<String> = values.map(trimmed).collect();
        headers.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let parts = signed.path.split('/');
    let path: Vec<String> = parts
        .map(|part| utf8_percent_encode(part, UNRESERVED).to_string())
        .collect();
    Some(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        signed.method,
        path.join("/"),
        canonical_query(signed.query),
        names.join(";"),
        to_hex(&Sha256::digest(signed.body)),
    ))
}

/// The signature of a request.
fn sign(canonical: &str, secret: &str, (amz_date, scope): (&str, &[&str; 3])) -> String {
    let [date, region, service] = scope;
    let to_sign = format!(
        "{ALGORITHM}\n{amz_date}\n{date}/{region}/{service}/aws4_request\n{}",
        to_hex(&Sha256::digest(canonical.as_bytes())),
    );
    let first = Zeroizing::new(format!("AWS4{secret}").into_bytes());
    let mut key = hmac(&first, date.as_bytes());
    for part in [*region, *service, "aws4_request"] {
        key = hmac(key.as_slice(), part.as_bytes());
    }
    to_hex(hmac(key.as_slice(), to_sign.as_bytes()).as_slice())
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
fn is_same(a: &str, b: &str) -> bool {
    let differing = a.bytes().zip(b.bytes());
    a.len() == b.len() && differing.fold(0_u8, |all, (a, b)| all | (a ^ b)) == 0
}

/// The header with the signature.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Authorization<'_>, Fault> {
    let Some(text) = headers.get(header::AUTHORIZATION) else {
        return Err(Fault::missing_token());
    };
    let parsed = text.to_str().ok().and_then(parse);
    parsed.ok_or_else(|| {
        Fault::incomplete_signature("the Authorization header is not of the form expected")
    })
}

/// Whether a request was signed with this secret, lately, for this region and service.
///
/// # Errors
/// The error that AWS gives.
pub(super) fn check(
    authorization: &Authorization<'_>,
    signed: &Signed<'_>,
    secret: &str,
    (region, now): (&str, Timestamp),
) -> Result<(), Fault> {
    let wrong = Fault::bad_signature;
    let amz_date = signed.headers.get("x-amz-date");
    let amz_date = amz_date
        .and_then(|date| date.to_str().ok())
        .unwrap_or_default();
    let Some(at) = secs_of(amz_date) else {
        return Err(Fault::incomplete_signature(
            "the header X-Amz-Date is missing or no time",
        ));
    };
    let scope = [
        authorization.date,
        authorization.region,
        authorization.service,
    ];
    if authorization.service != SERVICE || authorization.region != region {
        let message =
            format!("Credential should be scoped to region '{region}' and service '{SERVICE}'");
        return Err(wrong(message));
    }
    if !amz_date.starts_with(authorization.date) {
        return Err(wrong(
            "Date in Credential scope does not match X-Amz-Date".to_owned(),
        ));
    }
    let behind = now.as_millis().div_euclid(1_000) - at;
    if behind > MAX_SKEW_SECS {
        return Err(wrong(format!(
            "Signature expired: {amz_date} is {behind} s ago"
        )));
    }
    if behind < -MAX_SKEW_SECS {
        return Err(wrong(format!(
            "Signature not yet current: {amz_date} is {} s ahead",
            -behind
        )));
    }
    // What says whom it is for, what for and when must not be open to change.
    let names = &authorization.signed_headers;
    if !names.contains(&"host")
        || !names.contains(&"x-amz-date")
        || !names.contains(&"x-amz-target")
    {
        return Err(wrong(
            "host, x-amz-date and x-amz-target must be signed".to_owned(),
        ));
    }
    let said = signed.headers.get("x-amz-content-sha256");
    if said.is_some_and(|said| {
        let hash = to_hex(&Sha256::digest(signed.body));
        said.as_bytes() != hash.as_bytes() && said.as_bytes() != b"UNSIGNED-PAYLOAD"
    }) {
        return Err(wrong(
            "x-amz-content-sha256 is not the hash of the body".to_owned(),
        ));
    }
    let canonical = canonical(signed, names)
        .ok_or_else(|| wrong("a header that is signed is not there".to_owned()))?;
    let expected = sign(&canonical, secret, (amz_date, &scope));
    if is_same(&expected, authorization.signature) {
        Ok(())
    } else {
        Err(wrong(
            "The request signature we calculated does not match the signature you provided. \
             Check your AWS Secret Access Key and signing method."
                .to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests;
