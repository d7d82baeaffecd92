//! Sealing what belongs to a person under a key of their own, and those keys under the key of the site.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use regard_domain::PersonId;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::consent::ConsentPurpose;
use crate::digest::Digest;

/// Bytes of a key.
const KEY_LEN: usize = 32;

/// Bytes of a nonce. 192 bits, so that nonces may be random however many things one key seals.
const NONCE_LEN: usize = 24;

/// Version of the form of what is sealed; part of what is authenticated.
pub const SEAL_VERSION: u16 = 1;

/// Something sealed that does not open: another key, another place, or changed bytes. Which of these, nobody learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("what is sealed does not open with this key")]
pub struct DoesNotOpen;

/// Seals bytes, binding them to `bound`: the nonce, then the ciphertext with its tag.
///
/// # Source
/// XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03.
fn seal(key: &[u8; KEY_LEN], bound: &[u8], plain: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut nonce = [0_u8; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let payload = Payload {
        msg: plain,
        aad: bound,
    };
    let sealed = XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(&XNonce::from(nonce), payload)
        .expect("fewer bytes than the cipher's limit of 256 GiB");
    [nonce.as_slice(), &sealed].concat()
}

fn open(
    key: &[u8; KEY_LEN],
    bound: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
    let payload = Payload {
        msg: sealed,
        aad: bound,
    };
    XChaCha20Poly1305::new(&Key::from(*key))
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| DoesNotOpen)
}

/// What a key is for: the record of a person, or what hangs on one purpose.
///
/// Each purpose has a key of its own, so that withdrawing a consent destroys what hangs on it and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeySlot {
    /// The person's file and receipts.
    Record,
    /// What hangs on the consent to one purpose.
    Purpose(ConsentPurpose),
}

impl KeySlot {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Purpose(purpose) => purpose.as_str(),
        }
    }
}

impl FromStr for KeySlot {
    type Err = crate::consent::BadConsentPurpose;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::Record.as_str() {
            return Ok(Self::Record);
        }
        text.parse().map(Self::Purpose)
    }
}

/// What sealed bytes are bound to: they open for this person, as this kind and name, and nowhere else.
#[derive(Clone, Copy)]
pub struct SealedAs<'a> {
    /// Whose they are.
    pub person: PersonId,
    /// What they are, such as `receipt`.
    pub kind: &'a str,
    /// Which of several of that kind.
    pub name: &'a str,
}

impl SealedAs<'_> {
    fn bytes(&self) -> Vec<u8> {
        bound(
            b"regard sealed record",
            self.person,
            &[self.kind, self.name],
        )
    }
}

/// Label, version, person and texts, each with its length, so that no two ways to fill them give the same bytes.
fn bound(label: &[u8], person: PersonId, texts: &[&str]) -> Vec<u8> {
    let mut bytes = label.to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&SEAL_VERSION.to_be_bytes());
    bytes.extend_from_slice(&person.as_bits().to_be_bytes());
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The key under which things of a person are sealed. Wiped when dropped; never printed, never copied in the clear.
pub struct DataKey(Zeroizing<[u8; KEY_LEN]>);

impl DataKey {
    /// A fresh one.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(key.as_mut_slice());
        Self(key)
    }

    /// From a secret that is kept elsewhere.
    pub const fn from_secret(secret: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self(secret)
    }

    /// A secret for one use of what this key opens: it goes with the key.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; KEY_LEN]> {
        let digest = Digest::of(&[
            b"regard derived key v1\0",
            label.as_bytes(),
            b"\0",
            self.0.as_slice(),
        ]);
        Zeroizing::new(*digest.as_bytes())
    }

    /// Seals bytes.
    pub fn seal(&self, place: &SealedAs<'_>, plain: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        seal(&self.0, &place.bytes(), plain, rng)
    }

    /// Opens what this key sealed for the same place.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(
        &self,
        place: &SealedAs<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        open(&self.0, &place.bytes(), sealed)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(withheld)")
    }
}

/// A secret that the person holds and the site does not keep; with custody `shared` nothing opens without it.
pub struct PersonSecret(Zeroizing<[u8; KEY_LEN]>);

impl PersonSecret {
    /// From secret bytes, such as those of the person's token.
    pub fn derive(secret: &[u8]) -> Self {
        let digest = Digest::of(&[b"regard person secret v1\0", secret]);
        Self(Zeroizing::new(*digest.as_bytes()))
    }
}

