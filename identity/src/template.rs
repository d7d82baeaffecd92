//! What may be kept of a face: a small vector of whole numbers, diversified.

use std::fmt;

use regard_commitments::{Grant, Recognition, Zeroizing};
use thiserror::Error;

use crate::{Embedding, GalleryTransform, MAX_DIMENSION, Similarity, TransformId};

/// Version of the byte form.
pub const TEMPLATE_VERSION: u8 = 1;

/// First bytes of the byte form.
const MAGIC: [u8; 4] = *b"RGT\0";

/// Bytes before the numbers: magic, version, a reserved byte, dimension, model, transform.
const HEAD_LEN: usize = 4 + 1 + 1 + 2 + 8 + 8;

/// Greatest number of a quantized vector; -128 is left out so that a sign can always be turned.
const MAX_QUANTUM: f32 = 127.0;

/// Which network made an embedding: the first eight bytes of the SHA-256 of its file. Vectors of two networks are never
/// compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelTag(u64);

impl ModelTag {
    /// From its bits, for tags read back.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn as_bits(self) -> u64 {
        self.0
    }

    /// From the SHA-256 of a model file as the manifest writes it; nothing unless it begins with sixteen hexadecimal
    /// digits.
    pub fn from_sha256_text(text: &str) -> Option<Self> {
        let head = text
            .get(..16)
            .filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u64::from_str_radix(head, 16).ok().map(Self)
    }
}

/// Why a template is not one, or not to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TemplateFault {
    /// Bytes that are no template.
    #[error("not a face template")]
    NotATemplate,
    /// A template of a form that this version does not know.
    #[error("face template of version {version}, {TEMPLATE_VERSION} is known")]
    UnknownVersion {
        /// The version it claims.
        version: u8,
    },
    /// Made by another network.
    #[error("made by another face model; enrol again with the present one")]
    OtherModel,
    /// Diversified for another gallery or person.
    #[error("made for another gallery")]
    OtherTransform,
    /// The grant behind the key has ended: stop comparing.
    #[error("the recognition grant has ended")]
    GrantEnded,
}

/// An embedding made small and diversified: whole numbers from -127 to 127, the model that made it and the id of the
/// [`GalleryTransform`] it went through. 152 bytes for 128 numbers.
///
/// # Privacy
/// Biometric data of one person. Never printed, never serialized but by [`Template::to_bytes`] into memory that wipes
/// itself; wiped when dropped. Diversification makes templates of different galleries unlinkable without their
/// keys; it is no encryption and no claim of irreversibility (`docs/threats.md`).
pub struct Template {
    values: Zeroizing<Vec<i8>>,
    inverse_length: f32,
    model: ModelTag,
    transform: TransformId,
}

impl Template {
    /// The template of a vector that went through a transform; nothing when all of it rounds to nought.
    pub(crate) fn quantize(
        values: &[f32],
        model: ModelTag,
        transform: TransformId,
    ) -> Option<Self> {
        let greatest = values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        let factor = MAX_QUANTUM / greatest;
        let quantized = values
            .iter()
            .map(|v| (v * factor).round().clamp(-MAX_QUANTUM, MAX_QUANTUM) as i8);
        Self::from_values(Zeroizing::new(quantized.collect()), model, transform)
    }

    /// The template of numbers that were told apart from their model and transform, as a database holds them; nothing where
    /// they are none.
    pub fn from_numbers(numbers: &[i8], model: ModelTag, transform: TransformId) -> Option<Self> {
        Self::from_values(Zeroizing::new(numbers.to_vec()), model, transform)
    }

    fn from_values(
        values: Zeroizing<Vec<i8>>,
        model: ModelTag,
        transform: TransformId,
    ) -> Option<Self> {
        let square: i32 = values.iter().map(|v| i32::from(*v) * i32::from(*v)).sum();
        let is_good =
            (1..=MAX_DIMENSION).contains(&values.len()) && square > 0 && !values.contains(&i8::MIN);
        is_good.then(|| Self {
            inverse_length: inverse_length(square),
            values,
            model,
            transform,
        })
    }

    /// The numbers, each from -127 to 127. Only their direction means anything.
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// One over the Euclidean length of the numbers.
    pub(crate) const fn inverse_length(&self) -> f32 {
        self.inverse_length
    }

    /// Which model made it.
    pub const fn model(&self) -> ModelTag {
        self.model
    }

    /// For which gallery or person it was diversified.
    pub const fn transform(&self) -> TransformId {
        self.transform
    }

