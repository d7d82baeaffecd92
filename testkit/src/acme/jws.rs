//! Signed requests (RFC 7515, in the form of RFC 8555, section 6.2) and the keys that sign them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::state::Problem;

/// Bytes of one coordinate of P-256.
const COORDINATE_LEN: usize = 32;

/// A public key of P-256, as JWK has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    x: String,
    y: String,
    /// Uncompressed: 4, x, y.
    point: Vec<u8>,
}

impl Key {
    /// Reads a JWK.
    pub(super) fn read(jwk: &Value) -> Result<Self, Problem> {
        let bad = || Problem::new(400, "badPublicKey", "expected a JWK of P-256");
        let text = |name: &str| jwk[name].as_str().ok_or_else(bad);
        if (text("kty")?, text("crv")?) != ("EC", "P-256") {
            return Err(bad());
        }
        let (x, y) = (text("x")?.to_owned(), text("y")?.to_owned());
        let mut point = vec![4];
        for coordinate in [&x, &y] {
            point.extend(decode(coordinate)?);
        }
        if point.len() != 1 + 2 * COORDINATE_LEN {
            return Err(bad());
        }
        Ok(Self { x, y, point })
    }

    /// The hash of its canonical form (RFC 7638).
    pub(super) fn thumbprint(&self) -> String {
        let (x, y) = (&self.x, &self.y);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
    }

    /// Its point on the curve, uncompressed.
    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }
}

/// A signed request, taken apart and not believed.
pub(super) struct Jws {
    pub(super) header: Value,
    pub(super) payload: Vec<u8>,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    /// Takes a body apart.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let malformed = |what: &str| Problem::new(400, "malformed", what);
        let body: Value =
            serde_json::from_slice(body).map_err(|_| malformed("the body is no JSON"))?;
        let parts = body
            .as_object()
            .ok_or_else(|| malformed("the body is no object"))?;
        // Section 6.2: nothing unprotected, one signature.
        if parts.len() != 3 {
            return Err(malformed("expected protected, payload and signature alone"));
        }
        let part = |name: &str| {
            let part = parts.get(name).and_then(Value::as_str);
            part.ok_or_else(|| malformed("expected protected, payload and signature"))
        };
        let (protected, payload) = (part("protected")?, part("payload")?);
        let header = serde_json::from_slice(&decode(protected)?);
        Ok(Self {
            header: header.map_err(|_| malformed("the header is no JSON"))?,
            payload: decode(payload)?,
            signed: format!("{protected}.{payload}"),
            signature: decode(part("signature")?)?,
        })
    }

    /// A text of the header.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.header[name].as_str()
    }

    /// Whether this key signed it.
    pub(super) fn check(&self, key: &Key) -> Result<(), Problem> {
        if self.text("alg") != Some("ES256") {
            return Err(Problem::new(400, "badSignatureAlgorithm", "expected ES256"));
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point())
            .verify(self.signed.as_bytes(), &self.signature)
            .map_err(|_| Problem::new(403, "unauthorized", "the signature is not of this key"))
    }

    /// Whether the holder of this HMAC key signed it.
    pub(super) fn check_hmac(&self, key: &[u8]) -> Result<(), Problem> {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
        let is_signed = self.text("alg") == Some("HS256")
            && ring::hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok();
        let refused = "the external account is not bound with its key";
        is_signed
            .then_some(())
            .ok_or_else(|| Problem::new(403, "unauthorized", refused))
    }
}

/// Reads base64url without padding.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Problem> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Problem::new(400, "malformed", "expected base64url without padding"))
}
