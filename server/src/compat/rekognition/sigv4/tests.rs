use axum::http::HeaderName;
use proptest::prelude::*;

use super::*;

/// Secret, region, body, headers beside the usual, signature.
type Known = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Signed by botocore 1.44.8 on 2026-06-01 at noon.
const KNOWN: [Known; 3] = [
    (
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "eu-west-1",
        "{}",
        &[("x-amz-target", "RekognitionService.ListCollections")],
        "81ed8542159657b2a538658a87d04b4faef4587985441f5385bb527fe637cabf",
    ),
    (
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "us-east-1",
        "{\"CollectionId\": \"staff\"}",
        &[
            ("x-amz-target", "RekognitionService.CreateCollection"),
            ("x-regard-act", "00000000000000000000000000000007"),
        ],
        "f9ac035198236ca4d66bc6b4e5c4a60209138b86818ec18a8fb6e1c41eb2f01f",
    ),
    (
        "s",
        "eu-west-1",
        "{\"Image\": {\"Bytes\": \"é\"}}",
        &[
            ("x-amz-target", "RekognitionService.DetectFaces"),
            ("x-odd", "  a   b  "),
        ],
        "a070e154431eea3e8cf7febc410cb8f2fe9ce8d50260f10c60597156e907964c",
    ),
];

const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

fn headers(region: &str, more: &[(&str, &str)], signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &str, value: &str| {
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    };
    let mut names = vec!["content-type", "host", "x-amz-date"];
    put("content-type", "application/x-amz-json-1.1");
    put("host", "127.0.0.1:8787");
    put("x-amz-date", "20260601T120000Z");
    for (name, value) in more {
        put(name, value);
        names.push(name);
    }
    names.sort_unstable();
    let names = names.join(";");
    put(
        "authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260601/{region}/rekognition/aws4_request, \
             SignedHeaders={names}, Signature={signature}"
        ),
    );
    headers
}

fn checked(
    headers: &HeaderMap,
    body: &str,
    secret: &str,
    (region, now): (&str, Timestamp),
) -> Result<(), Fault> {
    let signed = Signed {
        method: &Method::POST,
        path: "/",
        query: "",
        headers,
        body: body.as_bytes(),
    };
    check(&authorization(headers)?, &signed, secret, (region, now))
}

#[test]
fn what_botocore_signs_is_taken_and_nothing_else() {
    for (secret, region, body, more, signature) in KNOWN {
        let good = headers(region, more, signature);
        assert_eq!(checked(&good, body, secret, (region, NOON)), Ok(()));
        // Another body, secret, region, header or digit.
        assert!(checked(&good, "{ }", secret, (region, NOON)).is_err());
        assert!(checked(&good, body, "other", (region, NOON)).is_err());
        assert!(checked(&good, body, secret, ("us-west-2", NOON)).is_err());
        let other = format!("{}0", &signature[..63]);
        let bad = headers(region, more, &other);
        assert_eq!(
            checked(&bad, body, secret, (region, NOON)).is_ok(),
            other == signature
        );
        let mut moved = good.clone();
        let target = HeaderValue::from_static("RekognitionService.DeleteCollection");
        moved.insert("x-amz-target", target);
        assert!(checked(&moved, body, secret, (region, NOON)).is_err());
    }
}

#[test]
fn a_clock_may_be_five_minutes_off() {
    let (secret, region, body, more, signature) = KNOWN[0];
    let good = headers(region, more, signature);
    let at = |secs: i64| Timestamp::from_millis(NOON.as_millis() + secs * 1_000);
    for (secs, said) in [
        (300, None),
        (-300, None),
        (301, Some("expired")),
        (-301, Some("not yet current")),
    ] {
        let found = checked(&good, body, secret, (region, at(secs)));
        match said {
            None => assert_eq!(found, Ok(()), "{secs}"),
            Some(said) => assert!(format!("{found:?}").contains(said), "{secs}: {found:?}"),
        }
    }
}

#[test]
fn what_must_be_signed_is() {
    let (secret, region, body, _, signature) = KNOWN[0];
    let unsigned = headers(region, &[], signature);
    let found = checked(&unsigned, body, secret, (region, NOON));
    assert!(format!("{found:?}").contains("must be signed"), "{found:?}");
}

#[test]
fn other_headers_are_none() {
    let sixty_four = "0".repeat(64);
    let of = |credential: &str, names: &str, signature: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
    };
    let good = of("A/1/r/s/aws4_request", "a;b", &sixty_four);
    assert!(parse(&good).is_some());
    for bad in [
        String::new(),
        "Bearer abc".to_owned(),
        "AWS4-HMAC-SHA256".to_owned(),
        of("A/1/r/s", "a;b", &sixty_four),
        of("A/1/r/s/aws4_request/x", "a;b", &sixty_four),
        of("/1/r/s/aws4_request", "a;b", &sixty_four),
        of("A/1/r/s/aws4_request", "b;a", &sixty_four),
        of("A/1/r/s/aws4_request", "a;a", &sixty_four),
        of("A/1/r/s/aws4_request", "a;b", "00"),
        of("A/1/r/s/aws4_request", "a;b", &"X".repeat(64)),
        format!("{good}{}", " ".repeat(2_000)),
    ] {
        assert_eq!(parse(&bad), None, "{bad}");
    }
}

#[test]
fn times_are_those_of_the_calendar() {
    for (text, secs) in [
        ("19700101T000000Z", Some(0)),
        ("20260601T120000Z", Some(1_780_315_200)),
        ("20240229T235959Z", Some(1_709_251_199)),
        ("20260601 120000Z", None),
        ("20261301T120000Z", None),
        ("2026060éT12000Z", None),
        ("", None),
    ] {
        assert_eq!(secs_of(text), secs, "{text}");
    }
}

proptest! {
    #[test]
    fn any_header_is_read(text in "\\PC{0,300}", tail in "\\PC{0,100}") {
        let _ = parse(&text);
        let _ = parse(&format!("AWS4-HMAC-SHA256 {text}"));
        let _ = parse(&format!("AWS4-HMAC-SHA256 Credential={text}, SignedHeaders={tail}, Signature={tail}"));
        let _ = secs_of(&text);
        let _ = canonical_query(&text);
    }

    /// The queries of a request in any order are one.
    #[test]
    fn a_query_has_one_form(mut pairs in proptest::collection::vec(("[a-c]{1,2}", "[ -~]{0,4}"), 0..5)) {
        let text = |pairs: &[(String, String)]| {
            let parts: Vec<String> = pairs
                .iter()
                .map(|(n, v)| format!("{n}={}", utf8_percent_encode(v, UNRESERVED)))
                .collect();
            parts.join("&")
        };
        let one = canonical_query(&text(&pairs));
        pairs.reverse();
        prop_assert_eq!(canonical_query(&text(&pairs)), one);
    }
}