impl fmt::Debug for PersonSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonSecret(withheld)")
    }
}

/// The name of a key of the site: what is wrapped says which key wrapped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteKeyId([u8; 16]);

/// A text that is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not 32 lower-case hexadecimal digits")]
pub struct BadSiteKeyId;

impl SiteKeyId {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SiteKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<String> for SiteKeyId {
    type Error = BadSiteKeyId;
    fn try_from(text: String) -> Result<Self, BadSiteKeyId> {
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return Err(BadSiteKeyId);
        }
        u128::from_str_radix(&text, 16)
            .map(|bits| Self(bits.to_be_bytes()))
            .map_err(|_| BadSiteKeyId)
    }
}

impl From<SiteKeyId> for String {
    fn from(id: SiteKeyId) -> Self {
        id.to_string()
    }
}

/// The key of the site, which wraps the keys of persons. A file, a passphrase, a token or a keyring of the system stands
/// behind it: what it wraps with may never leave it.
pub trait SiteKey: Send + Sync {
    /// Its name.
    fn id(&self) -> SiteKeyId;

    /// Wraps a secret, bound to `bound`.
    ///
    /// # Errors
    /// [`SiteKeyFault`] when what stands behind it does not answer.
    fn wrap(
        &self,
        bound: &[u8],
        secret: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, SiteKeyFault>;

    /// Gives back what it wrapped.
    ///
    /// # Errors
    /// [`SiteKeyFault`].
    fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SiteKeyFault>;
}

/// Why a key of the site did not do its work.
#[derive(Debug, Error)]
pub enum SiteKeyFault {
    /// What was wrapped is not there as it was.
    #[error("a wrapped key does not open")]
    DoesNotOpen(#[from] DoesNotOpen),
    /// The key that wrapped it is not there.
    #[error("site key {0} is not there; give the file or passphrase that holds it")]
    Missing(SiteKeyId),
    /// What stands behind the key failed.
    #[error("the site key cannot be used")]
    Device(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A key of the site held in memory, read from a file or made from a passphrase. Wiped when dropped.
pub struct HeldSiteKey {
    id: SiteKeyId,
    key: Zeroizing<[u8; KEY_LEN]>,
}

impl HeldSiteKey {
    /// From 32 secret bytes.
    pub fn new(key: Zeroizing<[u8; KEY_LEN]>) -> Self {
        // The key is uniform, so that its hash under a label tells nothing about it.
        let digest = Digest::of(&[b"regard site key id v1\0", key.as_slice()]);
        let (id, _) = digest
            .as_bytes()
            .split_first_chunk()
            .expect("32 bytes have 16");
        Self {
            id: SiteKeyId(*id),
            key,
        }
    }

    /// Its secret bytes, for whoever stores it; wiped when dropped.
    pub fn secret(&self) -> Zeroizing<[u8; KEY_LEN]> {
        self.key.clone()
    }
}

impl fmt::Debug for HeldSiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldSiteKey({}, withheld)", self.id)
    }
}

impl SiteKey for HeldSiteKey {
    fn id(&self) -> SiteKeyId {
        self.id
    }

    fn wrap(
        &self,
        bound: &[u8],
        secret: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, SiteKeyFault> {
        Ok(seal(&self.key, bound, secret, rng))
    }

    fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SiteKeyFault> {
        Ok(open(&self.key, bound, wrapped)?)
    }
}

/// A wrapped key of a person, and which key of the site wrapped it.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which key of the site.
    pub site_key: SiteKeyId,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey(under {}, withheld)", self.site_key)
    }
}

/// The keys of the site that are at hand: the current one wraps, any of them unwraps. Cheap to clone.
#[derive(Clone)]
pub struct SiteKeyring {
    current: Arc<dyn SiteKey>,
    older: Vec<Arc<dyn SiteKey>>,
}

impl SiteKeyring {
    /// A ring with one key.
    pub fn new(current: Arc<dyn SiteKey>) -> Self {
        Self {
            current,
            older: Vec::new(),
        }
    }

    /// The same with another key that unwraps, and does not wrap.
    #[must_use]
    pub fn with_older(mut self, key: Arc<dyn SiteKey>) -> Self {
        self.older.push(key);
        self
    }

    /// The name of the key that wraps.
    pub fn current(&self) -> SiteKeyId {
        self.current.id()
    }

