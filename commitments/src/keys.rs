//! The keys of a site as values. Files are the engine's business.

use std::fmt;

use ed25519_dalek::{SigningKey, VerifyingKey};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::face_token::FaceTokenMint;
use crate::place_code::PlaceCodes;

/// One seed, from which a site's keys are made: one to sign commitments, one to sign the ledger, one to
/// cosign the ledgers of others, and one for each other kind of document that is signed.
/// Wiped from memory when dropped; never printed.
pub struct SiteKeys {
    seed: Zeroizing<[u8; 32]>,
}

impl SiteKeys {
    /// From 32 secret bytes, read back from where the engine keeps them.
    pub fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        Self { seed }
    }

    /// Fresh keys from the generator given.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self { seed }
    }

    /// The secret bytes, for the engine to store; wiped when dropped.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }

    /// Signs commitments.
    pub fn commitments_key(&self) -> SigningKey {
        self.derive(b"regard commitments key v1")
    }

    /// Signs the checkpoints of the ledger.
    pub fn ledger_key(&self) -> SigningKey {
        self.derive(b"regard ledger key v1")
    }

    /// Makes the codes that screens and signs show.
    pub fn place_codes(&self) -> PlaceCodes {
        PlaceCodes::new(self.secret(b"regard place codes v1"))
    }

    /// Cosigns checkpoints of other installations.
    pub fn witness_key(&self) -> SigningKey {
        self.derive(b"regard witness key v1")
    }

    /// Signs audit reports.
    pub fn audit_key(&self) -> SigningKey {
        self.derive(b"regard audit key v1")
    }

    /// Signs consent receipts.
    pub fn receipts_key(&self) -> SigningKey {
        self.derive(b"regard receipts key v1")
    }

    /// Signs attestations of the privacy officer.
    pub fn attestations_key(&self) -> SigningKey {
        self.derive(b"regard attestations key v1")
    }

    /// Makes the tokens in which persons keep their own templates.
    pub fn face_tokens(&self) -> FaceTokenMint {
        FaceTokenMint::new(
            self.derive(b"regard face tokens key v1"),
            self.secret(b"regard face token owners v1"),
        )
    }

    /// Signs what other applications are told about a verification.
    pub fn assertions_key(&self) -> SigningKey {
        self.derive(b"regard assertions key v1")
    }

    /// A secret for one use: the seed is uniform, so that hashing it with a label of fixed length is a
    /// pseudo-random function, and no key tells anything about another.
    fn secret(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let digest = Digest::of(&[label, &[0], self.seed.as_slice()]);
        Zeroizing::new(*digest.as_bytes())
    }

    fn derive(&self, label: &[u8]) -> SigningKey {
        SigningKey::from_bytes(&self.secret(label))
    }
}

impl fmt::Debug for SiteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKeys(withheld)")
    }
}

/// A short name of a public key: the first 16 bytes of its SHA-256 in hexadecimal.
pub fn key_id(key: &VerifyingKey) -> String {
    let mut name = Digest::of(&[key.as_bytes()]).to_string();
    name.truncate(32);
    name
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn keys_come_back_from_their_seed_and_differ() {
        let keys = SiteKeys::random(&mut StdRng::seed_from_u64(7));
        let back = SiteKeys::from_seed(keys.seed());
        assert_eq!(keys.commitments_key(), back.commitments_key());
        assert_eq!(keys.ledger_key(), back.ledger_key());
        let other = SiteKeys::random(&mut StdRng::seed_from_u64(8));
        let names: std::collections::BTreeSet<String> = [
            keys.commitments_key(),
            keys.ledger_key(),
            keys.witness_key(),
            keys.audit_key(),
            keys.receipts_key(),
            keys.attestations_key(),
            keys.assertions_key(),
            other.commitments_key(),
        ]
        .iter()
        .map(|key| key_id(&key.verifying_key()))
        .collect();
        assert_eq!(names.len(), 8);
        assert!(names.iter().all(|name| name.len() == 32));
    }

    #[test]
    fn secrets_do_not_print() {
        let keys = SiteKeys::from_seed(Zeroizing::new([0xab; 32]));
        assert_eq!(format!("{keys:?}"), "SiteKeys(withheld)");
        let secret = keys.ledger_key().to_bytes();
        let printed = format!("{:?}", keys.ledger_key());
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = secret.map(|byte| byte.to_string()).join(", ");
        assert!(
            !printed.contains(&hex[..8]) && !printed.contains(&list[..12]),
            "{printed}"
        );
    }
}
