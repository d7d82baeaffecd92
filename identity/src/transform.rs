//! Diversification: the same face looks different in every gallery.

use std::fmt;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::embedding::dot;
use crate::{Embedding, MAX_DIMENSION, ModelTag, Template};

/// Which transform a template went through: the first eight bytes of a hash of its key. Random to whoever lacks the key,
/// so it links nothing across galleries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransformId(u64);

impl TransformId {
    /// From its bits, for ids read back.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn as_bits(self) -> u64 {
        self.0
    }
}

/// A turn of the space of embeddings, drawn from a key: an orthogonal matrix. Lengths and angles stay, so accuracy
/// stays; numbers of two galleries have nothing in common. One for a gallery, or one for a person with a token.
///
/// The same key gives the same matrix on every machine: only whole numbers, sums, products, divisions and square roots
/// are used, which are exact by IEEE 754. 64 KiB for 128 numbers.
///
/// # Privacy
/// The matrix is as secret as its key: with it, templates turn back into embeddings. Never printed, wiped when dropped.
/// Whoever has as many pairs of embeddings and templates as there are dimensions recovers it (`docs/threats.md`; a
/// test does it).
///
/// # Source
/// Random orthogonal matrices by Gram-Schmidt of independent, nearly normal numbers: Mezzadri 2007, "How to generate
/// random matrices from the classical compact groups", section 5. As template protection: Teoh et al. 2006 (BioHashing,
/// its projection without the rounding to bits); renewability and unlinkability in the sense of ISO/IEC 24745.
pub struct GalleryTransform {
    /// Row by row.
    matrix: Zeroizing<Vec<f32>>,
    dimension: usize,
    id: TransformId,
}

impl GalleryTransform {
    /// The transform of a key, for embeddings of so many numbers; nothing for 0 or more than [`MAX_DIMENSION`].
    pub fn from_key(key: &[u8; 32], dimension: usize) -> Option<Self> {
        if !(1..=MAX_DIMENSION).contains(&dimension) {
            return None;
        }
        let mut rng = ChaCha20Rng::from_seed(derive(b"regard gallery transform 1", key));
        // Some rows are as good as dependent with a probability of about 1e-10; then the next ones are drawn.
        let matrix = loop {
            if let Some(matrix) = orthogonal(&mut rng, dimension) {
                break matrix;
            }
        };
        let hash = derive(b"regard gallery transform id 1", key);
        let [a, b, c, d, e, f, g, h, ..] = hash;
        Some(Self {
            matrix: Zeroizing::new(matrix.iter().map(|v| *v as f32).collect()),
            dimension,
            id: TransformId(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        })
    }

    /// The name of a transform whose secret lies elsewhere, for whoever holds and compares what went through it: nothing can be put
    /// through it here. Nothing for a dimension of 0 or more than [`MAX_DIMENSION`].
    pub fn elsewhere(id: TransformId, dimension: usize) -> Option<Self> {
        (1..=MAX_DIMENSION).contains(&dimension).then(|| Self {
            matrix: Zeroizing::new(Vec::new()),
            dimension,
            id,
        })
    }

    /// Its id.
    pub const fn id(&self) -> TransformId {
        self.id
    }

    /// Numbers of the embeddings it is for.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    /// The template of an embedding in this gallery; nothing when the dimension is another one, or the secret lies elsewhere.
    pub fn template(&self, embedding: &Embedding) -> Option<Template> {
        let turned = self.turn(embedding)?;
        Template::quantize(&turned, embedding.model(), self.id)
    }

    /// An embedding, turned.
    pub(crate) fn turn(&self, embedding: &Embedding) -> Option<Zeroizing<Vec<f32>>> {
        self.turn_values(embedding.values())
    }

    fn turn_values(&self, values: &[f32]) -> Option<Zeroizing<Vec<f32>>> {
        if values.len() != self.dimension || self.matrix.is_empty() {
            return None;
        }
        let rows = self.matrix.chunks_exact(self.dimension);
        let mut turned = Zeroizing::new(Vec::with_capacity(self.dimension));
        turned.extend(rows.map(|row| dot(row, values)));
        Some(turned)
    }

    /// The way from templates of this transform to those of another, without the embeddings; nothing when the dimensions
    /// differ, or the secret of one lies elsewhere.
    pub fn way_to(&self, other: &Self) -> Option<Rekeying> {
        let is_known = |one: &Self| !one.matrix.is_empty();
        if self.dimension != other.dimension || !is_known(self) || !is_known(other) {
            return None;
        }
        let n = self.dimension;
        // other · selfᵀ: entry (i, j) is the product of row i of the other and row j of this one.
        let mut matrix = Zeroizing::new(Vec::with_capacity(n * n));
        for to in other.matrix.chunks_exact(n) {
            matrix.extend(self.matrix.chunks_exact(n).map(|from| dot(to, from)));
        }
        let between = Self {
            matrix,
            dimension: n,
            id: other.id,
        };
        Some(Rekeying {
            from: self.id,
            between,
        })
    }
}

impl fmt::Debug for GalleryTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "GalleryTransform({} dimensions, withheld)",
            self.dimension
        )
    }
}

