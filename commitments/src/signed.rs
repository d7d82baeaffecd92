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
    key_id: String,
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
            key_id: expected,
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
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether they hold at this instant.
    pub fn is_effective(&self, now: Timestamp) -> bool {
        now >= self.document.effective_from.start()
    }
}

fn message(document: &str) -> Vec<u8> {
    [CONTEXT, document.as_bytes()].concat()
}
