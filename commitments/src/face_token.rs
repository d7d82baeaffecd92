//! The token in which a person keeps their own template: a text for a QR code or a file.
//!
//! Encrypted to the site and signed by it: nobody but the site reads it, and the site reads it only while it holds the key
//! of this one token, which goes with the consent. So erasing the key ends every copy, wherever it lies; and somebody who
//! found or copied a token has nothing, for the live face is still to come.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use coset::cbor::value::Value;
use coset::cwt::{ClaimName, ClaimsSet, Timestamp as CwtTime};
use coset::{
    CborSerializable as _, CoseEncrypt0, CoseEncrypt0Builder, CoseSign1, CoseSign1Builder,
    HeaderBuilder, iana,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand::CryptoRng;
use regard_domain::{PersonId, TemplateId, Timestamp};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::digest::Digest;

/// How the text begins: what it is, and the version of its form. Capitals, digits and a colon fit the dense mode of QR codes.
pub const FACE_TOKEN_PREFIX: &str = "RGT1:";

/// Version of what is inside.
const VERSION: u64 = 1;

/// Longest text read: a template of 512 numbers takes 1,100 characters.
const MAX_TEXT_LEN: usize = 4_296;

/// Claims of our own, in the range that RFC 8392 leaves to private use.
const CLAIM_TEMPLATE: i64 = -65_537;
const CLAIM_VERSION: i64 = -65_538;

/// Bytes of a nonce.
const NONCE_LEN: usize = 12;

/// The key of one token. The site keeps it, sealed under the purposes that the token serves; it encrypts once.
#[derive(Clone)]
pub struct FaceTokenKey(Zeroizing<[u8; 32]>);

impl FaceTokenKey {
    /// A fresh one.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(key.as_mut_slice());
        Self(key)
    }

    /// From its bytes, as they were kept.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = <[u8; 32]>::try_from(bytes).ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// Its bytes, to be kept sealed.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret by which the template inside is diversified: the same face looks different in every token.
    pub fn diversifier(&self) -> Zeroizing<[u8; 32]> {
        let digest = Digest::of(&[b"regard face token transform v1\0", self.0.as_slice()]);
        Zeroizing::new(*digest.as_bytes())
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl fmt::Debug for FaceTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceTokenKey(withheld)")
    }
}

/// What the site signs tokens with, and by which it finds whose they are.
pub struct FaceTokenMint {
    signing: SigningKey,
    owners: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for FaceTokenMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceTokenMint(withheld)")
    }
}

/// A token, for its person.
///
/// # Privacy
/// Holds a template, encrypted. Does not print; [`FaceToken::reveal`] is for the person's own hands.
pub struct FaceToken(Zeroizing<String>);

impl FaceToken {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FaceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceToken(withheld)")
    }
}

/// A token of this site that somebody showed, still closed.
pub struct ShownFaceToken {
    id: TemplateId,
    person: PersonId,
    sealed: CoseEncrypt0,
}

impl fmt::Debug for ShownFaceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownFaceToken(withheld)")
    }
}

/// What is inside a token.
///
/// # Privacy
/// A template of a face.
pub struct FaceTokenContent {
    /// The template, in the form of the room that made it.
    pub template: Zeroizing<Vec<u8>>,
    /// When the token was made.
    pub made_at: Timestamp,
    /// The instant from which it opens nothing.
    pub expires_at: Timestamp,
}

impl fmt::Debug for FaceTokenContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceTokenContent(withheld)")
    }
}

/// A text that opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FaceTokenFault {
    /// Not a token of this form: another code, or one that was cut or mistyped.
    #[error("not a face token")]
    NotAToken,
    /// Signed by somebody else than this site, or changed.
    #[error("not a face token of this site")]
    Foreign,
    /// Its time is over.
    #[error("the face token has run out")]
    Expired,
    /// It does not open with the key that is kept for it.
    #[error("the face token does not open")]
    DoesNotOpen,
}

impl FaceTokenMint {
    /// From the key that signs, and a secret by which the site finds whose a token is.
    pub fn new(signing: SigningKey, owners: Zeroizing<[u8; 32]>) -> Self {
        Self { signing, owners }
    }