/// The way from the templates of one transform to those of another.
///
/// # Privacy
/// Links the two galleries while it exists: drop it when the last template has gone over.
pub struct Rekeying {
    from: TransformId,
    between: GalleryTransform,
}

impl Rekeying {
    /// The same face under the new transform; nothing for a template of another transform or dimension. Each time rounds
    /// once more, which costs a similarity about .001.
    pub fn template(&self, template: &Template) -> Option<Template> {
        if template.transform() != self.from {
            return None;
        }
        self.turn(template.values(), template.model())
    }

    /// The same for numbers without their head.
    pub(crate) fn turn(&self, values: &[i8], model: ModelTag) -> Option<Template> {
        let mut numbers = Zeroizing::new(Vec::with_capacity(values.len()));
        numbers.extend(values.iter().map(|v| f32::from(*v)));
        let turned = self.between.turn_values(&numbers)?;
        Template::quantize(&turned, model, self.between.id)
    }
}

impl fmt::Debug for Rekeying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rekeying(withheld)")
    }
}

/// 32 bytes for one use of a key.
fn derive(label: &[u8], key: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(label)
        .chain_update([0])
        .chain_update(key)
        .finalize()
        .into()
}

/// A number that is nearly normal: the sum of eight uniform ones, about its mean. Whole numbers, so exact.
fn nearly_normal(rng: &mut ChaCha20Rng) -> f64 {
    let sum: u64 = (0..8).map(|_| u64::from(rng.next_u32())).sum();
    let centered = sum.cast_signed() - (8_i64 << 31);
    centered as f64 / f64::from(1_u32 << 31)
}

/// Rows of unit length, at right angles to each other; nothing when those drawn are as good as dependent.
fn orthogonal(rng: &mut ChaCha20Rng, n: usize) -> Option<Zeroizing<Vec<f64>>> {
    /// Least length that is left of a row without its share along the earlier ones. Far above rounding, far below the
    /// usual, which is above .1 but for one row in a thousand matrices.
    const MIN_LEFT: f64 = 1e-9;
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
    let mut matrix = Zeroizing::new(Vec::with_capacity(n * n));
    for done in 0..n {
        let mut row: Zeroizing<Vec<f64>> = Zeroizing::new(Vec::with_capacity(n));
        row.extend((0..n).map(|_| nearly_normal(rng)));
        // Twice is enough: Giraud, Langou and Rozložník 2005.
        for _ in 0..2 {
            for earlier in matrix.chunks_exact(n).take(done) {
                let along = product(earlier, &row);
                for (value, share) in row.iter_mut().zip(earlier) {
                    *value -= along * share;
                }
            }
        }
        let length = product(&row, &row).sqrt();
        if length < MIN_LEFT {
            return None;
        }
        matrix.extend(row.iter().map(|v| v / length));
    }
    Some(matrix)
}

#[cfg(test)]
mod tests;
