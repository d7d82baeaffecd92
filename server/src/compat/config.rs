//! Which interfaces are switched on, and with which keys.

use std::fmt;
use std::str::FromStr;

use regard_commitments::{AttestedSource, Zeroizing};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// SHA-256 of a key, as `printf %s KEY | sha256sum` gives it: the key itself is kept nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

/// A text that is no hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the 64 hexadecimal digits of a SHA-256")]
pub struct BadKeyHash;

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl FromStr for KeyHash {
    type Err = BadKeyHash;
    fn from_str(text: &str) -> Result<Self, BadKeyHash> {
        regard_engine::from_hex(text)
            .map(|bytes| Self(*bytes))
            .ok_or(BadKeyHash)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(withheld)")
    }
}

/// What a key of the CompreFace interface opens; each opens one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompreFaceKind {
    /// Faces are put into a collection and looked for in it.
    Recognition,
    /// Faces are found in pictures, and nobody is told apart.
    Detection,
    /// Two pictures are compared.
    Verification,
}

/// One service of the CompreFace interface.
#[derive(Clone, Debug)]
pub struct CompreFaceService {
    /// What its key opens.
    pub kind: CompreFaceKind,
    /// The hash of its key.
    pub key: KeyHash,
    /// Its name, as attestations have it.
    pub service: String,
    /// Its collection, as attestations have it; of a verification service the one its attestation names, which holds no face.
    pub collection: String,
    /// Where its pictures come from.
    pub source: AttestedSource,
}

/// A pair of keys of the Rekognition interface.
#[derive(Clone)]
pub struct RekognitionKey {
    /// The access key id.
    pub id: String,
    /// The secret access key. Signatures are made with the key itself, so that a hash would not do: it lies in a file of its own.
    pub secret: Zeroizing<String>,
    /// The service that uses it, as attestations have it.
    pub service: String,
    /// Where its pictures come from.
    pub source: AttestedSource,
}

impl fmt::Debug for RekognitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RekognitionKey({}, secret withheld)", self.service)
    }
}

/// The Rekognition interface.
#[derive(Clone, Debug)]
pub struct RekognitionConfig {
    /// The region that clients sign for.
    pub region: String,
    /// The collection that attestations of `CompareFaces` name; it holds no face.
    pub compare_collection: String,
    /// The keys, at least one.
    pub keys: Vec<RekognitionKey>,
}

/// The interfaces of other services.
#[derive(Clone, Debug, Default)]
pub struct CompatConfig {
    /// Services of the CompreFace interface; none: it is off.
    pub compreface: Vec<CompreFaceService>,
    /// The Rekognition interface; nothing: it is off.
    pub rekognition: Option<RekognitionConfig>,
}

impl CompatConfig {
    /// The service whose key this is. All are looked at, so that time tells nothing.
    pub(crate) fn service_of(&self, key: &str) -> Option<&CompreFaceService> {
        let hash = KeyHash::of(key);
        let mut found = None;
        for service in &self.compreface {
            let differing = service.key.0.iter().zip(hash.0);
            let differing = differing.fold(0_u8, |all, (a, b)| all | (a ^ b));
            if differing == 0 {
                found = Some(service);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_own_service() {
        let service = |name: &str, key: &str| CompreFaceService {
            kind: CompreFaceKind::Detection,
            key: KeyHash::of(key),
            service: name.to_owned(),
            collection: name.to_owned(),
            source: AttestedSource::Upload,
        };
        let config = CompatConfig {
            compreface: vec![service("a", "one"), service("b", "two")],
            rekognition: None,
        };
        let of = |key| config.service_of(key).map(|found| found.service.as_str());
        assert_eq!(
            (of("one"), of("two"), of("three")),
            (Some("a"), Some("b"), None)
        );
        let hash = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
        assert_eq!(hash.parse(), Ok(KeyHash::of("one")));
        assert_eq!("7692".parse::<KeyHash>(), Err(BadKeyHash));
        assert!(!format!("{config:?}").contains("7692"));
    }
}