    /// The public key that tokens are checked with.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// Makes a token.
    ///
    /// # Source
    /// COSE_Encrypt0 inside COSE_Sign1 (RFC 9052), ChaCha20-Poly1305 and EdDSA (RFC 9053), claims of RFC 8392, base45
    /// (RFC 9285): the layers of the EU health certificates, with encryption put in.
    pub fn mint(
        &self,
        (person, id): (PersonId, TemplateId),
        key: &FaceTokenKey,
        template: &[u8],
        (made_at, expires_at): (Timestamp, Timestamp),
        rng: &mut dyn CryptoRng,
    ) -> FaceToken {
        let claims = claims(template, made_at, expires_at);
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let kid = [id.as_bits().to_be_bytes(), self.hidden(person, id)].concat();
        let sealed = CoseEncrypt0Builder::new()
            .protected(
                HeaderBuilder::new()
                    .algorithm(iana::Algorithm::ChaCha20Poly1305)
                    .key_id(kid)
                    .build(),
            )
            .unprotected(HeaderBuilder::new().iv(nonce.to_vec()).build())
            .create_ciphertext(&claims, &[], |plain, aad| {
                let payload = Payload { msg: plain, aad };
                let sealed = key.cipher().encrypt(&Nonce::from(nonce), payload);
                sealed.expect("fewer bytes than the cipher's limit of 256 GiB")
            })
            .build();
        let inner = sealed
            .to_vec()
            .expect("headers and ciphertext are always CBOR");
        let signed = CoseSign1Builder::new()
            .protected(
                HeaderBuilder::new()
                    .algorithm(iana::Algorithm::EdDSA)
                    .build(),
            )
            .payload(inner)
            .create_signature(&[], |message| self.signing.sign(message).to_vec())
            .build();
        let bytes = signed
            .to_vec()
            .expect("headers and payload are always CBOR");
        FaceToken(Zeroizing::new(format!(
            "{FACE_TOKEN_PREFIX}{}",
            base45::encode(bytes)
        )))
    }

    /// Whose token this is, if this site made it. What is inside stays closed.
    ///
    /// # Errors
    /// [`FaceTokenFault::NotAToken`], [`FaceTokenFault::Foreign`].
    pub fn read(&self, text: &str) -> Result<ShownFaceToken, FaceTokenFault> {
        let text = text.trim();
        if text.len() > MAX_TEXT_LEN {
            return Err(FaceTokenFault::NotAToken);
        }
        let code = text
            .strip_prefix(FACE_TOKEN_PREFIX)
            .ok_or(FaceTokenFault::NotAToken)?;
        let bytes = base45::decode(code).map_err(|_| FaceTokenFault::NotAToken)?;
        let signed = CoseSign1::from_slice(&bytes).map_err(|_| FaceTokenFault::NotAToken)?;
        let key = self.signing.verifying_key();
        let is_signed = signed.verify_signature(&[], |signature, message| {
            let signature = Signature::from_slice(signature)?;
            key.verify_strict(message, &signature)
        });
        is_signed.map_err(|_| FaceTokenFault::Foreign)?;
        let inner = signed.payload.as_deref().ok_or(FaceTokenFault::NotAToken)?;
        let sealed = CoseEncrypt0::from_slice(inner).map_err(|_| FaceTokenFault::NotAToken)?;
        let kid = &sealed.protected.header.key_id;
        let (id, rest) = kid
            .split_first_chunk::<16>()
            .ok_or(FaceTokenFault::NotAToken)?;
        let hidden = <[u8; 16]>::try_from(rest).map_err(|_| FaceTokenFault::NotAToken)?;
        let id = TemplateId::from_bits(u128::from_be_bytes(*id));
        let pad = self.pad(id);
        let person = u128::from_be_bytes(hidden) ^ u128::from_be_bytes(pad);
        Ok(ShownFaceToken {
            id,
            person: PersonId::from_bits(person),
            sealed,
        })
    }

    /// The id of a person as it stands in a token: nobody but this site tells two tokens of one person from those of two.
    fn hidden(&self, person: PersonId, id: TemplateId) -> [u8; 16] {
        (person.as_bits() ^ u128::from_be_bytes(self.pad(id))).to_be_bytes()
    }