    /// The names of all keys, the current one first.
    pub fn ids(&self) -> Vec<SiteKeyId> {
        let older = self.older.iter().map(|key| key.id());
        std::iter::once(self.current.id()).chain(older).collect()
    }

    fn find(&self, id: SiteKeyId) -> Result<&Arc<dyn SiteKey>, SiteKeyFault> {
        let mut all = std::iter::once(&self.current).chain(&self.older);
        all.find(|key| key.id() == id)
            .ok_or(SiteKeyFault::Missing(id))
    }

    /// Wraps a person's key; with a secret, so that it takes both the site and the person to unwrap it.
    ///
    /// # Errors
    /// [`SiteKeyFault`].
    pub fn wrap(
        &self,
        (person, slot): (PersonId, KeySlot),
        key: &DataKey,
        secret: Option<&PersonSecret>,
        rng: &mut dyn CryptoRng,
    ) -> Result<WrappedKey, SiteKeyFault> {
        let bound = wrapping(person, slot, secret.is_some());
        let inner = match secret {
            Some(secret) => Zeroizing::new(seal(&secret.0, &bound, key.0.as_slice(), rng)),
            None => Zeroizing::new(key.0.to_vec()),
        };
        Ok(WrappedKey {
            site_key: self.current.id(),
            bytes: self.current.wrap(&bound, &inner, rng)?,
        })
    }

    /// Unwraps a person's key.
    ///
    /// # Errors
    /// [`SiteKeyFault`]; also without the secret that it was wrapped with, or with another.
    pub fn unwrap(
        &self,
        (person, slot): (PersonId, KeySlot),
        wrapped: &WrappedKey,
        secret: Option<&PersonSecret>,
    ) -> Result<DataKey, SiteKeyFault> {
        let bound = wrapping(person, slot, secret.is_some());
        let inner = self
            .find(wrapped.site_key)?
            .unwrap(&bound, &wrapped.bytes)?;
        let bytes = match secret {
            Some(secret) => open(&secret.0, &bound, &inner)?,
            None => inner,
        };
        let key = <[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| DoesNotOpen)?;
        Ok(DataKey(Zeroizing::new(key)))
    }

    /// Wraps again what an older key wrapped, under the current one. The person's secret is not needed: the inner
    /// wrapping stays as it is.
    ///
    /// # Errors
    /// [`SiteKeyFault`].
    pub fn rewrap(
        &self,
        (person, slot): (PersonId, KeySlot),
        wrapped: &WrappedKey,
        is_shared: bool,
        rng: &mut dyn CryptoRng,
    ) -> Result<WrappedKey, SiteKeyFault> {
        let bound = wrapping(person, slot, is_shared);
        let inner = self
            .find(wrapped.site_key)?
            .unwrap(&bound, &wrapped.bytes)?;
        Ok(WrappedKey {
            site_key: self.current.id(),
            bytes: self.current.wrap(&bound, &inner, rng)?,
        })
    }
}

impl fmt::Debug for SiteKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteKeyring({} keys, withheld)", self.older.len() + 1)
    }
}

/// What the site keeps for itself under its key, such as the secret that diversifies a gallery or the key of a backup: by name,
/// and opened under that name alone.
impl SiteKeyring {
    /// Wraps a secret.
    ///
    /// # Errors
    /// [`SiteKeyFault`].
    pub fn wrap_secret(
        &self,
        name: &str,
        secret: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<WrappedKey, SiteKeyFault> {
        Ok(WrappedKey {
            site_key: self.current.id(),
            bytes: self.current.wrap(&secret_named(name), secret, rng)?,
        })
    }

    /// Unwraps a secret.
    ///
    /// # Errors
    /// [`SiteKeyFault`].
    pub fn unwrap_secret(
        &self,
        name: &str,
        wrapped: &WrappedKey,
    ) -> Result<Zeroizing<Vec<u8>>, SiteKeyFault> {
        self.find(wrapped.site_key)?
            .unwrap(&secret_named(name), &wrapped.bytes)
    }
}

fn secret_named(name: &str) -> Vec<u8> {
    // Nobody's; the label is another one than that of what belongs to persons.
    bound(b"regard site secret", PersonId::from_bits(0), &[name])
}

fn wrapping(person: PersonId, slot: KeySlot, is_shared: bool) -> Vec<u8> {
    let held = if is_shared { "shared" } else { "site" };
    bound(b"regard wrapped key", person, &[slot.as_str(), held])
}

#[cfg(test)]
mod tests;
