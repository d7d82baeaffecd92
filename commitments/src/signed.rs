//! Signed and verified commitments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::commitments::Commitments;
use crate::digest::Digest;
use crate::keys::key_id;

/// What is signed begins with this, so that the signature can serve no other document.
const CONTEXT: &[u8] = b"regard-commitments-v1\n";

/// Commitments with a signature that nobody has checked yet; the form in which they are stored and published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCommitments {
    /// The canonical JSON text.
    pub document: String,
    /// Which key signed.
    pub key_id: String,
    /// Ed25519 signature in base64.
    pub signature: String,
}

/// Signed commitments that are not to be believed.
#[derive(Debug, Error)]
pub enum SignatureFault {
    /// Another key signed.
    #[error("commitments are signed by key {found}, not {expected}")]
    OtherKey {
        /// Named in the document.
        found: String,
        /// The key of the site.
        expected: String,
    },
    /// The signature is not one, or does not fit.
    #[error("signature of the commitments does not verify")]
    BadSignature,
    /// Signed, but not a document of this program.
    #[error("signed text is not commitments")]
    NotCommitments(#[source] serde_json::Error),
    /// Signed, but not in canonical form, so that two texts would pass for one.
    #[error("signed text is not in canonical form")]
    NotCanonical,
    /// Signed, but the fields contradict each other.
    #[error("signed commitments contradict themselves: {0}")]
    Contradiction(String),
}

/// Commitments whose signature was checked. Gates take nothing less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCommitments {
    document: Commitments,
    digest: Digest,
    key: VerifyingKey,
}

impl Commitments {
    /// The document, signed.
    pub fn sign(&self, key: &SigningKey) -> SignedCommitments {
        let document = self.canonical();
        let signature = key.sign(&message(&document));
        SignedCommitments {
            document,
            key_id: key_id(&key.verifying_key()),
            signature: STANDARD.encode(signature.to_bytes()),
        }
    }
}

impl SignedCommitments {
    /// The commitments, if this key signed them.
    ///
    /// # Errors
    /// [`SignatureFault`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedCommitments, SignatureFault> {
        let expected = key_id(key);
        if self.key_id != expected {
            return Err(SignatureFault::OtherKey {
                found: self.key_id.chars().take(64).collect(),
                expected,
            });
        }
        let bytes = STANDARD
            .decode(&self.signature)
            .map_err(|_| SignatureFault::BadSignature)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| SignatureFault::BadSignature)?;
        key.verify_strict(&message(&self.document), &signature)
            .map_err(|_| SignatureFault::BadSignature)?;
        let document: Commitments =
            serde_json::from_str(&self.document).map_err(SignatureFault::NotCommitments)?;
        if document.canonical() != self.document {
            return Err(SignatureFault::NotCanonical);
        }
        if let Some((_, message)) = document.breaches().into_iter().next() {
            return Err(SignatureFault::Contradiction(message));
        }
        Ok(VerifiedCommitments {
            digest: Digest::of(&[self.document.as_bytes()]),
            document,
            key: *key,
        })
    }
}

impl VerifiedCommitments {
    /// What is promised.
    pub fn document(&self) -> &Commitments {
        &self.document
    }

    /// SHA-256 of the canonical JSON text.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Which key signed.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The short name of that key.
    pub fn key_id(&self) -> String {
        key_id(&self.key)
    }

    /// SHA-256 of that key, as the ledger names it.
    pub fn key_digest(&self) -> Digest {
        Digest::of(&[self.key.as_bytes()])
    }

    /// Whether they hold at this instant.
    pub fn is_effective(&self, now: Timestamp) -> bool {
        now >= self.document.effective_from.start()
    }
}

fn message(document: &str) -> Vec<u8> {
    [CONTEXT, document.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32])
    }

    fn resigned(document: &str) -> SignedCommitments {
        SignedCommitments {
            document: document.to_owned(),
            key_id: key_id(&key(1).verifying_key()),
            signature: STANDARD.encode(key(1).sign(&message(document)).to_bytes()),
        }
    }

    #[test]
    fn signed_commitments_verify_and_come_back_from_json() {
        let signed = Commitments::demo().sign(&key(1));
        let json = serde_json::to_string(&signed).unwrap();
        let back: SignedCommitments = serde_json::from_str(&json).unwrap();
        let verified = back.verify(&key(1).verifying_key()).unwrap();
        assert_eq!(verified.document(), &Commitments::demo());
        assert_eq!(verified.digest(), Digest::of(&[signed.document.as_bytes()]));
        assert_eq!(verified.key_id(), signed.key_id);
        let day = "2026-01-01".parse::<crate::Date>().unwrap().start();
        assert!(verified.is_effective(day));
        assert!(!verified.is_effective(Timestamp::from_micros(day.as_micros() - 1)));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let signed = Commitments::demo().sign(&key(1));
        for byte in 0..signed.document.len() {
            let mut document = signed.document.clone().into_bytes();
            document[byte] ^= 1;
            let Ok(document) = String::from_utf8(document) else {
                continue;
            };
            let changed = SignedCommitments {
                document,
                ..signed.clone()
            };
            let fault = changed.verify(&key(1).verifying_key()).unwrap_err();
            assert!(
                matches!(fault, SignatureFault::BadSignature),
                "byte {byte}: {fault}"
            );
        }
        for byte in 0..signed.signature.len() {
            let mut signature = signed.signature.clone().into_bytes();
            signature[byte] ^= 1;
            let signature = String::from_utf8(signature).unwrap();
            let changed = SignedCommitments {
                signature,
                ..signed.clone()
            };
            assert!(
                changed.verify(&key(1).verifying_key()).is_err(),
                "byte {byte}"
            );
        }
    }

    #[test]
    fn another_key_is_another_site() {
        let signed = Commitments::demo().sign(&key(1));
        let fault = signed.verify(&key(2).verifying_key()).unwrap_err();
        assert!(matches!(fault, SignatureFault::OtherKey { .. }), "{fault}");
        let renamed = SignedCommitments {
            key_id: key_id(&key(2).verifying_key()),
            ..signed
        };
        let fault = renamed.verify(&key(2).verifying_key()).unwrap_err();
        assert!(matches!(fault, SignatureFault::BadSignature), "{fault}");
    }

    #[test]
    fn a_signature_over_the_bare_document_does_not_serve() {
        let mut signed = Commitments::demo().sign(&key(1));
        signed.signature = STANDARD.encode(key(1).sign(signed.document.as_bytes()).to_bytes());
        assert!(signed.verify(&key(1).verifying_key()).is_err());
    }

    #[test]
    fn signed_nonsense_is_no_promise() {
        let document = Commitments::demo().canonical();
        let verify = |document: &str| resigned(document).verify(&key(1).verifying_key());
        assert!(verify(&document).is_ok());
        assert!(matches!(
            verify("{}"),
            Err(SignatureFault::NotCommitments(_))
        ));
        let spaced = document.replace(':', ": ");
        assert!(matches!(verify(&spaced), Err(SignatureFault::NotCanonical)));
        let contradictory = document.replace("\"version\":1", "\"version\":0");
        assert!(matches!(
            verify(&contradictory),
            Err(SignatureFault::Contradiction(_))
        ));
    }
}
