//! Signed texts that others' libraries read: JWS in compact form, one algorithm, one type a kind of document.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::keys::key_id;

/// A text that is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwsFault {
    /// Not three parts, not in their alphabet, or too long.
    Malformed,
    /// Another key, another algorithm or another kind of document.
    OtherHead,
    /// The signature does not fit.
    BadSignature,
}

/// Head of the signature: one form for each key and kind, so that nothing in it is for the bearer to choose.
pub(crate) fn head(kind: &str, key: &VerifyingKey) -> String {
    let head = format!(
        r#"{{"alg":"EdDSA","kid":"{}","typ":"{kind}"}}"#,
        key_id(key)
    );
    URL_SAFE_NO_PAD.encode(head)
}

/// Signs a payload as this kind of document.
///
/// # Source
/// RFC 7515 in compact form; EdDSA after RFC 8037.
pub(crate) fn sign(kind: &str, payload: &[u8], key: &SigningKey) -> String {
    let message = format!(
        "{}.{}",
        head(kind, &key.verifying_key()),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

/// The payload, if this key signed it as this kind of document.
pub(crate) fn open(
    kind: &str,
    text: &str,
    max_len: usize,
    key: &VerifyingKey,
) -> Result<Vec<u8>, JwsFault> {
    if text.len() > max_len {
        return Err(JwsFault::Malformed);
    }
    let (message, signature) = text.rsplit_once('.').ok_or(JwsFault::Malformed)?;
    let (found, payload) = message.split_once('.').ok_or(JwsFault::Malformed)?;
    if found != head(kind, key) {
        return Err(JwsFault::OtherHead);
    }
    let decode = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| JwsFault::Malformed)
    };
    let signature =
        Signature::from_slice(&decode(signature)?).map_err(|_| JwsFault::BadSignature)?;
    key.verify_strict(message.as_bytes(), &signature)
        .map_err(|_| JwsFault::BadSignature)?;
    decode(payload)
}