    /// The byte form: `"RGT\0"`, version, 0, the dimension (two bytes), model tag and transform id (eight bytes each), all
    /// little-endian, then one byte a number.
    ///
    /// # Privacy
    /// The bytes are the template: seal them before they go anywhere.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD_LEN + self.values.len()));
        bytes.extend_from_slice(&MAGIC);
        bytes.push(TEMPLATE_VERSION);
        bytes.push(0);
        let dimension = u16::try_from(self.values.len()).expect("at most MAX_DIMENSION");
        bytes.extend_from_slice(&dimension.to_le_bytes());
        bytes.extend_from_slice(&self.model.as_bits().to_le_bytes());
        bytes.extend_from_slice(&self.transform.as_bits().to_le_bytes());
        bytes.extend(self.values.iter().map(|v| v.cast_unsigned()));
        bytes
    }

    /// The template in these bytes.
    ///
    /// # Errors
    /// [`TemplateFault::NotATemplate`] and [`TemplateFault::UnknownVersion`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TemplateFault> {
        let (head, numbers) = bytes
            .split_first_chunk::<HEAD_LEN>()
            .ok_or(TemplateFault::NotATemplate)?;
        let [m0, m1, m2, m3, version, reserved, d0, d1, rest @ ..] = *head;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(TemplateFault::NotATemplate);
        }
        if version != TEMPLATE_VERSION {
            return Err(TemplateFault::UnknownVersion { version });
        }
        if reserved != 0 || usize::from(u16::from_le_bytes([d0, d1])) != numbers.len() {
            return Err(TemplateFault::NotATemplate);
        }
        let (model, transform) = rest.split_at(8);
        let bits = |b: &[u8]| b.try_into().map_or(0, u64::from_le_bytes);
        let mut values = Zeroizing::new(Vec::with_capacity(numbers.len()));
        values.extend(numbers.iter().map(|b| b.cast_signed()));
        let transform = TransformId::from_bits(bits(transform));
        Self::from_values(values, ModelTag(bits(model)), transform)
            .ok_or(TemplateFault::NotATemplate)
    }

    /// How near a probe is to the face of this template, which went through `transform`: 1:1 verification.
    ///
    /// The probe is not rounded, so that only the template's own rounding is lost (about .001).
    ///
    /// # Errors
    /// When the grant has ended, or model or transform are not those of the template.
    pub fn verify(
        &self,
        probe: &Embedding,
        transform: &GalleryTransform,
        key: &Grant<Recognition>,
    ) -> Result<Similarity, TemplateFault> {
        if !key.is_live() {
            return Err(TemplateFault::GrantEnded);
        }
        if self.transform != transform.id() {
            return Err(TemplateFault::OtherTransform);
        }
        if self.model != probe.model() || self.values.len() != probe.values().len() {
            return Err(TemplateFault::OtherModel);
        }
        let turned = transform.turn(probe).ok_or(TemplateFault::OtherModel)?;
        let products = self.values.iter().zip(turned.iter());
        let sum: f32 = products.map(|(q, p)| f32::from(*q) * p).sum();
        Ok(Similarity::clamped(sum * self.inverse_length))
    }

    /// How near two templates of one gallery are: whether two enrolled ids are one person.
    ///
    /// # Errors
    /// When the grant has ended, or they are not of one gallery and model.
    pub fn similarity(
        &self,
        other: &Self,
        key: &Grant<Recognition>,
    ) -> Result<Similarity, TemplateFault> {
        if !key.is_live() {
            return Err(TemplateFault::GrantEnded);
        }
        if self.transform != other.transform {
            return Err(TemplateFault::OtherTransform);
        }
        if self.model != other.model || self.values.len() != other.values.len() {
            return Err(TemplateFault::OtherModel);
        }
        let products = self.values.iter().zip(other.values.iter());
        let sum: i32 = products.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        Ok(cosine(sum, self.inverse_length, other.inverse_length))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} values withheld)", self.values.len())
    }
}

/// One over the length whose square is given.
pub(crate) fn inverse_length(square: i32) -> f32 {
    (1.0 / f64::from(square).sqrt()) as f32
}

/// The cosine of a product of whole numbers; the one formula of every scan, so that all agree bit for bit.
pub(crate) fn cosine(product: i32, a_inverse_length: f32, b_inverse_length: f32) -> Similarity {
    Similarity::clamped(product as f32 * a_inverse_length * b_inverse_length)
}

#[cfg(test)]
mod tests;
