//! What another application is told about a verification: signed, for it alone, for a moment.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use regard_domain::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::{Digest, canonical_json};
use crate::jws;
use crate::keys::key_id;

/// Type in the head of the signature, after RFC 8725, 3.11: it can serve no other document.
const TYPE: &str = "regard-assertion+jwt";

/// Longest assertion read, in bytes.
const MAX_LEN: usize = 4 * 1024;

/// How long an assertion holds: time for one redirect, and a clock that is a little off.
pub const ASSERTION_TTL: Duration = Duration::from_secs(120);

/// Longest audience and nonce.
const MAX_TEXT_LEN: usize = 200;

/// Whom an assertion is for, and what they sent so that it answers their question alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionFor {
    audience: String,
    nonce: String,
}

/// A text that cannot stand in an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} must be 1 to {MAX_TEXT_LEN} printable ASCII characters without spaces")]
pub struct BadAssertionText(&'static str);

impl AssertionFor {
    /// Checks the texts and takes them.
    ///
    /// # Errors
    /// [`BadAssertionText`].
    pub fn new(audience: &str, nonce: &str) -> Result<Self, BadAssertionText> {
        let is_good = |text: &str| {
            (1..=MAX_TEXT_LEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        for (name, text) in [("audience", audience), ("nonce", nonce)] {
            if !is_good(text) {
                return Err(BadAssertionText(name));
            }
        }
        Ok(Self {
            audience: audience.to_owned(),
            nonce: nonce.to_owned(),
        })
    }
}

/// That the face before a camera was live and that of somebody who enrolled.
///
/// # Privacy
/// Names the person by a pseudonym that is another one for each audience, so that two applications cannot put their data
/// together by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// The site: its address, or `urn:regard:` and its id.
    pub iss: String,
    /// Pseudonym of the person for this audience, 64 hexadecimal digits.
    pub sub: String,
    /// For whom.
    pub aud: String,
    /// What they sent.
    pub nonce: String,
    /// When, seconds since 1970.
    pub iat: i64,
    /// Until when it holds.
    pub exp: i64,
    /// Random id: whoever takes assertions takes each once.
    pub jti: String,
    /// How it was found out: `face`, and the challenges that were passed (RFC 8176).
    pub amr: Vec<String>,
    /// The false match rate that the decision was made at, such as `1e-4`.
    pub fmr: String,
}

/// What an assertion is made from.
#[derive(Clone, Copy, Debug)]
pub struct AssertionTerms<'a> {
    /// The site.
    pub issuer: &'a str,
    /// Who was verified.
    pub person: PersonId,
    /// For whom.
    pub wanted: &'a AssertionFor,
    /// Random number.
    pub number: u128,
    /// The challenges that were passed.
    pub challenges: &'a [&'static str],
    /// The false match rate aimed at.
    pub fmr: &'a str,
}

/// An assertion that is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AssertionFault {
    /// Not signed by this key as an assertion.
    #[error("the assertion is not signed by this key")]
    BadSignature,
    /// Signed, but not of this form.
    #[error("what is signed is not an assertion")]
    NotAssertion,
    /// For somebody else, or an answer to another question.
    #[error("the assertion is for another audience or nonce")]
    OtherAudience,
    /// Its time has not come, or is over.
    #[error("the assertion does not hold now")]
    OutOfTime,
}

/// The pseudonym of a person for an audience. Nobody who does not hold the random id can make it, nor tell two apart from one.
fn pseudonym(person: PersonId, audience: &str) -> String {
    let id = person.as_bits().to_be_bytes();
    Digest::of(&[b"regard assertion subject v1\0", &id, audience.as_bytes()]).to_string()
}

impl Assertion {
    /// The assertion on these terms, from now on.
    pub fn new(terms: &AssertionTerms<'_>, now: Timestamp) -> Self {
        let secs = |at: Timestamp| at.as_millis().div_euclid(1_000);
        let amr = std::iter::once("face").chain(terms.challenges.iter().copied());
        Self {
            iss: terms.issuer.to_owned(),
            sub: pseudonym(terms.person, &terms.wanted.audience),
            aud: terms.wanted.audience.clone(),
            nonce: terms.wanted.nonce.clone(),
            iat: secs(now),
            exp: secs(now.plus(ASSERTION_TTL)),
            jti: format!("{:032x}", terms.number),
            amr: amr.map(str::to_owned).collect(),
            fmr: terms.fmr.to_owned(),
        }
    }

    /// The assertion, signed: a JWT in compact form.
    pub fn sign(&self, key: &SigningKey) -> String {
        let payload = canonical_json(self).expect("an assertion holds texts and integers only");
        jws::sign(TYPE, payload.as_bytes(), key)
    }

    /// The assertion in a text, if this key signed it for this audience and nonce, and it holds now.
    ///
    /// # Errors
    /// [`AssertionFault`].
    pub fn verify(
        text: &str,
        key: &VerifyingKey,
        wanted: &AssertionFor,
        now: Timestamp,
    ) -> Result<Self, AssertionFault> {
        let payload =
            jws::open(TYPE, text, MAX_LEN, key).map_err(|_| AssertionFault::BadSignature)?;
        let said: Self =
            serde_json::from_slice(&payload).map_err(|_| AssertionFault::NotAssertion)?;
        if said.aud != wanted.audience || said.nonce != wanted.nonce {
            return Err(AssertionFault::OtherAudience);
        }
        let secs = now.as_millis().div_euclid(1_000);
        if !(said.iat..said.exp).contains(&secs) {
            return Err(AssertionFault::OutOfTime);
        }
        Ok(said)
    }
}