    /// A pad for one token: a keyed hash of its random id, used for that id alone.
    fn pad(&self, id: TemplateId) -> [u8; 16] {
        let id = id.as_bits().to_be_bytes();
        let digest = Digest::of(&[b"regard face token owner v1\0", self.owners.as_slice(), &id]);
        let (pad, _) = digest
            .as_bytes()
            .split_first_chunk()
            .expect("32 bytes have 16");
        *pad
    }
}

impl ShownFaceToken {
    /// The random id of the token.
    pub fn id(&self) -> TemplateId {
        self.id
    }

    /// Whose it says it is; believe it when the key that is kept for them opens it.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// Opens it with the key that is kept for it.
    ///
    /// # Errors
    /// [`FaceTokenFault::DoesNotOpen`], [`FaceTokenFault::Expired`].
    pub fn open(
        &self,
        key: &FaceTokenKey,
        now: Timestamp,
    ) -> Result<FaceTokenContent, FaceTokenFault> {
        let nonce = <[u8; NONCE_LEN]>::try_from(self.sealed.unprotected.iv.as_slice())
            .map_err(|_| FaceTokenFault::DoesNotOpen)?;
        let plain = self.sealed.decrypt_ciphertext(
            &[],
            || chacha20poly1305::Error,
            |sealed, aad| {
                let payload = Payload { msg: sealed, aad };
                key.cipher().decrypt(&Nonce::from(nonce), payload)
            },
        );
        let plain = Zeroizing::new(plain.map_err(|_| FaceTokenFault::DoesNotOpen)?);
        let content = content(&plain).ok_or(FaceTokenFault::DoesNotOpen)?;
        if now >= content.expires_at {
            return Err(FaceTokenFault::Expired);
        }
        Ok(content)
    }
}

/// The claims as CBOR, written by hand so that the template is copied into one buffer alone, which is wiped.
fn claims(template: &[u8], made_at: Timestamp, expires_at: Timestamp) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(template.len() + 48));
    head(&mut out, 5, 4);
    for (claim, at) in [
        (iana::CwtClaimName::Exp, expires_at),
        (iana::CwtClaimName::Iat, made_at),
    ] {
        head(&mut out, 0, claim as u64);
        head(
            &mut out,
            0,
            u64::try_from(at.as_millis() / 1_000).unwrap_or(0),
        );
    }
    head(&mut out, 1, (-1 - CLAIM_TEMPLATE).unsigned_abs());
    head(&mut out, 2, template.len() as u64);
    out.extend_from_slice(template);
    head(&mut out, 1, (-1 - CLAIM_VERSION).unsigned_abs());
    head(&mut out, 0, VERSION);
    out
}

/// The head of a CBOR item: its major type and its number, in the shortest form.
///
/// # Source
/// RFC 8949, section 3.
fn head(out: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..=23 => out.push(major | bytes[7]),
        24..=0xff => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

fn content(plain: &[u8]) -> Option<FaceTokenContent> {
    let claims = ClaimsSet::from_slice(plain).ok()?;
    let instant = |time: Option<CwtTime>| match time? {
        CwtTime::WholeSeconds(secs) => secs.checked_mul(1_000_000).map(Timestamp::from_micros),
        CwtTime::FractionalSeconds(_) => None,
    };
    let (made_at, expires_at) = (
        instant(claims.issued_at.clone())?,
        instant(claims.expiration_time.clone())?,
    );
    let (mut template, mut version) = (None, None);
    for (name, value) in claims.rest {
        match (name, value) {
            (ClaimName::PrivateUse(CLAIM_TEMPLATE), Value::Bytes(bytes)) => {
                template = Some(Zeroizing::new(bytes));
            }
            (ClaimName::PrivateUse(CLAIM_VERSION), Value::Integer(number)) => {
                version = u64::try_from(number).ok();
            }
            _ => return None,
        }
    }
    Some(FaceTokenContent {
        template: template.filter(|_| version == Some(VERSION))?,
        made_at,
        expires_at,
    })
}

#[cfg(test)]
mod tests;