/// A public key as other programs read it.
///
/// # Source
/// RFC 8037, JSON Web Key of an Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
}

impl PublicJwk {
    /// The form of a key.
    pub fn new(key: &VerifyingKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: key_id(key),
            x: URL_SAFE_NO_PAD.encode(key.as_bytes()),
        }
    }
}

impl fmt::Display for PublicJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{SiteKeys, Zeroizing};

    /// 2026-06-01T12:00:00Z.
    const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

    fn key(byte: u8) -> SigningKey {
        SiteKeys::from_seed(Zeroizing::new([byte; 32])).assertions_key()
    }

    fn wanted(audience: &str, nonce: &str) -> AssertionFor {
        AssertionFor::new(audience, nonce).unwrap()
    }

    fn made(person: u128, wanted: &AssertionFor) -> Assertion {
        let terms = AssertionTerms {
            issuer: "https://shop.example",
            person: PersonId::from_bits(person),
            wanted,
            number: 9,
            challenges: &["turn"],
            fmr: "1e-4",
        };
        Assertion::new(&terms, NOON)
    }

    #[test]
    fn an_assertion_is_for_one_audience_one_question_and_two_minutes() {
        let (till, other) = (wanted("till", "n-1"), wanted("app", "n-1"));
        let text = made(7, &till).sign(&key(1));
        let public = key(1).verifying_key();
        let verify = |wanted: &AssertionFor, at| Assertion::verify(&text, &public, wanted, at);
        let said = verify(&till, NOON).unwrap();
        assert_eq!(
            (said.exp - said.iat, &said.amr[..]),
            (120, &["face".to_owned(), "turn".to_owned()][..])
        );
        assert_eq!(verify(&other, NOON), Err(AssertionFault::OtherAudience));
        assert_eq!(
            verify(&wanted("till", "n-2"), NOON),
            Err(AssertionFault::OtherAudience)
        );
        let at = |secs| NOON.plus(Duration::from_secs(secs));
        assert!(verify(&till, at(119)).is_ok());
        assert_eq!(verify(&till, at(120)), Err(AssertionFault::OutOfTime));
        let before = Timestamp::from_micros(NOON.as_micros() - 1);
        assert_eq!(verify(&till, before), Err(AssertionFault::OutOfTime));
        let foreign = Assertion::verify(&text, &key(2).verifying_key(), &till, NOON);
        assert_eq!(foreign, Err(AssertionFault::BadSignature));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                changed == text || Assertion::verify(&changed, &public, &till, NOON).is_err(),
                "{at}"
            );
        }
        // Signed by the same site as something else.
        let receipt = jws::sign("regard-consent-receipt", b"{}", &key(1));
        assert_eq!(
            Assertion::verify(&receipt, &public, &till, NOON),
            Err(AssertionFault::BadSignature)
        );
    }

    #[test]
    fn two_audiences_cannot_put_their_data_together() {
        let (till, app) = (wanted("till", "n"), wanted("app", "n"));
        let subs = [made(7, &till).sub, made(7, &app).sub, made(8, &till).sub];
        assert!(subs[0] != subs[1] && subs[0] != subs[2]);
        assert_eq!(
            subs[0],
            made(7, &till).sub,
            "the same person is the same to one"
        );
        assert!(!subs[0].contains(&PersonId::from_bits(7).to_string()));
    }

    #[test]
    fn texts_are_checked() {
        for (audience, nonce, good) in [
            ("till", "n", true),
            ("", "n", false),
            ("till", "", false),
            ("a b", "n", false),
            ("till", "n\n", false),
            ("ü", "n", false),
        ] {
            assert_eq!(
                AssertionFor::new(audience, nonce).is_ok(),
                good,
                "{audience:?} {nonce:?}"
            );
        }
        assert!(AssertionFor::new(&"a".repeat(201), "n").is_err());
    }

    #[test]
    fn the_published_key_is_the_one_that_signs() {
        let public = key(1).verifying_key();
        let json: Value = serde_json::to_value(PublicJwk::new(&public)).unwrap();
        assert_eq!(
            (&json["kty"], &json["crv"], &json["use"]),
            (&"OKP".into(), &"Ed25519".into(), &"sig".into())
        );
        let x = URL_SAFE_NO_PAD.decode(json["x"].as_str().unwrap()).unwrap();
        assert_eq!(x, public.as_bytes());
        let text = made(7, &wanted("till", "n")).sign(&key(1));
        let head = URL_SAFE_NO_PAD
            .decode(text.split('.').next().unwrap())
            .unwrap();
        let head: Value = serde_json::from_slice(&head).unwrap();
        assert_eq!((&head["kid"], &head["alg"]), (&json["kid"], &json["alg"]));
    }
}
